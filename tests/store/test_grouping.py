"""Results of many threads are written together: each gets its own answer, and none fails because others write."""

from __future__ import annotations

import math
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from small_campaign import ASSAY, Ridge, answers, singles

from activeloop.campaigns import Campaign
from activeloop.campaigns.grouping import GroupedRecords
from activeloop.errors import MeasurementError, StoreError
from activeloop.measurements import Measurement
from activeloop.store import SQLLog, create_campaign, upgrade

POOL = singles()
NAMES = POOL.names(range(96))


@pytest.fixture
def log(database):
    upgrade(database, "the database", fresh=True)
    return SQLLog(database, campaign=create_campaign(database, "kinase"))


def test_each_of_many_threads_gets_its_own_answer_in_few_transactions(log, monkeypatch):
    transactions = []
    writing = type(log.database).writing
    monkeypatch.setattr(type(log.database), "writing", lambda self: transactions.append(1) or writing(self))
    together, start = GroupedRecords(Campaign(POOL, [ASSAY], Ridge(), log=log)), threading.Barrier(16)

    def device(number: int) -> list[tuple[str, int]]:
        start.wait()
        mine, found = NAMES[number * 6 : number * 6 + 6], []
        for name in mine:
            summary = together.record(answers(POOL, [name]), f"{name}.csv", actor=f"device {number}", request=name)
            found.append((name, summary.event))
        return found

    with ThreadPoolExecutor(16) as pool:
        told = dict(pair for found in pool.map(device, range(16)) for pair in found)
    recorded = {r.sequence: r for r in SQLLog(log.database, campaign=log.campaign)}
    assert len(told) == len(set(told.values())) == 96
    for name, event in told.items():
        assert [m.candidate for m in recorded[event].event.measurements] == [name]
        assert (recorded[event].actor, recorded[event].request) == (f"device {NAMES.index(name) // 6}", name)
    assert len(transactions) < 48
    assert log.verify() == ()
    assert log.differences(list(log)) == []


def test_what_is_wrong_with_the_results_of_one_is_told_to_that_one_alone(log):
    together = GroupedRecords(Campaign(POOL, [ASSAY], Ridge(), log=log))
    together._crowded = math.inf  # so that both are one group
    good, bad = answers(POOL, NAMES[:1]), [Measurement("W9Y", ASSAY.name, 1.0)]
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.submit(together.record, good), pool.submit(together.record, bad)
        assert one.result().stored == 1
        with pytest.raises(MeasurementError, match="W9Y"):
            other.result()
    assert together.record(answers(POOL, NAMES[1:2])).stored == 1
    assert log.count("measured") == 2


def test_a_group_that_cannot_be_written_is_told_to_all_and_the_next_one_goes_on(log):
    campaign = Campaign(POOL, [ASSAY], Ridge(), log=log)
    campaign.configure()
    together = GroupedRecords(campaign)
    together._crowded = math.inf
    with log.database.writing() as connection:
        connection.execute(sa.text("ALTER TABLE results RENAME TO away"))
    with ThreadPoolExecutor(2) as pool:
        tasks = [pool.submit(together.record, answers(POOL, [name])) for name in NAMES[:2]]
        assert all(isinstance(task.exception(), StoreError) for task in tasks)
    with log.database.writing() as connection:
        connection.execute(sa.text("ALTER TABLE away RENAME TO results"))
    assert log.count("measured") == 0
    assert together.record(answers(POOL, NAMES[:2])).stored == 2
    assert len(campaign.state().results) == 2
    assert log.differences(list(log)) == []
