"""Many campaigns in one database: made, opened, configured, and carried from and to campaign folders."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
import unicodedata
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

from activeloop.campaigns import Configured, Distilled, Event, Fitted, InMemoryLog, PlateLaid
from activeloop.campaigns.configuring import Change
from activeloop.campaigns.events import decode
from activeloop.config.building import OpenCampaign, campaign_of, open_folder, without_path
from activeloop.config.config import CampaignConfig
from activeloop.config.plates import by_hand, is_of, plate_files, plates_of_events
from activeloop.config.safety import LARGEST, check_contents, check_files, check_safe, files_of, name_problem
from activeloop.config.text import check_config, config_text, parse_config
from activeloop.errors import ConfigError, InputError, StoreError, did_you_mean
from activeloop.files import write_whole
from activeloop.objects import ARRAYS, Objects
from activeloop.plates import plates_in
from activeloop.store.artifacts import FileArtifactStore
from activeloop.store.database import Database, PostgreSQL, SQLiteFile, plain_errors
from activeloop.store.folder import ARTIFACTS, CACHE, CONFIG, PLATES, CampaignFolder
from activeloop.store.log import SQLLog
from activeloop.store.migrate import upgrade
from activeloop.words import many, some

DATABASE, WORK = "activeloop.db", "work"
WEEK = 7 * 86_400.0
"""Seconds after which what is in the folder of working folders may go."""
SHORTEST = 4
"""Digits of a key by which a campaign can be named."""
FILE = "application/octet-stream"
"""Media type of a file that a config names."""


@dataclass(frozen=True)
class StoredCampaign:
    """A campaign of a store, as it is listed.

    Args:
        key: 32 hexadecimal digits.
        name: in the user's words; names need not differ.
        created: when it was made, ISO 8601, UTC.
        last: number of its last event.
        archived: whether it was put away.
    """

    key: str
    name: str
    created: str
    last: int
    archived: bool = False


@dataclass(frozen=True)
class Store:
    r"""Campaigns in one database, with their artifacts, and a working folder for each that is used on this machine.

    A working folder is a cache: what is in it was made from the database and the artifacts. It may be deleted, and
    every machine has its own. Nothing of a campaign is held in memory between two calls.

    Args:
        database: with the tables of this release.
        objects: models, students and files of configs, by the hash of their content.
        work: the folder of working folders.
        where: how messages name the database.
        models: pretrained models that `create` and `configure` allow, see `check_safe`.

    >>> import tempfile
    >>> store = Store.open(tempfile.mkdtemp())
    >>> config = '[pool]\nwild_type = "MKTAYIAKQR"\nsingles = true\n[[assays]]\nname = "kcat"'
    >>> key = store.create("kinase", config)
    >>> [c.name for c in store.campaigns()], len(open_folder(store.folder(key)).campaign.pool)
    (['kinase'], 190)
    """

    database: Database
    objects: Objects
    work: Path
    where: str = "the database"
    models: frozenset[str] = frozenset()

    @classmethod
    def open(
        cls,
        where: str | Path,
        artifacts: str | Path = "",
        work: Path | None = None,
        *,
        models: Collection[str] = (),
        fresh: bool = True,
    ) -> Store:
        """The store in a folder or a database server; its database is brought to the schema of this release.

        Args:
            where: a folder, or `postgresql://user@host/database`.
            artifacts: a folder, or a bucket as `s3://`, `gs://` or `az://`; DIR/artifacts when "".
            work: the folder of working folders; DIR/work, or one of this user's cache, when None.
            models: pretrained models that configs may name.
            fresh: whether it is made when it is not there.

        Raises:
            InputError: it is no such place, or says not where artifacts go.
            StoreError: the database cannot be used, or is of a newer release.
        """
        database, folder = _database(where)
        if isinstance(database, PostgreSQL) and not artifacts:
            problem = "say where its models and files are kept: a folder that all its servers see, or a bucket (s3://)."
            raise InputError(f"{folder} is a database server: {problem} Nothing was opened.")
        with plain_errors(str(folder)), ExitStack() as opened:
            opened.callback(database.close)
            if not fresh and not database.tables():
                raise InputError(f"{folder} holds no campaigns: name the folder of a store, or its database.")
            if isinstance(database, SQLiteFile):
                _make_folder(database.path.parent)
            upgrade(database, str(folder), fresh=fresh)
            opened.pop_all()
        place = artifacts or Path(where) / ARTIFACTS
        return cls(database, Objects.at(place), work or _default_work(database), str(folder), frozenset(models))

    def close(self) -> None:
        """Close the connections to the database; the store can be used again."""
        self.database.close()

    # -- what is there ------------------------------------------------------------------------------------------------

    def campaigns(self) -> tuple[StoredCampaign, ...]:
        """All campaigns, the oldest first."""
        return tuple(self._listed(""))

    def campaign(self, key: str) -> StoredCampaign:
        """One campaign as it is listed.

        Raises:
            InputError: there is none of that key.
        """
        return next(self._listed("WHERE campaign = :key", key=key), None) or self._none(key)

    def find(self, text: str) -> StoredCampaign:
        """The campaign that somebody means.

        Args:
            text: its name, its key, or the beginning of its key.

        Raises:
            InputError: there is none, or there are several.
        """
        listed = self.campaigns()
        found = [c for c in listed if text == c.key] or [c for c in listed if text == c.name]
        found = found or [c for c in listed if len(text) >= SHORTEST and c.key.startswith(text.casefold())]
        if not found:
            hint = did_you_mean(text, [c.name for c in listed]) or f"It holds: {some([c.name for c in listed])}."
            raise InputError(f'{self.where} holds no campaign "{text}". {hint if listed else "It is empty."}')
        if len(found) > 1:
            keys = some([c.key for c in found])
            raise InputError(f'{len(found)} campaigns are called "{text}": name one by its key ({keys}).')
        return found[0]

    def folder(self, key: str, actor: str = "", request: str = "") -> CampaignFolder:
        """The working folder of a campaign, made or mended where it must be; `open_folder` opens it.

        Several processes may do so at once.

        Args:
            key: of the campaign.
            actor: who will write, kept with every event.
            request: of what request the events will be.

        Raises:
            InputError: there is no such campaign.
            StoreError: the folder cannot be written, or a file of the campaign is lost.
        """
        name, configured = self._configured(key)
        log = SQLLog(self.database, self.where, key, actor, request)
        path = self._filled(key, configured)
        return CampaignFolder(path, log, FileArtifactStore(self.objects, log), name, configured)

    # -- what changes it ----------------------------------------------------------------------------------------------

    def create(
        self,
        name: str,
        config: str,
        inputs: Mapping[str, bytes] | None = None,
        actor: str = "",
        request: str = "",
    ) -> str:
        """Make a campaign; returns its key.

        Args:
            name: in the user's words.
            config: text of its `campaign.toml`.
            inputs: the files that it names, by their names.
            actor: who makes it.
            request: of what request it is: the same request of the same actor makes it once.

        Raises:
            InputError: the config is wrong, or names what it must not (`check_safe`); nothing was stored.
            StoreError: it cannot be stored.
        """
        name, key, inputs = _checked_name(name), _key(actor, request), inputs or {}
        if request and next(self._listed("WHERE campaign = :key", key=key), None):
            return key
        checked = _parsed(config)
        check_safe(checked, inputs, self.models, CONFIG)
        check_contents(inputs)
        log = SQLLog(self.database, self.where, key, actor, request, new=name)
        with self._draft(log, checked, inputs, None) as loop:
            self._configure(loop, inputs)
        return key

    @contextmanager
    def draft(self, config: str, inputs: Mapping[str, bytes] | None = None) -> Iterator[OpenCampaign]:
        """A campaign to look at before it is made, in a folder that ends with the block; nothing of it is stored.

        Args:
            config: text of its `campaign.toml`.
            inputs: as in `create`, whose errors it raises.
        """
        checked = _parsed(config)
        check_safe(checked, inputs or {}, self.models, CONFIG)
        check_contents(inputs or {})
        with self._temporary() as path:
            folder = CampaignFolder.create(path / "campaign", config_text(checked), inputs)
            yield open_folder(folder)
            folder.log.database.close()

    def configure(
        self,
        key: str,
        config: str,
        inputs: Mapping[str, bytes] | None = None,
        actor: str = "",
        request: str = "",
    ) -> Change | None:
        """Configure a campaign anew, as one edits `campaign.toml`: stored values convert, or the change is refused.

        Args:
            key: of the campaign.
            config: the new text.
            inputs: files that are new or other ones; those that the campaign has need not come again.
            actor: who does so.
            request: of what request it is: the same one is done once.

        Returns:
            What changed; None when nothing did.

        Raises:
            InputError: the config is wrong, names what it must not (`check_safe`), or would change the meaning of
                what is stored; nothing was changed.
            StateError: somebody else configured it meanwhile; nothing was changed.
        """
        _, before = self._configured(key)
        log = SQLLog(self.database, self.where, key, actor, request)
        if request and log.holds_request(request):
            return None
        checked, inputs = _parsed(config), dict(inputs or {})
        had = _config(before)
        kept = {n: h for n, h in before.files.items() if n not in inputs and n in files_of(checked).values()}
        check_safe(checked, {*inputs, *kept}, {*self.models, *_models(had)}, CONFIG)
        check_contents(inputs)
        inputs |= {n: self.objects.get(h, FILE, f'file "{n}"') for n, h in kept.items()}
        with self._draft(log, checked, inputs, before) as loop:
            change = loop.campaign.change()
            if change:
                self._configure(loop, inputs)
        return change

    def rename(self, key: str, name: str) -> None:
        """Give a campaign another name.

        Raises:
            InputError: there is no such campaign, or it cannot be called that.
        """
        import sqlalchemy as sa

        from activeloop.store.schema import campaigns

        changed = sa.update(campaigns).where(campaigns.c.campaign == key).values(name=_checked_name(name))
        with plain_errors(self.where), self.database.writing() as connection:
            if not connection.execute(changed).rowcount:
                self._none(key)

    def archive(self, key: str, *, archived: bool = True) -> None:
        """Put a campaign away, or take it out again: nothing of it is deleted or changed.

        Raises:
            InputError: there is no such campaign.
        """
        import sqlalchemy as sa

        from activeloop.store.schema import campaigns

        changed = sa.update(campaigns).where(campaigns.c.campaign == key).values(archived=archived)
        with plain_errors(self.where), self.database.writing() as connection:
            if not connection.execute(changed).rowcount:
                self._none(key)

    # -- from and to folders ------------------------------------------------------------------------------------------

    def import_folder(self, path: str | Path, name: str = "", *, as_new: bool = False) -> str:
        """Take in the campaign of a folder: its events as they are, its models and files; the folder stays as it is.

        Args:
            path: of the folder.
            name: of the campaign; the folder's when "".
            as_new: under a key of its own, for a folder that was copied to go its own way.

        Returns:
            Its key: the one that it has had in its folder, unless `as_new`.

        Raises:
            InputError: it is no campaign, is here already, or names files outside its folder; nothing was stored.
            StoreError: its chain of events is broken, or it cannot be stored.
        """
        source = CampaignFolder.open(path)
        loop = open_folder(source)
        if problems := source.log.verify():
            raise StoreError(f"{path}: {problems[0]} Restore it from a backup. Nothing was imported.")
        rows = source.log.rows()
        key = "" if as_new else source.log.campaign
        if there := next(self._listed("WHERE campaign = :key", key=key), None):
            raise InputError(self._twice(there, Path(path), rows))
        key = key or uuid.uuid4().hex
        _check_carried(loop.config, source)
        unwritten = _unwritten(loop)
        inputs = [(source.path / n).read_bytes() for n in files_of(loop.config).values()]
        owned = [*_copied(source.artifacts.objects, self.objects, _owned(source.log))]
        owned += [(self.objects.put(content, FILE), FILE, len(content)) for content in inputs]
        created = next(iter(source.log.database.read(_CREATED, key=source.log.campaign)), ("",))[0]
        log = SQLLog(self.database, self.where, key, source.log.actor, new=_checked_name(name or _title(source.path)))
        with log.alone():
            log.copy(rows, created)
            for one in owned:
                log.own(*one)
            for number, event in enumerate(unwritten, len(rows)):
                log.append(event, after=number)
        return key

    def export_folder(self, key: str, path: str | Path) -> Path:
        """Write a campaign as a folder: its events as they are, its models, files and plates; it stays here, too.

        Args:
            key: of the campaign.
            path: of the folder, which must not be there, or be empty.

        Raises:
            InputError: there is no such campaign, or something is in that folder.
            StoreError: it cannot be written; there is no such folder.
        """
        path = Path(path)
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise InputError(f"{path} is there already: name a new folder. Nothing was written.")
        listed = self.campaign(key)
        log = SQLLog(self.database, self.where, key)
        rows = log.rows()  # all that is written, others may go on
        configured = self._decoded(key, [row for row in rows if row["kind"] == "configured"][-1:])
        inputs = {n: self.objects.get(h, FILE, f'file "{n}"') for n, h in configured.files.items()}
        try:
            path.absolute().parent.mkdir(parents=True, exist_ok=True)
            beside = Path(mkdtemp(prefix=f".{path.name}.", dir=path.absolute().parent))
        except OSError as error:
            raise StoreError(f"{path} cannot be made ({error.strerror}). Nothing was written.") from error
        try:
            made = CampaignFolder.create(beside, config_text(_config(configured)), inputs)
            mine = SQLLog(made.log.database, str(path), key, new=listed.name)
            with mine.alone():
                mine.copy(rows, listed.created)
                for one in _copied(self.objects, made.artifacts.objects, _owned(log)):
                    mine.own(*one)
            loop = open_folder(CampaignFolder.open(beside))
            for proposal in loop.campaign.state().proposals:
                for file, content in plate_files(plates_of_events(loop, proposal.number), loop).items():
                    write_whole(made.plates / file, content)
            mine.database.close()
            loop.folder.log.database.close()
            beside.chmod(0o755)
            os.replace(beside, path)
        except OSError as error:
            raise StoreError(f"{path} cannot be written ({error.strerror}). Nothing was written.") from error
        finally:
            shutil.rmtree(beside, ignore_errors=True)
        return path

    # -- its parts ----------------------------------------------------------------------------------------------------

    def _listed(self, where: str, **parameters: object) -> Iterator[StoredCampaign]:
        with plain_errors(self.where):
            rows = self.database.read(f"{_LISTED} {where} ORDER BY created, campaign", **parameters)
        return (StoredCampaign(*row[:4], archived=bool(row[4])) for row in rows)

    def _twice(self, there: StoredCampaign, path: Path, rows: list[dict[str, object]]) -> str:
        """Why a folder is not taken in, and what to do."""
        mine = SQLLog(self.database, self.where, there.key).rows()
        both = min(len(mine), len(rows))
        if mine[:both] != rows[:both]:
            how = "and each has gone on without the other"
        elif len(mine) == len(rows):
            how = "with the same events"
        else:
            ahead, more = "which" if len(mine) > both else "but the folder", abs(len(mine) - len(rows))
            how = f"{ahead} has gone on since by {many(more, 'event')}"
        return (
            f'{self.where} holds this campaign already as "{there.name}" ({there.key}), {how}. Go on with that one, '
            f"and export it to see it in a folder; or take {path} in as a campaign of its own (--as-new). Nothing was "
            "imported."
        )

    def _none(self, key: str) -> Any:
        raise InputError(f'{self.where} holds no campaign "{key}". Nothing was changed.')

    def _configured(self, key: str) -> tuple[str, Configured]:
        """The name of a campaign, and how it is configured."""
        name = self.campaign(key).name
        with plain_errors(self.where):
            found = self.database.read(_CONFIGURED, key=key)
        return name, self._decoded(key, [{"payload": row[0], "schema_version": row[1]} for row in found])

    def _decoded(self, key: str, rows: Sequence[Mapping[str, Any]]) -> Configured:
        """The event `Configured` in a row of the table of events; there must be one."""
        event = decode("configured", json.loads(rows[0]["payload"]), rows[0]["schema_version"]) if rows else None
        if not isinstance(event, Configured) or not event.settings:
            raise StoreError(f"{self.where} does not say how the campaign {key} is configured: restore a backup.")
        return event

    def _filled(self, key: str, configured: Configured) -> Path:
        """The working folder of a campaign as it is configured.

        Each configuration has a folder of its own, in which nothing is ever written but what belongs there: who opened
        a campaign reads config and files of one moment, whatever other processes do, and nobody waits for anybody.
        """
        text = config_text(_config(configured))
        content = json.dumps([text, configured.files], sort_keys=True).encode("utf-8", "surrogatepass")
        path = self.work / key / hashlib.sha256(content).hexdigest()[:16]
        if _is_whole(path, text, configured.files):
            return path
        _make_folder(path / PLATES)
        _make_folder(path / CACHE)
        for kept in (self.work / key).glob(f"*/{CACHE}/pool-*.npz"):  # a long table need not be read again
            with suppress(OSError):
                os.link(kept, path / CACHE / kept.name)
        for name, digest in configured.files.items():
            if problem := name_problem(name):
                raise StoreError(f'{self.where}: the campaign names the file "{name}": {problem}.')
            if _hash_of(path / name) != digest:
                write_whole(path / name, self.objects.get(digest, FILE, f'file "{name}"'))
        write_whole(path / CONFIG, text)
        self._tidy(key, path)
        return path

    def _tidy(self, key: str, path: Path) -> None:
        """Remove what nobody has used for a week: folders of former configurations, drafts of processes that died."""
        for other in (*(self.work / key).iterdir(), *self.work.glob(".draft-*")):
            with suppress(OSError):
                if other != path and time.time() - other.stat().st_mtime > WEEK:
                    shutil.rmtree(other)

    @contextmanager
    def _draft(
        self, log: SQLLog, config: CampaignConfig, inputs: Mapping[str, bytes], follows: Configured | None
    ) -> Iterator[OpenCampaign]:
        """A campaign of a config that is not in the log yet, in a folder that ends with the block."""
        with self._temporary() as path:
            for name, content in inputs.items():
                write_whole(path / name, content)
            write_whole(path / CONFIG, config_text(config))
            draft = CampaignFolder(path, log, FileArtifactStore(self.objects, log), configured=follows)
            loop = open_folder(draft)
            loop.check_available()
            yield loop
            if (path / CACHE).is_dir():  # what was read of a long table is not read again
                _make_folder(self.work / log.campaign / "draft" / CACHE)
                for kept in (path / CACHE).iterdir():
                    os.replace(kept, self.work / log.campaign / "draft" / CACHE / kept.name)

    @contextmanager
    def _temporary(self) -> Iterator[Path]:
        """A folder that ends with the block; messages about what is wrong in it do not name it."""
        _make_folder(self.work)
        with TemporaryDirectory(dir=self.work, prefix=".draft-") as folder:
            try:
                yield Path(folder)
            except InputError as error:
                without_path(error, Path(folder))
                if not error.file:
                    error.__init__(error.problem, file=CONFIG, row=error.row)
                raise

    def _configure(self, loop: OpenCampaign, inputs: Mapping[str, bytes]) -> None:
        """Write how a campaign is configured, once its files are stored."""
        artifacts, log = loop.folder.artifacts, loop.folder.log
        for content in inputs.values():
            self.objects.put(content, FILE)
        with log.alone():
            for content in inputs.values():
                artifacts.put_file(content, FILE)
            loop.campaign.configure()


_LISTED = "SELECT campaign, name, created, last, archived FROM campaigns"
_CREATED = "SELECT created FROM campaigns WHERE campaign = :key"
_CONFIGURED = (
    "SELECT payload, schema_version FROM events WHERE campaign = :key AND kind = 'configured' "
    "ORDER BY sequence DESC LIMIT 1"
)
_OWNED = (
    "SELECT artifacts.hash, media_type, size FROM artifacts JOIN artifact_owners ON artifact_owners.hash = "
    "artifacts.hash WHERE artifact_owners.campaign = :key"
)


def _database(where: str | Path) -> tuple[Database, str]:
    """The database of a place, and how messages name it."""
    scheme, found, _ = str(where).partition("://")
    if not found:
        folder = Path(where)
        if (folder / CONFIG).exists():
            raise InputError(f"{folder} is a campaign's folder, and no store of many. Name another folder.")
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{folder} is a file: name a folder.")
        return SQLiteFile(folder / DATABASE), str(folder / DATABASE)
    if scheme.partition("+")[0] not in ("postgresql", "postgres"):
        raise InputError(
            f'"{scheme}://" is no address of campaigns: name a folder, or postgresql://user@host/database.'
        )
    import sqlalchemy as sa

    url = sa.make_url(str(where)).set(drivername="postgresql")
    return PostgreSQL(url.render_as_string(hide_password=False)), url.set(query={}).render_as_string()


def _default_work(database: Database) -> Path:
    if isinstance(database, SQLiteFile):
        return database.path.parent / WORK
    from activeloop.foundation.cache import cache_folder

    assert isinstance(database, PostgreSQL)  # there is no third kind
    return cache_folder(f"{WORK}-{hashlib.sha256(database.url.encode()).hexdigest()[:12]}")


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{path} cannot be made ({error.strerror}). Nothing was written.") from error


def _checked_name(name: str) -> str:
    """The name of a campaign.

    >>> _checked_name(" kinase ")
    'kinase'
    """
    name = name.strip()
    if not name or len(name) > 200 or any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in name):
        raise InputError(f"a campaign needs a name of 1 to 200 signs in one line, and {name[:40]!r} is none.")
    return name


def _title(folder: Path) -> str:
    return folder.resolve().name or "campaign"


def _key(actor: str, request: str) -> str:
    """The key of a new campaign; always the same for the same request."""
    if not request:
        return uuid.uuid4().hex
    return hashlib.sha256(json.dumps([actor, request]).encode()).hexdigest()[:32]


def _parsed(text: str) -> CampaignConfig:
    if len(text) > LARGEST:
        raise ConfigError(f"has {len(text):,} letters, too many for a campaign.toml. Nothing was stored.", file=CONFIG)
    return parse_config(text.removeprefix("\ufeff"), CONFIG)


def _config(configured: Configured) -> CampaignConfig:
    return check_config(configured.settings, CONFIG)


def _models(config: CampaignConfig) -> list[str]:
    """What the operator allowed, or imported, before: a campaign keeps the model that it has."""
    model, revision = (config.learner.options.get(name) for name in ("model", "revision"))
    return [f"{model}@{revision}" if revision else model] if isinstance(model, str) else []


def _hash_of(path: Path) -> str:
    """The hash of a file's content; "" where there is none."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _is_whole(path: Path, text: str, files: Mapping[str, str]) -> bool:
    try:
        if (path / CONFIG).read_bytes() != text.encode() or not (path / PLATES).is_dir():
            return False
    except OSError:
        return False
    return all(not name_problem(name) and _hash_of(path / name) == key for name, key in files.items())


def _unwritten(loop: OpenCampaign) -> list[Event]:
    """What only the files of a campaign folder say: how it is configured now, and plates that were edited by hand."""
    found: list[Event] = []
    if (now := _configured_now(loop)) is not None:
        found.append(now)
    listed = plates_in(loop.folder.plates).plates
    for proposal in loop.campaign.state().proposals:
        mine = [p for p in listed if is_of(p, proposal.number)]
        laid = {p.id: p for p in plates_of_events(loop, proposal.number)}
        if any(p != laid.get(p.id) for p in mine):
            found.append(PlateLaid(proposal.number, by_hand=by_hand(list((laid | {p.id: p for p in mine}).values()))))
    return found


def _configured_now(loop: OpenCampaign) -> Configured | None:
    """How a campaign folder is configured, where its log does not say so yet."""
    if change := loop.campaign.change():
        return change.now
    if loop.campaign.state().configured:
        return None
    memory = InMemoryLog()  # of a release that did not write this
    campaign_of(loop.config, replace(loop.folder, log=memory)).configure()  # type: ignore[arg-type]
    first = next(iter(memory)).event
    return first if isinstance(first, Configured) else None


def _owned(log: SQLLog) -> dict[str, tuple[str, int]]:
    """Hash of what belongs to a campaign -> media type and size (0: not known)."""
    found = {key: (kind, size) for key, kind, size in log.database.read(_OWNED, key=log.campaign)}
    for event in (r.event for r in log):
        key = event.version.artifact if isinstance(event, Fitted) else ""
        key = event.student.artifact if isinstance(event, Distilled) else key
        if key:
            found.setdefault(key, (ARRAYS, 0))
    return found


def _copied(source: Objects, target: Objects, owned: Mapping[str, tuple[str, int]]) -> Iterator[tuple[str, str, int]]:
    """Copy objects that are there; what was lost before stays lost, as `verify` says of either."""
    for key, (kind, _) in owned.items():
        try:
            content = source.get(key, kind)
        except StoreError:
            continue
        yield target.put(content, kind), kind, len(content)


def _check_carried(config: CampaignConfig, source: CampaignFolder) -> None:
    """Refuse a folder whose config names what is outside it, and a model in it, which no store keeps."""
    check_files(config, files_of(config).values(), str(source.config))
    model = config.learner.options.get("model")
    if isinstance(model, str) and model and (source.path / model).exists():
        raise ConfigError(
            f'the model "{model}" is a folder of this campaign, and a store keeps none: name it by its id on the hub, '
            "or by a path that all servers have. Nothing was imported.",
            file=str(source.config),
        )
