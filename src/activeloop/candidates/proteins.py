"""Protein sequences: letters, FASTA files, how a wild type is given, numbering, and alignment to a parent."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from activeloop.candidates.designs import AMINO_ACIDS, Mutation
from activeloop.errors import InputError, NotationError, check_type
from activeloop.tables.reading import read_file

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
    """For messages: a letter that is none of the twenty amino acids.

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
    data, _ = read_file(path, NotationError)
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
    check_type(text_or_path, (str, os.PathLike), "a wild type", "its sequence as text, or the path of its FASTA file")
    text = os.fspath(text_or_path).strip()
    named_like_file = isinstance(text_or_path, os.PathLike) or any(c in text for c in "./\\")
    if text.startswith(">") or (not named_like_file and not (len(text) < 256 and Path(text).is_file())):
        return parent_in(text)
    records = read_fasta(text)
    if len(records) > 1:
        raise NotationError(f"the file holds {len(records)} sequences. Leave only the wild type in it.", file=text)
    name, sequence = next(iter(records.items()))
    try:
        return check_protein(sequence, f'record "{name}"')
    except InputError as error:
        raise NotationError(error.problem, file=text) from None


def parent_in(text: str) -> str:
    r"""The wild type in a text: one-letter codes, or FASTA with one record; no file is opened.

    Raises:
        NotationError: it is no protein, or several.

    >>> parent_in(">lysozyme\nMKTAY\nIAK")
    'MKTAYIAK'
    """
    lines = text.strip().splitlines()
    if lines and lines[0].startswith(">"):
        if (records := sum(line.startswith(">") for line in lines)) > 1:
            raise NotationError(f"the FASTA text holds {records} sequences. Leave only the wild type in it.")
        lines = lines[1:]
    return check_protein("".join("".join(lines).split()), "the wild type")


# A substitution costs less than a gap: gaps appear only where the lengths or a long stretch ask for them.
MISMATCH, GAP_OPEN, GAP_EXTEND = 4, 12, 1


def substitutions(parent: str, sequence: str) -> tuple[Mutation, ...]:
    """The differences of two sequences of one length.

    >>> [str(m) for m in substitutions("MKTA", "MRTG")]
    ['K2R', 'A4G']
    """
    a, b = np.frombuffer(parent.encode(), np.uint8), np.frombuffer(sequence.encode(), np.uint8)
    return tuple(Mutation(int(i) + 1, parent[i], sequence[i]) for i in np.flatnonzero(a != b))


def align(parent: str, sequence: str) -> tuple[Mutation, ...]:
    """The mutations that turn the parent into the sequence: a global alignment with affine gap costs.

    Within a run of equal letters a gap stands as far to the right as it can, as HGVS asks.

    Args:
        parent: one-letter codes.
        sequence: one-letter codes, of any length.

    Returns:
        Ordered by position; an insertion comes after the change of the residue that it follows.

    Source: Gotoh 1982, doi:10.1016/0022-2836(82)90398-9.

    >>> [str(m) for m in align("MKTAAY", "MKTAY")], [str(m) for m in align("MKTAY", "MKGSTAY")]
    (['A5del'], ['2insGS'])
    """
    if len(parent) == len(sequence):
        return substitutions(parent, sequence)
    # Common ends stay as they are: this makes single indels in long proteins as cheap as they are frequent.
    short = min(len(parent), len(sequence))
    head = next((i for i in range(short) if parent[i] != sequence[i]), short)
    tail = next((i for i in range(short - head) if parent[-1 - i] != sequence[-1 - i]), short - head)
    old, new = parent[head : len(parent) - tail], sequence[head : len(sequence) - tail]
    rows = _with_one_gap(old, new) or _aligned(old, new)
    return tuple(_mutations(*rows, head))


def _mutations(old: str, new: str, start: int) -> list[Mutation]:
    """Read two aligned rows (`-` for a gap), the first letter standing at position `start` + 1."""
    found: list[Mutation] = []
    position, inserted = start, ""
    for a, b in zip(old + ".", new + ".", strict=True):
        if a == "-":
            inserted += b
            continue
        if inserted:
            found.append(Mutation(position, "", inserted))
            inserted = ""
        position += 1
        if a != b:
            found.append(Mutation(position, a, b.replace("-", "")))
    return found


def _with_one_gap(a: str, b: str) -> tuple[str, str] | None:
    """Both strings with one gap in the shorter, where that must be the cheapest alignment; None where it may not be.

    Any other alignment opens a second gap, which is never cheaper than the few mismatches accepted here.
    """
    if len(a) > len(b):
        turned = _with_one_gap(b, a)
        return None if turned is None else (turned[1], turned[0])
    n, gap = len(a), len(b) - len(a)
    letters_a, letters_b = np.frombuffer(a.encode(), np.uint8), np.frombuffer(b.encode(), np.uint8)
    before = np.concatenate([[0], np.cumsum(letters_a != letters_b[:n])])
    behind = np.concatenate([[0], np.cumsum((letters_a != letters_b[gap:])[::-1])])[::-1]
    mismatches = before + behind
    place = n - int(mismatches[::-1].argmin())  # The last of equally good places.
    if mismatches[place] * MISMATCH > GAP_OPEN:
        return None
    return a[:place] + "-" * gap + a[place:], b


def _aligned(a: str, b: str) -> tuple[str, str]:
    """Both strings with gaps; one row of the cost tables at a time, each row in NumPy."""
    n, m = len(a), len(b)
    if not n or not m:
        return a + "-" * m, "-" * n + b
    letters_a, letters_b = np.frombuffer(a.encode(), np.uint8), np.frombuffer(b.encode(), np.uint8)
    far = 10**9
    steps = np.arange(m + 1) * GAP_EXTEND
    best, down, right = (np.full((n + 1, m + 1), far, np.int64) for _ in range(3))
    best[0, 0] = 0
    best[0, 1:] = right[0, 1:] = GAP_OPEN + steps[1:]
    for i in range(1, n + 1):
        down[i] = np.minimum(down[i - 1], best[i - 1] + GAP_OPEN) + GAP_EXTEND
        pair = np.where(letters_b == letters_a[i - 1], 0, MISMATCH)
        without = down[i].copy()
        without[1:] = np.minimum(without[1:], best[i - 1, :-1] + pair)
        # A gap along the row opens at its cheapest earlier cell: a running minimum instead of a loop.
        opened = np.minimum.accumulate(without - steps) + steps + GAP_OPEN
        right[i, 1:] = opened[:-1] + GAP_EXTEND
        best[i] = np.minimum(without, right[i])
    return _walk_back(a, b, best, down, right)


def _walk_back(a: str, b: str, best: np.ndarray, down: np.ndarray, right: np.ndarray) -> tuple[str, str]:
    """From the far corner to the start, along the cheapest path; gaps first, so that they stand far to the right."""
    i, j, table = len(a), len(b), best
    old, new = [], []
    while i or j:
        if table is best:
            if j and best[i, j] == right[i, j]:
                table = right
            elif i and best[i, j] == down[i, j]:
                table = down
            else:
                i, j = i - 1, j - 1
                old.append(a[i])
                new.append(b[j])
        elif table is right:
            table = right if j > 1 and right[i, j] == right[i, j - 1] + GAP_EXTEND else best
            j -= 1
            old.append("-")
            new.append(b[j])
        else:
            table = down if i > 1 and down[i, j] == down[i - 1, j] + GAP_EXTEND else best
            i -= 1
            old.append(a[i])
            new.append("-")
    return "".join(reversed(old)), "".join(reversed(new))


_OLD = re.compile(r"(?<![A-Za-z])([A-Za-z]{3}|[A-Za-z])(\d+)(?=[A-Za-z=*-]|_)")
NEARLY_ALL = 0.95
#: with fewer different sites, some offset fits by chance
FEWEST_SITES = 5
#: so many suffice within a smaller reach, and where one offset alone fits all
FEW_SITES, NEAR = 3, 100


def find_offset(names: Iterable[str], parent: str, *, reach: int = 2000) -> tuple[int, int, int] | None:
    """The constant that, added to all positions, makes the old residues fit the parent.

    Args:
        names: variants as written.
        parent: the wild type.
        reach: largest offset tried, either way.

    Returns:
        Offset, number of variants that fit with it, number of variants; None when the written numbers fit as well as
        any other, or no offset fits at least 95 % of the different residues named (all of them, where they are three or
        four, and no other offset may do so).

    >>> find_offset(["K1R", "T2S", "A3G", "Y4F", "I5V"], "MKTAYIAKQR")
    (1, 5, 5)
    """
    return fitting_offset(all_old_residues(names), parent, reach=reach)


def fitting_offset(
    variants: Sequence[tuple[tuple[int, str], ...]], parent: str, *, reach: int = 2000
) -> tuple[int, int, int] | None:
    """As `find_offset`, from the `old_residues` of the variants that name some."""
    different = sorted({site for v in variants for site in v})
    few = len(different) < FEWEST_SITES
    if len(different) < FEW_SITES:
        return None
    old = np.frombuffer("".join(o for _, o in different).encode(), np.uint8)
    positions = np.array([p for p, _ in different])
    padded = np.zeros(len(parent) + 2, np.uint8)
    padded[1:-1] = np.frombuffer(parent.encode(), np.uint8)
    reach = min(reach, NEAR) if few else reach
    offsets = np.arange(-reach, reach + 1)
    offsets = offsets[np.argsort(np.abs(offsets), kind="stable")]
    fits = np.array([np.mean(padded[np.clip(positions + d, 0, len(parent) + 1)] == old) for d in offsets])
    best = int(offsets[fits.argmax()])
    if best == 0 or fits.max() < NEARLY_ALL or (few and (fits == 1).sum() > 1):
        return None
    good = {site for site in different if padded[np.clip(site[0] + best, 0, len(parent) + 1)] == ord(site[1])}
    return best, sum(good.issuperset(v) for v in variants), len(variants)


def check_offset(names: Iterable[str], parent: str, *, file: str | None = None, offsets: Iterable[int] = (0,)) -> None:
    """Refuse variants whose positions are all off by one constant.

    Args:
        names: variants as written.
        parent: the wild type.
        file: where they stand, for the message.
        offsets: those that are known.

    Raises:
        NotationError: names the offset, and how to correct it.

    >>> check_offset(["K1R", "T2S", "A3G", "Y4F", "I5V"], "MKTAYIAKQR")
    Traceback (most recent call last):
    activeloop.errors.NotationError: all 5 variants fit if 1 is added to each position (is the start Met not counted?).
        Give offset=1, or another wild type.
    """
    refuse_offset(find_offset(names, parent), offsets, file)


def refuse_offset(found: tuple[int, int, int] | None, offsets: Iterable[int], file: str | None = None) -> None:
    """Refuse what `find_offset` found, where it is none of those that are known; see `check_offset`."""
    if found is None or found[0] in offsets:
        return
    best, fitting, total = found
    share = f"all {total} variants fit" if fitting == total else f"{fitting} of {total} variants fit"
    change = f"{abs(best)} is {'added to' if best > 0 else 'subtracted from'} each position"
    fix = f"Give offset={best}, or another wild type."
    raise NotationError(f"{share} if {change} ({_likely_cause(best)}). {fix}", file=file)


def _likely_cause(offset: int) -> str:
    if abs(offset) == 1:
        return "is the start Met not counted?" if offset > 0 else "is the start Met counted but not in the wild type?"
    if 10 <= abs(offset) <= 60:
        return "is a signal peptide or tag counted on one side only?"
    return "is the wild type only a part, or a longer form, of the numbered protein?"


def all_old_residues(names: Iterable[str]) -> list[tuple[tuple[int, str], ...]]:
    """`old_residues` of each name that has some; a mutation that comes again is read once.

    >>> all_old_residues(["K2R:T3S", "4G", "K2R"])
    [((2, 'K'), (3, 'T')), ((2, 'K'),)]
    """
    known: dict[str, tuple[tuple[int, str], ...]] = {}
    found = []
    for name in names:
        sites: tuple[tuple[int, str], ...] = ()
        for part in name.split(":"):
            if (mine := known.get(part)) is None:
                mine = known[part] = old_residues(part)
            sites += mine
        if sites:
            found.append(sites)
    return found


def old_residues(name: str) -> tuple[tuple[int, str], ...]:
    """Position and old residue of each mutation that names its old residue.

    >>> old_residues("p.Lys2Arg:4G")
    ((2, 'K'),)
    """
    if name.isalpha():  # A whole sequence.
        return ()
    found = []
    for match in _OLD.finditer(name.upper()):
        old, digits = match[1], match[2]
        letter = THREE_LETTER.get(old, old)
        if len(letter) == 1 and len(digits) < 7:
            found.append((int(digits), letter))
    return tuple(found)
