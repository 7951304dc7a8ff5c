"""A Gaussian process over mutations with a prior whose weight is learned: the default for mutational scans."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar

import numpy as np

from activeloop.candidates import Pool, Sites, mostly_multiple
from activeloop.errors import ConfigError
from activeloop.foundation.identity import check_identity, identity
from activeloop.measurements import Dataset
from activeloop.models.base import PerAssayLearner
from activeloop.models.gp.core import Conditioned, ExactConditioned, IterativeConditioned
from activeloop.models.gp.mutation_kernel import (
    CONSTANT,
    TERMS,
    MutationKernel,
    Mutations,
    fitted_variances,
    sites_with_parent,
)
from activeloop.models.transforms import PieceFunction, QuantileTransform, TargetCovariance, TransformedPredictor
from activeloop.prediction import Predictor
from activeloop.priors.base import MutationPrior
from activeloop.priors.profile import FAMILY_MEAN, FAMILY_SD, Profile
from activeloop.priors.substitutions import SubstitutionPrior

#: variances of `TERMS`, of the prior's weight around 1, and of the noise, in units of normal scores: the best fit to
#: 150 labels of each of 69 assays. Made by `make prior`, see docs/results/prior.
DEFAULT_VARIANCES = (
    *(0.1272, 0.0711, 0.11, 0.0169, 0.1163, 0.028, 0.017, 0.0118, 0.0355, 0.0382, 0.0168, 0.0105),
    *(0.1099, 0.3356),
)
#: candidates to which the variances are fitted; more change them little
FITTED_ON = 150
#: linear share of the scale of variants with several mutations: ranks stretch the floor and the ceiling of an assay,
#: where mutations no longer add up
LINEAR_SHARE = 0.5
#: share of the fitted noise that is taken for effects of single mutations in a pool that combinations were added to.
#: Labels of single mutants cannot tell the two apart, and only combinations inherit the latter
SPECIFIC = 0.5


@dataclass(frozen=True)
class MutationGP(PerAssayLearner):
    """Values are a constant, a weighted prior, and a Gaussian process summed over the variant's mutations.

    The process is the sum of twelve kernels (`mutation_kernel.TERMS`): the position as such, its neighbourhood along
    the chain, the helix turn, the parent's residue, and each of these times the kernel of the new side chains. So one
    measured mutation informs the same position, its neighbours and similar exchanges elsewhere, and a position without
    measurements is predicted from the prior and its surroundings. The variances begin at the defaults, fitted to
    published scans, and are moved by the marginal likelihood; with sixteen labels they hardly move.

    The prior is a table of mutations, learned from other proteins. Its weight is a parameter around 1 and is learned
    from the labels, because in some assays (binding, non-native functions) it misleads.

    Mutations add up on a scale of the values' ranks; where most variants of the pool carry several mutations, on a
    scale half of ranks and half of the values themselves. The figures stand in `docs/results/multiple`.

    Args:
        width: standard deviation of each log variance around its default.
        linear_share: of the scale, 0 (ranks) to 1 (the values themselves); None: by the pool, as above.
        prior_score: the prior; `PLMPrior` reads a protein language model too.
        variances: the 14 prior medians of the variances, in the order of `DEFAULT_VARIANCES`.
        family: a second column of the prior, from the relatives of this protein, whose weight around 0.3 is learned.
            None for none.
    """

    quick_prior: ClassVar[bool] = True

    width: float = 1.0
    linear_share: float | None = None
    prior_score: MutationPrior = field(default_factory=SubstitutionPrior)
    variances: tuple[float, ...] = field(default=DEFAULT_VARIANCES, repr=False)
    family: Profile | None = None

    def __post_init__(self) -> None:
        if (
            len(self.variances) != len(DEFAULT_VARIANCES)
            or not all(v > 0 for v in self.variances)
            or not self.width > 0
        ):
            raise ConfigError(
                f"mutation-gp takes a width above 0 and {len(DEFAULT_VARIANCES)} variances above 0; leave them "
                "out for the defaults. Nothing was fitted."
            )
        if self.linear_share is not None and not 0 <= self.linear_share <= 1:
            raise ConfigError(
                f"the linear_share of mutation-gp is {self.linear_share:g}. Give 0 (ranks) to 1. Nothing was fitted."
            )

    @property
    def name(self) -> str:
        """`mutations`, and the names of the prior when it is not the default and of the family's."""
        prior = "" if self.prior_score == SubstitutionPrior() else f"-{self.prior_score.name}"
        return f"mutations{prior}{'' if self.family is None else f'-{self.family.name}'}"

    @property
    def any_sites(self) -> bool:
        """Mutations of other sites are related to the measured ones as those of the pool are."""
        return True

    def with_family(self, family: Profile) -> MutationGP:
        """The same with another family."""
        return replace(self, family=family)

    def _table(self, pool: Pool) -> np.ndarray:
        """[L, K] of the prior mean."""
        table = self.prior_score.table(pool)
        return table if self.family is None else table + FAMILY_MEAN * self.family.table(pool)

    def _column(self, pool: Pool) -> np.ndarray | None:
        """[L * K] of the kernel."""
        return None if self.family is None else FAMILY_SD * self.family.table(pool).ravel()

    def prior(self, pool: Pool) -> Predictor | None:
        """The prior's scores with the default uncertainty; None without a parent."""
        if pool.sites is None or pool.sites.parent is None:
            return None
        none = np.zeros(0)
        transform = QuantileTransform(np.zeros(1), np.zeros(1), 1.0)
        return self._conditioned(pool, none.astype(np.int64), transform, none, none, np.log(self.variances), 0.0)

    def _fit_one(self, dataset: Dataset, seed: int) -> Predictor:
        share = self.linear_share
        if share is None:
            share = LINEAR_SHARE if mostly_multiple(dataset.pool) else 0.0
        values = dataset.values[:, 0]
        scores = QuantileTransform.of(values, share).to_target(values)
        chosen = np.random.default_rng(seed).permutation(len(dataset))[:FITTED_ON]
        some = Mutations.of(dataset.pool, dataset.rows[chosen])
        table = self._table(dataset.pool)
        logs = fitted_variances(
            dataset.pool, some, scores[chosen], table, np.log(self.variances), self.width, self._column(dataset.pool)
        )
        state = {"logs": logs, "line": np.array(share)}
        if dataset.pool.added and mostly_multiple(dataset.pool):
            state["specific"] = np.array(SPECIFIC)
        return self._restore_one(dataset, seed, state)

    def _restore_one(self, dataset: Dataset, seed: int, state: dict[str, np.ndarray]) -> Predictor:
        check_identity(state, self.prior_score, self.family)
        # versions from before there was a linear share have none
        share, values = float(state.get("line", 0.0)), dataset.values[:, 0]
        specific = float(state.get("specific", 0.0))  # as have those that were fitted to a pool that did not grow
        transform = QuantileTransform.of(values, share)
        scores, errors = transform.to_target(values), dataset.errors[:, 0] / transform.slope
        return self._conditioned(dataset.pool, dataset.rows, transform, scores, errors, state["logs"], share, specific)

    def _conditioned(
        self,
        pool: Pool,
        rows: np.ndarray,
        transform: QuantileTransform,
        scores: np.ndarray,
        errors: np.ndarray,
        logs: np.ndarray,
        linear_share: float,
        specific: float = 0.0,
    ) -> Predictor:
        variances, table = np.exp(logs), self._table(pool).ravel()
        own, variances[-1] = specific * variances[-1], (1 - specific) * variances[-1]
        kernel = MutationKernel.of(sites_with_parent(pool), variances[: len(TERMS)], self._column(pool), own)
        # where the standard error of a value is larger than the fitted noise it takes its place
        noise = np.maximum(variances[-1], errors**2)
        posterior = MutationPosterior(kernel, table, float(variances[-2]), Mutations.of(pool, rows), scores, noise)
        sd = float(np.sqrt(variances[-1]))
        return MutationPredictor(posterior, transform, logs, sd, linear_share, self.prior_score, self.family, specific)


#: what was measured where -> the terms of the kernel that carry it to a mutation
PARTS: dict[str, tuple[str, ...]] = {
    "this position": ("site", "site x residue", "site x narrow residue"),
    "its neighbourhood": ("near", "far", "helix", "near x residue"),
    "similar exchanges": ("residue", "parent", "parent x residue", "parent x far", "parent x narrow residue"),
}
#: above this many labels systems are solved by conjugate gradients instead of a Cholesky factor
DENSE = 1500
#: joint samples from which standard deviations are taken then
SAMPLES = 16


@dataclass(frozen=True)
class MutationPosterior:
    """A process over mutations given n measured variants, in normal scores.

    Args:
        kernel: covariance of mutations.
        table: [L * K] the prior of each mutation.
        weight_variance: of the prior's weight around 1.
        measured: n variants.
        scores: [n] their values.
        noise: [n] variance of each.
    """

    kernel: MutationKernel
    table: np.ndarray
    weight_variance: float
    measured: Mutations
    scores: np.ndarray
    noise: np.ndarray

    @cached_property
    def measured_prior(self) -> np.ndarray:
        """[n] prior of the measured variants."""
        return self.measured.sums(self.table)

    @cached_property
    def process(self) -> Conditioned:
        """The process given the scores less their prior means."""
        gap = self.scores - self.measured_prior
        if len(gap) > DENSE:
            return IterativeConditioned(gap, self.noise, self._covariance_times, self.prior_variance(self.measured))
        return ExactConditioned.of(self._cross(self.measured), gap, self.noise, 1e-9)

    @cached_property
    def prior_weight(self) -> float:
        """Expected weight of the prior; 1 before any measurement."""
        return 1.0 + self.weight_variance * float(self.measured_prior @ self.process.weights)

    @property
    def column_weight(self) -> float | None:
        """Expected weight of the kernel's column, in its standard deviations; None where there is none."""
        if self.kernel.column is None:
            return None
        return float(self.measured.sums(self.kernel.column) @ self.process.weights)

    @cached_property
    def mean_table(self) -> np.ndarray:
        """[L * K] expected contribution of every mutation."""
        return self._response(self.process.weights[:, None])[:, 0] + self.prior_weight * self.table

    def contributions(self, sites: Sites, variances: np.ndarray, specific: float = 0.0) -> dict[str, np.ndarray]:
        """The parts of `mean_table`, each [L * K]; they sum to it, since the mean is linear in the terms of the kernel.

        Args:
            sites: of the pool.
            variances: [12] of `TERMS`.
            specific: variance of what is like no other mutation; it counts as told by this position.

        Returns:
            `prior`; the `family`'s column where there is one; and what was measured at `this position`, at
            `its neighbourhood` along the chain, and of `similar exchanges` anywhere.
        """
        laid = self.measured.scatter(self.process.weights[:, None])
        parts = {"prior": self.prior_weight * self.table}
        if self.kernel.column is not None:
            parts["family"] = self.kernel.column * float(self.kernel.column @ laid[:, 0])
        for name, terms in PARTS.items():
            own = np.where([term in terms for term in TERMS], variances, 0.0)
            alone = specific if "site" in terms else 0.0
            parts[name] = MutationKernel.of(sites, own, None, alone).times(laid)[:, 0]
        return parts

    def _response(self, weights: np.ndarray) -> np.ndarray:
        """[L * K, S] covariance of every mutation with the measured variants, times weights [n, S]."""
        return self.kernel.times(self.measured.scatter(weights))

    @cached_property
    def _responses(self) -> np.ndarray:
        """[L * K, n] covariance of every mutation with the measured variants."""
        return self._response(np.eye(len(self.scores)))

    def _cross(self, variants: Mutations) -> np.ndarray:
        """[m, n] prior covariance of variants with the measured ones."""
        return self._with_prior(variants.sums(self._responses), variants, self.measured_prior)

    def _with_prior(self, covariance: np.ndarray, variants: Mutations, prior: np.ndarray) -> np.ndarray:
        """The covariance [m, n] of sums over mutations plus that of the constant and of the prior's weight."""
        covariance += CONSTANT + self.weight_variance * np.outer(variants.sums(self.table), prior)
        return covariance

    def covariance(self, variants: Mutations, others: Mutations) -> np.ndarray:
        """[m, k] exact posterior covariance of variants and others; not for more than 1,500 labels."""
        assert isinstance(self.process, ExactConditioned)
        response = self.kernel.times(others.scatter(np.eye(others.count)))
        covariance = self._with_prior(variants.sums(response), variants, others.sums(self.table))
        if len(self.scores):
            here, there = (self.process.whiten(self._cross(v)) for v in (variants, others))
            covariance -= here @ there.T
        return covariance

    def _covariance_times(self, weights: np.ndarray) -> np.ndarray:
        """[n, S] prior covariance of the measured variants, times weights [n, S], without forming it."""
        prior = self.measured_prior[:, None]
        smooth = self.measured.sums(self._response(weights)) + CONSTANT * weights.sum(0)
        return smooth + self.weight_variance * prior * (prior.T @ weights)

    def prior_variance(self, variants: Mutations) -> np.ndarray:
        """[m] variance of each variant before any measurement."""
        owner, first, second = variants.pairs()
        own = np.bincount(owner, self.kernel.between(first, second), minlength=variants.count)
        return own + CONSTANT + self.weight_variance * variants.sums(self.table) ** 2

    def mean(self, variants: Mutations) -> np.ndarray:
        """[m] mean of each variant."""
        return variants.sums(self.mean_table) + CONSTANT * self.process.weights.sum()

    def marginals(self, variants: Mutations) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation [m] of the noise-free score of each variant.

        The standard deviation is exact up to 1,500 labels; above, that of 16 joint samples.
        """
        mean = self.mean(variants)
        if not isinstance(self.process, ExactConditioned):
            tables, constants = self._some_functions
            return mean, (variants.sums(tables) + constants).std(1)
        variance = self.prior_variance(variants)
        if len(self.scores):
            variance -= self.process.explained(self._cross(variants))
        return mean, np.sqrt(np.maximum(variance, 1e-9))

    def draws(self, variants: Mutations, seed: int, count: int) -> np.ndarray:
        """[S, m] joint samples."""
        tables, constants = self.functions(seed, count)
        return (variants.sums(tables) + constants).T

    def functions(self, seed: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Sampled functions: the contribution [L * K, S] of every mutation, and the constants [S].

        They come from the prior and are moved to agree with the measured scores (Matheron's rule).
        """
        if not count:
            return np.zeros((self.measured.width, 0)), np.zeros(0)
        rng = np.random.default_rng(seed)
        tables = self.kernel.draw(rng, count).reshape(-1, count)
        weights = 1.0 + np.sqrt(self.weight_variance) * rng.standard_normal(count)
        constants = np.sqrt(CONSTANT) * rng.standard_normal(count)
        tables = tables + self.table[:, None] * weights
        if len(self.scores):
            residuals = self.scores[:, None] - self.measured.sums(tables) - constants
            moves = self.process.updates(residuals, rng.standard_normal(residuals.shape))
            tables += self._response(moves) + self.weight_variance * self.table[:, None] * (self.measured_prior @ moves)
            constants += CONSTANT * moves.sum(0)
        return tables, constants

    @cached_property
    def _some_functions(self) -> tuple[np.ndarray, np.ndarray]:
        return self.functions(0, SAMPLES)

    @cached_property
    def leave_one_out(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation [n] of the noise-free score of each measured variant, given all others."""
        if not isinstance(self.process, ExactConditioned):
            return self._leave_fifth_out()
        mean, variance = self.process.leave_one_out
        return self.measured_prior + mean, np.sqrt(np.maximum(variance - self.noise, 1e-9))

    def _leave_fifth_out(self) -> tuple[np.ndarray, np.ndarray]:
        """The same, given the four fifths that do not hold the variant."""
        fold = np.arange(len(self.scores)) % 5
        moments = np.zeros((2, len(self.scores)))
        for k in range(5):
            # a value with boundless noise holds no information: the same system serves every fold
            left = fold == k
            without = replace(self, noise=np.where(left, 1e6, self.noise))
            moments[:, left] = np.stack(without.marginals(self.measured))[:, left]
        return moments[0], moments[1]


@dataclass(frozen=True)
class MutationPredictor(TransformedPredictor):
    """The fitted process.

    Args:
        posterior: on normal scores.
        transform: from normal scores to values.
        logs: [14] fitted log variances.
        noise: standard deviation of one measurement, in normal scores.
        linear_share: of the scale.
        prior_score: the prior.
        family: its second column; None for none.
        specific: share of the noise that is of each mutation itself; see `SPECIFIC`.
    """

    posterior: MutationPosterior
    transform: QuantileTransform
    logs: np.ndarray
    noise: float
    linear_share: float
    prior_score: MutationPrior
    family: Profile | None = None
    specific: float = 0.0
    piece: ClassVar[int] = 4096

    def _piece_function(self, pool: Pool, rows: np.ndarray, seed: int, draws: int) -> PieceFunction:
        tables, constants = self.posterior.functions(seed, draws)

        def predicted(piece: slice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            variants = Mutations.of(pool, rows[piece])
            return (variants.sums(tables) + constants).T, *self.posterior.marginals(variants)

        return predicted

    def _target_covariance(self) -> TargetCovariance | None:
        if not isinstance(self.posterior.process, ExactConditioned):
            return None

        def covariance(pool: Pool, rows: np.ndarray, other: Pool, others: np.ndarray) -> np.ndarray:
            return self.posterior.covariance(Mutations.of(pool, rows), Mutations.of(other, others))

        return covariance

    def _target_mean(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        return self.posterior.mean(Mutations.of(pool, rows))

    def contributions(self, pool: Pool) -> dict[str, np.ndarray]:
        """What each mutation of a pool adds to the mean, [L, K] a part; see `MutationPosterior.contributions`.

        On the scale on which mutations add up: standard deviations of the measured values' ranks.
        """
        sites = sites_with_parent(pool)
        variances = np.exp(self.logs)
        own = self.specific * float(variances[-1])
        parts = self.posterior.contributions(sites, variances[: len(TERMS)], own)
        return {name: part.reshape(len(sites.labels), -1) for name, part in parts.items()}

    def _leave_one_out(self) -> tuple[np.ndarray, np.ndarray]:
        return self.posterior.leave_one_out

    def explain(self) -> str:
        """What was learned about the prior and the noise."""
        labels, prior = len(self.posterior.scores), self.prior_score.name
        if not labels:
            return f"The prior ({prior}) alone: effects of mutations in other proteins, in units of its own."
        weight = self.posterior.prior_weight
        family = self.posterior.column_weight
        learned = 0.0 if family is None else FAMILY_MEAN * weight + FAMILY_SD * family
        beside = "" if family is None else f", that of the family {learned:.2f} ({FAMILY_MEAN:g} before)"
        return (
            f"A Gaussian process over mutations, fitted to {labels} candidates. The prior ({prior}) has weight "
            f"{weight:.2f} (1 before any measurement){beside}; noise is {self.noise:.2f} of the values' standard "
            "deviation."
        )

    def state(self) -> dict[str, np.ndarray]:
        """The fitted variances, the scale, and to what the prior belongs."""
        own = {"specific": np.array(self.specific)} if self.specific else {}
        return {"logs": self.logs, "line": np.array(self.linear_share)} | own | identity(self.prior_score, self.family)
