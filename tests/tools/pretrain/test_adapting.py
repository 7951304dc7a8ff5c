import json
from pathlib import Path

import pytest
import torch
from pretraining_plans import plan
from safetensors.torch import load_file
from transformers import EsmConfig, EsmForMaskedLM

from activeloop.adapters import LoRA, attach
from activeloop.errors import ModelError
from activeloop.foundation import ESM2
from tools.pretrain.run import train
from tools.pretrain.trainable import Schedule, adapted


@pytest.fixture(scope="module")
def run(tiny: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    folder = tmp_path_factory.mktemp("family")
    schedule = Schedule(60, rows=4, width=64, warm=2, adam=1e-2)
    asked = plan(folder / "run", schedule=schedule, base=tiny, rank=2, export=folder / "merged")
    before = (Path(tiny) / "model.safetensors").read_bytes()
    facts = train(asked, lambda status: None)
    assert (Path(tiny) / "model.safetensors").read_bytes() == before
    return folder, facts


def test_the_loss_on_the_family_falls(run: tuple[Path, dict]) -> None:
    losses = run[1]["losses"]
    assert losses[-1][1] < losses[0][1] - 0.2


def test_the_merged_export_is_the_base_with_its_adapter(run: tuple[Path, dict], tiny: str) -> None:
    folder = run[0]
    told = json.loads((folder / "run" / "adapter.json").read_text())
    encoder = ESM2(told["base"]).load()
    attached = attach(LoRA(told["rank"], told["alpha"]), encoder, 1)
    ids, real = torch.arange(4, 24)[None], torch.ones(1, 20, dtype=torch.bool)
    with torch.no_grad():
        base = encoder.logits(encoder(ids, real))
        attached.load(load_file(folder / "run" / "adapter.safetensors"))
        adapted = encoder.logits(encoder(ids, real))
        merged = EsmForMaskedLM.from_pretrained(folder / "merged").float()(ids).logits
    torch.testing.assert_close(merged, adapted, rtol=5e-3, atol=5e-3)
    assert (adapted - base).abs().max() > 0.1


def test_a_resumed_adapter_is_the_same(run: tuple[Path, dict], tiny: str, tmp_path: Path) -> None:
    schedule = Schedule(8, rows=4, width=64, warm=2, adam=1e-2, cooling=2)
    whole = plan(tmp_path / "whole", schedule=schedule, base=tiny, rank=2)
    train(whole, lambda status: None)

    def stop(status) -> None:
        if status.step == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(plan(tmp_path / "parts", schedule=schedule, base=tiny, rank=2), stop)
    train(plan(tmp_path / "parts", schedule=schedule, base=tiny, rank=2, resume=True), lambda status: None)
    one, other = (load_file(tmp_path / name / "adapter.safetensors") for name in ("whole", "parts"))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_models_with_other_letters_are_refused(tmp_path: Path) -> None:
    config = EsmConfig(
        vocab_size=40, mask_token_id=32, pad_token_id=1, hidden_size=32, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=32, position_embedding_type="rotary",
    )  # fmt: skip
    EsmForMaskedLM(config).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="alphabet or the rotary positions"):
        adapted(str(tmp_path), 2, 0, "cpu", half=False)
