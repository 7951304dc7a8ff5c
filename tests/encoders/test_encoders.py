"""What the encoders say about candidates whose answer is known."""

import sys

import numpy as np
import pytest

from activeloop.candidates import AMINO_ACIDS, Compound, Guide, Pool, Sequence
from activeloop.encoders import Kmers, Morgan, OneHot, Physicochemical, scale_table
from activeloop.encoders.compound import _TABLES
from activeloop.encoders.guide import STACKING
from activeloop.errors import MissingExtraError, NotationError, PoolError
from activeloop.priors import Blosum, blosum62

SINGLES = Pool.single_mutants("MKTAYIAKQR", wild_type=True)


def column(pool: Pool, name: str, encoder) -> np.ndarray:
    return encoder.features(pool, np.array([pool.find(name)]))[0]


def test_onehot_has_one_letter_at_each_site():
    features = OneHot().features(SINGLES, np.arange(len(SINGLES)))
    sites = SINGLES.sites
    assert sites is not None
    per_site = features.reshape(len(SINGLES), len(sites.labels), -1)
    assert (per_site.sum(2) == 1).all()
    np.testing.assert_array_equal(per_site.argmax(2), SINGLES.codes())


def test_the_parent_is_the_origin_of_relative_features():
    for encoder in (OneHot(relative=True), Physicochemical(relative=True)):
        assert not column(SINGLES, "WT", encoder).any()
    one = column(SINGLES, "T3C", OneHot(relative=True))
    assert one.sum() == 1
    assert one[2 * 21 + AMINO_ACIDS.index("C")] == 1


def test_blosum_is_the_published_matrix():
    matrix = blosum62()
    np.testing.assert_array_equal(matrix, matrix.T)
    assert np.diag(matrix).tolist() == [4, 9, 6, 5, 6, 6, 8, 4, 5, 4, 5, 6, 7, 5, 5, 4, 5, 4, 11, 7]
    # sums of the first fifteen rows (ARNDCQEGHILKMFP) and columns up to V of the NCBI file
    order = [AMINO_ACIDS.index(a) for a in "ARNDCQEGHILKMFP"]
    sums = [-16, -21, -18, -26, -31, -12, -17, -34, -17, -27, -25, -17, -13, -25, -32]
    assert matrix.sum(1)[order].tolist() == sums


def test_blosum_prefers_what_evolution_prefers():
    assert column(SINGLES, "WT", Blosum())[0] == 0
    assert column(SINGLES, "K2R", Blosum())[0] == 2 - 5
    assert column(SINGLES, "K2R", Blosum())[0] > column(SINGLES, "K2W", Blosum())[0]


def test_blosum_needs_a_parent():
    pool = Pool.of([Sequence("WAFL"), Sequence("WAFM")])
    with pytest.raises(PoolError, match="no parent"):
        Blosum().features(pool, np.arange(2))


@pytest.mark.parametrize("scales", ["properties", "zscales"])
def test_properties_are_standardised_and_gaps_are_neutral(scales):
    table = scale_table(scales, AMINO_ACIDS + "-")
    np.testing.assert_allclose(table[:20].mean(0), 0, atol=1e-6)
    np.testing.assert_allclose(table[:20].std(0), 1, atol=1e-6)
    assert not table[20].any()


def test_properties_put_similar_amino_acids_close():
    for scales in ("properties", "zscales"):
        table = dict(zip(AMINO_ACIDS, scale_table(scales), strict=True))
        for alike, unlike in (("IV", "ID"), ("KR", "KL"), ("FY", "FG"), ("DE", "DW")):
            near = np.linalg.norm(table[alike[0]] - table[alike[1]])
            assert near < np.linalg.norm(table[unlike[0]] - table[unlike[1]])


def test_kmers_counts_and_energies_of_a_guide():
    pool = Pool.of([Guide("GGGGCC"), Guide("ATATAT")])
    features = Kmers().features(pool, np.arange(2))
    assert features.shape == (2, 20 * 6 + 76)
    first, second = features
    gc, off_half, energy, longest = first[-8], first[-7], first[-6], first[-1]
    assert (gc, off_half, longest) == (1.0, 0.5, 4.0)
    assert energy == pytest.approx(3 * STACKING["GG"] + STACKING["GC"] + STACKING["CC"])
    assert second[-8] == 0
    assert first[:24].reshape(6, 4).argmax(1).tolist() == [2, 2, 2, 2, 1, 1]
    assert first[24:104].sum() == 5


def test_stacking_energy_is_that_of_both_strands():
    partner = dict(zip("ACGT", "TGCA", strict=True))
    assert len(STACKING) == 16
    assert all(energy == STACKING[partner[b] + partner[a]] for (a, b), energy in STACKING.items())


def test_morgan_knows_a_compound_under_any_notation():
    pool = Pool.of([Compound("OCC"), Compound("CCCO")])
    other = Pool.of([Compound("C(O)C"), Compound("CCCO")])
    np.testing.assert_array_equal(Morgan().features(pool, np.arange(2)), Morgan().features(other, np.arange(2)))


def test_morgan_counts():
    pool = Pool.of([Compound("CCCCCCCC"), Compound("CCC")])
    long, short = Morgan().features(pool, np.arange(2))
    assert long.sum() > short.sum()
    assert long.max() >= 6


def test_morgan_forgets_a_pool_with_the_pool():
    before, pool = len(_TABLES), Pool.of([Compound("CCO"), Compound("CCC")])
    Morgan(size=64).features(pool, np.arange(2))
    assert len(_TABLES) == before + 1
    del pool
    assert len(_TABLES) == before


def test_morgan_names_the_smiles_it_cannot_read(monkeypatch: pytest.MonkeyPatch):
    pool = Pool.of([Compound("CCO"), Compound("CCC")])
    monkeypatch.setattr(pool, "design", lambda row: Compound("C1CC"))
    with pytest.raises(NotationError, match="C1CC"):
        Morgan().features(pool, np.arange(1))


def test_morgan_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    pool = Pool.of([Compound("CCO"), Compound("CCC")])
    monkeypatch.setitem(sys.modules, "rdkit.Chem", None)
    with pytest.raises(MissingExtraError, match=r"activeloop-bio\[chem\]"):
        Morgan().features(pool, np.arange(1))
