"""Repair outcomes of guides: a table of distributions, how well they are predicted, and which guides tell most."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from activeloop.acquisition import BALD, entropy
from activeloop.acquisition.base import AcquisitionContext
from activeloop.candidates import ExplicitPool, Pool
from activeloop.candidates.reading import read_candidates
from activeloop.errors import InputError, TableError
from activeloop.files import csv_text
from activeloop.measurements.outcomes import DEPTH, FRAMESHIFT, MOST, Outcomes, Rest, Unit, read_outcomes
from activeloop.models.outcomes import FEWEST, OutcomeLearner
from activeloop.replay.metrics import mean_and_error
from activeloop.tables import read_table

FOLDS = 5


@dataclass(frozen=True)
class OutcomeFigures:
    """How well distributions are predicted of guides that the model has not seen.

    Args:
        kl, kl_of_mean: mean divergence over guides, in nats, and its standard error over folds; the same of the mean
            distribution, whatever the guide, which a model must beat.
        pearson: median over guides of the correlation over outcomes, mean of the folds.
    """

    kl: tuple[float, float]
    kl_of_mean: tuple[float, float]
    pearson: float


@dataclass(frozen=True)
class OutcomeTables:
    """What a table of repair outcomes says.

    Args:
        guides: how many.
        names: of the outcomes, the most frequent first.
        left_out: rarer outcomes and what the table lacks are together in `other`.
        tables: name of a file -> its content: `outcomes.csv` (a row a guide: a share for each outcome, `frameshift`
            where names tell lengths, `reads` where they are known), and where further guides were given
            `predictions.csv` (the same shares predicted, entropy and information in nats, the most informative first).
        figures: of predictions in five folds; None of fewer than 25 guides.
        best: of the further guides, the names of the most informative.
    """

    guides: int
    names: tuple[str, ...]
    left_out: bool
    tables: Mapping[str, str]
    figures: OutcomeFigures | None
    best: tuple[str, ...] = ()


def outcome_tables(
    file: str | os.PathLike[str],
    further: Path | None = None,
    *,
    columns: Sequence[str] = (),
    column: str = "",
    unit: Unit | None = None,
    rest: Rest | None = None,
    most: int = MOST,
    number: int = 24,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> OutcomeTables:
    """Check that a table holds a distribution of repair outcomes for each guide, and learn it.

    Args:
        file: of reads, shares or percent, as `read_outcomes`.
        further: a table of guides to predict.
        columns: those of the outcomes, where names do not show them.
        column: of the guides, in both tables, where names and cells do not show it.
        unit: of the values, where they do not show it.
        rest: what is to be done where shares sum to less than 1.
        most: outcomes that are kept; the rarer ones together are `other`.
        number: how many of the further guides are named.
        seed: of folds and fits.
        progress: called with (fits done, fits in all).

    Raises:
        TableError: as `read_outcomes`; nothing was written.
        InputError: a guide cannot be read, or there are too few to learn from.
    """
    table = read_table(file)
    try:
        found = read_outcomes(table, most=most, rest=rest, unit=unit, columns=columns, column=column)
    except TableError as error:
        raise TableError(f"{error.problem} Nothing was written.", file=error.file, row=error.row) from None
    if further and len(found) < FEWEST:
        raise InputError(
            f"{len(found)} guides tell no distribution of outcomes. Give {FEWEST} or more. Nothing was written.",
            file=os.fspath(file),
        )
    folds = FOLDS if len(found) >= FEWEST * FOLDS else 0
    report = progress or (lambda done, total: None)
    total = folds + (further is not None)
    pool = guides_of(further, column) if further else None  # a mistake in it shows before the fits
    figures = _figures(found, seed, lambda done: report(done, total)) if folds else None
    tables, best = {"outcomes.csv": outcomes_csv(found)}, ()
    if pool is not None:
        tables["predictions.csv"], best = _predictions(found, pool, number, seed)
        report(total, total)
    return OutcomeTables(len(found), found.names, "other" in found.names, tables, figures, best)


def guides_of(file: Path, column: str = "") -> Pool:
    """The guides of a table.

    Raises:
        InputError: one cannot be read.
    """
    read = read_candidates(
        read_table(file), "guides", column=column or None, merge_duplicates=True, skip_unreadable=None
    )
    return ExplicitPool.from_list(read, "guides")


def outcomes_csv(found: Outcomes) -> str:
    """A row for each guide: a share for each outcome, `frameshift` where names tell lengths, `reads` where known.

    >>> table = {"guide": ["ACGTACGTACGTACGTACGT"] * 2, "outcome": ["D2", "I1"], "reads": [30, 10]}
    >>> print(outcomes_csv(read_outcomes(table)), end="")
    guide,D2,I1,frameshift,reads
    ACGTACGTACGTACGTACGT,0.75,0.25,1,40
    """
    columns = [list(found.names), *found.shares.tolist()]
    try:
        shifts = found.frameshift()
    except TableError:
        shifts = None
    head = ["guide", *columns[0], *[FRAMESHIFT] * (shifts is not None), *[DEPTH] * bool(np.isfinite(found.reads).any())]
    names = found.pool.names(np.arange(len(found)))
    rows = []
    for i, name in enumerate(names):
        reads = "" if np.isnan(found.reads[i]) else f"{found.reads[i]:.0f}"
        tail = [*([] if shifts is None else [f"{shifts[i]:.6g}"]), *([reads] if head[-1] == DEPTH else [])]
        rows.append([name, *(f"{share:.6g}" for share in found.shares[i]), *tail])
    return csv_text(head, rows)


def _figures(found: Outcomes, seed: int, done: Callable[[int], None]) -> OutcomeFigures:
    order = np.random.default_rng(seed).permutation(len(found))
    each = []
    for k, test in enumerate(np.array_split(order, FOLDS)):
        model = OutcomeLearner().fit(found, np.setdiff1d(order, test), seed)
        each.append(model.figures(found, test))
        done(k + 1)
    kl, of_mean, pearson = (np.array([fold[name] for fold in each]) for name in ("kl", "kl_of_mean", "pearson"))
    return OutcomeFigures(mean_and_error(kl), mean_and_error(of_mean), float(pearson.mean()))


def _predictions(found: Outcomes, pool: Pool, number: int, seed: int) -> tuple[str, tuple[str, ...]]:
    """The table of further guides, the most informative first, and their names."""
    rows = np.arange(len(pool))
    predicted = OutcomeLearner().fit(found, seed=seed).predict(pool, rows, seed)
    nothing = AcquisitionContext(np.full(1, np.nan), np.random.default_rng(seed), np.full(1, np.nan))
    information, spread = BALD()(predicted, nothing), entropy(predicted.mean)
    order = np.argsort(-information, kind="stable")
    names, known = pool.names(rows), {*found.pool.names(np.arange(len(found)))}
    lines = (
        [names[i], "yes" if names[i] in known else "no", f"{information[i]:.6g}", f"{spread[i]:.6g}"]
        + [f"{share:.6g}" for share in predicted.mean[i]]
        for i in order
    )
    head = ("guide", "measured", "information", "entropy", *found.names)
    return csv_text(head, lines), tuple(names[i] for i in order if names[i] not in known)[:number]
