"""The second wall: PostgreSQL itself shows a request the rows of those campaigns alone that were allowed to it.

Each transaction of the web process says for which campaigns it is (`activeloop.campaigns`), and policies of row-level
security hold to that: a check that somebody forgot in code finds nothing. Before a request is known to be allowed
anything that is none. What is no request (delivery of webhooks, workers, the command line) sees everything, as does a
role of PostgreSQL that is a superuser or may bypass row-level security: let servers connect as another.

Source: PostgreSQL's documentation, "Row Security Policies".
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from activeloop.store.database import Database, PostgreSQL

EVERYTHING, NOTHING = "*", "-"


@dataclass
class Scope:
    """The campaigns of one request.

    Args:
        campaigns: their keys.
        everything: whether it is all of them.

    >>> Scope().setting, Scope({"b", "a"}).setting, Scope(everything=True).setting
    ('-', 'a,b', '*')
    """

    campaigns: set[str] = field(default_factory=set)
    everything: bool = False

    @property
    def setting(self) -> str:
        """As PostgreSQL is told."""
        return EVERYTHING if self.everything else ",".join(sorted(self.campaigns)) or NOTHING


SCOPE: ContextVar[Scope | None] = ContextVar("activeloop_scope", default=None)
"""Of the request that is being answered; None outside of requests."""


def allow(*campaigns: str) -> None:
    """Let the present request see campaigns, once it is known that its caller may."""
    if scope := SCOPE.get():
        scope.campaigns.update(campaigns)


@contextmanager
def everything() -> Iterator[None]:
    """Let the present request see all campaigns for a while: to make one, or for whoever may do everything."""
    scope = SCOPE.get() or Scope()
    before, scope.everything = scope.everything, True
    try:
        yield
    finally:
        scope.everything = before


def install(database: Database) -> None:
    """Let each transaction of a database say for which campaigns it is."""
    if not isinstance(database, PostgreSQL):
        return
    from sqlalchemy import event

    @event.listens_for(database.engine, "begin")
    def _begun(connection):
        scope = SCOPE.get()
        setting = EVERYTHING if scope is None else scope.setting
        connection.exec_driver_sql("SELECT set_config('activeloop.campaigns', %s, true)", (setting,))
