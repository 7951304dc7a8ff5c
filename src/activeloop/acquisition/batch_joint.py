"""Batch strategies on the joint posterior or on coverage: log-determinant, BatchBALD, LCMD, variance reduction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from activeloop.acquisition.base import (
    AcquisitionContext,
    BatchStrategy,
    Gaussian,
    Measuring,
    SampleCovariance,
    best_first,
    comparable,
    first_best,
    of_draws,
    require_draws,
)
from activeloop.acquisition.learning import entropy, mutual_information
from activeloop.candidates import Pool
from activeloop.prediction import Covariance, Prediction

Coordinates = Callable[[Pool, np.ndarray], np.ndarray]

#: one-hot coordinates beyond this many are folded by a fixed random projection, which keeps distances
MAX_FEATURES = 1024
#: columns above which candidates are read as changes of the wild type
LONG = 1500


def site_features(pool: Pool, rows: np.ndarray) -> np.ndarray:
    """One-hot residues of each varying site; the squared distance is the number of differing sites.

    More than 1,024 coordinates are folded into 256 by a fixed Gaussian projection, so that 10,000 variants of a long
    protein stay small; distances then hold to about 9 %.

    Returns:
        Float32 [n, D]; for pools without sites (compounds) one column of zeros.

    Source: Johnson and Lindenstrauss 1984, for the projection.
    """
    sites = pool.sites
    if sites is None:
        return np.zeros((len(rows), 1), np.float32)
    width, size = len(sites.labels), len(sites.alphabet)
    if width * size <= MAX_FEATURES:
        table = np.eye(width * size, dtype=np.float32) / np.float32(np.sqrt(2))
    else:
        table = np.random.default_rng(0).standard_normal((width * size, 256), dtype=np.float32) / np.float32(512**0.5)
    out = np.zeros((len(rows), table.shape[1]), np.float32)
    if width > LONG and sites.parent is not None:  # few of many columns differ from the wild type, whose sum is common
        owner, column, code = pool.changes(rows)
        np.add.at(out, owner, table[column * size + code] - table[column * size + sites.parent[column]])
        return out
    codes = pool.codes(rows).astype(np.int64)
    for site in range(width):
        out += table[site * size + codes[:, site]]
    return out


Space = Literal["draws", "features"]


def similarities(prediction: Prediction, features: np.ndarray, space: Space) -> tuple[Covariance, ...]:
    """Covariances of the posterior (`draws`), or as one inner products of the features (`features`).

    With fewer than two draws, as before the first model, always the features. For classes those of the drawn
    probabilities. With several assays each is brought to the same mean variance.
    """
    if space == "features" or len(prediction.draws) < 2:
        return (SampleCovariance(np.asarray(features, np.float64)),)
    known = prediction.covariances or of_draws(prediction.draws)
    if prediction.classes:
        return known
    return tuple(each.scaled(1 / (float(np.sqrt(each.variance.mean())) + 1e-12)) for each in known)


def greedy_information(covariances: Sequence[Covariance], noise: np.ndarray, n: int) -> np.ndarray:
    """Indices that greedily maximise the joint information of measurements, 0.5 log det(I + K / noise) over assays.

    Args:
        covariances: of N candidates in each of A assays.
        noise: [A] variance of the noise of one measurement.
        n: how many, at most N.

    Returns:
        [n] different indices in the order in which they were taken.
    """
    count = len(covariances[0].variance)
    states = [Measuring(c, np.full(count, level)) for c, level in zip(covariances, noise, strict=True)]
    free, picks = np.ones(count, bool), np.zeros(n, np.int64)
    for k in range(n):
        gain = np.sum([np.log1p(state.variance / level) for state, level in zip(states, noise, strict=True)], axis=0)
        picks[k] = i = first_best(np.where(free, gain, -np.inf))
        free[i] = False
        for state in states:
            state.measure(i)
    return picks


def greedy_logdet(x: np.ndarray, noise: float, n: int, quality: np.ndarray | None = None) -> np.ndarray:
    """Indices that greedily maximise log det(I + X_b X_b' / noise) + sum of quality.

    The gain of a candidate is log(1 + its variance given the picks so far / noise). Each pick costs one matrix-vector
    product and one update of x.

    Args:
        x: [N, D] coordinates.
        noise: variance of the noise, above 0.
        n: how many, at most N.
        quality: [N] own value of each, in nats; None = 0.

    Returns:
        [n] different indices in the order in which they were taken.

    Source: Krause et al. 2008 (JMLR 9:235); Chen et al. 2018, arXiv:1709.05135, for the incremental form.

    >>> greedy_logdet(np.array([[2.0, 0.0], [1.9, 0.0], [0.0, 1.0]]), 0.1, 2).tolist()
    [0, 2]
    """
    x = np.array(x, np.float64)
    own_value = np.zeros(len(x)) if quality is None else quality
    variance, free, picks = np.square(x).sum(1), np.ones(len(x), bool), np.zeros(n, np.int64)
    for k in range(n):
        gain = np.where(free, np.log1p(np.maximum(variance, 0.0) / noise) + own_value, -np.inf)
        i = picks[k] = first_best(gain)
        free[i] = False
        own = x[i].copy()
        along = x @ own
        total = float(own @ own) + noise
        variance = variance - np.square(along) / total
        if total > noise:
            x -= np.outer(along, own * ((1 - np.sqrt(noise / total)) / (total - noise)))
    return picks


@dataclass(frozen=True)
class LCMD(BatchStrategy):
    """Each pick is the candidate farthest from its centre in the largest cluster.

    The centres are the picks so far; every other candidate belongs to its nearest one. A cluster's size is the
    sum of the squared distances of its members, each weighted by its score when `weighted`. The first pick is the
    candidate with the largest variance (the least known one), or in the space of the features the best score.

    Args:
        space: `draws`: distance is the standard deviation of a difference under the model (its own where it knows
            that, else that of the draws), so the batch spreads over what is not known; `features`: distance is
            difference of design.
        weighted: multiply squared distances by the scores (which must be at least 0 then; negative ones count as 0).

    Source: Holzmueller et al. 2023, arXiv:2203.09410.
    """

    space: Space = "draws"
    weighted: bool = False
    needs_draws = True
    draws = 256
    spreads = True
    phrase = "unlike the other picks"
    name = "lcmd"

    def __call__(
        self, prediction: Prediction, scores: np.ndarray, n: int, context: AcquisitionContext, features: np.ndarray
    ) -> np.ndarray:
        """[n] indices in the order in which they were taken."""
        shuffled = context.rng.permutation(len(prediction))
        covariances = similarities(prediction, features, self.space)
        weight = np.maximum(scores, 0.0) if self.weighted else np.ones(len(prediction))
        start = scores
        if self.space == "draws" and len(prediction.draws) > 1:
            start = np.sum([covariance.variance for covariance in covariances], axis=0)
        first = int(best_first(start[shuffled], 1, context.rng)[0])
        among = [covariance.take(shuffled) for covariance in covariances]
        return shuffled[_cover(among, weight[shuffled], first, n)]


def _cover(covariances: Sequence[Covariance], weight: np.ndarray, first: int, n: int) -> np.ndarray:
    picks = np.zeros(n, np.int64)
    picks[0] = first
    free, variances = np.ones(len(weight), bool), [covariance.variance for covariance in covariances]
    distance, cluster = np.full(len(weight), np.inf), np.zeros(len(weight), np.int64)
    for k in range(1, n):
        last = picks[k - 1]
        free[last] = False
        new = np.zeros(len(weight))
        for covariance, own in zip(covariances, variances, strict=True):
            new += own + own[last] - 2 * covariance.with_others(covariance.take(np.array([last])))[:, 0]
        # what a candidate differs from itself is the rest of larger numbers
        new = np.where(new < 1e-6 * new.max(), 0.0, comparable(new))
        closer = new < distance
        distance[closer], cluster[closer] = new[closer], k - 1
        size = np.bincount(cluster, distance * weight * free, minlength=k)
        inside = free & (cluster == first_best(size))
        if not inside.any():  # all clusters are empty of weight: any candidate is as good
            inside = free
        picks[k] = first_best(np.where(inside, distance * weight, -1.0))
    return picks


@dataclass(frozen=True)
class BatchBALD(BatchStrategy):
    """Greedy choice by the joint information of all outcomes of the batch.

    For classes exact while the outcomes of the batch are at most `outcomes`, estimated from as many random ones
    beyond that. For values the joint information of Gaussians, 0.5 log det(I + K / noise).

    Args:
        outcomes: how many joint outcomes of the batch are followed.
        among: only that many candidates with the greatest information of their own are considered.

    Source: Kirsch et al. 2019, arXiv:1906.08158.
    """

    outcomes: int = 512
    among: int = 2000
    needs_draws = True
    phrase = "tells what the other picks do not"
    name = "batchbald"

    def __call__(
        self, prediction: Prediction, scores: np.ndarray, n: int, context: AcquisitionContext, features: np.ndarray
    ) -> np.ndarray:
        """[n] indices in the order in which they were taken."""
        draws = require_draws(prediction, "BatchBALD")
        rng = context.rng
        if not prediction.classes:
            shuffled = rng.permutation(len(prediction))
            gaussian = Gaussian.of(prediction)
            among = [covariance.take(shuffled) for covariance in gaussian.covariances]
            return shuffled[greedy_information(among, gaussian.noise, n)]
        among = best_first(mutual_information(draws), max(n, min(self.among, len(prediction))), rng)
        return among[_greedy(draws[:, among].astype(np.float64), n, self.outcomes, rng)]


def _greedy(probs: np.ndarray, n: int, most: int, rng: np.random.Generator) -> np.ndarray:
    """Indices into probs [S, N, C]."""
    size, count, _ = probs.shape
    own = np.mean([entropy(p) for p in probs], axis=0)
    likelihood, weight = np.ones((1, size)), np.ones(1)
    picks, free, spent = np.zeros(n, np.int64), np.ones(count, bool), 0.0
    for k in range(n):
        joint = joint_entropy(likelihood, weight, probs)
        picks[k] = i = first_best(np.where(free, joint - own - spent, -np.inf))
        free[i], spent = False, spent + own[i]
        if k < n - 1:
            likelihood, weight = _extended(likelihood, weight, probs[:, i], most, rng)
    return picks


def joint_entropy(likelihood: np.ndarray, weight: np.ndarray, probs: np.ndarray) -> np.ndarray:
    """Entropy of the outcomes of the batch so far together with that of each candidate, in nats.

    Args:
        likelihood: [M, S] probability of joint outcome m of the batch under draw s.
        weight: [M] 1 when all outcomes are listed; 1 / (M p(m)) for outcomes drawn at random.
        probs: [S, N, C].

    Returns:
        [N].
    """
    size, count, classes = probs.shape
    joint = likelihood @ probs.reshape(size, -1) / size
    plogp = joint * np.log(np.maximum(joint, 1e-300))
    return -(weight @ plogp).reshape(count, classes).sum(1)


def _extended(
    likelihood: np.ndarray, weight: np.ndarray, probs: np.ndarray, most: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The outcomes with one more candidate [S, C]: all of them, or `most` drawn at random."""
    every = (likelihood[:, None, :] * probs.T[None]).reshape(-1, len(probs))
    chance = every.mean(1)
    if len(every) <= most and (weight == 1).all():
        return every, np.ones(len(every))
    if (weight == 1).all():  # all were listed so far: draw from them
        kept = rng.choice(len(every), most, p=chance / chance.sum())
    else:  # each was drawn already: draw its new outcome
        table = chance.reshape(len(likelihood), -1)
        sums = np.cumsum(table / table.sum(1, keepdims=True), 1)
        new = (rng.random((len(table), 1)) > sums).sum(1).clip(max=table.shape[1] - 1)
        kept = np.arange(len(table)) * table.shape[1] + new
    return every[kept], 1.0 / (len(kept) * chance[kept])


@dataclass(frozen=True)
class VarianceReduction(BatchStrategy):
    """Each pick is the candidate whose measurement lowers the variance of the targets' predictions most.

    The prediction is a joint Gaussian, with the model's own covariance where it knows it and else that of its draws,
    and each pick counts as measured before the next is chosen. Targets are those of the context (candidates drawn at
    random from the pool), or the candidates themselves. For classes the predictions are probabilities and the noise of
    a candidate is p (1 - p).

    Source: Cohn et al. 1996, arXiv:cs/9603104 (their equation for one point, here greedily for a batch).
    """

    needs_draws = True
    draws = 256
    phrase = "with the other picks it informs most about the rest of the pool"
    name = "reduction"

    def __call__(
        self, prediction: Prediction, scores: np.ndarray, n: int, context: AcquisitionContext, features: np.ndarray
    ) -> np.ndarray:
        """[n] indices in the order in which they were taken."""
        draws = require_draws(prediction, "Variance reduction")
        shuffled = context.rng.permutation(len(prediction))
        ours = Gaussian.of(prediction)
        theirs = ours if context.target is None else Gaussian.of(context.target)
        columns = slice(-1, None) if len(prediction.classes) == 2 else slice(None)
        noise = np.broadcast_to(ours.noise, ours.mean.shape)
        if prediction.classes:
            noise = (draws * (1 - draws)).mean(0, dtype=np.float64) + 1e-6
        weight = np.ones(len(ours.noise)) if prediction.classes else 1 / np.maximum(theirs.variance.mean(0), 1e-300)
        among = [covariance.take(shuffled) for covariance in ours.covariances[columns]]
        targets = theirs.covariances[columns]
        return shuffled[greedy_reduction(among, noise[shuffled][:, columns], targets, weight[columns], n)]


def greedy_reduction(
    ours: Sequence[Covariance], noise: np.ndarray, targets: Sequence[Covariance], weight: np.ndarray, n: int
) -> np.ndarray:
    """Indices that greedily lower the summed variance of the targets.

    Args:
        ours: covariance of N candidates in each of A assays.
        noise: [N, A] variance of the noise of one measurement of each.
        targets: covariance of M targets in each assay.
        weight: [A] by which the assays' variances are multiplied.
        n: how many, at most N.

    Returns:
        [n] different indices in the order in which they were taken.
    """
    columns = range(len(ours))
    states = [Measuring(ours[a], noise[:, a]) for a in columns]
    with_targets = [theirs.with_others(mine) for mine, theirs in zip(ours, targets, strict=True)]
    free, picks = np.ones(len(noise), bool), np.zeros(n, np.int64)
    for k in range(n):
        gained = np.zeros(len(noise))
        for a in columns:
            gained += weight[a] * np.square(with_targets[a]).sum(0) / (states[a].variance + noise[:, a])
        i = picks[k] = first_best(np.where(free, gained, -np.inf))
        free[i] = False
        for a in columns:
            along = with_targets[a][:, i] / np.sqrt(states[a].variance[i] + noise[i, a])
            with_targets[a] -= np.outer(along, states[a].measure(i))
    return picks


@dataclass(frozen=True)
class Promising(BatchStrategy):
    """Among the best by score, the candidates whose measurement lowers the variance of all of those most.

    The top of a prior's list is near-duplicates (one position, many residues) with little information, and a batch
    spread over the whole pool wastes wells. This is a diverse, informative batch from the top of the prior.

    Args:
        share: share of the candidates that counts as promising.

    Source: greedy A-optimal design (Cohn et al. 1996, arXiv:cs/9603104), restricted to the promising.
    """

    share: float = 0.1
    needs_draws = True
    draws = 256
    phrase = "with the other picks it informs most about the promising ones"
    name = "promising"

    def __call__(
        self, prediction: Prediction, scores: np.ndarray, n: int, context: AcquisitionContext, features: np.ndarray
    ) -> np.ndarray:
        """[n] indices in the order in which they were taken."""
        require_draws(prediction, "A batch of promising candidates")
        few = best_first(scores, min(len(prediction), max(4 * n, round(self.share * len(prediction)))), context.rng)
        among = Gaussian.of(prediction.take(few))
        noise = np.broadcast_to(among.noise, among.mean.shape)
        # Assays count alike whatever their units.
        weight = 1 / np.maximum(among.variance.mean(0), 1e-300)
        return few[greedy_reduction(among.covariances, noise, among.covariances, weight, n)]
