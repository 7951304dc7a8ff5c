"""Counts of what learns, and how the page tells them."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch

from activeloop.adapters import LightPEFT, attach
from activeloop.adapters.pruning import adapted
from benchmarks import parameters as pruning_speed
from benchmarks.parameters import (
    ADAPTERS,
    FULL,
    LIGHT,
    LORA,
    Count,
    Gain,
    costliest,
    counts,
    drawn,
    measure,
    parameters_result,
)
from benchmarks.proteins import esm_shape, random_encoder
from tools.pretrain.training import Shape

SMALL = Shape(layers=4, width=16, heads=4, inner=64)


@pytest.fixture(scope="module")
def counted() -> dict[str, Count]:
    return {count.adapter: count for count in counts("35M")}


def test_counts_are_those_of_the_formulas(counted: dict[str, Count]):
    layers, d, r = 12, 480, 8
    lora = r * (8 * d + 2 * 5 * d)
    block = 4 * (d * d + d) + 2 * 4 * d * d + 5 * d + 4 * d
    # embeddings, layers, and the norm after them
    full = 33 * d + layers * block + 2 * d
    wanted = {
        FULL: full,
        LORA: layers * lora,
        "LoRA, last 2 layers": 2 * lora,
        "LoRA, last layer": lora,
        "LoRA, query + value": layers * r * 4 * d,
        "DoRA": layers * (lora + 4 * d + 5 * d),
    }
    assert {name: counted[name].trained for name in wanted} == wanted
    assert counted.keys() == ADAPTERS.keys()
    assert counted[FULL].base == sum(p.numel() for p in random_encoder(esm_shape("35M"), None).parameters())


def test_a_default_of_two_layers_trains_240_times_fewer(counted: dict[str, Count]):
    assert counted["LoRA, last 2 layers"].reached
    assert not counted[LORA].reached
    assert counted[LIGHT].trained <= 0.25 * counted[LORA].trained


def test_nothing_that_could_remain_trains_more_than_the_costliest():
    settings = LightPEFT()

    def trained(choose) -> int:
        attached = attach(settings, random_encoder(SMALL, None), 0)
        attached.prune(choose(attached.encoder))
        return attached.trainable()

    most = trained(lambda encoder: costliest(encoder, settings))
    others = [trained(lambda encoder, seed=seed: drawn(encoder, settings, seed)) for seed in range(8)]
    assert max(others) < most


def test_what_chance_leaves_has_the_shares_asked_for():
    encoder = random_encoder(SMALL, None)
    settings = LightPEFT()
    attached = attach(settings, encoder, 0)
    remains = drawn(encoder, settings, 0)
    assert remains.heads.sum(1).tolist() == [3] * 4
    assert int(remains.units.sum()) == 256 - 85
    assert sum(int(kept.sum()) for kept in remains.ranks.values()) == len(adapted(encoder)) * 8 // 8
    attached.prune(remains)


def test_both_trunks_are_timed_in_turns(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(pruning_speed, "esm_shape", lambda size: SMALL)
    threads = torch.get_num_threads()
    gains = list(measure("tiny", [8, 20], 4, 40, 3))
    assert [(gain.length, gain.rows, len(gain.ratios)) for gain in gains] == [(8, 4, 3), (20, 2, 3)]
    assert all(gain.plain > 0 and gain.pruned > 0 for gain in gains)
    assert torch.get_num_threads() == threads


def test_the_page_says_what_was_reached(counted: dict[str, Count], tmp_path: Path):
    gains = [Gain("35M", 56, 32, 20.0, 13.0, (1.5, 1.6, 1.4))]
    parameters_result(list(counted.values()), gains, "In turns.").write(tmp_path, "a command")
    page = (tmp_path / "README.md").read_text("utf-8")
    assert "**138,240 (241x)**" in page
    assert "829,440 (40x)" in page
    assert "| 35M, 32 x 56 tokens | 20 | 13 | 1.50 (1.40 to 1.60) |" in page
    assert "The smallest median gain is 1.50 (required: 1.3). In turns." in page
    rows = list(csv.DictReader((tmp_path / "summary.csv").read_text("utf-8").splitlines()))
    assert {row["adapter"]: row["reached"] for row in rows}["LoRA, last 2 layers"] == "yes"
    assert (tmp_path / "machine.json").exists()
    assert (tmp_path / "speed.csv").read_text("utf-8").startswith("backbone,length,sequences,plain_ms,pruned_ms,gain")
