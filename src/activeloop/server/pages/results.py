"""Results: a file that is looked at before it is stored, the history of files, and declaring results wrong."""

from __future__ import annotations

import math
from io import BytesIO

from fastapi import Request
from fastapi.responses import HTMLResponse, Response

from activeloop.campaigns import RecordSummary
from activeloop.config import OpenCampaign
from activeloop.desk.propose import known_plates
from activeloop.desk.record import ReadingOptions, ResultsPreview, preview_results, read_results, record
from activeloop.errors import ActiveLoopError, InputError
from activeloop.plates import draw
from activeloop.server.access import CampaignAccess, Reader, Robot, Scientist
from activeloop.server.pages.base import Form, of_form, page, pages_router, see, sign, text
from activeloop.server.pages.kept import Kept, upload_of
from activeloop.server.pages.overview import campaign_fields
from activeloop.server.uploads import Reading, unhurried, uploaded
from activeloop.store.queries import files_page
from activeloop.words import many

router = pages_router()

SHOWN = 200
"""Values of a file that are listed to look at."""
HISTORY = 50
"""Files on one page of the history."""
CORRECTED = 30
"""The last files, which another may be said to correct."""
OF_EXPORTS = ("quantity", "reduce", "software", "assay")
BLANK = dict.fromkeys(("sheet", "plate", "columns", "offset", "skip", "how", "instrument", *OF_EXPORTS), "")
"""The fields of the form beside the file."""


@router.get("/campaigns/{campaign}/results")
def results(request: Request, access: Reader, at: int = 1, stored: int = 0) -> HTMLResponse:
    """Upload a file, and what was stored before."""
    with access.open() as loop:
        return _page(request, access, loop, at=at, stored=stored)


def _page(
    request: Request,
    access: CampaignAccess,
    loop: OpenCampaign,
    *,
    at: int = 1,
    stored: int = 0,
    fields: dict[str, str] | None = None,
    kept: Kept | None = None,
    preview: ResultsPreview | None = None,
    error: str = "",
    code: int = 200,
) -> HTMLResponse:
    at = max(at, 1)
    files = files_page(access.log, offset=(at - 1) * HISTORY, limit=HISTORY)
    pages = max(-(-files.total // HISTORY), 1)
    if at > pages:
        at, files = pages, files_page(access.log, offset=(pages - 1) * HISTORY, limit=HISTORY)
    shown = campaign_fields(access, loop) | {
        "files": files.items,
        "last_files": (files if at == 1 else files_page(access.log, limit=CORRECTED)).items[:CORRECTED],
        "at": at,
        "pages": pages,
        "stored": next(iter(files_page(access.log, event=stored).items), None),
        "fields": fields or dict(BLANK),
        "kept": kept,
        "preview": preview,
        "pictures": _pictures(loop, preview) if preview else [],
        "would": summary_words(preview) if preview else "",
        "shown": SHOWN,
        "plates": [p.id for p in known_plates(loop)[0]],
        "assays": loop.campaign.assays,
        "may": access.may("robot"),
        "may_void": access.may("scientist"),
        "out": loop.campaign.state().outstanding,
        "error": error,
    }
    return page(request, "results.html", code, title=f"Results of {shown['name']}", **shown)


@router.post("/campaigns/{campaign}/results")
def upload(request: Request, access: Robot, form: Form) -> Response:
    """Look at a file of results, or store it."""
    fields = {name: text(form, name) for name in BLANK}
    if text(form, "do") == "skip":
        fields["skip"] = "yes"
    kept: Kept | None = None
    try:
        kept = upload_of(request, form, "file", access.key)
        if kept is None:
            raise InputError("choose a file first. Nothing was stored.")
        reading = _how(fields)
        beside = {"replaces": reading.replaces, "repeats": reading.repeats}
        with uploaded(kept.name, BytesIO(kept.content), reading.how) as sent:

            def look() -> Response:
                with access.open() as loop:
                    preview = preview_results(loop, sent, reading.how, **beside)
                    return _page(request, access, loop, fields=fields, kept=kept, preview=preview)

            def store() -> RecordSummary:
                with of_form(access, form).change() as loop:
                    return record(loop, read_results(loop, sent, reading.how), sent.name, **beside)

            if text(form, "do") != "store":
                return unhurried(look)
            summary = unhurried(store)
    except ActiveLoopError as error:
        with access.open() as loop:
            return _page(request, access, loop, fields=fields, kept=kept, error=str(error), code=422)
    return see(f"/campaigns/{access.key}/results?stored={summary.event or 0}")


def _how(fields: dict[str, str]) -> Reading:
    """How a file is read, what it corrects, and whether all of it was measured again."""
    columns: dict[str, str] = {}
    for line in fields["columns"].splitlines():
        role, equals, name = (part.strip() for part in line.partition("="))
        if line.strip() and not (role and equals and name):
            raise InputError(f'"{line.strip()}" is not ROLE = COLUMN, such as value = OD600. Nothing was stored.')
        if role:
            columns[role] = name
    try:
        offset = int(fields["offset"]) if fields["offset"] else None
    except ValueError:
        raise InputError(f'the offset "{fields["offset"]}" is no whole number. Nothing was stored.') from None
    how = fields["how"]
    replaces = [int(how.removeprefix("replaces "))] if how.startswith("replaces ") and how[9:].isdecimal() else []
    options = ReadingOptions(
        columns=columns or None,
        sheet=fields["sheet"] or None,
        plate=fields["plate"] or None,
        offset=offset,
        skip_unreadable=fields["skip"] == "yes",
        instrument=fields["instrument"] == "yes",
        **{name: fields[name] for name in OF_EXPORTS},
    )
    return Reading(options, tuple(replaces), how == "repeats")


def _pictures(loop: OpenCampaign, preview: ResultsPreview) -> list[str]:
    """The plates of a file in the colours of its values."""
    plates = {p.id: p.labelled(loop.campaign.pool) for p in known_plates(loop)[0]}
    wells: dict[tuple[str, str], dict[str, float]] = {}
    units: dict[str, str] = {}
    for w in preview.wells:
        if w.plate in plates and w.well and math.isfinite(w.value):
            wells.setdefault((w.plate, w.assay), {})[w.well] = w.value
            units[w.assay] = w.unit
    return [
        draw(plates[plate], measured=values, label=f"{assay}{units[assay] and f' ({units[assay]})'} in this file")
        for (plate, assay), values in list(wells.items())[:4]
    ]


@router.post("/campaigns/{campaign}/results/{event}/void")
def void(request: Request, access: Scientist, event: int, form: Form) -> Response:
    """Declare results wrong: they stay on record and no longer count."""
    reason = text(form, "reason")
    note = sign(request, access, "these results are wrong", reason)
    try:
        rows = _rows(text(form, "rows"))
        with of_form(access, form).change() as loop:
            loop.campaign.void(event, rows, reason)
            last = loop.campaign.state().last
    except InputError as error:
        with access.open() as loop:
            return _page(request, access, loop, error=str(error), code=422)
    note(voided=event, event=last)
    return see(f"/campaigns/{access.key}/results#history")


def _rows(typed: str) -> list[int]:
    """Rows of a file, as in "4, 7-9".

    Raises:
        InputError: a part is none.

    >>> _rows("4, 7-9"), _rows("")
    ([4, 7, 8, 9], [])
    """
    rows: list[int] = []
    for part in filter(None, (p.strip() for p in typed.split(","))):
        first, _, last = (p.strip() for p in part.partition("-"))
        if not first.isdecimal() or (last and not last.isdecimal()) or int(last or first) - int(first) > 100_000:
            raise InputError(f'"{part}" is no row of a file: write 4 or 7-9. Nothing was voided.')
        rows += range(int(first), int(last or first) + 1)
    return rows


def summary_words(preview: ResultsPreview) -> str:
    """What storing a file would do, in a sentence."""
    s = preview.summary
    if s is None:
        return ""
    if s.read_before:
        return f"This very file was stored before, as event {s.event}. Nothing of it is new."
    if not s.stored:
        return "Every row of it is stored already."
    parts = [f"{many(s.stored, 'result')} of {many(s.candidates, 'candidate')} would be stored"]
    parts += [f"{s.control_rows:,} of them of controls"] if s.control_rows else []
    parts += [f"{s.failed:,} without a value"] if s.failed else []
    parts += [f"{many(s.duplicates, 'row')} are stored already"] if s.duplicates else []
    parts += [f"{many(s.replaced, 'result')} would no longer count"] if s.replaced else []
    return f"{', '.join(parts)}."
