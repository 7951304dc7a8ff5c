"""Students that a recipe names: how they are taught, now or in the background."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from activeloop.campaigns import Teaching
from activeloop.candidates import Pool
from activeloop.errors import RecipeError
from activeloop.recipes.recipe import StudentRecipe
from activeloop.recipes.registry import make
from activeloop.students.convolution import ConvNet
from activeloop.students.distiller import Distiller
from activeloop.students.first_layers import FirstLayers
from activeloop.students.in_campaign import Distillation
from activeloop.students.network import Network
from activeloop.students.search import USUAL
from activeloop.students.site_network import SiteNetwork
from activeloop.students.transformer import SmallTransformer
from activeloop.students.usual import usual_network


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
    "auto": USUAL,
    "conv": tuple(network for network in USUAL if isinstance(network, ConvNet)),
    "sites": tuple(SiteNetwork((width, width)) for width in (16, 32, 64, 128)),
    "transformer": tuple(network for network in USUAL if isinstance(network, SmallTransformer)),
}
"""Among which networks the smallest is looked for."""


def teaching_of(recipe: StudentRecipe, pool: Pool, file: str | None = None) -> Teaching:
    """How a recipe says that students are taught.

    Args:
        recipe: what it says.
        pool: decides the network where the recipe does not.
        file: how messages name the recipe.

    Raises:
        RecipeError: there is no such network, or it does not take these options.
    """
    name = usual_name(pool) if recipe.network == "auto" else recipe.network
    network = make("network", name, NETWORKS, recipe.options, file)
    distiller = make("teaching", "distil", {"distil": partial(Distiller, network)}, recipe.teaching, file)
    if recipe.keep is None:
        return Distillation(distiller, recipe.int8)
    if recipe.network == "first-layers" or recipe.options:
        problem = "[student]: keep looks for the size itself: leave out options, or the first layers as network."
        raise RecipeError(f"{problem} Nothing was taught.", file=file)
    among = LADDERS["auto" if recipe.network == "auto" and name == "conv" else name]
    return Distillation(distiller, recipe.int8, recipe.keep, among)


def sized(recipe: StudentRecipe, pool: Pool, width: int | None, layers: int | None) -> StudentRecipe:
    """A recipe with another width and number of layers, whatever its network calls them.

    >>> one = Pool.single_mutants("MKTAYIAKQR")
    >>> sized(StudentRecipe(network="conv"), one, 32, 2).options
    {'width': 32, 'blocks': 2}
    >>> sized(StudentRecipe(), one, 32, None).options
    {'hidden': [32, 32]}
    """
    name = usual_name(pool) if recipe.network == "auto" else recipe.network
    given = {"width": width, {"conv": "blocks"}.get(name, "layers"): layers}
    if name == "sites":
        usual = SiteNetwork().hidden
        given = {"hidden": [width or usual[0]] * (layers or len(usual)) if width or layers else None}
    more = {key: value for key, value in given.items() if value is not None}
    return recipe.model_copy(update={"options": {**recipe.options, **more}})


def usual_name(pool: Pool) -> str:
    """The name of the network that is usual for a pool.

    >>> usual_name(Pool.combinatorial("MKTAYIAKQR", ["K2", "T3", "A4"]))
    'sites'
    """
    return "sites" if usual_network(pool).sites else "conv"
