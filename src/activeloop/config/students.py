"""Students that a config names."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from activeloop.campaigns import StudentTrainer
from activeloop.candidates import Pool
from activeloop.config.config import StudentConfig
from activeloop.config.registry import make
from activeloop.errors import ConfigError
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
