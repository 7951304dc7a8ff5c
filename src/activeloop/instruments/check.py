"""How well the readers do on a folder of instruments' files: read, agreeing, refused with the reason."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from activeloop.errors import ActiveLoopError, InputError
from activeloop.files import csv_text
from activeloop.instruments.raw import confirm, look, read_instrument
from activeloop.instruments.readings import InstrumentFile, Reader, readings_of

#: what stands beside a file as the expected answer, an Allotrope document
EXPECTED = ".expected.json"
_NO_DATA = frozenset({".json", ".md", ".errors", ".py"})


@dataclass(frozen=True)
class FileCheck:
    """What became of one file.

    Args:
        group: its folder below the one that was checked: a vendor or software.
        file: its path below that.
        software: by which it was written, as it was read.
        readings, cubes: how many values, spectra and courses.
        without_value: readings that hold a word instead of a number.
        confirmed: measured values that stand at their well, or without one somewhere, in the file itself.
        converted: measured values that do not stand in the file as they are.
        wrong_well: measured values that stand at another well.
        expected: `agrees`, `differs`, or "" where no answer lies beside it.
        difference: the first difference, in words.
        refused: why it was not read, "" where it was.
    """

    group: str
    file: str
    software: str = ""
    readings: int = 0
    cubes: int = 0
    without_value: int = 0
    confirmed: int = 0
    converted: int = 0
    wrong_well: int = 0
    expected: str = ""
    difference: str = ""
    refused: str = ""


def check_folder(
    folder: Path, reader: Reader, progress: Callable[[int, int], None] | None = None
) -> Iterator[FileCheck]:
    """Check every file of a folder and the folders in it.

    Args:
        folder: of files; the expected answer of `NAME.txt` may stand beside it as `NAME.expected.json`.
        reader: that reads them.
        progress: called with the number of files that are done, and of all.

    Raises:
        InputError: there is no such folder, or no file in it.
    """
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder: name one that holds files of instruments.")
    paths = [p for p in sorted(folder.rglob("*")) if p.is_file() and _is_data(p)]
    if not paths:
        raise InputError(f"{folder} holds no files.")
    for done, path in enumerate(paths, 1):
        yield _checked(path, folder, reader)
        if progress:
            progress(done, len(paths))


def _is_data(path: Path) -> bool:
    return path.suffix.lower() not in _NO_DATA and not path.name.lower().startswith((".", "licen"))


def _checked(path: Path, folder: Path, reader: Reader) -> FileCheck:
    below = path.relative_to(folder)
    group = below.parts[0] if len(below.parts) > 1 else ""
    try:
        file = read_instrument(path, reader)
        found = confirm(file, look(path, {reading.plate for reading in file.readings}))
    except ActiveLoopError as error:
        why = getattr(error, "problem", str(error))
        return FileCheck(group, str(below), refused=why, expected=_expectation(path, None)[0])
    expected, difference = _expectation(path, file)
    return FileCheck(
        group,
        str(below),
        file.software,
        len(file.readings),
        len(file.cubes),
        sum(math.isnan(r.value) for r in file.readings),
        found.at_well + found.elsewhere,
        found.not_found,
        len(found.wrong_well),
        expected,
        difference,
    )


def _expectation(path: Path, file: InstrumentFile | None) -> tuple[str, str]:
    """Whether a file agrees with the answer beside it, and the first difference."""
    beside = next((p for p in (path.with_suffix(EXPECTED), Path(f"{path}{EXPECTED}")) if p.is_file()), None)
    if beside is None:
        return "", ""
    if file is None:
        return "differs", "refused"
    wanted = table(readings_of(json.loads(beside.read_text())))
    found = table(file)
    if wanted == found:
        return "agrees", ""
    missing, more = wanted - found, found - wanted
    first = next(iter(missing), None) or next(iter(more))
    what = "is missing" if missing else "was not expected"
    return "differs", f"{sum(missing.values())} missing, {sum(more.values())} more; {' '.join(map(str, first))} {what}"


def table(file: InstrumentFile) -> Counter[tuple[Any, ...]]:
    """(plate, well, quantity, value, unit) of every reading, and of every point of its spectra and courses."""
    rows = Counter((r.plate, r.well, r.quantity, f"{r.value:.9g}", r.unit) for r in file.readings)
    for cube in file.cubes:
        r = cube.reading
        for at, value in zip(cube.at, cube.values, strict=False):
            rows[(r.plate, r.well, f"{r.quantity} at {at:.9g}", f"{value:.9g}", r.unit)] += 1
    return rows


def checks_csv(checks: Sequence[FileCheck]) -> str:
    """Checks as CSV, a line for each file."""
    names = list(FileCheck.__dataclass_fields__)
    return csv_text(names, [[getattr(check, name) for name in names] for check in checks])


def in_words(checks: Sequence[FileCheck]) -> Iterator[str]:
    """A sentence for each group and one for all."""
    groups = dict.fromkeys(check.group for check in checks)
    for group in groups:
        yield _sentence(group or "here", [check for check in checks if check.group == group])
    if len(groups) > 1:
        yield _sentence("all", checks)


def _sentence(name: str, checks: Sequence[FileCheck]) -> str:
    read = [c for c in checks if not c.refused]
    parts = [f"{len(read)} of {len(checks)} read"]
    if judged := [c for c in checks if c.expected]:
        parts.append(f"{sum(c.expected == 'agrees' for c in judged)} of {len(judged)} agree with the expected answer")
    values = sum(c.confirmed + c.converted + c.wrong_well for c in read)
    if values:
        parts.append(f"{sum(c.confirmed for c in read):,} of {values:,} measured values found in the files themselves")
    if wrong := sum(c.wrong_well for c in read):
        parts.append(f"{wrong:,} stand at another well")
    return f"{name}: {', '.join(parts)}."
