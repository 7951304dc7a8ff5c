"""How much an adapter, and each of its ranks, does."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from activeloop.adapters.pruning_layers import base_of, factors
from activeloop.adapters.tuned import ONE
from activeloop.foundation.encoder import TransformerEncoder


class Importance:
    """Of one adapter and its ranks, added up over minibatches and steps.

    The adapter's is the length of its output over that of the frozen map's, a mean over real tokens; a rank's is how
    much the loss would change without it, to first order: |mean(A dL/dA)| + |mean(B dL/dB)|, a mean over steps.

    Args:
        encoder: it sits in.
        module: the `peft` layer.
    """

    def __init__(self, encoder: TransformerEncoder, module: Any):
        self.encoder, self.module = encoder, module
        self.scaling = module.scaling[ONE]
        into, out = factors(module)
        #: sum of ratios, tokens, steps
        self.sums = torch.zeros(3, device=into.weight.device)
        #: [r] summed over steps
        self.taylor = torch.zeros(into.out_features, device=into.weight.device)
        self._base = torch.zeros(0)
        self._handles = [
            base_of(module).register_forward_hook(self._see_base),
            out.register_forward_hook(self._see_adapter),
        ]

    @property
    def of_module(self) -> float:
        """Mean ratio of the lengths of the outputs."""
        return float(self.sums[0] / self.sums[1].clamp(min=1))

    @property
    def of_ranks(self) -> torch.Tensor:
        """[r] mean change of the loss."""
        return self.taylor / self.sums[2].clamp(min=1)

    def reset(self) -> None:
        """Forget all."""
        self.sums.zero_()
        self.taylor.zero_()

    def see_gradients(self) -> None:
        """Count a step whose gradients are complete."""
        into, out = (linear.weight for linear in factors(self.module))
        if into.grad is not None and out.grad is not None:
            self.taylor += (into * into.grad).mean(1).abs().detach() + (out * out.grad).mean(0).abs().detach()
        self.sums[2] += 1

    def remove(self) -> None:
        """Look no longer."""
        for handle in self._handles:
            handle.remove()

    def _see_base(self, linear: nn.Module, inputs: Any, output: torch.Tensor) -> None:
        # without gradients it is not a training step
        if torch.is_grad_enabled():
            self._base = output.detach().float().norm(dim=-1)

    def _see_adapter(self, linear: nn.Module, inputs: Any, output: torch.Tensor) -> None:
        if torch.is_grad_enabled():
            ratio = self.scaling * output.detach().float().norm(dim=-1) / self._base.clamp(min=1e-12)
            real = self.encoder.real
            self.sums[0] += ratio[real].sum()
            self.sums[1] += real.sum()
