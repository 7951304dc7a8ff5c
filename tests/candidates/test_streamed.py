"""Pools in files too long for memory: the same candidates as when they are read whole."""

from __future__ import annotations

import pickle
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activeloop.candidates import Pool, StreamedPool
from activeloop.errors import InputError, NotationError, PoolError, TableError
from activeloop.tables import long_file
from activeloop.tables.long_file import LongFile

WT = "MKTAYIAKQR"
LIKE = Pool.combinatorial(WT, ["K2", "A4", "I6"])


@pytest.fixture
def listed(tmp_path):
    """All 8,000 variants of a pool, as a table."""
    path = tmp_path / "list.csv"
    names = LIKE.names(np.arange(len(LIKE)))
    path.write_text("number,variant\n" + "".join(f"{i},{name}\n" for i, name in enumerate(names)))
    return path


def test_a_listed_pool_is_the_pool_itself(listed):
    pool = StreamedPool(listed, LIKE)
    rows = np.array([7999, 0, 3, 4100, 3])
    assert len(pool) == 8000
    assert pool.names(rows) == LIKE.names(rows)
    assert np.array_equal(pool.codes(rows), LIKE.codes(rows))
    assert np.array_equal(pool.codes(), LIKE.codes())
    assert pool[77].id == LIKE[77].id
    assert pool.row_of("p.Lys2Cys") == LIKE.row_of("K2C")
    assert pool.row_of("K3C") is None
    assert pool.row_of("T3C") is None
    assert pool.allowed(rows).all()
    assert pool.describe() == "8,000 variants: the candidates in list.csv."


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "id;variant\r\n1;K2C\r\n2;A4G\r\n3;WT\r\n"),
        ("a.tsv", 'variant\tnote\n"K2C"\t"a\tb"\nA4G\tx\nWT\t'),
        ("a.txt", "K2C one\nA4G two\nWT"),
        ("a.smi", "K2C\nA4G\nWT\n"),
        ("a.fasta", ">one\nMCTAY\nIAKQR\n>two\nMKTGYIAKQR\n>three\nMKTAYIAKQR"),
    ],
)
def test_files_of_every_sort(tmp_path, name, text):
    (tmp_path / name).write_bytes(text.encode())
    pool = StreamedPool(tmp_path / name, LIKE)
    assert pool.names(np.arange(len(pool)))[:3] == ["K2C", "A4G", "WT"]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.text("ACDE", min_size=1, max_size=30), min_size=1, max_size=60), st.booleans(), st.integers(1, 50))
def test_any_record_is_found_wherever_blocks_end(tmp_path_factory, texts, fasta, block):
    path = tmp_path_factory.mktemp("long") / "list.txt"
    path.write_text("".join(f">{i}\n{text}\n" for i, text in enumerate(texts)) if fasta else "\n".join(texts))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(long_file, "BLOCK", block)
        patch.setattr(long_file, "STRIDE", 4)
        file = LongFile.of(path, fasta)
        rows = np.random.default_rng(0).permutation(len(texts))
        assert file.count == len(texts)
        assert file.records(rows) == [texts[row] for row in rows]


def test_what_cannot_be_read_is_named_or_left_out(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text('variant,x\nK2C,1\nK2B,2\nT3C,3\n\n"A4G,5\nA4G,6\n')
    pool = StreamedPool(path, LIKE)
    for row, expected in ((1, 'row 3: "K2B"'), (2, "row 4: T3C is at a place"), (4, "row 6: a quotation mark")):
        with pytest.raises(InputError, match=expected):
            pool.allowed([0, row])
        with pytest.raises(NotationError, match=expected):
            pool.design(row)
    assert pool.allowed([0, 3, 5]).tolist() == [True, False, True]  # an empty line is no candidate
    skipping = StreamedPool(path, LIKE, skip_unreadable=True)
    assert skipping.allowed(np.arange(6)).tolist() == [True, False, False, False, False, True]
    assert skipping.readable(np.arange(6)).tolist() == [True, False, False, True, False, True]


def test_rules_and_what_is_measured_are_honoured(listed):
    ruled = Pool.combinatorial(WT, ["K2", "A4", "I6"], max_mutations=1)
    pool = StreamedPool(listed, ruled, without=[LIKE.notation.design("K2C")])
    rows = np.arange(8000)
    expected = ruled.allowed(rows)
    expected[LIKE.row_of("K2C")] = False
    assert np.array_equal(pool.allowed(rows), expected)


def test_guides_and_strings_without_a_parent(tmp_path):
    like = Pool.combinatorial(None, [("1", "AC"), ("2", "G"), ("3", "AT")])
    (tmp_path / "a.txt").write_text("AGA\nCGT\nCTT\nGGT\n")
    pool = StreamedPool(tmp_path / "a.txt", like)
    assert np.array_equal(pool.codes([0, 1]), like.codes([0, 3]))
    with pytest.raises(NotationError, match="AGTA"):
        StreamedPool(_written(tmp_path / "b.txt", "AGTA\n"), like).design(0)


def test_compounds_have_no_sites(tmp_path):
    like = Pool.from_table(_written(tmp_path / "a.csv", "smiles\nCCO\nCCN\n"), "compounds")
    pool = StreamedPool(_written(tmp_path / "b.smi", "CCO ethanol\nCCC propane\n"), like)
    assert pool.names([1, 0]) == ["CCC", "CCO"]
    assert pool.sites is None
    with pytest.raises(PoolError, match="no sequence"):
        pool.codes([0])


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"\x1f\x8b\x08", "packed"), (b"PK\x03\x04\x00\x00", "no text"), (b"", "no record"), (b"a,b\n1,2\n", "column")],
)
def test_what_is_no_long_list_is_refused(tmp_path, content, expected):
    (tmp_path / "list.csv").write_bytes(content)
    with pytest.raises(TableError, match=expected):
        StreamedPool(tmp_path / "list.csv", LIKE)


def test_a_file_that_shrinks_is_noticed(listed):
    pool = StreamedPool(listed, LIKE)
    listed.write_text("variant\n")
    with pytest.raises(TableError, match="shorter than it was"):
        pool.design(5000)


def test_workers_get_it_whole(listed):
    pool = StreamedPool(listed, LIKE)
    pool.names([3])
    assert pickle.loads(pickle.dumps(pool)).names([3]) == pool.names([3])


def test_memory_stays_bounded(tmp_path):
    path = tmp_path / "long.txt"
    path.write_bytes(b"MKTAYIAKQR\n" * 1_000_000)
    tracemalloc.start()
    pool = StreamedPool(path, LIKE)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(pool) == 1_000_000
    assert kept < 500_000


def _written(path, text):
    path.write_text(text)
    return path
