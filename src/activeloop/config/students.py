"""Students that a config names, taught now or in a process of their own."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from activeloop.campaigns import Campaign, StudentRecord, Teaching
from activeloop.candidates import Pool
from activeloop.config.building import Opened, open_campaign
from activeloop.config.config import StudentRecipe
from activeloop.config.registry import make
from activeloop.errors import ActiveLoopError, RecipeError, StateError
from activeloop.store import Job
from activeloop.students.campaign import Distillation
from activeloop.students.distil.config import Distiller
from activeloop.students.distil.first_layers import FirstLayers
from activeloop.students.distil.network import Network
from activeloop.students.distil.networks import ConvNet, SiteNetwork, SmallTransformer, usual_network
from activeloop.students.distil.search import USUAL


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


NICE = 10
"""How far a process in the background steps back behind others."""


def distilling(folder: Path) -> Job:
    """The job of a campaign's folder."""
    return Job(folder, "distil")


def distil_here(
    loop: Opened,
    settings: StudentRecipe,
    seed: int | None = None,
    *,
    again: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> StudentRecord:
    """Teach a student of the current version; nobody else can meanwhile.

    Args:
        loop: the campaign.
        settings: of the teaching.
        seed: of it; the campaign's own when None.
        again: teach anew also when nothing changed.
        progress: called with (steps done, steps in all).

    Raises:
        StateError: a student is being taught already, or there is no version yet.
        ModelError: no student comes of it.
    """
    teaching = _teaching(loop, settings)
    if not loop.campaign.state().versions:
        return loop.campaign.distil(teaching, seed)  # says what is missing, and is no failed job
    with distilling(loop.folder.path).working(_what(loop.campaign)) as work:

        def tell(done: int, total: int) -> None:
            work.progress(done, total)
            if progress:
                progress(done, total)

        student = loop.campaign.distil(teaching, seed, again=again, progress=tell)
        work.tell(f"student {student.number} of version {student.version}")
        return student


def distil_in_background(
    loop: Opened, settings: StudentRecipe, seed: int | None = None, *, again: bool = False
) -> int | None:
    """Start a process that teaches a student of the current version, and of those that come meanwhile.

    It outlives this process. When it is killed, nothing is lost but what it had taught.

    Args:
        loop: the campaign.
        settings: of the teaching.
        seed: of it; the campaign's own when None.
        again: teach anew also when nothing changed.

    Returns:
        The number of the process; None when there is nothing to teach.

    Raises:
        StateError: a student is being taught already, or there is no version yet.
        RecipeError: the settings are wrong.
        StoreError: the process could not be started; its log says why.
    """
    teaching = _teaching(loop, settings)
    if not again and loop.campaign.has_student(teaching, seed):
        return None
    folder = loop.folder.path.absolute()
    order = {"settings": settings.model_dump(), "seed": seed, "again": again}
    return distilling(folder).start(["-m", "activeloop.config.students", str(folder), json.dumps(order)])


def follow(folder: Path, settings: StudentRecipe, seed: int | None, again: bool) -> None:
    """Teach until the current version has its student; what the process in the background does."""
    student = distil_here(open_campaign(folder), settings, seed, again=again)
    # Whoever fitted a version meanwhile found somebody at work and left the rest to us.
    while (version := open_campaign(folder).campaign.state().version) and version.number > student.version:
        try:
            student = distil_here(open_campaign(folder), settings, seed)
        except StateError:  # somebody else is at it by now
            return


def _teaching(loop: Opened, settings: StudentRecipe) -> Teaching:
    # imported here: whoever only asks how the work stands needs none of it

    return teaching_of(settings, loop.campaign.pool, str(loop.folder.recipe))


def _what(campaign: Campaign) -> str:
    version = campaign.state().version
    return f"a student of version {version.number if version else 0}"


def main(arguments: Sequence[str]) -> int:
    """Exit status of `python -m activeloop.config.students DIR ORDER`."""
    if hasattr(os, "nice"):
        os.nice(NICE)
    folder, order = Path(arguments[0]), json.loads(arguments[1])
    try:
        follow(folder, StudentRecipe.model_validate(order["settings"]), order["seed"], order["again"])
    except ActiveLoopError as error:
        sys.stderr.write(f"Error: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
