"""A pretrained model with an adapter in it, its tokens, and the cache of activations below the trained layers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from activeloop.adapters import Adapter, attach
from activeloop.adapters.base import Attached
from activeloop.candidates import Pool
from activeloop.foundation.base import FoundationModel
from activeloop.foundation.devices import attention_as, best_device, faster_attention, has_bfloat16, minibatch_tokens
from activeloop.foundation.encoder import TransformerEncoder, at, sharing
from activeloop.foundation.pooling import Batch, PooledPositions, Pooler
from activeloop.foundation.reading import pooling_for
from activeloop.foundation.tokens import Tokens
from activeloop.models.finetuning.checkpointer import prefixed, unprefixed
from activeloop.models.finetuning.pool_cache import rows_of


def needs_parent(foundation: FoundationModel, pool: Pool) -> bool:
    """Whether the pooling needs the parent's hidden states."""
    return pooling_for(pool, foundation.pooling) in ("mutated", "difference")


def tokens_of(foundation: FoundationModel, pool: Pool, rows: np.ndarray) -> Tokens:
    """Tokens of rows of a pool, and of the parent as one more row at the end where the pooling needs it."""
    tokens = foundation.tokens(pool, rows)
    parent = foundation.parent_tokens(pool) if needs_parent(foundation, pool) else None
    return tokens if parent is None else concatenated(tokens, parent)


def concatenated(first: Tokens, second: Tokens) -> Tokens:
    """Both, one after the other."""
    width = max(first.ids.shape[1], second.ids.shape[1])
    ids = np.full((len(first) + len(second), width), first.pad, np.int32)
    ids[: len(first), : first.ids.shape[1]] = first.ids
    ids[len(first) :, : second.ids.shape[1]] = second.ids
    return replace(
        first,
        ids=ids,
        lengths=np.concatenate([first.lengths, second.lengths]),
        columns=np.concatenate([first.columns, second.columns]),
        changed=np.concatenate([first.changed, second.changed]),
    )


def attached_copy(base: TransformerEncoder, adapter: Adapter, seed: int) -> tuple[Attached, list[nn.Dropout]]:
    """An adapter in a copy of an encoder that shares its memory, and the adapter's dropout modules.

    The model's own dropout stays off.
    """
    encoder = sharing(base)
    present = {id(module) for module in encoder.modules()}
    attached = attach(adapter, encoder, seed)
    return attached, [m for m in encoder.modules() if isinstance(m, nn.Dropout) and id(m) not in present]


class AdaptedEncoder:
    """An adapter in a model of its own, which shares unchanged weights with all others of the same foundation.

    Args:
        foundation: the pretrained model.
        adapter: which weights are trained.
        pool: of the candidates.
        seed: of the adapter's initial weights.
    """

    attached: Attached

    def __init__(self, foundation: FoundationModel, adapter: Adapter, pool: Pool, seed: int):
        self._foundation, self._adapter, self._seed = foundation, adapter, seed
        self._attach()
        columns = 0 if pool.sites is None else len(pool.sites.labels)
        self.pooler = Pooler(pooling_for(pool, foundation.pooling), self.encoder.width, columns).to(self.device)
        #: whether products are computed in half precision; saved with the state, so that results can be repeated
        self.half = has_bfloat16(self.device.type)
        #: whether minibatches end with the parent
        self.needs_parent = needs_parent(foundation, pool)

    @property
    def encoder(self) -> TransformerEncoder:
        """With the adapter in it."""
        return self.attached.encoder

    @property
    def rate(self) -> float:
        """The adapter's default learning rate."""
        return self._adapter.rate

    @property
    def lowest(self) -> int:
        """The lowest trained layer."""
        return self.attached.lowest

    @property
    def shared(self) -> tuple[object, ...] | None:
        """What the activations below the trained layers depend on; None where no other model can share them."""
        own = {p.data_ptr() for p in self.encoder.layers[: max(self.lowest, 0)].parameters()}
        loaded = {p.data_ptr() for p in self._base.layers.parameters()}
        # a pruned model has lower layers of its own
        return (self._base, self.lowest, self.half, self.device) if own and own <= loaded else None

    @property
    def device(self) -> torch.device:
        """Of the weights."""
        return next(self.encoder.parameters()).device

    def parameters(self) -> list[nn.Parameter]:
        """Of the adapter, then of the pooling."""
        return [*self.attached.parameters(), *self.pooler.parameters()]

    def dropout(self, on: bool) -> None:
        """Turn the adapter's dropout on or off."""
        for module in self.dropouts:
            module.train(on)

    def entering(self, batch: Batch) -> torch.Tensor:
        """[B, T, D] activations entering the lowest trained layer, without gradients unless embeddings are trained."""
        trained = torch.is_grad_enabled() and self.lowest < 0
        with torch.set_grad_enabled(trained), self._fast(batch):
            embedded = self.encoder.embed(batch.ids, batch.real)
            return self.encoder.run(embedded, batch.real, stop=max(self.lowest, 0)).float()

    def above(self, hidden: torch.Tensor, batch: Batch, of_parent: torch.Tensor | None = None) -> torch.Tensor:
        """[B, P] features from the activations entering the lowest trained layer.

        Args:
            hidden: [B or B + 1, T, D]; the last one is the parent's where the pooling needs it.
            batch: of them.
            of_parent: `parent_above`, to compute it once for many minibatches; None: it is computed here.
        """
        last = len(self.encoder.layers) - 1
        if of_parent is not None:
            hidden = hidden[:-1]
        with self._fast(batch):
            hidden = self.encoder.run(hidden, batch.real[: len(hidden)], max(self.lowest, 0), last)
        if not self.needs_parent:
            positions = self.pooler.positions(batch, None)
            return self.pooler(*self._finished(hidden, batch, positions and positions[0]), None)
        own, parent = rows_of(batch, slice(None, -1)), rows_of(batch, slice(-1, None))
        positions = self.pooler.positions(own, parent) or (None, None)
        if of_parent is None:
            compared = self._finished(hidden[-1:], parent, positions[1])
        elif positions[1] is None:
            compared = of_parent, replace(parent, residues=parent.residues[:, : of_parent.shape[1]])
        else:
            compared = at(of_parent, positions[1].tokens), positions[1].batch
        return self.pooler(*self._finished(hidden[: len(own.ids)], own, positions[0]), compared)

    def parent_above(self, hidden: torch.Tensor, batch: Batch) -> torch.Tensor | None:
        """Finished states [1, T, D] of the parent, the last one of a minibatch; None where the pooling needs none."""
        if not self.needs_parent:
            return None
        real = batch.real[-1:]
        with self._fast(batch):
            whole = self.encoder.run(hidden[-1:], real, max(self.lowest, 0))
            return self.encoder.finish(whole[:, : int(real.sum())]).float()

    def state(self) -> dict[str, torch.Tensor]:
        """Of adapter and pooling."""
        parts = {**prefixed("adapter", self.attached.state()), **prefixed("pooling", self.pooler.state_dict())}
        return {**parts, "half": torch.tensor(self.half)}

    def load(self, state: dict[str, torch.Tensor]) -> None:
        """The counterpart of `state`; `parameters` may be others afterwards."""
        self.half = bool(state["half"])
        saved = unprefixed("adapter", state)
        present = self.attached.state()
        if {k: t.shape for k, t in saved.items()} != {k: t.shape for k, t in present.items()}:
            # the state of a pruned adapter loads into an unpruned encoder only
            self._attach()
        self.attached.load(saved)
        self.pooler.load_state_dict(unprefixed("pooling", state))

    def _finished(
        self, hidden: torch.Tensor, batch: Batch, positions: PooledPositions | None
    ) -> tuple[torch.Tensor, Batch]:
        # hidden: [B, T, D] entering the last layer; or leaving it, when no layer is trained
        start = max(self.lowest, len(self.encoder.layers) - 1)
        with self._fast(batch):
            if positions is None:
                return self.encoder.finish(self.encoder.run(hidden, batch.real, start)).float(), batch
            return self.encoder.run_at(hidden, batch.real, positions.tokens, start).float(), positions.batch

    @contextmanager
    def _fast(self, batch: Batch) -> Iterator[None]:
        """The fastest attention and precision on this machine for this length."""
        device = self.device.type
        kind = faster_attention(self.encoder.heads, batch.ids.shape[1], half=self.half, device=device)
        with torch.autocast(device, torch.bfloat16, enabled=self.half), attention_as(self.encoder, kind):
            yield

    def _attach(self) -> None:
        self._base = self._foundation.feature_encoder(best_device())
        #: dropout modules of the adapter
        self.attached, self.dropouts = attached_copy(self._base, self._adapter, self._seed)


#: [B, T, D] activations entering the lowest trained layer, of some candidates (by index) as a batch
Entering = Callable[[AdaptedEncoder, np.ndarray, Batch], torch.Tensor]
#: bytes of an activation cache; candidates beyond it are computed each time
BYTES = 2 * 2**30


class ActivationCache:
    """Activations of candidates below the lowest trained layer.

    Caches what leaves a whole layer, never the embeddings: those are rescaled by what is masked, and cost very little.
    Attention masks and rotary angles are computed for each minibatch, for its own lengths.

    Args:
        adapted: the model.
        tokens: of all candidates.
        most: bytes.
        entering: computes the activations; default: the model.
    """

    def __init__(self, adapted: AdaptedEncoder, tokens: Tokens, most: int = BYTES, entering: Entering | None = None):
        self.adapted, self.tokens = adapted, tokens
        self._entering = entering or (lambda model, which, batch: model.entering(batch))
        self._made_of = adapted.encoder, adapted.lowest, adapted.half
        self.cached: dict[int, torch.Tensor] = {}
        # only embeddings are below the first layer
        if adapted.lowest > 0:
            self._fill(most)

    @property
    def valid(self) -> bool:
        """Whether the model's lower layers are still those of the cache."""
        return self._made_of == (self.adapted.encoder, self.adapted.lowest, self.adapted.half)

    def __call__(self, which: np.ndarray) -> tuple[torch.Tensor, Batch]:
        """[B, T, D] entering the lowest trained layer, of some candidates, and their batch."""
        batch = Batch.of(self.tokens.take(which), self.adapted.device)
        if all(int(i) in self.cached for i in which):
            return self._padded(which, batch), batch
        return self.adapted.entering(batch), batch

    def pooled(self, which: np.ndarray) -> torch.Tensor:
        """[n, P] features of some candidates in one minibatch."""
        parent = [len(self.tokens) - 1] if self.adapted.needs_parent else []
        return self.adapted.above(*self(np.array([*which, *parent])))

    @torch.no_grad()
    def features(self, which: np.ndarray) -> np.ndarray:
        """Float32 [n, P] of some candidates, in minibatches of similar lengths."""
        features = np.zeros((len(which), self.adapted.pooler.size), np.float32)
        for group in self.tokens.take(which).buckets(minibatch_tokens(self.adapted.device)):
            features[group] = self.pooled(which[group]).cpu().numpy()
        return features

    def _padded(self, which: np.ndarray, batch: Batch) -> torch.Tensor:
        first = self.cached[int(which[0])]
        hidden = first.new_zeros(*batch.ids.shape, first.shape[1])
        for row, i in enumerate(which):
            hidden[row, : int(self.tokens.lengths[i])] = self.cached[int(i)]
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
                self.cached[int(i)] = hidden[row, : int(self.tokens.lengths[i])].clone()
