"""Vendors' files through allotropy, which lives in an environment of its own: it pins what ours does not."""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from activeloop.errors import InputError, MeasurementError, StoreError
from activeloop.instruments.readings import InstrumentFile, Reader, readings_of
from activeloop.tables.reading import read_file

#: the release whose files were checked; MIT licence
VERSION = "0.1.150"
#: environment variable: the folder in which reader environments are kept
VARIABLE = "ACTIVELOOP_READERS"
PROCESS = Path(__file__).with_name("allotropy_process.py")
SECONDS = 120.0
UNKNOWN = "it looks like a file of no instrument that is known"
INSTALL = "`activeloop readers install allotropy` installs it, in an environment of its own."


def environment() -> Path:
    """Where allotropy is installed: below `ACTIVELOOP_READERS`, or the user's data folder."""
    root = os.environ.get(VARIABLE) or Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share")
    return (Path(root) if os.environ.get(VARIABLE) else Path(root) / "activeloop" / "readers") / "allotropy"


def interpreter(folder: Path) -> Path:
    """The Python of an environment."""
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def install(folder: Path | None = None, index: Sequence[str] = ()) -> Path:
    """Make the environment anew, and install allotropy in it.

    Args:
        folder: of the environment; `environment()` when None.
        index: further arguments of pip.

    Raises:
        StoreError: it cannot be made or filled; nothing half made is left.
    """
    folder = folder or environment()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _run([sys.executable, "-m", "venv", "--clear", str(folder)])
        _run([str(interpreter(folder)), "-m", "pip", "install", "--quiet", *index, f"allotropy=={VERSION}"])
    except (OSError, StoreError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise StoreError(f"allotropy is not installed in {folder}: {error} The same command tries it again.") from error
    return folder


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["without a word"]
        raise StoreError(f"`{' '.join(command[1:])}` failed: {said[0]}.")


@dataclass
class AllotropyReader(Reader):
    """Files of the instruments that allotropy knows, read by one process that stays warm.

    A file is offered to every parser that may know it; where several read it and disagree, it is refused with their
    names. Use it in a `with` block, or call `close`.

    Args:
        folder: the environment; `environment()` when None.
        seconds: that one file may take.
        mebibytes: of memory that its process may take.
    """

    folder: Path | None = None
    seconds: float = SECONDS
    mebibytes: int = 2048
    name: str = "allotropy"
    _process: subprocess.Popen[str] | None = field(default=None, init=False, repr=False)
    _answers: queue.SimpleQueue[str] = field(default_factory=queue.SimpleQueue, init=False, repr=False)
    _listener: threading.Thread = field(default_factory=threading.Thread, init=False, repr=False)

    def __enter__(self) -> AllotropyReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def installed(self) -> bool:
        """Whether its environment is there."""
        return interpreter(self.folder or environment()).is_file()

    def close(self) -> None:
        """End its process."""
        if self._process:
            self._process.kill()
            with self._process:  # closes its pipes and waits for it
                self._listener.join()
            self._process = None

    def software(self) -> dict[str, str]:
        """Names of the software whose files it reads, for `read` -> as people call it."""
        return self._ask({"list": True})["software"]

    def read(self, path: Path, software: str = "") -> InstrumentFile:
        """All of a file; see `Reader.read`."""
        path = Path(path)
        digest = read_file(path, MeasurementError)[1]
        answer = self._ask({"path": str(path.absolute()), "software": software.upper()}, str(path))
        found: dict[str, Any] = answer["read"]
        if not found:
            raise MeasurementError(_refusal(answer["failed"], software), file=str(path))
        files = {name: readings_of(document, str(path), digest) for name, document in found.items()}
        distinct = {}
        for name, file in files.items():
            distinct.setdefault(_content(file), []).append(name)
        if len(distinct) > 1:
            raise MeasurementError(_several(files), file=str(path))
        return next(iter(files.values()))

    def _ask(self, question: dict[str, Any], file: str | None = None) -> dict[str, Any]:
        process = self._started()
        assert process.stdin is not None  # a pipe
        try:
            process.stdin.write(json.dumps(question) + "\n")
            process.stdin.flush()
            line = self._answers.get(timeout=self.seconds)
        except (queue.Empty, OSError):
            line = ""
        if not line:
            ended = process.poll() is not None
            self.close()
            why = "its reader ended (it may have needed too much memory)" if ended else f"took over {self.seconds:g} s"
            raise MeasurementError(f"cannot be read: {why}. Nothing was stored.", file=file)
        return json.loads(line)

    def _started(self) -> subprocess.Popen[str]:
        if self._process and self._process.poll() is None:
            return self._process
        self.close()
        python = interpreter(self.folder or environment())
        if not python.is_file():
            raise InputError(f"the reader of instruments' files is not installed. {INSTALL}")
        pipe = subprocess.PIPE
        command = [str(python), "-I", str(PROCESS), str(self.mebibytes)]
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True)
        self._answers = queue.SimpleQueue()
        self._listener = threading.Thread(target=_listen, args=(self._process, self._answers), daemon=True)
        self._listener.start()
        return self._process


def _listen(process: subprocess.Popen[str], answers: queue.SimpleQueue[str]) -> None:
    assert process.stdout is not None  # a pipe
    for line in process.stdout:
        answers.put(line)
    answers.put("")


def _content(file: InstrumentFile) -> tuple[Any, ...]:
    """What of a file counts: two parsers that agree on it have read the same."""
    values = sorted((r.plate, r.well, r.sample, r.quantity, r.channel, repr(r.value), r.unit) for r in file.readings)
    courses = sorted((c.reading.plate, c.reading.well, c.reading.quantity, c.at, c.values) for c in file.cubes)
    return tuple(values), repr(courses)


def _several(files: dict[str, InstrumentFile]) -> str:
    """That several parsers read a file differently, with what each found."""
    found = "; ".join(
        f"{name.lower()}: {len(file.readings):,} values, such as {_example(file)}" for name, file in files.items()
    )
    first = next(iter(files)).lower()
    return f"it may be of several programs, which read it differently ({found}). Say which: --software {first}."


def _example(file: InstrumentFile) -> str:
    if not file.readings:
        return "none but courses"
    r = file.readings[0]
    return f"{r.quantity} {r.value:g} {r.unit}".strip() + (f" in {r.well}" if r.well else "")


def _refusal(failed: dict[str, str], software: str) -> str:
    """Why no parser read a file."""
    if not failed:
        return f"{UNKNOWN}; if it is a table, give it to `activeloop record`."
    name, why = next(iter(failed.items()))
    others = f" (also tried: {', '.join(sorted(each.lower() for each in failed if each != name))})" * (len(failed) > 1)
    fix = "" if software else " Export it again, or say which program wrote it (--software NAME)."
    return f"it cannot be read as a file of {name.lower()}: {why.rstrip('.')}{others}.{fix} Nothing was stored."
