"""How large networks are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from activeloop.backbones.needs import need_models
from activeloop.candidates import Pool
from activeloop.measurements import Dataset
from activeloop.predictive import Predictor
from activeloop.students.first_layers import FirstLayers
from activeloop.students.network import Network, Shape
from activeloop.students.pedigree import averaged_states
from activeloop.students.reading import Reading
from activeloop.students.site_network import SiteNetwork

if TYPE_CHECKING:
    from torch import nn


def shape_of(reading: Reading, outputs: int) -> Shape:
    """What goes in and comes out of a network that reads so."""
    parent = tuple(reading.texts([reading.parent])[0].tolist()) if reading.parent else ()
    return Shape(reading.size, reading.width, parent, outputs)


def ready(network: Network, teacher: Predictor, reading: Reading, pool: Pool) -> Network:
    """The network, with what it takes from the teacher.

    Raises:
        ModelError: the teacher does not have it.
    """
    if isinstance(network, FirstLayers):
        return network.of(teacher, reading)
    if isinstance(network, SiteNetwork) and averaged_states(teacher, pool) is not None:
        return replace(network, averaged=True)
    return network


def learning(module: nn.Module) -> int:
    """How many numbers a network learns: those that it does not use are none of its own."""
    return sum(p.numel() for p in module.parameters() if p.requires_grad)


def by_size(networks: Sequence[Network], teacher: Predictor, about: Dataset | Pool, deviations: int) -> list[Network]:
    """Networks by how many parameters they would have, the smallest first.

    Raises:
        MissingExtraError: torch is not installed.
    """
    need_models()
    pool = about if isinstance(about, Pool) else about.pool
    sizes = {}
    for index, network in enumerate(networks):
        reading = network.reading(pool)
        built = ready(network, teacher, reading, pool).build(shape_of(reading, 2 + deviations), 0)
        sizes[index] = learning(built)
    return [networks[i] for i in sorted(sizes, key=lambda i: sizes[i])]
