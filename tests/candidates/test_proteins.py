"""Wild types and FASTA files."""

from __future__ import annotations

import gzip

import pytest

from activeloop.candidates import check_protein, read_fasta, read_parent
from activeloop.errors import NotationError


def test_fasta_as_people_write_it(tmp_path):
    text = "\ufeff>sp|P06654 protein G\r\nmqyk\r\nLILN \r\n\r\n; a remark\r\n>\r\nMKTA*\r\n"
    path = tmp_path / "a.fasta.gz"
    path.write_bytes(gzip.compress(text.encode()))
    assert read_fasta(path) == {"sp|P06654": "MQYKLILN", "sequence 2": "MKTA*"}


def test_a_wild_type_may_be_given_in_any_form(tmp_path, monkeypatch):
    (tmp_path / "wt.fasta").write_text(">wt\nMKTA\nYIAK*\n")
    (tmp_path / "WT").write_text(">wt\nMKTAYIAK\n")
    monkeypatch.chdir(tmp_path)
    forms = ["MKTAYIAK", " mktayiak\n", "MKTA YIAK", ">wt\nMKTA\nYIAK\n", "wt.fasta", tmp_path / "wt.fasta", "WT"]
    assert {read_parent(form) for form in forms} == {"MKTAYIAK"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "is empty"),
        ("*", "is empty"),
        ("MKTA*YIAK", "* is a stop codon) at position 5"),
        ("ATGAAAACCGCTTAT", "looks like DNA or RNA"),
        ("AUGAAAACCGCUUAU", "looks like DNA or RNA"),
        ("GB1", '"B", which is none'),
        ("nowhere.fasta", "nowhere.fasta: there is no such file"),
        ("folder/", "this is a folder"),
    ],
)
def test_no_wild_type(tmp_path, monkeypatch, text, expected):
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NotationError) as refused:
        read_parent(text)
    assert expected in str(refused.value)


def test_a_file_with_a_wrong_letter_is_named(tmp_path):
    path = tmp_path / "wt.fasta"
    path.write_text(">wt\nMKTB\n")
    with pytest.raises(NotationError, match=r'wt\.fasta: record "wt" has "B".* at position 4'):
        read_parent(path)


def test_binary_is_no_fasta(tmp_path):
    path = tmp_path / "wt.fasta"
    path.write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(NotationError, match="not a FASTA file but a binary one"):
        read_fasta(path)


def test_short_proteins_of_few_letters_are_no_dna():
    assert check_protein("GAGATAG") == "GAGATAG"
