"""The classifier finds a planted truth, knows its uncertainty, and its draws are functions."""

from __future__ import annotations

import numpy as np
import pytest

from activeloop.candidates import Pool, Sequence, Sites
from activeloop.errors import ModelError
from activeloop.measurements import Assay, Dataset
from activeloop.models.gp.classifier import GPClassifier
from activeloop.priors import SubstitutionPrior

LETTERS = "ACDEFGHIKLMNPQRSTVWY"
FIT = Assay("alive", goal="classify")


class Letters(Pool):
    kind = "variants"
    origin = "residues at sites, for tests"

    def __init__(self, codes, alphabet=LETTERS, parent=None):
        self._codes, positions = codes.astype(np.uint8), np.arange(1, codes.shape[1] + 1, dtype=np.int32)
        sequence = "" if parent is None else "".join(alphabet[c] for c in parent)
        self._sites = Sites(alphabet, tuple(map(str, positions)), positions, parent, sequence)

    def __len__(self):
        return len(self._codes)

    def design(self, row):
        return Sequence("".join(self._sites.alphabet[c] for c in self._codes[row]))

    def row_of_design(self, design):
        return None

    @property
    def sites(self):
        return self._sites

    def codes(self, rows=None):
        return self._codes if rows is None else self._codes[np.asarray(rows)]


def single_mutants(length=30):
    parent = np.random.default_rng(0).integers(0, 20, length).astype(np.uint8)
    codes = np.repeat(parent[None], length * 19, 0)
    for row in range(len(codes)):
        site, k = divmod(row, 19)
        codes[row, site] = (parent[site] + 1 + k) % 20
    return Letters(codes, parent=parent)


def all_words(alphabet="ACDEFGHI", length=3):
    grid = np.stack(np.meshgrid(*[np.arange(len(alphabet))] * length, indexing="ij"), -1).reshape(-1, length)
    return Letters(grid, alphabet)


def labels_of(pool, seed=1):
    """Effects of sites and of residues, added up."""
    rng = np.random.default_rng(seed)
    width, size = len(pool.sites.labels), len(pool.sites.alphabet)
    table = 4 * rng.standard_normal((width, 1)) + rng.standard_normal((width, size))
    if pool.sites.parent is not None:
        table[np.arange(width), pool.sites.parent] = 0.0
    value = table[np.arange(width), pool.codes()].sum(1)
    return (value > np.median(value)).astype(float)


POOLS = {"single mutants": single_mutants, "words": all_words}


@pytest.fixture(scope="module", params=list(POOLS))
def case(request):
    pool = POOLS[request.param]()
    labels = labels_of(pool)
    order = np.random.default_rng(2).permutation(len(pool))
    train, test = np.sort(order[:200]), np.sort(order[200:])
    model = GPClassifier().fit(Dataset.of(pool, train, labels[train], FIT), 0)
    return pool, labels, train, test, model


def test_finds_the_planted_classes(case):
    pool, labels, _train, test, model = case
    prediction = model.predict(pool, test, 0, 0)
    assert prediction.classes == ("unfit", "fit")
    predicted = prediction.mean[:, 1] > 0.5
    assert (predicted == (labels[test] > 0.5)).mean() > 0.8


def test_knows_what_it_measured_better_than_before_and_better_than_the_rest(case):
    pool, labels, train, test, model = case
    few = GPClassifier().fit(Dataset.of(pool, train[:20], labels[train[:20]], FIT), 0)
    spread = [m.predict(pool, rows, 0, 0).sd.mean() for m, rows in ((few, test), (model, test), (model, train))]
    assert spread[0] > spread[1] > spread[2]


def test_probabilities_are_calibrated(case):
    pool, labels, _train, test, model = case
    p = model.predict(pool, test, 0, 0).mean[:, 1]
    sure = np.abs(p - 0.5) > 0.3
    assert sure.mean() > 0.1
    assert ((p > 0.5) == (labels[test] > 0.5))[sure].mean() > 0.88
    # of those with probability p about a share p is fit
    assert abs(p.mean() - labels[test].mean()) < 0.08


def test_draws_are_functions_whatever_the_rows(case):
    pool, _labels, _train, test, model = case
    whole = model.predict(pool, test, 7, 16)
    part = model.predict(pool, test[::3], 7, 16)
    assert whole.draws.shape == (16, len(test), 2)
    assert np.allclose(whole.draws[:, ::3], part.draws)
    assert np.allclose(whole.mean[::3], part.mean)
    assert not np.allclose(model.predict(pool, test, 8, 16).draws, whole.draws)


def test_draws_spread_and_agree_with_mean_and_sd(case):
    pool, _labels, _train, test, model = case
    prediction = model.predict(pool, test, 3, 1000)
    assert np.allclose(prediction.draws.sum(2), 1)
    assert np.abs(prediction.draws.mean(0) - prediction.mean).max() < 0.08
    assert np.corrcoef(prediction.draws[:, :, 1].std(0), prediction.sd[:, 1])[0, 1] > 0.85


def test_draws_have_the_posterior_of_laplace():
    # 6 candidates, all measured: the posterior of the latent values is (K^-1 + W)^-1 around the mode.
    pool, rows = single_mutants(4), np.array([0, 1, 20, 40, 41, 60])
    model = GPClassifier().fit(Dataset.of(pool, rows, np.array([1.0, 1, 0, 1, 0, 0]), FIT), 0)
    gram = model._space.gram(model._space.rows(pool, rows)) * model._amplitude
    p = 1 / (1 + np.exp(-model._latent))
    exact = np.linalg.inv(np.linalg.inv(gram + 1e-9 * np.eye(6)) + np.diag(p * (1 - p)))
    draws = model.predict(pool, rows, 0, 20_000).draws[:, :, 1]
    latent = np.log(draws / (1 - draws))
    assert np.allclose(latent.mean(0), model._latent, atol=5 * np.sqrt(exact.diagonal().max() / 20_000))
    assert np.allclose(np.cov(latent.T), exact, atol=0.06 * exact.diagonal().max())


def test_the_same_seed_gives_the_same_model_and_a_stored_one_comes_back(case):
    pool, labels, train, test, model = case
    dataset = Dataset.of(pool, train, labels[train], FIT)
    again = GPClassifier().fit(dataset, 0).predict(pool, test, 1, 8)
    assert np.array_equal(again.draws, model.predict(pool, test, 1, 8).draws)
    restored = GPClassifier().restore(dataset, 0, model.state())
    assert np.array_equal(restored.predict(pool, test, 1, 8).draws, again.draws)
    assert np.array_equal(GPClassifier().restore(dataset, 0, {}).predict(pool, test, 1, 8).draws, again.draws)


def test_pieces_inside_a_prediction_do_not_matter(case, monkeypatch):
    pool, _labels, _train, test, model = case
    whole = model.predict(pool, test, 1, 8)
    monkeypatch.setattr("activeloop.models.gp.classifier.PIECE", 50)
    assert np.allclose(model.predict(pool, test, 1, 8).draws, whole.draws)
    assert len(model.predict(pool, np.zeros(0, np.int64), 1, 8)) == 0


def test_before_any_label_a_gentle_substitution_is_likelier_fit():
    pool = single_mutants()
    prediction = GPClassifier().prior(pool).predict(pool, np.arange(len(pool)), 0, 16)
    score = SubstitutionPrior().features(pool, np.arange(len(pool)))[:, 0]
    assert np.corrcoef(prediction.mean[:, 1], score)[0, 1] > 0.9
    assert prediction.draws.std(0).min() > 0.05
    assert GPClassifier().prior(all_words()) is None


def test_the_weight_of_the_prior_is_learned():
    pool = single_mutants(60)
    score = SubstitutionPrior().features(pool, np.arange(len(pool)))[:, 0]
    rows = np.sort(np.random.default_rng(3).permutation(len(pool))[:300])
    found = []
    for sign in (1, -1):
        labels = (sign * score > np.median(sign * score)).astype(float)
        model = GPClassifier().fit(Dataset.of(pool, rows, labels[rows], FIT), 0)
        rest = np.setdiff1d(np.arange(len(pool)), rows)
        found.append(float(np.corrcoef(model.predict(pool, rest, 0, 0).mean[:, 1], sign * score[rest])[0, 1]))
    assert found[0] > 0.85
    assert found[1] > 0.3


def test_a_version_of_before_the_learned_weight_keeps_its_prior(case):
    pool, labels, train, test, model = case
    dataset, state = Dataset.of(pool, train, labels[train], FIT), model.state()
    before = {key: value for key, value in state.items() if key != "prior"}
    old, now = (GPClassifier().restore(dataset, 0, each).predict(pool, test, 0, 0) for each in (before, state))
    assert np.allclose(now.mean, model.predict(pool, test, 0, 0).mean)
    assert np.allclose(old.mean, now.mean) == (pool.sites.parent is None)


def test_one_label_and_one_class_are_enough():
    pool = single_mutants()
    model = GPClassifier().fit(Dataset.of(pool, np.array([5]), np.array([1.0]), FIT), 0)
    p = model.predict(pool, np.arange(len(pool)), 0, 0).mean[:, 1]
    assert np.isfinite(p).all()
    assert p[5] > GPClassifier().prior(pool).predict(pool, np.array([5]), 0, 0).mean[0, 1]
    assert "1 labels, 1 of them fit" in model.explain()


def test_residues_that_act_together_are_learned():
    # Exclusive or of two sites: no sum of residues can tell the classes apart.
    pool = all_words("AW", 2)
    codes = np.vstack([pool.codes()] * 8)
    rest = np.random.default_rng(0).integers(0, 2, (len(codes), 2))
    pool = Letters(np.unique(np.hstack([codes, rest]), axis=0), "AW")
    labels = (pool.codes()[:, 0] ^ pool.codes()[:, 1]).astype(float)
    rows = np.arange(len(pool))
    together = GPClassifier().fit(Dataset.of(pool, rows, labels, FIT), 0).predict(pool, rows, 0, 0).mean[:, 1]
    alone = GPClassifier(joint=0).fit(Dataset.of(pool, rows, labels, FIT), 0).predict(pool, rows, 0, 0).mean[:, 1]
    assert ((together > 0.5) == (labels > 0.5)).all()
    assert np.abs(alone - 0.5).max() < 0.2


def test_compounds_are_told_apart_by_their_fingerprints():
    pytest.importorskip("rdkit")
    from activeloop.candidates import Compound, CompoundNotation, ExplicitPool

    chains = ["C" * k + end for k in range(2, 12) for end in ("O", "N", "C(=O)O")]
    rings = ["c1ccccc1" + "C" * k + end for k in range(1, 11) for end in ("O", "N", "C(=O)O")]
    pool = ExplicitPool(
        [Compound(s) for s in chains + rings], kind="compounds", origin="for tests", notation=CompoundNotation()
    )
    labels = np.repeat([0.0, 1.0], 30)
    train = np.arange(0, 60, 4)
    model = GPClassifier().fit(Dataset.of(pool, train, labels[train], FIT), 0)
    p = model.predict(pool, np.arange(60), 0, 4).mean[:, 1]
    assert ((p > 0.5) == (labels > 0.5)).all()
    assert GPClassifier().prior(pool) is None


def test_what_is_not_a_class_is_refused():
    pool = single_mutants()
    with pytest.raises(ModelError, match='"alive" must be 0'):
        GPClassifier().fit(Dataset.of(pool, np.arange(2), np.array([0.0, 3.0]), FIT), 0)
    with pytest.raises(ModelError, match="Nothing was measured"):
        GPClassifier().fit(Dataset.of(pool, np.arange(2), np.array([np.nan, np.nan]), FIT), 0)
