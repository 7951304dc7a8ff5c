"""How candidates become whole numbers."""

import numpy as np
import pytest
from untrained import LIBRARY, PARENT, SINGLES

from activeloop.candidates import Compound, Guide, Pool, Sequence, TreatmentPool, VariantNotation
from activeloop.errors import NotationError, PoolError
from activeloop.students.runtime.tokenizer import FIRST, PADDING, UNKNOWN, StudentTokenizer

NOTATION = VariantNotation("MKTAYIAKQR")
#: substitutions, a deletion, insertions, both
MIXED = Pool.of(map(NOTATION.design, ("K2R", "A4del", "8insKK", "WT", "A4G:8insK", "K2del:T3del")))


@pytest.mark.parametrize("pool", [SINGLES, LIBRARY, MIXED], ids=["singles", "library", "indels"])
def test_rows_of_a_pool_are_read_as_their_sequences_are(pool):
    rows = np.arange(min(len(pool), 300))[::-1]
    tokenizer = StudentTokenizer.of(pool, whole=True)
    sequences = [pool.design(int(row)).sequence for row in rows]
    tokens = tokenizer.tokens(pool, rows)
    assert tokens.dtype == np.int32
    np.testing.assert_array_equal(tokens, tokenizer.encode(sequences))
    letters = ["".join(tokenizer.alphabet[t - FIRST] for t in row if t != PADDING) for row in tokens]
    assert letters == sequences
    assert tokenizer.width == max(map(len, sequences))


def test_a_candidate_is_read_alike_beside_longer_ones():
    tokenizer = StudentTokenizer.of(MIXED)
    alone, together = tokenizer.encode(["MKT"]), tokenizer.encode(["MKT", PARENT])
    np.testing.assert_array_equal(together[0, :3], alone[0])
    assert not together[0, 3:].any()


def test_letters_at_positions_alone():
    tokenizer = StudentTokenizer.of(LIBRARY, sites=True)
    assert (tokenizer.positions, tokenizer.width, tokenizer.parent) == ((3, 7, 8, 15), 4, PARENT)
    rows = np.array([0, 5, 8000, len(LIBRARY) - 1])
    tokens = tokenizer.tokens(LIBRARY, rows)
    np.testing.assert_array_equal(tokens, FIRST + LIBRARY.codes(rows))
    np.testing.assert_array_equal(tokens, tokenizer.encode([LIBRARY.design(int(r)).sequence for r in rows]))
    part = Pool.combinatorial(PARENT, [7, 8])
    np.testing.assert_array_equal(
        tokenizer.tokens(part, np.array([3]))[0, [0, 3]], tokenizer.encode([PARENT])[0, [0, 3]]
    )


def test_strings_without_a_parent():
    pool = Pool.of([Sequence("0110"), Sequence("0011")])
    whole, sites = StudentTokenizer.of(pool), StudentTokenizer.of(pool, sites=True)
    assert (whole.alphabet, sites.positions) == ("01", (2, 4))
    assert whole.tokens(pool, np.arange(2)).tolist() == [[2, 3, 3, 2], [2, 2, 3, 3]]
    assert sites.tokens(pool, np.arange(2)).tolist() == [[3, 2], [2, 3]]


def test_guides_and_compounds():
    guides = Pool.of([Guide("ACGTN"), Guide("ACGTA")])
    assert StudentTokenizer.of(guides).tokens(guides, np.arange(2)).tolist() == [[2, 3, 4, 5, UNKNOWN], [2, 3, 4, 5, 2]]
    compounds = Pool.of([Compound("C=O"), Compound("CC(-N)Br")])
    tokenizer = StudentTokenizer.of(compounds)
    assert set(tokenizer.alphabet) == set("C=O(-N)Br")
    tokens = tokenizer.tokens(compounds, np.arange(2))
    assert tokens[0].tolist() == [*tokens[0, :3], 0, 0, 0, 0, 0]
    assert PADDING not in tokens[1]
    assert tokenizer.encode(["CS"])[0].tolist()[1] == UNKNOWN


@pytest.mark.parametrize(
    ("pool", "message"),
    [
        (MIXED, "differ in length"),
        (Pool.of([Compound("CO"), Compound("CN")]), "no varying positions"),
        (Pool.of([Sequence("AC")]), "no varying positions"),
    ],
)
def test_positions_are_refused_where_there_are_none(pool, message):
    with pytest.raises(PoolError, match=message):
        StudentTokenizer.of(pool, sites=True)


@pytest.mark.parametrize(
    ("text", "message"), [("K2R", "position 2"), ("A4del", "21 characters"), ("4insG", "23 characters")]
)
def test_what_stands_elsewhere_is_not_passed_over(text, message):
    tokenizer = StudentTokenizer.of(LIBRARY, sites=True)
    pool = Pool.of([VariantNotation(PARENT).design(text)])
    with pytest.raises(NotationError, match=message):
        tokenizer.tokens(pool, np.arange(1))


def test_pools_of_another_kind_are_refused():
    with pytest.raises(PoolError, match="was trained on variants, and the pool holds guides"):
        StudentTokenizer.of(SINGLES).tokens(Pool.of([Guide("ACGTN")]), np.arange(1))


def test_no_rows_at_all():
    for sites in (False, True):
        tokenizer = StudentTokenizer.of(LIBRARY, sites=sites)
        assert len(tokenizer.tokens(LIBRARY, np.arange(0))) == len(tokenizer.encode([])) == 0


def test_of_a_long_parent_the_region_that_varies_is_read():
    pool = Pool.single_mutants(PARENT, positions=[5, 8])
    region, whole = StudentTokenizer.of(pool), StudentTokenizer.of(pool, whole=True)
    assert (region.positions, region.width) == ((5, 6, 7, 8), 4)
    assert (whole.positions, whole.width) == ((), len(PARENT))
    rows = np.arange(len(pool))
    np.testing.assert_array_equal(region.tokens(pool, rows), whole.tokens(pool, rows)[:, 4:8])
    np.testing.assert_array_equal(
        region.tokens(pool, rows), region.encode([d.sequence for d in map(pool.design, rows)])
    )
    elsewhere = Pool.single_mutants(PARENT, positions=[2])
    with pytest.raises(NotationError, match="reads positions 5 to 8 alone"):
        region.tokens(elsewhere, np.arange(1))


def test_treatments_have_no_letters_to_be_read():
    with pytest.raises(PoolError, match="treatments have none"):
        StudentTokenizer.of(TreatmentPool(["A549"], ["aspirin"]))
