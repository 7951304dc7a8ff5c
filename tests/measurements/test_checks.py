"""What is said of a file of results before it is stored."""

import pandas as pd
import polars as pl

from activeloop.campaigns import Campaign
from activeloop.candidates import Pool
from activeloop.measurements import Assay, Measurement
from activeloop.measurements.checks import quality

KCAT = Assay("kcat", "1/s")
TABLE = {
    "mutant": ["K2R", "T3S", "A4G", "Y5F", "I6V", "Q9A", "WT", "WT"],
    "kcat (1/ms)": [1.0, 1.2, 0.9, 1.1, 1.3, 2500.0, 1.0, 1.1],
    "Operator": ["a"] * 8,
}


def test_columns_controls_and_outliers_are_named():
    loop = Campaign(Pool.single_mutants("MKTAYIAKQR"), KCAT)
    said = loop.read(TABLE).describe()
    assert 'column "mutant" was read as candidate' in said
    assert 'column "kcat (1/ms)" was read as kcat, in 1/ms' in said
    assert "WT mean 1050 1/s, CV 6.7 % (2 values)" in said
    assert "of Q9A (row 7) lies above all others" in said
    assert "columns that were not read: Operator" in said


def test_z_prime_of_two_controls_and_no_outlier_among_like_values():
    rows = [
        Measurement(n, "kcat", v, control=True) for n, v in (("WT", 10.0), ("WT", 11.0), ("dead", 0.1), ("dead", 0.2))
    ]
    rows += [Measurement(f"K2{a}", "kcat", 1.0 + i) for i, a in enumerate("ACDEFGH")]
    (sentence,) = quality(rows, [KCAT])
    assert "Z' between dead and WT 0.77" in sentence


def test_a_dry_run_stores_nothing_and_the_same_frame_is_known():
    loop = Campaign(Pool.single_mutants("MKTAYIAKQR"), KCAT)
    frame = pl.DataFrame({"mutant": ["K2R", "T3S"], "kcat": [1.0, 2.0]})
    dry = loop.record(frame, dry_run=True)
    assert (dry.stored, dry.event, len(loop.results())) == (2, None, 0)
    assert loop.record(frame).stored == 2
    assert loop.record(frame).read_before
    assert isinstance(loop.results().to_frame(), pl.DataFrame)
    assert isinstance(loop.results().to_frame("pandas"), pd.DataFrame)


def test_shares_in_an_assay_of_percent_are_told():
    viability = Assay("viability", "%")
    (sentence,) = quality([Measurement(f"c{i}", "viability", v) for i, v in enumerate((0.33, 0.9, 1.02))], [viability])
    assert "viability: no value is above 1 %. If these are shares of 1" in sentence
    assert quality([Measurement(f"c{i}", "viability", v) for i, v in enumerate((0.33, 0.9, 88.0))], [viability]) == ()
