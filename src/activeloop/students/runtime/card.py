"""What a student says of itself; it travels inside the exported file as one JSON text."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np

from activeloop.errors import InputError
from activeloop.measurements import Assay
from activeloop.prediction import LEVELS
from activeloop.students.runtime.reading import StudentTokenizer

#: of the JSON text; a file of a later one is refused
FORMAT = 1
#: key of the card among the metadata of the file
KEY = "activeloop"


@dataclass(frozen=True)
class ModelCard:
    """Everything about a student but its numbers.

    Args:
        network: the network in words, such as "convolutional, 64 wide, 4 blocks".
        reading: how candidates are read.
        assays: what it predicts.
        classes: names of the classes, () for values.
        noise: [A] standard deviation of the noise of one measurement, as the teacher states it.
        shape: [A, K] as in `Prediction.shape`, or None; kept to three digits behind the point.
        parameters: how many numbers it has.
        teacher: which model taught it, in words.
        teacher_version: number of the campaign's version; 0 outside a campaign.
        data_hash: `Dataset.hash` of what the teacher was fitted to; "" when not known.
        agreement: name -> value, on candidates that it was not taught: `spearman` and `sd_spearman` with the teacher,
            `candidates` (how many), `top_recall` (share of the teacher's best tenth that is the student's too); for
            classes `auroc` and `kl`. NaN where there is none.
        licence: what it may be used for; it is no freer than the foundation model's.
        code_version: of ActiveLoop.
        created_at: ISO 8601, UTC.
        seed: of the teaching.
    """

    network: str
    reading: StudentTokenizer
    assays: tuple[Assay, ...]
    classes: tuple[str, ...]
    noise: tuple[float, ...]
    shape: np.ndarray | None
    parameters: int
    teacher: str
    teacher_version: int
    data_hash: str
    agreement: dict[str, float]
    licence: str
    code_version: str
    created_at: str
    seed: int

    def __post_init__(self) -> None:
        if self.shape is not None:
            # a small student's file would be half made of digits that no assay can tell apart
            object.__setattr__(self, "shape", np.round(np.asarray(self.shape, np.float64), 3))

    @property
    def outputs(self) -> int:
        """A: how many numbers it predicts of a candidate, one an assay or one a class."""
        return len(self.classes) or len(self.assays)

    def text(self) -> str:
        """As JSON; `ModelCard.read` makes it again, equal in every field."""
        told = asdict(self) | {
            "format": FORMAT,
            "shape": None if self.shape is None else self.shape.tolist(),
            # JSON has no NaN, and other readers refuse it
            "agreement": {name: None if math.isnan(value) else value for name, value in self.agreement.items()},
        }
        return json.dumps(told, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))

    @classmethod
    def read(cls, text: str, file: str) -> ModelCard:
        """The card in a JSON text.

        Args:
            text: the JSON.
            file: where it stands, for messages.

        Raises:
            InputError: it is no card, or one of a later format; names the file.
        """
        try:
            told = json.loads(text)
            later = int(told["format"]) > FORMAT
        except (ValueError, TypeError, KeyError, RecursionError):
            raise _no_card(file, "it is no JSON with a format") from None
        if later:
            problem = f"this student has format {told['format']}, and this ActiveLoop reads up to {FORMAT}."
            raise InputError(f"{problem} Install a newer ActiveLoop, or export the student again.", file=file)
        try:
            card = cls(**{field.name: _READ[field.name](told[field.name]) for field in fields(cls)})
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            raise _no_card(file, f"{type(error).__name__}: {error}") from None
        problem = card._problem()
        if problem:
            raise _no_card(file, problem)
        return card

    def _problem(self) -> str:
        """What its parts contradict each other in; "" when they agree."""
        if not self.assays or (self.classes and len(self.assays) != 1):
            return f"{len(self.assays)} assays for {len(self.classes)} classes"
        if len(self.noise) != self.outputs:
            return f"the noise of {len(self.noise)} outputs where there are {self.outputs}"
        if self.shape is not None and self.shape.shape != (self.outputs, len(LEVELS)):
            return f"a shape of {self.shape.shape}"
        if len(set(self.reading.letters)) < len(self.reading.letters):
            return "a letter stands twice in the alphabet"
        if self.reading.positions and sorted(set(self.reading.positions)) != list(self.reading.positions):
            return "positions that do not increase"
        if self.reading.parent and max(self.reading.positions, default=1) > len(self.reading.parent):
            return "positions outside the wild type"
        return ""


def _no_card(file: str, why: str) -> InputError:
    return InputError(f"the card of this student cannot be read ({why}). Export the student again.", file=file)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _whole(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r} is no whole number")
    return value


def _number(value: Any) -> float:
    if value is None:
        return math.nan
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"{value!r} is no number")
    return float(value)


def _limit(value: Any) -> float | None:
    return None if value is None else _number(value)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is no list")
    return value


def _goal(value: Any) -> Any:
    if value not in ("maximise", "minimise", "classify"):
        raise ValueError(f"{value!r} is no goal")
    return value


def _assay(told: dict[str, Any]) -> Assay:
    name, unit = _text(told["name"]), _text(told["unit"])
    return Assay(name, unit, _goal(told["goal"]), _limit(told["lower"]), _limit(told["upper"]))


def _reading(told: dict[str, Any]) -> StudentTokenizer:
    positions = tuple(_positive(p) for p in _list(told["positions"]))
    return StudentTokenizer(
        _kind(told["kind"]), _text(told["letters"]), _text(told["parent"]), positions, _positive(told["width"])
    )


def _kind(value: Any) -> str:
    if value not in ("variants", "compounds", "guides"):
        raise ValueError(f"{value!r} is no kind of candidates")
    return value


def _positive(value: Any) -> int:
    if _whole(value) < 1:
        raise ValueError(f"{value} is not above 0")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(_text, _list(value)))


def _shape(value: Any) -> np.ndarray | None:
    return None if value is None else np.array([[_number(x) for x in _list(row)] for row in _list(value)], float)


#: field -> how its value in JSON is checked and read
_READ: dict[str, Any] = {
    "network": _text,
    "reading": _reading,
    "assays": lambda value: tuple(map(_assay, _list(value))),
    "classes": _texts,
    "noise": lambda value: tuple(map(_number, _list(value))),
    "shape": _shape,
    "parameters": _whole,
    "teacher": _text,
    "teacher_version": _whole,
    "data_hash": _text,
    "agreement": lambda value: {_text(name): _number(x) for name, x in value.items()},
    "licence": _text,
    "code_version": _text,
    "created_at": _text,
    "seed": _whole,
}
