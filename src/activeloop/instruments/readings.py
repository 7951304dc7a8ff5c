"""What an instrument's file says, as a table: one row for each value, with its well, quantity and unit."""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from activeloop.errors import MeasurementError
from activeloop.files import csv_text
from activeloop.measurements import wells
from activeloop.measurements.wells import parse_well

Origin = Literal["measured", "processed", "calculated"]

#: what instruments write where nothing is known
_NOTHING = frozenset({"", "N/A", "n/a", "NA", "Unknown", "unknown"})
_NO_UNIT = frozenset({"", "(unitless)", "unitless"})


@dataclass(frozen=True)
class Reading:
    """One value in a file of an instrument.

    Args:
        plate: its name or barcode as the instrument has it, "" where it names none.
        well: `A1`, or another place such as a tube's position; "" for a value of a whole plate or run.
        sample: what the instrument calls what is in it.
        quantity: what was measured, in the instrument's words.
        channel: wavelengths, dye, analyte, population, by which values of one quantity differ.
        value: NaN where there is none; `problem` says why.
        unit: as the instrument writes it, "" for none.
        origin: read by the detector, processed from that, or calculated from several.
        device: that measured.
        time: when, in ISO 8601; "" where it is not said.
        problem: why there is no value.
    """

    plate: str
    well: str
    sample: str
    quantity: str
    channel: str
    value: float
    unit: str
    origin: Origin = "measured"
    device: str = ""
    time: str = ""
    problem: str = ""

    @property
    def series(self) -> tuple[str, str, str, str]:
        """By what it is told from other values of its well: quantity, channel, unit, origin."""
        return self.quantity, self.channel, self.unit, self.origin


@dataclass(frozen=True)
class Cube:
    """A spectrum, or a course in time, of one well: numbers that become a result by a reduction the user names.

    Args:
        reading: all about it but its value (NaN).
        along: what runs along it, such as `elapsed time`.
        along_unit: of that.
        at: [P] where the values are.
        values: [P], NaN where there is none.
    """

    reading: Reading
    along: str
    along_unit: str
    at: tuple[float, ...]
    values: tuple[float, ...]

    def reduced(self, reduction: str) -> Reading:
        """One value of it.

        Args:
            reduction: `maximum`, `minimum`, `mean`, `last`, `area` (trapezoids), `slope` (least squares), `at=X` (the
                value there); each but the last may be limited to a window, as in `slope 0..600`.

        Raises:
            MeasurementError: the reduction is unknown, or nothing lies in its window.

        >>> course = Cube(Reading("", "A1", "", "absorbance", "", math.nan, "mAU"), "time", "s", (0, 1, 2), (1, 3, 5))
        >>> round(course.reduced("slope").value, 9), course.reduced("slope").unit, course.reduced("maximum 0..1").value
        (2.0, 'mAU/s', 3.0)
        """
        import numpy as np

        name, low, high = _reduction(reduction)
        at, values = np.array(self.at), np.array(self.values)
        known = np.isfinite(values) & (at >= low) & (at <= high)
        at, values = at[known], values[known]
        if not len(at) or (name in ("slope", "area") and len(at) < 2):
            span = f"{self.at[0]:g} to {self.at[-1]:g} {self.along_unit}" if self.at else "nothing"
            raise MeasurementError(
                f"{self.reading.quantity} of well {self.reading.well or '?'}: {reduction!r} needs more values than lie "
                f"there; the file holds {span}. Choose another window."
            )
        per = f"{self.reading.unit or '1'}/{self.along_unit}" if self.along_unit else self.reading.unit
        found = {
            "maximum": lambda: (values.max(), self.reading.unit),
            "minimum": lambda: (values.min(), self.reading.unit),
            "mean": lambda: (values.mean(), self.reading.unit),
            "last": lambda: (values[np.argmax(at)], self.reading.unit),
            "at": lambda: (values[0], self.reading.unit),
            "area": lambda: (np.trapezoid(values, at), f"{self.reading.unit or '1'}*{self.along_unit}"),
            "slope": lambda: (np.polynomial.polynomial.polyfit(at - at.mean(), values, 1)[1], per),
        }[name]()
        quantity = f"{self.reading.quantity}, {reduction}"
        return replace(self.reading, quantity=quantity, value=float(found[0]), unit=found[1], origin="processed")


_REDUCTIONS = ("maximum", "minimum", "mean", "last", "area", "slope")


def _reduction(text: str) -> tuple[str, float, float]:
    """Name and window of a reduction."""
    match = re.fullmatch(r"\s*([a-z]+)(?:\s+([-+.\deE]+)\.\.([-+.\deE]+))?\s*|\s*at\s*=\s*([-+.\deE]+)\s*", text)
    try:
        if match and match[4]:
            return "at", float(match[4]), float(match[4])
        if match and match[1] in _REDUCTIONS:
            low, high = (float(match[2]), float(match[3])) if match[2] else (-math.inf, math.inf)
            return match[1], low, high
    except ValueError:
        pass
    named = ", ".join(_REDUCTIONS)
    raise MeasurementError(
        f'"{text}" is no reduction: choose {named}, each also within a window ("slope 0..600"), or "at=450" for the '
        "value there."
    )


@dataclass(frozen=True)
class InstrumentFile:
    """A file of an instrument, read.

    Args:
        file: its name.
        content_hash: of its bytes (BLAKE2b, 32 hexadecimal digits).
        software: by which it was written, in the reader's words.
        readings: one for each value.
        cubes: spectra and courses in time.
        notes: what was not understood or left alone, in sentences.
    """

    file: str
    content_hash: str
    software: str
    readings: tuple[Reading, ...]
    cubes: tuple[Cube, ...] = ()
    notes: tuple[str, ...] = ()

    def series(self) -> dict[tuple[str, str, str, str], int]:
        """Quantity, channel, unit and origin -> how many values there are, in the order of the file."""
        counts: dict[tuple[str, str, str, str], int] = {}
        for reading in self.readings:
            counts[reading.series] = counts.get(reading.series, 0) + 1
        return counts

    def reduced(self, reduction: str) -> InstrumentFile:
        """The same with one more value for each spectrum or course; see `Cube.reduced`."""
        return replace(self, readings=self.readings + tuple(cube.reduced(reduction) for cube in self.cubes), cubes=())

    def to_csv(self) -> str:
        """The measurement table as CSV."""
        rows = ([None if value != value else value for value in astuple(reading)] for reading in self.readings)
        return csv_text(list(Reading.__dataclass_fields__), rows)


class Reader(ABC):
    """Reads files of instruments by what is in them, whatever they are called."""

    name: str

    @abstractmethod
    def read(self, path: Path, software: str = "") -> InstrumentFile:
        """All of a file.

        Args:
            path: the file.
            software: by which it was written, where the file may be of several.

        Raises:
            MeasurementError: it is of none that this reader knows, of several, or damaged. Nothing was stored.
        """


def well_name(text: str) -> str:
    """A well as plates name it, other places as they are.

    >>> well_name("a01"), well_name("AF48"), well_name("Tube 3"), well_name("12")
    ('A1', 'AF48', 'Tube 3', '12')
    """
    at = parse_well(text)
    return wells.well_name(*at) if at else text.strip()


def readings_of(document: Mapping[str, Any], file: str = "", content_hash: str = "") -> InstrumentFile:
    """The measurement table of a file in the Allotrope Simple Model.

    Every `{"value": ..., "unit": ...}` below a measurement is a row: what stands in the measurement itself is measured,
    what stands in processed or calculated data is so called. Settings of the device tell values of one quantity apart
    (the channel) and are no rows. Source: Allotrope Foundation, ASM schemas REC/2021/12 and later.

    Args:
        document: the JSON.
        file: its name.
        content_hash: of the file that was converted.

    >>> sample = {"well plate identifier": "P1", "location identifier": "A1", "sample identifier": "x"}
    >>> measurement = {"sample document": sample, "absorbance": {"value": 0.5, "unit": "mAU"}}
    >>> technique = {"measurement aggregate document": {"measurement document": [measurement]}}
    >>> asm = {"plate reader aggregate document": {"plate reader document": [technique]}}
    >>> [(r.plate, r.well, r.quantity, r.value, r.unit) for r in readings_of(asm).readings]
    [('P1', 'A1', 'absorbance', 0.5, 'mAU')]
    """
    walk = _Walk()
    software = ""
    for key, aggregate in document.items():
        if key.endswith("aggregate document") and isinstance(aggregate, Mapping):
            software = str(aggregate.get("data system document", {}).get("software name", "")) or software
            walk.enter(aggregate, _Place(device=_device(aggregate.get("device system document", {}))))
    readings = [*walk.readings, *walk.calculated()]
    notes = []
    if walk.settings:
        names = sorted({name for name, _ in walk.settings})
        notes.append(f"settings and properties of the run, no results: {', '.join(names)}.")
    if walk.cubes:
        kinds = sorted({cube.reading.quantity for cube in walk.cubes})
        notes.append(
            f"{len(walk.cubes):,} spectra or courses in time ({', '.join(kinds)}), which become results by a reduction."
        )
    return InstrumentFile(file, content_hash, software, tuple(readings), tuple(walk.cubes), tuple(notes))


@dataclass(frozen=True)
class _Place:
    """Where in the document something stands."""

    plate: str = ""
    well: str = ""
    sample: str = ""
    channel: tuple[str, ...] = ()
    origin: Origin = "measured"
    device: str = ""
    time: str = ""
    measured: bool = False
    problems: Mapping[str, str] = field(default_factory=dict)


#: names of what a document is about -> the word before it in the channel
_NAMES = {
    "analyte name": "",
    "assay bead identifier": "bead ",
    "target DNA description": "",
    "written name": "",
    "image feature name": "",
    "dimension identifier": "",
    "statistical feature": "",
    "peak name": "",
}
#: settings of a device by which values of one quantity differ
_SETTINGS = (
    "detector wavelength setting",
    "excitation wavelength setting",
    "reporter dye setting",
    "fluorescent tag setting",
    "wavelength identifier",
    "scan position setting (plate reader)",
)
#: in nm; a shorter wavelength is none: parsers take other numbers for it, or 0
SHORTEST = 100
#: what is about the plate or the run
_PROPERTIES = frozenset({"plate well count", "well volume", "compartment temperature", "sample volume setting"})
_WELLS = ("well location identifier", "location identifier", "destination well location identifier")
_PLATES = ("well plate identifier", "destination well plate identifier")
#: of what calculated data name as their sources
_IDENTIFIERS = (
    "measurement identifier",
    "processed data identifier",
    "calculated data identifier",
    "analyte identifier",
    "population identifier",
    "image feature identifier",
)
_SKIPPED = (
    "error aggregate document",
    "data source aggregate document",
    "data system document",
    "device system document",
    "sample document",
)


class _Walk:
    """Goes through a document and collects what is in it."""

    def __init__(self) -> None:
        self.readings: list[Reading] = []
        self.cubes: list[Cube] = []
        self.settings: list[tuple[str, Mapping[str, Any]]] = []
        self._sources: dict[str, _Place] = {}
        self._calculated: list[tuple[Mapping[str, Any], _Place]] = []

    def enter(self, node: Mapping[str, Any], place: _Place) -> None:
        """A document that stands at a place."""
        place = self._at(node, place)
        for key in _IDENTIFIERS:
            if isinstance(node.get(key), str):
                self._sources[node[key]] = place
        sample = node.get("sample document")
        if isinstance(sample, Mapping):
            self._quantities(sample, replace(place, origin="processed"))
        for key, value in node.items():
            if key in _SKIPPED:
                continue
            if key == "calculated data aggregate document":
                for each in value.get("calculated data document", []):
                    self._calculated.append((each, place))
            elif key.startswith("device control"):
                self._note_settings(value)
            elif key in ("processed data aggregate document", "image feature aggregate document"):
                self._below(value, replace(place, origin="processed"))
            elif (
                key == "data processing document"
                or key.startswith("compensation matrix")
                or key.startswith("data region")
            ):
                self._note_settings(value)
            elif _is_cube(value):
                self._cube(key, value, place)
            elif _is_quantity(value):
                self._quantity(key, value, place)
            else:
                self._below(value, replace(place, measured=place.measured or key == "measurement document"))

        self._without_value(node, place)

    def _without_value(self, node: Mapping[str, Any], place: _Place) -> None:
        """Wells for which the instrument wrote a word instead of a number."""
        named = {key.casefold() for key, value in node.items() if _is_quantity(value)}
        for each in node.get("error aggregate document", {}).get("error document", []):
            feature, error = str(each.get("error feature", "")).strip(), str(each.get("error", "")).strip()
            if place.measured and feature and feature.casefold() not in named:
                at = replace(place, problems={feature.casefold(): error})
                self.readings.append(_reading(feature.lower(), {"value": math.nan, "unit": ""}, at))

    def _below(self, value: Any, place: _Place) -> None:
        if isinstance(value, Mapping):
            self.enter(value, place)
        elif isinstance(value, Sequence) and not isinstance(value, str):
            for each in value:
                if isinstance(each, Mapping):
                    self.enter(each, place)

    def _quantities(self, node: Mapping[str, Any], place: _Place) -> None:
        for key, value in node.items():
            if _is_quantity(value):
                self._quantity(key, value, place)
            elif isinstance(value, Mapping):
                self._quantities(value, place)

    def _quantity(self, key: str, value: Mapping[str, Any], place: _Place) -> None:
        if not place.measured or key in _PROPERTIES:
            self.settings.append((key, value))
            return
        if role := value.get("has statistic datum role"):
            place = replace(place, channel=(*place.channel, str(role).removesuffix(" role")))
        self.readings.append(_reading(key, value, place))

    def _cube(self, key: str, value: Mapping[str, Any], place: _Place) -> None:
        structure, data = value["cube-structure"], value.get("data", {})
        measures, dimensions = structure.get("measures", [{}]), structure.get("dimensions", [{}])
        along = dimensions[0]
        at = tuple(map(_number, (data.get("dimensions") or data.get("points") or [[]])[0]))
        label = str(value.get("label", ""))
        for number, measure in enumerate(measures):
            name = str(measure.get("concept", key))
            values = tuple(map(_number, data.get("measures", [[]])[number]))
            about = _reading(name, {"value": math.nan, "unit": measure.get("unit", "")}, place)
            about = replace(about, channel=about.channel or label, problem="")
            self.cubes.append(Cube(about, str(along.get("concept", "")), str(along.get("unit", "")), at, values))

    def _note_settings(self, value: Any) -> None:
        if _is_quantity(value):
            return
        if isinstance(value, Mapping):
            for key, each in value.items():
                if _is_quantity(each):
                    self.settings.append((key, each))
                self._note_settings(each)
        elif isinstance(value, Sequence) and not isinstance(value, str):
            for each in value:
                self._note_settings(each)

    def _at(self, node: Mapping[str, Any], place: _Place) -> _Place:
        sample = node.get("sample document")
        if isinstance(sample, Mapping):
            well = _first(
                sample, "well location identifier", "location identifier", "destination well location identifier"
            )
            plate = _first(sample, "well plate identifier", "destination well plate identifier")
            place = replace(place, plate=plate, well=well_name(well), sample=_first(sample, "sample identifier"))
        if time := _first(node, "measurement time"):
            place = replace(place, time=time)
        names = [f"{before}{text}" for key, before in _NAMES.items() if (text := _first(node, key))]
        channel = [*place.channel, *_channel(node.get("device control aggregate document")), *names]
        problems = {
            str(each.get("error feature", "")).casefold(): str(each.get("error", ""))
            for each in node.get("error aggregate document", {}).get("error document", [])
        }
        return replace(place, channel=tuple(dict.fromkeys(channel)), problems={**place.problems, **problems})

    def calculated(self) -> Iterator[Reading]:
        """Calculated data, each with the well of what it was calculated from where that is one."""
        for node, place in self._calculated:
            if isinstance(identifier := node.get("calculated data identifier"), str):
                self._sources[identifier] = self._place_of(node, place)
        for node, place in self._calculated:
            name = str(node.get("calculated data name", ""))
            for key, value in node.items():
                if _is_quantity(value):
                    at = replace(self._place_of(node, place), origin="calculated")
                    yield _reading(name or key, value, at)

    def _place_of(self, node: Mapping[str, Any], place: _Place) -> _Place:
        sources = node.get("data source aggregate document", {}).get("data source document", [])
        found = [self._sources[i] for each in sources if (i := each.get("data source identifier")) in self._sources]
        if not found:
            return place
        same = {
            name: {getattr(each, name) for each in found} for name in ("plate", "well", "sample", "time", "channel")
        }
        known = {name: next(iter(values)) if len(values) == 1 else _BLANK[name] for name, values in same.items()}
        return replace(found[0], **known, problems={})


_BLANK: dict[str, Any] = {"plate": "", "well": "", "sample": "", "time": "", "channel": ()}


def _reading(key: str, value: Mapping[str, Any], place: _Place) -> Reading:
    number, unit = _number(value["value"]), str(value.get("unit") or "")
    problem = ""
    if math.isnan(number):
        word = str(value["value"])
        problem = place.problems.get(key.casefold(), "") or ("no value" if word in ("-0.0", "nan") else word)
    return Reading(
        place.plate,
        place.well,
        place.sample,
        key,
        "; ".join(place.channel),
        number,
        "" if unit in _NO_UNIT else unit,
        place.origin,
        place.device,
        place.time,
        problem,
    )


def _channel(controls: Any) -> list[str]:
    """What tells one detector's values from another's, such as `485 nm -> 520 nm`."""
    found: list[str] = []
    for control in (controls or {}).get("device control document", []) if isinstance(controls, Mapping) else []:
        for key in _SETTINGS:
            value = control.get(key)
            if _is_quantity(value) and _number(value["value"]) >= SHORTEST:
                word = "excitation " if key.startswith("excitation") else ""
                found.append(f"{word}{_number(value['value']):g} {value['unit']}")
            elif isinstance(value, str) and value not in _NOTHING:
                found.append(value.removesuffix(" (plate reader)"))
    return found


def _device(node: Any) -> str:
    if not isinstance(node, Mapping):
        return ""
    names = (
        _first(node, "product manufacturer"),
        _first(node, "model number"),
        _first(node, "equipment serial number"),
    )
    return " ".join(filter(None, names)) or _first(node, "device identifier")


def _first(node: Mapping[str, Any], *keys: str) -> str:
    """The first of some fields that says something."""
    texts = (str(node[key]).strip() for key in keys if isinstance(node.get(key), str | int | float))
    return next((text for text in texts if text not in _NOTHING), "")


def _number(value: Any) -> float:
    """A number; NaN for a word, and for -0.0, by which allotropy marks a value that is not there."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return math.nan
    return math.nan if number == 0 and math.copysign(1, number) < 0 else number


def _is_quantity(value: Any) -> bool:
    return isinstance(value, Mapping) and "value" in value and "unit" in value


def _is_cube(value: Any) -> bool:
    return isinstance(value, Mapping) and "cube-structure" in value
