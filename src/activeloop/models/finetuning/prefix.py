"""Hidden states below the lowest layer that learns: computed once and kept."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from activeloop.backbones.encoding import tokens_together
from activeloop.backbones.pooling import Batch
from activeloop.backbones.tokens import Tokens
from activeloop.models.finetuning.adapted import Adapted

#: [B, T, D] that enter the lowest learning layer of a model, of some of the candidates (their places) as a batch
Entering = Callable[[Adapted, np.ndarray, Batch], torch.Tensor]
#: at most so much is kept; candidates beyond it are computed anew each time
BYTES = 2 * 2**30


class Prefix:
    """Candidates on their way to the lowest layer that learns.

    What is kept is the state after a whole layer, never the embeddings: those are rescaled by what is masked, and cost
    next to nothing. Attention masks and rotary angles are made anew for each minibatch, for its own lengths.

    Args:
        adapted: the model.
        tokens: of all candidates.
        most: bytes that may be kept.
        entering: computes what is kept; the model when nothing is said.
    """

    def __init__(self, adapted: Adapted, tokens: Tokens, most: int = BYTES, entering: Entering | None = None):
        self.adapted, self.tokens = adapted, tokens
        self._entering = entering or (lambda model, which, batch: model.entering(batch))
        #: of what it was made, for whoever wants to know whether it still holds
        self.made_of = adapted.trunk, adapted.lowest, adapted.half
        self.kept: dict[int, torch.Tensor] = {}
        # the state below the first layer are the embeddings
        if adapted.lowest > 0:
            self._fill(most)

    def __call__(self, which: np.ndarray) -> tuple[torch.Tensor, Batch]:
        """[B, T, D] that enter the lowest learning layer, of some candidates, and their batch."""
        batch = Batch.of(self.tokens.take(which), self.adapted.device)
        if all(int(i) in self.kept for i in which):
            return self._kept(which, batch), batch
        return self.adapted.entering(batch), batch

    def pooled(self, which: np.ndarray) -> torch.Tensor:
        """[n, P] features of some candidates, together; the parent goes with them where the model compares with it."""
        parent = [len(self.tokens) - 1] if self.adapted.compares else []
        return self.adapted.above(*self(np.array([*which, *parent])))

    @torch.no_grad()
    def features(self, which: np.ndarray) -> np.ndarray:
        """Float32 [n, P] of some candidates, in parts by length."""
        features = np.zeros((len(which), self.adapted.pooler.size), np.float32)
        for group in self.tokens.take(which).buckets(tokens_together(self.adapted.device)):
            features[group] = self.pooled(which[group]).cpu().numpy()
        return features

    def _kept(self, which: np.ndarray, batch: Batch) -> torch.Tensor:
        first = self.kept[int(which[0])]
        hidden = first.new_zeros(*batch.ids.shape, first.shape[1])
        for row, i in enumerate(which):
            hidden[row, : int(self.tokens.lengths[i])] = self.kept[int(i)]
        return hidden

    def _fill(self, room: int) -> None:
        for group in self.tokens.buckets(tokens_together(self.adapted.device)):
            room -= 4 * self.adapted.trunk.width * int(self.tokens.lengths[group].sum())
            if room < 0:
                return
            batch = Batch.of(self.tokens.take(group), self.adapted.device)
            with torch.no_grad():
                hidden = self._entering(self.adapted, group, batch)
            for row, i in enumerate(group):
                self.kept[int(i)] = hidden[row, : int(self.tokens.lengths[i])].clone()
