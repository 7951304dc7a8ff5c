"""Light-PEFT in an encoder: the estimation, the pruning, and the training that continues."""

from __future__ import annotations

import torch

from activeloop.adapters.base import Attached, check_gradients, copied, load_into
from activeloop.adapters.config import LightPEFT, LoRA
from activeloop.adapters.estimation import Estimation
from activeloop.adapters.peft import attach_lora, trained_parameters
from activeloop.adapters.pruning import Remains, adapted, feed_forward, remove
from activeloop.errors import ModelError
from activeloop.foundation.encoder import TransformerEncoder


class LightAttached(Attached):
    """LoRA everywhere and an estimation at first; later what remains of it, in a smaller encoder.

    Args:
        encoder: changed in place.
        settings: of the adapter.
        seed: of the adapters' initial weights.

    Attributes:
        remains: None during the estimation.

    Raises:
        ModelError: heads cannot be removed from this model, or the adapters would have no effect.
    """

    def __init__(self, encoder: TransformerEncoder, settings: LightPEFT, seed: int):
        if settings.heads and not encoder.separable:
            raise ModelError(
                "this model normalises queries and keys over all heads together: no head can be removed from it. "
                "Choose LightPEFT(heads=0), which removes the rest. Nothing was attached."
            )
        self.encoder, self.settings = encoder, settings
        self.lowest = 0
        self.remains: Remains | None = None
        self._lora = attach_lora(LoRA(settings.rank, settings.alpha, settings.dropout), encoder, seed)
        self._estimation = Estimation(encoder, settings, seed)
        self._trained = trained_parameters(encoder)
        check_gradients(self, settings.name)
        self._estimation.reset()

    def parameters(self) -> list[torch.nn.Parameter]:
        """Of the adapters, and the masks during the estimation."""
        return list(self._trained.values())

    def penalty(self) -> torch.Tensor | None:
        """On the masks during the estimation."""
        return self._estimation.penalty() if self.remains is None else None

    def after_backward(self) -> None:
        """During the estimation: observe the importance of each rank."""
        if self.remains is None:
            self._estimation.observe_gradients()

    def after_step(self, step: int, steps: int) -> bool:
        """At the end of the estimation: prune."""
        if self.remains is not None:
            return False
        done, length = step + 1, self.settings.estimation_steps(steps)
        if done == length // 2:
            # importance is averaged over the second half
            self._estimation.reset()
        if done >= length:
            self.prune(self._estimation.choose())
        return self.remains is not None

    def prune(self, remains: Remains) -> None:
        """Remove all that does not remain; changes `parameters` and `lowest`."""
        self._estimation.close()
        remove(self.encoder, remains)
        self.remains, self._trained = remains, trained_parameters(self.encoder)
        self.lowest = min(int(name.partition(".")[0]) for name in remains.ranks)

    def state(self) -> dict[str, torch.Tensor]:
        """What was trained, and what remains."""
        return copied({**self._trained, **(self.remains.state() if self.remains else {})})

    def load(self, state: dict[str, torch.Tensor]) -> None:
        """Prune the same way, if the state is of a pruned encoder, and copy what was trained."""
        remains = Remains.of(state)
        if self.remains is None and remains is not None:
            self._check_sizes(remains)
            self.prune(remains)
        elif self.remains is not None and (remains is None or not self.remains.same(remains)):
            raise ModelError(
                "saved adapter: other heads and units were removed from this model than from the one it was saved "
                "from. Load the model anew and attach to that; nothing was loaded."
            )
        load_into(self._trained, {name: tensor for name, tensor in state.items() if name.startswith("layers.")})

    def progress(self) -> dict[str, torch.Tensor]:
        """During the estimation: what was observed so far."""
        return copied(self._estimation.state()) if self.remains is None else {}

    def resume(self, progress: dict[str, torch.Tensor]) -> None:
        """Continue the estimation."""
        if self.remains is None and progress:
            self._estimation.load(progress)

    def merge(self) -> TransformerEncoder:
        """The smaller encoder; during the estimation with the masks in its weights."""
        encoder = self._lora.merge()
        if self.remains is None:
            self._estimation.close(fold=True)
        return encoder

    def _check_sizes(self, remains: Remains) -> None:
        layers = len(self.encoder.layers)
        sizes = remains.heads.shape, remains.units.shape
        unknown = remains.ranks.keys() - adapted(self.encoder).keys()
        if sizes != ((layers, self.encoder.heads), (layers, feed_forward(self.encoder))) or unknown:
            raise ModelError(
                "saved adapter: it is of a model with other layers, heads or units. "
                "Attach to the model it was trained on; nothing was loaded."
            )
