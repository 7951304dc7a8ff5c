"""Plates of small campaigns of every kind, printed as JSON: what `test_processors.py` compares between processors."""

from __future__ import annotations

import json
import locale
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import scipy.linalg  # noqa: F401  (so that its own BLAS is listed)
from threadpoolctl import threadpool_info

from activeloop.candidates import Compound, Pool
from activeloop.encoders import Morgan
from activeloop.measurements import Assay
from activeloop.replay.campaign import replay_campaign
from activeloop.replay.landscape import Landscape, plant
from activeloop.replay.policies import Protocol, policy_of

PARENT = "MKTAYIAKQRQISFVKSHFSRQLEERLG"
PIECES = ("C", "CC", "N", "O", "Cl", "C(=O)N", "c1ccccc1", "c1ccncc1", "C1CCNCC1", "OC", "C(F)(F)F", "S(=O)(=O)N")
SEEDS = 2


def compounds() -> Landscape:
    pool = Pool.of([Compound(f"c1cc({a})ccc1OC(=O){b}") for a in PIECES[:8] for b in PIECES])
    features = Morgan().features(pool, np.arange(len(pool)))
    weights = np.random.default_rng(0).standard_normal(features.shape[1])
    return Landscape("compounds", pool, np.round(features @ weights, 3), Assay("activity"))


def guides() -> Landscape:
    letters = np.array(list("ACGT"))[np.random.default_rng(1).integers(0, 4, (120, 20))]
    listed = "\n".join(["guide", *("".join(each) for each in letters)])
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder, "guides.csv")
        table.write_text(listed + "\n")
        return plant(Pool.from_table(table, "guides"), 0.2, 2)


LANDSCAPES = {
    "singles": lambda: plant(Pool.single_mutants(PARENT), 0.0, 3),
    "sites": lambda: plant(Pool.combinatorial(PARENT, sites=[4, 9, 20], letters="ADFGKLPS"), 0.5, 3),
    "compounds": compounds,
    "guides": guides,
}


def plates(kind: str, goal: str) -> list[list[str]]:
    """Those of the default policy, one campaign a seed: the prior's plate, and two after fits."""
    landscape = LANDSCAPES[kind]()
    protocol = Protocol(start=12, batch=12, rounds=2, goal=goal, first="own")
    policy = policy_of("default", landscape.pool, protocol, landscape.assay)
    campaigns = [replay_campaign(landscape, policy, protocol, seed) for seed in range(SEEDS)]
    return [list(turn.picks) for turns in campaigns for turn in turns]


if __name__ == "__main__":
    with suppress(locale.Error):
        locale.setlocale(locale.LC_ALL, "")
    found = {f"{kind} {goal}": plates(kind, goal) for kind in LANDSCAPES for goal in ("find", "learn")}
    libraries = [(library["architecture"], library["num_threads"]) for library in threadpool_info()]
    json.dump({"plates": found, "blas": libraries}, sys.stdout)
