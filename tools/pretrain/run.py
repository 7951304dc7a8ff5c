"""A plan carried out: read, train, save, log, judge, export."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from safetensors.torch import save_file

from activeloop.errors import InputError
from activeloop.foundation.devices import has_bfloat16
from activeloop.models.finetuning.group import Group, joined
from tools.pretrain.card import export, facts_of
from tools.pretrain.corpus import Part, read_parts
from tools.pretrain.model import build, use_fast_attention
from tools.pretrain.plan import Log, Plan, check_same
from tools.pretrain.trainable import AdaptedModel, Trainable, WholeModel, adapted
from tools.pretrain.training import TrainingRun


@dataclass(frozen=True)
class Status:
    """Where a run stands after a step.

    Args:
        step: finished.
        steps: in all.
        loss: mean in nats a residue since the last line of the log.
        tokens_per_second: over the last line of the log, or since the run went on.
        perplexities: by file, when it was validated at this step.
    """

    step: int
    steps: int
    loss: float
    tokens_per_second: float
    perplexities: dict[str, float] | None = None


def train(plan: Plan, report: Callable[[Status], None], machine: dict[str, str] | None = None) -> dict[str, Any]:
    """Train, and export.

    Args:
        plan: what to do.
        report: called after each step.
        machine: what is written down about where it ran.

    Returns:
        The content of training.json; {} in processes other than the first.

    Raises:
        InputError: a file is no FASTA, or the folder holds another run.
        ModelError: the checkpoint is of another model, or the base is not of ESM-2's kind.
    """
    with joined() as group:
        if plan.schedule.rows < group.size:
            raise InputError(
                f"{plan.schedule.rows} rows cannot be shared by {group.size} processes. Nothing was trained."
            )
        parts = read_parts(plan.sources, plan.validation_share, plan.seed)
        half = has_bfloat16(group.device) if plan.half is None else plan.half
        trainable = _learned(plan, group, half)
        run = TrainingRun(
            plan.folder,
            trainable,
            plan.schedule,
            [part.train for part in parts],
            [part.weight for part in parts],
            plan.seed,
            group,
            half,
        )
        _begin(plan, run, parts)
        log = Log(plan.folder / "log.jsonl", run.step) if group.first else None
        try:
            _train(plan, run, parts, log, report)
        finally:
            run.save()
        return _finish(plan, run, parts, log, machine or {}) if log is not None else {}


def _learned(plan: Plan, group: Group, half: bool) -> Trainable:
    if plan.base is None:
        return WholeModel(use_fast_attention(build(plan.shape, plan.seed), group.device, half))
    return adapted(plan.base, plan.rank, plan.seed, group.device, half)


def _begin(plan: Plan, run: TrainingRun, parts: list[Part]) -> None:
    """Refuse to mix runs, or go on with the one that is there."""
    if run.path.is_file() and not plan.resume:
        raise InputError(
            "holds a run. Resume it (--resume), or choose another folder; nothing was trained.", file=str(plan.folder)
        )
    if run.group.first:
        check_same(plan.folder / "run.json", plan.settings(parts))
    run.resume()


def _train(plan: Plan, run: TrainingRun, parts: list[Part], log: Log | None, report: Callable[[Status], None]) -> None:
    began, cpu_began = time.monotonic(), time.process_time()
    saved = since = began
    losses: list[float] = []
    while run.step < plan.schedule.steps:
        losses.append(run.advance())
        now = time.monotonic()
        if log is None:
            continue
        mean = sum(losses) / len(losses)
        speed = len(losses) * plan.schedule.tokens / max(now - since, 1e-9)
        perplexities = None
        last = run.step == plan.schedule.steps
        if run.step % plan.log_steps == 0 or last:
            record: dict[str, Any] = {"step": run.step, "loss": mean, "tokens_per_second": round(speed)}
            if run.step % plan.validate_steps == 0 or last:
                record["val"] = validate(run, parts)
                perplexities = {name: math.exp(loss) for name, loss in record["val"].items()}
            record |= {"sec": round(now - began, 1), "cpu": round(time.process_time() - cpu_began, 1)}
            log.add(record)
            losses, since = [], time.monotonic()
        report(Status(run.step, plan.schedule.steps, mean, speed, perplexities))
        if now - saved >= plan.save_seconds:
            run.save()
            saved = time.monotonic()


def validate(run: TrainingRun, parts: list[Part]) -> dict[str, float]:
    """Loss (nats a residue) on what was held out of each file that has some."""
    validated = [part for part in parts if len(part.held_out)]
    return dict(zip((p.name for p in validated), run.validate([p.held_out for p in validated]), strict=True))


def _finish(plan: Plan, run: TrainingRun, parts: list[Part], log: Log, machine: dict[str, str]) -> dict[str, Any]:
    facts = facts_of(plan, run, parts, validate(run, parts), log, machine)
    if isinstance(run.trainable, AdaptedModel):
        save_file(run.trainable.attached.state(), plan.folder / "adapter.safetensors")
        settings = {"base": plan.base, "rank": plan.rank, "alpha": 2 * plan.rank}
        (plan.folder / "adapter.json").write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
    if plan.export is not None:
        export(plan.export, run.trainable.finished(), facts)
    return facts
