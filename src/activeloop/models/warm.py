"""A warm start: networks that agree with a prior score before they see a measurement."""

from __future__ import annotations

import numpy as np

from activeloop.backbones.base import Backbone
from activeloop.candidates import Pool
from activeloop.models.network import Layers, Training
from activeloop.models.targets import standard

#: enough to learn a score that is nearly additive over sites
TRAINING = Training(loss="squared", steps=300, batch=128, rate=3e-3)
CANDIDATES = 2048


def warm_start(layers: Layers, backbone: Backbone, score: Backbone, pool: Pool, rng: np.random.Generator) -> Layers:
    """Train networks to reproduce a prior score, standardised, on candidates of the pool.

    Args:
        layers: networks to start from.
        backbone: their encoder.
        score: an encoder of one column; larger is thought to be better.
        pool: up to 2,048 of its candidates are used, measured or not.
        rng: of the choice of candidates and minibatches.

    Source: the idea is FolDE's (2025), which warm-starts on a language model's zero-shot score.
    """
    rows = np.sort(rng.choice(len(pool), min(len(pool), CANDIDATES), replace=False))
    guess = score.features(pool, rows)[:, 0].astype(np.float64)
    targets = standard(guess).to_target(guess).astype(np.float32)
    everyone = np.ones((len(layers.weights[0]), len(rows)), np.float32)
    return TRAINING(layers, backbone.features(pool, rows), targets, everyone, rng)
