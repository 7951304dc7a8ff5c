"""Campaigns on disk: one schema for SQLite and PostgreSQL, models by the hash of their content."""

from activeloop.store.artifacts import ArtifactShelf, local_store
from activeloop.store.database import sqlite_engine
from activeloop.store.folder import CampaignFolder
from activeloop.store.job import Job, JobState
from activeloop.store.log import SQLLog
from activeloop.store.migrate import upgrade

__all__ = [
    "ArtifactShelf",
    "CampaignFolder",
    "Job",
    "JobState",
    "SQLLog",
    "local_store",
    "sqlite_engine",
    "upgrade",
]
