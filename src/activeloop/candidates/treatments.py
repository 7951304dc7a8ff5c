"""How treatments are written: cells under one compound or a pair of compounds, at a dose or without one.

In a name bars stand between the parts, `A375 | dabrafenib + trametinib | 0.1 uM`; in tables each part has its column.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import final

from activeloop.candidates.designs import Design, Treatment
from activeloop.candidates.notation import Notation
from activeloop.candidates.panel import Panel
from activeloop.errors import NotationError
from activeloop.tables import Table
from activeloop.tables.names import PARTS, plain, split_unit
from activeloop.tables.numbers import parse_number
from activeloop.words import some

#: what stands between parts, and between the compounds of a pair
BAR, PLUS = "|", " + "
#: the parts of treatments, in the order in which they are written
FIELDS = ("cells", "compound", "dose")
#: units of concentration, in micromolar and in micrograms per millilitre
_UNITS = {
    **{"m": ("uM", 1e6), "mm": ("uM", 1e3), "um": ("uM", 1.0), "nm": ("uM", 1e-3), "pm": ("uM", 1e-6)},
    **{"mol/l": ("uM", 1e6), "mmol/l": ("uM", 1e3), "umol/l": ("uM", 1.0), "nmol/l": ("uM", 1e-3)},
    **{"mg/ml": ("ug/mL", 1e3), "ug/ml": ("ug/mL", 1.0), "ng/ml": ("ug/mL", 1e-3), "g/l": ("ug/mL", 1e3)},
    "mg/l": ("ug/mL", 1.0),
}
#: units that are no dose, and what they are
_OTHER = {
    **dict.fromkeys(("nl", "ul", "ml", "l"), "a volume"),
    **dict.fromkeys(("s", "sec", "min", "h", "hr", "hours", "d", "day", "days"), "a time"),
}
_MICRO = str.maketrans("µμ", "uu")
#: a column of the doses of one compound of a pair, or of logarithms: what stands beside its name
_EACH, _LOGARITHM = (
    re.compile(r"(?:drug|compound|cpd|agent)?(?:[12ab]|row|col|r|c)"),
    re.compile(r"(lg|ln|log|log10|log2)(m|um|nm)?"),
)
_DOSE = re.compile(r"\s*(?P<number>[^\sa-zA-Zµμ%]+(?:[eE][+-]?\d+)?)\s*(?P<unit>[a-zA-Zµμ%].*)?")


def dose_name(text: str, unit: str = "") -> str:
    """A dose as a number and the unit in which all are compared: micromolar, or micrograms per millilitre.

    Args:
        text: number, with or without its unit.
        unit: where the text names none, such as that of its column.

    Raises:
        NotationError: no number above 0, or a unit that is not known.

    >>> dose_name("100 nM"), dose_name("0.1", "µM"), dose_name("2 mg/L")
    ('0.1 uM', '0.1 uM', '2 ug/mL')
    >>> dose_name("0.1")
    Traceback (most recent call last):
    activeloop.errors.NotationError: the dose "0.1" has no unit. Write it behind the number (0.1 uM) or in the name ...
    """
    match = _DOSE.fullmatch(text)
    value = parse_number(match["number"], decimal=".").value if match else math.nan
    if match is None or not math.isfinite(value):
        raise NotationError(f'"{text}" is no dose. Write a number and its unit, such as 0.1 uM.')
    written = (match["unit"] or unit).strip()
    if not written:
        raise NotationError(
            f'the dose "{text}" has no unit. Write it behind the number (0.1 uM) or in the name of the column, such as '
            "dose (uM)."
        )
    if value <= 0:
        why = "is 0: that is an untreated control, no treatment" if value == 0 else "is below 0"
        fix = "Correct it, or leave the row out"
        fix += ". Readings at doses, with their controls, are fitted first: `activeloop curves`" if value == 0 else ""
        raise NotationError(f'the dose "{text}" {why}. {fix}.')
    if what := _OTHER.get(written.translate(_MICRO).casefold()):
        raise NotationError(f'the dose "{text}" is in {written}, which is {what}. Write the concentration in the well.')
    base, factor = _UNITS.get(written.translate(_MICRO).casefold(), (written, 1.0))
    return f"{value * factor:.6g} {base}"


def mixed_units(doses: Iterable[str]) -> tuple[str, str] | None:
    """Two units of doses, as `dose_name` writes them, that cannot be converted into each other; None without such.

    >>> mixed_units(["1 uM", "10 uM"]), mixed_units(["1 uM", "2 mg/kg"])
    (None, ('uM', 'mg/kg'))
    """
    units = list(dict.fromkeys(dose.partition(" ")[2] for dose in doses if dose))
    return (units[0], units[1]) if len(units) > 1 else None


def mixed(units: tuple[str, str]) -> str:
    """What is wrong with doses in two units."""
    return (
        f"doses are in {units[0]} and in {units[1]}, which cannot be converted into each other. Write all in one unit."
    )


@final
class TreatmentNotation(Notation):
    """Treatments as people write them: parts between bars, names and synonyms of the panels.

    Args:
        combined: compounds of one treatment: 1 or 2.
        dosed: whether a dose belongs to each.
        cells, compounds: resolve what people write to the names in the pool.
        unit: of doses without one.

    >>> TreatmentNotation().design("A375|vemurafenib").name
    'A375 | vemurafenib'
    """

    def __init__(
        self,
        combined: int = 1,
        dosed: bool = False,
        cells: Panel = Panel(),  # noqa: B008 (frozen)
        compounds: Panel = Panel(),  # noqa: B008 (frozen)
        unit: str = "",
    ):
        self.combined, self.dosed, self.unit = combined, dosed, unit
        self._cells, self._compounds = cells, compounds

    def design(self, text: str) -> Treatment:
        """The treatment a text stands for."""
        parts = [part.strip() for part in text.split(BAR)]
        wanted = 3 if self.dosed else 2
        form = " | ".join(("CELLS", "DRUG + DRUG" if self.combined == 2 else "DRUG", *(["DOSE"] if self.dosed else [])))
        if len(parts) != wanted or not all(parts):
            raise NotationError(f'"{text}" is no treatment here: write {form}.')
        compounds = [part.strip() for part in parts[1].split(PLUS) if part.strip()]
        if len(compounds) > self.combined:
            raise NotationError(f'"{text}" names {len(compounds)} compounds; here a treatment has {self.combined}.')
        return self.of(parts[0], compounds, parts[2] if self.dosed else "")

    def of(self, cells: str, compounds: Iterable[str], dose: str = "") -> Treatment:
        """The treatment of some parts, under the names in the pool; the order of compounds means nothing."""
        named = sorted(self._compounds.resolve(each) or each for each in compounds)
        if len(named) > 1 and named[0] == named[1]:
            raise NotationError(f'"{named[0]}" is combined with itself. Name two compounds, or one.')
        line = self._cells.resolve(cells) or cells
        wrong = next((part for part in (line, *named) if BAR in part), None)
        if wrong is not None:
            raise NotationError(f'"{wrong}" holds a bar, which stands between the parts of a treatment. Rename it.')
        return Treatment(line, tuple(named), dose_name(dose, self.unit) if self.dosed else "")

    def key(self, design: Design) -> str:
        """The name."""
        return design.name


def notation_of(names: Iterable[str]) -> TreatmentNotation:
    """The notation of written treatments: whether they have doses, and how many compounds.

    >>> notation_of(["A375 | a + b | 1 uM"]).combined, notation_of(["A375 | a"]).dosed
    (2, False)
    """
    parts = [name.split(BAR) for name in names]
    combined = 2 if any(PLUS in each[1] for each in parts if len(each) > 1) else 1
    return TreatmentNotation(combined, any(len(each) > 2 for each in parts))


def treatment_columns(table: Table) -> dict[str, str]:
    """The columns of the parts of treatments: `cells`, `compound`, and where there are any `second` and `dose`.

    Args:
        table: the table.

    Raises:
        TableError: cells or compound cannot be found, or it is not clear which column holds the dose.
    """
    found: dict[str, str] = {}
    for part, names in PARTS.items():
        free = [name for name in table.named(names) if name not in found.values()]
        if part != "dose" and free:
            found[part] = free[0]
    if dose := _column_of_doses(table, found.values()):
        found["dose"] = dose
    missing = [part for part in FIELDS[:2] if part not in found]
    if missing:
        raise table.error(
            f"which column names the {' and the '.join(missing)} of each treatment? Call it "
            f"{' and '.join(PARTS[part][0] for part in missing)}. {table.listed}"
        )
    return found


def dose_column(header: str) -> tuple[str, str]:
    """What a column is to the dose, and its unit, in brackets or behind the name.

    Returns:
        `dose`; `each`: of one compound of a pair; `logarithm`; or empty: something else.

    >>> dose_column("Dose (nM)"), dose_column("conc_uM"), dose_column("concentration_ug_per_ml")
    (('dose', 'nM'), ('dose', 'uM'), ('dose', 'ug/ml'))
    >>> dose_column("drugA Conc (uM)"), dose_column("log10 dose")[0], dose_column("MAX_CONC")[0]
    (('each', 'uM'), 'logarithm', '')
    """
    name, unit = split_unit(header)
    words = [word for word in re.split(r"[\s_.\-]+", name.translate(_MICRO)) if word]
    if not unit:
        for i in range(1, len(words)):
            tail = "/".join(word for word in words[i:] if word.casefold() != "per")
            if tail.casefold() in _UNITS:
                words, unit = words[:i], tail
                break
    doses, whole = set(map(plain, PARTS["dose"])), plain("".join(words))
    if whole in doses:
        return ("logarithm" if _LOGARITHM.match(unit.casefold()) else "dose"), unit
    for dose in doses:
        for rest in (whole.removeprefix(dose), whole.removesuffix(dose)):
            if rest != whole and _EACH.fullmatch(rest):
                return "each", unit
            if rest != whole and _LOGARITHM.fullmatch(rest):
                return "logarithm", unit
    return "", ""


def _column_of_doses(table: Table, taken: Iterable[str]) -> str:
    """The column of doses, empty without one; refuses several, logarithms, and one for each compound."""
    kinds = {name: dose_column(name)[0] for name in table.header if name not in taken}
    doses, each, logarithms = ([n for n, kind in kinds.items() if kind == k] for k in ("dose", "each", "logarithm"))
    if len(doses) > 1:
        raise table.error(f"which column holds the dose, {some(doses)}? Keep one, and rename the others.")
    if doses:
        return doses[0]
    if each:
        raise table.error(
            f"columns {some(each)} look like a dose of each compound of a pair; a pair has one dose here. Keep the "
            "rows of one fixed ratio, with the dose of the first compound in a column `dose`, or write compound and "
            "dose together as the compound (`drug A 1 uM`)."
        )
    if logarithms:
        raise table.error(
            f"column {some(logarithms)} looks like logarithms of doses. Write the doses themselves, in a column such "
            "as dose (uM); or rename it where it is none."
        )
    return ""


def with_treatments(
    table: Table,
    resolve: Callable[[str, str], str | None] | None = None,
    *,
    required: bool = True,
    controls: Iterable[str] = (),
) -> Table:
    """A table with one column `treatment` in the place of the columns of the parts; itself where it has one.

    Args:
        table: the table.
        resolve: from a part and what people call it to its name in the pool; None where it is not known.
        required: refuse a table without these columns; else it is given back as it is, such as one of wells.
        controls: compounds that are controls, such as DMSO: their rows are called after them, whatever the dose.

    Raises:
        TableError: a part is missing, or its dose cannot be read; names the row.
    """
    if table.named(("treatment", "treatments")):
        return table
    if not required and not (table.named(PARTS["cells"]) and table.named(PARTS["compound"])):
        return table
    found = treatment_columns(table)
    cells = {part: table.cells(name) for part, name in found.items()}
    unit = dose_column(found["dose"])[1] if "dose" in found else ""
    names: list[str] = []
    doses: list[str] = []
    named = {plain(name): name for name in controls}
    for i in range(len(table)):
        drugs = [cells["compound"][i], *([cells["second"][i]] if "second" in found else [])]
        drugs = [drug for drug in drugs if drug]
        line = cells["cells"][i]
        if len(drugs) == 1 and plain(drugs[0]) in named and not (resolve and resolve("compound", drugs[0])):
            names.append(named[plain(drugs[0])])
            continue
        if resolve:
            try:
                drugs, line = [resolve("compound", drug) or drug for drug in drugs], resolve("cells", line) or line
            except NotationError as error:
                raise table.error(f"{error.problem} No row was stored.", i) from None
        parts = [line, PLUS.join(sorted(drugs))]
        if not all(parts):
            if any(parts):
                raise table.error(f"the {'cells' if drugs else 'compound'} of this treatment are empty. Fill in.", i)
            names.append("")
            continue
        if "dose" in found:
            own = cells["dose unit"][i] if "dose unit" in found else unit
            try:
                parts.append(dose_name(cells["dose"][i], own))
            except NotationError as error:
                raise table.error(error.problem, i) from None
            if parts[-1] not in doses:
                doses.append(parts[-1])
                if units := mixed_units(doses):
                    raise table.error(mixed(units), i)
        names.append(f" {BAR} ".join(parts))
    rest = [i for i, name in enumerate(table.header) if name not in found.values()]
    return replace(
        table,
        header=("treatment", *(table.header[i] for i in rest)),
        columns=(names, *(table.columns[i] for i in rest)),
    )
