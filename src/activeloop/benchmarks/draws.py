"""What joint draws over a whole library cost beside one deterministic pass.

    python -m activeloop.benchmarks.draws --out docs/results/draws

Writes summary.csv, README.md and machine.json. Needs the GB1 landscape (`ACTIVELOOP_DATA`, or a connection). A pass is
timed on a random share of the library and scaled up; heads are timed on all of it. Where the package `baal` is
installed, its Monte Carlo dropout is timed in the same run.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from activeloop.benchmarks.esm_shapes import random_trunk
from activeloop.benchmarks.parts import write_whole
from activeloop.benchmarks.sources import Source, load_landscape
from activeloop.benchmarks.suite_results import markdown_table, write_page
from activeloop.benchmarks.summary import csv_text, number

if TYPE_CHECKING:
    from activeloop.benchmarks.draws_timing import Cost

COLUMNS = ("what", "draws", "passes", "lowest", "highest", "demanded", "cpu_seconds", "same_bits")
DRAWS = (32, 100)


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


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("docs/results/draws"))
    parser.add_argument("--share", type=int, default=8000, help="candidates on which one pass is timed")
    parser.add_argument("--candidates", type=int, default=96, help="on which draws of a network are timed")
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--heads", default="last-layer,dropout,process", help="names, with commas")
    parser.add_argument("--layers", type=int, default=6)
    asked = parser.parse_args()
    import torch
    from threadpoolctl import threadpool_limits

    from activeloop.benchmarks.draws_timing import domain_tokens, dropout_costs, head_costs, one_pass
    from activeloop.models.heads.named import HEADS
    from activeloop.models.pretraining.shape import Shape

    torch.set_num_threads(1)
    landscape, shape = load_landscape(Source("gb1")), Shape(asked.layers)
    trunk = random_trunk(shape, seed=0)
    rows = np.random.default_rng(0).permutation(len(landscape))[: asked.share]
    with threadpool_limits(1):
        tokens = domain_tokens(landscape.pool, rows)
        features, seconds = one_pass(trunk, tokens, asked.repetitions)
        heads = [
            cost
            for name in asked.heads.split(",")
            for cost in head_costs(HEADS[name](), features, landscape.values[rows], len(landscape), DRAWS, seconds)
        ]
        few = domain_tokens(landscape.pool, rows[: asked.candidates])
        layers = dropout_costs(trunk, few, DRAWS[0], asked.repetitions)
    size = sum(p.numel() for p in trunk.parameters()) / 1e6
    of_heads = (
        f"A network of {size:.1f} million random parameters ({asked.layers} layers) reads the domain of "
        f"{tokens.ids.shape[1]} tokens in {np.median(seconds) * 1e3:.3g} ms a candidate: timed on {asked.share:,} of "
        f"the {len(landscape):,}, scaled up to all. Each head was fitted to 480 values and then gave mean, spread and "
        f"draws for all {len(landscape):,}, on the {features.shape[1]:,} features of the timed ones, repeated. Same "
        "bits: drawn again for 1,000 of them alone."
    )
    of_layers = (
        f"The same network on {asked.candidates} candidates, all ways in turns, {asked.repetitions} times each. "
        "Demanded is 1.2 (1 + T k / L). Same bits: in every repetition."
    )
    options = f"--share {asked.share} --candidates {asked.candidates} --repetitions {asked.repetitions}"
    command = f"python -m activeloop.benchmarks.draws {options} --heads {asked.heads} --layers {asked.layers}"
    write_results(asked.out, [(of_heads, heads), (of_layers, layers)], command)


if __name__ == "__main__":
    main()
