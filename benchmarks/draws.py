"""What joint draws over a whole library cost beside one deterministic pass.

Writes summary.csv, README.md and machine.json. Needs the GB1 landscape (`ACTIVELOOP_DATA`, or a connection). A pass is
timed on a random share of the library and scaled up; heads are timed on all of it. Where the package `baal` is
installed, its Monte Carlo dropout is timed in the same run.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from activeloop.files import write_whole
from activeloop.replay.sources import Source, load_landscape
from activeloop.replay.summary import csv_text, number
from benchmarks.esm_shapes import random_encoder
from benchmarks.options import OUT
from benchmarks.suite_results import markdown_table, write_page

if TYPE_CHECKING:
    from benchmarks.draws_timing import Cost

COLUMNS = ("what", "draws", "passes", "lowest", "highest", "demanded", "cpu_seconds", "same_bits")
DRAWS = (32, 100)
HEAD_NAMES = "last-layer,dropout,process"


def write_results(folder: Path, tables: Sequence[tuple[str, Sequence[Cost]]], command: str) -> None:
    """summary.csv, README.md and machine.json.

    Args:
        folder: of the results.
        tables: how it was measured, and what was found: for heads, then for networks.
        command: that makes these results again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    every = [cost for _, costs in tables for cost in costs]
    write_whole(folder / "summary.csv", csv_text(COLUMNS, [_row(cost) for cost in every]))
    titles = ("Draws of a head, over the whole library", "Draws of a network")
    sections = [f"## {title}\n\n{how}\n\n{_table(costs)}" for title, (how, costs) in zip(titles, tables, strict=True)]
    told = "CPU time on one thread in deterministic passes over the same candidates, that pass counted: median (range)."
    write_page(folder, "What do joint draws cost?", told, sections, command)


def _row(cost: Cost) -> tuple[object, ...]:
    passes = (np.median(cost.passes), min(cost.passes), max(cost.passes))
    most = "" if cost.most is None else number(cost.most)
    bits = "" if cost.repeatable is None else int(cost.repeatable)
    return (cost.what, cost.draws, *(number(float(p)) for p in passes), most, number(cost.seconds), bits)


def _table(costs: Sequence[Cost]) -> str:
    rows = []
    for cost in costs:
        passes = f"{np.median(cost.passes):.4g} ({min(cost.passes):.4g} to {max(cost.passes):.4g})"
        most = "" if cost.most is None else f"{cost.most:.3g}"
        bits = {None: "not promised", True: "yes", False: "**no**"}[cost.repeatable]
        rows.append([cost.what, str(cost.draws), passes, most, f"{cost.seconds:.3g}", bits])
    return markdown_table(["", "draws", "passes", "demanded at most", "CPU s", "same bits again"], rows)


def command(
    share: Annotated[int, typer.Option(metavar="N", help="Candidates on which one pass is timed.")] = 8000,
    candidates: Annotated[int, typer.Option(metavar="N", help="On which samples of a network are timed.")] = 96,
    repetitions: Annotated[int, typer.Option(metavar="N", help="Of each way.")] = 5,
    heads: Annotated[str, typer.Option(metavar="NAMES", help="Joined by commas.")] = HEAD_NAMES,
    layers: Annotated[int, typer.Option(metavar="N", help="Of the network.")] = 6,
    out: Annotated[Path, OUT] = Path("docs/results"),
) -> None:
    """What do joint samples over a whole library cost beside one deterministic pass?"""
    import torch
    from threadpoolctl import threadpool_limits

    from activeloop.models.heads.registry import HEADS
    from benchmarks.draws_timing import domain_tokens, dropout_costs, head_costs, one_pass
    from tools.pretrain.shape import Shape

    torch.set_num_threads(1)
    landscape, shape = load_landscape(Source("gb1")), Shape(layers)
    encoder = random_encoder(shape, seed=0)
    rows = np.random.default_rng(0).permutation(len(landscape))[:share]
    with threadpool_limits(1):
        tokens = domain_tokens(landscape.pool, rows)
        features, seconds = one_pass(encoder, tokens, repetitions)
        found = [
            cost
            for name in heads.split(",")
            for cost in head_costs(HEADS[name](), features, landscape.values[rows], len(landscape), DRAWS, seconds)
        ]
        few = domain_tokens(landscape.pool, rows[:candidates])
        ways = dropout_costs(encoder, few, DRAWS[0], repetitions)
    size = sum(p.numel() for p in encoder.parameters()) / 1e6
    of_heads = (
        f"A network of {size:.1f} million random parameters ({layers} layers) reads the domain of "
        f"{tokens.ids.shape[1]} tokens in {np.median(seconds) * 1e3:.3g} ms a candidate: timed on {share:,} of "
        f"the {len(landscape):,}, scaled up to all. Each head was fitted to 480 values and then gave mean, spread and "
        f"draws for all {len(landscape):,}, on the {features.shape[1]:,} features of the timed ones, repeated. Same "
        "bits: drawn again for 1,000 of them alone."
    )
    of_layers = (
        f"The same network on {candidates} candidates, all ways in turns, {repetitions} times each. "
        "Demanded is 1.2 (1 + T k / L). Same bits: in every repetition."
    )
    options = f"--share {share} --candidates {candidates} --repetitions {repetitions}"
    command = f"python -m benchmarks draws {options} --heads {heads} --layers {layers}"
    write_results(out / "draws", [(of_heads, found), (of_layers, ways)], command)
