"""Errors as HTTP answers: `application/problem+json` (RFC 9457), each with what to do."""

from __future__ import annotations

import logging
import sqlite3
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from activeloop.errors import ActiveLoopError, InputError, MissingExtraError, ModelError, StateError, StoreError
from activeloop.words import fields_named

AGAIN = "Correct what `detail` names and send the request again; nothing was stored."
#: kind of error -> (status, what to do)
KINDS: dict[type[ActiveLoopError], tuple[int, str]] = {
    InputError: (422, AGAIN),
    StateError: (409, "Read the campaign's status and decide anew."),
    StoreError: (503, "Try again with the same Idempotency-Key; if it stays so, tell whoever runs the server."),
    ModelError: (422, "Choose another learner, or give it more results."),
    MissingExtraError: (501, "Ask whoever runs the server to install that part."),
}


class Problem(HTTPException):
    """An answer that is no success.

    Args:
        status: of HTTP.
        detail: what is wrong, in a sentence.
        fix: what to do.
        fields: more of the answer.
        headers: of the answer.
    """

    def __init__(self, status: int, detail: str, fix: str, headers: dict[str, str] | None = None, **fields: Any):
        super().__init__(status, detail, headers)
        self.fix, self.fields = fix, fields


def problem_response(
    status: int, detail: str, fix: str, *, kind: str = "", headers: Any = None, **fields: Any
) -> JSONResponse:
    """An answer in the form of RFC 9457."""
    titles = {400: "Bad request", 401: "Not signed in", 403: "Not allowed", 404: "Not found", 409: "Conflict"}
    titles |= {412: "Changed meanwhile", 413: "Too large", 422: "Cannot be used", 428: "Condition needed"}
    titles |= {429: "Too many requests", 500: "Error of the server", 501: "Not installed", 503: "Not available"}
    body = {"type": f"about:blank#{kind or status}", "title": titles.get(status, "Error"), "status": status}
    body |= {"detail": detail, "fix": fix, **{k: v for k, v in fields.items() if v is not None}}
    return JSONResponse(body, status, headers, media_type="application/problem+json")


def answer_of(error: ActiveLoopError) -> JSONResponse:
    """The answer that says what an error of the house says, in the words of the API."""
    status, fix = next((v for kind, v in reversed(KINDS.items()) if isinstance(error, kind)), (500, AGAIN))
    where = {"file": getattr(error, "file", None), "row": getattr(error, "row", None)}
    return problem_response(status, fields_named(str(error)), fix, kind=type(error).__name__, **where)


def problem_of(error: HTTPException) -> Response:
    """The answer that an error of HTTP says."""
    if error.status_code == 304:
        return Response(status_code=304, headers=error.headers)
    fix = getattr(error, "fix", "See /api/v1/openapi.json for what there is.")
    fields = getattr(error, "fields", {})
    return problem_response(error.status_code, str(error.detail), fix, headers=error.headers, **fields)


def install(app: FastAPI) -> None:
    """Let an app answer with problems."""
    from sqlalchemy.exc import SQLAlchemyError

    @app.exception_handler(SQLAlchemyError)
    @app.exception_handler(sqlite3.Error)
    def of_database(request: Request, error: Exception) -> JSONResponse:
        """A database that is begun anew, or has no connection left for a moment."""
        logging.getLogger("activeloop.server").warning("the database failed", exc_info=error)
        fix, again = KINDS[StoreError][1], {"retry-after": "1"}
        return problem_response(503, "the database cannot be used now.", fix, kind="StoreError", headers=again)

    @app.exception_handler(ActiveLoopError)
    def of_house(request: Request, error: ActiveLoopError) -> JSONResponse:
        return answer_of(error)

    @app.exception_handler(HTTPException)
    def of_http(request: Request, error: HTTPException) -> Response:
        return problem_of(error)

    @app.exception_handler(RequestValidationError)
    def of_form(request: Request, error: RequestValidationError) -> JSONResponse:
        wrong = [{"where": ".".join(map(str, e["loc"])), "problem": str(e["msg"])} for e in error.errors()]
        first = wrong[0]
        return problem_response(422, f"{first['where']}: {first['problem']}.", AGAIN, kind="form", problems=wrong[:20])
