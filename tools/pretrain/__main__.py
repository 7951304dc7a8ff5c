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

from activeloop.errors import ActiveLoopError, InputError

if TYPE_CHECKING:
    from rich.console import Console

    from tools.pretrain.course import Moment
    from tools.pretrain.plan import Plan

FILES = typer.Argument(
    metavar="FASTA[=WEIGHT]...", help="Sequences, plain, .gz or .zst, and how much of the training each file fills."
)
OUT = typer.Option(metavar="DIR", help="Where checkpoints and the log are kept.")
STEPS = typer.Option(metavar="N", help="Steps of the optimiser; may be changed when resuming. 1000 when left out.")
TOKENS = typer.Option(metavar="N", help="Instead of steps, how many tokens are seen.")
ROWS = typer.Option(metavar="N", help="Rows of a step; `torchrun` shares them among its processes.")
CONTEXT = typer.Option(metavar="N", help="Tokens of a row; longer sequences are cut at random.")
SEED = typer.Option(help="Of weights, rows and masks.")
SHARE = typer.Option(metavar="SHARE", help="Of each file's sequences, held out to judge the model by.")
COOLING = typer.Option(
    metavar="SHARE|N", help="The rates fall to zero in this last share of the steps, or in so many steps (above 1)."
)
RESUME = typer.Option("--resume", help="Go on with the run in --out, also after a kill.")
EXPORT = typer.Option(metavar="DIR", help="Write the model in the end, with model card, as `transformers` reads it.")
BASE = typer.Option(metavar="ID|DIR", help="Train this model on (with LoRA) instead of a new one.")
LORA = typer.Option(metavar="RANK", help="Rank of LoRA; needs --base.  [default: 8]", show_default=False)
RATE = typer.Option(metavar="X", help="Of AdamW; 0.003 when left out, with LoRA 0.001.")
HALF = typer.Option("--half/--single", help="Precision; half (bfloat16) where it is quicker when left out.")
LICENCE = typer.Option(metavar="TEXT", help="What the weights may be used for; written into the model card.")
SAVE = typer.Option(metavar="S", help="Between two checkpoints.")


def pretrain(
    files: Annotated[list[str], FILES],
    out: Annotated[Path, OUT],
    layers: Annotated[int, typer.Option(help="Of the new model.")] = 6,
    width: Annotated[int, typer.Option(help="Of its hidden states.")] = 256,
    heads: Annotated[int, typer.Option(help="Of attention.")] = 4,
    inner: Annotated[int, typer.Option(help="Width of its feed-forward part.")] = 1024,
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
    """Train a small protein language model (ESM-2's shape) on FASTA files, or train one on for a family.

    A run that was stopped or killed goes on with --resume, to the same result. `torchrun --nproc-per-node N
    -m tools.pretrain ...` shares each step among processes.
    """
    from tools.pretrain.corpus import Source
    from tools.pretrain.learned import Schedule
    from tools.pretrain.model import Shape
    from tools.pretrain.plan import Plan

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
        ActiveLoopError: as `Plan.carry_out`.
        typer.Exit: with status 130 when it was stopped.
    """
    from rich.console import Console

    from activeloop.replay.machine import describe_machine

    console = Console(stderr=True, quiet=os.environ.get("RANK", "0") != "0", highlight=False)
    try:
        with _bar(console) as show:
            facts = plan.carry_out(show, describe_machine())
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
def _bar(console: Console) -> Iterator[Callable[[Moment], None]]:
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

        def show(moment: Moment) -> None:
            if not tasks:
                tasks.append(progress.add_task("", total=moment.steps, completed=moment.step, loss=0.0, speed=0.0))
            progress.update(tasks[0], completed=moment.step, loss=moment.loss, speed=moment.tokens_per_second)
            for name, perplexity in (moment.perplexities or {}).items():
                progress.console.print(f"step {moment.step}: {name}: perplexity {perplexity:.2f}")

        yield show


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and end the process, with the exit statuses of `activeloop`.

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
