"""Pools that are generated on the fly behave like listed ones."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from candidate_strategies import combinatorial_pools, modest
from hypothesis import given
from hypothesis import strategies as st

from activeloop.candidates import AMINO_ACIDS, Pool, Variant
from activeloop.errors import NotationError, PoolError

GB1 = "MQYKLILNGKTLKGETTTEAVDAATAEKVFKQYANDNGVDGEWTYDDATKTFTVTE"
SITES = ["V39", "D40", "G41", "V54"]


@modest
@given(combinatorial_pools(), st.data())
def test_rows_names_and_codes_belong_together(pool, data):
    row = data.draw(st.integers(0, len(pool) - 1))
    design = pool.design(row)
    assert pool.row_of(design.name) == row
    here = "".join(pool.sites.alphabet[c] for c in pool.codes([row])[0])
    if isinstance(design, Variant):
        assert pool.row_of(design.sequence) == row
        assert [design.sequence[p - 1] for p in pool.sites.positions] == list(here)
    else:
        assert design.sequence == here


def test_all_rows_are_different():
    pool = Pool.combinatorial(GB1, [("V39", "VILF"), ("D40", "DE"), ("G41", AMINO_ACIDS)])
    assert len(pool) == 4 * 2 * 20
    assert len({r.tobytes() for r in pool.codes()}) == len(pool)
    assert len(set(pool.names(range(len(pool))))) == len(pool)
    assert np.concatenate([pool.codes(rows) for rows in pool.chunks(7)]).tolist() == pool.codes().tolist()


def test_gb1_in_every_notation():
    pool = Pool.combinatorial(GB1, SITES)
    assert len(pool) == 160_000
    row = pool.row_of("FWAA")
    assert row is not None
    assert pool[row].name == "V39F:D40W:G41A:V54A"
    assert pool.row_of("V54A,D40W,G41A,V39F") == row
    assert pool.row_of(GB1[:38] + "FWA" + GB1[41:53] + "A" + GB1[54:]) == row
    assert pool.row_of("WT") == pool.row_of("VDGV")
    assert pool.row_of("A24G") is None
    assert pool.row_of("G41del") is None
    assert pool.row_of("40insG") is None
    with pytest.raises(NotationError, match="has V at position 39"):
        pool.find("K39A")


def test_twenty_to_the_seventh_takes_no_memory():
    tracemalloc.start()
    pool = Pool.combinatorial(None, range(1, 8))
    rows = np.array([0, len(pool) // 3, len(pool) - 1])
    assert len(pool) == 20**7
    assert pool.codes(rows).shape == (3, 7)
    assert pool.rows_of(pool.names(rows)).tolist() == rows.tolist()
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


def test_rules_are_applied_on_the_fly():
    parent = "MKNAQNVTWY"
    pool = Pool.combinatorial(
        parent, ["K2", "A4", "Q5"], exclude_residues="C", max_mutations=2, forbidden_motifs=["NxS", "NxT"]
    )
    allowed = np.concatenate([pool.allowed(rows) for rows in pool.chunks(1000)])
    assert len(allowed) == len(pool) == 19**3
    for row in range(0, len(pool), 7):
        design = pool.design(row)
        assert isinstance(design, Variant)
        new = design.sequence
        motif = any(
            new[i] == "N" and new[i + 2] in "ST" and not (parent[i] == "N" and parent[i + 2] == new[i + 2])
            for i in range(len(new) - 2)
        )
        assert allowed[row] == (len(design.mutations) <= 2 and not motif and "C" not in new)
    assert 0 < allowed.sum() < len(pool)
    assert "at most 2 mutations" in pool.describe()


def test_the_wild_types_own_residue_is_never_excluded():
    pool = Pool.combinatorial("MKCAYIAKQR", ["C3", "A4"], exclude_residues="C")
    assert pool.row_of("WT") is not None
    assert pool.row_of("A4C") is None
    assert pool.allowed([pool.row_of("WT")]).all()


def test_sites_may_come_in_any_order():
    pool = Pool.combinatorial(GB1, ["V54", ("V39", "AV")])
    assert pool.sites.labels == ("V39", "V54")
    assert len(pool) == 40


def test_letters_that_are_no_protein():
    pool = Pool.combinatorial(None, range(16), "01")
    assert len(pool) == 65_536
    assert pool.sites.alphabet == "01"
    assert pool.row_of("0000000000000001") == 1


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda: Pool.combinatorial(GB1, []), "no sites were given"),
        (lambda: Pool.combinatorial(GB1, ["V39", 39]), "site 39 is named twice"),
        (lambda: Pool.combinatorial(GB1, ["A39"]), "has V at position 39"),
        (lambda: Pool.combinatorial(GB1, [57]), "outside the wild type (1-56)"),
        (lambda: Pool.combinatorial(GB1, ["thirty"]), "is not a site"),
        (lambda: Pool.combinatorial(GB1, [(39, "AB")]), 'site 39 allows "B"'),
        (lambda: Pool.combinatorial(GB1, [(39, "")]), "site 39 has no letter left"),
        (lambda: Pool.combinatorial(GB1, [(39, "C")], exclude_residues="C"), "site 39 has no letter left"),
        (lambda: Pool.combinatorial(GB1, [39], exclude_residues="B"), "cannot be excluded"),
        (lambda: Pool.combinatorial(GB1, [39], max_mutations=0), "at least 1"),
        (lambda: Pool.combinatorial(GB1, [(39, "A"), (40, "A")], max_mutations=1), "none has at most 1"),
        (lambda: Pool.combinatorial(None, [1, 2], max_mutations=1), "needs a wild type"),
        (lambda: Pool.combinatorial(GB1, [39], forbidden_motifs=["N.S"]), '"N.S" is not a motif'),
        (lambda: Pool.combinatorial(None, range(20)), "too many to number"),
    ],
)
def test_refused(make, expected):
    with pytest.raises((PoolError, NotationError)) as refused:
        make()
    assert expected in str(refused.value)


@pytest.mark.parametrize(
    "sites",
    [["K2", "T3", "A4"], [("K2", "KR"), ("A4", "AGST")], [("T3", "AGS"), "A4"], ["T3"]],
    ids=["all letters", "some letters", "without the wild type's", "one site"],
)
def test_a_row_is_found_by_its_name_as_by_its_design(sites):
    pool = Pool.combinatorial("MKTAYIAKQR", sites)
    names = pool.names(range(len(pool)))
    assert [pool.row_of(name) for name in names] == list(range(len(pool)))
    odd = ("WT", "", "K2K", "T3S:K2R", "A4S:T3A", "K2R:K2A", "A9G", "K2R:", "k2r", "M1A", "K2R::T3S", "T3P:A4T")
    for name in (*names, *odd):
        try:
            expected = pool.row_of_design(pool.notation.design(name))
        except NotationError:
            expected = None
        assert pool.row_of(name) == expected, name
