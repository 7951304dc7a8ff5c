"""An emulator of the endpoints of an Opentrons robot, written from the OpenAPI document of its server.

It moves nothing: a run takes a few looks, and what it would have dispensed is kept.
"""

from __future__ import annotations

import ast
import threading
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from fastapi import FastAPI, Form, Request, UploadFile
from fastapi.responses import JSONResponse


@dataclass
class Emulator:
    """State of the robot; `faults` are names of what goes wrong."""

    faults: set[str] = field(default_factory=set)
    protocols: dict[str, dict[str, Any]] = field(default_factory=dict)
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    dispensed: list[tuple[str, str, str, float]] = field(default_factory=list)

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.middleware("http")
        async def needs_version(request: Request, call_next: Any) -> Any:
            if "opentrons-version" not in request.headers:
                return _error(422, "header Opentrons-Version is missing")
            if "down" in self.faults:
                return _error(503, "the robot is restarting")
            return await call_next(request)

        @app.post("/protocols", status_code=201)
        async def upload(files: list[UploadFile], key: str = Form("")) -> Any:
            text = (await files[0].read()).decode()
            number = f"protocol-{len(self.protocols)}"
            self.protocols[number] = {"id": number, "key": key, "text": text, "looks": 0}
            return {"data": {"id": number, "key": key, "analysisSummaries": [{"id": "a", "status": "pending"}]}}

        @app.get("/protocols")
        def protocols() -> Any:
            return {"data": [{"id": p["id"], "key": p["key"]} for p in self.protocols.values()]}

        @app.get("/protocols/{number}/analyses")
        def analyses(number: str) -> Any:
            protocol = self.protocols[number]
            protocol["looks"] += 1
            if protocol["looks"] < 2:
                return {"data": [{"id": "a", "status": "pending"}]}
            errors = [{"detail": "no such pipette"}] if "analysis" in self.faults else []
            result = "not-ok" if errors else "ok"
            return {"data": [{"id": "a", "status": "completed", "result": result, "errors": errors}]}

        @app.post("/runs", status_code=201)
        def make(body: dict[str, Any]) -> Any:
            number = f"run-{len(self.runs)}"
            self.runs[number] = {"id": number, "protocolId": body["data"]["protocolId"], "status": "idle", "looks": 0}
            return {"data": self.runs[number]}

        @app.get("/runs")
        def runs() -> Any:
            return {"data": list(self.runs.values())}

        @app.get("/runs/{number}")
        def run(number: str) -> Any:
            found = self.runs[number]
            if found["status"] == "running":
                found["looks"] += 1
                if found["looks"] > 2:
                    found["status"] = "failed" if "run" in self.faults else "succeeded"
            errors = [{"detail": "tip not picked up"}] if found["status"] == "failed" else []
            return {"data": found | {"errors": errors}}

        @app.post("/runs/{number}/actions", status_code=201)
        def act(number: str, body: dict[str, Any]) -> Any:
            found, action = self.runs[number], body["data"]["actionType"]
            if action == "play" and found["status"] != "idle":
                return _error(409, "the run was begun already")
            if action == "play":
                found["status"] = "running"
                moves = _transfers(self.protocols[found["protocolId"]]["text"])
                self.dispensed += moves[: len(moves) // 2] if "run" in self.faults else moves
            else:
                found["status"] = "stopped"
            return {"data": {"id": "x", "actionType": action}}

        @app.get("/runs/{number}/commands")
        def commands(number: str) -> Any:
            found = self.runs[number]
            if "nothing" in self.faults or found["status"] not in ("succeeded", "failed"):
                return {"data": []}
            moves = _transfers(self.protocols[found["protocolId"]]["text"])
            moves = moves[: len(moves) // 2] if found["status"] == "failed" else moves
            each = [{"commandType": "dispense", "status": "succeeded", "params": {"wellName": m[2]}} for m in moves]
            broken = {"commandType": "dispense", "status": "failed", "params": {"wellName": "H12"}}
            return {"data": [*each, broken] if "broken" in self.faults and found["status"] == "failed" else each}

        return app


def _error(status: int, detail: str) -> JSONResponse:
    return JSONResponse({"errors": [{"id": "error", "title": "error", "detail": detail}]}, status_code=status)


def _transfers(text: str) -> list[tuple[str, str, str, float]]:
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "TRANSFERS":
            return ast.literal_eval(node.value)
    return []


class Served:
    """The emulator on loopback, until it is closed."""

    def __init__(self, emulator: Emulator):
        config = uvicorn.Config(emulator.app(), port=0, log_level="error", lifespan="off")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        while not self.server.started:
            self.thread.join(0.01)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.servers[0].sockets[0].getsockname()[1]}"

    def close(self) -> None:
        self.server.should_exit = True
        self.thread.join()
