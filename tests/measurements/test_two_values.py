"""Assays of two values: how they are written, that plates do not shift them, and what is odd among them."""

import numpy as np
import pytest

from activeloop.candidates import Pool
from activeloop.errors import ConfigError, MeasurementError
from activeloop.measurements import Assay, Dataset, Measurement, read_measurements, summarise
from activeloop.measurements.dataset import levels_of, odd_values, resolved

POOL = Pool.single_mutants("MKTA")
NAMES = POOL.names(np.arange(1, 13))


def read(tmp_path, cells, assay: Assay):
    path = tmp_path / "r.csv"
    path.write_text("variant,active\n" + "".join(f"{n},{c}\n" for n, c in zip(NAMES, cells, strict=False)))
    return read_measurements(path, pool=POOL, assays=[assay])


@pytest.mark.parametrize(
    "words",
    [("TRUE", "FALSE"), ("yes", "no"), ("active", "inactive"), ("Hit", "no hit"), ("pos", "neg")],
)
@pytest.mark.parametrize("scale", ["auto", "binary"])
def test_a_column_of_words_has_one_reading_and_it_is_told(tmp_path, words, scale):
    found = read(tmp_path, words * 3, Assay("active", scale=scale))
    assert [m.value for m in found.measurements] == [1, 0] * 3
    assert f"active: {words[0]} as 1, {words[1]} as 0." in found.notes


@pytest.mark.parametrize(
    ("cells", "wrong"),
    [
        (("85", "yes", "3"), r'row 3: "yes" is not a number, and other cells of active are numbers'),
        (("0.2", "no", "3"), r'row 3: "no" is not a number'),
        (("no", "no"), r'"no" is not a number'),
        (("+", "-"), r'row 2: "\+" beside "-" could be hit and no hit'),
        (("toxic", "non-toxic"), r'row 2: "toxic"'),
    ],
)
def test_words_that_may_mean_something_else_are_refused(tmp_path, cells, wrong):
    with pytest.raises(MeasurementError, match=wrong):
        read(tmp_path, cells, Assay("active"))


def test_a_stated_assay_of_two_values_takes_no_other(tmp_path):
    stated = Assay("active", scale="binary")
    assert [m.value for m in read(tmp_path, ("1", "hit", "0", "no"), stated).measurements] == [1, 1, 0, 0]
    for cell in ("0.5", "85", "<1", "-1"):
        with pytest.raises(MeasurementError, match=r"active .*neither 0 nor 1"):
            read(tmp_path, ("1", cell), stated)
    for other in ({"threshold": 0.5}, {"bounds": (0, 100)}, {"lower": 0.1}):
        with pytest.raises(ConfigError, match="its values are 0 and 1"):
            Assay("active", scale="binary", **other)


def test_what_an_assay_is_follows_from_its_scale_or_from_its_values():
    rows, values = np.arange(6), np.array([0, 0, 0, 1, 1, 1.0])

    def of(assay, values=values):
        return Dataset.of(POOL, rows[: len(values)], values, assay)

    assert levels_of(of(Assay("x"))) == levels_of(of(Assay("x", scale="binary"), values[:1])) == (0, 1)
    assert levels_of(of(Assay("x", goal="minimise", scale="binary")).oriented()) == (-1, 0)
    for assay in (Assay("x", scale="linear"), Assay("x", goal="classify")):
        assert levels_of(of(assay)) is None
    assert resolved(of(Assay("x"))).assays == (Assay("x", scale="binary"),)
    for assay in (Assay("x", "%", bounds=(0, 100)), Assay("x", threshold=1.0), Assay("x", scale="linear")):
        assert resolved(of(assay)).assays == (assay,)


def test_plates_and_controls_do_not_make_numbers_of_two_values():
    rows = [
        Measurement("WT", "active", float(v), plate=p, well=f"A{i}", control=True)
        for p, vs in (("p1", (0, 1, 0)), ("p2", (1, 1, 1)))
        for i, v in enumerate(vs, 1)
    ]
    rows += [
        Measurement(n, "active", float(i % 2), plate="p1" if i < 6 else "p2", well=f"B{i + 1}")
        for i, n in enumerate(NAMES)
    ]
    data = summarise(rows, POOL, [Assay("active")])
    assert set(data.values[:, 0].tolist()) == {0.0, 1.0}
    assert levels_of(data) == (0, 1)
    rows += [Measurement(NAMES[0], "active", 1.0, plate="p2", well="C1")]  # it was 0
    assert levels_of(summarise(rows, POOL, [Assay("active")])) == (0, 1)


@pytest.mark.parametrize(
    ("before", "new", "odd"),
    [
        ([0, 0, 0, 1, 1, 1], [0, 85], [False, True]),
        ([0, 0, 0, 1, 1, 1], [0.5], [True]),
        ([0] * 300, [85], None),  # zeros alone: nothing says that it has two values
        ([0, 0, 1, 1], [2], None),
        ([1, 1, 1, 2, 2, 2], [3], None),  # counts and scores
        ([1] * 10 + [2] * 10, [3], [True]),
        ([], [0] * 100 + [1] * 50 + [85], [False] * 150 + [True]),
        ([], [0] * 30 + [1] * 30 + [2] * 5, None),
        ([0] * 50 + [1] * 50 + [85], [12], None),  # it was said before
    ],
)
def test_what_is_odd_among_two_values(before, new, odd):
    found = odd_values(np.array(before, np.float64), np.array(new, np.float64))
    assert (found and found[1].tolist()) == odd
