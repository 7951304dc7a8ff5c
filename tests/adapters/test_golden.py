"""Adapters saved by earlier releases give the numbers of then."""

import json
from pathlib import Path

import pytest
import torch
from fits import outputs
from safetensors.torch import load_file

from activeloop.adapters import Adapter, PeftAdapter, attach
from activeloop.adapters.registry import ADAPTERS
from activeloop.foundation import ESM2

FOLDER = Path(__file__).parent / "golden"
EXPECTED = json.loads((FOLDER / "expected.json").read_text())


#: options that were renamed since
RENAMED = {"last": "last_layers", "layers": "layers_to_transform", "targets": "target_modules"}


def of_then(name: str) -> Adapter:
    options = {RENAMED.get(option, option): value for option, value in EXPECTED[name]["options"].items()}
    if name == "adalora":
        given = {"target_r": options["rank"], "init_r": options["start"], "lora_alpha": 16, "total_step": 1}
        return PeftAdapter(name, given)
    return ADAPTERS[name](**options)


def adapted(name: str):
    attached = attach(of_then(name), ESM2(str(FOLDER / "base")).load(), 1)
    attached.load(load_file(FOLDER / f"{name}.safetensors"))
    return attached


@pytest.mark.parametrize("name", EXPECTED)
def test_a_saved_adapter_gives_the_numbers_of_then(name):
    expected = torch.tensor(EXPECTED[name]["outputs"])
    attached = adapted(name)
    # processors and releases of torch differ in the last bits
    torch.testing.assert_close(outputs(attached.encoder), expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(outputs(attached.merge()), expected, rtol=1e-4, atol=1e-5)


def test_each_file_says_something_else():
    expected = [torch.tensor(kept["outputs"]) for kept in EXPECTED.values()]
    expected.append(outputs(ESM2(str(FOLDER / "base")).load()))
    assert all((a - b).abs().max() > 0.05 for i, a in enumerate(expected) for b in expected[:i])
