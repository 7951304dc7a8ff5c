"""What the measurements of sister drugs (or lines) say about one that was never measured: the prior of a mixture.

Each sister's profile over the places, without noise, is one prior mean of a new one's; how far a new one may lie from
its nearest sister, how noisy values are, and how much the same target or a similar structure counts, are learned from
the history by leaving each sister out in turn.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Rows
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from activeloop.candidates import Panel
from activeloop.errors import ModelError
from activeloop.models.gp.factors import Factors
from activeloop.models.gp.mixture import MixturePrior, log_evidence
from activeloop.models.gp.side_information import LIKENESS, likeness, twins
from activeloop.words import many

#: rank of the factors, and the least values of a sister and of a place that counts
RANK, LEAST = 30, 8
#: scales that a new one may have, in standard deviations of the logarithms of the sisters' scales
SCALES = np.linspace(-2, 2, 7)
#: what is tried: variance of a new one about its nearest sister over that of all, and the noise's, for a scale of 1
SPREADS, NOISES = (0.3, 0.5, 0.7, 1.0, 1.4), (0.2, 0.3, 0.4, 0.5, 0.7)
#: sisters that are left out in turn, at most, and how many of their values count as labels
LEFT_OUT, LABELS = 40, (10, 30, 100)
#: weights of `LIKENESS` and of the mean of all sisters where there are too few sisters to learn them
WEIGHTS = np.array([2.0, 2.0, 2.0, 2.0, 3.0])


@dataclass(frozen=True)
class SisterPrior:
    """Learned from a history of D sisters at C places.

    Args:
        sisters: [D] their names.
        places: what a value stands at -> its column.
        factors: of the standardised table.
        level: mean and standard deviation of the sisters' own means.
        log_scale: mean and standard deviation of the logarithms of their standard deviations.
        spread: variance of a new one about a sister, over that of all sisters.
        noise: variance of the noise of one value, for a scale of 1.
        weights: [F + 1] of each kind of likeness, and of the mean of all sisters.
        panel: of the sisters and of what is like them.
        measured: name of a sister, or of one with too few values to be one -> its row in `table`.
        table: the values, NaN where nothing was measured.
    """

    sisters: tuple[str, ...]
    places: dict[str, int]
    factors: Factors
    level: tuple[float, float]
    log_scale: tuple[float, float]
    spread: float
    noise: float
    weights: np.ndarray
    panel: Panel
    measured: dict[str, int]
    table: np.ndarray

    @classmethod
    def of(
        cls,
        names: Rows[str],
        places: Rows[str],
        table: np.ndarray,
        panel: Panel,
        rank: int = RANK,
        seed: int = 0,
        tuned: np.ndarray | None = None,
    ) -> SisterPrior:
        """From a table of values.

        Args:
            names: [D] of the sisters.
            places: [C].
            table: [D, C], NaN where nothing was measured.
            panel: what side tables say of the sisters.
            rank: of the factors, at most.
            seed: of which sisters are left out, and which of their values count as labels.
            tuned: what `learned` of an earlier one gave, so that it need not be learned again.

        Raises:
            ModelError: fewer than three sisters have eight values each.
        """
        enough = (~np.isnan(table)).sum(1) >= min(LEAST, table.shape[1])
        if enough.sum() < 3:
            raise ModelError(
                f"the history has {many(int(enough.sum()), 'sister')} with at least {min(LEAST, table.shape[1])} "
                "values; 3 are needed. Give more of it, or another learner. Nothing was fitted."
            )
        whole, measured = table, {name: row for row, name in enumerate(names)}
        table, names = table[enough], [name for name, kept in zip(names, enough, strict=True) if kept]
        level, own = np.nanmean(table, 1), np.nanstd(table, 1)
        own = np.where(own > 1e-9, own, np.median(own) or 1.0)
        standard = (table - level[:, None]) / own[:, None]
        logs = np.log(own)
        prior = cls(
            tuple(names),
            {place: i for i, place in enumerate(places)},
            Factors.of(standard, rank),
            (float(level.mean()), float(level.std()) or 1.0),
            (float(logs.mean()), max(float(logs.std()), 0.05)),
            SPREADS[2],
            NOISES[2],
            WEIGHTS,
            panel,
            measured,
            whole,
        )
        if tuned is not None:
            return replace(prior, spread=float(tuned[0]), noise=float(tuned[1]), weights=tuned[2:])
        return _tuned(prior, standard, table, np.random.default_rng(seed)) if len(names) >= 10 else prior

    @property
    def learned(self) -> np.ndarray:
        """What was learned by leaving sisters out; see `of`."""
        return np.array([self.spread, self.noise, *self.weights])

    @cached_property
    def means(self) -> np.ndarray:
        """[C, D + 1] the mean of all sisters, and each sister's profile without noise."""
        return np.column_stack([self.factors.mean, self.factors.profiles])

    @cached_property
    def phi(self) -> np.ndarray:
        """[C, Q + 1] whose inner products are the covariance about a prior mean; the last column is the level's."""
        loadings = np.sqrt(self.spread) * self.factors.loadings
        return np.column_stack([loadings, np.full(len(loadings), self.level[1] / np.exp(self.log_scale[0]))])

    def own(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """The places at which something itself was measured before, and its values there."""
        row = self.table[self.measured[name]] if name in self.measured else np.full(1, np.nan)
        where = np.flatnonzero(~np.isnan(row))
        return where, row[where]

    @property
    def scales(self) -> np.ndarray:
        """[B]."""
        return np.exp(self.log_scale[0] + self.log_scale[1] * SCALES)

    def mixture(self, weights: np.ndarray) -> MixturePrior:
        """The mixture with weights of the components, as logarithms [D + 1]."""
        return MixturePrior(weights, self.scales, -0.5 * SCALES**2, self.noise, self.level[0])

    def log_weights(self, targets: Rows[str]) -> np.ndarray:
        """[T, D + 1] of the components before any label: by likeness; a target's own profile is left out."""
        if missing := [target for target in targets if target not in self._known_weights]:
            by_likeness = likeness(self.panel, missing, self.sisters) @ self.weights[:-1]
            for target, own in zip(missing, by_likeness, strict=True):
                if target in self.sisters:
                    own[self.sisters.index(target)] = -np.inf
                self._known_weights[target] = np.array([self.weights[-1], *own])
        return np.array([self._known_weights[target] for target in targets])

    @cached_property
    def _known_weights(self) -> dict[str, np.ndarray]:
        return {}

    def nearest(self, target: str, shares: np.ndarray, count: int = 3) -> list[tuple[str, float]]:
        """The components with the largest shares [D + 1], by name; "" is the mean of all sisters."""
        order = np.argsort(-shares, kind="stable")[:count]
        return [("" if i == 0 else self.sisters[i - 1], float(shares[i])) for i in order.tolist()]


def _tuned(prior: SisterPrior, standard: np.ndarray, table: np.ndarray, rng: np.random.Generator) -> SisterPrior:
    """With spread, noise and weights that make values of some sisters likeliest, given the others without their twins.

    The factors are those of the others alone: a sister that had its part in them would look less noisy than a new one.
    """
    from scipy.optimize import minimize
    from scipy.special import logsumexp

    order = rng.permutation(len(prior.sisters))
    some, rest = np.split(order, [min(LEFT_OUT, len(order) // 3)])
    rest = np.sort(rest)
    others = replace(
        prior,
        sisters=tuple(prior.sisters[i] for i in rest),
        factors=Factors.of(standard[rest], prior.factors.loadings.shape[1]),
    )
    new = [prior.sisters[i] for i in some]
    cases = list(_labels(table[some], rng))
    alike = np.pad(likeness(prior.panel, new, others.sisters), ((0, 0), (1, 0), (0, 1)))
    alike[:, 0, -1] = 1.0
    means, hidden = others.means, np.pad(twins(prior.panel, new, others.sisters), ((0, 0), (1, 0)))
    which = np.array([i for i, _ in cases])

    def evidence(spread: float, noise: float) -> np.ndarray:
        """[cases, D + 1] of each component."""
        tried = replace(others, spread=spread, noise=noise)
        mixture, phi = tried.mixture(np.zeros(means.shape[1])), tried.phi
        rows = []
        for i, places in cases:
            values = table[some[i], places] - mixture.shift
            logs = log_evidence(mixture, phi[places], means[places], values, np.full(len(places), noise))
            root = np.linalg.slogdet(np.eye(phi.shape[1]) + phi[places].T @ phi[places] / noise)[1]
            rows.append(
                logsumexp(logs + mixture.log_scale_weights, axis=1) - 0.5 * (root + len(places) * np.log(noise))
            )
        return np.where(hidden[which], -np.inf, np.array(rows))

    def loss(weights: np.ndarray, found: np.ndarray) -> float:
        logs = np.where(np.isfinite(found), alike[which] @ weights, -np.inf)
        likely = np.asarray(logsumexp(logs + found, axis=1)) - np.asarray(logsumexp(logs, axis=1))
        return -float(likely.mean()) + 1e-3 * float(weights @ weights)

    # spread first at a middle noise, then noise, then spread again: the two hardly depend on each other
    tried: dict[tuple[float, float], np.ndarray] = {}

    def best(pairs: list[tuple[float, float]]) -> tuple[float, float]:
        for pair in pairs:
            if pair not in tried:
                tried[pair] = evidence(*pair)
        return min(pairs, key=lambda pair: loss(WEIGHTS, tried[pair]))

    spread, noise = best([(s, NOISES[2]) for s in SPREADS])
    spread, noise = best([(spread, n) for n in NOISES])
    spread, noise = best([(s, noise) for s in SPREADS])
    used = np.append(np.abs(alike[:, :, :-1]).max((0, 1)) > 0, True)

    def partial(free: np.ndarray) -> float:
        weights = WEIGHTS * used
        weights[used] = free
        return loss(weights, tried[spread, noise])

    weights = WEIGHTS * used
    weights[used] = minimize(partial, WEIGHTS[used], method="L-BFGS-B", bounds=[(0.0, 8.0)] * int(used.sum())).x
    return replace(prior, spread=spread, noise=noise, weights=np.round(weights, 3))


def _labels(table: np.ndarray, rng: np.random.Generator) -> Iterator[tuple[int, np.ndarray]]:
    """A row and the places that count as its labels, for each number of labels."""
    for i, row in enumerate(table):
        known = np.flatnonzero(~np.isnan(row))
        for count in LABELS:
            if len(known) >= count:
                yield i, rng.permutation(known)[:count]


assert len(WEIGHTS) == len(LIKENESS) + 1
