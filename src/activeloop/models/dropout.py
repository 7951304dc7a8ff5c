"""Monte Carlo dropout: one network, with other units dropped in each draw."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from activeloop.candidates import Pool
from activeloop.encoders.base import Beside, Encoder
from activeloop.encoders.sequence import OneHot
from activeloop.errors import ModelError
from activeloop.measurements import Dataset
from activeloop.models.base import CELLS, PerAssayLearner, in_pieces, prediction_of
from activeloop.models.networks import Layers, Training
from activeloop.models.transforms import Scale, precision, standard
from activeloop.prediction import Prediction, Predictor
from activeloop.priors.profile import Profile

#: least number of thinned networks over which mean and standard deviation are taken
PASSES = 32


@dataclass(frozen=True)
class DropoutNetwork(PerAssayLearner):
    """A network trained with dropout, whose hidden units are also dropped when it predicts.

    A draw drops the same units for every candidate, so it is one function of all candidates; dropping anew for each
    candidate, as training does, would give draws whose differences between candidates mean nothing.

    Args:
        encoder: the encoder.
        hidden: units of each hidden layer.
        rate: share of hidden units that is dropped, in training and in prediction.
        training: loss (`squared`), steps and rates; its own dropout rate is replaced by `rate`.

    Source: Gal and Ghahramani 2016, arXiv:1506.02142.
    """

    encoder: Encoder = field(default_factory=OneHot)
    hidden: tuple[int, ...] = (128, 128)
    rate: float = 0.2
    training: Training = field(default_factory=lambda: Training(steps=600))

    def with_family(self, family: Profile) -> DropoutNetwork:
        """The same with the family's score as a further feature."""
        return replace(self, encoder=Beside((self.encoder, family)))

    @property
    def name(self) -> str:
        """`dropout-` and the encoder's name."""
        return f"dropout-{self.encoder.name}"

    def _fit_one(self, dataset: Dataset, seed: int) -> Predictor:
        rng = np.random.default_rng(seed)
        values = dataset.values[:, 0]
        scale = standard(values)
        x = self.encoder.features(dataset.pool, dataset.rows)
        weights = precision(dataset.errors[:, 0], scale)[None].astype(np.float32)
        start = Layers.initial(1, x.shape[1], self.hidden, 0.0, rng)
        targets = scale.to_target(values).astype(np.float32)
        layers = replace(self.training, dropout=self.rate)(start, x, targets, weights, rng)
        refuse_without_spread(thinned(layers, self.rate, PASSES, seed)(x))
        return DropoutPredictor(self.encoder, layers, self.rate, scale, len(values))

    def _restore_one(self, dataset: Dataset, seed: int, state: dict[str, np.ndarray]) -> Predictor:
        scale = Scale(*map(float, state["scale"]))
        return DropoutPredictor(self.encoder, Layers.restored(state, 0.0), self.rate, scale, len(dataset))


@dataclass(frozen=True)
class DropoutPredictor(Predictor):
    """The trained network.

    Args:
        encoder: the encoder it was trained on.
        layers: one network.
        rate: share of hidden units that a draw drops.
        scale: of the assay.
        labels: how many candidates it was trained on.
    """

    encoder: Encoder
    layers: Layers
    rate: float
    scale: Scale
    labels: int

    def predict(self, pool: Pool, rows: np.ndarray, seed: int, draws: int = 64) -> Prediction:
        """Draws of thinned networks; mean and standard deviation over them, or over 32 when fewer are drawn."""
        passes = max(draws, PASSES)
        networks = thinned(self.layers, self.rate, passes, seed)
        inputs, width = networks.weights[0].shape[1], max(w.shape[2] for w in networks.weights)
        cells = max(1, CELLS // (passes * width)) * inputs
        every = in_pieces(self.encoder, pool, rows, networks, cells)
        every = (self.scale.shift + self.scale.factor * every).astype(np.float32)
        return prediction_of(every, np.arange(draws))

    def explain(self) -> str:
        """The rate, and how many candidates it was trained on."""
        return (
            f"A network on {self.encoder.name} features of {self.labels} candidates; each draw drops "
            f"{self.rate:.0%} of its hidden units, the same ones for every candidate."
        )

    def state(self) -> dict[str, np.ndarray]:
        """Weights, biases and scale."""
        return {**self.layers.state(), "scale": np.array([self.scale.shift, self.scale.factor])}


def thinned(layers: Layers, rate: float, count: int, seed: int) -> Layers:
    """Networks without some of their hidden units, the rest scaled by 1 / (1 - rate).

    Args:
        layers: one network (M = 1).
        rate: share of hidden units that is dropped.
        count: how many networks; the first ones of a longer list are those of a shorter one.
        seed: of the dropped units.
    """
    weights = [layers.weights[0]]
    for i, w in enumerate(layers.weights[1:]):
        # dropping a unit is the same as cutting what leaves it
        retained = np.random.default_rng([seed, i]).random((count, w.shape[1], 1)) >= rate
        weights.append(w * (retained / (1 - rate)).astype(np.float32))
    return Layers(tuple(weights), layers.biases, layers.slope)


def refuse_without_spread(draws: np.ndarray) -> None:
    """Refuse dropout that changes nothing: it would look like certainty.

    Args:
        draws: [S, N] outputs.

    Raises:
        ModelError: when all draws agree in every candidate (a rate of 0, no hidden layer, or a network that died).
    """
    if not float(np.ptp(draws, axis=0).max(initial=0.0)) > 0:
        raise ModelError(
            "The network's draws do not differ: dropout has no effect in it. Give it a rate above 0 and a hidden "
            "layer, or choose an ensemble; nothing was stored."
        )
