"""Plates: the next one, how each is laid out, what came back of it, and its files."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, Response

from activeloop.config import OpenCampaign
from activeloop.desk.demonstration import is_demonstration
from activeloop.desk.figures import plate_controls, plate_effects
from activeloop.desk.propose import PlateOptions, known_plates, lay_again, plate_file, swap_wells
from activeloop.errors import InputError, PlateError, StateError
from activeloop.measurements import Assay
from activeloop.measurements.wells import SHAPES, parse_well, row_letters
from activeloop.plates import Plate, draw, read_sources, sources_of, sources_of_pool, write_echo, write_hamilton
from activeloop.plates.layout import LAYOUTS
from activeloop.plates.picklists import read_volume, write_opentrons
from activeloop.server.access import CampaignAccess, Reader, Robot, Scientist
from activeloop.server.api.plates import MEDIA, download
from activeloop.server.compute import Order
from activeloop.server.pages.base import Form, of_form, ordered, page, pages_router, see, text
from activeloop.server.pages.kept import upload_of
from activeloop.server.pages.overview import campaign_fields
from activeloop.server.problems import Problem
from activeloop.server.rendering import figure
from activeloop.server.uploads import passing_folder
from activeloop.store.queries import counts_of_plates, results_page
from activeloop.work.uploads import read_in_child

router = pages_router()

ROBOTS = {"echo": "Echo", "opentrons": "Opentrons", "hamilton": "Hamilton"}


@dataclass(frozen=True)
class Standing:
    """A plate, and what is known of it.

    Args:
        plate: it.
        proposal: number of the proposal that it is of; 0 when none is known.
        results: rows that count, controls included.
        failed: wells without a value.
        out: whether nothing came back yet.
    """

    plate: Plate
    proposal: int
    results: int
    failed: int
    out: bool

    @property
    def controls(self) -> int:
        """Control wells."""
        return sum(well.control for well in self.plate.wells.values())


def standings(access: CampaignAccess, loop: OpenCampaign) -> tuple[list[Standing], tuple[str, ...]]:
    """All plates of a campaign, the newest first, and notes on files that are none."""
    state = loop.campaign.state()
    found, notes = known_plates(loop)
    counted = counts_of_plates(access.log)
    out = []
    for plate in found:
        results, failed = counted.get(plate.id, (0, 0))
        waiting = not results and not failed and any(name in state.awaiting for name in plate.candidates)
        out.append(Standing(plate.labelled(loop.campaign.pool), proposal_of(plate.id), results, failed, waiting))
    return sorted(out, key=lambda s: (-s.proposal, s.plate.id)), notes


def proposal_of(plate: str) -> int:
    """The number of the proposal of a plate, by its name; 0 for other plates.

    >>> proposal_of("plate-3"), proposal_of("plate-12-2"), proposal_of("old plate")
    (3, 12, 0)
    """
    parts = plate.split("-")
    return int(parts[1]) if len(parts) in (2, 3) and parts[0] == "plate" and parts[1].isdecimal() else 0


@router.get("/campaigns/{campaign}/plates")
def plates(request: Request, access: Reader) -> HTMLResponse:
    """All plates, the newest first."""
    with access.open() as loop:
        found, notes = standings(access, loop)
        state = loop.campaign.state()
        fields = campaign_fields(access, loop) | {"plates": found, "notes": notes, "state": state}
        pictures = [(s, draw(s.plate)) for s in found if s.out][:4]
    return page(request, "plates.html", title=f"Plates of {fields['name']}", pictures=pictures, **fields)


@router.post("/campaigns/{campaign}/propose")
def next_plate(request: Request, access: Scientist, form: Form) -> Response:
    """Choose the next candidates and lay out their plate."""
    mine = of_form(access, form)
    made = ordered(request, Order("propose", mine.key, mine.user.actor, mine.request, {"number": whole(form, "n")}))
    return see(f"/campaigns/{access.key}/plates/{made['plates'][0]}" if made["plates"] else f"/campaigns/{access.key}")


@router.get("/campaigns/{campaign}/plates/{plate}")
def one(request: Request, access: Reader, plate: str, assay: str = "", colour: str = "") -> HTMLResponse:
    """One plate: its map, its controls, effects of its places, and its files."""
    with access.open() as loop:
        return _page(request, access, loop, plate, assay, colour)


def _page(
    request: Request,
    access: CampaignAccess,
    loop: OpenCampaign,
    name: str,
    assay: str = "",
    colour: str = "",
    error: str = "",
    code: int = 200,
) -> HTMLResponse:
    found, _ = standings(access, loop)
    here = next((s for s in found if s.plate.id == name), None)
    if here is None:
        raise Problem(404, f'there is no plate "{name}".', "Choose one of the list of plates.")
    state, assays = loop.campaign.state(), loop.campaign.assays
    shown = next((a for a in assays if a.name == assay), assays[0])
    on_plate = results_page(access.log, plate=name, assay=shown.name, voided=False).items
    wells = {m.well: (m.value, m.control) for m in (r.measurement for r in on_plate) if m.well}
    limits = {m.well: m.qualifier for m in (r.measurement for r in on_plate) if m.qualifier != "="}
    colour = colour if colour in ("measured", "predicted") else "measured" if wells else "predicted"
    if colour == "measured":
        label = f"measured {shown.name}{shown.unit and f' ({shown.unit})'}"
        picture = draw(here.plate, measured={well: value for well, (value, _) in wells.items()}, label=label)
    else:
        known = {p.name: q.mean for p in here.plate.picks for q in p.predictions if q.assay == shown.name}
        picture = draw(here.plate, known or None, label=shown.predicted if known else "")
    controls = next(iter(plate_controls(state, shown.name, name)), None)
    fields = campaign_fields(access, loop) | {
        "here": request.url.path,
        "standing": here,
        "plate": here.plate,
        "siblings": [s.plate.id for s in found if s.proposal == here.proposal],
        "picture": picture,
        "assays": assays,
        "assay": shown,
        "colour": colour,
        "measured": bool(wells),
        "controls": controls,
        "effects": _effects(here.plate, wells),
        "rows": _rows(here.plate, wells, shown, limits),
        "layouts": LAYOUTS,
        "sizes": list(SHAPES),
        "robots": ROBOTS,
        "own_sources": bool(sources_of_pool([here.plate], loop.campaign.pool)),
        "sent": state.sent.get(name),
        "runs": [run for run in state.runs if run.plate == name],
        "may": access.may("scientist") and here.out and name not in state.sent,
        "sends": access.may("robot") and here.out and name not in state.sent,
        "simulated": here.out and is_demonstration(loop.config),
        "error": error,
    }
    return page(request, "plate.html", code, title=f"{name} of {fields['name']}", **fields)


def _effects(plate: Plate, wells: Mapping[str, tuple[float, bool]]) -> dict[str, Any] | None:
    """Effects of rows, columns and the edge; None with fewer values than it takes to tell them from candidates."""
    own = {parse_well(w): v for w, (v, control) in wells.items() if not control and math.isfinite(v)}
    values = {at: v for at, v in own.items() if at is not None}
    if len(values) < 24:
        return None
    found = plate_effects(values, SHAPES[plate.size])
    rows = [(row_letters(i), v) for i, v in enumerate(found.rows.tolist()) if math.isfinite(v)]
    columns = [(str(i + 1), v) for i, v in enumerate(found.columns.tolist()) if math.isfinite(v)]
    most = max((abs(v) for _, v in (*rows, *columns)), default=0.0) or 1.0
    return {"found": found, "rows": rows, "columns": columns, "most": most}


def _rows(
    plate: Plate, wells: Mapping[str, tuple[float, bool]], assay: Assay, limits: Mapping[str, str]
) -> list[dict[str, str]]:
    """Each filled well as a row of a table."""
    picks = {p.name: p for p in plate.picks}
    rows = []
    for name, well in plate.wells.items():
        pick = picks.get(well.candidate)
        ahead = next((q for q in pick.predictions if q.assay == assay.name), None) if pick else None
        value = wells.get(name)
        rows.append(
            {
                "well": name,
                "name": plate.called(well.candidate),
                "standard": well.candidate,
                "kind": "control" if well.control else f"rank {pick.rank}" if pick else "",
                "replicate": str(well.replicate),
                "predicted": f"{figure(ahead.mean, 3)} ({figure(ahead.low, 3)} to {figure(ahead.high, 3)})"
                if ahead
                else "–",
                "measured": "–"
                if value is None
                else "failed"
                if math.isnan(value[0])
                else limits.get(name, "") + figure(value[0]),
                "reason": pick.reason if pick else "",
            }
        )
    return rows


@router.get("/campaigns/{campaign}/plates/{plate}/file{ending}")
def file(access: Reader, plate: str, ending: str) -> Response:
    """A plate as a workbook, a list or a picture."""
    with access.open() as loop:
        found = plate_file(loop, plate, ending)
    return download(found.name, found.content, MEDIA[ending])


@router.post("/campaigns/{campaign}/plates/{plate}/picklist")
def picklist(request: Request, access: Reader, plate: str, form: Form) -> Response:
    """A pick list for a liquid handler."""
    with access.open() as loop:
        try:
            name, content = _picklist(request, access, loop, plate, form)
        except InputError as error:
            return _page(request, access, loop, plate, error=str(error), code=422)
    return download(name, content, MEDIA[".csv"])


def _picklist(request: Request, access: CampaignAccess, loop: OpenCampaign, name: str, form: Form) -> tuple[str, bytes]:
    robot, typed = text(form, "robot"), text(form, "volume")
    found, _ = standings(access, loop)
    mine = next((s.plate for s in found if s.plate.id == name), None)
    if mine is None or robot not in ROBOTS:
        raise PlateError(f"there is no plate {name}, or no such robot. Nothing was written.")
    volume = read_volume(typed)
    sources = sources_of([mine]) if text(form, "stocks") == "order" else sources_of_pool([mine], loop.campaign.pool)
    with passing_folder() as folder:
        if text(form, "stocks") == "file":
            kept = upload_of(request, form, "sources", access.key)
            if kept is None:
                raise PlateError("choose the table of stocks, or let them stand in order. Nothing was written.")
            path = Path(folder) / kept.name
            path.write_bytes(kept.content)
            sources = read_sources(read_in_child(path, name=kept.name), pool=loop.campaign.pool)
        to = Path(folder) / f"{name}-{robot}.csv"
        if robot == "echo":
            write_echo(mine, to, volume * 1000, sources)
        elif robot == "opentrons":
            write_opentrons(mine, to, volume, sources)
        else:
            write_hamilton(mine, to, volume, sources)
        return to.name, to.read_bytes()


@router.post("/campaigns/{campaign}/plates/{plate}/layout")
def layout(request: Request, access: Scientist, plate: str, form: Form) -> Response:
    """Lay the plates of a proposal out anew, before anything came back."""
    with of_form(access, form).change() as loop:
        try:
            options = PlateOptions(
                wells=whole(form, "wells"),
                controls=whole(form, "controls"),
                replicates=whole(form, "replicates"),
                layout=text(form, "layout") or None,  # type: ignore[arg-type]
                empty_edges=text(form, "empty_edges") == "yes",
            )
            done = lay_again(loop, proposal_of(plate), options)
        except InputError as error:
            return _page(request, access, loop, plate, error=str(error), code=422)
    return see(f"/campaigns/{access.key}/plates/{done.plates[0].id}")


@router.post("/campaigns/{campaign}/plates/{plate}/swap")
def swap(request: Request, access: Scientist, plate: str, form: Form) -> Response:
    """Exchange the contents of two wells, before the plate is sent."""
    try:
        with of_form(access, form).change() as loop:
            swap_wells(loop, plate, text(form, "one"), text(form, "other"))
    except (InputError, StateError) as error:
        with access.open() as loop:
            return _page(request, access, loop, plate, error=str(error), code=422)
    return see(f"/campaigns/{access.key}/plates/{plate}")


@router.post("/campaigns/{campaign}/plates/{plate}/sent")
def sent(request: Request, access: Robot, plate: str, form: Form) -> Response:
    """Note that the plate went to whoever measures it; from then on its wells stay as they are."""
    try:
        with of_form(access, form).change() as loop:
            loop.campaign.send_plate(plate, text(form, "to"), text(form, "note"))
    except (InputError, StateError) as error:
        with access.open() as loop:
            return _page(request, access, loop, plate, error=str(error), code=422)
    return see(f"/campaigns/{access.key}/plates/{plate}")


def whole(form: Form, name: str) -> int | None:
    """A whole number of a form; None where it is empty.

    Raises:
        InputError: it is none.
    """
    typed = text(form, name)
    try:
        return int(typed) if typed else None
    except ValueError:
        raise InputError(f'"{typed}" is no whole number. Nothing was changed.') from None
