"""`activeloop propose`: the next candidates, on a plate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from activeloop.cli.fit import start_distillation
from activeloop.cli.terminal import (
    Folder,
    check_file,
    fitting,
    interval_title,
    next_step,
    numbered,
    opened,
    plates_of,
    predicted_title,
    say,
    show_table,
)
from activeloop.words import many, shown_number, some

if TYPE_CHECKING:
    from activeloop.config import AssayConfig, OpenCampaign, PlateConfig
    from activeloop.files import StagedFiles
    from activeloop.plates import Pick, PickPrediction, Plate, Proposal

Layout = Literal["auto", "compact", "by-column", "random"]
N = typer.Option(
    "-n", "--number", help="How many candidates (default: as last time, else as many as fit on one plate)."
)
PLATE = typer.Option("--plate", metavar="WELLS", help="Wells of a plate (default: as last time, else campaign.toml's).")
CONTROLS = typer.Option(help="Control wells of each plate (default: campaign.toml's).")
REPLICATES = typer.Option(help="Wells for each candidate (default: campaign.toml's).")
LAYOUT = typer.Option(
    help="compact (the first columns), by-column (the best first), random, or auto: compact if hardly filled, else "
    "random (default: campaign.toml's)."
)
EDGES = typer.Option("--empty-edges/--fill-edges", help="Leave the outer wells empty (default: campaign.toml's).")
OUT = typer.Option(metavar="FILE", help="Also write the plate here (.csv, .xlsx, .svg).")
ANOTHER = typer.Option("--another", help="Make a further proposal although one is out.")
RETRY = typer.Option("--retry-missing", help="Candidates whose results never came may be chosen again.")
SHOWN = 10
SIDE_BY_SIDE = 2
"""Assays whose intervals have room on a screen."""
LARGE = 200_000
"""From this many candidates on, scoring takes long enough to be watched."""


def propose(
    directory: Folder,
    number: Annotated[int | None, N] = None,
    plate: Annotated[int | None, PLATE] = None,
    controls: Annotated[int | None, CONTROLS] = None,
    replicates: Annotated[int | None, REPLICATES] = None,
    layout: Annotated[Layout | None, LAYOUT] = None,
    empty_edges: Annotated[bool | None, EDGES] = None,
    out: Annotated[Path | None, OUT] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the choice (default: the campaign's own).")] = None,
    another: Annotated[bool, ANOTHER] = False,
    retry_missing: Annotated[bool, RETRY] = False,
) -> None:
    """Choose the next candidates and lay out their plate.

    A new version is fitted first when results came in. While a proposal is out, the same one is shown again. Options of
    the plate hold for the next one, too.
    """
    from activeloop.files import StagedFiles
    from activeloop.plates.files import ENDINGS

    loop = opened(directory, "Nothing was proposed.")
    loop.check_available()
    given = options_given(plate, controls, replicates, layout, empty_edges)
    settings, kept = plate_settings(loop, given)
    last = kept.pop("number", None) if not given else None
    kept |= given
    fits = on_one_plate(settings, loop.folder.config)  # what cannot be laid out is refused before anything is stored
    check_file(out, ENDINGS[::-1], "Nothing was proposed.")
    make_folder(loop.folder.plates)
    before = len(loop.campaign.state().proposals)
    size = len(loop.campaign.pool)
    wanted = next(n for n in (number, last, fits) if n is not None)
    if number is not None or last is not None:
        kept["number"] = wanted
    with StagedFiles() as files, fitting({"scoring": f"Scoring {size:,} candidates"}) as show_progress:
        staged: dict[Proposal, list[Plate]] = {}

        def prepare(proposal: Proposal) -> None:
            staged[proposal] = stage(loop, proposal, settings, files, out)

        proposal = loop.campaign.propose(
            wanted,
            seed,
            another=another,
            retry_missing=retry_missing,
            progress=partial(show_progress, "scoring") if size >= LARGE else None,
            prepare=prepare,
            plate=kept,
        )
        again = proposal.number <= before
        plates = staged.get(proposal) or standing(loop, proposal, files, out)
        plates = plates or stage(loop, proposal, settings, files, out)  # a crash or a person has lost its files
        written = {*files.put(), *(loop.folder.plates / f"{p.id}{ending}" for p in plates for ending in ENDINGS)}
    head = "is out already; this is it again" if again else "was made"
    say(f"Proposal {proposal.number} {head}: {many(len(proposal.picks), 'candidate')}, chosen by {proposal.policy}.")
    ignored = {
        "-n": number is not None and number != len(proposal.picks),
        "--plate": plate is not None and {plate} != {p.size for p in plates},
        "--controls": controls is not None
        and any(controls != sum(w.control for w in p.wells.values()) for p in plates),
        "--replicates": replicates is not None
        and replicates != max(w.replicate for p in plates for w in p.wells.values() if not w.control),
        "--layout": layout is not None,
        "--empty-edges": empty_edges is not None,
        "--seed": seed is not None and seed != proposal.seed,
        "--retry-missing": retry_missing,
    }
    if not again and (
        same := {key: value for key, value in kept.items() if key not in given and not (key == "number" and number)}
    ):
        say(f"As for the last plate: {', '.join(map(as_option, same.items()))}.")
    show(proposal, loop.config.assays)
    for p in plates:
        say(f"  {p}")
    say(f"Written: {some(sorted(map(str, written)), 12)}")
    if again and (options := [option for option, differs in ignored.items() if differs]):
        say(f"Note: {', '.join(options)} changed nothing, since it was made before. For a further proposal: --another.")
    elif len(proposal.picks) < wanted:
        say(f"Note: {many(len(proposal.picks), 'candidate')}, not {wanted:,}: no others are left to propose.")
    start_distillation(loop)
    results = "the results" if not again else "its results (or `--another` for a further proposal)"
    next_step(f"measure it, then `activeloop record {directory} FILE` with {results}.")


OPTIONS = {
    "number": "-n",
    "wells": "--plate",
    "controls": "--controls",
    "replicates": "--replicates",
    "layout": "--layout",
}
"""Setting of a plate -> its option."""


def as_option(setting: tuple[str, Any]) -> str:
    """A setting of a plate as one types it.

    >>> as_option(("wells", 384)), as_option(("empty_edges", False))
    ('--plate 384', '--fill-edges')
    """
    key, value = setting
    return f"{OPTIONS[key]} {value}" if key in OPTIONS else "--empty-edges" if value else "--fill-edges"


def options_given(
    wells: int | None, controls: int | None, replicates: int | None, layout: str | None, empty_edges: bool | None
) -> dict[str, Any]:
    """The settings of a plate that were given as options."""
    all_of = {"wells": wells, "controls": controls, "replicates": replicates}
    return {k: v for k, v in {**all_of, "layout": layout, "empty_edges": empty_edges}.items() if v is not None}


def plate_settings(loop: OpenCampaign, given: Mapping[str, Any]) -> tuple[PlateConfig, dict[str, Any]]:
    """How the next plate is laid out, and the options of the last that hold for it.

    Args:
        loop: the campaign.
        given: options of now, which go first.
    """
    settings = loop.config.plate
    kept = loop.campaign.state().plate_options(settings.model_dump(mode="json"))
    known = {key: value for key, value in {**kept, **given}.items() if key in type(settings).model_fields}
    return settings.model_copy(update=known), kept


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

    s = settings
    design = PlateDesign(s.wells, s.controls, s.control, s.replicates, s.empty_edges, s.layout)
    try:
        design.check_room(1)
    except PlateError as error:
        fix = f"Change the options, or [plate] in {config}." if config else "Change the options."
        raise PlateError(f"{error.problem} {fix}") from None
    return (design.room - settings.controls) // settings.replicates


def stage(
    loop: OpenCampaign, proposal: Proposal, settings: PlateConfig, files: StagedFiles, out: Path | None
) -> list[Plate]:
    """Lay out the plates of a proposal and write their files beside their places.

    The first plate's list is put in its place last, so where it exists, all files do.

    Args:
        loop: the campaign.
        proposal: one that is to be stored, or whose files are lost.
        settings: of the plates.
        files: to which they are added; what is in it is forgotten.
        out: where else the plates are written.

    Raises:
        PlateError: a file of that name is there, so it is of another campaign or was lost by this one.
    """
    from activeloop.campaigns.versions import derive
    from activeloop.errors import PlateError
    from activeloop.plates import fill_plates
    from activeloop.plates.files import ENDINGS, plate_content, refuse_typed_results

    plates = fill_plates(
        proposal,
        wells=settings.wells,
        controls=settings.controls,
        control=settings.control,
        replicates=settings.replicates,
        empty_edges=settings.empty_edges,
        seed=derive(loop.config.seed, "plate", proposal.number),
        id=f"plate-{proposal.number}",
        layout=settings.layout,
    )
    files.clear()
    _stage_out(loop, plates, files, out)
    new = proposal.number > len(loop.campaign.state().proposals)
    for p in reversed(plates):
        for ending in ENDINGS:
            path = loop.folder.plates / f"{p.id}{ending}"
            if new and ending == ".csv" and path.exists():
                problem = f"it is there already, although proposal {proposal.number} was never made. Move it elsewhere."
                raise PlateError(f"{problem} Nothing was proposed.", file=str(path))
            refuse_typed_results(path, loop.campaign.assays, "Nothing was written.")
            files.add(path, plate_content(p, path, loop.campaign.assays))
    return plates


def standing(loop: OpenCampaign, proposal: Proposal, files: StagedFiles, out: Path | None) -> list[Plate]:
    """The plates of an earlier proposal, also for `out`; none when their files were lost."""
    files.clear()
    plates, name = plates_of(loop, proposal.number), f"plate-{proposal.number}"
    if not any(p.id in (name, f"{name}-1") for p in plates):
        return []
    _stage_out(loop, plates, files, out)
    return plates


def _stage_out(loop: OpenCampaign, plates: list[Plate], files: StagedFiles, out: Path | None) -> None:
    from activeloop.plates.files import plate_content, refuse_typed_results

    for i, p in enumerate(plates if out else (), 1):
        path = numbered(out, i, len(plates)) if out else Path()
        refuse_typed_results(path, loop.campaign.assays, "Nothing was written.")
        files.add(path, plate_content(p, path, loop.campaign.assays))


def show(proposal: Proposal, assays: Sequence[AssayConfig]) -> None:
    """The first picks as a table, with what is predicted in every assay; before any result the prior's score."""
    picks = proposal.picks[:SHOWN]
    labels = label_columns(picks, [a.name for a in assays])
    columns = labels | dict(prediction_columns(proposal, picks, assays))
    cells = ([str(p.rank) for p in picks], [p.name for p in picks], *columns.values(), [p.reason for p in picks])
    rows = zip(*cells, strict=True)
    title = f"the first {len(picks)} of {len(proposal.picks)}"
    if len(assays) > SIDE_BY_SIDE:
        title += "; 90 % intervals stand in the plate's list"
    elif sum(name.endswith("interval") for name in columns) > 1:
        title += "; intervals are of one measurement"
    show_table(title, ("rank", "candidate", *columns, "why"), rows)


def label_columns(picks: Sequence[Pick], assays: Sequence[str]) -> dict[str, list[str]]:
    """Header and cells of the labels by which picks are found on the shelf."""
    from activeloop.candidates.labels import told_by
    from activeloop.measurements.columns import label_headers

    names = tuple(dict.fromkeys(name for p in picks for name, _ in p.labels))
    headers, known = label_headers(names, assays), [dict(p.labels) for p in picks]
    return {headers[name]: [labels.get(name, "") for labels in known] for name in told_by(names)}


def prediction_columns(
    proposal: Proposal, picks: Sequence[Pick], assays: Sequence[AssayConfig]
) -> Iterator[tuple[str, list[str]]]:
    """Header and cells of each column of predictions."""
    from activeloop.prediction import PRIOR_SCORE

    if not proposal.version and not any(p.predictions for p in picks):
        yield PRIOR_SCORE, [shown_number(p.score) if p.score == p.score else "-" for p in picks]  # in no unit
        return
    for assay in assays:
        found = [_prediction(p, assay.name, assay is assays[0]) for p in picks]
        known = [one if one and one.mean == one.mean else None for one in found]
        if any(known):
            yield predicted_title(assay.name, assay.unit), [shown_number(one.mean) if one else "-" for one in known]
            interval = interval_title(assay.goal == "classify") if len(assays) == 1 else f"{assay.name} 90 % interval"
            if len(assays) <= SIDE_BY_SIDE:
                yield (
                    interval,
                    [f"{shown_number(one.low)} to {shown_number(one.high)}" if one else "-" for one in known],
                )


def _prediction(pick: Pick, assay: str, first: bool) -> PickPrediction | None:
    from activeloop.plates import PickPrediction

    if not pick.predictions and first:  # of a former release
        return PickPrediction(assay, pick.mean, pick.low, pick.high)
    return next((p for p in pick.predictions if p.assay == assay), None)
