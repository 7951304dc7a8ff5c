"""Make the pictures of docs/how-to/report.md: `python -m tools.pictures` (needs ACTIVELOOP_DATA and Chromium).

A campaign of three rounds on a published scan, answered by its values with noise, plates that differ and failed wells.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

from activeloop.cli.new import new
from activeloop.cli.propose import propose
from activeloop.cli.record import record
from activeloop.config import open_campaign
from activeloop.desk.explain import picture_of
from activeloop.desk.report import report
from activeloop.files import csv_text, write_whole
from activeloop.plates import plates_in
from activeloop.replay.laboratory import SimulatedLaboratory
from activeloop.replay.landscape import Landscape
from activeloop.replay.sources import Source, load_landscape

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
SCAN, WILD_TYPE = "BLAT_ECOLX_Firnberg_2014", 1.0
ROUNDS, PICKS = 3, 176
SIZE = (1000, 1500)
"""Pixels of the page that are shown."""


def campaign(folder: Path) -> Path:
    """Three rounds on the scan."""
    truth = load_landscape(Source(SCAN))
    sites = truth.pool.sites
    assert sites is not None  # a scan has a wild type
    table = write_whole(folder / "pool.csv", csv_text(("variant",), ([n] for n in truth.pool.names(range(len(truth))))))
    loop = folder / "beta-lactamase"
    new(loop, [truth.assay.name], table=table, wild_type=sites.parent_sequence, price=1.5)
    for number in range(1, ROUNDS + 1):
        propose(loop, number=PICKS)
        for plate in plates_in(loop / "plates").plates:
            if plate.id.startswith(f"plate-{number}-"):
                record(loop, laboratory(truth).write(plate, folder / f"{plate.id}.csv", seed=0))
    open_campaign(loop).campaign.fit()
    return loop


def laboratory(truth: Landscape) -> SimulatedLaboratory:
    """Adds noise, plate effects and failed wells."""
    return SimulatedLaboratory(truth, noise=0.05, plate_spread=0.05, failing=0.02, controls={"WT": WILD_TYPE})


def photograph(page: Path, to: Path) -> None:
    """The beginning of a page as PNG."""
    program = shutil.which("chromium") or shutil.which("google-chrome") or "chromium"
    size = ",".join(map(str, SIZE))
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--window-size={size}"]
    subprocess.run([program, *options, f"--screenshot={to}", page.as_uri()], check=True, capture_output=True)


def main() -> None:
    """Write report.png and attribution.png."""
    with tempfile.TemporaryDirectory() as name:
        loop = open_campaign(campaign(Path(name)))
        page = write_whole(Path(name) / "report.html", report(loop).page)
        photograph(page, PICTURES / "report.png")
        best = loop.campaign.status().leaders[0].name
        write_whole(PICTURES / "attribution.png", picture_of(loop, [best], ".png"))


if __name__ == "__main__":
    main()
