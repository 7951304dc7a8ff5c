"""Versions of the model, which one is current, and students."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from fastapi import Path as InPath
from fastapi import Request, Response

from activeloop.server import forms
from activeloop.server.access import CampaignAccess, Reader, Scientist
from activeloop.server.api.common import RUNNING, Wait, compute, fresh, part
from activeloop.server.api.plates import download
from activeloop.server.identity import check_signature
from activeloop.server.problems import Problem
from activeloop.server.views import student_out, version_out

router = part("models")
Number = Annotated[int, InPath(ge=1, le=1_000_000)]


@router.get("/campaigns/{campaign}/versions")
def list_versions(request: Request, response: Response, access: Reader) -> forms.VersionsOut:
    """All versions of the model, newest first, and which one is current."""
    fresh(request, response, access)
    found = _versions(access)
    current = next((one.number for one in found if one.current), None)
    return forms.VersionsOut(versions=found, current=current)


def _versions(access: CampaignAccess) -> list[forms.VersionOut]:
    """All versions, the last first."""
    from activeloop.store.queries import versions_of

    listed = versions_of(access.log)
    return [version_out(one.version, one.version if one.current else None, one.held_back) for one in listed]


@router.get("/campaigns/{campaign}/versions/current")
def show_current(request: Request, response: Response, access: Reader) -> forms.VersionOut:
    """The version that predicts and proposes."""
    fresh(request, response, access)
    current = next((one for one in _versions(access) if one.current), None)
    if current is None:
        raise Problem(404, "there is no version yet.", "Record results; a version is fitted by itself.")
    return current


@router.put("/campaigns/{campaign}/versions/current")
def promote_version(request: Request, access: Scientist, given: forms.PromoteIn) -> forms.VersionOut:
    """Make a version current: one that was held back, or an earlier one. It is signed."""
    single = request.app.state.settings.single_user
    signed = check_signature(access.user, "this version is to be used", given.reason, single)
    with access.change() as loop:
        loop.campaign.promote(given.version, given.reason)
        state = loop.campaign.state()
        version = state.versions[given.version - 1]
        found = version_out(version, state.current, state.held_back.get(version.number, ""))
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
    from activeloop.store.queries import students_of

    fresh(request, response, access)
    return forms.StudentsOut(students=[student_out(one) for one in students_of(access.log)])


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
