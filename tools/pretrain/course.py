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
from activeloop.foundation.encoder import half_pays
from tools.pretrain.card import export, facts_of
from tools.pretrain.corpus import Part, read_parts
from tools.pretrain.learned import AdaptedModel, Learned, WholeModel, adapted
from tools.pretrain.model import build, quicken
from tools.pretrain.plan import Log, Plan, check_same
from tools.pretrain.processes import Group, joined
from tools.pretrain.training import Run


@dataclass(frozen=True)
class Moment:
    """Where a run stands after a step.

    Args:
        step: finished.
        steps: in all.
        loss: mean in nats a residue since the last line of the log.
        tokens_per_second: over the last line of the log, or since the run went on.
        perplexities: by file, when it was judged just now.
    """

    step: int
    steps: int
    loss: float
    tokens_per_second: float
    perplexities: dict[str, float] | None = None


def carry_out(plan: Plan, report: Callable[[Moment], None], machine: dict[str, str]) -> dict[str, Any]:
    """As `Plan.carry_out`."""
    with joined() as group:
        if plan.schedule.rows < group.size:
            raise InputError(
                f"{plan.schedule.rows} rows cannot be shared by {group.size} processes. Nothing was trained."
            )
        parts = read_parts(plan.sources, plan.validation_share, plan.seed)
        half = half_pays(group.device) if plan.half is None else plan.half
        learned = _learned(plan, group, half)
        run = Run(
            plan.folder,
            learned,
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
        return _finish(plan, run, parts, log, machine) if log is not None else {}


def _learned(plan: Plan, group: Group, half: bool) -> Learned:
    if plan.base is None:
        return WholeModel(quicken(build(plan.shape, plan.seed), group.device, half))
    return adapted(plan.base, plan.rank, plan.seed, group.device, half)


def _begin(plan: Plan, run: Run, parts: list[Part]) -> None:
    """Refuse to mix runs, or go on with the one that is there."""
    if run.path.is_file() and not plan.resume:
        raise InputError(
            "holds a run. Resume it (--resume), or choose another folder; nothing was trained.", file=str(plan.folder)
        )
    if run.group.first:
        check_same(plan.folder / "run.json", plan.settings(parts))
    run.resume()


def _train(plan: Plan, run: Run, parts: list[Part], log: Log | None, report: Callable[[Moment], None]) -> None:
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
                record["val"] = judge(run, parts)
                perplexities = {name: math.exp(loss) for name, loss in record["val"].items()}
            record |= {"sec": round(now - began, 1), "cpu": round(time.process_time() - cpu_began, 1)}
            log.add(record)
            losses, since = [], time.monotonic()
        report(Moment(run.step, plan.schedule.steps, mean, speed, perplexities))
        if now - saved >= plan.save_seconds:
            run.save()
            saved = time.monotonic()


def judge(run: Run, parts: list[Part]) -> dict[str, float]:
    """Loss (nats a residue) on what was held out of each file that has some."""
    judged = [part for part in parts if len(part.held_out)]
    return dict(zip((p.name for p in judged), run.validate([p.held_out for p in judged]), strict=True))


def _finish(plan: Plan, run: Run, parts: list[Part], log: Log, machine: dict[str, str]) -> dict[str, Any]:
    facts = facts_of(plan, run, parts, judge(run, parts), log, machine)
    if isinstance(run.learned, AdaptedModel):
        save_file(run.learned.attached.state(), plan.folder / "adapter.safetensors")
        told = {"base": plan.base, "rank": plan.rank, "alpha": 2 * plan.rank}
        (plan.folder / "adapter.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    if plan.export is not None:
        export(plan.export, run.learned.finished(), facts)
    return facts
