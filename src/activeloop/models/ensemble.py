"""An ensemble of small networks, trained together; the ensemble of ALDE as a baseline."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from activeloop.candidates import Pool, Sites
from activeloop.encoders.base import Beside, Encoder, SiteEncoder, sites_of
from activeloop.encoders.sequence import OneHot
from activeloop.measurements import Dataset
from activeloop.models.base import MemberPredictor, PerAssayLearner, distinct_combinations, in_pieces
from activeloop.models.networks import Layers, Training
from activeloop.models.out_of_fold import OutOfFold
from activeloop.models.transforms import Scale, largest_is_one, precision, standard
from activeloop.prediction import FastMean, Predictor
from activeloop.priors.profile import Profile

#: of a warm start: enough to learn a score that is nearly additive over sites
WARM_TRAINING, WARM_CANDIDATES = Training(loss="squared", steps=300, batch=128, rate=3e-3), 2048
#: more sites make tables that cost more than they save
MOST_SITES = 24
#: candidates whose halves are looked up together, and candidates that go through the layers together
PIECE, BLOCK = 32_768, 128


@dataclass(frozen=True)
class MLPEnsemble(PerAssayLearner):
    """Small networks that differ in initial weights and in training candidates; each is one draw.

    Args:
        encoder: the encoder.
        members: how many networks.
        hidden: units of each hidden layer.
        share: of the candidates that each member is trained on (1 = all). Members leave out different candidates, so
            with share 1 - 1 / members or less each candidate is left out by at least one of them.
        training: loss, steps and rates. With `ranking` each member is brought back to the assay's unit by a straight
            line through the values it was trained on.
        slope: of the activation below zero.
        targets: `standard` (mean 0, standard deviation 1) or `largest` (divided by the largest value).
        prior_score: an encoder of one column whose order is a prior mean (`Blosum`). The networks are first trained
            to reproduce it on candidates of the pool, measured or not, and `prior` gives them as they are then.
        label: its name in configs; made of the encoder and the loss when empty.
    """

    encoder: Encoder = field(default_factory=OneHot)
    members: int = 10
    hidden: tuple[int, ...] = (32, 32)
    share: float = 0.9
    training: Training = field(default_factory=lambda: Training(rate=3e-3))
    slope: float = 0.0
    targets: Literal["standard", "largest"] = "standard"
    prior_score: Encoder | None = None
    label: str = ""

    def with_family(self, family: Profile) -> MLPEnsemble:
        """The same with the family's score as a further feature."""
        return replace(self, encoder=Beside((self.encoder, family)))

    @property
    def name(self) -> str:
        """`ensemble-`, the encoder's name, and the loss and the prior when they are not the default."""
        loss = "" if self.training.loss == "squared" else f"-{self.training.loss}"
        prior = f"-{self.prior_score.name}" if self.prior_score else ""
        return self.label or f"ensemble-{self.encoder.name}{loss}{prior}"

    def prior(self, pool: Pool) -> Predictor | None:
        """The networks after their warm start; None without a prior score."""
        if self.prior_score is None:
            return None
        layers = self._start(pool, np.random.default_rng(0))
        return EnsemblePredictor(self.encoder, layers, np.tile([0.0, 1.0], (self.members, 1)), np.zeros(0))

    def _fit_one(self, dataset: Dataset, seed: int) -> Predictor:
        rng = np.random.default_rng(seed)
        values = dataset.values[:, 0]
        scale = largest_is_one(values) if self.targets == "largest" else standard(values)
        x = self.encoder.features(dataset.pool, dataset.rows)
        weights = seen(self.members, len(values), self.share, rng) * precision(dataset.errors[:, 0], scale)
        targets = scale.to_target(values).astype(np.float32)
        layers = self.training(self._start(dataset.pool, rng), x, targets, weights.astype(np.float32), rng)
        ranked, outputs = self.training.loss == "ranking", layers(x)
        lines = straight_lines(outputs, targets, weights) if ranked else np.tile([0.0, 1.0], (self.members, 1))
        lines = in_values(lines, scale)
        held_out = left_out(lines[:, :1] + lines[:, 1:] * outputs, weights)
        return EnsemblePredictor(self.encoder, layers, lines, held_out)

    def _start(self, pool: Pool, rng: np.random.Generator) -> Layers:
        width = self.encoder.features(pool, np.zeros(1, np.int64)).shape[1]
        layers = Layers.initial(self.members, width, self.hidden, self.slope, rng)
        if self.prior_score is None:
            return layers
        return warm_start(layers, self.encoder, self.prior_score, pool, rng)

    def _restore_one(self, dataset: Dataset, seed: int, state: dict[str, np.ndarray]) -> Predictor:
        return EnsemblePredictor(self.encoder, Layers.restored(state, self.slope), state["lines"], state["unseen"])


@dataclass(frozen=True)
class EnsemblePredictor(MemberPredictor, OutOfFold, FastMean):
    """The trained networks.

    Args:
        encoder: the encoder they were trained on.
        layers: M networks.
        lines: [M, 2] shift and factor from each member's output to the assay's unit.
        left_out: see `held_out`; N = 0: the warm start alone.
    """

    encoder: Encoder
    layers: Layers
    lines: np.ndarray
    left_out: np.ndarray

    def mean(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """[N, 1] mean over all members; by tables of sites where each feature depends on a single site."""
        rows, sites = np.asarray(rows, np.int64), pool.sites
        if isinstance(self.encoder, SiteEncoder) and sites is not None and len(sites.labels) <= MOST_SITES:
            every = self._in_values(outputs_by_site(self.layers, self.encoder, pool, rows))
        else:
            every = in_pieces(self.encoder, pool, rows, self.members)
        return every.mean(0, dtype=np.float64)[:, None]

    def members(self, features: np.ndarray) -> np.ndarray:
        """Float32 [M, n] in the assay's unit."""
        return self._in_values(self.layers(features))

    def _in_values(self, outputs: np.ndarray) -> np.ndarray:
        shift, factor = self.lines.T[:, :, None].astype(np.float32)
        return shift + factor * outputs

    def explain(self) -> str:
        """How many networks on how many candidates."""
        members, labels = len(self.lines), len(self.left_out)
        what = f"{labels} candidates" if labels else "the prior score alone"
        return f"An ensemble of {members} networks on {self.encoder.name} features, trained on {what}."

    def state(self) -> dict[str, np.ndarray]:
        """Weights, biases, lines, and held-out predictions."""
        return {**self.layers.state(), "lines": self.lines, "unseen": self.left_out}

    def held_out(self) -> np.ndarray:
        """[N] mean prediction of the members that left a candidate out; NaN where none did."""
        return self.left_out


def seen(members: int, candidates: int, share: float, rng: np.random.Generator) -> np.ndarray:
    """[M, N] 1 where a member is trained on a candidate, else 0; each on at least one; they leave out different ones.

    >>> seen(2, 10, 0.9, np.random.default_rng(0)).sum(1).tolist()
    [9.0, 9.0]
    """
    missing = candidates - max(1, round(share * candidates))
    start = np.arange(members)[:, None] * candidates // members
    place = rng.permutation(candidates)[None]
    return ((place - start) % candidates >= missing).astype(np.float64)


def left_out(outputs: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """[N] mean output [M, N] of the members whose weight [M, N] is 0; NaN where there is none.

    >>> left_out(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[0.0, 1.0], [0.0, 0.5]])).tolist()
    [2.0, nan]
    """
    away = weights == 0
    total = np.where(away, outputs, 0.0).sum(0)
    return np.where(away.any(0), total / np.maximum(away.sum(0), 1), np.nan)


def straight_lines(outputs: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """[M, 2] shift and factor (not below 0) of the weighted least-squares line from each member's outputs to targets.

    >>> straight_lines(np.array([[0.0, 2.0]]), np.array([1.0, 2.0]), np.ones((1, 2))).tolist()
    [[1.0, 0.5]]
    """
    share = weights / weights.sum(1, keepdims=True)
    x_mean, y_mean = (share * outputs).sum(1), share @ targets
    x = outputs - x_mean[:, None]
    variance = (share * x * x).sum(1)
    factor = np.maximum((share * x * (targets - y_mean[:, None])).sum(1), 0) / np.maximum(variance, 1e-12)
    return np.stack([y_mean - factor * x_mean, factor], axis=1)


def in_values(lines: np.ndarray, scale: Scale) -> np.ndarray:
    """[M, 2] lines from outputs to targets become lines from outputs to values."""
    return np.stack([scale.to_value(lines[:, 0]), scale.factor * lines[:, 1]], axis=1)


def warm_start(layers: Layers, encoder: Encoder, score: Encoder, pool: Pool, rng: np.random.Generator) -> Layers:
    """Train networks to reproduce a prior score, standardised, on candidates of the pool.

    Args:
        layers: networks to start from.
        encoder: their encoder.
        score: an encoder of one column; larger is better.
        pool: up to 2,048 of its candidates are used, measured or not.
        rng: of the choice of candidates and minibatches.

    Source: the idea is FolDE's (2025), which warm-starts on a language model's zero-shot score.
    """
    rows = np.sort(rng.choice(len(pool), min(len(pool), WARM_CANDIDATES), replace=False))
    prior = score.features(pool, rows)[:, 0].astype(np.float64)
    targets = standard(prior).to_target(prior).astype(np.float32)
    weights = np.ones((len(layers.weights[0]), len(rows)), np.float32)
    return WARM_TRAINING(layers, encoder.features(pool, rows), targets, weights, rng)


def alde_ensemble(encoder: Encoder | None = None) -> MLPEnsemble:
    """The `DNN_ENSEMBLE` of ALDE: 5 networks, each on its own 90 % of the candidates; each is one draw.

    Facts of the published config (Yang et al. 2025, Nature Communications 16:714; repository jsunn-y/ALDE,
    `README.md`, `execute_simulation.py`, `src/optimize.py`): 5 members, each trained on a random 90 % of the labels;
    two hidden layers of 30 units with one-hot residues (8 units with their four AAindex descriptors); leaky ReLU; no
    dropout; mean squared error; Adam, learning rate 1e-3, at most 300 full-batch steps, new weights each round; labels
    divided by the largest one measured. They choose greedily (`GREEDY`, the default of their
    tuning table, with this ensemble and one-hot residues), by the mean plus sqrt(4) = 2 standard deviations (`UCB`) or
    from a random member for each pick (`TS`), in batches of 96 after 96 random candidates. Their stop of a run whose
    training loss has not improved for 30 steps is left out: on GB1 it did not happen in any of 12 runs.

    Args:
        encoder: one-hot when left out.

    >>> alde_ensemble().name
    'alde-onehot'
    """
    encoder = encoder or OneHot()
    training = Training(loss="squared", steps=300, batch=2**31, rate=1e-3)
    return MLPEnsemble(
        *(encoder, 5, (30, 30), 0.9, training), slope=0.01, targets="largest", label=f"alde-{encoder.name}"
    )


def outputs_by_site(layers: Layers, encoder: SiteEncoder, pool: Pool, rows: np.ndarray) -> np.ndarray:
    """Outputs [M, N] of networks for rows of a pool, the same as `layers(encoder.features(pool, rows))`.

    In a library each half of the sites takes few values, so the first layer of a candidate is the sum of two rows of
    two small matrices; neither features nor a product with them is formed.
    """
    tables, start = _first_layer(layers, encoder, sites_of(pool, encoder.name))
    members, width = layers.biases[0].shape[0], layers.biases[0].shape[2]
    out = np.empty((members, len(rows)), np.float32)
    for i in range(0, len(rows), PIECE):
        codes = pool.codes(rows[i : i + PIECE])
        middle = (codes.shape[1] + 1) // 2
        left, in_left = _half(tables[:middle], codes[:, :middle])
        right, in_right = _half(tables[middle:], codes[:, middle:])
        left += start
        for j in range(0, len(codes), BLOCK):
            z = left[in_left[j : j + BLOCK]] + right[in_right[j : j + BLOCK]]
            z = z.reshape(len(z), members, width).swapaxes(0, 1)
            out[:, i + j : i + j + z.shape[1]] = layers.after_first(z)
    return out


def _first_layer(layers: Layers, encoder: SiteEncoder, sites: Sites) -> tuple[np.ndarray, np.ndarray]:
    """[L, K, M * H] what each residue at each site adds to the first layer, and [M * H] the layer without them."""
    width, residues = len(sites.labels), len(sites.alphabet)
    codes = np.zeros((width * residues + 1, width), np.uint8)
    codes[np.arange(width * residues), np.repeat(np.arange(width), residues)] = np.tile(np.arange(residues), width)
    x = encoder.encode(sites, codes)
    weights = layers.weights[0].swapaxes(0, 1).reshape(x.shape[1], -1)
    first = x @ weights
    return (first[:-1] - first[-1]).reshape(width, residues, -1), first[-1] + layers.biases[0].ravel()


def _half(tables: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[U, M * H] sums over some sites for each different combination, and [N] which of them each candidate has."""
    first, inverse = distinct_combinations(codes, tables.shape[1])
    total = np.zeros((len(first), tables.shape[2]), np.float32)
    for table, column in zip(tables, codes[first].T, strict=True):
        total += table[column]
    return total, inverse
