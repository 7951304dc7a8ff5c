"""Combinations: their list is that of brute force, no mutation fills a plate, and chances are what is stated."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activeloop.acquisition import choose, default_recommender
from activeloop.acquisition.combining import (
    Outlook,
    best_combinations,
    corrected,
    keeps_rules,
    list_combinations,
    within_share,
)
from activeloop.candidates import Pool, Variant, grown
from activeloop.measurements import Assay, Dataset
from activeloop.models import MutationGP
from activeloop.prediction import Prediction

#: protein G, domain B1; the four sites of its library
GB1 = "MQYKLILNGKTLKGETTTEAVDAATAEKVFKQYANDNGVDGEWTYDDATKTFTVTE"
SITES = (39, 40, 41, 54)


def brute_force(effects, places, most):
    """Sums of all combinations at different places, largest first."""
    found = [
        sum(effects[i] for i in members)
        for size in range(2, most + 1)
        for members in combinations(range(len(effects)), size)
        if len({places[i] for i in members}) == size
    ]
    return sorted(found, reverse=True)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-8, 8), st.integers(1, 5)), min_size=0, max_size=9),
    st.integers(2, 4),
)
def test_combinations_come_best_first_each_once_as_by_brute_force(singles, most):
    effects, places = np.array([e for e, _ in singles], float), [p for _, p in singles]
    found = list(best_combinations(effects, places, most))
    assert len(set(found)) == len(found)
    assert [sum(effects[i] for i in members) for members in found] == brute_force(effects, places, most)


def planted(names_of=None, seed=0):
    """A model of GB1's sites: 60 single mutants measured, and the wild type."""
    pool = Pool.single_mutants(GB1, positions=SITES)
    rng = np.random.default_rng(seed)
    effects = rng.normal(-0.5, 1.0, len(pool))
    whole = grown(pool, [Variant(GB1, ())], "the wild type")
    rows = np.append(np.sort(rng.choice(len(pool), 60, replace=False)), len(pool))
    values = np.append(effects, 0.0)[rows] + 5.0
    return (
        whole,
        Dataset.of(whole, rows, values, Assay("kcat")),
        dict(zip(pool.names(range(len(pool))), effects, strict=True)),
    )


def test_the_list_on_the_sites_of_gb1_is_that_of_brute_force():
    pool, dataset, _ = planted()
    model = MutationGP().fit(dataset, 0)
    wild = Outlook.of(model, dataset, 0).wild_type
    listed = list_combinations(model, pool, 0, most=3, best=40, count=300, wild_type=wild)
    mean = dict(
        zip(pool.names(range(76)), model.predict(pool, np.arange(76), 0, draws=0).mean[:, 0] - wild, strict=True)
    )
    singles = sorted(mean, key=lambda name: -mean[name])[:40]
    effects, places = [mean[name] for name in singles], [name[1:-1] for name in singles]
    sums = [sum(mean[str(m)] for m in design.mutations) for design in listed.designs]
    assert np.allclose(sums, brute_force(effects, places, 3)[:300])
    assert set(listed.singles) == set(singles)
    assert len({d.name for d in listed.designs}) == 300


def test_what_is_in_the_pool_or_breaks_a_rule_is_not_listed():
    pool, dataset, _ = planted()
    model = MutationGP().fit(dataset, 0)
    first = list_combinations(model, pool, 0, most=3, best=40, count=50, wild_type=5.0)
    whole = grown(pool, first.designs, "combinations")
    again = list_combinations(model, whole, 0, most=3, best=40, count=50, wild_type=5.0)
    assert (again.designs, again.known) == ((), 50)
    forbidden = first.designs[0]
    motif = {m.position: m.new for m in forbidden.mutations}
    strict = Pool.single_mutants(GB1, positions=SITES, forbidden_motifs=["NGT"])
    assert keeps_rules(strict, [Variant(GB1, forbidden.mutations)]).tolist() == ["NGT" not in forbidden.sequence]
    assert motif  # the rule is about what several mutations make together
    two = [strict.notation.design("V39N:D40G:G41T"), strict.notation.design("V39N:D40G:G41S")]
    assert keeps_rules(strict, two).tolist() == [False, True]


def test_no_mutation_stands_in_more_than_half_of_a_plate_of_combinations():
    pool, dataset, _ = planted()
    model = MutationGP().fit(dataset, 0)
    listed = list_combinations(model, pool, 0, most=3, best=40, count=2000, wild_type=5.0)
    whole = grown(pool, listed.designs, "combinations")
    data = Dataset.of(whole, dataset.rows, dataset.values[:, 0], dataset.assays[0])
    fitted = MutationGP().fit(data, 0)
    select = default_recommender("find", data.assays, pool)
    picks = choose(fitted, whole, n=24, select=select, seed=0, dataset=data, excluded=data.rows.tolist())
    names = whole.names([p.row for p in picks])
    counts = Counter(m for name in names if ":" in name for m in name.split(":"))
    assert len(set(names)) == 24
    assert max(counts.values()) <= 12
    scores = [p.score for p in picks]
    assert scores == sorted(scores, reverse=True)


def test_the_share_gives_way_where_nothing_else_is_left():
    one = [frozenset({1, k}) for k in range(2, 8)]
    taken = within_share(lambda left: np.arange(4), one, 4)
    assert sorted(taken.tolist()) == [0, 1, 2, 3]


def test_sums_and_chances_of_combinations():
    pool, dataset, effects = planted()
    measured = [name for name in pool.names(dataset.rows) if name != "WT"]
    pair = next((a, b) for a in measured for b in measured if a[1:-1] != b[1:-1])
    name = ":".join(sorted(pair, key=lambda m: int(m[1:-1])))
    whole = grown(pool, [pool.notation.design(name)], "one")
    data = Dataset.of(whole, dataset.rows, dataset.values[:, 0], dataset.assays[0])
    outlook = Outlook.of(MutationGP().fit(data, 0), data, 0)
    (known,) = outlook([whole.row_of(name)])
    assert outlook.measured_wild_type
    assert outlook.wild_type == pytest.approx(5.0)
    assert known.additive == pytest.approx(5.0 + effects[pair[0]] + effects[pair[1]])
    assert known.unmeasured == ()
    assert 0 < known.above < 1
    assert known.low < known.mean < known.high


@pytest.mark.parametrize("picked", [48, 480])
def test_the_best_of_many_predictions_are_too_high_and_the_correction_says_so(picked):
    rng = np.random.default_rng(1)
    truth = rng.normal(0, 1, 20_000)
    predicted = truth + rng.normal(0, 1, 20_000)  # a model that does not shrink
    best = np.argsort(-predicted)[:picked]
    prediction = Prediction(np.zeros((0, picked, 1)), predicted[best, None], np.full((picked, 1), 1.0), np.zeros(1))
    stated = {shift: corrected(prediction, shift, 2.0)[1].mean() for shift in (0.0, 1.5)}
    came_true = (truth[best] > 2.0).mean()
    assert abs(stated[1.5] - came_true) < abs(stated[0.0] - came_true)


def test_parts_of_a_prediction_add_up_where_mutations_have_effects_of_their_own():
    pool, dataset, _ = planted()
    whole = grown(pool, [pool.notation.design("V39A:D40A"), pool.notation.design("V39C:G41A")], "two")
    data = Dataset.of(whole, dataset.rows, dataset.values[:, 0], dataset.assays[0])
    fitted = MutationGP().fit(data, 0)
    assert fitted.specific == 0.5
    again = MutationGP().restore(data, 0, fitted.state())
    rows = np.arange(len(whole))
    assert np.array_equal(again.predict(whole, rows, 0, draws=0).mean, fitted.predict(whole, rows, 0, draws=0).mean)
    parts = fitted.contributions(whole)
    assert np.allclose(sum(parts.values()).ravel(), fitted.posterior.mean_table)
