"""How quick and how small a student's file is: beside its teacher's in ONNX Runtime, and as a program of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from activeloop.candidates import Pool
from activeloop.errors import ModelError
from activeloop.files import csv_text, write_whole
from activeloop.foundation import ESM2
from activeloop.foundation.architectures import EsmEncoder
from activeloop.foundation.devices import attention_as, faster_attention
from activeloop.foundation.encoder import TransformerEncoder
from activeloop.prediction import mean_of
from activeloop.replay.metrics import spearman
from activeloop.students.distil.export import to_onnx
from activeloop.students.runtime.onnx import INPUT, OnnxRunner, new_session
from activeloop.students.runtime.student import Student
from benchmarks.results import Table, markdown_table, median_range, section
from benchmarks.students_teachers import (
    Arm,
    Split,
    distiller_of,
    find_task,
    labelled_data,
    landscape_of_task,
    split,
    teacher_of,
)

#: how far the file may be from the model, in its own unit
NEAR = 1e-3
OUTPUT = "features"


class Pass(nn.Module):
    """Tokens of one length through all layers, and their mean: the `embedding-gp` teacher without its head.

    Args:
        encoder: whose layers they are.
    """

    def __init__(self, encoder: EsmEncoder):
        super().__init__()
        self.encoder = encoder

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """[N, D] of int32 tokens [N, T] without padding."""
        return all_real(self.encoder, tokens.long()).mean(1)


def all_real(encoder: TransformerEncoder, ids: torch.Tensor) -> torch.Tensor:
    """[N, T, D] finished hidden states of an ESM encoder, of int64 ids [N, T] without padding.

    The encoder itself would look at the numbers to find out that nothing is padding, which a graph cannot.
    """
    hidden = encoder.embed(ids, torch.ones_like(ids))
    rotary: Any = encoder.model.esm.rotary_embeddings
    place = torch.arange(ids.shape[1])[None]
    context = (None, None if rotary is None else rotary(hidden, place))
    for index in range(len(encoder.layers)):
        hidden = encoder.layer(index, hidden, context)
    return encoder.finish(hidden)


def write_teacher(path: Path, tokens: np.ndarray) -> OnnxRunner:
    """Write the foundation model that ships with the package, and open it on one thread.

    Args:
        path: of the file.
        tokens: int32 [N, T] that it is tried on; N and T above 1.

    Raises:
        ModelError: the file does not say what the model says.
    """
    encoder = ESM2().feature_encoder()
    if not isinstance(encoder, EsmEncoder):
        raise ModelError(f"a {type(encoder).__name__} cannot be written. Nothing was timed.")
    module, example = Pass(encoder).eval(), torch.from_numpy(np.ascontiguousarray(tokens, np.int32))
    with torch.inference_mode(), attention_as(encoder, faster_attention(encoder.heads, tokens.shape[1], half=False)):
        said = module(example).numpy()
    with attention_as(encoder, "eager"):
        content = to_onnx(module, example, (OUTPUT,)).SerializeToString()
    write_whole(path, content)
    runner = OnnxRunner(new_session(content, 1))
    (found,) = runner.session.run([OUTPUT], {INPUT: tokens})
    apart = float(np.abs(found - said).max())
    if apart > NEAR * max(1.0, float(np.abs(said).max())):
        raise ModelError(f"the teacher's file differs from the teacher by {apart:.2g}. Nothing was timed.")
    return runner


def teacher_tokens(pool: Pool, rows: np.ndarray) -> np.ndarray:
    """Int32 [N, T] of rows as the foundation model reads them; all of one length."""
    return ESM2().tokens(pool, rows).ids.astype(np.int32)


#: labels and seed of their teachers; candidates in a call; calls of each, in turns
LABELS, SEED, TOGETHER, TURNS = 192, 0, (1, 32), 30
#: candidates in the table of the program that is timed, and how often it is started
ASKED, STARTS = 32, 7
#: what each way to start a student's program is called, and what follows `python`
PROGRAMS = {
    "python -m activeloop.students.runtime.edge": ("-m", "activeloop.students.runtime.edge"),
    "activeloop predict --student": ("-c", "from activeloop.cli import main; main()", "predict", "--student"),
}
#: required: times quicker at one candidate; share of the file; Spearman; megabytes; seconds
QUICKER, SHARE, ALIKE, MOST_MB, MOST_S = 20, 0.3, 0.99, 100, 0.5


@dataclass(frozen=True)
class Timed:
    """Milliseconds a call, in the order of the turns.

    Args:
        together: candidates in a call.
        teacher, student: of those, in turns.
    """

    together: int
    teacher: tuple[float, ...]
    student: tuple[float, ...]

    @property
    def quicker(self) -> tuple[float, float, float]:
        """How many times quicker the student is: median, least and most over turns."""
        ratios = np.array(self.teacher) / np.array(self.student)
        return float(np.median(ratios)), float(ratios.min()), float(ratios.max())


@dataclass(frozen=True)
class Started:
    """A program that predicts a small table, from its start to its end.

    Args:
        name: of `PROGRAMS`.
        seconds: of every start but the first, which reads the disk.
        peak_mb: the most memory it held, in megabytes.
    """

    name: str
    seconds: tuple[float, ...]
    peak_mb: float


@dataclass(frozen=True)
class Latency:
    """One task's student.

    Args:
        task: name of the set.
        residues: of the longest candidate.
        timed: for each number of candidates in a call.
        teacher_kb, student_kb, int8_kb: sizes of the files.
        int8_alike: Spearman of the means of the 8-bit file with the other's, on held-out candidates.
        programs: that run the student's file.
    """

    task: str
    residues: int
    timed: tuple[Timed, ...]
    teacher_kb: float
    student_kb: float
    int8_kb: float
    int8_alike: float
    programs: tuple[Started, ...]

    @classmethod
    def read(cls, text: str) -> Latency:
        """From JSON."""
        kept = json.loads(text)
        timed = tuple(Timed(t["together"], tuple(t["teacher"]), tuple(t["student"])) for t in kept["timed"])
        programs = tuple(Started(p["name"], tuple(p["seconds"]), p["peak_mb"]) for p in kept["programs"])
        return cls(**{**kept, "timed": timed, "programs": programs})


def measured_latency(
    tasks: Sequence[str], folder: Path, finished: Callable[[str], None], teacher: str = "embedding-gp"
) -> list[Latency]:
    """Of each task that the folder does not hold yet; nothing else should run meanwhile.

    Args:
        tasks: names of sets; proteins.
        folder: a JSON file is kept here for each.
        finished: called with every task that is done.
        teacher: name of an arm with a foundation model.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for task in tasks:
        path = folder / f"latency+{task}.json"
        if not path.exists():
            write_whole(path, json.dumps(asdict(_measured(task, teacher))) + "\n")
        found.append(Latency.read(path.read_text("utf-8")))
        finished(task)
    return found


def _measured(task: str, arm: str) -> Latency:
    from activeloop.students.distil.export import export

    landscape = landscape_of_task(find_task(task))
    parts = split(len(landscape), LABELS, SEED)
    data = labelled_data(landscape, parts.labelled)
    learner = teacher_of(Arm(arm), landscape)
    if learner is None:
        raise ModelError(f"{task}: no teacher with a foundation model reads it. Nothing was timed.")
    teacher = learner.fit(data, SEED)
    student = distiller_of(Arm(arm), landscape.pool).distil(teacher, data, SEED, exclude=parts.held_out)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        file, small = export(student, folder / "student.onnx"), export(student, folder / "int8.onnx", int8=True)
        large = folder / "teacher.onnx"
        ask_teacher = _teacher_asking(large, landscape.pool, parts.held_out)
        opened = Student.open(file)
        timed = [in_turns(n, ask_teacher, _asking(opened, landscape.pool), parts.held_out) for n in TOGETHER]
        table = _table(folder / "variants.csv", landscape.pool, parts)
        programs = tuple(started(name, file, table) for name in PROGRAMS)
        alike = spearman(*(mean_of(s, landscape.pool, parts.held_out)[:, -1] for s in (Student.open(small), opened)))
        large_kb, file_kb, small_kb = (os.path.getsize(path) / 1000 for path in (large, file, small))
    reading = student.card.tokenizer
    return Latency(
        task, max(reading.width, len(reading.parent)), tuple(timed), large_kb, file_kb, small_kb, alike, programs
    )


#: of rows: a call about them; reading them comes before it and is not timed
Ask = Callable[[np.ndarray], Callable[[], object]]


def _asking(student: Student, pool: Pool) -> Ask:
    """Mean and standard deviation by the student's file."""
    from activeloop.students.runtime.onnx import OnnxRunner

    runner, reading = student.runner, student.card.tokenizer
    assert isinstance(runner, OnnxRunner)

    def ask(rows: np.ndarray) -> Callable[[], object]:
        tokens = reading.tokens(pool, rows)
        return lambda: runner.run(tokens, ("mean", "sd"))

    return ask


def _teacher_asking(path: Path, pool: Pool, rows: np.ndarray) -> Ask:
    """Hidden states by the foundation model's file, which is written here; the small head behind them is left out."""
    from activeloop.students.runtime.onnx import INPUT

    session = write_teacher(path, teacher_tokens(pool, rows[:4])).session

    def ask(rows: np.ndarray) -> Callable[[], object]:
        tokens = teacher_tokens(pool, rows)
        return lambda: session.run([OUTPUT], {INPUT: tokens})

    return ask


def in_turns(together: int, teacher: Ask, student: Ask, rows: np.ndarray, turns: int = TURNS) -> Timed:
    """Calls of both, one after the other, on the same candidates; the first turn warms up and is not counted.

    >>> timed = in_turns(2, lambda rows: lambda: sum(range(20_000)), lambda rows: lambda: None, np.arange(4), turns=3)
    >>> timed.together, len(timed.teacher), timed.quicker[0] > 1
    (2, 3, True)
    """
    times: tuple[list[float], list[float]] = ([], [])
    some = np.resize(rows, together)
    calls = teacher(some), student(some)
    for turn in range(turns + 1):
        for call, kept in zip(calls, times, strict=True):
            clock = time.perf_counter()
            call()
            if turn:
                kept.append(1000 * (time.perf_counter() - clock))
    return Timed(together, tuple(times[0]), tuple(times[1]))


def _table(path: Path, pool: Pool, parts: Split) -> Path:
    names = pool.names(parts.held_out[:ASKED])
    path.write_text(csv_text(("variant",), [(name,) for name in names]), "utf-8")
    return path


def started(name: str, file: Path, table: Path, starts: int = STARTS) -> Started:
    """Start a program that predicts a table, several times.

    Args:
        name: one of `PROGRAMS`.
        file: of the student.
        table: of candidates.
        starts: how often.

    Raises:
        ModelError: it failed; with its last words.
    """
    runs = [_run([sys.executable, *PROGRAMS[name], str(file), str(table)]) for _ in range(starts + 1)]
    return Started(name, tuple(seconds for seconds, _ in runs[1:]), max(peak for _, peak in runs))


def _run(command: Sequence[str]) -> tuple[float, float]:
    """Seconds from start to end, and megabytes at the most, of a program alone."""
    from benchmarks import students_alone

    asked = [sys.executable, "-I", students_alone.__file__, *command]
    done = subprocess.run(asked, capture_output=True, text=True, check=True)
    seconds, kilobytes, status = json.loads(done.stdout)
    if status:
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        raise ModelError(f"{' '.join(command)} ended with {status} ({last}). Nothing was timed.")
    return seconds, kilobytes * 1024 / 1e6


def latency_sections(found: Sequence[Latency]) -> list[str]:
    """The tables of the page; nothing when nothing was timed."""
    if not found:
        return []
    speed = [
        [
            f"{one.task}, {one.residues} residues, {t.together} together",
            *map(median_range, (t.teacher, t.student)),
            *_quicker(t),
        ]
        for one in found
        for t in one.timed
    ]
    sizes = [
        [
            one.task,
            *(f"{size:,.0f}" for size in (one.teacher_kb, one.student_kb, one.int8_kb)),
            f"{one.int8_kb / one.student_kb:.3f}",
            f"{one.int8_alike:.4f}",
        ]
        for one in found
    ]
    starts = [
        [f"{one.task}, `{p.name}`", median_range(p.seconds), f"{p.peak_mb:.0f}"] for one in found for p in one.programs
    ]
    told = (
        f"Both files in ONNX Runtime, one thread, {TURNS} calls of each in turns: median (range). Of the teacher the "
        "foundation model alone is timed, in single precision and without its head."
    )
    small = f"Required: at most {SHARE:g} of the file, a Spearman of at least {ALIKE:g}."
    edge = (
        f"A program that is started, reads a table of {ASKED} candidates, predicts and ends, {STARTS} times after a "
        f"first one. Required: at most {MOST_S:g} s and {MOST_MB} MB."
    )
    header = ["", "teacher, ms", "student, ms", "times quicker", "required"]
    sizes_header = ["kB", "teacher", "student", "int8", "int8 / student", "Spearman of int8"]
    return [
        section("How quick is it?", told, markdown_table(header, speed)),
        section("How small is it?", markdown_table(sizes_header, sizes), small),
        section("As a program", edge, markdown_table(["", "seconds", "MB at most"], starts)),
    ]


def _quicker(timed: Timed) -> tuple[str, str]:
    """How many times quicker, and what was required."""
    median, least, most = timed.quicker
    return f"{median:.3g} ({least:.3g} to {most:.3g})", str(QUICKER) if timed.together == 1 else ""


def latency_table(found: Sequence[Latency]) -> Table:
    """Columns, and a row for each call."""
    lines = [
        (one.task, one.residues, t.together, who, turn, f"{ms:.5g}")
        for one in found
        for t in one.timed
        for who, times in (("teacher", t.teacher), ("student", t.student))
        for turn, ms in enumerate(times)
    ]
    return ("task", "residues", "together", "who", "turn", "ms"), lines
