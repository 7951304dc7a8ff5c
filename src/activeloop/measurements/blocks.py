"""Results of several plates in one file: blocks and sheets that name the plate they are of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from activeloop.errors import MeasurementError
from activeloop.measurements.assay import Assay
from activeloop.measurements.wells import Layout
from activeloop.tables.names import plain, split_unit
from activeloop.tables.reading import Block, Book


@dataclass(frozen=True)
class PlateBlock:
    """A block or sheet, and what it holds.

    Args:
        block: it; None for the table that a file is.
        plate: id of its plate, "" where it names none.
        assay: the assay that it names, None where it names none.
    """

    block: Block | None = None
    plate: str = ""
    assay: Assay | None = None


def named_in(text: str, ids: Sequence[str]) -> str:
    """The id of a plate that a text names, "" for none; of several the longest, as `plate-1-2` beside `plate-1`.

    >>> (
    ...     named_in("Barcode: plate-1-2", ["plate-1", "plate-1-2"]),
    ...     named_in("Plate 1", ["plate-1"]),
    ...     named_in("plate-10", ["plate-1"]),
    ... )
    ('plate-1-2', 'plate-1', '')
    """
    fold = text.casefold()
    found = [i for i in ids if re.search(rf"(?<![a-z0-9]){re.escape(i.casefold())}(?![a-z0-9]|[-_]\d)", fold)]
    return max(found, key=len, default="") or next((i for i in ids if plain(i) == plain(text)), "")


def plate_blocks(
    book: Book,
    plates: Sequence[Layout],
    assays: Sequence[Assay],
    sheet: str | None,
    plate: str | None,
) -> list[PlateBlock]:
    """What of a file is to be read: blocks that name their plates or assays, else the one table that it is.

    Args:
        book: the file.
        plates: that were filled.
        assays: that may have been measured.
        sheet: of a workbook; all visible ones when None.
        plate: which one the file is, where it was said.

    Raises:
        MeasurementError: some blocks name a plate and others none, two are of the same plate and assay, a block has
            another size than its plate, or it names another plate than the one that was said.
    """
    file, ids = book.file, [p.id for p in plates]
    blocks = book.blocks(sheet=sheet) if plates else []
    if not any(b.place for b in blocks) and len(blocks) < 2:
        return [PlateBlock()]
    found = [PlateBlock(b, _plate_of(b, ids), _assay_of(b, assays)) for b in blocks]
    by_name = [f for f in found if f.plate and f.block and plain(f.plate) == plain(f.block.sheet)]
    if len(by_name) > 1:
        found = by_name
    elif not found[0].block or not found[0].block.place:
        return [PlateBlock()]  # a list, beside which other sheets may show the plate
    grids = [f for f in found if f.block and f.block.place] if len(by_name) < 2 else found
    named = [f for f in grids if f.plate]
    if plate is not None:
        other = next((f for f in named if plain(f.plate) != plain(plate)), None)
        if other is not None:
            raise MeasurementError(
                f"{_where(other)} names {other.plate}, and {plate} was said to be the plate. Leave one of the two out. "
                "No row was stored.",
                file=file,
            )
    if not named:
        by_assay = [f.assay for f in grids]
        each = len(grids) > 1 and None not in by_assay and len(set(by_assay)) == len(grids)
        return grids if each else [PlateBlock()]
    if len(named) < len(grids):
        none = next(f for f in grids if not f.plate)
        raise MeasurementError(
            f"{_where(named[0])} is of {named[0].plate}, and {_where(none)} names no plate ({', '.join(ids)}). Write "
            "the plate into the corner of each block, or choose one (--column block=ROW, "
            f'columns={{"block": "{none.block.place if none.block else ""}"}}). No row was stored.',
            file=file,
        )
    _refuse_twice(named, file)
    sizes = {p.id: p.size for p in plates}
    for f in named:
        if f.block and f.block.size and f.block.size != sizes[f.plate]:
            raise MeasurementError(
                f"{_where(f)} has {f.block.size} wells, but {f.plate} has {sizes[f.plate]}. Correct the name, or give "
                "the plate that was measured. No row was stored.",
                file=file,
            )
    return named


def _plate_of(block: Block, ids: Sequence[str]) -> str:
    """The plate that the words around a block name, those nearest to it first."""
    return next((found for word in block.words if (found := named_in(word, ids))), "")


def _assay_of(block: Block, assays: Sequence[Assay]) -> Assay | None:
    """The assay that the words around a block name."""
    names = {plain(split_unit(word)[0]) for word in block.words} | set(map(plain, block.words))
    found = [a for a in assays if plain(a.name) in names]
    return found[0] if len(found) == 1 else None


def _refuse_twice(blocks: Sequence[PlateBlock], file: str) -> None:
    first: dict[tuple[str, str], PlateBlock] = {}
    for found in blocks:
        key = (found.plate, found.assay.name if found.assay else "")
        if key in first:
            of = f" and {key[1]}" if key[1] else ""
            raise MeasurementError(
                f"{_where(first[key])} and {_where(found)} are both of {found.plate}{of}. Say which one holds the "
                f'results (--column block=ROW, columns={{"block": "{found.block.place if found.block else ""}"}}). '
                "No row was stored.",
                file=file,
            )
        first[key] = found


def _where(found: PlateBlock) -> str:
    block = found.block
    if block is None or not block.place:
        return f'the sheet "{block.sheet if block else ""}"'
    return f"the block in row {block.place}{f' of sheet {block.sheet}' if block.sheet else ''}"
