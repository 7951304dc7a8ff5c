"""A teacher: its predictions as training targets, the pretrained models in it, and its features of candidates."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import numpy as np

from activeloop.candidates import Pool
from activeloop.encoders.base import Encoder
from activeloop.errors import ModelError
from activeloop.fidelity import EPSILON
from activeloop.foundation.base import FoundationModel
from activeloop.foundation.families import licence_of
from activeloop.models.embedding import HeadPredictor
from activeloop.models.gp.core import signs_of
from activeloop.prediction import Learner, Prediction, Predictor, ValueMap, mean_of

#: rows in one call of a teacher
PIECE = 4096
#: draws of the teacher for each deviation of the student
DRAWS = 4
#: candidates from which the directions of the deviations are computed
SAMPLE = 1024


@dataclass(frozen=True)
class TeacherTargets:
    """Predictions for N candidates, standardised; for classes of the logits.

    Args:
        location: [N, A] mean.
        sd: [N, A] standard deviation.
        deviations: [N, S, A] joint functions from the mean; their mean square is the square of `sd`.
        probabilities: [N, A] of classes; [N, 0] for values.
    """

    location: np.ndarray
    sd: np.ndarray
    deviations: np.ndarray
    probabilities: np.ndarray


@dataclass(frozen=True)
class TeacherSampler:
    """Predicts always with the same seed, so that a teacher's draws are the same functions for all candidates.

    There are several draws for each deviation of the student; the deviations are their principal components, which hold
    as much of their covariance as S functions can, rescaled to the teacher's own standard deviation.

    Args:
        teacher: a fitted model.
        pool: of the candidates.
        seed: of its draws.
        rotation: [S, T] from T draws to S deviations.
        shift, factor: [A] of the standardisation.
        noise: [A] of one measurement, in the teacher's unit.
        classes: names, () for values.
        shape: as in `Prediction`.
        maps: between the values and the scale of all of these, see `Prediction`; () where they are the same.
    """

    teacher: Predictor
    pool: Pool
    seed: int
    rotation: np.ndarray
    shift: np.ndarray
    factor: np.ndarray
    noise: np.ndarray
    classes: tuple[str, ...]
    shape: np.ndarray | None
    maps: tuple[ValueMap, ...] = ()

    @classmethod
    def of(cls, teacher: Predictor, pool: Pool, prediction: Prediction, seed: int, deviations: int) -> TeacherSampler:
        """Scale and directions from a sample.

        Args:
            teacher: a fitted model.
            pool: the one it was fitted on, or one of the same sites.
            prediction: its prediction of a sample of the candidates, with `DRAWS` draws for each deviation.
            seed: of its draws.
            deviations: S.
        """
        maps, prediction = prediction.maps, prediction.on_scale
        if prediction.classes:
            shift, factor = np.zeros(prediction.mean.shape[1]), np.ones(prediction.mean.shape[1])
        else:
            shift, sd = prediction.mean.mean(0), prediction.mean.std(0)
            # a teacher with one mean for all has a scale in its standard deviation
            constant = sd <= 1e-9 * np.abs(prediction.mean).max(0)
            factor = np.where(constant, np.where(prediction.sd.mean(0) > 0, prediction.sd.mean(0), 1.0), sd)
        drawn = (_functions(prediction) / factor).reshape(len(prediction.draws), -1)
        rotation = principal_components(drawn - drawn.mean(0), deviations)
        rest = (prediction.noise, prediction.classes, prediction.shape, maps)
        return cls(teacher, pool, seed, rotation, shift, factor, *rest)

    def targets(self, rows: np.ndarray) -> TeacherTargets:
        """Targets for rows [N], N above 0."""
        pieces = [self._piece(rows[start : start + PIECE]) for start in range(0, len(rows), PIECE)]
        names = [f.name for f in fields(TeacherTargets)]
        return TeacherTargets(*(np.concatenate([getattr(piece, name) for piece in pieces]) for name in names))

    def means(self, rows: np.ndarray) -> np.ndarray:
        """[N, A] the means alone, standardised (for classes probabilities)."""
        return (self.places(mean_of(self.teacher, self.pool, rows)) - self.shift) / self.factor

    def places(self, values: np.ndarray) -> np.ndarray:
        """[N, A] values of the assays on the scale of the student."""
        if not self.maps:
            return values
        return np.stack([each.place(column) for each, column in zip(self.maps, values.T, strict=True)], 1)

    def errors(self, values: np.ndarray, errors: np.ndarray) -> np.ndarray:
        """[N, A] standard errors of values on the scale of the student."""
        if not self.maps:
            return errors
        columns = zip(self.maps, values.T, errors.T, strict=True)
        return np.stack([each.sd_forward(v, e) for each, v, e in columns], 1)

    def _piece(self, rows: np.ndarray) -> TeacherTargets:
        prediction = self.teacher.predict(self.pool, rows, self.seed, self.rotation.shape[1]).on_scale
        drawn = _functions(prediction) / self.factor
        centre = drawn.mean(0)
        deviations = np.einsum("st,tna->nsa", self.rotation, drawn - centre)
        if self.classes:
            sd, probabilities = drawn.std(0), np.clip(prediction.mean, EPSILON, 1)
            location = centre
        else:
            sd, probabilities = prediction.sd / self.factor, np.zeros((len(rows), 0))
            location = (prediction.mean - self.shift) / self.factor
        size = np.sqrt((deviations**2).mean(1))
        deviations = deviations * (sd / np.maximum(size, 1e-9 + 0.1 * sd))[:, None]
        return TeacherTargets(*(part.astype(np.float32) for part in (location, sd, deviations, probabilities)))


def _functions(prediction: Prediction) -> np.ndarray:
    """[T, N, A] values of the draws; for classes logits with mean 0."""
    if not prediction.classes:
        return prediction.draws.astype(np.float64)
    logits = np.log(np.clip(prediction.draws, EPSILON, 1))
    return logits - logits.mean(2, keepdims=True)


def principal_components(drawn: np.ndarray, count: int) -> np.ndarray:
    """[S, T] from T centred draws [T, n] to S functions with the same covariance, the largest first.

    Both covariances are means: over draws, and over functions.

    >>> drawn = np.array([[1.0, -1.0], [-1.0, 1.0], [0.5, 0.5], [-0.5, -0.5]])
    >>> found = principal_components(drawn, 3) @ drawn
    >>> bool(np.allclose(found.T @ found / 3, drawn.T @ drawn / 4))
    True
    """
    _, vectors = np.linalg.eigh(drawn @ drawn.T)
    rotation = np.zeros((count, len(drawn)))
    used = min(count, len(drawn))
    rotation[:used] = vectors[:, ::-1].T[:used]
    rotation *= signs_of(rotation)[:, None]
    return rotation * np.sqrt(count / len(drawn))


#: rows of a pool to features [n, P]
Features = Callable[[Pool, np.ndarray], np.ndarray]
#: the licence of a student without a pretrained teacher
OWN = "that of the measurements"


def members(teacher: Predictor) -> Iterator[Predictor]:
    """The teacher and every model in it, itself first."""
    yield teacher
    for part in _settings(teacher):
        if isinstance(part, Predictor):
            yield from members(part)


def foundations(teacher: Predictor) -> list[FoundationModel]:
    """The pretrained models in a teacher, each once, by name."""
    found = {foundation.name: foundation for member in members(teacher) for foundation in _foundations(member, 3)}
    return [found[name] for name in sorted(found)]


def licence(teacher: Predictor) -> str:
    """The licence of a student: that of the pretrained models in its teacher."""
    texts = []
    for foundation in foundations(teacher):
        known = licence_of(foundation.source)
        texts.append(f"{foundation.name}: {'not known' if known is None else known.text}")
    return "; ".join(texts) or OWN


def hidden_states(teacher: Predictor) -> Features:
    """The pooled features of the first model in a teacher that has some.

    Raises:
        ModelError: none is on a network or an encoder.
    """
    found = _encoder_and_features(teacher)
    if found is None:
        raise ModelError(
            f"a teacher of the kind {type(teacher).__name__} has no hidden states to be matched. Leave out `matching`, "
            "or choose a fine-tuned model or a head on one; nothing was trained."
        )
    return found[1]


def averaged_states(teacher: Predictor, pool: Pool) -> Features | None:
    """Features, where they are a pretrained model's means over a candidate's mutations; else None."""
    found = _encoder_and_features(teacher)
    if found is None:
        return None
    encoder, features = found
    # an activation cache has the name of its pretrained model
    foundation = encoder if isinstance(encoder, FoundationModel) else next(_foundations(encoder, 1), None)
    if foundation is None or foundation.name != encoder.name:
        return None
    # imported here: it needs torch, which a pretrained model has loaded already
    from activeloop.foundation.reading import pooling_for

    return features if pooling_for(pool, foundation.pooling) == "mutated" else None


def _encoder_and_features(teacher: Predictor) -> tuple[Encoder, Features] | None:
    for member in members(teacher):
        if isinstance(member, HeadPredictor):
            return member.columns.encoder, member.columns.encoder.features
        if type(member).__name__ == "FineTunedPredictor":
            tuned: Any = member
            return tuned.learner.encoder, _fine_tuned_features(tuned)
    return None


def _fine_tuned_features(member: Any) -> Features:
    # imported here: it needs torch, which a fine-tuned teacher has loaded already
    from activeloop.models.finetuning.predictor import features_of

    def features(pool: Pool, rows: np.ndarray) -> np.ndarray:
        return features_of([member.members[0].adapted], member.learner, pool, np.asarray(rows, np.int64))[0]

    return features


def _foundations(thing: Any, depth: int) -> Iterator[FoundationModel]:
    """Pretrained models among the settings of something, and of the settings of these."""
    for part in _settings(thing):
        if isinstance(part, FoundationModel):
            yield part
        elif depth and (isinstance(part, Learner | Encoder) or is_dataclass(part)):
            yield from _foundations(part, depth - 1)


def _settings(thing: Any) -> Iterator[Any]:
    """Fields of a dataclass; entries of those that are tuples."""
    if not is_dataclass(thing) or isinstance(thing, type):
        return
    for field in fields(thing):
        value = getattr(thing, field.name)
        yield from value if isinstance(value, tuple) else (value,)
