"""Which pretrained models a teacher is made of, and what they see in candidates."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from activeloop.candidates import Pool
from activeloop.encoders.base import Encoder
from activeloop.errors import ModelError
from activeloop.foundation.base import FoundationModel
from activeloop.foundation.licences import licence_of
from activeloop.models.embedding import HeadPredictor
from activeloop.prediction import Learner, Predictor

#: rows of a pool to features [n, P]
Features = Callable[[Pool, np.ndarray], np.ndarray]
#: of a student none of whose teachers is pretrained
OWN = "that of the measurements"


def members(teacher: Predictor) -> Iterator[Predictor]:
    """The teacher and every model in it, itself first."""
    yield teacher
    for part in _settings(teacher):
        if isinstance(part, Predictor):
            yield from members(part)


def foundations(teacher: Predictor) -> list[FoundationModel]:
    """The pretrained models in a teacher, each once, by name."""
    found: dict[str, FoundationModel] = {}
    for member in members(teacher):
        for foundation in _within(member, 3):
            found[foundation.name] = foundation
    return [found[name] for name in sorted(found)]


def licence(teacher: Predictor) -> str:
    """What a student may be used for: no more than the pretrained models that its teacher is made of.

    >>> from activeloop.students.distil.config import Labels
    >>> licence(Labels(np.zeros(1), np.ones(1), ()))
    'that of the measurements'
    """
    texts = []
    for foundation in foundations(teacher):
        known = licence_of(foundation.source)
        texts.append(f"{foundation.name}: {'not known' if known is None else known.text}")
    return "; ".join(texts) or OWN


def hidden_states(teacher: Predictor) -> Features:
    """What the teacher sees in candidates: the pooled features of its first part that has some.

    Raises:
        ModelError: no part of it reads candidates through a network or an encoder.
    """
    found = _seeing(teacher)
    if found is not None:
        return found[1]
    raise ModelError(
        f"a teacher of the kind {type(teacher).__name__} has no hidden states to be matched. Leave out `matching`, or "
        "choose a fine-tuned model or a head on one; nothing was taught."
    )


def averaged_states(teacher: Predictor, pool: Pool) -> Features | None:
    """Hidden states, where they are a pretrained model's means over a candidate's mutations; else None."""
    found = _seeing(teacher)
    if found is None:
        return None
    encoder, features = found
    # what keeps features of a pretrained model is called as the model is
    foundation = encoder if isinstance(encoder, FoundationModel) else next(_within(encoder, 1), None)
    if foundation is None or foundation.name != encoder.name:
        return None
    # imported here: it needs torch, which a pretrained model has loaded already
    from activeloop.foundation.pooling import pooling_for

    return features if pooling_for(pool, foundation.pooling) == "mutated" else None


def _seeing(teacher: Predictor) -> tuple[Encoder, Features] | None:
    """The encoder of the first part that has one, and what that part sees."""
    for member in members(teacher):
        if isinstance(member, HeadPredictor):
            return member.columns.encoder, member.columns.encoder.features
        if type(member).__name__ == "FineTunedPredictor":
            tuned: Any = member
            return tuned.learner.encoder, _fine_tuned(tuned)
    return None


def _fine_tuned(member: Any) -> Features:
    # imported here: it needs torch, which a fine-tuned teacher has loaded already
    from activeloop.models.finetuning.predictor import features_of

    def features(pool: Pool, rows: np.ndarray) -> np.ndarray:
        return features_of([member.members[0].adapted], member.learner, pool, np.asarray(rows, np.int64))[0]

    return features


def _within(thing: Any, depth: int) -> Iterator[FoundationModel]:
    """Pretrained models among the settings of something, and of the settings of these."""
    for part in _settings(thing):
        if isinstance(part, FoundationModel):
            yield part
        elif (depth and isinstance(part, Learner | Encoder)) or is_dataclass(part):
            yield from _within(part, depth - 1) if depth else ()


def _settings(thing: Any) -> Iterator[Any]:
    """Fields of a dataclass; entries of those that are tuples."""
    if not is_dataclass(thing) or isinstance(thing, type):
        return
    for field in fields(thing):
        value = getattr(thing, field.name)
        yield from value if isinstance(value, tuple) else (value,)
