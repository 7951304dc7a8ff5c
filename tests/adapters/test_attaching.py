"""Adapters of other packages: settings are a subclass of `Adapter`, the implementation is registered."""

from dataclasses import dataclass

import pytest
import torch

from activeloop.adapters import Adapter, attach
from activeloop.adapters.base import check_gradients
from activeloop.adapters.weights import WeightsAttached
from activeloop.errors import ModelError


@dataclass(frozen=True)
class FinalNorm(Adapter):
    name = "final-norm"  # pyright: ignore[reportAssignmentType]
    rate = 1e-3  # pyright: ignore[reportAssignmentType]


def test_a_registered_implementation_is_found(encoders):
    with pytest.raises(ModelError, match='"final-norm" has no implementation: register one'):
        attach(FinalNorm(), encoders(), 0)

    @attach.register(FinalNorm)
    def _(adapter: FinalNorm, encoder, seed: int) -> WeightsAttached:
        norm = {name: p for name, p in encoder.named_parameters() if "emb_layer_norm_after" in name}
        attached = WeightsAttached(encoder, norm, len(encoder.layers))
        check_gradients(attached, adapter.name)
        return attached

    attached = attach(FinalNorm(), encoders(), 0)
    assert attached.trainable() == 2 * attached.encoder.width
    assert isinstance(attached.parameters()[0], torch.nn.Parameter)
