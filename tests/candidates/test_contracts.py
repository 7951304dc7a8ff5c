"""What every notation and every pool promises."""

from __future__ import annotations

import numpy as np
import pytest

from activeloop.candidates import (
    KINDS,
    Candidate,
    Compound,
    CompoundNotation,
    Guide,
    GuideNotation,
    Pool,
    Sequence,
    SequenceNotation,
    VariantNotation,
)
from activeloop.errors import NotationError

NOTATIONS = [
    (VariantNotation("MKTAYIAKQR"), ["K2R", "K2R:A4del", "4insGS", "WT"]),
    (SequenceNotation(4), ["FWAA", "VDGV"]),
    (SequenceNotation(3, upper=False), ["aBc", "abc", "01-"]),
    (GuideNotation(6), ["GATTAC", "GATTAN"]),
    (CompoundNotation(), ["CCO", "C[C@H](N)O", "CCN"]),
]


@pytest.mark.parametrize(("notation", "names"), NOTATIONS, ids=lambda x: type(x).__name__)
def test_every_notation(notation, names):
    designs = [notation.design(name) for name in names]
    assert [d.name for d in designs] == names
    assert [notation.design(f"  {name}\t") for name in names] == designs
    assert len({notation.key(d) for d in designs}) == len(names)
    for nothing in ("", "  ", "no such thing 7"):
        with pytest.raises(NotationError):
            notation.design(nothing)


POOLS = {
    "single mutants": Pool.single_mutants("MKTAYIAKQR", wild_type=True),
    "variants": Pool.of(map(VariantNotation("MKTAYIAKQR").design, ["WT", "K2R", "A4del", "4insGS:K8R"])),
    "sequences": Pool.of(map(Sequence, ["0110", "1001", "1111"])),
    "guides": Pool.of(map(Guide, ["GATTAC", "GATTAN"])),
    "compounds": Pool.of(map(Compound, ["CCO", "CCN", "CCC"])),
    "combinations": Pool.combinatorial("MKTAYIAKQR", ["K2", ("A4", "GSA")], max_mutations=1),
    "combinations without parent": Pool.combinatorial(None, range(3), "ACDE"),
}


@pytest.mark.parametrize("pool", POOLS.values(), ids=POOLS)
def test_every_pool(pool):
    rows = np.arange(len(pool))
    names = pool.names(rows)
    assert len(set(names)) == len(pool)
    assert pool.rows_of(names).tolist() == rows.tolist()
    assert [pool.find(name) for name in names] == rows.tolist()
    assert [pool[r] for r in rows] == [Candidate.of(pool.design(int(r))) for r in rows]
    assert len({pool[r].id for r in rows}) == len(pool)
    assert np.concatenate(list(pool.chunks(2))).tolist() == rows.tolist()
    assert pool.allowed(rows).shape == (len(pool),)
    assert pool.allowed(rows).dtype == bool
    assert pool.kind in KINDS
    assert pool.describe().endswith(".")
    for stranger in ("", "no such thing", "K2W:K8W:R10W", "WWWWWWWWWW", "C1CCCCC1"):
        assert pool.row_of(stranger) is None
        with pytest.raises(NotationError):
            pool.find(stranger)


@pytest.mark.parametrize("pool", [p for p in POOLS.values() if p.sites is not None])
def test_codes_of_every_pool_with_sequences(pool):
    sites, codes = pool.sites, pool.codes()
    assert codes.shape == (len(pool), len(sites.labels))
    assert codes.dtype == np.uint8
    assert codes.max() < len(sites.alphabet)
    assert (codes[::2] == pool.codes(np.arange(0, len(pool), 2))).all()
    assert len({row.tobytes() for row in codes}) == len(pool)
    assert len(sites.positions) == len(sites.labels) == len(set(sites.labels))
    assert (np.diff(sites.positions) >= 0).all()
    assert sites.positions.dtype == np.int32
    if sites.parent is not None:
        wild = pool.row_of("WT")
        assert wild is not None
        assert (codes[wild] == sites.parent).all()
