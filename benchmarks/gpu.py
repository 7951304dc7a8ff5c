"""Five minutes on a graphics card: what a step of fine-tuning costs, and its memory, with random weights."""

from __future__ import annotations

import gc
import time
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer

from activeloop.foundation.devices import best_device
from activeloop.replay.machine import describe_machine
from benchmarks.compute_training import ARMS, FULL, LORA, checkpoint_of, clock, random_dataset, ready
from benchmarks.options import OUT
from benchmarks.results import Result, markdown_table, section

#: full fine-tuning and LoRA in all layers and in the last ones
COMPARED = (FULL, LORA, "LoRA, last 2 layers", "LoRA, last layer")
#: size, lengths and rows of a minibatch with a card, and without one
CARD, NONE = ("650M", (56, 256, 500), 16), ("8M", (56,), 16)
#: seconds of all, and most steps of an arm
SECONDS, STEPS = 300.0, 10
COLUMNS = ("size", "residues", "minibatch", "arm", "trained", "ms_a_step", "lowest", "highest", "steps", "peak_mib")


def command(
    out: Annotated[Path, OUT] = Path("docs/results"),
    seconds: Annotated[float, typer.Option(help="Of the whole; arms that are late are left out.")] = SECONDS,
) -> None:
    """What does a step cost on a graphics card?"""
    card = best_device() == "cuda"
    size, lengths, rows = CARD if card else NONE
    if not card:
        typer.echo(f"There is no graphics card here: the shape of {size} is measured on this processor instead.")
    ends, found = time.monotonic() + seconds, []
    with checkpoint_of(size) as foundation:
        cells = [(residues, name) for residues in lengths for name in COMPARED]
        for i, (residues, name) in enumerate(cells):
            left = ends - time.monotonic()
            if left < 0:
                typer.echo(f"Left out, for want of time: {name} at {residues} residues.")
                continue
            run = ready(foundation, ARMS[name], random_dataset(residues, rows), STEPS + 1)
            until = time.monotonic() + left / (len(cells) - i)
            if card:
                torch.cuda.synchronize()
                torch.cuda.reset_peak_memory_stats()
            before, device = torch.cuda.memory_allocated() if card else 0, run.objective.parameters()[0].device
            times: list[float] = []
            while len(times) <= STEPS and (len(times) < 2 or time.monotonic() < until):
                start = clock(device)
                run.advance()
                times.append(1000 * (clock(device) - start))
            trained, ms = sum(p.numel() for p in run.objective.parameters()), np.array(times[1:])
            peak = f"{(torch.cuda.max_memory_allocated() - before) / 2**20:.0f}" if card else ""
            spread = (f"{x:.4g}" for x in (np.median(ms), ms.min(), ms.max()))
            found.append((size, residues, rows, name, trained, *spread, len(ms), peak))
            typer.echo(", ".join(map(str, found[-1])))
            del run
            gc.collect()
            if card:
                torch.cuda.empty_cache()
    gpu_result(found, card).write(out / "gpu", "python -m benchmarks gpu")
    typer.echo(f"Written: {out / 'gpu' / 'README.md'}")


def gpu_result(found: list[tuple], card: bool) -> Result:
    """What was found, as a table and a page."""
    full = {row[1]: float(row[5]) for row in found if row[3] == FULL}
    lines = [
        (f"{r[3]}, {r[1]} residues", f"{r[4]:,}", r[5], f"{full[r[1]] / float(r[5]):.1f}" if r[1] in full else "", r[9])
        for r in found
    ]
    machine = describe_machine().get("graphics card", "")
    where = f"on {machine}" if card else "on a processor, for there was no graphics card: memory was not measured"
    how = (
        f"Steps of fine-tuning of the shape of ESM-2 {found[0][0]} with random weights, {found[0][2]} sequences each, "
        f"{where}. Time and memory are those of real weights; accuracy is not told. The activations of frozen layers "
        f"are computed before the first step.{' Memory is the peak above the model and what is cached.' * card}"
    )
    table = markdown_table(["arm", "trained parameters", "ms a step", "times cheaper than full", "peak, MiB"], lines)
    question = "What does a step cost on a graphics card?"
    return Result(
        question, how, [section("Steps", table)], {"steps": (COLUMNS, found)}, parts=("adapters", "models/finetuning")
    )
