"""Drug response: does a history of other drugs pay, and does choosing the next cell lines?

Each drug of `--response` is a campaign of its own, on the lines on which it was measured: a fifth of them is held out,
the others may be measured, 10 on the first plate and 10 on each later one, until none is left. The history is
`--history` without the held-out drugs of that seed and their twins (same name, synonym, PubChem id, or Tanimoto
similarity above .85; salts count as the drug) and copies of their values. Lines and drugs go by any of their names in
side tables.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from activeloop.acquisition import Greedy, Recommender, Variance, choose
from activeloop.acquisition.batch_joint import VarianceReduction
from activeloop.candidates import Panel, TreatmentPool, panel_files
from activeloop.candidates.treatments import FIELDS, treatment_columns
from activeloop.cli.terminal import say
from activeloop.errors import ConfigError
from activeloop.measurements import Assay, Dataset, read_treatments
from activeloop.measurements.history import respelled
from activeloop.models.gp.side_information import twins
from activeloop.models.gp.sisters import SisterGP, SisterPredictor
from activeloop.models.scale import ScaledPredictor
from activeloop.objects import content_hash
from activeloop.prediction import Predictor, mean_of
from activeloop.tables import Table, as_table
from activeloop.tables.names import plain, split_unit
from activeloop.words import many, some
from benchmarks.options import OUT, WORK, working
from benchmarks.results import LIGHT, Result, code_of, markdown_table, mean_se, plus_minus, run_kept, section

#: labels of each plate, and plates
PLATE, PLATES = 10, 10
LABELS = tuple(PLATE * (i + 1) for i in range(PLATES))
#: held-out drugs of one seed, at most, and the least lines on which one must be measured
DRUGS, LEAST = 16, 40
#: the column of values, where there are several; others may be AUC or the z-score
LN_IC50 = "ln_ic50"
#: drugs that a history must have, and the values of each
SISTERS, LEAST_VALUES = 3, 8
#: share of the values of a drug that another one must have, too, to be a copy
EQUAL = 0.9
#: correlation with all labels below which shares of it say nothing
NOTHING = 0.1
#: a natural logarithm of a concentration beyond this is none
LOGARITHM = 50.0
HELD_OUT = 0.2
#: share of the best lines that are looked for, and of what all labels give that is to be reached
TOP, GOAL = 0.1, 0.9
#: resamples of the campaigns, for intervals
RESAMPLED = 2000
LEARN = {
    "sisters, chosen": "mixture of sisters; every plate by variance reduction, the first one before any label",
    "sisters, random": "the same model on random lines",
    "factors, random": "the factor model (one prior mean: that of all drugs) on random lines",
}
FIND = {
    "sisters, greedy": "mixture of sisters; every plate the best predictions, the first one before any label",
    "prior, unlearned": "the best by the prior alone, which no label changes",
    "random": "random lines",
}
RESPONSE = typer.Option(metavar="FILE", help="Values of the held-out drugs: drug, cell line, value.")
HISTORY = typer.Option(metavar="FILE", help="Values of other drugs, from before the campaigns.")
FEATURES = typer.Option(metavar="DIR", help="Side tables of lines (expression ...) and drugs (targets, SMILES ...).")


@dataclass(frozen=True)
class Files:
    """What is read."""

    response: str
    history: str
    features: str


@dataclass(frozen=True)
class Data:
    """What stands in the files; sensitive lines have large values.

    Args:
        response, history: of the held-out and of the other drugs.
        cells, compounds: what side tables say.
        notes: what was left out, or is not known, in sentences.
        copies: drugs of the response, and of the history, that have the same values.
    """

    response: Dataset
    history: Dataset
    cells: Panel
    compounds: Panel
    notes: tuple[str, ...] = ()
    copies: frozenset[tuple[str, str]] = frozenset()


@lru_cache
def read(files: Files) -> Data:
    """All files, once a process; a low ln IC50 is a sensitive line.

    Raises:
        ConfigError: no line of the response is known from the history or by its features.
        InputError: a file cannot be read.
    """
    notes: list[str] = []

    def of(name: str, called: Mapping[str, Mapping[str, str]] | None = None) -> Dataset:
        table = as_table(name)
        column = next(iter(table.named((LN_IC50,))), "")
        data = read_treatments(table, column=column, called=called)
        what = Assay(data.assays[0].name, goal="minimise", scale="linear")
        if called is None:
            notes.extend(_rows_left_out(table, data))
        return replace(data, assays=(what,)).oriented()

    response, history = of(files.response), of(files.history)
    _same_quantity(response, history)
    pools = [data.pool for data in (response, history) if isinstance(data.pool, TreatmentPool)]
    side = panel_files(files.features)
    panels = [Panel.read(side, {n: None for pool in pools for n in pool.part_names(part)}) for part in FIELDS[:2]]
    called = {
        part: panel.aliases(pools[1].part_names(part), pools[0].part_names(part))
        for part, panel in zip(FIELDS, panels, strict=False)
    }
    if any(called.values()):
        history = of(files.history, called)
        notes.append(f"Of the history {respelled(called)}.")
    cells, compounds = panels
    for what, panel in (("cell lines", cells), ("drugs", compounds)):
        if side and len(panel.unresolved) == len(panel.names):
            notes.append(f"No side table names any of the {what}: nothing but their values is known of them.")
        notes.append(panel.note(what))
    useless = [file for file in cells.unused if file in compounds.unused]
    notes += [f"{file} names none of the lines and drugs, and was not used." for file in useless]
    data = Data(response, history, cells, compounds, copies=_copies(response, history))
    notes += _lines_known(data)
    notes += _drugs_left_out(data)
    return replace(data, notes=tuple(filter(None, notes)))


def _same_quantity(response: Dataset, history: Dataset) -> None:
    """Refuse logarithms in one file and concentrations in the other, and a history of too few drugs.

    Raises:
        ConfigError: see above.
    """
    names = [data.assays[0].name for data in (response, history)]
    logs = [plain(name).startswith(("ln", "log")) for name in names]
    plainly = [re.fullmatch(r"(ic|ec|gi|gr)50.*", plain(name)) is not None for name in names]
    if (logs[0] and plainly[1]) or (logs[1] and plainly[0]):
        raise ConfigError(
            f"the response holds {names[0]} and the history {names[1]}: one is a logarithm and the other none by its "
            "name. Write both in one way, or name their columns alike if they are. Nothing was computed."
        )
    enough = int((np.bincount(_owners(history)) >= LEAST_VALUES).sum())
    if enough < SISTERS:
        raise ConfigError(
            f"the history holds {many(enough, 'drug')} measured on {LEAST_VALUES} lines or more; {SISTERS} are needed, "
            "beside the held-out ones and their twins. Give more of it. Nothing was computed."
        )


def _rows_left_out(table: Table, data: Dataset) -> list[str]:
    """Which rows of a file give no value of their own, in sentences."""
    what = data.assays[0]
    column = next(name for name in table.header if split_unit(name) == (what.name, what.unit))
    values = table.values(column)
    far = np.flatnonzero(np.abs(values) > LOGARITHM)
    if len(far) and plain(what.name).startswith(("ln", "log")):
        raise table.error(
            f'"{table.cells(column)[far[0]]}" in column "{column}" is no logarithm of a concentration. Correct it, or '
            "leave the row out. Nothing was computed.",
            int(far[0]),
        )
    parts = treatment_columns(table)
    named = np.all([[cell != "" for cell in table.cells(parts[part])] for part in FIELDS[:2]], axis=0)
    counts = {
        "rows without a value left out": int((~np.isfinite(values)).sum()),
        "rows without a line or a drug left out": int((np.isfinite(values) & ~named).sum()),
        "repeats averaged": int((np.isfinite(values) & named).sum()) - len(data),
        "limits (< or >) taken as the values at which they stand": int(table.limits(column).sum()),
    }
    told = [f"{count:,} {what}" for what, count in counts.items() if count]
    return [f"{Path(table.file).name}: {'; '.join(told)}."] * bool(told)


def _copies(response: Dataset, history: Dataset) -> frozenset[tuple[str, str]]:
    """Drugs of both that have the same values on their lines, under whatever names; values that recur do not count."""
    assert isinstance(response.pool, TreatmentPool)
    assert isinstance(history.pool, TreatmentPool)
    lines = sorted({*response.pool.part_names("cells")} & {*history.pool.part_names("cells")})
    place, tables = {name: i for i, name in enumerate(lines)}, []
    for data in (response, history):
        assert isinstance(data.pool, TreatmentPool)
        table = np.full((len(data.pool.part_names("compound")), len(lines)), np.nan)
        columns = np.array([place.get(name, -1) for name in data.pool.part_names("cells")])
        codes = data.pool.part_rows(data.rows)
        known = columns[codes[:, 0]] >= 0
        table[codes[known, 1], columns[codes[known, 0]]] = data.values[known, 0]
        tables.append(table)
    found = []
    for drug, own in zip(response.pool.part_names("compound"), tables[0], strict=True):
        values, counts = np.unique(own[np.isfinite(own)], return_counts=True)
        telling = np.isin(own, values[counts == 1])
        shared = np.isfinite(tables[1][:, telling]).sum(1)
        same = (tables[1][:, telling] == own[telling]).sum(1)
        alike = (shared >= LEAST_VALUES) & (same >= EQUAL * shared)
        found += [(drug, history.pool.part_names("compound")[i]) for i in np.flatnonzero(alike)]
    return frozenset(found)


def _lines_known(data: Data) -> list[str]:
    """How many lines of the response the history has, or can be predicted from features, in a sentence."""
    assert isinstance(data.response.pool, TreatmentPool)
    assert isinstance(data.history.pool, TreatmentPool)
    own, known = data.response.pool.part_names("cells"), set(data.history.pool.part_names("cells"))
    described = set(_with_features(data))
    described = described if len(described & known) > 1 else set()
    new = [name for name in own if name not in known]
    unknown = [name for name in new if name not in described]
    if len(unknown) == len(own):
        raise ConfigError(
            f"of the {len(own):,} lines of the response ({some(own, 3)}) none stands in the history "
            f"({some(sorted(known), 3)}) under any name that the side tables list, and none has features that lines of "
            "the history have, too. Write lines in both files in one way, or give a side table with both names. "
            "Nothing was computed."
        )
    if not new:
        return []
    told = f"{len(new):,} of {len(own):,} lines of the response do not stand in the history"
    return [f"{told}; of {len(unknown):,} of them no features are known either: they get the mean of the lines."]


def _with_features(data: Data) -> list[str]:
    """Lines of which most numbers of some side table are known."""
    pools = [each.pool for each in (data.response, data.history) if isinstance(each.pool, TreatmentPool)]
    used = {name for pool in pools for name in pool.part_names("cells")}
    return [
        name
        for name in data.cells.names
        if name in used
        and any(np.isfinite(block[data.cells.rows[name]]).mean() > 0.5 for block in data.cells.features.values())
    ]


def _drugs_left_out(data: Data) -> list[str]:
    """Which drugs are no campaigns, and which are twins of those that are, in sentences."""
    pool, known = data.response.pool, data.history.pool
    assert isinstance(pool, TreatmentPool)
    assert isinstance(known, TreatmentPool)
    names, enough = pool.part_names("compound"), _enough(data.response)
    few = [name for name in names if name not in enough]
    told = [
        f"{len(few):,} of {len(names):,} drugs of the response are left out, as they were measured on fewer "
        f"than {LEAST} lines or have the same value on all: {some(few)}."
    ] * bool(few)
    old = known.part_names("compound")
    gone = _twins(data, enough, old)
    out = [name for name, mine in zip(old, gone.tolist(), strict=True) if mine]
    told += [
        f"{len(out):,} of {len(old):,} drugs of the history are drugs of the response or their twins, and are "
        f"left out of it where these are held out: {some(out)}."
    ] * bool(out)
    return told


@dataclass(frozen=True)
class Task:
    """The campaigns of one seed."""

    files: Files
    seed: int
    drugs: int

    @property
    def file(self) -> str:
        """Where its results are kept."""
        return f"seed-{self.seed:03d}.json"


@dataclass(frozen=True)
class Found:
    """One drug under one seed, or for `unseen lines` all drugs of the history.

    Args:
        seed, drug, lines: which campaign it is, and how many lines it has.
        learn: arm -> Pearson correlation on the held-out lines after each plate.
        full: arm -> the same with all labels.
        find: arm -> share of the best lines found after each plate.
        hits: arm -> how many of them after the last plate, and `all`.
        baselines: at 30 random labels or none: name -> Pearson correlation and root mean square error.
        new_lines: `known drug` or `new drug` -> correlation over lines that the history lacks, each drug one value.
    """

    seed: int
    drug: str
    lines: int
    learn: dict[str, list[float]] = field(default_factory=dict)
    full: dict[str, float] = field(default_factory=dict)
    find: dict[str, list[float]] = field(default_factory=dict)
    hits: dict[str, int] = field(default_factory=dict)
    baselines: dict[str, list[float]] = field(default_factory=dict)
    new_lines: dict[str, list[float]] = field(default_factory=dict)


def run_seed(task: Task) -> list[Found]:
    """The campaigns of one seed: other drugs, another split of the lines, other first plates."""
    data, rng = read(task.files), np.random.default_rng([task.seed, 7])
    held = _drawn(data.response, task.drugs, rng)
    history = _without(data, held)
    results = [_campaign(data, history, drug, task.seed) for drug in held]
    return [*results, _new_lines(data, history, held, task.seed)]


def _owners(data: Dataset) -> np.ndarray:
    """[N] code of the drug of each row."""
    assert isinstance(data.pool, TreatmentPool)
    return data.pool.part_rows(data.rows)[:, 1]


def _drawn(response: Dataset, count: int, rng: np.random.Generator) -> list[str]:
    """The held-out drugs of a seed."""
    assert isinstance(response.pool, TreatmentPool)
    enough = _enough(response)
    if not enough:
        most = int(np.bincount(_owners(response)).max())
        raise ConfigError(
            f"no drug of the response file has different values on {LEAST} lines or more; the most lines of one are "
            f"{most}. A fifth of the lines is held out, and on fewer a correlation says nothing. Nothing was computed."
        )
    return sorted(rng.permutation(enough)[:count].tolist())


def _enough(response: Dataset) -> list[str]:
    """Drugs that were measured on enough lines, with different values."""
    assert isinstance(response.pool, TreatmentPool)
    names, owners, values = response.pool.part_names("compound"), _owners(response), response.values[:, 0]
    counts = np.bincount(owners, minlength=len(names))
    low, high = np.full(len(names), np.inf), np.full(len(names), -np.inf)
    np.minimum.at(low, owners, values)
    np.maximum.at(high, owners, values)
    return [name for name, n, spread in zip(names, counts, high - low, strict=True) if n >= LEAST and spread > 0]


def _twins(data: Data, held: Sequence[str], names: Sequence[str]) -> np.ndarray:
    """[D] which drugs of the history are held-out ones, their twins, or copies of their values."""
    copies = {old for drug, old in data.copies if drug in held}
    return np.any(twins(data.compounds, held, names), axis=0) | np.isin(names, [*held, *copies])


def _without(data: Data, held: Sequence[str]) -> Dataset:
    """The history without drugs and their twins, under the panels."""
    history, pool = data.history, data.history.pool
    assert isinstance(pool, TreatmentPool)
    names = pool.part_names("compound")
    gone = _twins(data, held, names)
    return _kept(data, history, ~gone[_owners(history)])


def _kept(data: Data, history: Dataset, keep: np.ndarray) -> Dataset:
    """Some rows of a history, in a pool of their own parts."""
    pool = history.pool
    assert isinstance(pool, TreatmentPool)
    codes = pool.part_rows(history.rows)[keep]
    parts, columns = [], []
    for column, part in enumerate(("cells", "compound")):
        used, code = np.unique(codes[:, column], return_inverse=True)
        parts.append([pool.part_names(part)[i] for i in used])
        columns.append(code)
    small = TreatmentPool(*parts, codes=np.stack(columns, 1), cell_panel=data.cells, compound_panel=data.compounds)
    rows = np.arange(len(small))
    return replace(history.take(keep), pool=small, rows=rows).as_history()


def _pool(data: Data, cells: Sequence[str], drugs: Sequence[str]) -> TreatmentPool:
    return TreatmentPool(cells, drugs, cell_panel=data.cells, compound_panel=data.compounds)


def _campaign(data: Data, history: Dataset, drug: str, seed: int) -> Found:
    """All arms on one drug."""
    response, known = data.response, data.history.pool
    assert isinstance(response.pool, TreatmentPool)
    mine = response.take(_owners(response) == response.pool.part_names("compound").index(drug))
    names = [response.pool.part_names("cells")[code] for code in response.pool.part_rows(mine.rows)[:, 0]]
    assert isinstance(known, TreatmentPool)
    pool, values = _pool(data, names, [drug]), mine.values[:, 0]
    order = np.random.default_rng([seed, int.from_bytes(drug.encode()[-4:], "big")]).permutation(len(pool))
    test, free = np.split(order, [int(HELD_OUT * len(pool))])
    sisters, factors = SisterGP(history), SisterGP(history, sisters=False)
    blank = Dataset.of(pool, np.zeros(0, np.int64), np.zeros(0), response.assays[0])
    blank = replace(blank, is_oriented=True)

    def fit(learner: SisterGP, rows: np.ndarray) -> Predictor:
        return learner.fit(replace(Dataset.of(pool, rows, values[rows], response.assays[0]), is_oriented=True), seed)

    def r(predictor: Predictor) -> float:
        return _pearson(mean_of(predictor, pool, test)[:, 0], values[test])

    def chosen(select: Recommender, look: Callable[[Predictor, np.ndarray], float]) -> list[float]:
        """What `look` finds after each plate."""
        predictor, rows, found = sisters.prior(pool), np.zeros(0, np.int64), []
        assert predictor is not None
        for plate in range(PLATES):
            if len(rows) == len(free):  # all are measured
                found.append(found[-1])
                continue
            so_far = replace(Dataset.of(pool, rows, values[rows], response.assays[0]), is_oriented=True)
            picks = choose(
                predictor, pool, n=min(PLATE, len(free) - len(rows)), select=select, seed=seed + plate,
                excluded=[*rows.tolist(), *test.tolist()],
                dataset=so_far if len(rows) else None,
            )  # fmt: skip
            rows = np.concatenate([rows, [pick.row for pick in picks]]).astype(np.int64)
            predictor = fit(sisters, rows)
            found.append(look(predictor, rows))
        return found

    learn = {
        "sisters, chosen": chosen(Recommender(Variance(), VarianceReduction()), lambda predictor, _: r(predictor)),
        "sisters, random": [r(fit(sisters, free[:n])) for n in LABELS],
        "factors, random": [r(fit(factors, free[:n])) for n in LABELS],
    }
    full = {"sisters": r(fit(sisters, free)), "factors": r(fit(factors, free))}
    ties = np.random.default_rng([seed, 13]).permutation(len(free))  # equal values in no order that an arm knows
    best = free[np.lexsort((ties, -values[free]))[: max(1, round(TOP * len(free)))]]

    def share(rows: np.ndarray) -> float:
        return float(np.isin(best, rows).mean())

    prior = sisters.prior(pool)
    assert prior is not None
    by_prior = free[np.argsort(-mean_of(prior, pool, free)[:, 0], kind="stable")]
    find = {
        "sisters, greedy": chosen(Recommender(Greedy()), lambda _, rows: share(rows)),
        "prior, unlearned": [share(by_prior[:n]) for n in LABELS],
        "random": [share(free[:n]) for n in LABELS],
    }
    hits = {arm: round(found[-1] * len(best)) for arm, found in find.items()} | {"all": len(best)}
    baselines = _baselines(prior, pool, values, test, free[:30])
    baselines["mixture of sisters"] = _both(mean_of(fit(sisters, free[:30]), pool, test)[:, 0], values[test])
    return Found(seed, drug, len(pool), learn, full, find, hits, baselines)


def _baselines(
    prior: Predictor, pool: TreatmentPool, values: np.ndarray, test: np.ndarray, some: np.ndarray
) -> dict[str, list[float]]:
    """What needs no model: with the level of 30 random labels where a level is needed."""
    fitted = prior.fitted if isinstance(prior, ScaledPredictor) else prior
    assert isinstance(fitted, SisterPredictor)
    known, drug = fitted.known, pool.part_names("compound")[0]
    where = np.array([known.places[name] for name in pool.part_names("cells")])
    weights = known.log_weights([drug])[0]
    nearest = 1 + int(weights[1:].argmax())
    scale, level = float(np.exp(known.log_scale[0])), known.level[0]
    cell, sister = (scale * known.means[where, k] for k in (0, nearest))

    def with_level(profile: np.ndarray) -> np.ndarray:
        return (profile + (values[some] - profile[some]).mean())[test]

    return {
        "drug mean": _both(np.full(len(test), values[some].mean()), values[test]),
        "cell mean": _both(level + cell[test], values[test]),
        "drug + cell (additive)": _both(with_level(cell), values[test]),
        "nearest sister": _both(with_level(sister), values[test]),
        "prior of sisters, no label": _both(mean_of(prior, pool, test)[:, 0], values[test]),
    }


def _new_lines(data: Data, history: Dataset, held: Sequence[str], seed: int) -> Found:
    """Lines that the history lacks, of known and of held-out drugs: a fifth of those with features."""
    out = np.random.default_rng([seed, 11]).permutation(sorted(_with_features(data)))
    out = sorted(out[: len(out) // 5].tolist())
    pool = history.pool
    assert isinstance(pool, TreatmentPool)
    gone = np.isin(pool.part_names("cells"), out)[pool.part_rows(history.rows)[:, 0]]
    if not out or not gone.any():
        return Found(seed, "", len(out))
    left = _kept(data, history, ~gone)
    found: dict[str, list[float]] = {}
    old = left.pool.part_names("compound") if isinstance(left.pool, TreatmentPool) else ()
    for what, drugs, truth in (("known drug", old, history), ("new drug", held, data.response)):
        asked = _pool(data, out, drugs)
        predictor = SisterGP(left, target="compound").prior(asked)
        assert predictor is not None
        predicted = mean_of(predictor, asked, np.arange(len(asked)))[:, 0].reshape(len(out), len(drugs))
        table = np.full(predicted.shape, np.nan)
        assert isinstance(truth.pool, TreatmentPool)
        cell, drug = ({name: i for i, name in enumerate(names)} for names in (out, drugs))
        codes = truth.pool.part_rows(truth.rows)
        for (c, d), value in zip(codes.tolist(), truth.values[:, 0], strict=True):
            at = cell.get(truth.pool.part_names("cells")[c]), drug.get(truth.pool.part_names("compound")[d])
            if None not in at:
                table[at] = value
        known = np.isfinite(table)
        found[what] = [
            _pearson(predicted[known[:, k], k], table[known[:, k], k])
            for k in range(len(drugs))
            if known[:, k].sum() > 20
        ]
    return Found(seed, "", len(out), new_lines=found)


def _pearson(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a, b)[0, 1]) if np.ptp(a) > 0 and np.ptp(b) > 0 else 0.0


def _both(predicted: np.ndarray, true: np.ndarray) -> list[float]:
    return [_pearson(predicted, true), float(np.sqrt(np.mean((predicted - true) ** 2)))]


def labels_to(curve: np.ndarray, goal: float) -> float:
    """Labels after which a curve over `LABELS` reaches a value, between plates on a straight line; NaN: never.

    A value of 0 or less is none that can be reached: all labels predict nothing then.

    >>> round(labels_to(np.linspace(0.1, 1.0, 10), 0.55), 9)
    55.0
    """
    if goal <= 0:
        return float("nan")
    if curve[0] >= goal:
        return float(LABELS[0])
    above = np.flatnonzero(curve >= goal)
    if not len(above):
        return float("nan")
    i = int(above[0])
    return LABELS[i - 1] + PLATE * float((goal - curve[i - 1]) / (curve[i] - curve[i - 1]))


@dataclass(frozen=True)
class Summary:
    """Figures over all campaigns, and their 95 % intervals by resampling campaigns.

    Args:
        campaigns: [M] of them.
    """

    campaigns: Sequence[Found]

    def curves(self, arm: str, of: str = "learn") -> np.ndarray:
        """[M, plates]."""
        return np.array([getattr(one, of)[arm] for one in self.campaigns])

    @property
    def ceiling(self) -> np.ndarray:
        """[M] with all labels, by the better of the two models on average."""
        full = {name: np.array([one.full[name] for one in self.campaigns]) for name in ("sisters", "factors")}
        return max(full.values(), key=lambda each: float(each.mean()))

    def to_goal(self, arm: str, pick: np.ndarray | slice = slice(None), goal: float = GOAL) -> float:
        """Labels to a share of the ceiling, on the mean curve of these campaigns; NaN where the ceiling is near 0."""
        if self.ceiling[pick].mean() < NOTHING:
            return float("nan")
        return labels_to(self.curves(arm)[pick].mean(0), goal * float(self.ceiling[pick].mean()))

    def interval(self, figure: Callable[[np.ndarray], float]) -> tuple[float, float, float]:
        """A figure of all campaigns, and the ends of its 95 % interval."""
        count, rng = len(self.campaigns), np.random.default_rng(0)
        drawn = [figure(rng.integers(count, size=count)) for _ in range(RESAMPLED)]
        fine = np.array([each for each in drawn if np.isfinite(each)])
        low, high = np.quantile(fine, [0.025, 0.975]) if len(fine) else (np.nan, np.nan)
        return figure(np.arange(count)), float(low), float(high)

    def saving(self, arm: str, against: str, goal: float = GOAL) -> tuple[float, float, float]:
        """Share of labels saved to a share of the ceiling."""
        return self.interval(lambda pick: 1 - self.to_goal(arm, pick, goal) / self.to_goal(against, pick, goal))

    def share(self, arm: str, labels: int) -> float:
        """Mean correlation after a number of labels, as a share of the mean ceiling; NaN where that is near 0."""
        full = float(self.ceiling.mean())
        return float(self.curves(arm)[:, LABELS.index(labels)].mean()) / full if full >= NOTHING else float("nan")


def last_line(summary: Summary, new_lines: Mapping[str, Sequence[float]]) -> str:
    """All that matters in one line."""
    s, arms = summary, list(LEARN)
    to_goal = [s.to_goal(arm) for arm in arms]
    shares = [[100 * s.share(arm, n) for arm in arms] for n in (30, 100)]
    found = [float(s.curves(arm, "find")[:, -1].mean()) for arm in FIND]
    lines = "; ".join(f"{what}, new line: r {np.mean(values):.3f}" for what, values in new_lines.items() if values)
    return (
        f"gdsc: {many(len(s.campaigns), 'campaign')}; learn: labels to 90 % of full {to_goal[0]:.1f} (random, same "
        f"model {to_goal[1]:.1f}; random, factor GP {to_goal[2]:.1f}); r at 30 labels {shares[0][0]:.1f} % of full "
        f"(random {shares[0][1]:.1f}; factor GP {shares[0][2]:.1f}); r at 100 {shares[1][0]:.1f} % (random "
        f"{shares[1][1]:.1f}; factor GP {shares[1][2]:.1f}); full r {s.ceiling.mean():.3f}; find: top-10 % lines "
        f"found at 100 labels {found[0]:.3f} (unlearned ranking {found[1]:.3f}; random {found[2]:.3f})"
        + (f"; {lines}" if lines else "")
    )


def _percent(figure: tuple[float, float, float]) -> str:
    return f"{figure[0]:.0%} ({figure[1]:.0%} to {figure[2]:.0%})"


#: what saves labels: rows of a table of the page
SAVED = (
    "selection (same model, chosen against random lines)",
    "history (mixture of sisters against the factor model, both random)",
    "both together",
)
CLAIM = "<!-- claim -->", "<!-- end of claim -->"


def claim_of(saved: Sequence[str]) -> str:
    """The claim in one line, which the docs include: what of the saving is history, and what is selection.

    Args:
        saved: shares with their intervals, in the order of `SAVED`.
    """
    selection, history, both = saved
    line = (
        f"For a new drug, {both} of the labels to 90 % of the accuracy of all labels are saved, against random lines "
        f"and a factor model of the same history: taking the drugs of the history as prior means saves {history}, "
        f"choosing the lines {selection} of what that leaves. In brackets: 95 % intervals."
    )
    return f"{CLAIM[0]}\n\n{line}\n\n{CLAIM[1]}"


def with_claim(page: str) -> str:
    """A page whose claim follows from its table."""
    rows = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", page, re.MULTILINE))
    return re.sub(f"{CLAIM[0]}.*{CLAIM[1]}", lambda _: claim_of([rows[each] for each in SAVED]), page, flags=re.DOTALL)


def gdsc_result(found: Iterable[Found], notes: Sequence[str] = ()) -> tuple[Result, str]:
    """The page, and its last line; `notes` say what was left out."""
    every = list(found)
    s = Summary([one for one in every if one.learn])
    new_lines: dict[str, list[float]] = {}
    for one in every:
        for what, values in one.new_lines.items():
            new_lines.setdefault(what, []).extend(values)
    line = last_line(s, new_lines)
    seeds, drugs = {one.seed for one in s.campaigns}, {one.drug for one in s.campaigns}
    how = (
        f"{many(len(s.campaigns), 'campaign')}: {many(len(seeds), 'seed')}, {len(drugs)} different drugs that the "
        "history lacks, as it lacks their twins (same name or synonym, PubChem id, or Tanimoto similarity above .85, "
        f"salts being the drug) and copies of their values. A fifth of each drug's lines is held out; of the others "
        f"{PLATE} are measured on each plate. Mean ± standard error over campaigns; correlations are of each drug "
        "alone, over its held-out lines. Full: all lines that may be measured (on average "
        f"{np.mean([one.lines for one in s.campaigns]) * (1 - HELD_OUT):.0f})."
    )
    ceiling = float(s.ceiling.mean())
    rows = []
    for arm in LEARN:
        curves = s.curves(arm)
        cells = [mean_se(curves[:, LABELS.index(n)]) for n in (10, 30, 50, 100)]
        rows.append([arm, *cells, f"{s.to_goal(arm):.1f}", f"{s.share(arm, 30):.1%}", f"{s.share(arm, 100):.1%}"])
    learn = section(
        "Learn: an accurate model of a new drug",
        f"Pearson correlation with all labels: {plus_minus(ceiling, float(s.ceiling.std() / len(s.ceiling) ** 0.5))}. "
        + " ".join(f"*{arm}*: {told}." for arm, told in LEARN.items()),
        markdown_table(
            ["", "r at 10", "30", "50", "100", "labels to 90 % of full", "30, of full", "100, of full"], rows
        ),
    )
    selection = s.saving("sisters, chosen", "sisters, random")
    history = s.saving("sisters, random", "factors, random")
    both = s.saving("sisters, chosen", "factors, random")
    saved = [_percent(selection), _percent(history), _percent(both)]
    claim = section(
        "What is saved",
        claim_of(saved),
        "Intervals from resampled campaigns. What the factor model lacks are the sisters as prior means, and targets "
        "and structures.",
        markdown_table(["labels saved to 90 % of full by", "share"], list(zip(SAVED, saved, strict=True))),
    )
    finds = []
    for arm in FIND:
        curves = s.curves(arm, "find")
        hits = np.array([one.hits[arm] for one in s.campaigns])
        every_hit = np.array([one.hits["all"] for one in s.campaigns])
        enriched = curves[:, -1] / s.curves("random", "find")[:, -1].mean()
        cells = [mean_se(curves[:, LABELS.index(n)]) for n in (10, 30, 50, 100)]
        finds.append([arm, *cells, f"{hits.mean():.1f} of {every_hit.mean():.1f}", f"{enriched.mean():.2f}"])
    gain = s.curves("sisters, greedy", "find")[:, -1] - s.curves("prior, unlearned", "find")[:, -1]
    find = section(
        "Find: the most sensitive tenth of the lines",
        "Share found. " + " ".join(f"*{arm}*: {told}." for arm, told in FIND.items())
        + f" Greedy against the unlearned ranking, paired: {mean_se(gain)}.",
        markdown_table(["", "10 labels", "30", "50", "100", "hits found at 100", "enrichment"], finds),
    )  # fmt: skip
    base = []
    for name in s.campaigns[0].baselines:
        pairs = np.array([one.baselines[name] for one in s.campaigns])
        flat = name == "drug mean"
        base.append([name, "no order" if flat else mean_se(pairs[:, 0]), mean_se(pairs[:, 1])])
    without_model = section(
        "Baselines",
        "On the held-out lines; where a level of the drug is needed, it is that of 30 random labels, on which the "
        "mixture in the last line is fitted, too. Correlation of each drug alone: pooled over drugs, the drug mean by "
        "itself would look excellent.",
        markdown_table(["", "r of each drug", "root mean square error"], base),
    )
    left_out = section("What was left out, or is not known", " ".join(notes)) if notes else ""
    new = (
        section(
            "Lines that the history lacks",
            "A fifth of the lines with features is taken out of the history, and predicted from expression and the "
            "like without a label; correlation over them, of each drug alone.",
            markdown_table(["", "r"], [[what, mean_se(values)] for what, values in new_lines.items() if values]),
        )
        if any(new_lines.values())
        else ""
    )
    curves = [
        (
            goal,
            arm,
            n,
            *(f"{x:.6g}" for x in (float(c.mean()), float(c.std(ddof=1) / len(c) ** 0.5 if len(c) > 1 else 0))),
        )
        for goal, arms in (("learn", LEARN), ("find", FIND))
        for arm in arms
        for n, c in zip(LABELS, s.curves(arm, goal).T, strict=True)
    ]
    single = [
        (one.seed, one.drug, one.lines, arm, *(f"{x:.4f}" for x in one.learn[arm]))
        for one in s.campaigns
        for arm in LEARN
    ]
    tables = {
        "summary": (("goal", "arm", "labels", "mean", "standard error"), curves),
        "campaigns": (("seed", "drug", "lines", "arm", *map(str, LABELS)), single),
    }
    return Result(
        "Drug response: does a history of other drugs pay?",
        how,
        [line, learn, claim, find, without_model, new, left_out],
        tables,
    ), line


def command(
    response: Annotated[Path, RESPONSE],
    history: Annotated[Path, HISTORY],
    features: Annotated[Path, FEATURES],
    seeds: Annotated[int, typer.Option(min=1, help="Draws of held-out drugs, lines and first plates.")] = 7,
    drugs: Annotated[int, typer.Option(metavar="N", min=1, help="Held-out drugs of one seed, at most.")] = DRUGS,
    jobs: Annotated[int, typer.Option(help="Processes.")] = 1,
    work: Annotated[Path | None, WORK] = None,
    out: Annotated[Path, OUT] = Path("docs/results"),
) -> None:
    """Does a history of other drugs pay, and does choosing the next cell lines?"""
    files = Files(str(response), str(history), str(features))
    tasks = [Task(files, seed, drugs) for seed in range(seeds)]
    read.cache_clear()  # files may have been written anew
    data = read(files)
    for note in data.notes:
        say(note, error=True)
    place = (work or out / "gdsc" / "parts") / digest_of(files, drugs)
    place.mkdir(parents=True, exist_ok=True)
    with working(place, {"gdsc": seeds}, "seeds") as done:
        found, failures = run_kept(tasks, run_seed, place, _read, jobs, lambda _: done("gdsc"))
    for why in failures.values():
        raise ConfigError(why)
    result, line = gdsc_result((one for each in found.values() for one in each), data.notes)
    told = (
        f"python -m benchmarks gdsc --response {response.name} --history {history.name} --features DIR --seeds {seeds}"
    )
    if (
        result.sections
        and Summary([one for each in found.values() for one in each if one.learn]).ceiling.mean() < NOTHING
    ):
        say(
            f"With all labels the correlation is below {NOTHING}: shares of it say nothing, and are given as nan.",
            error=True,
        )
    result.write(out / "gdsc", told + (f" --drugs {drugs}" if drugs != DRUGS else ""))
    typer.echo(line)


def digest_of(files: Files, drugs: int) -> str:
    """Of the content of all files and the settings: results of others are never taken for these."""
    digest = hashlib.sha256(f"{drugs} {PLATE} {PLATES} {LEAST} {code_of(LIGHT)}".encode())
    for path in (Path(files.response), Path(files.history), *panel_files(files.features)):
        digest.update(f"{path.name} {content_hash(path.read_bytes())}\n".encode())
    return digest.hexdigest()[:12]


def _read(text: str) -> list[Found]:
    return [Found(**one) for one in json.loads(text)]
