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
    next_step,
    progress_bar,
    say,
)

if TYPE_CHECKING:
    from activeloop.candidates import Pool
    from activeloop.config import CampaignConfig
    from activeloop.measurements import Assay
    from activeloop.prediction import Learner
    from activeloop.priors import Profile
    from activeloop.tables import Table


DIR = typer.Argument(metavar="DIR", help="The campaign's folder; made when it is missing.")
ASSAY = typer.Option(
    metavar="NAME[:UNIT[:GOAL]][:SCALE][:BOUNDS]",
    help="What is measured; may be given several times. GOAL: maximise, minimise, classify, or a threshold that it is "
    "enough to reach, such as >=55 or <=10. SCALE: log, linear, auto. BOUNDS: 0..100, or 0.. where there is no end. "
    "The last three in any order; no unit: NAME::GOAL.",
)
WILD_TYPE = typer.Option(metavar="FASTA|SEQ", help="The wild type of the variants.")
SITES = typer.Option(metavar="V39,D40=AGS,...", help="The pool: all combinations at these sites (D40: only A, G, S).")
TABLE = typer.Option(metavar="FILE", help="The pool: the candidates listed in a CSV or XLSX table.", exists=True)
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
FAMILY = "family-profile.csv"
"""The file in the campaign's folder of what an alignment told."""
CONTROLS = {"variants": "WT", "compounds": "DMSO", "guides": "non-targeting"}


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
) -> None:
    """Make a campaign: what may be tested and what is measured.

    Writes DIR/campaign.toml, which you may edit, and copies the table into DIR. Of an alignment it writes the profile,
    how often each amino acid stands at each residue, as DIR/family-profile.csv.
    """
    from activeloop.candidates import read_parent
    from activeloop.candidates.compounds import STRUCTURES
    from activeloop.config import check_config
    from activeloop.errors import ConfigError

    source = table or fasta
    kind = kind or asked_kind(table, column, bool(wild_type))
    parent = read_parent(wild_type) if wild_type else ""
    start, left_out = (0, "")
    if singles and parent:
        start, left_out = left_out_at_start(parent, signal_peptide, offset, positions, keep_start)
    elif signal_peptide or keep_start:
        raise ConfigError("--signal-peptide and --keep-start belong to --singles. No campaign was made.")
    settings = {
        "goal": goal,
        "seed": seed,
        "pool": {
            "kind": kind,
            "wild_type": parent,
            "singles": singles,
            "positions": positions,
            "start": start,
            "sites": [part.strip() for part in sites.split(",") if part.strip()],
            "table": table.name if table else "",
            "fasta": fasta.name if fasta else "",
            "column": column,
            "offset": offset,
            "merge_duplicates": merge_duplicates,
            "skip_unreadable": skip_unreadable,
            "structures": STRUCTURES if kind == "compounds" else 1,
            "exclude_residues": exclude.upper(),
            "max_mutations": max_mutations,
            "forbidden_motifs": forbid or [],
        },
        "assays": [parse_assay(text) for text in assay],
        "learner": {"name": learner, "family": FAMILY if alignment else ""},
        "plate": {
            "wells": wells,
            "controls": controls,
            "control": control or CONTROLS[kind],
            "price_per_well": price,
        },
    }
    try:
        config = check_config(settings, None)
    except ConfigError as error:
        raise ConfigError(as_options(error.problem)) from error
    make(directory, config, source, alignment, left_out)


def left_out_at_start(parent: str, signal: int, offset: int | None, positions: str, keep: bool) -> tuple[int, str]:
    """How many residues at the start of a wild type are not varied, and why, in a sentence.

    A start methionine cannot be exchanged without losing the start of translation, and a signal peptide is cut off.

    Args:
        parent: the wild type.
        signal: residues of the signal peptide, as stated.
        offset: what is added to positions in names: those before the first name are none of the mature protein.
        positions: those that were named, which stand as they are.
        keep: whether all are varied.

    Raises:
        ConfigError: nothing is left, or both the start and positions are stated.

    >>> left_out_at_start("MKTAY", 0, None, "", False)[0], left_out_at_start("MKTAY", 3, None, "", False)[0]
    (1, 3)
    >>> left_out_at_start("MKTAY", 0, None, "1-3", False), left_out_at_start("GKTAY", 0, None, "", False)
    ((0, ''), (0, ''))
    """
    from activeloop.errors import ConfigError

    if positions.strip() or keep:
        if signal:
            other = "--positions" if positions.strip() else "--keep-start"
            raise ConfigError(f"--signal-peptide and {other}: give one of them. No campaign was made.")
        return 0, ""
    before = offset if offset and offset > 1 else 0
    start = max(signal, before, int(parent[0] == "M"))
    if start >= len(parent):
        raise ConfigError(
            f"a start of {start} residues leaves nothing of a wild type of {len(parent)}. Correct --signal-peptide or "
            "--offset. No campaign was made."
        )
    if not start:
        return 0, ""
    how = "To vary {}, add --keep-start, or write start = 0 in campaign.toml."
    never = "mutants can be recorded and are never proposed"
    if start == 1 and not signal:
        return 1, f"the start methionine is left out: its {never}. {how.format('it too')}"
    why = "the signal peptide" if signal == start else f"the numbering begins behind them (offset {offset})"
    return start, f"residues 1 to {start} are left out ({why}): their {never}. {how.format('them too')}"


def asked_kind(source: Path | None, column: str, wild_type: bool) -> Kind:
    """The kind of the candidates when none was given: variants.

    Args:
        source: the table, None when there is none.
        column: of the candidates, "" when none was named.
        wild_type: whether one was given, which only variants have.

    Raises:
        ConfigError: the table looks like one of compounds or guides; names the column and the option.
    """
    if source is None or wild_type:
        return "variants"
    from activeloop.errors import ConfigError
    from activeloop.replay.table import detect_kind
    from activeloop.tables import read_table
    from activeloop.tables.names import candidate_names

    table = read_table(source)
    others: tuple[Kind, ...] = ("compounds", "guides")
    telling = {kind: set(candidate_names(kind)) for kind in ("variants", *others)}
    columns = [found] if (found := table.find(column) if column else None) else list(table.header)
    read = columns if column else _as_variants(table) or columns
    if not column and table.named(telling["variants"] - telling["compounds"] - telling["guides"]):
        return "variants"
    for kind in others:
        alone = telling[kind] - telling["variants"]
        named = [name for name in table.named(alone) if name in columns]
        alike = [name for name in read if detect_kind(table.column(name)) == kind]
        if found := named or alike:
            raise ConfigError(
                f'column "{found[0]}" looks like {kind}: are the candidates {kind}? Then add --kind {kind}. If they '
                "are variants, add --kind variants and name their column (--column). No campaign was made.",
                file=str(source),
            )
    return "variants"


def _as_variants(table: Table) -> list[str]:
    """The column that would be read as variants, in a list; [] when none would."""
    from activeloop.candidates.reading import candidate_column
    from activeloop.errors import TableError

    try:
        return [candidate_column(table, "variants")]
    except TableError:
        return []


def as_options(problem: str) -> str:
    """What is wrong with a key of `campaign.toml`, in terms of the option that gave it.

    >>> as_options('"plate.wells" is 97; it must be 6, 12, 24, 48, 96, 384 or 1536.')
    '--wells is 97; it must be 6, 12, 24, 48, 96, 384 or 1536.'
    """
    for key, option in OPTIONS.items():
        problem = problem.replace(f'"{key}"', option)
    words = re.compile(r"(?<!a )(?<!the )\b(singles|sites|table|fasta|positions|wild_type)\b")
    if not problem.startswith("[pool]: "):
        return problem
    return words.sub(lambda found: f"--{found[1].replace('_', '-')}", problem.removeprefix("[pool]: "))


def make(
    directory: Path, config: CampaignConfig, source: Path | None, alignment: Path | None = None, left_out: str = ""
) -> None:
    """Check that the pool can be made and the alignment is of its wild type, then write the folder."""
    from activeloop.campaigns.proposing import control_words, controls_among
    from activeloop.cli.propose import on_one_plate
    from activeloop.config import assays_of, campaign_of, config_text, learner_of, pool_of, recommender_of
    from activeloop.config.pools import keep
    from activeloop.errors import ConfigError
    from activeloop.measurements.columns import check_names
    from activeloop.store import CampaignFolder

    on_one_plate(config.plate)
    check_names(assays_of(config))
    with progress_bar("reading the candidates") as progress:
        pool = pool_of(config.pool, source.parent if source else directory, progress=progress)
    learner = learner_of(config.learner, pool, assays_of(config))
    recommender_of(config.select, config.goal, assays_of(config), pool)
    inputs = {source.name: source.read_bytes()} if source else {}
    profile = profile_of(alignment, pool, learner) if alignment else None
    if profile:
        if source and source.name.casefold() == FAMILY:
            raise ConfigError(f'"{FAMILY}" is a name of the campaign itself: rename that file. No campaign was made.')
        inputs[FAMILY] = profile.text().encode()
    note = control_words(controls_among(pool, config.plate.control))
    folder = CampaignFolder.create(directory, config_text(config, note), inputs)
    keep(pool, config.pool, folder.path, str(folder.config))
    campaign_of(config, folder, pool).configure()
    assays = "; ".join(describe(a) for a in assays_of(config))
    say(f"Made the campaign {folder.path}.")
    say(f"  pool: {pool.describe()}")
    say(f"  measured: {assays}; goal: {config.goal}")
    if profile:
        say(f"  family: {profile.about()}.")
        for sentence in profile.warnings(pool):
            say(f"  note: {sentence}")
    say(f"  settings: {folder.config} (edit it as you like)")
    for sentence in filter(None, (note, left_out)):
        say(f"Note: {sentence}")
    next_step(f"`activeloop record {directory} FILE` if you have results already, or `activeloop propose {directory}`.")


def profile_of(alignment: Path, pool: Pool, learner: Learner) -> Profile:
    """The profile of an alignment, for a pool and a learner that can use it.

    Raises:
        ConfigError: the pool has no wild type, or the learner has no place for it.
        TableError: the file is no alignment of the wild type.
    """
    from activeloop.cli.terminal import progress_bar, waiting
    from activeloop.errors import ConfigError
    from activeloop.models.family import TakesFamily, no_place, with_family
    from activeloop.priors.alignment import read_alignment
    from activeloop.priors.profile import Profile

    undone = "No campaign was made."
    if pool.sites is None or pool.sites.parent is None or not pool.sites.parent_sequence:
        raise ConfigError(
            f"--alignment tells of variants of a wild type, and this pool of {pool.kind} has none. Give the wild type "
            f"(--wild-type), or leave --alignment out. {undone}"
        )
    if not isinstance(learner, TakesFamily):
        raise ConfigError(f"--alignment: {no_place(learner.name)}. {undone}")
    with progress_bar("Reading the alignment") as show:
        read = read_alignment(alignment, pool.sites.parent_sequence, show)
    with waiting("Weighing its sequences"):
        profile = Profile.of(read, pool.sites.parent_sequence)
    with_family(learner, profile)
    return profile


def describe(assay: Assay) -> str:
    """An assay in words: name and unit, goal, and scale and bounds where they were stated.

    >>> from activeloop.measurements import Assay
    >>> describe(Assay("KD", "nM", "minimise", scale="log", bounds=(None, 1e6)))
    'KD (nM), minimise, scale log, bounds up to 1e+06'
    """
    words = [f"{assay.name} ({assay.unit})" if assay.unit else assay.name, assay.goal]
    words = words if assay.threshold is None else [assay.condition]
    words += [f"scale {assay.scale}"] if assay.scale != "auto" else []
    if assay.bounds:
        low, high = assay.bounds
        ends = f"{low:g} to {high:g}" if low is not None and high is not None else ""
        words.append(f"bounds {ends or (f'from {low:g}' if low is not None else f'up to {high:g}')}")
    return ", ".join(words)


#: what a part of `--assay` after the name and unit may be
GOALS, SCALES = ("maximise", "minimise", "classify"), ("log", "linear", "auto")
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
