"""What every encoder promises."""

import numpy as np
import pytest

from activeloop.candidates import Compound, Guide, Pool
from activeloop.encoders import Encoder, Kmers, Morgan, OneHot, Physicochemical
from activeloop.errors import PoolError
from activeloop.priors import Blosum, PLMPrior, SubstitutionPrior

PROTEIN = Pool.single_mutants("MKTAYIAKQRQISFVKSHFSRQ", positions=range(2, 12))
LIBRARY = Pool.combinatorial("MKTAYIAKQR", sites=["K2", "A4", "I6"])
COMPOUNDS = Pool.of(
    [Compound(s) for s in ("CCO", "CC(=O)Oc1ccccc1C(=O)O", "c1ccncc1", "CCN(CC)CC", "[Na+].[Cl-]", "C")]
)
GUIDES = Pool.of([Guide(s) for s in ("GACCTTGAAACGTTGCAAGT", "TACCTTGAAACGTTGCAAGA", "CCCCTTGAAAAATTGCAAGC")])

CASES = {
    "onehot": (OneHot(), PROTEIN),
    "onehot, library": (OneHot(), LIBRARY),
    "onehot, guides": (OneHot(), GUIDES),
    "onehot, relative": (OneHot(relative=True), PROTEIN),
    "physicochemical": (Physicochemical(), PROTEIN),
    "physicochemical, relative": (Physicochemical(relative=True), LIBRARY),
    "zscales": (Physicochemical("zscales"), LIBRARY),
    "blosum": (Blosum(), PROTEIN),
    "blosum, library": (Blosum(), LIBRARY),
    "substitutions": (SubstitutionPrior(), PROTEIN),
    "informed": (PLMPrior(), PROTEIN),
    "kmers": (Kmers(), GUIDES),
    "morgan": (Morgan(), COMPOUNDS),
    "morgan, pharmacophores": (Morgan(radius=3, size=512, pharmacophores=True), COMPOUNDS),
}


@pytest.fixture(params=CASES.values(), ids=CASES.keys())
def case(request: pytest.FixtureRequest) -> tuple[Encoder, Pool]:
    return request.param


def test_features_are_a_finite_float32_table(case: tuple[Encoder, Pool]):
    encoder, pool = case
    rows = np.arange(min(len(pool), 50))
    features = encoder.features(pool, rows)
    assert features.dtype == np.float32
    assert features.shape == (len(rows), features.shape[1])
    assert features.shape[1] >= 1
    assert np.isfinite(features).all()
    assert len(np.unique(features, axis=0)) > 1


def test_a_row_does_not_depend_on_the_others(case: tuple[Encoder, Pool]):
    encoder, pool = case
    rows = np.random.default_rng(0).permutation(min(len(pool), 50))
    together = encoder.features(pool, rows)
    apart = np.concatenate([encoder.features(pool, rows[i : i + 1]) for i in range(len(rows))])
    np.testing.assert_array_equal(together, apart)
    np.testing.assert_array_equal(together, encoder.features(pool, rows))


def test_no_rows_give_an_empty_table_of_the_same_width(case: tuple[Encoder, Pool]):
    encoder, pool = case
    width = encoder.features(pool, np.arange(1)).shape[1]
    assert encoder.features(pool, np.zeros(0, np.int64)).shape == (0, width)


def test_a_name_is_its_own():
    names = {encoder.name for encoder, _ in CASES.values()}
    assert len(names) == 11


@pytest.mark.parametrize("encoder", [OneHot(), Physicochemical(), Blosum(), Kmers()], ids=lambda b: b.name)
def test_compounds_have_no_letters(encoder: Encoder):
    with pytest.raises(PoolError, match="compounds"):
        encoder.features(COMPOUNDS, np.arange(2))
