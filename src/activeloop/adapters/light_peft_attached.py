"""Light-PEFT in an encoder: the estimation, the removal, and the training that goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from activeloop.adapters.attaching import kept, prove, put_back
from activeloop.adapters.base import Attached
from activeloop.adapters.lora import LoRA
from activeloop.adapters.pruning import Remains, remove
from activeloop.adapters.pruning_estimation import Estimation
from activeloop.adapters.pruning_layers import adapted, feed_forward
from activeloop.adapters.tuned import learnt
from activeloop.errors import ModelError
from activeloop.foundation.encoder import TransformerEncoder

if TYPE_CHECKING:
    from activeloop.adapters.light_peft import LightPEFT


class LightAttached(Attached):
    """LoRA everywhere and an estimation to begin with; later what remains of it, in a smaller encoder.

    Args:
        encoder: changed in place.
        settings: of the adapter.
        seed: of the adapters' first weights.

    Attributes:
        remains: what is left; None during the estimation.
    """

    def __init__(self, encoder: TransformerEncoder, settings: LightPEFT, seed: int):
        self.encoder, self.settings = encoder, settings
        self.lowest = 0
        self.remains: Remains | None = None
        self._lora = LoRA(settings.rank, settings.alpha, settings.dropout).attach(encoder, seed)
        self._estimation = Estimation(encoder, settings, seed)
        self._named = learnt(encoder)
        prove(self, settings.name)
        self._estimation.reset()

    def parameters(self) -> list[torch.nn.Parameter]:
        """Of the adapters, and the scalars during the estimation."""
        return list(self._named.values())

    def penalty(self) -> torch.Tensor | None:
        """On the scalars during the estimation."""
        return self._estimation.penalty() if self.remains is None else None

    def after_backward(self) -> None:
        """During the estimation: how much each rank does."""
        if self.remains is None:
            self._estimation.see_gradients()

    def after_step(self, step: int, steps: int) -> bool:
        """At the end of the estimation: the removal."""
        if self.remains is not None:
            return False
        done, length = step + 1, self.settings.estimation(steps)
        if done == length // 2:
            # how much adapters, heads and units do is averaged over the second half
            self._estimation.reset()
        if done >= length:
            self.prune(self._estimation.choose())
        return self.remains is not None

    def prune(self, remains: Remains) -> None:
        """Remove all that does not remain; `parameters` and `lowest` are others afterwards."""
        self._estimation.close()
        remove(self.encoder, remains)
        self.remains, self._named = remains, learnt(self.encoder)
        self.lowest = min(int(name.partition(".")[0]) for name in remains.ranks)

    def state(self) -> dict[str, torch.Tensor]:
        """What was trained, and what remains."""
        return kept({**self._named, **(self.remains.state() if self.remains else {})})

    def load(self, state: dict[str, torch.Tensor]) -> None:
        """Remove the same, if it was kept after the removal, and copy what was trained.

        Raises:
            ModelError: it is of another model, or something else was removed here already.
        """
        remains = Remains.of(state)
        if self.remains is None and remains is not None:
            self._refuse_others(remains)
            self.prune(remains)
        elif self.remains is not None and (remains is None or not self.remains.same(remains)):
            raise ModelError(
                "kept adapter: other heads and units were removed from this model than from the one it was kept from. "
                "Load the model anew and attach to that; nothing was loaded."
            )
        put_back(self._named, {name: tensor for name, tensor in state.items() if name.startswith("layers.")})

    def progress(self) -> dict[str, torch.Tensor]:
        """During the estimation: what was seen of the adapters so far."""
        return kept(self._estimation.state()) if self.remains is None else {}

    def resume(self, progress: dict[str, torch.Tensor]) -> None:
        """Go on seeing."""
        if self.remains is None and progress:
            self._estimation.load(progress)

    def merge(self) -> TransformerEncoder:
        """The smaller encoder; scalars, if it was still estimating, are put into its weights too."""
        encoder = self._lora.merge()
        if self.remains is None:
            self._estimation.close(keep_effect=True)
        return encoder

    def _refuse_others(self, remains: Remains) -> None:
        layers = len(self.encoder.layers)
        sizes = remains.heads.shape, remains.units.shape
        unknown = remains.ranks.keys() - adapted(self.encoder).keys()
        if sizes != ((layers, self.encoder.heads), (layers, feed_forward(self.encoder))) or unknown:
            raise ModelError(
                "kept adapter: it is of a model with other layers, heads or units. "
                "Attach to the model it was trained on; nothing was loaded."
            )
