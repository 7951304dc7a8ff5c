"""Case study: an enzyme optimised by a robotic laboratory, unattended, on devices that fail as real ones do.

`python run.py` takes a planted landscape of three sites; `python run.py --landscape gb1` a measured one (protein G at
four sites), which is fetched or read from ACTIVELOOP_DATA; `--landscape FILE` a table of your own with the
measured value of every variant. Written: the campaign, the device's own records, and a report.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from activeloop.config import open_campaign
from activeloop.desk.demonstration import demonstration, planted
from activeloop.desk.new import CampaignOptions, draft, new
from activeloop.desk.propose import PlateOptions
from activeloop.desk.report import report_page
from activeloop.lab import Faults, Robot, RobotPlan, SimulatedRobot, Step
from activeloop.replay import SimulatedLaboratory, Source, load_landscape

#: what goes wrong, as a chance for each run (lost tips: for each well)
FAULTS = Faults(dies=0.3, late=0.3, cut=0.2, twice=0.2, fails=0.1, lost_tip=0.02)


def main() -> None:
    """The whole study."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("robotic-enzyme"), help="folder of everything")
    parser.add_argument("--landscape", default="planted", help="name of a public set, or a file")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--plate", type=int, default=20, help="variants of a round")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    given.out.mkdir(parents=True)
    # The campaign knows the variants alone.
    if given.landscape == "planted":
        landscape, options = planted(), replace(demonstration(given.seed), controls=3)
    else:
        landscape = load_landscape(Source(given.landscape))
        library = given.out / "library.csv"
        library.write_text("variant\n" + "\n".join(landscape.pool[i].name for i in range(len(landscape))) + "\n")
        assay = {"name": landscape.assay.name, "goal": landscape.assay.goal}
        options = CampaignOptions((assay,), table=library, kind="variants", seed=given.seed, controls=3, control="WT")
    print(f"{landscape.origin} {len(landscape):,} variants, of which the campaign sees no value.")
    folder = new(draft(options), given.out / "campaign").folder
    loop = open_campaign(folder)

    # The laboratory knows the truth; its noise is a twentieth of the spread between variants.
    spread = float(np.std(landscape.values))
    wild_type = landscape.pool.row_of("WT")
    controls = {} if wild_type is not None else {"WT": float(np.median(landscape.values))}
    truth = SimulatedLaboratory(landscape, 0.05 * spread, 0.05 * spread, 0.05 * spread, 0.02, controls)
    device = SimulatedRobot(given.out / "device", truth, given.seed, FAULTS)
    plan = RobotPlan(given.rounds, given.plate, patience=0, attempts=5, plate=PlateOptions(wells=24, controls=3))

    def told(step: Step) -> None:
        print(f"  {step.doing:12} {step.words}", flush=True)

    last = Robot(loop, [device], plan).run(told, pause=0)
    dataset = open_campaign(folder).campaign.dataset().oriented()
    fit = landscape.oriented
    measured = [landscape.pool.row_of(loop.campaign.pool[row].name) for row in dataset.rows]
    best = max(fit[row] for row in measured if row is not None)
    rank = int((fit > best).sum()) + 1
    page = given.out / "report.html"
    page.write_text(report_page(loop).page, encoding="utf-8")
    print(f"\n{last.words} {len(measured)} of {len(landscape):,} variants were measured.")
    print(f"The best of them is number {rank} of all.")
    print(f"Written: {page}")


if __name__ == "__main__":
    main()
