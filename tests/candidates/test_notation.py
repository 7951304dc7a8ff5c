"""Every notation people use stands for the same variant."""

from __future__ import annotations

import re

import pytest
from candidate_strategies import modest, substituted, with_indels
from hypothesis import given

from activeloop.candidates import AMINO_ACIDS, Variant, VariantNotation, align
from activeloop.candidates.proteins import GAP_EXTEND, GAP_OPEN, MISMATCH, THREE_LETTER, _aligned, _with_one_gap
from activeloop.errors import NotationError

GB1 = "MQYKLILNGKTLKGETTTEAVDAATAEKVFKQYANDNGVDGEWTYDDATKTFTVTE"
NOTATION = VariantNotation(GB1, sites=(39, 40, 41, 54))
LONG = {one: three.capitalize() for three, one in THREE_LETTER.items()}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("A24G", "A24G"),
        ("a24g", "A24G"),
        (" A24G ", "A24G"),
        ("24G", "A24G"),
        ("p.A24G", "A24G"),
        ("p.Ala24Gly", "A24G"),
        ("p.(Ala24Gly)", "A24G"),
        ("NP_0012.1:p.Ala24Gly", "A24G"),
        ("p.[Ala24Gly;Lys28Arg]", "A24G:K28R"),
        ("A24G:K28R", "A24G:K28R"),
        ("K28R:A24G", "A24G:K28R"),
        ("A24G,K28R", "A24G:K28R"),
        ("A24G, K28R", "A24G:K28R"),
        ("A24G/K28R", "A24G:K28R"),
        ("A24G;K28R", "A24G:K28R"),
        ("A24G K28R", "A24G:K28R"),
        ("A24G_K28R", "A24G:K28R"),
        ("A24G+K28R", "A24G:K28R"),
        ("A24G-K28R", "A24G:K28R"),
        ("24G:28R", "A24G:K28R"),
        ("WT", "WT"),
        ("wt", "WT"),
        ("_wt", "WT"),
        ("wild-type", "WT"),
        ("Wild type", "WT"),
        ("p.=", "WT"),
        ("A24A", "WT"),
        ("A24=", "WT"),
        ("p.Ala24=", "WT"),
        ("A24A:K28R", "K28R"),
        ("A24del", "A24del"),
        ("24del", "A24del"),
        ("delA24", "A24del"),
        ("ΔA24", "A24del"),
        ("A24-", "A24del"),
        ("p.Ala24del", "A24del"),
        ("A24-:K28R", "A24del:K28R"),
        ("p.Ala24_Ala26del", "A24del:T25del:A26del"),
        ("A24_A26del", "A24del:T25del:A26del"),
        ("24insGS", "24insGS"),
        ("A24_T25insGS", "24insGS"),
        ("p.Ala24_Thr25insGlySer", "24insGS"),
        ("0insG", "0insG"),
        ("T25S:24insG:A24C", "A24C:24insG:T25S"),
        ("FWAA", "V39F:D40W:G41A:V54A"),
        ("VDGV", "WT"),
        ("VDGA", "V54A"),
        (GB1, "WT"),
        (GB1.replace("VDGEW", "VDAEW"), "G41A"),
        (GB1.replace("VDGEW", "VD-EW"), "G41del"),
        (GB1 + "*", "WT"),
        (GB1 + "GS", "56insGS"),
        (GB1[1:], "M1del"),
    ],
)
def test_notation(text, name):
    assert NOTATION.design(text).name == name


@modest
@given(substituted(least=1))
def test_every_notation_stands_for_the_same_variant(variant):
    notation = VariantNotation(variant.parent)
    names = [str(m) for m in variant.mutations]
    long = [f"{LONG[m.old]}{m.position}{LONG[m.new]}" for m in variant.mutations]
    short = [name[1:] for name in names]
    for texts in (names, short, names[::-1], [n.lower() for n in names]):
        for joint in (":", ",", ", ", "/", ";", " ", "+", "&", "|"):
            assert notation.design(joint.join(texts)) == variant
    assert notation.design("_".join(names)) == variant
    assert notation.design("p.[" + ";".join(long) + "]") == variant
    assert notation.design(variant.sequence) == variant
    assert notation.design(variant.sequence.lower()) == variant


@modest
@given(with_indels())
def test_names_with_insertions_and_deletions_come_back(variant):
    assert VariantNotation(variant.parent).design(variant.name) == variant


@modest
@given(with_indels())
def test_a_sequence_of_any_length_comes_back_as_mutations_that_make_it(variant):
    mutations = align(variant.parent, variant.sequence)
    assert Variant(variant.parent, mutations).sequence == variant.sequence


@modest
@given(with_indels())
def test_two_spellings_of_one_sequence_have_one_key(variant):
    notation = VariantNotation(variant.parent)
    respelled = Variant(variant.parent, align(variant.parent, variant.sequence))
    assert notation.key(respelled) == notation.key(variant)


@modest
@given(substituted(least=1))
def test_offset_moves_every_position(variant):
    shifted = ":".join(f"{m.old}{m.position + 100}{m.new}" for m in variant.mutations)
    assert VariantNotation(variant.parent, offset=-100).design(shifted) == variant


@modest
@given(with_indels())
def test_the_short_way_to_one_gap_costs_what_the_full_table_costs(variant):
    def cost(rows):
        old, new = rows
        gaps = [len(run) for row in rows for run in re.findall("-+", row)]
        mismatches = sum(a != b and "-" not in (a, b) for a, b in zip(old, new, strict=True))
        return sum(GAP_OPEN + GAP_EXTEND * g for g in gaps) + MISMATCH * mismatches

    a, b = variant.parent, variant.sequence
    rows = _aligned(a, b)
    assert [row.replace("-", "") for row in rows] == [a, b]
    short = _with_one_gap(a, b) if len(a) != len(b) else None
    if short is not None:
        assert cost(short) == cost(rows)


def test_gaps_stand_far_to_the_right():
    assert [str(m) for m in align("MKAAAY", "MKAAY")] == ["A5del"]
    assert [str(m) for m in align("MKAAAY", "MKAAAAY")] == ["5insA"]


def test_one_gap_is_preferred_to_many_substitutions():
    shortened = GB1[:20] + GB1[25:40] + "W" + GB1[41:]
    names = [str(m) for m in align(GB1, shortened)]
    assert [n for n in names if not n.endswith("del")] == ["G41W"]
    assert len(names) == 6


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("K24G", "the wild type has A at position 24, not K"),
        ("p.Lys24Gly", "the wild type has A at position 24, not K"),
        ("A57G", "position 57 is outside the wild type (1-56)"),
        ("A0G", "position 0 is outside"),
        ("A24B", "B means Asn or Asp"),
        ("A24J", "J means Leu or Ile"),
        ("A24O", "pyrrolysine"),
        ("A24U", "selenocysteine"),
        ("A24X", "X means any residue"),
        ("A24Z", "Z means Gln or Glu"),
        ("p.Ala24Xyz", '"Xyz", which is no amino acid'),
        ("A24G:A24C", "changes position 24 twice"),
        ("24insG:24insS", "changes position 24 twice"),
        ("A24*", "stop codon"),
        ("p.Ala24Ter", "stop codon"),
        ("p.Ala24GlyfsTer5", "cannot be understood"),
        ("A26_A24del", "smaller position first"),
        ("A24_A26insG", "not neighbours"),
        ("A24-A26-", "cannot be understood"),
        ("24", "cannot be understood"),
        ("AG", "neither mutations such as A24G nor a whole sequence"),
        (GB1[:-1] + "X", "X means any residue"),
        ("", "empty"),
    ],
)
def test_refused(text, expected):
    with pytest.raises(NotationError) as refused:
        NOTATION.design(text)
    assert expected in str(refused.value)


def test_letters_without_sites_are_refused():
    with pytest.raises(NotationError, match=r"sites=\.\.\."):
        VariantNotation(GB1).design("FWAA")


def test_every_amino_acid_has_one_long_name():
    assert "".join(sorted(LONG)) == AMINO_ACIDS
