"""An adapter in its encoder: the role, the check that it takes effect, and its saved tensors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch

from activeloop.errors import ModelError
from activeloop.foundation.encoder import TransformerEncoder

#: standard deviation of the perturbation of each trainable parameter in `check_gradients`
PERTURBATION = 0.1


class Attached(ABC):
    """An adapter in its encoder.

    Attributes:
        encoder: with the adapter in it.
        lowest: index of the lowest layer with trainable parameters; activations below it can be cached. The number of
            layers when no layer is trained, -1 when the embeddings are (nothing can be cached).
    """

    encoder: TransformerEncoder
    lowest: int

    @abstractmethod
    def parameters(self) -> list[torch.nn.Parameter]:
        """All trainable parameters, in a fixed order."""

    @abstractmethod
    def state(self) -> dict[str, torch.Tensor]:
        """The tensors that `load` needs: what was trained, and what was pruned."""

    @abstractmethod
    def load(self, state: dict[str, torch.Tensor]) -> None:
        """Restore `state` after attaching to the original checkpoint again; outputs are bit-identical.

        Raises:
            ModelError: the state is of another adapter or another model; nothing was loaded.
        """

    @abstractmethod
    def merge(self) -> TransformerEncoder:
        """The encoder with the adapter folded into its weights: the same outputs, no extra modules, all frozen."""

    def rates(self) -> list[float]:
        """Multiplier of the learning rate for each of `parameters()`."""
        return [1.0] * len(self.parameters())

    def penalty(self) -> torch.Tensor | None:
        """Term to add to the loss of a step."""
        return None

    def after_backward(self) -> None:
        """Called when all gradients of a step are complete, before the optimiser moves."""
        return

    def after_step(self, step: int, steps: int) -> bool:
        """Called when the optimiser has moved.

        Args:
            step: index of this step, from 0.
            steps: of the whole fit.

        Returns:
            True when encoder and `parameters()` have changed: optimiser, cached activations and best state are invalid.
        """
        return False

    def progress(self) -> dict[str, torch.Tensor]:
        """What `resume` needs beside `state` to continue an interrupted fit with the same result."""
        return {}

    def resume(self, progress: dict[str, torch.Tensor]) -> None:
        """Restore `progress`, after `load`."""
        return

    def trainable(self) -> int:
        """Number of trainable parameters."""
        return sum(p.numel() for p in self.parameters())


def check_gradients(attached: Attached, name: str) -> None:
    """Check that the adapter takes effect: perturbing its parameters changes outputs, and each one gets a gradient.

    Parameters are restored exactly. Finds modules that bypass the adapter in eval mode (torch's fast path of
    transformer layers). Skipped on the meta device, where tensors have shapes only.

    Args:
        attached: with at least one parameter.
        name: of the adapter, for the message.

    Raises:
        ModelError: outputs do not change, or a parameter gets no gradient; the encoder must be loaded anew.
    """
    encoder, parameters = attached.encoder, attached.parameters()
    if any(p.is_meta for p in encoder.parameters()):
        return
    training = encoder.training
    encoder.eval()
    with torch.no_grad():
        before = _outputs(encoder)
        with _perturbed(parameters):
            changed = not torch.equal(before, _outputs(encoder))
            with torch.enable_grad():
                gradients = torch.autograd.grad(_outputs(encoder).sum(), parameters, allow_unused=True)
    encoder.train(training)
    without = sum(gradient is None for gradient in gradients)
    if not changed or without:
        what = "changes nothing" if not changed else f"leaves {without} of its {len(parameters)} tensors without effect"
        raise ModelError(
            f'adapter "{name}" {what} in this {type(encoder).__name__}. '
            "Choose other layers, target modules or another adapter; nothing was trained."
        )


def example_tokens(encoder: TransformerEncoder) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids [2, 4] that every vocabulary has, and which are not padding (all but the last)."""
    device = next(encoder.parameters()).device
    ids = torch.arange(4, 12, device=device).view(2, 4)
    return ids, ids < 11


def _outputs(encoder: TransformerEncoder) -> torch.Tensor:
    ids, real = example_tokens(encoder)
    return encoder(ids, real)[real]


@contextmanager
def _perturbed(parameters: list[torch.nn.Parameter]) -> Iterator[None]:
    saved = [p.detach().clone() for p in parameters]
    generator = torch.Generator().manual_seed(0)
    for p in parameters:
        p += (PERTURBATION * torch.randn(p.shape, generator=generator)).to(p)
    try:
        yield
    finally:
        for p, old in zip(parameters, saved, strict=True):
            p.copy_(old)


def freeze(encoder: TransformerEncoder) -> TransformerEncoder:
    """The encoder itself, with no trainable parameter."""
    return encoder.requires_grad_(False)


def copied(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Contiguous copies on the processor, as a file needs them."""
    return {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}


@torch.no_grad()
def load_into(tensors: Mapping[str, torch.Tensor], state: Mapping[str, torch.Tensor]) -> None:
    """Copy saved tensors into those of the same names.

    Raises:
        ModelError: names or shapes differ; nothing was loaded.
    """
    for name in sorted(tensors.keys() ^ state.keys()):
        where = "is missing" if name in tensors else "belongs nowhere in this model"
        raise ModelError(f'saved adapter: "{name}" {where}. Attach the adapter it was saved from; nothing was loaded.')
    for name, tensor in tensors.items():
        if tensor.shape != state[name].shape:
            found, wanted = (" x ".join(map(str, t.shape)) for t in (state[name], tensor))
            raise ModelError(
                f'saved adapter: "{name}" is {found} and must be {wanted} here. '
                "Attach the adapter it was saved from, to the model it was trained on; nothing was loaded."
            )
    for name, tensor in tensors.items():
        tensor.copy_(state[name])


@contextmanager
def seeded_rng(seed: int) -> Iterator[None]:
    """Inside, what torch samples depends on the seed alone; outside, its global generators are unchanged.

    >>> with seeded_rng(3):
    ...     one = torch.rand(2)
    >>> with seeded_rng(3):
    ...     print(torch.equal(one, torch.rand(2)))
    True
    """
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []
    with torch.random.fork_rng(devices):
        seed_rng(seed)
        yield


def seed_rng(seed: int) -> None:
    """Seed torch's generators; `torch.manual_seed` would leak memory at each call where CUDA is never initialised."""
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(seed)
