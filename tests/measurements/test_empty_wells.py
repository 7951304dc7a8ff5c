"""A reader measures the whole plate: values of wells that were never filled, and plates under another name."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activeloop.candidates import Pool
from activeloop.errors import MeasurementError
from activeloop.measurements import Assay, Well, read_measurements
from activeloop.measurements.wells import SHAPES, well_name, well_names
from activeloop.plates import Plate

POOL = Pool.single_mutants("MKTAYIAKQRQISFVKSHFSRQ", wild_type=True)
ACT = Assay("act")


def half_filled(size: int = 96, filled: int = 24, controls: int = 4, seed: int = 0, id: str = "plate-1") -> Plate:
    rng = np.random.default_rng(seed)
    names = [n for n in POOL.names(range(len(POOL))) if n != "WT"]
    wells = [well_names(size)[i] for i in np.sort(rng.permutation(size)[:filled])]
    held = [Well("WT", i + 1, control=True) for i in range(controls)] + [Well(names[i]) for i in range(filled)]
    return Plate(id, size, dict(zip(wells, held, strict=False)))


def readings(plate: Plate, blank: float = 0.041, noise: float = 0.002, seed: int = 1) -> dict[str, float]:
    """What a reader says of every well."""
    rng = np.random.default_rng(seed)
    return {
        well: round(float(rng.gamma(2.0, 0.6) + 0.1 if well in plate.wells else rng.normal(blank, noise)), 4)
        for well in well_names(plate.size)
    }


def as_list(values: dict[str, float | str]) -> list[str]:
    return ["Well,act", *(f"{well},{value}" for well, value in values.items())]


def as_grid(values: dict[str, float | str], size: int) -> list[str]:
    rows, columns = SHAPES[size]
    across = ",".join(str(c + 1) for c in range(columns))
    return [f",{across}"] + [
        f"{chr(65 + r)}," + ",".join(str(values[well_name(r, c)]) for c in range(columns)) for r in range(rows)
    ]


@pytest.mark.parametrize("form", ["list", "grid"])
@pytest.mark.parametrize(("size", "filled", "blank"), [(96, 24, 0.041), (96, 90, 0.041), (24, 20, 9.5), (384, 100, 0)])
def test_values_of_empty_wells_are_left_out_with_a_note(write, form, size, filled, blank):
    plate = half_filled(size, filled)
    values = readings(plate, blank)
    path = write(*(as_list(values) if form == "list" else as_grid(values, size)))
    found = read_measurements(path, pool=POOL, assays=ACT, plates=plate)
    assert {m.well: m.value for m in found.measurements} == {w: values[w] for w in plate.wells}
    assert {m.well: m.candidate for m in found.measurements} == {w: h.candidate for w, h in plate.wells.items()}
    assert any(note.startswith(f"{size - filled} values of wells of plate-1 that were never") for note in found.notes)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(6, 90), st.sampled_from(["turned", "shifted", "another plate"]))
def test_a_plate_that_was_read_askew_is_refused(seed, filled, how):
    plate = half_filled(96, filled, seed=seed)
    values = readings(plate, seed=seed)
    names = well_names(96)
    if how == "turned":
        values = dict(zip(names, reversed(values.values()), strict=True))
    elif how == "shifted":
        moved = list(values.values())
        values = dict(zip(names, [*moved[12:], *moved[:12]], strict=True))
    else:
        plate = half_filled(96, filled, seed=seed + 1)
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        path = f"{folder}/r.csv"
        with open(path, "w") as file:
            file.write("\n".join(as_list(values)))
        hidden = all((values[w] > 0.08) == (w in plate.wells) for w in names)  # by chance the same wells
        if hidden:
            return
        with pytest.raises(MeasurementError, match="was never filled, but a result is given for it, as for"):
            read_measurements(path, pool=POOL, assays=ACT, plates=plate)


def test_a_filled_well_without_a_result_or_one_odd_empty_well_is_refused(write):
    plate = half_filled()
    values = readings(plate)
    some = next(iter(plate.wells))
    for wrong, why in (
        ({w: v for w, v in values.items() if w != some}, f"none for wells that were filled \\({some}\\)"),
        (values | {some: ""}, f"none for wells that were filled \\({some}\\)"),
        (values | {next(w for w in well_names(96) if w not in plate.wells): 1.9}, "empty wells read like filled ones"),
    ):
        with pytest.raises(MeasurementError, match=why):
            read_measurements(write(*as_list(wrong)), pool=POOL, assays=ACT, plates=plate)
    failed = read_measurements(write(*as_list(values | {some: "failed"})), pool=POOL, assays=ACT, plates=plate)
    assert [w.well for w in failed.failed_wells] == [some]


def test_words_for_empty_wells_are_no_values(write):
    plate = half_filled()
    values = {w: (v if w in plate.wells else "n.d.") for w, v in readings(plate).items()}
    found = read_measurements(write(*as_list(values)), pool=POOL, assays=ACT, plates=plate)
    assert (len(found.measurements), found.failed_wells, found.notes) == (24, (), ())
    lines = [f"{line},{'blank' if line.split(',')[0] not in plate.wells else ''}" for line in as_list(readings(plate))]
    lines[0] = "Well,act,Sample"
    assert len(read_measurements(write(*lines), pool=POOL, assays=ACT, plates=plate).measurements) == 24


def test_a_candidate_in_an_empty_well_is_refused(write):
    plate = half_filled()
    empty = next(w for w in well_names(96) if w not in plate.wells)
    with pytest.raises(MeasurementError, match=f'well "{empty}".*a result of "K2R"'):
        read_measurements(write("well,mutant,act", f"{empty},K2R,1"), pool=POOL, assays=ACT, plates=plate)


def test_each_assay_is_judged_by_its_own_values(write):
    plate, other = half_filled(), Assay("growth")
    values, growth = readings(plate), readings(plate, blank=2.0, seed=5)
    lines = ["well,act,growth", *(f"{w},{v},{growth[w]}" for w, v in values.items())]
    found = read_measurements(write(*lines), pool=POOL, assays=[ACT, other], plates=plate)
    assert (len(found.measurements), len(found.notes)) == (48, 2)
    lines[5] = lines[5].rsplit(",", 1)[0] + ",0.1"
    if lines[5].split(",")[0] not in plate.wells:
        with pytest.raises(MeasurementError, match="growth"):
            read_measurements(write(*lines), pool=POOL, assays=[ACT, other], plates=plate)


@pytest.mark.parametrize("name", ["1", "01", "1.0", "Plate 1", "P1", "Platte 1", "plate_1", "PLATE-1", "Plate-01"])
def test_the_only_plate_is_number_one(write, name):
    plate = half_filled(filled=6)
    path = write("Plate,Well,Result", *(f"{name},{well},1.5" for well in plate.wells))
    assert {m.plate for m in read_measurements(path, pool=POOL, assays=ACT, plates=plate).measurements} == {"plate-1"}


def test_a_number_does_not_tell_which_of_several_plates(write):
    one = half_filled(filled=6)
    two = replace(one, id="plate-2")
    lines = ["plate,well,act", *(f"1,{well},1.5" for well in one.wells)]
    with pytest.raises(MeasurementError, match=r'no plate "1"\. Several plates are known.*plate-1, plate-2'):
        read_measurements(write(*lines), pool=POOL, assays=ACT, plates=[one, two])
    named = read_measurements(write(*lines, name="plate-2.csv"), pool=POOL, assays=ACT, plates=[one, two])
    assert {m.plate for m in named.measurements} == {"plate-2"}
    with pytest.raises(MeasurementError, match='no plate "7"'):
        read_measurements(write(*[line.replace("1,", "7,", 1) for line in lines]), pool=POOL, assays=ACT, plates=one)


def test_blanks_that_an_assay_cannot_have_are_left_out_too(write):
    plate = half_filled()
    values = {well: (v if well in plate.wells else 0) for well, v in readings(plate).items()}
    potency = Assay("act", scale="log", bounds=(0.01, 100))
    found = read_measurements(write(*as_list(values)), pool=POOL, assays=potency, plates=plate)
    assert len(found.measurements) == 24
    assert any(note.startswith("72 values of wells") for note in found.notes)
