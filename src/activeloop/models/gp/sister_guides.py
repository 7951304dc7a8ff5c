"""Guides or compounds with sister screens as history: each screen's model is one prior mean, weighed by the labels."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Rows
from dataclasses import dataclass, field, replace
from typing import Literal
from weakref import WeakKeyDictionary

import numpy as np

from activeloop.candidates import Pool
from activeloop.candidates.designs import GUIDE_LENGTHS
from activeloop.encoders.compound import Morgan, structures
from activeloop.encoders.guide import DNA, Kmers, binding, by_position, feature_groups, kmer_counts
from activeloop.errors import ModelError
from activeloop.measurements import Dataset
from activeloop.models.base import PerAssayLearner
from activeloop.models.ensemble import MLPEnsemble
from activeloop.models.gp.core import inverse_root
from activeloop.models.gp.mixture import MixturePosterior, MixturePrior, log_evidence
from activeloop.models.gp.mixture_predictor import Group, MixturePredictor
from activeloop.models.networks import Training
from activeloop.models.stacking import StackingEnsemble
from activeloop.prediction import Predictor

#: shares of nucleotides, pairs, k-mers anywhere and binding in a guide's squared length, as in `GuideGP`
LENGTHS = np.array([1.0, 0.7, 0.3, 0.5]) / 2.5
#: inducing guides of a screen's model, and of the process about the prior means; guides that set the scale of features
INDUCING, OWN_INDUCING, SCALED_ON = 1000, 512, 4096
#: a screen's prediction as a prior mean, in standard deviations of the values
SHARES = (0.3, 0.5, 0.7, 0.9)
#: variances of the process and of the noise that are tried, for values of variance 1
SPREADS, NOISES = (0.01, 0.02, 0.05, 0.1, 0.15, 0.4, 0.8), (0.3, 0.6, 1.0)
#: about sister screens the process is small until labels say otherwise: the middle of its variance before them and how
#: many natural logarithms it may be off; and the weight of a constant prior mean, where each screen has 1. Without this
#: thirty labels made the predictions of most screens worse than none (`docs/results/guides`)
LITTLE, OFF, NOTHING = 0.05, 0.6, 0.2
#: scales that are tried, in standard deviations of the labels; labels by which spread and noise are chosen
SCALES, DECIDING = np.array([0.75, 1.0, 1.33]), 2000
#: ridges of a screen's model that are tried on a tenth of its guides
RIDGES = np.geomspace(0.03, 30, 7)
#: guides whose kernel is in memory at once, and the fewest of a screen
PIECE, FEWEST = 8192, 20
#: labels from which networks are worth their while (`docs/results/deephf`), and from which they need fewer passes
MANY, VERY_MANY = 2000, 8000
#: networks, each of which leaves other labels out
NETWORKS = 5


def framed(guides: Rows[str], pam: bool) -> np.ndarray:
    """Int64 [n, 20 or 23] nucleotides of protospacers, with their PAM if asked; guides of other lengths as they are.

    >>> framed(["TTTTACGTACGTACGTACGTACGTAGGCCC"], pam=True).shape, framed(["ACGTACGTACGTACGTACGTAGG"], pam=False).shape
    ((1, 23), (1, 20))
    """
    size = 23 if pam else 20
    cut = [g[GUIDE_LENGTHS[len(g)] :][:size] if len(g) in GUIDE_LENGTHS else g for g in guides]
    if len(lengths := {len(guide) for guide in cut}) > 1:
        raise ModelError(
            f"guides of the lengths {sorted(lengths)} cannot be compared. Give 20 letters, 23 with the PAM, or 30 with "
            "flanks (4 + 20 + PAM + 3). Nothing was fitted."
        )
    table = np.full(256, 4)
    table[np.frombuffer(DNA.encode(), np.uint8)] = range(4)
    return table[np.frombuffer("".join(cut).encode(), np.uint8)].reshape(len(cut), -1)


@dataclass(frozen=True)
class FeatureSpace:
    """Guides as points of length 1, whose inner products a kernel reads.

    Args:
        centre: [D] mean of each feature.
        factors: [D] by which a centred feature is multiplied.
        pam: whether the PAM counts.
    """

    centre: np.ndarray
    factors: np.ndarray
    pam: bool

    @classmethod
    def of(cls, guides: Rows[str], pam: bool) -> FeatureSpace:
        """From some guides."""
        bases = framed(guides, pam)
        x = _features(bases)
        kind, sd = feature_groups(bases.shape[1]), x.std(0)
        varies = sd > 1e-9
        alone = np.where(varies & (kind >= 2), 1 / np.where(varies, sd, 1), varies.astype(float))
        lengths = np.bincount(kind, (alone * sd) ** 2, minlength=len(LENGTHS))
        return cls(x.mean(0), alone * np.sqrt(LENGTHS / np.maximum(lengths, 1e-12))[kind], pam)

    def __call__(self, texts: Rows[str]) -> np.ndarray:
        """Float64 [n, D]."""
        z = (_features(framed(texts, self.pam)) - self.centre) * self.factors
        return z / np.maximum(np.sqrt((z * z).sum(1, keepdims=True)), 1e-12)


@dataclass(frozen=True)
class FingerprintSpace:
    """Compounds as points of length 1: the square roots of the counts of their Morgan fingerprints."""

    pam: bool = False

    def __call__(self, texts: Rows[str]) -> np.ndarray:
        """Float64 [n, D]."""
        z = np.sqrt(Morgan().counts(texts).astype(np.float64))
        return z / np.maximum(np.sqrt((z * z).sum(1, keepdims=True)), 1e-12)


Space = FeatureSpace | FingerprintSpace


def space_of(kind: str, texts: Rows[str], pam: bool) -> Space:
    """Where candidates of a kind are compared, from some of them as `written` gives them."""
    return FingerprintSpace() if kind == "compounds" else FeatureSpace.of(texts, pam)


def written(pool: Pool, rows: np.ndarray) -> list[str]:
    """What candidates are compared by: the letters of guides, the SMILES of compounds."""
    return structures(pool, rows) if pool.kind == "compounds" else pool.names(rows)


def _has_pam(*pools: Pool) -> bool:
    return all(pool.kind == "guides" and len(pool.names([0])[0]) in (23, 30) for pool in pools)


def _features(bases: np.ndarray) -> np.ndarray:
    return np.concatenate([by_position(bases), kmer_counts(bases), binding(bases)], axis=1).astype(np.float64)


def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """[n, m] half linear, half smooth, of points of length 1; 1 of a point with itself."""
    cosine = np.clip(a @ b.T, -1, 1)
    return 0.5 * cosine + 0.5 * np.exp(cosine - 1)


@dataclass(frozen=True)
class ScreenModel:
    """A Gaussian process on many guides or compounds, through some of them.

    Args:
        name: of the screen.
        space: of its guides.
        inducing: [M, D].
        weights: [M].
        mean: of its predictions.
        sd: of its predictions.

    Source: Smola and Bartlett 2001, NIPS 13 (subset of regressors).
    """

    name: str
    space: Space
    inducing: np.ndarray
    weights: np.ndarray
    mean: float
    sd: float

    @classmethod
    def of(
        cls, name: str, guides: list[str], values: np.ndarray, pam: bool, kind: str = "guides", seed: int = 0
    ) -> ScreenModel:
        """From values [N]; the ridge is that of the least error on a tenth of them. 45,000 values take seconds."""
        order = np.random.default_rng(seed).permutation(len(guides))
        space = space_of(kind, [guides[i] for i in order[:SCALED_ON]], pam)
        inducing = space([guides[i] for i in order[:INDUCING]])
        among = kernel(inducing, inducing)
        centre, spread = float(values.mean()), float(values.std()) or 1.0
        targets = (values - centre) / spread
        held, rest = np.split(order, [max(1, len(order) // 10)])

        def normal(some: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            gram, right = np.zeros_like(among), np.zeros(len(among))
            for start in range(0, len(some), PIECE):
                piece = some[start : start + PIECE]
                cross = kernel(space([guides[i] for i in piece]), inducing)
                gram += cross.T @ cross
                right += cross.T @ targets[piece]
            return gram, right

        (held_gram, held_right), (gram, right) = normal(held), normal(rest)
        jitter = 1e-6 * np.trace(gram) / len(among) * np.eye(len(among))

        def error(ridge: float) -> float:
            weights = np.linalg.solve(gram + ridge * among + jitter, right)
            return float(weights @ held_gram @ weights - 2 * weights @ held_right)

        ridge = min(RIDGES.tolist(), key=error)
        weights = np.linalg.solve(gram + held_gram + ridge * among + jitter, right + held_right)
        some = among @ weights
        return cls(name, space, inducing, weights, float(some.mean()), float(some.std()) or 1.0)

    def __call__(self, guides: Rows[str]) -> np.ndarray:
        """[n] standardised predictions."""
        return (kernel(self.space(guides), self.inducing) @ self.weights - self.mean) / self.sd


@dataclass(frozen=True, eq=False)
class SisterGuideGP(PerAssayLearner):
    """A Gaussian process for guides, or compounds, whose prior means are what sister screens predict, or nothing.

    Each screen of the history has a model of its own; a share of its prediction (.3 to .9 standard deviations) is one
    prior mean, and a constant is another, so that a history that misleads loses its weight with the first labels. The
    process about them has the kernel of `GuideGP`, through 512 guides of the pool. From 2,000 labels on it is stacked
    with networks, which learn from many labels what the kernel cannot; 45,000 labels take a minute. Compounds are
    compared by the cosine of their fingerprints in its place, without networks.

    Args:
        history: screens of other enzymes, cells or libraries, each an assay of its own.
        networks: whether networks are stacked with the process where there are many labels.

    Source: as `MixturePrior`; Doench et al. 2016, Nat Biotechnol 34:184 (features).
    """

    history: Dataset | None = field(default=None, repr=False)
    networks: bool = True
    kind: Literal["guides", "compounds"] = "guides"

    @property
    def name(self) -> str:
        """`sister-guides` or `sister-compounds`."""
        return f"sister-{self.kind}"

    def with_history(self, history: Dataset) -> SisterGuideGP:
        """The same learner with a history."""
        return replace(self, history=history)

    def prior(self, pool: Pool) -> Predictor | None:
        """The mean of what the screens say, on a scale without a unit; None without any."""
        if self.history is None or pool.kind != self.kind:
            return None
        return self._fit_one(Dataset.of(pool, np.zeros(0, np.int64), np.zeros(0)), 0)

    def _restore_one(self, dataset: Dataset, seed: int, state: dict[str, np.ndarray]) -> Predictor:
        return with_networks(self, len(dataset)).restore(dataset, seed, state)

    def _fit_one(self, dataset: Dataset, seed: int) -> Predictor:
        history = dataset.history or self.history
        if self.networks and len(dataset) >= MANY and dataset.pool.kind == "guides":
            return with_networks(self, len(dataset)).fit(dataset, seed)
        if dataset.pool.kind != self.kind or (history is not None and history.pool.kind != self.kind):
            raise ModelError(f'"{self.name}" is for {self.kind}; these are {dataset.pool.kind}. Nothing was fitted.')
        pools = [dataset.pool, *([history.pool] if history is not None else [])]
        return GuideMixture.of(dataset, _screens(history, _has_pam(*pools)) if history is not None else ())


def screens_of(dataset: Dataset) -> list[Callable[[Pool, np.ndarray], np.ndarray]]:
    """What each sister screen of the history predicts, standardised; [] without screens of the same kind."""
    history, pool = dataset.history, dataset.pool
    if history is None or history.pool.kind != pool.kind or pool.kind not in ("guides", "compounds"):
        return []
    models = _screens(history, _has_pam(pool, history.pool))
    return [lambda some, rows, model=model: model(written(some, rows)) for model in models]


def with_networks(learner: SisterGuideGP, labels: int) -> StackingEnsemble:
    """A process stacked with networks that suit a number of labels.

    >>> with_networks(SisterGuideGP(), 45_000).name
    'stacking(sister-guides,ensemble-scaled-kmers)'
    """
    passes, batch = (12, 256) if labels >= VERY_MANY else (20, 128)
    training = Training(passes=passes, batch=batch, rate=2e-3, decay=1e-2, dropout=0.3, cooling=True)
    share = 1 - 1 / NETWORKS
    networks = MLPEnsemble(Kmers(scaled=True), NETWORKS, hidden=(256, 256, 64), share=share, training=training)
    return StackingEnsemble((replace(learner, networks=False), networks))


#: of the pool of each history: the models of its screens, with and without PAM
_MODELS: WeakKeyDictionary[Pool, dict[tuple[bool, bool], tuple[ScreenModel, ...]]] = WeakKeyDictionary()


def _screens(history: Dataset, pam: bool) -> tuple[ScreenModel, ...]:
    """A model of each screen, fitted once; larger is better."""
    kept = _MODELS.setdefault(history.pool, {})
    key = (pam, history.is_oriented)
    if key not in kept:
        names, found = written(history.pool, history.rows), []
        for i, assay in enumerate(history.assays):
            known = np.flatnonzero(np.isfinite(history.values[:, i]))
            sign = 1 if history.is_oriented else assay.sign
            if len(known) >= FEWEST:
                guides = [names[k] for k in known]
                found.append(
                    ScreenModel.of(assay.name, guides, sign * history.values[known, i], pam, history.pool.kind)
                )
        kept[key] = tuple(found)
    return kept[key]


@dataclass(frozen=True)
class GuideMixture(MixturePredictor):
    """The mixture over screens, given the labels of a pool.

    Args:
        space: of the pool's guides.
        inducing: [M, D] of them.
        whiten: [M, M] that makes coordinates of a kernel with them.
        screens: of the history.
        posteriors: one.
        order: of the labels.
    """

    space: Space
    inducing: np.ndarray
    whiten: np.ndarray
    screens: tuple[ScreenModel, ...]
    posteriors: dict[str, MixturePosterior]
    order: tuple[tuple[str, int], ...]

    @classmethod
    def of(cls, dataset: Dataset, screens: tuple[ScreenModel, ...]) -> GuideMixture:
        """Of a data set on its scale."""
        pool, rng = dataset.pool, np.random.default_rng(0)
        pam = screens[0].space.pam if screens else _has_pam(pool)
        some = rng.choice(len(pool), min(len(pool), SCALED_ON), replace=False)
        space = space_of(pool.kind, written(pool, some), pam)
        inducing = space(written(pool, some[:OWN_INDUCING]))
        whiten = inverse_root(kernel(inducing, inducing) + 1e-6 * np.eye(len(inducing)))
        made = cls(space, inducing, whiten, screens, {}, tuple(("", k) for k in range(len(dataset))))
        values, errors = dataset.values[:, 0], dataset.errors[:, 0]
        sd = float(values.std()) if len(values) > 1 else 0.0
        unit = sd if sd > 1e-9 * float(np.abs(values).max(initial=1.0)) else 1.0
        shift = float(values.mean()) if len(values) else 0.0
        phi, means = made._coordinates(written(pool, dataset.rows))
        weights = np.concatenate([[np.log(NOTHING)], np.full(means.shape[1] - 1, -np.log(len(SHARES)))])
        spread, noise = _likeliest(phi, means, weights, (values - shift) / unit)
        if not len(values) and screens:
            weights[0] = -np.inf  # without a label, nothing speaks against the screens
        prior = MixturePrior(weights, unit * SCALES, np.zeros(len(SCALES)), noise, shift)
        posterior = prior.posterior(_spread(phi, spread), means, values, errors)
        return cls(space, inducing, whiten * np.sqrt(spread), screens, {"": posterior}, made.order)

    def _coordinates(self, guides: Rows[str]) -> tuple[np.ndarray, np.ndarray]:
        """Phi [n, M + 1], whose last column is the level's, and the prior means [n, K]."""
        if not guides:
            return np.zeros((0, len(self.inducing) + 1)), np.zeros((0, 1 + len(self.screens) * len(SHARES)))
        phi = kernel(self.space(guides), self.inducing) @ self.whiten
        screens = [share * model(guides) for model in self.screens for share in SHARES]
        zero = np.zeros(len(guides))
        return np.column_stack([phi, np.ones(len(guides))]), np.column_stack([zero, *screens])

    @property
    def noise(self) -> float:  # type: ignore[override]
        """Standard deviation of one measurement."""
        return self.posteriors[""].noise

    def _groups(self, pool: Pool, rows: np.ndarray) -> list[Group]:
        """All candidates are of one group."""
        if not len(rows):
            return []
        phi, means = self._coordinates(written(pool, rows))
        return [Group("", self.posteriors[""], np.arange(len(rows)), phi, means)]

    def metrics(self) -> dict[str, float]:
        """How many screens there are, and the weight of their predictions."""
        return {"screens": float(len(self.screens)), "history_weight": 1 - float(self.posteriors[""].shares[0].sum())}

    def explain(self) -> str:
        """The weights of the screens."""
        each = self.posteriors[""].shares.sum(1)[1:].reshape(len(self.screens), len(SHARES)).sum(1)
        kind = "compounds" if isinstance(self.space, FingerprintSpace) else "guides"
        told = ", ".join(f"{model.name} {share:.0%}" for model, share in zip(self.screens, each, strict=True))
        return (
            f"A Gaussian process on {len(self.order)} measured {kind} about the predictions of {len(self.screens)} "
            f"sister screens; noise of one value {self.noise:.3g}. Weights: {told or 'none'}, no history "
            f"{float(self.posteriors[''].shares[0].sum()):.0%}."
        )


def _spread(phi: np.ndarray, spread: float) -> np.ndarray:
    """Coordinates of the process with a variance; the level's stays."""
    return np.column_stack([np.sqrt(spread) * phi[:, :-1], phi[:, -1]])


def _likeliest(phi: np.ndarray, means: np.ndarray, weights: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """Spread and noise under which standardised values are likeliest; about sister screens small spreads are.

    Args:
        phi: [N, M + 1].
        means: [N, K].
        weights: [K] logarithms.
        values: [N].
    """
    if len(values) < 3:
        return LITTLE, NOISES[1]
    if len(values) > DECIDING:
        some = np.random.default_rng(0).choice(len(values), DECIDING, replace=False)
        phi, means, values = phi[some], means[some], values[some]
    scales, sisters = np.ones(1), means.shape[1] > 1

    def evidence(pair: tuple[float, float]) -> float:
        spread, noise = pair
        x = _spread(phi, spread)
        if len(x) < x.shape[1]:  # the same inner products in fewer columns
            x = np.linalg.cholesky(x @ x.T + 1e-9 * len(x) * np.eye(len(x)))
        prior = MixturePrior(weights, scales, np.zeros(1), noise, 0.0)
        logs = weights + log_evidence(prior, x, means, values, np.full(len(values), noise))[:, 0]
        common = np.linalg.slogdet(np.eye(x.shape[1]) + x.T @ x / noise)[1] + len(values) * np.log(noise)
        beforehand = -0.5 * (np.log(spread / LITTLE) / OFF) ** 2 if sisters else 0.0
        return float(np.logaddexp.reduce(logs)) - 0.5 * float(common) + float(beforehand)

    return max(((s, n) for s in SPREADS for n in NOISES), key=evidence)
