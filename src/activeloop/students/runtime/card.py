"""The model card of a student: everything but its weights, as one JSON text inside the exported file."""

from __future__ import annotations

import json
import math
from dataclasses import MISSING, asdict, dataclass, fields, is_dataclass
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from activeloop.errors import InputError
from activeloop.measurements import Assay
from activeloop.prediction import LEVELS, ValueMap
from activeloop.students.runtime.tokenizer import READ, StudentTokenizer

#: of the JSON text; a file of a later one is refused
FORMAT = 1
#: key of the card among the metadata of the file
KEY = "activeloop"
#: by which a file is checked that says so
CHECKSUM = "sha256"


@dataclass(frozen=True)
class ModelCard:
    """Everything about a student but its weights.

    Args:
        network: in words, such as "convolutional, 64 wide, 4 blocks".
        tokenizer: how candidates are encoded.
        assays: what it predicts.
        classes: their names, () for values.
        noise: [A] standard deviation of the noise of one measurement, on the scale of the graph, as the teacher states
            it.
        shape: [A, K] as in `Prediction.shape`, or None; rounded to three decimals.
        parameters: trainable parameters.
        teacher: the model it was distilled from, in words.
        teacher_version: number of the campaign's version; 0 outside a campaign.
        data_hash: `Dataset.hash` of the teacher's data; "" when not known.
        fidelity: name -> value, against the teacher on candidates held out from training: `spearman` and
            `sd_spearman`, `candidates` (how many), `top_recall` (share of the teacher's top tenth that is in the
            student's); for classes `auroc` and `kl`. NaN where undefined.
        licence: no freer than the foundation model's.
        code_version: of ActiveLoop.
        created_at: ISO 8601, UTC.
        seed: of the training.
        checksum: of the file that it is written to; "" for files of before they had one.
        log: for each assay whether its scale in the graph is the base-10 logarithm of its values; () when none is.
        centres: a typical place of each assay on its scale, see `ValueMap`; () with `log`.
    """

    network: str
    tokenizer: StudentTokenizer
    assays: tuple[Assay, ...]
    classes: tuple[str, ...]
    noise: tuple[float, ...]
    shape: np.ndarray | None
    parameters: int
    teacher: str
    teacher_version: int
    data_hash: str
    fidelity: dict[str, float]
    licence: str
    code_version: str
    created_at: str
    seed: int
    checksum: str = ""
    log: tuple[bool, ...] = ()
    centres: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.shape is not None:
            # digits that no assay can resolve would be half of a small student's file
            object.__setattr__(self, "shape", np.round(np.asarray(self.shape, np.float64), 3))

    @property
    def maps(self) -> tuple[ValueMap, ...]:
        """Between the values of the assays and the scale of the graph; () of classes."""
        logs, centres = self.log or (False,) * len(self.assays), self.centres or (0.0,) * len(self.assays)
        each = zip(self.assays, logs, centres, strict=True)
        if self.classes:
            return ()
        return tuple(ValueMap(log, a.sign, *a.ends, c, binary=a.scale == "binary") for a, log, c in each)

    @property
    def note(self) -> str:
        """What to know of its file; "" for nothing."""
        unchecked = "Its file carries no checksum, as before files had one: whether it was altered is not known."
        letters = (
            "It reads a SMILES letter by letter: write compounds as in its campaign, without salts, for the same "
            "compound written otherwise gets another prediction."
        )
        told = ("" if self.checksum else unchecked, letters if self.tokenizer.kind == "compounds" else "")
        return " ".join(filter(None, told))

    @property
    def outputs(self) -> int:
        """A: numbers per candidate, one an assay or one a class."""
        return len(self.classes) or len(self.assays)

    def to_json(self) -> str:
        """As JSON; `ModelCard.from_json` gives an equal card."""
        content = asdict(self) | {
            "format": FORMAT,
            "shape": None if self.shape is None else self.shape.tolist(),
            # JSON has no NaN, and other readers refuse it
            "fidelity": {name: None if math.isnan(value) else value for name, value in self.fidelity.items()},
        }
        for part, words in ((content, _STORED[ModelCard]), (content["tokenizer"], _STORED[StudentTokenizer])):
            for name, stored in words.items():
                part[stored] = part.pop(name)
        return json.dumps(content, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str, file: str) -> ModelCard:
        """The card in a JSON text.

        Args:
            text: the JSON.
            file: where it stands, for messages.

        Raises:
            InputError: it is no card, or one of a later format; names the file.
        """
        try:
            content = json.loads(text)
            later = int(content["format"]) > FORMAT
        except (ValueError, TypeError, KeyError, RecursionError):
            raise _unreadable(file, "it is no JSON with a format") from None
        if later:
            problem = f"this student has format {content['format']}, and this ActiveLoop reads up to {FORMAT}."
            raise InputError(f"{problem} Install a newer ActiveLoop, or export the student again.", file=file)
        try:
            card = _typed(cls, content)
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
            raise _unreadable(file, f"{type(error).__name__}: {error}") from None
        if problem := card._problem():
            raise _unreadable(file, problem)
        return card

    @property
    def _names(self) -> tuple[str, ...]:
        assays = [text for assay in self.assays for text in (assay.name, assay.unit)]
        return (self.network, self.teacher, self.licence, *self.classes, *assays)

    def _problem(self) -> str:
        """What is impossible or contradictory in it; "" when it is sound."""
        tokenizer = self.tokenizer
        if tokenizer.kind not in READ:
            return f"{tokenizer.kind!r} is no kind of candidates"
        if tokenizer.width < 1 or min(tokenizer.positions, default=1) < 1:
            return "a width or position below 1"
        if not self.assays or (self.classes and len(self.assays) != 1):
            return f"{len(self.assays)} assays for {len(self.classes)} classes"
        if not all(0 <= noise < math.inf for noise in self.noise):
            return "a noise that is no number of 0 or more"
        if {len(self.log), len(self.centres)} > {0, len(self.assays)} or any(
            not math.isfinite(c) for c in self.centres
        ):
            return f"the scales of {len(self.log)} assays where there are {len(self.assays)}"
        if len(self.noise) != self.outputs:
            return f"the noise of {len(self.noise)} outputs where there are {self.outputs}"
        if self.shape is not None and self.shape.shape != (self.outputs, len(LEVELS)):
            return f"a shape of {self.shape.shape}"
        if self.shape is not None and not (np.isfinite(self.shape).all() and (np.diff(self.shape) >= 0).all()):
            return "a shape whose quantiles do not increase"
        if sorted(set(tokenizer.alphabet)) != list(tokenizer.alphabet):
            return "an alphabet that is not in order"
        if min(tokenizer.width, self.parameters, self.teacher_version, MOST_OUTPUTS - self.outputs) < 0:
            return "a size that is impossible"
        if not all(math.isfinite(value) or math.isnan(value) for value in self.fidelity.values()):
            return "a fidelity that is infinite"
        if any(not character.isprintable() for name in self._names for character in name):
            return "a name with characters that cannot be shown"
        if sorted(set(tokenizer.positions)) != list(tokenizer.positions):
            return "positions that do not increase"
        if tokenizer.parent and max(tokenizer.positions, default=1) > len(tokenizer.parent):
            return "positions outside the wild type"
        return ""


#: assays or classes of a student, at most
MOST_OUTPUTS = 10_000


#: fields whose stored word differs from their name: files of every release have these words
_STORED: dict[type, dict[str, str]] = {
    ModelCard: {"tokenizer": "reading", "fidelity": "agreement"},
    StudentTokenizer: {"alphabet": "letters"},
}


def _unreadable(file: str, why: str) -> InputError:
    return InputError(f"the card of this student cannot be read ({why}). Export the student again.", file=file)


def _typed(kind: Any, value: Any) -> Any:
    """A JSON value as the annotated type `kind`; errors of several kinds when it is of another type."""
    origin, inner = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        hints, stored = get_type_hints(kind), _STORED.get(kind, {})  # type: ignore[call-overload]
        words = {f.name: stored.get(f.name, f.name) for f in fields(kind) if f.default is MISSING or f.name in value}
        return kind(**{name: _typed(hints[name], value[word]) for name, word in words.items()})  # type: ignore[operator]
    if origin in (Union, UnionType):
        return None if value is None else _typed(inner[0], value)
    if origin is dict:
        return {_typed(inner[0], name): _typed(inner[1], x) for name, x in value.items()}
    if origin is Literal:
        if value not in inner:
            raise ValueError(f"{value!r} is none of {', '.join(inner)}")
        return value
    if origin is tuple:
        if not isinstance(value, list):
            raise TypeError(f"{value!r} is no list")
        return tuple(_typed(inner[0], x) for x in value)
    if kind is np.ndarray:
        return np.array(_typed(tuple[tuple[float, ...], ...], value), float)
    if kind is float:
        if value is not None and type(value) not in (int, float):
            raise TypeError(f"{value!r} is no number")
        return math.nan if value is None else float(value)
    if type(value) is not kind:
        raise TypeError(f"{value!r} is no {kind.__name__}")
    return value
