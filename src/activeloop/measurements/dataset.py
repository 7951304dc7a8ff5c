"""Training data: each measured candidate once, with a mean and a standard error for each assay."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from activeloop.candidates import Pool
from activeloop.errors import MeasurementError
from activeloop.measurements.assay import Assay, limits_of
from activeloop.notebook import SHOWN, axes, html_table, to_frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: candidates that must have each of two values: readings on a continuous scale do not come up so often
FEWEST = 3
#: results before two values other than 0 and 1 are taken for the only ones
MANY = 20
#: share of candidates whose replicates may disagree, at most: with a known standard error, and without (rows of a list
#: that name one compound); and where the mean of up to six may then lie
DISAGREEING, RARELY = 0.2, 0.02
SHARES = np.unique([k / n for n in range(2, 7) for k in range(1, n)])


@dataclass(frozen=True)
class Dataset:
    """Measured candidates of a pool.

    Args:
        pool: the pool they belong to.
        rows: [N] their rows in the pool, each once (int64).
        values: [N, A] mean of each assay (float64, NaN = not measured). For `classify`, 0 or 1.
        errors: [N, A] standard error of that mean (0 = not known).
        assays: A of them, in the order of the columns.
        rounds: [N] the round in which each was first measured, from 0.
        censored: [N, A] -1 the value is an upper bound (`<`), +1 a lower bound (`>`), 0 measured (int8).
        is_oriented: whether values (and `censored`) of assays to be minimised have their sign turned, see `oriented`.
            Limits and bounds of the assays stay in their unit.
        is_prepared: whether values are on the scale of a model and censored ones are estimated already.
        history: measurements of sisters (other drugs, lines, guides, screens) from before the campaign, which count in
            no budget and no curve; None where there are none. See `as_history`.
    """

    pool: Pool
    rows: np.ndarray
    values: np.ndarray
    errors: np.ndarray
    assays: tuple[Assay, ...]
    rounds: np.ndarray
    censored: np.ndarray
    is_oriented: bool = False
    is_prepared: bool = False
    history: Dataset | None = field(default=None, repr=False)

    @classmethod
    def of(cls, pool: Pool, rows: np.ndarray, values: np.ndarray, assay: Assay | None = None) -> Dataset:
        """A data set of one assay without replicates, all from one round.

        Args:
            pool: the pool.
            rows: [N] measured rows.
            values: [N] their values.
            assay: what was measured; `value` to be maximised when None.

        Raises:
            MeasurementError: rows are no rows of the pool, or one comes twice; or there is not one number for each.
        """
        rows = pool_rows(pool, rows, "measured rows")
        try:
            values = np.asarray(values, np.float64)
        except (ValueError, TypeError) as error:
            raise MeasurementError(f"the values are not all numbers ({error}).") from None
        if values.shape != rows.shape:
            raise MeasurementError(f"{len(rows)} rows need as many values, one each, not an array of {values.shape}.")
        if len(np.unique(rows)) < len(rows):
            raise MeasurementError("a row comes twice: give one mean for each candidate, or record measurements.")
        values = values[:, None]
        zeros = np.zeros(values.shape)
        assays = (assay or Assay("value"),)
        return cls(pool, rows, values, zeros, assays, np.zeros(len(rows), np.int64), zeros.astype(np.int8))

    def __len__(self) -> int:
        return len(self.rows)

    def _columns(self) -> dict[str, Any]:
        columns: dict[str, Any] = {"candidate": self.pool.names(self.rows)}
        for a, assay in enumerate(self.assays):
            columns[assay.name] = self.values[:, a]
            columns[f"{assay.name} standard error"] = np.where(self.errors[:, a] > 0, self.errors[:, a], np.nan)
            if self.censored[:, a].any():
                columns[f"{assay.name} limit"] = [("<", "", ">")[side + 1] for side in self.censored[:, a].tolist()]
        columns["round"] = self.rounds + 1
        return columns

    def to_frame(self, library: str = "") -> Any:
        """A DataFrame with a row for each measured candidate.

        Columns: `candidate`, of each assay its mean and `NAME standard error` (NaN where it is not known), `NAME limit`
        (`<` or `>`) where values are censored, and `round`, from 1.

        Args:
            library: of the DataFrame (pandas, polars, pyarrow); that of the DataFrame which listed the pool when "".
        """
        return to_frame(self._columns(), library or self.pool.library)

    def __repr__(self) -> str:
        assays = ", ".join(a.name for a in self.assays)
        return f"<Dataset: {assays} of {len(self):,} candidates; .to_frame() makes a DataFrame>"

    def _repr_html_(self) -> str:
        columns = self._columns()
        rows = zip(*(column[:SHOWN] for column in columns.values()), strict=True)
        return html_table(list(columns), rows, "measured candidates", total=len(self))

    def plot(self, ax: Axes | None = None) -> Axes:
        """A picture of the values: a histogram of one assay, the first two against each other of several.

        Args:
            ax: where to draw; new axes when None.
        """
        ax = axes(ax)
        labels = [f"{a.name} ({a.unit})" if a.unit else a.name for a in self.assays]
        if len(self.assays) == 1:
            ax.hist(self.values[:, 0][~np.isnan(self.values[:, 0])], bins="auto")
            ax.set(xlabel=labels[0], ylabel="candidates")
        else:
            ax.scatter(self.values[:, 0], self.values[:, 1], s=14)
            ax.set(xlabel=labels[0], ylabel=labels[1])
        return ax

    def oriented(self) -> Dataset:
        """The same data with larger values better everywhere (the sign of values of `minimise` assays is turned)."""
        if self.is_oriented:
            return self
        signs = np.array([a.sign for a in self.assays])
        values, censored = self.values * signs, (self.censored * signs).astype(np.int8)
        history = self.history and self.history.oriented()
        return replace(self, values=values, censored=censored, is_oriented=True, history=history)

    def as_history(self) -> Dataset:
        """The same data as of before the campaign: in round -1.

        >>> Dataset.of(Pool.single_mutants("MKTA"), [0], [1.0]).as_history().rounds.tolist()
        [-1]
        """
        return replace(self, rounds=np.full(len(self), -1), history=None)

    @property
    def reached(self) -> np.ndarray:
        """[N, A] values that each candidate is known to reach, oriented; NaN where there is none.

        A limit on the better side is reached; of one on the worse side (`<5` where more is better) only that it is no
        better is known, so it is no best, however large the limit.

        >>> data = Dataset.of(Pool.single_mutants("MKTA"), [0, 1], [2.0, 5.0])
        >>> replace(data, censored=np.array([[0], [-1]], np.int8)).reached[:, 0].tolist()
        [2.0, nan]
        """
        data = self.oriented()
        return np.where(data.censored < 0, np.nan, data.values)

    @property
    def limits(self) -> np.ndarray:
        """[A] what is good enough in each assay, as the values are oriented; NaN where the best is looked for."""
        return limits_of(self.assays) * ([a.sign for a in self.assays] if self.is_oriented else 1)

    def feasible(self) -> np.ndarray:
        """[N, A] whether each candidate is good enough: 1 yes, 0 no, NaN not known (not measured, or only a bound).

        Where the best is looked for all are. A censored value counts where it decides: `<50` fails 55 or more, `>60`
        meets it, `<60` leaves it open.
        """
        data = self.oriented()
        value, side, limit = data.values, data.censored, data.limits
        met = (side >= 0) & (value >= limit)
        failed = np.where(side < 0, value <= limit, (side == 0) & (value < limit))
        return np.where(np.isnan(limit) | met, 1.0, np.where(failed, 0.0, np.nan))

    def meets_all(self) -> np.ndarray:
        """[N] whether each candidate is good enough in every assay: 1, 0, or NaN where that is not known."""
        each = self.feasible()
        return np.where((each == 0).any(1), 0.0, each.prod(1))

    def answered(self) -> Dataset:
        """The same data without the assays that have no value yet; itself when all have one or none has."""
        names = [a.name for i, a in enumerate(self.assays) if not np.isnan(self.values[:, i]).all()]
        return self.only(names) if names else self

    def only(self, names: Collection[str]) -> Dataset:
        """The same candidates in some assays alone, in the order of the columns."""
        some = np.array([i for i, a in enumerate(self.assays) if a.name in names], np.int64)
        if len(some) == len(self.assays):
            return self
        values, errors, censored = (x[:, some] for x in (self.values, self.errors, self.censored))
        assays = tuple(self.assays[a] for a in some)
        return replace(self, values=values, errors=errors, censored=censored, assays=assays)

    def take(self, index: np.ndarray) -> Dataset:
        """The data set of some of its candidates, by index or mask into its own rows."""
        return replace(
            self,
            rows=self.rows[index],
            values=self.values[index],
            errors=self.errors[index],
            rounds=self.rounds[index],
            censored=self.censored[index],
        )

    def column(self, assay: int = 0) -> Dataset:
        """One assay alone, without the candidates in which it was not measured."""
        measured = ~np.isnan(self.values[:, assay])
        one = replace(
            self,
            values=self.values[:, [assay]],
            errors=self.errors[:, [assay]],
            assays=(self.assays[assay],),
            censored=self.censored[:, [assay]],
        )
        return one.take(measured)

    @property
    def hash(self) -> str:
        """Depends on candidates, values, errors and censoring, not on their order or the scale of an assay."""
        return f"2:{self._digest(self.values, self.errors, self.censored)}"

    def has_hash(self, stored: str) -> bool:
        """Whether a stored hash is that of this data set.

        >>> data = Dataset.of(Pool.single_mutants("MKTA"), [0, 1], [1.0, 2.0])
        >>> below = replace(data, censored=np.array([[0], [-1]], np.int8))
        >>> data.has_hash(data.hash), data.has_hash(below.hash)
        (True, False)
        """
        if stored.startswith("2:"):
            return stored == self.hash
        return stored == self._digest(self.values, self.errors)  # before the first release, limits were not counted

    def _digest(self, *arrays: np.ndarray) -> str:
        order = np.argsort(self.rows, kind="stable")
        names = "".join(f"{name}\n" for name in self.pool.names(self.rows[order]))
        digest = hashlib.blake2b(names.encode(), digest_size=16)
        for array in arrays:
            digest.update(np.ascontiguousarray(array[order], np.float64).tobytes())
        return digest.hexdigest()


def pool_rows(pool: Pool, rows: Sequence[int] | np.ndarray, what: str = "rows") -> np.ndarray:
    """Rows of a pool as int64 [N].

    Args:
        pool: the pool.
        rows: whole numbers from 0.
        what: they are, for messages.

    Raises:
        MeasurementError: they are not; says how to get them.

    >>> pool_rows(Pool.single_mutants("MKTA"), [0, 2.0]).tolist()
    [0, 2]
    """
    fix = f"give whole numbers from 0 to {len(pool) - 1:,}; `pool.find(name)` gives that of a candidate."
    try:
        found = np.asarray(rows)
    except ValueError:  # lists of different lengths
        found = np.array(None)
    if not found.size and found.ndim == 1:
        return np.zeros(0, np.int64)
    if found.ndim != 1 or found.dtype.kind not in "iuf" or (found != np.floor(found)).any():
        raise MeasurementError(f"{what} are not a list of rows of the pool: {fix}")
    if found.min() < 0 or found.max() >= len(pool):
        raise MeasurementError(f"{what} {found.min():g} to {found.max():g} are not all in the pool: {fix}")
    return found.astype(np.int64)


def two_levels(values: np.ndarray, errors: np.ndarray) -> tuple[float, float] | None:
    """The lower and the higher value of an assay of two values; None for any other.

    Each of the two must be that of at least three candidates. Means of up to six replicates that disagree may lie
    between them: those of a fifth of all where their standard errors are known, else of a fiftieth.

    Args:
        values: [N] means.
        errors: [N] their standard errors, 0 where nothing was repeated.

    >>> two_levels(np.array([0.0, 0.0, 0.0, 1.0, 1.0, 1.0]), np.zeros(6))
    (0.0, 1.0)
    >>> two_levels(np.array([0.0, 0.0, 0.0, 0.0, 0.0, 3.4]), np.zeros(6)) is None
    True
    """
    if len(values) < 2 * FEWEST:
        return None
    low, high = float(values.min()), float(values.max())
    at_low, at_high = values == low, values == high
    if low == high or min(at_low.sum(), at_high.sum()) < FEWEST:
        return None
    between = ~(at_low | at_high)
    if between.mean() > (DISAGREEING if (errors[between] > 0).all() else RARELY):
        return None
    shares = (values[between] - low) / (high - low)
    return (low, high) if np.isclose(shares[:, None], SHARES, atol=1e-6).any(1).all() else None


def levels_of(dataset: Dataset, column: int = 0) -> tuple[float, float] | None:
    """The two values of an assay, the lower first; None where it has others, or is one of classes.

    The scale of the assay says it: `binary` has 0 and 1, `linear` and `log` have more than two. `auto` leaves it to the
    values, see `two_levels`.

    >>> pool, rows = Pool.single_mutants("MK"), np.arange(2)
    >>> levels_of(Dataset.of(pool, rows, np.array([0.0, 1.0]), Assay("active", scale="binary")))
    (0.0, 1.0)
    """
    assay = dataset.assays[column]
    if assay.goal == "classify":
        return None
    if assay.scale == "binary":
        return (-1.0, 0.0) if dataset.is_oriented and assay.sign < 0 else (0.0, 1.0)
    known = ~np.isnan(dataset.values[:, column])
    return two_levels(dataset.values[known, column], dataset.errors[known, column]) if assay.scale == "auto" else None


def resolved(dataset: Dataset) -> Dataset:
    """The same (not oriented), in which the scale of an assay that has 0 and 1 alone says so; see `levels_of`."""
    found = [
        replace(assay, scale="binary", bounds=None)
        if assay.scale == "auto" and assay.is_open and levels_of(dataset, a) == (0, 1)
        else assay
        for a, assay in enumerate(dataset.assays)
    ]
    return replace(dataset, assays=tuple(found))


def odd_values(before: np.ndarray, new: np.ndarray) -> tuple[tuple[float, float], np.ndarray] | None:
    """The two values of an assay, and which of some new values [n] are others; None where nothing is odd.

    Either all values before are two (`two_levels`), or nearly all of those before and the new ones. Other values than 0
    and 1 need 20 results, as do whole numbers up to 10 beside these: counts and scores repeat in small tables, too.

    Args:
        before: [m] values that came before.
        new: [n] values.

    >>> odd_values(np.array([0, 0, 0, 1, 1, 1.0]), np.array([0, 85.0]))
    ((0.0, 1.0), array([False,  True]))
    >>> odd_values(np.array([0, 0, 0, 0.3, 1, 1.0]), np.array([0, 85.0])) is None
    True
    >>> odd_values(np.array([0, 0, 0, 1, 1, 1.0]), np.array([2.0])) is None
    True
    """
    levels = two_levels(before, np.zeros(len(before))) or _nearly_two(before, new)
    few = len(before) + len(new) < MANY
    if levels is None or (few and levels != (0, 1)):
        return None
    odd = ~np.isin(new, levels)
    odd &= ~np.isin(new, np.arange(2, 11)) if few else True
    return (levels, odd) if odd.any() else None


def _nearly_two(before: np.ndarray, new: np.ndarray) -> tuple[float, float] | None:
    """The values of nearly all, where those before have no other ones; else None."""
    if len(before) and ((before != before.min()) & (before != before.max())).any():
        return None
    seen, counts = np.unique(np.concatenate([before, new]), return_counts=True)
    two = np.sort(np.argsort(-counts, kind="stable")[:2])
    if len(two) < 2 or counts[two].min() < FEWEST or counts.sum() - counts[two].sum() > RARELY * counts.sum():
        return None
    low, high = seen[two].tolist()
    return (low, high) if np.isin(before, (low, high)).all() else None


def better_of_two(dataset: Dataset) -> float | None:
    """What a hit has, in a data set (not oriented) of one assay of two values whose best is looked for; else None."""
    if len(dataset.assays) != 1 or dataset.assays[0].threshold is not None or (levels := levels_of(dataset)) is None:
        return None
    return levels[dataset.assays[0].sign > 0]
