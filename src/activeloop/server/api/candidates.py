"""Candidates of the pool: the list, one, predictions; pin, veto, extend."""

from __future__ import annotations

import base64
from typing import Annotated, Any

from fastapi import File, Form, Path, Query, Request, Response, UploadFile
from starlette.concurrency import run_in_threadpool

from activeloop.server import forms
from activeloop.server.access import CampaignAccess, Reader, Scientist
from activeloop.server.api.common import RUNNING, Limit, Offset, Wait, compute, page_links, part
from activeloop.server.uploads import check_inputs, name_of

router = part("candidates")
States = Annotated[list[str], Query(max_length=8)]
Sort = Annotated[str, Query(max_length=300, description="one of `sorts`, such as `acquisition` or `kcat sd`")]
Name = Annotated[str, Path(max_length=1_000)]
FASTA = (".fasta", ".fa", ".faa", ".fas")


@router.get("/campaigns/{campaign}/candidates")
async def list_candidates(
    request: Request,
    response: Response,
    access: Reader,
    search: Annotated[str, Query(max_length=200)] = "",
    state: States = [],  # noqa: B006 - FastAPI copies it
    sort: Annotated[
        str, Query(max_length=300, description="one of `sorts`, such as `acquisition` or `kcat sd`")
    ] = "row",
    worst: bool = False,
    predict: Annotated[bool, Query(description="whether to wait for predictions that are not there yet")] = True,
    offset: Offset = 0,
    limit: Limit = 50,
) -> forms.CandidatesOut:
    """Candidates with their state, results and predictions, sorted, searched and filtered."""
    from activeloop.desk.candidates import CandidateQuery

    query = CandidateQuery(search, tuple(state), sort, worst, offset, limit)  # type: ignore[arg-type]

    def page(*, predicted: bool) -> forms.CandidatesOut | None:
        with access.open() as loop:
            table = access.table(loop)
            if predicted and table.predictions is None:
                return None
            return forms.CandidatesOut.model_validate(table.page(query))

    found = await run_in_threadpool(page, predicted=predict)
    if found is None:
        await predict_pool(request, access)
        found = await run_in_threadpool(page, predicted=False)
    assert found is not None  # it waits for predictions no longer
    page_links(request, response, offset, limit, found.matching)
    return found


async def predict_pool(request: Request, access: CampaignAccess) -> None:
    """Let the pool be predicted by a child process; nothing where nothing can be predicted yet."""
    from activeloop.errors import ModelError, PluginError, StateError

    try:
        await compute(request, access, "predict-pool", 300.0)
    except (StateError, ModelError, PluginError):
        return  # the list without predictions says as much as there is


@router.get("/campaigns/{campaign}/candidates/{name}")
def show_candidate(access: Reader, name: Name) -> forms.CandidateOut:
    """A candidate, in any notation."""
    with access.open() as loop:
        return forms.CandidateOut.model_validate(access.table(loop).one(name))


@router.post("/campaigns/{campaign}/predictions", response_model=forms.PredictionsOut, responses=RUNNING)
async def predict_candidates(request: Request, access: Reader, given: forms.PredictIn, wait: Wait = 60.0) -> Any:
    """Predict candidates by the current version; nothing is stored."""
    return await compute(request, access, "predict", wait, **given.model_dump())


@router.post("/campaigns/{campaign}/pins")
def pin_candidates(access: Scientist, given: forms.NamesIn) -> forms.NamesOut:
    """Put candidates on the next plate."""
    with access.change() as loop:
        names = loop.campaign.pin(given.names, given.reason, offset=given.offset)
        return forms.NamesOut(names=list(names), last=loop.campaign.state().last)


@router.post("/campaigns/{campaign}/vetoes")
def veto_candidates(access: Scientist, given: forms.NamesIn) -> forms.NamesOut:
    """Exclude candidates from all later plates."""
    with access.change() as loop:
        names = loop.campaign.veto(given.names, given.reason, offset=given.offset)
        return forms.NamesOut(names=list(names), last=loop.campaign.state().last)


@router.post("/campaigns/{campaign}/extensions", status_code=201, response_model=forms.ExtensionOut, responses=RUNNING)
async def extend_pool(request: Request, access: Scientist, given: forms.ExtensionIn, wait: Wait = 60.0) -> Any:
    """Add candidates to the pool: combinations of the best, a list, or positions."""
    return await compute(request, access, "extend", wait, **given.model_dump())


@router.post(
    "/campaigns/{campaign}/extensions/file", status_code=201, response_model=forms.ExtensionOut, responses=RUNNING
)
async def extend_pool_by_file(
    request: Request,
    access: Scientist,
    file: Annotated[UploadFile, File(description="CSV, TSV, XLSX or FASTA")],
    column: Annotated[str, Form(max_length=200)] = "",
    offset: Annotated[int | None, Form(ge=-1_000_000, le=1_000_000)] = None,
    skip_unreadable: Annotated[bool, Form()] = False,
    merge_duplicates: Annotated[bool, Form()] = False,
    wait: Wait = 60.0,
) -> Any:
    """Add the candidates of a file to the pool."""
    name = name_of(file, "candidates.csv")
    sent = await file.read()
    await run_in_threadpool(check_inputs, {name: sent})  # refused before it is read for good
    content = base64.b64encode(sent).decode()
    how = {"column": column, "offset": offset, "skip_unreadable": skip_unreadable, "merge_duplicates": merge_duplicates}
    return await compute(request, access, "extend", wait, file=name, content=content, **how)


@router.post("/campaigns/{campaign}/explanations", response_model=forms.ExplainOut, responses=RUNNING)
async def explain_candidates(request: Request, access: Reader, given: forms.ExplainIn, wait: Wait = 60.0) -> Any:
    """Why candidates are predicted as they are, or why they were picked; nothing is stored."""
    return await compute(request, access, "explain", wait, **given.model_dump())
