"""Where work is found: the folder of a campaign, or a store of many campaigns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from activeloop.config import OpenCampaign, open_campaign
from activeloop.store import CampaignFolder
from activeloop.work.leases import Timing, Work

if TYPE_CHECKING:
    from activeloop.config.store import Store


def work_of(loop: OpenCampaign) -> Work:
    """The work of an open campaign's database."""
    return Work(loop.folder.log.database, str(loop.folder.path))


@dataclass(frozen=True)
class Place:
    """A campaign's folder, or a store of many campaigns.

    Args:
        where: a folder, or the address of a PostgreSQL server (`postgresql://...`).
        artifacts: of a store, where its models are: a folder or `s3://...`, `gs://...`, `az://...`; "" = beside it.
        cache: of a store, the folder for copies of what campaigns need; "" = the default.
    """

    where: str
    artifacts: str = ""
    cache: str = ""

    def __str__(self) -> str:
        scheme, at, rest = self.where.rpartition("@")
        return f"{scheme.partition('://')[0]}://{rest}" if at and "://" in scheme else self.where  # without a password

    @property
    def is_folder(self) -> bool:
        """Whether it is the folder of one campaign."""
        return "://" not in self.where and (Path(self.where) / "campaign.toml").exists()

    @cached_property
    def _store(self) -> Store:
        from activeloop.config.store import Store

        return Store.open(self.where, self.artifacts, Path(self.cache) if self.cache else None)

    def work(self, timing: Timing) -> Work:
        """Its work.

        Raises:
            InputError: there is no such place.
            StoreError: its database cannot be used.
        """
        if self.is_folder or ("://" not in self.where and not (Path(self.where) / "activeloop.db").exists()):
            return Work(CampaignFolder.open(self.where).log.database, str(self), timing)
        return Work(self._store.database, str(self), timing)

    def open(self, campaign: str, actor: str) -> OpenCampaign:
        """One of its campaigns.

        Args:
            campaign: its key.
            actor: who works on it.

        Raises:
            InputError: there is none, or its config is wrong.
            StoreError: its database cannot be used.
        """
        if self.is_folder:
            loop = open_campaign(self.where)
            loop.folder.log.actor = actor
            return loop
        from activeloop.config import open_folder

        return open_folder(self._store.folder(campaign, actor=actor))
