"""The steps of docs/how-to/upgrade.md on PostgreSQL, in databases of their own, each with what goes wrong at it."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from activeloop.config import Store, open_folder
from activeloop.desk.record import read_results, record
from activeloop.store.accounts import Accounts

CONFIG = """
[pool]
wild_type = "MKTAYIAKQR"
singles = true
[[assays]]
name = "kcat"
[learner]
name = "mutation-gp"
"""
#: a command with little room on its disk
CRAMPED = "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
CRAMPED += "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)); "
CRAMPED += "from activeloop.cli import main; main(sys.argv[1:])"
#: a command whose process is killed when the first rows were written
KILLED = "import os, signal, sys; from activeloop.desk import backup; fill = backup._fill; "
KILLED += "backup._fill = lambda *given: (fill(*given), given[1].name == 'events' and os.kill(os.getpid(), 9)); "
KILLED += "from activeloop.cli import main; main(sys.argv[1:])"


@dataclass(frozen=True)
class Laboratory:
    """A store on PostgreSQL with a campaign that has a version, its backup, and a file that came in afterwards."""

    where: str
    artifacts: Path
    key: str
    backup: Path
    later: Path
    events: int

    @property
    def place(self) -> tuple[object, ...]:
        return self.where, "--artifacts", self.artifacts


@pytest.fixture
def new_database(postgresql_server: str) -> Iterator[Callable[[], str]]:
    """Makes an empty database; returns its address."""
    made: list[str] = []

    def make() -> str:
        made.append(f"walk_{uuid.uuid4().hex[:12]}")
        with psycopg.connect(postgresql_server, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {made[-1]}")
        return postgresql_server.replace("/postgres?", f"/{made[-1]}?")

    yield make
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        for name in made:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
def lab(new_database, tmp_path, typed) -> Laboratory:
    where, artifacts = new_database(), tmp_path / "artifacts"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ACTIVELOOP_WORK", str(tmp_path / "work"))
    store = Store.open(where, artifacts, tmp_path / "work")
    key = store.create("kinase", CONFIG, actor="ada")
    accounts = Accounts(store.database)
    accounts.sign_in("idp|ada", "Ada", "ada@lab.example")
    accounts.set_member(key, "idp|ada", "owner", "Ada")
    for number, residue in enumerate("GD"):
        file = tmp_path / f"plate-{number}.csv"
        rows = [f"{w}{i}{residue},{(i * 7) % 5}" for i, w in enumerate("KTAYIAKQR", 2)]
        file.write_text("\n".join(["variant,kcat", *rows]))
        if number:
            assert typed("backup", where, tmp_path / "b.zip", "--artifacts", artifacts)[0] == 0
        loop = open_folder(store.folder(key, actor="ada"))
        record(loop, read_results(loop, file), file.name)
        if not number:
            loop.campaign.fit()
    events = store.campaigns()[0].last
    store.close()
    return Laboratory(where, artifacts, key, tmp_path / "b.zip", tmp_path / "plate-1.csv", events)


def ran(program: str, *arguments: object) -> tuple[int, str]:
    """Exit status and errors of a command in a process of its own."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "COLUMNS": "500"})
    return done.returncode, done.stderr


def words(err: str) -> str:
    return " ".join(err.split())


def rows_in(where: str) -> int:
    """Campaigns and events in a database; 0 where there are no tables."""
    with psycopg.connect(where) as connection:
        names = [name for (name,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        wanted = {"campaigns", "events"} & set(names)
        return sum(connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in wanted)  # type: ignore[index]


def test_a_backup_is_whole_or_not_there(lab, typed, tmp_path):
    whole = lab.backup.read_bytes()
    status, _, err = typed("backup", lab.where, lab.backup, "--artifacts", lab.artifacts)
    assert (status, "is there already" in words(err)) == (2, True)
    assert lab.backup.read_bytes() == whole
    status, err = ran(CRAMPED, "backup", lab.where, tmp_path / "full.zip", "--artifacts", lab.artifacts)
    assert status == 1
    assert "cannot be written" in words(err)
    assert "Traceback" not in err
    assert not [path for path in tmp_path.iterdir() if "full.zip" in path.name]
    (lost,) = (path for path in lab.artifacts.rglob("*") if path.is_file() and path.stat().st_size > 1000)
    lost.rename(tmp_path / "kept")
    status, _, err = typed("backup", lab.where, tmp_path / "without.zip", "--artifacts", lab.artifacts)
    assert (status, "Traceback" in err, (tmp_path / "without.zip").exists()) == (1, False, False)


def test_what_is_no_whole_backup_restores_nothing(lab, typed, tmp_path, new_database):
    empty, there = new_database(), ("--artifacts", tmp_path / "other")
    cut, changed = tmp_path / "cut.zip", tmp_path / "changed.zip"
    cut.write_bytes(lab.backup.read_bytes()[:-900])
    with zipfile.ZipFile(lab.backup) as good, zipfile.ZipFile(changed, "w") as bad:
        for name in good.namelist():
            content = good.read(name)
            bad.writestr(name, content[:-1] + b"!" if name.startswith("objects/") else content)
    for file in (cut, changed, tmp_path / "nowhere.zip"):
        status, _, err = typed("restore", file, empty, *there)
        assert status in (1, 2), file
        assert "othing was restored" in words(err), file
        assert rows_in(empty) == 0, file
    missing = empty.replace("/walk_", "/gone_")
    status, _, err = typed("restore", lab.backup, missing, *there)
    assert status == 1
    assert "cannot be reached" in words(err)
    assert "Traceback" not in err


def test_a_restore_that_is_killed_leaves_an_empty_database_and_is_typed_again(lab, typed, tmp_path, new_database):
    again, there = new_database(), ("--artifacts", tmp_path / "other")
    assert ran(KILLED, "restore", lab.backup, again, *there)[0] == -9
    assert rows_in(again) == 0
    assert typed("restore", lab.backup, again, *there)[0] == 0
    assert typed("verify", again, *there)[0] == 0


def test_a_lost_database_is_said_and_comes_back(lab, typed, tmp_path, new_database, postgresql_server, monkeypatch):
    monkeypatch.setenv("ACTIVELOOP_WORK", str(tmp_path / "work"))
    name = lab.where.partition("?")[0].rpartition("/")[2]
    with psycopg.connect(postgresql_server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    saved = ("backup", lab.where, tmp_path / "no.zip", "--artifacts", lab.artifacts)
    for verb in (("work", *lab.place, "--once"), ("verify", *lab.place), saved):
        status, _, err = typed(*verb)
        assert status == 1, verb
        assert "cannot be reached" in words(err), verb
        assert "Traceback" not in err

    # from a backup into an empty database, with or without its tables, as the migration of the chart makes them; what
    # came in afterwards is recorded again from its file
    where = new_database()
    place = (where, "--artifacts", lab.artifacts)
    status, out, _ = typed("store", *place)
    assert (status, "0 campaigns" in out) == (0, True)
    assert typed("restore", lab.backup, *place)[0] == 0
    status, _, err = typed("restore", lab.backup, *place)
    assert (status, "holds campaigns already" in words(err)) == (2, True)
    store = Store.open(where, lab.artifacts, tmp_path / "work")
    assert Accounts(store.database).role("idp|ada", lab.key) == "owner"
    for new in (9, 0):
        loop = open_folder(store.folder(lab.key, actor="ada"))
        assert record(loop, read_results(loop, lab.later), lab.later.name).stored == new
    assert store.campaigns()[0].last == lab.events
    store.close()
    assert typed("work", *place, "--once", "--quiet", "0")[0] == 0
    status, out, _ = typed("verify", *place)
    assert status == 0
    assert "1 campaign" in out
    monkeypatch.setenv("DATABASE_URL", where)
    monkeypatch.setenv("ARTIFACTS", str(lab.artifacts))
    status, out, _ = typed("doctor", "server")
    assert status == 0, out


def test_objects_that_are_lost_or_damaged_come_back_from_a_backup(lab, typed, tmp_path):
    objects = [path for path in lab.artifacts.rglob("*") if path.is_file()]
    for number, path in enumerate(sorted(objects, key=lambda path: -path.stat().st_size)):
        path.write_bytes(path.read_bytes()[:-1]) if number else path.unlink()
    status, out, _ = typed("verify", *lab.place)
    assert status == 1
    assert "version 1" in out
    status, out, _ = typed("work", *lab.place, "--once", "--quiet", "0")
    assert (status, "version 2" in out) == (0, True)  # which needs nothing of the one before
    # a store beside, for its objects alone, which go where those of the first one are
    assert typed("restore", lab.backup, tmp_path / "beside", "--artifacts", lab.artifacts)[0] == 0
    assert typed("verify", *lab.place)[0] == 0


def test_a_newer_schema_is_refused_and_the_backup_of_before_goes_back(lab, typed, tmp_path, new_database):
    with psycopg.connect(lab.where) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    for verb in ("store", "verify", "work"):
        status, _, err = typed(verb, *lab.place, *(["--once"] if verb == "work" else []))
        assert (verb, status) == (verb, 1)
        assert "newer ActiveLoop" in words(err)
    where = new_database()
    assert typed("restore", lab.backup, where, "--artifacts", tmp_path / "other")[0] == 0
    assert typed("work", where, "--artifacts", tmp_path / "other", "--once", "--quiet", "0")[0] == 0
