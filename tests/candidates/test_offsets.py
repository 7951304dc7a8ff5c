"""Numbering that is off by a constant is recognised and named."""

from __future__ import annotations

import pytest
from candidate_strategies import modest, substituted
from hypothesis import given

from activeloop.candidates import AMINO_ACIDS, Pool, check_offset, find_offset
from activeloop.errors import NotationError

GB1 = "MQYKLILNGKTLKGETTTEAVDAATAEKVFKQYANDNGVDGEWTYDDATKTFTVTE"
NAMES = [f"{a}{p}{'G' if a != 'G' else 'A'}" for p, a in enumerate(GB1, 1)]


def shifted(by: int) -> list[str]:
    return [f"{n[0]}{int(n[1:-1]) + by}{n[-1]}" for n in NAMES]


@pytest.mark.parametrize("by", [1, -1, 17, 226, -30])
def test_offset_is_named(by):
    names = [n for n in shifted(by) if "-" not in n and int(n[1:-1]) > 0]
    assert find_offset(names, GB1) == (-by, len(names), len(names))


def test_one_wrong_row_does_not_hide_the_offset():
    found = find_offset(["W300A", *shifted(1)], GB1)
    assert found == (-1, 56, 57)


def test_right_numbers_are_left_alone():
    assert find_offset(NAMES, GB1) is None
    check_offset(NAMES, GB1)
    check_offset(shifted(226), GB1, offsets=[-226])


def test_an_offset_needs_enough_sites():
    assert find_offset(shifted(1)[:4], GB1) == (-1, 4, 4)
    assert find_offset(shifted(1)[:2], GB1) is None


@modest
@given(substituted(least=1))
def test_a_valid_variant_is_never_called_shifted(variant):
    assert find_offset([variant.name], variant.parent) is None


def test_the_message_contains_a_fix(tmp_path):
    path = tmp_path / "pool.csv"
    path.write_text("mutant,score\n" + "".join(f"{n},1\n" for n in shifted(1)))
    with pytest.raises(NotationError) as refused:
        Pool.from_table(path, parent=GB1)
    assert "pool.csv: all 56 variants fit if 1 is subtracted from each position" in str(refused.value)
    assert "Give offset=-1" in str(refused.value)
    pool = Pool.from_table(path, parent=GB1, offset=-1)
    assert [pool[i].name for i in range(len(pool))] == NAMES
    assert pool.row_of("Q2G") == 1
    assert "-1" in pool.origin


def test_hgvs_names_count_too():
    long = [f"p.{n}" for n in ("Met2Ala", "Gln3Ala", "Tyr4Ala", "Lys5Ala", "Leu6Ala", "Ile7Ala")]
    assert find_offset(long, GB1) == (-1, 6, 6)
    assert set(AMINO_ACIDS) >= set(GB1)
