"""Leases: work is noted with what causes it, taken once, and nobody writes under a lease that is another's."""

from __future__ import annotations

import math
import multiprocessing
import time
from dataclasses import replace

import pytest

from activeloop.campaigns import Measured, Pinned
from activeloop.errors import StateError
from activeloop.measurements import Measurement
from activeloop.store import Database, SQLLog, create_campaign, upgrade
from activeloop.work import Timing, Work
from activeloop.work.leases import fence_of

AT_ONCE = Timing(quiet=0.0, longest=0.0, lease=30.0, retry=0.0, attempts=3)
PIN = Pinned(("M1A",), veto=False, reason="")


def measured(n: int) -> Measured:
    return Measured((Measurement("M1A", "kcat", float(n)),), f"{n}.csv", str(n))


@pytest.fixture
def log(database: Database) -> SQLLog:
    upgrade(database, "the database", fresh=True)
    return SQLLog(database, campaign=create_campaign(database, "kinase"))


@pytest.fixture
def work(log: SQLLog) -> Work:
    return Work(log.database, timing=AT_ONCE)


@pytest.fixture
def hasty(log: SQLLog) -> Work:
    """The same, where a lease soon runs out."""
    return Work(log.database, timing=replace(AT_ONCE, lease=0.3))


def test_results_make_a_fit_due_and_a_pin_does_not(log, work):
    log.append(PIN, after=0)
    assert work.take("a") is None
    log.append(measured(1), after=1)
    (state,) = work.states(log.campaign)
    assert (state.kind, state.stage, state.due) == ("fit", "waiting", True)
    lease = work.take("a")
    assert (lease.campaign, lease.kind, lease.owner, lease.fence, lease.attempt) == (log.campaign, "fit", "a", 1, 1)
    assert work.take("b") is None
    assert work.finish(lease, "version 1")
    (state,) = work.states()
    assert (state.stage, state.due, state.words, state.owner) == ("done", False, "version 1", "")
    assert work.take("b") is None


def test_what_comes_while_it_runs_is_looked_at_afterwards(log, work):
    log.append(measured(1), after=0)
    lease = work.take("a")
    log.append(measured(2), after=1)
    assert work.finish(lease, "version 1")
    assert work.take("b").fence == 2


def test_plates_that_arrive_in_pieces_are_waited_for_but_not_for_ever(log):
    quiet = Work(log.database, timing=replace(AT_ONCE, quiet=30.0, longest=60.0))
    log.append(measured(1), after=0)
    assert quiet.take("a") is None
    assert replace(quiet, timing=replace(AT_ONCE, quiet=30.0, longest=0.0)).take("a")


def test_a_lease_that_ran_out_goes_to_another_and_its_holder_writes_nothing_more(log, work, hasty):
    log.append(measured(1), after=0)
    stopped = hasty.take("a")
    time.sleep(0.4)
    taken = work.take("b")
    assert (taken.fence, taken.attempt) == (2, 2)
    assert not work.renew(stopped)
    assert not work.finish(stopped, "late")
    zombie = SQLLog(log.database, campaign=log.campaign, holds=fence_of(stopped))
    with pytest.raises(StateError, match=r"lost its work \(fit\) to another"):
        zombie.append(PIN, after=1)
    holder = SQLLog(log.database, campaign=log.campaign, holds=fence_of(taken))
    assert holder.append(PIN, after=1).sequence == 2
    assert [r.sequence for r in log] == [1, 2]


def test_who_renews_keeps_it(log):
    work = Work(log.database, timing=replace(AT_ONCE, lease=2.0))
    log.append(measured(1), after=0)
    lease = work.take("a")
    for share in (0.2, 0.4, 0.9):
        time.sleep(0.8)
        assert work.renew(lease, share, "epoch\n" * 1000)
        assert work.take("b") is None
    (state,) = work.states()
    assert state.share == 0.9
    assert len(state.printed) <= 4000


def test_failures_are_repeated_and_end(log, work):
    log.append(measured(1), after=0)
    for attempt in (1, 2, 3):
        lease = work.take("a")
        assert lease.attempt == attempt
        assert work.fail(lease, "no memory")
    assert work.take("a") is None
    (state,) = work.states()
    assert (state.stage, state.words, state.due) == ("failed", "no memory", False)
    log.append(measured(2), after=1)  # something changed: it may work now
    assert work.take("a").attempt == 1


def test_what_somebody_lost_goes_first(log, work, hasty):
    other = SQLLog(log.database, campaign=create_campaign(log.database, "lipase"))
    log.append(measured(1), after=0)
    lost = hasty.take("a")
    other.append(measured(1), after=0)
    log.append(measured(2), after=1)  # later than what the other waits for
    time.sleep(0.4)
    assert (work.take("b").campaign, work.take("c").campaign) == (lost.campaign, other.campaign)


def test_who_vanishes_again_and_again_is_not_followed_for_ever(log, work, hasty):
    log.append(measured(1), after=0)
    for attempt in (1, 2, 3):
        assert hasty.take(f"worker {attempt}").attempt == attempt
        time.sleep(0.35)
    assert work.take("another") is None
    (state,) = work.states()
    assert (state.stage, state.owner) == ("failed", "")
    assert "vanished 3 times" in state.words


def test_a_second_attempt_waits(log):
    work = Work(log.database, timing=replace(AT_ONCE, retry=30.0))
    log.append(measured(1), after=0)
    assert work.fail(work.take("a"), "busy")
    assert work.take("a") is None
    assert work.states()[0].due


def test_pauses_between_attempts_double_and_what_changes_ends_them(log):
    work = Work(log.database, timing=replace(AT_ONCE, retry=30.0, attempts=4))
    log.append(measured(1), after=0)
    for attempt, pause in ((1, 30.0), (2, 60.0), (3, 120.0)):
        lease = work.take("a")
        assert lease.attempt == attempt
        assert work.fail(lease, "busy")
        assert work.take("a") is None
        state, later = work.states()[0], log.database.read("SELECT not_before FROM work")[0][0]
        assert later - state.since == pytest.approx(pause, abs=2.0)
        with log.database.writing() as connection:
            connection.exec_driver_sql("UPDATE work SET not_before = 0")
    assert work.fail(work.take("a"), "busy")
    assert work.states()[0].stage == "failed"
    log.append(measured(2), after=1)
    lease = work.take("a")
    assert work.fail(lease, "busy")
    log.append(measured(3), after=2)  # new results are not made to wait for the pause of an old failure
    assert work.take("a").attempt == 1


def test_what_would_fail_again_in_the_same_way_is_not_repeated(log, work):
    log.append(measured(1), after=0)
    assert work.fail(work.take("a"), "one value for all", again=False)
    assert work.take("a") is None
    assert (work.states()[0].stage, work.states()[0].words) == ("failed", "one value for all")


def test_a_late_result_of_work_that_was_given_up_or_back_is_refused(log, work):
    log.append(measured(1), after=0)
    for end in (lambda lease: work.fail(lease, "too long", again=False), work.release):
        lease = work.claim(log.campaign, "fit", "a")
        assert end(lease)
        zombie = SQLLog(log.database, campaign=log.campaign, holds=fence_of(lease))
        with pytest.raises(StateError, match="Nothing was written"):
            zombie.append(PIN, after=1)
    assert len(list(log)) == 1


def test_who_works_learns_that_results_came_in_once_no_more_come(log):
    work, patient = (Work(log.database, timing=replace(AT_ONCE, quiet=q, longest=60.0)) for q in (0.0, 30.0))
    log.append(measured(1), after=0)
    lease = work.take("a")
    assert not work.is_outdated(lease)
    log.append(measured(2), after=1)
    assert work.is_outdated(lease)
    assert not patient.is_outdated(lease)  # more may come
    assert work.release(lease)
    again = work.take("a")
    assert again.first_change == pytest.approx(lease.first_change)
    log.append(measured(3), after=2)
    assert work.is_outdated(again)
    assert not replace(work, timing=AT_ONCE).is_outdated(again)  # it has waited long enough


def test_what_somebody_asked_for_stands_until_it_is_done(log, work, hasty):
    log.append(measured(1), after=0)
    work.ask(log.campaign, "distil", "small")
    first = hasty.take("a", ["distil"])
    assert first.ordered == "small"
    time.sleep(0.4)  # whoever took it is dead
    second = work.take("b", ["distil"])
    assert (second.ordered, second.fence) == ("small", 2)
    work.ask(log.campaign, "distil", "large")  # meanwhile
    assert work.finish(second, "student 1")
    third = work.take("c", ["distil"])
    assert third.ordered == "large"
    assert work.finish(third, "student 2")
    assert work.take("c", ["distil"]) is None
    assert [s.ordered for s in work.states() if s.kind == "distil"] == [""]


def test_work_is_claimed_whether_due_or_not_but_not_from_who_does_it(log, work):
    log.append(PIN, after=0)
    mine = work.claim(log.campaign, "distil", "a")
    assert mine.attempt == 1
    assert work.claim(log.campaign, "distil", "b") is None
    assert work.take("b", ["distil"]) is None
    assert work.finish(mine, "student 1")
    log.append(measured(1), after=1)
    mine = work.claim(log.campaign, "fit", "a")
    assert work.finish(mine, "version 1")
    assert work.states()[1].due  # whoever looks next finds nothing missing


def test_where_a_look_finds_nothing_missing_nothing_is_due_unless_something_changed_meanwhile(log, work):
    log.append(measured(1), after=0)
    work.settle(log.campaign, "fit", lambda: False)
    assert work.open_ends(["fit"]) == 1
    work.settle(log.campaign, "fit", lambda: bool(log.append(measured(2), after=1)))
    assert work.open_ends(["fit"]) == 1
    time.sleep(0.01)
    work.settle(log.campaign, "fit", lambda: True)
    assert work.open_ends(["fit"]) == 0
    work.ask(log.campaign, "fit", "again")
    work.settle(log.campaign, "fit", lambda: True)
    assert work.open_ends(["fit"]) == 1


def test_a_worker_takes_the_kinds_that_it_knows(log, work):
    log.append(measured(1), after=0)
    work.ask(log.campaign, "webhook", "https://example.org")
    assert (work.open_ends(["fit", "webhook"]), work.open_ends(["distil"])) == (2, 0)
    assert work.take("a", ["distil"]) is None
    assert work.take("a", ["webhook"]).kind == "webhook"
    assert work.take("a", ["webhook"]) is None


def test_the_clock_of_a_machine_does_not_matter(log, work, monkeypatch):
    monkeypatch.setattr(time, "time", lambda: 0.0)
    log.append(measured(1), after=0)
    lease = work.take("a")
    assert work.states()[0].held
    assert work.take("b") is None
    assert work.renew(lease)


def test_what_is_given_back_is_due_at_once_and_counts_as_no_attempt(log, work):
    log.append(measured(1), after=0)
    assert work.release(work.take("a"))
    assert work.take("b").attempt == 1


def take_many(task: tuple[str, int]) -> list[tuple[str, int]]:
    from store.test_log import opened

    where, writer = task
    work, mine = Work(opened(where), timing=replace(AT_ONCE, lease=60.0)), []
    while lease := work.take(f"worker {writer}"):
        mine.append((lease.campaign, lease.fence))
        work.finish(lease, "")
    return mine


def test_several_workers_share_the_work_of_many_campaigns(log):
    from store.test_log import place

    keys = [create_campaign(log.database, str(n)) for n in range(12)]
    for key in keys:
        SQLLog(log.database, campaign=key).append(measured(1), after=0)
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        taken = pool.map(take_many, [(place(log.database), n) for n in range(3)])
    assert sorted(lease for mine in taken for lease in mine) == sorted((key, 1) for key in keys)


def test_progress_is_a_share(log, work):
    log.append(measured(1), after=0)
    assert work.renew(work.take("a"), math.inf)
    assert work.states()[0].share == 1.0
