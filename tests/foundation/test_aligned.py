"""Aligned residues against designs written out one by one."""

import numpy as np
import pytest

from activeloop.candidates import Compound, Guide, Mutation, Pool, Sequence, Variant
from activeloop.candidates.designs import AMINO_ACIDS
from activeloop.foundation.aligned import aligned_parent, aligned_rows, aligned_texts


def any_variants(seed: int, count: int = 60) -> list[Variant]:
    """Substitutions, deletions and insertions (also before the first residue), several a variant."""
    rng = np.random.default_rng(seed)
    parent = "".join(rng.choice(list(AMINO_ACIDS), 12))
    variants = {parent: Variant(parent, ())}
    while len(variants) < count:
        mutations = []
        for position in sorted(rng.choice(13, rng.integers(1, 5), replace=False).tolist()):
            kind = "insert" if position == 0 else rng.choice(["insert", "delete", "replace"])
            old = "" if kind == "insert" else parent[position - 1]
            residues = "".join(rng.choice([a for a in AMINO_ACIDS if a != old], rng.integers(1, 4)))
            new = {"insert": residues, "delete": "", "replace": residues[0]}[kind]
            mutations.append(Mutation(position, old, new))
        variant = Variant(parent, tuple(mutations))
        variants.setdefault(variant.sequence, variant)
    return list(variants.values())


@pytest.mark.parametrize("seed", range(5))
def test_variants_with_insertions_and_deletions(seed: int):
    variants = any_variants(seed)
    pool = Pool.of(variants)
    rows = np.random.default_rng(seed).permutation(len(pool))
    aligned = aligned_rows(pool, rows)
    assert aligned is not None
    texts, positions = aligned.strings(), aligned.column_positions()
    codes, sites = pool.codes(rows), pool.sites
    assert sites is not None
    packed, lengths = aligned.packed(np.broadcast_to(aligned.parent_index, aligned.residues.shape))
    for i, row in enumerate(rows.tolist()):
        assert texts[i] == variants[row].sequence
        residues = "".join(texts[i][p] if p >= 0 else "-" for p in positions[i])
        assert residues == "".join(sites.alphabet[code] for code in codes[i])
        # what stands in no varying column is the parent's residue of that place
        fixed = [k for k in range(int(lengths[i])) if k not in positions[i]]
        assert all(texts[i][k] == variants[row].parent[packed[i, k]] for k in fixed)
        assert positions[i][positions[i] >= 0].tolist() == sorted(positions[i][positions[i] >= 0].tolist())
    assert (aligned.changed == (codes != sites.parent)).all()


def test_the_parent():
    variants = any_variants(9)
    aligned = aligned_parent(Pool.of(variants))
    assert aligned is not None
    assert aligned.strings() == [variants[0].parent]
    assert not aligned.changed.any()
    residues, _ = aligned.packed(aligned.parent_index[None])
    assert residues[0].tolist() == list(range(12))


def test_libraries_with_and_without_a_parent():
    for pool in (Pool.combinatorial("MKTAYIAK", [2, 5, 8]), Pool.combinatorial(None, [1, 2, 3])):
        rows = np.array([0, 7, 399, 7999])
        aligned = aligned_rows(pool, rows)
        assert aligned is not None
        designs = [pool.design(int(row)) for row in rows]
        written = [d.sequence if isinstance(d, Variant) else d.name for d in designs]
        assert aligned.strings() == written
        assert aligned.column_positions().tolist() == [aligned.columns.tolist()] * 4
    assert aligned_parent(pool) is None


def test_aligned_sequences_lose_their_gaps():
    pool = Pool.of([Sequence("FW-AA"), Sequence("VWDGV"), Sequence("-WDG-")])
    aligned = aligned_rows(pool, np.arange(3))
    assert aligned is not None
    assert aligned.strings() == ["FWAA", "VWDGV", "WDG"]
    assert aligned.column_positions().tolist() == [[0, -1, 2, 3], [0, 2, 3, 4], [-1, 1, 2, -1]]


def test_guides_and_compounds():
    guides = Pool.of([Guide("GACC"), Guide("TACA")])
    aligned = aligned_rows(guides, np.array([1, 0]))
    assert aligned is not None
    assert (aligned.strings(), aligned.column_positions().tolist()) == (["TACA", "GACC"], [[0, 3], [0, 3]])
    assert aligned_rows(Pool.of([Compound("CCO")]), np.array([0])) is None


def test_no_rows_and_no_texts():
    aligned = aligned_rows(Pool.single_mutants("MKT"), np.array([], int))
    assert aligned is not None
    assert (aligned.strings(), aligned.column_positions().shape) == ([], (0, 3))
    assert aligned_texts([]).strings() == []


def test_a_library_of_150_000_is_read_at_once():
    import time

    pool = Pool.combinatorial("MTYKLILNGKTLKGETTTEAVDAATAEKVFKQYANDNGVDGEWTYDDATKTFTVTE", [39, 40, 41, 54])
    start = time.process_time()
    aligned = aligned_rows(pool, np.arange(150_000))
    assert aligned is not None
    aligned.packed(aligned.residues)
    assert time.process_time() - start < 2
