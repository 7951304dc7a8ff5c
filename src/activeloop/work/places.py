"""Where work is found: the folder of a campaign, or a store of many campaigns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from activeloop.config import OpenCampaign, Store, open_campaign, open_folder
from activeloop.config.safety import names_a_model
from activeloop.config.store import DATABASE
from activeloop.config.text import check_config
from activeloop.store import CampaignFolder
from activeloop.work.leases import Timing, Work, WorkState


def work_of(loop: OpenCampaign) -> Work:
    """The work of an open campaign's database."""
    return Work(loop.folder.log.database, str(loop.folder.path))


def shown_work(loop: OpenCampaign) -> list[WorkState]:
    """The work of an open campaign that has something to say: not what nobody ordered and nothing waits for."""

    def says(state: WorkState) -> bool:
        wanted = state.ordered or loop.config.student.auto if state.kind == "distil" else state.words
        return state.stage != "waiting" or bool(wanted)

    return [state for state in work_of(loop).states(loop.folder.log.campaign) if says(state)]


@dataclass(frozen=True)
class Place:
    """A campaign's folder, or a store of many campaigns.

    Args:
        where: a folder, or the address of a PostgreSQL server (`postgresql://...`).
        artifacts: of a store, where its models are: a folder or `s3://...`, `gs://...`, `az://...`; "" = beside it.
        cache: of a store, the folder of working folders; "" = the default.
    """

    where: str
    artifacts: str = ""
    cache: str = ""

    def __str__(self) -> str:
        """Without a password."""
        scheme, found, rest = self.where.partition("://")
        return f"{scheme}://{rest.rpartition('@')[2].partition('?')[0]}" if found else self.where

    @property
    def is_store(self) -> bool:
        """Whether it holds many campaigns."""
        return "://" in self.where or (Path(self.where) / DATABASE).is_file()

    @cached_property
    def _store(self) -> Store:
        cache = Path(self.cache) if self.cache else None
        return Store.open(self.where, self.artifacts, cache, fresh="://" in self.where)

    def work(self, timing: Timing) -> Work:
        """Its work.

        Raises:
            InputError: there is no such place.
            StoreError: its database cannot be used.
        """
        database = self._store.database if self.is_store else CampaignFolder.open(self.where).log.database
        return Work(database, str(self), timing)

    def names_a_model(self, campaign: str) -> bool:
        """Whether the config of one of a store's campaigns names a pretrained model, other than the one shipped.

        Args:
            campaign: its key.
        """
        configured = self._store.folder(campaign).configured
        return configured is not None and names_a_model(check_config(configured.settings, None))

    def close(self) -> None:
        """Close the connections to a store's database."""
        if "_store" in vars(self):
            self._store.close()

    def open(self, campaign: str, actor: str) -> OpenCampaign:
        """One of its campaigns.

        Args:
            campaign: its key.
            actor: who works on it.

        Raises:
            InputError: there is none, or its config is wrong.
            StoreError: its database cannot be used.
        """
        if self.is_store:
            return open_folder(self._store.folder(campaign, actor=actor))
        loop = open_campaign(self.where)
        loop.folder.log.actor = actor
        return loop
