"""Layout of plates: compact, by column, or at random with controls spread evenly and replicates apart."""

from __future__ import annotations

import numpy as np

from activeloop.measurements.wells import SHAPES, Well, parse_well, well_name

LAYOUTS = ("auto", "compact", "by-column", "random")
"""`compact`: in the first columns, at random there; `by-column`: down the columns, controls first, then the best first;
`random`: anywhere on the plate; `auto`: compact where less than `HARDLY_FILLED` of the plate is needed, else random."""
HARDLY_FILLED = 0.2
TRIES = 4
STEPS = 300
PASSES = 10
TOUCHING = 100


def usable_wells(size: int, empty_edges: bool) -> np.ndarray:
    """Row and column, from 0, of the wells that may be filled: int [W, 2].

    >>> len(usable_wells(96, empty_edges=True)), len(usable_wells(96, empty_edges=False))
    (60, 96)
    """
    rows, columns = SHAPES[size]
    edge = int(empty_edges)
    grid = np.mgrid[edge : rows - edge, edge : columns - edge]
    return grid.reshape(2, -1).T


def by_column(cells: np.ndarray) -> np.ndarray:
    """The same wells, column by column: int [W, 2].

    >>> by_column(usable_wells(96, empty_edges=True))[:2].tolist()
    [[1, 1], [2, 1]]
    """
    return cells[np.lexsort((cells[:, 0], cells[:, 1]))]


def in_steps(wells: int, n: int, rng: np.random.Generator) -> np.ndarray:
    """Indices of n of some wells in one line, at equal distances from a random beginning: int [n]."""
    return ((np.arange(n) + rng.random()) * (wells / max(n, 1))).astype(np.int64)


def spread_evenly(cells: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Indices of n wells of a rectangle of wells, spread evenly over its rows, its columns and its area.

    A Latin hypercube (every row and every column gets its share, within one) whose columns are swapped until the
    wells stand far apart, by the sum of 1 / distance^2.

    Args:
        cells: [W, 2] row and column of a full rectangle of wells, row by row.
        n: how many, at most W.
        rng: of the choice.

    Returns:
        [n] different indices into `cells`.

    Source: Morris and Mitchell 1995, doi:10.1016/0378-3758(94)00035-T.

    >>> cells = usable_wells(96, empty_edges=False)
    >>> chosen = cells[spread_evenly(cells, 8, np.random.default_rng(0))]
    >>> sorted(chosen[:, 0].tolist())  # one in each row
    [0, 1, 2, 3, 4, 5, 6, 7]
    """
    if n == 0:
        return np.empty(0, np.int64)
    shape = cells[-1] - cells[0] + 1
    tries = [_hypercube(shape, n, rng) for _ in range(TRIES)]
    best = min((_pull_apart(t, shape, rng) for t in tries), key=lambda t: _crowding(t, shape))
    chosen = list(dict.fromkeys((best[:, 0] * shape[1] + best[:, 1]).tolist()))
    if len(chosen) < n:  # Two controls shared a well: the rest go anywhere.
        free = np.setdiff1d(np.arange(len(cells)), chosen)
        chosen += rng.permutation(free)[: n - len(chosen)].tolist()
    return np.array(chosen, np.int64)


def _hypercube(shape: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    # One offset for all strata: otherwise two neighbours could fall into the same line.
    strata = (np.arange(n) + rng.random((2, 1))) / n
    rows, columns = (strata * shape[:, None]).astype(np.int64)
    return np.column_stack([rows, rng.permutation(columns)])


def _crowding(places: np.ndarray, shape: np.ndarray) -> float:
    apart = (places[:, None] - places[None]) / shape
    squared = (apart**2).sum(2)[np.triu_indices(len(places), 1)]
    return float((1.0 / np.maximum(squared, 1e-6)).sum())


def _pull_apart(places: np.ndarray, shape: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if len(places) < 2:
        return places
    now = _crowding(places, shape)
    for _ in range(min(STEPS, 12 * len(places))):
        i, j = rng.choice(len(places), 2, replace=False)
        moved = places.copy()
        moved[[i, j], 1] = moved[[j, i], 1]
        if (then := _crowding(moved, shape)) < now:
            places, now = moved, then
    return places


def arrange(contents: list[Well], cells: np.ndarray, rng: np.random.Generator) -> dict[str, Well]:
    """Fill wells at random, replicates of one candidate neither side by side nor, if possible, in one line.

    Args:
        contents: what to place, at most W.
        cells: [W, 2] row and column of the free wells.
        rng: of the layout.

    Returns:
        Well name -> its content. Replicates touch only where there is no room to keep them apart.
    """
    order = rng.permutation(len(cells))
    kinds: dict[str, int] = {}
    labels = np.full(len(cells), -1)
    labels[: len(contents)] = [kinds.setdefault(w.candidate, len(kinds)) for w in contents]
    if len(kinds) < len(contents):
        order = _part_replicates(labels, cells[order], order, rng)
    return {well_name(*cells[i].tolist()): w for w, i in zip(contents, order, strict=False)}


def _part_replicates(labels: np.ndarray, places: np.ndarray, order: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    def cost(slot: int, at: int) -> int:
        mates = np.flatnonzero(labels == labels[slot]) if labels[slot] >= 0 else np.empty(0, np.int64)
        away = np.abs(places[mates[mates != slot]] - places[at])
        return int(TOUCHING * (away.max(1, initial=0) == 1).sum() + (away == 0).any(1).sum())

    places, filled = places.copy(), np.flatnonzero(labels >= 0).tolist()
    for _ in range(PASSES):
        for slot in filled:
            for other in rng.permutation(len(labels))[:100].tolist():
                before = cost(slot, slot)
                if before == 0:
                    break
                if labels[other] == labels[slot]:
                    continue
                here, there = cost(slot, other), cost(other, slot)
                # On a tie the conflict moves elsewhere, where it may be easier to resolve.
                if (here + there, here) < (before + cost(other, other), before):
                    places[[slot, other]], order[[slot, other]] = places[[other, slot]], order[[other, slot]]
        if not any(cost(slot, slot) >= TOUCHING for slot in filled):
            break
    return order


def sort_wells(wells: dict[str, Well]) -> dict[str, Well]:
    """The same wells, row by row.

    >>> list(sort_wells({"B1": Well("WT"), "A10": Well("WT"), "A2": Well("WT")}))
    ['A2', 'A10', 'B1']
    """
    return dict(sorted(wells.items(), key=lambda item: parse_well(item[0]) or (0, 0)))
