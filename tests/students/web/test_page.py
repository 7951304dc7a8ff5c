"""The page in a real browser predicts what `Student.open` predicts in Python."""

from __future__ import annotations

import csv
import http.server
import io
import json
import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from activeloop import Assay, Pool
from activeloop.candidates import VariantNotation
from activeloop.errors import InputError
from activeloop.prediction import NORMAL, PredictionTable
from activeloop.students.runtime.card import ModelCard
from activeloop.students.runtime.student import Student
from activeloop.students.runtime.tokenizer import StudentTokenizer
from activeloop.students.web import page as runtime
from activeloop.students.web import write_page

pytest.importorskip("onnx", reason="makes the student's file")
pytest.importorskip("onnxruntime", reason="runs the student in Python")
sys.path.insert(0, str(Path(__file__).parent))
from chromium import Chromium, find_chromium
from hand_made import write_student

WILD = "MTYKLILNGKTLKGETTTEAVDAATAEKVFKQYANDNGVDGEWTYDDATKTFTVTE"
LETTERS = "ACDEFGHIKLMNPQRSTVWY"
PROGRAM = find_chromium()
#: in CI a missing browser is a failure, not a reason to skip
needs_browser = pytest.mark.skipif(PROGRAM is None and "CI" not in os.environ, reason="no Chromium: `make browser`")


def card_of(tokenizer: StudentTokenizer, assays: tuple[Assay, ...], classes: tuple[str, ...] = ()) -> ModelCard:
    """A card whose noise and shape differ between outputs, so that each has to be used where it belongs."""
    outputs = len(classes) or len(assays)
    skewed = np.sort(NORMAL + 0.4 * NORMAL**2)
    shape = None if classes else np.array([skewed if a % 2 == 0 else 1.3 * NORMAL for a in range(outputs)])
    noise = (0.0,) * outputs if classes else tuple(0.2 + 0.3 * a for a in range(outputs))
    return ModelCard(
        "made by hand", tokenizer, assays, classes, noise, shape, 900, "nobody </script><b>", 2, "0123456789abcdef",
        {"spearman": 0.91, "sd_spearman": float("nan"), "candidates": 100.0}, "MIT", "0",
        "2026-01-02T03:04:05+00:00", 3,
    )  # fmt: skip


def written_variants(n: int) -> list[str]:
    """Variants with 0 to 5 changes, in many ways of writing; some longer or shorter than the wild type."""
    rng = np.random.default_rng(5)
    three = {"A": "Ala", "G": "Gly", "K": "Lys", "T": "Thr", "E": "Glu", "V": "Val", "W": "Trp", "P": "Pro"}
    found = [
        "WT",
        "p.Ala24Gly",
        "p.(Ala24Gly)",
        "D22del",
        "K10_T11del",
        "24insGS",
        "Δ5",
        "A24-",
        "NP_12345.1:p.Ala24Gly",
    ]
    while len(found) < n:
        places = sorted(rng.choice(len(WILD), rng.integers(1, 6), replace=False) + 1)
        pieces = [f"{WILD[p - 1]}{p}{rng.choice(list(LETTERS))}" for p in places]
        kind = rng.integers(6)
        if kind == 0 and all(x[0] in three and x[-1] in three for x in pieces):
            pieces = [f"p.{three[x[0]]}{x[1:-1]}{three[x[-1]]}" for x in pieces]
        if kind == 1:
            pieces = [f"{WILD[places[0] - 1]}{places[0]}del", *pieces[1:]]
        if kind == 2:
            pieces = [*pieces, f"{places[0]}ins{rng.choice(list(LETTERS))}W"]
        text = str(rng.choice(list(":,/;+ _"))).join(pieces)
        if kind in (3, 4):
            text = VariantNotation(WILD).design(text).sequence
        if kind == 4:
            cut, new = rng.integers(5, 40), "".join(rng.choice(list(LETTERS), rng.integers(1, 4)))
            text = text[:cut] + new + text[cut + int(rng.integers(0, 4)) :]
        found.append(text.lower() if kind == 5 else text)
    return found


REFUSED = [
    "A24J", "K24G", "A99G", "A24*", "hello", "A24G:A24V", "24", "MTYKL", "AB24G", "12insX", "K30_A24del", "A24G:%",
    "ACGTACGTACGTACGTACGTACGTACGTACGT", "A24-K26-",
]  # fmt: skip


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    assert PROGRAM is not None
    started = Chromium(PROGRAM, tmp_path_factory.mktemp("profile"))
    yield started
    started.close()


@pytest.fixture(scope="module")
def variants_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tokenizer = StudentTokenizer.of(Pool.single_mutants(WILD))
    card = card_of(
        tokenizer,
        (Assay("KD", "nM", goal="minimise"), Assay("yield", "mg/l"), Assay("toxic", goal="minimise", scale="binary")),
    )
    return write_student(card, tmp_path_factory.mktemp("student") / "student.onnx")


@pytest.fixture(scope="module")
def variants_page(variants_file: Path) -> Path:
    pool = Pool.single_mutants(WILD, positions=range(2, 40))
    return write_page(variants_file, variants_file.parent / "out", pool=pool)


@pytest.fixture(scope="module")
def opened(browser: Chromium, variants_page: Path) -> Chromium:
    """The page, opened by its file, as by a double click; with one variant in its address."""
    browser.open(f"{variants_page.as_uri()}#list=A24G")
    return browser


def forecast(file: Path, sequences: list[str]) -> PredictionTable:
    student = Student.open(file)
    prediction = student.predict_tokens(student.card.tokenizer.encode(sequences), 0, draws=0)
    return PredictionTable.of(prediction, sequences, student.card.assays, 0)


def table(browser: Chromium) -> dict[str, list[float]]:
    """What the page's CSV file holds: name -> its numbers."""
    rows = list(csv.reader(io.StringIO(browser.run("page.list.text()"), newline="")))
    return {row[0]: [float(x) for x in row[1:-1]] for row in rows[1:]}


@needs_browser
def test_the_browser_predicts_what_python_predicts(opened: Chromium, variants_file: Path) -> None:
    browser, texts = opened, ["A24G", *written_variants(200)]
    browser.run(f"document.getElementById('lines').value = {json.dumps(chr(10).join(texts))}")
    browser.run("document.getElementById('add-lines').click()")
    designs = [VariantNotation(WILD).design(text) for text in texts]
    names = list(dict.fromkeys(d.name for d in designs))
    browser.until(f"document.querySelectorAll('#rows tbody tr').length === {len(names)}")

    made = table(browser)
    assert list(made) == names
    by_name = {d.name: d.sequence for d in designs}
    predicted = forecast(variants_file, [by_name[name] for name in names])
    columns = np.stack([predicted.mean, predicted.sd, predicted.low, predicted.high], 2).reshape(len(names), -1)
    np.testing.assert_allclose([made[name] for name in names], columns, rtol=1e-4, atol=1e-5)
    header = browser.run("page.list.text().split('\\r\\n')[0]")
    assert "toxic probability low" in predicted.column_names
    named = ",".join(["candidate", *predicted.column_names, "remarks"])
    assert header == named, "as `activeloop predict` writes it, so no results"
    shares = np.array([made[name][-4:] for name in names])[:, [0, 2, 3]]
    assert 0 <= shares.min() <= shares.max() <= 1
    sides = (predicted.mean - predicted.low)[:, 0] / (predicted.high - predicted.mean)[:, 0]
    assert (np.abs(np.log(sides)) > 0.1).all(), "the shape is skewed, so a page that forgot it would not pass"
    assert browser.troubles() == []


@needs_browser
def test_bad_input_is_refused_as_in_python(opened: Chromium) -> None:
    browser = opened
    browser.run("document.getElementById('clear').click()")
    for text in REFUSED:
        with pytest.raises(InputError):
            VariantNotation(WILD).design(text)
    name = "page.student.reading.candidate(text).name"
    code = f"(text) => {{ try {{ return {name} }} catch (error) {{ return error.constructor.name }} }}"
    assert browser.run(f"{json.dumps(REFUSED)}.map({code})") == ["NotationError"] * len(REFUSED)
    browser.run("document.getElementById('box').focus()")
    browser.type("K24G")
    browser.until("document.getElementById('says').textContent")
    assert browser.run("document.getElementById('says').textContent") == (
        '"K24G": the wild type has A at position 24, not K. Check the numbering.'
    )
    browser.key("Enter")
    browser.run("page.list.add(['K24G', 'A24G'])")
    browser.until("document.getElementById('list-says').textContent.includes('line 1')")
    assert list(table(browser)) == ["A24G"]
    assert browser.run("location.hash") == "#list=A24G"


@needs_browser
def test_the_map_names_the_best_and_a_key_writes_a_change(opened: Chromium, variants_file: Path) -> None:
    browser = opened
    browser.until("document.body.dataset.map === 'ready'", 60)
    numbers = "(x) => [x.dataset.name, Number(x.dataset.gain)]"
    chips = browser.run(f"[...document.querySelectorAll('#best .chip')].map({numbers})")
    pool = Pool.single_mutants(WILD)
    predicted = forecast(variants_file, [WILD, *(pool.design(i).sequence for i in range(len(pool)))])  # pyright: ignore
    gains = predicted.mean[0, 0] - predicted.mean[1:, 0]  # less is better
    best = np.argsort(-gains)[:10]
    assert {name for name, _ in chips} == {pool.design(int(i)).name for i in best}
    np.testing.assert_allclose([gain for _, gain in chips], gains[best], rtol=1e-3, atol=1e-4)

    browser.run("document.querySelector('.window').focus()")
    for name in ("ArrowRight", "ArrowDown", "Enter"):
        browser.key(name)
    # from whatever cell the focus starts at: the first, A at position 1; one to the right and one down is T2V
    browser.until("document.getElementById('box').value === 'T2V'")
    browser.until("document.querySelector('#answer mark')?.textContent === 'V'")
    assert browser.run("page.map.singles.values[0].value.length") == len(WILD) * 20
    notes = browser.run("document.getElementById('card').textContent")
    assert "</script><b>" in notes
    assert "a pool of single mutants" in notes
    browser.run("document.getElementById('clear').click()")
    browser.run("document.getElementById('box').value = 'T2V:A48G'; document.getElementById('add').click()")
    browser.until("document.querySelector('#rows .flag')")
    assert "nothing varies there" in browser.run("document.querySelector('#rows .flag').title")
    assert browser.troubles() == []


@needs_browser
def test_nothing_sticks_out_of_a_narrow_screen(opened: Chromium) -> None:
    size = {"height": 800, "deviceScaleFactor": 1, "mobile": False}
    opened.call("Emulation.setDeviceMetricsOverride", width=360, **size)
    opened.run("page.list.add(['A24G:A48G'])")
    opened.until("document.querySelectorAll('#rows tbody tr').length")
    opened.until("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    opened.call("Emulation.clearDeviceMetricsOverride")


@needs_browser
def test_everything_one_can_use_has_a_name(opened: Chromium) -> None:
    """What a screen reader says of each control; the browser's own tree of accessibility knows."""
    tree = opened.call("Accessibility.getFullAXTree")["nodes"]
    used = {"button", "textbox", "radio", "application", "link"}
    nodes = [n for n in tree if n.get("role", {}).get("value") in used and not n.get("ignored")]
    assert len(nodes) > 8
    assert [n for n in nodes if not n.get("name", {}).get("value")] == []


@needs_browser
def test_a_distilled_student_of_fixed_sites_is_served_and_exported(browser: Chromium, tmp_path: Path) -> None:
    """The real way: distilled, exported, written, served as a static file."""
    pytest.importorskip("torch")
    from trained import export_trained

    pool, file = export_trained(tmp_path / "student.onnx")
    write_page(file, tmp_path / "out", pool=pool)
    assert [x.name for x in (tmp_path / "out").iterdir()] == ["index.html"]
    with served(tmp_path / "out") as address:
        browser.open(address)
        browser.until("document.body.dataset.map === 'ready'", 60)
        browser.run("page.list.add(['FWAA', 'V39F', 'WT', 'A24G', 'V39I:D40E:G41A:V54A'])")
        made = table(browser)
        said = browser.run("document.getElementById('list-says').textContent")
        troubles = browser.troubles()
    names = ["V39F:D40W:G41A:V54A", "V39F", "WT", "V39I:D40E:G41A:V54A"]
    assert list(made) == names
    assert "V39, D40, G41 and V54 alone: A24G is elsewhere" in said
    predicted = forecast(file, [VariantNotation(WILD).design(name).sequence for name in names])
    columns = np.stack([predicted.mean, predicted.sd, predicted.low, predicted.high], 2).reshape(len(names), -1)
    np.testing.assert_allclose([made[name] for name in names], columns, rtol=1e-4, atol=1e-5)
    assert troubles == []


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Files of a folder, without a log."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a static server on loopback."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


@needs_browser
@pytest.mark.parametrize("place", ['"noise": [0.', '"letters": "', 'id="student-file">H4sI', 'data-sha256="'])
def test_an_altered_page_says_so_and_predicts_nothing(
    browser: Chromium, variants_page: Path, tmp_path: Path, place: str
) -> None:
    text = variants_page.read_text("utf-8")
    at = text.index(place) + len(place)
    altered = tmp_path / "index.html"
    altered.write_text(f"{text[:at]}{'3' if text[at] != '3' else '4'}{text[at + 1 :]}", "utf-8")
    browser.open(altered.as_uri())
    assert browser.run("document.body.dataset.state") == "failed"
    assert "This page was altered or damaged" in browser.run("document.getElementById('says').textContent")
    assert browser.run("document.getElementById('box').disabled") is True


def test_the_page_needs_nothing_but_itself(variants_page: Path) -> None:
    text = variants_page.read_text("utf-8")
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#)""", text), "everything stands in the page"
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert policy
    assert policy[1].startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-inline" not in policy[1]
    assert "{{" not in text.split("<script")[0]


def test_the_same_student_gives_the_same_page(variants_file: Path, variants_page: Path, tmp_path: Path) -> None:
    again = write_page(variants_file, tmp_path, pool=Pool.single_mutants(WILD, positions=range(2, 40)))
    assert again.read_bytes() == variants_page.read_bytes()


def test_what_is_no_student_is_refused_and_nothing_is_written(variants_file: Path, tmp_path: Path) -> None:
    (tmp_path / "no.onnx").write_bytes(b"no student")
    with pytest.raises(InputError, match=r"no\.onnx"):
        write_page(tmp_path / "no.onnx", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(InputError, match="No page was written"):
        write_page(variants_file, tmp_path / "no.onnx")


def test_a_changed_runtime_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(runtime, "FOLDER", tmp_path)
    (tmp_path / runtime.SCRIPT).write_bytes(b"something else")
    with pytest.raises(InputError, match="Install ActiveLoop again"):
        runtime.runtime_file.__wrapped__(runtime.SCRIPT)
