"""How many numbers each adapter trains, exactly, and how much faster Light-PEFT's smaller encoder is.

Writes summary.csv (counts), speed.csv, README.md and machine.json. Counts are of the shapes of ESM-2, adapters really
attached; times are of random weights on one thread.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from activeloop.adapters import Adapter, FullFineTuning, LightPEFT, LoRA, PeftAdapter, attach
from activeloop.adapters.light_peft import LightAttached
from activeloop.adapters.pruning import Remains, adapted, feed_forward, keep_heads, keep_ranks, keep_units
from activeloop.foundation.devices import attention_as, faster_attention
from activeloop.foundation.encoder import TransformerEncoder
from benchmarks.options import OUT, one_thread
from benchmarks.proteins import SIZES, esm_shape, random_encoder
from benchmarks.results import HEAVY, Result, crossed, markdown_table, section


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
    attached = LightAttached(copy.deepcopy(plain), LightPEFT(), 0)
    attached.prune(drawn(attached.encoder, attached.settings, 0))
    small = attached.merge()
    for length in lengths:
        rows = max(1, min(minibatch, tokens // length))
        ids = torch.randint(4, 24, (rows, length), generator=torch.Generator().manual_seed(0))
        kind = faster_attention(plain.heads, length, half=False)
        with one_thread(), torch.inference_mode(), attention_as(plain, kind), attention_as(small, kind):
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


FULL, LORA, LIGHT = "full fine-tuning", "LoRA, all linear maps", "Light-PEFT, at most"
ADAPTERS: dict[str, Adapter] = {
    FULL: FullFineTuning(),
    "DoRA": LoRA(variant="dora"),
    LORA: LoRA(),
    "LoRA, query + value": LoRA(target_modules="query+value"),
    LIGHT: LightPEFT(),
    "LoRA, last 2 layers": LoRA(last_layers=2),
    "LoRA, last layer": LoRA(last_layers=1),
    "LoRA or PiSSA, rank 16, last layer": LoRA(last_layers=1, rank=16),
    "IA3": PeftAdapter("ia3"),
}
#: how many times fewer than full fine-tuning is required of a default
REQUIRED = {"35M": 240, "150M": 800}
#: share of LoRA's numbers that Light-PEFT may train, and how many times faster it must run
SHARE, FASTER = 0.25, 1.3


@dataclass(frozen=True)
class Count:
    """Of one adapter on one encoder.

    Args:
        size: of the encoder.
        adapter: its name in the tables.
        base: numbers of the encoder.
        trained: numbers that learn.
        full: numbers that learn in full fine-tuning.
    """

    size: str
    adapter: str
    base: int
    trained: int
    full: int

    @property
    def fewer(self) -> float:
        """How many times fewer than in full fine-tuning."""
        return self.full / self.trained

    @property
    def reached(self) -> bool | None:
        """Whether that is as much as is required; None where nothing is."""
        required = REQUIRED.get(self.size)
        return None if required is None else self.fewer >= required


def counts(size: str) -> list[Count]:
    """Of every adapter; the encoder has shapes only."""
    trained = {name: _trained(adapter, size) for name, adapter in ADAPTERS.items()}
    base = sum(p.numel() for p in random_encoder(esm_shape(size), None).parameters())
    return [Count(size, name, base, number, trained[FULL]) for name, number in trained.items()]


def _trained(adapter: Adapter, size: str) -> int:
    attached = attach(adapter, random_encoder(esm_shape(size), None), 0)
    if isinstance(adapter, LightPEFT):
        attached.prune(costliest(attached.encoder, adapter))  # pyright: ignore[reportAttributeAccessIssue]
    return attached.trainable()


def parameters_result(counted: Sequence[Count], gains: Sequence[Gain], how: str) -> Result:
    """What was found; of the speed, how it was measured."""
    rows = [(c.size, c.adapter, c.base, c.trained, f"{c.fewer:.1f}", _said(c.reached)) for c in counted]
    times = [
        (g.size, g.length, g.rows, *(f"{x:.4g}" for x in (g.plain, g.pruned, *g.range)), len(g.ratios)) for g in gains
    ]
    tables = {"summary": (COLUMNS, rows), "speed": (SPEED_COLUMNS, times)}
    sections = [_counts_section(counted), _light_section(counted, gains, how)]
    return Result("How many parameters does each adapter train?", _HOW, sections, tables, parts=HEAVY)


COLUMNS = ("backbone", "adapter", "parameters", "trained", "times_fewer", "reached")
SPEED_COLUMNS = (
    "backbone",
    "length",
    "sequences",
    "plain_ms",
    "pruned_ms",
    "gain",
    "lowest",
    "highest",
    "alternations",
)
_HOW = (
    "Exact counts: every adapter, with its default options (rank 8), is attached to a model of the shape of ESM-2, and "
    "trainable parameters are counted. In brackets: how many times fewer than full fine-tuning, which trains "
    "everything but the masked-language head."
)


def _said(reached: bool | None) -> str:
    return "" if reached is None else "yes" if reached else "no"


def _counts_section(counted: Sequence[Count]) -> str:
    """A row an adapter, a column an encoder."""
    base = {c.size: f"{c.size}: {c.base:,} parameters" for c in counted}
    cells = {(c.adapter, base[c.size]): _cell(c) for c in counted}
    demands = " and ".join(f"{times} times fewer ({size})" for size, times in REQUIRED.items() if size in base)
    bold = f"**Bold**: at least {demands}, as required of a default."
    return section("Trainable parameters", crossed(cells), bold)


def _cell(count: Count) -> str:
    if count.adapter == FULL:
        return f"{count.trained:,}"
    text = f"{count.trained:,} ({count.fewer:,.0f}x)"
    return f"**{text}**" if count.reached else text


def _light_section(counted: Sequence[Count], gains: Sequence[Gain], how: str) -> str:
    """Light-PEFT's share of LoRA's numbers, and its speed."""
    trained = {(c.adapter, c.size): c.trained for c in counted}
    shares = {size: trained[LIGHT, size] / trained[LORA, size] for _, size in trained}
    most = max(shares.values())
    told = (
        f"Whatever the estimation finds, at most {most:.1%} of what LoRA on all linear maps trains remains "
        f"(required: at most {SHARE:.0%}): this is the count if all that remains lies in feed-forward maps that lost "
        "no unit, the largest ones."
    )
    if not gains:
        return section("Light-PEFT", told)
    rows = [
        [
            f"{g.size}, {g.rows} x {g.length} tokens",
            f"{g.plain:.3g}",
            f"{g.pruned:.3g}",
            "{:.2f} ({:.2f} to {:.2f})".format(*g.range),
        ]
        for g in gains
    ]
    header = ["", "as pretrained, ms a sequence", "a third removed, ms", "gain: median (range)"]
    lowest = min(g.range[0] for g in gains)
    met = f"The smallest median gain is {lowest:.2f} (required: {FASTER})."
    return section("Light-PEFT", told, markdown_table(header, rows), f"{met} {how}")


def command(
    speed: Annotated[str, typer.Option(metavar="NAMES", help="Models to be timed; none when empty.")] = "8M,35M,150M",
    lengths: Annotated[str, typer.Option(metavar="NUMBERS", help="Tokens of a sequence.")] = "56,256",
    minibatch: Annotated[int, typer.Option(metavar="N", help="Sequences, at most.")] = 32,
    tokens: Annotated[int, typer.Option(metavar="N", help="Of a minibatch, at most.")] = 8192,
    alternations: Annotated[int, typer.Option(metavar="N", help="How often each is timed.")] = 5,
    out: Annotated[Path, OUT] = Path("docs/results"),
) -> None:
    """How many parameters does each adapter train?"""
    counted_lengths = np.array(lengths.split(","), int).tolist()
    timed = filter(None, speed.split(","))
    limits = minibatch, tokens, alternations
    gains = [gain for size in timed for gain in measure(size, counted_lengths, *limits)]
    how = (
        "Forward passes in single precision, both models in turns in one process on one thread, "
        f"{alternations} times each, CPU time; heads and units that are removed were drawn at random."
    )
    counted = [count for size in SIZES for count in counts(size)]
    command = f"python -m benchmarks parameters --tokens {tokens} --alternations {alternations}"
    parameters_result(counted, gains, how).write(out / "parameters", command)
