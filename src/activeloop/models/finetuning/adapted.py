"""A frozen model with an adapter in it, and the features it gives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from activeloop.adapters.base import Adapter, Attached
from activeloop.backbones.attention import attention_as, faster
from activeloop.backbones.encoding import best_device, feature_trunk
from activeloop.backbones.foundation import Foundation
from activeloop.backbones.pooling import Batch, Places, Pooler, pooling_for
from activeloop.backbones.precision import half_pays
from activeloop.backbones.trunk import Trunk, sharing
from activeloop.candidates import Pool
from activeloop.models.finetuning.keeping import below, prefixed
from activeloop.models.finetuning.reading import compares, part


class Adapted:
    """An adapter in a model of its own, which shares unchanged weights with all others of the same foundation.

    Args:
        foundation: the pretrained model.
        adapter: what learns.
        pool: whose candidates are read.
        seed: of the adapter's first weights.
    """

    attached: Attached

    def __init__(self, foundation: Foundation, adapter: Adapter, pool: Pool, seed: int):
        self._foundation, self._adapter, self._seed = foundation, adapter, seed
        self._attach()
        columns = 0 if pool.sites is None else len(pool.sites.labels)
        self.pooler = Pooler(pooling_for(pool, foundation.pooling), self.trunk.width, columns).to(self.device)
        #: whether products are computed in half precision; kept with the state, so that results can be repeated
        self.half = half_pays(self.device.type)
        #: minibatches end with the parent
        self.compares = compares(foundation, pool)

    @property
    def trunk(self) -> Trunk:
        """With the adapter in it."""
        return self.attached.trunk

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
        own = {p.data_ptr() for p in self.trunk.layers[: max(self.lowest, 0)].parameters()}
        loaded = {p.data_ptr() for p in self._base.layers.parameters()}
        # a model that was made smaller has lower layers of its own
        return (self._base, self.lowest, self.half, self.device) if own and own <= loaded else None

    @property
    def device(self) -> torch.device:
        """On which it runs."""
        return next(self.trunk.parameters()).device

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
            embedded = self.trunk.embed(batch.ids, batch.real)
            return self.trunk.run(embedded, batch.real, stop=max(self.lowest, 0)).float()

    def above(self, hidden: torch.Tensor, batch: Batch) -> torch.Tensor:
        """[B, P] features from the states that enter the lowest learning layer.

        Args:
            hidden: [B or B + 1, T, D]; the last one is the parent's where the pooling compares with it.
            batch: of them.
        """
        last = len(self.trunk.layers) - 1
        with self._fast(batch):
            hidden = self.trunk.run(hidden, batch.real, max(self.lowest, 0), last)
        if not self.compares:
            places = self.pooler.places(batch, None)
            return self.pooler(*self._finished(hidden, batch, places and places[0]), None)
        own, parent = part(batch, slice(None, -1)), part(batch, slice(-1, None))
        places = self.pooler.places(own, parent) or (None, None)
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
            # an adapter that removed something takes its state on an untouched trunk only
            self._attach()
        self.attached.load(kept)
        self.pooler.load_state_dict(below("pooling", state))

    def _finished(self, hidden: torch.Tensor, batch: Batch, places: Places | None) -> tuple[torch.Tensor, Batch]:
        """Hidden states after the last layer at the places that are read, and the batch to pool them with.

        Args:
            hidden: [B, T, D] that enter the last layer; or left it, when no layer learns.
            batch: of them.
            places: None for all tokens.
        """
        start = max(self.lowest, len(self.trunk.layers) - 1)
        with self._fast(batch):
            if places is None:
                return self.trunk.finish(self.trunk.run(hidden, batch.real, start)).float(), batch
            return self.trunk.run_at(hidden, batch.real, places.tokens, start).float(), places.batch

    @contextmanager
    def _fast(self, batch: Batch) -> Iterator[None]:
        """As fast as this machine can at this length."""
        device = self.device.type
        kind = faster(self.trunk.heads, batch.ids.shape[1], half=self.half, device=device)
        with torch.autocast(device, torch.bfloat16, enabled=self.half), attention_as(self.trunk, kind):
            yield

    def _attach(self) -> None:
        self._base = feature_trunk(self._foundation, best_device())
        trunk = sharing(self._base)
        present = {id(module) for module in trunk.modules()}
        self.attached = self._adapter.attach(trunk, self._seed)
        # the model's own dropout stays off: the adapter's is what was asked for
        self._dropouts = [m for m in trunk.modules() if isinstance(m, nn.Dropout) and id(m) not in present]
