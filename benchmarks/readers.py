"""Read every file of instruments in a folder, and damaged copies of them; count what is right, refused and wrong."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from activeloop.cli.terminal import progress_bar
from activeloop.errors import ActiveLoopError, ConfigError
from activeloop.instruments import AllotropyReader, InstrumentFile, read_instrument
from activeloop.instruments.check import FileCheck, check_folder
from benchmarks.options import OUT
from benchmarks.results import Result, markdown_table

FOLDER = typer.Option(metavar="DIR", help="Files of instruments (default: `instruments` in ACTIVELOOP_DATA).")
SEEDS = typer.Option(help="Damaged copies of each kind.")


def command(
    folder: Annotated[Path | None, FOLDER] = None,
    seeds: Annotated[int, SEEDS] = 10,
    out: Annotated[Path, OUT] = Path("docs/results"),
) -> None:
    """Which instruments' files are read right, and are damaged ones refused?"""
    if folder is None and "ACTIVELOOP_DATA" not in os.environ:
        raise ConfigError("the files of instruments are not part of this project: name a folder (--folder DIR).")
    folder = folder or Path(os.environ["ACTIVELOOP_DATA"]) / "instruments"
    with AllotropyReader() as reader, progress_bar("reading") as progress:
        checks = list(check_folder(folder, reader, progress))
        plates = [c for c in checks if c.confirmed > 40 and not c.converted and Path(c.file).suffix in (".csv", ".txt")]
        damaged = list(_damaged(folder, plates, reader, seeds))
    _result(checks, damaged).write(out / "readers", "python -m benchmarks readers")


def _cut(content: bytes, rng: np.random.Generator) -> bytes:
    return content[: int(len(content) * rng.uniform(0.2, 0.95))]


def _other_encoding(content: bytes, rng: np.random.Generator) -> bytes:
    return content.decode("utf-8", "replace").encode("utf-16" if rng.random() < 0.5 else "utf-16-be")


def _commas(content: bytes, rng: np.random.Generator) -> bytes:
    return content.replace(b".", b",")


def _marks(content: bytes, rng: np.random.Generator) -> bytes:
    """Some numbers become a word for too much light."""
    lines = content.split(b"\n")
    for i in rng.choice(len(lines), max(1, len(lines) // 20), replace=False):
        cells = lines[i].replace(b"\t", b",").split(b",")
        numbers = [cell for cell in cells if cell.replace(b".", b"").strip().isdigit() and b"." in cell]
        if numbers:
            lines[i] = lines[i].replace(numbers[int(rng.integers(len(numbers)))], b"OVRFLW", 1)
    return b"\n".join(lines)


def _doubled(content: bytes, rng: np.random.Generator) -> bytes:
    """One line stands there twice."""
    lines = content.split(b"\n")
    i = int(rng.integers(len(lines) // 4, len(lines)))
    return b"\n".join([*lines[:i], lines[i], *lines[i:]])


DAMAGE: dict[str, Callable[[bytes, np.random.Generator], bytes]] = {
    "cut off": _cut,
    "another encoding": _other_encoding,
    "decimal commas": _commas,
    "overflow marks": _marks,
    "a line twice": _doubled,
}


def _damaged(
    folder: Path, plates: list[FileCheck], reader: AllotropyReader, seeds: int
) -> Iterator[tuple[str, str, str]]:
    """(kind of damage, file, what became of it)."""
    for kind, damage in DAMAGE.items():
        rng = np.random.default_rng([seeds, len(kind)])
        for number in rng.choice(len(plates), min(seeds, len(plates)), replace=False):
            path = folder / plates[number].file
            whole = read_instrument(path, reader)
            with tempfile.TemporaryDirectory() as place:
                copy = Path(place) / path.name
                copy.write_bytes(damage(path.read_bytes(), rng))
                yield kind, plates[number].file, _outcome(copy, whole, reader)


def _outcome(copy: Path, whole: InstrumentFile, reader: AllotropyReader) -> str:
    """`refused`, `right` (each value as in the whole file), `fewer`, or `wrong`: another value at a well."""
    try:
        found = read_instrument(copy, reader)
    except ActiveLoopError:
        return "refused"
    wanted = Counter(
        (r.well, r.quantity, r.value) for r in whole.readings if r.origin == "measured" and r.value == r.value
    )
    seen = Counter(
        (r.well, r.quantity, r.value) for r in found.readings if r.origin == "measured" and r.value == r.value
    )
    if seen - wanted:
        return "wrong"
    return "right" if seen == wanted else "fewer"


def _result(checks: list[FileCheck], damaged: list[tuple[str, str, str]]) -> Result:
    groups = dict.fromkeys(check.group for check in checks)
    rows = [_row(group, [c for c in checks if c.group == group]) for group in groups]
    rows.append(_row("all", checks))
    columns = ["software", "files", "read", "agree with the expected answer", "measured values", "found in the file"]
    columns += ["converted by the parser", "at another well"]
    outcomes = ("refused", "right", "fewer", "wrong")
    counts = {kind: Counter(what for k, _, what in damaged if k == kind) for kind in DAMAGE}
    kinds = [[kind, *[str(count[o]) for o in outcomes]] for kind, count in counts.items()]
    refused = [f"- {c.file}: {c.refused}" for c in checks if c.refused]
    return Result(
        question="Which instruments' files are read right, and are damaged ones refused?",
        how="Every file of the folder is read by what is in it, and each measured value is looked up again in the file "
        "itself, without the parser, at its well. Where the expected Allotrope document lies beside a file, plate, "
        "well, quantity, value and unit of every reading are compared. Values that a parser converts to another unit "
        "do not stand in the file as they are. Damaged copies are made of plates whose values all stand in their file; "
        "`fewer` are copies of which some wells have no value and all others are right.",
        sections=[
            markdown_table(columns, rows),
            "## Refused\n\n" + "\n".join(refused),
            "## Damaged copies\n\n" + markdown_table(["damage", *outcomes], kinds),
        ],
        tables={
            "files": (
                list(FileCheck.__dataclass_fields__),
                [[getattr(c, name) for name in FileCheck.__dataclass_fields__] for c in checks],
            ),
            "damaged": (["damage", "file", "outcome"], damaged),
        },
        parts=("lab",),
    )


def _row(name: str, checks: list[FileCheck]) -> list[str]:
    read = [c for c in checks if not c.refused]
    judged = [c for c in checks if c.expected]
    measured = sum(c.confirmed + c.converted + c.wrong_well for c in read)
    agree = f"{sum(c.expected == 'agrees' for c in judged)} of {len(judged)}" if judged else ""
    return [
        name,
        str(len(checks)),
        str(len(read)),
        agree,
        f"{measured:,}",
        f"{sum(c.confirmed for c in read):,}",
        f"{sum(c.converted for c in read):,}",
        f"{sum(c.wrong_well for c in read):,}",
    ]
