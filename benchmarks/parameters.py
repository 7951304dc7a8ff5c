"""How many numbers each adapter trains, exactly, and how much faster Light-PEFT's smaller encoder is.

Writes summary.csv (counts), speed.csv, README.md and machine.json. Counts are of the shapes of ESM-2, adapters really
attached; times are of random weights on one thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from activeloop.adapters import Adapter, FullFineTuning, LightPEFT, LoRA, PeftAdapter
from activeloop.files import write_whole
from activeloop.replay.summary import csv_text
from benchmarks.esm_shapes import SIZES, esm_shape, random_encoder
from benchmarks.options import OUT
from benchmarks.suite_results import markdown_table, write_page

if TYPE_CHECKING:
    from benchmarks.pruning_speed import Gain

FULL, LORA, LIGHT = "full fine-tuning", "LoRA, all linear maps", "Light-PEFT, at most"
ADAPTERS: dict[str, Adapter] = {
    FULL: FullFineTuning(),
    "DoRA": LoRA(variant="dora"),
    LORA: LoRA(),
    "LoRA, query + value": LoRA(targets="query+value"),
    LIGHT: LightPEFT(),
    "LoRA, last 2 layers": LoRA(last=2),
    "LoRA, last layer": LoRA(last=1),
    "LoRA or PiSSA, rank 16, last layer": LoRA(last=1, rank=16),
    "IA3": PeftAdapter("ia3"),
}
#: how many times fewer than full fine-tuning is demanded of a default
DEMANDED = {"35M": 240, "150M": 800}
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
        """Whether that is as much as is demanded; None where nothing is."""
        demanded = DEMANDED.get(self.size)
        return None if demanded is None else self.fewer >= demanded


def counts(size: str) -> list[Count]:
    """Of every adapter; the encoder has shapes only."""
    trained = {name: _trained(adapter, size) for name, adapter in ADAPTERS.items()}
    base = sum(p.numel() for p in random_encoder(esm_shape(size), None).parameters())
    return [Count(size, name, base, number, trained[FULL]) for name, number in trained.items()]


def _trained(adapter: Adapter, size: str) -> int:
    attached = adapter.attach(random_encoder(esm_shape(size), None), 0)
    if isinstance(adapter, LightPEFT):
        from benchmarks.pruning_speed import costliest

        attached.prune(costliest(attached.encoder, adapter))  # pyright: ignore[reportAttributeAccessIssue]
    return attached.trainable()


def write_results(folder: Path, counted: Sequence[Count], gains: Sequence[Gain], how: str, command: str) -> None:
    """The tables and the page."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [(c.size, c.adapter, c.base, c.trained, f"{c.fewer:.1f}", _said(c.reached)) for c in counted]
    header = ("backbone", "adapter", "parameters", "trained", "times_fewer", "reached")
    write_whole(folder / "summary.csv", csv_text(header, rows))
    times = [
        (g.size, g.length, g.rows, *(f"{x:.4g}" for x in (g.plain, g.pruned, *g.range)), len(g.ratios)) for g in gains
    ]
    header = ("backbone", "length", "sequences", "plain_ms", "pruned_ms", "gain", "lowest", "highest", "alternations")
    write_whole(folder / "speed.csv", csv_text(header, times))
    sections = [_counts_section(counted), _light_section(counted, gains, how)]
    write_page(folder, "How many numbers does each adapter train?", _HOW, sections, command)


_HOW = (
    "Exact counts: every adapter, with its default options (rank 8), is attached to a model of the shape of ESM-2, and "
    "what learns is counted. In brackets: how many times fewer than full fine-tuning, which trains everything but the "
    "masked-language head."
)


def _said(reached: bool | None) -> str:
    return "" if reached is None else "yes" if reached else "no"


def _counts_section(counted: Sequence[Count]) -> str:
    """A row an adapter, a column an encoder."""
    table = {(c.adapter, c.size): c for c in counted}
    sizes = list(dict.fromkeys(c.size for c in counted))
    rows = [[name, *(_cell(table[name, size]) for size in sizes)] for name in ADAPTERS]
    demands = " and ".join(f"{times} times fewer ({size})" for size, times in DEMANDED.items() if size in sizes)
    header = ["", *(f"{size}: {table[FULL, size].base:,} parameters" for size in sizes)]
    bold = f"**Bold**: at least {demands}, as demanded of a default."
    return f"## Trained numbers\n\n{markdown_table(header, rows)}\n\n{bold}"


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
        f"(demanded: at most {SHARE:.0%}): this is the count if all that remains lies in feed-forward maps that lost "
        "no unit, the largest ones."
    )
    if not gains:
        return f"## Light-PEFT\n\n{told}"
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
    met = f"The smallest median gain is {lowest:.2f} (demanded: {FASTER})."
    return f"## Light-PEFT\n\n{told}\n\n{markdown_table(header, rows)}\n\n{met} {how}"


def command(
    speed: Annotated[str, typer.Option(metavar="NAMES", help="Models to be timed; none when empty.")] = "8M,35M,150M",
    lengths: Annotated[str, typer.Option(metavar="NUMBERS", help="Tokens of a sequence.")] = "56,256",
    minibatch: Annotated[int, typer.Option(metavar="N", help="Sequences, at most.")] = 32,
    tokens: Annotated[int, typer.Option(metavar="N", help="Of a minibatch, at most.")] = 8192,
    alternations: Annotated[int, typer.Option(metavar="N", help="How often each is timed.")] = 5,
    out: Annotated[Path, OUT] = Path("docs/results"),
) -> None:
    """How many parameters does each adapter train?"""
    from benchmarks.pruning_speed import measure

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
    write_results(out / "parameters", counted, gains, how, command)
