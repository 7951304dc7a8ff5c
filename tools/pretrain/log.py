"""What a run tells while it is under way: a line of JSON now and then."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


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
