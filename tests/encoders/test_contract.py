"""What every encoder promises."""

import numpy as np
import pytest

from activeloop.candidates import Compound, Guide, Pool
from activeloop.encoders import Encoder, Kmers, Morgan, OneHot, Physicochemical
from activeloop.errors import PoolError
from activeloop.priors import Blosum, PLMPrior, SubstitutionPrior
from activeloop.testing import Check, checks

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


CHECKS = {f"{name}: {check}": check for name, case in CASES.items() for check in checks(*case)}


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS.keys())
def test_contract(check: Check):
    check()


def test_a_name_is_its_own():
    names = {encoder.name for encoder, _ in CASES.values()}
    assert len(names) == 11


@pytest.mark.parametrize("encoder", [OneHot(), Physicochemical(), Blosum(), Kmers()], ids=lambda b: b.name)
def test_compounds_have_no_letters(encoder: Encoder):
    with pytest.raises(PoolError, match="compounds"):
        encoder.features(COMPOUNDS, np.arange(2))
