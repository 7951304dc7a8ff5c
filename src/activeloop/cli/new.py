"""`activeloop new`: make a campaign."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from activeloop.cli.terminal import (
    Column,
    Goal,
    Kind,
    MergeDuplicates,
    Offset,
    SkipUnreadable,
    client_of,
    next_step,
    progress_bars,
    say,
    typed,
)

if TYPE_CHECKING:
    from activeloop.measurements import Assay


DIR = typer.Argument(metavar="DIR", help="The campaign's folder; made when it is missing.")
ASSAY = typer.Option(
    metavar="NAME[:UNIT[:GOAL]][:SCALE][:BOUNDS]",
    help="What is measured; may be given several times. GOAL: maximise, minimise, classify, or a threshold that it is "
    "enough to reach, such as >=55 or <=10. SCALE: log, linear, binary (1 hit, 0 none), auto. BOUNDS: 0..100, or 0.. "
    "where there is no end. The last three in any order; no unit: NAME::GOAL.",
)
WILD_TYPE = typer.Option(metavar="FASTA|SEQ", help="The wild type of the variants.")
SITES = typer.Option(metavar="V39,D40=AGS,...", help="The pool: all combinations at these sites (D40: only A, G, S).")
TABLE = typer.Option(
    metavar="FILE",
    help="The pool: the candidates listed in a CSV or XLSX table, or the treatments of an .h5ad file.",
    exists=True,
)
FASTA = typer.Option(metavar="FILE", help="The pool: the sequences of a FASTA file.", exists=True)
ALIGNMENT = typer.Option(
    metavar="FILE",
    help="Relatives of the wild type (A3M, A2M, aligned FASTA, Stockholm; also gzipped): what evolution tried, learned "
    "from beside your results.",
    exists=True,
)
FORBID = typer.Option(metavar="MOTIF", help="A motif that no variant may introduce, such as NxS.")
POSITIONS = typer.Option(
    metavar="20-60,75", help="Only these positions (with --singles; default: all behind start methionine and signal)."
)
SIGNAL = typer.Option(
    metavar="N", min=0, help="Residues of a signal peptide or tag at the start of the wild type, which are not varied."
)
KEEP = typer.Option("--keep-start", help="Vary the start methionine too (with --singles).")
CELLS = typer.Option(
    metavar="A375,HT29,...|FILE", help="The pool: treatments of these cell lines with --compounds, all combinations."
)
COMPOUNDS = typer.Option(metavar="NAMES|FILE", help="Names or SMILES of the compounds of treatments.")
DOSES = typer.Option(metavar="'0.1, 1, 10 uM'", help="Doses of the compounds; none for an IC50 or the like.")
PANEL = typer.Option(
    metavar="FILE",
    help="A table that tells of cells or compounds: expression, tissue, targets, SMILES, synonyms; or single cells "
    "(.h5ad); several times.",
    exists=True,
)
HISTORY = typer.Option(
    metavar="FILE",
    help="Measurements from before the campaign: of other compounds, lines or guides. They count in no budget. "
    "Of single cells (.h5ad): the response of the gene that the assay is called after.",
    exists=True,
)
CONTROL = typer.Option(help="What control wells hold (default: WT, DMSO or non-targeting).")

OPTIONS = {
    "plate.control": "--control",
    "plate.controls": "--controls",
    "plate.price_per_well": "--price",
    "plate.wells": "--wells",
    "pool.column": "--column",
    "pool.max_mutations": "--max-mutations",
    "pool.offset": "--offset",
    "pool.positions": "--positions",
    "seed": "--seed",
}
"""Key of `campaign.toml` -> the option that gives it."""


def new(
    directory: Annotated[Path, DIR],
    assay: Annotated[list[str], ASSAY],
    wild_type: Annotated[str, WILD_TYPE] = "",
    singles: Annotated[bool, typer.Option("--singles", help="The pool: all single mutants of the wild type.")] = False,
    positions: Annotated[str, POSITIONS] = "",
    signal_peptide: Annotated[int, SIGNAL] = 0,
    keep_start: Annotated[bool, KEEP] = False,
    sites: Annotated[str, SITES] = "",
    table: Annotated[Path | None, TABLE] = None,
    fasta: Annotated[Path | None, FASTA] = None,
    kind: Annotated[Kind | None, typer.Option(help="What the candidates of a table are (default: variants).")] = None,
    column: Column = "",
    offset: Offset = None,
    merge_duplicates: MergeDuplicates = False,
    skip_unreadable: SkipUnreadable = False,
    exclude: Annotated[str, typer.Option(metavar="RESIDUES", help="Residues that no mutation may introduce.")] = "",
    max_mutations: Annotated[int | None, typer.Option(help="Most mutations of one variant (with --sites).")] = None,
    forbid: Annotated[list[str] | None, FORBID] = None,
    goal: Annotated[Goal, typer.Option(help="find the best candidates, or learn an accurate model.")] = "find",
    seed: Annotated[int, typer.Option(help="The same seed and results give the same proposals.")] = 0,
    learner: Annotated[str, typer.Option(help="The learner's name.")] = "default",
    alignment: Annotated[Path | None, ALIGNMENT] = None,
    wells: Annotated[int, typer.Option(help="Wells of a plate.")] = 96,
    controls: Annotated[int, typer.Option(help="Control wells of a plate.")] = 8,
    control: Annotated[str, CONTROL] = "",
    price: Annotated[float, typer.Option(help="Price of one well, to count costs.")] = 0.0,
    cells: Annotated[str, CELLS] = "",
    compounds: Annotated[str, COMPOUNDS] = "",
    doses: Annotated[str, DOSES] = "",
    pairs: Annotated[bool, typer.Option("--pairs", help="Combine two compounds in each treatment.")] = False,
    panel: Annotated[list[Path] | None, PANEL] = None,
    history: Annotated[Path | None, HISTORY] = None,
    context: typer.Context = None,  # type: ignore[assignment] - of the command line, by which it is typed
) -> None:
    """Make a campaign: what may be tested and what is measured.

    Writes DIR/campaign.toml, which you may edit, and copies the table into DIR. Of an alignment it writes the profile,
    how often each amino acid stands at each residue, as DIR/family-profile.csv.
    """
    from activeloop.candidates import read_parent
    from activeloop.config import assays_of
    from activeloop.desk.new import CampaignOptions, draft
    from activeloop.desk.new import new as make
    from activeloop.errors import ConfigError

    options = CampaignOptions(
        assays=tuple(parse_assay(text) for text in assay),
        wild_type=read_parent(wild_type) if wild_type else "",
        singles=singles,
        positions=positions,
        signal_peptide=signal_peptide,
        keep_start=keep_start,
        sites=tuple(sites.split(",")),
        table=table,
        fasta=fasta,
        kind=kind,
        column=column,
        offset=offset,
        merge_duplicates=merge_duplicates,
        skip_unreadable=skip_unreadable,
        exclude=exclude,
        max_mutations=max_mutations,
        forbid=tuple(forbid or ()),
        goal=goal,
        seed=seed,
        learner=learner,
        alignment=alignment,
        wells=wells,
        controls=controls,
        control=control,
        price=price,
        cells=_listed(cells),
        compounds=_listed(compounds),
        doses=_doses(doses),
        pairs=pairs,
        panels=tuple(panel or ()),
        history=history,
    )
    bars = {
        "candidates": "reading the candidates",
        "alignment": "Reading the alignment",
        "weighing": "Weighing its sequences",
    }
    try:
        with progress_bars(bars) as progress:
            planned = draft(options, progress)
    except ConfigError as error:
        raise ConfigError(as_options(error.problem), file=error.file, row=error.row) from error
    command = f"activeloop {{verb}} {directory}"
    if server := context and context.find_root().params.get("server"):
        with client_of(server) as client:
            key = client.make_campaign(str(directory), planned.text, planned.inputs).key
        where, settings, command = (
            f"{directory} on {server}",
            f"its configuration (key {key})",
            typed(server, directory),
        )
    else:
        folder = make(planned, directory)
        where, settings = str(folder.folder), f"{folder.config} (edit it as you like)"
    say(f"Made the campaign {where}.")
    say(f"  pool: {planned.pool.describe()}")
    say(f"  measured: {'; '.join(map(describe, assays_of(planned.config)))}; goal: {planned.config.goal}")
    if planned.family:
        say(f"  family: {planned.family}.")
        for sentence in planned.warnings:
            say(f"  note: {sentence}")
    say(f"  settings: {settings}")
    for sentence in planned.notes:
        say(f"Note: {sentence}")
    record, propose = command.format(verb="record"), command.format(verb="propose")
    next_step(f"`{record} FILE` if you have results already, or `{propose}`.")


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _doses(text: str) -> tuple[str, ...]:
    """Doses with their units; a unit behind the last holds for those without one.

    >>> _doses("0.1, 1, 10 uM"), _doses("100 nM, 1 uM")
    (('0.1 uM', '1 uM', '10 uM'), ('100 nM', '1 uM'))
    """
    parts = _listed(text)
    unit = parts[-1].lstrip("0123456789.eE+- ") if parts else ""
    return tuple(part if part[-1].isalpha() else f"{part} {unit}".strip() for part in parts)


def as_options(problem: str) -> str:
    """What is wrong with a key of `campaign.toml`, in terms of the option that gave it.

    >>> as_options('"plate.wells" is 97; it must be 6, 12, 24, 48, 96, 384 or 1536.')
    '--wells is 97; it must be 6, 12, 24, 48, 96, 384 or 1536.'
    """
    for key, option in OPTIONS.items():
        problem = problem.replace(f'"{key}"', option)
    words = re.compile(
        r"(?<!a )(?<!the )\b(singles|sites|table|fasta|positions|wild_type|cells|compounds|doses|pairs)\b"
    )
    if not problem.startswith("[pool]: "):
        return problem
    return words.sub(lambda found: f"--{found[1].replace('_', '-')}", problem.removeprefix("[pool]: "))


def describe(assay: Assay) -> str:
    """An assay in words: name and unit, goal, and scale and bounds where they were stated.

    >>> from activeloop.measurements import Assay
    >>> describe(Assay("KD", "nM", "minimise", scale="log", bounds=(None, 1e6)))
    'KD (nM), minimise, scale log, bounds up to 1e+06'
    """
    words = [f"{assay.name} ({assay.unit})" if assay.unit else assay.name, assay.goal]
    words = words if assay.threshold is None else [assay.condition]
    words += [f"scale {assay.scale}"] if assay.scale != "auto" else []
    if assay.bounds and assay.scale != "binary":
        low, high = assay.bounds
        ends = f"{low:g} to {high:g}" if low is not None and high is not None else ""
        words.append(f"bounds {ends or (f'from {low:g}' if low is not None else f'up to {high:g}')}")
    return ", ".join(words)


#: what a part of `--assay` after the name and unit may be
GOALS, SCALES = ("maximise", "minimise", "classify"), ("log", "linear", "binary", "auto")
_NUMBER = r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"


def parse_assay(text: str) -> dict[str, Any]:
    """An assay from `NAME[:UNIT[:GOAL]][:SCALE][:BOUNDS]`; what follows the unit may stand in any order.

    In place of the goal may stand a threshold, such as `>=55`: to reach it is enough.

    Raises:
        ConfigError: a part is none of these, stands there twice, or could be two of them.

    >>> parse_assay("KD:nM:minimise:log")
    {'name': 'KD', 'unit': 'nM', 'goal': 'minimise', 'scale': 'log'}
    >>> parse_assay("KD:nM:minimize")["goal"]
    'minimise'
    >>> parse_assay("inhibition:%:0..100")
    {'name': 'inhibition', 'unit': '%', 'bounds': [0.0, 100.0]}
    >>> parse_assay("Tm:°C:>=55")
    {'name': 'Tm', 'unit': '°C', 'threshold': 55.0, 'goal': 'maximise'}
    """
    from activeloop.errors import ConfigError
    from activeloop.measurements.assay import goal_of

    name, *parts = (part.strip() for part in text.split(":"))
    found: dict[str, Any] = {"name": name}
    if parts and not _role(parts[0]):
        found["unit"] = parts.pop(0)
    elif parts and parts[0].casefold() == "log":
        raise ConfigError(
            f'--assay "{text}": "log" could be the unit or the scale. For the scale write "{name}::log" (no unit) or '
            f'put it after the unit ("{name}:nM:log"); a unit of that name goes into campaign.toml.'
        )
    for part in filter(None, parts):
        role = _role(part)
        if not role:
            raise ConfigError(
                f'--assay "{text}": "{part}" is no goal ({", ".join(GOALS)}), no threshold (such as >=55 or '
                f"<=10), no scale ({', '.join(SCALES)}) and no bounds (such as 0..100 or 0..). The unit stands right "
                "after the name: kcat:1/s:maximise."
            )
        if role in found:
            raise ConfigError(f'--assay "{text}" has two {role if role == "bounds" else f"{role}s"}: leave one out.')
        found[role] = {"bounds": _bounds, "threshold": _threshold, "goal": goal_of}.get(role, str.casefold)(part)
    if (threshold := found.get("threshold")) is not None:
        side, found["threshold"] = threshold
        if (goal := found.setdefault("goal", side)) != side:
            raise ConfigError(
                f'--assay "{text}": {goal} and the threshold contradict each other: with a threshold it is enough to '
                f"reach it, and this one is to {side}. Leave one of the two out."
            )
    return found


def _role(part: str) -> str:
    """What a part is by its form: `goal`, `scale`, `bounds`, "" for anything else."""
    from activeloop.measurements.assay import goal_of

    word = part.casefold()
    if _threshold(part):
        return "threshold"
    bounds = ".." in part and _bounds(part) is not None
    return "goal" if goal_of(word) in GOALS else "scale" if word in SCALES else "bounds" if bounds else ""


def _threshold(part: str) -> tuple[str, float] | None:
    """The direction and the value of `>=55` or `<=10`."""
    found = re.fullmatch(rf"(>=|<=|≥|≤)\s*({_NUMBER})", part)
    return ("maximise" if found[1] in (">=", "≥") else "minimise", float(found[2])) if found else None


def _bounds(part: str) -> list[float] | None:
    ends = re.fullmatch(rf"\s*({_NUMBER})?\s*\.\.\s*({_NUMBER})?\s*", part)
    if not ends or ends.group(1, 2) == (None, None):
        return None
    if any(float(end) in (-float("inf"), float("inf")) for end in ends.groups() if end):
        return None  # such as 1e400
    return [float(ends[1] or "-inf"), float(ends[2] or "inf")]
