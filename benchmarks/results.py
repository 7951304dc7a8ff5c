"""What a suite leaves under docs/results: tables as CSV, pictures, a page and machine.json, written in one place.

A suite says its question, how it was measured, its tables and the sections of its page; `Result.write` does the rest.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

import activeloop
from activeloop.executor import run_tasks
from activeloop.files import csv_text, write_whole
from activeloop.replay.machine import describe_machine
from activeloop.replay.metrics import mean_and_error

#: parts of the package that decide and learn, without torch
LIGHT = ("acquisition", "encoders", "models", "priors", "prediction.py")
#: parts within these that count only where they are named
APART = ("models/doctor", "models/finetuning", "models/heads")
#: with foundation models
HEAVY = (*LIGHT, "adapters", "foundation", "models/finetuning", "models/heads")
#: beginnings of names of learners and policies that need no foundation model
_PLAIN = ("default", "random", "full", "alde", "evolvepro", "forest", "library-", "mutations-", "process-onehot")


def parts_of(learners: Iterable[str]) -> tuple[str, ...]:
    """The parts whose code may change what these learners, or policies, show.

    >>> parts_of(["default", "forest"]) == LIGHT, parts_of(["default", "plm-prior:default"]) == HEAVY
    (True, True)
    """
    return LIGHT if all(name.startswith(_PLAIN) for name in learners) else HEAVY


#: columns and rows of a CSV file
Table = tuple[Sequence[str], Iterable[Sequence[object]]]


@dataclass(frozen=True)
class Result:
    """What a suite found.

    Args:
        question: the title of the page.
        how: what was measured, in one paragraph.
        sections: of the page; empty ones are left out.
        tables: name of a CSV file -> its columns and rows.
        pictures: name of a file -> its content.
        parts: of the package, those whose code may change the figures.
    """

    question: str
    how: str
    sections: Sequence[str]
    tables: Mapping[str, Table] = field(default_factory=dict)
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    parts: Sequence[str] = LIGHT

    def write(self, folder: Path, command: str, machine: Mapping[str, str] | None = None) -> None:
        """NAME.csv of each table, the pictures, README.md and machine.json, each whole.

        Args:
            folder: of the suite's results; made when it does not exist.
            command: that makes these results again.
            machine: on which they were made; None = this one, now.

        Raises:
            StoreError: a file cannot be written.
        """
        if machine is None:
            machine = describe_machine() | {"code": code_of(tuple(self.parts)), "parts": " ".join(self.parts)}
        folder.mkdir(parents=True, exist_ok=True)
        for name, (columns, rows) in self.tables.items():
            write_whole(folder / f"{name}.csv", csv_text(columns, rows))
        for name, content in self.pictures.items():
            write_whole(folder / name, content)
        made = "; ".join(f"{name} {value}" for name, value in machine.items() if name != "parts")
        parts = [f"# {self.question}", self.how, *filter(None, self.sections), f"Made by `{command}` on: {made}."]
        write_whole(folder / "README.md", with_age("\n\n".join(filter(None, parts)) + "\n", machine))
        write_whole(folder / "machine.json", json.dumps(machine, indent=1) + "\n")


OLDER = "*Made with another version of the code*"


@lru_cache
def code_of(parts: tuple[str, ...]) -> str:
    """A digest of the code of some parts, 12 hexadecimal digits; another one means that figures may have changed.

    Comments, docstrings and the layout of the code do not count, nor do the parts of `APART` that are not named.
    """
    package, digest = Path(activeloop.__file__).parent, hashlib.sha256()
    files = {
        path for part in parts for path in ((package / part).rglob("*.py") if "." not in part else [package / part])
    }
    for path in sorted(files):
        name = path.relative_to(package).as_posix()
        if all(apart in parts or not name.startswith(f"{apart}/") for apart in APART):
            digest.update(f"{name}\n{code_alone(path.read_text('utf-8'))}\n".encode())
    return digest.hexdigest()[:12]


def code_alone(text: str) -> str:
    r"""Python without comments, docstrings and its layout.

    >>> code_alone("def f(x):\n    'Doubles.'\n\n    return (2 *\n  x)  # twice\n")
    'def f(x):\n    return 2 * x'
    """
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(body := getattr(node, "body", None), list):
            node.body = [one for one in body if not _is_text(one)] or [ast.Pass()]  # type: ignore[attr-defined]
    return ast.unparse(tree)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def with_age(page: str, machine: Mapping[str, str]) -> str:
    r"""A page that says below its title where the code that it measures is not the one it was made with.

    Args:
        page: its text, with or without such a note.
        machine: content of machine.json; of pages that do not name their code it is not known to be this one.

    >>> old = with_age("# Cost\n\nLittle.\n", {"date": "2026-11-22T16:05:44+00:00"})
    >>> old.splitlines()[2]
    '*Made with another version of the code* on 2026-11-22; figures may be others now.'
    >>> with_age(old, {"code": code_of(LIGHT), "parts": " ".join(LIGHT)})
    '# Cost\n\nLittle.\n'
    """
    parts = [part for part in page.split("\n\n") if not part.startswith((OLDER, "*Older than the code.*"))]
    measured = tuple(machine.get("parts", "").split())
    if not measured or machine.get("code") != code_of(measured):
        parts.insert(1, f"{OLDER} on {machine.get('date', '')[:10]}; figures may be others now.")
    return "\n\n".join(parts)


def section(title: str, *parts: str) -> str:
    r"""A section of a page: a title and what stands below it; "" when there is nothing.

    >>> section("Cost", "", "Little."), section("Cost", "")
    ('## Cost\n\nLittle.', '')
    """
    told = [part for part in parts if part]
    return "\n\n".join([f"## {title}", *told]) if told else ""


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table, the first column to the left, the others to the right; "" without rows.

    >>> print(markdown_table(["a", "b"], [["x", "1"]]))
    | a | b |
    |---|---:|
    | x | 1 |
    """
    text = [f"| {' | '.join(line)} |" for line in (header, *rows)]
    return "\n".join([text[0], "|---|" + "---:|" * (len(header) - 1), *text[1:]]) if rows else ""


def crossed(cells: Mapping[tuple[str, str], str], corner: str = "") -> str:
    """A table of cells by (row, column), both in the order in which they come; a missing cell is empty.

    >>> print(crossed({("a", "x"): "1", ("b", "y"): "2"}))
    |  | x | y |
    |---|---:|---:|
    | a | 1 |  |
    | b |  | 2 |
    """
    rows, columns = (list(dict.fromkeys(key[k] for key in cells)) for k in (0, 1))
    return markdown_table([corner, *columns], [[row, *(cells.get((row, c), "") for c in columns)] for row in rows])


def plus_minus(mean: float, error: float, digits: int = 3) -> str:
    """A mean and its standard error, which is left out when it is not known.

    >>> plus_minus(0.51234, 0.0123), plus_minus(1.0, float("nan"))
    ('0.512 ± 0.012', '1')
    """
    return f"{mean:.{digits}g}" + ("" if np.isnan(error) else f" ± {error:.2g}")


def mean_se(values: Iterable[float], digits: int = 3) -> str:
    """Mean and standard error of some values.

    >>> mean_se([1.0, 3.0])
    '2 ± 1'
    """
    return plus_minus(*mean_and_error(np.array(list(values), float)), digits)


def median_range(values: Iterable[float], digits: int = 3) -> str:
    """Median and range of some values.

    >>> median_range([1.0, 2.0, 4.0])
    '2 (1 to 4)'
    """
    some = list(values)
    return f"{np.median(some):.{digits}g} ({min(some):.{digits}g} to {max(some):.{digits}g})"


def of_seeds(seeds: int) -> str:
    """How many seeds there were, and of one what that means.

    >>> of_seeds(10)
    '10 seeds'
    """
    return f"{seeds} seeds" if seeds != 1 else "1 seed, so differences on a single set may be chance"


def not_done(title: str, reasons: Iterable[str]) -> str:
    """A section of what could not be computed, each reason once; "" when everything was."""
    return section(title, "\n".join(sorted({f"- {reason}" for reason in reasons})))


class Task(Protocol):
    """Something to compute; what came of it is kept in a file of this name."""

    @property
    def file(self) -> str:
        """Name of a JSON file."""
        ...


T = TypeVar("T", bound=Task)
R = TypeVar("R")


def as_json(result: Any) -> str:
    """A dataclass, or a list of them, as JSON."""
    return json.dumps([asdict(one) for one in result] if isinstance(result, list) else asdict(result))


def run_kept(
    tasks: Sequence[T],
    work: Callable[[T], R | str],
    folder: Path,
    read: Callable[[str], R],
    jobs: int = 1,
    finished: Callable[[T], None] | None = None,
    write: Callable[[R], str] = as_json,
) -> tuple[dict[T, R], dict[T, str]]:
    """Compute every task whose result the folder does not hold yet.

    Args:
        tasks: what to do.
        work: a function of a module; a task that cannot be done gives its reason, "" when it does not apply.
        folder: a JSON file is kept here for each finished task, so that a stopped suite goes on.
        read: from the text of a file to a result.
        jobs: processes, each on one thread.
        finished: called with every task that is done, those kept before included.
        write: from a result to the text of a file.

    Returns:
        Results in the order of tasks, and why others have none; tasks that do not apply are in neither.
    """
    folder.mkdir(parents=True, exist_ok=True)
    done: dict[T, R] = {}
    failures: dict[T, str] = {}
    report = finished or (lambda task: None)
    for task in tasks:
        if (folder / task.file).exists():
            done[task] = read((folder / task.file).read_text("utf-8"))
            report(task)
    for task, result in run_tasks([task for task in tasks if task not in done], work, jobs):
        if not isinstance(result, str):
            done[task] = result
            write_whole(folder / task.file, write(result) + "\n")
        elif result:
            failures[task] = result
        report(task)
    return {task: done[task] for task in tasks if task in done}, failures
