import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from pretraining_plans import FOUNDER, plan
from transformers import AutoTokenizer, EsmForMaskedLM

from activeloop.candidates import Pool
from activeloop.errors import InputError, ModelError
from activeloop.foundation import ESM2
from tools.pretrain.card import export
from tools.pretrain.model import Shape, build
from tools.pretrain.run import train


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    folder = tmp_path_factory.mktemp("export")
    facts = train(plan(folder / "run", steps=30, export=folder / "small", licence="CC0"), lambda status: None)
    return folder, facts


def test_transformers_reads_the_export(exported: tuple[Path, dict]) -> None:
    folder = exported[0] / "small"
    model = EsmForMaskedLM.from_pretrained(folder)
    assert model.dtype == torch.float16
    ids = AutoTokenizer.from_pretrained(folder)("MKTAYIAK", return_tensors="pt").input_ids
    assert ids.tolist() == [[0, 20, 15, 11, 5, 19, 12, 5, 15, 2]]
    assert model.float()(ids).logits.shape == (1, 10, 33)
    assert model.lm_head.decoder.weight is model.esm.embeddings.word_embeddings.weight


def test_the_angles_of_places_are_not_rounded_to_half_precision(exported: tuple[Path, dict]) -> None:
    found = ESM2(str(exported[0] / "small")).load().model.esm.rotary_embeddings.inv_freq.numpy()
    np.testing.assert_allclose(found, 10000.0 ** -(np.arange(len(found)) / len(found)), rtol=1e-6)


def test_the_backbone_reads_the_export(exported: tuple[Path, dict]) -> None:
    pool = Pool.single_mutants(FOUNDER, positions=[2, 3])
    features = ESM2(str(exported[0] / "small")).features(pool, np.arange(5))
    assert features.shape[0] == 5
    assert np.isfinite(features).all()
    assert features.std(0).max() > 0


def test_figures_stand_beside_the_weights(exported: tuple[Path, dict]) -> None:
    folder, facts = exported
    told = json.loads((folder / "small" / "training.json").read_text())
    assert told == json.loads(json.dumps(facts))
    (file,) = told["files"]
    assert file["sha256"] == hashlib.sha256((folder / "family.fasta").read_bytes()).hexdigest()
    assert (file["sequences"], file["residues"]) == (30, 30 * len(FOUNDER))
    assert told["tokens_seen"] == 30 * 4 * 64
    card = (folder / "small" / "MODEL_CARD.md").read_text()
    assert f"{file['validation_perplexity']:.2f}" in card
    assert "licence: CC0" in card


def test_a_second_export_replaces_the_first_and_nothing_else(exported: tuple[Path, dict], tmp_path: Path) -> None:
    (tmp_path / "small").mkdir()
    (tmp_path / "small" / "mine.txt").write_text("kept")
    for seed in (0, 1):
        export(tmp_path / "small", build(Shape(2, 32, 2, 64), seed), exported[1])
    assert (tmp_path / "small" / "mine.txt").read_text() == "kept"
    assert [path.name for path in tmp_path.iterdir()] == ["small"]


def test_weights_that_overflow_are_refused(exported: tuple[Path, dict], tmp_path: Path) -> None:
    model = build(Shape(2, 32, 2, 64), 0)
    with torch.no_grad():
        model.lm_head.bias[3] = 1e6
    with pytest.raises(ModelError, match=r"lm_head\.bias.*nothing was exported"):
        export(tmp_path / "small", model, exported[1])
    assert not any((tmp_path / "small").iterdir())


def test_shapes_that_make_no_model_are_refused() -> None:
    with pytest.raises(InputError, match="multiple of twice the heads"):
        Shape(2, 30, 4, 64)
