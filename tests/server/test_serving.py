"""`activeloop serve` as a process: ready soon, small, learning by itself, and stopped in order."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest
from served import CONFIG, WILD_TYPE

from activeloop.client import Client, RemoteCampaign
from activeloop.work.processes import resident_mebibytes

READY_SECONDS = 3.0
MEBIBYTES, AT_START = 150.0, 115.0
HEAVY = ("torch", "scipy", "sklearn", "pandas", "matplotlib", "rdkit", "onnxruntime")
"""What no web process loads, whatever it is asked."""
OF_CHILDREN = ("activeloop.desk.explain", "activeloop.desk.report", "activeloop.foundation.tokenizers")
OF_CHILDREN += ("activeloop.replay.campaign", "sqlalchemy.dialects.postgresql", "alembic")
"""What it need not load to begin."""


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


def test_it_is_ready_soon_and_small(tmp_path):
    """In seconds of computing, since other tests run beside it; an idle machine takes no longer."""
    code = f"""
import json, os, sys
from activeloop.server.app import create_app
from activeloop.server.serving import run
from activeloop.server.settings import Settings
create_app(Settings(database={str(tmp_path / "lab")!r}))
from activeloop.work.processes import resident_mebibytes
print(json.dumps([sum(os.times()[:2]), resident_mebibytes(os.getpid()), sorted(sys.modules)]))
"""
    for _ in range(2):  # the second finds a database that is there
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    seconds, mebibytes, modules = json.loads(done.stdout)
    assert not {*HEAVY, *OF_CHILDREN} & set(modules)
    assert (seconds <= READY_SECONDS, mebibytes <= AT_START) == (True, True)


def test_what_is_heavy_stays_in_other_processes(tmp_path):
    """A campaign is made, proposed for, fitted and listed, and the web process loads nothing that learns or draws."""
    code = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from served import CONFIG, Server
from starlette.testclient import TestClient
from activeloop.server.app import create_app
from activeloop.server.settings import Settings
app = create_app(Settings(database={str(tmp_path / "lab")!r}))
with TestClient(app, base_url="http://127.0.0.1:8300") as client:
    server = Server(client)
    server.key = server.post("/api/v1/campaigns", {{"name": "kinase", "config": CONFIG}}).json()["key"]
    for path, given in (("proposals", {{"number": 4}}), ("results", {{"measurements": server.measured(8)}})):
        assert server.post(path, given).status_code == 201
    assert server.post("versions").status_code == 201
    assert server.get("candidates").json()["version"] == 1
    assert client.get(f"/campaigns/{{server.key}}/candidates").status_code == 200
print(*(name for name in {HEAVY!r} if name in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []


def begun(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """A server without a worker on a port, ready or not."""
    command = [sys.executable, "-c", "from activeloop.cli import main; main()", "serve", str(folder), "--no-worker"]
    return subprocess.Popen([*command, "--port", str(port)], stderr=subprocess.DEVNULL)


@pytest.mark.slow
def test_a_server_that_is_killed_again_and_again_loses_nothing_and_does_nothing_twice(tmp_path):
    """Robots write wells, one at a time, and repeat what was not answered; the server is killed meanwhile."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = begun(tmp_path / "lab", port)
    robots, each = 3, 8
    rng = np.random.default_rng(7)
    try:
        with Client(f"http://127.0.0.1:{port}", attempts=40) as client:
            key = client.make_campaign("kinase", CONFIG).key
        names = [f"{WILD_TYPE[i]}{i + 1}{to}" for i in range(1, 13) for to in "GV"]

        def write(robot: int) -> int:
            stored = 0
            with Client(f"http://127.0.0.1:{port}", attempts=40) as client:
                campaign = RemoteCampaign(client, key)
                for n in range(each):
                    one = {"candidate": names[robot * each + n], "assay": "activity", "value": float(n)}
                    campaign.record([one], f"robot {robot}, well {n}")
                    stored += 1
                    time.sleep(0.2)
            return stored

        with ThreadPoolExecutor(robots) as threads:
            writing = [threads.submit(write, robot) for robot in range(robots)]
            for _ in range(3):
                time.sleep(float(rng.uniform(0.3, 1.2)))
                process.kill()
                process.wait()
                process = begun(tmp_path / "lab", port)
                with Client(f"http://127.0.0.1:{port}", attempts=40) as client:
                    client.me()
            assert [one.result() for one in writing] == [each] * robots
        with Client(f"http://127.0.0.1:{port}") as client:
            campaign = RemoteCampaign(client, key)
            assert sorted(one.candidate for one in campaign.results()) == sorted(names)
            assert [one.sequence for one in campaign.events()] == list(range(1, robots * each + 2))
    finally:
        process.kill()
        process.wait()
