import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from pretraining_plans import plan, write_family
from safetensors.torch import load_file

from activeloop.errors import InputError
from tools.pretrain.model import Shape, build
from tools.pretrain.plan import Plan
from tools.pretrain.run import train
from tools.pretrain.trainable import Schedule, WholeModel

ROOT = Path(__file__).parents[3]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
ENVIRONMENT["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
COMMAND = ("-m", "tools.pretrain")
SMALL = ("--layers", "2", "--width", "32", "--heads", "2", "--inner", "64", "--rows", "4", "--context", "64")


def trained(plan: Plan) -> dict:
    return train(plan, lambda status: None)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "checkpoint.safetensors")


def assert_same(one: Path, other: Path) -> None:
    first, second = weights(one), weights(other)
    assert first.keys() == second.keys()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []


def test_a_killed_run_goes_on_to_bitwise_the_same_result(tmp_path: Path) -> None:
    write_family(tmp_path / "family.fasta")
    command = [
        sys.executable,
        *COMMAND,
        "family.fasta",
        *SMALL,
        "--steps",
        "100",
        "--save-seconds",
        "0",
        "--out",
        "killed",
    ]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL, env=ENVIRONMENT)
    checkpoint = tmp_path / "killed" / "checkpoint.safetensors"
    while not checkpoint.exists():
        assert process.poll() is None
        time.sleep(0.005)
    time.sleep(0.1)
    process.kill()
    process.wait()
    stopped = int(weights(tmp_path / "killed")["step"])
    assert 0 < stopped < 100
    same = {"validation_share": 0.005, "schedule": Schedule(100, 4, 64), "log_steps": 100, "validate_steps": 500}
    trained(plan(tmp_path / "killed", resume=True, **same))
    trained(plan(tmp_path / "whole", **same))
    assert_same(tmp_path / "killed", tmp_path / "whole")


def test_two_processes_train_what_one_does(tmp_path: Path) -> None:
    write_family(tmp_path / "family.fasta")
    program = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone"]
    options = ["--steps", "4", "--validation-share", "0.1", "--single"]
    done = subprocess.run(
        [*program, *COMMAND, "family.fasta", *SMALL, *options, "--out", "two"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    trained(plan(tmp_path / "one", schedule=Schedule(4, 4, 64), log_steps=100, validate_steps=500, half=False))
    start, one, two = weights_at_start(), weights(tmp_path / "one"), weights(tmp_path / "two")
    for name in start:
        # Muon turns matrices in bfloat16, which makes much of a rounding; a process unheard would show as 1
        far = 0.15 if ".layer." in name and one[name].ndim == 2 else 0.01
        assert (one[name] - two[name]).norm() <= far * (one[name] - start[name]).norm() + 1e-6, name


def weights_at_start() -> dict[str, torch.Tensor]:
    return WholeModel(build(Shape(2, 32, 2, 64), 0)).state()


def test_the_loss_falls_and_is_told(tmp_path: Path) -> None:
    statuses = []
    facts = train(plan(tmp_path / "run", steps=60), statuses.append)
    assert [status.step for status in statuses] == list(range(1, 61))
    assert facts["losses"][-1][1] < facts["losses"][0][1] - 0.3
    assert facts["files"][0]["validation_perplexity"] < 15
    assert statuses[9].perplexities
    assert statuses[10].perplexities is None


def test_steps_can_be_raised_and_lowered_when_resuming(tmp_path: Path) -> None:
    trained(plan(tmp_path / "run", steps=10))
    longer = plan(tmp_path / "run", steps=20, resume=True)
    assert trained(longer)["steps"] == 20
    assert trained(replace(longer, schedule=Schedule(15, 4, 64, cooling=5)))["steps"] == 20
    steps = [json.loads(line)["step"] for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert steps == [5, 10, 15, 20]


def test_runs_are_not_mixed(tmp_path: Path) -> None:
    trained(plan(tmp_path / "run", steps=3))
    before = weights(tmp_path / "run")
    with pytest.raises(InputError, match=r"holds a run.*--resume"):
        trained(plan(tmp_path / "run", steps=5))
    with pytest.raises(InputError, match="the run began with seed 0, not 1"):
        trained(plan(tmp_path / "run", steps=5, resume=True, seed=1))
    with pytest.raises(InputError, match="shape"):
        trained(plan(tmp_path / "run", steps=5, resume=True, shape=Shape(1, 32, 2, 64)))
    after = weights(tmp_path / "run")
    assert all(torch.equal(before[name], after[name]) for name in before)
