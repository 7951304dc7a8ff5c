"""Who calls, what they may do, and the campaigns that this process holds open for them."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import Depends, Path, Request

from activeloop.server.computed import Known
from activeloop.server.forms import Role
from activeloop.server.memory import give_back
from activeloop.server.problems import Problem
from activeloop.server.wall import allow

if TYPE_CHECKING:
    from activeloop.campaigns import Recorded
    from activeloop.campaigns.grouping import GroupCommit
    from activeloop.config import OpenCampaign
    from activeloop.config.store import Store
    from activeloop.desk.candidates import CandidateTable
    from activeloop.store import SQLLog

T = TypeVar("T")

ROLES: tuple[Role, ...] = ("reader", "robot", "scientist", "owner")
"""Each may do what those before it may: look, record results, decide, and manage the campaign."""


def role_named(name: str) -> Role:
    """A role by its stored name; the least when it is none."""
    return ROLES[ROLES.index(name)] if name in ROLES else "reader"


def allows(role: str, needed: Role) -> bool:
    """Whether a role may do what needs another; "" may nothing.

    >>> allows("scientist", "robot"), allows("reader", "robot"), allows("", "reader")
    (True, False, False)
    """
    return role in ROLES and ROLES.index(role) >= ROLES.index(needed)


@dataclass(frozen=True)
class User:
    """Who calls.

    Args:
        id: that does not change, as the identity provider gives it.
        name: as the audit trail shows it.
        email: "" where it is not known.
        admin: whether they may do everything.
        token: name of the token by which a program calls; "" for a person.
        most: the most that this call may do, whatever the person may.
        campaign: the only campaign that a token is for; "" = all of its person.
        signed_at: when the person signed in (seconds since 1970).
    """

    id: str
    name: str
    email: str = ""
    admin: bool = False
    token: str = ""
    most: Role = "owner"
    campaign: str = ""
    signed_at: float = 0.0

    @property
    def actor(self) -> str:
        """As it stands in the log."""
        return f"{self.name} (token {self.token})" if self.token else self.name


class DoneBefore(Exception):
    """A request comes again whose events are stored, and whose answer was lost with the process that made it."""

    def __init__(self, recorded: Sequence[Recorded]):
        self.recorded = recorded


@dataclass
class _Held:
    """A campaign in memory.

    Args:
        loop: it.
        last: number of the last event of which is known whether it configured the campaign.
        lock: of the thread that uses it.
        table: its `CandidateTable`.
        made_of: the file of the table's predictions, and whether it was there.
    """

    loop: OpenCampaign
    last: int
    lock: threading.RLock = field(default_factory=threading.RLock)
    table: Known | None = None
    made_of: tuple[str, bool] = ("", False)


class Campaigns:
    """The campaigns that a process holds open: the last few, each used by one thread at a time.

    Args:
        store: of all campaigns.
        most: that are held.
    """

    def __init__(self, store: Store, most: int):
        self.store, self._most = store, most
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._opening: dict[str, threading.Lock] = {}
        self._together: OrderedDict[str, GroupCommit[OpenCampaign]] = OrderedDict()
        self._lock = threading.Lock()

    @contextmanager
    def open(self, key: str, actor: str = "", request: str = "") -> Iterator[OpenCampaign]:
        """A campaign, for this thread alone.

        Args:
            key: of the campaign.
            actor: who writes.
            request: of what request the events are.
        """
        held = self._one(key)
        with held.lock:
            if self._configured_since(key, held):
                held.loop = self._opened(key)
            log = held.loop.folder.log
            log.actor, log.request = actor, request
            try:
                yield held.loop
            finally:
                log.actor = log.request = ""

    def _opened(self, key: str) -> OpenCampaign:
        from activeloop.config.building import open_folder

        return open_folder(self.store.folder(key))

    def _configured_since(self, key: str, held: _Held) -> bool:
        """Whether somebody configured a campaign otherwise since it was opened."""
        last = self.last(key) or 0
        if last == held.last:
            return False
        query = "SELECT 1 FROM events WHERE campaign = :key AND sequence > :last AND kind = 'configured' LIMIT 1"
        changed = bool(self.store.database.read(query, key=key, last=held.last))
        held.last = last
        return changed

    def last(self, key: str) -> int | None:
        """Number of the last event of a campaign; None when there is no such campaign."""
        rows = self.store.database.read("SELECT last FROM campaigns WHERE campaign = :key", key=key)
        return int(rows[0][0]) if rows else None

    def __len__(self) -> int:
        return len(self._held)

    def table(self, key: str, loop: OpenCampaign, actor: str) -> CandidateTable:
        """The candidates of an open campaign, made anew only when something happened.

        Where others record results all the time, the table is a little older than the newest of theirs.

        Args:
            key: of the campaign.
            loop: it, as `open` gave it.
            actor: who reads: what they wrote themselves is there in any case.
        """
        from activeloop.desk.candidates import CandidateTable, predictions_file

        path, last = predictions_file(loop), loop.campaign.state().last
        made_of = (path.name, path.exists())
        held = self._held.get(key)
        if held is None or held.loop is not loop:
            return CandidateTable.of(loop)
        known, same = held.table, held.made_of == made_of
        if known and same and (known.last == last or (known.rests() and self._of_others(key, known.last, actor))):
            return known.value
        began = time.thread_time()
        found = CandidateTable.of(loop, known=known.value.predictions if known and same else None)
        held.table, held.made_of = Known(last, found, time.thread_time() - began), made_of
        give_back()
        return found

    def _of_others(self, key: str, after: int, actor: str) -> bool:
        """Whether all that happened after an event are results that others recorded."""
        query = (
            "SELECT 1 FROM events WHERE campaign = :key AND sequence > :after "
            "AND (kind <> 'measured' OR actor = :actor) LIMIT 1"
        )
        return not self.store.database.read(query, key=key, after=after, actor=actor)

    def together(self, key: str) -> GroupCommit[OpenCampaign]:
        """Where threads of this process write what takes a moment to a campaign, many in one transaction."""
        from activeloop.campaigns.grouping import GroupCommit

        with self._lock:
            if key not in self._together:
                self._together[key] = GroupCommit(lambda: self._alone(key))
            self._together.move_to_end(key)
            while len(self._together) > self._most:  # whoever waits in one holds it
                self._together.popitem(last=False)
            return self._together[key]

    @contextmanager
    def _alone(self, key: str) -> Iterator[OpenCampaign]:
        with self.open(key) as loop, loop.folder.log.alone():
            yield loop

    def forget(self, key: str) -> None:
        """Open a campaign anew when it is used next, because its configuration changed."""
        with self._lock:
            self._held.pop(key, None)

    def _one(self, key: str) -> _Held:
        with self._lock:
            if held := self._held.get(key):
                self._held.move_to_end(key)
                return held
            opening = self._opening.setdefault(key, threading.Lock())
        with opening:  # others who ask for it wait, and those who ask for another do not
            with self._lock:
                if held := self._held.get(key):
                    return held
            last = self.last(key) or 0
            held = _Held(self._opened(key), last)
            give_back()
            with self._lock:
                self._held[key] = held
                self._opening.pop(key, None)
                while len(self._held) > self._most:
                    self._held.popitem(last=False)
            return held


@dataclass(frozen=True)
class CampaignAccess:
    """A campaign that the caller may use.

    Args:
        key: of the campaign.
        user: who calls.
        role: what they are in this campaign.
        request: of what request the events are; "" where it has no idempotency key.
        campaigns: that are open.
        last: number of the campaign's last event when the request came.
        if_match: what the request takes for that number; "" = anything.
    """

    key: str
    user: User
    role: Role
    request: str
    campaigns: Campaigns
    last: int = 0
    if_match: str = ""

    @property
    def log(self) -> SQLLog:
        """Its log, for questions that its tables answer without opening it."""
        from activeloop.store import SQLLog

        return SQLLog(self.campaigns.store.database, campaign=self.key)

    @contextmanager
    def open(self) -> Iterator[OpenCampaign]:
        """The campaign, for this thread alone; what is written in the block is by this caller."""
        with self.campaigns.open(self.key, self.user.actor, self.request) as loop:
            yield loop

    def table(self, loop: OpenCampaign) -> CandidateTable:
        """The candidates of the campaign, as `open` gave it; see `Campaigns.table`."""
        return self.campaigns.table(self.key, loop, self.user.actor)

    @contextmanager
    def change(self) -> Iterator[OpenCampaign]:
        """The campaign, to write what takes a moment: nobody else writes meanwhile.

        Raises:
            Problem: 412, it is not as the request takes it to be.
            DoneBefore: the same request was done before.
        """
        with self.open() as loop, loop.folder.log.alone():
            self.check(loop)
            yield loop

    def change_together(self, task: Callable[[OpenCampaign], T]) -> T:
        """As `change`, in one transaction with what others of this process write at this moment; see `GroupCommit`.

        Args:
            task: what is written, decided and appended in a moment.

        Raises:
            Problem, DoneBefore: as `change`.
            Exception: what the task raised; nothing of it was stored.
        """

        def mine(loop: OpenCampaign) -> T:
            log = loop.folder.log
            log.actor, log.request = self.user.actor, self.request
            self.check(loop)
            return task(loop)

        return self.campaigns.together(self.key).do(mine)

    def check(self, loop: OpenCampaign) -> None:
        """Refuse to do what was done before, or what was decided on another state; raises as `change` does."""
        log = loop.folder.log
        if self.request and log.holds_request(self.request):
            raise DoneBefore(log.of_request(self.request))
        last = loop.campaign.state().last
        if self.if_match not in ("", "*", f"{self.key}.{last}"):
            fix = "Read the campaign again, and decide anew; nothing was stored."
            raise Problem(412, f"the campaign moved on: its last event is {last}.", fix, last=last)

    def may(self, needed: Role) -> bool:
        """Whether the caller may do more, for instance to show a button."""
        return allows(self.role, needed)


def user_of(request: Request) -> User:
    """Who calls.

    Raises:
        Problem: 401, nobody is signed in.
    """
    user = getattr(request.state, "user", None)
    if user is None:
        user = request.state.user = request.app.state.identity.user(request)
    if user is None:
        raise Problem(401, "nobody is signed in.", "Sign in at /auth/login, or send a token.", signin="/auth/login")
    return user


def campaigns_of(request: Request) -> Campaigns:
    """The campaigns that this process holds."""
    return request.app.state.campaigns


def request_id(request: Request, user: User) -> str:
    """What marks the events of a request that has an idempotency key: the same for no two people."""
    key = request.headers.get("idempotency-key", "")
    return f"{hashlib.sha256(user.id.encode()).hexdigest()[:12]}:{key}" if key else ""


SignedIn = Annotated[User, Depends(user_of)]
OpenCampaigns = Annotated[Campaigns, Depends(campaigns_of)]


def needs(role: Role) -> Callable[..., CampaignAccess]:
    """A dependency of a route `/.../{campaign}/...`: the campaign, for callers who are at least this in it.

    A campaign of which the caller is no member is answered as one that does not exist.
    """

    def access(
        request: Request,
        user: SignedIn,
        campaigns: OpenCampaigns,
        campaign: Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="The campaign's key.")],
    ) -> CampaignAccess:
        own: Any = request.app.state.identity.role(user, campaign)
        if own:
            allow(campaign)
        if not own or (last := campaigns.last(campaign)) is None:
            raise Problem(404, f"there is no campaign {campaign}.", "GET /api/v1/campaigns lists yours.")
        if not allows(own, role):
            raise Problem(403, f"this needs the role {role}, and you are {own}.", "Ask an owner of the campaign.")
        wanted = request.headers.get("if-match", "").strip().removeprefix("W/").strip('"')
        return CampaignAccess(campaign, user, own, request_id(request, user), campaigns, last, wanted)

    access.role = role  # type: ignore[attr-defined]
    return access


Reader = Annotated[CampaignAccess, Depends(needs("reader"))]
Robot = Annotated[CampaignAccess, Depends(needs("robot"))]
Scientist = Annotated[CampaignAccess, Depends(needs("scientist"))]
Owner = Annotated[CampaignAccess, Depends(needs("owner"))]
