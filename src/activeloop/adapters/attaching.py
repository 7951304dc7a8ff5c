"""What all adapters share: freeze an encoder, prove that what learns takes effect, keep it and put it back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch

from activeloop.adapters.base import Attached
from activeloop.errors import ModelError
from activeloop.foundation.encoder import TransformerEncoder

#: spread of what is added to each learnt number for a moment
NUDGE = 0.1


def freeze(encoder: TransformerEncoder) -> TransformerEncoder:
    """Nothing of the encoder learns; returns it."""
    return encoder.requires_grad_(False)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draws of torch's global generators come from the seed, which are afterwards as they were."""
    devices = list(range(torch.cuda.device_count()))
    with torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        yield


def prove(attached: Attached, name: str) -> None:
    """Make sure that what is said to learn takes effect: in eval mode, and wherever gradients must arrive.

    The learnt numbers are nudged, a few tokens are run before and after, and the numbers are put back exactly. Modules
    that compute their forward pass otherwise in eval mode (torch's fast path of transformer layers) fall through here.
    A encoder on the meta device, which has shapes only, is taken at its word.

    Args:
        attached: with at least one parameter.
        name: of the adapter, for the message.

    Raises:
        ModelError: nothing changes, or a parameter gets no gradient; the encoder must be loaded anew.
    """
    encoder, parameters = attached.encoder, attached.parameters()
    if any(p.is_meta for p in encoder.parameters()):
        return
    training = encoder.training
    encoder.eval()
    with torch.no_grad():
        before = _outputs(encoder)
        with _nudged(parameters):
            moved = not torch.equal(before, _outputs(encoder))
            with torch.enable_grad():
                gradients = torch.autograd.grad(_outputs(encoder).sum(), parameters, allow_unused=True)
    encoder.train(training)
    deaf = sum(gradient is None for gradient in gradients)
    if not moved or deaf:
        what = "changes nothing" if not moved else f"leaves {deaf} of its {len(parameters)} tensors without effect"
        raise ModelError(
            f'adapter "{name}" {what} in this {type(encoder).__name__}. '
            "Choose other layers, targets or another adapter; nothing was trained."
        )


def few_tokens(encoder: TransformerEncoder) -> tuple[torch.Tensor, torch.Tensor]:
    """Ids [2, 4] that every vocabulary has, and which are no padding (all but the last)."""
    device = next(encoder.parameters()).device
    ids = torch.arange(4, 12, device=device).view(2, 4)
    return ids, ids < 11


def _outputs(encoder: TransformerEncoder) -> torch.Tensor:
    ids, real = few_tokens(encoder)
    return encoder(ids, real)[real]


@contextmanager
def _nudged(parameters: list[torch.nn.Parameter]) -> Iterator[None]:
    kept = [p.detach().clone() for p in parameters]
    generator = torch.Generator().manual_seed(0)
    for p in parameters:
        p += (NUDGE * torch.randn(p.shape, generator=generator)).to(p)
    try:
        yield
    finally:
        for p, old in zip(parameters, kept, strict=True):
            p.copy_(old)


def kept(named: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Copies that may be written to a file."""
    return {name: tensor.detach().cpu().clone().contiguous() for name, tensor in named.items()}


@torch.no_grad()
def put_back(named: Mapping[str, torch.Tensor], state: Mapping[str, torch.Tensor]) -> None:
    """Copy kept tensors to where they came from.

    Raises:
        ModelError: they are of another adapter or another model; nothing was loaded.
    """
    for name in sorted(named.keys() ^ state.keys()):
        where = "is missing" if name in named else "belongs nowhere in this model"
        raise ModelError(f'kept adapter: "{name}" {where}. Attach the adapter it was kept from; nothing was loaded.')
    for name, tensor in named.items():
        if tensor.shape != state[name].shape:
            raise ModelError(
                f'kept adapter: "{name}" is {_size(state[name])} and must be {_size(tensor)} here. '
                "Attach the adapter it was kept from, to the model it was trained on; nothing was loaded."
            )
    for name, tensor in named.items():
        tensor.copy_(state[name])


def _size(tensor: torch.Tensor) -> str:
    return " x ".join(map(str, tensor.shape))
