"""Assays: what contradicts itself is refused, and so is a value that an assay cannot have, at every entrance."""

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

from activeloop import Assay, Campaign, Measurement, Pool
from activeloop.cli.new import parse_assay
from activeloop.config import check_config, config_text, parse_config
from activeloop.errors import ConfigError, MeasurementError
from activeloop.measurements import Dataset
from activeloop.measurements.rows import read_cell
from activeloop.models import RandomForest


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"bounds": (100, 0)}, "its bounds cross .100 to 0"),
        ({"bounds": (5, 5)}, "its bounds cross"),
        ({"lower": 3.0, "upper": 2.0}, "detection limits cross"),
        ({"bounds": (0, 100), "upper": 120.0}, "detection limit 120 lies outside its bounds 0 to 100"),
        ({"bounds": (0, None), "lower": -1.0}, "detection limit -1 lies outside"),
        ({"bounds": (math.nan, 1)}, "not a number"),
        ({"scale": "log", "bounds": (0, 100)}, "give a lower bound above 0"),
        ({"scale": "log", "bounds": (-1, None)}, "give a lower bound above 0"),
        ({"scale": "log", "bounds": (None, -1)}, "a logarithm has values above 0 alone"),
        ({"scale": "log", "lower": 0.0}, "no detection limit of 0"),
        ({"goal": "classify", "scale": "log"}, "classes .goal classify. have no scale and no bounds"),
        ({"goal": "classify", "bounds": (0, 1)}, "have no scale and no bounds"),
    ],
)
def test_an_assay_that_contradicts_itself_is_refused_in_python_and_in_campaign_toml(fields, message):
    with pytest.raises(ConfigError, match=f'assay "x": .*{message}'):
        Assay("x", **fields)
    if any(isinstance(v, float) and math.isnan(v) for v in fields.get("bounds", ())):
        return
    listed = [
        {None: s * math.inf}.get(v, float(v or 0)) for s, v in zip((-1, 1), fields.get("bounds", ()), strict=False)
    ]
    table = {"name": "x", **fields, **({"bounds": listed} if listed else {})}
    with pytest.raises(ConfigError, match=rf"campaign.toml: \[assays\[1\]\]: .*{message}"):
        check_config({"pool": {"singles": True, "wild_type": "MKTA"}, "assays": [table]}, "campaign.toml")


def test_open_ends_are_none():
    assert Assay("x", bounds=(0, math.inf)).bounds == (0.0, None)
    assert Assay("x", bounds=(-math.inf, math.inf)).bounds is None
    assert Assay("x", bounds=(None, 3)).ends == (-math.inf, 3.0)


@pytest.mark.parametrize(
    ("text", "assay"),
    [
        ("kcat", Assay("kcat")),
        ("KD:nM:minimise", Assay("KD", "nM", "minimise")),
        ("fit::classify", Assay("fit", goal="classify")),
        ("IC50:nM:log:minimise", Assay("IC50", "nM", "minimise", scale="log")),
        ("IC50::log", Assay("IC50", scale="log")),
        ("IC50:nM:1e-3..1e6:minimise:log", Assay("IC50", "nM", "minimise", scale="log", bounds=(1e-3, 1e6))),
        ("inhibition:%:0..100", Assay("inhibition", "%", bounds=(0, 100))),
        ("inhibition:%::0..100", Assay("inhibition", "%", bounds=(0, 100))),
        ("inhibition:0..100", Assay("inhibition", bounds=(0, 100))),
        ("dG:kcal/mol:minimise:-20..5:linear", Assay("dG", "kcal/mol", "minimise", scale="linear", bounds=(-20, 5))),
        ("t:s:0..", Assay("t", "s", bounds=(0, None))),
        ("t:s:..7.5:auto", Assay("t", "s", bounds=(None, 7.5))),
    ],
)
def test_the_grammar_of_assay_on_the_command_line_and_its_way_through_campaign_toml(text, assay):
    table = {"pool": {"singles": True, "wild_type": "MKTA"}, "assays": [parse_assay(text)]}
    config = check_config(table, None)
    assert config.assays[0].assay() == assay
    assert parse_config(config_text(config), "campaign.toml") == config


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("IC50:log", '"log" could be the unit or the scale'),
        ("IC50:nM:low", '"low" is no goal .*, no threshold .*, no scale .* and no bounds'),
        ("IC50:nM:minimise:maximise", "has two goals"),
        ("IC50:nM:log:linear", "has two scales"),
        ("x:%:0..1:0..100", "has two bounds"),
        ("x:%:..", r'"\.\." is no goal'),
        ("x:%:0...5", r'"0\.\.\.5" is no goal'),
        ("x:%:0..a", r'"0\.\.a" is no goal'),
    ],
)
def test_a_part_that_is_nothing_or_two_things_is_refused(text, message):
    with pytest.raises(ConfigError, match=message):
        parse_assay(text)


PERCENT = Assay("inhibition", "%", bounds=(0, 100))
LIMITED = Assay("inhibition", "%", lower=2.0, bounds=(0, 100))
TIME = Assay("t", "s", bounds=(0, None))
POTENCY = Assay("IC50", "nM", "minimise", scale="log")


@pytest.mark.parametrize(
    ("assay", "text", "stored"),
    [
        (PERCENT, "-3", ("=", -3.0)),  # noise around nothing
        (PERCENT, "104.2", ("=", 104.2)),
        (PERCENT, "-30", "too far below its bound of 0 % .noise may take a value to -10 %"),
        (PERCENT, "1040", "too far above its bound of 100 %"),
        (PERCENT, "<0", "impossible with bounds of 0 to 100 %"),
        (PERCENT, "<5", ("<", 5.0)),
        (PERCENT, ">100", "impossible with bounds"),
        (LIMITED, "-3", ("<", 2.0)),
        (LIMITED, "-300", "too far below its bound"),
        (TIME, "-0.1", "below its bound of 0 s"),
        (Assay("t", "s", lower=1.0, bounds=(0, None)), "-0.1", ("<", 1.0)),
        (POTENCY, "0", "not above 0, and it is on a logarithmic scale"),
        (POTENCY, "-2", "not above 0"),
        (POTENCY, "<0", "not above 0"),
        (Assay("IC50", "nM", lower=0.1, scale="log"), "0", ("<", 0.1)),
    ],
)
def test_values_beyond_bounds_are_stored_as_stated_or_refused(assay, text, stored):
    if isinstance(stored, str):
        with pytest.raises(MeasurementError, match=stored):
            read_cell(text, assay, "", ".")
    else:
        cell = read_cell(text, assay, "", ".")
        assert (cell.qualifier, cell.value) == stored


def test_python_refuses_them_too_and_stores_nothing():
    loop = Campaign(Pool.single_mutants("MKTA"), [PERCENT], RandomForest())
    rows = [Measurement("K2R", "inhibition", 5.0), Measurement("K2A", "inhibition", -30.0, row=3, file="x.csv")]
    with pytest.raises(MeasurementError, match=r"x\.csv, row 3: inhibition -30 % is too far below"):
        loop.record(rows)
    assert not loop.state().results
    assert loop.record([Measurement("K2R", "inhibition", -3.0), Measurement("K2A", "inhibition", math.nan)]).stored == 2


def test_orientation_turns_values_once_and_leaves_assays_as_they_are():
    data = Dataset.of(Pool.single_mutants("MKTA"), [0, 1], [1.0, 2.0], Assay("KD", "nM", "minimise", bounds=(0, None)))
    turned = data.oriented()
    assert turned.values[:, 0].tolist() == [-1.0, -2.0]
    assert turned.oriented() is turned
    assert turned.assays == data.assays
    assert turned.column(0).take([0]).is_oriented


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Tm:°C:>=55", {"unit": "°C", "goal": "maximise", "threshold": 55.0}),
        ("Tm:°C:≥ 55.5", {"unit": "°C", "goal": "maximise", "threshold": 55.5}),
        ("KM:mM:log:<=1e-3", {"unit": "mM", "goal": "minimise", "threshold": 1e-3, "scale": "log"}),
        ("dG::<=-2", {"unit": "", "goal": "minimise", "threshold": -2.0}),
        ("dG:>=-2:linear", {"goal": "maximise", "threshold": -2.0, "scale": "linear"}),
        ("a:%:>=90:0..100", {"unit": "%", "goal": "maximise", "threshold": 90.0, "bounds": [0.0, 100.0]}),
        ("Tm:°C:maximise:>=55", {"unit": "°C", "goal": "maximise", "threshold": 55.0}),
    ],
)
def test_a_threshold_stands_in_place_of_a_goal(text, found):
    parsed = parse_assay(text)
    assert {k: v for k, v in parsed.items() if k != "name"} == found
    config = check_config({"pool": {"singles": True, "wild_type": "MKTA"}, "assays": [parsed]}, None)
    again = parse_config(config_text(config), "campaign.toml")
    assert again.assays[0].assay() == config.assays[0].assay()
    assert again.assays[0].threshold == found["threshold"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Tm:°C:minimise:>=55", "contradict each other"),
        ("Tm:°C:>=55:<=60", "two thresholds"),
        ("Tm:°C:>55", "no threshold .such as >=55"),
        ("Tm:°C:>=5,5", "no threshold"),
        ("fit::classify:>=1", "contradict|no threshold"),
        ("a:%:>=120:0..100", "outside its bounds 0 to 100"),
        ("KM:mM:log:<=0", "above 0"),
    ],
)
def test_a_threshold_that_cannot_be_is_refused(text, said):
    with pytest.raises(ConfigError, match=said):
        check_config({"pool": {"singles": True, "wild_type": "MKTA"}, "assays": [parse_assay(text)]}, None)


@pytest.mark.parametrize("wrong", [{"upper": 50.0}, {"goal": "minimise", "lower": 60.0}, {"goal": "classify"}])
def test_a_threshold_that_no_result_can_show_is_refused(wrong):
    with pytest.raises(ConfigError, match=r"detection limit|classes"):
        Assay("Tm", "°C", threshold=55.0, **wrong)


@pytest.mark.parametrize("word", ["minimize", "Minimise", "MINIMIZE"])
def test_goals_have_two_spellings(word):
    assert (Assay("KD", "nM", word).goal, Assay("KD", "nM", word).sign) == ("minimise", -1)


@pytest.mark.parametrize("options", [{"goal": "lower"}, {"goal": ""}, {"scale": "logarithmic"}])
def test_other_goals_and_scales_are_refused(options):
    with pytest.raises(ConfigError, match=r"is no (goal|scale): give "):
        Assay("KD", "nM", **options)


@pytest.mark.parametrize(
    "value",
    [1, np.float32(1), np.float64(1), np.int64(1), np.array(1.0), Decimal(1), Fraction(1), np.longdouble(1), np.True_],
    ids=lambda v: type(v).__name__,
)
def test_numbers_of_other_types_are_floats(value):
    m = Measurement("K2R", "kcat", value, replicate=np.int64(2), plate=np.str_("p"))
    assert (m.value, type(m.value), m.replicate, type(m.replicate), type(m.plate)) == (1.0, float, 2, int, str)
    assert m == Measurement("K2R", "kcat", 1.0, replicate=2, plate="p")
    assert type(Assay("a", lower=value).lower) is float


@pytest.mark.parametrize("nothing", [None, float("nan"), np.nan, pd.NA, pd.NaT], ids=repr)
def test_what_pandas_writes_where_nothing_is_has_no_value(nothing):
    assert np.isnan(Measurement("K2R", "kcat", nothing).value)


@pytest.mark.parametrize(
    "fields",
    [
        {"value": "1.5"},
        {"value": 1 + 2j},
        {"value": np.array([1.0, 2.0])},
        {"value": pd.Timestamp("2026-01-01")},
        {"candidate": None},
        {"candidate": 5},
        {"candidate": b"K2R"},
        {"assay": None},
        {"qualifier": "<="},
        {"qualifier": "~"},
        {"qualifier": None},
        {"replicate": "1"},
        {"replicate": 1.5},
        {"replicate": None},
        {"replicate": True},
        {"plate": 7},
    ],
    ids=repr,
)
def test_a_measurement_of_other_types_is_refused_in_words(fields):
    with pytest.raises(MeasurementError, match=r"is no|is none of"):
        Measurement(**{"candidate": "K2R", "assay": "kcat", "value": 1.0, **fields})


@pytest.mark.parametrize(
    "fields",
    [{"name": None}, {"name": 5}, {"lower": "3"}, {"threshold": "55"}, {"bounds": ("0", 5)}, {"bounds": 0},
     {"bounds": (1, 2, 3)}, {"bounds": "0..5"}, {"goal": None}],
    ids=repr,
)  # fmt: skip
def test_an_assay_of_other_types_is_refused_in_words(fields):
    with pytest.raises(ConfigError):
        Assay(**{"name": "a", **fields})


@pytest.mark.parametrize(
    ("rows", "values"),
    [([0, 0], [1, 2]), ([0, 1], [1]), ([-1, 1], [1, 2]), ([99, 1], [1, 2]), (["K2A"], [1]), ([True, False], [1, 2]),
     ([0.5], [1]), ([0, 1], [[1], [2]]), ([0], ["high"]), (0, 1), (None, [1])],
)  # fmt: skip
def test_a_data_set_of_impossible_rows_or_values_is_refused(rows, values):
    with pytest.raises(MeasurementError):
        Dataset.of(Pool.single_mutants("MKTA"), rows, values)


def test_a_data_set_of_series():
    data = Dataset.of(Pool.single_mutants("MKTA"), pd.Series([3.0, 5.0]), pd.Series([1, 2]))
    assert (data.rows.tolist(), data.values[:, 0].tolist()) == ([3, 5], [1.0, 2.0])
