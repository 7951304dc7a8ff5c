"""Checkpoints from a hub on loopback, from its cache without one, and everything that can go wrong."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_server import COMMIT, Hub

from activeloop.errors import FetchError
from activeloop.foundation import ESM2, checkpoints
from activeloop.foundation.checkpoints import BUNDLED, fingerprint, folder_of, load_model
from tiny_models import tiny_bert, tiny_esm

FETCH = """
import sys, warnings
warnings.simplefilter("error")
from activeloop.foundation import ESM2
from activeloop.errors import FetchError
for source, revision in zip(sys.argv[1::2], sys.argv[2::2]):
    try:
        foundation = ESM2(source, revision=revision or None)
        print("fetched", foundation.tokens_of(["MKT"]).ids.tolist())
    except FetchError as error:
        print("FetchError", error)
"""


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the hub has."""
    base = tmp_path_factory.mktemp("hub")
    tiny_esm(base / "lab" / "tiny")
    (base / "lab" / "tiny" / "other").mkdir()
    (base / "lab" / "tiny" / "other" / "model.safetensors").write_text("of another model")
    (base / "lab" / "tiny" / "modeling_evil.py").write_text("raise SystemExit('ran code of the hub')")
    (base / "lab" / "pickled").mkdir()
    (base / "lab" / "pickled" / "config.json").write_text('{"model_type": "esm"}')
    (base / "lab" / "pickled" / "pytorch_model.bin").write_bytes(b"could run code")
    return base


@pytest.fixture
def hub(artifacts: Path) -> Iterator[Hub]:
    with Hub(artifacts) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def fetched_by_another(url: str, home: Path, *pairs: str) -> list[str]:
    """What another process says that fetches from the hub at an address."""
    settings = {"HF_ENDPOINT": url, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    done = subprocess.run(
        [sys.executable, "-c", FETCH, *pairs],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.stderr == ""
    assert done.returncode == 0
    return done.stdout.splitlines()


FETCHED = "fetched [[0, 20, 15, 11, 2]]"


def test_fetched_once_then_without_a_hub(hub: Hub, tmp_path: Path):
    first = fetched_by_another(
        hub.url, tmp_path, "lab/tiny", "", "lab/tiny", "v1", "lab/none", "", "lab/tiny", "v9", "lab/pickled", ""
    )
    assert first[:2] == [FETCHED, FETCHED]
    assert 'The hub knows no "lab/none"' in first[2]
    assert 'has no revision "v9"' in first[3]
    assert "no weights in the safetensors format" in first[4]
    assert all(line.endswith(("Nothing was fetched.", "nothing was loaded.")) for line in first[2:])
    asked = {path.split("/")[-1] for path in hub.asked if path.startswith("GET") and "/resolve/" in path}
    assert asked == {"config.json", "model.safetensors", "vocab.txt"}
    (folder,) = (tmp_path / "hub").glob("models--lab--tiny/snapshots/*")
    assert ESM2(str(folder)).load().width == 32
    hub.shutdown()
    hub.server_close()
    again = fetched_by_another(hub.url, tmp_path, "lab/tiny", "", "lab/tiny", COMMIT, "lab/unseen", "")
    assert again[:2] == [FETCHED, FETCHED]
    assert "cannot be reached" in again[2]


def test_half_a_download_is_not_used(artifacts: Path, tmp_path: Path):
    with Hub(artifacts, cut="model.safetensors") as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        (told,) = fetched_by_another(server.url, tmp_path, "lab/tiny", "")
        server.cut = ""
        assert told.startswith("FetchError")
        assert fetched_by_another(server.url, tmp_path, "lab/tiny", "") == [FETCHED]
        server.shutdown()


@pytest.mark.parametrize("source", ["not an id", "a/b/c/d", "./nowhere", "/nowhere/at/all", "~/nowhere-at-all"])
def test_what_is_neither_folder_nor_id(source: str):
    with pytest.raises(FetchError, match="othing was"):
        folder_of(source)


def test_the_model_of_the_package_is_named_when_it_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(checkpoints, "SMALL", tmp_path / "small")
    with pytest.raises(FetchError, match=f"has no {BUNDLED}"):
        ESM2().load()


def broken(tmp_path: Path, tiny: str) -> Path:
    return Path(shutil.copytree(tiny, tmp_path / "broken"))


def test_weights_cut_off(tmp_path: Path, tiny: str):
    folder = broken(tmp_path, tiny)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(FetchError, match="A file may be cut off"):
        ESM2(str(folder)).load()


def test_another_architecture(tmp_path: Path):
    with pytest.raises(FetchError, match='architecture "bert", and EsmForMaskedLM needs "esm"'):
        ESM2(tiny_bert(tmp_path / "bert")).load()


def test_weights_of_another_model(tmp_path: Path, tiny: str):
    from safetensors.torch import load_file, save_file

    folder = broken(tmp_path, tiny)
    weights = load_file(folder / "model.safetensors")
    del weights["esm.encoder.layer.1.output.dense.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(FetchError, match="lacks 1 of the weights"):
        ESM2(str(folder)).load()


def test_a_config_that_is_none(tmp_path: Path, tiny: str):
    folder = broken(tmp_path, tiny)
    (folder / "config.json").write_text("{")
    with pytest.raises(FetchError, match="cannot be read"):
        ESM2(str(folder)).load()
    (folder / "config.json").unlink()
    with pytest.raises(FetchError, match=r"has no config\.json"):
        ESM2(str(folder)).load()


def test_code_beside_the_weights_is_not_run(tmp_path: Path, tiny: str):
    folder = broken(tmp_path, tiny)
    settings = json.loads((folder / "config.json").read_text())
    settings["auto_map"] = {"AutoModelForMaskedLM": "evil.Model"}
    (folder / "config.json").write_text(json.dumps(settings))
    (folder / "evil.py").write_text("raise SystemExit('ran')")
    assert ESM2(str(folder)).load().width == 32


def test_half_precision_is_read_into_single(tmp_path: Path, tiny: str):
    import torch
    from transformers import EsmForMaskedLM

    folder = broken(tmp_path, tiny)
    exact = EsmForMaskedLM.from_pretrained(tiny)
    exact.half().save_pretrained(folder)
    model, headed = load_model("EsmForMaskedLM", str(folder))
    assert headed
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    torch.testing.assert_close(model.state_dict(), exact.float().state_dict())


def test_loading_says_nothing_and_changes_nothing(capfd: pytest.CaptureFixture[str], tiny: str):
    from transformers.utils import logging

    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    ESM2(tiny).load()
    assert capfd.readouterr() == ("", "")
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before


def test_fingerprints_follow_content(tmp_path: Path, tiny: str):
    folder = broken(tmp_path, tiny)
    assert fingerprint(str(folder)) == fingerprint(tiny)
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "model.safetensors").write_bytes(weights)
    assert fingerprint(str(folder)) != fingerprint(tiny)


WITHOUT = """
import sys
sys.modules["torch"] = None
import numpy as np
from activeloop.foundation import ESM2
from activeloop.candidates import Pool
from activeloop.errors import MissingExtraError
for use in (lambda e: e.load(), lambda e: e.features(Pool.single_mutants("MKT"), np.arange(3))):
    try:
        use(ESM2(sys.argv[1]))
    except MissingExtraError as error:
        print(error)
"""


def test_without_torch_the_extra_is_named(tiny: str):
    done = subprocess.run([sys.executable, "-c", WITHOUT, tiny], capture_output=True, text=True, check=True)
    assert done.stdout.count('pip install "activeloop-bio[models]"') == 2
