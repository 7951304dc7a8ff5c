"""ALDE's ensemble of networks, kept as a named baseline."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from activeloop.backbones.base import Backbone
from activeloop.backbones.onehot import OneHot
from activeloop.candidates import Pool
from activeloop.measurements import Dataset
from activeloop.models.ensemble import MLPEnsemble
from activeloop.models.network import Training
from activeloop.predictive import Learner, Predictor

#: 300 full-batch steps of Adam at 1e-3
RECIPE = Training(loss="squared", steps=300, batch=2**31, rate=1e-3)


@dataclass(frozen=True)
class ALDEEnsemble(Learner):
    """The `DNN_ENSEMBLE` of ALDE: 5 networks, each on its own 90 % of the candidates; each is one draw.

    Facts of the published recipe (Yang et al. 2025, Nature Communications 16:714; repository jsunn-y/ALDE,
    `README.md`, `execute_simulation.py`, `src/optimize.py`): 5 members, each trained on a random 90 % of the labels;
    two hidden layers of 30 units with one-hot letters (8 units with their four AAindex descriptors); leaky ReLU; no
    dropout; mean squared error; Adam, learning rate 1e-3, at most 300 full-batch steps, new weights each round; labels
    divided by the largest one measured. They choose greedily (`GREEDY`, the default of their
    tuning table, with this ensemble and one-hot letters), by the mean plus sqrt(4) = 2 standard deviations (`UCB`) or
    from a random member for each pick (`TS`), in batches of 96 after 96 random candidates. Their stop of a run whose
    training loss has not improved for 30 steps is left out: on GB1 it did not happen in any of 12 runs.

    Args:
        backbone: the encoder.
    """

    backbone: Backbone = field(default_factory=OneHot)

    @property
    def name(self) -> str:
        """`alde-` and the encoder's name."""
        return f"alde-{self.backbone.name}"

    def prior(self, pool: Pool) -> Predictor | None:
        """Nothing: ALDE begins with random candidates."""
        return None

    def fit(self, dataset: Dataset, seed: int) -> Predictor:
        """Train the five networks."""
        return self._ensemble().fit(dataset, seed)

    def restore(self, dataset: Dataset, seed: int, state: dict[str, np.ndarray]) -> Predictor:
        """The same five networks from their stored weights."""
        return self._ensemble().restore(dataset, seed, state)

    def _ensemble(self) -> MLPEnsemble:
        return MLPEnsemble(
            self.backbone, members=5, hidden=(30, 30), share=0.9, training=RECIPE, slope=0.01, targets="largest"
        )
