"""From a config to the objects of a campaign."""

from __future__ import annotations

import hashlib
import math
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from activeloop.acquisition import AcquisitionContext, AcquisitionFunction, Recommender
from activeloop.campaigns import Campaign, Fitted
from activeloop.campaigns.state import Layout
from activeloop.candidates import Pool
from activeloop.config.config import CampaignConfig
from activeloop.config.pools import pool_of
from activeloop.config.registry import checked_learner_of, recommender_of
from activeloop.config.safety import files_of
from activeloop.config.text import read_config
from activeloop.errors import ActiveLoopError, ConfigError, InputError, PluginError
from activeloop.measurements import Assay, Dataset
from activeloop.plates import Plate
from activeloop.plugins import blamed
from activeloop.prediction import Learner, Prediction, Predictor
from activeloop.store import CampaignFolder
from activeloop.store.database import BUSY_SECONDS


@dataclass(frozen=True)
class UnavailableLearner(Learner):
    """Stands for a learner that cannot be made here; whatever needs it says why.

    Args:
        problem: why.
        named: the name of the learner of the last version, so that it does not look like another one.
    """

    problem: ActiveLoopError
    named: str = ""

    @property
    def name(self) -> str:
        """That of the last version's learner."""
        return self.named

    def prior(self, pool: Pool) -> Predictor | None:
        """Raises the problem."""
        raise self.problem

    def fit(self, dataset: Dataset, seed: int) -> Predictor:
        """Raises the problem."""
        raise self.problem

    def restore(self, dataset: Dataset, seed: int, state: dict[str, np.ndarray]) -> Predictor:
        """Raises the problem."""
        raise self.problem


@dataclass(frozen=True)
class UnavailableScore(AcquisitionFunction):
    """Stands for an acquisition function or batch strategy that cannot be made here.

    Args:
        problem: why.
    """

    problem: ActiveLoopError
    name = "unavailable"

    def __call__(self, prediction: Prediction, context: AcquisitionContext) -> np.ndarray:
        """Raises the problem."""
        raise self.problem

    def reason(self, prediction: Prediction, i: int) -> str:
        """Raises the problem."""
        raise self.problem


@dataclass(frozen=True)
class OpenCampaign:
    """A campaign on disk, ready for use.

    Args:
        folder: where it is.
        config: of its `campaign.toml`.
        campaign: the loop.
    """

    folder: CampaignFolder
    config: CampaignConfig
    campaign: Campaign
    laid: dict[int, tuple[Layout, list[Plate]]] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Plates that were laid out before by their events, by the number of their proposal."""

    @property
    def in_store(self) -> bool:
        """Whether its folder is a working folder, in which nothing stands that is not in the events."""
        return self.folder.configured is not None

    @property
    def unavailable(self) -> ActiveLoopError | None:
        """Why its learner or recommender cannot be made on this machine; None when both can."""
        select = self.campaign.select.score if self.campaign.select else None
        stands = [
            part for part in (self.campaign.learner, select) if isinstance(part, UnavailableLearner | UnavailableScore)
        ]
        return stands[0].problem if stands else None

    def check_available(self) -> None:
        """Refuse to begin what needs a learner or recommender that cannot be made here."""
        if self.unavailable:
            raise self.unavailable


def open_campaign(path: str | Path, busy_seconds: float = BUSY_SECONDS) -> OpenCampaign:
    """The campaign in a folder.

    Args:
        path: the folder.
        busy_seconds: how long to wait for another program that is writing to it.

    Raises:
        InputError: there is none, or its `campaign.toml` is wrong.
        StoreError: its database cannot be used.
    """
    return open_folder(CampaignFolder.open(path, busy_seconds))


def open_folder(folder: CampaignFolder) -> OpenCampaign:
    """The campaign of a folder, or of the working folder of a campaign in a database (`Store.folder`).

    Raises:
        InputError: its `campaign.toml` is wrong.
        StoreError: its database cannot be used.
    """
    try:
        config = read_config(folder.config)
        campaign = campaign_of(config, folder)
    except InputError as error:
        if folder.configured:
            without_path(error, folder.path)
        raise
    try:
        campaign.change()
    except ConfigError as error:
        raise ConfigError(error.problem, file=folder.called) from error
    return OpenCampaign(folder, config, campaign)


def without_path(error: InputError, folder: Path) -> None:
    """Let an error name the files of a folder without the folder, which is none of its reader's."""
    place = re.compile(rf"{re.escape(str(folder))}[/\\\\](campaign[/\\\\])?")
    file = place.sub("", error.file) if error.file else None
    error.__init__(place.sub("", error.problem), file=file, row=error.row)


def campaign_of(config: CampaignConfig, folder: CampaignFolder, pool: Pool | None = None) -> Campaign:
    """The campaign of a config, stored in a folder.

    Args:
        config: of its `campaign.toml`.
        folder: where it is stored.
        pool: that of the config, where it was made already.
    """
    assays, file = assays_of(config), folder.called
    files = _hashes(config, folder.path)
    pool = pool or pool_of(config.pool, folder.path, file)
    try:
        learner = checked_learner_of(config.learner, pool, assays, file, folder.path, config.pool)
        _ = learner.name
    except PluginError as error:
        learner = UnavailableLearner(error, _last_learner(folder))
    except Exception as error:
        if not (problem := blamed(error)):
            raise
        learner = UnavailableLearner(PluginError(problem, file=file), _last_learner(folder))
    try:
        select = recommender_of(config.select, config.goal, assays, pool, file)
    except PluginError as error:
        select = Recommender(UnavailableScore(error))
    return Campaign(
        pool=pool,
        assays=assays,
        learner=learner,
        select=select,
        seed=config.seed,
        log=folder.log,
        artifacts=folder.artifacts,
        price=config.plate.price_per_well or None,
        hit=hits_of(config),
        control=config.plate.control,
        settings=config.model_dump(mode="json", exclude={"robot"} if config.robot is None else None),
        files=files,
        goal=config.goal,
        follows=folder.configured,
    )


def _last_learner(folder: CampaignFolder) -> str:
    """The name of the last version's learner, "" before the first."""
    return next((r.event.version.learner for r in reversed(list(folder.log)) if isinstance(r.event, Fitted)), "")


def _hashes(config: CampaignConfig, base: Path) -> dict[str, str]:
    """File of the pool or of the learner -> SHA-256 of its content."""
    found = {}
    for name in files_of(config).values():
        if not (base / name).is_file():
            continue  # whoever reads it says so
        with (base / name).open("rb") as file:
            found[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def assays_of(config: CampaignConfig) -> tuple[Assay, ...]:
    """The assays of a config."""
    return tuple(a.assay() for a in config.assays)


def hits_of(config: CampaignConfig) -> tuple[float, ...] | None:
    """The hit value of each assay (NaN: not stated); None when no assay states one."""
    stated = tuple(math.nan if a.hit is None else a.hit for a in config.assays)
    return None if all(map(math.isnan, stated)) else stated
