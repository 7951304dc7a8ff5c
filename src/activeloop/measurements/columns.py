"""Columns of a table of results: long, wide, or shaped like a plate."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from activeloop.candidates import Pool, candidate_cells, named_column
from activeloop.candidates.labels import headers_of
from activeloop.errors import ConfigError, MeasurementError, did_you_mean, nearest
from activeloop.measurements.assay import Assay
from activeloop.measurements.outcomes import outcomes_hint
from activeloop.measurements.wells import SHAPES, row_index, well_name
from activeloop.tables import Table
from activeloop.tables.names import COUNTS, LABELS, ROLES, SPREADS, candidate_names, plain, split_unit
from activeloop.tables.numbers import Sign, convertible, factor_between, parse_number

#: role -> names under which its column is recognised
SYNONYMS: dict[str, tuple[str, ...]] = {"candidate": ("candidate", *candidate_names(), *LABELS[1:]), **ROLES}
#: the columns of the list of a plate as we write it
PLATE_LIST = (
    *("plate", "well", "kind", "candidate", "replicate"),
    *("rank", "predicted", "low", "high", "score", "reason"),
)
#: before the name of one of them where an assay has that name
OURS = "pick "
#: the roles of columns beside the values, in the order of `Entry`
BESIDE = ("unit", "candidate", "well", "plate", "replicate", "date", "kind")
_REPLICATE = re.compile(
    r"(?P<base>.*?)[\s_.\-#(]*(?:(?P<word>replicate|replikat|repeat|rep|r)?[\s_.\-#]*)(?P<number>\d+(?:[.,]\d+)?)\)?",
    re.IGNORECASE,
)
_UNIT_BEHIND = re.compile(r"(?P<name>.+?)(?:\s*[/,_:]\s*|\s+in\s+|\s+)(?P<unit>\S+(?: \S+)?)")
#: in brackets behind a reader's column: a wavelength or number, no unit
_SETTING = re.compile(r"\d+(?:[.,]\d+)?(?:\s*nm)?(?:\s*[/-]\s*\d+(?:\s*nm)?)?", re.IGNORECASE)
#: in brackets behind an assay's name: what the values are, not their unit
_MEANS = frozenset(
    map(plain, ("mean", "average", "avg", "median", "value", "mittelwert", "moyenne", "media", "gemiddelde"))
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One cell that should hold a value, and the cells of its row.

    Args:
        row: as a spreadsheet counts it.
        assay: what was measured.
        text: the cell.
        unit: from the header or the unit column, "" when none is given.
        decimal: decimal sign of its column.
        candidate, well, plate, date, kind: the cells of those columns, "" when there is no such column.
        replicate: from the header or its column, "" when none is given.
        error: standard error of the value, in the unit of the cell; 0 when not known.
    """

    row: int
    assay: Assay
    text: str
    unit: str
    decimal: Sign = "."
    candidate: str = ""
    well: str = ""
    plate: str = ""
    replicate: str = ""
    date: str = ""
    kind: str = ""
    error: float = 0.0


def check_names(assays: Sequence[Assay]) -> None:
    """Refuse assays whose columns could not be told apart.

    Raises:
        ConfigError: two names differ only in what does not count in the name of a column, or one names the candidate
            or well of a row.

    >>> check_names([Assay("activity 1"), Assay("Activity_1")])
    Traceback (most recent call last):
    activeloop.errors.ConfigError: the assays "activity 1" and "Activity_1" could not be told apart in a table, ...
    """
    first: dict[str, str] = {}
    for assay in assays:
        if (role := plain(assay.name)) in ("candidate", "well"):
            raise ConfigError(
                f'an assay cannot be called "{assay.name}": in tables of results, a column of that name names the '
                f"{role} of a row. Choose another name."
            )
        if other := first.get(plain(assay.name)):
            raise ConfigError(
                f'the assays "{other}" and "{assay.name}" could not be told apart in a table, where case, spaces, '
                "accents and signs such as _ - . do not count. Give each its own name."
            )
        first[plain(assay.name)] = assay.name


def find_entries(
    table: Table, assays: Sequence[Assay], columns: Mapping[str, str] | None, kind: str = "variants"
) -> tuple[list[Entry], dict[str, str], int]:
    """All cells that should hold values.

    Args:
        table: a table of results: long, wide, or shaped like a plate.
        assays: what may have been measured.
        columns: role (`candidate`, `well`, `value` ...) or assay name -> column, where names do not show it.
        kind: of the candidates, one of `activeloop.candidates.KINDS`.

    Returns:
        The entries in the order of the table; each column and what it was read as, "" where it was not read; wells of
        the plate whose shape the table has, 0 for other tables.

    Raises:
        MeasurementError: no column of values or of candidates is found, several columns could be meant, or a long table
            names an unknown assay.
        TableError: a named column is missing, its role is unknown, or a number could be read in two ways.
    """
    _refuse_unknown(table, columns or {}, assays)
    if decimal := (columns or {}).get("decimal"):
        if decimal not in (".", ","):
            raise table.error(
                f'the decimal sign is "." or ",", not "{decimal}" (--column decimal=,). No row was stored.'
            )
        table = replace(table, decimal=decimal)
    table, given = _with_units_named(table, assays, dict(columns or {}))
    size = grid_size(table)
    if size:
        only = _only(assays, table, "a table shaped like a plate")
        return list(_grid(table, only)), {f"{size} wells in the shape of a plate": only.name}, size
    table, dropped = _with_one_family(table, given)
    roles = find_roles(table, given, kind)
    if "assay" not in roles and "kind" in roles and "kind" not in given and _names_assays(table, roles["kind"], assays):
        roles["assay"] = roles.pop("kind")
    if "candidate" in roles and (hint := outcomes_hint(table, kind)):
        raise MeasurementError(f"{hint} No row was stored.", file=table.file)
    wide = _wide(table, assays, given, roles)
    long = "value" in roles and ("assay" in roles or not wide)
    values = [roles["value"]] if long else [c.name for c in wide]
    if values and not {"candidate", "well"} & set(roles):
        raise MeasurementError(
            "no column names the candidates or the wells. Say which it is: --column candidate=... or --column well=... "
            f'(columns={{"candidate": "..."}}). {table.listed} No row was stored.',
            file=table.file,
        )
    spreads = _spreads(table, assays, values, wide)
    if long and "value" not in given and len(several := table.named(ROLES["value"])) > 1:
        raise MeasurementError(
            f"which column holds the values: {', '.join(several)}? Say so: --column value={several[0]} "
            f'(columns={{"value": "{several[0]}"}}). No row was stored.',
            file=table.file,
        )
    used = [*roles.values(), *values]
    table, signs = with_signs(table, values, used)
    if long:
        cells = list(_long(table, assays, roles, spreads))
        read = {name: role for role, name in roles.items()}
    elif wide:
        cells = list(_rows(table, wide, roles, spreads))
        read = {name: role for role, name in roles.items() if role not in ("value", "assay")}
        read |= {column.name: _as_words(column) for column in wide}
    else:
        _refuse_logarithms(table, table.header, assays)
        names = ", ".join(a.name for a in assays)
        near = [(a.name, header) for a in assays for header in nearest(a.name, table.header)]
        meant = f'Did you mean "{near[0][1]}"? Then: --column "{near[0][0]}={near[0][1]}". ' if near else ""
        raise MeasurementError(
            f"no column of values. {meant}Name one after its assay ({names}), or `value` beside a column `assay`; "
            f"or say which it is (--column {assays[0].name}=..., in Python the argument columns). "
            f"{table.listed} No row was stored.",
            file=table.file,
        )
    read |= {column: "its standard deviation or error" for spread in spreads.values() for column in spread if column}
    if signs:
        read[signs] = "signs of limits"
    return cells, dict.fromkeys(dropped, "") | {header: read.get(header, "") for header in table.header}, 0


def _as_words(column: ValueColumn) -> str:
    parts = [f"in {column.unit}" if column.unit else "", f"replicate {column.replicate}" if column.replicate else ""]
    return ", ".join(filter(None, (column.assay.name, *parts)))


#: columns of ChEMBL: the value as it was published, and standardised
_PUBLISHED, _STANDARD = ("type", "relation", "value", "units"), "standard_"


def _with_one_family(table: Table, given: Mapping[str, str]) -> tuple[Table, tuple[str, ...]]:
    """The table with the standardised values of ChEMBL alone, or the published ones where these are named; and others.

    >>> t = Table("c.csv", ("value", "Standard Value", "units"), (["1"], ["1000"], ["uM"]), (2,), "")
    >>> _with_one_family(t, {})[1], _with_one_family(t, {"value": "value"})[1]
    (('value', 'units'), ('Standard Value',))
    """
    if not table.named([f"{_STANDARD}value"]):
        return table, ()
    published = table.named(_PUBLISHED)
    named = {table.find(name) for name in given.values()}
    out = table.named([_STANDARD + name for name in _PUBLISHED]) if named & {*published} else published
    kept = [i for i, header in enumerate(table.header) if header not in out]
    header, columns = tuple(table.header[i] for i in kept), tuple(table.columns[i] for i in kept)
    return replace(table, header=header, columns=columns), tuple(out)


def _names_assays(table: Table, column: str, assays: Sequence[Assay]) -> bool:
    """Whether a column such as `type` names assays: it holds one of the campaign, or the table is one of ChEMBL."""
    names = {plain(a.name) for a in assays}
    return not names.isdisjoint(map(plain, table.column(column))) or bool(table.named(["relation", "pchembl_value"]))


def _with_units_named(table: Table, assays: Sequence[Assay], given: dict[str, str]) -> tuple[Table, dict[str, str]]:
    """The table with the units of a row of units in its header, and `given` for that header.

    >>> t = Table("r.csv", ("well", "kcat"), (["", "A1"], ["1/s", "3"]), (2, 3), "")
    >>> named = _with_units_named(t, [Assay("kcat", "1/s")], {})[0]
    >>> named.header, named.columns, named.row_numbers
    (('well', 'kcat (1/s)'), (['A1'], ['3']), (3,))
    """
    top = {header: cells[0].strip() for header, cells in zip(table.header, table.columns, strict=True)}
    around = table.named([*SYNONYMS["candidate"], *SYNONYMS["well"]])
    words = {"", "-", "–", *map(plain, ROLES["unit"])}
    if not around or any(plain(top[header].strip("[]()")) not in words for header in around):
        return table, given
    names = {plain(a.name) for a in assays}
    values = [
        h for h in table.header if h in table.named(ROLES["value"]) or plain(split_unit(h)[0]).startswith(tuple(names))
    ]
    units = {h: text.strip("[]()") for h in values if _is_unit(text := top[h], assays)}
    if not units or any(top[h] for h in values if h not in units):
        return table, given
    header = tuple(f"{h} ({units[h]})" if h in units and not split_unit(h)[1] else h for h in table.header)
    renamed = dict(zip(table.header, header, strict=True))
    rest = replace(
        table, header=header, columns=tuple(cells[1:] for cells in table.columns), row_numbers=table.row_numbers[1:]
    )
    return rest, {role: renamed.get(table.find(name) or name, name) for role, name in given.items()}


def _is_unit(text: str, assays: Sequence[Assay]) -> bool:
    bare = text.strip("[]()")
    known = any(assay.unit and convertible(bare, assay.unit) for assay in assays)
    return bool(bare) and (known or (bare != text and not bare[0].isdigit()))


def _refuse_unknown(table: Table, given: Mapping[str, str], assays: Sequence[Assay]) -> None:
    known = [*SYNONYMS, "decimal", "block", *(a.name for a in assays)]
    if unknown := [role for role in given if role not in known]:
        raise table.error(
            f'"{unknown[0]}" is no role of a column of results (--column {unknown[0]}={given[unknown[0]]}). '
            f"{did_you_mean(unknown[0], known)} "
            f"Known: {', '.join(known)}. No row was stored."
        )


def grid_size(table: Table) -> int:
    """Wells of the plate whose shape the table has (1, 2, 3 ... across, A, B, C ... down); 0 when it has none.

    >>> t = Table("p.csv", ("column 1", *map(str, range(1, 7))), (list("ABCD"), *([["0"] * 4] * 6)), range(2, 6), "")
    >>> grid_size(t)
    24
    """
    shape = (len(table), len(table.header) - 1)
    across = [str(c + 1) for c in range(shape[1])]
    if [h.strip().removeprefix("0").removesuffix(".0") for h in table.header[1:]] != across or not across:
        return 0
    letters = [cell.strip().upper() for cell in table.columns[0]]
    down = all(re.fullmatch("[A-Z]{1,2}", t) and row_index(t) == i for i, t in enumerate(letters))
    return next((size for size, s in SHAPES.items() if s == shape and down), 0)


def _grid(table: Table, assay: Assay) -> Iterator[Entry]:
    corner = table.header[0]
    unit = split_unit(corner)[1] if plain(split_unit(corner)[0]) == plain(assay.name) else ""
    decimal = table.decimal_of(*table.header[1:])
    for column, name in enumerate(table.header[1:]):
        cells = table.column(name)
        for i, row in enumerate(table.row_numbers):
            yield Entry(row, assay, cells[i], unit, decimal, well=well_name(i, column))


@dataclass(frozen=True)
class ValueColumn:
    """A column that holds values of one assay."""

    name: str
    assay: Assay
    unit: str = ""
    replicate: str = ""


def _wide(
    table: Table, assays: Sequence[Assay], given: Mapping[str, str], roles: Mapping[str, str]
) -> list[ValueColumn]:
    found: list[ValueColumn] = []
    for assay in assays:
        if assay.name in given and assay.name not in SYNONYMS:
            table.column(given[assay.name])
            name = table.find(given[assay.name]) or given[assay.name]
            _refuse_logarithms(table, [name], [assay])
            unit = _own_unit(name, assay)[1]
            found.append(ValueColumn(name, assay, "" if _SETTING.fullmatch(unit) else unit))
            continue
        others = {plain(a.name) for a in assays if a is not assay}
        free = [h for h in table.header if plain(split_unit(h)[0]) not in others]
        found += _columns_of(table, free, assay, (assay.name,))
    if not found and len(assays) == 1 and "assay" not in roles:
        free = [h for h in table.header if h not in roles.values()]
        found = _columns_of(table, free, assays[0], ("", *ROLES["value"]))
        found = found if all(column.replicate for column in found) else []
    return found


def _columns_of(table: Table, headers: Sequence[str], assay: Assay, names: Sequence[str]) -> list[ValueColumn]:
    """The columns of an assay: one of its own name, or one for each replicate, numbered 1, 2, 3.

    Raises:
        MeasurementError: numbers behind the name that do not count replicates, or several columns of the one name.
    """
    keys = set(map(plain, names))
    exact: list[ValueColumn] = []
    means: list[ValueColumn] = []
    numbered: list[ValueColumn] = []
    counted: list[float] = []
    worded = True
    others: list[str] = []
    for header in headers:
        name, unit = _own_unit(header, assay)
        if re.fullmatch(r"\d{1,2}", unit):
            name, unit = f"{name} {unit}", ""
        key, match = plain(name), _REPLICATE.fullmatch(name)
        base, behind = _own_unit(match["base"], assay) if match else ("", "")
        condition = bool(re.match(r"\d(?!/)", unit))  # such as `activity (5 min)`
        around = {key.removeprefix(k) for k in keys if key.startswith(k)} | {
            key.removesuffix(k) for k in keys if key.endswith(k)
        }
        if key in keys and not condition:
            if not _is_spread(unit):
                (means if plain(unit) in _MEANS else exact).append(ValueColumn(header, assay, unit))
        elif around & _MEANS and not condition:
            means.append(ValueColumn(header, assay, unit))
        elif match and plain(base) in keys and not condition and (base or match["word"]):
            numbered.append(ValueColumn(header, assay, unit or behind, match["number"]))
            counted.append(float(match["number"].replace(",", ".")))
            worded &= len(match["word"] or "") > 1
        elif any(k and key.startswith(k) and re.search(r"\d", plain(header)[len(k) :]) for k in keys):
            others.append(header)  # such as `activity 5 min`
    replicates = sorted(counted) == list(range(1, len(counted) + 1)) or (
        worded and len(set(counted)) == len(counted) and all(number in range(1, 100) for number in counted)
    )
    exact = exact or (
        [] if numbered and replicates else [replace(c, unit=c.unit * (plain(c.unit) not in _MEANS)) for c in means]
    )
    if len(exact) > 1 or (exact and numbered):
        columns = ", ".join(f'"{h}"' for h in [c.name for c in (*exact, *numbered)])
        raise _unclear(table, assay, f"the columns {columns} could all be its values", exact[0].name)
    if exact:
        return exact
    if numbered and replicates:
        return numbered
    if odd := [*(c.name for c in numbered), *others]:
        columns = ", ".join(f'"{h}"' for h in odd)
        what = "the numbers in the columns" if len(odd) > 1 else "the number in the column"
        raise _unclear(table, assay, f"{what} {columns} may be times, doses or replicates", odd[0])
    return []


def _own_unit(header: str, assay: Assay) -> tuple[str, str]:
    """Name and unit of a column of an assay; without brackets, a unit that the assay's can be converted to counts.

    >>> _own_unit("KD / µM", Assay("KD", "nM")), _own_unit("KD_nM", Assay("KD", "nM")), _own_unit("KD_2", Assay("KD"))
    (('KD', 'µM'), ('KD', 'nM'), ('KD_2', ''))
    """
    if plain(header) == plain(assay.name):  # a name may have brackets of its own
        return assay.name, ""
    name, unit = split_unit(header)
    match = None if unit or not assay.unit else _UNIT_BEHIND.fullmatch(name)
    if match and convertible(match["unit"], assay.unit):
        return match["name"], match["unit"]
    return name, unit


#: in front of an assay's name: the logarithm of its values
_LOGARITHM = re.compile(
    r"(?P<minus>[-−–]?)\s*(?P<log>p|log_?10|log_?2|log|lg|ln)[\s_(]*(?P<base>.+?)\)?", re.IGNORECASE
)
#: assays of a concentration, also where none is named
_CONCENTRATIONS = frozenset(("ic50", "ec50", "xc50", "ac50", "gi50", "cc50", "ki", "kd", "km", "mic", "potency"))


def direction_note(name: str, how: str) -> str:
    """A note for a concentration of which no goal was given: more counts as better; "" for other quantities.

    Args:
        name: of the assay, or of its column.
        how: to say that less is better.

    >>> direction_note("IC50 (nM)", "give --minimise")
    'More IC50 counts as better, as nothing else was said. If less is better, give --minimise.'
    >>> direction_note("pIC50", "give --minimise")
    ''
    """
    quantity = split_unit(name)[0]
    if re.sub("^(ln|lg|log10|log)", "", plain(quantity)) not in _CONCENTRATIONS:
        return ""
    return f"More {quantity} counts as better, as nothing else was said. If less is better, {how}."


def _refuse_logarithms(table: Table, headers: Iterable[str], assays: Sequence[Assay], row: int | None = None) -> None:
    """Refuse logarithms of an assay's values under a name such as pIC50 or logKD, and values for an assay of that name.

    Raises:
        MeasurementError: one of the columns, or assays of a row, holds them.
    """
    for header in headers:
        for name, assay in product(dict.fromkeys((split_unit(header)[0], header)), assays):
            logarithm, values = _logarithm_of(name, assay.name), _logarithm_of(assay.name, name)
            concentration = _LOGARITHM.fullmatch(name if logarithm else assay.name)
            if not concentration or not (logarithm or values):
                continue
            molar = bool(assay.unit) and factor_between(assay.unit, "mol/L") is not None
            if concentration["log"] == "p" and not molar and plain(concentration["base"]) not in _CONCENTRATIONS:
                continue
            held, wanted = (f"{name} = {logarithm}", assay.name) if logarithm else (name, f"{assay.name} = {values}")
            unit = f" in {assay.unit}" if assay.unit else ""
            raise MeasurementError(
                f'"{header}" holds {held}, and this campaign measures {wanted}{unit}. Record the values of '
                f"{assay.name}{unit} themselves, or make an assay {name} (`activeloop new --assay {name}`). "
                "No row was stored.",
                file=table.file,
                row=row,
            )


def _logarithm_of(name: str, assay: str) -> str:
    """What a name says, where it is the logarithm of an assay; "" where it is not.

    >>> _logarithm_of("pIC50", "IC50"), _logarithm_of("log Kd", "KD"), _logarithm_of("pressure", "ressure!")
    ('-log10(IC50 in mol/L)', 'log(KD)', '')
    >>> _logarithm_of("ln_IC50", "IC50"), _logarithm_of("log2 EC50", "EC50")
    ('ln(IC50)', 'log2(EC50)')
    """
    match = _LOGARITHM.fullmatch(name.strip())
    if not match or plain(match["base"]) != plain(assay):
        return ""
    log = plain(match["log"])
    if log == "p":
        return f"-log10({assay} in mol/L)"
    return f"{match['minus']}{log if log in ('ln', 'log2') else 'log'}({assay})"


def impossible(assay: Assay, value: float) -> str:
    """Why a value of an assay of a concentration is none, and what to do; "" where it may be one.

    >>> impossible(Assay("IC50", "nM"), 3.0), impossible(Assay("ddG"), -1.0)
    ('', '')
    >>> impossible(Assay("IC50", "nM"), -3.0)
    'IC50 is a concentration, and -3 is none: is it a logarithm? Write the IC50 itself, or measure log IC50. ...'
    """
    if not value <= 0 or assay.goal == "classify" or assay.scale == "binary":
        return ""
    if plain(split_unit(assay.name)[0]) not in _CONCENTRATIONS:
        return ""
    if value:
        return (
            f"{assay.name} is a concentration, and {value:g} is none: is it a logarithm? Write the {assay.name} "
            f"itself, or measure log {assay.name}. Where nothing could be measured, write a limit (<1, >10) or failed."
        )
    return f"{assay.name} is a concentration, and never 0: write the limit that was reached (<1, >10), or failed."


def refuse_impossible(table: Table, assay: Assay, values: np.ndarray) -> None:
    """Refuse a table with a value that its assay cannot have, see `impossible`.

    Args:
        table: it.
        assay: what its values are.
        values: [n] one a row; NaN where there is none.

    Raises:
        TableError: there is one; names its row.
    """
    for i in np.flatnonzero(values <= 0)[:1].tolist():
        if why := impossible(assay, float(values[i])):
            raise table.error(why, i)


def result_header(assay: Assay) -> str:
    """The header of a column of results of an assay, as it is read back.

    >>> result_header(Assay("kcat", "1/s")), result_header(Assay("Tm (melting)", "°C"))
    ('kcat (1/s)', 'Tm (melting)')
    """
    header = f"{assay.name} ({assay.unit})"
    return header if assay.unit and _own_unit(header, assay) == (assay.name, assay.unit) else assay.name


def is_plate_list(table: Table) -> bool:
    """Whether a table has the columns that every list of a plate of ours has, whatever stands beside them."""
    header = {h.casefold().removeprefix(OURS) for h in table.header}
    return header.issuperset((*PLATE_LIST[:6], *PLATE_LIST[-2:]))


def label_headers(labels: Sequence[str], assays: Iterable[str]) -> dict[str, str]:
    """Under which header each label of a pool stands in the list of a plate; see `headers_of`.

    >>> label_headers(("ID", "Plate", "kcat"), ["kcat"])
    {'ID': 'ID', 'Plate': 'source Plate', 'kcat': 'pool kcat'}
    """
    predicted = [f"{name}{what}" for name in assays for what in ("", " predicted", " low", " high")]
    return headers_of(labels, (*PLATE_LIST, *predicted))


def without_labels(table: Table, pool: Pool, assays: Sequence[Assay]) -> Table:
    """A table of results by well and candidate without the labels of the pool, which our lists carry."""
    if not {"well", "candidate"}.issubset(h.casefold() for h in table.header):
        return table
    names = [a.name for a in assays]
    dropped = {header.casefold() for header in label_headers(pool.label_names, names).values()}
    filled = [h for h, cells in zip(table.header, table.columns, strict=True) if any(cells)]
    named = set(table.named(ROLES["value"]))
    for assay in assays if is_plate_list(table) else ():
        ours, predicted = result_header(assay), [f"{assay.name} {what}" for what in PLATE_LIST[6:9]]
        others = [h for h in filled if h in named or (plain(assay.name) in plain(h) and h not in predicted)]
        if ours not in filled and others:  # somebody wrote results into a column of their own
            dropped.add(ours.casefold())
    kept = [i for i, h in enumerate(table.header) if h.casefold() not in dropped]
    header, columns = (tuple(part[i] for i in kept) for part in (table.header, table.columns))
    return replace(table, header=header, columns=columns)


def _unclear(table: Table, assay: Assay, problem: str, such_as: str) -> MeasurementError:
    return MeasurementError(
        f'{assay.name}: {problem}. Say which column to read: --column "{assay.name}={such_as}" '
        f'(columns={{"{assay.name}": "{such_as}"}}), or name replicates "{assay.name} 1", "{assay.name} 2" ... '
        "No row was stored.",
        file=table.file,
    )


_SPREAD_NAMES = {what: frozenset(map(plain, names)) for what, names in SPREADS.items()}


def _is_spread(name: str) -> str:
    """`standard deviation`, `standard error` or `spread`, when a name says so; "" otherwise."""
    return next((what for what, names in _SPREAD_NAMES.items() if plain(name) in names), "")


def _spreads(
    table: Table, assays: Sequence[Assay], values: Sequence[str], wide: Sequence[ValueColumn]
) -> dict[str, tuple[str, str]]:
    """Column of means -> the column of their standard deviations and that of how many repeats they are of.

    A column of standard errors stands for both, the second being "".

    Beside a column a replicate, a measure of spread says nothing new and is not read.

    Raises:
        MeasurementError: there is a measure of spread from which no standard error follows.
    """
    found: dict[str, tuple[str, str]] = {}
    names = {plain(a.name) for a in assays} | {plain(split_unit(v)[0]) for v in values}
    single = [plain(split_unit(c.name)[0]) for c in wide if not c.replicate]
    for header in table.header:
        if header in values:
            continue
        name, unit = split_unit(header)
        text, what, own = plain(name), _is_spread(name), ""
        for known in filter(None, names):
            beside = _is_spread(unit) if text == known else ""
            beside = beside or (_is_spread(text[len(known) :]) if text.startswith(known) else "")
            beside = beside or (_is_spread(text[: -len(known)].removesuffix("of")) if text.endswith(known) else "")
            what, own = (beside, known) if beside else (what, own)
        if not what or (what == "spread" and not own):
            continue  # `error` or `range` alone may be anything
        replicated = bool(wide) and (not single or (own and own not in single))
        numbers = any(re.match(r"[-+±]?\s*\d", cell) for cell in table.cells(header)[:50])
        if replicated or not numbers:
            continue
        of = next((a for a in assays if plain(a.name) == own), None) or _assay_beside(table, header, assays, wide)
        means = [v for v in values if len(values) == 1 or plain(split_unit(v)[0]) == own]
        counts = _counts(table, own, values) if what == "standard deviation" else [""] * (what == "standard error")
        if len(means) == len(counts) == 1 and means[0] not in found:
            found[means[0]] = header, counts[0]
            continue
        raise MeasurementError(
            f'column "{header}" holds {"a measure of spread" if what == "spread" else f"{what}s"}. The noise of an '
            "assay is estimated from single measurements: give each of them its own row, or its own column "
            f'("{of.name} 1", "{of.name} 2" ...), instead of their mean; or give standard deviations, and in a '
            "column `n` how many measurements each mean is of; or delete the column, and each mean counts as one "
            "measurement. No row was stored.",
            file=table.file,
        )
    return found


def _counts(table: Table, own: str, values: Sequence[str]) -> list[str]:
    """The columns that say how many repeats means of an assay are of: those of its name, else those of any."""
    keys = set(map(plain, COUNTS))
    free = [h for h in table.header if h not in values]
    named = [h for h in free if own and {plain(h).removeprefix(own), plain(h).removesuffix(own)} & keys]
    return [h for h in named if plain(h) not in keys] or [h for h in table.named(COUNTS) if h in free]


def _standard_errors(table: Table, value: str, spread: tuple[str, str] | None) -> Sequence[float]:
    """Standard errors of the means in a column, in its unit; 0 where the file gives no deviation.

    Raises:
        MeasurementError: a deviation or a count is no number of its kind, or the deviations have another unit.

    >>> t = Table("r.csv", ("kcat", "SD", "n"), (["3", "4"], ["0.4", ""], ["4", "1"]), (2, 3), "")
    >>> _standard_errors(t, "kcat", ("SD", "n"))
    [0.2, 0.0]
    """
    if spread is None:
        return [0.0] * len(table)
    deviations, counts = spread
    units = [unit for unit in (split_unit(value)[1], split_unit(deviations)[1]) if unit and not _is_spread(unit)]
    if len(units) == 2 and factor_between(*units) != 1:
        raise MeasurementError(
            f'"{value}" and "{deviations}" are in different units. Write both in one. No row was stored.',
            file=table.file,
        )
    found, sign = [], table.decimal_of(deviations)
    numbers = table.column(counts) if counts else ["1"] * len(table)
    for row, deviation, count in zip(table.row_numbers, table.column(deviations), numbers, strict=True):
        sd = parse_number(deviation, decimal=sign, file=table.file, row=row)
        n = parse_number(count, file=table.file, row=row)
        if math.isnan(sd.value):
            found.append(0.0)
            continue
        if sd.value < 0 or sd.qualifier != "=" or n.qualifier != "=" or n.unit or not n.value >= 1 or n.value % 1:
            of = f' of "{count}" measurements ({counts})' if counts else ""
            whole = ", of a whole number of measurements from 1 on" if counts else ""
            raise MeasurementError(
                f'a standard {"deviation" if counts else "error"} of "{deviation}" ({deviations}){of} makes no sense: '
                f"it is 0 or more{whole}. Correct it. No row was stored.",
                file=table.file,
                row=row,
            )
        # of one value there is no deviation
        found.append(sd.value / math.sqrt(n.value) if n.value > 1 else 0.0 if counts else sd.value)
    return found


def _assay_beside(table: Table, header: str, assays: Sequence[Assay], wide: Sequence[ValueColumn]) -> Assay:
    """The assay whose values stand nearest before a column, else nearest behind it."""
    at, place = table.header.index(header), {c.assay: table.header.index(c.name) for c in wide}
    return min(place or {assays[0]: 0}, key=lambda assay: (place.get(assay, 0) > at, abs(place.get(assay, 0) - at)))


#: cells of a column that says whether a value is measured or a limit
_SIGNS = re.compile(r"(?:[<>=≤≥≦≧＜＞＝~≈]|<=|>=|=<|=>|<<|>>|<>)?")


def with_signs(table: Table, values: Sequence[str], used: Sequence[str]) -> tuple[Table, str | None]:
    """The table with the signs of limits that stand in a column of their own in front of the values, and that column.

    It is known by its cells, such as those of `standard_relation`: nothing but signs, of which one is not `=`.

    Raises:
        MeasurementError: there are several such columns, or one that may belong to several columns of values.

    >>> t = Table("r.csv", ("name", "op", "IC50"), (["a", "b"], [">", "="], ["10", "2"]), (2, 3), "")
    >>> with_signs(t, ["IC50"], ["name", "IC50"])[0].columns[-1]
    ['>10', '2']
    """
    signs: dict[str, list[str]] = {}
    for header, cells in zip(table.header, table.columns, strict=True):
        if header in used:
            continue
        bare = [cell.strip(" '\"") for cell in cells] if all(len(cell) <= 6 for cell in cells) else ["no sign"]
        if all(map(_SIGNS.fullmatch, bare)) and any(cell not in ("", "=", "＝") for cell in bare):
            signs[header] = bare
    if not signs:
        return table, None
    column, bare = next(iter(signs.items()))
    if len(signs) > 1 or len(values) > 1:
        others = f"; so may {', '.join([*signs][1:])}" if len(signs) > 1 else ""
        raise MeasurementError(
            f'column "{column}" holds signs of limits (such as "{next(filter(None, bare))}"), and it may belong to '
            f"several columns: {', '.join(values)}{others}. "
            "Write each sign into the cell of its value (>10). No row was stored.",
            file=table.file,
        )

    def joined(sign: str, text: str) -> str:
        repeated = sign[:1] in text.strip()[:1]
        return text if sign in ("", "=", "＝") or not text.strip() or repeated else f"{sign}{text.strip()}"

    at = table.header.index(values[0])
    cells = [joined(sign, text) for sign, text in zip(bare, table.columns[at], strict=True)]
    return replace(table, columns=(*table.columns[:at], cells, *table.columns[at + 1 :])), column


def _rows(
    table: Table, values: Sequence[ValueColumn], roles: Mapping[str, str], spreads: Mapping[str, tuple[str, str]]
) -> Iterator[Entry]:
    units, candidates, wells, plates, replicates, dates, kinds = _beside(table, roles)
    for value in values:
        decimal = table.decimal_of(*(v.name for v in values if v.assay is value.assay))
        numbers = [value.replicate] * len(table) if value.replicate else replicates
        errors = _standard_errors(table, value.name, spreads.get(value.name))
        around = zip(units, candidates, wells, plates, numbers, dates, kinds, errors, strict=True)
        for row, text, (unit, *beside) in zip(table.row_numbers, table.column(value.name), around, strict=True):
            yield Entry(row, value.assay, text, value.unit or unit, decimal, *beside)


def _long(
    table: Table, assays: Sequence[Assay], roles: Mapping[str, str], spreads: Mapping[str, tuple[str, str]]
) -> Iterator[Entry]:
    which = table.column(roles["assay"]) if "assay" in roles else None
    only = _only(assays, table, "a table without a column `assay`") if which is None else None
    by_name = {plain(a.name): a for a in assays}
    if only:
        _refuse_logarithms(table, [roles["value"]], [only])
    decimal = table.decimal_of(roles["value"])
    errors = _standard_errors(table, roles["value"], spreads.get(roles["value"]))
    cells, around = table.column(roles["value"]), zip(*_beside(table, roles), errors, strict=True)
    for i, (row, text, (unit, *beside)) in enumerate(zip(table.row_numbers, cells, around, strict=True)):
        base, own = split_unit(which[i]) if which else ("", "")
        assay = only or by_name.get(plain(which[i] if which else "")) or by_name.get(plain(base))
        if assay is None:
            _refuse_logarithms(table, [base], assays, row)
            raise MeasurementError(
                f'"{base}" is not an assay of this campaign ({", ".join(a.name for a in assays)}). '
                f"{did_you_mean(base, [a.name for a in assays])} Correct the name or add the assay. No row was stored.",
                file=table.file,
                row=row,
            )
        column_unit = _own_unit(roles["value"], assay)[1] if not unit and not own else ""
        column_unit = "" if plain(column_unit) in _MEANS else column_unit
        yield Entry(row, assay, text, unit or own or column_unit, decimal, *beside)


def _beside(table: Table, roles: Mapping[str, str]) -> list[list[str]]:
    """The columns beside the values: unit, and then as in `Entry`; empty cells for one that the table does not have."""
    columns = {role: table.column(name) for role, name in roles.items() if role in BESIDE}
    if "candidate" in roles and "well" not in roles:
        columns["candidate"] = candidate_cells(table, roles["candidate"], skip_empty=True)
    nothing = [""] * len(table)
    return [columns.get(role, nothing) for role in BESIDE]


def _only(assays: Sequence[Assay], table: Table, what: str) -> Assay:
    if len(assays) == 1:
        return assays[0]
    raise MeasurementError(
        f"{what} can hold one assay, and there are {len(assays)} ({', '.join(a.name for a in assays)}). Write a table "
        f"with a column for each, named after it ({assays[0].name}), or with a column `assay`. No row was stored.",
        file=table.file,
    )


def find_roles(table: Table, given: Mapping[str, str], kind: str = "variants") -> dict[str, str]:
    """The column of each role that the table has; `given` wins over the names.

    Raises:
        TableError: a column in `given` is missing.
    """
    roles: dict[str, str] = {}
    for role, names in SYNONYMS.items():
        if role in given:
            table.column(given[role])  # refuses a missing column
            roles[role] = table.find(given[role]) or given[role]
            continue
        if role == "candidate":
            free = [found for found in [named_column(table, kind, names)] if found]
        else:
            free = [found for found in table.named(names) if found not in roles.values()]
        if free:
            roles[role] = free[0]
    # Where wells are named, a number or barcode beside them is the plate's or the instrument's, not a candidate's.
    numbers = set(LABELS) - set(candidate_names())
    if "well" in roles and "candidate" not in given and roles.get("candidate") in table.named(numbers):
        del roles["candidate"]
    return roles
