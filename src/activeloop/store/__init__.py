"""Campaigns on disk: events and artifacts in one schema for SQLite and PostgreSQL, and background jobs."""

from typing import TYPE_CHECKING

from activeloop._lazy import on_use

if TYPE_CHECKING:
    from activeloop.store.artifacts import FileArtifactStore, local_store
    from activeloop.store.database import SQLiteFile
    from activeloop.store.folder import CampaignFolder
    from activeloop.store.job import Job, JobState
    from activeloop.store.log import SQLLog
    from activeloop.store.migrate import upgrade

__all__ = [
    "CampaignFolder",
    "FileArtifactStore",
    "Job",
    "JobState",
    "SQLLog",
    "SQLiteFile",
    "local_store",
    "upgrade",
]

__getattr__ = on_use(__name__)
