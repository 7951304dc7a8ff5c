"""Results of many threads are written together: each gets its own answer, and none fails because others write."""

from __future__ import annotations

import math
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from small_campaign import ASSAY, Ridge, answers, singles

from activeloop.campaigns import Campaign
from activeloop.campaigns.grouping import GroupCommit
from activeloop.errors import MeasurementError, StoreError
from activeloop.measurements import Measurement
from activeloop.store import SQLLog, create_campaign, upgrade

POOL = singles()
NAMES = POOL.names(range(96))


def together(campaign: Campaign) -> GroupCommit[Campaign]:
    """Writes of many threads to one campaign."""

    @contextmanager
    def alone():
        with campaign.log.alone():
            yield campaign

    return GroupCommit(alone)


@pytest.fixture
def log(database):
    upgrade(database, "the database", fresh=True)
    return SQLLog(database, campaign=create_campaign(database, "kinase"))


def test_each_of_many_threads_gets_its_own_answer_in_few_transactions(log, monkeypatch):
    transactions = []
    writing = type(log.database).writing
    monkeypatch.setattr(type(log.database), "writing", lambda self: transactions.append(1) or writing(self))
    group, start = together(Campaign(POOL, [ASSAY], Ridge(), log=log)), threading.Barrier(16)

    def stored(campaign: Campaign, number: int, name: str):
        campaign.log.actor, campaign.log.request = f"device {number}", name
        assert not campaign.log.holds_request(name)
        summary = campaign.record(answers(POOL, [name]), f"{name}.csv")
        assert campaign.log.holds_request(name)
        return summary

    def device(number: int) -> list[tuple[str, int]]:
        start.wait()
        mine, found = NAMES[number * 6 : number * 6 + 6], []
        for name in mine:
            summary = group.do(lambda campaign, name=name: stored(campaign, number, name))
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
    group = together(Campaign(POOL, [ASSAY], Ridge(), log=log))
    group._crowded = math.inf  # so that both are one group
    good, bad = answers(POOL, NAMES[:1]), [Measurement("W9Y", ASSAY.name, 1.0)]
    with ThreadPoolExecutor(2) as pool:
        one, other = (pool.submit(group.do, lambda c, rows=rows: c.record(rows)) for rows in (good, bad))
        assert one.result().stored == 1
        with pytest.raises(MeasurementError, match="W9Y"):
            other.result()
    assert group.do(lambda c: c.record(answers(POOL, NAMES[1:2]))).stored == 1
    assert log.count("measured") == 2


def test_a_group_that_cannot_be_written_is_told_to_all_and_the_next_one_goes_on(log):
    campaign = Campaign(POOL, [ASSAY], Ridge(), log=log)
    campaign.configure()
    group = together(campaign)
    group._crowded = math.inf
    with log.database.writing() as connection:
        connection.execute(sa.text("ALTER TABLE results RENAME TO away"))
    with ThreadPoolExecutor(2) as pool:
        tasks = [pool.submit(group.do, lambda c, n=name: c.record(answers(POOL, [n]))) for name in NAMES[:2]]
        assert all(isinstance(task.exception(), StoreError) for task in tasks)
    with log.database.writing() as connection:
        connection.execute(sa.text("ALTER TABLE away RENAME TO results"))
    assert log.count("measured") == 0
    assert group.do(lambda c: c.record(answers(POOL, NAMES[:2]))).stored == 2
    assert len(campaign.state().results) == 2
    assert log.differences(list(log)) == []


def test_a_failure_of_the_database_within_the_task_of_one_undoes_the_group_and_is_told_to_all(log):
    campaign = Campaign(POOL, [ASSAY], Ridge(), log=log)
    campaign.configure()
    group = together(campaign)
    group._crowded = math.inf

    def failing(campaign: Campaign):
        raise StoreError("the disk is full")

    with ThreadPoolExecutor(2) as pool:
        tasks = [pool.submit(group.do, task) for task in (lambda c: c.record(answers(POOL, NAMES[:1])), failing)]
        assert all(isinstance(task.exception(), StoreError) for task in tasks)
    assert log.count("measured") == 0
    assert group.do(lambda c: c.record(answers(POOL, NAMES[:1]))).stored == 1
    assert log.differences(list(log)) == []
