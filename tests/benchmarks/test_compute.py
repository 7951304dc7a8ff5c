"""What fine-tuning costs: the pieces of the measurement on a tiny model, and the page."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from activeloop.errors import ModelError, StoreError
from activeloop.foundation import ESM2, FoundationModel
from activeloop.measurements import Assay, Dataset
from activeloop.metrics import spearman
from activeloop.models.finetuning.config import TrainingConfig
from activeloop.models.finetuning.learner import FineTuner
from activeloop.prediction import mean_of
from activeloop.replay.sources import Source, load_landscape
from benchmarks.compute import QUICK, ComputeConfig, main, write_compute_page, write_table
from benchmarks.compute_campaign import CampaignConfig, campaign_landscape, dropping, run_campaign, strategies
from benchmarks.compute_memory import above, in_a_process, memory_row
from benchmarks.compute_result import RESULT_COLUMNS, ResultConfig, Validation, curve, grid_rows, result_rows
from benchmarks.compute_training import (
    ARMS,
    FULL,
    LIGHT,
    MeasurementCache,
    arms,
    begun,
    checkpoint_of,
    default_adapter,
    default_arm,
    loaded,
    minibatch_for,
    random_dataset,
    read_by,
    ready,
    step_rows,
    time_steps,
    training_bytes,
)

PLAN = TrainingConfig(epochs=2, minibatch=8)


@pytest.fixture(scope="module")
def config(tiny: str) -> ComputeConfig:
    return replace(ComputeConfig(), **QUICK, checkpoint=tiny)


@pytest.fixture(scope="module")
def config_of_result(config: ComputeConfig) -> ResultConfig:
    return ResultConfig(**{name: getattr(config, name) for name in ResultConfig.__dataclass_fields__})


def test_the_default_is_among_the_arms():
    assert arms()[default_arm()] == default_adapter()
    assert FULL in arms()


def test_steps_are_timed_in_turns(tiny: str):
    found = time_steps(ESM2(tiny), ARMS, residues=12, rows=4, alternations=2)
    assert found.keys() == ARMS.keys()
    assert all(len(own["seconds"]) == 2 and min(own["seconds"]) > 0 for own in found.values())
    assert found["IA3"]["trained"] < found["LoRA, last layer"]["trained"] < found[FULL]["trained"]
    rows = step_rows(
        {FULL: {"seconds": [2.0, 4.0], "trained": 9}, "x": {"seconds": [1.0, 1.0], "trained": 1}}, "s", 5, 4, FULL
    )
    assert rows[1][3:] == ("x", 1, "250", "250", "250", "3", "2", "4", 2)


def test_light_peft_is_timed_after_its_removal(tiny: str):
    run: Any = ready(ESM2(tiny), ARMS[LIGHT], random_dataset(12, 4), 1)
    assert run.objective.adapted.attached.remains is not None
    assert np.isfinite(run.advance())


def test_minibatches_fit_into_memory(tiny: str):
    encoder = loaded(ESM2(tiny))
    assert minibatch_for(encoder, 12, 32) == 32
    assert minibatch_for(encoder, 12, 9) == 8
    assert minibatch_for(encoder, 10**7, 32) == 1
    assert training_bytes(encoder, 2, 50) > training_bytes(encoder, 1, 50)


def test_memory_is_told_by_a_process_of_its_own(tiny: str):
    found = in_a_process(tiny, "LoRA, last layer", 12, 4)
    assert found["peak"] > found["loaded"] > 10**7
    assert above({"peak": 100, "loaded": 40, "weights": 10}, copied=True) == 50
    both = {
        FULL: {"peak": 100e6, "loaded": 40e6, "weights": 10e6},
        "x": {"peak": 50e6, "loaded": 40e6, "weights": 10e6},
    }
    assert memory_row(both, FULL, "x", ("8M",)) == ("8M", "x", "40.0", "10.0", "0.2")
    with pytest.raises(ModelError, match="ended with 1"):
        in_a_process("/nowhere", "IA3", 12, 4)


@pytest.mark.parametrize("name", ["LoRA, last layer", FULL])
def test_the_judge_says_what_the_product_would(tiny: str, name: str):
    landscape = load_landscape(Source("planted-small"))
    rows = np.random.default_rng(0).permutation(len(landscape))
    held, values = rows[20:60], landscape.values[rows[20:60]]
    dataset = Dataset.of(landscape.pool, rows[:20], landscape.values[rows[:20]], Assay("value", scale="linear"))
    learner = FineTuner(ESM2(tiny), ARMS[name], plan=PLAN)
    run, objective = begun(learner.encoder, learner.adapter, dataset, PLAN, 0)
    judge = Validation(objective, learner.encoder, dataset, learner.head, held, values)
    before = judge()
    while not run.done:
        run.advance()
    said = mean_of(learner.fit(dataset, 0), landscape.pool, held)[:, 0]
    assert judge() == pytest.approx(spearman(said, values), abs=1e-3)
    assert judge() != before


@pytest.mark.parametrize("name", ["LoRA, last 2 layers", LIGHT])
def test_a_curve_counts_training_alone(tiny: str, config_of_result: ResultConfig, name: str):
    landscape = load_landscape(Source("planted-small"))
    found = curve(ESM2(tiny), ARMS[name], landscape, 16, 0, PLAN, config_of_result)
    assert found["steps"] == [0, 1, 3, 4]
    assert np.all(np.diff(found["seconds"]) > 0)
    assert np.all(np.abs(found["spearman"]) <= 1)
    again = curve(ESM2(tiny), ARMS[name], landscape, 16, 0, PLAN, config_of_result)
    assert again["spearman"] == found["spearman"]


def test_the_same_result():
    full = {"seconds": [1.0, 10.0, 20.0], "spearman": [0.2, 0.45, 0.5]}
    found = {
        FULL: full,
        "cheap": {"seconds": [0.5, 1.0, 2.0], "spearman": [0.2, 0.4, 0.495]},
        "never": {"seconds": [0.5, 1.0, 2.0], "spearman": [0.2, 0.3, 0.3]},
    }
    rates = dict.fromkeys(found, "0.001")
    rows = [dict(zip(RESULT_COLUMNS, row, strict=True)) for row in result_rows(found, rates, ("a", 96, 0))]
    assert [row["cheaper"] for row in rows] == ["1", "10", ""]
    assert [row["cpu_seconds"] for row in rows] == ["20", "2", ""]
    assert rows[2]["best"] == "0.3000"
    assert {row["nothing_to_do"] for row in rows} == {0}
    full["spearman"][0] = 0.5
    assert result_rows(found, rates, ("a", 96, 0))[0][-1] == 1
    assert [row[3] for row in grid_rows({"x": {"1e-3": 0.1, "3e-3": 0.2}})] == [0, 1]


def test_every_way_through_a_campaign(config: ComputeConfig):
    campaign = CampaignConfig("planted-small", 8, 2, 60, 30, 3, PLAN)
    foundation = ESM2(config.checkpoint)
    found = {way.scoring: run_campaign(foundation, way, campaign, 0) for way in strategies() if way.scoring != "head"}
    head = run_campaign(foundation, strategies()[-2], campaign, 0)
    assert all(len(part) == 2 for own in found.values() for part in own.values())
    # what is kept changes the cost, not what is said
    assert head["spearman"] == pytest.approx(found["kept"]["spearman"], abs=1e-6)
    assert min(found["passes"]["scoring"]) > 0


def test_dropout_in_every_layer_is_taken_off_again(tiny: str):
    import torch

    encoder = loaded(ESM2(tiny))
    ids = torch.arange(4, 12)[None]
    plain = encoder(ids, ids > 0)
    with dropping(encoder, 0.5):
        assert not torch.equal(encoder(ids, ids > 0), plain)
    assert torch.equal(encoder(ids, ids > 0), plain)


def test_gb1_is_put_into_its_domain(monkeypatch: pytest.MonkeyPatch):
    from benchmarks import proteins

    four = load_landscape(Source("planted-small"))
    pool = type(four.pool).combinatorial(None, range(4), "ADGV")
    values = np.arange(len(pool), dtype=float)
    monkeypatch.setattr(proteins, "load_landscape", lambda source: replace(four, pool=pool, values=values))
    landscape = campaign_landscape("gb1")
    row = landscape.pool.rows_of(["V39A:D40G:G41A"])[0]
    # letters of the four sites: A G A V
    assert landscape.values[row] == values[pool.rows_of(["AGAV"])[0]]
    assert np.isfinite(landscape.values).sum() == 256


def test_checkpoints_of_a_shape_are_removed():
    with checkpoint_of("8M") as foundation:
        folder = Path(foundation.source)
        assert loaded(foundation).width == 320
    assert not folder.exists()


def test_nothing_is_measured_twice(tmp_path: Path):
    cache, made = MeasurementCache(tmp_path), []

    def measure() -> dict:
        made.append(1)
        return {"seconds": len(made)}

    assert cache.once("a, b", {"n": 1}, measure) == cache.once("a, b", {"n": 1}, measure) == {"seconds": 1}
    assert cache.once("a, b", {"n": 2}, measure) == {"seconds": 2}
    for path in tmp_path.iterdir():
        path.write_text("{")
    with pytest.raises(StoreError, match="Delete it"):
        cache.once("a, b", {"n": 1}, measure)


def test_the_command(tiny: str, tmp_path: Path):
    quick = ["--quick", "--checkpoint", tiny, "--work", str(tmp_path / "work"), "--out", str(tmp_path), "--epochs", "2"]
    main(["--part", "steps", *quick, "--alternations", "1"])
    main(["--part", "campaign", *quick, "--rounds", "1", "--share", "20"])
    page = (tmp_path / "README.md").read_text("utf-8")
    assert "## One training step" in page
    assert "## A whole campaign" in page
    assert f"{default_arm()}, samples of the head, activations cached" in page
    rows = list(csv.DictReader((tmp_path / "campaign.csv").read_text("utf-8").splitlines()))
    assert {row["round"] for row in rows} == {"0"}
    assert len(list((tmp_path / "work").iterdir())) == 1 + len(strategies())
    assert (tmp_path / "machine.json").exists()


def test_an_interrupted_command_has_written_what_is_finished(
    tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from benchmarks import compute_training as compute_steps

    def interrupted(foundation: FoundationModel, compared: dict, residues: int, *others: int) -> dict:
        if residues == 12:
            raise KeyboardInterrupt
        return time_steps(foundation, compared, residues, *others)

    monkeypatch.setattr(compute_steps, "time_steps", interrupted)
    quick = ["--quick", "--checkpoint", tiny, "--work", str(tmp_path / "work"), "--out", str(tmp_path)]
    with pytest.raises(KeyboardInterrupt):
        main(["--part", "steps", *quick, "--alternations", "1", "--lengths", "8,12"])
    page = (tmp_path / "README.md").read_text("utf-8")
    assert "8 residues" in page
    assert "12 residues" not in page


def test_arms_in_which_all_layers_learn_read_the_whole_model():
    assert read_by(ESM2(), ARMS[FULL]).share == read_by(ESM2(), ARMS[LIGHT]).share == 1
    assert read_by(ESM2(), default_adapter()).share == ESM2().share < 1


def test_the_page_says_what_was_reached(tmp_path: Path):
    rows = [
        ("a", 96, 0, FULL, "0.0001", "0.2", "0.5", "0.49", "20", "20", "1", 0),
        ("a", 96, 0, "cheap", "0.001", "0.2", "0.5", "0.49", "2", "4", "10", 0),
        ("a", 96, 1, FULL, "0.0001", "0.2", "0.5", "0.49", "20", "20", "1", 0),
        ("a", 96, 1, "cheap", "0.001", "0.2", "0.4", "0.49", "", "4", "", 0),
        ("a", 480, 0, FULL, "0.0001", "0.5", "0.5", "0.49", "1", "20", "1", 1),
        ("a", 480, 0, "cheap", "0.001", "0.5", "0.5", "0.49", "1", "4", "1", 1),
    ]
    write_table(tmp_path, "result", RESULT_COLUMNS, rows, "So it was measured.")
    write_compute_page(tmp_path, "a command", ("result",))
    write_compute_page(tmp_path, "another", ("steps",))
    page = (tmp_path / "README.md").read_text("utf-8")
    assert "So it was measured. Made by `a command`." in page
    assert "Made by `another` on:" in page
    assert "| cheap | 1.54x | 1 of 2 | 10x (10 to 10) | 0.467 ± 0.033 | -0.0333 ± 0.033 | 4 | 5x |" in page
    assert "| a, 96 | 10x (10 to 10), 1 of 2 |" in page
    assert "Of 3 comparisons 1 are left out" in page
