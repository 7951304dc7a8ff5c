"""`python -m tools.pretrain`: a small protein language model from FASTA files."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from activeloop.errors import ActiveLoopError, InputError, MissingExtraError

if TYPE_CHECKING:
    from rich.console import Console

    from tools.pretrain.plan import Plan
    from tools.pretrain.run import Status

FILES = typer.Argument(
    metavar="FASTA[=WEIGHT]...", help="Sequences, plain, .gz or .zst, and the weight of each file in the mixture."
)
OUT = typer.Option(metavar="DIR", help="Where checkpoints and the log are kept.")
STEPS = typer.Option(metavar="N", help="Optimiser steps (default: 1000); may be changed when resuming.")
TOKENS = typer.Option(metavar="N", help="Number of training tokens, instead of --steps.")
ROWS = typer.Option(metavar="N", help="Rows of a minibatch; `torchrun` shares them among its processes.")
CONTEXT = typer.Option(metavar="N", help="Tokens of a row; longer sequences are cut at random.")
SEED = typer.Option(help="Seed of weights, rows and masks.")
SHARE = typer.Option(metavar="SHARE", help="Of each file's sequences, held out for validation.")
COOLING = typer.Option(
    metavar="SHARE|N", help="The rates fall to zero in this last share of the steps, or in so many steps (above 1)."
)
RESUME = typer.Option("--resume", help="Go on with the run in --out, also after a kill.")
EXPORT = typer.Option(metavar="DIR", help="Write the model in the end, with model card, as `transformers` reads it.")
BASE = typer.Option(metavar="ID|DIR", help="Continue to train this model, with LoRA, instead of a new one.")
LORA = typer.Option(metavar="RANK", help="Rank of LoRA; needs --base.  [default: 8]", show_default=False)
RATE = typer.Option(metavar="X", help="Learning rate of AdamW (default: 0.003; with LoRA 0.001).")
HALF = typer.Option("--half/--single", help="Precision (default: half, bfloat16, where it is faster).")
LICENCE = typer.Option(metavar="TEXT", help="What the weights may be used for; written into the model card.")
SAVE = typer.Option(metavar="S", help="Seconds between two checkpoints.")


def pretrain(
    files: Annotated[list[str], FILES],
    out: Annotated[Path, OUT],
    layers: Annotated[int, typer.Option(help="Layers of the new model.")] = 6,
    width: Annotated[int, typer.Option(help="Hidden size.")] = 256,
    heads: Annotated[int, typer.Option(help="Attention heads.")] = 4,
    inner: Annotated[int, typer.Option(help="Width of the feed-forward layers.")] = 1024,
    steps: Annotated[int | None, STEPS] = None,
    tokens: Annotated[int | None, TOKENS] = None,
    rows: Annotated[int, ROWS] = 32,
    context: Annotated[int, CONTEXT] = 256,
    seed: Annotated[int, SEED] = 0,
    validation_share: Annotated[float, SHARE] = 0.005,
    cooling: Annotated[float, COOLING] = 0.3,
    resume: Annotated[bool, RESUME] = False,
    export: Annotated[Path | None, EXPORT] = None,
    base: Annotated[str | None, BASE] = None,
    lora: Annotated[int | None, LORA] = None,
    learning_rate: Annotated[float | None, RATE] = None,
    half: Annotated[bool | None, HALF] = None,
    licence: Annotated[str, LICENCE] = "not stated",
    save_seconds: Annotated[float, SAVE] = 120.0,
) -> None:
    """Train a small protein language model (ESM-2's shape) on FASTA files, or continue one on a family.

    A run that was stopped or killed goes on with --resume, to the same result. `torchrun --nproc-per-node N
    -m tools.pretrain ...` shares each step among processes.
    """
    try:
        from tools.pretrain.corpus import Source
        from tools.pretrain.model import Shape
        from tools.pretrain.plan import Plan
        from tools.pretrain.trainable import Schedule
    except ModuleNotFoundError as error:
        raise MissingExtraError("training a model", "models") from error

    if lora is not None and base is None:
        raise InputError("--lora needs --base, the model that it is added to. Nothing was trained.")
    rate = learning_rate or (3e-3 if base is None else 1e-3)
    count = steps_of(steps, tokens, rows * context)
    run(
        Plan(
            tuple(Source.parse(file) for file in files),
            out,
            Schedule(count, rows, context, adam=rate, cooling=cooling),
            Shape(layers, width, heads, inner),
            seed,
            validation_share,
            base,
            8 if lora is None else lora,
            resume,
            export,
            half,
            licence,
            save_seconds,
        )
    )


def steps_of(steps: int | None, tokens: int | None, tokens_of_step: int) -> int:
    """How many steps are meant.

    Raises:
        InputError: both were given.

    >>> steps_of(None, 10_000, 4_096)
    3
    """
    if steps is not None and tokens is not None:
        raise InputError("Give --steps or --tokens, not both. Nothing was trained.")
    if tokens is not None:
        return math.ceil(tokens / tokens_of_step)
    return 1000 if steps is None else steps


def run(plan: Plan) -> None:
    """Train with a progress bar, and say what came of it.

    Raises:
        ActiveLoopError: as `run.train`.
        typer.Exit: with status 130 when it was stopped.
    """
    from rich.console import Console

    from activeloop.replay.machine import describe_machine
    from tools.pretrain.run import train

    console = Console(stderr=True, quiet=os.environ.get("RANK", "0") != "0", highlight=False)
    try:
        with _bar(console) as show:
            facts = train(plan, show, describe_machine())
    except KeyboardInterrupt:
        console.print(f"Stopped. The run is kept in {plan.folder}; the same command with --resume goes on from there.")
        raise typer.Exit(130) from None
    if facts:
        _tell(console, plan, facts)


def _tell(console: Console, plan: Plan, facts: dict[str, Any]) -> None:
    tokens, seconds = facts["tokens_seen"], facts["seconds"]
    console.print(f"{facts['steps']:,} steps, {tokens:,} tokens, {seconds:,} seconds. {facts['size']}")
    for file in facts["files"]:
        if "validation_perplexity" in file:
            console.print(f"{file['name']}: perplexity {file['validation_perplexity']:.2f} on what was held out")
    if plan.export is not None:
        console.print(f"Written: {plan.export} (read MODEL_CARD.md)")


@contextmanager
def _bar(console: Console) -> Iterator[Callable[[Status], None]]:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TaskID,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("steps; loss {task.fields[loss]:.3f}; {task.fields[speed]:,.0f} tokens/s; so far"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        tasks: list[TaskID] = []

        def show(status: Status) -> None:
            if not tasks:
                tasks.append(progress.add_task("", total=status.steps, completed=status.step, loss=0.0, speed=0.0))
            progress.update(tasks[0], completed=status.step, loss=status.loss, speed=status.tokens_per_second)
            for name, perplexity in (status.perplexities or {}).items():
                progress.console.print(f"step {status.step}: {name}: perplexity {perplexity:.2f}")

        yield show


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """TrainingRun the command and end the process, with the exit statuses of `activeloop`.

    Args:
        arguments: those of the command line when None.
    """
    app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command("pretrain")(pretrain)
    command = typer.main.get_command(app)
    try:
        command.main(args=list(arguments) if arguments is not None else None, prog_name="python -m tools.pretrain")
    except ActiveLoopError as error:
        typer.echo(f"Error: {error}", err=True)
        sys.exit(2 if isinstance(error, InputError) else 1)
    sys.exit(0)


if __name__ == "__main__":
    main()
