"""A Gaussian process over mutations with a prior whose weight is learned: the default for mutational scans."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from activeloop.candidates import Pool, mostly_multiple
from activeloop.errors import ConfigError
from activeloop.foundation.identity import check_identity, identity
from activeloop.measurements import Dataset
from activeloop.models.base import PerAssayLearner
from activeloop.models.gp.core import Conditioned, ExactConditioned, IterativeConditioned
from activeloop.models.gp.mutation_kernel import CONSTANT, TERMS, MutationKernel, Mutations, parented
from activeloop.models.out_of_fold import OutOfFoldSd
from activeloop.models.transforms import QuantileTransform
from activeloop.prediction import FastMean, Prediction, Predictor
from activeloop.priors.substitutions import MutationPrior, SubstitutionPrior

#: above so many labels systems are solved by conjugate gradients instead of a Cholesky factor
DENSE = 1500
#: variants whose exact spread is computed at once
PIECE = 4096


@dataclass(frozen=True)
class MutationPosterior:
    """A process over mutations given n measured variants, in normal scores; computed as far as it is asked.

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
            variance = self.prior_variance(self.measured)
            return IterativeConditioned(gap, self.noise, self.covariance_times, variance)
        gram = self.measured.sums(self._cross) + CONSTANT
        gram += self.weight_variance * np.outer(self.measured_prior, self.measured_prior)
        return ExactConditioned.of(gram, gap, self.noise, 1e-9)

    @cached_property
    def mean_table(self) -> np.ndarray:
        """[L * K] expected contribution of every mutation."""
        return self.response(self.process.weights[:, None])[:, 0] + self.prior_weight * self.table

    @cached_property
    def prior_weight(self) -> float:
        """Expected weight of the prior; 1 before any measurement."""
        return 1.0 + self.weight_variance * float(self.measured_prior @ self.process.weights)

    def response(self, weights: np.ndarray) -> np.ndarray:
        """[L * K, S] covariance of every mutation with the measured variants, times weights [n, S]."""
        grid = self.measured.scatter(weights)
        shape = self.kernel.positions.shape[1], self.kernel.letters.shape[1], grid.shape[1]
        return self.kernel.times(grid.reshape(shape)).reshape(grid.shape)

    def covariance_times(self, weights: np.ndarray) -> np.ndarray:
        """[n, S] the covariance of the measured variants, without noise, times weights [n, S]."""
        prior = self.measured_prior[:, None]
        smooth = self.measured.sums(self.response(weights)) + CONSTANT * weights.sum(0)
        return smooth + self.weight_variance * prior * (prior.T @ weights)

    def prior_variance(self, variants: Mutations) -> np.ndarray:
        """[n] variance of each variant before any measurement."""
        owner, first, second = variants.pairs()
        own = np.bincount(owner, self.kernel.between(first, second), minlength=variants.count)
        return own + CONSTANT + self.weight_variance * variants.sums(self.table) ** 2

    def mean(self, variants: Mutations) -> np.ndarray:
        """[n] mean of each variant."""
        return variants.sums(self.mean_table) + CONSTANT * self.process.weights.sum()

    def marginals(self, variants: Mutations) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation [n] of the noise-free score of each variant.

        The spread is exact up to 1,500 labels; above, that of 16 joint draws.
        """
        mean = self.mean(variants)
        if not isinstance(self.process, ExactConditioned):
            return mean, self.draws(variants, 0, 16).std(0)
        explained = np.zeros(variants.count)
        for i in range(0, variants.count if len(self.scores) else 0, PIECE):
            some = variants.take(i, i + PIECE)
            cross = some.sums(self._cross) + CONSTANT
            cross += self.weight_variance * np.outer(some.sums(self.table), self.measured_prior)
            explained[i : i + PIECE] = self.process.explained(cross)
        return mean, np.sqrt(np.maximum(self.prior_variance(variants) - explained, 1e-9))

    @cached_property
    def _cross(self) -> np.ndarray:
        return self.response(np.eye(len(self.scores)))

    def draws(self, variants: Mutations, seed: int, draws: int) -> np.ndarray:
        """[S, n] joint draws: functions from the prior, moved to agree with what was measured.

        Source: Matheron's rule; Wilson et al. 2020, arXiv:2002.09309.
        """
        if not draws:
            return np.zeros((0, variants.count))
        rng = np.random.default_rng(seed)
        tables = self.kernel.draw(rng, draws).reshape(-1, draws)
        weights = 1.0 + np.sqrt(self.weight_variance) * rng.standard_normal(draws)
        constants = np.sqrt(CONSTANT) * rng.standard_normal(draws)
        tables = tables + self.table[:, None] * weights
        if len(self.scores):
            residuals = self.scores[:, None] - self.measured.sums(tables) - constants
            moves = self.process.updates(residuals, rng.standard_normal(residuals.shape))
            tables += self.response(moves) + self.weight_variance * self.table[:, None] * (self.measured_prior @ moves)
            constants += CONSTANT * moves.sum(0)
        return (variants.sums(tables) + constants).T

    @cached_property
    def leave_one_out(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation [n] of the noise-free score of each measured variant, given all others."""
        if not isinstance(self.process, ExactConditioned):
            return self._leave_fifth_out()
        mean, variance = self.process.leave_one_out
        return self.measured_prior + mean, np.sqrt(np.maximum(variance - self.noise, 1e-9))

    def _leave_fifth_out(self) -> tuple[np.ndarray, np.ndarray]:
        """The same, given the four fifths that do not hold the variant; the spread is that of 16 joint draws."""
        fold = np.arange(len(self.scores)) % 5
        means, spreads = np.zeros(len(self.scores)), np.zeros(len(self.scores))
        for k in range(5):
            # a value with boundless noise says nothing: the same system serves every fold
            left = fold == k
            hidden = replace(self, noise=np.where(left, 1e6, self.noise))
            mean, spread = hidden.marginals(self.measured)
            means[left], spreads[left] = mean[left], spread[left]
        return means, spreads


#: variances of `TERMS`, of the prior's weight around 1, and of the noise, in units of normal scores: what fits
#: 150 labels of each of 69 assays best. Made by `make prior`, see docs/results/prior.
USUAL = (0.1272, 0.0711, 0.11, 0.0169, 0.1163, 0.028, 0.017, 0.0118, 0.0355, 0.0382, 0.0168, 0.0105, 0.1099, 0.3356)
#: candidates on which the variances are learned; more change them little
FITTED_ON = 150
#: part of the straight line in the scale of variants with several mutations: ranks stretch the floor and the ceiling
#: of an assay, where mutations no longer add up
LINE = 0.5


@dataclass(frozen=True)
class MutationGP(PerAssayLearner):
    """Values are a constant, a weighted prior, and a Gaussian process summed over the variant's mutations.

    The process is the sum of twelve kernels (`mutation_kernel.TERMS`): the position as such, its neighbourhood along
    the chain, the helix turn, the parent's residue, and each of these times the kernel of the new side chains. So
    one measured mutation says something of the same position, of its neighbours and of alike exchanges elsewhere, and
    a position nobody has touched is predicted from the prior and its surroundings. The variances begin at what is
    usual among published scans and are moved by the marginal likelihood; with sixteen labels they hardly move.

    The prior is a table of mutations, learned from other proteins. Its weight is a parameter around 1 and is learned
    from the labels, because in some assays (binding, non-native functions) it misleads.

    Mutations add up on a scale of the values' ranks; where most variants of the pool carry several mutations, on a
    scale half of ranks and half of the values themselves. The figures stand in `docs/results/multiple`.

    Args:
        width: standard deviation of each log variance around its usual value.
        line: part of the values themselves in the scale, 0 to 1; None: by the pool, as told above.
        prior_score: the prior; `PLMPrior` asks a pretrained model too.
        usual: the 14 usual variances.
    """

    width: float = 1.0
    line: float | None = None
    prior_score: MutationPrior = field(default_factory=SubstitutionPrior)
    usual: tuple[float, ...] = field(default=USUAL, repr=False)

    def __post_init__(self) -> None:
        if len(self.usual) != len(USUAL) or not all(v > 0 for v in self.usual) or not self.width > 0:
            raise ConfigError(
                f"mutation-gp takes a width above 0 and {len(USUAL)} usual variances above 0; leave them out for the "
                "defaults. Nothing was fitted."
            )
        if self.line is not None and not 0 <= self.line <= 1:
            raise ConfigError(f"the line of mutation-gp is {self.line:g}. Give 0 (ranks) to 1. Nothing was fitted.")

    @property
    def name(self) -> str:
        """`mutations`, and the prior's name when it is not the usual one."""
        return "mutations" if self.prior_score == SubstitutionPrior() else f"mutations-{self.prior_score.name}"

    def prior(self, pool: Pool) -> Predictor | None:
        """The prior's scores with the usual uncertainty; None without a parent."""
        if pool.sites is None or pool.sites.parent is None:
            return None
        nothing = Mutations.of(pool, np.zeros(0, np.int64))
        return self._conditioned(
            pool, nothing, QuantileTransform(np.zeros(1), np.zeros(1), 1.0), np.zeros(0), np.log(self.usual)
        )

    def _fit_one(self, dataset: Dataset, seed: int) -> Predictor:
        from activeloop.models.gp.mutation_kernel import learn_variances

        line = self.line
        if line is None:
            line = LINE if mostly_multiple(dataset.pool) else 0.0
        scores = QuantileTransform.of(dataset.values[:, 0], line).to_score(dataset.values[:, 0])
        chosen = np.random.default_rng(seed).permutation(len(dataset))[:FITTED_ON]
        some = Mutations.of(dataset.pool, dataset.rows[chosen])
        table = self.prior_score.table(dataset.pool)
        logs = learn_variances(dataset.pool, some, scores[chosen], table, np.log(self.usual), self.width)
        return self._restore_one(dataset, seed, {"logs": logs, "line": np.array(line)})

    def _restore_one(self, dataset: Dataset, seed: int, state: dict[str, np.ndarray]) -> Predictor:
        check_identity(state, self.prior_score)
        # versions from before there was a line have none
        line = float(state.get("line", 0.0))
        transform = QuantileTransform.of(dataset.values[:, 0], line)
        measured = Mutations.of(dataset.pool, dataset.rows)
        errors = dataset.errors[:, 0] / transform.slope
        return self._conditioned(
            dataset.pool, measured, transform, transform.to_score(dataset.values[:, 0]), state["logs"], errors, line
        )

    def _conditioned(
        self,
        pool: Pool,
        measured: Mutations,
        transform: QuantileTransform,
        scores: np.ndarray,
        logs: np.ndarray,
        errors: np.ndarray | float = 0.0,
        line: float = 0.0,
    ) -> Predictor:
        sites = parented(pool)
        variances, prior_score = np.exp(logs), self.prior_score
        kernel = MutationKernel.of(sites, variances[: len(TERMS)])
        table = prior_score.table(pool).ravel()
        # a replicated value is surer than a single one: its own error where it is larger than what the fit calls noise
        noise = np.maximum(variances[-1], np.broadcast_to(errors, scores.shape) ** 2)
        posterior = MutationPosterior(kernel, table, float(variances[-2]), measured, scores, noise)
        return MutationPredictor(posterior, transform, logs, float(np.sqrt(variances[-1])), line, prior_score)


@dataclass(frozen=True)
class MutationPredictor(Predictor, OutOfFoldSd, FastMean):
    """The fitted process.

    Args:
        posterior: on normal scores.
        transform: from normal scores to values.
        logs: [14] learned log variances.
        noise: standard deviation of one measurement, in normal scores.
        line: part of the values themselves in the scale.
        prior_score: the prior.
    """

    posterior: MutationPosterior
    transform: QuantileTransform
    logs: np.ndarray
    noise: float
    line: float = 0.0
    prior_score: MutationPrior = field(default_factory=SubstitutionPrior)

    def predict(self, pool: Pool, rows: np.ndarray, seed: int, draws: int = 64) -> Prediction:
        """Mean and spread are exact in normal scores, so in values the mean is the median; draws are joint."""
        variants = Mutations.of(pool, rows)
        mean, sd = self.posterior.marginals(variants)
        joint = self.transform.to_value(self.posterior.draws(variants, seed, draws))
        half = self.transform.spread(mean, sd)
        noise = np.array([self.noise * self.transform.slope])
        return Prediction(
            joint.astype(np.float32)[:, :, None], self.transform.to_value(mean)[:, None], half[:, None], noise
        )

    def mean(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """[N, 1] means: one sum over each variant's mutations."""
        return self.transform.to_value(self.posterior.mean(Mutations.of(pool, rows)))[:, None]

    def held_out(self) -> np.ndarray:
        """[N] leave-one-out means (Rasmussen and Williams 2006, eq. 5.12)."""
        return self.transform.to_value(self.posterior.leave_one_out[0])

    def held_out_spread(self) -> np.ndarray:
        """[N] their spreads, brought to values as those of predictions are."""
        return self.transform.spread(*self.posterior.leave_one_out)

    def explain(self) -> str:
        """What was learned about the prior, the positions and the noise."""
        labels = len(self.posterior.scores)
        if not labels:
            return (
                f"The prior ({self.prior_score.name}) alone: what mutations did in other proteins, in units of its own."
            )
        weight = self.posterior.prior_weight
        trust = "as usual" if 0.6 < weight < 1.4 else "more than usual" if weight >= 1.4 else "less than usual"
        return (
            f"A Gaussian process over mutations, fitted to {labels} candidates. It trusts the prior "
            f"({self.prior_score.name}) {trust} (weight {weight:.2f}, usual 1); noise is {self.noise:.2f} of the "
            "spread of the values."
        )

    def state(self) -> dict[str, np.ndarray]:
        """The learned variances, the scale, and to what the prior belongs."""
        return {"logs": self.logs, "line": np.array(self.line)} | identity(self.prior_score)
