"""Pools that are listed: rows, names and codes belong together."""

from __future__ import annotations

import itertools
import time

import numpy as np
import openpyxl
import pytest
from candidate_strategies import modest, parents, with_indels
from hypothesis import given
from hypothesis import strategies as st

from activeloop.candidates import AMINO_ACIDS, GAP, Candidate, Guide, Mutation, Pool, Sequence, Variant, VariantNotation
from activeloop.errors import InputError, NotationError, PoolError
from activeloop.tables import read_table

GB1 = "MQYKLILNGKTLKGETTTEAVDAATAEKVFKQYANDNGVDGEWTYDDATKTFTVTE"


def decoded(pool: Pool, row: int) -> str:
    """The whole sequence of a row, from the parent and the codes alone."""
    sites = pool.sites
    assert sites is not None
    letters = {0: "", **{p: a for p, a in enumerate(sites.parent_sequence, 1)}}
    for label, position, code in zip(sites.labels, sites.positions.tolist(), pool.codes([row])[0], strict=True):
        if "ins" in label:
            letters[position] += sites.alphabet[code]
        else:
            letters[position] = sites.alphabet[code] + letters[position][1:]
    return "".join(letters.values()).replace(GAP, "")


def test_single_mutants_of_a_fasta_file(tmp_path):
    path = tmp_path / "wt.fasta"
    path.write_text(f">GB1 protein G\n{GB1[:30]}\n{GB1[30:]}\n")
    pool = Pool.single_mutants(path, positions=range(20, 61 - 5))
    assert len(pool) == 36 * 19
    assert pool.describe() == "684 variants: all single mutants of wt.fasta at 36 positions."
    assert pool.sites is not None
    assert pool.sites.labels[0] == "A20"
    assert pool.sites.alphabet == AMINO_ACIDS + GAP
    assert pool[0].name == "A20C"
    assert all(pool.row_of(name) == i for i, name in enumerate(pool.names(range(len(pool)))))
    assert pool.row_of("WT") is None
    assert pool.allowed(np.arange(5)).all()


def test_single_mutants_follow_the_rules():
    parent = "MKNASNVTWY"  # one glycosylation site already: N6 V7 T8
    pool = Pool.single_mutants(parent, exclude_residues="CM", forbidden_motifs=["NxS", "NxT"], wild_type=True)
    names = set(pool.names(range(len(pool))))
    assert "WT" in names
    assert not {n for n in names if n[-1] in "CM"}
    assert "S5N" in names
    assert "A4N" in names
    assert "K2N" in names  # K2N makes N-N-A, no motif
    assert {"M1N", "Y10S"} <= names
    assert "N3S" in names


def test_new_motifs_are_refused_and_motifs_of_the_wild_type_allowed():
    parent = "MKNAQNVTWY"
    pool = Pool.single_mutants(parent, forbidden_motifs=["NxS", "NxT"])
    names = set(pool.names(range(len(pool))))
    assert not {"Q5S", "Q5T"} & names
    assert "T8S" not in names  # NVT becomes NVS, which is new
    assert {"V7A", "K2A", "Q5A"} <= names


@modest
@given(with_indels(), st.data())
def test_codes_give_the_sequences_back(first, data):
    notation = VariantNotation(first.parent)
    designs = {notation.key(first): first}
    for _ in range(data.draw(st.integers(0, 4))):
        p = data.draw(st.integers(1, len(first.parent)))
        text = data.draw(
            st.sampled_from([f"{p}del", f"{p}ins{data.draw(st.text(AMINO_ACIDS, min_size=1, max_size=3))}"])
        )
        design = notation.design(text)
        designs.setdefault(notation.key(design), design)
    pool = Pool.of(designs.values())
    assert pool.sites is not None
    assert pool.codes().shape == (len(pool), len(pool.sites.labels))
    assert pool.codes().dtype == np.uint8
    for row in range(len(pool)):
        design = pool.design(row)
        assert isinstance(design, Variant)
        assert decoded(pool, row) == design.sequence
        assert pool.row_of(design.name) == row
        assert pool.row_of(design.sequence) == row
        assert Candidate.of(design) == pool[row]


@modest
@given(st.lists(st.text("01", min_size=6, max_size=6), min_size=2, max_size=20, unique=True))
def test_genotypes(texts):
    pool = Pool.of(map(Sequence, texts))
    assert pool.sites is not None
    full = np.array([list(t) for t in texts])
    varying = [i for i in range(6) if len(set(full[:, i])) > 1]
    assert pool.sites.positions.tolist() == [i + 1 for i in varying]
    assert pool.sites.parent is None
    letters = np.array(list(pool.sites.alphabet))[pool.codes()]
    assert (letters == full[:, varying]).all()
    assert [pool.row_of(t) for t in texts] == list(range(len(texts)))
    assert pool.row_of("010") is None


def test_table_with_a_parent_in_mixed_notations(tmp_path):
    path = tmp_path / "pool.xlsx"
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in (["Name", "Variant"], [1, "A24G"], [2, "A24G/K28R"], [3, "p.Lys28Arg"], [4, "WT"], [5, GB1[:-1] + "K"]):
        book.active.append(row)
    book.save(path)
    pool = Pool.from_table(path, parent=GB1)
    assert pool.names(range(5)) == ["A24G", "A24G:K28R", "K28R", "WT", "E56K"]
    assert pool.origin == 'column "Variant" of pool.xlsx'
    assert pool.rows_of(["K28R:A24G", GB1, "A24C"]).tolist() == [1, 3, -1]


def test_letters_at_sites_are_variants_of_the_parent(tmp_path):
    path = tmp_path / "pool.csv"
    path.write_text("combo,fitness\nVDGV,1\nFWAA,8.7\n")
    pool = Pool.from_table(path, parent=GB1, sites=["V39", 40, "G41", "54"])
    assert pool.names([0, 1]) == ["WT", "V39F:D40W:G41A:V54A"]
    assert pool.row_of("FWAA") == 1


def test_pairs_of_letters_may_read_wt(tmp_path):
    path = tmp_path / "pool.csv"
    path.write_text("combo,fitness\nVD,1\nWT,2\nAA,3\n")
    assert Pool.from_table(path, parent=GB1, sites=[39, 40]).names([0, 1, 2]) == ["WT", "V39W:D40T", "V39A:D40A"]
    assert Pool.from_table(path).names([0, 1, 2]) == ["VD", "WT", "AA"]


def test_parent_is_derived_from_mutations_and_sequences(tmp_path):
    path = tmp_path / "dms.csv"
    rows = [("A24G", GB1[:23] + "G" + GB1[24:]), ("A24G:K28R", GB1[:23] + "G" + GB1[24:27] + "R" + GB1[28:])]
    path.write_text("mutant,mutated_sequence,DMS_score\n" + "".join(f"{m},{s},1\n" for m, s in rows))
    pool = Pool.from_table(path)
    assert pool.sites is not None
    assert pool.sites.parent_sequence == GB1
    assert pool.names([0, 1]) == ["A24G", "A24G:K28R"]


def test_duplicates_are_merged_on_request(tmp_path):
    path = tmp_path / "pool.csv"
    path.write_text("mutant,score\nA24G,1\nK28R,2\n24G,3\n")
    with pytest.raises(PoolError, match="row 4: the same candidate as in row 2"):
        Pool.from_table(path, parent=GB1)
    assert Pool.from_table(path, parent=GB1, merge_duplicates=True).names([0, 1]) == ["A24G", "K28R"]


def test_unreadable_rows_are_skipped_on_request_and_counted(tmp_path):
    path = tmp_path / "pool.csv"
    path.write_text("mutant,score\nA24G,1\nA24*,2\nK28R,3\nA24G:A24C,3\n")
    with pytest.raises(NotationError, match="row 3"):
        Pool.from_table(path, parent=GB1)
    pool = Pool.from_table(path, parent=GB1, skip_unreadable=True)
    assert pool.names([0, 1]) == ["A24G", "K28R"]
    assert "without 2 rows that cannot be read (first: row 3)" in pool.describe()


def test_guides(tmp_path):
    path = tmp_path / "guides.csv"
    path.write_text("guide,seq,score\nCD5-1,GACGTTACGATCGATCGACAAGG,1\nCD5-2,gacguuacgaucgaucgacugg,2\n")
    with pytest.raises(NotationError, match="row 3"):
        Pool.from_table(path, kind="guides")
    path.write_text("guide,seq,score\nCD5-1,GACGTTACGATCGATCGACAAGG,1\nCD5-2,gacguuacgaucgaucgacuagg,2\n")
    pool = Pool.from_table(path, kind="guides")
    assert pool.kind == "guides"
    assert pool.design(1) == Guide("GACGTTACGATCGATCGACTAGG")
    assert pool.sites is not None
    assert (pool.sites.labels, pool.sites.alphabet) == (("20",), "ACGT")


def test_genotypes_are_case_sensitive_and_proteins_are_not(tmp_path):
    path = tmp_path / "pool.csv"
    path.write_text("genotype,score\naBc,1\nabc,2\n")
    assert Pool.from_table(path).names([0, 1]) == ["aBc", "abc"]
    path.write_text("sequence,score\nfwaa,1\nvdgv,2\n")
    assert Pool.from_table(path).names([0, 1]) == ["FWAA", "VDGV"]


def test_fasta_of_variants(tmp_path):
    path = tmp_path / "variants.fasta"
    path.write_text(f">a\n{GB1}\n>b\n{GB1[:40]}{GB1[41:]}\n")
    pool = Pool.from_fasta(path, parent=GB1)
    assert pool.names([0, 1]) == ["WT", "G41del"]
    with pytest.raises(PoolError, match="different lengths"):
        Pool.from_fasta(path)
    path.write_text(">a\nFWAA\n>b\nVDGV\n>c\nfwaa\n")
    with pytest.raises(PoolError, match='"a" and "c" are the same'):
        Pool.from_fasta(path)
    assert Pool.from_fasta(path, merge_duplicates=True).names([0, 1]) == ["FWAA", "VDGV"]


def test_find_gives_the_reason():
    pool = Pool.single_mutants(GB1, positions=[24])
    assert pool.find("A24G") == pool.row_of("A24G")
    with pytest.raises(NotationError, match="has A at position 24"):
        pool.find("K24G")
    with pytest.raises(NotationError, match="not in the pool"):
        pool.find("K28R")


@modest
@given(parents)
def test_all_single_mutants_are_different_and_complete(parent):
    pool = Pool.single_mutants(parent)
    assert len(pool) == 19 * len(parent)
    changed = pool.codes() != pool.sites.parent  # type: ignore[union-attr]
    assert (changed.sum(1) == 1).all()


def test_large_pools_are_made_in_seconds():
    rng = np.random.default_rng(0)
    words = ["".join(w) for w in itertools.islice(itertools.product(AMINO_ACIDS, repeat=4), 150_000)]
    start = time.process_time()
    pool = Pool.of(map(Sequence, words))
    assert pool.codes().shape == (150_000, 4)
    assert time.process_time() - start < 2

    parent = "M" + "".join(rng.choice(list(AMINO_ACIDS), 2999))
    names = [f"{parent[p]}{p + 1}{a}" for p in range(0, 3000, 3) for a in AMINO_ACIDS if a != parent[p]][:16_000]
    start = time.process_time()
    notation = VariantNotation(parent)
    pool = Pool.of(notation.design(n) for n in names)
    assert pool.codes().shape[0] == 16_000
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    ("designs", "expected"),
    [
        ([], "designs of one type; here: nothing"),
        ([Sequence("FWAA"), Guide("GATT")], "here: Guide, Sequence"),
        ([Variant("MKTA", ()), Variant("MKTW", ())], "different wild types"),
        ([Variant("MKTA", (Mutation(4, "A", "GS"),))], "cannot be understood"),
        ([Variant("MKTA", (Mutation(4, "A", "G"), Mutation(2, "K", "R")))], "not in standard notation"),
        ([Sequence("FWAA"), Sequence("FWAA")], "candidates 1 and 2 are the same"),
        ([Sequence("FWAA"), Sequence("FWA")], "has 3 letters where the others have 4"),
    ],
)
def test_designs_that_make_no_pool(designs, expected):
    with pytest.raises(InputError) as refused:
        Pool.of(designs)
    assert expected in str(refused.value)


def test_a_table_that_was_read_serves_as_well_as_its_path(tmp_path):
    path = tmp_path / "pool.csv"
    path.write_text("variant;fitness\nFWAA;8,7\nVDGV;1\n")
    assert Pool.from_table(read_table(path)).names([0, 1]) == Pool.from_table(path).names([0, 1])


@pytest.mark.parametrize("parent", ["MKTAYIAKQR", None])
def test_names_of_combinations_are_those_of_their_designs(parent):
    sites = [(2, "KRW"), (4, "AG"), (9, "QEND")] if parent else [(1, "01"), (2, "01"), (3, "ab")]
    pool = Pool.combinatorial(parent, sites)
    rows = np.arange(len(pool))
    assert pool.names(rows) == [pool.design(row).name for row in rows.tolist()]
    assert pool.names([]) == []
    with pytest.raises(IndexError, match=r"row (24|8)"):
        pool.names([0, len(pool)])
