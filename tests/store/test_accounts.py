"""People, members, tokens and the trail, on SQLite and on PostgreSQL."""

from __future__ import annotations

import time

import pytest
import sqlalchemy as sa

from activeloop.errors import InputError
from activeloop.store import create_campaign, upgrade
from activeloop.store.accounts import TOKEN, Accounts, hash_of


@pytest.fixture
def accounts(database) -> Accounts:
    upgrade(database, "the database", fresh=True)
    return Accounts(database)


def kinds(accounts: Accounts) -> list[str]:
    return [entry.kind for entry in accounts.trail()]


def test_a_token_is_found_by_its_secret_and_stored_without_it(accounts):
    accounts.sign_in("idp|ada", "Ada", "ada@lab.example")
    secret, token = accounts.make_token("idp|ada", "reader 3", "robot", "Ada")
    assert secret.startswith(TOKEN)
    assert len(secret) > 40
    stored = accounts.database.read("SELECT * FROM tokens")
    assert secret not in str(stored)
    assert hash_of(secret) in str(stored)
    found = accounts.token(secret)
    assert found is not None
    assert (found[0], found[1].name) == (token, "Ada")
    assert accounts.token(secret + "x") is None
    assert not accounts.revoke(token.id, "Bob", person="idp|bob")
    assert accounts.token(secret) is not None
    assert accounts.revoke(token.id, "Ada", person="idp|ada")
    assert accounts.token(secret) is None
    assert kinds(accounts) == ["signed-in", "token", "token-revoked"]


def test_a_token_ends(accounts, monkeypatch):
    accounts.sign_in("idp|ada", "Ada", "")
    secret, _ = accounts.make_token("idp|ada", "short", "reader", "Ada", seconds=60)
    assert accounts.token(secret) is not None
    monkeypatch.setattr("activeloop.store.accounts.time.time", lambda clock=time.time: clock() + 61)
    assert accounts.token(secret) is None


def test_somebody_is_invited_by_e_mail_and_gets_the_role_when_they_sign_in(accounts):
    key = create_campaign(accounts.database, "kinase")
    accounts.sign_in("idp|ada", "Ada", "ada@lab.example")
    accounts.set_member(key, "idp|ada", "owner", "Ada")
    accounts.set_member(key, "Bob@lab.example", "robot", "Ada")
    assert accounts.role("idp|bob", key) == ""
    accounts.sign_in("idp|mallory", "Mallory", "")  # whose address the provider did not verify
    assert accounts.roles("idp|mallory") == {}
    accounts.sign_in("idp|bob", "Bob", "bob@lab.example")
    assert accounts.roles("idp|bob") == {key: "robot"}
    assert [(p.name, role) for p, role in accounts.members(key)] == [("Ada", "owner"), ("Bob", "robot")]
    accounts.set_member(key, "bob@lab.example", "", "Ada")
    assert accounts.role("idp|bob", key) == ""


def test_a_campaign_keeps_an_owner(accounts):
    key = create_campaign(accounts.database, "kinase")
    accounts.sign_in("idp|ada", "Ada", "")
    accounts.set_member(key, "idp|ada", "owner", "Ada")
    for role in ("", "scientist"):
        with pytest.raises(InputError, match="needs an owner"):
            accounts.set_member(key, "idp|ada", role, "Ada")
    with pytest.raises(InputError, match="never signed in"):
        accounts.set_member(key, "nobody", "reader", "Ada")
    assert accounts.role("idp|ada", key) == "owner"
    assert kinds(accounts) == ["signed-in", "member"]  # what was refused is not there


def test_a_request_is_done_once(accounts):
    assert accounts.begin("ada", "k", "f") is None
    again = accounts.begin("ada", "k", "f")
    assert again is not None
    assert again.status == 0
    assert accounts.begin("bob", "k", "f") is None
    accounts.finish("ada", "k", 201, '{"event": 3}')
    done = accounts.begin("ada", "k", "f")
    assert done is not None
    assert (done.status, done.body) == (201, '{"event": 3}')
    accounts.finish("bob", "k", 0, "")
    assert accounts.begin("bob", "k", "f") is None


def test_answers_are_forgotten_after_a_while(accounts):
    accounts.begin("ada", "k", "f")
    accounts.finish("ada", "k", 201, "{}")
    assert accounts.forget() == 0
    assert accounts.forget(-1.0) == 1
    assert accounts.begin("ada", "k", "another") is None


def test_a_changed_entry_of_the_trail_is_found(accounts):
    for name in ("ada", "bob", "eve"):
        accounts.note("signature", name, meaning="promoted")
    assert accounts.verify() == ()
    with accounts.database.writing() as connection:
        connection.execute(sa.text("UPDATE access_log SET actor = 'mallory' WHERE sequence = 2"))
    assert accounts.verify() == ("entry 2 of the trail was changed after it was written.",)


def test_signing_out_ends_earlier_sessions(accounts):
    before = time.time()
    accounts.sign_in("idp|ada", "Ada", "")
    accounts.sign_out("idp|ada", "Ada")
    person = accounts.person("idp|ada")
    assert person is not None
    assert person.signed_out >= before
