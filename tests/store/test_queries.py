"""Pages of results, files, plates and versions, without reading what their events hold."""

from __future__ import annotations

import math
from collections import Counter

import pytest
import sqlalchemy as sa
from small_campaign import ASSAY, Ridge, answers, singles

from activeloop.campaigns import Campaign
from activeloop.errors import InputError
from activeloop.measurements import Measurement
from activeloop.store import SQLLog, create_campaign, upgrade
from activeloop.store.queries import counts_of_plates, files_page, results_page, versions_of

POOL = singles()


@pytest.fixture
def loop(database):
    upgrade(database, "the database", fresh=True)
    other = Campaign(POOL, [ASSAY], Ridge(), log=SQLLog(database, campaign=create_campaign(database, "other")))
    other.record(answers(POOL, POOL.names(range(3))))
    loop = Campaign(POOL, [ASSAY], Ridge(), seed=3, log=SQLLog(database, campaign=create_campaign(database, "kinase")))
    proposal = loop.propose(8)
    rows = answers(POOL, [p.name for p in proposal.picks], "plate-1")
    loop.log.actor = "ada"
    failed = Measurement(rows[0].candidate, ASSAY.name, math.nan, plate="plate-1", well="H1", row=99)
    loop.record([*rows, failed], "day 1.csv")
    loop.void(loop.state().results[0].event, [rows[1].row], "bubble")
    loop.propose(4)
    loop.record(answers(POOL, POOL.names(range(20, 23))), "day 2.csv")
    loop.fit()
    loop.promote(1)
    return loop


def test_results_are_filtered_and_cut_into_pages(loop):
    state, every = loop.state(), results_page(loop.log)
    assert every.total == len(state.results) == 12
    assert [str(r) for r in every.items] == [
        str(r).replace("file=''", f"file={state.sources[r.event]!r}") for r in state.results
    ]
    assert [r.event for r in results_page(loop.log, offset=10, limit=5).items] == [r.event for r in state.results[10:]]
    assert results_page(loop.log, offset=10, limit=1).total == 12
    assert results_page(loop.log, voided=True).total == 1
    assert results_page(loop.log, voided=False).total == 11
    first = state.results[0]
    name = first.measurement.candidate
    assert results_page(loop.log, candidate=name, plate="plate-1", event=first.event).total == 2
    assert results_page(loop.log, candidate=name, assay="Km").total == 0
    assert results_page(loop.log, plate="x' OR '1' = '1").total == 0
    for wrong in ({"offset": -1}, {"limit": 0}):
        with pytest.raises(InputError):
            results_page(loop.log, **wrong)


def test_files_say_who_stored_them_and_what_of_them_no_longer_counts(loop):
    last, first = files_page(loop.log).items
    assert (last.source, last.actor, last.rows, last.voided, last.why) == ("day 2.csv", "ada", 3, 0, "")
    assert (first.source, first.rows, first.voided, first.why) == ("day 1.csv", 9, 1, "bubble")
    written = {r.sequence: r.at for r in loop.log}
    assert (first.at, last.at) == (written[first.event], written[last.event])
    one = files_page(loop.log, offset=1, limit=1)
    assert (one.items, one.total) == ((first,), 2)
    assert files_page(loop.log, event=first.event).items == (first,)
    assert files_page(loop.log, event=1).items == ()


def test_plates_and_versions_are_those_of_the_fold(loop):
    state = loop.state()
    plates = Counter((r.measurement.plate, math.isnan(r.measurement.value)) for r in state.results if r.void is None)
    assert counts_of_plates(loop.log) == {"plate-1": (plates["plate-1", False], plates["plate-1", True])}
    found = versions_of(loop.log)
    assert [one.version for one in found] == list(state.versions[::-1])
    assert [one.version.number for one in found if one.current] == [state.current.number] == [1]
    assert {one.version.number: one.held_back for one in found if one.held_back} == state.held_back
    for event in (*state.sources,):
        loop.void(event)
    assert not any(one.current for one in versions_of(loop.log))
    assert loop.state().current is None


def test_tables_that_somebody_emptied_are_made_anew_before_they_answer(loop):
    before = results_page(loop.log)
    with loop.log.database.writing() as connection:
        connection.execute(sa.text("DELETE FROM results"))
        connection.execute(sa.text("UPDATE campaigns SET projected = 0"))
    assert results_page(loop.log) == before
    assert loop.log.differences(list(loop.log)) == []
