"""What `python -m tools.pretrain` is asked to do."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from activeloop.errors import InputError
from tools.pretrain.corpus import Part, Source
from tools.pretrain.model import Shape
from tools.pretrain.trainable import Schedule


class Log:
    """The file log.jsonl of a run.

    Args:
        path: of the file.
        step: at which the run goes on; what was logged beyond it is dropped, for it will happen again.
    """

    def __init__(self, path: Path, step: int):
        self.path = path
        self.records = [record for record in _read(path) if record["step"] <= step]
        new = path.with_suffix(".new")
        new.write_text("".join(f"{json.dumps(record)}\n" for record in self.records), encoding="utf-8")
        new.replace(path)

    def add(self, record: dict[str, Any]) -> None:
        """Write a record down."""
        self.records.append(record)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(record)}\n")

    def spent(self, what: str) -> float:
        """Seconds over the whole run; `what` counts from zero each time that it goes on."""
        total = before = 0.0
        for record in self.records:
            now = record.get(what, before)
            total += now - before if now >= before else now
            before = now
        return total


def _read(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    records = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError:
            break  # the last line was cut short when the run was killed
    return records


@dataclass(frozen=True)
class Plan:
    """A training run and what becomes of it.

    Args:
        sources: FASTA files and their weights.
        folder: of checkpoint and log.
        schedule: how long and how fast.
        shape: of the new model; not used with a base.
        seed: of weights, rows and masks.
        validation_share: of the sequences that are held out.
        base: hub id or folder of a model that is trained on with LoRA; a new model when None.
        rank: of LoRA.
        resume: go on with the run in the folder.
        export: where the finished model is written; nowhere when None.
        half: bfloat16 where it is safe; None: where the processor or graphics card is quicker with it.
        licence: what the weights may be used for, as it is written beside them.
        save_seconds: between two checkpoints.
        log_steps: between two lines of the log.
        validate_steps: between two validations.
    """

    sources: tuple[Source, ...]
    folder: Path
    schedule: Schedule
    shape: Shape = field(default_factory=Shape)
    seed: int = 0
    validation_share: float = 0.005
    base: str | None = None
    rank: int = 8
    resume: bool = False
    export: Path | None = None
    half: bool | None = None
    licence: str = "not stated"
    save_seconds: float = 120.0
    log_steps: int = 100
    validate_steps: int = 500

    def __post_init__(self):
        if not 0 <= self.validation_share < 1:
            raise InputError(f"A share of {self.validation_share:g} cannot be held out. Nothing was trained.")
        if self.schedule.steps < 1 or self.schedule.rows < 1 or self.schedule.width < 3:
            raise InputError("Steps and rows must be at least 1, and a row at least 3 tokens. Nothing was trained.")

    def settings(self, parts: list[Part]) -> dict[str, Any]:
        """What must be the same when the run goes on; steps and cooling may change."""
        return {
            "shape": None if self.base else asdict(self.shape),
            "base": self.base,
            "rank": self.rank if self.base else None,
            "rows": self.schedule.rows,
            "context": self.schedule.width,
            "seed": self.seed,
            "validation_share": self.validation_share,
            "files": [part.facts() for part in parts],
        }


def check_same(path: Path, settings: dict[str, Any]) -> None:
    """Compare settings with those that a run began with; write them down when it has none.

    Raises:
        InputError: they differ; names the first one that does.
    """
    if not path.is_file():
        path.write_text(json.dumps(settings, indent=1) + "\n", encoding="utf-8")
        return
    for name, value in json.loads(path.read_text(encoding="utf-8")).items():
        if value != settings.get(name):
            problem = (
                f"the run began with {name} {value}, not {settings.get(name)}. Choose another folder for another run"
            )
            raise InputError(f"{problem}; nothing was trained.", file=str(path))
