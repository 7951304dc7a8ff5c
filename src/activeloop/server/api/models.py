"""Versions of the model, which one is current, and students."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from fastapi import Path as InPath
from fastapi import Request, Response

from activeloop.server import forms
from activeloop.server.access import Reader, Scientist
from activeloop.server.api.common import RUNNING, Wait, compute, fresh, part
from activeloop.server.api.plates import download
from activeloop.server.identity import check_signature
from activeloop.server.problems import Problem
from activeloop.server.views import current_version, student_out, version_out

router = part("models")
Number = Annotated[int, InPath(ge=1, le=1_000_000)]


@router.get("/campaigns/{campaign}/versions")
def list_versions(request: Request, response: Response, access: Reader) -> forms.VersionsOut:
    """All versions of the model, newest first, and which one is current."""
    fresh(request, response, access)
    with access.open() as loop:
        state = loop.campaign.state()
    current = current_version(state)
    versions = [version_out(state, version) for version in reversed(state.versions)]
    return forms.VersionsOut(versions=versions, current=current.number if current else None)


@router.get("/campaigns/{campaign}/versions/current")
def show_current(request: Request, response: Response, access: Reader) -> forms.VersionOut:
    """The version that predicts and proposes."""
    fresh(request, response, access)
    with access.open() as loop:
        state = loop.campaign.state()
    current = current_version(state)
    if current is None:
        raise Problem(404, "there is no version yet.", "Record results; a version is fitted by itself.")
    return version_out(state, current)


@router.put("/campaigns/{campaign}/versions/current")
def promote_version(request: Request, access: Scientist, given: forms.PromoteIn) -> forms.VersionOut:
    """Make a version current: one that was held back, or an earlier one. It is signed."""
    single = request.app.state.settings.single_user
    signed = check_signature(access.user, "this version is to be used", given.reason, single)
    with access.change() as loop:
        loop.campaign.promote(given.version, given.reason)
        state = loop.campaign.state()
        found = version_out(state, state.versions[given.version - 1])
    note = request.app.state.accounts.note
    note("signature", access.user.actor, access.key, **signed, promoted=given.version, event=state.last)
    return found


@router.post("/campaigns/{campaign}/versions", status_code=201, response_model=forms.VersionOut, responses=RUNNING)
async def fit_version(request: Request, access: Scientist, wait: Wait = 60.0, again: bool = False) -> Any:
    """Fit a version now instead of waiting for it; the last one when nothing came since."""
    return await compute(request, access, "fit", wait, again=again)


@router.get("/campaigns/{campaign}/students")
def list_students(request: Request, response: Response, access: Reader) -> forms.StudentsOut:
    """All students: small models for any machine."""
    fresh(request, response, access)
    with access.open() as loop:
        students = loop.campaign.state().students
    return forms.StudentsOut(students=[student_out(student) for student in reversed(students)])


@router.post("/campaigns/{campaign}/students", status_code=201, response_model=forms.StudentOrdered, responses=RUNNING)
async def order_student(
    request: Request, access: Scientist, given: forms.StudentIn | None = None, wait: Wait = 60.0
) -> Any:
    """Let the worker train a student of the current version, unless it is there already."""
    wanted = given or forms.StudentIn()
    return await compute(request, access, "distil", wait, **wanted.model_dump())


@router.get("/campaigns/{campaign}/students/{number}/file", response_class=Response)
def download_student(access: Reader, number: Number) -> Response:
    """The file of a student."""
    with access.open() as loop:
        if number > len(loop.campaign.state().students):
            raise Problem(404, f"there is no student {number}.", "List the students.")
        content = loop.campaign.student_file(number)
    return download(f"student-{number}.onnx", content, "application/octet-stream")


@router.get("/campaigns/{campaign}/students/{number}/page", response_class=Response)
def download_page(access: Reader, number: Number) -> Response:
    """A student as a page that predicts in any browser, offline."""
    from activeloop.desk.distil import student_page

    with access.open() as loop, TemporaryDirectory(prefix="activeloop-") as folder:
        if number > len(loop.campaign.state().students):
            raise Problem(404, f"there is no student {number}.", "List the students.")
        content = student_page(loop, Path(folder), number).read_bytes()
    return download(f"student-{number}.html", content, "application/octet-stream")
