"""The cascade: one result whatever the pieces, workers and kills, and an unbiased estimate of what it missed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from activeloop.acquisition import DiverseTop, Greedy, Recommender, Thompson, UpperConfidenceBound
from activeloop.candidates import Pool
from activeloop.errors import InputError, ModelError, StateError, StoreError
from activeloop.executor import Processes
from activeloop.prediction import Prediction, ValueMap
from activeloop.screening import Screen, ScreenResult
from activeloop.screening.checkpoint import read_arrays, write_arrays
from activeloop.screening.scorer import MarginalScore
from screening_models import Planted

POOL = Pool.combinatorial(None, [(i, "ACDEFGHIKL") for i in range(1, 6)])
SELECT = Recommender(Greedy(), DiverseTop())
SCREEN = Screen(Planted(noise=0.3), Planted(), shortlist=1000, top=100, sample=800, piece=10_000)


def outcome(result: ScreenResult) -> tuple:
    """Everything but how long it took."""
    plain = replace(result, seconds=0.0, rescored=np.zeros(0), values=np.zeros(0))
    return (
        plain.picks,
        plain.names,
        str(plain.misses),
        plain.shortlist,
        result.rescored.tolist(),
        result.values.tolist(),
    )


@pytest.fixture(scope="module")
def default(tmp_path_factory) -> ScreenResult:
    return SCREEN.run(POOL, 16, SELECT, tmp_path_factory.mktemp("default"))


def test_the_best_of_the_teacher_are_found(default):
    worths = Planted().mean(POOL, np.arange(len(POOL)))[:, 0]
    assert default.recall(np.argsort(-worths, kind="stable")[:100]) > 0.98
    assert default.scored == default.visited == len(POOL)
    assert default.picks[0].mean == worths.max()
    assert len(set(default.names)) == 16
    assert default.holds
    assert default.speed > 0


@pytest.mark.parametrize("piece", [1, 4096, 40_000, 10**9])
def test_pieces_and_workers_change_nothing(default, tmp_path, piece):
    with ThreadPoolExecutor(3) as threads:
        found = replace(SCREEN, piece=piece).run(POOL, 16, SELECT, tmp_path, executor=threads)
    assert outcome(found) == outcome(default)


def test_processes_give_the_same(default, tmp_path):
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes:
        assert outcome(SCREEN.run(POOL, 16, SELECT, tmp_path, executor=processes)) == outcome(default)


def test_processes_that_share_pool_and_models_give_the_same(default, tmp_path):
    with Processes(2) as processes:
        assert outcome(SCREEN.run(POOL, 16, SELECT, tmp_path, executor=processes)) == outcome(default)
        # student and pool, teacher and pool
        assert len([path for path in Path(processes.place).rglob("*") if path.is_file()]) == 2


def test_exact_ties_are_broken_by_row(tmp_path):
    flat = Planted(steps=0.01)  # all candidates alike
    found = replace(SCREEN, student=flat).run(POOL, 4, SELECT, tmp_path)
    assert set(range(1000)) <= set(found.rescored.tolist())


def test_done_is_not_done_again(default, tmp_path):
    calls = []

    class Counting(ThreadPoolExecutor):
        def submit(self, *arguments, **named):
            calls.append(arguments)
            return super().submit(*arguments, **named)

    for pieces in (10, 0):
        calls.clear()
        with Counting(1) as threads:
            assert outcome(replace(SCREEN, piece=12_288).run(POOL, 16, SELECT, tmp_path, executor=threads)) == outcome(
                default
            )
        assert len(calls) == (9 if pieces else 0)


@dataclass(frozen=True)
class OnLogarithms(Planted):
    """The same on logarithms: values are powers of ten, in an assay of which less is better."""

    sign: int = -1

    def mean(self, pool, rows):
        return self.predict(pool, rows, 0, 0).mean

    def predict(self, pool, rows, seed, draws=64):
        mean = Planted.mean(self, pool, rows)
        places = Prediction(np.zeros((0, *mean.shape)), mean, np.full(mean.shape, 0.1), np.full(1, 0.1))
        return places.in_values([ValueMap(log=True, sign=self.sign)])


def test_student_and_teacher_are_compared_on_the_scale_of_the_teacher(default, tmp_path):
    both = replace(SCREEN, student=OnLogarithms(noise=0.3), teacher=OnLogarithms())
    for score in (Greedy(), UpperConfidenceBound()):
        found = both.run(POOL, 16, replace(SELECT, score=score), tmp_path / score.name)
        assert found.names == default.names
        assert found.values == pytest.approx(default.values + 0.1 * getattr(score, "beta", 0))
    for student, teacher in ((Planted(), OnLogarithms()), (OnLogarithms(), Planted())):
        with pytest.raises(InputError, match=r"this student works on a (linear|logarithmic) scale of value, and"):
            replace(SCREEN, student=student, teacher=teacher).run(POOL, 16, SELECT, tmp_path / "mixed")


KILLED = """
import sys, time
import numpy as np
sys.path.insert(0, {tests!r})
from screening_models import Planted
from activeloop.acquisition import DiverseTop, Recommender, Greedy
from activeloop.candidates import Pool
from activeloop.screening import Screen

class Slow(Planted):
    calls = 0

    def mean(self, pool, rows):
        Slow.calls += 1
        time.sleep(0.02 if Slow.calls <= 8 else 3600)  # three processes together never get to the 25th piece
        return super().mean(pool, rows)
    def explain(self):
        return super().explain().replace("Slow", "Planted")

pool = Pool.combinatorial(None, [(i, "ACDEFGHIKL") for i in range(1, 6)])
screen = Screen(Slow(noise=0.3), Slow(), shortlist=1000, top=100, sample=800, piece=4096, every=0.0)
print("begun", flush=True)
screen.run(pool, 16, Recommender(Greedy(), DiverseTop()), {folder!r})
print("done", flush=True)
"""


def test_killed_at_any_moment_it_goes_on_to_the_same_result(default, tmp_path):
    code = KILLED.format(tests=str(Path(__file__).parents[1]), folder=str(tmp_path / "screen"))
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    state, reached = tmp_path / "screen" / "student.npz", [0]

    def done() -> int:
        arrays = read_arrays(state)
        return 0 if arrays is None else int(arrays["done"].sum())

    for delay in (0.0, 0.01, 0.03):
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment) as run:
            assert run.stdout is not None
            assert run.stdout.readline() == "begun\n"
            while done() <= reached[-1]:
                time.sleep(0.005)
            time.sleep(delay)
            os.kill(run.pid, signal.SIGKILL)
        assert run.returncode == -signal.SIGKILL
        reached.append(done())
    assert 0 < reached[1] < reached[2] < reached[3] < 25
    assert outcome(SCREEN.run(POOL, 16, SELECT, tmp_path / "screen")) == outcome(default)


def test_a_teacher_that_fails_half_way_is_not_run_again_on_what_it_predicted(default, tmp_path):
    class Failing(Planted):
        calls = 0

        def predict(self, pool, rows, seed, draws=64):
            Failing.calls += len(rows) > 64
            if len(rows) > 64 and Failing.calls == 2:
                raise ModelError("out of memory")
            return super().predict(pool, rows, seed, draws)

    failing = replace(SCREEN, teacher=Failing())
    with pytest.raises(ModelError, match="out of memory"):
        failing.run(POOL, 16, SELECT, tmp_path)
    assert len(list(tmp_path.glob("teacher-*.npz"))) == 1
    assert outcome(failing.run(POOL, 16, SELECT, tmp_path)) == outcome(default)


def test_excluded_rows_and_rules_are_respected(default, tmp_path):
    ruled = Pool.combinatorial("ACDEF", [1, 2, 3, 4], max_mutations=2)
    found = replace(SCREEN, shortlist=400, top=50).run(ruled, 8, SELECT, tmp_path / "ruled")
    assert all(name.count(":") <= 1 for name in found.names)
    assert found.visited == len(ruled)
    assert found.scored == int(ruled.allowed(np.arange(len(ruled))).sum())
    taken = [p.row for p in default.picks]
    again = SCREEN.run(POOL, 16, SELECT, tmp_path / "taken", excluded=taken)
    assert not set(taken) & {p.row for p in again.picks}
    assert not set(taken) & set(again.rescored.tolist())


def test_the_estimate_of_what_a_blind_student_misses_is_unbiased(tmp_path):
    """The student sees nothing of a tenth of the pool, in which some of the teacher's best are."""
    pool = Pool.combinatorial(None, [(i, "ACDEFGHIKL") for i in range(1, 5)])
    everything, teacher = np.arange(len(pool)), Planted(seed=3)
    worths = teacher.mean(pool, everything)[:, 0]
    blind = int(np.bincount(pool.codes(np.argsort(-worths)[:100])[:, 0]).argmax())
    student = Planted(seed=3, blind=blind)
    kept = np.argsort(-student.mean(pool, everything)[:, 0], kind="stable")[:500]
    above = np.flatnonzero(worths > np.sort(worths[kept])[-100])
    screen = Screen(student, teacher, shortlist=500, top=100, sample=800, max_growth=1)
    estimates, truths, covered = [], [], 0
    for seed in range(16):
        found = screen.run(pool, 1, Recommender(Greedy()), tmp_path / str(seed), seed)
        estimates.append(found.misses.estimate)
        truths.append(len(np.setdiff1d(above, found.rescored)))
        low, high = found.misses.interval
        covered += low <= truths[-1] <= high
    assert np.mean(truths) > 30
    assert abs(np.mean(estimates) - np.mean(truths)) < 3 * np.std(estimates) / np.sqrt(len(estimates))
    assert covered >= 13


def test_the_shortlist_grows_until_the_estimate_holds(tmp_path):
    poor = replace(SCREEN, student=Planted(noise=1.0), shortlist=500, max_growth=64, sample=3000)
    found = poor.run(POOL, 8, SELECT, tmp_path / "wide")
    assert found.growths > 0
    assert found.shortlist == 500 * 2**found.growths
    assert found.holds
    narrow = replace(poor, max_growth=1).run(POOL, 8, SELECT, tmp_path / "narrow")
    assert not narrow.holds
    assert "more than the 2% tolerated" in str(narrow)


def test_a_pool_smaller_than_the_shortlist_is_rescored_whole(tmp_path):
    small = Pool.combinatorial(None, ["1", "2"])
    found = SCREEN.run(small, 8, SELECT, tmp_path)
    assert found.rescored.tolist() == list(range(400))
    assert found.misses.estimate == 0
    assert "nothing was left out" in str(found.misses).lower()


def test_scores_that_need_draws_have_a_marginal_one(tmp_path):
    found = SCREEN.run(POOL, 8, Recommender(Thompson()), tmp_path)
    assert len(found.picks) == 8


def test_the_folder_of_another_screen_is_refused_and_left_alone(default, tmp_path):
    SCREEN.run(POOL, 16, SELECT, tmp_path)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    with pytest.raises(InputError, match="another seed"):
        SCREEN.run(POOL, 16, SELECT, tmp_path, 1)
    with pytest.raises(InputError, match="another pool"):
        SCREEN.run(POOL, 16, SELECT, tmp_path, excluded=[3])
    with pytest.raises(InputError, match="another student"):
        replace(SCREEN, student=Planted(noise=0.2)).run(POOL, 16, SELECT, tmp_path)
    with pytest.raises(InputError, match="another prediction of the models"):
        replace(SCREEN, teacher=Planted(noise=0.1)).run(POOL, 16, SELECT, tmp_path)
    assert before == {p.name: p.read_bytes() for p in tmp_path.iterdir()}


def test_a_screen_of_several_assays_by_the_first_release_goes_on(tmp_path):
    screen = replace(SCREEN, score=MarginalScore())
    first = screen.run(POOL, 16, SELECT, tmp_path)
    arrays = dict(read_arrays(tmp_path / "student.npz") or {})
    bound = str(arrays["bound"])
    assert "MarginalScore(beta=1.0)" in bound
    arrays["bound"] = np.array(bound.replace("MarginalScore(", "Together("))
    write_arrays(tmp_path / "student.npz", arrays)
    assert outcome(screen.run(POOL, 16, SELECT, tmp_path)) == outcome(first)


def test_damage_is_named(tmp_path):
    SCREEN.run(POOL, 16, SELECT, tmp_path)
    for content in (b"", b"PK nothing", (tmp_path / "student.npz").read_bytes()[:-100]):
        (tmp_path / "student.npz").write_bytes(content)
        with pytest.raises(StoreError, match="damaged"):
            SCREEN.run(POOL, 16, SELECT, tmp_path)


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    write_arrays(tmp_path / "a.npz", {"x": np.arange(3)})
    (tmp_path / "b.npz").mkdir()
    with pytest.raises(StoreError, match="cannot be written"):
        write_arrays(tmp_path / "b.npz", {"x": np.arange(4)})
    assert read_arrays(tmp_path / "a.npz")["x"].tolist() == [0, 1, 2]  # type: ignore[index]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.npz", "b.npz"]


def test_senseless_numbers_are_refused(tmp_path):
    for change in ({"shortlist": 10}, {"max_growth": 0}, {"sample": 1}, {"tolerance": 2.0}):
        with pytest.raises(InputError, match=r"Nothing was screened"):
            replace(SCREEN, **change)
    with pytest.raises(InputError, match="0 picks"):
        SCREEN.run(POOL, 0, SELECT, tmp_path)
    with pytest.raises(StateError, match="Nothing is left"):
        SCREEN.run(Pool.combinatorial(None, ["1"]), 1, SELECT, tmp_path, excluded=range(20))
    assert not list(tmp_path.iterdir())


def test_predictions_that_are_not_finite_are_refused(tmp_path):
    class Broken(Planted):
        def mean(self, pool, rows):
            return np.where(rows[:, None] == 77, np.nan, super().mean(pool, rows))

    with pytest.raises(ModelError, match="not finite"):
        replace(SCREEN, student=Broken()).run(POOL, 4, SELECT, tmp_path)
