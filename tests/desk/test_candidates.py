"""The table of candidates and predictions as data."""

from __future__ import annotations

import json
import math
import shutil
import time
from pathlib import Path

import numpy as np
import pytest

from activeloop import desk
from activeloop.candidates import Pool
from activeloop.config import OpenCampaign, open_campaign
from activeloop.desk.candidates import STATES, CandidateQuery, CandidateTable, candidates, known_predictions
from activeloop.desk.predict import predict
from activeloop.errors import InputError, StateError


@pytest.fixture
def loop(campaign, tmp_path) -> OpenCampaign:
    """Two rounds measured and a version fitted, in a folder of its own."""
    folder = shutil.copytree(campaign(), tmp_path / "kcat")
    found = open_campaign(folder)
    found.campaign.fit()
    return found


def test_a_page_says_what_the_campaign_says(loop):
    page = candidates(loop, CandidateQuery(size=1000))
    table = loop.campaign.predict([c.row for c in page.candidates])
    assert [c.name for c in page.candidates] == list(table.names)
    for i, one in enumerate(page.candidates):
        (predicted,) = one.predictions
        assert (predicted.mean, predicted.sd) == pytest.approx((table.mean[i, 0], table.sd[i, 0]), rel=1e-9)
        assert (predicted.low, predicted.high, predicted.unit) == pytest.approx(
            (table.low[i, 0], table.high[i, 0], "1/s")
        )
    values = [c.acquisition for c in page.candidates]
    assert values == sorted(values, reverse=True)
    assert (page.matching, page.total, page.version, page.assays) == (len(loop.campaign.pool),) * 2 + (2, ("kcat",))


def test_each_candidate_has_the_state_that_the_log_gives_it(loop):
    campaign = loop.campaign
    free = [c.name for c in candidates(loop, CandidateQuery(states=("untested",))).candidates]
    campaign.pin([free[0]], "ask Ada")
    campaign.veto([free[1]], "toxic")
    proposal = campaign.propose(4)
    campaign.pin([free[5]])
    page = candidates(loop, CandidateQuery(size=1000))
    of = {c.name: c for c in page.candidates}
    assert {of[p.name].state for p in proposal.picks} == {"on plate"}
    assert (of[free[1]].state, of[free[1]].why, of[free[5]].state) == ("vetoed", "toxic", "pinned")
    measured = {name for name, c in of.items() if c.state == "measured"}
    assert measured >= set(campaign.dataset().pool.names(campaign.dataset().rows))
    assert page.states == {s: sum(c.state == s for c in of.values()) for s in STATES}
    pick = proposal.picks[1]
    assert (of[pick.name].proposal, of[pick.name].reason) == (proposal.number, pick.reason)


def test_measured_values_are_the_means_that_count(loop):
    data = loop.campaign.dataset()
    page = candidates(loop, CandidateQuery(states=("measured",), sort="kcat measured", size=1000))
    assert [c.value("kcat") for c in page.candidates] == sorted(data.values[:, 0].tolist(), reverse=True)
    assert math.isnan(candidates(loop, CandidateQuery(states=("untested",))).candidates[0].value("kcat"))


def test_search_sort_and_pages(loop):
    table = CandidateTable.of(loop, compute=True)
    found = table.page(CandidateQuery("k2", sort="name", size=1000)).candidates
    assert {c.name for c in found} == {n for n in loop.campaign.pool.names(range(len(loop.campaign.pool))) if "K2" in n}
    assert [c.name for c in found] == sorted(c.name for c in found)
    for sort in table.sorts:
        whole = [c.row for c in table.page(CandidateQuery(sort=sort, size=1000, reasons=False)).candidates]
        parts = [
            table.page(CandidateQuery(sort=sort, start=i, size=100, reasons=False)) for i in (0, 100, 200, 300, 400)
        ]
        assert [c.row for part in parts for c in part.candidates] == whole
        assert sorted(whole) == list(range(len(loop.campaign.pool)))
    assert table.page(CandidateQuery("nothing like it")).matching == 0


@pytest.mark.parametrize(
    ("query", "why"),
    [
        (CandidateQuery(sort="kcat predicted"), 'cannot be sorted by "kcat predicted"'),
        (CandidateQuery(states=("lost",)), 'no state "lost"'),  # type: ignore[arg-type]
        (CandidateQuery(size=0), "give 1 to 1,000 rows"),
        (CandidateQuery(start=-1), "give 1 to 1,000 rows"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(loop, query, why):
    with pytest.raises(InputError, match=why):
        candidates(loop, query)


def test_predictions_are_kept_for_a_version_and_only_for_it(loop):
    assert known_predictions(loop) is None
    first = candidates(loop)
    kept = known_predictions(loop)
    assert kept is not None
    again = open_campaign(loop.folder.path)
    assert candidates(again) == first
    path = next((loop.folder.path / "cache").glob("predictions-*.npz"))
    path.write_bytes(path.read_bytes()[:-100])  # a damaged one is made again
    assert known_predictions(again) is None
    assert candidates(again) == first
    loop.campaign.void(loop.campaign.state().results[0].event, reason="wrong plate")
    loop.campaign.fit()
    assert known_predictions(loop) is None
    assert candidates(loop).version == 3
    assert len(list((loop.folder.path / "cache").glob("predictions-*.npz"))) == 1


def test_without_a_model_the_table_says_so(tmp_path):
    from activeloop.desk.new import CampaignOptions, draft, new

    (tmp_path / "library.csv").write_text("SMILES,ID\n" + "".join(f"{'C' * i}O,Z{i}\n" for i in range(1, 9)))
    options = CampaignOptions(({"name": "inhibition"},), table=tmp_path / "library.csv", kind="compounds")
    new(draft(options), tmp_path / "c")
    page = candidates(open_campaign(tmp_path / "c"), CandidateQuery("z3"))
    assert [(c.called, c.predictions, c.state) for c in page.candidates] == [("Z3", (), "untested")]
    assert page.note.startswith("Nothing is predicted: there is no model yet")


def test_a_page_of_160_000_candidates_takes_a_moment(monkeypatch):
    pool = Pool.combinatorial("MKTAYIAKQR", ["K2", "T3", "A4", "Y5"])
    table = made_up(pool)
    table.page(CandidateQuery("k2a"))
    started = time.process_time()
    for query in (CandidateQuery(), CandidateQuery("K2A Y5W"), CandidateQuery(sort="kcat sd", start=90_000)):
        assert len(table.page(query).candidates) == min(50, 20 * 20 if query.search else 50)
    assert (time.process_time() - started) / 3 < 0.3


def made_up(pool: Pool) -> CandidateTable:
    """A table of a large pool, with numbers in place of predictions."""
    from activeloop.desk.candidates import PoolPredictions, _searched
    from activeloop.measurements import Assay, Dataset

    values = np.random.default_rng(0).normal(size=(len(pool), 1))
    text = np.frombuffer(_searched(pool).encode(), np.uint8)
    predictions = PoolPredictions(1, ("kcat",), False, "ucb", values, values, values, values, values[:, 0], text)
    dataset = Dataset.of(pool, np.arange(3), np.array([1.0, 2.0, 0.5]), Assay("kcat", "1/s"))
    return CandidateTable(pool, dataset, predictions, np.zeros(len(pool), np.uint8), {}, {}, "", lambda: None)


def test_a_pool_that_is_too_large_is_refused(loop, monkeypatch):
    monkeypatch.setattr("activeloop.desk.candidates.LONGEST", 10)
    with pytest.raises(StateError, match="too large for a table"):
        candidates(loop)


def test_names_are_predicted_in_their_order(loop):
    found = predict(loop, ["A4G", "K2R", "WT"], top=None)
    assert [c.name for c in found.best] == ["A4G", "K2R", "WT"]
    table = loop.campaign.predict(["A4G", "K2R", "WT"])
    assert [c.predictions[0].mean for c in found.best] == table.mean[:, 0].tolist()
    best = predict(loop, ["A4G", "K2R", "WT"], top=1)
    assert best.best[0].predictions[0].mean == table.mean.max()
    json.dumps(desk.plain(best), allow_nan=False)
    assert isinstance(Path(str(best.file)), Path)


def test_a_word_is_found_wherever_it_stands(loop):
    table = CandidateTable.of(loop)
    names = [name.lower() for name in loop.campaign.pool.names(range(len(loop.campaign.pool)))]
    for word in ("k", "k2", names[0], names[-1], names[-1] + "x", "2", "µ", "x" * 10_000):
        wanted = [row for row, name in enumerate(names) if word in name]
        page = table.page(CandidateQuery(word, sort="row", size=1000, reasons=False))
        assert [c.row for c in page.candidates] == wanted
