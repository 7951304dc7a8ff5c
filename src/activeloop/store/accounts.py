"""Who may do what: people, members of campaigns, tokens of programs, and the trail of all of it."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from activeloop.campaigns.events import now
from activeloop.errors import InputError
from activeloop.store.database import Database, insert_of, plain_errors

if TYPE_CHECKING:
    import sqlalchemy as sa

TOKEN = "al_"
"""How every token begins, so that programs that look for leaked secrets know one."""
INVITED = "mailto:"
"""Begins the id of a person who was made a member and has not signed in yet."""
KEPT_SECONDS = 7 * 86400.0
"""For which the answer to a request is kept."""
STALE_SECONDS = 15.0
"""After which a request that was begun and never answered may be done by another process."""


@dataclass(frozen=True)
class Person:
    """Somebody who may sign in.

    Args:
        id: that does not change.
        name, email: as the identity provider says.
        signed_out: sessions that began before this moment (seconds since 1970) are over.
    """

    id: str
    name: str
    email: str
    signed_out: float = 0.0


@dataclass(frozen=True)
class Token:
    """A token of a program, without its secret.

    Args:
        id: of the token.
        name: in the words of who made it.
        person: id of whom it stands for.
        role: the most that it may do.
        campaign: the only one that it is for; "" = all of its person.
        created: when (ISO 8601, UTC).
        expires: seconds since 1970; None = never.
        revoked: whether it was taken back.
    """

    id: str
    name: str
    person: str
    role: str
    campaign: str
    created: str
    expires: float | None
    revoked: bool

    @property
    def works(self) -> bool:
        """Whether it can still be used."""
        return not self.revoked and (self.expires is None or self.expires > time.time())


@dataclass(frozen=True)
class Answered:
    """A request that was seen before.

    Args:
        fingerprint: of its content.
        status: of the answer; 0 while it is being done.
        body: of the answer.
        begun: when (seconds since 1970).
    """

    fingerprint: str
    status: int
    body: str
    begun: float


@dataclass(frozen=True)
class TrailEntry:
    """Something that was done and is no event of a campaign.

    Args:
        sequence: its number, from 1, without gaps.
        at: when (ISO 8601, UTC).
        actor: who.
        campaign: of which campaign; "" = of none.
        kind: what, such as `signed-in`, `member`, `token`, `signature`.
        details: more, as plain values.
    """

    sequence: int
    at: str
    actor: str
    campaign: str
    kind: str
    details: dict[str, Any]


_TOKEN_COLUMNS = "token, name, person, role, campaign, created, expires, revoked"
_TRAIL = ("sequence", "at", "actor", "campaign", "kind", "payload", "previous_hash")


@dataclass(frozen=True)
class Accounts:
    """People, members, tokens and the trail of a database.

    Args:
        database: that has the schema.
        where: how messages name it.
    """

    database: Database
    where: str = "the database"

    # -- people and members -----------------------------------------------------------------------------------------

    def person(self, key: str) -> Person | None:
        """Somebody; None when they never signed in."""
        rows = self._read("SELECT person, name, email, signed_out FROM people WHERE person = :key", key=key)
        return Person(*rows[0]) if rows else None

    def sign_in(self, key: str, name: str, email: str) -> Person:
        """Note who signed in; a person invited by this e-mail address gets what they were invited to.

        Args:
            key: issuer and subject.
            name: to be shown.
            email: verified by the identity provider; "" where it is not.
        """
        import sqlalchemy as sa

        from activeloop.store.schema import members, people, tokens

        with self.writing("signed-in", name, person=key) as connection:
            row = {"person": key, "name": name, "email": email, "created": now(), "signed_out": 0.0}
            insert = insert_of(connection)(people).values(**row)
            known = {"name": name, "email": email}
            connection.execute(insert.on_conflict_do_update(index_elements=[people.c.person], set_=known))
            invited = f"{INVITED}{email.casefold()}"
            if email and connection.execute(sa.select(people).where(people.c.person == invited)).first():
                own = sa.select(members.c.campaign).where(members.c.person == key)
                waiting = sa.and_(members.c.person == invited, members.c.campaign.not_in(own))
                connection.execute(sa.update(members).where(waiting).values(person=key))
                connection.execute(sa.delete(members).where(members.c.person == invited))
                connection.execute(sa.update(tokens).where(tokens.c.person == invited).values(person=key))
                connection.execute(sa.delete(people).where(people.c.person == invited))
        found = self.person(key)
        assert found is not None  # it was just written
        return found

    def sign_out(self, key: str, actor: str) -> None:
        """End all sessions of a person."""
        import sqlalchemy as sa

        from activeloop.store.schema import people

        with self.writing("signed-out", actor, person=key) as connection:
            connection.execute(sa.update(people).where(people.c.person == key).values(signed_out=time.time()))

    def roles(self, person: str) -> dict[str, str]:
        """Campaign -> role, of all campaigns of a person."""
        return dict(self._read("SELECT campaign, role FROM members WHERE person = :person", person=person))

    def role(self, person: str, campaign: str) -> str:
        """The role of a person in a campaign; "" = none."""
        query = "SELECT role FROM members WHERE person = :person AND campaign = :campaign"
        rows = self._read(query, person=person, campaign=campaign)
        return rows[0][0] if rows else ""

    def members(self, campaign: str) -> tuple[tuple[Person, str], ...]:
        """The members of a campaign and their roles, by name."""
        query = (
            "SELECT p.person, p.name, p.email, p.signed_out, m.role "
            "FROM members m JOIN people p ON p.person = m.person WHERE m.campaign = :campaign ORDER BY p.name, p.person"
        )
        return tuple((Person(*row[:4]), row[4]) for row in self._read(query, campaign=campaign))

    def set_member(self, campaign: str, person: str, role: str, actor: str) -> str:
        """Make somebody a member, change their role, or (role "") take them out; returns their id.

        Args:
            campaign: key of the campaign.
            person: an id, or the e-mail address of somebody who may not have signed in yet.
            role: `reader`, `robot`, `scientist`, `owner`, or "".
            actor: who does it.

        Raises:
            InputError: there is no such person, or the campaign would have no owner; nothing was changed.
        """
        import sqlalchemy as sa

        from activeloop.store.schema import campaigns, members, people

        known = self._read(
            "SELECT person FROM people WHERE person = :one OR lower(email) = lower(:one) OR person = :invited",
            one=person,
            invited=f"{INVITED}{person.casefold()}",
        )
        if not known and "@" not in person:
            raise InputError(f'"{person}" never signed in: give their e-mail address. Nothing was changed.')
        key = known[0][0] if known else f"{INVITED}{person.casefold()}"
        with self.writing("member", actor, campaign=campaign, person=key, role=role) as connection:
            locked = sa.select(campaigns.c.campaign).where(campaigns.c.campaign == campaign).with_for_update()
            connection.execute(locked)
            if not known:
                row = {"person": key, "name": person, "email": person, "created": now(), "signed_out": 0.0}
                connection.execute(insert_of(connection)(people).values(**row).on_conflict_do_nothing())
            mine = sa.and_(members.c.campaign == campaign, members.c.person == key)
            before = connection.execute(sa.select(members.c.role).where(mine)).scalar()
            owners = sa.select(sa.func.count()).where(members.c.campaign == campaign, members.c.role == "owner")
            if before == "owner" and role != "owner" and connection.execute(owners).scalar_one() < 2:
                raise InputError("a campaign needs an owner: make somebody else one first. Nothing was changed.")
            if not role:
                connection.execute(sa.delete(members).where(mine))
            else:
                insert = insert_of(connection)(members).values(campaign=campaign, person=key, role=role)
                index = [members.c.campaign, members.c.person]
                connection.execute(insert.on_conflict_do_update(index_elements=index, set_={"role": role}))
        return key

    # -- tokens -----------------------------------------------------------------------------------------------------

    def make_token(
        self, person: str, name: str, role: str, actor: str, campaign: str = "", seconds: float | None = None
    ) -> tuple[str, Token]:
        """A new token: its secret, which is stored nowhere, and what is kept of it.

        The secret has 256 random bits, so that its SHA-256 cannot be guessed back; a slow password hash, which defends
        what people make up, would cost every call of every robot tens of milliseconds.

        Args:
            person: whom it stands for.
            name: in the words of who makes it.
            role: the most that it may do.
            actor: who makes it.
            campaign: the only one that it is for.
            seconds: after which it ends; None = never.
        """
        import sqlalchemy as sa

        from activeloop.store.schema import tokens

        secret, key = f"{TOKEN}{secrets.token_urlsafe(32)}", uuid.uuid4().hex
        expires = None if seconds is None else time.time() + seconds
        token = Token(key, name, person, role, campaign, now(), expires, False)
        row = {"token": key, "hash": hash_of(secret), "name": name, "person": person, "role": role}
        row |= {"campaign": campaign, "created": token.created, "expires": expires, "revoked": False}
        with self.writing("token", actor, campaign=campaign, token=key, name=name, role=role) as connection:
            connection.execute(sa.insert(tokens), row)
        return secret, token

    def token(self, secret: str) -> tuple[Token, Person] | None:
        """The token of a secret and whom it stands for; None when there is none, or it ended."""
        query = (
            "SELECT t.token, t.name, t.person, t.role, t.campaign, t.created, t.expires, t.revoked, "
            "p.person, p.name, p.email, p.signed_out FROM tokens t JOIN people p ON p.person = t.person "
            "WHERE t.hash = :hash"
        )
        rows = self._read(query, hash=hash_of(secret))
        if not rows:
            return None
        token = Token(*rows[0][:7], revoked=bool(rows[0][7]))
        return (token, Person(*rows[0][8:])) if token.works else None

    def tokens(self, person: str = "", campaign: str = "") -> tuple[Token, ...]:
        """The tokens of a person, or those that are only for a campaign, newest first."""
        which = "person = :key" if person else "campaign = :key"
        query = f"SELECT {_TOKEN_COLUMNS} FROM tokens WHERE {which} ORDER BY created DESC, token"
        return tuple(Token(*row[:7], revoked=bool(row[7])) for row in self._read(query, key=person or campaign))

    def revoke(self, token: str, actor: str, person: str = "", campaign: str = "") -> bool:
        """Take a token back; False when there is none of this id, of this person or for this campaign.

        Args:
            token: its id.
            actor: who does it.
            person: whom it must stand for; "" = anybody.
            campaign: for which it must be; "" = any.
        """
        import sqlalchemy as sa

        from activeloop.store.schema import tokens

        mine = [t for t in (self.tokens(person=person) if person else self.tokens(campaign=campaign)) if t.id == token]
        if not mine:
            return False
        with self.writing("token-revoked", actor, campaign=mine[0].campaign, token=token) as connection:
            connection.execute(sa.update(tokens).where(tokens.c.token == token).values(revoked=True))
        return True

    # -- secrets ----------------------------------------------------------------------------------------------------

    def secret(self, name: str) -> str:
        """A secret that all servers of this database share; made by the first that asks."""
        import sqlalchemy as sa

        from activeloop.store.schema import secrets as kept

        mine = sa.select(kept.c.value).where(kept.c.name == name)
        with plain_errors(self.where), self.database.writing() as connection:
            new = insert_of(connection)(kept).values(name=name, value=secrets.token_urlsafe(32))
            connection.execute(new.on_conflict_do_nothing())
            return connection.execute(mine).scalar_one()

    # -- requests that come twice -----------------------------------------------------------------------------------

    def begin(self, person: str, key: str, fingerprint: str) -> Answered | None:
        """Note that a request is being done; what is known of it when it was begun before, else None."""
        import sqlalchemy as sa

        from activeloop.store.schema import requests

        row = {"person": person, "key": key, "fingerprint": fingerprint, "begun": time.time(), "status": 0, "body": ""}
        mine = sa.and_(requests.c.person == person, requests.c.key == key)
        with plain_errors(self.where), self.database.writing() as connection:
            new = insert_of(connection)(requests).values(**row).on_conflict_do_nothing().returning(requests.c.key)
            if connection.execute(new).first():
                return None
            found = connection.execute(sa.select(requests).where(mine).with_for_update()).one()
            if not found.status and found.begun < time.time() - STALE_SECONDS and found.fingerprint == fingerprint:
                connection.execute(sa.update(requests).where(mine).values(begun=time.time()))
                return None  # whoever did it is gone; what it wrote says so itself
            return Answered(found.fingerprint, found.status, found.body, found.begun)

    def finish(self, person: str, key: str, status: int, body: str) -> None:
        """Keep the answer to a request; with status 0 forget that it was begun."""
        import sqlalchemy as sa

        from activeloop.store.schema import requests

        mine = sa.and_(requests.c.person == person, requests.c.key == key)
        done = sa.update(requests).where(mine).values(status=status, body=body) if status else None
        with plain_errors(self.where), self.database.writing() as connection:
            connection.execute(sa.delete(requests).where(mine) if done is None else done)

    def forget(self, seconds: float = KEPT_SECONDS) -> int:
        """Forget answers to requests that are older; how many. A request that comes again later is a new one."""
        import sqlalchemy as sa

        from activeloop.store.schema import requests

        old = sa.delete(requests).where(requests.c.begun < time.time() - seconds)
        with plain_errors(self.where), self.database.writing() as connection:
            return connection.execute(old).rowcount

    # -- the trail --------------------------------------------------------------------------------------------------

    def note(self, kind: str, actor: str, campaign: str = "", **details: Any) -> None:
        """Write something into the trail."""
        with self.writing(kind, actor, campaign=campaign, **details):
            pass

    def trail(
        self, campaign: str = "", after: int = 0, limit: int = 100, *, newest: bool = False, skip: int = 0
    ) -> tuple[TrailEntry, ...]:
        """Entries of the trail in order: of a campaign, or ("") all.

        Args:
            campaign: its key.
            after: only those behind this one.
            limit: of them at most.
            newest: the newest first.
            skip: so many of them.
        """
        which = "AND campaign = :campaign" if campaign else ""
        order = "ORDER BY sequence DESC" if newest else "ORDER BY sequence"
        columns = "sequence, at, actor, campaign, kind, payload"
        query = f"SELECT {columns} FROM access_log WHERE sequence > :after {which} {order} LIMIT :limit OFFSET :skip"
        given: dict[str, object] = {"after": after, "limit": limit, "skip": skip}
        given |= {"campaign": campaign} if campaign else {}
        return tuple(TrailEntry(*row[:5], details=json.loads(row[5])) for row in self._read(query, **given))

    def trail_length(self, campaign: str = "") -> int:
        """How many entries the trail has: of a campaign, or ("") in all."""
        which, given = ("WHERE campaign = :campaign", {"campaign": campaign}) if campaign else ("", {})
        return int(self._read(f"SELECT count(*) FROM access_log {which}", **given)[0][0])

    def verify(self) -> tuple[str, ...]:
        """What is wrong with the chain of the trail, in sentences; () when it stands as it was written."""
        problems, head = [], ""
        query = f"SELECT {', '.join(_TRAIL)} FROM access_log ORDER BY sequence"
        for count, row in enumerate(self._read(query), 1):
            entry = dict(zip(_TRAIL, row, strict=True))
            if entry["sequence"] != count:
                return (*problems, f"entry {count} of the trail is missing.")
            if entry["previous_hash"] != head:
                problems.append(f"entry {count - 1} of the trail was changed after it was written.")
            head = _entry_hash(entry)
        return tuple(problems)

    def _read(self, query: str, **parameters: object) -> list[tuple[Any, ...]]:
        with plain_errors(self.where):
            return self.database.read(query, **parameters)

    @contextmanager
    def writing(self, kind: str, actor: str, campaign: str = "", **details: Any) -> Iterator[sa.Connection]:
        """A transaction that writes, and an entry of the trail that says so."""
        import sqlalchemy as sa

        from activeloop.store.schema import access_log

        with plain_errors(self.where), self.database.writing() as connection:
            yield connection
            self.database.lock_schema(connection)  # one entry after the other
            last = sa.select(access_log).order_by(access_log.c.sequence.desc()).limit(1)
            before = connection.execute(last).mappings().one_or_none()
            row = {"sequence": before["sequence"] + 1 if before else 1, "at": now(), "actor": actor, "kind": kind}
            row |= {"campaign": campaign, "payload": json.dumps(details, ensure_ascii=False, sort_keys=True)}
            row["previous_hash"] = _entry_hash(before) if before else ""
            connection.execute(sa.insert(access_log), row)


def _entry_hash(entry: Mapping[Any, Any]) -> str:
    return hashlib.sha256(json.dumps([str(entry[name]) for name in _TRAIL]).encode()).hexdigest()


def hash_of(secret: str) -> str:
    """What is stored of a secret of many random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()
