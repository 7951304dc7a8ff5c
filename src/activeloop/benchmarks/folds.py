"""How a landscape is split in five for prediction."""

from __future__ import annotations

from typing import Literal

import numpy as np

from activeloop.benchmarks.landscape import Landscape
from activeloop.candidates import Variant
from activeloop.errors import RecipeError

FoldRule = Literal["random", "modulo", "contiguous"]
FOLD_RULES: tuple[FoldRule, ...] = ("random", "modulo", "contiguous")
FOLDS = 5


def fold_numbers(landscape: Landscape, rule: FoldRule, seed: int = 0, limit: int | None = None) -> np.ndarray:
    """[N] the fold of each candidate, 0 to 4; -1 for candidates that take no part.

    `random` deals candidates out evenly. The other two keep all candidates of a position in one fold, so a fold asks
    for positions that were never seen: `modulo` by position modulo 5, `contiguous` in five stretches of the chain with
    equally many mutated positions. They take single mutants only; the wild type and multiple mutants take no part.

    Args:
        landscape: what is split.
        rule: one of `FOLD_RULES`.
        seed: of `random` and of `limit`.
        limit: at most so many candidates take part, drawn at random; None = all.

    Raises:
        RecipeError: `modulo` or `contiguous` is asked of a landscape with fewer than 5 mutated positions, or of one in
            which fewer than half of the candidates are single mutants.
    """
    if rule not in FOLD_RULES:
        raise RecipeError(f'--folds "{rule}": is {", ".join(FOLD_RULES)}. Nothing was evaluated.')
    rng = np.random.default_rng(seed)
    folds = np.full(len(landscape), -1)
    if rule == "random":
        folds[rng.permutation(len(landscape))] = np.arange(len(landscape)) % FOLDS
    else:
        positions = mutated_positions(landscape)
        single = positions > 0
        unique = np.unique(positions[single])
        if single.mean() < 0.5 or len(unique) < FOLDS:
            raise RecipeError(
                f"--folds {rule} needs single mutants of a known wild type at five positions or more; {landscape.name} "
                "does not hold them. Use --folds random, or give --wild-type. Nothing was evaluated."
            )
        by_rule = positions % FOLDS if rule == "modulo" else _stretches(positions, unique)
        folds[single] = by_rule[single]
    taking_part = np.flatnonzero(folds >= 0)
    if limit is not None and len(taking_part) > limit:
        folds[rng.permutation(taking_part)[limit:]] = -1
    return folds


def _stretches(positions: np.ndarray, unique: np.ndarray) -> np.ndarray:
    """[N] in which of five stretches of the sorted positions `unique` each position lies."""
    stretch = np.repeat(np.arange(FOLDS), [len(part) for part in np.array_split(unique, FOLDS)])
    return stretch[np.searchsorted(unique, positions) % len(unique)]


def mutated_positions(landscape: Landscape) -> np.ndarray:
    """[N] the position of the only substitution of each candidate; 0 where there is none or more than one."""
    positions = np.zeros(len(landscape), np.int64)
    for row in range(len(landscape)):
        design = landscape.pool.design(row)
        if isinstance(design, Variant) and len(design.mutations) == 1:
            positions[row] = design.mutations[0].position
    return positions
