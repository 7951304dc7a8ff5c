"""The report of a campaign: its figures against their slow definitions, and a page that needs nothing else."""

from __future__ import annotations

import itertools
import math
import re
from pathlib import Path

import numpy as np
import pytest

from activeloop.cli import main
from activeloop.cli.new import new
from activeloop.config import open_campaign
from activeloop.desk.figures import (
    effects,
    expected_best,
    plate_controls,
    reliability,
    sample_of_pool,
    z_prime,
)
from activeloop.desk.report import report
from activeloop.errors import InputError, StateError
from activeloop.measurements import Measurement
from activeloop.testing import planted_values


def test_the_random_baseline_is_the_mean_over_all_subsets():
    values = np.array([0.3, 2.0, -1.0, 5.0, 4.0, 4.0])
    for n in (1, 2, 5, 6):
        slow = np.mean([max(c) for c in itertools.combinations(values, n)])
        assert expected_best(values[None], np.ones(6), [n])[0] == pytest.approx(slow)


def test_a_sample_of_a_pool_stands_for_the_pool():
    """500 of 5,000 unmeasured candidates and 10 measured ones give nearly what all 5,010 do."""
    rng = np.random.default_rng(0)
    pool, own = rng.normal(size=5000), np.full(10, 3.0)
    whole = expected_best(np.concatenate([own, pool])[None], np.ones(5010), [50, 500])
    sets = np.stack([np.concatenate([own, rng.choice(pool, 500, replace=False)]) for _ in range(20)])
    some = expected_best(sets, np.concatenate([np.ones(10), np.full(500, 10.0)]), [50, 500])
    assert some == pytest.approx(whole, abs=0.1)


def test_a_value_that_does_not_count_is_never_the_best():
    assert expected_best(np.array([[np.nan, 1.0, 2.0]]), np.ones(3), [3])[0] == 2.0
    assert math.isnan(expected_best(np.full((1, 3), np.nan), np.ones(3), [2])[0])


def test_z_prime_of_its_definition():
    high, low = np.array([9.0, 10.0, 11.0]), np.array([0.0, 0.0, 0.0, 0.0])
    assert z_prime(high, low) == pytest.approx(1 - 3 * 1.0 / 10)
    assert math.isnan(z_prime(high[:1], low))
    assert math.isnan(z_prime(high, high))


def test_the_page_needs_nothing_else(campaign):
    found = report(open_campaign(campaign()))
    assert not re.search(r"https?://", found.page)
    assert "<script" not in found.page
    assert "src=" not in found.page
    assert len(found.page) < 1_000_000
    assert "plate-1, plate-2: 24 wells, 4 of them WT" in found.page
    assert "were measured in 2 rounds." in found.page
    for words in ("What next", "The best so far", "Predicted against measured", "Calibration", "Effects by position"):
        assert words in found.page
    assert "Z' needs two kinds of controls" in found.page
    assert found.page.count('<figure class="plate">') == 2


def test_its_figures_are_those_of_the_campaign(campaign):
    loop = open_campaign(campaign())
    found, data = report(loop), loop.campaign.dataset()
    (best,) = found.best
    assert best.counts.tolist() == [int((data.rounds == 0).sum()), len(data)]
    assert best.best[-1] == pytest.approx(data.values.max())
    assert best.best[0] == pytest.approx(data.values[data.rounds == 0].max())
    assert best.random[0] < best.random[1]
    (second, first) = found.predicted["kcat"]
    assert (first.version, second.version) == (0, 1)
    status = loop.campaign.status().validations[0]
    assert second.validation == status
    plates = found.controls["kcat"]
    assert [p.plate for p in plates] == ["plate-1", "plate-2"]
    assert all(p.failed == 1 and p.wells == 23 for p in plates)
    assert found.stale  # nobody asked for a version since the last results
    calibration = found.calibration["kcat"]
    assert calibration.observed[calibration.stated == 0.9][0] == pytest.approx(status.coverage)


def test_measured_candidates_keep_their_value_in_the_baseline(campaign):
    loop = open_campaign(campaign()).campaign
    model, data = loop.model(), loop.dataset()
    assert model is not None
    sample = sample_of_pool(data, model, loop.predicted_assays(), 0)
    assert sample.measured == len(data)
    assert (sample.of("kcat")[:, : len(data)] == data.values[:, 0]).all()
    assert sample.weights.sum() == pytest.approx(len(loop.pool))


def test_heat_maps_hold_what_was_measured_and_predicted(campaign):
    loop = open_campaign(campaign()).campaign
    data = loop.dataset()
    (found,) = effects(data, [0], loop.model(), loop.predicted_assays(), 0)
    assert found.singles
    name = data.pool.names(data.rows[:1])[0]
    cell = found.residues.index(name[-1]), found.labels.index(name[:-1])
    assert found.measured[cell] == pytest.approx(data.values[0, 0])
    assert found.predicted[cell] == pytest.approx(loop.predict(data.rows[:1]).mean[0, 0])
    assert np.isfinite(found.measured).sum() == len(data)
    wild_type = found.residues[found.parent[0]]
    assert found.labels[0][0] == wild_type


def test_two_assays_have_a_front_and_its_baseline(campaign):
    found = report(open_campaign(campaign(assays=("kcat:1/s", "Tm:°C"))))
    assert [b.assay.name for b in found.best] == ["kcat", "Tm"]
    assert "volume below the front" in found.page
    assert "on the Pareto front" in found.page


def test_a_price_gives_costs_and_none_gives_none(campaign, tmp_path):
    folder = campaign()
    assert "48 wells cost 96.00" in report(open_campaign(folder)).page
    assert "48 wells cost 480.00" in report(open_campaign(folder), 10.0).page
    assert "48 wells were measured. With a price" in report(open_campaign(folder), 0.0).page
    with pytest.raises(InputError, match="a price of -1 a well"):
        report(open_campaign(folder), -1.0)


def test_nothing_measured_is_refused(tmp_path: Path):
    new(tmp_path / "loop", ["kcat"], wild_type="MKTAYIAKQR", singles=True)
    with pytest.raises(StateError, match=r"nothing was measured yet: record results first. No report was made"):
        report(open_campaign(tmp_path / "loop"))


def test_the_verb_writes_one_file_and_no_event(campaign, tmp_path, capsys):
    folder = campaign()
    events = len(list(open_campaign(folder).campaign.log))
    with pytest.raises(SystemExit) as end:
        main(["report", str(folder), "--out", str(tmp_path / "page.html")])
    said = capsys.readouterr()
    assert not end.value.code
    assert f"Written: {tmp_path / 'page.html'}" in said.out
    assert "Note: results came in since the last version" in said.err
    assert (tmp_path / "page.html").read_text().startswith("<!doctype html>")
    assert len(list(open_campaign(folder).campaign.log)) == events
    with pytest.raises(SystemExit) as end:
        main(["report", str(folder), "--out", str(tmp_path / "page.pdf")])
    assert end.value.code == 2
    assert "name a file that ends in .html" in capsys.readouterr().err


def test_results_without_wells_colour_the_plate_by_candidate(campaign):
    loop = open_campaign(campaign())
    assert plate_controls(loop.campaign.state(), "other") == []
    assert reliability([]) is None


def test_hits_are_counted_beside_the_base_rate_that_no_model_chose(tmp_path: Path):
    """Zeros and ones: a cumulative count instead of a best that stays at 1, and words of probabilities."""
    folder, rng = tmp_path / "screen", np.random.default_rng(0)
    new(folder, wild_type="MKTAYIAKQRQISFVKSH", singles=True, assay=["folds"])
    loop = open_campaign(folder)
    names = loop.campaign.pool.names(np.arange(len(loop.campaign.pool)))
    values = planted_values(loop.campaign.pool)
    truth = dict(zip(names, (values > np.quantile(values, 0.8)).astype(float), strict=True))
    first = [str(name) for name in rng.permutation(names)[:60]]
    rows = [Measurement(name, "folds", truth[name]) for name in first]
    rows += [Measurement(first[0], "folds", 1 - truth[first[0]])]  # a replicate that disagrees
    loop.campaign.record(rows, source="first.csv")
    for _ in range(2):
        picks = loop.campaign.propose(20).picks
        loop.campaign.record(
            [Measurement(p.name, "folds", truth[p.name]) for p in picks], source=f"{picks[0].name}.csv"
        )
    found = report(open_campaign(folder))
    (best,) = found.best
    sure = [truth[name] for name in first[1:]]
    assert best.counted == "hits"
    assert best.base == (sum(sure), 60)
    assert best.best[0] == sum(sure)
    assert (np.diff(best.best) >= 0).all()
    assert best.random == pytest.approx(sum(sure) / 60 * best.counts)
    for words in (
        "1 candidate with both 0 and 1 among the replicates: no hits here.",
        f"{best.best[-1]:.0f} of 100 measured candidates are hits",
        "probability of folds",
        "AUPRC (share of hits)",
        "The hits",
    ):
        assert words in found.page, words
    assert "root mean squared error" not in found.page
    assert found.calibration["folds"].what == "1"
    status = open_campaign(folder).campaign.status()
    assert status.leaders == ()
    assert status.binary == ("folds",)
    assert status.hits == best.best[-1]
    (validation,) = status.validations
    assert validation.hits == sum(truth[p.name] for p in picks)
    assert validation.expected > 0
    assert math.isnan(validation.coverage)
