"""A picture of the deck: where source plates, tips and the plate stand, and which wells take part."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from html import escape

from activeloop.drawing import BASELINE, FAINT, GRID, INK, OTHERS, OWN
from activeloop.errors import PlateError
from activeloop.lab.opentrons import TIPS
from activeloop.measurements.wells import SHAPES, parse_well, well_on
from activeloop.plates import Plate
from activeloop.plates.picklists import SLOTS, Transfer, deck

#: in pixels: a place of the deck, the gap between two, and what stands above the wells
PLACE, HIGH, GAP, HEAD = 258.0, 206.0, 14.0, 34.0
TO_FILL, FILLED, SOURCE, CONTROL = "#a9cdf0", OWN, OTHERS[1], OTHERS[0]


@dataclass(frozen=True)
class Labware:
    """What stands on a place of the deck.

    Args:
        slot: its number, as on an OT-2.
        name: of it.
        what: it is: `plate`, `source` or `tips`.
        size: its wells.
        wells: that take part, with their colours.
    """

    slot: int
    name: str
    what: str
    size: int
    wells: dict[str, str]


def deck_of(plate: Plate, transfers: Sequence[Transfer], done: int = 0) -> tuple[Labware, ...]:
    """What stands where: the plate on slot 1, source plates behind it, then tips, one for each transfer.

    Args:
        plate: that is filled.
        transfers: in their order.
        done: how many of them are done.

    Raises:
        PlateError: it does not all fit on the deck.
    """
    slots = deck(transfers, plate)
    held = {name: CONTROL if well.control else TO_FILL for name, well in plate.wells.items()}
    held |= {t.well: FILLED for t in transfers[:done]}
    found = [Labware(1, plate.id, "plate", plate.size, held)]
    for name, slot in slots.items():
        taken = dict.fromkeys((t.source.well for t in transfers if t.source.plate == name), SOURCE)
        size = next((size for size in (96, 384, 1536) if all(well_on(well, size) for well in taken)), 1536)
        found.append(Labware(slot, name, "source", size, taken))
    free = [slot for slot in SLOTS if slot != 1 and slot not in slots.values()]
    racks = math.ceil(len(transfers) / TIPS)
    if racks > len(free):
        raise PlateError(f"{plate.id} needs {racks} racks of tips, and {len(free)} places of the deck are free.")
    for number, slot in enumerate(free[:racks]):
        count = min(TIPS, len(transfers) - number * TIPS)
        gone = min(max(done - number * TIPS, 0), count)
        order = [f"{'ABCDEFGH'[k % 8]}{k // 8 + 1}" for k in range(TIPS)]
        found.append(Labware(slot, "tips", "tips", TIPS, dict.fromkeys(order[gone:count], BASELINE)))
    return tuple(sorted(found, key=lambda one: one.slot))


def draw_deck(plate: Plate, transfers: Sequence[Transfer], *, numbered: bool = True, done: int = 0) -> str:
    """The deck as SVG.

    Args:
        plate: that is filled.
        transfers: in their order.
        numbered: whether places have the numbers of an OT-2's slots, and stand as there; else what stands on the deck
            is drawn side by side.
        done: how many transfers are done.

    Raises:
        PlateError: it does not all fit on the deck.
    """
    items = deck_of(plate, transfers, done)
    rows = 4 if numbered else math.ceil(len(items) / 3)
    width, height = 3 * PLACE + 4 * GAP, rows * (HIGH + GAP) + GAP + 34
    sources = [one.name for one in items if one.what == "source"]
    told = f"Deck for {plate.id}: {', '.join(sources)} and {sum(one.what == 'tips' for one in items)} racks of tips"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" role="img" aria-label="{escape(told)}" font-family="Helvetica, Arial, sans-serif">'
    ]
    if numbered:
        parts += [
            _place(slot, None, *_corner(slot, rows)) for slot in range(1, 13) if slot not in {i.slot for i in items}
        ]
    for k, item in enumerate(items):
        corner = _corner(item.slot, rows) if numbered else (GAP + k % 3 * (PLACE + GAP), GAP + k // 3 * (HIGH + GAP))
        parts.append(_place(item.slot if numbered else 0, item, *corner))
    parts += _legend(height - 16, items)
    return "".join(parts) + "</svg>"


def _corner(slot: int, rows: int) -> tuple[float, float]:
    """The upper left corner of a slot; slot 1 is at the front on the left."""
    across, up = (slot - 1) % 3, (slot - 1) // 3
    return GAP + across * (PLACE + GAP), GAP + (rows - 1 - up) * (HIGH + GAP)


def _place(slot: int, item: Labware | None, x: float, y: float) -> str:
    """A place of the deck with what stands on it."""
    number = f"{slot}" if slot else ""
    frame = f'<rect x="{x:g}" y="{y:g}" width="{PLACE:g}" height="{HIGH:g}" rx="9" '
    if item is None:
        name = "waste" if slot == 12 else ""
        style = f'fill="none" stroke="{GRID}" stroke-dasharray="4 4"/>'
        return f"{frame}{style}{_text(x + 12, y + 22, f'{number} {name}'.strip(), FAINT, 13)}"
    rows, columns = SHAPES[item.size]
    pitch = min((PLACE - 28) / columns, (HIGH - HEAD - 16) / rows)
    left, top = x + (PLACE - columns * pitch) / 2, y + HEAD + (HIGH - HEAD - 8 - rows * pitch) / 2
    title = f"{number} {item.name}".strip()
    if item.what == "tips":
        title = f"{title}: {len(item.wells)} left"
    parts = [f'{frame}fill="#fff" stroke="{FAINT}"/>', _text(x + 12, y + 22, title, INK, 13, bold=True)]
    every = [(r, c) for r in range(rows) for c in range(columns)]
    used = {at: colour for well, colour in item.wells.items() if (at := parse_well(well))}
    parts.append(_dots([at for at in every if at not in used], left, top, pitch, GRID))
    for colour in dict.fromkeys(used.values()):
        parts.append(_dots([at for at in every if used.get(at) == colour], left, top, pitch, colour))
    return "".join(parts)


def _dots(places: Collection[tuple[int, int]], left: float, top: float, pitch: float, colour: str) -> str:
    """Wells as one path of dots, which is short however many they are."""
    if not places:
        return ""
    path = "".join(f"M{left + (c + 0.5) * pitch:.1f} {top + (r + 0.5) * pitch:.1f}h0" for r, c in places)
    return f'<path d="{path}" stroke="{colour}" stroke-width="{0.78 * pitch:.1f}" stroke-linecap="round" fill="none"/>'


def _text(x: float, y: float, text: str, colour: str, size: float, *, bold: bool = False) -> str:
    weight = ' font-weight="600"' if bold else ""
    shown = text if len(text) <= 32 else f"{text[:31]}…"
    return f'<text x="{x:g}" y="{y:g}" font-size="{size:g}" fill="{colour}"{weight}>{escape(shown)}</text>'


def _legend(y: float, items: Sequence[Labware]) -> list[str]:
    """What the colours mean."""
    names = {
        TO_FILL: "to be filled",
        FILLED: "filled",
        CONTROL: "control, to be filled",
        SOURCE: "stock",
        BASELINE: "tip",
    }
    seen = {colour for item in items for colour in item.wells.values()}
    parts, x = [], GAP + 6
    for colour, name in names.items():
        if colour in seen:
            parts.append(
                f'<circle cx="{x:g}" cy="{y - 4:g}" r="5.5" fill="{colour}"/>{_text(x + 11, y, name, INK, 12.5)}'
            )
            x += 34 + 6.6 * len(name)
    return parts
