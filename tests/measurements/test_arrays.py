"""Texts with numbers: names in little memory say what plain lists and dicts say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activeloop.candidates import Pool
from activeloop.measurements import arrays
from activeloop.measurements.arrays import Names, Texts

WORDS = st.lists(st.text(max_size=20), max_size=60)


@pytest.mark.parametrize("kind", [Names, Texts])
@given(first=WORDS, later=WORDS, few=st.sampled_from([0, 3, 1_000]))
def test_texts_have_the_numbers_of_their_order_and_the_ranks_of_the_alphabet(kind, first, later, few):
    texts, plain, before = kind(), list[str](), arrays.FEW
    arrays.FEW = few
    try:
        for words in (first, later, first):
            plain += [word for word in dict.fromkeys(words) if word not in plain]
            assert texts.add_all(words).tolist() == [plain.index(word) for word in words]
            assert np.array(sorted(plain), np.object_)[texts.ranks()].tolist() == plain
    finally:
        arrays.FEW = before
    assert (len(texts), texts.at(np.arange(len(plain)))) == (len(plain), plain)
    assert [texts[texts.find(word)] for word in plain] == plain
    assert texts.find("not among them, as it is too long") == -1


def test_names_that_no_database_holds_are_those_that_it_gives_back():
    names = Names()
    assert names.add("a\udc80") == names.add("a\ufffd") == names.find("a\ud800") == 0
    assert names[0] == "a\ufffd"


def test_names_are_found_in_a_pool_and_more_of_them_later():
    names, pool = Names(), Pool.single_mutants("MKT")
    names.add_all(["K2A", "none", "T3C"])
    assert names.rows_in(pool).tolist() == [pool.row_of("K2A"), -1, pool.row_of("T3C")]
    names.add("K2C")
    assert names.rows_in(pool)[3] == pool.row_of("K2C")
