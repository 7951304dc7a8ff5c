"""A value that would make an assay of two values one of numbers is asked about, and what settles it."""

from dataclasses import replace

import numpy as np
import pytest
from small_campaign import Ridge, singles

from activeloop.campaigns import Campaign
from activeloop.errors import MeasurementError
from activeloop.measurements import Assay, Measurement

POOL = singles()
NAMES = POOL.names(np.arange(1, len(POOL)))


def begun(assay: Assay) -> Campaign:
    campaign = Campaign(POOL, [assay], Ridge())
    campaign.record([Measurement(n, assay.name, float(i % 2)) for i, n in enumerate(NAMES[:8])], source="a.csv")
    return campaign


@pytest.mark.parametrize(("value", "more"), [(85.0, ""), (12.0, ""), (0.5, r" \(replicates that disagree have a row")])
def test_both_readings_and_what_decides_are_named(value, more):
    campaign = begun(Assay("active"))
    rows = [Measurement(NAMES[9], "active", 1.0, row=2), Measurement(NAMES[8], "active", value, row=3)]
    asked = rf"b\.csv, row 3: active = {value:g} of {NAMES[8]}, and the 8 stored values are 0 or 1\. Is it a wrong"
    for dry_run in (True, False):
        with pytest.raises(MeasurementError, match=rf'{asked}.*{more}.*scale = "linear".*Nothing was stored'):
            campaign.record(rows, source="b.csv", dry_run=dry_run)
    assert len(campaign.state().stored) == 8
    numbers = replace(campaign, assays=[Assay("active", scale="linear")])
    assert numbers.record(rows, source="b.csv").stored == 2
    assert numbers.record([Measurement(NAMES[10], "active", 12.0)], source="c.csv").stored == 1


@pytest.mark.parametrize(
    "assay",
    [Assay("x", "%", bounds=(0, 100)), Assay("x", threshold=50.0), Assay("x", upper=90.0), Assay("x", scale="linear")],
)
def test_what_says_that_it_is_a_quantity_is_not_asked(assay):
    assert begun(assay).record([Measurement(NAMES[9], "x", 85.0)], source="b.csv").stored == 1


def test_a_small_count_is_asked_about_once_there_are_many():
    few, many = begun(Assay("active")), begun(Assay("active"))
    assert few.record([Measurement(NAMES[9], "active", 2.0)], source="b.csv").stored == 1
    many.record([Measurement(n, "active", float(i % 2)) for i, n in enumerate(NAMES[20:40])], source="b.csv")
    with pytest.raises(MeasurementError, match="the 28 stored values are 0 or 1"):
        many.record([Measurement(NAMES[9], "active", 2.0)], source="c.csv")


def test_a_file_that_replaces_the_two_values_is_taken():
    campaign = begun(Assay("active"))
    rows = [Measurement(n, "active", 10.0 * i) for i, n in enumerate(NAMES[:8])]
    assert campaign.record(rows, source="a.csv", replaces="a.csv").replaced == 8
