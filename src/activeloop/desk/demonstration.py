"""A campaign to try everything on: a planted protein, and a simulated laboratory that answers its plates."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from activeloop.campaigns import RecordSummary
from activeloop.candidates import Pool
from activeloop.config import CampaignConfig, OpenCampaign
from activeloop.desk.new import CampaignOptions
from activeloop.desk.record import read_results, record
from activeloop.errors import StateError
from activeloop.measurements import Assay
from activeloop.plates import Plate
from activeloop.replay.laboratory import SimulatedLaboratory
from activeloop.replay.landscape import Landscape, plant

NAME = "Demonstration"
PARENT = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVG"
SITES = ("Y5", "V15", "L23")
ASSAY = "activity"
#: what the simulated laboratory adds, in units of the best variant
NOISE, PLATE_SPREAD, SLOPE, FAILING = 0.03, 0.05, 0.03, 0.02


def planted() -> Landscape:
    """The landscape: three sites with effects of their own and of their pairs."""
    pool = Pool.combinatorial(PARENT, SITES)
    return plant(pool, epistasis=0.5, seed=4, name="demo", assay=Assay(ASSAY))


def laboratory(landscape: Landscape) -> SimulatedLaboratory:
    """The laboratory: wells with noise, plates that differ, columns that drift, wells that fail.

    Args:
        landscape: the truth.
    """
    return SimulatedLaboratory(landscape, NOISE, PLATE_SPREAD, SLOPE, FAILING)


def demonstration(seed: int = 0) -> CampaignOptions:
    """What is decided about the campaign of the demonstration.

    Args:
        seed: of it.
    """
    return CampaignOptions(assays=({"name": ASSAY},), wild_type=PARENT, sites=SITES, seed=seed)


def is_demonstration(config: CampaignConfig) -> bool:
    """Whether the simulated laboratory can measure the plates of a campaign: it is of the planted protein.

    Args:
        config: of the campaign.
    """
    sites = tuple(site.partition("=")[0] for site in config.pool.sites)
    return config.pool.wild_type == PARENT and sites == SITES and [a.name for a in config.assays] == [ASSAY]


def measured_list(loop: OpenCampaign, plate: Plate, folder: Path) -> Path:
    """The file that the simulated laboratory writes about a plate.

    Args:
        loop: the campaign of the demonstration.
        plate: one of its plates.
        folder: where it is written.

    Raises:
        StateError: the campaign is another one.
    """
    if not is_demonstration(loop.config):
        raise StateError("the simulated laboratory knows the protein of the demonstration alone. Nothing was measured.")
    return laboratory(planted()).write(plate, folder / f"{plate.id}-measured.csv", loop.config.seed)


def measure(loop: OpenCampaign, plate: Plate) -> RecordSummary:
    """Let the simulated laboratory measure a plate, and store what it wrote.

    Args:
        loop: the campaign of the demonstration.
        plate: one of its plates.

    Raises:
        StateError: the campaign is another one.
    """
    with TemporaryDirectory(prefix="activeloop-") as folder:
        file = measured_list(loop, plate, Path(folder))
        return record(loop, read_results(loop, file), file.name)
