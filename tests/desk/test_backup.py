"""A store in one file and back, also into another kind of database; what a server needs, checked."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
import sqlalchemy as sa

from activeloop.config import Store, open_folder
from activeloop.desk.backup import backup, restore
from activeloop.desk.server_check import check_server
from activeloop.errors import InputError, StoreError
from activeloop.measurements import Measurement
from activeloop.store import PostgreSQL
from activeloop.store.accounts import Accounts

CONFIG = '[pool]\nwild_type = "MKTAYIAKQRQISFVK"\nsingles = true\nstart = 1\n[[assays]]\nname = "kcat"\n'


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store with a campaign that learned something, and its owner."""
    found = Store.open(tmp_path / "lab")
    key = found.create("kinase", CONFIG, actor="ada")
    loop = open_folder(found.folder(key, actor="ada"))
    rows = [
        Measurement(f"{w}{i}G", "kcat", i / 10) for i, w in ((2, "K"), (3, "T"), (4, "A"), (5, "Y"), (6, "I"), (8, "K"))
    ]
    loop.campaign.record(rows, "notebook")
    loop.campaign.fit()
    accounts = Accounts(found.database)
    accounts.sign_in("idp|ada", "Ada", "ada@lab.example")
    accounts.set_member(key, "idp|ada", "owner", "Ada")
    return found


def next_picks(store: Store) -> list[tuple[str, float]]:
    loop = open_folder(store.folder(store.campaigns()[0].key))
    return [(p.name, p.score) for p in loop.campaign.propose(4).picks]


def test_a_store_comes_back_as_it_was(store, tmp_path, database):
    """Into a database of either kind: the same events, members, model, and next proposal."""
    made = backup(store, tmp_path / "b.zip")
    assert (made.campaigns, made.events) == (1, 3)
    where = database.url if isinstance(database, PostgreSQL) else tmp_path / "other"
    other = Store.open(where, tmp_path / "objects", tmp_path / "work")
    assert restore(tmp_path / "b.zip", other).events == 3
    key = store.campaigns()[0].key
    assert other.campaign(key) == store.campaign(key)
    assert list(other.folder(key).log) == list(store.folder(key).log)
    assert other.folder(key).log.verify() == ()
    assert Accounts(other.database).role("idp|ada", key) == "owner"
    assert Accounts(other.database).verify() == ()
    assert next_picks(other) == next_picks(store)
    other.close()


def test_a_backup_replaces_nothing(store, tmp_path):
    backup(store, tmp_path / "b.zip")
    with pytest.raises(InputError, match="is there already"):
        backup(store, tmp_path / "b.zip")
    with pytest.raises(InputError, match="holds campaigns already"):
        restore(tmp_path / "b.zip", store)
    assert not list(tmp_path.glob(".b.zip*"))


def test_a_backup_that_was_changed_is_refused(store, tmp_path):
    backup(store, tmp_path / "b.zip")
    with zipfile.ZipFile(tmp_path / "b.zip") as good, zipfile.ZipFile(tmp_path / "bad.zip", "w") as bad:
        for name in good.namelist():
            content = good.read(name)
            if name == "tables/events.jsonl":
                rows = [json.loads(line) for line in content.splitlines()]
                rows[1]["payload"] = rows[1]["payload"].replace("0.2", "0.9")
                content = "\n".join(map(json.dumps, rows)).encode()
            bad.writestr(name, content)
    other = Store.open(tmp_path / "other")
    with pytest.raises(StoreError, match=r"event 3 of campaign .* does not follow"):
        restore(tmp_path / "bad.zip", other)
    assert other.campaigns() == ()
    (tmp_path / "half.zip").write_bytes((tmp_path / "b.zip").read_bytes()[:2000])
    with pytest.raises(InputError, match="no whole backup"):
        restore(tmp_path / "half.zip", other)


def test_what_a_server_needs_is_checked(store):
    found = {one.check: one for one in check_server(store, "", "", str(store.where))}
    assert {one.verdict for one in found.values()} == {"ok"}, found
    with store.database.writing() as connection:
        connection.execute(sa.text("UPDATE work SET first_change = 1.0, stage = 'waiting'"))
        connection.execute(sa.text("UPDATE access_log SET actor = 'mallory' WHERE sequence = 1"))
    found = {one.check: one for one in check_server(store, "http://127.0.0.1:9", "", "postgresql://db/x")}
    for check in ("worker", "trail of access", "identity", "secret"):
        assert found[check].verdict == "failed"
        assert found[check].fix
