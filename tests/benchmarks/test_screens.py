from dataclasses import replace

import numpy as np
import pytest

from activeloop.candidates import Pool
from activeloop.errors import ModelError
from activeloop.measurements import Assay
from activeloop.replay.landscape import Landscape
from benchmarks import screens_recall, screens_suite
from benchmarks.results import run_kept
from benchmarks.screens import Killed, ScreenConfig, ScreenResult, begin, library, planted_values, result_of
from benchmarks.screens_recall import Recall, RecallTask, read_recalls, run_recall
from benchmarks.screens_suite import ScreenSuite, screen_result


def found(**changes):
    one = ScreenResult(64_000_000, 4.2, 900.0, 200.0, 400_000.0, 300_000.0, 20_000, 0.01, 1.0, ("V39A",), "ab")
    return replace(one, **changes)


def recalls(seeds=3):
    return {
        RecallTask("gb1", "default", seed): [
            Recall(2000, 1, 2000, 0.04, 0.9 + 0.01 * seed, 0.08, 0.95, 1.0),
            Recall(2000, 8, 8000, 0.08, 0.99, 0.01, 0.95, 2.0),
        ]
        for seed in range(seeds)
    }


def test_the_large_library_is_that_of_the_demand():
    assert len(library(6)) == 64_000_000
    values = planted_values(library(3), np.arange(500), 0)
    assert len(np.unique(values)) > 400
    assert np.array_equal(values[:7], planted_values(library(3), np.arange(7), 0))


def test_a_suite_can_be_narrowed():
    suite = ScreenSuite().narrowed(("default",), 3, 9_000)
    assert (suite.sites, suite.killed, suite.keep, len(suite.tasks)) == (3, 3, 2000, 3)
    assert ScreenSuite().narrowed((), None, None) == ScreenSuite()


def test_recall_is_told_for_every_cascade_and_kept(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    pool = Pool.combinatorial("MKTAYIAKQR", [("K2", "ACDEFGHI"), ("T3", "ACDEFGHI"), ("A4", "ACDEFGHI")])
    values = planted_values(pool, np.arange(len(pool)), 0)
    values[500:] = np.nan
    known = (Landscape("own", pool, values, Assay("value")), np.arange(500))
    monkeypatch.setattr(screens_recall, "_library", lambda name: known)
    quick = screens_recall.Distiller
    monkeypatch.setattr(screens_recall, "Distiller", lambda network: quick(network, steps=30))
    task = RecallTask("own", "default", 0, labels=60, top=20, keeps=(40, 300))
    done, failures = run_kept([task], run_recall, tmp_path, read_recalls)
    assert not failures
    cascades = done[task]
    assert [(one.keep, one.widest) for one in cascades] == [(40, 1), (40, 8), (300, 1), (300, 8)]
    assert all(0 <= one.recall <= 1 and 0 < one.seen <= 1 for one in cascades)
    assert cascades[2].recall >= cascades[0].recall
    assert all(one.kept >= one.keep for one in cascades)
    again, _ = run_kept([task], run_recall, tmp_path, read_recalls)
    assert again == done


def test_a_screen_runs_in_a_process_of_its_own(tmp_path):
    pytest.importorskip("onnxruntime")
    told = result_of(begin(ScreenConfig(str(tmp_path / "own"), 2, "default", 100, 2, 5.0, 30), tmp_path / "cache"))
    assert told.candidates == 400
    assert len(told.picks) == 96
    assert told.peak_mb > 50
    assert min(told.teacher_speed, told.student_speed, told.cascade_speed) > 0


def test_a_process_that_fails_says_why(tmp_path):
    with pytest.raises(ModelError, match="no sites were given"):
        result_of(begin(ScreenConfig(str(tmp_path / "own"), 0, "default", 10, 1), tmp_path / "cache"))


def test_the_page_tells_recall_speed_and_the_kill(tmp_path):
    failures = {RecallTask("gb1", "embedding-gp", 0): "ModelError: no"}
    killed = Killed(3_200_000, 1_000_000, same=True)
    huge = {"default": found(), "embedding-gp": found(minutes=5.5)}
    screen_result((recalls(), failures, huge, killed), 2).write(tmp_path, "python -m benchmarks screen")
    page = (tmp_path / "README.md").read_text()
    assert "| 2,000 | 2,000 | 4.0% | 0.91 ± 0.0058 | 0.900 | 0.08 ± 0 | 1 |" in page
    assert "| 2,000 and growing | 8,000 |" in page
    assert "| embedding-gp, 64,000,000 | 200 | 400,000 | 300,000 | 20,000 | 5.50 | 900 | 1.00 |" in page
    assert "journal held 1,000,000" in page
    assert "the same bits" in page
    assert "- embedding-gp on gb1: ModelError: no" in page
    assert len((tmp_path / "recall.csv").read_text().splitlines()) == 7
    assert len((tmp_path / "summary.csv").read_text().splitlines()) == 3


def test_another_result_after_a_kill_is_told_as_such(tmp_path):
    screen_result(({}, {}, {}, Killed(400, 100, same=False)), 1).write(tmp_path, "python -m benchmarks screen")
    assert "**another result**" in (tmp_path / "README.md").read_text()


@pytest.mark.slow
def test_a_screen_that_was_killed_goes_on(tmp_path):
    killed = screens_suite._kill(ScreenSuite(killed=4, keep=2000), 1)
    assert killed.same
