"""A frozen model with an adapter in it, and the activation cache below the lowest layer that learns."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn

from activeloop.adapters import Adapter, attach
from activeloop.adapters.base import Attached
from activeloop.candidates import Pool
from activeloop.foundation.base import FoundationModel
from activeloop.foundation.devices import attention_as, best_device, faster_attention, has_bfloat16, minibatch_tokens
from activeloop.foundation.encoder import TransformerEncoder, sharing
from activeloop.foundation.pooling import Batch, PooledPositions, Pooler
from activeloop.foundation.reading import pooling_for
from activeloop.foundation.tokens import Tokens
from activeloop.models.finetuning.checkpointer import below, prefixed
from activeloop.models.finetuning.inputs import compares, part


class AdaptedEncoder:
    """An adapter in a model of its own, which shares unchanged weights with all others of the same foundation.

    Args:
        foundation: the pretrained model.
        adapter: what learns.
        pool: whose candidates are read.
        seed: of the adapter's first weights.
    """

    attached: Attached

    def __init__(self, foundation: FoundationModel, adapter: Adapter, pool: Pool, seed: int):
        self._foundation, self._adapter, self._seed = foundation, adapter, seed
        self._attach()
        columns = 0 if pool.sites is None else len(pool.sites.labels)
        self.pooler = Pooler(pooling_for(pool, foundation.pooling), self.encoder.width, columns).to(self.device)
        #: whether products are computed in half precision; kept with the state, so that results can be repeated
        self.half = has_bfloat16(self.device.type)
        #: minibatches end with the parent
        self.compares = compares(foundation, pool)

    @property
    def encoder(self) -> TransformerEncoder:
        """With the adapter in it."""
        return self.attached.encoder

    @property
    def rate(self) -> float:
        """The learning rate that suits the adapter."""
        return self._adapter.rate

    @property
    def lowest(self) -> int:
        """The lowest layer that learns."""
        return self.attached.lowest

    @property
    def below(self) -> tuple[object, ...] | None:
        """What states that enter the lowest learning layer depend on; None where they cannot be shared with others."""
        own = {p.data_ptr() for p in self.encoder.layers[: max(self.lowest, 0)].parameters()}
        loaded = {p.data_ptr() for p in self._base.layers.parameters()}
        # a model that was made smaller has lower layers of its own
        return (self._base, self.lowest, self.half, self.device) if own and own <= loaded else None

    @property
    def device(self) -> torch.device:
        """On which it runs."""
        return next(self.encoder.parameters()).device

    def parameters(self) -> list[nn.Parameter]:
        """Of the adapter, then of the pooling."""
        return [*self.attached.parameters(), *self.pooler.parameters()]

    def dropout(self, on: bool) -> None:
        """Whether the adapter's dropout drops."""
        for module in self._dropouts:
            module.train(on)

    def entering(self, batch: Batch) -> torch.Tensor:
        """[B, T, D] that enter the lowest learning layer, without gradients unless the embeddings learn."""
        learns = torch.is_grad_enabled() and self.lowest < 0
        with torch.set_grad_enabled(learns), self._fast(batch):
            embedded = self.encoder.embed(batch.ids, batch.real)
            return self.encoder.run(embedded, batch.real, stop=max(self.lowest, 0)).float()

    def above(self, hidden: torch.Tensor, batch: Batch) -> torch.Tensor:
        """[B, P] features from the states that enter the lowest learning layer.

        Args:
            hidden: [B or B + 1, T, D]; the last one is the parent's where the pooling compares with it.
            batch: of them.
        """
        last = len(self.encoder.layers) - 1
        with self._fast(batch):
            hidden = self.encoder.run(hidden, batch.real, max(self.lowest, 0), last)
        if not self.compares:
            places = self.pooler.positions(batch, None)
            return self.pooler(*self._finished(hidden, batch, places and places[0]), None)
        own, parent = part(batch, slice(None, -1)), part(batch, slice(-1, None))
        places = self.pooler.positions(own, parent) or (None, None)
        beside = self._finished(hidden[-1:], parent, places[1])
        return self.pooler(*self._finished(hidden[:-1], own, places[0]), beside)

    def state(self) -> dict[str, torch.Tensor]:
        """Of adapter and pooling."""
        parts = {**prefixed("adapter", self.attached.state()), **prefixed("pooling", self.pooler.state_dict())}
        return {**parts, "half": torch.tensor(self.half)}

    def load(self, state: dict[str, torch.Tensor]) -> None:
        """The counterpart of `state`; parameters may be others afterwards."""
        self.half = bool(state["half"])
        kept = below("adapter", state)
        present = self.attached.state()
        if {k: t.shape for k, t in kept.items()} != {k: t.shape for k, t in present.items()}:
            # an adapter that removed something takes its state on an untouched encoder only
            self._attach()
        self.attached.load(kept)
        self.pooler.load_state_dict(below("pooling", state))

    def _finished(
        self, hidden: torch.Tensor, batch: Batch, places: PooledPositions | None
    ) -> tuple[torch.Tensor, Batch]:
        """Hidden states after the last layer at the places that are read, and the batch to pool them with.

        Args:
            hidden: [B, T, D] that enter the last layer; or left it, when no layer learns.
            batch: of them.
            places: None for all tokens.
        """
        start = max(self.lowest, len(self.encoder.layers) - 1)
        with self._fast(batch):
            if places is None:
                return self.encoder.finish(self.encoder.run(hidden, batch.real, start)).float(), batch
            return self.encoder.run_at(hidden, batch.real, places.tokens, start).float(), places.batch

    @contextmanager
    def _fast(self, batch: Batch) -> Iterator[None]:
        """As fast as this machine can at this length."""
        device = self.device.type
        kind = faster_attention(self.encoder.heads, batch.ids.shape[1], half=self.half, device=device)
        with torch.autocast(device, torch.bfloat16, enabled=self.half), attention_as(self.encoder, kind):
            yield

    def _attach(self) -> None:
        self._base = self._foundation.feature_encoder(best_device())
        encoder = sharing(self._base)
        present = {id(module) for module in encoder.modules()}
        self.attached = attach(self._adapter, encoder, self._seed)
        # the model's own dropout stays off: the adapter's is what was asked for
        self._dropouts = [m for m in encoder.modules() if isinstance(m, nn.Dropout) and id(m) not in present]


#: [B, T, D] that enter the lowest learning layer of a model, of some of the candidates (their places) as a batch
Entering = Callable[[AdaptedEncoder, np.ndarray, Batch], torch.Tensor]
#: at most so much is kept; candidates beyond it are computed anew each time
BYTES = 2 * 2**30


class ActivationCache:
    """Candidates on their way to the lowest layer that learns.

    What is kept is the state after a whole layer, never the embeddings: those are rescaled by what is masked, and cost
    very little. Attention masks and rotary angles are made anew for each minibatch, for its own lengths.

    Args:
        adapted: the model.
        tokens: of all candidates.
        most: bytes that may be kept.
        entering: computes what is kept; the model when nothing is said.
    """

    def __init__(self, adapted: AdaptedEncoder, tokens: Tokens, most: int = BYTES, entering: Entering | None = None):
        self.adapted, self.tokens = adapted, tokens
        self._entering = entering or (lambda model, which, batch: model.entering(batch))
        #: of what it was made, for whoever wants to know whether it still holds
        self.made_of = adapted.encoder, adapted.lowest, adapted.half
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
        for group in self.tokens.take(which).buckets(minibatch_tokens(self.adapted.device)):
            features[group] = self.pooled(which[group]).cpu().numpy()
        return features

    def _kept(self, which: np.ndarray, batch: Batch) -> torch.Tensor:
        first = self.kept[int(which[0])]
        hidden = first.new_zeros(*batch.ids.shape, first.shape[1])
        for row, i in enumerate(which):
            hidden[row, : int(self.tokens.lengths[i])] = self.kept[int(i)]
        return hidden

    def _fill(self, room: int) -> None:
        for group in self.tokens.buckets(minibatch_tokens(self.adapted.device)):
            room -= 4 * self.adapted.encoder.width * int(self.tokens.lengths[group].sum())
            if room < 0:
                return
            batch = Batch.of(self.tokens.take(group), self.adapted.device)
            with torch.no_grad():
                hidden = self._entering(self.adapted, group, batch)
            for row, i in enumerate(group):
                self.kept[int(i)] = hidden[row, : int(self.tokens.lengths[i])].clone()
