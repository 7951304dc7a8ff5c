"""The measurement table of an Allotrope document, reductions of courses, and one quantity as results."""

import math

import pytest

from activeloop.errors import MeasurementError
from activeloop.instruments import Cube, InstrumentFile, Reading, readings_of
from activeloop.instruments.results import results_table


def document(*measurements, calculated=(), technique="plate reader"):
    below = {"measurement aggregate document": {"measurement document": list(measurements)}}
    aggregate = {
        f"{technique} document": [below],
        "data system document": {"software name": "Gen5"},
        "device system document": {"product manufacturer": "Agilent", "model number": "Synergy H1"},
    }
    if calculated:
        aggregate["calculated data aggregate document"] = {"calculated data document": list(calculated)}
    return {f"{technique} aggregate document": aggregate}


def measurement(well="A01", plate="P1", identifier="m1", **more):
    sample = {"well plate identifier": plate, "location identifier": well, "sample identifier": "SPL1"}
    return {"measurement identifier": identifier, "sample document": sample, **more}


def rows(asm):
    return [(r.plate, r.well, r.quantity, r.channel, r.value, r.unit, r.origin) for r in readings_of(asm).readings]


def test_measured_processed_and_calculated_values_have_their_well_and_channel():
    control = {"detector wavelength setting": {"value": 450.0, "unit": "nm"}, "device type": "absorbance detector"}
    processed = {"processed data document": [{"mass concentration": {"value": 2.0, "unit": "ng/uL"}}]}
    one = measurement(
        absorbance={"value": 0.5, "unit": "mAU"},
        **{
            "device control aggregate document": {"device control document": [control]},
            "processed data aggregate document": processed,
        },
    )
    source = {"data source document": [{"data source identifier": "m1", "data source feature": "absorbance"}]}
    calculated = {
        "calculated data name": "Blank 450",
        "calculated result": {"value": 0.4, "unit": "(unitless)"},
        "data source aggregate document": source,
    }
    assert rows(document(one, calculated=[calculated])) == [
        ("P1", "A1", "absorbance", "450 nm", 0.5, "mAU", "measured"),
        ("P1", "A1", "mass concentration", "450 nm", 2.0, "ng/uL", "processed"),
        ("P1", "A1", "Blank 450", "450 nm", 0.4, "", "calculated"),
    ]
    notes = readings_of(document(one)).notes
    assert notes == ("settings and properties of the run, no results: detector wavelength setting.",)


def test_a_calculated_value_of_several_wells_names_none_of_them():
    wells = [measurement(w, identifier=w, absorbance={"value": 1.0, "unit": "mAU"}) for w in ("A1", "A2")]
    sources = {"data source document": [{"data source identifier": "A1"}, {"data source identifier": "A2"}]}
    mean = {
        "calculated data name": "Mean",
        "calculated result": {"value": 1.0, "unit": ""},
        "data source aggregate document": sources,
    }
    assert rows(document(*wells, calculated=[mean]))[-1] == ("P1", "", "Mean", "", 1.0, "", "calculated")


def test_what_is_no_number_is_listed_with_the_instruments_word():
    error = {"error document": [{"error": "OVRFLW", "error feature": "Absorbance"}]}
    marked = measurement("A2", absorbance={"value": -0.0, "unit": "mAU"})
    file = readings_of(document(measurement("A1", **{"error aggregate document": error}), marked))
    assert [(r.well, r.quantity, math.isnan(r.value), r.problem) for r in file.readings] == [
        ("A1", "absorbance", True, "OVRFLW"),
        ("A2", "absorbance", True, "no value"),
    ]
    zero = readings_of(document(measurement(absorbance={"value": 0.0, "unit": "mAU"})))
    assert [r.value for r in zero.readings] == [0.0]


def test_analytes_and_populations_are_channels():
    analytes = [{"analyte name": n, "mass concentration": {"value": v, "unit": "g/L"}} for n, v in (("a", 1), ("b", 2))]
    one = measurement(**{"analyte aggregate document": {"analyte document": analytes}})
    assert [(r[3], r[4]) for r in rows(document(one))] == [("a", 1.0), ("b", 2.0)]


def cube(values=(1.0, 3.0, 5.0, 5.0), at=(0.0, 1.0, 2.0, 3.0)):
    return Cube(Reading("P1", "A1", "", "absorbance", "600 nm", math.nan, "mAU"), "elapsed time", "s", at, values)


def test_a_course_in_time_is_read_from_its_cube():
    structure = {
        "dimensions": [{"concept": "elapsed time", "unit": "s"}],
        "measures": [{"concept": "absorbance", "unit": "mAU"}],
    }
    data = {"dimensions": [[0, 10, 20]], "measures": [[0.1, None, 0.3]]}
    one = measurement(**{"absorption profile data cube": {"label": "600", "cube-structure": structure, "data": data}})
    (found,) = readings_of(document(one)).cubes
    assert (found.reading.well, found.reading.quantity, found.reading.channel) == ("A1", "absorbance", "600")
    assert found.at == (0, 10, 20)
    assert found.values[0] == 0.1
    assert math.isnan(found.values[1])


@pytest.mark.parametrize(
    ("reduction", "value", "unit"),
    [
        ("maximum", 5, "mAU"),
        ("minimum", 1, "mAU"),
        ("mean", 3.5, "mAU"),
        ("last", 5, "mAU"),
        ("at=1", 3, "mAU"),
        ("area", 11, "mAU*s"),
        ("slope 0..2", 2, "mAU/s"),
        ("maximum 0..1", 3, "mAU"),
    ],
)
def test_reductions(reduction, value, unit):
    found = cube().reduced(reduction)
    assert (pytest.approx(found.value), found.unit, found.quantity) == (value, unit, f"absorbance, {reduction}")


@pytest.mark.parametrize("reduction", ["median", "slope 2", "at=", "maximum 9..12", "slope 3..3"])
def test_a_reduction_that_is_unknown_or_finds_nothing_is_refused(reduction):
    with pytest.raises(MeasurementError, match=r"no reduction|needs more values"):
        cube().reduced(reduction)


def instrument(*readings):
    return InstrumentFile("run.txt", "", "Gen5", readings)


def well(name, value=1.0, quantity="absorbance", channel="450 nm", plate="P1", **more):
    return Reading(plate, name, "", quantity, channel, value, "mAU", **more)


def test_one_quantity_is_a_table_of_results():
    table, notes = results_table(instrument(well("A1"), well("A2", math.nan, problem="OVRFLW")), assay="OD")
    assert (table.header, table.columns) == (("well", "OD"), (["A1", "A2"], ["1.0", "OVRFLW"]))
    assert notes == ("read as Gen5: absorbance at 450 nm of 2 wells.",)


def test_of_several_quantities_one_must_be_named():
    file = instrument(well("A1"), well("A1", 2.0, channel="600 nm"), well("A1", 3.0, "Conc", "", origin="calculated"))
    with pytest.raises(MeasurementError, match=r'several of these: "absorbance at 450 nm" \(1 values\)'):
        results_table(file, assay="OD")
    with pytest.raises(MeasurementError, match=r'"absorbance" fits 2 of these'):
        results_table(file, assay="OD", quantity="absorbance")
    assert results_table(file, assay="OD", quantity="600 nm")[0].columns[1] == ["2.0"]
    assert results_table(file, assay="Conc", quantity="conc")[0].columns[1] == ["3.0"]
    with pytest.raises(MeasurementError, match=r'"pH" is none of these'):
        results_table(file, assay="OD", quantity="pH")


def test_plates_are_told_by_their_names_or_refused():
    file = instrument(well("A1", plate="plate-1"), well("A1", 2.0, plate="plate-2"))
    table, _ = results_table(file, assay="OD", plates=["plate-1", "plate-2"])
    assert table.columns == (["plate-1", "plate-2"], ["A1", "A1"], ["1.0", "2.0"])
    with pytest.raises(MeasurementError, match=r'holds 2 plates .* "plate-2" is none that is out \(plate-1\)'):
        results_table(file, assay="OD", plates=["plate-1"])


def test_a_well_that_was_read_twice_is_refused():
    with pytest.raises(MeasurementError, match="well A1 of P1 has absorbance twice: 1 and 2"):
        results_table(instrument(well("A1"), well("A1", 2.0)), assay="OD")
