"""Proposals and their plates: made, listed, downloaded, sent, run."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import quote

from fastapi import File, Form, Query, Request, Response, UploadFile
from fastapi import Path as InPath

from activeloop.server import forms
from activeloop.server.access import CampaignAccess, Reader, Robot, Scientist
from activeloop.server.api.common import RUNNING, Limit, Offset, Wait, compute, fresh, page_links, part
from activeloop.server.problems import Problem
from activeloop.server.uploads import passing_folder, plain_name, written
from activeloop.server.views import plate_out, proposal_out

if TYPE_CHECKING:
    from activeloop.desk.picklists import PickListOptions

router = part("plates")
Handler = Literal["echo", "opentrons", "hamilton"]
Number = Annotated[int, InPath(ge=1, le=1_000_000)]
PlateName = Annotated[str, InPath(pattern=r"^plate-[0-9]{1,7}(-[0-9]{1,5})?$")]
MEDIA = {
    ".csv": "text/csv; charset=utf-8",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".svg": "image/svg+xml",
}
"""Ending of a plate's file -> its media type."""
FILES: dict[int | str, dict[str, Any]] = {
    200: {"content": {kind: {} for kind in MEDIA.values()}, "description": "file"}
}


@router.get("/campaigns/{campaign}/proposals")
def list_proposals(
    request: Request, response: Response, access: Reader, offset: Offset = 0, limit: Limit = 20
) -> forms.ProposalsOut:
    """Proposals, newest first."""
    from activeloop.desk.propose import plates_of

    fresh(request, response, access)
    with access.open() as loop:
        state = loop.campaign.state()
        page_links(request, response, offset, limit, len(state.proposals))
        found = [
            proposal_out(loop, one, [p.id for p in plates_of(loop, one.number).plates], again=True)
            for one in state.proposals[::-1][offset : offset + limit]
        ]
    return forms.ProposalsOut.model_validate({"proposals": found})


@router.get("/campaigns/{campaign}/proposals/{number}", response_model=forms.ProposalOut)
def show_proposal(request: Request, response: Response, access: Reader, number: Number) -> Any:
    """A proposal: what to test, and why."""
    from activeloop.desk.propose import plates_of

    fresh(request, response, access)
    with access.open() as loop:
        proposals = loop.campaign.state().proposals
        if number > len(proposals):
            raise Problem(404, f"there is no proposal {number}: {len(proposals)} were made.", "List them.")
        plates = [p.id for p in plates_of(loop, number).plates]
        return proposal_out(loop, proposals[number - 1], plates, again=True)


@router.post("/campaigns/{campaign}/proposals", status_code=201, response_model=forms.ProposalOut, responses=RUNNING)
async def propose(request: Request, access: Scientist, given: forms.ProposalIn, wait: Wait = 60.0) -> Any:
    """Choose the next candidates and lay out their plate; while a proposal is out, it is that one again."""
    arguments = given.model_dump()
    arguments["plate"] = {key: value for key, value in arguments["plate"].items() if value is not None}
    return await compute(request, access, "propose", wait, **arguments)


@router.put("/campaigns/{campaign}/proposals/{number}/layout")
def lay_out(access: Scientist, number: Number, given: forms.PlateOptionsIn) -> forms.LaidOut:
    """Lay the plates of a proposal out anew, before anything was measured on them."""
    from activeloop.desk.propose import PlateOptions, lay_again

    with access.change() as loop:
        made = lay_again(loop, number, PlateOptions(**given.model_dump()))
        state = loop.campaign.state()
        plates = [plate_out(plate, state) for plate in made.plates]
    return forms.LaidOut(number=made.number, plates=plates, notes=list(made.notes))


@router.get("/campaigns/{campaign}/plates")
def list_plates(request: Request, response: Response, access: Reader) -> forms.PlatesOut:
    """All plates and what stands in their wells."""
    from activeloop.desk.propose import known_plates

    fresh(request, response, access)
    with access.open() as loop:
        plates, notes = known_plates(loop)
        state = loop.campaign.state()
        return forms.PlatesOut(plates=[plate_out(plate, state) for plate in plates], notes=list(notes))


@router.get("/campaigns/{campaign}/plates/{plate}")
def show_plate(request: Request, response: Response, access: Reader, plate: PlateName) -> forms.PlateOut:
    """A plate and what stands in its wells."""
    from activeloop.desk.propose import known_plates

    fresh(request, response, access)
    with access.open() as loop:
        found = next((p for p in known_plates(loop)[0] if p.id == plate), None)
        if found is None:
            raise no_plate(plate)
        return plate_out(found, loop.campaign.state())


def no_plate(plate: str) -> Problem:
    """The answer that there is no such plate."""
    return Problem(404, f'there is no plate "{plate}".', "List the plates.")


@router.get("/campaigns/{campaign}/plates/{plate}/file", response_class=Response, responses=FILES)
def download_plate(
    access: Reader, plate: PlateName, form: Annotated[Literal["xlsx", "csv", "svg"], Query(alias="as")] = "xlsx"
) -> Response:
    """A plate as a workbook, a list or a picture."""
    from activeloop.desk.propose import plate_file
    from activeloop.errors import StateError

    with access.open() as loop:
        try:
            found = plate_file(loop, plate, f".{form}")
        except StateError:
            raise no_plate(plate) from None
    return download(found.name, found.content, MEDIA[f".{form}"])


def download(name: str, content: bytes, media_type: str) -> Response:
    """A file to be saved, that no browser runs or shows as a page of this server."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in name)
    whole = f"; filename*=UTF-8''{quote(name, safe='')}" if plain != name else ""  # RFC 6266
    headers = {
        "content-disposition": f'attachment; filename="{plain}"{whole}',
        "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
        "x-content-type-options": "nosniff",
    }
    return Response(content, media_type=media_type, headers=headers)


Liquid = Annotated[str, Form(max_length=20, description="such as 100nL or 2.5uL")]


@router.post("/campaigns/{campaign}/proposals/{number}/picklists")
def make_picklists(
    access: Reader,
    number: Number,
    robot: Annotated[Handler, Form(alias="for")],
    volume: Liquid = "",
    source_volume: Liquid = "",
    dead_volume: Liquid = "",
    droplet: Liquid = "",
    controls: Annotated[bool, Form()] = True,
    doses: Annotated[str, Form(max_length=200, description="such as 10 uM, 1:3, 8; in place of a volume")] = "",
    stock: Annotated[str, Form(max_length=20, description="concentration of the stocks, such as 10mM")] = "",
    well_volume: Liquid = "",
    name: Annotated[str, Form(max_length=200, description="of the file")] = "",
    sources: Annotated[UploadFile | None, File(description="where candidates stand: plates, wells, volumes")] = None,
) -> forms.PickListsOut:
    """Pick lists for a liquid handler: one volume, or doses of each candidate's replicates."""
    from activeloop.desk.picklists import PickListOptions

    liquids = (source_volume, dead_volume, droplet, controls, doses, stock, well_volume)
    with passing_folder() as folder:
        stocks = None
        if sources is not None and sources.filename:
            from activeloop.work.uploads import read_in_child

            kept = written(folder, plain_name(sources.filename), sources.file.read())
            stocks = read_in_child(kept, name=plain_name(sources.filename))
        return _picklists(access, number, PickListOptions(robot, volume, stocks, *liquids), "", name)


@router.get("/campaigns/{campaign}/proposals/{number}/picklist", response_class=Response, responses=FILES)
def download_picklist(
    access: Reader,
    number: Number,
    robot: Annotated[Handler, Query(alias="for")],
    volume: Annotated[str, Query(max_length=20, description="such as 100nL or 2.5uL")] = "",
    source_volume: Annotated[str, Query(max_length=20)] = "",
    dead_volume: Annotated[str, Query(max_length=20)] = "",
    droplet: Annotated[str, Query(max_length=20)] = "",
    controls: bool = True,
    doses: Annotated[str, Query(max_length=200, description="such as 10 uM, 1:3, 8; in place of a volume")] = "",
    stock: Annotated[str, Query(max_length=20, description="concentration of the stocks, such as 10mM")] = "",
    well_volume: Annotated[str, Query(max_length=20)] = "",
    layout: Annotated[bool, Query(description="the list of doses, which `activeloop curves` reads, instead")] = False,
    plate: Annotated[str, Query(max_length=30, description="of an Opentrons, which takes one at a time")] = "",
) -> Response:
    """A pick list for a liquid handler; where a candidate is comes from the columns of the pool's file."""
    from activeloop.desk.picklists import PickListOptions

    if layout and not doses:
        raise Problem(422, "only doses have a list of them.", "Give doses, or leave layout out.")
    liquids = (source_volume, dead_volume, droplet, controls, doses, stock, well_volume)
    found = _picklists(access, number, PickListOptions(robot, volume, None, *liquids), plate)
    if len(found.files) > 1 + bool(doses):
        raise Problem(422, "an Opentrons takes one plate at a time.", "Name it: plate=plate-1-1.")
    name = list(found.files)[-1 if layout else 0]
    return download(name, found.files[name].encode(), MEDIA[".csv"])


def _picklists(
    access: CampaignAccess, number: int, wanted: PickListOptions, plate: str, name: str = ""
) -> forms.PickListsOut:
    """Pick lists of the plates of a proposal, or of one of them."""
    from activeloop.desk.picklists import write_picklists
    from activeloop.desk.propose import plates_of

    with access.open() as loop, tempfile.TemporaryDirectory(prefix="activeloop-") as folder:
        plates = [one for one in plates_of(loop, number).plates if plate in ("", one.id)]
        if not plates:
            raise no_plate(plate or f"plate-{number}")
        called = plain_name(name) if name else f"{plate or f'plate-{number}'}-{wanted.robot}.csv"
        made = write_picklists(loop, plates, wanted, Path(folder, called))
        files = {path.name: path.read_text(encoding="utf-8") for path in made.files}
        summary = made.summary.replace(f"{folder}{os.sep}", "")
    return forms.PickListsOut(files=files, decks=list(made.decks), summary=summary)


@router.post("/campaigns/{campaign}/plates/{plate}/sent")
def send_plate(access: Robot, plate: PlateName, given: forms.SentIn) -> forms.EventOut:
    """Note that a plate went to whoever measures it."""
    with access.change() as loop:
        before = loop.campaign.state().last
        loop.campaign.send_plate(plate, given.to or access.user.name, given.note)
        last = loop.campaign.state().last
    return forms.EventOut(event=last if last > before else None)


@router.post("/campaigns/{campaign}/plates/{plate}/runs")
def finish_run(access: Robot, plate: PlateName, given: forms.RunIn) -> forms.EventOut:
    """Note that a device ended a run on a plate; the same run is noted once."""
    with access.change() as loop:
        before = loop.campaign.state().last
        loop.campaign.finish_run(plate, given.device, given.run, given.outcome, given.files, given.words)
        last = loop.campaign.state().last
    return forms.EventOut(event=last if last > before else None)
