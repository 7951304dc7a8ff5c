"""Who predicts in the suite of students: baselines, teachers, and how their students are taught, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np

from activeloop.candidates import Pool
from activeloop.encoders.base import Encoder
from activeloop.errors import ConfigError
from activeloop.foundation import ESM2
from activeloop.foundation.base import FoundationModel
from activeloop.models.embedding import HeadLearner
from activeloop.models.finetuning.registry import fine_tuned
from activeloop.models.heads.gp import GPHead
from activeloop.models.registry import default_learner, plain_encoder
from activeloop.models.stacking import StackingEnsemble
from activeloop.prediction import Learner
from activeloop.priors import SubstitutionPrior
from activeloop.replay.landscape import Landscape
from activeloop.students.distil.config import Distiller, Weights
from activeloop.students.distil.networks import default_network
from activeloop.students.distil.transfer import Transfer

#: a Gaussian process on one-hot letters (of compounds on fingerprints); what a teacher must beat to be worth one
PLAIN = "one-hot GP"
#: the student's network, taught by the labels alone
ALONE = "alone"
#: what is said of each teacher
TEACHERS = {
    "default": "the product's default, without a foundation model",
    "frozen": "a Gaussian process on features of the foundation model as pretrained, beside the substitution prior",
    "both": "a gate that weighs these two",
    "fine-tuned": "the foundation model with LoRA in its last layer",
}
#: weight of the default's learners and of the foundation model's before any evidence, as in the gate of configs
START = (3.0, 1.0)


@dataclass(frozen=True)
class Arm:
    """One that predicts.

    Args:
        teacher: one of `TEACHERS`, `PLAIN`, or `ALONE`.
        changes: fields of the `Distiller` that are set otherwise than by default, and their values as text.

    >>> Arm.read("frozen:alpha=0.5,transfer=none").changes
    (('alpha', '0.5'), ('transfer', 'none'))
    >>> str(Arm.read("frozen:alpha=0.5"))
    'frozen:alpha=0.5'
    """

    teacher: str
    changes: tuple[tuple[str, str], ...] = ()

    @classmethod
    def read(cls, text: str) -> Arm:
        """The arm of a name such as `default` or `frozen:alpha=0.5`.

        Raises:
            ConfigError: it is none.
        """
        teacher, _, rest = text.partition(":")
        pairs = [part.partition("=") for part in rest.split(",") if part]
        if teacher not in (PLAIN, ALONE, *TEACHERS) or not all(key and value for key, _, value in pairs):
            known = ", ".join((PLAIN, ALONE, *TEACHERS))
            raise ConfigError(f'"{text}" is not an arm. Arms: {known}, each with :FIELD=VALUE. Nothing was computed.')
        return cls(teacher, tuple((key, value) for key, _, value in pairs))

    def __str__(self) -> str:
        told = ",".join(f"{key}={value}" for key, value in self.changes)
        return f"{self.teacher}:{told}" if told else self.teacher

    @property
    def teaches(self) -> bool:
        """Whether it has a student."""
        return self.teacher != PLAIN


@dataclass(frozen=True, eq=False)
class Looked(Encoder):
    """Features of a foundation model; those of one pool's candidates are computed once for all seeds and labels.

    Args:
        foundation: whose features they are.
        pool: of the task; candidates that are not in it go through the network.
    """

    foundation: FoundationModel
    pool: Pool

    @property
    def name(self) -> str:
        """The foundation model's."""
        return self.foundation.name

    def features(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """Float32 [n, P] as the foundation model gives them."""
        rows = np.asarray(rows, np.int64)
        if pool is self.pool:
            return self._all[rows]
        if _columns(pool) != _columns(self.pool):
            return self.foundation.features(pool, rows)
        names = pool.names(rows)
        at = self.pool.rows_of(names)
        features, strange = self._all[at], np.flatnonzero(at < 0)
        new = [i for i in strange.tolist() if names[i] not in self._others]
        if new:
            found = self.foundation.features(pool, rows[new])
            self._others.update({names[i]: one for i, one in zip(new, found, strict=True)})
        for i in strange.tolist():
            features[i] = self._others[names[i]]
        return features

    @cached_property
    def _others(self) -> dict[str, np.ndarray]:
        """Of candidates that are not in the pool, such as mutants that a student is taught by."""
        return {}

    @cached_property
    def _all(self) -> np.ndarray:
        return self.foundation.features(self.pool, np.arange(len(self.pool)))


def _columns(pool: Pool) -> tuple[str, tuple[str, ...]] | None:
    """What features may depend on beside a candidate itself."""
    return None if pool.sites is None else (pool.sites.parent_sequence, pool.sites.labels)


def teacher_of(arm: Arm, landscape: Landscape, look: bool = True) -> Learner | None:
    """The learner that teaches (of `PLAIN` the baseline); None when it cannot read the candidates, or for `ALONE`.

    Args:
        arm: who.
        landscape: its assay says whether values or classes are learned.
        look: whether features of its whole pool are computed at once and kept, for many fits on one small pool.
    """
    classes = landscape.assay.goal == "classify"
    goal = "learn" if classes else "find"
    if arm.teacher == ALONE:
        return None
    if arm.teacher == PLAIN:
        return HeadLearner(plain_encoder(landscape.pool), GPHead())
    if arm.teacher == "default":
        return default_learner(landscape.pool, goal)
    if landscape.pool.kind != "variants":
        return None
    features = Looked(ESM2(), landscape.pool) if look else ESM2()
    frozen = HeadLearner(features, GPHead(), SubstitutionPrior())
    made: dict[str, Callable[[], Learner | None]] = {
        "frozen": lambda: frozen,
        "both": lambda: None if classes else _gate((default_learner(landscape.pool, goal), frozen)),
        "fine-tuned": partial(fine_tuned, loss="classes" if classes else "values"),
    }
    return made[arm.teacher]()


def _gate(learners: tuple[Learner, ...]) -> StackingEnsemble:
    return StackingEnsemble(learners, start=START, scale="ranks")


def teacher_parameters(arm: Arm) -> int | None:
    """Numbers in the foundation model that a teacher reads with; None for those without one."""
    if arm.teacher not in ("frozen", "both", "fine-tuned"):
        return None
    from activeloop.foundation.encoding import feature_encoder

    return sum(p.numel() for p in feature_encoder(ESM2()).parameters())


#: transfer sets by the names that arms give them
TRANSFERS = {
    "none": Transfer(size=0, mutants=0),
    "pool": Transfer(mutants=0),
    "random": Transfer(rounds=0, mutants=0),
    "mutants": Transfer(),
}


def distiller_of(arm: Arm, pool: Pool) -> Distiller:
    """How an arm's student is taught.

    Raises:
        ConfigError: a change that is none of `alpha`, `temperature`, `steps`, `order` (the weight of that part of the
            loss), or `transfer` with one of `TRANSFERS`.

    >>> distiller_of(Arm.read("frozen:alpha=0.5"), Pool.single_mutants("MKTAYIAKQR" * 4)).alpha
    0.5
    """
    distiller = Distiller(default_network(pool))
    for key, text in arm.changes:
        distiller = replace(distiller, **_change(key, text))
    return distiller


def _change(key: str, text: str) -> dict[str, Any]:
    if key == "transfer" and text in TRANSFERS:
        return {key: TRANSFERS[text]}
    try:
        if key == "order":
            return {"weights": Weights(order=float(text))}
        return {key: {"alpha": float, "temperature": float, "steps": int}[key](text)}
    except (KeyError, ValueError):
        raise ConfigError(f'"{key}={text}" is no change of how a student is taught. Nothing was computed.') from None
