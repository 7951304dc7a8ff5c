"""A campaign is a folder: config, database, models and plates; it can be copied and archived."""

from __future__ import annotations

import getpass
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from activeloop.campaigns.events import Configured
from activeloop.errors import InputError, StoreError
from activeloop.files import write_whole
from activeloop.objects import Objects
from activeloop.store.artifacts import FileArtifactStore
from activeloop.store.database import BUSY_SECONDS, SQLiteFile, plain_errors
from activeloop.store.log import SQLLog
from activeloop.store.migrate import upgrade

CONFIG, DATABASE, ARTIFACTS, PLATES, CACHE = "campaign.toml", "campaign.db", "artifacts", "plates", "cache"
RESERVED = (CONFIG, DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm", ARTIFACTS, PLATES, CACHE, "jobs", "screens")
"""Names in a campaign's folder that no file of its pool may have."""


@dataclass(frozen=True)
class CampaignFolder:
    """One campaign on disk.

    ```
    DIR/campaign.toml    what the campaign is about; written by `activeloop new`, read by every verb
    DIR/campaign.db      its events (SQLite)
    DIR/artifacts/       fitted models by the hash of their content
    DIR/plates/          plates as they were sent to the laboratory
    DIR/cache/           what was read of a long table; may be deleted
    ```

    The working folder of a campaign whose events stand in a database of many (`activeloop.config.Store`) is one too: it
    has the config and the files that this names, made from the events and artifacts, and losing it loses nothing.

    Args:
        path: the folder.
        log: its events.
        artifacts: its models.
        name: of the campaign in the user's words; that of the folder when "".
        configured: of a working folder: the event by which it was made, and from which `campaign.toml` follows; None
            of a campaign folder, where the events follow from `campaign.toml`.
    """

    path: Path
    log: SQLLog
    artifacts: FileArtifactStore
    name: str = ""
    configured: Configured | None = None

    @classmethod
    def create(cls, path: str | Path, config: str, inputs: Mapping[str, bytes] | None = None) -> CampaignFolder:
        """Make a folder a campaign; other files in it are left alone.

        The config is written last, and only a folder that has one is a campaign: a crash half-way leaves none. A
        folder that was made here is removed again when it cannot be filled.

        Args:
            path: the folder; made when it is missing.
            config: text of `campaign.toml`.
            inputs: further files that the config names, by their name in the folder.

        Raises:
            InputError: it is a campaign already, or no folder; nothing was changed.
            StoreError: it cannot be written; there is no campaign in it.
        """
        path = Path(path)
        if (path / CONFIG).exists():
            raise InputError(f"{path} is a campaign already: choose another folder. Nothing was changed.")
        if path.exists() and not path.is_dir():
            raise InputError(f"{path} is a file: choose another name for the campaign's folder.")
        if taken := [name for name in inputs or {} if name.casefold() in RESERVED]:
            raise InputError(f'"{taken[0]}" is a name of the campaign itself: rename that file. Nothing was made.')
        if paths := [name for name in inputs or {} if name in ("", "..") or not _is_plain(name)]:
            raise InputError(f'"{paths[0]}" is a path, and not the name of a file. Nothing was made.')
        if (path / DATABASE).exists():
            cls._refuse_log(path)
        fresh = not path.exists()
        try:
            return cls._made(path, config, inputs or {})
        except StoreError:
            if fresh:
                shutil.rmtree(path, ignore_errors=True)
            raise

    @classmethod
    def _refuse_log(cls, path: Path) -> None:
        """Refuse to make a campaign of another one's log; that of a creation that died is empty."""
        folder = cls._of(path, fresh=True)
        if events := folder.log.last:
            raise InputError(
                f"{path} holds the log of a campaign that has lost its {CONFIG} ({DATABASE} has {events:,} events): "
                "put that file back, or choose another folder. Nothing was changed."
            )

    @classmethod
    def _made(cls, path: Path, config: str, inputs: Mapping[str, bytes]) -> CampaignFolder:
        try:
            (path / PLATES).mkdir(parents=True, exist_ok=True)
            (path / ARTIFACTS).mkdir(exist_ok=True)
        except OSError as error:
            raise StoreError(f"{path} cannot be made ({error.strerror}). No campaign was made.") from error
        for name, content in inputs.items():
            write_whole(path / name, content)
        folder = cls._of(path, fresh=True)
        write_whole(path / CONFIG, config.encode())
        return folder

    @classmethod
    def open(cls, path: str | Path, busy_seconds: float = BUSY_SECONDS) -> CampaignFolder:
        """An existing campaign; its database is brought to the schema of this release.

        Args:
            path: the folder.
            busy_seconds: how long to wait for another program that is writing.

        Raises:
            InputError: there is no campaign in that folder.
            StoreError: its database is missing, damaged, locked, or was written by a newer release.
        """
        path = Path(path)
        if not (path / CONFIG).is_file():
            what = f"has no {CONFIG}" if path.is_dir() else "is not a folder"
            raise InputError(f"{path} {what}: name a campaign's folder, or make one with `activeloop new {path} ...`.")
        if not (path / DATABASE).is_file():
            raise StoreError(
                f"{path} has lost its {DATABASE}, in which its results stand: restore it from a backup. "
                "Nothing was written."
            )
        folder = cls._of(path, busy_seconds)
        folder._refuse_lost_events()
        return folder

    def _refuse_lost_events(self) -> None:
        """Refuse a log without proposals beside plates: it is not the one by which they were made."""
        plate = next((p for p in (self.plates / f"plate-1{end}.csv" for end in ("", "-1")) if p.exists()), None)
        if plate and not self.log.count("proposed"):
            raise StoreError(
                f"{self.path / DATABASE} knows of no proposal, and there is {plate}: put back the newest {DATABASE} "
                "from a backup; if the plate is of another campaign, give it another name. Nothing was changed."
            )

    def check_writable(self, undone: str) -> None:
        """Refuse to begin what could not be stored.

        Args:
            undone: what was not done, as the last sentence of the message.

        Raises:
            StoreError: the folder or its database is read-only, or of another user.
        """
        database = self.log.database
        for place in (self.path, *([database.path] if isinstance(database, SQLiteFile) else [])):
            if not os.access(place, os.W_OK):
                raise StoreError(
                    f"{place} cannot be written: you lack the permission, or the disk is mounted read-only. Questions "
                    f"(`status`, `predict`, `assess`, `plate`) are answered all the same. {undone}"
                )

    @classmethod
    def _of(cls, path: Path, busy_seconds: float = BUSY_SECONDS, *, fresh: bool = False) -> CampaignFolder:
        database, where = SQLiteFile(path / DATABASE, busy_seconds), str(path / DATABASE)
        with plain_errors(where):
            upgrade(database, where, fresh=fresh)
        log = SQLLog(database, where, actor=_user())
        return cls(path, log, FileArtifactStore(Objects.at(path / ARTIFACTS), log))

    @property
    def config(self) -> Path:
        """Its `campaign.toml`."""
        return self.path / CONFIG

    @property
    def called(self) -> str:
        """How messages name `campaign.toml`: where it is; in a store, where nobody edits that file, by its name."""
        return CONFIG if self.configured else str(self.config)

    @property
    def plates(self) -> Path:
        """The folder of its plates."""
        return self.path / PLATES


def _is_plain(name: str) -> bool:
    return name == Path(name).name == PureWindowsPath(name).name


def _user() -> str:
    """Who works on this computer; "" where it does not know, as in a container."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""
