"""Guides with the screens of other enzymes as history: what they tell, and that labels outweigh what misleads."""

from __future__ import annotations

import numpy as np
import pytest

from activeloop.candidates import Guide, Pool
from activeloop.measurements import Dataset, read_screens
from activeloop.metrics import spearman
from activeloop.models import GuideGP
from activeloop.models.gp import guides as guides_module
from activeloop.models.gp import sister_guides
from activeloop.models.gp.sister_guides import SisterGuideGP
from activeloop.prediction import Validated

RNG = np.random.default_rng(0)
EFFECTS = RNG.standard_normal((20, 4))


def guides(count: int, seed: int, tail: str = "AGG") -> list[str]:
    letters = np.random.default_rng(seed).choice(list("ACGT"), (count, 20))
    return ["".join(row) + tail for row in letters]


def activity(names: list[str]) -> np.ndarray:
    codes = np.array([["ACGT".index(letter) for letter in name[:20]] for name in names])
    return EFFECTS[np.arange(20), codes].sum(1)


OLD = guides(800, 1)
NOISE = np.random.default_rng(2).standard_normal(800)
HISTORY = read_screens({"guide": OLD, "WT": activity(OLD) + NOISE, "chance": NOISE}, "guides")
NEW = guides(300, 3)
POOL, TRUTH = Pool.of([Guide(name) for name in NEW]), activity(NEW)


def test_a_screen_tells_before_any_label_and_after_thirty():
    learner, rows, rest = GuideGP().with_history(HISTORY), np.arange(30), np.arange(30, 300)
    before = learner.prior(POOL)
    assert before
    zero = spearman(before.predict(POOL, rest, 0, 0).mean[:, 0], TRUTH[rest])
    fitted = learner.fit(Dataset.of(POOL, rows, TRUTH[rows]), 0)
    after = spearman(fitted.predict(POOL, rest, 0, 0).mean[:, 0], TRUTH[rest])
    alone = spearman(
        GuideGP().fit(Dataset.of(POOL, rows, TRUTH[rows]), 0).predict(POOL, rest, 0, 0).mean[:, 0], TRUTH[rest]
    )
    assert after > zero > 0.5
    assert after > alone + 0.1
    assert "WT" in fitted.explain()


def test_a_screen_that_misleads_loses_its_weight():
    wrong = read_screens({"guide": OLD, "wrong": -activity(OLD)}, "guides")
    rows, rest = np.arange(150), np.arange(150, 300)
    data = Dataset.of(POOL, rows, TRUTH[rows])
    fitted = SisterGuideGP(wrong).fit(data, 0)
    alone = GuideGP().fit(data, 0)
    found = [spearman(model.predict(POOL, rest, 0, 0).mean[:, 0], TRUTH[rest]) for model in (fitted, alone)]
    assert found[0] > found[1] - 0.05
    assert isinstance(fitted, Validated)
    assert fitted.metrics()["history_weight"] < 0.1


def test_pam_and_flanks_are_the_same_guides():
    bare = Pool.of([Guide(name[:20]) for name in NEW])
    flanked = Pool.of([Guide(f"ACGT{name}ACG") for name in NEW])
    means = []
    for pool in (POOL, bare, flanked):
        prior = SisterGuideGP(HISTORY).prior(pool)
        assert prior
        means.append(prior.predict(pool, np.arange(300), 0, 0).mean[:, 0])
    assert spearman(means[0], means[2]) > 0.999
    assert spearman(means[0], means[1]) > 0.9


def test_many_labels_are_stacked_with_networks(monkeypatch: pytest.MonkeyPatch):
    for module in (guides_module, sister_guides):
        monkeypatch.setattr(module, "MANY", 200)
    rows, rest = np.arange(240), np.arange(240, 300)
    data = Dataset.of(POOL, rows, TRUTH[rows])
    for learner in (GuideGP(), SisterGuideGP(HISTORY)):
        fitted = learner.fit(data, 0)
        found = fitted.predict(POOL, rest, 0, 8)
        assert spearman(found.mean[:, 0], TRUTH[rest]) > 0.6
        assert "ensemble-scaled-kmers" in fitted.explain()
        assert "sister-guides" in fitted.explain()
        again = learner.restore(data, 0, fitted.state()).predict(POOL, rest, 0, 8)
        np.testing.assert_array_equal(again.draws, found.draws)
    assert "ensemble" not in GuideGP().fit(data.take(np.arange(240) < 199), 0).explain()
