"""The Gaussian process over mutations agrees with plain linear algebra, in every way it is computed."""

from dataclasses import replace

import numpy as np
import pytest

from activeloop.candidates import Pool, mostly_multiple
from activeloop.errors import ConfigError, ModelError
from activeloop.measurements import Dataset
from activeloop.metrics import spearman
from activeloop.models.gp import mutation_gp
from activeloop.models.gp.mutation_gp import DEFAULT_VARIANCES, MutationGP, MutationPosterior, MutationPredictor
from activeloop.models.gp.mutation_kernel import CONSTANT, TERMS, MutationKernel, Mutations, variance_evidence
from activeloop.prediction import mean_of

PARENT = "MKTAYIAKQRQISFVKSHFSRQ"


@pytest.fixture(scope="module")
def doubles() -> Pool:
    rng = np.random.default_rng(0)
    singles = Pool.single_mutants(PARENT, wild_type=True)
    names = singles.names(range(len(singles)))
    pairs = {
        f"{a}:{b}" if int(a[1:-1]) < int(b[1:-1]) else f"{b}:{a}"
        for a, b in rng.choice([n for n in names if n != "WT"], (150, 2))
        if a[1:-1] != b[1:-1]
    }
    return Pool.of([singles.notation.design(n) for n in [*names, *sorted(pairs)]])


@pytest.fixture(scope="module")
def posterior(doubles: Pool) -> MutationPosterior:
    rng = np.random.default_rng(1)
    rows = rng.permutation(len(doubles))[:60]
    measured = Mutations.of(doubles, rows)
    sites = doubles.sites
    assert sites is not None
    kernel = MutationKernel.of(sites, np.array(DEFAULT_VARIANCES[: len(TERMS)]))
    table = rng.standard_normal(measured.width)
    return MutationPosterior(kernel, table, 0.2, measured, rng.standard_normal(60), np.full(60, 0.3))


def dense(posterior: MutationPosterior, a: Mutations, b: Mutations) -> np.ndarray:
    """The prior covariance of variants, formed whole."""
    cells = np.arange(a.width)
    everything = posterior.kernel.between(cells[:, None], cells[None])
    smooth = a.sums(b.sums(everything).T)
    return smooth + CONSTANT + posterior.weight_variance * np.outer(a.sums(posterior.table), b.sums(posterior.table))


def test_mean_and_spread_are_those_of_the_dense_formula(posterior: MutationPosterior, doubles: Pool) -> None:
    others = Mutations.of(doubles, np.arange(0, len(doubles), 3))
    own = dense(posterior, posterior.measured, posterior.measured) + np.diag(posterior.noise)
    cross = dense(posterior, others, posterior.measured)
    gain = np.linalg.solve(own, cross.T).T
    prior, seen = others.sums(posterior.table), posterior.measured.sums(posterior.table)
    mean, sd = posterior.marginals(others)
    assert mean == pytest.approx(prior + gain @ (posterior.scores - seen), abs=1e-6)
    variance = np.diag(dense(posterior, others, others)) - (gain * cross).sum(1)
    assert sd**2 == pytest.approx(variance, abs=1e-6)


def test_draws_have_the_posterior_mean_and_covariance(posterior: MutationPosterior, doubles: Pool) -> None:
    some = Mutations.of(doubles, np.arange(0, 120, 10))
    draws = posterior.draws(some, seed=0, count=4000)
    mean, sd = posterior.marginals(some)
    assert draws.mean(0) == pytest.approx(mean, abs=5 * sd.max() / np.sqrt(4000))
    assert draws.std(0) == pytest.approx(sd, rel=0.08)


def test_leave_one_out_is_a_fit_without_that_one(posterior: MutationPosterior) -> None:
    left, spread = posterior.leave_one_out
    for i in (0, 17, 59):
        alone = replace(posterior, noise=np.where(np.arange(60) == i, 1e9, posterior.noise))
        mean, sd = alone.marginals(posterior.measured)
        assert left[i] == pytest.approx(mean[i], abs=1e-4)
        assert spread[i] == pytest.approx(sd[i], abs=1e-4)


def test_many_labels_are_solved_without_a_factor_to_the_same_answer(
    posterior: MutationPosterior, doubles: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = Mutations.of(doubles, np.arange(50))
    exact, _ = posterior.marginals(some)
    draws = posterior.draws(some, 3, 8)
    left, spread = posterior.leave_one_out
    monkeypatch.setattr(mutation_gp, "DENSE", 10)
    iterated = replace(posterior)
    assert iterated.marginals(some)[0] == pytest.approx(exact, abs=0.02)
    assert iterated.draws(some, 3, 8) == pytest.approx(draws, abs=0.05)
    # a fifth is left out instead of one
    assert spearman(iterated.leave_one_out[0], left) > 0.75
    assert iterated.leave_one_out[1].mean() == pytest.approx(spread.mean(), rel=0.2)


def test_the_slope_of_the_likelihood_is_right() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3, 20, 4))
    parts, residual = np.einsum("pik,pjk->pij", x, x), rng.standard_normal(20)
    at = np.array([0.5, 0.2, 0.1, 0.3])
    loss, slope = variance_evidence(at, parts, residual)
    for i in range(4):
        step = np.eye(4)[i] * 1e-6
        assert (variance_evidence(at + step, parts, residual)[0] - loss) / 1e-6 == pytest.approx(slope[i], rel=1e-3)


def test_a_planted_scan_is_learned_even_at_positions_nobody_touched() -> None:
    pool = Pool.single_mutants(PARENT * 3)
    rng = np.random.default_rng(2)
    sites = pool.sites
    assert sites is not None
    variants = Mutations.of(pool, np.arange(len(pool)))
    kernel = MutationKernel.of(sites, np.array(DEFAULT_VARIANCES[: len(TERMS)]))
    truth = variants.sums(kernel.draw(rng, 1).reshape(variants.width))
    rows = rng.permutation(len(pool))[:200]
    fitted = MutationGP().fit(Dataset.of(pool, rows, truth[rows] + 0.1 * rng.standard_normal(200)), seed=0)
    left = np.setdiff1d(np.arange(len(pool)), rows)
    prediction = fitted.predict(pool, left, seed=0)
    assert spearman(prediction.mean[:, 0], truth[left]) > 0.6
    inside = np.abs(truth[left] - prediction.mean[:, 0]) < 1.645 * prediction.sd[:, 0]
    assert 0.8 < inside.mean() < 0.98


def test_a_misleading_prior_loses_its_weight() -> None:
    pool = Pool.single_mutants(PARENT * 3)
    prior = MutationGP().prior(pool)
    assert prior is not None
    predicted = prior.predict(pool, np.arange(len(pool)), 0, 0).mean[:, 0]
    rows = np.random.default_rng(0).permutation(len(pool))[:150]
    follows = MutationGP().fit(Dataset.of(pool, rows, predicted[rows]), 0)
    contradicts = MutationGP().fit(Dataset.of(pool, rows, -predicted[rows]), 0)
    assert isinstance(follows, MutationPredictor)
    assert isinstance(contradicts, MutationPredictor)
    assert follows.posterior.prior_weight > 0.8 > 0.3 > contradicts.posterior.prior_weight


def test_without_a_wild_type_there_is_no_prior_and_a_clear_error() -> None:
    pool = Pool.combinatorial(None, sites=[1, 2], letters="ACD")
    assert MutationGP().prior(pool) is None
    with pytest.raises(ModelError, match="needs a wild type"):
        MutationGP().fit(Dataset.of(pool, np.array([0, 1]), np.array([1.0, 2.0])), 0)


@pytest.mark.parametrize(
    "options",
    [{"variances": (0.1, 0.2)}, {"variances": (*DEFAULT_VARIANCES[:-1], 0.0)}, {"width": 0.0}, {"linear_share": 1.5}],
)
def test_options_that_make_no_process_are_refused(options: dict) -> None:
    with pytest.raises(ConfigError, match=r"14 variances|linear_share of mutation-gp"):
        MutationGP(**options)


def test_the_scale_is_half_of_values_only_where_most_variants_carry_several_mutations(doubles: Pool) -> None:
    names = [name for name in doubles.names(range(len(doubles))) if ":" in name]
    pairs = Pool.of([doubles.notation.design(name) for name in names])
    assert mostly_multiple(pairs)
    for pool, share in ((pairs, 0.5), (doubles, 0.0), (Pool.single_mutants(PARENT), 0.0)):
        rows = np.arange(0, len(pool), 3)
        fitted = MutationGP().fit(Dataset.of(pool, rows, np.sin(rows) ** 3), 0)
        assert fitted.state()["line"] == share


def test_a_version_from_before_the_linear_share_predicts_the_same(doubles: Pool) -> None:
    rows = np.arange(0, len(doubles), 5)
    dataset = Dataset.of(doubles, rows, np.random.default_rng(0).exponential(size=len(rows)))
    ranks = MutationGP(linear_share=0.0).fit(dataset, 0)
    values = MutationGP(linear_share=1.0).fit(dataset, 0)
    old = MutationGP().restore(dataset, 0, {"logs": ranks.state()["logs"]})
    assert mean_of(old, doubles, rows).tolist() == mean_of(ranks, doubles, rows).tolist()
    assert abs(mean_of(values, doubles, rows) - mean_of(ranks, doubles, rows)).max() > 0.05
