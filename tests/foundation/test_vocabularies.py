"""Vocabularies from the files that checkpoints come with."""

import json
from pathlib import Path

import pytest

from activeloop.errors import FetchError, PoolError
from activeloop.foundation import ESM2, NucleotideTransformer, ProtT5, SaProt
from activeloop.foundation.vocabulary import read_vocabulary

NAMES = ("<pad>", "</s>", "<unk>", "▁A", "▁L", "é")


def spiece(names: tuple[str, ...]) -> bytes:
    """A SentencePiece model of a few pieces: text, score (a float) and kind, and settings behind them."""
    whole = b""
    for name in names:
        text = name.encode()
        piece = b"\x0a" + bytes([len(text)]) + text + b"\x15" + b"\x00" * 4 + b"\x18\x01"
        whole += b"\x0a" + bytes([len(piece)]) + piece
    return whole + b"\x12\x03\x18\x80\x01"


FILES = {
    "spiece.model": spiece(NAMES),
    "vocab.txt": "\n".join(NAMES).encode(),
    "vocab.json": json.dumps({name: i for i, name in enumerate(NAMES)}).encode(),
    "tokenizer.json": json.dumps({"model": {"vocab": [[name, 0.5] for name in NAMES]}}).encode(),
}


@pytest.mark.parametrize("name", FILES)
def test_each_kind_of_file(tmp_path: Path, name: str):
    (tmp_path / name).write_bytes(FILES[name])
    assert read_vocabulary(tmp_path) == {token: i for i, token in enumerate(NAMES)}


def test_added_tokens_count(tmp_path: Path):
    added = [{"id": 9, "content": "<mask>"}]
    (tmp_path / "tokenizer.json").write_text(json.dumps({"model": {"vocab": {"A": 0}}, "added_tokens": added}))
    assert read_vocabulary(tmp_path) == {"A": 0, "<mask>": 9}


@pytest.mark.parametrize(
    ("name", "content"),
    [("spiece.model", FILES["spiece.model"][:9]), ("spiece.model", b"\xff\xff"), ("tokenizer.json", b"{}")],
)
def test_broken_files_are_named(tmp_path: Path, name: str, content: bytes):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FetchError, match=r"is not the vocabulary.*nothing was loaded"):
        read_vocabulary(tmp_path)


def test_no_file_at_all(tmp_path: Path):
    with pytest.raises(FetchError, match="has no vocabulary"):
        read_vocabulary(tmp_path)


def test_esm_reads_as_its_own_tokenizer(tiny: str):
    from transformers import EsmTokenizer

    texts = ["MKTAYIAKQR", "XBUZO"]
    theirs = EsmTokenizer(str(Path(tiny) / "vocab.txt"))(texts)["input_ids"]
    tokens = ESM2(tiny).tokens_of(texts)
    assert [row[:n].tolist() for row, n in zip(tokens.ids, tokens.lengths, strict=True)] == theirs


def test_nucleotides_are_read_as_by_its_own_tokenizer(tmp_path: Path):
    from transformers import EsmTokenizer

    from tiny_models import tiny_nucleotides

    folder = tiny_nucleotides(tmp_path / "x")
    texts = ["ACGTACGTACGTAC", "ACGTNACGTACGTANNC", "ACG", "NNNNNNNN"]
    theirs = EsmTokenizer(str(tmp_path / "x" / "vocab.txt"), eos_token=None)(texts)["input_ids"]
    tokens = NucleotideTransformer(folder).tokens_of(texts)
    assert [row[:n].tolist() for row, n in zip(tokens.ids, tokens.lengths, strict=True)] == theirs


def test_t5_puts_nothing_before_and_reads_rare_residues_as_x(tmp_path: Path):
    from tiny_models import tiny_t5

    folder = tiny_t5(tmp_path / "x")
    vocabulary = read_vocabulary(Path(folder))
    tokens = ProtT5(folder).tokens_of(["AUZ"])
    assert tokens.ids.tolist() == [[vocabulary["▁A"], vocabulary["▁X"], vocabulary["▁X"], vocabulary["</s>"]]]


def test_structure_letters_stay_with_their_residue(tmp_path: Path):
    import numpy as np

    from activeloop.candidates import Mutation, Pool, Variant
    from tiny_models import tiny_saprot

    folder = tiny_saprot(tmp_path / "x")
    names = {i: token for token, i in read_vocabulary(Path(folder)).items()}
    pool = Pool.of([Variant("MKTA", (Mutation(2, "K", ""), Mutation(3, "", "GS"), Mutation(4, "A", "W")))])
    tokens = SaProt(folder, structure="pynw").tokens(pool, np.array([0]))
    assert [names[i] for i in tokens.ids[0].tolist()] == ["<cls>", "Mp", "Tn", "G#", "S#", "Ww", "<eos>"]
    assert [names[i] for i in SaProt(folder).tokens_of(["MK"]).ids[0].tolist()][1:3] == ["M#", "K#"]
    for structure in ("pyn", "pynX"):
        with pytest.raises(PoolError, match="nothing was encoded"):
            SaProt(folder, structure=structure).tokens(pool, np.array([0]))


def test_places_end_somewhere(tmp_path: Path):
    from tiny_models import tiny_nucleotides

    folder = tiny_nucleotides(tmp_path / "x")
    assert NucleotideTransformer(folder).tokens_of(["ACGTAC" * 63]).ids.shape == (1, 64)
    with pytest.raises(PoolError, match="reads at most 63 tokens, and the longest candidate has 64"):
        NucleotideTransformer(folder).tokens_of(["ACGTAC" * 64])
