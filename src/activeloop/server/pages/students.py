"""Students: small models that run anywhere, how close each is to its teacher, its file and its page."""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from fastapi import Path as InPath
from fastapi import Request
from fastapi.responses import HTMLResponse, Response

from activeloop.config import OpenCampaign
from activeloop.errors import ActiveLoopError, StateError
from activeloop.fidelity import refusal, warnings_of, words_of
from activeloop.server.access import CampaignAccess, Reader, Scientist
from activeloop.server.api.plates import download
from activeloop.server.pages.base import Form, of_form, page, pages_router, see, text
from activeloop.server.pages.overview import strip_fields
from activeloop.students.runtime.tokenizer import READ
from activeloop.work.kinds import Distil
from activeloop.work.places import work_of

router = pages_router()
Number = Annotated[int, InPath(ge=1, le=1_000_000)]


@router.get("/campaigns/{campaign}/students")
def students(request: Request, access: Reader) -> HTMLResponse:
    """All students."""
    with access.open() as loop:
        return _page(request, access, loop)


def _page(
    request: Request, access: CampaignAccess, loop: OpenCampaign, error: str = "", code: int = 200
) -> HTMLResponse:
    state = loop.campaign.state()
    rows = [
        {
            "student": one,
            "words": words_of(one.fidelity),
            "warnings": warnings_of(one.fidelity),
            "refused": refusal(one.fidelity),
            "current": state.current is not None and one.version == state.current.number,
        }
        for one in state.students[::-1]
    ]
    auto = loop.config.student.auto
    fields = strip_fields(access, loop) | {"rows": rows, "auto": auto, "may": access.may("scientist"), "error": error}
    fields |= {"letters": loop.campaign.pool.kind in READ}
    return page(request, "students.html", code, title=f"Students of {fields['name']}", **fields)


@router.post("/campaigns/{campaign}/students")
def train(request: Request, access: Scientist, form: Form) -> Response:
    """Ask a worker to train a student of the current version."""
    with of_form(access, form).open() as loop:
        try:
            if loop.campaign.state().current is None:
                raise StateError("there is no version to be its teacher: record results first. Nothing was begun.")
            again = text(form, "again") == "yes"
            work_of(loop).ask(loop.folder.log.campaign, "distil", Distil.order(loop.config.student, None, again=again))
        except ActiveLoopError as error:
            return _page(request, access, loop, error=str(error), code=409)
    return see(f"/campaigns/{access.key}/students")


@router.get("/campaigns/{campaign}/students/{number}/student.onnx")
def file(access: Reader, number: Number) -> Response:
    """The file of a student."""
    with access.open() as loop:
        content = loop.campaign.student_file(number)
    return download(f"student-{number}.onnx", content, "application/octet-stream")


@router.get("/campaigns/{campaign}/students/{number}/page")
def browser_page(access: Reader, number: Number) -> Response:
    """A student as a page that predicts in the browser, cut off from this server."""
    from activeloop.students.web.page import write_page

    with access.open() as loop:
        content, pool = loop.campaign.student_file(number), loop.campaign.pool
    with TemporaryDirectory(prefix="activeloop-") as folder:
        path = Path(folder) / "student.onnx"
        path.write_bytes(content)
        text = write_page(path, folder, pool=pool).read_text(encoding="utf-8")
    # the page has a policy of its own, by which only its own scripts run; a sandbox keeps them from this server
    own = re.search(r'http-equiv="content-security-policy" content="([^"]*)"', text, re.IGNORECASE)
    policy = own[1] if own else "default-src 'none'"
    headers = {"content-security-policy": f"{policy}; frame-ancestors 'none'; sandbox allow-scripts allow-downloads"}
    return HTMLResponse(text, headers=headers)
