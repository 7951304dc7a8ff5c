"""A plate as SVG, readable on screen, on paper and by a screen reader."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from activeloop.measurements.wells import SHAPES, Well, row_letters, well_name
from activeloop.plates.plate import Plate

INK, QUIET = "#1c2430", "#5c6675"
EMPTY = "#b4bcc8"
CONTROL = "#f2a541"
PLAIN = "#cfdcea"
# From pale to deep blue-green in even steps of lightness: order is visible in grey, too.
RAMP = ("#f1f6ee", "#cfe6d2", "#9bd0bd", "#62b3ae", "#36919c", "#226d86", "#1c4a6b")


def colour_at(fraction: float) -> str:
    """The colour of a fraction of the scale, from 0 (low) to 1 (high).

    >>> colour_at(0.0), colour_at(1.0), colour_at(0.5)
    ('#f1f6ee', '#1c4a6b', '#62b3ae')
    """
    at = min(max(fraction, 0.0), 1.0) * (len(RAMP) - 1)
    left = min(int(at), len(RAMP) - 2)
    mixed = [
        round(a + (b - a) * (at - left)) for a, b in zip(_channels(RAMP[left]), _channels(RAMP[left + 1]), strict=True)
    ]
    return "#" + "".join(f"{c:02x}" for c in mixed)


def ink_on(fill: str) -> str:
    """Dark or white text, whichever reads better on a colour (relative luminance of WCAG 2).

    >>> ink_on("#f1f6ee"), ink_on("#1c4a6b")
    ('#1c2430', '#ffffff')
    """
    if not fill.startswith("#"):
        return INK
    linear = [(c / 255 / 12.92) if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in _channels(fill)]
    return INK if 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] > 0.22 else "#ffffff"


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


#: pixels between wells by plate size; small wells carry no text
PITCH = {6: 120, 12: 110, 24: 96, 48: 80, 96: 68, 384: 34, 1536: 18}
LABELLED = 60
LEFT, TOP, FOOT, RIGHT = 44, 84, 74, 24


def draw(
    plate: Plate,
    values: Mapping[str, float] | None = None,
    title: str = "",
    label: str = "",
    *,
    measured: Mapping[str, float] | None = None,
    limits: tuple[float, float] | None = None,
) -> str:
    """The plate as SVG.

    Wells are coloured by value where there is one, controls are marked by a ring and a colour of their own, empty
    wells are outlines. Each well shows its content when pointed at.

    Args:
        plate: what to draw.
        values: candidate -> number to colour by; when None the predictions of `plate.picks` (of several assays those of
            the first), or before any result their scores.
        title: the plate's id when empty.
        label: what the numbers are, for the legend; `predicted`, `score` or `measured` when empty.
        measured: well -> its own value, to colour by instead; controls have colours of the scale then, too.
        limits: both ends of the colour scale, so that several plates share one; those of the values when None.
    """
    predicted = any(math.isfinite(p.mean) for p in plate.picks)
    numbers = {p.name: p.mean if predicted else p.score for p in plate.picks} if values is None else dict(values)
    if not label:
        names = [one.assay for p in plate.picks for one in p.predictions]
        several = f"{names[0]} " if len(set(names)) > 1 else ""
        label = f"{several}predicted" if predicted or values is not None else "score"
        label = label if measured is None else "measured"
    shown = {name: float(v) for name, v in numbers.items() if math.isfinite(v)}
    own = {well: shown[w.candidate] for well, w in plate.wells.items() if not w.control and w.candidate in shown}
    if measured is not None:
        own = {well: float(v) for well, v in measured.items() if well in plate.wells and math.isfinite(v)}
    scale = _Scale.of(list(own.values()) if limits is None else list(limits))
    rows, columns = SHAPES[plate.size]
    pitch = PITCH[plate.size]
    width, height = max(LEFT + columns * pitch + RIGHT, 480), TOP + rows * pitch + FOOT
    key = "plate-" + hashlib.blake2b(f"{plate.id}|{title}|{plate}".encode(), digest_size=4).hexdigest()
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-labelledby="{key}-title {key}-summary" font-family="Helvetica, Arial, \'DejaVu Sans\', '
        f'sans-serif" fill="{INK}">',
        f'<title id="{key}-title">{escape(title or plate.id)}</title>',
        f'<desc id="{key}-summary">{escape(str(plate))}</desc>',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="32" font-size="20" font-weight="600">{escape(title or plate.id)}</text>',
        f'<text x="{LEFT}" y="52" font-size="12.5" fill="{QUIET}">{escape(_summary(plate))}</text>',
        *_frame(rows, columns, pitch),
    ]
    for r in range(rows):
        for c in range(columns):
            parts.append(_well(plate, r, c, pitch, own, scale, label))
    parts += _legend(scale, label, TOP + rows * pitch + 26, plate, own)
    return "\n".join([*parts, "</svg>", ""])


@dataclass(frozen=True)
class _Scale:
    low: float
    high: float
    known: bool

    @classmethod
    def of(cls, values: list[float]) -> _Scale:
        return cls(min(values), max(values), True) if values else cls(0.0, 1.0, False)

    def colour(self, value: float) -> str:
        span = self.high - self.low
        return colour_at(0.5 if span <= 0 else (value - self.low) / span)


def _summary(plate: Plate) -> str:
    controls = [w for w in plate.wells.values() if w.control]
    names = ", ".join(sorted({w.candidate for w in controls}))
    empty = plate.size - len(plate.wells)
    parts = [_count(len(plate.candidates), "candidate")]
    repeated = len(plate.wells) - len(controls)
    parts += [f"in {repeated} wells"] if repeated != len(plate.candidates) else []
    held = f" · {_count(len(controls), 'control')} ({names})" if controls else ""
    return f"{' '.join(parts)}{held} · {empty} empty · {plate.size} wells"


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"


def _frame(rows: int, columns: int, pitch: int) -> list[str]:
    size = 11 if pitch < 40 else 13
    # The outline of a plate: rounded, with the notched corner at A1.
    x, y, w, h, notch = LEFT - 2, TOP - 2, columns * pitch + 4, rows * pitch + 4, min(14, pitch // 2)
    outline = f"M{x + notch},{y} H{x + w - 8} q8,0 8,8 V{y + h - 8} q0,8 -8,8 H{x + 8} q-8,0 -8,-8 V{y + notch} Z"
    parts = [f'<path d="{outline}" fill="#fbfbfc" stroke="#c9ced6" stroke-width="1.2"/>']
    for c in range(columns):
        if pitch >= 24 or (c + 1) % 2:
            parts.append(_text(LEFT + (c + 0.5) * pitch, TOP - 9, str(c + 1), size, QUIET))
    for r in range(rows):
        if pitch >= 24 or r % 2 == 0:
            parts.append(_text(LEFT - 18, TOP + (r + 0.5) * pitch + size * 0.36, row_letters(r), size, QUIET))
    return parts


def _well(plate: Plate, r: int, c: int, pitch: int, values: Mapping[str, float], scale: _Scale, label: str) -> str:
    name = well_name(r, c)
    well = plate.wells.get(name)
    x, y, radius = LEFT + (c + 0.5) * pitch, TOP + (r + 0.5) * pitch, pitch * 0.44
    value = values.get(name)
    if well is None:
        fill, stroke, stroke_width = "none", EMPTY, 1.0
    elif well.control:
        fill, stroke, stroke_width = CONTROL, INK, 2.2 if pitch >= 30 else 1.4
        if value is not None:
            fill, stroke = scale.colour(value), CONTROL
    else:
        fill, stroke, stroke_width = (PLAIN if value is None else scale.colour(value)), "#00000033", 0.8
    dash = ' stroke-dasharray="2 3"' if well is None and pitch >= 30 else ""
    circle = (
        f'<circle cx="{x:g}" cy="{y:g}" r="{radius:.4g}" fill="{fill}" stroke="{stroke}" '
        f'stroke-width="{stroke_width:g}"{dash}/>'
    )
    words = _lines(well, value, radius) if well and pitch >= LABELLED else []
    ink = ink_on(fill)
    texts = [
        _text(x, y + (i - (len(words) - 1) / 2) * radius * 0.385 + radius * 0.12, word, size, ink)
        for i, (word, size) in enumerate(words)
    ]
    return f"<g><title>{escape(_label(name, well, value, label))}</title>{circle}{''.join(texts)}</g>"


def _lines(well: Well, value: float | None, radius: float) -> list[tuple[str, float]]:
    """What is written into a well, each line with its size: the name in one or two lines, then the value."""
    room = 2 * radius - 8
    pieces = well.candidate.split(":")
    lines = [well.candidate] if len(well.candidate) <= 7 or len(pieces) == 1 else pieces
    if len(lines) > 3:
        lines = [*lines[:2], f"+{len(lines) - 2} more"]
    lines = [line if len(line) <= 10 else f"{line[:8]}…" for line in lines]
    written = [(line, min(radius * 0.35, room / (0.62 * max(len(line), 1)))) for line in lines]
    if value is not None and len(written) < 3:
        written.append((short(value), radius * 0.285))
    return written


def short(value: float) -> str:
    """A number with three digits that count.

    >>> short(5.0), short(0.01234), short(1234.6), short(1.5e7)
    ('5.00', '0.0123', '1235', '1.50e+07')
    """
    return f"{value:.0f}" if 100 <= abs(value) < 10_000 else f"{value:#.3g}"


def _label(name: str, well: Well | None, value: float | None, label: str) -> str:
    if well is None:
        return f"{name}: empty"
    kind = "control" if well.control else "candidate"
    number = f", {label} {value:.4g}" if value is not None else ""
    return f"{name}: {well.candidate} ({kind}, replicate {well.replicate}){number}"


def _text(x: float, y: float, text: str, size: float, ink: str) -> str:
    return f'<text x="{x:g}" y="{y:.5g}" font-size="{size:.3g}" text-anchor="middle" fill="{ink}">{escape(text)}</text>'


def _legend(scale: _Scale, label: str, y: float, plate: Plate, values: Mapping[str, float]) -> list[str]:
    ringed = any(w.control and well in values for well, w in plate.wells.items())
    kinds = [("none" if ringed else CONTROL, CONTROL if ringed else INK, 2.0, "control"), ("none", EMPTY, 1.0, "empty")]
    parts, x = [], float(LEFT)
    if scale.known:
        steps = len(RAMP) - 1
        stops = "".join(f'<stop offset="{i / steps:g}" stop-color="{colour}"/>' for i, colour in enumerate(RAMP))
        parts += [
            f'<defs><linearGradient id="plate-scale">{stops}</linearGradient></defs>',
            f'<text x="{x:g}" y="{y - 4:g}" font-size="11.5" fill="{QUIET}">{escape(label)}</text>',
            f'<rect x="{x:g}" y="{y + 3:g}" width="170" height="11" rx="2" fill="url(#plate-scale)"/>',
            f'<text x="{x:g}" y="{y + 28:g}" font-size="11">{short(scale.low)}</text>',
            f'<text x="{x + 170:g}" y="{y + 28:g}" font-size="11" text-anchor="end">{short(scale.high)}</text>',
        ]
        x += 206
        if any(well not in values for well, w in plate.wells.items() if not w.control):
            kinds.insert(0, (PLAIN, "#00000033", 0.8, "no value"))
    else:
        kinds.insert(0, (PLAIN, "#00000033", 0.8, "candidate"))
    for fill, stroke, width, name in kinds:
        parts.append(
            f'<circle cx="{x + 7:g}" cy="{y + 8:g}" r="7" fill="{fill}" stroke="{stroke}" stroke-width="{width}"/>'
        )
        parts.append(f'<text x="{x + 20:g}" y="{y + 12:g}" font-size="12">{name}</text>')
        x += 92
    return parts
