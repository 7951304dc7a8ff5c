"""Rows of a file of results: the candidate (by well, by name, or both), and the value or limit."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from activeloop.candidates import Match, Pool, SequenceNotation
from activeloop.candidates.compounds import NO_SMILES
from activeloop.candidates.notation import WILD_TYPE, plain_name
from activeloop.errors import InputError, MeasurementError, NotationError, did_you_mean
from activeloop.measurements.assay import Assay, Qualifier
from activeloop.measurements.columns import Entry
from activeloop.measurements.wells import Layout, Well, describe_plate, parse_well, well_name, well_on
from activeloop.tables import Table
from activeloop.tables.names import plain
from activeloop.tables.numbers import Sign, converted, factor_between, parse_number, shifted, temperatures, times

Row = tuple["CandidateMatch", Entry, "Cell"]
#: how many wrong rows one message names
ERRORS_SHOWN = 5
ERRORS_LISTED = 500
"""Wrong rows that are looked for; the message names `ERRORS_SHOWN` of them."""
#: cells from one report of progress to the next
STEP = 10_000
#: what to do about a value that an assay cannot have
CORRECT = "Correct the value, or the scale or bounds in campaign.toml."
#: what an export writes where nothing was measured; a file of nothing else is the wrong file, not a failed plate
NOTHING = frozenset({"empty", "nan", "na", "n/a", "none", "null"})
#: what stands in a column of candidates beside an empty well
NO_CANDIDATE = frozenset({"", "-", "–", "empty", "blank", "leer", "vide", "none", "na", "n/a"})


class UnknownCandidateError(MeasurementError):
    """A row names no candidate of the pool; what to do about it stands in `fix`."""

    fix = "Correct the name, or add the candidate to the pool (`activeloop extend`)."


def read_rows(
    entries: Sequence[Entry],
    matcher: CandidateMatcher,
    file: str,
    *,
    skip_unreadable: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> tuple[list[Row], list[InputError]]:
    """Candidate, entry and value of each entry, also of wells that were never filled where something is given for them.

    Args:
        entries: the cells that should hold a value, in the order of the file.
        matcher: finds the candidate of each.
        file: its name, for messages.
        skip_unreadable: leave out rows whose candidate cannot be read or is not in the pool.
        progress: called with (cells read, cells in all) from time to time in a long file.

    Returns:
        The rows, and the error of each that was left out.

    Raises:
        MeasurementError: rows cannot be read (up to 5 are named), or no row has a value.
    """
    rows: list[Row] = []
    wrong: list[tuple[int, str]] = []
    left_out: dict[int, InputError] = {}
    unknown = False
    units: dict[str, str] = {}
    worded = _in_words(entries)
    for done, entry in enumerate(entries, 1):
        if progress is not None and done % STEP == 0:
            progress(done, len(entries))
        try:
            match = matcher.find(entry)
            if match is None:
                continue
            if entry.assay.name in worded and (word := entry.text.strip().casefold()) in CLASSES:
                cell = Cell(CLASSES[word], note=worded[entry.assay.name])
            elif match.candidate:
                cell = read_cell(entry.text, entry.assay, entry.unit, entry.decimal)
            else:
                cell = _beside(entry)
            if not cell.failed:
                _one_unit(entry, cell, units)
            if entry.error and cell.qualifier == "=":
                factor = factor_between(cell.unit, entry.assay.unit) if cell.unit and entry.assay.unit else None
                cell = replace(cell, error=converted(entry.error, factor) if factor else entry.error)
            if entry.date:
                entry = replace(entry, date=read_date(entry.date))
            rows.append((match, entry, cell))
        except InputError as error:
            if skip_unreadable and isinstance(error, UnknownCandidateError):
                left_out.setdefault(entry.row, UnknownCandidateError(error.problem, file=file, row=entry.row))
                continue
            unknown = unknown or isinstance(error, UnknownCandidateError)
            problem = " ".join(filter(None, (error.problem, getattr(error, "fix", ""))))
            if (entry.row, problem) not in wrong:
                wrong.append((entry.row, problem))
            if len(wrong) == ERRORS_LISTED:
                break
    if left_out and not rows:
        wrong = [(row, error.problem) for row, error in left_out.items()][:ERRORS_LISTED]
    if wrong:
        (row, problem), *others = sorted(wrong[:ERRORS_SHOWN])
        rest = "".join(f"\nAlso row {r}: {p}" for r, p in others)
        skip = " Rows of other candidates can be left out (skip_unreadable=True)." if unknown and rows else ""
        raise MeasurementError(f"{problem}{rest}{skip} No row was stored.", file=file, row=row, rows=sorted(wrong))
    if all(cell.failed.casefold() in NOTHING for *_, cell in rows):
        raise MeasurementError(
            "there is no result in it: every value is empty. Export it again, or write `failed` where a well failed. "
            "No row was stored.",
            file=file,
        )
    return rows, list(left_out.values())


def _in_words(entries: Sequence[Entry]) -> dict[str, str]:
    """Assays of which every cell says hit or no hit in words, such as TRUE and FALSE, and a note on how they are read.

    Beside numbers a word has several readings ("no" may say that there is no value), so that none is read there.
    """
    found: dict[str, dict[str, str]] = {}
    for entry in entries:
        if entry.assay.goal != "classify" and entry.assay.scale in ("auto", "binary"):
            found.setdefault(entry.assay.name, {}).setdefault(entry.text.strip().casefold(), entry.text.strip())
    return {assay: f"{assay}: {read}" for assay, texts in found.items() if (read := class_words(texts.values()))}


def class_words(cells: Iterable[str]) -> str:
    """How cells are read of which every one says hit or no hit in words, or nothing; "" where one says something else.

    >>> class_words(["active", "Inactive", ""]), class_words(["yes", "0.5"]), class_words(["no", "no"])
    ('active as 1, Inactive as 0', '', '')
    """
    texts = {cell.strip().casefold(): cell.strip() for cell in reversed(list(dict.fromkeys(cells)))}
    words = [word for word in texts if word and word not in FAILED]
    if not words or not set(words) <= CLASSES.keys() - {"0", "1"} or words == ["no"]:
        return ""
    return ", ".join(f"{texts[word]} as {CLASSES[word]:g}" for word in sorted(words, key=lambda w: (-CLASSES[w], w)))


def without_words(table: Table, target: str) -> tuple[Table, str]:
    """A table with 1 and 0 for `active`, `no hit` and the like in a column, and how they were read, in a sentence.

    Args:
        table: of any file without assays, such as that of a replay or a history.
        target: the column of its values.

    Raises:
        TableError: most cells hold such words and one another, such as `inconclusive`.
    """
    cells = table.column(target)
    if not any(cell.lstrip()[:1].isalpha() for cell in cells):  # of numbers alone, and there may be a million
        return table, ""
    read = class_words(cells)
    said = [cell.strip().casefold() for cell in cells]
    words = [word in CLASSES and word not in ("0", "1") for word in said]
    if not read:
        if 2 * sum(words) > sum(map(bool, said)):
            i = next(i for i, word in enumerate(said) if word and not words[i])
            raise table.error(
                f'"{cells[i]}" is neither hit nor no hit, as "{cells[words.index(True)]}" is. Leave it empty where '
                "nothing was found out.",
                i,
            )
        return table, ""
    at = table.header.index(str(table.find(target)))
    numbers = [f"{CLASSES.get(word, '')}" for word in said]
    return replace(table, columns=(*table.columns[:at], numbers, *table.columns[at + 1 :])), f"Read: {read}."


def _beside(entry: Entry) -> Cell:
    """The value of a well that was never filled; whatever else stands there is no value."""
    try:
        return read_cell(entry.text, entry.assay, entry.unit, entry.decimal)
    except InputError:  # such as 0 where the assay is on a logarithmic scale
        try:
            return Cell(parse_number(entry.text, decimal=entry.decimal).value)
        except InputError:
            return Cell(math.nan, failed=entry.text.strip())


def _one_unit(entry: Entry, cell: Cell, units: dict[str, str]) -> None:
    """Refuse units that differ where the assay has none, and values without a unit beside converted ones."""
    if entry.assay.unit:
        if cell.unit and factor_between(cell.unit, entry.assay.unit) == 1:
            return
        first = units.setdefault(entry.assay.name, cell.unit)
        if bool(first) != bool(cell.unit):
            raise MeasurementError(
                f'some values of {entry.assay.name} are in {first or cell.unit} and others, such as "{entry.text}" '
                f"{'here' if first else 'further up'}, have no unit: these can be in {first or cell.unit} or in "
                f"{entry.assay.unit}. Write the unit of each."
            )
        return
    first = units.setdefault(entry.assay.name, entry.unit)
    if factor_between(first, entry.unit) != 1:
        raise MeasurementError(
            f'{entry.assay.name} is in "{first}" further up and in "{entry.unit}" here, and the assay names no unit. '
            "Give the assay its unit, or convert the values."
        )


@dataclass(frozen=True, slots=True)
class CandidateMatch:
    """Which candidate, plate and well a value belongs to.

    Args:
        candidate: name in standard notation (a control's own name when it is not in the pool; "" for a well that was
            never filled).
        plate, well: "" when unknown.
        replicate: None when the file gives none.
        control: whether the well held a control.
        proposed: whether the candidate is on one of the plates that were given (True when none was).
    """

    candidate: str
    plate: str
    well: str
    replicate: int | None
    control: bool
    proposed: bool = True


#: how instruments name the first plate of a run
_FIRST = re.compile(r"(?:plate|platte|plaque|placa|p|pl)?[\s_.#-]*0*1(?:\.0)?", re.IGNORECASE)


class CandidateMatcher:
    """Finds the candidate of each entry of one file.

    Args:
        pool: what may have been measured.
        plates: the plates that were filled; may be empty.
        controls: names that count as controls where no plate defines them.
        size: wells of the plate that the table itself has the shape of, 0 when it has none.
        file: its name; it may name the plate.
        names: all names of candidates in the file, which are read in one numbering.
        offset: added to their positions; see `activeloop.candidates.Resolver`.
        plate: id of the plate of which the file is, where somebody said so.

    Raises:
        MeasurementError: there is no such plate, it is of another size than the table, or the names can be read in two
            ways.
    """

    def __init__(
        self,
        pool: Pool,
        plates: Sequence[Layout],
        controls: Sequence[str],
        size: int = 0,
        file: str = "",
        *,
        names: Iterable[str] = (),
        offset: int | None = None,
        plate: str | None = None,
    ):
        self._pool, self._plates = pool, list(plates)
        rows = [row for c in controls if (row := pool.row_of(c)) is not None]
        self._controls = {c.casefold() for c in (*controls, *(pool.names(rows) if rows else ()))}
        if len(self._controls) > 1 and isinstance(pool.notation, SequenceNotation) and pool.row_of("WT") is not None:
            self._controls.discard("wt")  # Trp and Thr; the control has another name
        texts = dict.fromkeys(text for name in names if (text := name.strip()))
        read = [t for t in texts if t.casefold() not in self._controls or _is_wild_type(t)]
        try:
            self._resolver = pool.resolver(read, offset=offset)
        except NotationError as error:
            raise MeasurementError(f"{error.problem} No row was stored.", file=file or None) from None
        self._wells: dict[str, list[tuple[Layout, Well]]] = {}
        self._found: dict[tuple[str, str, str, int | None], CandidateMatch] = {}
        for layout in plates:
            for well in layout.wells.values():
                self._wells.setdefault(self._held(well), []).append((layout, well))
        stem = Path(file).stem.casefold()
        named = [p for p in plates if re.search(rf"(?<![a-z0-9]){re.escape(p.id.casefold())}(?![a-z0-9])", stem)]
        # Of several ids in the file's name (`plate-1`, `plate-1-2`) the longest is meant.
        self._named = max(named, key=lambda p: len(p.id), default=None)
        self._told = self._told_of(plate, file) if plate else None
        self._named = self._told or self._named
        # Instruments count the plates of a run: the only one, or the one that the file is named after, is number 1.
        self._hints = ERRORS_SHOWN
        self._first = own = self._named or (plates[0] if len(plates) == 1 else None)
        if size and own and own.size != size:
            raise MeasurementError(
                f"the table has the shape of a {size}-well plate, but {own.id} has {own.size} wells. Give the plate "
                "that was measured. No row was stored.",
                file=file or None,
            )

    def _told_of(self, name: str, file: str) -> Layout:
        """The plate that somebody said the file is of."""
        for plate in self._plates:
            if plain(plate.id) == plain(name):
                return plate
        ids = ", ".join(p.id for p in self._plates) or "none yet"
        raise MeasurementError(f'there is no plate "{name}". Plates: {ids}. No row was stored.', file=file or None)

    def find(self, entry: Entry) -> CandidateMatch | None:
        """The candidate of an entry, "" for a well that was never filled; None when the row is empty there, too.

        Raises:
            InputError: there is no such candidate or well; without file and row, which the caller knows.
        """
        replicate = read_replicate(entry.replicate)
        if entry.well.strip():
            return self._by_well(entry, replicate)
        alike = (entry.candidate, entry.kind, entry.plate, replicate)
        if found := self._found.get(alike):
            return found
        if not entry.candidate.strip():
            error = UnknownCandidateError("the candidate is empty, and no well is given.")
            error.fix = "Fill in one of them or delete the row."
            raise error
        name, control = self._by_name(entry)
        return self._found.setdefault(alike, self._on_its_plate(entry, name, control, replicate))

    def _by_well(self, entry: Entry, replicate: int | None) -> CandidateMatch | None:
        plate = self._plate(entry)
        if plate is None:
            return self._unknown_plate(entry, replicate)
        name = well_on(entry.well, plate.size)
        if name is None:
            raise MeasurementError(
                f'well "{entry.well}" is not on {describe_plate(plate.size)} ({plate.id}). Correct the well.'
            )
        held = plate.wells.get(name)
        if held is None:
            if entry.candidate.strip().casefold() not in NO_CANDIDATE:
                raise MeasurementError(
                    f'well "{name}" of {plate.id} was never filled, but a result of "{entry.candidate}" is given for '
                    "it. Correct the well, or give the plate that was measured."
                )
            # Whether it may be left out depends on the other wells, see `without_empty_wells`.
            return CandidateMatch("", plate.id, name, replicate, False) if entry.text.strip() else None
        candidate = self._held(held)
        if entry.candidate.strip() and self._named_as(entry.candidate) != candidate:
            raise MeasurementError(
                f'well "{name}" of {plate.id} holds "{held.candidate}", not "{entry.candidate}". Correct the well or '
                "the candidate, or name the plate that was measured in a column `plate`."
            )
        if not held.control and self._pool.row_of(held.candidate) is None:
            raise MeasurementError(f"{self._not_in_pool(held.candidate)} {UnknownCandidateError.fix}")
        # The plate knows which of a candidate's wells this is; a number in the file repeats the reading of one well.
        return CandidateMatch(
            candidate, plate.id, name, held.replicate if replicate is None else replicate, held.control
        )

    def _unknown_plate(self, entry: Entry, replicate: int | None) -> CandidateMatch | None:
        where = parse_well(entry.well)
        if where is None:
            raise MeasurementError(f'"{entry.well}" is not a well. Write it as A1 ... H12.')
        if not entry.candidate.strip():
            if not entry.text.strip():
                return None
            raise MeasurementError(
                f'only the well "{entry.well}" is given, and no plate shows its candidate. Put the list of the '
                "plate into the folder `plates` (in Python: the argument plates), or add a column `candidate`."
            )
        name, control = self._by_name(entry)
        return CandidateMatch(name, entry.plate.strip(), well_name(*where), replicate, control, self._proposed(name))

    def _plate(self, entry: Entry) -> Layout | None:
        """The plate of an entry; None when none is known, or the row names its candidate and a plate from elsewhere."""
        wanted, ids = entry.plate.strip(), ", ".join(p.id for p in self._plates)
        if wanted:
            named = [p for p in self._plates if p.id.casefold() == wanted.casefold()]
            named = named or [p for p in self._plates if plain(p.id) == plain(wanted)]
            if self._told is not None:
                if len(named) == 1 and named[0] is not self._told and not _FIRST.fullmatch(wanted):
                    raise MeasurementError(
                        f'the plate is "{wanted}" here, and {self._told.id} was said to be the plate. Leave one of the '
                        "two out."
                    )
                return self._told
            if len(named) == 1:
                return named[0]
            if self._first and entry.well.strip() and _FIRST.fullmatch(wanted):
                return self._first
            if not self._plates or entry.candidate.strip():
                return None
            why = " Several plates are known, so a number does not tell which." if _FIRST.fullmatch(wanted) else ""
            raise MeasurementError(f'there is no plate "{wanted}".{why} Plates: {ids}. Correct the name.')
        if len(self._plates) < 2:
            return self._plates[0] if self._plates else None
        held = [(p, p.wells.get(well_on(entry.well, p.size) or "")) for p in self._plates if entry.candidate.strip()]
        fitting = [p for p, well in held if well and self._held(well) == self._named_as(entry.candidate)]
        if len(fitting) == 1:
            return fitting[0]
        if self._named:
            return self._named
        raise MeasurementError(
            f"which plate? There are {ids}. Add a column `plate`, or name the file after the plate "
            f"({self._plates[-1].id}.csv)."
        )

    def _by_name(self, entry: Entry) -> tuple[str, bool]:
        text = entry.candidate.strip()
        match, problem = self._match(text)
        if match is None and self._pool.rows_labelled(text):
            raise UnknownCandidateError(problem)  # also where a control is called so
        trp_thr = match is not None and _is_wild_type(text) and match.name != "WT"  # at two sites
        named = (match.name if match else text).casefold() in self._controls
        named = named or (text.casefold() in self._controls and not trp_thr)
        marked = entry.kind.strip().casefold() in ("control", "yes", "true", "1")
        in_pool = match is not None and match.row is not None
        letters = isinstance(self._pool.notation, SequenceNotation) and _is_wild_type(text)
        if named and in_pool and not marked and letters:
            raise MeasurementError(
                f'"{text}" is a candidate (Trp and Thr) and also what control wells hold. Name the controls otherwise '
                "(`control` under [plate] in campaign.toml, and in this file)."
            )
        if not in_pool and not named and not marked:
            raise UnknownCandidateError(self._not_in_pool(text, problem))
        return (match.name if match else text), named or marked

    def _on_its_plate(self, entry: Entry, name: str, control: bool, replicate: int | None) -> CandidateMatch:
        plate = self._plate(entry) if entry.plate.strip() else self._named
        if entry.plate.strip() and plate is None:
            return CandidateMatch(name, entry.plate.strip(), "", replicate, control, self._proposed(name))
        stands = [(p, w) for p, w in self._wells.get(name, []) if plate is None or p is plate]
        homes = {p.id for p, _ in stands}
        home = plate.id if plate else homes.pop() if len(homes) == 1 else ""
        control = control or (bool(stands) and all(w.control for _, w in stands))
        # The well stays unknown even where only one holds the candidate: the value may be from elsewhere.
        return CandidateMatch(name, home, "", replicate, control, self._proposed(name))

    def _proposed(self, name: str) -> bool:
        return not self._plates or name in self._wells

    def _held(self, well: Well) -> str:
        """The standard name of what a well holds, or its name as it is written when it is not in the pool."""
        name, letters = well.candidate, isinstance(self._pool.notation, SequenceNotation)
        row = None if well.control and letters else self._pool.row_of(name)
        if row is not None:
            return self._pool.names([row])[0]
        return "WT" if _is_wild_type(name) and not letters else name.strip()

    def _named_as(self, text: str) -> str:
        """The standard name of a candidate of the file, or the text where it cannot be understood."""
        match, _ = self._match(text)
        return match.name if match else text.strip()

    def _match(self, text: str) -> tuple[Match | None, str]:
        """What a name in the file stands for; else why it cannot be understood."""
        try:
            return self._resolver.find(text.strip()), ""
        except InputError as error:
            if self._pool.kind == "compounds" and self._pool.label_names and NO_SMILES in error.problem:
                return None, f'"{text.strip()}" is no name or id of the pool, and no SMILES that RDKit can read.'
            return None, error.problem

    def _not_in_pool(self, text: str, problem: str = "") -> str:
        self._hints -= 1  # to look through a large pool takes a while
        hint = (
            did_you_mean(text, (n for n in (*self._wells, *self._pool.searchable()) if n != text))
            if self._hints >= 0
            else ""
        )
        return " ".join(filter(None, (problem or f'"{text}" is not in the pool.', hint)))


def _is_wild_type(text: str) -> bool:
    return plain_name(text) in WILD_TYPE


FAILED = frozenset(
    {"failed", "fail", "failure", "invalid", "bad", "excluded", "error", "no data", "not determined", "not measured"}
    | {
        "empty",
        "empty well",
        "clogged",
        "lost",
        "x",
        "bad well",
        "bad data",
        "outlier",
        "contaminated",
        "contamination",
    }
    | {"no growth", "not expressed", "no expression", "did not express", "precipitated", "evaporated", "spilled"}
    | {"fehler", "fehlgeschlagen", "ungültig", "ausreißer", "échec", "fallido", "fallito", "falhou", "mislukt"}
)
BELOW = frozenset(
    {"bdl", "blq", "bloq", "bql", "lod", "<lod", "<loq", "<lloq", "<blank", "< lod", "< loq", "< lloq"}
) | {
    *(
        "below detection",
        "below detection limit",
        "below limit",
        "below lod",
        "below loq",
        "underrange",
        "undflw",
        "<min",
    )
}
SATURATED = frozenset({"over", "overflow", "ovrflw", "ovflw", "sat", "saturated", "overrange", ">max"})
CLASSES = {
    **dict.fromkeys(("1", "fit", "yes", "true", "active", "hit", "positive", "pos"), 1.0),
    **dict.fromkeys(("0", "unfit", "no", "false", "inactive", "no hit", "non-hit", "nonhit", "negative", "neg"), 0.0),
}


@dataclass(frozen=True, slots=True)
class Cell:
    """The value of a cell.

    Args:
        value: in the assay's unit; NaN when there is none.
        qualifier: as in `Measurement`.
        failed: why there is no value, "" when there is one.
        note: what was done to the value, a unit converted or a limit applied; "" for nothing.
        unit: in which it was given, "" when the file does not say.
        error: standard error of the value, in the assay's unit; 0 when not known.
    """

    value: float
    qualifier: Qualifier = "="
    failed: str = ""
    note: str = ""
    unit: str = ""
    error: float = field(default=0.0, repr=False)


def read_cell(text: str, assay: Assay, unit: str, decimal: Sign) -> Cell:
    """Read one cell of an assay.

    Args:
        text: the cell.
        assay: what it should be a value of.
        unit: from the header or the unit column, "" when none is given.
        decimal: decimal sign of its column.

    Raises:
        InputError: it is no value of this assay, or in another unit; without file and row, which the caller knows.

    >>> read_cell("<0.1", Assay("kcat", "1/s"), "", ".")
    Cell(value=0.1, qualifier='<', failed='', note='', unit='')
    >>> read_cell("n.d.", Assay("kcat", "1/s"), "", ".").failed
    'n.d.'
    >>> read_cell("250", Assay("KD", "µM"), "nM", ".").value
    0.25
    """
    word = text.strip().casefold()
    if word == "+":
        raise MeasurementError(
            '"+" beside "-" could be hit and no hit, and "-" is also written where there is no value. Write 1 and 0 '
            "for hit and no hit."
        )
    if word in FAILED:
        return Cell(math.nan, failed=text.strip())
    if word in SATURATED:
        if assay.upper is None:
            return Cell(math.nan, failed=f"{text.strip()}: beyond the range, and {assay.name} has no upper limit")
        return Cell(assay.upper, ">", note=f"{assay.name}: saturated cells were taken as above {assay.upper:g}")
    if word in BELOW and assay.lower is not None:
        return Cell(assay.lower, "<", note=f"{assay.name}: {text.strip()} was taken as below {assay.lower:g}")
    if assay.goal == "classify" or (assay.scale == "binary" and word in CLASSES):
        return _class(text, word, assay)
    if word.lstrip("+-").startswith(("inf", "∞")):
        raise MeasurementError(f'"{text}" is not a measured value. Correct it, or write "failed", or a limit (>100).')
    if word in CLASSES and not word.isdigit():
        raise MeasurementError(
            f'"{text}" is not a number, and other cells of {assay.name} are numbers. Write numbers throughout; or, for '
            "hit and no hit, 1 and 0, or words throughout."
        )
    number = parse_number(text, decimal=decimal)
    if math.isnan(number.value):
        return Cell(math.nan, failed=text.strip() or "empty")
    if number.unit and unit and (factor := factor_between(number.unit, unit)) != 1:
        if factor is None:
            raise MeasurementError(
                f'"{text}" is no number in {unit}: "{number.unit}" stands behind it. Write the number alone, or '
                '"failed".'
            )
        raise MeasurementError(f'"{text}" carries another unit than its column ({unit}). Correct one of them.')
    if number.unit and not unit and not assay.unit:
        raise MeasurementError(_text_behind(text, number.value, number.unit, assay))
    value, note = _in_unit(number.value, number.unit or unit, assay)
    return _within_limits(Cell(value, number.qualifier, "", note, number.unit or unit), assay)


def _text_behind(text: str, value: float, behind: str, assay: Assay) -> str:
    if behind == "%":
        return (
            f'"{text}" is a percentage, and {assay.name} has no unit: it can be read as {value:g} or as '
            f'{shifted(value, -2):g}. Give the assay the unit % ("{assay.name}:%"), or write plain numbers.'
        )
    return (
        f'"{text}" has text behind its number ("{behind}"), and {assay.name} has no unit. Write the number alone; '
        "or, if it is a unit, put it into the column's name or give the assay its unit."
    )


def _class(text: str, word: str, assay: Assay) -> Cell:
    if word in CLASSES or word in ("1.0", "0.0"):
        return Cell(CLASSES[word.removesuffix(".0")])
    number = parse_number(text) if not re.search(r"[a-z]{3,}", word) else None
    if number is not None and math.isnan(number.value):
        return Cell(math.nan, failed=text.strip() or "empty")
    raise MeasurementError(
        f'"{text}" is no class of {assay.name}. Write 1, fit or hit; 0, unfit or no hit; or leave it empty.'
    )


def _in_unit(value: float, unit: str, assay: Assay) -> tuple[float, str]:
    if unit and not assay.unit:
        return value, f'{assay.name} has no unit and the file gives "{unit}": values were stored as they stand'
    if not unit:
        return value, ""
    factor = factor_between(unit, assay.unit)
    if factor is None:
        if readings := temperatures(value, unit, assay.unit):
            raise MeasurementError(
                f"{assay.name} is measured in {assay.unit}: {readings}. Convert the values, or correct the unit."
            )
        raise MeasurementError(
            f"the value is in {unit}, but {assay.name} is measured in {assay.unit}. Convert the values, or correct the "
            "unit."
        )
    if factor == 1:
        return value, ""
    note = f"{assay.name}: values in {unit} were converted to {assay.unit} ({times(factor)})"
    return converted(value, factor), note


def _within_limits(cell: Cell, assay: Assay) -> Cell:
    value, qualifier = cell.value, cell.qualifier
    # beyond a bound that stands alone a detection limit decides, beyond one of two it may not hide a wrong value
    if assay.bounds and None not in assay.bounds and (problem := assay.too_far(value)):
        raise MeasurementError(f"{problem}. {CORRECT}")
    limits: list[tuple[float | None, Qualifier, str]] = [(assay.lower, "<", "below"), (assay.upper, ">", "above")]
    for limit, sign, side in limits:
        if limit is not None and (value < limit if sign == "<" else value > limit) and qualifier in ("=", sign):
            note = f"{assay.name}: values {side} the detection limit were recorded as {sign}{limit:g}"
            return Cell(limit, sign, "", note if qualifier == "=" else cell.note, cell.unit)
    if problem := assay.refusal(value, qualifier):
        raise MeasurementError(f"{problem}. {CORRECT}")
    return cell


@lru_cache(1024)
def read_date(text: str) -> str:
    """A date or time in ISO 8601, "" when none is given.

    Raises:
        MeasurementError: it is no date, or could be read as two.

    >>> read_date("2026-03-01"), read_date("1.3.2026"), read_date("2026-03-01 14:30:00")
    ('2026-03-01', '2026-03-01', '2026-03-01T14:30:00')
    """
    cell = text.strip()
    if not cell:
        return ""
    try:
        when = datetime.datetime.fromisoformat(cell)
        whole_day = len(cell) <= 10 or (when.tzinfo is None and when.time() == datetime.time())
        return when.date().isoformat() if whole_day else when.isoformat()
    except ValueError:
        pass
    match = re.fullmatch(r"(\d{1,2})([./])(\d{1,2})\2(\d{4})", cell)
    day_first = match and (match[2] == "." or int(match[1]) > 12)
    try:
        if match and (day_first or int(match[3]) > 12):
            day, month = (match[1], match[3]) if day_first else (match[3], match[1])
            return datetime.date(int(match[4]), int(month), int(day)).isoformat()
    except ValueError:
        pass
    raise MeasurementError(f'"{text}" is no date that can be read in one way only. Write it as 2026-03-01.')


@lru_cache(1024)
def read_replicate(text: str) -> int | None:
    """A replicate's number, None when none is given.

    Raises:
        MeasurementError: it is no whole number from 1 on.

    >>> read_replicate("2"), read_replicate("rep 3"), read_replicate("1.0"), read_replicate("")
    (2, 3, 1, None)
    """
    # tables with empty cells come back from pandas with 1.0 for 1
    cell = re.sub(r"(?i)^(replicate|rep|r)[\s_.#-]*|\.0$", "", text.strip())
    if not cell:
        return None
    if not re.fullmatch(r"0*[1-9]\d{0,4}", cell):
        raise MeasurementError(f'replicate "{text}" is not a number from 1 on. Number the replicates 1, 2, 3.')
    return int(cell)
