"""The pass in NumPy: the same numbers as torch gives, and without it."""

import subprocess
import sys

import numpy as np
import pytest

from activeloop.candidates import AMINO_ACIDS
from activeloop.foundation import ESM2
from activeloop.foundation.checkpoints import SMALL
from activeloop.foundation.esm_numpy import states_and_logits
from activeloop.foundation.windows import ResidueTokens, Windows
from activeloop.foundation.zero_shot_passes import states_and_logits as by_torch

#: where importing torch or transformers is an error: scores, and what is said of a model that needs them
WITHOUT_TORCH = """
import sys
sys.modules["torch"] = sys.modules["transformers"] = None
from activeloop.foundation import ESM2
from activeloop.priors import PLMPrior
from activeloop.priors.plm import plm_features
from activeloop.candidates import Pool
from activeloop.errors import MissingExtraError
print(float(PLMPrior().table(Pool.single_mutants("MQIFVKTLTGKTITLEVESSDTIDNVKSK")).sum()))
try:
    plm_features(ESM2(sys.argv[1]), "MKT")
except MissingExtraError as error:
    print(error)
"""


@pytest.mark.parametrize(("residues", "most"), [(1, 1022), (80, 1022), (80, 30)])
def test_it_is_the_pass_that_torch_makes(residues: int, most: int):
    rng = np.random.default_rng(residues)
    chain = "".join(rng.choice(list(AMINO_ACIDS + "X"), residues))
    windows = Windows.of(
        ESM2().tokens_of([chain]), rng.permutation(residues), min(most, ResidueTokens.of(ESM2(), "").longest)
    )
    for found, expected in zip(
        states_and_logits(SMALL, windows, 2 / 3), by_torch(ESM2().frozen_encoder(), windows, 4), strict=True
    ):
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, atol=3e-6 * np.abs(expected).max())


def test_only_the_model_that_ships_is_asked_where_torch_is_not_installed(
    tiny: str, tmp_path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ACTIVELOOP_CACHE", str(tmp_path))
    program = [sys.executable, "-c", WITHOUT_TORCH, tiny]
    scores, refusal = subprocess.run(program, capture_output=True, text=True, check=True).stdout.split("\n", 1)
    assert "activeloop-bio[models]" in refusal
    from activeloop.candidates import Pool
    from activeloop.priors import PLMPrior

    here = PLMPrior().table(Pool.single_mutants("MQIFVKTLTGKTITLEVESSDTIDNVKSK")).sum()
    assert float(scores) == pytest.approx(here, rel=1e-6)
