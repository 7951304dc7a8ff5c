"""Students that a config names, trained now or in a process of their own."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from activeloop.campaigns import StudentRecord, StudentTrainer
from activeloop.candidates import Pool
from activeloop.config.building import OpenCampaign, open_campaign
from activeloop.config.config import StudentConfig
from activeloop.config.registry import make
from activeloop.errors import ActiveLoopError, ConfigError, StateError
from activeloop.students.campaign import CampaignDistillation
from activeloop.students.distil.config import Network
from activeloop.students.distil.distiller import Distiller
from activeloop.students.distil.networks import (
    DEFAULT_NETWORKS,
    ConvNet,
    FirstLayers,
    SiteNetwork,
    SmallTransformer,
    default_network,
)


def first_layers(layers: int = 1) -> Network:
    """The first layers of a fine-tuned teacher's foundation model, which is found in the teacher.

    Args:
        layers: how many.
    """
    return FirstLayers(layers)


NETWORKS: dict[str, Callable[..., Network]] = {
    "conv": ConvNet,
    "first-layers": first_layers,
    "sites": SiteNetwork,
    "transformer": SmallTransformer,
}

LADDERS: dict[str, tuple[Network, ...]] = {
    "auto": DEFAULT_NETWORKS,
    "conv": tuple(network for network in DEFAULT_NETWORKS if isinstance(network, ConvNet)),
    "sites": tuple(SiteNetwork((width, width)) for width in (16, 32, 64, 128)),
    "transformer": tuple(network for network in DEFAULT_NETWORKS if isinstance(network, SmallTransformer)),
}
"""Networks among which the smallest is searched for."""


def trainer_of(config: StudentConfig, pool: Pool, file: str | None = None) -> StudentTrainer:
    """The trainer that a config describes.

    Args:
        config: its `[student]`.
        pool: decides the network where the config does not.
        file: how messages name the config.

    Raises:
        ConfigError: there is no such network, or it does not take these options.
    """
    name = default_network_name(pool) if config.network == "auto" else config.network
    network = make("network", name, NETWORKS, config.options, file)
    distiller = make("training", "distil", {"distil": partial(Distiller, network)}, config.training, file)
    if config.min_spearman is None:
        return CampaignDistillation(distiller, config.int8)
    if config.network == "first-layers" or config.options:
        problem = (
            "[student]: min_spearman searches for the size itself: leave out options, or the first layers as network."
        )
        raise ConfigError(f"{problem} Nothing was trained.", file=file)
    among = LADDERS["auto" if config.network == "auto" and name == "conv" else name]
    return CampaignDistillation(distiller, config.int8, config.min_spearman, among)


def sized(config: StudentConfig, pool: Pool, width: int | None, layers: int | None) -> StudentConfig:
    """A config with another width and number of layers, under the names of its network.

    >>> one = Pool.single_mutants("MKTAYIAKQR")
    >>> sized(StudentConfig(network="conv"), one, 32, 2).options
    {'width': 32, 'blocks': 2}
    >>> sized(StudentConfig(), one, 32, None).options
    {'hidden': [32, 32]}
    """
    name = default_network_name(pool) if config.network == "auto" else config.network
    given = {"width": width, {"conv": "blocks"}.get(name, "layers"): layers}
    if name == "sites":
        default = SiteNetwork().hidden
        given = {"hidden": [width or default[0]] * (layers or len(default)) if width or layers else None}
    more = {key: value for key, value in given.items() if value is not None}
    return config.model_copy(update={"options": {**config.options, **more}})


def default_network_name(pool: Pool) -> str:
    """The name of the default network of a pool.

    >>> default_network_name(Pool.combinatorial("MKTAYIAKQR", ["K2", "T3", "A4"]))
    'sites'
    """
    return "sites" if default_network(pool).sites else "conv"


NICE = 10
"""Niceness of a process in the background."""


def distil_here(
    loop: OpenCampaign,
    settings: StudentConfig,
    seed: int | None = None,
    *,
    again: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> StudentRecord:
    """Train a student of the current version, as the only process that does.

    Args:
        loop: the campaign.
        settings: of the training.
        seed: of it; the campaign's own when None.
        again: train again also when nothing changed.
        progress: called with (steps done, steps in all).

    Raises:
        StateError: a student is being trained already, or there is no version yet.
        ModelError: no student can be trained.
    """
    trainer = _trainer(loop, settings)
    if not loop.campaign.state().versions:
        return loop.campaign.distil(trainer, seed)  # its error names what is missing, and no job has failed
    version = loop.campaign.state().versions[-1].number
    with loop.distillation.working(f"a student of version {version}") as work:

        def report(done: int, total: int) -> None:
            work.progress(done, total)
            if progress:
                progress(done, total)

        student = loop.campaign.distil(trainer, seed, again=again, progress=report)
        work.report(f"student {student.number} of version {student.version}")
        return student


def distil_in_background(
    loop: OpenCampaign, settings: StudentConfig, seed: int | None = None, *, again: bool = False
) -> int | None:
    """Start a process that trains a student of the current version, and of versions that come meanwhile.

    It outlives this process.

    Args:
        loop: the campaign.
        settings: of the training.
        seed: of it; the campaign's own when None.
        again: train again also when nothing changed.

    Returns:
        The number of the process; None when the student exists.

    Raises:
        StateError: a student is being trained already, or there is no version yet.
        ConfigError: the settings are wrong.
        StoreError: the process could not be started; its log shows why.
    """
    trainer = _trainer(loop, settings)
    if not again and loop.campaign.has_student(trainer, seed):
        return None
    folder = loop.folder.path.absolute()
    order = {"settings": settings.model_dump(), "seed": seed, "again": again}
    return loop.distillation.start(["-m", "activeloop.config.students", str(folder), json.dumps(order)])


def follow(folder: Path, settings: StudentConfig, seed: int | None, again: bool) -> None:
    """Train until the current version has its student, in the background process."""
    student = distil_here(open_campaign(folder), settings, seed, again=again)
    # A process that fitted a version meanwhile found this job running and started none.
    while (version := open_campaign(folder).campaign.state().version) and version.number > student.version:
        try:
            student = distil_here(open_campaign(folder), settings, seed)
        except StateError:  # another process trains one by now
            return


def _trainer(loop: OpenCampaign, settings: StudentConfig) -> StudentTrainer:
    return trainer_of(settings, loop.campaign.pool, str(loop.folder.config))


def main(arguments: Sequence[str]) -> int:
    """Exit status of `python -m activeloop.config.students DIR ORDER`."""
    if hasattr(os, "nice"):
        os.nice(NICE)
    folder, order = Path(arguments[0]), json.loads(arguments[1])
    try:
        follow(folder, StudentConfig.model_validate(order["settings"]), order["seed"], order["again"])
    except ActiveLoopError as error:
        sys.stderr.write(f"Error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
