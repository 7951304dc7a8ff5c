"""`campaign.toml`: its form, and the objects that its names stand for."""

from activeloop.config.building import OpenCampaign, assays_of, campaign_of, open_campaign, open_folder
from activeloop.config.config import (
    AssayConfig,
    CampaignConfig,
    LearnerConfig,
    PlateConfig,
    PoolConfig,
    RobotConfig,
    SelectConfig,
    StudentConfig,
)
from activeloop.config.pools import pool_of
from activeloop.config.registry import BATCHES, SCORES, learner_of, learners, recommender_of
from activeloop.config.store import Store, StoredCampaign
from activeloop.config.text import check_config, config_text, parse_config, read_config

__all__ = [
    "BATCHES",
    "SCORES",
    "AssayConfig",
    "CampaignConfig",
    "LearnerConfig",
    "OpenCampaign",
    "PlateConfig",
    "PoolConfig",
    "RobotConfig",
    "SelectConfig",
    "Store",
    "StoredCampaign",
    "StudentConfig",
    "assays_of",
    "campaign_of",
    "check_config",
    "config_text",
    "learner_of",
    "learners",
    "open_campaign",
    "open_folder",
    "parse_config",
    "pool_of",
    "read_config",
    "recommender_of",
]
