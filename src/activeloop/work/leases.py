"""Leases: who does which work of which campaign, so that it is done once whoever dies.

A row of the table `work` says since when something may be due. Whoever takes it holds it for a while and must renew it;
the row's fence is counted up each time it is taken, and the transaction that writes the result looks whether the fence
is still that of its lease. A process that was stopped and wakes up later, its lease gone to another one, therefore
writes nothing. All moments are by the clock of the database.

Source: Kleppmann 2016, "How to do distributed locking" (fencing tokens); Burns et al. 2016, ACM Queue 14(1)
(level-triggered reconciliation).
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from activeloop.errors import StateError
from activeloop.store.database import Database, plain_errors

if TYPE_CHECKING:
    import sqlalchemy as sa

PRINTED = 4_000
"""Characters of what a process printed last that are kept."""
_COLUMNS = "campaign, kind, stage, owner, share, words, printed, attempts, since, ordered, last_change, until"


@dataclass(frozen=True)
class Timing:
    """When work begins, and how long it may be held. All in seconds.

    Args:
        quiet: after the last change: plates that arrive in pieces are waited for.
        longest: after the first change at the latest; until then what changes meanwhile makes it begin anew.
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
        kind: of the work, such as `fit`.
        owner: who holds it.
        fence: how often it was taken by anybody; the number of this lease.
        attempt: number of this attempt, from 1.
        ordered: what somebody asked for; "" for what the campaign's settings say.
        first_change: when the first of the changes was noted that it looks at.
    """

    campaign: str
    kind: str
    owner: str
    fence: int
    attempt: int
    ordered: str = ""
    first_change: float = 0.0


@dataclass(frozen=True)
class WorkState:
    """How some work stands.

    Args:
        campaign: key of the campaign.
        kind: of the work, such as `fit`.
        stage: `waiting`, `running`, `done`, or `failed` when its attempts are used up.
        owner: who holds it; "" when nobody does.
        share: progress of what is running, from 0 to 1.
        words: what came of it, or why it failed.
        printed: the end of what its process printed.
        attempts: number of attempts since the last change.
        since: when its stage began, in seconds since 1970; 0 when not known.
        ordered: what somebody asked for; "" for what the campaign's settings say.
        due: whether something changed that it has not looked at yet.
        held: whether who holds it has shown a sign of life; False when nobody does.
    """

    campaign: str
    kind: str
    stage: str
    owner: str
    share: float
    words: str
    printed: str
    attempts: int
    since: float
    ordered: str
    due: bool
    held: bool

    @property
    def moment(self) -> str:
        """When its stage began, in UTC."""
        return f"{datetime.fromtimestamp(self.since, UTC):%Y-%m-%d %H:%M} UTC"


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
        which = "" if campaign is None else "WHERE campaign = :campaign"
        given = {} if campaign is None else {"campaign": campaign}
        query = f"SELECT {_COLUMNS}, CURRENT_TIMESTAMP FROM work {which} ORDER BY campaign, kind"
        with plain_errors(self.where):
            rows = self.database.read(query, **given)
        return tuple(
            WorkState(*row, due=changed is not None, held=until is not None and until >= _seconds(now) - 1.0)
            for *row, changed, until, now in rows
        )

    def open_ends(self, kinds: Collection[str]) -> int:
        """Number of pieces of work that may be due or are being done. Takes no lock, so that nobody waits for it."""
        named = {f"kind{i}": kind for i, kind in enumerate(kinds)}
        among = ", ".join(f":{name}" for name in named)
        query = f"SELECT count(*) FROM work WHERE kind IN ({among}) AND (last_change IS NOT NULL OR stage = 'running')"
        with plain_errors(self.where):
            return self.database.read(query, **named)[0][0]

    def ask(self, campaign: str, kind: str, ordered: str = "") -> None:
        """Note that some work of a campaign may be due.

        Args:
            campaign: its key.
            kind: of the work.
            ordered: what is asked for beyond the campaign's settings; it stands until it is done.
        """
        from activeloop.store.log import may_be_due
        from activeloop.store.schema import work

        with plain_errors(self.where), self.database.writing() as connection:
            connection.execute(may_be_due(connection, campaign, kind))
            if ordered:
                connection.execute(_of(work, campaign, kind).values(ordered=ordered))

    def settle(self, campaign: str, kind: str, nothing: Callable[[], bool]) -> None:
        """Note that nothing is due, where a look says so; what changes during the look stays due.

        Args:
            campaign: its key.
            kind: of the work.
            nothing: looks whether nothing is missing.
        """
        import sqlalchemy as sa

        from activeloop.store.schema import database_time, work

        with plain_errors(self.where), self.database.engine.connect() as connection:
            looked = connection.execute(sa.select(database_time())).scalar_one()
        if not nothing():
            return
        same = sa.and_(work.c.last_change < looked, work.c.owner == "", work.c.ordered == "")
        with plain_errors(self.where), self.database.writing() as connection:
            settled = {"first_change": None, "last_change": None, "not_before": None}
            connection.execute(_of(work, campaign, kind).where(same).values(**settled))

    def take(self, owner: str, kinds: Collection[str] = ("fit", "distil"), *, same: bool = False) -> Lease | None:
        """Take what is due and held by nobody, of any campaign; None when there is nothing.

        Args:
            owner: who takes it; two workers must not have the same name.
            kinds: of the work that it can do.
            same: take over what another worker lost under the number of that lease, as the same attempt: what does the
                work outlives its worker, and goes on.
        """
        import sqlalchemy as sa

        from activeloop.store.schema import database_time, work

        now, timing = database_time(), self.timing
        ready = sa.or_(work.c.not_before.is_(None), work.c.not_before <= now)
        free = sa.or_(work.c.until.is_(None), work.c.until < now)
        lost = work.c.stage == "running"
        due = sa.select(work).where(work.c.kind.in_(kinds), free, sa.or_(sa.and_(self._settled(), ready), lost))
        # first what somebody lost, which has waited for its lease already
        due = due.order_by(sa.case((lost, 0), else_=1), work.c.first_change).limit(1)
        used_up = sa.update(work).where(work.c.kind.in_(kinds), work.c.until < now, lost)
        used_up = used_up.where(work.c.attempts >= timing.attempts)
        with plain_errors(self.where), self.database.writing() as connection:
            why = f"whoever did it vanished {timing.attempts} times, as when memory runs out"
            if not same:
                connection.execute(used_up.values(stage="failed", owner="", until=None, words=why, since=now))
            row = connection.execute(due.with_for_update(skip_locked=True)).one_or_none()
            if row is not None and same and row.stage == "running":
                return self._taken(connection, row, owner, {}, row.attempts, row.fence)
            # Changes from here on are noted anew, so that what comes while it runs is looked at afterwards.
            begun = {"first_change": None, "last_change": None, "not_before": None}
            return None if row is None else self._taken(connection, row, owner, begun, row.attempts + 1)

    def claim(self, campaign: str, kind: str, owner: str) -> Lease | None:
        """Take some work whether it is due or not, to do it here; None while another does it.

        Args:
            campaign: its key.
            kind: of the work.
            owner: who takes it.
        """
        import sqlalchemy as sa

        from activeloop.store.log import may_be_due
        from activeloop.store.schema import database_time, work

        mine = sa.select(work, (work.c.until >= database_time()).label("held"))
        mine = mine.where(work.c.campaign == campaign, work.c.kind == kind).with_for_update()
        with plain_errors(self.where), self.database.writing() as connection:
            row = connection.execute(mine).one_or_none()
            if row is None:
                connection.execute(may_be_due(connection, campaign, kind))
                row = connection.execute(mine).one()
            # What is due stays due: who looks afterwards sees what is missing then.
            return None if row.owner and row.held else self._taken(connection, row, owner, {}, attempt=1)

    def _taken(
        self,
        connection: sa.Connection,
        row: Any,
        owner: str,
        changes: dict[str, Any],
        attempt: int,
        fence: int | None = None,
    ) -> Lease:
        from activeloop.store.schema import database_time, work

        now, number = database_time(), row.fence + 1 if fence is None else fence
        lease = Lease(row.campaign, row.kind, owner, number, attempt, row.ordered, row.first_change or 0.0)
        held = {"owner": owner, "until": now + self.timing.lease, "fence": lease.fence, "attempts": lease.attempt}
        shown = {"stage": "running", "share": 0.0, "words": "", "printed": "", "since": now}
        connection.execute(_of(work, lease.campaign, lease.kind).values(**held, **changes, **shown))
        return lease

    def _settled(self) -> sa.ColumnElement[bool]:
        """Whether something changed, and nothing more has come for a while."""
        import sqlalchemy as sa

        from activeloop.store.schema import database_time, work

        now, timing = database_time(), self.timing
        waited = sa.or_(work.c.last_change + timing.quiet <= now, work.c.first_change + timing.longest <= now)
        return sa.and_(work.c.last_change.is_not(None), waited)

    def renew(self, lease: Lease, share: float = 0.0, printed: str = "") -> bool:
        """Hold the work for longer and say how far it is; False when it is another's by now."""
        from activeloop.store.schema import database_time, work

        until = database_time() + self.timing.lease
        # A power cut may undo a sign of life: nobody must wait for the disk because of it.
        with plain_errors(self.where), self.database.writing(durable=False) as connection:
            values = {"until": until, "share": min(max(share, 0.0), 1.0), "printed": printed[-PRINTED:]}
            return connection.execute(_row(work, lease).values(**values)).rowcount == 1

    def is_outdated(self, lease: Lease) -> bool:
        """Whether the work had better begin anew: something changed since it was taken, and no more has come.

        Not when its first change is too long ago: where results never cease to come in, it must come to an end.
        """
        import sqlalchemy as sa

        from activeloop.store.schema import database_time, work

        mine = sa.select(work.c.fence).where(work.c.campaign == lease.campaign, work.c.kind == lease.kind)
        quiet = work.c.last_change + self.timing.quiet <= database_time()
        fresh = database_time() < lease.first_change + self.timing.longest
        with plain_errors(self.where), self.database.engine.connect() as connection:
            return connection.execute(mine.where(quiet, fresh)).one_or_none() is not None

    def finish(self, lease: Lease, words: str) -> bool:
        """Give back work that is done; False when it is another's by now."""
        import sqlalchemy as sa

        from activeloop.store.schema import work

        others = sa.case((work.c.ordered == lease.ordered, ""), else_=work.c.ordered)  # asked for meanwhile
        done = {"stage": "done", "share": 1.0, "words": words, "attempts": 0, "ordered": others}
        return self._end(lease, done)

    def fail(self, lease: Lease, words: str, *, again: bool = True, counted: bool = True) -> bool:
        """Give back work that failed; it is tried again later, unless its attempts are used up.

        Args:
            lease: of it.
            words: why.
            again: whether another attempt can come to something else.
            counted: as an attempt; not where the machine was taken from it.
        """
        from activeloop.store.schema import database_time

        if not again or (counted and lease.attempt >= self.timing.attempts):
            return self._end(lease, {"stage": "failed", "words": words})
        attempts = lease.attempt if counted else max(lease.attempt - 1, 0)
        later = database_time() + self.timing.retry * 2.0 ** max(attempts - 1, 0)
        told = {"stage": "waiting", "words": words, "attempts": attempts, "not_before": later}
        return self._end(lease, told | _changed())

    def later(self, lease: Lease, words: str, seconds: float) -> bool:
        """Give back work that goes on, but not now; False when it is another's by now.

        Args:
            lease: of it.
            words: how it stands.
            seconds: after which it is looked at again, or sooner when something changes.
        """
        from activeloop.store.schema import database_time

        waits = {"stage": "waiting", "words": words, "attempts": 0, "not_before": database_time() + seconds}
        return self._end(lease, {**waits, **_changed()})

    def release(self, lease: Lease) -> bool:
        """Give back work that was not done, for instance because this worker stops: it is due at once."""
        first = {"first_change": lease.first_change} if lease.first_change else {}
        return self._end(lease, {"stage": "waiting", "attempts": max(lease.attempt - 1, 0), **_changed(), **first})

    def hand_over(self, lease: Lease) -> bool:
        """Let another worker have this lease at once, while what does the work goes on; False when one has it."""
        from activeloop.store.schema import work

        with plain_errors(self.where), self.database.writing() as connection:
            return connection.execute(_row(work, lease).values(until=None)).rowcount == 1

    def living(self) -> set[tuple[str, str, int]]:
        """Campaign, kind and number of every lease that was not given back: what is done under others is in vain."""
        with plain_errors(self.where):
            rows = self.database.read("SELECT campaign, kind, fence FROM work WHERE owner <> ''")
        return {(campaign, kind, fence) for campaign, kind, fence in rows}

    def _end(self, lease: Lease, values: dict[str, Any]) -> bool:
        from activeloop.store.schema import database_time, work

        nobody = {"owner": "", "until": None, "since": database_time()}
        with plain_errors(self.where), self.database.writing() as connection:
            return connection.execute(_row(work, lease).values(**nobody, **values)).rowcount == 1


def _seconds(moment: Any) -> float:
    """Seconds since 1970 of a moment as the database gives it: a datetime, or the text of one in UTC."""
    found = datetime.fromisoformat(str(moment))
    return found.replace(tzinfo=found.tzinfo or UTC).timestamp()


def _changed() -> dict[str, Any]:
    """The moments of the changes that are not done yet: as they stand, or now."""
    import sqlalchemy as sa

    from activeloop.store.schema import database_time, work

    return {name: sa.func.coalesce(work.c[name], database_time()) for name in ("first_change", "last_change")}


def _of(work: sa.Table, campaign: str, kind: str) -> sa.Update:
    """An update of the row of some work."""
    import sqlalchemy as sa

    return sa.update(work).where(work.c.campaign == campaign, work.c.kind == kind)


def _row(work: sa.Table, lease: Lease) -> sa.Update:
    """An update of the lease's row, where it is still held under it."""
    return _of(work, lease.campaign, lease.kind).where(work.c.fence == lease.fence, work.c.owner == lease.owner)


def request_of(lease: Lease) -> str:
    """By which the events of some work are marked, and found in a trace."""
    return f"{lease.kind} under lease {lease.fence}"


def fence_of(lease: Lease, *, outlives: bool = False) -> Callable[[sa.Connection], None]:
    """What looks, in the transaction that writes a result, whether the work is still held under a lease.

    Args:
        lease: of the work.
        outlives: whether what does the work outlives its worker: whoever holds the lease then is the right one.

    Raises:
        StateError: it went to another worker, or was given back; nothing is written.
    """

    def holds(connection: sa.Connection) -> None:
        import sqlalchemy as sa

        from activeloop.store.schema import work

        now = sa.select(work.c.fence, work.c.owner)
        now = now.where(work.c.campaign == lease.campaign, work.c.kind == lease.kind).with_for_update()
        fence, owner = connection.execute(now).one_or_none() or (0, "")
        if fence != lease.fence or not (owner if outlives else owner == lease.owner):
            raise StateError(
                f"this worker was silent for too long and lost its work ({lease.kind}) to another. Nothing was written."
            )

    return holds
