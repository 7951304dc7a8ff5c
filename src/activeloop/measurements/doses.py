"""Reading doses and responses: a table of raw readings, or plates and their map -> series normalised to their controls.

Nothing is guessed: which wells are the negative control (100 % of the control, no effect) and which the positive one
(full effect, or wells without cells), what the response is, and in which unit doses stand, is in the file or is said.
"""

from __future__ import annotations

import math
import os
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, get_args

import numpy as np

from activeloop.candidates.panel import one_spelling, spellings_note
from activeloop.errors import InputError, MeasurementError, NotationError, did_you_mean
from activeloop.measurements.columns import grid_size
from activeloop.measurements.curves import FEWEST, DoseSeries, Prior
from activeloop.measurements.normalisation import Response, Role, Well, normalised, own_prior, without_shifts
from activeloop.measurements.rows import BELOW, FAILED, SATURATED
from activeloop.measurements.wells import parse_well, well_name
from activeloop.objects import content_hash
from activeloop.tables import Table, as_table
from activeloop.tables.names import LABELS, PARTS, ROLES, candidate_names, plain, split_unit
from activeloop.tables.numbers import converted, factor_between, is_missing, parse_number
from activeloop.tables.reading import Book
from activeloop.words import some

#: words of wells whose role they leave no doubt about; "control" alone is not among them
WORDS: dict[Role, frozenset[str]] = {
    "negative": frozenset(
        map(
            plain,
            (
                *("negative", "neg", "negative control", "neg control", "neg ctrl", "dmso", "dmso control", "vehicle"),
                *("vehicle control", "untreated", "untreated control", "no drug", "no compound", "no treatment", "nc"),
                *("solvent", "solvent control", "mock", "unbehandelt", "lösungsmittel", "negativkontrolle"),
                *("témoin négatif", "control negativo", "controllo negativo"),
            ),
        )
    ),
    "positive": frozenset(
        map(
            plain,
            (
                *("positive", "pos", "positive control", "pos control", "pos ctrl", "pc", "kill", "full kill", "dead"),
                *("killed", "positivkontrolle", "blank", "background", "no cells", "cell free"),
                *("medium only", "media only", "100 % inhibition", "100% inhibition", "full inhibition", "leerwert"),
                *("témoin positif", "control positivo", "controllo positivo"),
            ),
        )
    ),
    "time zero": frozenset(map(plain, ("time zero", "t0", "t=0", "time 0", "day 0", "0 h", "tz", "day zero"))),
    "sample": frozenset(
        map(
            plain,
            (
                *("", "sample", "samples", "compound", "compounds", "treated", "treatment", "test", "unknown", "unk"),
                *("drug", "spl", "candidate", "dose", "probe", "substanz", "proben", "échantillon", "muestra"),
                *("no", "false", "0", "n"),  # of a column that asks whether a well is a control
            ),
        )
    ),
}
#: words by which either control may be meant
OPEN = frozenset(map(plain, ("control", "ctrl", "kontrolle", "contrôle", "medium", "media")))
#: names of the columns of readings
VALUES = (
    *(
        "viability",
        "viability %",
        "% viability",
        "percent viability",
        "cell viability",
        "relative viability",
        "survival",
    ),
    *("percent of control", "% of control", "poc", "inhibition", "% inhibition", "percent inhibition", "activation"),
    *("% activation", "effect", "% effect", "response", "growth rate", "gr", "gr value", *ROLES["value"]),
    *("luminescence", "lum", "rlu", "fluorescence", "rfu", "absorbance", "abs", "od", "intensity", "raw", "raw value"),
    *(
        "raw signal",
        "cell count",
        "count",
        "counts",
        "confluence",
        "readout",
        "lumineszenz",
        "fluoreszenz",
        "extinktion",
    ),
)
_SAYS: tuple[tuple[str, Response], ...] = (
    *(("viab", "viability"), ("surviv", "viability"), ("ofcontrol", "viability"), ("poc", "viability")),
    *(("inhib", "inhibition"), ("activation", "activation"), ("growthrate", "growth-rate"), ("grvalue", "growth-rate")),
)
_REPLICATE = re.compile(
    r"(?P<base>.*?)[\s_.\-#(]*(?:replicate|replikat|repeat|rep|r)?[\s_.\-#]*(?P<number>\d+)\)?", re.I
)
_DOSE_UNIT = re.compile(
    r"(?P<base>.+?)[\s_,/]+(?P<unit>(?:[pnuµμm]?M|[pnuµμm]?g\s?/\s?[mu]?L|[pnuµμm]?mol\s?/\s?L))", re.I
)
#: labels that a curve carries
MOST_LABELS = 12


@dataclass(frozen=True)
class DoseReadings:
    """The readings of one file, normalised to their controls.

    Args:
        file: its name.
        content_hash: of its bytes, and of those of its layout.
        unit: of all doses.
        response: what the responses are.
        wells: all readings, controls too.
        series: one for each compound and kind of cells.
        series_of: [wells] number of its series; -1 of a control.
        notes: what was converted, left out or assumed, in sentences.
        checks: on controls, in sentences.
        too_few: series that have fewer doses than a curve needs.
    """

    file: str
    content_hash: str
    unit: str
    response: Response
    wells: tuple[Well, ...]
    series: tuple[DoseSeries, ...]
    series_of: np.ndarray
    notes: tuple[str, ...]
    checks: tuple[str, ...]
    too_few: tuple[str, ...] = ()


def read_doses(
    source: Any,
    *,
    layout: Any = None,
    response: str | None = None,
    dose_unit: str | None = None,
    negative: Sequence[str] = (),
    positive: Sequence[str] = (),
    columns: Mapping[str, str] | None = None,
    sheet: str | None = None,
    resolve: Callable[[str, str], str | None] = lambda part, name: None,
) -> DoseReadings:
    """Read doses and their readings.

    Args:
        source: a CSV, TSV or XLSX file, or a DataFrame: a row for each well or reading (compound, dose, reading; also
            cells, plate, well, kind); a row for each compound and a column for each dose (`0`, `0.1 µM` ...); or blocks
            shaped like plates beside a `layout`.
        layout: a table that says what each well holds (well, compound, dose; plate where there are several).
        response: `viability` (percent of the negative control), `inhibition` or `activation` (percent of the way from
            the negative to the positive control), `growth-rate` (needs readings at time zero) or `raw` (as it stands);
            may be left out where the name of the column of readings says it, such as "viability (%)".
        dose_unit: of doses whose table does not say it; others are converted to it.
        negative: further words that mark the negative control.
        positive: further words that mark the positive control.
        columns: role (`compound`, `cells`, `dose`, `dose unit`, `value`, `plate`, `well`, `kind`) -> column.
        sheet: of a workbook.
        resolve: from a part (`cells`, `compound`) and a name to the one under which a campaign knows it. Names that
            differ in nothing but case, blanks, hyphens and dots are one.

    Raises:
        TableError: it is no table, or a column is missing.
        MeasurementError: doses without unit or in several that cannot be converted, a negative dose, wells whose role
            is open, no controls, controls that do not differ. Nothing is returned.

    >>> rows = {"compound": ["DMSO", "DMSO", *"AAAA"], "dose (nM)": ["0", "0", "1", "10", "100", "1000"]}
    >>> found = read_doses(rows | {"signal": ["98", "102", "100", "95", "50", "5"]}, response="viability")
    >>> found.series[0].responses.tolist(), found.unit
    ([100.0, 95.0, 50.0, 5.0], 'nM')
    """
    if response is not None and response not in get_args(Response):
        hint = did_you_mean(response, get_args(Response))
        raise MeasurementError(f'"{response}" is no response. {hint} There are {", ".join(get_args(Response))}.')
    notes: list[str] = []
    if layout is None:
        table = as_table(source, sheet=sheet)
        file, content = table.file, table.content_hash
    else:
        if isinstance(source, (str, os.PathLike)):
            source = Book.open(source, sheet, others=True)
        of = source if isinstance(source, Book) else as_table(source, sheet=sheet)
        # the same layout lies under many plates, and one of the two may be corrected
        table = _joined(source, as_table(layout), sheet, notes)
        file, content = of.file, content_hash(f"{of.content_hash} {table.content_hash}".encode())
    if "dose" not in (columns or {}):
        table = _long(table)
    if "value" not in (columns or {}):
        table = _with_growth(table, response)
    reader = _Reader(table, dict(columns or {}), dose_unit, tuple(negative), tuple(positive), response, resolve)
    found = reader.read()
    return replace(found, file=file, content_hash=content, notes=(*notes, *found.notes))


@dataclass
class _Reader:
    table: Table
    given: dict[str, str]
    dose_unit: str | None
    negative: tuple[str, ...]
    positive: tuple[str, ...]
    response: str | None
    resolve: Callable[[str, str], str | None]

    def read(self) -> DoseReadings:
        self.notes: list[str] = []
        roles = self._roles()
        self._in_one_spelling(roles)
        table = self.table
        values = self._values(roles)
        kinds = self._kinds(roles)
        unit, doses = self._doses(roles, kinds, values)
        response, factor, scaled = self._response(values)
        plates = table.column(roles["plate"]) if "plate" in roles else [""] * len(table)
        names = [w if (w := _well(cell)) else cell for cell in table.column(roles["well"])] if "well" in roles else None
        compounds = table.cells(roles["compound"])
        cells = table.column(roles["cells"]) if "cells" in roles else [""] * len(table)
        wells: list[Well] = []
        for numbers in values.values():
            for i, row in enumerate(table.row_numbers):
                if math.isnan(numbers[i]) or kinds[i] == "unused":
                    continue
                if kinds[i] == "sample" and not compounds[i]:
                    raise self._error(f'column "{roles["compound"]}" is empty here. Name the compound.', i)
                well = names[i] if names else ""
                wells.append(
                    Well(row, compounds[i], cells[i], doses[i], numbers[i] * factor, kinds[i], plates[i], well)
                )
        self._refuse_twice(wells, len(values))
        if not any(well.role == "sample" for well in wells):
            raise self._error("no reading of a compound at a dose above 0 is here.")
        wells, priors, checks = normalised(wells, response, scaled, table.file, self.notes)
        return self._collected(wells, response, unit, priors, checks, roles)

    def _in_one_spelling(self, roles: Mapping[str, str]) -> None:
        """Call cells and compounds by one name each: a series in two spellings would be two curves, both wrong."""
        for part in ("cells", "compound"):
            if part not in roles:
                continue
            cells = self.table.cells(roles[part])
            try:
                names = one_spelling(filter(None, cells), partial(self.resolve, part))
            except NotationError as error:
                raise self._error(error.problem) from None
            if note := spellings_note(names):
                self.notes.append(note)
                columns = list(self.table.columns)
                columns[self.table.header.index(roles[part])] = [names.get(cell, "") for cell in cells]
                self.table = replace(self.table, columns=tuple(columns))

    # -- columns

    def _error(self, problem: str, i: int | None = None) -> MeasurementError:
        row = None if i is None else self.table.row_numbers[i]
        return MeasurementError(f"{problem} Nothing was fitted.", file=self.table.file, row=row)

    def _roles(self) -> dict[str, str]:
        table = self.table
        known = ("compound", "cells", "dose", "dose unit", "value", "plate", "well", "kind")
        if wrong := [role for role in self.given if role not in known]:
            raise self._error(f'"{wrong[0]}" is no role of a column. {did_you_mean(wrong[0], known)}')
        names = {
            "cells": PARTS["cells"],
            "dose unit": PARTS["dose unit"],
            "plate": ROLES["plate"],
            "well": ROLES["well"],
            "kind": ROLES["kind"],
            "compound": (*candidate_names("compounds"), *LABELS[1:], *candidate_names(), *PARTS["compound"]),
        }
        roles: dict[str, str] = {}
        for role, column in self.given.items():
            table.column(column)
            roles[role] = table.find(column) or column
        for role, words in names.items():
            taken = set(roles.values())
            if role not in roles and (found := [h for h in table.named(words) if h not in taken]):
                roles[role] = found[0]
        if "dose" not in roles:
            taken = {plain(split_unit(h)[0]) for h in roles.values()}
            found = [h for h in table.header if _dose_name(h)[0] in set(map(plain, PARTS["dose"])) - taken]
            if any(_is_log(h) for h in table.header) and not found:
                raise self._error(
                    f'"{next(h for h in table.header if _is_log(h))}" holds logarithms: write doses as they are, with '
                    "0 for the control."
                )
            if not found:
                raise self._error(
                    "no column of doses. Name it dose, with its unit, such as `dose (µM)`, or say which it is "
                    f'(--column dose=..., columns={{"dose": "..."}}). {table.listed}'
                )
            if len(found) > 1:
                raise self._error(
                    f'which column holds the doses: {", ".join(found)}? Say so: --column dose="{found[0]}".'
                )
            roles["dose"] = found[0]
        if "compound" not in roles:
            raise self._error(
                "no column names the compounds. Name it compound, or say which it is (--column compound=..., "
                f'columns={{"compound": "..."}}). {table.listed}'
            )
        return roles

    def _values(self, roles: Mapping[str, str]) -> dict[str, np.ndarray]:
        """Columns of readings; several where they are replicates."""
        table, taken = self.table, {h for role, h in roles.items() if role != "value"}
        if "value" in roles:
            found = [roles["value"]]
        else:
            free = [h for h in table.header if h not in taken]
            found = [h for h in free if plain(split_unit(h)[0]) in set(map(plain, VALUES))]
            if len(found) != 1:
                numbered = [(h, m) for h in free if (m := _REPLICATE.fullmatch(split_unit(h)[0]))]
                words = {"", *map(plain, VALUES)}
                numbered = [(h, plain(m["base"])) for h, m in numbered if plain(m["base"]) in words]
                if not found and len({base for _, base in numbered}) == 1:
                    found = [h for h, _ in numbered]
                    self.notes.append(f"{', '.join(found)} were read as replicates.")
        if len(found) > 1 and "value" not in roles and not any("as replicates" in note for note in self.notes):
            raise self._error(
                f"which column holds the readings: {', '.join(found)}? Say so: --column value={found[0]}."
            )
        if not found:
            raise self._error(
                "no column of readings. Name it signal, or after what it is (`viability (%)`), or say which it is "
                f"(--column value=...). {table.listed}"
            )
        self._percent = {h for h in found if "%" in h or "percent" in h.casefold()}
        self._names = found
        decimal = table.decimal_of(*found)
        out, lost, limits = {}, 0, 0
        for name in found:
            cells, numbers = table.column(name), np.full(len(table), math.nan)
            for i, cell in enumerate(cells):
                word = cell.strip().casefold()
                if word in FAILED or is_missing(cell):
                    lost += 1
                elif word in SATURATED or word in BELOW:
                    limits += 1
                else:
                    number = parse_number(cell, decimal=decimal, file=table.file, row=table.row_numbers[i])
                    limits += number.qualifier != "="
                    if number.unit not in ("", "%"):
                        raise self._error(f'"{cell}" has text behind its number. Write readings alone.', i)
                    if number.unit == "%":
                        self._percent.add(name)
                    numbers[i] = number.value if number.qualifier == "=" else math.nan
            out[name] = numbers
        if lost:
            self.notes.append(f"{lost:,} wells without a reading were left out.")
        if limits:
            self.notes.append(f"{limits:,} readings beyond the range of the reader (limits) were left out.")
        return out

    def _kinds(self, roles: Mapping[str, str]) -> list[Role]:
        """What each row is: a control by its kind, else by the name of its compound."""
        table = self.table
        kinds = table.cells(roles["kind"]) if "kind" in roles else [""] * len(table)
        compounds = self._called(roles)
        given: dict[str, Role] = {plain(w): "negative" for w in self.negative}
        given |= {plain(w): "positive" for w in self.positive}
        words = {plain(k) for k in (*kinds, *compounds)}
        if unused := [w for w in (*self.negative, *self.positive) if plain(w) not in words]:
            raise self._error(f'no well is marked "{unused[0]}". {did_you_mean(unused[0], {*kinds, *compounds})}')
        out: list[Role] = []
        marks: dict[Role, dict[str, str]] = {"negative": {}, "positive": {}}
        for i, (kind, compound) in enumerate(zip(kinds, compounds, strict=True)):
            role = given.get(plain(kind)) or given.get(plain(compound)) or _role(kind)
            if role is None:
                raise self._error(self._open(kind), i)
            if role == "sample" and not given.get(plain(compound)):
                role = _role(compound) or "sample" if compound and plain(compound) not in WORDS["sample"] else role
                if role == "sample" and plain(compound) in OPEN:
                    raise self._error(self._open(compound), i)
            out.append(role)
            if role in marks:
                word = kind if _role(kind) == role or plain(kind) in given else compound
                marks[role].setdefault(plain(word), word)
        options: tuple[tuple[Role, str], ...] = (("negative", "--negative"), ("positive", "--positive"))
        for role, option in options:
            found = marks[role]
            if len(found) > 1 and not (self.negative if role == "negative" else self.positive):
                a, b = list(found.values())[:2]
                raise self._error(
                    f'wells marked "{a}" and wells marked "{b}" could both be the {role} control. Say which: '
                    f"{option} {a}, or both: {option} {a} {option} {b}."
                )
            said = self.negative if role == "negative" else self.positive
            if said:  # other controls have no part
                named = set(map(plain, said))
                for i, other in enumerate(out):
                    if other == role and named.isdisjoint((plain(kinds[i]), plain(compounds[i]))):
                        out[i] = "unused"
        if unused := out.count("unused"):
            self.notes.append(f"{unused:,} wells of other controls than those named were left out.")
        return out

    def _called(self, roles: Mapping[str, str]) -> list[str]:
        """What each row calls its compound; the word for a control, where that stands in another column of names."""
        table = self.table
        columns = [table.cells(roles["compound"])]
        names = table.named((*candidate_names("compounds"), *LABELS[1:]))
        columns += [table.cells(h) for h in names if h not in roles.values()]
        marks = {plain(w) for w in (*self.negative, *self.positive)}

        def marked(cell: str) -> bool:
            return bool(cell) and (plain(cell) in marks or _role(cell) not in (None, "sample"))

        return [next(filter(marked, cells), cells[0]) for cells in zip(*columns, strict=True)]

    def _open(self, word: str) -> str:
        return (
            f'"{word}" can be read as the negative control (no effect) or the positive one (full effect). Say which: '
            f'--negative "{word}" or --positive "{word}".'
            if "control" in plain(word)
            or plain(word) in ("ctrl", "kontrolle", "high", "low", "max", "min", "yes", "true", "medium", "media")
            else f'what are wells of the kind "{word}"? Name them sample, negative or positive, or say --negative '
            f'"{word}" or --positive "{word}".'
        )

    # -- doses

    def _doses(
        self, roles: Mapping[str, str], kinds: list[Role], values: Mapping[str, np.ndarray]
    ) -> tuple[str, list[float]]:
        """The unit of all doses, and each; a sample at dose 0 becomes a negative control."""
        table, name = self.table, roles["dose"]
        cells, decimal = table.column(name), table.decimal_of(name)
        header = _dose_name(name)[1]
        units = table.column(roles["dose unit"]) if "dose unit" in roles else None
        read: list[tuple[int, float, str]] = []
        out = [0.0] * len(table)
        for i, cell in enumerate(cells):
            if kinds[i] != "sample" or all(math.isnan(numbers[i]) for numbers in values.values()):
                continue
            number = parse_number(cell, decimal=decimal, file=table.file, row=table.row_numbers[i])
            if math.isnan(number.value):
                raise self._error(
                    f'column "{name}" is empty here. Write the dose; 0 is the control without compound.', i
                )
            if number.qualifier != "=" or number.value < 0:
                log = " Are these logarithms? Write doses as they are." if number.value < 0 else ""
                raise self._error(f'"{cell}" is no dose.{log}', i)
            if number.value == 0:
                kinds[i] = "negative"
                continue
            stated = [_molar(u) for u in (number.unit, units[i].strip() if units else "", header) if u]
            if len(stated) > 1 and any(factor_between(u, stated[0]) != 1 for u in stated):
                raise self._error(f'the dose "{cell}" is in {stated[0]} by one cell and in {stated[1]} by another.', i)
            read.append((i, number.value, stated[0] if stated else ""))
        if not read:
            return self.dose_unit or header, out
        found = Counter(unit for _, _, unit in read)
        if "" in found:
            i = next(i for i, _, unit in read if not unit)
            if len(found) > 1:
                raise self._error(f'the dose "{cells[i]}" has no unit, and others have {_other(found)}.', i)
            if not self.dose_unit:
                raise self._error(
                    f'in which unit are the doses? Write it into the name of the column, such as "{name} (µM)", or say '
                    "--dose-unit µM (dose_unit=...)."
                )
            found = Counter({self.dose_unit: len(read)})
            read = [(i, value, self.dose_unit) for i, value, _ in read]
        unit = self.dose_unit or found.most_common(1)[0][0]
        factors = {other: factor_between(other, unit) for other in found}
        for i, value, own in read:
            factor = factors[own]
            if factor is None:
                raise self._error(
                    f"this dose is in {own}, and others are in {unit}: without the molar mass of the compound one "
                    "cannot be converted into the other. Write all in one unit.",
                    i,
                )
            out[i] = converted(value, factor)
        if others := [other for other in found if factors[other] != 1]:
            self.notes.append(f"Doses in {', '.join(others)} were converted to {unit}.")
        self._refuse_swapped(roles, kinds, out, values)
        return unit, out

    def _refuse_swapped(
        self, roles: Mapping[str, str], kinds: list[Role], doses: list[float], values: Mapping[str, np.ndarray]
    ) -> None:
        """Refuse doses and readings that stand in each other's column: doses recur from compound to compound."""
        if len(values) != 1 or {"dose", "value"} <= set(self.given):
            return
        numbers = next(iter(values.values()))
        rows = [i for i, kind in enumerate(kinds) if kind == "sample" and not math.isnan(numbers[i])]
        compounds = {self.table.column(roles["compound"])[i] for i in rows}
        if len(rows) < 12 or len(compounds) < 2:
            return
        kept, changing = len({numbers[i] for i in rows}), len({doses[i] for i in rows})
        if kept <= len(rows) / 2 and changing > 0.9 * len(rows):
            raise self._error(
                f'"{roles["dose"]}" has {changing} different doses in {len(rows)} readings, and "{next(iter(values))}" '
                f"only {kept} different readings, as doses have: the two columns look swapped. Exchange their names; "
                f'or, if all is right, say so: --column "dose={roles["dose"]}" --column "value={next(iter(values))}".'
            )

    # -- responses

    def _response(self, values: Mapping[str, np.ndarray]) -> tuple[Response, float, bool]:
        """What the response is; what readings are multiplied by to be percent; whether they are normalised already."""
        header = self._names[0]
        name = plain(split_unit(header)[0])
        said: Any = "growth-rate" if name == "gr" else next((r for word, r in _SAYS if word in name), None)
        if self.response and said and self.response not in (said, "raw"):
            raise self._error(f'"{header}" is {said} by its name, and {self.response} was said. Correct one of them.')
        response: Any = self.response or said
        if response is None:
            raise self._error(
                f'what is "{header}"? Say --response viability (percent of the negative control), inhibition or '
                "activation (percent of the way from the negative to the positive control), growth-rate, or raw (as it "
                "stands)."
            )
        if response == "raw" or (said is None and not self._percent):
            return response, 1.0, False
        if self._percent:
            return response, 1.0, True
        largest = max(float(np.nanmax(np.abs(numbers))) for numbers in values.values())
        if 0.5 <= largest <= 2:
            self.notes.append(f"{header} was read as a share of 1 (its largest value is {largest:.3g}).")
            return response, 100.0, True
        if 10 < largest <= 1000 and response != "growth-rate":
            self.notes.append(f"{header} was read as percent (its largest value is {largest:.4g}).")
            return response, 1.0, True
        raise self._error(
            f'"{header}" can be percent, a share of 1, or a raw signal (its largest value is {largest:.4g}). Write '
            f'"{header} (%)" as its name, or name a raw signal otherwise (`signal`) and say --response {response}.'
        )

    # -- series

    def _refuse_twice(self, wells: Sequence[Well], columns: int) -> None:
        if columns > 1:
            return
        seen: dict[tuple[str, str], Well] = {}
        for well in wells:
            if not well.well:
                continue
            key = (well.plate, well.well)
            if (first := seen.setdefault(key, well)) is not well and (first.cells, first.role) == (
                well.cells,
                well.role,
            ):
                plate = f" of plate {well.plate}" if well.plate else ""
                raise MeasurementError(
                    f"well {well.well}{plate} stands in row {first.row} already. Correct one of the rows, or name the "
                    "plate of each (a column `plate`). Nothing was fitted.",
                    file=self.table.file,
                    row=well.row,
                )

    def _collected(
        self,
        wells: list[Well],
        response: Response,
        unit: str,
        priors: Mapping[tuple[str, str], Prior],
        checks: list[str],
        roles: Mapping[str, str],
    ) -> DoseReadings:
        wells = without_shifts(wells, response, self.notes)
        numbers: dict[tuple[str, str], int] = {}
        series_of = np.full(len(wells), -1)
        for k, well in enumerate(wells):
            if well.role == "sample":
                series_of[k] = numbers.setdefault((well.compound, well.cells), len(numbers))
        labels = self._labels(roles)
        order, ends = np.argsort(series_of, kind="stable"), np.bincount(series_of[series_of >= 0]).cumsum()
        members = np.split(order[(series_of < 0).sum() :], ends[:-1])
        series, too_few, renumbered = list[DoseSeries](), list[str](), np.full(len(numbers) + 1, -1)
        for j, ((compound, cells), own) in enumerate(zip(numbers, members, strict=True)):
            doses = np.array([wells[k].dose for k in own])
            responses = np.array([wells[k].response for k in own])
            if len(np.unique(doses)) < FEWEST:
                too_few.append(f"{compound} on {cells}" if cells else compound)
                continue
            found = {(wells[k].plate, wells[k].cells): priors[(wells[k].plate, wells[k].cells)] for k in own}
            prior = own_prior(list(found.values()), responses, response)
            renumbered[j] = len(series)
            series.append(DoseSeries(compound, cells, doses, responses, prior, labels.get((compound, cells), ())))
        if too_few:
            self.notes.append(
                f"{len(too_few)} of {len(numbers)} have fewer than {FEWEST} doses above 0 and no curve: "
                f"{', '.join(too_few[:5])}{' ...' if len(too_few) > 5 else ''}."
            )
        return DoseReadings(
            self.table.file,
            self.table.content_hash,
            unit,
            response,
            tuple(wells),
            tuple(series),
            renumbered[series_of],
            tuple(self.notes),
            tuple(checks),
            tuple(too_few),
        )

    def _labels(self, roles: Mapping[str, str]) -> dict[tuple[str, str], tuple[tuple[str, str], ...]]:
        """What other columns say of each series, where they say one thing."""
        table, used = self.table, {*roles.values(), *self._names}
        compounds = table.cells(roles["compound"])
        cells = table.cells(roles["cells"]) if "cells" in roles else [""] * len(table)
        names = [h for h in table.header if h not in used and plain(h) not in map(plain, ROLES["replicate"])]
        out: dict[tuple[str, str], dict[str, str]] = {}
        for name in names[:MOST_LABELS]:
            column, found = table.cells(name), dict[tuple[str, str], str]()
            for key, cell in zip(zip(compounds, cells, strict=True), column, strict=True):
                if cell and found.setdefault(key, cell) != cell:
                    break
            else:
                for key, cell in found.items():
                    out.setdefault(key, {})[name] = cell
        return {key: tuple(labels.items()) for key, labels in out.items()}


def _role(word: str) -> Role | None:
    key = plain(word)
    return next((role for role, words in WORDS.items() if key in words), None)


def _well(cell: str) -> str:
    place = parse_well(cell)
    return well_name(*place) if place else ""


def _other(found: Mapping[str, int]) -> str:
    return next(unit for unit in found if unit)


def _is_log(header: str) -> bool:
    name = plain(header)
    return name.startswith(("log", "p[")) and any(word in name for word in ("dose", "conc", "m]", "drug"))


def _dose_name(header: str) -> tuple[str, str]:
    """The plain name and the unit of a column of doses.

    >>> _dose_name("Conc (µM)"), _dose_name("dose_nM"), _dose_name("dose")
    (('conc', 'µM'), ('dose', 'nM'), ('dose', ''))
    """
    base, unit = split_unit(header)
    if not unit and (match := _DOSE_UNIT.fullmatch(base)):
        base, unit = match["base"], match["unit"]
        unit = unit[:-1] + "M" if unit[-1] in "mM" and "/" not in unit else unit
    return plain(base), unit.replace("um", "µM") if unit in ("um", "uM") else unit


def _molar(unit: str) -> str:
    """A unit of doses; no dose is a length, so that `um` is µM.

    >>> _molar("um"), _molar("nM"), _molar("mg/mL")
    ('uM', 'nM', 'mg/mL')
    """
    return f"{unit[:-1]}M" if unit in ("um", "µm", "μm", "nm", "pm", "mm") else unit


def _long(table: Table) -> Table:
    """A table whose columns are doses (`0`, `0.01 µM`, `0.1 µM` ...) as one with a row for each reading."""
    if any(_dose_name(h)[0] in set(map(plain, PARTS["dose"])) for h in table.header):
        return table
    doses: list[str] = []
    for header in table.header:
        try:
            number = parse_number(header)
        except InputError:
            continue
        if number.qualifier == "=" and (number.value == 0 or (number.value > 0 and number.unit not in ("", "%"))):
            doses.append(header)
    if len(doses) < FEWEST:
        return table
    rest = [i for i, header in enumerate(table.header) if header not in doses]
    columns = [[cell for cell in table.columns[i] for _ in doses] for i in rest]
    cells = [table.cells(dose)[row] for row in range(len(table)) for dose in doses]
    return replace(
        table,
        header=(*(table.header[i] for i in rest), "dose", "signal"),
        columns=(*columns, doses * len(table), cells),
        row_numbers=tuple(number for number in table.row_numbers for _ in doses),
    )


def _with_growth(table: Table, response: str | None) -> Table:
    """A table whose rows hold their own control and time zero (`cell_count__ctrl`, `cell_count__time0`), normalised.

    Source: Hafner et al. 2016, doi:10.1038/nmeth.3853: case A of the input of GRmetrics.

    >>> rows = {"cell_count": ["40"], "cell_count__ctrl": ["80"], "cell_count__time0": ["20"]}
    >>> _with_growth(as_table(rows), None).column("GR")
    ['0.41421356']
    """
    names = {plain(header): header for header in table.header}
    base = next(
        (name[:-5] for name in names if name.endswith("time0") and {name[:-5], f"{name[:-5]}ctrl"} <= {*names}), ""
    )
    if not base or response not in (None, "growth-rate", "viability"):
        return table
    own = [names[base + suffix] for suffix in ("", "ctrl", "time0")]
    value, control, begin = (table.values(name) for name in own)
    known = np.isfinite(value) & np.isfinite(control) & np.isfinite(begin)
    growth = response != "viability"
    if (wrong := np.flatnonzero(known & ~((control > begin) & (begin > 0) if growth else control > 0))).size:
        i = int(wrong[0])
        raise MeasurementError(
            f'the control did not grow here ("{own[1]}" {control[i]:g}, "{own[2]}" {begin[i]:g}): there is no growth '
            "rate. Nothing was fitted.",
            file=table.file,
            row=table.row_numbers[i],
        )
    value, control, begin = value[known], control[known], begin[known]
    if growth:
        told = 2.0 ** (np.log2(np.maximum(value, begin * 2.0**-20) / begin) / np.log2(control / begin)) - 1
    else:
        told = 100 * value / control
    cells = np.full(len(table), "", object)
    cells[known] = [f"{each:.8g}" for each in told]
    kept = [i for i, header in enumerate(table.header) if header not in own]
    return replace(
        table,
        header=(*(table.header[i] for i in kept), "GR" if growth else "viability (%)"),
        columns=(*(table.columns[i] for i in kept), cells.tolist()),
    )


def _joined(source: Any, layout: Table, sheet: str | None, notes: list[str]) -> Table:
    """One row for each reading: the columns of the layout, and the reading of each well; `notes` says what is left."""
    wells = layout.named(ROLES["well"])
    if not wells:
        raise layout.error(f"the layout has no column of wells. {layout.listed}")
    plate_column = layout.named(ROLES["plate"])
    plates = layout.column(plate_column[0]) if plate_column else [""] * len(layout)
    known = list(dict.fromkeys(plates))
    readings = _readings_by_well(source, known, sheet, layout)
    rows, cells = list[int](), list[str]()
    used: set[tuple[str, str]] = set()
    for i, cell in enumerate(layout.column(wells[0])):
        well = _well(cell)
        if not well:
            raise layout.error(f'"{cell}" is no well.', i)
        key = (plates[i], well)
        if key in used:
            raise layout.error(f"well {well} stands twice in the layout.", i)
        used.add(key)
        rows.append(i)
        cells.append(readings.get(key, ""))
    if not any(cells):
        raise layout.error("no well of the layout has a reading: are both of the same plate?")
    if left := sorted(" ".join(key).strip() for key, cell in readings.items() if cell and key not in used):
        notes.append(f"{len(left):,} readings of wells that the layout does not name were left out: {some(left, 3)}.")
    columns = tuple([column[i] for i in rows] for column in layout.columns)
    numbers = tuple(layout.row_numbers[i] for i in rows)
    return replace(layout, header=(*layout.header, "signal"), columns=(*columns, cells), row_numbers=numbers)


def _readings_by_well(
    source: Any, plates: Sequence[str], sheet: str | None, layout: Table
) -> dict[tuple[str, str], str]:
    blocks = source.blocks(sheet=sheet) if isinstance(source, Book) else []
    grids = [block for block in blocks if block.place]
    if len(grids) > 1:
        out: dict[tuple[str, str], str] = {}
        for block in grids:
            # also "Plate: P1", "Barcode = P1"
            words = {plain(part) for word in block.words for part in (word, re.split(r"[:=]", word)[-1])}
            named = [plate for plate in plates if plain(plate) in words]
            if len(named) != 1:
                raise layout.error(
                    f"the block in row {block.place} of the readings names no plate of the layout "
                    f"({some([p for p in plates if p]) or 'none'}). Write it into its corner or above it, and "
                    "into a column plate of the layout."
                )
            table = as_table(source, sheet=block.sheet or None, block=block.place)
            out |= {(named[0], well): cell for well, cell in _grid(table).items()}
        return out
    table = as_table(source, sheet=sheet)
    if grid_size(table):
        if len(plates) > 1:
            raise layout.error(f"the readings are of one plate, and the layout has {len(plates)}: {', '.join(plates)}.")
        return {(plates[0], well): cell for well, cell in _grid(table).items()}
    wells, named = table.named(ROLES["well"]), table.named(ROLES["plate"])
    values = [h for h in table.header if plain(split_unit(h)[0]) in set(map(plain, VALUES))]
    if not wells or len(values) != 1:
        raise table.error(f"no column of wells and one of readings. {table.listed}")
    places = table.column(named[0]) if named else [plates[0]] * len(table)
    if not named and len(plates) > 1:
        raise table.error(f"the layout has {len(plates)} plates, and no column says of which a reading is.")
    return {
        (place, _well(well)): cell
        for place, well, cell in zip(places, table.column(wells[0]), table.column(values[0]), strict=True)
    }


def _grid(table: Table) -> dict[str, str]:
    return {
        well_name(i, j): column[i] for j, column in enumerate(table.columns[1:]) for i in range(len(table)) if column[i]
    }
