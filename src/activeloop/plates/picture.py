"""A plate as SVG, readable on screen, on paper and by a screen reader."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

from activeloop.measurements.wells import SHAPES, Well, row_letters, well_name
from activeloop.plates.plate import Plate
from activeloop.plates.structures import CANVAS, is_structure, structure

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


#: pixels between wells by plate size, and where structures are drawn
PITCH = {6: 120, 12: 110, 24: 96, 48: 80, 96: 68, 384: 46, 1536: 26}
STRUCTURE_PITCH = {6: 230, 12: 200, 24: 170, 48: 130, 96: 96}
#: from this size on, wells are square, as those of such plates are
SQUARE = 384
#: smallest text that is read on a printed page, in pixels, by plate size
LEAST = {6: 6.5, 12: 6.5, 24: 6.5, 48: 6.5, 96: 6.2, 384: 7.5, 1536: 7.5}
LEFT, TOP, FOOT, RIGHT = 44, 84, 74, 24
#: width of a printed page of A4 by its height, within margins of 8 mm
A4 = (297 - 16) / (210 - 16)
#: its width in pixels of a browser, which shrinks what is wider and enlarges nothing
A4_WIDTH = 1063
PAGE = "<style>@page{size:A4 landscape;margin:8mm}</style>"


def draw(
    plate: Plate,
    values: Mapping[str, float] | None = None,
    title: str = "",
    label: str = "",
    *,
    measured: Mapping[str, float] | None = None,
    limits: tuple[float, float] | None = None,
    pages: bool = False,
) -> str:
    """The plate as SVG.

    Wells are coloured by value where there is one, controls are marked by a ring and a colour of their own, empty
    wells are outlines. Each well shows its content when pointed at. Compounds are drawn as structures on plates of up
    to 96 wells (with RDKit); everything else is named. Where names are too long for the wells, these carry the ranks
    of the picks, and a list below says which is which.

    Args:
        plate: what to draw.
        values: candidate -> number to colour by; when None the predictions of `plate.picks` (of several assays those of
            the first), or before any result their scores.
        title: the plate's id when empty.
        label: what the numbers are, for the legend; `predicted`, `score` or `measured` when empty.
        measured: well -> its own value, to colour by instead; controls have colours of the scale then, too.
        limits: both ends of the colour scale, so that several plates share one; those of the values when None.
        pages: fill pages of A4, on which the picture prints: the plate on the first, the list on further ones.
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
    form = _Form.of(plate)
    rows, columns = SHAPES[plate.size]
    pitch = form.pitch
    width, height = max(LEFT + columns * pitch + RIGHT, 480), TOP + rows * pitch + FOOT
    if pages:
        width = max(width, A4_WIDTH, math.ceil((height + 2) * A4))
    sheet = math.floor(width / A4) - 1 if pages else height  # a pixel more would print an empty page
    left = LEFT + (width - LEFT - RIGHT - columns * pitch) / 2 if pages else LEFT
    listed = _list(form.legend, width, sheet, pages, title or plate.id)
    whole = sheet * (1 + listed.sheets) if pages else height + listed.height
    key = "plate-" + hashlib.blake2b(f"{plate.id}|{title}|{plate}".encode(), digest_size=4).hexdigest()
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {whole}" width="{width}" height="{whole}" '
        f'role="img" aria-labelledby="{key}-title {key}-summary" font-family="Helvetica, Arial, \'DejaVu Sans\', '
        f'sans-serif" fill="{INK}">',
        *([PAGE] if pages else []),
        f'<title id="{key}-title">{escape(title or plate.id)}</title>',
        f'<desc id="{key}-summary">{escape(str(plate))}</desc>',
        f'<rect width="{width}" height="{whole}" fill="#ffffff"/>',
        f'<text x="{left:g}" y="32" font-size="20" font-weight="600">{escape(title or plate.id)}</text>',
        f'<text x="{left:g}" y="52" font-size="12.5" fill="{QUIET}">{escape(_summary(plate))}</text>',
        *_frame(rows, columns, pitch, left),
    ]
    for r in range(rows):
        for c in range(columns):
            parts.append(_well(form, r, c, left, own, scale, label))
    parts += _legend(scale, label, left, TOP + rows * pitch + 26, plate, own)
    return "\n".join([*parts, *listed.parts, "</svg>", ""])


@dataclass(frozen=True)
class _Form:
    """How a plate is drawn.

    Args:
        plate: it.
        pitch: pixels between wells.
        drawn: candidate -> its structure; () where names are written.
        short: what stands in a well in place of a name that is too long for it.
        legend: such a key -> what it stands for.
    """

    plate: Plate
    pitch: int
    drawn: Mapping[str, str]
    short: Mapping[str, str]
    legend: Mapping[str, str]

    @classmethod
    def of(cls, plate: Plate) -> _Form:
        small = plate.size in STRUCTURE_PITCH
        compounds = {p.name for p in plate.picks if is_structure(p.candidate_id, p.name)} if small else set[str]()
        drawn = {name: svg for name in compounds if (svg := structure(name))}
        pitch = STRUCTURE_PITCH[plate.size] if drawn else PITCH[plate.size]
        form = cls(plate, pitch, drawn, {}, {})
        ranks = {p.name: p.rank for p in plate.picks}
        held = dict.fromkeys((w.candidate, w.control) for w in plate.wells.values())
        long = [(n, control) for n, control in held if n not in drawn and not form.lines(plate.called(n))]
        candidates = [name for name, control in held if not control and name not in drawn]
        if sum(not control for _, control in long) > len(candidates) / 4:
            # Numbers beside names would be hard to find.
            long = [(n, control) for n, control in held if n not in drawn and (not control or (n, control) in long)]
        number = len(ranks)
        short: dict[str, str] = {}
        for name, control in long:
            number += not control and name not in ranks
            short[name] = (
                f"C{sum(k.startswith('C') for k in short.values()) + 1}" if control else str(ranks.get(name, number))
            )
        order = sorted(short, key=lambda name: (short[name][0] != "C", int(short[name].lstrip("C"))))
        return cls(plate, pitch, drawn, short, {short[name]: plate.called(name) for name in order})

    def lines(self, text: str) -> tuple[list[str], float] | None:
        """A name in the lines in which it is written into a well, and their size; None when it is too long."""
        half = self.pitch * 0.44
        square = self.plate.size >= SQUARE
        pieces = text.split(":")
        for count in range(1, 7):
            lines = pieces if len(pieces) == count else _broken(text, count) if len(pieces) == 1 and count < 5 else []
            if not lines:
                continue
            room = 2 * half - 3 if square else half * (2.0 - 0.18 * count) - 5 + 3 * (count == 1)
            biggest = half * (0.95 if self.plate.size > SQUARE else 0.62 if square else 0.35)
            tall = (1.9 if square else 1.45) * half / (1.16 * count)
            size = min(biggest, room / max(map(_width, lines)), tall)
            if size >= LEAST[self.plate.size]:
                return lines, size
        return None


def _width(text: str) -> float:
    """The width of a text in Helvetica, in sizes of the font; a little too large rather than too small."""
    return sum(0.72 if c.isupper() else 0.3 if c in "il.,:;()[]|-" else 0.57 for c in text) or 0.57


def _broken(text: str, count: int) -> list[str]:
    """A text broken into lines, behind a hyphen or the like where that makes them not much longer.

    >>> _broken("non-targeting", 2), _broken("Z100045325", 2), _broken("D154S", 2), _broken("untreated", 2)
    (['non-', 'targeting'], ['Z1000', '45325'], ['D154', 'S'], [])
    """
    if mutation := _MUTATION.fullmatch(text):
        return [text] if count == 1 else list(mutation.groups())
    length = -(-len(text) // count)
    words = re.findall(r"[^-_ .]+[-_ .]*|[-_ .]+", text)
    for longest in range(length, int(1.7 * length) + 1):
        lines = [""]
        for word in words:
            if len(lines[-1]) + len(word) > longest and lines[-1]:
                lines.append("")
            lines[-1] += word
        if len(words) > 1 and len(lines) <= count and max(map(len, lines)) <= longest:
            return lines
    if count > 1 and _WORD.search(text):
        return []
    return [text[i : i + length] for i in range(0, len(text), length)]


#: one mutation, which is broken before the new residue; and a word, which is not broken at all
_MUTATION, _WORD = re.compile(r"([A-Z]\d+)([A-Z]|del)"), re.compile(r"[a-z]{4}")


@dataclass(frozen=True)
class _Listed:
    """The list below a plate.

    Args:
        parts: of the SVG.
        height: in pixels, where there are no pages.
        sheets: further pages that it fills.
    """

    parts: list[str]
    height: int = 0
    sheets: int = 0


def _list(legend: Mapping[str, str], width: int, top: int, pages: bool, title: str) -> _Listed:
    """What keys in wells stand for, in columns; `top` is where it begins, and the height of a page."""
    if not legend:
        return _Listed([])
    size, line, most = 9.5, 13.0, 110
    broken = {key: [text[i : i + most] for i in range(0, len(text), most)] or [""] for key, text in legend.items()}
    lines = [(key if i == 0 else "", part) for key, parts in broken.items() for i, part in enumerate(parts)]
    indent = size * (max(map(_width, legend)) + 0.6)
    column = indent + size * max(_width(part) for _, part in lines) + 14
    across = max(1, int((width - 2 * LEFT) // column))
    room = int((top - 90) // line) if pages else -(-len(lines) // across)
    a_sheet = across * max(room, 1)
    parts = []
    for sheet in range(-(-len(lines) // a_sheet)):
        mine, y = lines[sheet * a_sheet : (sheet + 1) * a_sheet], top * (sheet + 1) if pages else top
        if pages:
            parts.append(
                f'<text x="{LEFT}" y="{y + 36}" font-size="15" font-weight="600">{escape(title)}: names</text>'
            )
        down = -(-len(mine) // across) if pages and len(mine) < a_sheet else max(room, 1)
        for i, (key, text) in enumerate(mine):
            x, here = LEFT + i // down * column, y + (62 if pages else 14) + i % down * line
            if key:
                parts.append(f'<text x="{x:.1f}" y="{here:.1f}" font-size="{size}" fill="{QUIET}">{key}</text>')
            parts.append(f'<text x="{x + indent:.1f}" y="{here:.1f}" font-size="{size}">{escape(text)}</text>')
    return _Listed(parts, int(room * line) + 30, -(-len(lines) // a_sheet))


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


def _frame(rows: int, columns: int, pitch: int, left: float) -> list[str]:
    size = 11 if pitch < 40 else 13
    # The outline of a plate: rounded, with the notched corner at A1.
    x, y, w, h, notch = left - 2, TOP - 2, columns * pitch + 4, rows * pitch + 4, min(14, pitch // 2)
    outline = f"M{x + notch:g},{y} H{x + w - 8:g} q8,0 8,8 V{y + h - 8} q0,8 -8,8 H{x + 8:g} q-8,0 -8,-8 V{y + notch} Z"
    parts = [f'<path d="{outline}" fill="#fbfbfc" stroke="#c9ced6" stroke-width="1.2"/>']
    for c in range(columns):
        if pitch >= 24 or (c + 1) % 2:
            parts.append(_text(left + (c + 0.5) * pitch, TOP - 9, str(c + 1), size, QUIET))
    for r in range(rows):
        if pitch >= 24 or r % 2 == 0:
            parts.append(_text(left - 18, TOP + (r + 0.5) * pitch + size * 0.36, row_letters(r), size, QUIET))
    return parts


def _well(form: _Form, r: int, c: int, left: float, values: Mapping[str, float], scale: _Scale, label: str) -> str:
    name, pitch, plate = well_name(r, c), form.pitch, form.plate
    well = plate.wells.get(name)
    x, y, half = left + (c + 0.5) * pitch, TOP + (r + 0.5) * pitch, pitch * 0.44
    value = values.get(name)
    if well is None:
        fill, stroke, stroke_width = "none", EMPTY, 1.0
    elif well.control:
        fill, stroke, stroke_width = CONTROL, INK, 2.2 if pitch >= 60 else 1.2
        if value is not None:
            fill, stroke = scale.colour(value), CONTROL
    else:
        fill, stroke, stroke_width = (PLAIN if value is None else scale.colour(value)), "#00000033", 0.8
    title = f"<title>{escape(_label(plate, name, well, value, label))}</title>"
    if well is not None and not well.control and well.candidate in form.drawn:
        return f"<g>{title}{_tile(form, well.candidate, x, y, half, fill, value)}</g>"
    dash = ' stroke-dasharray="2 3"' if well is None and pitch >= 30 else ""
    line = f'fill="{fill}" stroke="{stroke}" stroke-width="{stroke_width:g}"{dash}/>'
    if plate.size >= SQUARE:
        shape = (
            f'<rect x="{x - half:.5g}" y="{y - half:.5g}" width="{2 * half:.4g}" height="{2 * half:.4g}" rx="2" {line}'
        )
    else:
        shape = f'<circle cx="{x:g}" cy="{y:g}" r="{half:.4g}" {line}'
    words = _lines(form, well, value, half) if well else []
    ink = ink_on(fill)
    biggest = max((size for _, size in words), default=0.0)
    step = 0.385 * half if plate.size < SQUARE and len(words) < 4 else 1.16 * biggest
    texts = [
        _text(x, y + (i - (len(words) - 1) / 2) * step + 0.36 * size, word, size, ink)
        for i, (word, size) in enumerate(words)
    ]
    return f"<g>{title}{shape}{''.join(texts)}</g>"


def _tile(form: _Form, name: str, x: float, y: float, half: float, fill: str, value: float | None) -> str:
    """A structure above a band of the well's colour with what people call it and its value."""
    band = max(16.0, 0.3 * half)
    left, top, width, height = x - half, y - half, 2 * half, 2 * half
    called = form.plate.called(name)
    id_, number = (called if called != name else ""), short(value) if value is not None else ""
    size = min(0.62 * band, (width - 8) / (_width(id_) + _width(number) + 0.6))
    if size < LEAST[form.plate.size] and id_:
        size, number = min(0.62 * band, (width - 6) / _width(id_)), ""
    ink, baseline = ink_on(fill), top + height - band / 2 + 0.36 * size
    w, h = CANVAS
    words = ""
    if id_:
        words += (
            f'<text x="{left + 4:.5g}" y="{baseline:.5g}" font-size="{size:.3g}" font-weight="600" fill="{ink}">'
            f"{escape(id_)}</text>"
        )
    if number:
        words += (
            f'<text x="{left + width - 4:.5g}" y="{baseline:.5g}" font-size="{size:.3g}" text-anchor="end" '
            f'fill="{ink}">{number}</text>'
        )
    return (
        f'<rect x="{left:.5g}" y="{top:.5g}" width="{width:.4g}" height="{height:.4g}" rx="4" fill="#ffffff"/>'
        f'<path d="M{left:.5g},{top + height - band:.5g} h{width:.4g} v{band - 4:.4g} q0,4 -4,4 h{8 - width:.4g} '
        f'q-4,0 -4,-4 Z" fill="{fill}"/>'
        f'<rect x="{left:.5g}" y="{top:.5g}" width="{width:.4g}" height="{height:.4g}" rx="4" fill="none" '
        f'stroke="#00000055" stroke-width="0.8"/>'
        f'<svg x="{left + 2:.5g}" y="{top + 2:.5g}" width="{width - 4:.4g}" height="{height - band - 4:.4g}" '
        f'viewBox="0 0 {w} {h}">{form.drawn[name]}</svg>{words}'
    )


def _lines(form: _Form, well: Well, value: float | None, half: float) -> list[tuple[str, float]]:
    """What is written into a well, each line with its size: the name in up to four lines, then the value."""
    text = form.short.get(well.candidate) or form.plate.called(well.candidate)
    found = form.lines(text)
    if found is None:
        return []
    lines, size = found
    written = [(line, size) for line in lines]
    if value is not None and len(written) < 3 and form.plate.size < SQUARE:
        written.append((short(value), half * 0.285))
    return written


def short(value: float) -> str:
    """A number with three digits that count.

    >>> short(5.0), short(0.01234), short(1234.6), short(1.5e7)
    ('5.00', '0.0123', '1235', '1.50e+07')
    """
    return f"{value:.0f}" if 100 <= abs(value) < 10_000 else f"{value:#.3g}"


def _label(plate: Plate, name: str, well: Well | None, value: float | None, label: str) -> str:
    if well is None:
        return f"{name}: empty"
    kind = "control" if well.control else "candidate"
    number = f", {label} {value:.4g}" if value is not None else ""
    called = plate.called(well.candidate)
    also = f"{called}, " if called != well.candidate else ""
    return f"{name}: {also}{well.candidate} ({kind}, replicate {well.replicate}){number}"


def _text(x: float, y: float, text: str, size: float, ink: str) -> str:
    return f'<text x="{x:g}" y="{y:.5g}" font-size="{size:.3g}" text-anchor="middle" fill="{ink}">{escape(text)}</text>'


def _legend(scale: _Scale, label: str, x: float, y: float, plate: Plate, values: Mapping[str, float]) -> list[str]:
    ringed = any(w.control and well in values for well, w in plate.wells.items())
    kinds = [("none" if ringed else CONTROL, CONTROL if ringed else INK, 2.0, "control"), ("none", EMPTY, 1.0, "empty")]
    parts = []
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
