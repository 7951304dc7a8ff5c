"""Language models of SMILES: cut atom by atom, fetched from a hub, adapted, and part of a campaign."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from hub_server import Hub

from activeloop.adapters import LoRA
from activeloop.candidates import Compound, Pool
from activeloop.errors import FetchError, PoolError
from activeloop.foundation import SmilesBERT, foundation_of
from activeloop.foundation.families import family_of
from activeloop.foundation.tokenizers import smiles_pieces
from activeloop.measurements import Assay, Dataset
from activeloop.metrics import spearman
from activeloop.models import DropoutClassifier, FineTuner, TrainingConfig
from activeloop.models.registry import embedding_gp, fine_tuned
from tiny_models import PIECES, tiny_bert, tiny_chemberta, tiny_smiles_bert

CHAINS = [
    left + "C" * n + right for left in ("Cl", "N#C", "FC", "S=C") for n in range(2, 9) for right in ("O", "N", "Br")
]
POOL = Pool.of([Compound(smiles) for smiles in CHAINS])
TRUTH = np.array([name.count("O") * 2.0 - name.count("C") * 0.3 for name in POOL.names(range(len(POOL)))])
ROWS = np.random.default_rng(0).permutation(len(POOL))[:50]


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny_smiles_bert(tmp_path_factory.mktemp("chemistry") / "bert")


def test_atoms_of_two_letters_and_brackets_are_one_token_each():
    assert smiles_pieces("C[C@@H](Br)%12ClC") == ["C", "[C@@H]", "(", "Br", ")", "%12", "Cl", "C"]


def test_the_family_is_read_from_the_vocabulary(bert: str, tmp_path: Path):
    assert family_of(bert).name == "smiles-bert"
    assert family_of(tiny_bert(tmp_path / "proteins")).name == "protbert"
    assert family_of(tiny_chemberta(tmp_path / "roberta")).name == "chemberta"


def test_chlorine_is_not_carbon_and_case_counts(bert: str):
    tokens = SmilesBERT(bert).tokens_of(["CCl", "CC", "c1ccccc1", "C1CCCCC1"])
    ids = [row[: int(n)].tolist() for row, n in zip(tokens.ids, tokens.lengths, strict=True)]
    assert ids[0] == [PIECES.index(p) for p in ("[CLS]", "C", "Cl", "[SEP]")]
    assert ids[0] != ids[1]
    assert ids[2] != ids[3]


@pytest.mark.parametrize("make", [tiny_smiles_bert, tiny_chemberta])
def test_a_piece_that_the_model_does_not_know_is_refused(make, tmp_path: Path):
    model = foundation_of(make(tmp_path / "model"))
    with pytest.raises(PoolError, match=r"does not know every piece of C\[Si\]C \(1 such"):
        model.tokens_of(["CCO", "C[Si]C"])


def test_a_vocabulary_that_is_none_of_smiles_is_refused(tmp_path: Path):
    folder = tiny_smiles_bert(tmp_path / "model", ("<pad>", "x", "c", "(", "="))
    with pytest.raises(FetchError, match="no vocabulary of SMILES"):
        SmilesBERT(folder).tokens_of(["c"])


@pytest.mark.parametrize("make", [tiny_smiles_bert, tiny_chemberta])
def test_lora_learns_compounds(make, tmp_path: Path):
    model = foundation_of(make(tmp_path / "model"))
    learner = FineTuner(model, LoRA(rank=2, last_layers=1), plan=TrainingConfig(epochs=4))
    data, rest = Dataset.of(POOL, ROWS, TRUTH[ROWS]), np.setdiff1d(np.arange(len(POOL)), ROWS)
    assert spearman(learner.fit(data, 0).predict(POOL, rest, 0, 0).mean[:, 0], TRUTH[rest]) > 0.5


def test_by_name_and_as_a_classifier_of_passes(bert: str):
    for learner in (embedding_gp(bert), fine_tuned(bert, epochs=2)):
        found = learner.fit(Dataset.of(POOL, ROWS, TRUTH[ROWS]), 0).predict(POOL, np.arange(len(POOL)), 0, 4)
        assert np.isfinite(found.draws).all()
    classes = Dataset.of(POOL, ROWS, (TRUTH[ROWS] > 0).astype(float), Assay("active", goal="classify"))
    fitted = DropoutClassifier(SmilesBERT(bert), rank=2, plan=TrainingConfig(epochs=4)).fit(classes, 0)
    assert fitted.predict(POOL, np.arange(9), 0, 4).classes


FETCH = """
import sys
from activeloop.foundation import foundation_of
model = foundation_of(sys.argv[1])
print(model.family, model.tokens_of(["CCl"]).ids.tolist())
"""


def test_fetched_from_a_hub_as_models_of_proteins_are(bert: str, tmp_path: Path):
    base = tmp_path / "served" / "lab"
    base.mkdir(parents=True)
    (base / "chem").symlink_to(bert)
    with Hub(tmp_path / "served") as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        told = {"HF_ENDPOINT": server.url, "HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_XET": "1"}
        for _ in range(2):  # the second time without a request for weights
            done = subprocess.run(
                [sys.executable, "-c", FETCH, "lab/chem"],
                env={**os.environ, **told},
                capture_output=True,
                text=True,
                check=True,
                timeout=120,
            )
            assert done.stdout.split() == ["smiles-bert", "[[2,", "9,", "5,", "3]]"]
        asked = [path.split("/")[-1] for path in server.asked if path.startswith("GET") and "/resolve/" in path]
        server.shutdown()
    assert asked.count("vocab.txt") == 1
