"""`activeloop propose`: the next candidates, on a plate."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from activeloop.cli.fit import start_distillation
from activeloop.cli.terminal import (
    Folder,
    check_file,
    many,
    next_step,
    numbered,
    opened,
    plates_of,
    progress_bar,
    say,
    show_table,
    some,
)

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
    loop = opened(directory, "Nothing was proposed.")
    settings = loop.config.plate.model_copy(
        update={
            key: value
            for key, value in (("wells", plate), ("controls", controls), ("replicates", replicates))
            if value is not None
        }
    )
    fits = on_one_plate(settings, loop.folder.config)  # what cannot be laid out is refused before anything is stored
    number = fits if number is None else number
    check_file(out, ENDINGS[::-1], "Nothing was proposed.")
    make_folder(loop.folder.plates)
    before = len(loop.campaign.state().proposals)
    size = len(loop.campaign.pool)
    with progress_bar(f"Scoring {size:,} candidates") if size >= LARGE else nullcontext() as progress:
        proposal = loop.campaign.propose(number, seed, another=another, retry_missing=retry_missing, progress=progress)
    again = proposal.number <= before
    plates, files = lay_out(loop, proposal, settings)
    if out:
        from activeloop.plates import write_plate

        files += [write_plate(p, numbered(out, i, len(plates))) for i, p in enumerate(plates, 1)]
    head = "is out already; this is it again" if again else "was made"
    say(f"Proposal {proposal.number} {head}: {many(len(proposal.picks), 'candidate')}, chosen by {proposal.policy}.")
    show(proposal, loop.config.assays[0].name)
    for p in plates:
        say(f"  {p}")
    say(f"Written: {some([str(f) for f in files], 12)}")
    start_distillation(loop)
    results = "the results" if not again else "its results (or `--another` for a further proposal)"
    next_step(f"measure it, then `activeloop record {directory} FILE` with {results}.")


def make_folder(plates: Path) -> None:
    """Make the folder of plates if it is missing, before anything is stored."""
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

    The first plate's list is written last, so where it exists, all files do; plates that a crash left without it are
    laid out again.
    """
    from activeloop.campaigns.versions import derive
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
    rows = []
    for pick in proposal.picks[:SHOWN]:
        known = pick.mean == pick.mean
        interval = f"{pick.low:.3g} to {pick.high:.3g}" if known else "-"
        rows.append((str(pick.rank), pick.name, f"{pick.mean:.3g}" if known else "-", interval, pick.reason))
    headers = ("rank", "candidate", f"{assay} predicted", "90 % interval", "why")
    show_table(f"the first {len(rows)} of {len(proposal.picks)}", headers, rows)
