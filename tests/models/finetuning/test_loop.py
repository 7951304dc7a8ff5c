"""The fit loop: training, early stopping, minibatches in parts, checkpoints."""

import numpy as np
import pytest
import torch

from activeloop.errors import ModelError
from activeloop.models.finetuning.checkpointer import Checkpointer
from activeloop.models.finetuning.config import Split, TrainingConfig
from activeloop.models.finetuning.loop import Run, train

PLAN = TrainingConfig(epochs=30, minibatch=16, rate=0.1, clip=0.0, weight_decay=0.0)
NO_MEMORY = "[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory: you tried to allocate 9"
HALVES = Split(np.arange(20), np.arange(20, 40))


def test_learns(line, values):
    objective = line()
    trace = train(objective, PLAN, Split.without(40), values, seed=0)
    assert objective.slopes.tolist() == pytest.approx([1.0, -2.0, 0.5], abs=0.05)
    assert trace.steps == trace.best == 90
    assert trace.losses[-1] < 0.01 * trace.losses[0]
    assert trace.cost.cpu_seconds > 0
    assert trace.cost.peak_bytes > 10**6


def test_the_best_state_is_kept(line, values):
    objective, start = line(), [-0.1, 0.2, 0.0]
    objective.load({"slopes": torch.tensor(start)})
    worse = values.copy()
    worse[20:] *= -1
    trace = train(objective, PLAN, HALVES, worse, seed=0)
    assert trace.best == 0
    assert objective.slopes.tolist() == pytest.approx(start)
    assert trace.validation[-1] < -0.9
    assert trace.scores.shape == (len(trace.checked), 20)


def test_patience(line, values):
    plan = TrainingConfig(epochs=30, minibatch=5, rate=0.1, validate_every=1, patience=3)
    trace = train(line(), plan, HALVES, values, seed=0)
    assert trace.steps - trace.best <= 3 * 4 or trace.steps == 120
    assert trace.steps < 120


def test_minibatches_are_every_candidate_once_an_epoch(line, values):
    run = Run(line(), TrainingConfig(minibatch=7), Split.without(40), values, 0)
    seen = []
    for _ in range(run.plan.steps_per_epoch(40)):
        seen += run._minibatch().tolist()
        run.advance()
    assert sorted(seen) == list(range(40))
    assert run.plan.steps_per_epoch(40) == 6


@pytest.mark.parametrize("pairs", [False, True])
@pytest.mark.parametrize(
    "error", [RuntimeError(NO_MEMORY), MemoryError(), torch.OutOfMemoryError("CUDA out of memory.")]
)
def test_without_memory_steps_stay_the_same(line, values, pairs: bool, error: Exception):
    plain, narrow = line(pairs=pairs), line(most=3, pairs=pairs)

    def outputs(which, own=narrow.outputs):
        try:
            return own(which)
        except RuntimeError:
            raise error from None

    narrow.outputs = outputs
    one = train(plain, PLAN, Split.without(40), values, seed=0)
    two = train(narrow, PLAN, Split.without(40), values, seed=0)
    assert (one.together, two.together) == (16, 3)
    np.testing.assert_allclose(one.losses, two.losses, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(plain.slopes.detach(), narrow.slopes.detach(), rtol=1e-4)
    assert max(narrow.sizes[10:]) <= 3


def test_memory_that_really_runs_out(line, values):
    objective = line()

    def outputs(which, own=objective.outputs):
        if len(which) > 4:
            # far more than any machine has: the allocator refuses
            torch.empty(2**60)
        return own(which)

    objective.outputs = outputs
    assert train(objective, PLAN, Split.without(40), values, seed=0).together == 3


def test_one_candidate_must_fit(line, values):
    with pytest.raises(ModelError, match="single candidate does not fit"):
        train(line(most=0, message=NO_MEMORY), PLAN, Split.without(40), values, seed=0)


def test_other_errors_are_not_hidden(line, values):
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        train(line(most=3, message="shapes cannot be multiplied"), PLAN, Split.without(40), values, seed=0)


def test_a_loss_that_is_nan_is_refused(line, values):
    objective = line()
    objective.y[:] = float("nan")
    with pytest.raises(ModelError, match="loss of step 1 is nan"):
        train(objective, PLAN, Split.without(40), values, seed=0)


@pytest.mark.parametrize("stop", [1, 7, 40])
def test_resumes_with_the_same_result(line, values, tmp_path, stop: int):
    whole = line()
    first = train(whole, PLAN, HALVES, values, seed=3)
    checkpointer = Checkpointer(tmp_path / "fit.safetensors", 0.0)
    run = Run(line(), PLAN, HALVES, values, seed=3)
    for _ in range(stop):
        run.advance()
    checkpointer.save(run.state())
    resumed = line()
    second = train(resumed, PLAN, HALVES, values, seed=3, checkpointer=checkpointer)
    assert first.losses.tolist() == second.losses.tolist()
    assert first.validation.tolist() == second.validation.tolist()
    assert (first.best, first.steps) == (second.best, second.steps)
    assert whole.slopes.tolist() == resumed.slopes.tolist()
    # a fit that is done is not done again
    again = line()
    train(again, PLAN, HALVES, values, seed=3, checkpointer=checkpointer)
    assert again.sizes == []
    assert whole.slopes.tolist() == again.slopes.tolist()


def test_a_damaged_checkpoint_is_no_checkpoint(line, values, tmp_path):
    checkpointer = Checkpointer(tmp_path / "fit.safetensors", 0.0)
    checkpointer.file.write_bytes(b"\x10\x00\x00\x00\x00\x00\x00\x00{")
    assert train(line(), PLAN, HALVES, values, seed=3, checkpointer=checkpointer).steps == 60


def test_global_random_numbers_are_left_alone(line, values):
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    train(line(), PLAN, HALVES, values, seed=0)
    assert torch.equal(before, torch.random.get_rng_state())


def test_progress_is_reported(line, values):
    calls = []
    train(line(), PLAN, HALVES, values, seed=0, progress=lambda *call: calls.append(call))
    assert [step for step, _, _ in calls] == list(range(1, 61))
    assert {steps for _, steps, _ in calls} == {60}
