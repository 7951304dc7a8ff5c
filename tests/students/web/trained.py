"""A small student that was really distilled, and its exported file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from activeloop import Pool
from activeloop.measurements import Dataset
from activeloop.models.gp.mutation_gp import MutationGP
from activeloop.students import Distiller, SiteNetwork, Transfer
from activeloop.students.distil.export import export

WILD = "MTYKLILNGKTLKGETTTEAVDAATAEKVFKQYANDNGVDGEWTYDDATKTFTVTE"


def export_trained(path: Path) -> tuple[Pool, Path]:
    """A pool of four sites, and a student of a teacher that saw sixty of its candidates."""
    pool = Pool.combinatorial(WILD, ["V39", "D40", "G41", "V54"])
    rng = np.random.default_rng(0)
    rows = rng.choice(len(pool), 60, replace=False)
    effects = rng.standard_normal((4, 32))
    values = effects[np.arange(4), pool.codes(rows)].sum(1) + 0.2 * rng.standard_normal(60)
    dataset = Dataset.of(pool, rows, values)
    teacher = MutationGP().fit(dataset, 0)
    student = Distiller(
        SiteNetwork(hidden=(16,)), deviations=4, steps=20, transfer=Transfer(size=200, rounds=0)
    ).distil(teacher, dataset, 0, teacher_name="a Gaussian process over mutations")
    return pool, export(student, path)
