"""The model card of a student, as text and back."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from untrained import LIBRARY, SINGLES, card

from activeloop.errors import InputError
from activeloop.measurements import Assay
from activeloop.prediction import LEVELS, NORMAL
from activeloop.students.runtime.card import FORMAT, ModelCard
from activeloop.students.runtime.tokenizer import StudentTokenizer

WHOLE = StudentTokenizer.of(SINGLES)


def same(one: ModelCard, other: ModelCard) -> bool:
    return one.to_json() == other.to_json() and one.tokenizer == other.tokenizer and one.assays == other.assays


@pytest.mark.parametrize("tokenizer", [WHOLE, StudentTokenizer.of(LIBRARY, sites=True)], ids=["whole", "sites"])
def test_a_card_comes_back_as_it_was(tokenizer):
    assays = (Assay("KD", "nM", "minimise", upper=1e4), Assay("Ausbeute", "µg/ml"))
    shape = np.stack([NORMAL, NORMAL**3])
    one = card(tokenizer, assays=assays, noise=(0.1, 1 / 3), shape=shape)
    again = ModelCard.from_json(one.to_json(), "s.onnx")
    assert same(again, one)
    assert again.shape is not None
    np.testing.assert_allclose(again.shape, shape, atol=1e-3)
    assert (again.outputs, again.noise) == (2, (0.1, 1 / 3))


@given(st.dictionaries(st.text(max_size=5), st.floats(allow_infinity=False)))
def test_figures_come_back_even_those_that_are_undefined(fidelity):
    text = card(WHOLE, fidelity=fidelity).to_json()
    json.loads(text, parse_constant=pytest.fail)
    again = ModelCard.from_json(text, "s.onnx").fidelity
    assert {k: v for k, v in again.items() if not math.isnan(v)} == {
        k: v for k, v in fidelity.items() if not math.isnan(v)
    }
    assert again.keys() == fidelity.keys()


def test_a_later_format_is_refused():
    text = json.dumps(json.loads(card(WHOLE).to_json()) | {"format": FORMAT + 1})
    with pytest.raises(InputError, match=r"s\.onnx: this student has format 2, .* Install a newer ActiveLoop"):
        ModelCard.from_json(text, "s.onnx")


@pytest.mark.parametrize(
    "changed",
    [
        {"noise": []},
        {"noise": "none"},
        {"classes": ["a", "b", "c"]},
        {"shape": [[0.0] * (len(LEVELS) - 1)]},
        {"shape": [[0.0], []]},
        {"reading": []},
        {"reading": {"kind": "cells", "letters": "AC", "parent": "", "positions": [], "width": 2}},
        {"reading": {"kind": "variants", "letters": "AA", "parent": "", "positions": [], "width": 2}},
        {"reading": {"kind": "variants", "letters": "AC", "parent": "AC", "positions": [3], "width": 1}},
        {"reading": {"kind": "variants", "letters": "AC", "parent": "AC", "positions": [0], "width": 1}},
        {"assays": []},
        {"assays": [{"name": "a", "unit": "", "goal": "hope", "lower": None, "upper": None}]},
        {"agreement": [1]},
        {"parameters": True},
        {"seed": None},
        {"format": "one"},
    ],
    ids=str,
)
def test_a_damaged_card_is_refused(changed):
    text = json.dumps(json.loads(card(WHOLE).to_json()) | changed)
    with pytest.raises(InputError, match=r"^s\.onnx: the card of this student cannot be read .* Export the student"):
        ModelCard.from_json(text, "s.onnx")


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "7", '{"network": "n"}', "[" * 100_000])
def test_other_texts_are_refused(text):
    with pytest.raises(InputError, match=r"^s\.onnx: the card"):
        ModelCard.from_json(text, "s.onnx")
