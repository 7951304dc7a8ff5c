"""Pools made by rule, from FASTA, and from designs."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from activeloop.candidates.combinatorial import CombinatorialPool
from activeloop.candidates.designs import AMINO_ACIDS, Compound, Design, Guide, Mutation, Sequence, Variant
from activeloop.candidates.explicit import ExplicitPool, duplicates
from activeloop.candidates.notation import (
    CompoundNotation,
    GuideNotation,
    Notation,
    SequenceNotation,
    VariantNotation,
    position_of,
)
from activeloop.candidates.proteins import check_protein, read_fasta, read_parent
from activeloop.candidates.sites import Rules, check_one_parent
from activeloop.errors import InputError, NotationError, PoolError


def single_mutants(
    parent: str | os.PathLike[str], positions: Iterable[int] | None, rules: Rules, *, wild_type: bool
) -> ExplicitPool:
    """See `Pool.single_mutants`."""
    sequence = read_parent(parent)
    chosen = range(1, len(sequence) + 1) if positions is None else _checked_positions(positions, sequence)
    letters = [a for a in AMINO_ACIDS if a not in rules.exclude_residues]
    mutations = [Mutation(p, sequence[p - 1], a) for p in chosen for a in letters if a != sequence[p - 1]]
    designs = [Variant(sequence, ())] * wild_type + [Variant(sequence, (m,)) for m in mutations]
    where = "" if positions is None else f" at {len(chosen)} position{'s' * (len(chosen) != 1)}"
    origin = f"all single mutants of {_parent_name(parent, sequence)}{where}{_with(rules)}"
    pool = ExplicitPool(designs, kind="variants", origin=origin, notation=VariantNotation(sequence))
    if not rules.forbidden_motifs or pool.sites is None:
        return pool
    kept = [designs[i] for i in np.flatnonzero(rules.allow(pool.codes(), pool.sites))]
    return ExplicitPool(kept, kind="variants", origin=origin, notation=pool.notation)


def combinatorial(
    parent: str | os.PathLike[str] | None,
    sites: Iterable[int | str | tuple[int | str, str]],
    letters: str,
    rules: Rules,
) -> CombinatorialPool:
    """See `Pool.combinatorial`."""
    sequence = "" if parent is None else read_parent(parent)
    pairs = [site if isinstance(site, tuple) else (site, letters) for site in sites]
    if not pairs:
        raise PoolError("no sites were given. Name some, such as sites=['V39', 'D40'].")
    if sequence:
        placed = sorted((position_of(site, sequence), allowed) for site, allowed in pairs)
    else:
        placed = list(enumerate((allowed for _, allowed in pairs), 1))
    positions = tuple(p for p, _ in placed)
    twice = [p for p in positions if positions.count(p) > 1]
    if twice:
        raise PoolError(f"site {twice[0]} is named twice. Name each site once.")
    if not sequence and rules.max_mutations is not None:
        raise PoolError("max_mutations needs a wild type to count from. Give it as parent.")
    allowed = tuple(_allowed_letters(text, p, sequence, rules) for p, text in placed)
    forced = sum(sequence[p - 1] not in x for p, x in zip(positions, allowed, strict=True)) if sequence else 0
    if rules.max_mutations is not None and forced > rules.max_mutations:
        problem = (
            f"{forced} sites do not allow the wild type's residue, so none has at most {rules.max_mutations} mutations."
        )
        raise PoolError(f"{problem} Allow it, or more mutations.")
    of_what = f" of {_parent_name(parent, sequence)}" if parent is not None else ""
    named = ", ".join(f"{sequence[p - 1] if sequence else ''}{p}" for p in positions)
    origin = f"all combinations at sites {named}{of_what}{_with(rules)}"
    return CombinatorialPool(sequence, positions, allowed, rules if rules != Rules() else None, origin)


def from_fasta(
    path: str | os.PathLike[str], parent: str | os.PathLike[str] | None, *, merge_duplicates: bool
) -> ExplicitPool:
    """See `Pool.from_fasta`."""
    file, records = os.fspath(path), read_fasta(path)
    notation = _sequence_notation(records, parent, file)
    designs = []
    for name, sequence in records.items():
        try:
            if parent is None:
                check_protein(sequence, "it")
            designs.append(notation.design(sequence))
        except InputError as error:
            raise NotationError(f'record "{name}": {error.problem}', file=file) from None
    pairs = duplicates(designs, notation)
    if pairs and not merge_duplicates:
        names = list(records)
        problem = f'records "{names[pairs[0][0]]}" and "{names[pairs[0][1]]}" are the same sequence. Keep one of them.'
        raise PoolError(problem, file=file)
    again = {second for _, second in pairs}
    kept = [d for i, d in enumerate(designs) if i not in again]
    return ExplicitPool(kept, kind="variants", origin=f"the sequences of {Path(file).name}", notation=notation)


def of_designs(designs: Iterable[Design], origin: str) -> ExplicitPool:
    """See `Pool.of`."""
    listed = list(designs)
    types = {type(d) for d in listed}
    if len(types) != 1:
        found = ", ".join(sorted(t.__name__ for t in types)) or "nothing"
        raise PoolError(f"a pool holds designs of one type; here: {found}.")
    notation, kind = _notation_of(listed)
    for design in listed:
        if notation.design(design.name).name != design.name:
            raise PoolError(f'"{design.name}" is not in standard notation. Make it with the pool\'s notation.')
    return ExplicitPool(listed, kind=kind, origin=origin, notation=notation)


def _notation_of(designs: list[Design]) -> tuple[Notation, str]:
    first = designs[0]
    if isinstance(first, Variant):
        check_one_parent(d for d in designs if isinstance(d, Variant))
        return VariantNotation(first.parent), "variants"
    if isinstance(first, Sequence):
        return SequenceNotation(len(first.letters)), "variants"
    if isinstance(first, Guide):
        return GuideNotation(len(first.letters)), "guides"
    assert isinstance(first, Compound)
    return CompoundNotation(), "compounds"


def _sequence_notation(records: dict[str, str], parent: str | os.PathLike[str] | None, file: str) -> Notation:
    if parent is not None:
        return VariantNotation(read_parent(parent))
    lengths = sorted({len(s) for s in records.values()})
    if len(lengths) > 1:
        problem = (
            f"the sequences have different lengths ({lengths[0]} to {lengths[-1]}). Give the wild type (parent=...)."
        )
        raise PoolError(problem, file=file)
    return SequenceNotation(lengths[0])


def _checked_positions(positions: Iterable[int], sequence: str) -> list[int]:
    chosen = sorted({int(p) for p in positions})
    outside = [p for p in chosen if not 1 <= p <= len(sequence)]
    if outside:
        raise PoolError(f"position {outside[0]} is outside the wild type (1-{len(sequence)}). Correct the positions.")
    if not chosen:
        raise PoolError("no positions were given. Name some, or leave them out for all.")
    return chosen


def _allowed_letters(text: str, position: int, sequence: str, rules: Rules) -> str:
    letters = "".join(dict.fromkeys(text.strip().upper() if sequence else text))
    if sequence:
        wrong = next((c for c in letters if c not in AMINO_ACIDS), None)
        if wrong:
            raise PoolError(f'site {position} allows "{wrong}", which is none of the 20 amino acids. Correct it.')
    elif not letters.isascii() or any(c.isspace() for c in letters):
        raise PoolError(f'"{text}" cannot be the letters of site {position}. Use plain letters or digits.')
    old = sequence[position - 1] if sequence else ""
    kept = "".join(c for c in letters if c not in rules.exclude_residues or c == old)
    if not kept:
        raise PoolError(f"site {position} has no letter left. Allow more letters, or exclude fewer.")
    return kept


def _parent_name(parent: str | os.PathLike[str] | None, sequence: str) -> str:
    text = "" if parent is None else os.fspath(parent)
    if text.strip().upper().removesuffix("*") == sequence or text.strip().startswith(">"):
        return f"a wild type of {len(sequence)} residues"
    return Path(text).name


def _with(rules: Rules) -> str:
    text = rules.describe()
    return f" ({text})" if text else ""
