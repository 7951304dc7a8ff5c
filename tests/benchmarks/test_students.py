import math
from dataclasses import replace

import numpy as np
import pytest

from activeloop.candidates import Guide, Pool, Sequence
from activeloop.errors import ConfigError
from activeloop.measurements import Assay
from activeloop.replay.landscape import Landscape
from activeloop.students.distil.config import Weights
from activeloop.students.distil.networks import default_network
from benchmarks.results import run_kept
from benchmarks.students import Cell, CellResult, StudentSuite, all_cells, ratio_of_means, rows_of, run_cell
from benchmarks.students_page import student_result
from benchmarks.students_teachers import (
    ALONE,
    PLAIN,
    TASKS,
    Arm,
    CachedFeatures,
    distiller_of,
    find_task,
    landscape_of_task,
    split,
    teacher_of,
)

PLANT = "planted-small"
QUICK = "default:steps=30,transfer=pool"


@pytest.fixture
def cells():
    return all_cells((PLANT,), (20,), 2, (PLAIN, ALONE + ":steps=30", QUICK))


def made_up(arms=("default", "embedding-gp"), tasks=("gb1", "ecoli"), labels=(96, 480), seeds=3):
    """Figures that say: the teacher is ahead, the student keeps nine tenths, alone it would be worse."""
    told = {}
    for cell in all_cells(tasks, labels, seeds, (PLAIN, ALONE, *arms)):
        base = 0.5 + 0.01 * cell.seed
        if cell.arm == PLAIN:
            told[cell] = CellResult(teacher=base - 0.1)
        elif cell.arm == ALONE:
            told[cell] = CellResult(student=0.6 * base, parameters=1000.0)
        else:
            told[cell] = CellResult(base, 0.9, 1.0, 0.9 * base, 0.88, 2.0, 0.95, 0.8, 1000.0, base, 0.99 * base)
    return told


def test_there_are_at_least_eight_tasks_and_both_kinds():
    assert len(TASKS) >= 8
    assert {task.measured for task in TASKS} == {"values", "classes"}
    assert find_task("something-else").measured == "values"


def test_held_out_candidates_are_never_labelled_and_more_labels_hold_fewer():
    few, many = split(90, 10, 3), split(90, 40, 3)
    assert len(few.held_out) == 30
    assert many.labelled[:10].tolist() == few.labelled.tolist()
    assert not set(many.labelled) & set(many.held_out)
    assert sorted([*many.labelled, *many.held_out, *many.unlabelled]) == list(range(90))
    assert split(90, 10, 4).held_out.tolist() != few.held_out.tolist()
    with pytest.raises(ConfigError, match="only 60"):
        split(90, 61, 0)


def test_libraries_of_a_known_domain_read_the_whole_domain(monkeypatch):
    from benchmarks import students_teachers as students_tasks

    letters = Pool.of([Sequence("VDGV"), Sequence("FWAA")])
    known = Landscape("gb1", letters, np.array([1.0, 2.0]), Assay("fitness"))
    monkeypatch.setattr(students_tasks, "load_landscape", lambda source: known)
    landscape_of_task.cache_clear()
    pool = landscape_of_task(find_task("gb1")).pool
    landscape_of_task.cache_clear()
    assert pool.sites.parent_sequence == students_tasks.DOMAINS["gb1"].chain
    assert pool.names([1]) == ["V39F:D40W:G41A:V54A"]


def test_arms_are_read_and_told_alike():
    assert str(Arm.read("default:alpha=0.5,transfer=none")) == "default:alpha=0.5,transfer=none"
    for wrong in ("nobody", "default:alpha"):
        with pytest.raises(ConfigError, match="is not an arm"):
            Arm.read(wrong)
    pool = Pool.single_mutants("MKTAYIAKQR" * 3)
    distiller = distiller_of(Arm.read("default:alpha=0.5,temperature=2,steps=7,transfer=none"), pool)
    assert (distiller.alpha, distiller.temperature, distiller.steps, distiller.transfer.size) == (0.5, 2.0, 7, 0)
    assert distiller_of(Arm.read("default:order=3"), pool).weights == Weights(order=3.0)
    with pytest.raises(ConfigError, match="no change"):
        distiller_of(Arm.read("default:transfer=everything"), pool)


def test_variants_are_taught_at_their_sites_and_teachers_that_cannot_read_a_pool_are_none():
    assert default_network(Pool.combinatorial("MKTAYIAKQR", [1, 2, 3])).sites
    assert default_network(Pool.single_mutants("MKTAYIAKQR" * 3)).sites
    assert not default_network(Pool.of([Guide("ACGTACGT"), Guide("ACGTACGA")])).sites
    library = Pool.combinatorial("MKTAYIAKQR", [1, 2, 3])
    landscape = Landscape("own", library, np.zeros(len(library)), Assay("value"))
    assert teacher_of(Arm("embedding-gp"), landscape) is not None
    classes = replace(landscape, assay=Assay("fit", goal="classify"))
    assert teacher_of(Arm("default"), classes).name == "gp-classifier"
    assert teacher_of(Arm("stacking"), classes) is None
    assert teacher_of(Arm(ALONE), landscape) is None


def test_features_that_were_looked_up_are_those_of_the_model():
    from activeloop.encoders.base import Encoder

    class Counting(Encoder):
        def __init__(self):
            self.asked = 0

        @property
        def name(self):
            return "counting"

        def features(self, pool, rows):
            self.asked += len(rows)
            return pool.codes(rows).astype(np.float32)

    pool, model = Pool.single_mutants("MKTAY"), Counting()
    looked = CachedFeatures(model, pool)
    assert np.array_equal(looked.features(pool, np.array([3, 1])), pool.codes([3, 1]))
    assert model.asked == len(pool)
    looked.features(pool, np.arange(50))
    assert model.asked == len(pool)
    wider = Pool.of([*(pool.design(row) for row in range(len(pool))), pool.notation.design("M1A:K2C")])
    rows = np.array([len(pool), 4])
    assert np.array_equal(looked.features(wider, rows), wider.codes(rows))
    assert np.array_equal(looked.features(wider, rows), wider.codes(rows))
    assert model.asked == len(pool) + 1


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def kept(cells, folder, finished=None):
    return run_kept(cells, run_cell, folder, CellResult.read, finished=finished, write=lambda told: told.text())


def test_cells_are_kept_and_not_computed_twice(tmp_path, cells):
    pytest.importorskip("torch")
    first, failures = kept(cells, tmp_path)
    assert not failures
    assert set(first) == set(cells)
    by_arm = {cell.arm: what for cell, what in first.items() if cell.seed == 0}
    assert math.isnan(by_arm[PLAIN].student)
    assert math.isnan(by_arm[ALONE + ":steps=30"].teacher)
    taught = by_arm[QUICK]
    assert taught.parameters > 0
    assert taught.pool_student != taught.student
    assert -1 <= taught.agreement <= 1
    assert 0 <= taught.student_coverage <= 1
    seen = []
    again, _ = kept(cells, tmp_path, seen.append)
    assert {c: w.text() for c, w in again.items()} == {c: w.text() for c, w in first.items()}
    assert seen == cells


def test_a_cell_that_cannot_be_done_says_why_and_one_that_does_not_apply_is_left_out(tmp_path):
    asked = [Cell(PLANT, 100_000, 0, PLAIN), Cell("planted-compounds-none", 20, 0, PLAIN)]
    told, failures = kept(asked, tmp_path)
    assert not told
    assert "100000 labels" in failures[asked[0]].replace(",", "")
    assert "planted-compounds-none" in failures[asked[1]]


def test_what_is_kept_is_a_ratio_of_means_with_its_error():
    ratio, error = ratio_of_means(np.array([0.9, 0.8, np.nan]), np.array([1.0, 1.0, 1.0]))
    assert ratio == pytest.approx(0.85)
    assert error == pytest.approx(0.05)
    assert math.isnan(ratio_of_means(np.array([1.0]), np.array([0.0]))[0])


def test_rows_compare_a_student_with_its_teacher_and_with_itself_alone():
    rows = rows_of(made_up())
    assert len(rows) == 8
    row = rows[0]
    assert (row.task, row.labels, row.arm, row.seeds) == ("gb1", 96, "default", 3)
    assert row.kept[0] == pytest.approx(0.9)
    assert row.pool_kept[0] == pytest.approx(0.99)
    assert row.gain[0] == pytest.approx(0.3 * 0.51)
    assert row.ahead[0] == pytest.approx(0.1)
    assert row.counts


def test_the_page_tells_demands_tables_ablations_and_failures(tmp_path):
    suite = StudentSuite().narrowed(("gb1", "ecoli"), (96, 480), (), 3)
    told = made_up()
    for cell in all_cells(("gb1",), (192,), 2, ("default:alpha=0.1", "default:alpha=0.5", "default:transfer=none")):
        told[cell] = CellResult(0.5, 0.9, 1.0, 0.45, 0.88, 2.0, 0.95, 0.8, 1000.0)
    failures = {Cell("gb1", 96, 0, "embedding-gp"): "ModelError: no"}
    sizes = {"default": None, "embedding-gp": 50_000}
    student_result(suite, told, failures, sizes, [latency()]).write(tmp_path, "python -m benchmarks students")
    page = (tmp_path / "README.md").read_text()
    for words in (
        "Requirements",
        "Teacher: embedding-gp",
        "50,000 parameters",
        "50x",
        "Ablation: alpha",
        "## As a program",
    ):
        assert words in page, words
    assert "| embedding-gp: kept at 400 labels or more | 0.98 | 0.9 ± 0 | 0.9 | 0 of 2 |" in page
    assert "| embedding-gp: kept in the pool at 400 or more | 0.98 | 0.99 ± 0 | 0.99 | 2 of 2 |" in page
    assert "- embedding-gp on gb1: ModelError: no" in page
    assert "±" in page
    assert (tmp_path / "embedding-gp.png").read_bytes().startswith(b"\x89PNG")
    assert (
        (tmp_path / "summary.csv").read_text().startswith("task,labels,arm,figure,mean,se,seeds\ngb1,96,default,plain,")
    )
    assert len((tmp_path / "ablations.csv").read_text().splitlines()) > 10


def test_a_suite_can_be_narrowed_and_costly_teachers_have_fewer_seeds():
    suite = StudentSuite(costly={"embedding-gp": 1}).narrowed(("gb1",), (96,), (PLAIN, "embedding-gp"), 4)
    assert len(suite.cells) == 9  # baselines stay
    assert {cell.task for cell in suite.ablations} == {"gb1"}
    changed = {key for cell in suite.ablations for key, _ in Arm.read(cell.arm).changes}
    assert changed == {"alpha", "order", "transfer"}
    with pytest.raises(ConfigError, match="is not an arm"):
        suite.narrowed((), (), ("nobody",), None)


def latency():
    from benchmarks.students_latency import Latency, Started, Timed

    timed = (Timed(1, (40.0, 50.0, 60.0), (2.0, 1.0, 2.0)), Timed(32, (400.0, 500.0, 600.0), (20.0, 20.0, 20.0)))
    programs = (Started("activeloop predict --student", (0.4, 0.3, 0.5), 80.4),)
    return Latency("gb1", 56, timed, 19_000.0, 60.0, 15.0, 0.9991, programs)


def test_latency_is_told_as_a_ratio_of_calls_in_turns():
    import json
    from dataclasses import asdict

    from benchmarks.students_latency import Latency, latency_sections, latency_table

    speed, size, starts = latency_sections([latency()])
    assert "| gb1, 56 residues, 1 together | 50 (40 to 60) | 2 (1 to 2) | 30 (20 to 50) | 20 |" in speed
    assert "| gb1 | 19,000 | 60 | 15 | 0.250 | 0.9991 |" in size
    assert "`activeloop predict --student` | 0.4 (0.3 to 0.5) | 80 |" in starts
    assert len(latency_table([latency()])[1]) == 12
    assert Latency.read(json.dumps(asdict(latency()))) == latency()
    assert latency_sections([]) == []


def test_a_program_is_measured_alone_and_one_that_fails_says_why():
    import sys

    from activeloop.errors import ModelError
    from benchmarks.students_latency import _run

    small = _run([sys.executable, "-c", "pass"])
    large = _run([sys.executable, "-c", "x = b'1' * 100_000_000"])
    assert large[1] > small[1] + 80
    assert small[0] > 0
    with pytest.raises(ModelError, match="no table"):
        _run([sys.executable, "-c", "import sys; sys.exit('no table')"])
