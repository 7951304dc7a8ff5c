"""Every entrance by which a file comes in reads it in a process with limits, and says why it takes too much."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from served import CONFIG, WILD_TYPE, Server
from starlette.testclient import TestClient

import activeloop.server as package
from activeloop.server.app import create_app
from activeloop.server.settings import Settings
from activeloop.work import uploads

LIST = f"""
[pool]
kind = "variants"
wild_type = "{WILD_TYPE}"
table = "list.csv"
[[assays]]
name = "activity"
"""
LARGE = b"variant,activity\n" + b"K2R,0.5\n" * 100_000
WORDS = re.compile("holds more than 1 MiB")
FORM = {"kind": "variants", "wild_type": WILD_TYPE, "design": "list", "assays": "1", "assay_name_0": "activity"}


def sent(server: Server, path: str, field: str, **form: str) -> Any:
    files = {field: ("list.csv", LARGE, "text/csv")}
    return server.client.post(path, data=form, files=files, headers=server.headers)


def made(server: Server, method: str, path: str, **how: Any) -> Any:
    return server.call(method, path, json={"name": "list", "config": LIST, **how})


TEXT = {"list.csv": LARGE.decode()}
API = "/api/v1/campaigns/{campaign}"
ENTRANCES: dict[str, Callable[[Server], Any]] = {
    f"POST {API}/results/preview": lambda s: sent(s, f"/api/v1/campaigns/{s.key}/results/preview", "file"),
    f"POST {API}/results/file": lambda s: sent(s, f"/api/v1/campaigns/{s.key}/results/file", "file"),
    f"POST {API}/extensions/file": lambda s: sent(s, f"/api/v1/campaigns/{s.key}/extensions/file", "file"),
    "POST /api/v1/campaigns, text": lambda s: made(s, "POST", "/api/v1/campaigns", files=TEXT),
    "POST /api/v1/campaigns, base64": lambda s: made(
        s, "POST", "/api/v1/campaigns", encoded={"list.csv": base64.b64encode(LARGE).decode()}
    ),
    "POST /api/v1/campaigns/preview": lambda s: s.post("/api/v1/campaigns/preview", {"config": LIST, "files": TEXT}),
    f"PUT {API}/configuration": lambda s: s.call("PUT", "configuration", json={"config": LIST, "files": TEXT}),
    "page new, list, looked at": lambda s: sent(s, "/new", "list", do="look", **FORM),
    "page new, list, made": lambda s: sent(s, "/new", "list", do="make", **FORM),
    "page new, panels, looked at": lambda s: sent(s, "/new", "panels", do="look", **FORM),
    "page new, history, made": lambda s: sent(s, "/new", "history", do="make", **FORM),
    "page candidates, list": lambda s: sent(s, f"/campaigns/{s.key}/extend", "list", way="list"),
    "page results, file": lambda s: sent(s, f"/campaigns/{s.key}/results", "file", do="preview"),
    "page plate, sources": lambda s: sent(
        s, f"/campaigns/{s.key}/plates/plate-1/picklist", "sources", robot="echo", volume="1 µL", stocks="file"
    ),
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    settings = Settings(database=str(tmp_path_factory.mktemp("lab") / "lab"))
    with TestClient(create_app(settings), base_url="http://127.0.0.1:8300") as client:
        found = Server(client)
        found.key = found.post("/api/v1/campaigns", {"name": "kinase", "config": CONFIG}).json()["key"]
        assert found.post("proposals", {"number": 4}).status_code == 201
        yield found


@pytest.mark.parametrize("entrance", ENTRANCES)
def test_what_takes_too_much_is_refused_in_words(server: Server, entrance: str, monkeypatch):
    monkeypatch.setattr(uploads, "Limits", partial(uploads.Limits, answer=1))
    before = server.get("events").json()["last"], len(server.get("/api/v1/campaigns").json()["campaigns"])
    answer = ENTRANCES[entrance](server)
    assert WORDS.search(answer.text), answer.text[-2000:]
    assert answer.status_code in (200, 422)  # 200: a preview that says what is wrong
    assert "Traceback" not in answer.text
    assert (server.get("events").json()["last"], len(server.get("/api/v1/campaigns").json()["campaigns"])) == before


def test_no_entrance_is_forgotten(server: Server):
    document = server.client.app.openapi()  # type: ignore[attr-defined]
    routes = {
        f"POST {path}"
        for path, methods in document["paths"].items()
        if "multipart/form-data" in methods.get("post", {}).get("requestBody", {}).get("content", {})
    }
    assert routes == {name for name in ENTRANCES if name.startswith(f"POST {API}/")}
    fields = {
        (path.stem, field)
        for path in (Path(package.__file__).parent / "templates").glob("*.html")
        for field in re.findall(r'name="(\w+)" type="file"', path.read_text())
    }
    tried = {(name.split()[1], name.split()[2]) for name in ENTRANCES if name.startswith("page ")}
    tried = {(page.strip(","), field.strip(",")) for page, field in tried}
    assert fields == tried


def test_a_family_that_is_no_alignment_is_refused_before_it_is_read(server: Server):
    config = CONFIG + '[learner]\nfamily = "family.a2m"\n'
    answer = made(server, "POST", "/api/v1/campaigns", config=config, files={"family.a2m": "mutant,score\nK2R,1\n"})
    assert answer.status_code == 422
    assert "family.a2m" in answer.json()["detail"]
