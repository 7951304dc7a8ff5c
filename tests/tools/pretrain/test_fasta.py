import gzip
from pathlib import Path

import pytest
import zstandard

from activeloop.errors import InputError
from tools.pretrain.corpus import Corpus, Source, parse, read_corpus, read_parts

TEXT = b">one\nMKTA\nYIAK\n\n>two some words\r\nLLGG*\r\n"


def test_plain_and_compressed_files_are_the_same(tmp_path: Path) -> None:
    compress = zstandard.ZstdCompressor().compress
    (tmp_path / "a.fasta").write_bytes(TEXT)
    (tmp_path / "a.fasta.gz").write_bytes(gzip.compress(TEXT))
    # two frames, as parallel compressors write them
    (tmp_path / "a.fasta.zst").write_bytes(compress(TEXT[:14]) + compress(TEXT[14:]))
    for name in ("a.fasta", "a.fasta.gz", "a.fasta.zst"):
        corpus = read_corpus(tmp_path / name)
        expected = Corpus.of(["MKTAYIAK", "LLGG"])
        assert corpus.tokens.tolist() == expected.tokens.tolist()
        assert corpus.starts.tolist() == expected.starts.tolist()


@pytest.mark.parametrize(
    ("text", "line", "shown"),
    [
        (b"MKT\n>a\nMKT\n", "line 1", "MKT"),
        (b"variant,score\nA1G,0.3\n", "line 1", "variant"),
        (b">a\nMKT\nM1T\n", "line 3", "'1'"),
        (b">a\nMKT\n>b\n>c\nMKT\n", "line 3", "no sequence"),
        (b">a\nMKT\n>b\n", "line 3", "no sequence"),
    ],
)
def test_what_is_no_fasta_is_named(text: bytes, line: str, shown: str) -> None:
    with pytest.raises(InputError, match=rf"^x\.fasta: {line}: .*{shown}.*Nothing was trained"):
        parse(text.splitlines(keepends=True), "x.fasta")


@pytest.mark.parametrize("content", [b">a\nMKT\n", gzip.compress(TEXT, mtime=0)[:-12]], ids=["plain", "torn"])
@pytest.mark.parametrize("suffix", ["gz", "zst"])
def test_damaged_files_are_named(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f"a.fasta.{suffix}"
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"a\.fasta\.{suffix}: is damaged"):
        read_corpus(path)


def test_missing_and_empty_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty.fasta").write_text("")
    with pytest.raises(InputError, match=r"empty\.fasta: holds no sequence"):
        read_corpus(tmp_path / "empty.fasta")
    with pytest.raises(InputError, match=r"gone\.fasta: is not a file"):
        read_corpus(tmp_path / "gone.fasta")


def test_a_part_of_every_file_is_held_out(tmp_path: Path) -> None:
    path = tmp_path / "a.fasta"
    path.write_text("".join(f">{i}\n{'MKTAY' * 8}\n" for i in range(20)))
    (part,) = read_parts([Source(str(path), 2.0)], 0.001, 0)
    assert (len(part.train), len(part.held_out)) == (19, 1)
    (whole,) = read_parts([Source(str(path))], 0.0, 0)
    assert (len(whole.train), len(whole.held_out)) == (20, 0)
    with pytest.raises(InputError, match="weight -1"):
        Source.parse("a.fasta=-1")
