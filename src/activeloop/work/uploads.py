"""Files that strangers send are read in a process of their own, with limits of memory, time and answer.

The process sets its limits before it opens the file, and answers in JSON; nothing that the file holds is run or
unpickled. What a service reads this way can end that process at worst.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from activeloop import errors
from activeloop.desk.record import LocalFile, SentFile
from activeloop.errors import InputError, StoreError, TableError
from activeloop.instruments.raw import looks_exported
from activeloop.instruments.readings import Cube, InstrumentFile, Reading
from activeloop.priors.alignment import count_records
from activeloop.tables import Book
from activeloop.tables.reading import Cells

WAIT = 3.0
"""Seconds of waiting for each second of computing that is allowed: a machine that is busy is no fault of a file."""


@dataclass(frozen=True)
class Limits:
    """What reading one file may take.

    Args:
        mebibytes: of memory, with that of Python itself (about 60).
        seconds: of computing.
        answer: mebibytes of what was read, as it is passed on.
        file: mebibytes of the file itself.
        written: mebibytes of a file that may be written meanwhile, beside the one that is read.
    """

    mebibytes: int = 512
    seconds: int = 10
    answer: int = 64
    file: int = 128
    written: int = 0


def read_in_child(
    path: str | os.PathLike[str], *, name: str = "", sheet: str | None = None, limits: Limits | None = None
) -> Book:
    r"""Take a CSV, TSV or XLSX file apart that may be anything.

    What is made of it takes the place of the file: `as_table`, `read_measurements`, `Campaign.record`.

    Args:
        path: where the file is.
        name: by which its sender knows it, for messages; that of the path when empty.
        sheet: of a workbook; all visible ones when None.
        limits: what reading it may take.

    Raises:
        InputError: as `read_table`, under the sender's name; also when it takes more than it may.
        StoreError: no process could be started.

    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp(), "upload-17")
    >>> _ = file.write_text("mutant,score\nK2R,0.5\n")
    >>> read_in_child(file, name="results.csv").table().row(0)
    {'mutant': 'K2R', 'score': '0.5'}
    """
    limits, name = limits or Limits(), name or os.fspath(path)
    _check_size(Path(path), name, limits)
    found = _answer({"path": os.fspath(Path(path).absolute()), "sheet": sheet}, limits, name)
    sheets = {each: _cells(cells) for each, cells in found.pop("sheets").items()}
    first = found.pop("first")
    return Book(**found | {"file": name, "first": first and _cells(first), "sheets": sheets})


SEQUENCES = (".fasta", ".fa", ".faa", ".fas", ".a2m", ".a3m", ".afa", ".aln", ".sto", ".stk", ".sth")
"""Endings of files of sequences, packed by gzip or not; every other file that comes with a campaign is a table."""


def check_in_child(path: str | os.PathLike[str], *, name: str, limits: Limits | None = None) -> None:
    """Refuse a file that comes with a campaign (a table, FASTA, an alignment) and takes more than it may.

    What passes can be read by a process that has other things to do.

    Args:
        path: where the file is.
        name: by which its sender knows it, with its ending.
        limits: what reading it may take.

    Raises:
        InputError: it takes more than it may, or is none; nothing was stored.
        StoreError: no process could be started.
    """
    if name.lower().removesuffix(".gz").endswith(SEQUENCES):
        limits = limits or Limits()
        _check_size(Path(path), name, limits)
        _answer({"path": os.fspath(Path(path).absolute()), "sequences": True}, limits, name)
    else:
        read_in_child(path, name=name, limits=limits)


HINT = Limits(seconds=3)
"""Of the look that tells whether a file that is no table may be an export: it comes on top of reading the table."""
EXPORTS = Limits(mebibytes=2048, seconds=60, answer=64, file=128, written=128)
"""Of exports of instruments' own programs: their parsers, in a process of their own below the child, need more, and the
plates of a file are given to them one by one, as files."""


class UnpreparedError(Exception):
    """A file turned out to need another process, for which nobody is to wait.

    Args:
        prepare: runs it, so that what is tried once more goes on.
    """

    def __init__(self, prepare: Callable[[], None]):
        super().__init__()
        self.prepare = prepare


class UploadedFile(SentFile):
    """A file of results that a stranger sent: each way to read it is a process of its own.

    Args:
        path: where it lies, with the ending of its name.
        name: by which its sender knows it.
        sheet: of a workbook.

    Attributes:
        awaited: whether somebody waits, so that a process which is still needed is an `UnpreparedError`.
    """

    def __init__(self, path: Path, name: str, sheet: str | None = None):
        super().__init__(name)
        self._path, self._sheet = path, sheet
        self._book: Book | InputError | None = None
        self._speaks: bool | None = None
        self._exports: dict[str, InstrumentFile | InputError] = {}
        self.awaited = False

    def prepare(self, instrument: bool, software: str) -> None:
        """Read it ahead, the way that is tried first, so that no campaign waits meanwhile.

        Args:
            instrument: whether it is an export of an instrument's own program.
            software: that wrote it, where it may be of several.

        Raises:
            InputError: it is no export that can be read, or takes more than it may.
        """
        if instrument:
            self.export = self.exported(software)
        else:
            try:
                self._book = read_in_child(self._path, name=self.name, sheet=self._sheet)
            except InputError as error:
                self._book = error

    def table(self, sheet: str | None) -> Book:
        """See `SentFile.table`."""
        if self._book is None:
            self.prepare(instrument=False, software="")
        if isinstance(self._book, InputError):
            raise self._book
        assert self._book is not None  # it was prepared
        return self._book

    def speaks_of_an_instrument(self) -> bool:
        """See `SentFile.speaks_of_an_instrument`."""
        if self._speaks is None:
            self._run(self._look)
        return bool(self._speaks)

    def exported(self, software: str) -> InstrumentFile:
        """See `SentFile.exported`."""
        if software not in self._exports:
            self._run(lambda: self._parse(software))
        if isinstance(found := self._exports[software], InputError):
            raise found
        return found

    def _run(self, prepare: Callable[[], None]) -> None:
        if self.awaited:
            raise UnpreparedError(prepare)
        prepare()

    def _look(self) -> None:
        task = {"path": os.fspath(self._path.absolute()), "speaks": True}
        try:
            self._speaks = bool(_answer(task, HINT, self.name)["speaks"])
        except InputError:  # it takes too much: why it is no table says more
            self._speaks = False

    def _parse(self, software: str) -> None:
        try:
            self._exports[software] = self._parsed(software)
        except InputError as error:
            self._exports[software] = error

    def _parsed(self, software: str) -> InstrumentFile:
        _check_size(self._path, self.name, EXPORTS)
        found = _answer({"path": os.fspath(self._path.absolute()), "software": software}, EXPORTS, self.name)
        readings = tuple(Reading(**each) for each in found.pop("readings"))
        cubes = tuple(
            Cube(Reading(**each.pop("reading")), at=tuple(each.pop("at")), values=tuple(each.pop("values")), **each)
            for each in found.pop("cubes")
        )
        told = {"file": self.name, "readings": readings, "cubes": cubes, "notes": tuple(found.pop("notes"))}
        return InstrumentFile(**found | told)


def _cells(found: dict[str, Any]) -> Cells:
    return Cells(found["records"], tuple(found["numbers"]), tuple(found["notes"]))


def _check_size(path: Path, name: str, limits: Limits) -> None:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise TableError(f"the file cannot be read ({error.strerror}).", file=name) from None
    if size > limits.file * 2**20:
        raise TableError(f"the file has {size / 2**20:,.0f} MiB, and {limits.file} are allowed. {_SPLIT}", file=name)


_SPLIT = "Save the table alone as CSV, or in several files. Nothing was stored."


def _answer(task: dict[str, Any], limits: Limits, name: str) -> dict[str, Any]:
    """What the child made of a task.

    Raises:
        InputError: as the child raised it, under another name of the file; or it took too much.
        StoreError: no process could be started.
    """
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")  # threads take memory
    # what is written goes with the file, also when the child is killed
    beside = {"TMPDIR": os.path.dirname(task["path"])} if limits.written else {}
    try:
        child = subprocess.Popen(
            [sys.executable, "-m", "activeloop.work.uploads"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **one, **beside},
            start_new_session=True,  # what it starts ends with it
        )
    except OSError as error:
        raise StoreError(f"no process could be started ({error.strerror}). Nothing was stored.") from error
    assert child.stdin is not None  # they were asked for
    assert child.stdout is not None
    late = threading.Event()

    def end() -> None:
        late.set()
        _kill(child)

    timer = threading.Timer(WAIT * limits.seconds, end)
    timer.start()
    most = limits.answer * 2**20
    try:
        with child:
            try:
                child.stdin.write(json.dumps({"limits": asdict(limits), **task}).encode())
                child.stdin.close()
            except BrokenPipeError:
                pass  # it ended at once, which its status tells
            answer = child.stdout.read(most + 1)
            _kill(child)  # nothing, where it ended by itself
    finally:
        timer.cancel()
    if late.is_set() or child.returncode == -_SIGXCPU:
        raise TableError(f"reading the file takes longer than {limits.seconds} seconds. {_SPLIT}", file=name)
    if len(answer) > most:
        raise TableError(f"the table holds more than {limits.answer} MiB. {_SPLIT}", file=name)
    try:
        found: dict[str, Any] = json.loads(answer)
    except ValueError:
        found = {"error": "MemoryError"}
    if "error" not in found:
        return found
    if found["error"] == "MemoryError":
        raise TableError(f"reading the file takes more than {limits.mebibytes} MiB of memory. {_SPLIT}", file=name)
    kind = getattr(errors, found["error"], TableError)
    raise kind(found["problem"], file=name, row=found["row"])


def _kill(child: subprocess.Popen[bytes]) -> None:
    """End a process and what it started."""
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
    child.kill()


#: number of the signal that ends a process whose time is up
_SIGXCPU = 24


def _limit(limits: Limits) -> None:
    """Bound this process, where the system can (not on Windows)."""
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CPU, (limits.seconds, limits.seconds + 1))  # first SIGXCPU, then SIGKILL
    for kind, most in (
        (resource.RLIMIT_AS, limits.mebibytes * 2**20),
        (resource.RLIMIT_FSIZE, limits.written * 2**20),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 32),
    ):
        resource.setrlimit(kind, (most, most))


def _read(task: dict[str, Any]) -> dict[str, Any]:
    if "speaks" in task:
        return {"speaks": looks_exported(Path(task["path"]))}
    if "sequences" in task:
        return {"records": count_records(task["path"])}
    if "software" in task:
        found = asdict(LocalFile(Path(task["path"])).exported(task["software"]))
        return found
    book = Book.open(task["path"], task["sheet"], others=True)
    sheets = {name: _plain(cells) for name, cells in book.sheets.items()}
    return {**vars(book), "first": book.first and _plain(book.first), "sheets": sheets}


def _plain(cells: Cells) -> dict[str, Any]:
    return {**vars(cells), "numbers": list(cells.numbers)}


def answered(read: Callable[[], dict[str, Any]]) -> str:
    """What was read, or why it was not, in JSON."""
    try:
        return json.dumps(read())
    except MemoryError:
        return json.dumps({"error": "MemoryError"})
    except InputError as error:
        return json.dumps({"error": type(error).__name__, "problem": error.problem, "row": error.row})
    except Exception:  # whatever a file made of by others can do: it is no table
        problem = "the file is damaged, or no table. Save it again as .xlsx or CSV. Nothing was stored."
        return json.dumps({"error": "TableError", "problem": problem, "row": None})


def main() -> int:
    """Exit status of `python -m activeloop.work.uploads`."""
    task = json.loads(sys.stdin.read())
    _limit(Limits(**task["limits"]))
    sys.stdout.write(answered(lambda: _read(task)))
    sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
