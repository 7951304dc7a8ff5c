"""A random forest: the baseline of EVOLVEpro."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from activeloop.encoders.base import Beside, Encoder
from activeloop.encoders.sequence import OneHot
from activeloop.measurements import Dataset
from activeloop.models.base import MemberPredictor, PerAssayLearner
from activeloop.prediction import Predictor
from activeloop.priors.profile import Profile


@dataclass(frozen=True)
class RandomForest(PerAssayLearner):
    """Regression trees on bootstrap samples; each tree is one draw.

    With the defaults this is the top layer of EVOLVEpro (Jiang et al. 2024, Science 387, eadr6006; repository
    mat10d/EvolvePro, `evolvepro/src/model.py`): 100 trees, split by `friedman_mse` (which for one output orders splits
    exactly as the squared error does; scikit-learn 1.9 calls both `squared_error`), no limit of depth, 2 candidates to
    split, 1 in a leaf, all features at every split, bootstrap samples as large as the data, values as they are. Their
    campaign takes the candidates of highest mean (greedy) and 16 random ones first. The published standard deviations
    are zeros; here the spread is that of the trees.

    Args:
        encoder: the encoder; EVOLVEpro uses mean embeddings of a protein language model.
        trees: how many.
        features: share of the features that are tried at a split.
        min_leaf: fewest candidates in a leaf.
    """

    encoder: Encoder = field(default_factory=OneHot)
    trees: int = 100
    features: float = 1.0
    min_leaf: int = 1

    def __post_init__(self) -> None:
        if self.trees < 1 or self.min_leaf < 1 or not 0 < self.features <= 1:
            raise ValueError("trees and min_leaf must be at least 1, features above 0 and at most 1")

    def with_family(self, family: Profile) -> RandomForest:
        """The same with the family's score as a further feature."""
        return replace(self, encoder=Beside((self.encoder, family)))

    @property
    def name(self) -> str:
        """`forest-` and the encoder's name."""
        return f"forest-{self.encoder.name}"

    def _fit_one(self, dataset: Dataset, seed: int) -> Predictor:
        from sklearn.ensemble import RandomForestRegressor

        forest = RandomForestRegressor(
            n_estimators=self.trees,
            max_features=self.features,
            min_samples_leaf=self.min_leaf,
            random_state=int(np.random.default_rng(seed).integers(2**31)),
        )
        forest.fit(self.encoder.features(dataset.pool, dataset.rows), dataset.values[:, 0])
        trees = tuple(tree.tree_ for tree in forest.estimators_)
        return ForestPredictor(self.encoder, trees, len(dataset))


@dataclass(frozen=True)
class ForestPredictor(MemberPredictor):
    """The grown trees.

    Args:
        encoder: the encoder they were grown on.
        trees: scikit-learn's `Tree` objects.
        labels: how many candidates they were grown on.
    """

    encoder: Encoder
    trees: tuple[Any, ...]
    labels: int

    def members(self, features: np.ndarray) -> np.ndarray:
        """Float32 [M, n] what each tree predicts."""
        return np.stack([tree.predict(features)[:, 0].astype(np.float32) for tree in self.trees])

    def explain(self) -> str:
        """How many trees on how many candidates."""
        return f"A forest of {len(self.trees)} trees on {self.encoder.name} features of {self.labels} candidates."

    def state(self) -> dict[str, np.ndarray]:
        """{}: trees are grown again from the same data and seed."""
        return {}
