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
    Treatment,
    TreatmentNotation,
    TreatmentPool,
    VariantNotation,
    grown,
    is_scan,
    mostly_multiple,
)
from activeloop.errors import NotationError, PoolError

NOTATIONS = [
    (VariantNotation("MKTAYIAKQR"), ["K2R", "K2R:A4del", "4insGS", "WT"]),
    (SequenceNotation(4), ["FWAA", "VDGV"]),
    (SequenceNotation(3, upper=False), ["aBc", "abc", "01-"]),
    (GuideNotation(6), ["GATTAC", "GATTAN"]),
    (TreatmentNotation(2, dosed=True), ["A375 | a + b | 0.1 uM", "A375 | b | 0.1 uM"]),
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


LIBRARY = Pool.combinatorial("MKTAYIAKQR", ["K2", ("A4", "GSA")], max_mutations=2)
FIRST = grown(LIBRARY, [LIBRARY.notation.design(n) for n in ("K2R:Y5F", "1insG")], "a list")
GROWN_LIBRARY = grown(FIRST, [LIBRARY.notation.design("M1A:K2R"), LIBRARY.notation.design("R10del")], "another")
SINGLES = Pool.single_mutants("MKTAYIAKQR", positions=[2, 3])
POOLS = {
    "single mutants": Pool.single_mutants("MKTAYIAKQR", wild_type=True),
    "variants": Pool.of(map(VariantNotation("MKTAYIAKQR").design, ["WT", "K2R", "A4del", "4insGS:K8R"])),
    "sequences": Pool.of(map(Sequence, ["0110", "1001", "1111"])),
    "guides": Pool.of(map(Guide, ["GATTAC", "GATTAN"])),
    "compounds": Pool.of(map(Compound, ["CCO", "CCN", "CCC"])),
    "combinations": Pool.combinatorial("MKTAYIAKQR", ["K2", ("A4", "GSA")], max_mutations=1),
    "combinations without parent": Pool.combinatorial(None, range(3), "ACDE"),
    "treatments": TreatmentPool(("A375", "HT29"), ("a", "b", "c"), ("0.1 uM", "1 uM"), combined=2),
    "listed treatments": Pool.of([Treatment("A375", ("a",)), Treatment("A375", ("a", "b")), Treatment("X", ("b",))]),
    "grown combinations": GROWN_LIBRARY,
    "grown singles": grown(SINGLES, [SINGLES.notation.design(n) for n in ("K2R:T3S", "WT", "4insGS")], "a list"),
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


@pytest.mark.parametrize("base", [LIBRARY, SINGLES, POOLS["guides"], POOLS["compounds"]])
def test_a_pool_that_grows_keeps_every_row_and_its_letters(base):
    more = {"variants": "K2R:T3S:A4G", "guides": "GACTAC", "compounds": "OCC(N)C"}[base.kind]
    pool = grown(base, [base.notation.design(more)], "one more")
    rows = np.arange(len(base))
    assert pool.names(rows) == base.names(rows)
    assert (len(pool), pool.added, pool.names([len(base)])) == (len(base) + 1, 1, [more])
    assert pool.describe().endswith(", and one more.")
    if base.sites is not None:
        places = [pool.sites.labels.index(label) for label in base.sites.labels]
        letters = np.array(list(base.sites.alphabet))[base.codes()]
        assert (np.array(list(pool.sites.alphabet))[pool.codes(rows)[:, places]] == letters).all()
    with pytest.raises(PoolError, match="is in the pool already"):
        grown(pool, [base.notation.design(more)], "again")


def test_names_of_a_list_and_rules_go_along():
    base = Pool.single_mutants("MKTAYIAKQR", exclude_residues="C")
    pool = grown(base, [base.notation.design(n) for n in ("K2R:T3S", "K2C:T3S")], "a list", [("X7", 0), ("X8", 1)])
    assert pool.find("X7") == len(base)
    assert pool.allowed([0, len(base), len(base) + 1]).tolist() == [True, True, False]


def test_what_was_there_first_says_what_kind_of_pool_it_is():
    names = [f"K2{a}:T3{b}" for a in "ACDEFG" for b in "ACDEFG"]
    pool = grown(SINGLES, [SINGLES.notation.design(n) for n in names], "doubles")
    assert (is_scan(pool), mostly_multiple(SINGLES), mostly_multiple(pool)) == (True, False, True)
    scan = "ACDEFGHIKLMNPQRSTVWY" * 2
    library = Pool.combinatorial(scan, [1, 2, 3])
    many = [library.notation.design(f"{scan[p - 1]}{p}{'A' if scan[p - 1] != 'A' else 'G'}") for p in range(5, 40)]
    assert not is_scan(grown(library, many, "a list"))
