"""Protein sequences: the letters allowed in them, FASTA files, and how a wild type is given."""

from __future__ import annotations

import os
from pathlib import Path

from activeloop.candidates.designs import AMINO_ACIDS
from activeloop.candidates.files import read_file, unpack
from activeloop.errors import InputError, NotationError

THREE_LETTER = {
    "ALA": "A", "CYS": "C", "ASP": "D", "GLU": "E", "PHE": "F", "GLY": "G", "HIS": "H", "ILE": "I", "LYS": "K",
    "LEU": "L", "MET": "M", "ASN": "N", "PRO": "P", "GLN": "Q", "ARG": "R", "SER": "S", "THR": "T", "VAL": "V",
    "TRP": "W", "TYR": "Y",
}  # fmt: skip
_WHAT_IT_MEANS = {
    "B": "B means Asn or Asp",
    "J": "J means Leu or Ile",
    "Z": "Z means Gln or Glu",
    "X": "X means any residue, to some a stop",
    "O": "O is pyrrolysine",
    "U": "U is selenocysteine",
    "*": "* is a stop codon",
}


def check_protein(sequence: str, what: str = "the sequence") -> str:
    """The sequence in upper case, if it is made of the twenty amino acids.

    Args:
        sequence: one-letter codes; a stop `*` at the very end is dropped.
        what: how messages name it.

    Raises:
        NotationError: another letter (named, with its position), nothing at all, or DNA.

    >>> check_protein("mkta*")
    'MKTA'
    """
    letters = sequence.strip().upper().removesuffix("*")
    if not letters:
        raise NotationError(f"{what} is empty. Give a protein sequence in one-letter code.")
    if len(letters) >= 12 and set(letters) <= set("ACGTUN"):
        raise NotationError(f"{what} looks like DNA or RNA ({letters[:12]}...). Translate it and give the protein.")
    for position, letter in enumerate(letters, 1):
        if letter not in AMINO_ACIDS:
            raise NotationError(f"{what} has {unknown_letter(letter)} at position {position}. Correct it.")
    return letters


def unknown_letter(letter: str) -> str:
    """A few words about a letter that is none of the twenty amino acids.

    >>> unknown_letter("X")
    '"X", which is none of the 20 amino acids (X means any residue, to some a stop)'
    """
    meaning = f" ({_WHAT_IT_MEANS[letter]})" if letter in _WHAT_IT_MEANS else ""
    return f'"{letter}", which is none of the 20 amino acids{meaning}'


def read_fasta(path: str | os.PathLike[str]) -> dict[str, str]:
    """Read a FASTA file (also gzipped).

    Args:
        path: the file.

    Returns:
        Sequence by name (the first word of each header line), in upper case, in the order of the file.

    Raises:
        NotationError: no such file, not FASTA, a name twice or a record without letters.
    """
    file = os.fspath(path)
    data = unpack(read_file(path, NotationError), file, NotationError)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotationError(
            "this is not a FASTA file but a binary one. Save the sequence as text.", file=file
        ) from None
    records: dict[str, list[str]] = {}
    name = None
    for row, line in enumerate(map(str.strip, text.splitlines()), 1):
        if line.startswith(">"):
            name = line[1:].split()[0] if line[1:].split() else f"sequence {len(records) + 1}"
            if name in records:
                raise NotationError(f'the name "{name}" stands twice. Give each record its own.', file=file, row=row)
            records[name] = []
        elif line and not line.startswith(";"):
            if name is None:
                raise NotationError(
                    'this is not FASTA: no line starts with ">". Add ">name" above.', file=file, row=row
                )
            records[name].append("".join(line.split()).upper())
    if not records:
        raise NotationError("the file holds no sequence. Save it again.", file=file)
    for name, pieces in records.items():
        if not any(pieces):
            raise NotationError(
                f'record "{name}" has no letters: the file looks half-written. Save it again.', file=file
            )
    return {name: "".join(pieces) for name, pieces in records.items()}


def read_parent(text_or_path: str | os.PathLike[str]) -> str:
    """The wild type: one-letter codes, FASTA text, or the path of a FASTA file with one record.

    Raises:
        NotationError: it is neither, or no protein.

    >>> read_parent("mktayiak")
    'MKTAYIAK'
    """
    text = os.fspath(text_or_path).strip()
    if text.startswith(">"):
        text = "".join(line.strip() for line in text.splitlines()[1:] if not line.startswith(">"))
        return check_protein(text, "the wild type")
    named_like_file = isinstance(text_or_path, os.PathLike) or any(c in text for c in "./\\")
    if not named_like_file and not (len(text) < 256 and Path(text).is_file()):
        return check_protein("".join(text.split()), "the wild type")
    records = read_fasta(text)
    if len(records) > 1:
        raise NotationError(f"the file holds {len(records)} sequences. Leave only the wild type in it.", file=text)
    name, sequence = next(iter(records.items()))
    try:
        return check_protein(sequence, f'record "{name}"')
    except InputError as error:
        raise NotationError(error.problem, file=text) from None
