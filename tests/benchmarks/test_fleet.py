"""A simulation by the rules of the real worker, and the page that is computed from its tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from activeloop.store import SQLiteFile
from activeloop.store.log import create_campaign
from activeloop.store.migrate import upgrade
from activeloop.work import Work
from benchmarks import fleet

ROOT = Path(__file__).parents[2]


def test_fits_wait_less_with_more_workers_and_each_plate_is_fitted_once(tmp_path):
    database = SQLiteFile(tmp_path / "fleet.db")
    with fleet.simulated_time() as clock:
        upgrade(database, "the simulation", fresh=True)
        keys = [create_campaign(database, f"laboratory {n}") for n in range(12)]
        arrivals = [(10.0 * n, key) for n, key in enumerate(keys)]
        takes = dict.fromkeys(keys, 40.0)
        waits = {}
        for workers in (1, 4, 8):
            clock.seconds[0] = 0.0
            work = Work(database, timing=fleet.TIMING)
            waits[workers] = fleet.queued(arrivals, takes, workers, 0, work, clock)
            assert {state.stage for state in work.states()} == {"done"}
    database.close()
    assert all(len(each) == 12 for each in waits.values())
    # one worker: each fit takes 40 s and one comes every 10 s, so that the last waits for all before it
    assert waits[1].max() == pytest.approx(11 * 30 + fleet.TIMING.quiet, abs=1.0)
    assert np.all(waits[8] <= fleet.TIMING.quiet + 0.5)
    assert waits[1].mean() > waits[4].mean() >= waits[8].mean()


def test_the_page_is_computed_from_its_tables():
    units, queue = fleet.read_tables(ROOT / "docs/results/cluster/fleet")
    assert (ROOT / "docs/explanation/scale.md").read_text("utf-8") == fleet.scale_page(units, queue)
    assert units["candidates screened a second and core"] > 0


def test_costs_follow_what_is_needed():
    units, queue = fleet.read_tables(ROOT / "docs/results/cluster/fleet")
    given = fleet.given_numbers()
    need = fleet.needs(units, given, 2)
    twice = fleet.needs(units, given | {"measurements": 2 * given["measurements"]}, 2)
    assert twice["rows a day"] == pytest.approx(2 * need["rows a day"])
    assert twice["core hours a day, screens"] == need["core hours a day, screens"]
    for name, bill in fleet.costs(need, given).items():
        assert sum(bill.values()) < sum(fleet.costs(twice, given)[name].values())
    assert [times for _, times, _ in fleet.bottlenecks(units, given, 2)] == sorted(
        times for _, times, _ in fleet.bottlenecks(units, given, 2)
    )
    assert fleet.enough(queue, "ten hours", 1e9) == min(fleet.WORKERS)
