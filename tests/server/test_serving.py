"""`activeloop serve` as a process: ready soon, small, learning by itself, and stopped in order."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from served import CONFIG, WILD_TYPE

from activeloop.work.worker import resident_mebibytes

READY_SECONDS = 3.0
MEBIBYTES = 150.0


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    """A server of its own process, with a worker."""
    command = [sys.executable, "-c", "from activeloop.cli import main; main()", "serve", str(tmp_path / "lab")]
    process = subprocess.Popen([*command, "--port", "0"], stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    try:
        for line in process.stderr:
            if found := re.search(r"http://[\d.:]+", line):
                with httpx.Client(base_url=found[0], timeout=60) as client:
                    yield process, client
                break
    finally:
        process.kill()
        process.stderr.close()
        process.wait()


def test_the_model_learns_by_itself_after_results_came_in(serving):
    process, client = serving
    assert client.get("/readyz").text == "ready\n"
    key = client.post("/api/v1/campaigns", json={"name": "kinase", "config": CONFIG}).json()["key"]
    names = [f"{WILD_TYPE[i]}{i + 1}G" for i in range(1, 13)]
    rows = [{"candidate": n, "assay": "activity", "value": 0.1 * i} for i, n in enumerate(names)]
    assert client.post(f"/api/v1/campaigns/{key}/results", json={"measurements": rows}).status_code == 201
    kinds = []
    with client.stream("GET", f"/api/v1/campaigns/{key}/events/stream", params={"after": 0}) as stream:
        for line in stream.iter_lines():
            if line.startswith("event: "):
                kinds.append(line.removeprefix("event: "))
            if kinds[-1:] == ["fitted"]:
                break
    assert [kind for kind in kinds if kind != "work"] == ["configured", "measured", "fitted"]
    assert client.get(f"/api/v1/campaigns/{key}/versions/current").json()["number"] == 1
    assert client.get(f"/api/v1/campaigns/{key}/events").json()["events"][-1]["kind"] == "fitted"
    assert resident_mebibytes(process.pid) <= MEBIBYTES
    loaded = Path(f"/proc/{process.pid}/maps").read_text()
    assert "torch" not in loaded
    workers = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=False)
    children = [int(one) for one in workers.stdout.split()]
    assert children
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0
    for child in children:
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)


def test_it_is_ready_soon(tmp_path):
    """In seconds of computing, since other tests run beside it; an idle machine takes no longer."""
    code = "from activeloop.server.serving import run; from activeloop.server.app import create_app; "
    code += "from activeloop.server.settings import Settings; "
    code += f"create_app(Settings(database={str(tmp_path / 'lab')!r})); print(sum(__import__('os').times()[:2]))"
    for _ in range(2):  # the second finds a database that is there
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert float(done.stdout) <= READY_SECONDS
