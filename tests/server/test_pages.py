"""The pages: what hostile text, repeated forms, other sites and missing roles come to."""

from __future__ import annotations

import csv
import io
import re
import threading
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from activeloop.config import open_folder
from activeloop.server.app import create_app
from activeloop.server.settings import Settings
from activeloop.work import uploads
from exports import softmax

HOSTILE = "<img src=x onerror=alert(1)>\"'"
COMPOUNDS = "smiles,name\nCCO,{name}\nCCN,b\nCCC,c\nCCCl,d\nCCBr,e\nCCCC,f\nCCCCO,g\n"


class Client:
    """A browser without a script: it follows redirects and knows the campaign that it looks at."""

    def __init__(self, client: TestClient):
        self.client, self.root, self.number = client, "", 0

    def get(self, path: str) -> Any:
        return self.client.get(path if path == "/" else f"{self.root}{path}")

    def post(self, path: str, **form: Any) -> Any:
        self.number += 1
        files = {name: value for name, value in form.items() if isinstance(value, tuple)}
        data = {"request": f"r{self.number}", **{k: v for k, v in form.items() if k not in files}}
        return self.client.post(
            path if path.startswith("/new") or path == "/demo" else f"{self.root}{path}", data=data, files=files or None
        )


@pytest.fixture
def pages(tmp_path: Path):
    with TestClient(create_app(Settings(database=str(tmp_path / "lab"))), base_url="http://127.0.0.1:8300") as client:
        yield Client(client)


def made(pages: Client, **fields: Any) -> Client:
    """A campaign of the single mutants of a short protein."""
    form = {
        "kind": "variants",
        "wild_type": "MKTAYIAKQR",
        "design": "singles",
        "goal": "find",
        "do": "make",
        "name": "kinase",
    }
    form |= {"name": "kinase", "assays": "1", "assay_name_0": "kcat", "assay_unit_0": "1/s"}
    form |= {"wells": "24", "controls": "2", **fields}
    answer = pages.post("/new", **form)
    assert answer.status_code == 200, answer.text
    pages.root = answer.url.path
    assert re.fullmatch("/campaigns/[0-9a-f]{32}", pages.root), answer.text[-3000:]
    return pages


class Tags(HTMLParser):
    """The tags of a page."""

    def __init__(self, text: str):
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_names_of_users_are_text_wherever_they_stand(pages):
    content = COMPOUNDS.format(name=HOSTILE.replace('"', '""').join('""')).encode()
    made(
        pages,
        kind="compounds",
        design="list",
        name=HOSTILE,
        assay_name_0=HOSTILE,
        assay_unit_0="<u>",
        list=("<b>.csv", content, "text/csv"),
    )
    pages.post("/propose", n="3")
    for path in (
        "/",
        "",
        "/plates",
        "/plates/plate-1",
        "/results",
        "/candidates",
        "/model",
        "/students",
        "/audit",
        "/settings",
    ):
        answer = pages.get(path)
        assert answer.status_code == 200, path
        tags = Tags(answer.text).found
        assert not [t for t in tags if (t[0] in ("img", "b", "u") and "onerror" in str(t)) or t[0] == "img"], path
        assert not [name for _, attributes in tags for name in attributes if name.startswith("on")], path
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert not [t for t in tags if "style" in t[1] or t[0] == "style"], path


def test_a_form_that_comes_twice_is_done_once(pages):
    made(pages)
    for _ in range(2):
        answer = pages.client.post(f"{pages.root}/candidates", data={"request": "same", "names": "K2A", "do": "pin"})
        assert answer.status_code == 200
    assert pages.get("/audit").text.count("pinned: K2A") == 1


def test_a_long_event_is_listed_without_being_read(pages):
    made(pages)
    names = [f"{a}{i}{b}" for i, a in enumerate("KTAYIAKQR", 2) for b in "CDEFGH" if a != b]
    rows = "".join(f"{name},{1 + k / 7}\n" for k, name in enumerate(names * 60))
    content = f"variant,kcat\n{rows}".encode()
    form = {"file": ("long.csv", content, "text/csv"), "do": "store", "how": "repeats"}
    assert pages.post("/results", **form).status_code == 200
    text = pages.get("/audit").text
    assert f"{len(names) * 60:,} results of long.csv" in text
    assert len(text) < 20_000
    whole = re.search(r'href="(/api/v1[^"]+)" download="event-2.json"', text)
    assert whole is not None
    event = pages.client.get(whole[1].replace("&amp;", "&")).json()["events"][0]
    assert event["sequence"] == 2
    assert len(event["payload"]["measurements"]) == len(names) * 60


def test_forms_of_other_sites_are_refused(pages):
    made(pages)
    answer = pages.client.post(
        f"{pages.root}/candidates", data={"names": "K2A"}, headers={"sec-fetch-site": "cross-site"}
    )
    assert answer.status_code == 403


def test_an_error_says_what_to_do_and_the_form_keeps_what_was_typed(pages):
    answer = pages.post(
        "/new",
        kind="variants",
        design="sites",
        sites="K2, Z9",
        wild_type="MKTA",
        assay_name_0="kcat",
        assays="1",
        do="look",
    )
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert "Z9" in answer.text
    assert 'value="K2, Z9"' in answer.text
    assert "--" not in re.search(r'role="alert">(.*?)</div>', answer.text, re.DOTALL)[1]  # no option of the terminal


def test_a_file_is_looked_at_and_stored_only_then(pages):
    made(pages)
    table = ("r.csv", b"mutant,kcat (1/s)\nK2R,1.5\nT3S,0.4\n", "text/csv")
    look = pages.post("/results", do="preview", file=table)
    assert "2 results of 2 candidates would be stored" in look.text
    assert "Nothing was stored yet" in look.text
    word = re.search(r'name="file_word" value="([^"]+)"', look.text)[1]
    stored = pages.post("/results", do="store", file_word=word)
    assert "Stored 2 results" in stored.text
    again = pages.post("/results", do="preview", file=table)
    assert "stored before" in again.text
    event = re.search(r"/results/(\d+)/void", stored.text)[1]
    assert "needs a reason" in pages.post(f"/results/{event}/void", reason="").text
    assert "the pipette leaked" in pages.post(f"/results/{event}/void", reason="the pipette leaked").text


def test_an_export_of_an_instrument_is_looked_at_and_its_quantity_chosen(pages, reading, tmp_path, monkeypatch):
    """The same rule by pages and API: what is no table and speaks of an instrument is read as its export.

    While it is read in a process of its own, the campaign is there for others.
    """
    made(pages, wells="96", controls="4")
    campaigns, key, free = pages.client.app.state.campaigns, pages.root.rsplit("/", 1)[1], []
    answer = uploads._answer

    def watched(*task: Any) -> Any:
        def ask() -> None:
            if got := campaigns._held[key].lock.acquire(timeout=1):
                campaigns._held[key].lock.release()
            free.append(got)

        other = threading.Thread(target=ask)
        other.start()
        other.join()
        return answer(*task)

    monkeypatch.setattr(uploads, "_answer", watched)
    pages.post("/propose", n="20")
    rows = csv.DictReader(io.StringIO(pages.get("/plates/plate-1/file.csv").text))
    filled = {row["well"] for row in rows if row["candidate"]}
    export = softmax(tmp_path / "run.txt", filled).read_bytes()
    look = pages.post("/results", do="preview", file=("run.txt", export, "text/plain"))
    assert "An export of SoftMax Pro" in look.text
    assert re.findall(r'<option value="(absorbance[^"]*)"', look.text) == [
        "absorbance at 450 nm",
        "absorbance at 570 nm",
    ]
    assert "Store " not in look.text
    word = re.search(r'name="file_word" value="([^"]+)"', look.text)[1]
    chosen = {"file_word": word, "instrument": "yes", "quantity": "absorbance at 570 nm"}
    assert "Stored 24 results" in pages.post("/results", do="store", **chosen).text
    given = {"files": {"file": ("run.txt", export)}, "data": {"quantity": "570 nm"}}
    seen = pages.client.post(f"/api/v1{pages.root}/results/preview", **given).json()
    assert ([q["values"] for q in seen["quantities"]], seen["summary"]["read_before"]) == ([96, 96], True)
    assert (len(free) > 4, all(free)) == (True, True)


def test_a_limit_is_no_value_on_the_page_of_candidates(pages):
    made(pages, assay_goal_0="minimise")
    pages.post("/results", do="store", file=("r.csv", b"mutant,kcat\nK2R,1.5\nT3S,>9.5\n", "text/csv"))
    assert "<td>&gt;9.5</td>" in pages.get("/candidates").text
    pages.post("/propose", n="3")
    rows = re.findall(
        r'<th scope="row">([A-D]\d)</th>.*?<td class="words">([^<]*)</td>', pages.get("/plates/plate-1").text
    )
    well = next(well for well, kind in rows if kind.startswith("rank"))
    pages.post("/results", do="store", file=("w.csv", f"plate,well,kcat\nplate-1,{well},<0.5\n".encode(), "text/csv"))
    assert "<td>&lt;0.5</td>" in pages.get("/plates/plate-1").text


def test_a_list_with_broken_and_doubled_rows(pages):
    listed = ("library.csv", "id,smiles\nA,CCO\nB,broken\nC,OCC\nD,CCN\n", "text/csv")
    form = {"kind": "compounds", "design": "list", "goal": "find", "assays": "1", "assay_name_0": "IC50"}
    form |= {"assay_goal_0": "minimise", "wells": "24", "controls": "2", "name": "library"}
    broken = pages.post("/new", do="preview", list=listed, **form)
    assert "“leave out rows that cannot be read”" in broken.text
    doubled = pages.post("/new", do="preview", list=listed, skip="yes", **form)
    assert "“count a candidate that stands twice once”" in doubled.text
    look = pages.post("/new", do="preview", list=listed, skip="yes", merge="yes", **form)
    assert "2 compounds" in look.text, look.text[-3000:]
    assert 'name="skip" value="yes" checked' in look.text


def test_treatments_with_panels_and_a_history(pages):
    lines, drugs = [f"LINE-{i}" for i in range(12)], [f"drug {d}" for d in range(6)]
    rows = [f"{d},{c},{(i * j) % 7 - 2:.1f}" for i, d in enumerate(drugs) for j, c in enumerate(lines)]
    history = ("old.csv", "compound,cell line,ln_IC50\n" + "\n".join(rows) + "\n", "text/csv")
    panel = (
        "drugs.csv",
        "id,synonyms,targets\nnew one,NN-1,T0\n" + "".join(f"{d},,T{i % 3}\n" for i, d in enumerate(drugs)),
        "text/csv",
    )
    form = {"kind": "treatments", "design": "treatments", "goal": "find", "assays": "1", "assay_name_0": "ln_IC50"}
    form |= {"assay_goal_0": "minimise", "wells": "24", "controls": "2", "name": "resistance"}
    form |= {"cells": "\n".join(lines), "compounds": "new one", "wild_type": "", "number": "6"}
    look = pages.post("/new", do="preview", panels=panel, history=history, **form)
    assert "12 treatments: all combinations of 12 cells x 1 compound" in look.text, look.text[-3000:]
    words = {f"{f}_word": re.search(rf'name="{f}_word" value="([^"]+)"', look.text)[1] for f in ("panels", "history")}
    answer = pages.post("/new", do="make", **form, **words)
    assert 'value="6" required' in answer.text  # as many as the form said
    pages.root = answer.url.path
    assert re.fullmatch("/campaigns/[0-9a-f]{32}", pages.root), answer.text[-3000:]
    table = pages.get("/candidates").text
    heads = re.findall(r"<th scope=\"col\"[^>]*>(?:<a[^>]*>)?([a-z]+)", table)
    assert heads[:3] == ["cells", "compound", "state"]
    assert ">LINE-3</a>" in table
    assert "Students read sequences and structures" in pages.get("/students").text
    assert pages.post("/new", do="make", **form | {"cells": __file__}).status_code == 422
    assert "reads like several cells" in pages.post("/new", do="preview", **form | {"cells": "MCF-7, A549"}).text


def test_who_was_allowed_what_is_a_page(pages):
    made(pages)
    pages.post("/results", do="store", file=("r.csv", b"mutant,kcat\nK2R,1.5\nT3S,0.4\n", "text/csv"))
    pages.post("/results/2/void", reason="the <b>pipette</b> leaked")
    pages.post("/settings/tokens", name="reader 2", role="robot")
    text = pages.get("/audit/people").text
    assert "a token of reader 2, which may do what a robot does" in text
    assert "the &lt;b&gt;pipette&lt;/b&gt; leaked" in text
    assert 'href="/campaigns/' in pages.client.get("/trail").text
    assert "every entry of the server was checked" in pages.client.get("/trail?check=true").text
    assert f'{pages.root}/audit/people"' in pages.get("/audit").text


def test_the_word_of_a_file_is_of_its_campaign_alone(pages):
    made(pages)
    look = pages.post("/results", do="preview", file=("r.csv", b"mutant,kcat\nK2R,1.5\n", "text/csv"))
    word = re.search(r'name="file_word" value="([^"]+)"', look.text)[1]
    made(pages, name="another")
    assert "choose the file again" in pages.post("/results", do="store", file_word=word).text
    assert "choose the file again" in pages.post("/results", do="store", file_word=f"{word[:-1]}x").text


def test_plates_are_changed_only_before_they_are_sent(pages):
    made(pages)
    assert pages.post("/propose", n="5").url.path.endswith("/plates/plate-1")
    assert "same well" in pages.post("/plates/plate-1/swap", one="A1", other="A01").text
    assert "not on a 24-well plate" in pages.post("/plates/plate-1/swap", one="A1", other="H12").text
    answer = pages.post("/plates/plate-1/picklist", robot="echo", volume="100 nL", stocks="order")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.text.startswith("Source Plate Name")
    assert "no volume" in pages.post("/plates/plate-1/picklist", robot="echo", volume="much", stocks="order").text
    assert "Sent to Bob" in pages.post("/plates/plate-1/sent", to="Bob").text
    assert 'action="' + pages.root + '/plates/plate-1/swap"' not in pages.get("/plates/plate-1").text
    assert "was sent to Bob" in pages.post("/plates/plate-1/swap", one="A1", other="A2").text


def test_runs_of_devices_stand_on_the_plate(pages):
    made(pages)
    pages.post("/propose", n="5")
    run = {"device": "opentrons", "run": "r-1", "outcome": "failed", "words": HOSTILE, "files": {"log.json": "a" * 64}}
    told = pages.client.post(f"/api/v1{pages.root}/plates/plate-1/runs", json=run, headers={"Idempotency-Key": "k1"})
    assert told.status_code == 200, told.text
    text = pages.get("/plates/plate-1").text
    assert "On devices" in text
    assert "SHA-256 aaaaaaaaaaaa" in text
    assert "<img src=x" not in text


def test_settings_hold_for_the_next_plate(pages):
    made(pages)
    answer = pages.post(
        "/settings/plates",
        wells="96",
        controls="4",
        control="WT",
        replicates="2",
        layout="random",
        price_per_well="2.5",
        auto="yes",
    )
    assert answer.status_code == 200
    assert "wells = 96" in answer.text
    loop = open_folder(pages.client.app.state.store.folder(pages.root.split("/")[-1]))
    assert (loop.config.plate.replicates, loop.config.plate.price_per_well, loop.config.student.auto) == (2, 2.5, True)
    assert "no number" in pages.post("/settings/plates", wells="96", controls="many", layout="auto").text
    assert "Renamed" in pages.post("/settings/name", name="Renamed").text
    token = pages.post("/settings/tokens", name="plate reader", role="robot")
    secret = re.search(r"<code>([^<]{20,})</code>", token.text)[1]
    assert secret not in pages.get("/settings").text


def test_what_a_campaign_waits_for_is_listed(pages):
    made(pages)
    assert "a first plate" in pages.get("/").text
    pages.post("/propose", n="4")
    assert "results of proposal 1 (4 candidates)" in pages.get("/").text
    assert "No campaign has" in pages.client.get("/?search=zzz").text


def test_pages_of_a_team_ask_who_calls(team):
    answer = team.client.get("/", follow_redirects=False)
    assert answer.status_code == 401
    assert answer.headers["refresh"] == "0; url=/auth/login?next=%2F"
    reader = team.of("rita", "reader")
    shown = reader.call("GET", f"/campaigns/{team.key}/plates")
    assert shown.status_code == 200
    assert "Propose" not in reader.call("GET", f"/campaigns/{team.key}").text


def test_a_mistyped_address_is_no_page(pages):
    made(pages)
    pages.root = "/campaigns/abc"
    answer = pages.get("")
    assert (answer.status_code, "There is no such page" in answer.text, "pattern" in answer.text) == (404, True, False)


@pytest.mark.parametrize("path", ["/nothing/here", "/campaigns/abc/nothing/here", "/auth/nothing", "/metrics/x"])
def test_a_browser_is_answered_by_pages_and_a_program_by_problems(pages, path):
    browser = pages.client.get(path, headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert (browser.status_code, browser.headers["content-type"][:9]) == (404, "text/html")
    assert "There is no such page" in browser.text
    program = pages.client.get(path)
    assert (program.status_code, program.headers["content-type"]) == (404, "application/problem+json")
    api = pages.client.get(f"/api/v1{path}", headers={"accept": "text/html"})
    assert (api.status_code, api.headers["content-type"]) == (404, "application/problem+json")
