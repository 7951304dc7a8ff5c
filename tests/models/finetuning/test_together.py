"""Two processes train one model: what one process would, up to rounding."""

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from activeloop.adapters import LightPEFT
from activeloop.candidates import Pool
from activeloop.config import open_campaign
from activeloop.errors import ModelError, StateError
from activeloop.foundation import ESM2
from activeloop.measurements import Dataset
from activeloop.models import FineTuner, TrainingConfig
from activeloop.models.finetuning import adapted, loop
from activeloop.models.finetuning.group import Group, joined
from activeloop.models.finetuning.loop import Gradients

PROGRAM = Path(__file__).parent / "together_fit.py"
ROOT = Path(__file__).parents[3]


def results(folder: Path) -> tuple[dict[str, np.ndarray], dict[str, torch.Tensor]]:
    """What was fitted, and what was pretrained."""
    with np.load(folder / "fit.npz") as content:
        return dict(content), load_file(folder / "pretrained/checkpoint.safetensors")


def test_two_processes_give_what_one_does(tiny: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("alone", "both"):
        (tmp_path / name / "cache").mkdir(parents=True)
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    own = {"ACTIVELOOP_CACHE": str(tmp_path / "both/cache"), "OMP_NUM_THREADS": "1", "PYTHONPATH": paths}
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--standalone", str(PROGRAM)]
    both = subprocess.Popen(
        [*command, tiny, str(tmp_path / "both/fit.npz")], env=os.environ | own, stderr=subprocess.PIPE, text=True
    )
    monkeypatch.setenv("ACTIVELOOP_CACHE", str(tmp_path / "alone/cache"))
    monkeypatch.setattr(adapted, "has_bfloat16", lambda device: False)
    runpy.run_path(str(PROGRAM))["main"](tiny, str(tmp_path / "alone/fit.npz"))
    _, said = both.communicate(timeout=300)
    assert both.returncode == 0, said
    (fit, pretrained), (fitted, shared) = results(tmp_path / "alone"), results(tmp_path / "both")
    assert fit.keys() == fitted.keys()
    assert np.allclose(fit["steps"], fitted["steps"], rtol=1e-5)
    assert all(np.allclose(fit[name], fitted[name], 1e-3, 1e-4, equal_nan=True) for name in fit)
    assert not list((tmp_path / "both/cache").rglob("fits/*/*.safetensors"))
    # Muon makes matrices orthogonal in half precision
    assert all(torch.allclose(pretrained[name], shared[name], 1e-3, 1e-2) for name in pretrained)
    logs = [json.loads((tmp_path / name / "pretrained/log.jsonl").read_text()) for name in ("alone", "both")]
    assert logs[0]["val"]["family.fasta"] == pytest.approx(logs[1]["val"]["family.fasta"], rel=1e-4)


@pytest.mark.slow
def test_a_command_that_is_killed_goes_on(tiny: str, tmp_path: Path, typed, monkeypatch: pytest.MonkeyPatch):
    """As docs/how-to/cluster.md types it; the first process, which writes, is the one that dies."""
    alone, both, table, steps = (tmp_path / name for name in ("alone", "both", "table.csv", "steps.txt"))
    assert typed("new", alone, "--assay", "kcat", "--wild-type", "MKTAYIAKQR", "--singles")[0] == 0
    options = f'options = {{model = "{tiny}", last_layers = 2, epochs = 1, minibatch = 8, prior = false}}'
    config = (alone / "campaign.toml").read_text()
    config = re.sub(r'(?<=\[learner\]\n)name = "\S+"', f'name = "fine-tuned"\n{options}', config)
    (alone / "campaign.toml").write_text(config)
    rows = [f"{w}{i}{to},{(i * 7 + ord(to)) % 11}" for i, w in enumerate("KTAYIAKQR", 2) for to in "GDE" if to != w]
    table.write_text("\n".join(["variant,kcat", *rows]))
    assert typed("record", alone, table)[0] == 0
    shutil.copytree(alone, both)
    (tmp_path / "cache").mkdir()
    own = {"ACTIVELOOP_CACHE": str(tmp_path / "cache"), "OMP_NUM_THREADS": "1"}
    own["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] = "1"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += ["--max-restarts", "1", "--no-python", sys.executable, str(PROGRAM.with_name("together_command.py"))]
    with subprocess.Popen(
        [*command, str(steps), "2", "fit", str(both)],
        env=os.environ | own,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        monkeypatch.setattr(adapted, "has_bfloat16", lambda device="cpu": False)
        assert typed("fit", alone)[0] == 0
        said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert said.count("Fitted version 1") == 1
    done = [tuple(map(int, line.split())) for line in steps.read_text().splitlines()]
    first, again = ([step for attempt, step, _ in done if attempt == which] for which in (0, 1))
    assert first == [1, 2]
    assert again[: done[0][2] - again[0] + 1] == list(range(again[0], done[0][2] + 1))
    assert again[0] in (2, 3)
    loops = [open_campaign(folder) for folder in (alone, both)]
    assert [len(loop.campaign.state().versions) for loop in loops] == [1, 1]
    one, two = (loop.campaign.predict(range(0, 190, 7)) for loop in loops)
    assert np.allclose(one.mean, two.mean, atol=1e-3 * one.sd.mean())
    assert np.allclose(one.sd, two.sd, rtol=1e-3)


@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize("size", [2, 3, 5])
def test_parts_of_processes_make_the_gradient_of_the_whole(line, monkeypatch, size, pairs):
    """All processes of a group one after the other; 4 candidates for 5 processes leave one without any."""
    which = np.array([3, 1, 4, 15])
    whole = line(pairs=pairs)
    loss = Gradients(100)(whole, which, 0)
    parts = Group(0, size).parts(which)
    outputs = [line(pairs=pairs).outputs(part).detach() for part in parts]
    total = torch.zeros(3)
    monkeypatch.setattr(Group, "sum_gradients", lambda *_: None)
    monkeypatch.setattr(Group, "gathered", lambda *_: torch.cat(outputs))
    for rank in range(size):
        own = line(pairs=pairs)
        assert Gradients(100, Group(rank, size))(own, which, 0) == pytest.approx(loss)
        total += torch.zeros(3) if own.slopes.grad is None else own.slopes.grad
    assert torch.allclose(total, whole.slopes.grad, 1e-5)


def test_a_process_whose_memory_runs_out_computes_its_part_in_pieces(line, monkeypatch):
    message = "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
    which, whole, tight = np.arange(10), line(), line(most=2, message=message)
    Gradients(100)(whole, which, 0)
    outputs = [line().outputs(part).detach() for part in Group(0, 2).parts(which)]
    monkeypatch.setattr(Group, "sum_gradients", lambda *_: None)
    monkeypatch.setattr(Group, "gathered", lambda *_: torch.cat(outputs))
    gradients = Gradients(100, Group(0, 2))
    gradients(tight, which, 0)
    other = line()
    Gradients(100, Group(1, 2))(other, which, 0)
    assert gradients.together == 2
    assert torch.allclose(tight.slopes.grad + other.slopes.grad, whole.slopes.grad, 1e-5)


def test_a_restart_that_would_find_the_dead_is_refused(monkeypatch):
    for name, value in (("WORLD_SIZE", "2"), ("TORCHELASTIC_USE_AGENT_STORE", "True")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    with pytest.raises(StateError, match="The last checkpoint is kept"), joined():
        pass


def test_an_adapter_that_decides_by_what_it_observes_is_refused(tiny, monkeypatch):
    monkeypatch.setattr(loop.Group, "current", classmethod(lambda cls: cls(0, 2)))
    pool = Pool.single_mutants("MKTAYIAKQR")
    data = Dataset.of(pool, np.arange(20), np.arange(20.0))
    learner = FineTuner(ESM2(tiny), LightPEFT(rank=4), plan=TrainingConfig(epochs=1))
    with pytest.raises(ModelError, match="train it in one"):
        learner.fit(data, 0)
