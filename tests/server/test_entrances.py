"""Every entrance by which a file comes in reads it in a process with limits, and refuses hostile ones in words."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from served import Server
from starlette.testclient import TestClient

import activeloop.server as package
from activeloop.server.app import create_app
from activeloop.server.settings import Settings
from activeloop.work import uploads
from benchmarks.hostile import API, CONFIG, ENTRANCES, files_for, refused
from benchmarks.hostile_files import FILES, GOOD, HEAD, NAMES, SEQUENCES, SLOW

LARGE = HEAD + b"K2R,0.5\n" * 100_000
NAMED = (f"POST {API}/results/preview", "page results, file", "page new, list, made")

#: what looks like files and is hashes of files
HASHES = (f"post {API}/plates/{{plate}}/runs",)


def shared_out() -> list[tuple[str, str]]:
    """Each file that is made quickly, at one entrance after the other; an instrument's exports take seconds each."""
    left, cells = itertools.cycle(name for name in ENTRANCES if "instrument" not in name), []
    for file in (name for name in FILES | SEQUENCES if name not in SLOW and name not in list(SEQUENCES)[:3]):
        cells.append((next(one for one in left if file in files_for(ENTRANCES[one].takes)), file))
    return [*cells, (f"POST {API}/results/file, of an instrument", "random bytes")]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = Settings(database=str(tmp_path_factory.mktemp("lab") / "lab"), requests_per_minute=100_000)
    with TestClient(create_app(settings), base_url="http://127.0.0.1:8300", raise_server_exceptions=False) as client:
        found = Server(client)
        found.key = found.post("/api/v1/campaigns", {"name": "kinase", "config": CONFIG}).json()["key"]
        assert found.post("proposals", {"number": 4}).status_code == 201
        yield found


def stands(server: Server) -> tuple[int, int]:
    return server.get("events").json()["last"], server.get("/api/v1/campaigns").json()["total"]


@pytest.mark.parametrize("entrance", [name for name, one in ENTRANCES.items() if one.takes != "sequences"])
def test_what_takes_too_much_is_refused_in_words(server: Server, entrance: str, monkeypatch):
    monkeypatch.setattr(uploads, "Limits", partial(uploads.Limits, answer=1))
    monkeypatch.setattr(uploads, "EXPORTS", uploads.Limits(file=0))
    before = stands(server)
    answer = ENTRANCES[entrance].send(server.client, server.key, "list.csv", LARGE)
    assert re.search("holds more than 1 MiB|and 0 are allowed", answer.text), answer.text[-2000:]
    assert not refused(answer)
    assert stands(server) == before


@pytest.mark.parametrize(("entrance", "file"), shared_out())
def test_hostile_files_are_refused(server: Server, entrance: str, file: str):
    """All of them at all entrances: `python -m benchmarks hostile`."""
    one, before, began = (FILES | SEQUENCES)[file], stands(server), time.process_time()
    answer = ENTRANCES[entrance].send(server.client, server.key, one.name, one.make())
    assert not refused(answer), answer.text[-2000:]
    assert stands(server) == before
    assert time.process_time() - began < 10


@pytest.mark.parametrize(("name", "entrance"), list(zip(NAMES, itertools.cycle(NAMED), strict=False)))
def test_names_become_no_paths_nor_markup(server: Server, name: str, entrance: str):
    answer = ENTRANCES[entrance].send(server.client, server.key, name, GOOD)
    assert answer.status_code < 500
    assert "<img" not in answer.text or answer.headers["content-type"] == "application/json"
    assert "49.csv" not in answer.text
    assert "X-Y" not in answer.headers
    for event in server.get("events?limit=100").json()["events"]:
        assert not re.search(r"[/\\\n\x00]", str(event.get("file", "")))


def test_no_entrance_is_forgotten(server: Server):
    document = server.client.app.openapi()  # type: ignore[attr-defined]
    routes = set()
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            content = told.get("requestBody", {}).get("content", {})
            schema = content.get("application/json", {}).get("schema", {})
            held = document["components"]["schemas"].get(schema.get("$ref", "").rpartition("/")[2], {})
            texts = [
                one for one in held.get("properties", {}).values() if "string" in str(one.get("additionalProperties"))
            ]
            if "multipart/form-data" in content or (texts and f"{method} {path}" not in HASHES):
                routes.add(f"{method.upper()} {path}")
    assert routes == {name.partition(",")[0] for name in ENTRANCES if not name.startswith("page ")}
    fields = {
        (path.stem, field)
        for path in (Path(package.__file__).parent / "templates").glob("*.html")
        for field in re.findall(r'name="(\w+)" type="file"', path.read_text())
    }
    pages = {tuple(name.removeprefix("page ").split(", ")[:2]) for name in ENTRANCES if name.startswith("page ")}
    assert fields == {(page, "file" if field == "stored" else field) for page, field in pages}


def test_forms_that_are_none_are_refused(server: Server):
    """Other media types than a form's, forms without an end, and with fields without number."""
    paths = [f"/api/v1/campaigns/{server.key}/{end}" for end in ("results/preview", "results/file", "extensions/file")]
    for path in (*paths, "/new", f"/campaigns/{server.key}/results"):
        for kind, content in {
            "text/csv": GOOD,
            "multipart/form-data": GOOD,
            "multipart/form-data; boundary=x": b"--x\r\nContent-Disposition: form-data; name=file\r\n\r\na",
            "multipart/form-data; boundary=y": b'--y\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n' * 20_000,
            "application/json": b"[" * 100_000,
            "application/x-www-form-urlencoded": b"a=1&" * 100_000,
        }.items():
            answer = server.client.post(path, content=content, headers={"content-type": kind}, follow_redirects=False)
            assert answer.status_code in (200, 400, 413, 422), (path, kind, answer.text[-500:])
            assert not re.search("Traceback|Error:", answer.text)


def test_a_family_that_is_no_alignment_is_refused_before_it_is_read(server: Server):
    config = CONFIG + '[learner]\nfamily = "family.a2m"\n'
    given = {"name": "list", "config": config, "files": {"family.a2m": "mutant,score\nK2R,1\n"}}
    answer = server.post("/api/v1/campaigns", given)
    assert answer.status_code == 422
    assert "family.a2m" in answer.json()["detail"]
