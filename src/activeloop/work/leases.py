"""Leases: who does which work of which campaign, so that it is done once whoever dies.

A row of the table `work` says since when something may be due. Whoever takes it holds it for a while and must renew it;
the row's fence is counted up each time it is taken, and the transaction that writes the result looks whether the fence
is still that of its lease. A process that was stopped and wakes up later, its lease gone to another one, therefore
writes nothing. All moments are by the clock of the database.

Source: Kleppmann 2016, "How to do distributed locking" (fencing tokens); Burns et al. 2016, ACM Queue 14(1)
(level-triggered reconciliation).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from activeloop.errors import StateError
from activeloop.store.database import Database, plain_errors

if TYPE_CHECKING:
    import sqlalchemy as sa

PRINTED = 4_000
"""Characters of what a process printed last that are kept."""


@dataclass(frozen=True)
class Timing:
    """When work begins, and how long it may be held. All in seconds.

    Args:
        quiet: after the last change: plates that arrive in pieces are waited for.
        longest: after the first change at the latest.
        lease: for which work is held without a sign of life.
        retry: before the second attempt; doubled for each later one.
        attempts: number of attempts until somebody has to look.
    """

    quiet: float = 5.0
    longest: float = 60.0
    lease: float = 30.0
    retry: float = 5.0
    attempts: int = 5


@dataclass(frozen=True)
class Lease:
    """Work that this process holds.

    Args:
        campaign: key of the campaign.
        kind: `fit` or `distil`.
        owner: who holds it.
        fence: how often it was taken by anybody; the number of this lease.
        attempt: number of this attempt, from 1.
    """

    campaign: str
    kind: str
    owner: str
    fence: int
    attempt: int


@dataclass(frozen=True)
class WorkState:
    """How some work stands.

    Args:
        campaign: key of the campaign.
        kind: `fit` or `distil`.
        stage: `waiting`, `running`, `done`, or `failed` when its attempts are used up.
        owner: who holds it; "" when nobody does.
        share: progress of what is running, from 0 to 1.
        words: what came of it, or why it failed.
        printed: the end of what its process printed.
        due: whether something changed that it has not looked at yet.
        attempts: number of attempts since the last change.
    """

    campaign: str
    kind: str
    stage: str
    owner: str
    share: float
    words: str
    printed: str
    due: bool
    attempts: int


@dataclass(frozen=True)
class Work:
    """The work of all campaigns of a database.

    Args:
        database: with the table `work`.
        where: how messages name it.
        timing: when work begins.
    """

    database: Database
    where: str = "the database"
    timing: Timing = Timing()

    def states(self, campaign: str | None = None) -> tuple[WorkState, ...]:
        """How all work stands, or that of one campaign. Writes nothing."""
        columns = "campaign, kind, stage, owner, share, words, printed, last_change, attempts"
        which = "" if campaign is None else "WHERE campaign = :campaign"
        given = {} if campaign is None else {"campaign": campaign}
        with plain_errors(self.where):
            rows = self.database.read(f"SELECT {columns} FROM work {which} ORDER BY campaign, kind", **given)
        return tuple(WorkState(*row[:7], due=row[7] is not None, attempts=row[8]) for row in rows)

    def take(self, owner: str) -> Lease | None:
        """Take what is due and held by nobody; None when there is nothing.

        Args:
            owner: who takes it; two workers must not have the same name.
        """
        import sqlalchemy as sa

        from activeloop.store.schema import database_time, work

        now, timing = database_time(), self.timing
        changed = sa.and_(
            work.c.last_change.is_not(None),
            sa.or_(work.c.last_change + timing.quiet <= now, work.c.first_change + timing.longest <= now),
            sa.or_(work.c.not_before.is_(None), work.c.not_before <= now),
        )
        free = sa.or_(work.c.until.is_(None), work.c.until < now)
        lost = work.c.stage == "running"
        due = sa.select(work).where(free, sa.or_(changed, lost)).order_by(work.c.first_change).limit(1)
        used_up = sa.update(work).where(work.c.until < now, lost, work.c.attempts >= timing.attempts)
        with plain_errors(self.where), self.database.writing() as connection:
            why = f"whoever did it vanished {timing.attempts} times, as when memory runs out"
            connection.execute(used_up.values(stage="failed", owner="", until=None, words=why))
            row = connection.execute(due.with_for_update(skip_locked=True)).one_or_none()
            if row is None:
                return None
            lease = Lease(row.campaign, row.kind, owner, row.fence + 1, row.attempts + 1)
            # Changes from here on are noted anew, so that what comes while it runs is looked at afterwards.
            held = {"owner": owner, "until": now + timing.lease, "fence": lease.fence, "attempts": lease.attempt}
            begun = {"first_change": None, "last_change": None, "not_before": None}
            shown = {"stage": "running", "share": 0.0, "words": "", "printed": ""}
            connection.execute(_row(work, lease, fence=row.fence).values(**held, **begun, **shown))
            return lease

    def renew(self, lease: Lease, share: float = 0.0, printed: str = "") -> bool:
        """Hold the work for longer and say how far it is; False when it is another's by now."""
        from activeloop.store.schema import database_time, work

        until = database_time() + self.timing.lease
        with plain_errors(self.where), self.database.writing() as connection:
            values = {"until": until, "share": min(max(share, 0.0), 1.0), "printed": printed[-PRINTED:]}
            return connection.execute(_row(work, lease).values(**values)).rowcount == 1

    def finish(self, lease: Lease, words: str) -> bool:
        """Give back work that is done; False when it is another's by now."""
        return self._end(lease, {"stage": "done", "share": 1.0, "words": words, "attempts": 0})

    def fail(self, lease: Lease, words: str, *, again: bool = True) -> bool:
        """Give back work that failed; it is tried again later, unless its attempts are used up.

        Args:
            lease: of it.
            words: why.
            again: whether another attempt can come to something else.
        """
        import sqlalchemy as sa

        from activeloop.store.schema import database_time, work

        if not again or lease.attempt >= self.timing.attempts:
            return self._end(lease, {"stage": "failed", "words": words})
        later = database_time() + self.timing.retry * 2.0 ** (lease.attempt - 1)
        noted = {name: sa.func.coalesce(work.c[name], database_time()) for name in ("first_change", "last_change")}
        return self._end(lease, {"stage": "waiting", "words": words, "not_before": later, **noted})

    def release(self, lease: Lease) -> bool:
        """Give back work that was not done, for instance because this worker stops: it is due at once."""
        import sqlalchemy as sa

        from activeloop.store.schema import database_time, work

        noted = {name: sa.func.coalesce(work.c[name], database_time()) for name in ("first_change", "last_change")}
        return self._end(lease, {"stage": "waiting", "attempts": max(lease.attempt - 1, 0), **noted})

    def _end(self, lease: Lease, values: dict[str, Any]) -> bool:
        from activeloop.store.schema import work

        with plain_errors(self.where), self.database.writing() as connection:
            return connection.execute(_row(work, lease).values(owner="", until=None, **values)).rowcount == 1


def _row(work: sa.Table, lease: Lease, fence: int | None = None) -> sa.Update:
    """An update of the lease's row, where the fence is still this one."""
    import sqlalchemy as sa

    mine = work.c.fence == (lease.fence if fence is None else fence)
    return sa.update(work).where(work.c.campaign == lease.campaign, work.c.kind == lease.kind, mine)


def fence_of(lease: Lease) -> Callable[[sa.Connection], None]:
    """What looks, in the transaction that writes a result, whether the work is still held under a lease.

    Raises:
        StateError: it went to another worker; nothing is written.
    """

    def holds(connection: sa.Connection) -> None:
        import sqlalchemy as sa

        from activeloop.store.schema import work

        now = sa.select(work.c.fence).where(work.c.campaign == lease.campaign, work.c.kind == lease.kind)
        if connection.execute(now.with_for_update()).scalar() != lease.fence:
            raise StateError(
                f"this worker was silent for too long and lost its work ({lease.kind}) to another. Nothing was written."
            )

    return holds
