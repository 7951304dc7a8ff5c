"""`activeloop screen`: what it picks, writes and says, and that it changes nothing."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from activeloop.campaigns import Campaign
from activeloop.cli import main
from activeloop.config import open_campaign
from activeloop.measurements import Measurement

WT = "MKTAYIAKQR"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A campaign with one version, a student file, and a proposal that is out."""
    from activeloop.students.distil.distiller import Distiller
    from activeloop.students.distil.export import export
    from activeloop.students.distil.networks import SiteNetwork

    place = tmp_path_factory.mktemp("screened")
    options = ["--assay", "heat:K:minimise", "--seed", "3", "--learner", "site-gp"]
    with pytest.raises(SystemExit):
        main(["new", str(place / "loop"), "--wild-type", WT, "--sites", "K2,A4,I6", *options])
    loop = open_campaign(place / "loop").campaign
    rows = np.random.default_rng(0).choice(len(loop.pool), 60, replace=False)
    values = loop.pool.codes(rows).astype(float).sum(1)
    loop.record([Measurement(n, "heat", float(v)) for n, v in zip(loop.pool.names(rows), values, strict=True)])
    loop.fit()
    loop.propose(5)
    model = loop.model()
    assert model is not None
    student = Distiller(SiteNetwork((16,)), steps=60).distil(model, loop.dataset(), 0)
    export(student, place / "student.onnx")
    card = student.card
    others = {
        "log": replace(card, log=(True,), centres=(1.0,)),
        "kcat": replace(card, assays=(replace(card.assays[0], name="kcat", unit="1/s"),)),
    }
    for name, other in others.items():
        export(replace(student, card=other), place / f"{name}.onnx")
    return place


@pytest.fixture
def run(typed, monkeypatch, folder):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "160")
    return typed


def loop_of(folder: Path) -> Campaign:
    return open_campaign(folder / "loop").campaign


USUAL = ("screen", "loop", "--student", "student.onnx", "-n", 8, "--shortlist", 800, "--top", 50, "--sample", 400)


def picks(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_picks_are_written_with_their_predictions_and_nothing_is_changed(run, folder):
    before = [r.event for r in loop_of(folder).log]
    status, out, err = run(*USUAL, "--out", "picks.csv", "--workers", 2)
    assert (status, err.strip()) == (0, "")
    assert "7,935 candidates scored by the student; the teacher rescored" in out
    assert "of the teacher's best 50 are estimated to be missed" in out
    assert "Next: `activeloop pin loop NAME`" in out
    loop = loop_of(folder)
    assert [r.event for r in loop.log] == before
    found = picks(folder / "picks.csv")
    assert [row["rank"] for row in found] == [str(i) for i in range(1, 9)]
    rows = [loop.pool.find(row["candidate"]) for row in found]
    said = loop.predict(rows)
    assert [float(row["heat"]) for row in found] == pytest.approx(said.mean[:, 0].tolist(), rel=1e-6)
    assert all(
        float(row["heat measurement low"]) < float(row["heat"]) < float(row["heat measurement high"]) for row in found
    )
    everything = loop.predict(np.arange(len(loop.pool))).mean[:, 0]
    assert np.mean([float(row["heat"]) for row in found]) < np.quantile(everything, 0.02)  # less is better
    taken = {m.measurement.candidate for m in loop.state().results} | {p.name for p in loop.state().proposals[0].picks}
    assert not taken & {row["candidate"] for row in found}
    assert "Spearman of student and teacher" in (folder / "picks.txt").read_text()


def test_the_same_command_again_prints_the_same_at_once(run, folder):
    run(*USUAL, "--out", "one.csv")
    before = {p: p.stat().st_mtime_ns for p in (folder / "loop" / "screens").rglob("teacher-*.npz")}
    assert before
    status, _, _ = run(*USUAL, "--out", "two.csv", "--jobs", 1)
    assert status == 0
    assert (folder / "one.csv").read_bytes() == (folder / "two.csv").read_bytes()
    assert before == {p: p.stat().st_mtime_ns for p in (folder / "loop" / "screens").rglob("teacher-*.npz")}


def test_a_long_list_is_screened_instead_of_the_pool(run, folder):
    loop = loop_of(folder)
    names = loop.pool.names(np.arange(len(loop.pool)))
    (folder / "list.csv").write_text(
        "id,variant\n" + "".join(f'x{i},"{n}"\n' for i, n in enumerate(names)) + "x,WT\n\n"
    )
    status, out, err = run(*USUAL, "list.csv", "--out", "listed.csv")
    assert (status, err.strip()) == (0, "")
    run(*USUAL, "--out", "pool.csv")
    assert "7,9" in out
    assert {r["candidate"] for r in picks(folder / "listed.csv")[:3]} <= {n for n in names}
    measured = {result.measurement.candidate for result in loop.state().measured}
    assert not measured & {r["candidate"] for r in picks(folder / "listed.csv")}


def test_rows_that_cannot_be_read_are_named_or_skipped(run, folder):
    names = loop_of(folder).pool.names(np.arange(3000))
    (folder / "bad.csv").write_text("variant\n" + "\n".join([*names[:5], "K2B", *names[5:]]) + "\n")
    status, _, err = run(*USUAL, "bad.csv")
    assert status == 2
    assert 'bad.csv, row 7: "K2B"' in err
    assert "--skip-unreadable" in err
    status, out, _ = run(*USUAL, "bad.csv", "--skip-unreadable")
    assert status == 0
    assert "2,9" in out.splitlines()[0]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--student", "nothing.onnx"), "nothing.onnx: it cannot be read (No such file or directory)"),
        (("--student", "picks.txt"), "picks.txt:"),
        (("--student", "log.onnx"), "log.onnx: this student works on a logarithmic scale of heat, and"),
        (("--student", "kcat.onnx"), "this student predicts kcat (1/s, less is better), and the model"),
        (("--shortlist", 10), "keep at least as many"),
        (("-n", 0), "0 picks"),
        (("--workers", 0), "give at least 1"),
        (("--out", "picks.xlsx"), "ends in .csv"),
        (("--out", "nowhere/picks.csv"), "there is no folder nowhere"),
        (("nothing.csv",), "nothing.csv: it cannot be read"),
    ],
)
def test_bad_input_is_refused_and_nothing_is_lost(run, folder, arguments, says):
    (folder / "picks.txt").write_text("no student")
    status, _, err = run(*USUAL, *arguments)
    assert status == 2
    assert says in err


def test_without_a_student_the_error_names_distil(run):
    status, _, err = run("screen", "loop")
    assert status == 1
    assert "activeloop distil" in err


def test_the_students_file_may_not_change_on_the_way(run, folder, tmp_path):
    from activeloop.acquisition import AcquisitionContext, Greedy
    from activeloop.errors import InputError
    from activeloop.screening.scorer import FileScorer, ScreenObjective, digest_of

    path = tmp_path / "student.onnx"
    path.write_bytes((folder / "student.onnx").read_bytes())
    worth = ScreenObjective(Greedy(), AcquisitionContext.blank(np.random.default_rng(0)), 0)
    scorer = FileScorer(path, digest_of(path), worth)
    pool = loop_of(folder).pool
    some = np.array([3, 4, 5, 900, 7999])
    scores = scorer.opened()(pool, some)
    assert np.array_equal(scorer.opened()(pool, np.arange(8000))[some].round(4), scores.round(4))
    sent = FileScorer(path, digest_of(path), worth, path.read_bytes())
    path.write_bytes(b"another")
    assert np.array_equal(sent.opened()(pool, some).round(4), scores.round(4))
    with pytest.raises(InputError, match="was changed while it was used"):
        scorer.opened()
