"""Adapters kept by earlier releases give the numbers that they gave then."""

import json
from pathlib import Path

import pytest
import torch
from fits import outputs
from safetensors.torch import load_file

from activeloop.adapters import Adapter, PeftAdapter
from activeloop.adapters.named import ADAPTERS
from activeloop.foundation import ESM2

FOLDER = Path(__file__).parent / "golden"
EXPECTED = json.loads((FOLDER / "expected.json").read_text())


def of_then(name: str) -> Adapter:
    options = EXPECTED[name]["options"]
    if name == "adalora":
        given = {"target_r": options["rank"], "init_r": options["start"], "lora_alpha": 16, "total_step": 1}
        return PeftAdapter(name, given)
    return ADAPTERS[name](**options)


def adapted(name: str):
    attached = of_then(name).attach(ESM2(str(FOLDER / "base")).load(), 1)
    attached.load(load_file(FOLDER / f"{name}.safetensors"))
    return attached


@pytest.mark.parametrize("name", EXPECTED)
def test_gives_the_numbers_of_then(name):
    said = torch.tensor(EXPECTED[name]["outputs"])
    attached = adapted(name)
    # processors and releases of torch differ in the last bits
    torch.testing.assert_close(outputs(attached.encoder), said, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(outputs(attached.merge()), said, rtol=1e-4, atol=1e-5)


def test_each_file_says_something_else():
    said = [torch.tensor(kept["outputs"]) for kept in EXPECTED.values()]
    said.append(outputs(ESM2(str(FOLDER / "base")).load()))
    assert all((a - b).abs().max() > 0.05 for i, a in enumerate(said) for b in said[:i])
