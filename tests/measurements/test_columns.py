"""Which columns of a table of results hold what: shown by their names, or asked for."""

from __future__ import annotations

import pytest

from activeloop.candidates import Pool
from activeloop.errors import ConfigError, InputError, MeasurementError
from activeloop.measurements import Assay, read_measurements
from activeloop.measurements.columns import check_names

ACTIVITY = Assay("activity")
PERCENT = Assay("yield", "%")


def values(reading) -> list[tuple]:
    return [(m.candidate, m.replicate, m.value) for m in reading.measurements]


REPLICATES = [
    "activity 1,activity 2,activity 3",
    "activity_1,activity_2,activity_3",
    "activity.1,activity.2,activity.3",
    "activity1,activity2,activity3",
    "Activity #1,Activity #2,Activity #3",
    "activity (1),activity (2),activity (3)",
    "activity rep 1,activity rep 2,activity rep 3",
    "activity Replikat 1,activity Replikat 2,activity Replikat 3",
    "activity R1,activity R2,activity R3",
    "rep1,rep2,rep3",
    "Value 1,Value 2,Value 3",
    "Messwert 1,Messwert 2,Messwert 3",
]


@pytest.mark.parametrize("header", REPLICATES)
def test_gapless_numbers_are_replicates(write, pool, header):
    read = read_measurements(write(f"mutant,{header}", "K2R,1,2,4"), pool=pool, assays=ACTIVITY)
    assert values(read) == [("K2R", 1, 1.0), ("K2R", 2, 2.0), ("K2R", 3, 4.0)]


@pytest.mark.parametrize(
    "header",
    [
        *(
            "activity 0,activity 10,activity 100",
            "activity 1,activity 2,activity 4",
            "activity 2,activity 3,activity 4",
        ),
        *("activity 5 min,activity 10 min,activity 30 min", "activity (5 min),activity (10 min),activity (30 min)"),
        *("activity 0.5,activity 1,activity 2", "activity_10µM,activity_30µM,activity_100µM"),
        *("activity day 1,activity day 2,activity day 3", "activity r2,note,x", "activity 5 min,x,y"),
        *("activity (1/s),activity (1/min),x", "activity,activity 1,activity 2", "activity t0,activity t1,activity t2"),
    ],
)
def test_times_doses_and_doubles_are_asked_for_in_one_message(write, pool, header):
    path = write(f"mutant,{header}", "K2R,1,2,4", "K2C,5,6,7")
    with pytest.raises(MeasurementError) as refused:
        read_measurements(path, pool=pool, assays=ACTIVITY)
    message = str(refused.value)
    assert '--column "activity=' in message
    assert header.split(",")[0] in message
    assert message.count("\n") == 0
    assert message.endswith("No row was stored.")


def test_the_column_that_was_asked_for_is_read(write, pool):
    path = write("mutant,activity 5 min,activity 10 min", "K2R,1,2")
    read = read_measurements(path, pool=pool, assays=ACTIVITY, columns={"activity": "activity 10 min"})
    assert values(read) == [("K2R", 1, 2.0)]
    assert "columns that were not read: activity 5 min." in read.notes


@pytest.mark.parametrize(
    ("header", "expected", "unread"),
    [
        ("activity,activity 5 min", [1.0], "activity 5 min"),
        ("activity 1,activity 2,mean activity", [1.0, 2.0], "mean activity"),
        ("activity 1,activity 2,activity (mean),SD,n", [1.0, 2.0], "activity (mean), SD, n"),
        ("activity 1,activity 2,activity 5 min", [1.0, 2.0], "activity 5 min"),
        ("activity (mean),n", [1.0], "n"),
        ("activity mean,count", [1.0], "count"),
        ("activity,SD", [1.0], "SD"),
    ],
)
def test_columns_beside_are_named_as_unread(write, pool, header, expected, unread):
    cells = ["1", "2", "3", "0.5", "4"][: header.count(",") + 1]
    cells = [
        "text" if name == "SD" and len(cells) == 2 else c for name, c in zip(header.split(","), cells, strict=True)
    ]
    read = read_measurements(write(f"mutant,{header}", f"K2R,{','.join(cells)}"), pool=pool, assays=ACTIVITY)
    assert [m.value for m in read.measurements] == expected
    assert f"columns that were not read: {unread}." in read.notes


@pytest.mark.parametrize(
    "header",
    [
        *("activity,SD", "activity,activity SD", "activity,activity_sd", "activity,SD activity", "activity,Std. Dev."),
        *("activity,activity (SD)", "activity (mean),activity (stdev)", "activity,activity error"),
        *("activity,Standardabweichung", "activity,Écart-type", "activity,±activity", "value,SD", "value,value SD"),
        *("activity,activity StDev (RFU)", "Wert,Stabw", "activity,activity CV"),
    ],
)
def test_a_mean_with_its_spread_is_refused_not_halved(write, pool, header):
    with pytest.raises(MeasurementError) as refused:
        read_measurements(write(f"mutant,{header}", "K2R,1,0.5"), pool=pool, assays=ACTIVITY)
    assert f'column "{header.split(",")[1]}" holds' in str(refused.value)
    assert "No row was stored" in str(refused.value)


def test_one_message_says_how_to_name_the_columns(write, pool):
    path = write("Klon,Ergebnis A,Notiz", *(f"K2{letter},1,x" for letter in "RCDE"))
    with pytest.raises(MeasurementError) as refused:
        read_measurements(path, pool=pool, assays=ACTIVITY)
    message = str(refused.value)
    assert message.startswith(f"{path}: no column of values.")
    assert "Columns: Klon, Ergebnis A, Notiz. No row was stored." in message
    path = write("foo,activity", *(f"K2{letter},1" for letter in "RCDE"))
    with pytest.raises(MeasurementError) as refused:
        read_measurements(path, pool=pool, assays=ACTIVITY)
    assert str(refused.value) == (
        f"{path}: no column names the candidates or the wells. Say which it is: --column candidate=... or --column "
        'well=... (columns={"candidate": "..."}). Columns: foo, activity. No row was stored.'
    )


def test_two_columns_of_values_are_asked_for(write, pool):
    path = write("mutant,Result,Signal", "K2R,1,2")
    with pytest.raises(MeasurementError, match="which column holds the values: Result, Signal"):
        read_measurements(path, pool=pool, assays=ACTIVITY)
    read = read_measurements(path, pool=pool, assays=ACTIVITY, columns={"value": "Signal"})
    assert values(read) == [("K2R", 1, 2.0)]


@pytest.mark.parametrize(
    "header",
    [
        "Variante;Messwert",
        "Mutante;Wert",
        "Variante;Valeur",
        "Variante;Valor",
        "Wariant;Wartość",
        "変異体;測定値",
        "Mutant;activity",
    ],
)
def test_headers_in_the_languages_of_excel(write, pool, header):
    read = read_measurements(write(header, "K2R;1,5", "K2C;0,25", "K2D;n. d."), pool=pool, assays=ACTIVITY)
    assert values(read) == [("K2R", 1, 1.5), ("K2C", 1, 0.25)]
    assert [well.reason for well in read.failed_wells] == ["n. d."]


@pytest.mark.parametrize(
    "text",
    [
        *("1O5", "5 or 6", "01. Mai", "1-May", "3 nM", "1.5e", "5 failed", "1.5 E3", "1.5 sd 0.3", "2 of 3", "45 %"),
        *("9" * 400, "1e400", "1e308", "1e-400", "inf", "-inf", "∞", "2026-05-01", "1,5,2", "1.5±0.2", "~5", "5-6"),
    ],
)
def test_text_behind_a_number_or_no_number_is_refused_where_there_is_no_unit(write, pool, text):
    path = write("mutant,activity", "K2C,2", f'K2R,"{text}"')
    with pytest.raises(InputError, match=r"row 3: ") as refused:
        read_measurements(path, pool=pool, assays=ACTIVITY)
    assert "No row was stored" in str(refused.value)


def test_a_percentage_without_a_unit_shows_both_readings(write, pool):
    with pytest.raises(MeasurementError, match=r"it can be read as 45 or as 0\.45\. .*activity:%"):
        read_measurements(write("mutant,activity", "K2R,45 %"), pool=pool, assays=ACTIVITY)
    read = read_measurements(write("mutant,yield", "K2R,45 %", "K2C,12"), pool=pool, assays=PERCENT)
    assert values(read) == [("K2R", 1, 45.0), ("K2C", 1, 12.0)]


def test_units_in_cells_are_converted_one_by_one(write, pool):
    path = write("mutant,KD", "K2R,3 nM", "K2C,3 µM", "K2D,0.5 mM", "K2E,2 uM")
    read = read_measurements(path, pool=pool, assays=Assay("KD", "µM"))
    assert values(read) == [("K2R", 1, 0.003), ("K2C", 1, 3.0), ("K2D", 1, 500.0), ("K2E", 1, 2.0)]
    with pytest.raises(MeasurementError, match=r"row 3: some values of KD are in nM.*\"5\" here.*in nM or in µM"):
        read_measurements(write("mutant,KD", "K2R,3 nM", "K2C,5"), pool=pool, assays=Assay("KD", "µM"))
    with pytest.raises(MeasurementError, match=r"row 3: some values of KD are in nM.*further up"):
        read_measurements(write("mutant,KD,unit", "K2R,3,", "K2C,5,nM"), pool=pool, assays=Assay("KD", "µM"))
    with pytest.raises(MeasurementError, match="1e307"):
        read_measurements(write("mutant,KD (M)", "K2R,1e307"), pool=pool, assays=Assay("KD", "µM"))
    with pytest.raises(MeasurementError, match="too large"):
        read_measurements(write("mutant,KD (M)", "K2R,1e99"), pool=pool, assays=Assay("KD", "pM"))


def test_siemens_are_not_seconds(write, pool):
    with pytest.raises(MeasurementError, match="in S, but t is measured in s"):
        read_measurements(write("mutant,t (S)", "K2R,1"), pool=pool, assays=Assay("t", "s"))


def test_the_decimal_sign_can_be_named(write, pool):
    path = write("mutant;activity;conc", "K2R;1,500;0,5", "K2C;2,300;0,25")
    with pytest.raises(InputError, match="--column decimal=,"):
        read_measurements(path, pool=pool, assays=ACTIVITY)
    for sign, expected in ((",", [1.5, 2.3]), (".", [1500.0, 2300.0])):
        read = read_measurements(path, pool=pool, assays=ACTIVITY, columns={"decimal": sign})
        assert [m.value for m in read.measurements] == expected
    with pytest.raises(InputError, match='not ";"'):
        read_measurements(path, pool=pool, assays=ACTIVITY, columns={"decimal": ";"})


@pytest.mark.parametrize(
    "word", ["#N/A", "n. d.", "n/a", "-", "–", "bad well", "Bad Well", "n.b.", "k. A.", "#NV", "."]
)
def test_missing_values_as_people_write_them(write, pool, word):
    read = read_measurements(write("mutant,activity", "K2R,1", f"K2C,{word}"), pool=pool, assays=ACTIVITY)
    assert values(read) == [("K2R", 1, 1.0)]
    assert [well.candidate for well in read.failed_wells] == ["K2C"]


def test_a_block_of_several_is_chosen(write, pool, plate):
    grid = [",1,2,3,4,5,6", "A,5,5.5,1.5,2,3,4", "B,3,3.5,,,,", "C,,,,,,", "D,,,,,,"]
    other = [line.replace("5.5", "9.5") for line in grid]
    path = write("OD", *grid, "", "GFP", *other, "", "End,10:00")
    with pytest.raises(InputError, match=r"row 2 \(OD\); row 9 \(GFP\)"):
        read_measurements(path, pool=pool, assays=ACTIVITY, plates=plate)
    for block, expected in (("2", 5.5), ("GFP", 9.5)):
        read = read_measurements(path, pool=pool, assays=ACTIVITY, plates=plate, columns={"block": block})
        assert next(m.value for m in read.measurements if m.well == "A2") == expected


def test_assays_that_no_column_could_tell_apart_are_refused():
    check_names([Assay("activity 1"), Assay("activity 2"), Assay("KD"), Assay("kd ratio")])
    for one, other in (("activity 1", "Activity_1"), ("kcat/KM", "kcat/Km"), ("Aktivität", "aktivitat"), ("a b", "ab")):
        with pytest.raises(ConfigError, match="could not be told apart"):
            check_names([Assay(one), Assay(other)])


@pytest.mark.parametrize(
    ("header", "value"),
    [
        *(
            ("KD / µM", 3000.0),
            ("KD_uM", 3000.0),
            ("KD in µM", 3000.0),
            ("KD, nM", 3.0),
            ("KD nM", 3.0),
            ("KD [pM]", 0.003),
        ),
        ("KD_nM 1", 3.0),
    ],
)
def test_a_unit_stands_behind_the_name_in_many_ways(write, pool, header, value):
    read = read_measurements(write(f'mutant,"{header}"', "K2R,3"), pool=pool, assays=Assay("KD", "nM"))
    assert [m.value for m in read.measurements] == [value]
    path = write(f'mutant,"foo{header[2:]}"', "K2R,3")
    if header != "KD_nM 1":
        named = read_measurements(path, pool=pool, assays=Assay("KD", "nM"), columns={"KD": f"foo{header[2:]}"})
        assert [m.value for m in named.measurements] == [value]


def test_below_detection_is_the_limit_of_an_assay_that_has_one(write, pool):
    path = write("mutant,activity", "K2R,1", "K2C,<LOD", "K2D,BDL")
    read = read_measurements(path, pool=pool, assays=Assay("activity", lower=0.1))
    assert [(m.qualifier, m.value) for m in read.measurements] == [("=", 1.0), ("<", 0.1), ("<", 0.1)]
    with pytest.raises(InputError, match='row 3: "<LOD" is not a number'):
        read_measurements(path, pool=pool, assays=ACTIVITY)


def qualified(tmp_path, text: str, *assays: Assay):
    path = tmp_path / "r.csv"
    path.write_text(text)
    reading = read_measurements(path, pool=Pool.single_mutants("MKTA"), assays=list(assays) or [Assay("IC50", "nM")])
    return [(m.candidate, m.assay, m.qualifier, m.value) for m in reading.measurements]


@pytest.mark.parametrize("name", ["standard_relation", "Operator", "Relation", "whatever"])
def test_signs_of_limits_in_a_column_of_their_own_belong_to_the_values(tmp_path, name: str) -> None:
    text = f"mutant,{name},IC50\nK2R,>,10000\nK2C,=,12\nT3S,'<',3\nT3A,,5\nA4G,>=,>20\n"
    expected = [("K2R", ">", 10000), ("K2C", "=", 12), ("T3S", "<", 3), ("T3A", "=", 5), ("A4G", ">", 20)]
    assert qualified(tmp_path, text) == [(c, "IC50", q, v) for c, q, v in expected]


def test_so_they_do_in_a_long_table(tmp_path) -> None:
    text = "mutant,assay,relation,value,unit\nK2R,IC50,>,10,µM\nK2C,Ki,=,12,nM\n"
    found = qualified(tmp_path, text, Assay("IC50", "nM"), Assay("Ki", "nM"))
    assert found == [("K2R", "IC50", ">", 10_000), ("K2C", "Ki", "=", 12)]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("mutant,op,IC50,Ki\nK2R,>,1,2\n", 'column "op" holds signs of limits .* may belong to several columns'),
        ("mutant,op,relation,IC50\nK2R,>,<,1\n", "so may relation"),
        ("mutant,op,IC50\nK2R,~,1\n", '"~1" is not a number'),
        ("mutant,op,IC50\nK2R,>,<1\n", '"><1" is not a number'),
    ],
)
def test_signs_that_can_be_read_in_two_ways_are_refused(tmp_path, text: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        qualified(tmp_path, text, Assay("IC50", "nM"), *([Assay("Ki", "nM")] if "Ki" in text else []))


@pytest.mark.parametrize("name", ["candidate", "Well"])
def test_an_assay_cannot_be_named_like_a_column_of_every_plate_list(name: str) -> None:
    with pytest.raises(ConfigError, match=r"names the .* of a row"):
        check_names([Assay(name)])


@pytest.mark.parametrize(
    ("header", "column", "assay"),
    [
        ("kcat (1/s),Tm (°C),Tm SD", "Tm SD", "Tm"),
        ("kcat (1/s),kcat SD,Tm (°C)", "kcat SD", "kcat"),
        ("kcat (1/s),Tm (°C),SD", "SD", "Tm"),
        ("kcat (1/s),SD,Tm (°C)", "SD", "kcat"),
        ("SD of Tm,kcat (1/s),Tm (°C)", "SD of Tm", "Tm"),
    ],
)
def test_a_spread_is_refused_under_the_name_of_its_own_assay(write, pool, header, column, assay):
    path = write(f"variant,{header}", "K2R,1,50,0.1")
    with pytest.raises(MeasurementError) as refused:
        read_measurements(path, pool=pool, assays=[Assay("kcat", "1/s"), Assay("Tm", "°C")])
    assert f'column "{column}" holds standard deviations' in str(refused.value)
    assert f'("{assay} 1", "{assay} 2" ...)' in str(refused.value)


IC50 = Assay("IC50", "nM", "minimise")


@pytest.mark.parametrize(
    ("lines", "assay", "columns", "says"),
    [
        (("variant,pIC50", "K2R,7.2"), IC50, {}, '"pIC50" holds pIC50 = -log10(IC50 in mol/L)'),
        (("variant,pIC50", "K2R,7.2"), IC50, {"IC50": "pIC50"}, "this campaign measures IC50 in nM"),
        (("variant,pIC50", "K2R,7.2"), IC50, {"value": "pIC50"}, "make an assay pIC50"),
        (("variant,assay,value", "K2R,pIC50,7.2"), IC50, {}, "row 2: "),
        (("variant,logIC50", "K2R,7.2"), IC50, {}, "holds logIC50 = log(IC50)"),
        (("variant,-log10(Kd)", "K2R,7.2"), Assay("Kd", "nM"), {}, "= -log(Kd)"),
        (("variant,IC50 (nM)", "K2R,7.2"), Assay("pIC50"), {}, "measures pIC50 = -log10(IC50 in mol/L)"),
    ],
)
def test_logarithms_of_values_are_refused_and_explained(write, pool, lines, assay, columns, says):
    with pytest.raises(MeasurementError) as refused:
        read_measurements(write(*lines), pool=pool, assays=assay, columns=columns)
    assert says in str(refused.value)
    assert "No row was stored." in str(refused.value)


def test_logarithms_beside_the_values_are_not_read(write, pool):
    read = read_measurements(write("variant,IC50,pIC50", "K2R,63,7.2"), pool=pool, assays=IC50)
    assert values(read) == [("K2R", 1, 63.0)]
    assert read_measurements(write("variant,pIC50", "K2R,7.2"), pool=pool, assays=Assay("pIC50")).measurements


CHEMBL = [
    "Molecule ChEMBL ID;Variant;Standard Type;Standard Relation;Standard Value;Standard Units;pChEMBL Value;Target",
    "CHEMBL1;K2R;IC50;'=';1.5;uM;5.82;SINGLE PROTEIN",
    "CHEMBL2;K2C;IC50;'>';10000;nM;;SINGLE PROTEIN",
]


def test_the_standardised_values_of_chembl_are_read(write, pool):
    read = read_measurements(write(*CHEMBL), pool=pool, assays=IC50)
    assert [(m.candidate, m.qualifier, m.value) for m in read.measurements] == [("K2R", "=", 1500), ("K2C", ">", 10000)]


@pytest.mark.parametrize("columns", [{}, {"value": "value", "assay": "type", "unit": "units"}])
def test_published_values_of_chembl_beside_standardised_ones(write, pool, columns):
    header = "variant,type,relation,value,units,standard_type,standard_relation,standard_value,standard_units"
    path = write(header, "K2R,IC50,=,1.5,uM,IC50,=,1500,nM", "K2C,IC50,>,2,uM,IC50,>,2000,nM")
    read = read_measurements(path, pool=pool, assays=IC50, columns=columns)
    assert [(m.candidate, m.qualifier, m.value) for m in read.measurements] == [("K2R", "=", 1500), ("K2C", ">", 2000)]
    assert "columns that were not read: standard_type" in read.notes[-1] or not columns


def test_other_types_in_a_table_of_chembl_are_refused(write, pool):
    with pytest.raises(MeasurementError, match='row 4: "Ki" is not an assay of this campaign'):
        read_measurements(write(*CHEMBL, "CHEMBL3;T3S;Ki;'=';3;nM;;X"), pool=pool, assays=IC50)
    kinds = write("variant,type,value,units", "K2R,IC50,1,nM", "K2C,EC50,2,nM")
    with pytest.raises(MeasurementError, match="EC50"):
        read_measurements(kinds, pool=pool, assays=IC50)


@pytest.mark.parametrize(
    ("unit", "text", "assay_unit", "stored"),
    [
        ("min-1", "90", "1/s", 1.5),
        ("h^-1", "3600", "s-1", 1.0),
        ("min", "1.5", "s", 90.0),
        ("kcal/mol", "1", "kJ/mol", 4.184),
        ("s^-1", "0.1", "1/min", 6.0),
        ("deg C", "55.5", "°C", 55.5),
        ("℃", "55.5", "degC", 55.5),
        ("C", "55.5", "°C", 55.5),
    ],
)
@pytest.mark.parametrize("where", ["header", "column", "cell", "behind"])
def test_a_unit_converts_by_its_exact_factor_wherever_it_stands(write, pool, unit, text, assay_unit, stored, where):
    lines = {
        "header": (f"mutant,a ({unit})", f"K2R,{text}"),
        "column": ("mutant,a,unit", f"K2R,{text},{unit}"),
        "cell": ("mutant,a", f"K2R,{text} {unit}"),
        "behind": (f"mutant,a {unit}", f"K2R,{text}"),
    }[where]
    read = read_measurements(write(*lines), pool=pool, assays=Assay("a", assay_unit))
    assert values(read) == [("K2R", 1, stored)]
    assert any("were converted" in note for note in read.notes) == (stored != float(text))


@pytest.mark.parametrize("header", ["Tm (K)", "Tm K", "Tm in K"])
def test_a_temperature_in_another_unit_shows_both_readings(write, pool, header):
    with pytest.raises(MeasurementError) as refused:
        read_measurements(write(f"mutant,{header}", "K2R,328.15"), pool=pool, assays=Assay("Tm", "°C"))
    both = "328.15 K can be read as 55 °C (a temperature) or as 328.15 °C (a difference of two)"
    assert both in str(refused.value)


def errors(reading) -> list[float]:
    return [round(m.error, 9) for m in reading.measurements]


@pytest.mark.parametrize(
    "lines",
    [
        ("variant,activity,SD,n", "K2R,3,0.4,4", "K2C,5,0.9,9", "A4G,7,,1"),
        ("variant,activity,SEM", "K2R,3,0.2", "K2C,5,0.3", "A4G,7,"),
        ("variant,activity,activity standard error,n", "K2R,3,0.2,4", "K2C,5,0.3,2", "A4G,7,0,2"),
        ("variant,activity,activity SD,activity n", "K2R,3,0.4,4", "K2C,5,0.9,9", "A4G,7,0,1"),
        ("variant,activity (mean),Std. Dev.,Replicates", "K2R,3,0.4,4", "K2C,5,0.9,9", "A4G,7,n.d.,3"),
        ("variant,assay,value,SD,N", "K2R,activity,3,0.4,4", "K2C,activity,5,0.9,9", "A4G,activity,7,,2"),
        ("Variante;Messwert;Standardabweichung;Anzahl", "K2R;3,0;0,4;4", "K2C;5,0;0,9;9", "A4G;7,0;;1"),
    ],
)
def test_means_with_deviations_and_counts_have_standard_errors(write, pool, lines):
    lines = [line.replace("Messwert", "activity") for line in lines]
    read = read_measurements(write(*lines), pool=pool, assays=ACTIVITY)
    assert (values(read), errors(read)) == ([("K2R", 1, 3.0), ("K2C", 1, 5.0), ("A4G", 1, 7.0)], [0.2, 0.3, 0.0])
    assert any("standard errors of the values are stored with them" in note for note in read.notes)


def test_each_assay_has_its_own_deviations_and_they_are_converted(write, pool):
    header = "variant,kcat (1/min),kcat SD,n kcat,Tm (°C),Tm SD,Tm n"
    read = read_measurements(
        write(header, "K2R,60,12,4,50,2,16"), pool=pool, assays=[Assay("kcat", "1/s"), Assay("Tm", "°C")]
    )
    assert [(m.assay, m.value, m.error) for m in read.measurements] == [("kcat", 1.0, 0.1), ("Tm", 50.0, 0.5)]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (("variant,activity,SD", "K2R,3,0.4"), "a column `n` how many measurements"),
        (("variant,activity,SEM", "K2R,3,-0.4"), 'a standard error of "-0.4" (SEM) makes no sense'),
        (("variant,activity,SD,n", "K2R,3,0.4,"), 'row 2: a standard deviation of "0.4" (SD) of "" measurements (n)'),
        (("variant,activity,SD,n", "K2R,3,-0.4,3"), "makes no sense"),
        (("variant,activity,SD,n", "K2R,3,0.4,2.5"), "makes no sense"),
        (("variant,activity,SD,n,count", "K2R,3,0.4,2,3"), "holds standard deviations"),
        (("variant,kcat,Tm,SD,n", "K2R,3,50,0.4,2"), "holds standard deviations"),
    ],
)
def test_deviations_from_which_no_standard_error_follows_are_refused(write, pool, lines, says):
    with pytest.raises(InputError) as refused:
        read_measurements(
            write(*lines), pool=pool, assays=[ACTIVITY] if "activity" in lines[0] else [Assay("kcat"), Assay("Tm")]
        )
    assert says in str(refused.value)


def test_an_id_and_a_structure_that_contradict_each_other_are_refused(write):
    listed = {"SMILES": ["CCO", "CCN", "CCC"], "Catalog ID": ["Z-1", "Z-2", "Z-3"], "Supplier": ["A", "A", "B"]}
    pool, ic50 = Pool.from_table(listed, "compounds"), Assay("IC50", "nM")
    rows = ["SMILES;Catalog ID;IC50 (nM)", "CCO;Z-1;3", "OCC;z-1;4", "CCN;other;5", "CCC;;6"]
    assert len(read_measurements(write(*rows), pool=pool, assays=ic50).measurements) == 4
    wrong = write(*rows, "CCO;Z-3;7")
    with pytest.raises(MeasurementError, match=r'row 6: column "SMILES" names "CCO", and column "Catalog ID" "Z-3"'):
        read_measurements(wrong, pool=pool, assays=ic50)
    read = read_measurements(wrong, pool=pool, assays=ic50, columns={"candidate": "SMILES"})
    assert read.measurements[-1].candidate == "CCO"
