"""Published data sets load as pools. Runs where `ACTIVELOOP_DATA` names a folder that holds them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from activeloop.candidates import Pool
from activeloop.tables import read_table

DATA = Path(os.environ.get("ACTIVELOOP_DATA", "nowhere"))
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="ACTIVELOOP_DATA names no folder")

# file, kind, candidates, varying columns
SETS = [
    ("protein/combinatorial/Wu2016_GB1.csv.gz", "variants", 149_361, 4),
    ("protein/combinatorial/Phillips2021_CR6261_h1.csv.gz", "variants", 1_917, 11),
    ("protein/proteingym_singles/MSH2_HUMAN_Jia_2020.csv.gz", "variants", 16_749, 934),
    ("protein/proteingym_singles/A4_HUMAN_Seuma_2022.csv.gz", "variants", 468, 42),
    ("protein/multi/metl_avgfp.csv.gz", "variants", 51_714, 233),
    ("drug/docking/D2R.csv.gz", "compounds", 2_502, None),
    ("crispr/cas9_HL60.csv.gz", "guides", 2_076, 21),
    ("crispr/crisporPaper_doench2014-Hs.csv.gz", "guides", 881, 21),
    ("crispr/doench2016_FC_RES.csv.gz", "guides", 4_379, 28),
]


@pytest.mark.parametrize(("name", "kind", "candidates", "columns"), SETS)
def test_loads(name, kind, candidates, columns):
    table = read_table(DATA / name)
    pool = Pool.from_table(table, kind, merge_duplicates="doench2016" in name)
    assert len(pool) == candidates
    if columns is None:
        assert pool.sites is None
        return
    assert pool.codes().shape == (candidates, columns)
    rows = range(0, candidates, max(1, candidates // 50))
    assert pool.rows_of(pool.names(rows)).tolist() == list(rows)
    assert (pool.rows_of(table.columns[0][:50]) >= 0).all() or kind == "guides"
