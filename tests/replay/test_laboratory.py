"""The simulated laboratory: what it adds is what was asked, and its files are read like anybody's."""

import numpy as np
import pytest

from activeloop.candidates import Pool
from activeloop.errors import MeasurementError
from activeloop.measurements import Assay, read_measurements
from activeloop.plates import Pick, Plate, Proposal
from activeloop.replay import SimulatedLaboratory, plant

LANDSCAPE = plant(Pool.combinatorial("MKTAYIAKQR", ["K2", "A4"]), epistasis=0.5, seed=3, assay=Assay("kcat"))


def plate_of(count, id="p1", controls=8):
    names = LANDSCAPE.pool.names(range(count))
    picks = tuple(Pick(name, name, i + 1, 0.0, 0.0, 0.0, 0.0, "") for i, name in enumerate(names))
    return Plate.fill(Proposal(1, picks, 0, 0, ""), wells=384, controls=controls, seed=0, id=id)


def extra(lab, plate, seed=0):
    return np.array([value - lab.truth(name) for _, name, value in lab.measure(plate, seed)])


def test_the_optimum_is_where_it_was_planted():
    assert LANDSCAPE.values.max() == 1.0
    assert (LANDSCAPE.values == 1.0).sum() == 1


def test_without_noise_the_laboratory_gives_the_true_values():
    assert not extra(SimulatedLaboratory(LANDSCAPE, noise=0.0), plate_of(300)).any()


def test_noise_has_the_given_standard_deviation():
    assert extra(SimulatedLaboratory(LANDSCAPE, noise=0.2), plate_of(370)).std() == pytest.approx(0.2, rel=0.15)


def test_a_plate_shifts_all_its_wells_alike_and_plates_differ():
    lab = SimulatedLaboratory(LANDSCAPE, noise=0.0, plate_spread=0.3)
    shifts = [extra(lab, plate_of(40, id=f"p{i}")) for i in range(60)]
    assert all(np.ptp(shift) < 1e-9 for shift in shifts)
    assert np.std([shift[0] for shift in shifts]) == pytest.approx(0.3, rel=0.3)


def test_the_slope_runs_over_the_columns():
    lab = SimulatedLaboratory(LANDSCAPE, noise=0.0, slope=0.4)
    by_column = {well[1:]: value - lab.truth(name) for well, name, value in lab.measure(plate_of(370), 0)}
    assert by_column["24"] - by_column["1"] == pytest.approx(0.4)


def test_the_same_seed_gives_the_same_results():
    lab, plate = SimulatedLaboratory(LANDSCAPE, failing=0.1), plate_of(90)
    assert repr(lab.measure(plate, 1)) == repr(lab.measure(plate, 1))
    assert repr(lab.measure(plate, 1)) != repr(lab.measure(plate, 2))


def test_its_files_are_read_back(tmp_path):
    lab, plate = SimulatedLaboratory(LANDSCAPE, failing=0.1), plate_of(90)
    path = lab.write(plate, tmp_path / "results.csv", seed=1)
    reading = read_measurements(path, pool=LANDSCAPE.pool, assays=LANDSCAPE.assay, plates=[plate])
    true = {well: value for well, _, value in lab.measure(plate, 1)}
    assert len(reading.measurements) + len(reading.failed_wells) == 98
    assert 0 < len(reading.failed_wells) < 30
    assert all(m.value == pytest.approx(true[m.well], rel=1e-4) for m in reading.measurements)


def test_an_unknown_control_is_refused():
    with pytest.raises(MeasurementError, match="DMSO"):
        SimulatedLaboratory(LANDSCAPE).truth("DMSO")
