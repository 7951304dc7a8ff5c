"""Pages of results, picks and versions, without reading events."""

from __future__ import annotations

import math

import pytest
from small_campaign import ASSAY, Ridge, answers, singles

from activeloop.campaigns import Campaign
from activeloop.errors import InputError
from activeloop.measurements import Measurement
from activeloop.store import SQLLog, create_campaign, upgrade
from activeloop.store.queries import SHOWN, rows_of

POOL = singles()


@pytest.fixture
def loop(database):
    upgrade(database, "the database", fresh=True)
    other = Campaign(POOL, [ASSAY], Ridge(), log=SQLLog(database, campaign=create_campaign(database, "other")))
    other.record(answers(POOL, POOL.names(range(3))))
    loop = Campaign(POOL, [ASSAY], Ridge(), seed=3, log=SQLLog(database, campaign=create_campaign(database, "kinase")))
    proposal = loop.propose(8)
    rows = answers(POOL, [p.name for p in proposal.picks], "plate-1")
    loop.record([*rows, Measurement(rows[0].candidate, ASSAY.name, math.nan, plate="plate-1", well="H1", row=99)])
    loop.void(loop.state().results[0].event, [rows[1].row], "bubble")
    loop.propose(4)
    loop.promote(1)
    loop.send_plate("plate-2", "ada")
    return loop


def test_results_are_filtered_ordered_and_cut_into_pages(loop):
    every = rows_of(loop.log, "results")
    assert (len(every.rows), every.total, every.columns) == (9, 9, SHOWN["results"])
    state = loop.state()
    assert [row[every.columns.index("candidate")] for row in every.rows] == [
        r.measurement.candidate for r in state.results
    ]
    value = every.columns.index("value")
    best = rows_of(loop.log, "results", order="value", descending=True, limit=3)
    known = sorted(
        (r.measurement.value for r in state.results if r.measurement.value == r.measurement.value), reverse=True
    )
    assert ([row[value] for row in best.rows], best.total) == (known[:3], 9)
    assert rows_of(loop.log, "results", order="value", limit=9).rows[-1][value] is None
    assert rows_of(loop.log, "results", order="value", descending=True, offset=8).rows[0][value] is None
    assert rows_of(loop.log, "results", voided=True).total == 1
    assert rows_of(loop.log, "results", voided=False).total == 8
    name = state.results[0].measurement.candidate
    assert rows_of(loop.log, "results", where={"candidate": name, "plate": "plate-1"}).total == 2
    assert rows_of(loop.log, "results", where={"plate": "x' OR '1' = '1"}).total == 0


def test_picks_plates_and_versions(loop):
    picks = rows_of(loop.log, "picks", where={"proposal": 2}, order="rank")
    assert [row[picks.columns.index("candidate")] for row in picks.rows] == [
        p.name for p in loop.state().proposals[1].picks
    ]
    plates = rows_of(loop.log, "plates")
    assert [row[:4] for row in plates.rows] == [("plate-1", 1, 8, ""), ("plate-2", 2, 4, "ada")]
    (version,) = rows_of(loop.log, "versions").rows
    assert version[-2:] == (1, 0)


def test_what_is_not_there_is_refused(loop):
    for table, options in (
        ("events", {}),
        ("results", {"order": "value; DROP TABLE events"}),
        ("results", {"where": {"campaign": "x"}}),
        ("results", {"offset": -1}),
        ("results", {"limit": 0}),
    ):
        with pytest.raises(InputError):
            rows_of(loop.log, table, **options)
