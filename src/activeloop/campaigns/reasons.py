"""What is known around a candidate: what was measured at its sites or near it, and what the prior says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from activeloop.candidates import Pool, TreatmentPool
from activeloop.measurements import Assay, Dataset
from activeloop.prediction import Predictor, mean_of
from activeloop.words import shown_number

#: candidates of the pool with which the prior's score of one is compared
COMPARED = 1000
#: pairs of a candidate and a measured one that are compared at once: eight megabytes
COMPARISONS = 2_000_000
#: sites of one variant of which a reason speaks
SITES = 3
#: longest name of a neighbour in a reason; structures are longer and stand in the explanation of a candidate
LONGEST = 40


@dataclass(frozen=True)
class Neighbour:
    """The measured candidate nearest to another one.

    Args:
        name: its name in the pool's notation.
        value: what was measured.
        side: `<` or `>` where that is only a limit, else "".
        distance: sites in which they differ; of compounds the Tanimoto similarity of their neighbourhoods of atoms.
    """

    name: str
    value: float
    side: str
    distance: float


@dataclass(frozen=True)
class Seen:
    """What was measured of the variants that share a site, or a residue there.

    Args:
        count: how many.
        best, worst: names and values in words, `<` or `>` before a limit; the same where there is one, ("", "") where
            there is none.
        mean: of all.
    """

    count: int
    best: tuple[str, str]
    worst: tuple[str, str]
    mean: float


@dataclass(frozen=True)
class Surroundings:
    """What was measured of one assay in a pool, and the prior.

    Args:
        pool: of the candidates.
        assay: whose values these are.
        rows: [M] measured rows.
        values: [M] in the unit of the assay.
        sides: [M] `<` or `>` where the value is only a limit, else "".
        several: whether the campaign has other assays with results, so that this one is named.
        prior: scores before any measurement; None where there is none.
        seed: of the candidates with which scores are compared.
    """

    pool: Pool
    assay: Assay
    rows: np.ndarray
    values: np.ndarray
    sides: np.ndarray
    several: bool
    prior: Predictor | None
    seed: int

    @classmethod
    def of(cls, dataset: Dataset, prior: Predictor | None, seed: int) -> Surroundings:
        """Of the first assay whose best is looked for that has a result, else of the first with one.

        Args:
            dataset: of a campaign (not oriented).
            prior: of its learner, or None.
            seed: see the class.
        """
        answered = np.flatnonzero(~np.isnan(dataset.values).all(0)).tolist()
        column = next((a for a in answered if np.isnan(dataset.limits[a])), answered[0] if answered else 0)
        one = dataset.column(column)
        sides = np.array(["<", "", ">"])[one.censored[:, 0] + 1]
        return cls(one.pool, one.assays[0], one.rows, one.values[:, 0], sides, len(answered) > 1, prior, seed)

    # -- words ------------------------------------------------------------------------------------------------------

    def words(self, rows: Sequence[int] | np.ndarray) -> list[str]:
        """For each of some candidates what is known around it, in one line; "" where nothing is."""
        rows = np.asarray(rows, np.int64)
        shares = self.prior_shares(rows)
        nearest = self.nearest(rows)
        lines = []
        for row, share, near in zip(rows.tolist(), shares.tolist(), nearest, strict=True):
            parts = self._with_part(row) or self._at_sites(row)
            if near is not None and (self._mutations(row) is None or len(self._mutations(row) or ()) > 1):
                parts.append(self._near(near))
            if share == share:
                parts.append(f"the prior ranks it above {share:.0%} of the pool")
            lines.append("; ".join(parts))
        return lines

    def shown(self, text: str) -> str:
        """A value with its unit."""
        of = f"{self.assay.name} " if self.several or self.assay.binary else ""
        return f"{of}{text} {self.assay.unit}".rstrip()

    def _near(self, near: Neighbour) -> str:
        called = self.pool.called(near.name)
        name = f" {called}" if len(called) <= LONGEST else ""
        value = self.shown(f"{near.side}{shown_number(near.value)}")
        if self.pool.kind == "compounds":
            return f"most similar measured{name} (Tanimoto {near.distance:.2f}): {value}"
        changes = f"{near.distance:.0f} change{'s' * (near.distance != 1)}"
        return f"nearest measured{name} ({changes}): {value}"

    def _at_sites(self, row: int) -> list[str]:
        """What was measured at the sites of a variant's mutations; [] where nothing calls itself a mutation."""
        mutations, sites = self._mutations(row), self.pool.sites
        if not mutations or sites is None or not len(self.rows):
            return []
        if len(mutations) == 1:
            (column,) = mutations
            seen = self.seen(column)
            if seen.count:
                return [f"at {sites.labels[column]} {self._counted(seen)}"]
            near = self._nearest_site(column)
            return [
                f"nothing measured at {sites.labels[column]}; nearest {sites.labels[near]}: "
                f"{self._counted(self.seen(near))}"
            ]
        parts = []
        for column, code in list(mutations.items())[:SITES]:
            seen = self.seen(column, code)
            name = f"{sites.labels[column]}{sites.alphabet[code]}"
            parts.append(
                f"{name} in {seen.count} measured"
                + (f", mean {self.shown(shown_number(seen.mean))}" if seen.count else "")
            )
        return ["; ".join(parts)]

    def _with_part(self, row: int) -> list[str]:
        """What was measured of a treatment's cells and of its compounds, where the pool has several of either."""
        pool = self.pool
        if not isinstance(pool, TreatmentPool) or not len(self.rows):
            return []
        own, measured = pool.part_rows([row])[0], pool.part_rows(self.rows)
        found = []
        for part, columns in (("cells", [0]), ("compound", list(range(1, 1 + pool.combined)))):
            alike = (measured[:, columns] == own[columns]).all(1)
            if len(pool.part_names(part)) > len(columns) and alike.any():
                mean = self.shown(shown_number(float(self.values[alike].mean())))
                found.append(f"with the same {part} {alike.sum()} measured, mean {mean}")
        return found

    def _counted(self, seen: Seen) -> str:
        if self.assay.is_two:
            what = "fit" if self.assay.goal == "classify" else f"{self.assay.name} 1"
            return f"{seen.count} measured, {round(seen.mean * seen.count)} of them {what}"
        if seen.count == 1:
            return f"1 measured: {seen.best[0]} {self.shown(seen.best[1])}"
        best, worst = (" ".join(one) for one in (seen.best, seen.worst))
        unit = f" {self.assay.unit}" if self.assay.unit else ""
        of = f" ({self.assay.name})" if self.several else ""
        return f"{seen.count} measured{of}: best {best}, worst {worst}{unit}"

    # -- figures ----------------------------------------------------------------------------------------------------

    def prior_shares(self, rows: np.ndarray) -> np.ndarray:
        """[N] the share of the pool whose score by the prior is lower; NaN where it tells nothing."""
        unknown = np.full(len(rows), math.nan)
        if self.prior is None or not len(rows):
            return unknown
        size = len(self.pool)
        some = np.arange(size) if size <= COMPARED else np.random.default_rng(self.seed).integers(size, size=COMPARED)
        some = some[self.pool.readable(some)]
        scores = mean_of(self.prior, self.pool, np.concatenate([rows, some]))[:, -1]
        own, others = scores[: len(rows)], np.sort(scores[len(rows) :])
        if not len(others) or others[0] == others[-1]:
            return unknown
        return np.searchsorted(others, own, side="left") / len(others)

    def seen(self, column: int, code: int | None = None) -> Seen:
        """What was measured of variants with a mutation in a column, or with one residue there."""
        assert self._codes is not None  # pools without sites have no columns
        parent = self.pool.sites.parent[column] if self.pool.sites and self.pool.sites.parent is not None else -1
        here = self._codes[:, column]
        found = np.flatnonzero(here == code if code is not None else here != parent)
        if not len(found):
            return Seen(0, ("", ""), ("", ""), math.nan)
        values = self.assay.sign * self.values[found]
        # of equal ones the first is the best and the last the worst
        ends = found[[int(values.argmax()), len(found) - 1 - int(values[::-1].argmin())]]
        texts = [f"{self.sides[k]}{shown_number(float(self.values[k]))}" for k in ends.tolist()]
        best, worst = zip(self.pool.names(self.rows[ends]), texts, strict=True)
        return Seen(len(found), best, worst, float(self.values[found].mean()))

    def nearest(self, rows: np.ndarray) -> list[Neighbour | None]:
        """For each candidate the measured one nearest to it, itself left out; None where nothing else is measured."""
        if not len(self.rows) or not len(rows) or self.pool.kind == "treatments":
            return [None] * len(rows)
        found, at_once = list[Neighbour](), max(1, COMPARISONS // len(self.rows))
        for begin in range(0, len(rows), at_once):
            closeness = self._closeness(rows[begin : begin + at_once])
            at = closeness.argmax(1)
            found += self._neighbours(closeness[np.arange(len(at)), at], at)
        return [None if math.isinf(one.distance) else one for one in found]

    def most_similar(self, row: int, most: int) -> tuple[Neighbour, ...]:
        """The measured candidates nearest to one, itself left out; of those as near, the better one first."""
        if not len(self.rows) or self.pool.kind == "treatments":
            return ()
        (closeness,) = self._closeness(np.array([row]))
        order = np.lexsort((-self.assay.sign * self.values, -closeness))[:most]
        return tuple(one for one in self._neighbours(closeness[order], order) if not math.isinf(one.distance))

    def _closeness(self, rows: np.ndarray) -> np.ndarray:
        """[N, M] larger is nearer; of a candidate and itself the least of all."""
        closeness = self._similarity(rows) if self._codes is None else -self._changes(rows)
        closeness[rows[:, None] == self.rows] = -math.inf
        return closeness

    def _neighbours(self, closeness: np.ndarray, at: np.ndarray) -> list[Neighbour]:
        distances = closeness if self._codes is None else -closeness
        names, sides = self.pool.names(self.rows[at]), self.sides[at].tolist()
        each = zip(names, self.values[at].tolist(), sides, distances.tolist(), strict=True)
        return [Neighbour(*one) for one in each]

    @cached_property
    def _codes(self) -> np.ndarray | None:
        """[M, L] of the measured candidates; None of compounds."""
        return None if self.pool.sites is None else self.pool.codes(self.rows)

    def _mutations(self, row: int) -> dict[int, int] | None:
        """Column -> code of each mutation; None without a wild type."""
        sites = self.pool.sites
        if sites is None or sites.parent is None:
            return None
        codes = self.pool.codes([row])[0]
        return {int(c): int(codes[c]) for c in np.flatnonzero(codes != sites.parent)}

    def _nearest_site(self, column: int) -> int:
        """The column nearest along the chain at which something was measured."""
        assert self._codes is not None
        assert self.pool.sites is not None
        sites = self.pool.sites
        known = np.flatnonzero((self._codes != sites.parent).any(0))
        if not len(known):
            return column
        return int(known[np.abs(sites.positions[known] - sites.positions[column]).argmin()])

    def _changes(self, rows: np.ndarray) -> np.ndarray:
        """[N, M] columns in which they differ."""
        assert self._codes is not None
        codes = self.pool.codes(rows)
        differing = np.zeros((len(rows), len(self.rows)), np.float32)
        varies = (codes != codes[0]).any(0) | (self._codes != codes[0]).any(0)
        for column in np.flatnonzero(varies).tolist():
            differing += codes[:, column][:, None] != self._codes[:, column]
        return differing

    @cached_property
    def _atoms(self) -> np.ndarray:
        """[M, 2048] which neighbourhoods of atoms occur in each measured compound (bool)."""
        from activeloop.encoders.compound import Morgan

        return Morgan(radius=2).features(self.pool, self.rows) > 0

    def _similarity(self, rows: np.ndarray) -> np.ndarray:
        """[N, M] Tanimoto similarity of which neighbourhoods of atoms occur (ECFP4, 2,048 bits)."""
        from activeloop.encoders.compound import Morgan

        fingerprints = Morgan(radius=2)
        here, there = (x.astype(np.float32) for x in (fingerprints.features(self.pool, rows) > 0, self._atoms))
        common = here @ there.T
        union = here.sum(1)[:, None] + there.sum(1) - common
        return np.where(union > 0, common / np.maximum(union, 1), 1.0)
