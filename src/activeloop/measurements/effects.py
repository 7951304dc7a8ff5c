"""Plate effects and replicate noise: a mixed model with fixed candidates and random plates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.metrics import Z90

#: repeated candidates from which their variances are compared
ENOUGH_TO_COMPARE = 8


def moderated_variances(squares: np.ndarray, freedom: np.ndarray, pooled: float, behind: int) -> np.ndarray:
    """Noise variance of each candidate: its own, pulled towards the pooled one.

    Where candidates differ no more than by chance (or fewer than 8 were repeated) all get the pooled variance.
    Otherwise the pooled one counts as `d0` further degrees of freedom, estimated from the variance of the logarithms
    of the variances. All are widened for the degrees of freedom behind them (see `t_factor`).

    Args:
        squares: [K] sum of squared deviations from the candidate's mean.
        freedom: [K] measurements less one.
        pooled: the pooled variance.
        behind: its degrees of freedom.

    Returns:
        [K] variances of one measurement.

    Source: Smyth 2004, doi:10.2202/1544-6115.1027.

    >>> moderated_variances(np.array([0.02, 0.0]), np.array([1, 0]), 0.03, behind=10_000).round(4).tolist()
    [0.03, 0.03]
    """
    own = freedom > 0
    known = _prior_freedom(squares[own], freedom[own], pooled)
    if not np.isfinite(known):
        return np.full(len(squares), pooled * t_factor(np.array(behind)) ** 2)
    return (known * pooled + squares) / (known + freedom) * t_factor(known + freedom) ** 2


def t_factor(freedom: np.ndarray) -> np.ndarray:
    """Factor by which a standard error grows because its noise was itself estimated.

    Learners take errors as normal; the factor makes the normal 90 % interval that of Student's t.

    >>> t_factor(np.array([2, 10, 1000])).round(2).tolist()
    [1.78, 1.1, 1.0]
    """
    from scipy.special import stdtrit  # slow to import, and only needed here

    return stdtrit(freedom, 0.95) / Z90


def _prior_freedom(squares: np.ndarray, freedom: np.ndarray, pooled: float) -> float:
    if len(squares) < ENOUGH_TO_COMPARE or pooled <= 0:
        return np.inf
    from scipy.special import digamma, polygamma  # slow to import, and only needed here

    half = freedom / 2.0
    variances = squares / freedom
    logs = np.log(np.maximum(variances, 1e-5 * pooled)) - digamma(half) + np.log(half)
    chance = float(polygamma(1, half).mean())
    excess = float(logs.var(ddof=1)) - chance
    # The fourth moment of log chi^2 with one degree of freedom is 4 + 3 squared variances.
    doubt = chance * np.sqrt(2.0 / (len(logs) - 1) + 4.0 / len(logs))
    if excess < 2.0 * doubt:
        return np.inf
    grid = np.logspace(0, 3, 301)
    return float(grid[int(np.argmin(np.abs(polygamma(1, grid / 2.0) - excess)))])


#: degrees of freedom from which outliers are trimmed
ENOUGH_TO_TRIM = 20
TRIM_AT = 3.0
#: plates up to which those that share no candidate with another take part, too: with 0, which changes nothing
FEW = 256


@dataclass(frozen=True)
class PlateEffects:
    """Estimated shifts of plates against each other, all in the assay's unit.

    Args:
        shifts: [P] what each plate adds to its values; 0 in every direction without data.
        linked: [L] plates with a candidate that was measured more than once, or all; the shifts of others are 0.
        covariance: [L, L] of the errors of their shifts, without the offset that all linked plates share.
        sd: standard deviation between plates.
        noise: standard deviation of one measurement on one plate; 0 when nothing was repeated.
        freedom: degrees of freedom behind `noise`.
        unlinked: [P] the group of each plate; plates in different groups share no candidate and cannot be compared.
    """

    shifts: np.ndarray
    linked: np.ndarray
    covariance: np.ndarray
    sd: float
    noise: float
    freedom: int
    unlinked: np.ndarray


def plate_effects(values: np.ndarray, candidates: np.ndarray, plates: np.ndarray, count: int) -> PlateEffects:
    """Shifts of plates, estimated from repeated measurements, above all of controls.

    `value = candidate + plate + noise`. The candidate is fixed (a plate of better candidates is not corrected down),
    the plate is random with a standard deviation found by restricted maximum likelihood, kept off zero as by Chung et
    al. Values further than 3 standard deviations from their fit are pulled in to there before plates are
    estimated, when there are at least 20 degrees of freedom: one dead control well does not move its plate. With one
    plate, or no candidate on two, all shifts are 0.

    Args:
        values: [n] measured values, finite.
        candidates: [n] number of the candidate (or control) of each, from 0.
        plates: [n] number of its plate, from 0.
        count: P, how many plates there are.

    Source: Patterson and Thompson 1971, doi:10.1093/biomet/58.3.545; Chung et al. 2013,
    doi:10.1007/s11336-013-9328-2; pulled-in values: Huber 1981, Robust Statistics, 7.8.

    >>> values = np.array([1.0, 1.1, 0.9, 5.0, 3.0, 3.1, 2.9, 9.0])  # candidate 0 is the control
    >>> effects = plate_effects(values, np.array([0, 0, 0, 1, 0, 0, 0, 2]), np.array([0, 0, 0, 0, 1, 1, 1, 1]), 2)
    >>> effects.shifts.round(2).tolist(), round(effects.noise, 2)
    ([-1.0, 1.0], 0.1)
    """
    pulled = np.asarray(values, np.float64)
    design = _MixedModel.of(candidates, plates, count)
    effects = design.fit(pulled)
    if effects.freedom < ENOUGH_TO_TRIM:
        return effects
    for _ in range(20):
        centre, scale = design.fitted(pulled, effects.shifts, values)
        trimmed = np.clip(values, centre - TRIM_AT * scale, centre + TRIM_AT * scale) if scale > 0 else pulled
        if np.allclose(trimmed, pulled, rtol=1e-9, atol=1e-9 * scale):
            break
        pulled = trimmed
        effects = design.fit(pulled)
    return effects


@dataclass(frozen=True)
class _MixedModel:
    candidates: np.ndarray  # [n]
    plates: np.ndarray  # [n]
    sizes: np.ndarray  # [K] measurements of each candidate
    count: int  # P
    used: np.ndarray  # [L] plates of the candidates measured more than once; all where there are few
    counts: np.ndarray  # [R, L] of these candidates, on each of these plates
    repeated: np.ndarray  # [R] their numbers

    @classmethod
    def of(cls, candidates: np.ndarray, plates: np.ndarray, count: int) -> _MixedModel:
        sizes = np.bincount(candidates)
        repeated = np.flatnonzero(sizes > 1)
        compact = np.full(len(sizes), -1)
        compact[repeated] = np.arange(len(repeated))
        kept = sizes[candidates] > 1
        used = np.arange(count) if count <= FEW else np.unique(plates[kept])
        counts = np.zeros((len(repeated), len(used)))
        np.add.at(counts, (compact[candidates[kept]], np.searchsorted(used, plates[kept])), 1.0)
        return cls(candidates, plates, sizes, count, used, counts, repeated)

    def means(self, values: np.ndarray) -> np.ndarray:
        """[n] the mean of each value's candidate."""
        sums = np.bincount(self.candidates, values, len(self.sizes))
        return (sums / np.maximum(self.sizes, 1))[self.candidates]

    def fitted(self, pulled: np.ndarray, shifts: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, float]:
        """What is expected of each value, and a scale of the deviations that outliers do not move."""
        shift = shifts[self.plates]
        centre = self.means(pulled - shift) + shift
        sizes = self.sizes[self.candidates]
        inflate = np.sqrt(sizes / np.maximum(sizes - 1, 1))
        deviations = (np.abs(values - centre) * inflate)[sizes > 1]
        return centre, 1.4826 * float(np.median(deviations))

    def fit(self, values: np.ndarray) -> PlateEffects:
        counts, sizes = self.counts, self.sizes[self.repeated]
        residual = values - self.means(values)
        freedom = int(sizes.sum()) - len(sizes)
        information = np.diag(counts.sum(0)) - counts.T @ (counts / np.maximum(sizes, 1)[:, None])
        linked = np.flatnonzero(np.diag(information) > 1e-9)  # the other plates tell nothing
        roots, within = np.linalg.eigh(information[np.ix_(linked, linked)])
        directions = np.zeros((len(self.used), len(roots)))
        directions[linked] = within
        seen = roots > 1e-8 * max(1.0, float(roots.max(initial=0.0)))
        roots, directions = roots[seen], directions[:, seen]
        along = directions.T @ np.bincount(self.plates, residual, self.count)[self.used]
        rest = max(float(residual @ residual) - float((along**2 / roots).sum()), 0.0)
        left = freedom - len(roots)
        if left < 1:  # nothing tells a plate from noise
            roots, directions, along = roots[:0], directions[:, :0], along[:0]
        ratio = _between_to_within(roots, along**2 / roots, rest, freedom) if len(roots) else 0.0
        noise = float(np.sqrt(rest / left)) if left > 0 else 0.0
        precision = roots + 1.0 / ratio if len(roots) else roots
        shifts, groups = np.zeros(self.count), np.arange(self.count)
        shifts[self.used] = directions @ (along / precision)
        groups[self.used] = self.used[_groups(information if left > 0 else np.diag(np.diag(information)))]
        return PlateEffects(
            shifts=shifts,
            linked=self.used,
            covariance=noise**2 * (directions / precision) @ directions.T,
            sd=float(np.sqrt(ratio)) * noise,
            noise=noise,
            freedom=max(left, 0),
            unlinked=groups,
        )


def _between_to_within(roots: np.ndarray, squares: np.ndarray, rest: float, freedom: int) -> float:
    """Variance between plates over variance within, from 1e-4 to 1e6, at the top of the penalised likelihood."""
    ratios = np.logspace(-4, 6, 401)
    grown = 1.0 + ratios[:, None] * roots
    total = rest + (squares / grown).sum(1)
    if total.min() <= 0:
        return float(ratios[-1])
    minus_twice = freedom * np.log(total) + np.log(grown).sum(1) - np.log(ratios)
    return float(ratios[int(np.argmin(minus_twice))])


def _groups(information: np.ndarray) -> np.ndarray:
    """[P] the smallest plate number that each plate is linked to, directly or through others."""
    labels = np.arange(len(information))
    linked = (np.abs(information) > 1e-9) | np.eye(len(information), dtype=bool)
    for _ in range(len(labels)):
        merged = np.where(linked, labels, len(labels)).min(1, initial=len(labels))
        if (merged == labels).all():
            break
        labels = merged
    return labels
