"""Choosing from a pool: what is left out, what comes first, and that pieces make no difference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from activeloop.acquisition import (
    BALD,
    EPIG,
    Entropy,
    Greedy,
    Promising,
    Random,
    Recommender,
    TopK,
    UpperConfidenceBound,
    choose,
    default_recommender,
)
from activeloop.candidates import Pool
from activeloop.errors import ModelError, StateError
from activeloop.measurements import Assay, Dataset
from activeloop.prediction import Prediction, Predictor

GREEDY = Recommender(Greedy())


def rows(choices):
    return [c.row for c in choices]


def test_the_best_come_first(words, planted):
    pool = words(3, 10)
    model = planted()
    got = rows(choose(model, pool, n=5, select=GREEDY, seed=0))
    assert got == np.argsort(-model.mean(pool, np.arange(len(pool))))[:5].tolist()


@pytest.mark.parametrize("chunk", [7, 100, 100_000])
def test_pieces_and_a_short_list_do_not_change_the_choice(words, planted, chunk):
    pool = words(3, 10)
    whole = rows(choose(planted(), pool, n=20, select=Recommender(UpperConfidenceBound(2.0)), seed=3))
    pieces = choose(planted(), pool, n=20, select=Recommender(UpperConfidenceBound(2.0)), seed=3, chunk=chunk, keep=30)
    assert rows(pieces) == whole


def test_excluded_rows_win_over_pins_and_pins_come_first_in_their_order(words, planted):
    pool = words(2, 5)
    choices = choose(planted(), pool, n=6, select=GREEDY, seed=0, excluded={3, 24}, pinned=[7, 3, 1])
    assert rows(choices)[:2] == [7, 1]
    assert [c.reason for c in choices[:2]] == ["pinned by you"] * 2
    assert not {3, 24} & set(rows(choices))
    assert len(set(rows(choices))) == 6


def test_more_pins_than_places(words, planted):
    assert rows(choose(None, words(2, 5), n=2, select=GREEDY, seed=0, pinned=[4, 9, 2])) == [4, 9]


def test_rows_the_pool_refuses_are_left_out(words, planted):
    pool = words(2, 6, refuse_even=True)
    got = rows(choose(planted(), pool, n=18, select=GREEDY, seed=0))
    assert len(got) == 18
    assert all(r % 2 for r in got)


def test_as_many_as_are_left_and_a_clear_error_when_nothing_is(words, planted):
    pool = words(2, 3)
    assert rows(choose(planted(), pool, n=5, select=GREEDY, seed=0, excluded=range(8))) == [8]
    with pytest.raises(StateError, match=r"Nothing is left to propose: each candidate of the pool \(9\)"):
        choose(planted(), pool, n=5, select=GREEDY, seed=0, excluded=range(9))
    with pytest.raises(StateError, match="at least 1"):
        choose(planted(), pool, n=0, select=GREEDY, seed=0)


def test_without_a_model_the_choice_is_random_by_the_seed(words, planted):
    pool = words(3, 10)
    first = choose(None, pool, n=10, select=GREEDY, seed=1)
    assert rows(first) == rows(choose(None, pool, n=10, select=GREEDY, seed=1))
    assert rows(first) != rows(choose(None, pool, n=10, select=GREEDY, seed=2))
    assert all(np.isnan(c.mean) and "random" in c.reason for c in first)


def test_the_first_plate_from_a_huge_pool_is_drawn_without_a_look_at_all_of_it():
    pool = Pool.combinatorial(None, range(1, 8))
    looked_at = []
    pool.allowed = lambda rows: looked_at.append(len(rows)) or np.asarray(rows) % 2 == 1  # type: ignore[method-assign]
    first = choose(None, pool, n=96, select=GREEDY, seed=1, excluded=np.arange(1, 10**6))
    assert len(pool) == 20**7
    assert sum(looked_at) < 10**5
    assert rows(first) == rows(choose(None, pool, n=96, select=GREEDY, seed=1, excluded=np.arange(1, 10**6)))
    assert len(set(rows(first))) == 96
    assert all(row % 2 and row >= 10**6 for row in rows(first))
    # the mean of 96 uniform rows: sd 20^7 / sqrt(12 * 96)
    assert abs(np.mean(rows(first)) / 20**7 - 0.5) < 4.5 / np.sqrt(12 * 96)


def test_where_few_of_a_huge_pool_are_allowed_each_of_them_is_found():
    pool = Pool.combinatorial("MKTAYIAKQR", range(1, 6), max_mutations=1)
    got = rows(choose(None, pool, n=200, select=GREEDY, seed=0))
    assert len(got) == len(set(got)) == 5 * 19 + 1
    assert pool.allowed(got).all()


def test_random_choice_is_fair(words, planted):
    pool = words(1, 20)
    counts = np.zeros(20)
    for seed in range(300):
        counts[rows(choose(planted(), pool, n=2, select=Recommender(Random()), seed=seed, chunk=6, keep=8))] += 1
    # binomial(300, 0.1): mean 30, sd 5.2; 20 counts within 4.5 sd
    assert (np.abs(counts - 30) < 24).all()


def test_the_interval_holds_noise_and_covers_90_percent(words, planted):
    pool = words(2, 5)
    one = choose(planted(noise=0.3), pool, n=1, select=GREEDY, seed=0)[0]
    half = 1.6448536 * np.hypot(one.sd, 0.3)
    assert one.high - one.mean == pytest.approx(half)
    assert one.mean - one.low == pytest.approx(half)


def test_classes_are_shown_as_a_probability(words, planted):
    one = choose(planted(classes=True), words(2, 5), n=1, select=Recommender(Entropy()), seed=0)[0]
    assert 0 <= one.low <= one.mean <= one.high <= 1
    assert "the model is unsure" in one.reason


def test_a_belief_that_is_not_finite_is_refused(words, planted):
    with pytest.raises(ModelError, match="not finite"):
        choose(planted(broken=True), words(2, 5), n=1, select=GREEDY, seed=0)


def test_progress_ends_with_the_whole_pool(words, planted):
    seen = []
    choose(
        planted(),
        words(3, 10),
        n=1,
        select=Recommender(Greedy(), TopK()),
        seed=0,
        chunk=300,
        progress=lambda done, size: seen.append((done, size)),
    )
    assert seen == [(300, 1000), (600, 1000), (900, 1000), (1000, 1000)]


def test_the_first_plate_may_be_chosen_in_another_way(words, planted):
    pool = words(3, 10)
    select = Recommender(Greedy(), TopK(), first=Promising())
    first = choose(planted(), pool, n=8, select=select, seed=0)
    best = rows(choose(planted(), pool, n=100, select=GREEDY, seed=0))
    assert set(rows(first)) <= set(best)
    assert set(rows(first)) != set(best[:8])
    assert "informs most" in first[0].reason
    measured = Dataset.of(pool, np.array([3]), np.array([0.5]))
    later = choose(planted(), pool, n=8, select=select, seed=0, dataset=measured)
    assert rows(later) == best[:8]


@pytest.mark.parametrize("goal", ["find", "learn"])
@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_defaults_work_with_any_number_of_assays(goal, count, words, planted):
    pool, assays = words(2, 8), [Assay(f"a{i}") for i in range(count)]
    select = default_recommender(goal, assays, pool)
    values = np.random.default_rng(0).standard_normal((6, count))
    zeros = np.zeros((6, count))
    dataset = Dataset(pool, np.arange(6), values, zeros, tuple(assays), np.zeros(6, int), zeros.astype(np.int8))
    picks = choose(Several(planted(), count), pool, n=9, select=select, seed=0, excluded=range(6), dataset=dataset)
    assert len(set(rows(picks))) == 9
    assert select.name


@dataclass(frozen=True)
class Several(Predictor):
    """The planted predictor, once for each assay."""

    one: Predictor
    count: int

    def predict(self, pool, rows, seed, draws=64):
        parts = [self.one.predict(pool, rows, seed + i, draws) for i in range(self.count)]
        join = lambda name: np.concatenate([getattr(p, name) for p in parts], -1)  # noqa: E731
        return Prediction(join("draws"), join("mean"), join("sd"), join("noise"))

    def explain(self):
        return "Planted, several times."

    def state(self):
        return {}


def test_scores_that_read_draws_work_on_pieces_and_on_huge_pools(words, planted, monkeypatch):
    pool = words(3, 10)
    whole = rows(choose(planted(), pool, n=10, select=Recommender(EPIG()), seed=0))
    assert rows(choose(planted(), pool, n=10, select=Recommender(EPIG()), seed=0, chunk=90, keep=40)) == whole
    monkeypatch.setattr("activeloop.acquisition.evaluate.MAX_JOINT", 500)
    model = planted()
    picks = choose(model, pool, n=10, select=Recommender(BALD()), seed=0, chunk=100, keep=50)
    assert len(set(rows(picks))) == 10
    # The stand-in scored all pieces; joint draws were asked for the short list, the targets and nothing else.
    assert model.asked <= 256


def test_the_score_of_a_pick_is_that_of_the_whole_pool(words, planted):
    pool = words(2, 10)
    select = Recommender(UpperConfidenceBound(1.0))
    first = choose(planted(), pool, n=3, select=select, seed=0, pinned=[5])
    assert first[1].score == pytest.approx(first[1].mean + first[1].sd)
    assert first[0].score == pytest.approx(first[0].mean + first[0].sd)
    assert first[1].score >= first[2].score


def test_after_a_few_results_the_default_plate_of_a_scan_is_not_one_position():
    from activeloop.models.gp.mutation_gp import MutationGP

    pool = Pool.single_mutants("MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVGDGTQDNLSGAEKAVQ")
    assert pool.sites is not None
    # one lucky value at Q22 lifts the whole position
    seen = [pool.row_of(name) for name in ("Q22E", "K2A", "I6V", "H18L", "E25D", "L29I", "R39K", "D42A")]
    values = np.array([4.0, 0.1, -0.2, 0.0, 0.3, -0.1, 0.2, 0.1])
    dataset = Dataset.of(pool, np.array(seen), values)
    model, select = MutationGP().fit(dataset, 0), default_recommender("find", [Assay("kcat")], pool)

    def most(select: Recommender, n: int) -> int:
        chosen = rows(choose(model, pool, n=n, select=select, seed=0, dataset=dataset, excluded=seen))
        where = (pool.codes(np.array(chosen)) != pool.sites.parent).argmax(1)  # type: ignore[union-attr]
        return int(np.bincount(where).max())

    assert most(GREEDY, 8) == 8
    assert [most(select, n) for n in (8, 16)] == [4, 8]
