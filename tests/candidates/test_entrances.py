"""A name means the same candidate, or is refused, wherever a list of names is given."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from candidate_strategies import modest, substituted, with_indels
from hypothesis import given
from hypothesis import strategies as st

from activeloop.campaigns import Campaign
from activeloop.candidates import AMINO_ACIDS, ExplicitPool, Pool, StreamedPool, Variant, VariantNotation, rows_asked
from activeloop.candidates.proteins import THREE_LETTER
from activeloop.errors import InputError
from activeloop.measurements import Assay, read_measurements
from activeloop.models import default_learner
from activeloop.students.runtime.edge import encode_table
from activeloop.students.runtime.tokenizer import StudentTokenizer

WT = "MKTAYIAKQRQISFVKSHFSRQ"
SITES = (2, 3, 4, 5)
ASSAY = Assay("score")

#: as written -> the candidate; None: refused
SPELLINGS: dict[str, str | None] = {
    # one mutation
    "K2R": "K2R",
    "k2r": "K2R",
    "  K2R\u00a0": "K2R",
    "K02R": "K2R",
    "(K2R)": "K2R",
    "[K2R]": "K2R",
    "p.K2R": "K2R",
    "p.(K2R)": "K2R",
    "p.Lys2Arg": "K2R",
    "p.lys2arg": "K2R",
    "P.LYS2ARG": "K2R",
    "p.(Lys2Arg)": "K2R",
    "Lys2Arg": "K2R",
    "NP_000537.3:p.Lys2Arg": "K2R",
    "P04637:p.(Lys2Arg)": "K2R",
    "ENSP00000269305.4:p.Lys2Arg": "K2R",
    "A:K2R": "K2R",
    "A_K2R": "K2R",
    "chain B: K2R": "K2R",
    "KA2R": "K2R",
    "Ｋ２Ｒ": "K2R",
    "K2\u200bR": "K2R",
    # several
    "K2R:T3S": "K2R:T3S",
    "T3S:K2R": "K2R:T3S",
    "K2R,T3S": "K2R:T3S",
    "K2R, T3S": "K2R:T3S",
    "K2R;T3S": "K2R:T3S",
    "K2R/T3S": "K2R:T3S",
    "K2R+T3S": "K2R:T3S",
    "K2R|T3S": "K2R:T3S",
    "K2R T3S": "K2R:T3S",
    "K2R_T3S": "K2R:T3S",
    "K2R-T3S": "K2R:T3S",
    "p.[Lys2Arg;Thr3Ser]": "K2R:T3S",
    "p.[(Lys2Arg);(Thr3Ser)]": None,
    "p.[Lys2Arg];[Thr3Ser]": None,
    "p.Lys2Arg(;)Thr3Ser": None,
    "p.Lys2Arg:p.Thr3Ser": "K2R:T3S",
    "K2R:p.Thr3Ser": "K2R:T3S",
    "P53:p.K2R": "K2R",
    "K2R.T3S": None,
    "K2RT3S": None,
    "K2R 1": None,
    "GB1-K2R": None,
    "WT:K2R": None,
    "A:K2R,A:T3S": "K2R:T3S",
    "A:K2R,B:T3S": None,
    "K2R:T3=": "K2R",
    # the wild type
    "WT": "WT",
    "wt": "WT",
    "_wt": "WT",
    "Wildtype": "WT",
    "wild-type": "WT",
    "Wild type": "WT",
    "wild_type": "WT",
    "Wildtyp": "WT",
    "parent": "WT",
    "parental": "WT",
    "p.=": "WT",
    "p.(=)": "WT",
    "p.Lys2=": "WT",
    "p.Lys2Lys": "WT",
    "K2K": "WT",
    "_sy": "WT",
    # whole sequences
    WT: "WT",
    WT.lower(): "WT",
    f"{WT}*": "WT",
    WT.replace("MKT", "MRT"): "K2R",
    WT.replace("MKT", "MT"): "K2del",
    WT.replace("MKT", "M-T"): "K2del",
    WT.replace("MKT", "MKGST"): "2insGS",
    # insertions and deletions
    "K2del": "K2del",
    "K2-": "K2del",
    "K2\u2212": "K2del",
    "ΔK2": "K2del",
    "delK2": "K2del",
    "p.Lys2del": "K2del",
    "K2_T3del": "K2del:T3del",
    "p.Lys2_Thr3del": "K2del:T3del",
    "2insGS": "2insGS",
    "K2_T3insGS": "2insGS",
    "p.Lys2_Thr3insGlySer": "2insGS",
    "p.Lys2delinsArg": "K2R",
    "p.Lys2_Thr3delinsArgSer": "K2R:T3S",
    "p.Lys2dup": "2insK",
    "p.Ala4_Tyr5dup": "5insAY",
    # residues at the sites K2, T3, A4, Y5
    "KTAY": "WT",
    "RTAY": "K2R",
    "RSAY": "K2R:T3S",
    # without old residue: nothing shows its numbering
    "2R": None,
    "2R:3S": None,
    "2del": None,
    # not a candidate
    "": None,
    "K2": None,
    "K2*": None,
    "K2X": None,
    "K2J": None,
    "p.Lys2Ter": None,
    "p.Lys2fs": None,
    "p.?": None,
    "c.4A>G": None,
    "R2K": None,
    "K2R:K2S": None,
    "K2R:K99S": None,
    "A2R": None,
    "mutant 7": None,
    "RTA": None,
    "GATTACAGATTACAGATTACAG": None,
}  # fmt: skip
AT_SITES = {"KTAY", "RTAY", "RSAY"}


def make_pool() -> Pool:
    notation = VariantNotation(WT, sites=SITES)
    names = dict.fromkeys(name for name in SPELLINGS.values() if name)
    return ExplicitPool([notation.design(name) for name in names], kind="variants", origin="listed", notation=notation)


POOL = make_pool()


def table(path: Path, names: list[str]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["mutant", "score", "remark"], *([name, i, "x"] for i, name in enumerate(names))])
    return path


def new(names: list[str], folder: Path, pool: Pool = POOL, offset: int | None = None) -> list[str]:
    parent, sites = pool.design(0).parent, getattr(pool.notation, "sites", ())
    made = Pool.from_table(table(folder / "t.csv", names), "variants", parent, "mutant", offset, sites=sites)
    return made.names(range(len(made)))


def record(names: list[str], folder: Path, pool: Pool = POOL, offset: int | None = None) -> list[str]:
    read = read_measurements(table(folder / "t.csv", names), pool=pool, assays=ASSAY, offset=offset)
    campaign = Campaign(pool, [ASSAY], default_learner(pool, "learn"))
    campaign.record(read)
    return [result.measurement.candidate for result in campaign.state().results]


def pin(names: list[str], folder: Path, pool: Pool = POOL, offset: int | None = None) -> list[str]:
    return list(Campaign(pool, [ASSAY], default_learner(pool, "learn")).pin(names, offset=offset))


def veto(names: list[str], folder: Path, pool: Pool = POOL, offset: int | None = None) -> list[str]:
    campaign = Campaign(pool, [ASSAY], default_learner(pool, "learn"))
    campaign.veto(names, offset=offset)
    return list(campaign.state().vetoed)


def predict(names: list[str], folder: Path, pool: Pool = POOL, offset: int | None = None) -> list[str]:
    found, rows, _ = rows_asked(pool, table(folder / "t.csv", names), offset=offset)
    return found.names(rows)


def new_of_frame(names: list[str], folder: Path, pool: Pool = POOL, offset: int | None = None) -> list[str]:
    parent, sites = pool.design(0).parent, getattr(pool.notation, "sites", ())
    made = Pool.from_frame(pd.DataFrame({"mutant": names, "x": 1}), "variants", parent, "mutant", offset, sites=sites)
    return made.names(range(len(made)))


def record_frame(names: list[str], folder: Path, pool: Pool = POOL, offset: int | None = None) -> list[str]:
    campaign = Campaign(pool, [ASSAY], default_learner(pool, "learn"))
    campaign.record(pl.DataFrame({"mutant": names, "score": [*range(len(names))]}), offset=offset)
    return [result.measurement.candidate for result in campaign.results()]


def predict_frame(names: list[str], folder: Path, pool: Pool = POOL, offset: int | None = None) -> list[str]:
    found, rows, _ = rows_asked(pool, pd.DataFrame({"mutant": names}), offset=offset)
    return found.names(rows)


def predict_names(names: list[str], folder: Path, pool: Pool = POOL, offset: int | None = None) -> list[str]:
    found, rows, _ = rows_asked(pool, names, offset=offset)
    return found.names(rows)


def screen(names: list[str], folder: Path, pool: Pool = POOL, offset: int | None = None) -> list[str]:
    listed = StreamedPool(table(folder / "t.csv", names), pool, "mutant", offset=offset)
    if not listed.readable(np.arange(len(names))).all():
        listed.allowed(np.arange(len(names)))  # says why
    return listed.names(range(len(names)))


def student(names: list[str], folder: Path, pool: Pool = POOL, offset: int | None = None) -> list[str]:
    tokenizer = StudentTokenizer("variants", AMINO_ACIDS, pool.design(0).parent, (), 60)
    return list(encode_table(tokenizer, table(folder / "t.csv", names), "mutant", offset=offset).names)


def resolve(names: list[str], folder: Path, pool: Pool = POOL, offset: int | None = None) -> list[str]:
    resolver = pool.resolver(names, offset=offset)
    return [resolver.find(name).name for name in names]


def find(names: list[str], folder: Path, pool: Pool = POOL, offset: int | None = None) -> list[str]:
    return pool.names([pool.find(name, offset=offset) for name in names])


ENTRANCES: list[Callable[..., list[str]]] = [new, record, pin, veto, predict, screen, student, resolve, find]
ENTRANCES += [new_of_frame, record_frame, predict_frame, predict_names]


def answer(entrance: Callable[..., list[str]], names: list[str], folder: Path, *rest: object) -> list[str] | None:
    """The names that an entrance understood; None when it refused them, by a sentence."""
    try:
        return entrance(names, folder, *rest)
    except InputError as error:
        said = str(error).strip()
    assert said.endswith((".", ")", "?"))
    return None


@pytest.mark.parametrize("entrance", ENTRANCES, ids=lambda f: f.__name__)
@pytest.mark.parametrize("text", SPELLINGS, ids=ascii)
def test_a_spelling_means_the_same_through_each_entrance(text, entrance, tmp_path):
    if entrance is student and text in AT_SITES:
        return  # reads whole sequences only
    expected = SPELLINGS[text]
    assert answer(entrance, [text], tmp_path) == (None if expected is None else [expected])


def test_names_of_one_list_are_read_together(tmp_path):
    pool = Pool.combinatorial(WT, ["K2", "T3"])
    for entrance in (record, predict, screen, resolve, record_frame, predict_frame, predict_names):
        assert answer(entrance, ["WT", "KT", "NA"], tmp_path, pool) == ["K2W", "WT", "K2N:T3A"]
        assert answer(entrance, ["WT", "K2R"], tmp_path, pool) == ["WT", "K2R"]
        assert answer(entrance, ["WT", "K2R", "NA"], tmp_path, pool) is None
        assert answer(entrance, ["wild_type", "K2R", "NA"], tmp_path, pool) == ["WT", "K2R", "K2N:T3A"]
        assert answer(entrance, ["WT"], tmp_path, pool) is None


def test_the_numbering_of_the_pool_is_kept(tmp_path):
    pool = new_with_offset(tmp_path, 1)
    for entrance in ENTRANCES:
        if entrance in (new, new_of_frame, student):
            continue
        assert answer(entrance, ["2S"], tmp_path, pool) == ["T3S"], entrance
        assert answer(entrance, ["K1R"], tmp_path, pool) == ["K2R"], entrance
        assert answer(entrance, ["K2R"], tmp_path, pool) == ["K2R"], entrance
        assert answer(entrance, ["2S"], tmp_path, pool, 0) in (["K2S"], None), entrance
        assert answer(entrance, ["T3S"], tmp_path, pool, 1) is None, entrance
    for entrance in (record, pin, predict, screen, resolve):
        assert answer(entrance, ["1R", "2S", "WT"], tmp_path, pool) == ["K2R", "T3S", "WT"], entrance
        assert answer(entrance, ["K1R", "2S"], tmp_path, pool) == ["K2R", "T3S"], entrance
        assert answer(entrance, ["K1R", "K2R"], tmp_path, pool) is None, entrance


def new_with_offset(folder: Path, offset: int) -> Pool:
    names = [f"{position - offset}{a}" for position in range(2, 9) for a in AMINO_ACIDS if a != WT[position - 1]]
    return Pool.from_table(table(folder / "pool.csv", ["WT", *names]), "variants", WT, "mutant", offset)


def test_a_name_that_fits_two_numberings_is_asked_about(tmp_path):
    parent = "MKAATAYIAKQR"
    names = [f"{position - 1}{a}" for position in range(2, 9) for a in AMINO_ACIDS if a != parent[position - 1]]
    pool = Pool.from_table(table(tmp_path / "pool.csv", names), "variants", parent, "mutant", 1)
    for entrance in (record, pin, veto, predict, screen, resolve, find):
        assert answer(entrance, ["A3G"], tmp_path, pool) is None, entrance
        assert answer(entrance, ["A3G"], tmp_path, pool, 0) == ["A3G"], entrance
        assert answer(entrance, ["A3G"], tmp_path, pool, 1) == ["A4G"], entrance


def test_other_names_of_the_table_are_found_if_they_are_unique(tmp_path):
    path = tmp_path / "pool.csv"
    path.write_text("clone,variant,barcode\nA1,K2R,77\nA2,T3S,78\nA3,A4G,78\nT3S,Y5F,80\nWT,I6V,91\nQ9A,A7G,93\n")
    pool = Pool.from_table(path, "variants", WT, "variant")
    for entrance in (record, pin, veto, predict, resolve, find):
        assert answer(entrance, ["a1", "77"], tmp_path, pool) in (["K2R", "K2R"], ["K2R"]), entrance
        assert answer(entrance, ["78"], tmp_path, pool) is None, entrance  # two candidates
        assert answer(entrance, ["T3S"], tmp_path, pool) is None, entrance  # a candidate, and the name of another
        assert answer(entrance, ["WT"], tmp_path, pool) is None, entrance  # the name of a variant
        assert answer(entrance, ["Q9A"], tmp_path, pool) is None, entrance  # the same, and no candidate itself
        assert answer(entrance, ["A9"], tmp_path, pool) is None, entrance


LONG = {one: three.capitalize() for three, one in THREE_LETTER.items()}
JOINTS = st.sampled_from([":", ",", ", ", ";", "/", "+", "|", " ", "_"])


@st.composite
def spelled(draw: st.DrawFn, variant: Variant, offset: int = 0, old: bool = True) -> str:
    """One of the ways to write a variant with substitutions."""
    if not variant.mutations:
        return draw(st.sampled_from(["WT", "wt", "_wt", "p.=", "Wildtype", variant.parent]))
    long = draw(st.booleans())
    parts = [
        f"{(LONG[m.old] if long else m.old) if old else ''}{m.position - offset}{LONG[m.new] if long else m.new}"
        for m in variant.mutations
    ]
    if draw(st.booleans()):
        parts.reverse()
    style = draw(st.sampled_from(["plain", "lower", "p.", "p.()", "p.[]", "chain", "each p."]))
    if style == "each p.":
        return ":".join(f"p.{part}" for part in parts)
    if style == "chain" and old:
        return ",".join(f"C:{part}" for part in parts)
    if style == "p.[]":
        return f"p.[{';'.join(parts)}]"
    joined = draw(JOINTS).join(parts)
    if style == "p.()" and len(parts) == 1:
        return f"p.({joined})"
    return {"lower": joined.lower(), "p.": f"p.{joined}"}.get(style, joined)


def pool_of(*variants: Variant) -> Pool:
    notation = VariantNotation(variants[0].parent)
    once = list({v.name: v for v in (*variants, Variant(variants[0].parent, ()))}.values())
    return ExplicitPool(once, kind="variants", origin="listed", notation=notation)


QUICK = (predict, resolve, find, screen, student, record)


@modest
@given(st.data(), substituted())
def test_any_spelling_of_substitutions(tmp_path_factory, data, variant):
    folder, pool = tmp_path_factory.getbasetemp(), pool_of(variant)
    text = data.draw(spelled(variant))
    assert {str(answer(entrance, [text], folder, pool)) for entrance in QUICK} == {str([variant.name])}


@modest
@given(st.data(), with_indels())
def test_names_with_insertions_and_deletions_mean_the_same_or_are_refused_everywhere(tmp_path_factory, data, variant):
    folder, pool = tmp_path_factory.getbasetemp(), pool_of(variant)
    text = data.draw(st.sampled_from([variant.name, variant.name.lower(), variant.name.replace(":", ", ")]))
    given_back = {str(answer(entrance, [text], folder, pool)) for entrance in QUICK}
    assert given_back == {str([variant.name])}


@modest
@given(st.data(), substituted(least=1), st.integers(-3, 3), st.booleans())
def test_any_numbering_is_kept_given_or_refused(tmp_path_factory, data, variant, offset, old):
    folder, pool = tmp_path_factory.getbasetemp(), pool_of(variant)
    if min(m.position - offset for m in variant.mutations) < 1:
        return
    text = data.draw(spelled(variant, offset, old))
    for entrance in QUICK:
        assert answer(entrance, [text], folder, pool, offset) == [variant.name]
    pool.numbering = offset
    for entrance in set(QUICK) - {student}:
        # Where the old residues fit the wild type's own numbering, too, it is asked which is meant.
        assert answer(entrance, [text], folder, pool) in ([variant.name], None)


@modest
@given(st.text(max_size=12))
def test_any_text_means_the_same_or_is_refused_everywhere(tmp_path_factory, text):
    text = "".join(c for c in text if c.isprintable() or c == " ").replace('"', "").strip()
    if not text or text[0] in "#=@+-":
        return  # a cell with a meaning of its own in a spreadsheet
    folder = tmp_path_factory.getbasetemp()
    assert len({str(answer(entrance, [text], folder)) for entrance in (find, pin, veto)}) == 1
    # What is predicted may be outside the pool.
    assert answer(predict, [text], folder) in (answer(resolve, [text], folder), None)
    # A screen takes candidates outside the pool, but only those that differ where the pool does.
    assert answer(screen, [text], folder) in (answer(resolve, [text], folder), None)


def test_wt_is_not_asked_about_where_the_wild_type_has_these_residues() -> None:
    pool = Pool.combinatorial("MWTAYIAKQRQ", ["W2", "T3"])
    assert pool.resolver(["WT"]).find("WT").name == "WT"
    assert pool.resolver(["WT", "W2A", "AT"]).find("WT").name == "WT"
