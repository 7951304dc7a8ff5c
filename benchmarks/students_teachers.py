"""Which sets students learn, which of their candidates are held out, and who teaches them, by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from typing import Any, Literal

import numpy as np

from activeloop.candidates import Pool
from activeloop.encoders.base import Encoder
from activeloop.errors import ConfigError
from activeloop.foundation import ESM2
from activeloop.foundation.base import FoundationModel
from activeloop.measurements import Assay, Dataset
from activeloop.metrics import auroc
from activeloop.models.default import default_learner
from activeloop.models.embedding import HeadLearner
from activeloop.models.heads.gp import GPHead
from activeloop.models.registry import fine_tuned, plain_encoder
from activeloop.models.stacking import StackingEnsemble
from activeloop.prediction import Learner
from activeloop.priors import SubstitutionPrior
from activeloop.replay.landscape import Landscape
from activeloop.replay.metrics import spearman
from activeloop.replay.sources import Source, load_landscape
from activeloop.students.distil.config import Transfer, Weights
from activeloop.students.distil.distiller import Distiller
from activeloop.students.distil.networks import default_network
from benchmarks.proteins import DOMAINS
from benchmarks.suites import SHORT

#: candidates that represent a larger set, drawn once for all seeds
MOST = 6000
#: share of the candidates that is never labelled and never shown to a teacher or student
HELD_OUT = 3
#: values: single mutants of the four shortest proteins of `SHORT`, two libraries, one set of many mutations, one of
#: guides; classes: the next of `SHORT`, and a screen of compounds
VALUES = (*SHORT[:4], "gb1", "phoq", "avgfp", "crispr-hl60")
CLASSES = (SHORT[4], "ecoli")


@dataclass(frozen=True)
class Task:
    """A set of candidates to learn.

    Args:
        name: of the public set.
        measured: whether values or classes are told of the labelled candidates.
    """

    name: str
    measured: Literal["values", "classes"] = "values"

    @property
    def metric(self) -> str:
        """By which it is judged."""
        return "Spearman" if self.measured == "values" else "AUROC"


TASKS = (*(Task(name) for name in VALUES), *(Task(name, "classes") for name in CLASSES))


def find_task(name: str) -> Task:
    """A task by the name of its set; sets that are none of `TASKS` are learned as values.

    >>> find_task("ecoli").metric, find_task("gb1").metric
    ('AUROC', 'Spearman')
    """
    return next((task for task in TASKS if task.name == name), Task(name))


@lru_cache(maxsize=2)
def landscape_of_task(task: Task) -> Landscape:
    """At most `MOST` candidates of its set; libraries over a known domain have the domain as their parent.

    For classes the values are 0 and 1.

    Raises:
        ConfigError: classes of a set that has none.
    """
    landscape = load_landscape(Source(task.name))
    if task.measured == "classes":
        landscape = _classified(landscape)
    rows, pool = np.arange(len(landscape)), landscape.pool
    if len(rows) > MOST:
        rows = np.sort(np.random.default_rng(0).choice(len(rows), MOST, replace=False))
        pool = Pool.of([pool.design(row) for row in rows.tolist()])
    if task.name in DOMAINS:
        pool = _parented(landscape, rows)
    return replace(landscape, pool=pool, values=landscape.values[rows], classes=None)


def _parented(landscape: Landscape, rows: np.ndarray) -> Pool:
    domain = DOMAINS[landscape.name]
    library = Pool.combinatorial(domain.chain, domain.sites)
    return Pool.of([library.design(int(r)) for r in library.rows_of(landscape.pool.names(rows))])


def _classified(landscape: Landscape) -> Landscape:
    values = landscape.values if landscape.classes is None else landscape.classes
    if values.min() < 0 or values.max() > 1:
        raise ConfigError(f"{landscape.name} tells no classes 0 and 1. Ask for its values; nothing was computed.")
    # a candidate in several rows has the class of most of them
    return replace(landscape, values=(values >= 0.5).astype(float), assay=Assay("fit", goal="classify"))


@dataclass(frozen=True)
class Split:
    """Which candidates are for what; all rows of the task's pool.

    Args:
        labelled: what was measured.
        held_out: judged on; nobody sees them before.
        unlabelled: judged on as well, at most as many: nobody measured them, but a teacher may be asked about them.
    """

    labelled: np.ndarray
    held_out: np.ndarray
    unlabelled: np.ndarray


def split(count: int, labels: int, seed: int) -> Split:
    """A third of the candidates is held out, and the first of the rest, in an order drawn from the seed, are labelled.

    More labels hold fewer, and the held-out ones are the same for any number.

    Raises:
        ConfigError: there are too few to label.

    >>> split(12, 3, 0).held_out.tolist() == split(12, 8, 0).held_out.tolist()
    True
    """
    order = np.random.default_rng(seed).permutation(count)
    held_out, rest = order[: count // HELD_OUT], order[count // HELD_OUT :]
    if labels > len(rest):
        raise ConfigError(f"{labels} labels: only {len(rest)} of {count} candidates may be labelled.")
    return Split(rest[:labels], np.sort(held_out), np.sort(rest[labels:][: len(held_out)]))


def labelled_data(landscape: Landscape, rows: np.ndarray) -> Dataset:
    """The measured candidates, oriented."""
    return Dataset.of(landscape.pool, rows, landscape.values[rows], landscape.assay).oriented()


def judged(task: Task, predicted: np.ndarray, true: np.ndarray) -> float:
    """Spearman of values, AUROC of classes: predictions and oriented truth [n]."""
    return spearman(predicted, true) if task.measured == "values" else auroc(predicted, true > 0.5)


#: a Gaussian process on one-hot residues (of compounds on fingerprints); what a teacher must beat
PLAIN = "one-hot GP"
#: the student's network, taught by the labels alone
ALONE = "alone"
#: what is said of each teacher
TEACHERS = {
    "default": "the product's default, without a foundation model",
    "embedding-gp": "a Gaussian process on features of the pretrained foundation model, beside the substitution prior",
    "stacking": "a stacking ensemble of these two",
    "fine-tuned": "the foundation model with LoRA in its last layer",
}
#: prior weights of the default's learners and of the foundation model's, as in the product's stacking ensemble
START = (3.0, 1.0)


@dataclass(frozen=True)
class Arm:
    """One that predicts.

    Args:
        teacher: one of `TEACHERS`, `PLAIN`, or `ALONE`.
        changes: fields of the `Distiller` that are set otherwise than by default, and their values as text.

    >>> Arm.read("embedding-gp:alpha=0.5,transfer=none").changes
    (('alpha', '0.5'), ('transfer', 'none'))
    >>> str(Arm.read("embedding-gp:alpha=0.5"))
    'embedding-gp:alpha=0.5'
    """

    teacher: str
    changes: tuple[tuple[str, str], ...] = ()

    @classmethod
    def read(cls, text: str) -> Arm:
        """The arm of a name such as `default` or `embedding-gp:alpha=0.5`.

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
class CachedFeatures(Encoder):
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
    features = CachedFeatures(ESM2(), landscape.pool) if look else ESM2()
    frozen = HeadLearner(features, GPHead(), SubstitutionPrior())
    made: dict[str, Callable[[], Learner | None]] = {
        "embedding-gp": lambda: frozen,
        "stacking": lambda: None if classes else _stacking((default_learner(landscape.pool, goal), frozen)),
        "fine-tuned": partial(fine_tuned, loss="classes" if classes else "values"),
    }
    return made[arm.teacher]()


def _stacking(learners: tuple[Learner, ...]) -> StackingEnsemble:
    return StackingEnsemble(learners, start=START, scale="ranks")


def teacher_parameters(arm: Arm) -> int | None:
    """Numbers in the foundation model that a teacher reads with; None for those without one."""
    if arm.teacher not in ("embedding-gp", "stacking", "fine-tuned"):
        return None

    return sum(p.numel() for p in ESM2().feature_encoder().parameters())


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

    >>> distiller_of(Arm.read("embedding-gp:alpha=0.5"), Pool.single_mutants("MKTAYIAKQR" * 4)).alpha
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
