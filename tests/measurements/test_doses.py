"""Reading doses and readings: controls, units, responses; and what is refused with both readings of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from activeloop.candidates import Panel, TreatmentPool
from activeloop.errors import InputError
from activeloop.measurements.curves import fit_curves
from activeloop.measurements.doses import read_doses
from activeloop.measurements.exchanged import directions, exchanges

HEAD = ["compound,dose (µM),signal", "DMSO,,1000", "DMSO,,1010", "blank,,100", "blank,,90"]
ROWS = ["A,0.01,990", "A,0.1,900", "A,1,550", "A,10,150"]


def of(write, *lines, **options):
    return read_doses(write(*lines), **options)


def test_readings_are_normalised_to_the_controls_of_their_plate(write):
    lines = ["plate,compound,dose (µM),signal"]
    for plate, factor in (("1", 1.0), ("2", 3.0)):
        controls = [f"{plate},DMSO,0,{factor * 1000}", f"{plate},blank,,{factor * 100}"]
        lines += controls + [f"{plate},A,{d},{factor * v}" for d, v in ((0.1, 1000), (1, 550), (10, 100))]
    found = of(write, *lines, response="viability")
    assert found.series[0].responses.round(6).tolist() == [100, 50, 0, 100, 50, 0]
    turned = of(write, *lines, response="inhibition")
    assert turned.series[0].responses.round(6).tolist() == [0, 50, 100, 0, 50, 100]


def test_dose_0_is_the_control(write):
    found = of(write, *HEAD[:1], "A,0,1000", "A,0,1000", *ROWS, response="viability")
    assert found.series[0].doses.tolist() == [0.01, 0.1, 1, 10]
    assert found.series[0].responses.tolist() == [99, 90, 55, 15]
    assert [w.role for w in found.wells[:2]] == ["negative", "negative"]


def test_mixed_units_are_converted_to_one(write):
    lines = ["compound,dose,dose unit,viability (%)", "A,10,nM,99", "A,100,nM,90", "A,1,µM,55", "A,0.01,mM,15"]
    found = of(write, *lines, dose_unit="µM")
    assert found.series[0].doses.tolist() == [0.01, 0.1, 1, 10]
    assert any("converted to µM" in note for note in found.notes)


@pytest.mark.parametrize("header", ["dose (µM)", "dose_uM", "Conc [uM]", "Concentration µM", "conc_um"])
def test_the_unit_stands_in_the_header(write, header):
    assert of(write, f"compound,{header},viability (%)", "A,0.1,90", "A,1,50", "A,10,9").unit in ("µM", "uM")


def test_replicate_columns(write):
    found = of(
        write,
        "compound,dose (nM),signal 1,signal 2",
        "DMSO,0,100,100",
        "A,1,90,92",
        "A,10,50,48",
        "A,99,9,11",
        response="viability",
    )
    assert len(found.series[0].doses) == 6


def test_growth_rates(write):
    """Controls double twice; half the growth rate is one doubling."""
    lines = ["compound,dose (µM),kind,count", "none,0,untreated,400", "none,,time zero,100"]
    found = of(
        write,
        *lines,
        "A,0.1,sample,400",
        "A,1,sample,200",
        "A,10,sample,100",
        "A,100,sample,50",
        response="growth-rate",
    )
    expected = 100 * (2.0 ** (np.log2([4, 2, 1, 0.5]) / 2) - 1)
    assert found.series[0].responses == pytest.approx(expected)


def test_a_plate_and_its_layout(write):
    layout = ["well,compound,dose (µM),kind"]
    grid = [",".join(["", *map(str, range(1, 13))])]
    for r, row in enumerate("ABCDEFGH"):
        values = ["1000", *(str(round(1000 / (1 + d / 0.3) + 20)) for d in 10.0 ** np.linspace(-3, 1, 10)), "20"]
        grid.append(",".join([row, *values]))
        layout.append(f"{row}1,,,negative")
        layout += [f"{row}{c + 2},drug{r},{d:.6g}," for c, d in enumerate(10.0 ** np.linspace(-3, 1, 10))]
        layout.append(f"{row}12,,,positive")
    found = read_doses(write(*grid, name="plate.csv"), layout=write(*layout, name="map.csv"), response="viability")
    assert len(found.series) == 8
    assert found.series[0].responses[0] == pytest.approx(100 / (1 + 0.001 / 0.3) * 1000 / 980, abs=3)


def test_one_layout_under_two_plates_is_two_files(write):
    """The second plate passed for one that was recorded before."""
    layout = write("well,compound,dose (µM)", "A1,DMSO,", "A2,A,0.1", "A3,A,1", "A4,A,10", name="map.csv")
    first, second = (
        read_doses(write("well,signal", "A1,100", "A2,99", f"A3,{x}", "A4,9", "B1,7", name=f"{x}.csv"), layout=layout,
                   response="viability")
        for x in (50, 60)
    )  # fmt: skip
    assert first.content_hash != second.content_hash
    assert (first.file.endswith("50.csv"), second.file.endswith("60.csv")) == (True, True)
    assert "1 readings of wells that the layout does not name were left out: B1." in first.notes
    corrected = write("well,compound,dose (µM)", "A1,DMSO,", "A2,A,0.2", "A3,A,1", "A4,A,10", name="map.csv")
    again = read_doses(write("well,signal", "A1,100", "A2,99", "A3,50", "A4,9", "B1,7"), layout=corrected,
                       response="viability")  # fmt: skip
    assert again.content_hash != first.content_hash


def test_blocks_of_several_plates_are_named_above_them(write):
    head, rows = ",1,2,3,4,5,6", ["A,100,99,50,9,8,7", "B,100,99,60,9,8,7", "C,0,0,0,0,0,0", "D,0,0,0,0,0,0"]
    lines = [line for plate in ("Plate: P1", "Barcode = P2") for line in (plate, head, *rows, "")]
    layout = ["plate,well,compound,dose (µM)"]
    for p, row in (("P1", "A"), ("P2", "B")):
        layout += [f"{p},{row}1,DMSO,", *(f"{p},{row}{k + 2},X{p},{10**k}" for k in range(5))]
    found = read_doses(write(*lines), layout=write(*layout, name="map.csv"), response="viability")
    assert {one.compound: one.responses[1] for one in found.series} == {"XP1": 50, "XP2": 60}
    with pytest.raises(
        InputError, match=r"names no plate of the layout .P1, P3.. Write it into its corner or above it"
    ):
        read_doses(write(*lines), layout=write(*(x.replace("P2", "P3") for x in layout), name="map.csv"))


def test_other_columns_are_carried_along(write):
    found = of(write, "compound,smiles id,dose (µM),viability (%)", "A,X1,0.1,90", "A,X1,1,50", "A,X1,10,9")
    assert found.series[0].labels == (("smiles id", "X1"),)


def test_doses_may_be_the_columns(write):
    found = of(write, "compound,0,10 nM,0.1 µM,1 µM", "A,1000,990,500,20", "B,1000,1000,990,980", response="viability")
    assert [s.compound for s in found.series] == ["A", "B"]
    assert found.series[0].doses.tolist() == [0.01, 0.1, 1.0]
    assert found.series[0].responses.tolist() == [99, 50, 2]


def test_no_dose_is_a_length(write):
    found = of(write, "compound,dose,dose unit,viability (%)", "A,1,um,90", "A,10,uM,50", "A,100,µM,10")
    assert found.series[0].doses.tolist() == [1, 10, 100]


def test_a_control_may_stand_in_another_column_of_names(write):
    """The structure of DMSO is empty, or given; its name says what it is."""
    lines = ["name,smiles,dose (µM),signal", "DMSO,,,1000", "DMSO,CS(C)=O,0.5,1010", "no cells,,,20"]
    found = of(write, *lines, "a,CCO,0.1,900", "a,CCO,1,500", "a,CCO,10,100", response="viability")
    assert [(s.compound, len(s.doses)) for s in found.series] == [("CCO", 3)]
    assert [w.role for w in found.wells[:3]] == ["negative", "negative", "positive"]


def test_a_column_may_ask_whether_a_well_is_a_control(write):
    lines = ["compound,dose (µM),is control,signal", "DMSO,,negative,1000", "A,0.1,no,900", "A,1,no,500", "A,9,no,90"]
    assert len(of(write, *lines, response="viability").series[0].doses) == 3


CASES = [
    # name, lines, options, what the message must say
    ("no unit", ["compound,dose,viability (%)", "A,1,90", "A,2,50"], {}, "in which unit"),
    ("units that do not fit", ["compound,dose,dose unit,viability (%)", "A,1,nM,90", "A,2,ng/mL,50"], {}, "molar mass"),
    ("one dose without its unit", ["compound,dose,viability (%)", "A,1 nM,90", "A,2,50"], {}, "no unit, and others"),
    ("two units for one dose", ["compound,dose (µM),viability (%)", "A,1 nM,90"], {}, "in nM by one cell and in µM"),
    ("a negative dose", ["compound,dose (µM),viability (%)", "A,-1,90"], {}, "logarithms"),
    ("logarithms", ["compound,log10 dose,viability (%)", "A,-6,90"], {}, "logarithms"),
    ("an empty dose", ["compound,dose (µM),viability (%)", "A,,90", "A,1,50"], {}, "0 is the control"),
    ("no compound", ["dose (µM),viability (%)", "1,90"], {}, "no column names the compounds"),
    ("an empty compound", ["compound,dose (µM),viability (%)", ",1,90"], {}, "Name the compound"),
    ("no doses", ["compound,viability (%)", "A,90"], {}, "no column of doses"),
    ("no readings", ["compound,dose (µM)", "A,1"], {}, "no column of readings"),
    ("what the signal is", [*HEAD, *ROWS], {}, "viability (percent of the negative control)"),
    ("an unknown response", [*HEAD, *ROWS], {"response": "viabilty"}, 'Did you mean "viability"'),
    ("the name contradicts", ["compound,dose (µM),viability (%)", "A,1,9"], {"response": "inhibition"}, "Correct one"),
    ("no control", [HEAD[0], *ROWS], {"response": "viability"}, "has no negative control"),
    ("which control", [HEAD[0], "control,,1000", *ROWS], {"response": "viability"}, "--negative"),
    ("medium with or without cells", [HEAD[0], "medium,,1000", *ROWS], {"response": "viability"}, "--negative"),
    ("a control that is marked yes", ["compound,dose (µM),is control,signal", "X,,yes,9", "A,1,no,8"],
     {"response": "viability"}, "--positive"),
    ("an unknown kind", ["compound,dose (µM),kind,signal", "A,1,edge,5"], {"response": "raw"}, 'of the kind "edge"'),
    ("two negative controls", [*HEAD, "untreated,,990", *ROWS], {"response": "viability"}, "both be the negative"),
    ("controls that do not differ", [*HEAD[:3], "blank,,1005", *ROWS], {"response": "viability"}, "do not differ"),
    ("a word that marks nothing", [*HEAD, *ROWS], {"response": "viability", "negative": ["DSMO"]}, "no well is marked"),
    ("percent or share", ["compound,dose (µM),viability", "A,1,5", "A,2,4"], {}, "percent, a share of 1, or a raw"),
    ("text behind a reading", [*HEAD, "A,1,5 RLU"], {"response": "viability"}, "text behind its number"),
    ("a well twice", ["compound,well,dose (µM),viability (%)", "A,A1,1,9", "B,a01,1,8"], {}, "in row 2 already"),
    ("no growth", ["compound,dose (µM),kind,count", "x,0,untreated,100", "x,,day 0,100", "A,1,,90"],
     {"response": "growth-rate"}, "did not grow"),
    ("no time zero", [*HEAD, *ROWS], {"response": "growth-rate"}, "time zero"),
    ("activation without full effect", [*HEAD[:3], *ROWS], {"response": "activation"}, "no positive control"),
    ("two columns of doses", ["compound,dose (µM),conc (µM),viability (%)", "A,1,1,9"], {}, "holds the doses"),
    ("two columns of readings", ["compound,dose (µM),signal,rfu", "A,1,1,9"], {"response": "raw"}, "the readings"),
    ("an unknown role", [*HEAD, *ROWS], {"columns": {"dosis": "dose (µM)"}}, "is no role"),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "options", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_a_wrong_file_is_refused(write, lines, options, expected):
    path = write(*lines)
    with pytest.raises(InputError) as caught:
        read_doses(path, **options)
    message = str(caught.value)
    assert expected in message, message
    assert "Traceback" not in message
    assert message.endswith(("Nothing was fitted.", ".")), message


def plate(columns: Sequence[int] = range(12), seed: int = 0) -> list[str]:
    """Lines of a 96-well plate: a compound in each row, doses rising to the right; columns as they were filled."""
    rng = np.random.default_rng(seed)
    doses = 10.0 ** np.linspace(-3, 1, 10)
    lines = ["plate,well,compound,dose (µM),signal"]
    for r, row in enumerate("ABCDEFGH"):
        true = [1000.0, *(1000 / (1 + doses / 10.0 ** rng.uniform(-2, 0.5)) + 20), 20.0]
        for c in range(12):
            compound, dose = ("DMSO", "") if c == 0 else ("blank", "") if c == 11 else (f"drug{r}", doses[c - 1])
            lines.append(f"P1,{row}{c + 1},{compound},{dose},{true[columns[c]] + 20 * rng.normal():.0f}")
    return lines


def test_swapped_columns_of_a_plate_are_found(write):
    columns = list(range(12))
    columns[4], columns[8] = columns[8], columns[4]
    found = of(write, *plate(columns), response="viability")
    (one,) = exchanges(found, fit_curves(found.series))
    assert (one.plate, one.what, one.first, one.second) == ("P1", "columns", "5", "9")
    assert one.after < 0.5 * one.before


@pytest.mark.parametrize("seed", range(10))
def test_a_plate_in_order_is_not_suspected(write, seed):
    found = of(write, *plate(seed=seed), response="viability")
    assert exchanges(found, fit_curves(found.series)) == []


def test_controls_that_were_mixed_up_are_refused(write):
    """Half of each control column stands in the other: they no longer differ by more than they vary."""
    lines = [
        line.replace("DMSO", "blank") if line[3] in "ABCD" and "DMSO" in line
        else line.replace("blank", "DMSO") if line[3] in "ABCD" else line
        for line in plate()
    ]  # fmt: skip
    with pytest.raises(InputError, match="do not differ"):
        of(write, *lines, response="viability")


def test_doses_and_readings_in_each_others_column_are_refused(write):
    lines = ["compound,signal,dose (µM)"]  # the names of both columns are exchanged
    rng = np.random.default_rng(0)
    for compound in "ABC":
        lines += [f"{compound},{d},{1000 / (1 + d) + rng.normal():.3f}" for d in (0.01, 0.1, 1, 10, 100)]
    with pytest.raises(InputError, match="look swapped"):
        of(write, *lines, response="raw")


def test_a_series_in_several_spellings_is_one(write):
    head = "cells,compound,dose (µM),signal"
    lines = ["MCF-7,DMSO,,1000", "MCF7,DMSO,,1010", "MCF 7,blank,,100", "MCF7,Taxol,0.01,990", "MCF-7,taxol,0.1,900"]
    lines += ["mcf7,paclitaxel,1,550", "MCF 7,Taxol,10,150"]
    found = of(write, head, *lines, response="viability")
    assert [(one.compound, one.cells) for one in found.series] == [("Taxol", "MCF-7")]
    assert found.too_few == ("paclitaxel on MCF-7",)
    assert any("MCF7 = MCF-7" in note and "mcf7 = MCF-7" in note for note in found.notes)
    panel = Panel(("Gleevec", "TAXOL"), synonyms={"paclitaxel": "TAXOL"})
    pool = TreatmentPool(["MCF7"], panel.names, compound_panel=panel)
    known = of(write, head, *lines, response="viability", resolve=pool.resolve)
    assert [(one.compound, one.cells, len(one.doses)) for one in known.series] == [("TAXOL", "MCF7", 4)]


def test_catalogue_numbers_are_no_spellings_of_each_other(write):
    rows = [f"{name},{row.partition(',')[2]}" for name in ("A-1-12", "A-11-2") for row in ROWS]
    assert len(of(write, *HEAD, *rows, response="viability").series) == 2


def test_effects_that_fall_with_the_dose_are_found_on_their_plate(write):
    found = of(write, *plate([0, *range(10, 0, -1), 11]), response="viability")
    one = directions(found)["P1"]
    assert (len(one.falling), one.rising) == (8, 0)
    assert {name for found in [of(write, *plate(seed=s), response="viability") for s in range(3)]
            for name in directions(found)["P1"].falling} == set()  # fmt: skip


def test_rows_with_their_own_control_and_time_zero(write):
    """The layout of GRmetrics: controls double twice; a row at half of that growth rate has doubled once."""
    lines = ["cell_line,agent,concentration,cell_count,cell_count__ctrl,cell_count__time0"]
    lines += [f"A549,A,{dose},{count},400,100" for dose, count in ((0.1, 400), (1, 200), (10, 100), (100, 50))]
    found = of(write, *lines, dose_unit="uM")
    assert found.response == "growth-rate"
    assert found.series[0].responses == pytest.approx(100 * (2.0 ** (np.log2([4, 2, 1, 0.5]) / 2) - 1))
    with pytest.raises(InputError, match="row 2: the control did not grow here"):
        of(write, *(line.replace(",400,100", ",90,100") for line in lines), dose_unit="uM")
