"""Coverage is measured on what was not measured, and told on a page."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from activeloop.replay.landscape import PLANTED
from benchmarks.calibration import (
    COLUMNS,
    METHODS,
    CalibrationResult,
    CalibrationTask,
    calibration_result,
    curves,
    judge_task,
    means,
    read_result,
    tasks_of,
)
from benchmarks.results import run_kept

SET = next(iter(PLANTED))
TASKS = [CalibrationTask(SET, "random", 48, seed, "site-gp") for seed in range(2)]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[CalibrationTask, CalibrationResult]:
    return run_kept(TASKS, judge_task, tmp_path_factory.mktemp("parts"), read_result)[0]


def test_every_method_is_judged_on_unseen_candidates_and_on_the_next_plate(results) -> None:
    for result in results.values():
        assert list(result.unseen) == list(result.plate) == list(METHODS)
        for told in (*result.unseen.values(), *result.plate.values()):
            assert 0 <= told["coverage50"] <= told["coverage90"] <= 1
            assert 0 <= told["miscalibration_area"] <= 0.475
        assert result.unseen["uncalibrated"]["held_out"] > result.plate["uncalibrated"]["held_out"] > 0
        assert result.spread["uncalibrated"] == 1


def test_a_finished_task_is_read_and_not_done_again(tmp_path) -> None:
    first = run_kept(TASKS[:1], judge_task, tmp_path, read_result)[0]
    path = tmp_path / TASKS[0].file
    path.write_text(path.read_text().replace('"isotonic"', '"changed"'))
    assert "changed" in run_kept(TASKS[:1], judge_task, tmp_path, read_result)[0][TASKS[0]].unseen
    assert "isotonic" in first[TASKS[0]].unseen


def test_a_learner_may_be_judged_as_it_is() -> None:
    result = judge_task(CalibrationTask(SET, "random", 24, 0, "site-gp", corrected=False))
    assert isinstance(result, CalibrationResult)
    assert list(result.unseen) == ["uncalibrated"]


def test_a_set_that_is_too_small_takes_no_part(tmp_path) -> None:
    task = CalibrationTask(SET, "random", 10**6, 0, "site-gp")
    assert run_kept([task], judge_task, tmp_path, read_result) == ({}, {})


def test_the_page_tells_what_was_measured(results, tmp_path) -> None:
    calibration_result(results, {}).write(tmp_path, "the command")
    page = (tmp_path / "README.md").read_text()
    figures = means(results, 48, plate=False)["site-gp", "isotonic"]["coverage90"]
    expected = np.mean([r.unseen["isotonic"]["coverage90"] for r in results.values()])
    assert figures == pytest.approx([expected])
    assert f"{expected:.1%}" in page
    assert "the command" in page
    table = (tmp_path / "summary.csv").read_text().splitlines()
    assert table[0] == ",".join(COLUMNS)
    assert len(table) == 1 + 2 * len(METHODS) * 7
    ET.parse(tmp_path / "calibration.svg")


def test_the_curve_rises(results) -> None:
    for curve in curves(results, 48).values():
        assert (np.diff(curve) >= 0).all()


def test_libraries_have_no_positions_to_hold_out() -> None:
    assert {t.rule for t in tasks_of(("gb1",), (48,), 1, ("default",), ())} == {"random"}
    rules = [t.rule for t in tasks_of(("x",), (48,), 1, ("default",), ("dropout",))]
    assert rules == ["random", "random", "modulo", "modulo"]
