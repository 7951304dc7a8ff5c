"""Who calls, what they may do, and the campaigns that this process holds open for them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import Depends, Path, Request

from activeloop.server.problems import Problem

if TYPE_CHECKING:
    from activeloop.config import OpenCampaign
    from activeloop.config.store import Store

Role = Literal["reader", "robot", "scientist", "owner"]
ROLES: tuple[Role, ...] = ("reader", "robot", "scientist", "owner")
"""Each may do what those before it may: look, record results, decide, and manage the campaign."""


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
    """

    id: str
    name: str
    email: str = ""
    admin: bool = False
    token: str = ""
    most: Role = "owner"
    campaign: str = ""

    @property
    def actor(self) -> str:
        """As it stands in the log."""
        return f"{self.name} (token {self.token})" if self.token else self.name


LOCAL = User("local", "local", admin=True)
"""The one user of a laptop."""


@dataclass
class _Held:
    """A campaign in memory."""

    loop: OpenCampaign
    lock: threading.RLock = field(default_factory=threading.RLock)


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
            log = held.loop.folder.log
            log.actor, log.request = actor, request
            try:
                yield held.loop
            finally:
                log.actor = log.request = ""

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
            from activeloop.config.building import open_folder

            held = _Held(open_folder(self.store.folder(key)))
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
        request: the request's idempotency key; "" where there is none.
        campaigns: that are open.
    """

    key: str
    user: User
    role: Role
    request: str
    campaigns: Campaigns

    @contextmanager
    def open(self) -> Iterator[OpenCampaign]:
        """The campaign, for this thread alone; what is written in the block is by this caller."""
        with self.campaigns.open(self.key, self.user.actor, self.request) as loop:
            yield loop

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
        raise Problem(401, "nobody is signed in.", "Sign in, or send a token: Authorization: Bearer TOKEN.")
    return user


def campaigns_of(request: Request) -> Campaigns:
    """The campaigns that this process holds."""
    return request.app.state.campaigns


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
        own: Any = request.app.state.role_of(user, campaign)
        if not own:
            raise Problem(404, f"there is no campaign {campaign}.", "GET /api/v1/campaigns lists yours.")
        if not allows(own, role):
            raise Problem(403, f"this needs the role {role}, and you are {own}.", "Ask an owner of the campaign.")
        return CampaignAccess(campaign, user, own, request.headers.get("idempotency-key", ""), campaigns)

    access.role = role  # type: ignore[attr-defined]
    return access


Reader = Annotated[CampaignAccess, Depends(needs("reader"))]
Robot = Annotated[CampaignAccess, Depends(needs("robot"))]
Scientist = Annotated[CampaignAccess, Depends(needs("scientist"))]
Owner = Annotated[CampaignAccess, Depends(needs("owner"))]
