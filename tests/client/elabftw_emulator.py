"""An emulator of the endpoints of eLabFTW's API v2 that the client calls, written from its OpenAPI document.

It is no eLabFTW: it keeps experiments in memory, and answers in the forms that the document states.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Form, Request, UploadFile
from fastapi.responses import JSONResponse, Response

KEY = "3-0123456789abcdef"


@dataclass
class Notebook:
    """Its experiments; `faults` names what goes wrong: `down`, or the method and path before which it breaks."""

    experiments: dict[int, dict[str, Any]] = field(default_factory=dict)
    uploads: dict[int, dict[str, Any]] = field(default_factory=dict)
    links: set[tuple[int, int]] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    faults: set[str] = field(default_factory=set)

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.middleware("http")
        async def needs_key(request: Request, call_next: Any) -> Any:
            call = f"{request.method} {request.url.path.removeprefix('/api/v2')}"
            self.calls.append(call)
            if any(call.startswith(fault) for fault in self.faults):
                return _error(500, "Unexpected error", "Hopefully something useful")
            if request.headers.get("authorization") != KEY:
                return _error(401, "Authentication required", "No corresponding API key found!")
            return await call_next(request)

        @app.get("/api/v2/experiments")
        def experiments(q: str = "", limit: int = 15, offset: int = 0, full: int = 0, state: str = "1") -> Any:
            found = [
                one
                for one in self.experiments.values()
                if str(one["state"]) in state.split(",") and q.casefold() in f"{one['title']} {one['body']}".casefold()
            ]
            shown = found[offset : offset + limit]
            return shown if full else [{k: v for k, v in one.items() if k != "body"} for one in shown]

        @app.post("/api/v2/experiments", status_code=201)
        def make(given: dict[str, Any]) -> Response:
            number = len(self.experiments) + 1
            one = {"id": number, "title": "Untitled", "body": "", "locked": 0, "state": 1, "tags": None}
            self.experiments[number] = one | given
            return _made(f"experiments/{number}")

        @app.get("/api/v2/experiments/{number}")
        def experiment(number: int) -> Any:
            return self.experiments.get(number) or _error(404, "Nothing to show with this id", "")

        @app.patch("/api/v2/experiments/{number}")
        def patch(number: int, given: dict[str, Any]) -> Any:
            if self.experiments[number]["locked"]:
                return _error(403, "Forbidden", "This entry is locked")
            self.experiments[number] |= given
            return self.experiments[number]

        @app.get("/api/v2/experiments/{number}/uploads")
        def uploads(number: int) -> Any:
            return [one for one in self.uploads.values() if one["item_id"] == number and one["state"] == 1]

        @app.post("/api/v2/experiments/{number}/uploads", status_code=201)
        async def upload(number: int, file: UploadFile, comment: str = Form("")) -> Response:
            return self._keep(number, file.filename or "", await file.read(), comment)

        @app.post("/api/v2/experiments/{number}/uploads/{subid}", status_code=201)
        async def replace(number: int, subid: int, file: UploadFile, comment: str = Form("")) -> Response:
            self.uploads[subid]["state"] = 2  # archived
            return self._keep(number, file.filename or "", await file.read(), comment)

        @app.get("/api/v2/experiments/{number}/experiments_links")
        def linked(number: int) -> Any:
            return [{"entityid": b, "title": self.experiments[b]["title"]} for a, b in self.links if a == number]

        @app.post("/api/v2/experiments/{number}/experiments_links/{subid}", status_code=201)
        def link(number: int, subid: int) -> Response:
            self.links.add((number, subid))
            return _made(f"experiments/{number}/experiments_links/{subid}")

        @app.post("/api/v2/experiments/{number}/tags", status_code=201)
        def tag(number: int, given: dict[str, str]) -> Response:
            tags = (self.experiments[number]["tags"] or "").split("|")
            self.experiments[number]["tags"] = "|".join(sorted({*filter(None, tags), given["tag"]}))
            return _made(f"experiments/{number}/tags/1")

        return app

    def _keep(self, number: int, name: str, content: bytes, comment: str) -> Response:
        key = len(self.uploads) + 1
        told = {"id": key, "item_id": number, "real_name": name, "comment": comment, "filesize": len(content)}
        told |= {"hash": hashlib.sha256(content).hexdigest(), "hash_algorithm": "sha256", "state": 1}
        self.uploads[key] = told
        return _made(f"experiments/{number}/uploads/{key}")


def _made(place: str) -> Response:
    return Response(status_code=201, headers={"location": f"https://elab.local:3148/api/v2/{place}"})


def _error(code: int, message: str, description: str) -> JSONResponse:
    return JSONResponse({"code": str(code), "message": message, "description": description}, code)
