"""`activeloop distil`: a student is trained, kept, written, watched; here or in a process of its own."""

from __future__ import annotations

import os
import re
import shutil
import signal
import time
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import pytest

from activeloop.campaigns import Distilled
from activeloop.cli import main
from activeloop.config import open_campaign
from activeloop.measurements import Measurement
from activeloop.students.runtime.student import Student
from activeloop.work import WorkState
from activeloop.work.places import work_of
from activeloop.work.students import LOG

pytest.importorskip("torch")

WT = "MKTAYIAKQR"
#: at the end of a student's file
CHECKSUM_DIGITS = 64
SMALL = """
[student]
auto = false
network = "conv"

[student.options]
width = 8
blocks = 1

[student.training]
steps = 4
minibatch = 16
deviations = 4
"""


def measure(folder: Path, count: int, start: int = 0) -> None:
    loop = open_campaign(folder)
    names = [loop.campaign.pool.design(start + i).name for i in range(count)]
    rows = [Measurement(name, "kcat", float(ord(name[-1]) + len(name))) for name in names]
    loop.campaign.record(rows, f"{start}.csv", str(start))


@pytest.fixture(scope="module")
def fitted(tmp_path_factory) -> Path:
    """A campaign with one version."""
    folder = tmp_path_factory.mktemp("distil") / "loop"
    with pytest.raises(SystemExit):
        main(["new", str(folder), "--wild-type", WT, "--singles", "--assay", "kcat", "--seed", "5"])
    config = folder / "campaign.toml"
    config.write_text(config.read_text().partition("[student]")[0] + SMALL)
    measure(folder, 24)
    open_campaign(folder).campaign.fit()
    return folder


@pytest.fixture(scope="module")
def trained(fitted, tmp_path_factory) -> tuple[Path, str]:
    """The same with a student, and what was said."""
    folder = tmp_path_factory.mktemp("trained") / "loop"
    shutil.copytree(fitted, folder)
    said, place = StringIO(), folder.parent
    arguments = ["distil", str(folder), "--out", str(place / "student.onnx"), "--web", str(place / "page")]
    with redirect_stdout(said), pytest.raises(SystemExit) as end:
        main(arguments)
    assert not end.value.code
    return folder, said.getvalue()


@pytest.fixture
def loop(trained, tmp_path) -> Path:
    """A copy of the campaign with a student."""
    shutil.copytree(trained[0], tmp_path / "loop")
    return Path("loop")


@pytest.fixture
def bare(fitted, tmp_path) -> Path:
    """A copy of the campaign without one."""
    shutil.copytree(fitted, tmp_path / "loop")
    return Path("loop")


def events(folder: Path) -> list[str]:
    return [name for r in open_campaign(folder).folder.log if (name := type(r.event).__name__) != "Configured"]


def test_a_student_is_trained_stored_and_written(trained):
    folder, said = trained
    assert "Student 1 of version 1 was trained: convolutional, 8 wide, 1 blocks, " in said
    assert re.search(r"agrees with its teacher on \d+ candidates it was not trained on: Spearman ", said)
    assert "Next: open" in said
    assert events(folder) == ["Measured", "Fitted", "Distilled"]
    campaign, file = open_campaign(folder).campaign, folder.parent / "student.onnx"
    assert file.read_bytes() == campaign.student_file()
    student, record = Student.open(file), campaign.student_record()
    assert (student.card.teacher_version, student.card.seed) == (1, record.seed)
    assert student.card.data_hash == campaign.state().current.data_hash
    assert (student.card.parameters, student.card.fidelity) == (record.parameters, record.fidelity)
    assert np.isfinite(student.mean(campaign.pool, np.arange(20))).all()
    assert WT in (folder.parent / "page" / "index.html").read_text("utf-8")
    assert (state(folder).stage, state(folder).words) == ("done", "student 1 of version 1")


def test_a_student_is_not_trained_twice(run, loop):
    status, out, _ = run("distil", loop, "--out", "again.onnx")
    assert (status, "Student 1 of version 1 is there already" in out) == (0, True)
    assert Path("again.onnx").read_bytes() == open_campaign(loop).campaign.student_file()
    status, out, _ = run("distil", loop, "--background")
    assert (status, "exists already: nothing was started" in out) == (0, True)
    assert events(loop).count("Distilled") == 1


def test_a_student_trained_again_is_the_same_up_to_its_date(run, loop):
    assert run("distil", loop, "--again")[0] == 0
    campaign = open_campaign(loop).campaign
    one, two = campaign.student_file(1), campaign.student_file(2)
    dates = [Student.open(_written(content)).card.created_at.encode() for content in (one, two)]
    assert one.replace(dates[0], dates[1])[:-CHECKSUM_DIGITS] == two[:-CHECKSUM_DIGITS]


def spoiled(folder: Path) -> None:
    """Have it train students that learn nothing."""
    config = folder / "campaign.toml"
    config.write_text(config.read_text().replace("steps = 4", "steps = 4\nrate = 0.3"))


def test_a_student_far_from_its_teacher_is_stored_with_a_warning_and_written_by_force_alone(run, bare):
    spoiled(bare)
    status, out, errors = run("distil", bare, "--out", "far.onnx", "--web", "page")
    said = " ".join(out.split())
    assert status == 1
    assert re.search(r"Warning: (It orders candidates only roughly|Use its ranks only, do not read its values)", said)
    assert "student 1 is not like its teacher" in errors
    assert "was not written out" in errors
    assert not Path("far.onnx").exists()
    assert not Path("page").exists()
    assert events(bare).count("Distilled") == 1
    assert "Warning, the student: " in run("status", bare)[1]
    status, out, _ = run("distil", bare, "--out", "far.onnx", "--force")
    assert (status, "is there already" in out, "Written: far.onnx" in out) == (0, True, True)
    Path("few.csv").write_text("variant\nA4G\nWT\n")
    assert "Warning" in run("distil", bare)[1]
    out = " ".join(run("predict", "--student", "far.onnx", "few.csv")[1].split())
    assert "ranks only" in out or "only roughly" in out


def test_the_figures_of_values_are_told_and_kept(trained):
    folder, said = trained
    said = " ".join(said.split())
    assert "standard deviations of the teacher), slope " in said
    assert "Over its teacher's best 50 of the pool: RMSE " in said
    assert re.search(r"Wild type: \S+, by its teacher \S+\.", said)
    figures = open_campaign(folder).campaign.student_record().fidelity
    names = {"rmse", "top_bias", "slope", "sd_ratio", "coverage", "teacher_coverage", "wild_type", "teacher_wild_type"}
    assert names | {"best_rmse", "best_bias", "best_slope", "best_sd_ratio", "best_coverage"} <= figures.keys()
    page = (folder.parent / "page" / "index.html").read_text("utf-8")
    assert f'"wild_type": {figures["wild_type"]}' in page


def test_the_wild_type_is_predicted_by_teacher_and_student(run, loop, trained):
    Path("few.csv").write_text("variant\nA4G\nWT\np.=\n")
    assert run("predict", loop, "few.csv", "--merge-duplicates", "--out", "teacher.csv")[0] == 0
    student = trained[0].parent / "student.onnx"
    assert run("predict", "--student", student, "few.csv", "--out", "student.csv")[0] == 0
    teacher, own = (
        {line.split(",")[0]: float(line.split(",")[1]) for line in Path(name).read_text().splitlines()[1:]}
        for name in ("teacher.csv", "student.csv")
    )
    assert list(teacher) == ["A4G", "WT"]
    figures = open_campaign(loop).campaign.student_record().fidelity
    assert teacher["WT"] == pytest.approx(figures["teacher_wild_type"])
    assert own["WT"] == pytest.approx(figures["wild_type"], rel=1e-4)


def _written(content: bytes) -> Path:
    path = Path("some.onnx")
    path.write_bytes(content)
    return path


def test_status_shows_the_student_and_its_drift(run, loop):
    out = run("status", loop)[1]
    assert re.search(r"student +│ 1, of version 1: convolutional, 8 wide", out)
    assert re.search(r"distillation +│ done .* UTC, student 1 of version 1", out)
    flat = " ".join(out.replace("│", " ").split())
    assert re.search(r"student's drift Spearman \S+ and RMSE \S+ of the standard deviation with version 1 on 190", flat)
    assert "candidates; nothing was measured since version 1" in flat
    measure(loop, 30, start=100)
    assert run("fit", loop)[0] == 0
    out = run("status", loop)[1]
    flat = " ".join(out.replace("│", " ").split())
    assert "of version 1, not of the current version 2; it can still be used" in flat
    assert "predicted 30 new results with Spearman" in flat
    assert "Warning, the student: it agrees with version 2 too little" in out  # it had four steps
    before = events(loop)
    run("status", loop)
    assert events(loop) == before


def test_without_a_student_status_shows_none(run, bare):
    assert "student" not in run("status", bare)[1]
    assert not (bare / "jobs").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--background", "--out", "x.onnx"), "--background writes no files"),
        (("--out", "x.txt"), r"name a file that ends in \.onnx"),
        (("--out", "nowhere/x.onnx"), "there is no folder nowhere"),
        (("--web", "loop/campaign.db"), "this is a file: name a folder"),
        (("--min-spearman", 1.5), "give a share above 0 and below 1"),
        (("--min-spearman", 0.9), "leave out options"),
        (("--width", 1), "needs a width of at least 2"),
        (("--network", "first-layers", "--width", 8), 'has no option "width"'),
        (("--network", "first-layers"), "no layers that a student could begin with"),
        (("--seed", -1), "from 0 on"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_stored(run, bare, options, message):
    status, _, err = run("distil", bare, *options)
    assert status in (1, 2)
    assert re.search(message, err)
    assert events(bare) == ["Measured", "Fitted"]


def test_before_the_first_version_distil_is_refused(run):
    run("new", "d", "--wild-type", WT, "--singles", "--assay", "kcat")
    for options in ((), ("--background",)):
        status, _, err = run("distil", "d", *options)
        assert (status, "no version yet" in err) == (1, True)
    assert state(Path("d")) is None


def state(folder: Path) -> WorkState | None:
    loop = open_campaign(folder)
    found = work_of(loop).states(loop.folder.log.campaign)
    return next((s for s in found if s.kind == "distil"), None)


def wait(folder: Path, stage: str) -> None:
    for _ in range(1200):
        if (found := state(folder)) and found.stage == stage:
            return
        assert found is None or found.stage in ("waiting", "running"), found
        time.sleep(0.1)
    raise AssertionError(state(folder))


def automatic(folder: Path, steps: int) -> None:
    config = folder / "campaign.toml"
    text = config.read_text().replace("auto = false", "auto = true").replace("steps = 4", f"steps = {steps}")
    config.write_text(text)


def test_killed_while_training_the_campaign_is_unchanged(run, bare):
    automatic(bare, 1_000_000)
    status, out, _ = run("fit", bare)
    assert (status, "A student of version 1 is trained in the background" in out) == (0, True)
    process = int(re.search(r"process (\d+)", out)[1])
    wait(bare, "running")
    assert re.search(r"distillation +│ running since .* UTC \(.*\), \d+% done", run("status", bare)[1])
    assert "A student is being trained; one of version 1 follows." in run("fit", bare)[1]
    status, _, err = run("distil", bare)
    assert (status, "a student is being trained already" in err) == (1, True)
    os.kill(process, signal.SIGKILL)
    with open_campaign(bare).folder.log.database.writing() as connection:  # as when its lease has run out
        connection.exec_driver_sql("UPDATE work SET until = 0 WHERE kind = 'distil'")
    assert events(bare) == ["Measured", "Fitted"]
    assert "its process was killed; nothing was lost" in run("status", bare)[1]
    assert run("predict", bare)[0] == 0


@pytest.mark.slow
def test_in_the_background_versions_that_come_meanwhile_get_their_student_too(run, bare):
    automatic(bare, 20)
    assert "is trained in the background" in run("fit", bare)[1]
    measure(bare, 10, start=60)
    open_campaign(bare).campaign.fit()
    for _ in range(1200):  # between the two it says for a moment that it is done
        if "of version 2" in (found := state(bare)).words and not found.due:
            break
        time.sleep(0.1)
    wait(bare, "done")
    students = [r.event.student for r in open_campaign(bare).folder.log if isinstance(r.event, Distilled)]
    assert students[-1].version == 2
    assert "not of the current" not in run("status", bare)[1]
    assert "in the background" not in run("fit", bare)[1]


def test_a_failed_background_training_is_reported(run, bare):
    assert run("distil", bare, "--background", "--network", "first-layers")[0] == 0
    wait(bare, "failed")
    assert re.search(r"distillation +│ failed .* UTC, a teacher of the kind", run("status", bare)[1])
    assert "distil: failed: a teacher of the kind" in (bare / LOG).read_text()
