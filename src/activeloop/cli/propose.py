"""`activeloop propose`: the next candidates, on a plate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from activeloop.cli.fit import teach
from activeloop.cli.terminal import Folder, console, many, next_step, opened, say, some

if TYPE_CHECKING:
    from activeloop.config import OpenCampaign, PlateConfig
    from activeloop.plates import Plate, Proposal

N = typer.Option("-n", "--number", help="How many candidates (default: as many as fit on one plate).")
PLATE = typer.Option("--plate", metavar="WELLS", help="Wells of a plate (default: campaign.toml's).")
CONTROLS = typer.Option(help="Control wells of each plate (default: campaign.toml's).")
REPLICATES = typer.Option(help="Wells for each candidate (default: campaign.toml's).")
OUT = typer.Option(metavar="FILE", help="Also write the plate here (.csv, .xlsx, .svg).")
ANOTHER = typer.Option("--another", help="Make a further proposal although one is out.")
RETRY = typer.Option("--retry-missing", help="Candidates whose results never came may be chosen again.")
ENDINGS = (".svg", ".xlsx", ".csv")
SHOWN = 10
LARGE = 200_000
"""From this many candidates on, scoring takes long enough to be watched."""


def propose(
    directory: Folder,
    number: Annotated[int | None, N] = None,
    plate: Annotated[int | None, PLATE] = None,
    controls: Annotated[int | None, CONTROLS] = None,
    replicates: Annotated[int | None, REPLICATES] = None,
    out: Annotated[Path | None, OUT] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the choice (default: the campaign's own).")] = None,
    another: Annotated[bool, ANOTHER] = False,
    retry_missing: Annotated[bool, RETRY] = False,
) -> None:
    """Choose the next candidates and lay out their plate.

    A new version is fitted first when results came in. While a proposal is out, the same one is shown again.
    """
    loop = opened(directory)
    settings = loop.config.plate.model_copy(
        update={
            key: value
            for key, value in (("wells", plate), ("controls", controls), ("replicates", replicates))
            if value is not None
        }
    )
    fits = on_one_plate(settings, loop.folder.config)  # what cannot be laid out is refused before anything is stored
    number = fits if number is None else number
    if out:
        check_ending(out)
    make_folder(loop.folder.plates)
    before = len(loop.campaign.state().proposals)
    with scoring(len(loop.campaign.pool)) as progress:
        proposal = loop.campaign.propose(number, seed, another=another, retry_missing=retry_missing, progress=progress)
    again = proposal.number <= before
    plates, files = lay_out(loop, proposal, settings)
    if out:
        from activeloop.plates import write_plate

        files += [write_plate(p, _numbered(out, i, len(plates))) for i, p in enumerate(plates, 1)]
    head = "is out already; this is it again" if again else "was made"
    say(f"Proposal {proposal.number} {head}: {many(len(proposal.picks), 'candidate')}, chosen by {proposal.policy}.")
    show(proposal, loop.config.assays[0].name)
    for p in plates:
        say(f"  {p}")
    say(f"Written: {some([str(f) for f in files], 12)}")
    teach(loop)
    results = "the results" if not again else "its results (or `--another` for a further proposal)"
    next_step(f"measure it, then `activeloop record {directory} FILE` with {results}.")


@contextmanager
def scoring(candidates: int) -> Iterator[Callable[[int, int], None] | None]:
    """A progress bar while a large pool is scored; nothing for a small one."""
    if candidates < LARGE:
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(f"Scoring {candidates:,} candidates", total=candidates)
        yield lambda done, _: bar.update(task, completed=done)


def check_ending(out: Path) -> None:
    """Refuse a file that could not be written, before anything is stored."""
    from activeloop.errors import PlateError

    if out.suffix.lower() not in ENDINGS:
        raise PlateError("a plate is written as .csv, .xlsx or .svg: name it so. Nothing was proposed.", file=str(out))
    if out.is_dir():
        raise PlateError("this is a folder: name a file in it. Nothing was proposed.", file=str(out))
    if not out.absolute().parent.is_dir():
        raise PlateError(f"there is no folder {out.parent}: make it first. Nothing was proposed.", file=str(out))


def make_folder(plates: Path) -> None:
    """The folder of plates, before anything is stored; somebody may have tidied it away."""
    from activeloop.errors import StoreError

    try:
        plates.mkdir(exist_ok=True)
    except OSError as error:
        fix = "Plates are written there: make it a folder that you may write to. Nothing was proposed."
        raise StoreError(f"{plates} is no folder and cannot be made one ({error.strerror}). {fix}") from error


def on_one_plate(settings: PlateConfig, config: Path | None = None) -> int:
    """How many candidates fit on one plate beside its controls.

    Args:
        settings: the plate.
        config: the `campaign.toml`, for messages.

    Raises:
        PlateError: not even one, or there is no such plate.
    """
    from activeloop.errors import PlateError
    from activeloop.plates.plate import PlateDesign

    design = PlateDesign(settings.wells, settings.controls, settings.control, settings.replicates, settings.empty_edges)
    try:
        design.check_room(1)
    except PlateError as error:
        fix = f"Change the options, or [plate] in {config}." if config else "Change the options."
        raise PlateError(f"{error.problem} {fix}") from None
    return (design.room - settings.controls) // settings.replicates


def lay_out(loop: OpenCampaign, proposal: Proposal, settings: PlateConfig) -> tuple[list[Plate], list[Path]]:
    """The plates of a proposal and their files: those that were written already, or new ones.

    The first plate's list is written last of all, so where it is, everything is; what a crash left without it is laid
    out anew.
    """
    from activeloop.campaigns.versions import derive
    from activeloop.cli.terminal import plates_of
    from activeloop.plates import fill_plates, write_plate

    name = f"plate-{proposal.number}"
    written = plates_of(loop.folder.path, proposal.number)
    if any(p.id in (name, f"{name}-1") for p in written):
        return written, [loop.folder.plates / f"{p.id}{ending}" for p in written for ending in ENDINGS]
    plates = fill_plates(
        proposal,
        wells=settings.wells,
        controls=settings.controls,
        control=settings.control,
        replicates=settings.replicates,
        empty_edges=settings.empty_edges,
        seed=derive(loop.config.seed, "plate", proposal.number),
        id=name,
    )
    files = [write_plate(p, loop.folder.plates / f"{p.id}{ending}") for p in reversed(plates) for ending in ENDINGS]
    return plates, sorted(files)


def show(proposal: Proposal, assay: str) -> None:
    """The first picks as a table."""
    from rich.table import Table

    table = Table(title=f"the first {min(SHOWN, len(proposal.picks))} of {len(proposal.picks)}", title_justify="left")
    for header in ("rank", "candidate", f"{assay} predicted", "90 % interval", "why"):
        table.add_column(header, justify="right" if header == "rank" else "left")
    for pick in proposal.picks[:SHOWN]:
        known = pick.mean == pick.mean
        interval = f"{pick.low:.3g} to {pick.high:.3g}" if known else "-"
        table.add_row(str(pick.rank), pick.name, f"{pick.mean:.3g}" if known else "-", interval, pick.reason)
    console().print(table)


def _numbered(path: Path, number: int, count: int) -> Path:
    return path if count == 1 else path.with_stem(f"{path.stem}-{number}")
