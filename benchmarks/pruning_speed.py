"""What Light-PEFT leaves at most, and how fast that is."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch

from activeloop.adapters import LightPEFT
from activeloop.adapters.pruning import Remains, keep_heads, keep_ranks, keep_units
from activeloop.adapters.pruning_layers import adapted, feed_forward
from activeloop.foundation.encoder import TransformerEncoder, attention_as, faster
from benchmarks.esm_shapes import esm_shape, random_encoder


@dataclass(frozen=True)
class Gain:
    """Forward passes of an encoder as pretrained and of a smaller one.

    Args:
        size: name of the encoder.
        length: tokens of a sequence.
        rows: sequences of a pass.
        plain, pruned: median CPU milliseconds a sequence.
        ratios: plain over pruned, one for each alternation.
    """

    size: str
    length: int
    rows: int
    plain: float
    pruned: float
    ratios: tuple[float, ...]

    @property
    def range(self) -> tuple[float, float, float]:
        """Median, lowest and highest ratio."""
        return float(np.median(self.ratios)), min(self.ratios), max(self.ratios)


def costliest(encoder: TransformerEncoder, settings: LightPEFT) -> Remains:
    """Of all that could remain, that which trains most: feed-forward adapters, whole, in layers that lost no unit.

    Args:
        encoder: with LoRA on every linear map.
        settings: how much is removed.
    """
    layers, units = len(encoder.layers), feed_forward(encoder)
    wide = {f"{i}.{name}" for i in range(layers) for name in (*encoder.names.widen, encoder.names.narrow)}
    # what is worth less goes first, and of units those of the last layers
    modules = {name: float(name in wide) * (layers - int(name.partition(".")[0])) for name in adapted(encoder)}
    ranks = {name: torch.full((settings.rank,), value) for name, value in modules.items()}
    worth = torch.arange(layers, 0, -1.0)[:, None].expand(layers, units).contiguous()
    heads = keep_heads(torch.zeros(layers, encoder.heads), settings.heads)
    return Remains(
        heads, keep_units(worth, settings.units), keep_ranks(modules, ranks, settings.modules, settings.ranks)
    )


def drawn(encoder: TransformerEncoder, settings: LightPEFT, seed: int) -> Remains:
    """What remains when chance decides."""
    rng = torch.Generator().manual_seed(seed)
    layers = len(encoder.layers)
    names = list(adapted(encoder))
    modules = dict(zip(names, torch.rand(len(names), generator=rng).tolist(), strict=True))
    return Remains(
        keep_heads(torch.rand(layers, encoder.heads, generator=rng), settings.heads),
        keep_units(torch.rand(layers, feed_forward(encoder), generator=rng), settings.units),
        keep_ranks(
            modules,
            {name: torch.rand(settings.rank, generator=rng) for name in names},
            settings.modules,
            settings.ranks,
        ),
    )


def measure(size: str, lengths: Sequence[int], minibatch: int, tokens: int, alternations: int) -> Iterator[Gain]:
    """Forward passes in turns, on one thread, in the attention that is the faster one at a length.

    Args:
        size: of ESM-2.
        lengths: tokens of a sequence.
        minibatch: sequences of a pass, at most.
        tokens: of a pass, at most.
        alternations: passes of each model, after one that does not count.
    """
    plain = random_encoder(esm_shape(size), 0)
    attached = LightPEFT().attach(copy.deepcopy(plain), 0)
    attached.prune(drawn(attached.encoder, attached.settings, 0))
    small = attached.merge()
    for length in lengths:
        rows = max(1, min(minibatch, tokens // length))
        ids = torch.randint(4, 24, (rows, length), generator=torch.Generator().manual_seed(0))
        kind = faster(plain.heads, length, half=False)
        with _one_thread(), torch.inference_mode(), attention_as(plain, kind), attention_as(small, kind):
            seconds = np.array(
                [[_seconds(encoder, ids) for encoder in (plain, small)] for _ in range(alternations + 1)]
            )
        medians = 1000 * np.median(seconds[1:], 0) / rows
        ratios = tuple((seconds[1:, 0] / seconds[1:, 1]).tolist())
        yield Gain(size, length, rows, float(medians[0]), float(medians[1]), ratios)


def _seconds(encoder: TransformerEncoder, ids: torch.Tensor) -> float:
    real = torch.ones(ids.shape, dtype=torch.bool)
    clock = time.process_time()
    encoder(ids, real)
    return time.process_time() - clock


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
