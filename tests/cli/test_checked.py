"""What a version's figures say in words."""

import numpy as np
import pytest

from activeloop.campaigns import Campaign
from activeloop.candidates import Pool
from activeloop.cli.status import checked_words
from activeloop.measurements import Assay, Measurement
from activeloop.models import MutationGP
from activeloop.models.calibration import Calibrated, Isotonic


def test_every_version_has_held_out_metrics_and_status_shows_them() -> None:
    pool = Pool.single_mutants("MKTAYIAKQR")
    loop = Campaign(pool, [Assay("kcat")], Calibrated(MutationGP(), Isotonic()), seed=0)
    rng = np.random.default_rng(0)
    rows = rng.choice(len(pool), 40, replace=False)
    values = rng.standard_normal(40)
    loop.record([Measurement(name, "kcat", float(v)) for name, v in zip(pool.names(rows), values, strict=True)])
    metrics = loop.fit().metrics
    assert {"held_out", "coverage90", "miscalibration_area", "sharpness"} <= set(metrics)
    assert metrics["held_out"] == 40
    assert 0.5 < metrics["coverage90"] <= 1
    assert "of them in their 90 % interval" in checked_words(loop.status().versions[-1].metrics)


def test_metrics_of_several_assays_are_separate() -> None:
    metrics = {"kcat held_out": 20.0, "kcat coverage90": 0.9, "kcat miscalibration_area": 0.05, "heat held_out": 3.0}
    words = checked_words(metrics)
    assert words == "kcat 20 values, 90% of them in their 90 % interval, miscalibration area 0.050; heat 3 values"


@pytest.mark.parametrize("metrics", [{}, {"candidates": 5.0}])
def test_without_held_out_metrics_nothing_is_shown(metrics: dict[str, float]) -> None:
    assert checked_words(metrics) == ""


def test_classes_show_their_calibration_error() -> None:
    words = checked_words({"held_out": 30.0, "ece": 0.04})
    assert words == "30 values, calibration error of probabilities 0.040"
