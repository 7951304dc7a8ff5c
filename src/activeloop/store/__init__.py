"""Campaigns on disk: events and artifacts in one schema for SQLite and PostgreSQL."""

from typing import TYPE_CHECKING

from activeloop._lazy import on_use

if TYPE_CHECKING:
    from activeloop.objects import Objects, local_store
    from activeloop.store.artifacts import FileArtifactStore
    from activeloop.store.database import Database, PostgreSQL, SQLiteFile
    from activeloop.store.folder import CampaignFolder
    from activeloop.store.log import SQLLog, create_campaign
    from activeloop.store.migrate import upgrade

__all__ = [
    "CampaignFolder",
    "Database",
    "FileArtifactStore",
    "Objects",
    "PostgreSQL",
    "SQLLog",
    "SQLiteFile",
    "create_campaign",
    "local_store",
    "upgrade",
]

__getattr__ = on_use(__name__)
