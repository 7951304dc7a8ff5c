"""Results: rows and files that come in, a look at what a file holds, voiding."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends, File, Query, Request, Response, UploadFile

from activeloop.errors import InputError
from activeloop.server import forms
from activeloop.server.access import Reader, Robot, Scientist
from activeloop.server.api.common import Limit, Offset, fresh, page_links, part
from activeloop.server.identity import check_signature
from activeloop.server.uploads import Reading, name_of, reading_of, unhurried, uploaded
from activeloop.server.views import result_out

if TYPE_CHECKING:
    from activeloop.desk.record import ResultsPreview
    from activeloop.measurements import ResultsFile

router = part("results")
Upload = Annotated[UploadFile, File(description="CSV, TSV, XLSX, or an export of an instrument's own program")]
HowRead = Annotated[Reading, Depends(reading_of)]


@router.get("/campaigns/{campaign}/results")
def list_results(
    request: Request,
    response: Response,
    access: Reader,
    candidate: Annotated[str, Query(max_length=200)] = "",
    plate: Annotated[str, Query(max_length=200)] = "",
    event: Annotated[int | None, Query(ge=1)] = None,
    voided: bool | None = None,
    offset: Offset = 0,
    limit: Limit = 100,
) -> forms.ResultsOut:
    """Results on record in the order in which they came, also voided ones."""
    from activeloop.store.queries import results_page

    fresh(request, response, access)
    wanted = {"candidate": candidate, "plate": plate, "event": event, "voided": voided}
    found = results_page(access.log, **wanted, offset=offset, limit=limit)
    page_links(request, response, offset, limit, found.total)
    return forms.ResultsOut(results=[result_out(one) for one in found.items], total=found.total)


@router.post("/campaigns/{campaign}/results", status_code=201)
def record_measurements(access: Robot, given: forms.MeasurementsIn) -> forms.RecordedOut:
    """Store measured values: all of them or none; what is stored already is not stored again.

    Calls that come within a moment are stored together, each answered for itself.
    """
    from activeloop.desk.record import record
    from activeloop.measurements import Measurement

    source = given.source or f"HTTP by {access.user.name}"
    rows = []
    for row, one in enumerate(given.measurements, 1):
        fields = one.model_dump(exclude={"value"})
        value = float("nan") if one.value is None else one.value
        rows.append(Measurement(value=value, file=source, row=row, **fields))
    how = {"replaces": given.replaces, "repeats": given.repeats, "dry_run": given.dry_run}
    summary = access.change_together(lambda loop: record(loop, rows, source, **how))
    return forms.RecordedOut.model_validate(summary)


@router.post("/campaigns/{campaign}/results/preview")
def preview_file(access: Robot, file: Upload, reading: HowRead) -> forms.ResultsPreviewOut:
    """What a file holds and what is wrong with it, row by row; nothing is stored."""
    from activeloop.desk.record import preview_results

    try:
        with uploaded(name_of(file), file.file, reading.how) as sent:

            def preview() -> ResultsPreview:
                beside = {"replaces": reading.replaces, "repeats": reading.repeats}
                with access.open() as loop:
                    return preview_results(loop, sent, reading.how, **beside)

            found = unhurried(preview)
    except InputError as error:
        return unreadable(error)
    return forms.ResultsPreviewOut.model_validate(found)


def unreadable(error: InputError) -> forms.ResultsPreviewOut:
    """What is said of a file that is no table."""
    problem = forms.RowProblemOut(row=error.row, problem=error.problem)
    nothing: dict[str, Any] = {"columns": [], "wells": [], "checks": [], "notes": [], "summary": None}
    counts = {"values": 0, "failed": 0, "candidates": 0, "skippable": False, "content_hash": ""}
    return forms.ResultsPreviewOut(file=error.file or "", problems=[problem], **nothing, **counts)


@router.post("/campaigns/{campaign}/results/file", status_code=201)
def record_file(access: Robot, file: Upload, reading: HowRead) -> forms.RecordedOut:
    """Store the results in a file: all of it or nothing."""
    from activeloop.desk.record import read_results, record

    with uploaded(name_of(file), file.file, reading.how) as sent:

        def read() -> ResultsFile:
            with access.open() as loop:
                access.check(loop)
                return read_results(loop, sent, reading.how)

        found = unhurried(read)
    with access.change() as loop:
        summary = record(loop, found, sent.name, replaces=reading.replaces, repeats=reading.repeats)
    return forms.RecordedOut.model_validate(summary)


@router.post("/campaigns/{campaign}/voids")
def void_results(request: Request, access: Scientist, given: forms.VoidIn) -> forms.VoidedOut:
    """Declare results wrong: they stay on record and no longer count. It is signed."""
    single = request.app.state.settings.single_user
    signed = check_signature(access.user, "these results are wrong", given.reason, single)
    with access.change() as loop:
        count = loop.campaign.void(given.event, given.rows, given.reason)
        last = loop.campaign.state().last
    request.app.state.accounts.note(
        "signature", access.user.actor, access.key, **signed, voided=given.event, event=last
    )
    return forms.VoidedOut(voided=count, last=last)
