"""Events as JSON: the round trip is exact for every event, and damage is noticed."""

from __future__ import annotations

import json
import math
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activeloop.campaigns import (
    Configured,
    Distilled,
    Extended,
    Fitted,
    Measured,
    Pinned,
    PlateLaid,
    PlateSent,
    Promoted,
    Proposed,
    RobotOrdered,
    RunFinished,
    StudentRecord,
    Version,
    Voided,
)
from activeloop.campaigns.events import LONG, SCHEMA, Outcome, RobotOrder, decode, encode
from activeloop.errors import StoreError
from activeloop.measurements import Assay, Measurement
from activeloop.plates import Pick, PickPrediction, Proposal

text, number, count = st.text(max_size=20), st.floats(), st.integers(0, 10**9)
predicted = st.lists(st.builds(PickPrediction, text, number, number, number), max_size=2).map(tuple)
picks = st.builds(Pick, text, text, count, number, number, number, number, text, predicted)
measurements = st.builds(
    Measurement,
    candidate=text,
    assay=text,
    value=number,
    qualifier=st.sampled_from(["=", "<", ">"]),
    replicate=count,
    plate=text,
    well=text,
    measured_at=text,
    file=text,
    row=count,
    control=st.booleans(),
    error=st.sampled_from([0.0, 0.25]),
)
versions = st.builds(
    Version, count, count, text, text, count, text, st.dictionaries(text, number, max_size=4), text, text, text
)
students = st.builds(
    StudentRecord,
    count,
    count,
    text,
    text,
    count,
    count,
    st.dictionaries(text, number, max_size=4),
    count,
    text,
    text,
    text,
    text,
)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
)
lower, upper = st.none() | st.floats(max_value=-1), st.none() | st.floats(min_value=1)
assays = st.builds(Assay, text, text, st.sampled_from(["maximise", "minimise", "classify"]), lower=lower, upper=upper)
assays |= st.builds(Assay, text, text, threshold=st.none() | st.floats(-1e9, 1e9))
events = st.one_of(
    st.builds(
        Configured,
        st.lists(assays, max_size=3).map(tuple),
        text,
        text,
        count,
        st.dictionaries(text, number, max_size=2),
        st.dictionaries(text, text, max_size=2),
        st.dictionaries(text, plain, max_size=3),
    ),
    st.builds(
        Extended,
        st.lists(text, max_size=3).map(tuple),
        text,
        st.dictionaries(text, st.lists(count, max_size=2).map(tuple), max_size=2),
        st.dictionaries(text, st.lists(text, max_size=2).map(tuple), max_size=2),
        st.dictionaries(text, plain, max_size=3),
    ),
    st.builds(Distilled, students),
    st.builds(Proposed, st.builds(Proposal, count, st.lists(picks, max_size=3).map(tuple), count, count, text)),
    st.builds(
        Measured,
        st.lists(measurements, max_size=3).map(tuple),
        text,
        text,
        st.lists(count, max_size=3).map(tuple),
        st.lists(count, max_size=3).map(tuple),
        st.booleans(),
    ),
    st.builds(Voided, count, st.lists(count, max_size=3).map(tuple), text),
    st.builds(Fitted, versions, text),
    st.builds(Promoted, count, text),
    st.builds(PlateSent, text, text, text, text),
    st.builds(RobotOrdered, st.sampled_from(get_args(RobotOrder)), text, text),
    st.builds(
        RunFinished,
        text,
        text,
        text,
        st.sampled_from(get_args(Outcome)),
        st.dictionaries(text, text, max_size=2),
        text,
        text,
    ),
    st.builds(Pinned, st.lists(text, max_size=3).map(tuple), st.booleans(), text),
    st.builds(PlateLaid, st.integers(1, 9), st.dictionaries(text, st.one_of(text, st.booleans()), max_size=3)),
)


@given(events)
def test_every_event_comes_back_exactly(event):
    kind, payload = encode(event)
    stored = json.dumps(payload, allow_nan=False)
    back = decode(kind, json.loads(stored), SCHEMA)
    assert repr(back) == repr(event)  # repr tells every bit of a float, and NaN is like NaN
    assert type(back) is type(event)


@settings(max_examples=10, deadline=None)
@given(st.lists(measurements, min_size=1, max_size=3))
def test_a_long_file_comes_back_exactly_and_takes_little_room(rows):
    event = Measured(tuple(rows) * LONG, "r.csv", "hash", (2,), (), True)
    stored = json.dumps(encode(event)[1], allow_nan=False)
    assert repr(decode("measured", json.loads(stored))) == repr(event)


@pytest.mark.parametrize(
    "change",
    [
        lambda columns: columns.pop("value"),
        lambda columns: columns.update(more={"all": 1}),
        lambda columns: columns["row"].update(each=[1]),
        lambda columns: columns["assay"].update(all=3),
    ],
)
def test_a_long_file_that_is_damaged_is_refused(change):
    rows = tuple(Measurement("A1G", "x", i / 7, row=i) for i in range(LONG))
    payload = encode(Measured(rows, "", ""))[1]
    change(payload["measurements"]["columns"])
    with pytest.raises(StoreError, match="is damaged"):
        decode("measured", payload)


def test_floats_keep_every_bit_also_those_of_numpy():
    value = np.float64(0.1) + np.float32(0.2)
    event = Measured((Measurement("A1G", "x", value), Measurement("A1G", "x", np.float32(1 / 3))), "", "")
    back = decode(*encode(event))
    assert back.measurements[0].value == float(value)
    assert back.measurements[1].value == float(np.float32(1 / 3))
    assert type(back.measurements[0].value) is float


def test_nan_and_infinities_are_words_in_json():
    pick = Pick("", "", 1, math.inf, math.nan, -math.inf, 0.0, "")
    payload = encode(Proposed(Proposal(1, (pick,), 0, 0, "")))[1]
    assert [payload["proposal"]["picks"][0][k] for k in ("score", "mean", "low")] == ["inf", "nan", "-inf"]


def test_what_is_no_plain_value_is_refused():
    with pytest.raises(TypeError, match="cannot hold a object"):
        encode(Voided(1, (object(),), ""))


@pytest.mark.parametrize(
    ("kind", "payload", "schema", "message"),
    [
        ("voided", {"event": 1, "rows": [], "reason": ""}, SCHEMA + 1, "newer ActiveLoop"),
        ("taught", {}, SCHEMA, "newer ActiveLoop"),
        ("voided", {"event": "1", "rows": [], "reason": ""}, SCHEMA, "int was expected, not '1'"),
        ("voided", {"event": 1, "rows": 3, "reason": ""}, SCHEMA, "a list was expected"),
        ("voided", {"event": 1}, SCHEMA, "damaged"),
        ("voided", {"event": 1, "rows": [], "reason": "", "by": "me"}, SCHEMA, "unknown field by"),
        ("voided", None, SCHEMA, "damaged"),
        ("measured", {"measurements": [{"value": "much"}], "source": "", "content_hash": ""}, SCHEMA, "damaged"),
        (
            "measured",
            {
                "measurements": [{"candidate": "", "assay": "", "value": 1, "qualifier": "~"}],
                "source": "",
                "content_hash": "",
            },
            SCHEMA,
            "is not one of",
        ),
    ],
)
def test_damage_is_noticed(kind, payload, schema, message):
    with pytest.raises(StoreError, match=message):
        decode(kind, payload, schema)


def test_a_field_added_later_may_be_missing_in_what_was_stored_before():
    row = {"candidate": "A1G", "assay": "x", "value": 1.5}
    back = decode("measured", {"measurements": [row], "source": "", "content_hash": ""})
    assert back.measurements == (Measurement("A1G", "x", 1.5),)
