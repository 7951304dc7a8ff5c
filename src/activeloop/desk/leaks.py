"""What would make an evaluation on a table look better than the laboratory will: leaks, before anything is fitted."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from activeloop.candidates.compounds import without_salt
from activeloop.candidates.panel import written_as
from activeloop.candidates.treatments import dose_column
from activeloop.errors import InputError, MissingExtraError, NotationError
from activeloop.measurements.doses import WORDS
from activeloop.tables import Table, as_table
from activeloop.tables.names import NAMES, PARTS, ROLES, candidate_names, plain, split_unit

#: fingerprints more alike than this are near twins; more structures than this are not compared
SIMILAR, MOST = 0.85, 6000
#: groups of rows that are named, and rows of each
NAMED, ROWS = 5, 4
#: letters of a name that are shown
LONG = 60
_STRUCTURES = ("smiles", "canonical_smiles", "isomeric_smiles", "structure", "std_smiles", "rdkit_smiles")
_COMPOUNDS = ("compound", "compound_name", "drug", "drug_name", "molecule", "ligand", "inhibitor", *NAMES)
#: where none of these is there
_CATALOGUES = ("cmpd_id", "cmpd", "molecule_id", "mol_id", "substance_id", "catalog_id", "catalog_number")
_IDS = ("pubchem", "pubchem_cid", "cid", "inchikey", "inchi_key", "cas", "cas_number", "chembl_id", "drugbank_id")
_SYNONYMS = ("synonyms", "synonym", "aliases", "other_names")
_SPLITS = ("split", "fold", "cv_fold", "set", "subset", "partition", "train_test", "train/test", "is_test", "is_train")
_DONORS = ("donor", "donor_id", "patient", "patient_id", "subject", "individual", "animal", "mouse")
_CONDITIONS = (
    *("treatment", "condition", "group", "arm", "dose", "concentration", "stimulation", "timepoint", "time"),
    *("batch_condition", "genotype", "perturbation"),
)
_PAIR = re.compile(r"(?P<base>.*?)[\s_.-]*(?:(?P<one>a|1|row|first)|(?P<two>b|2|col|second))", re.I)


@dataclass(frozen=True)
class Leak:
    """One kind of leak, or that there is none of it.

    Args:
        check: its name.
        verdict: `ok`; `warning`: an evaluation that splits rows at random is too good; `failed`: the data contradict
            themselves, or the split that they bring is one that leaks.
        found: what was found, in words.
        fix: what to do; "" when there is nothing to do.
        count: groups of rows.
        rows: the first of these groups: spreadsheet rows, behind the file's name where there are several files.
    """

    check: str
    verdict: Literal["ok", "warning", "failed"]
    found: str
    fix: str = ""
    count: int = 0
    rows: tuple[tuple[str, ...], ...] = ()

    def line(self) -> str:
        """As the terminal shows it."""
        return f"{self.verdict:8} {self.check}: {self.found}" + (f" -> {self.fix}" if self.fix else "")

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def find_leaks(files: Sequence[Any], columns: Mapping[str, str] | None = None) -> Iterator[Leak]:
    """Look for leaks in tables; two tables are looked at as history and campaign, or training and test.

    Compared are structures (salts, tautomers and spellings of one compound; stereoisomers; Tanimoto similarity above
    .85 of Morgan fingerprints), names that differ in signs only or are listed as synonyms, pairs that stand both ways
    round, rows of one candidate, compound, cells, scaffold or donor on both sides of a split, and plates that cannot be
    told from a condition.

    Args:
        files: tables, as files or DataFrames.
        columns: role (`structure`, `compound`, `cells`, `split`, `plate`, `donor`, `value`) -> column.

    Raises:
        TableError: a file is no table, or a named column is missing.
        InputError: a role is unknown.
    """
    known = ("structure", "compound", "cells", "split", "plate", "donor", "value")
    if wrong := [role for role in columns or {} if role not in known]:
        raise InputError(f'"{wrong[0]}" is no role here. There are {", ".join(known)}.')
    tables = [_Rows.of(as_table(file), dict(columns or {}), len(files) > 1) for file in files]
    if not any(t.has or _pair_columns(t.table) for t in tables):
        raise InputError(
            "no column of structures, compounds, cells, candidates or plates is known here. Say which it is: --column "
            f"compound=... {tables[0].table.listed}"
        )
    yield from _structures(tables)
    yield from _names(tables)
    yield from _pairs(tables)
    for rows in tables:
        yield from _repeats(rows)
        yield from _split(rows)
        yield from _plates(rows)
    if len(tables) > 1:
        yield from _between(tables)


@dataclass(frozen=True)
class _Rows:
    """A table and what its columns mean."""

    table: Table
    prefix: str
    has: Mapping[str, str]  # role -> column
    parents: list[str]  # [rows] structure without salts; "" where there is none
    problems: list[str]

    @classmethod
    def of(cls, table: Table, given: dict[str, str], several: bool) -> _Rows:
        has: dict[str, str] = {}
        for role, column in given.items():
            table.column(column)
            has[role] = table.find(column) or column
        names = {
            "structure": _STRUCTURES,
            "donor": _DONORS,
            "cells": PARTS["cells"],
            "plate": ROLES["plate"],
            "split": _SPLITS,
            "synonyms": _SYNONYMS,
            "compound": (*_COMPOUNDS, *PARTS["compound"], *_CATALOGUES),
            "candidate": candidate_names(),
            "value": ROLES["value"],
            "replicate": ROLES["replicate"],
        }
        for role, words in names.items():
            if role not in has and (found := [h for h in table.named(words) if h not in has.values()]):
                has[role] = found[0]
        parents, problems = [""] * len(table), []
        if "structure" in has:
            parents, problems = _parents(table.cells(has["structure"]))
        return cls(table, f"{table.file}: " if several else "", has, parents, problems)

    def cells(self, role: str) -> list[str]:
        """The cells of a role's column; empty ones where there is none."""
        if role not in self.has:
            return [""] * len(self.table)
        return self.table.columns[self.table.header.index(self.has[role])]

    def row(self, i: int) -> str:
        """How row `i` is named."""
        return f"{self.prefix}row {self.table.row_numbers[i]}"

    def identity(self) -> tuple[str, list[str]]:
        """What tells candidates apart here, and each row's."""
        if any(self.parents):
            return "compound", self.parents
        for role in ("compound", "candidate", "cells"):
            if role in self.has:
                return role, [_signless(cell) for cell in self.cells(role)]
        return "", [""] * len(self.table)


def _parents(cells: Sequence[str]) -> tuple[list[str], list[str]]:
    """Structures without salts, and why others have none."""
    from activeloop.candidates.compounds import parent_structure

    out, problems = [], []
    for cell in cells:
        try:
            out.append(parent_structure(cell) if cell else "")
        except NotationError as error:
            out.append("")
            problems.append(error.problem)
        except ImportError as error:
            raise MissingExtraError("comparing structures", "chem") from error
    return out, problems


def _groups(keys: Iterable[Hashable], *, but: Hashable = "") -> dict[Any, list[int]]:
    out: dict[Any, list[int]] = defaultdict(list)
    for i, key in enumerate(keys):
        if key != but:
            out[key].append(i)
    return out


def _leak(
    check: str,
    verdict: Literal["warning", "failed"],
    words: Callable[[int, str], str],
    fix: str,
    groups: Sequence[Sequence[str]],
    shown: Sequence[str],
    clean: str,
) -> Leak:
    """A leak from groups of rows, each with a word for it; `ok` where there are none."""
    if not groups:
        return Leak(check, "ok", clean)
    named = ", ".join(word if len(word) <= LONG else f"{word[:LONG]}..." for word in shown[:NAMED])
    named += f" and {len(groups) - NAMED} more" if len(groups) > NAMED else ""
    rows = tuple(tuple(group[:ROWS]) for group in groups[:NAMED])
    return Leak(check, verdict, words(len(groups), named), fix, len(groups), rows)


# -- the same compound


def _structures(tables: Sequence[_Rows]) -> Iterator[Leak]:
    with_structures = [t for t in tables if "structure" in t.has]
    if not with_structures:
        return
    if problems := [problem for t in with_structures for problem in t.problems]:
        words = f"{len(problems):,} have no one structure and were not compared; the first: {problems[0]}"
        yield Leak("structures", "warning", words, "Correct them.", len(problems))
    salts, spellings, seen = [], [], [(t, i) for t in with_structures for i in range(len(t.table))]
    by_parent = _groups((t.parents[i] for t, i in seen))
    columns = {id(t): t.cells("structure") for t in with_structures}
    for parent, members in by_parent.items():
        kinds = {columns[id(seen[k][0])][seen[k][1]] for k in members}
        if len(kinds) > 1:
            several = len({"." in kind for kind in kinds}) > 1 or all("." in kind for kind in kinds)
            (salts if several else spellings).append((parent, [seen[k][0].row(seen[k][1]) for k in members]))
    for check, found, what in (
        ("salts", salts, "one compound with and without a counter-ion or solvent, or as several salts"),
        ("twins", spellings, "one compound under several SMILES (spelling, charge or tautomer)"),
    ):
        yield _leak(
            check,
            "warning",
            lambda count, named, what=what: f"{what} ({count:,} found): {named}.",
            "Count them as one candidate: activeloop does, and so must any split.",
            [rows for _, rows in found],
            [parent for parent, _ in found],
            "no compound stands here in several forms.",
        )
    yield from _near(by_parent, seen)


def _near(by_parent: Mapping[str, Sequence[int]], seen: Sequence[tuple[_Rows, int]]) -> Iterator[Leak]:
    """Stereoisomers, and structures that are nearly the same."""
    from rdkit import Chem, DataStructs, rdBase
    from rdkit.Chem import rdFingerprintGenerator

    parents = [parent for parent in by_parent if parent]
    first = {parent: seen[by_parent[parent][0]] for parent in parents}
    with rdBase.BlockLogs():
        molecules = [Chem.MolFromSmiles(parent) for parent in parents]
    flat = _groups(Chem.MolToSmiles(m, isomericSmiles=False) for m in molecules)
    stereo = [[parents[k] for k in members] for members in flat.values() if len(members) > 1]
    yield _leak(
        "stereoisomers",
        "warning",
        lambda count, named: f"one structure with different or missing stereochemistry ({count:,} found): {named}.",
        "Keep them on one side of a split.",
        [[t.row(i) for t, i in map(first.__getitem__, group)] for group in stereo],
        [group[0] for group in stereo],
        "none.",
    )
    if len(parents) > MOST:
        yield Leak("similar", "warning", f"{len(parents):,} structures are too many to compare each with each.")
        return
    generator = rdFingerprintGenerator.GetMorganGenerator(2, fpSize=2048)
    prints = [generator.GetFingerprint(m) for m in molecules]
    same = {k: number for number, members in enumerate(flat.values()) for k in members}
    pairs = []
    for k in range(1, len(prints)):
        alike = DataStructs.BulkTanimotoSimilarity(prints[k], prints[:k])
        pairs += [(j, k) for j, value in enumerate(alike) if value > SIMILAR and same[j] != same[k]]
    yield _leak(
        "similar",
        "warning",
        lambda count, named: f"two compounds nearly the same (Tanimoto above {SIMILAR}) ({count:,} found): {named}.",
        "To predict unseen compounds, keep such pairs on one side (split by scaffold or by similarity).",
        [[t.row(i) for t, i in (first[parents[j]], first[parents[k]])] for j, k in pairs],
        [f"{parents[j]} ~ {parents[k]}" for j, k in pairs],
        f"no two compounds are more alike than {SIMILAR}.",
    )


def _names(tables: Sequence[_Rows]) -> Iterator[Leak]:
    for role, what in (("compound", "compounds"), ("cells", "cells")):
        seen = [(t, i, cell) for t in tables if role in t.has for i, cell in enumerate(t.cells(role))]
        if not seen:
            continue
        spelled = [
            sorted({seen[k][2] for k in members})
            for members in _groups(_signless(cell) for _, _, cell in seen).values()
            if len({seen[k][2] for k in members}) > 1
        ]
        rows = {cell: t.row(i) for t, i, cell in reversed(seen)}
        yield _leak(
            f"names of {what}",
            "warning",
            lambda count, named: f"one name written in several ways ({count:,} found): {named}.",
            "Write each in one way, or give a table of synonyms.",
            [[rows[cell] for cell in cells] for cells in spelled],
            [" = ".join(cells) for cells in spelled],
            f"no name of {what} is written in several ways.",
        )
        if role == "compound":
            yield _salt_names(seen, rows)
    yield from _synonyms(tables)


def _salt_names(seen: Sequence[tuple[_Rows, int, str]], rows: Mapping[str, str]) -> Leak:
    """Names that differ by a counter-ion alone, where structures do not say that they are several compounds."""
    several = []
    for members in _groups(_signless(without_salt(cell)) for _, _, cell in seen).values():
        names = {_signless(seen[k][2]): seen[k][2] for k in members}
        if len(names) > 1 and len({seen[k][0].parents[seen[k][1]] for k in members} - {""}) < 2:
            several.append(sorted(names.values()))
    return _leak(
        "names of salts",
        "warning",
        lambda count, named: f"one compound with and without a counter-ion in its name ({count:,} found): {named}.",
        "Count them as one candidate, or give structures.",
        [[rows[cell] for cell in cells] for cells in several],
        [" = ".join(cells) for cells in several],
        "no two names differ by a counter-ion alone.",
    )


def _signless(name: str) -> str:
    """A name as it is compared everywhere (`written_as`), here without brackets and the like too; "" of no name."""
    return re.sub(r"[\s()\[\]{}'\"®™*,;:]", "", written_as(name)) or name


def _synonyms(tables: Sequence[_Rows]) -> Iterator[Leak]:
    """One structure, or one id of a catalogue, under several names; a name with several structures; listed synonyms."""
    for t in tables:
        names = t.cells("compound")
        if "compound" not in t.has:
            continue
        sources = {"structure": t.parents} if any(t.parents) else {}
        for header in t.table.named(_IDS):
            if header not in t.has.values():
                cells = t.table.cells(header)
                sources[header] = [cell if re.search(r"\d", cell) else "" for cell in cells]  # "none" is no id
        for what, keys in sources.items():
            several = [
                members
                for members in _groups(keys).values()
                if len({_signless(names[i]) for i in members if names[i]}) > 1
            ]
            yield _leak(
                f"synonyms by {what}",
                "warning",
                lambda count, named, what=what: (
                    f"{count:,} compounds stand under several names with one {what}: {named}."
                ),
                "Give each one name: results of one are results of the other.",
                [[t.row(i) for i in members] for members in several],
                [" = ".join(dict.fromkeys(names[i] for i in members)) for members in several],
                f"no two names have one {what}.",
            )
        if any(t.parents):
            other = [
                members for members in _groups(map(_signless, names)).values()
                if len({t.parents[i] for i in members} - {""}) > 1
            ]  # fmt: skip
            yield _leak(
                "one name, two structures",
                "failed",
                lambda count, named: f"one name for several structures ({count:,} found): {named}.",
                "Correct the structure or the name.",
                [[t.row(i) for i in members] for members in other],
                [names[members[0]] for members in other],
                "none.",
            )
        if "synonyms" in t.has:
            known = {_signless(name): i for i, name in enumerate(names) if name}
            listed = []
            for i, cell in enumerate(t.cells("synonyms")):
                for word in re.split(r"[,;|]", cell):
                    j = known.get(_signless(word), i) if _signless(word) else i
                    if names[j] and _signless(names[j]) != _signless(names[i]):
                        listed.append((i, j))
            listed = sorted({tuple(sorted(pair)) for pair in listed})
            yield _leak(
                "listed synonyms",
                "warning",
                lambda count, named: f"a compound listed as a synonym of another ({count:,} found): {named}.",
                "Give each one name.",
                [[t.row(i), t.row(j)] for i, j in listed],
                [f"{names[i]} = {names[j]}" for i, j in listed],
                "no row is a synonym of another.",
            )


# -- pairs


def _pairs(tables: Sequence[_Rows]) -> Iterator[Leak]:
    for t in tables:
        two = _pair_columns(t.table)
        if two is None:
            continue
        a, b = (t.table.cells(h) for h in two)
        rest = t.cells("cells")
        seen: dict[tuple[str, str, str], int] = {}
        swapped, own = [], []
        for i, (x, y) in enumerate(zip(map(plain, a), map(plain, b), strict=True)):
            if x == y and x:
                own.append(i)
            elif (j := seen.get((y, x, rest[i]))) is not None:
                swapped.append((j, i))
            seen.setdefault((x, y, rest[i]), i)
        yield _leak(
            "swapped pairs",
            "warning",
            lambda count, named: f"a pair both ways round, (A, B) and (B, A) ({count:,} found): {named}.",
            "They are one treatment: keep them on one side of a split.",
            [[t.row(j), t.row(i)] for j, i in swapped],
            [f"{a[j]} + {b[j]}" for j, _ in swapped],
            f"no pair of {two[0]} and {two[1]} stands both ways round.",
        )
        if own:
            words, rows = f"{len(own):,} rows combine a compound with itself.", tuple((t.row(i),) for i in own[:NAMED])
            yield Leak("pairs with themselves", "warning", words, "Take them as that compound alone.", len(own), rows)


def _pair_columns(table: Table) -> tuple[str, str] | None:
    """Two columns of compounds that differ in their last sign: drug_a and drug_b."""
    ones: dict[str, str] = {}
    words = {plain(w) for w in (*_COMPOUNDS, *_STRUCTURES, "drug", "compound", "gene", "guide")}
    for header in table.header:
        match = _PAIR.fullmatch(split_unit(header)[0])
        if match and plain(match["base"]) in words and match["one"]:
            ones[plain(match["base"])] = header
    for header in table.header:
        match = _PAIR.fullmatch(split_unit(header)[0])
        if match and match["two"] and plain(match["base"]) in ones:
            return ones[plain(match["base"])], header
    return None


# -- splits


def _units(t: _Rows) -> dict[str, list[str]]:
    """What may lie on both sides of a split -> its key in each row."""
    units: dict[str, list[str]] = {}
    what, keys = t.identity()
    pair = _pair_columns(t.table)
    if pair is not None:
        a, b = (t.table.cells(h) for h in pair)
        what, keys = "pair", [" + ".join(sorted((_signless(x), _signless(y)))) for x, y in zip(a, b, strict=True)]
    if what and what != "cells":
        cells = t.cells("cells")
        doses = next((t.table.cells(h) for h in t.table.header if dose_column(h)[0] == "dose"), None)
        # of another donor it is another measurement
        parts = [
            keys,
            map(_signless, cells),
            *([doses] if doses else []),
            *([t.cells("donor")] if "donor" in t.has else []),
        ]
        units["replicate"] = ["" if not k[0] else " | ".join(filter(None, k)) for k in zip(*parts, strict=True)]
        units[what] = keys
    if "cells" in t.has:
        units["cells"] = [_signless(cell) for cell in t.cells("cells")]
    if "donor" in t.has:
        units["donor"] = [plain(cell) for cell in t.cells("donor")]
    if any(t.parents):
        units["scaffold"] = _scaffolds(t.parents)
    if "plate" in t.has:
        units["plate"] = t.cells("plate")
    return units


def _scaffolds(parents: Sequence[str]) -> list[str]:
    from activeloop.candidates.compounds import scaffold

    return [scaffold(parent) if parent else "" for parent in parents]


def _repeats(t: _Rows) -> Iterator[Leak]:
    """Candidates with several measurements, where no split says on which side they are."""
    if "split" in t.has:
        return
    units = _units(t)
    keys = units.get("replicate")
    if keys is None:
        return
    several = [members for members in _groups(keys).values() if len(members) > 1]
    yield _leak(
        "repeats",
        "warning",
        lambda count, named: f"{count:,} of {len(_groups(keys)):,} candidates stand in several rows: {named}.",
        "Split by candidate, never by row.",
        [[t.row(i) for i in members] for members in several],
        [keys[members[0]] for members in several],
        "each candidate stands in one row.",
    )


def _split(t: _Rows) -> Iterator[Leak]:
    if "split" not in t.has:
        return
    sides = t.cells("split")
    for unit, keys in _units(t).items():
        both = [m for m in _groups(keys).values() if len({sides[i] for i in m} - {""}) > 1]
        total = len(_groups(keys))
        if not total or (unit in ("compound", "candidate") and not both):
            continue
        hard = unit in ("replicate", "donor", "pair")
        yield _leak(
            f"split: {unit}",
            "failed" if hard else "warning",
            lambda count, named, unit=unit, total=total: (
                f"{count:,} of {total:,} {_plural(unit)} lie on several sides of the column {t.has['split']}: {named}."
            ),
            "Repeats of one measurement are in training and test: split by candidate."
            if unit == "replicate"
            else f"This is no prediction of unseen {_plural(unit)}: split by {unit} where that is the question.",
            [[t.row(i) for i in m] for m in both],
            [keys[m[0]] for m in both],
            f"no {unit} lies on several sides.",
        )


def _plural(unit: str) -> str:
    return {"cells": "kinds of cells", "replicate": "repeated measurements"}.get(unit, f"{unit}s")


def _plates(t: _Rows) -> Iterator[Leak]:
    """Whether a condition can be told from the plates on which it stands."""
    if "plate" not in t.has:
        return
    plates = t.cells("plate")
    if len(set(plates)) < 2:
        return
    conditions = {h for h in t.table.named(_CONDITIONS)} | {t.has[r] for r in ("cells", "donor") if r in t.has}
    for name in sorted(conditions):
        column = t.table.cells(name)
        levels = _groups(column)
        on = {level: {plates[i] for i in members} for level, members in levels.items()}
        held = {plate: {column[i] for i in members} for plate, members in _groups(plates).items()}
        if len(levels) < 2:
            continue
        alone = all(len(found) == 1 for found in held.values())
        told = f"each plate holds one {name} only ({len(levels):,} of them on {len(held):,} plates)"
        own = _controls_on(t, plates) == set(held)
        yield (
            Leak(
                f"plates and {name}",
                "warning" if own else "failed",
                f"{told}, beside controls of its own."
                if own
                else f"{told}: what the plate does cannot be told from what the {name} does.",
                "Compare values that are normalised to the controls of their plate, never raw ones."
                if own
                else "Put each on every plate, or controls that all plates share; never read the difference as an "
                "effect.",
                len(levels),
                tuple(tuple(sorted(on[level]))[:ROWS] for level in list(levels)[:NAMED]),
            )
            if alone
            else Leak(f"plates and {name}", "ok", f"plates hold several {name}.")
        )
    yield from _linked(t, plates)


def _controls_on(t: _Rows, plates: Sequence[str]) -> set[str]:
    """Plates with a negative control."""
    columns = [t.table.cells(h) for h in t.table.named(ROLES["kind"])]
    columns += [t.cells(role) for role in ("compound", "candidate") if role in t.has]
    return {plates[i] for cells in columns for i, cell in enumerate(cells) if plain(cell) in WORDS["negative"]}


def _linked(t: _Rows, plates: Sequence[str]) -> Iterator[Leak]:
    """Whether anything stands on several plates, so that they can be compared, and whether their values differ."""
    what, keys = t.identity()
    if not what:
        return
    shared = sum(len({plates[i] for i in members}) > 1 for members in _groups(keys).values())
    words = f"{shared:,} {what}s stand on several plates" if shared else f"no {what} stands on several plates"
    differ = _between_plates(t, plates)
    if shared or differ is None:
        yield Leak(
            "plates linked", "ok" if shared else "warning", f"{words}.", "" if shared else "Add shared controls."
        )
        return
    yield Leak(
        "plates linked",
        "warning",
        f"{words}, and plates explain {differ:.0%} of the variance of {t.has['value']}: that may be their compounds or "
        "their plates.",
        "Put controls on every plate and give them (kind = control).",
    )


def _between_plates(t: _Rows, plates: Sequence[str]) -> float | None:
    """Share of the variance that lies between plates, beyond chance; None where it is none."""
    if "value" not in t.has:
        return None
    try:
        values = t.table.values(t.has["value"])
    except InputError:
        return None
    known = np.isfinite(values)
    codes = np.unique(np.asarray(plates)[known], return_inverse=True)[1]
    values = values[known]
    groups = int(codes.max(initial=0)) + 1
    if groups < 2 or len(values) <= groups + 2:
        return None
    means = np.bincount(codes, values) / np.bincount(codes)
    between = float(np.square(means[codes] - values.mean()).sum())
    within = float(np.square(values - means[codes]).sum())
    if within <= 0:
        return 1.0
    from scipy.stats import f as f_distribution

    ratio = (between / (groups - 1)) / (within / (len(values) - groups))
    chance = float(f_distribution.sf(ratio, groups - 1, len(values) - groups))
    return between / (between + within) if chance < 1e-3 else None


# -- several tables


def _between(tables: Sequence[_Rows]) -> Iterator[Leak]:
    """What stands in several tables: candidates of a campaign in its own history."""
    every = [_units(t) for t in tables]
    for unit in dict.fromkeys(name for units in every for name in units if name != "plate"):
        places: dict[str, dict[int, int]] = {}
        for number, units in enumerate(every):
            for i, key in enumerate(units.get(unit, ())):
                if key:
                    places.setdefault(key, {}).setdefault(number, i)
        if sum(unit in units for units in every) < 2:
            continue
        both = {key: found for key, found in places.items() if len(found) > 1}
        yield _leak(
            f"between files: {unit}",
            "warning",
            lambda count, named, unit=unit: f"{count:,} {_plural(unit)} stand in several of the files: {named}.",
            f"To predict unseen {_plural(unit)}, take them out of one.",
            [[tables[n].row(i) for n, i in found.items()] for found in both.values()],
            list(both),
            f"the files share no {unit}.",
        )
