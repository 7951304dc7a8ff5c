"""The profile of a family beside each learner of variants: it helps, its weight is learned, and no fit is confused."""

import numpy as np
import pytest

from activeloop.candidates import AMINO_ACIDS, Pool
from activeloop.encoders import Kmers
from activeloop.errors import ConfigError
from activeloop.measurements import Dataset
from activeloop.models.default import default_learner
from activeloop.models.dropout import DropoutNetwork
from activeloop.models.embedding import HeadLearner
from activeloop.models.ensemble import MLPEnsemble
from activeloop.models.family import with_family
from activeloop.models.forest import RandomForest
from activeloop.models.gp.classifier import GPClassifier
from activeloop.models.gp.guides import GuideGP
from activeloop.models.gp.mutation_gp import MutationGP
from activeloop.models.gp.site_gp import SiteGP
from activeloop.models.registry import likelihood, stacking
from activeloop.models.stacking import StackingEnsemble
from activeloop.prediction import Learner
from activeloop.priors import Profile
from activeloop.replay.metrics import spearman

PARENT = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVGDG"


def planted(seed: int, parent: str = PARENT) -> Profile:
    """A profile that is right about the values below."""
    own = np.array([AMINO_ACIDS.index(a) for a in parent])
    frequencies = np.exp(np.random.default_rng(seed).normal(0, 1.5, (len(parent), 20)))
    frequencies[np.arange(len(parent)), own] = frequencies.max(1) * 2
    return Profile(parent, frequencies / frequencies.sum(1, keepdims=True), 100, 100, 0, 50.0, 1.0, f"family {seed}")


RIGHT, WRONG = planted(0), planted(1)
SCAN, LIBRARY = Pool.single_mutants(PARENT), Pool.combinatorial(PARENT, [5, 9, 14])


def labelled(pool: Pool, classes: bool = False, count: int = 60) -> tuple[Dataset, np.ndarray, np.ndarray]:
    """Labels at some positions, rows at others, and their true values."""
    rng = np.random.default_rng(3)
    rows = rng.permutation(len(pool))[:600]
    values = RIGHT.features(pool, rows)[:, 0] + 0.3 * rng.standard_normal(len(rows))
    assert pool.sites is not None
    assert pool.sites.parent is not None
    codes = pool.codes(rows)
    apart = (codes[:, 0] % 4 == 1) if pool is LIBRARY else (codes != pool.sites.parent).argmax(1) % 4 == 1
    train = np.flatnonzero(~apart)[:count]
    labels = (values > np.median(values)).astype(float) if classes else values
    return Dataset.of(pool, rows[train], labels[train]), rows[apart], values[apart]


LEARNERS: list[tuple[Learner, Pool]] = [
    (MutationGP(), SCAN),
    (MutationGP(), LIBRARY),
    (default_learner(LIBRARY, "find"), LIBRARY),
    (SiteGP(), LIBRARY),
    (SiteGP(ranked=True), LIBRARY),
    (GPClassifier(), SCAN),
    (GPClassifier(), LIBRARY),
    (MLPEnsemble(), LIBRARY),
    (RandomForest(), SCAN),
    (DropoutNetwork(), SCAN),
    (HeadLearner(), SCAN),
    (StackingEnsemble((MutationGP(), RandomForest())), SCAN),
]


@pytest.mark.parametrize(("learner", "pool"), LEARNERS, ids=lambda one: getattr(one, "name", ""))
def test_a_right_family_helps_where_nothing_was_measured(learner: Learner, pool: Pool) -> None:
    dataset, rows, truth = labelled(pool, isinstance(learner, GPClassifier))

    def skill(family: Profile | None) -> float:
        used = learner if family is None else with_family(learner, family)
        return spearman(used.fit(dataset, 0).predict(pool, rows, 0, draws=0).mean[:, -1], truth)

    plain, right, wrong = skill(None), skill(RIGHT), skill(WRONG)
    assert right > plain + 0.05
    # a wrong one gets little weight
    assert wrong > plain - 0.2


@pytest.mark.parametrize(("learner", "pool"), LEARNERS, ids=lambda one: getattr(one, "name", ""))
def test_a_model_with_another_family_has_another_name_and_a_stored_one_comes_back(learner: Learner, pool: Pool) -> None:
    one, other = with_family(learner, RIGHT), with_family(learner, WRONG)
    assert len({learner.name, one.name, other.name}) == 3
    dataset, rows, _ = labelled(pool, isinstance(learner, GPClassifier), 30)
    fitted = one.fit(dataset, 0)
    again = one.restore(dataset, 0, fitted.state())
    mean, sd = (fitted.predict(pool, rows[:50], 0), again.predict(pool, rows[:50], 0))
    np.testing.assert_allclose(mean.mean, sd.mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(mean.draws, sd.draws, rtol=1e-4, atol=1e-5)


def test_samples_and_moments_of_sites_agree_with_a_family() -> None:
    dataset, rows, _ = labelled(LIBRARY, count=20)
    fitted = SiteGP(family=RIGHT).fit(dataset, 0)
    predicted = fitted.predict(LIBRARY, rows[:40], 0, draws=3000)
    assert predicted.draws[:, :, 0].mean(0) == pytest.approx(predicted.mean[:, 0], abs=0.1 * predicted.sd.max())
    assert predicted.draws[:, :, 0].std(0) == pytest.approx(predicted.sd[:, 0], rel=0.12)


def test_the_default_learner_takes_a_family() -> None:
    assert default_learner(SCAN, "find", RIGHT) == MutationGP(family=RIGHT)
    assert default_learner(LIBRARY, "learn", RIGHT) == GPClassifier(family=RIGHT)
    assert RIGHT.name in stacking().with_family(RIGHT).name  # type: ignore[attr-defined]


@pytest.mark.parametrize("learner", [GuideGP(), likelihood(), StackingEnsemble((GuideGP(),))])
def test_a_learner_without_a_place_says_so(learner: Learner) -> None:
    with pytest.raises(ConfigError, match="has no place for an alignment"):
        with_family(learner, RIGHT)


def test_kmers_stand_beside_a_family_too() -> None:
    learner = with_family(RandomForest(Kmers()), RIGHT)
    assert learner.name == f"forest-kmers+{RIGHT.name}"
