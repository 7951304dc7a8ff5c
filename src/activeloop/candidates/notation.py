"""How candidates are written: protein variants, sequences, guides and compounds."""

from __future__ import annotations

import importlib.util
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Sequence as Rows
from itertools import pairwise
from typing import Any, final

from activeloop.candidates.compounds import STRUCTURES, parent_structure, skeleton
from activeloop.candidates.designs import AMINO_ACIDS, Compound, Design, Guide, Mutation, Sequence, Variant
from activeloop.candidates.proteins import THREE_LETTER, align, check_protein, substitutions, unknown_letter
from activeloop.errors import InputError, MissingExtraError, NotationError

#: names of the wild type, without regard to case, blanks, `_` and `-`
WILD_TYPE = frozenset(
    {"WT", "WILDTYPE", "WILDTYP", "PARENT", "PARENTAL", "NATIVE", "UNMUTATED", "NOMUTATION", "TYPESAUVAGE", "SILVESTRE"}
)
_UNCHANGED = frozenset({"P.=", "P.(=)", "(=)", "=", "_SY", "P.WT"})
# An underscore or hyphen joins two mutations only after a whole one: `K23_A24del` is one deletion, `A24-` too.
_SEPARATOR = re.compile(r"[:,;/+|&\s]+|(?<=[A-Z=*])_(?=[A-Z]*\d)|(?<=[A-Z])-(?=[A-Z]+\d)")
_ACCESSION = re.compile(r"(?:[NX]P_|ENSP)\d+(?:\.\d+)?:(?=P\.)")
_TRANS = re.compile(r"[\])]\s*;\s*[\[(]|\(\s*;\s*\)")
_POSITION = r"([A-Z]{3}|[A-Z])?([0-9]{1,6})"
_CHANGE = re.compile(rf"{_POSITION}([A-Z]{{3}}|[A-Z=*])")
_DELETION = re.compile(rf"(?:Δ|DEL(?=[A-Z]?\d))?{_POSITION}(?:[_-]{_POSITION})?(DEL|-|Δ)?")
_INSERTION = re.compile(rf"{_POSITION}(?:_{_POSITION})?INS([A-Z]+)")
_REPLACEMENT = re.compile(rf"{_POSITION}(?:_{_POSITION})?(DUP|DELINS([A-Z]+))")


class Notation(ABC):
    """How the candidates of one pool are written."""

    @abstractmethod
    def design(self, text: str) -> Design:
        """The design a text stands for; raises NotationError with the reason when there is none."""

    @abstractmethod
    def key(self, design: Design) -> str:
        """Equal for two designs exactly when they are the same substance."""

    def quick_key(self, design: Design) -> str:
        """Equal for two designs of one key, and perhaps for others; for when keys take long."""
        return self.key(design)


@final
class VariantNotation(Notation):
    """Variants of one wild type.

    Understands `A24G`, `p.Ala24Gly`, `24G`, several of them joined by `:` `,` `/` `;` `+` `_` or a blank, `A24del`,
    `A24-`, `K23_A24del`, `24insGS`, `K23_A24delinsGS`, `A24dup`, `WT` and other names of the wild type, whole sequences
    of any length, and the letters at known sites (`FWAA`).

    Args:
        parent: the wild type, one-letter codes.
        offset: what is added to each written position to get the position in `parent`.
        sites: positions in `parent` to which a string of as many letters refers.

    >>> notation = VariantNotation("MKTAYIAKQR", sites=(2, 4))
    >>> [notation.design(t).name for t in ("K2R/A4-", "p.Lys2Arg", "2R", "wt", "RG", "MRTAYIAKQR", "MKTAYIAKKQR")]
    ['K2R:A4del', 'K2R', 'K2R', 'WT', 'K2R:A4G', 'K2R', '8insK']
    >>> notation.design("K3R")
    Traceback (most recent call last):
    activeloop.errors.NotationError: "K3R": the wild type has T at position 3, not K. Check the numbering and ...
    """

    def __init__(self, parent: str, *, offset: int = 0, sites: Rows[int] = ()):
        self.parent = check_protein(parent, "the wild type")
        self.offset, self.sites = offset, tuple(sites)
        self._known: dict[str, tuple[Mutation, ...]] = {}

    def design(self, text: str) -> Variant:
        """The variant a text stands for."""
        try:  # Libraries repeat the same few thousand mutations: each is read once.
            found = [self._known[token] for token in text.split(":")]
        except KeyError:
            return self._read(text)
        return Variant(self.parent, found[0] if len(found) == 1 else self._joined(found, text))

    def key(self, design: Design) -> str:
        """The name; with insertions or deletions, which can be written in several ways, the sequence."""
        assert isinstance(design, Variant)
        for m in design.mutations:
            if not m.old or not m.new:
                break
        else:
            return design.name
        sequence = design.sequence
        if len(sequence) != len(self.parent):
            return sequence
        return Variant(self.parent, substitutions(self.parent, sequence)).name

    def _read(self, text: str) -> Variant:
        written = text.strip().upper()
        if not written:
            raise NotationError("a variant is empty. Write WT for the wild type.")
        if written in _UNCHANGED or plain_name(written) in WILD_TYPE:
            return Variant(self.parent, ())
        if _TRANS.search(written):
            raise NotationError(
                f'"{_short(text)}" names mutations that may be on two alleles. Write those of one protein.'
            )
        if not any(c.isdigit() for c in written) and not written.startswith("P."):
            return Variant(self.parent, self._from_letters(text, written))
        plain = _ACCESSION.sub("", written).removeprefix("P.").translate(_NO_BRACKETS)
        tokens = [t for t in _SEPARATOR.split(plain) if t]
        if len(tokens) == 1 and (match := _REPLACEMENT.fullmatch(tokens[0].removeprefix("P."))):
            return Variant(self.parent, self._replaced(match, text))
        found = []
        for token in tokens:
            if token not in self._known:
                self._known[token] = self._mutations(token.removeprefix("P."), text)
            found.append(self._known[token])
        return Variant(self.parent, self._joined(found, text))

    def _from_letters(self, text: str, letters: str) -> tuple[Mutation, ...]:
        """Letters at the known sites, or a whole sequence."""
        if self.sites and len(letters) == len(self.sites):
            pairs = [(p, _residue(letter, text)) for p, letter in zip(self.sites, letters, strict=True)]
            return tuple(Mutation(p, self.parent[p - 1], a) for p, a in sorted(pairs) if a != self.parent[p - 1])
        gapped = "-" in letters and len(letters) == len(self.parent)
        bare = letters.replace("-", "") if gapped else letters.removesuffix("*")
        if not len(self.parent) / 2 <= len(bare) <= 2 * len(self.parent):
            nor = f" nor one letter for each of the {len(self.sites)} sites" if self.sites else ""
            fix = "Correct it." if nor else "If these are letters at certain sites, name them (sites=...)."
            raise NotationError(
                f'"{_short(text)}" is neither mutations such as A24G nor a whole sequence (the wild type has '
                f"{len(self.parent)} residues){nor}. {fix}"
            )
        sequence = check_protein(bare, f'"{_short(text)}"')
        if gapped:
            return tuple(
                Mutation(m.position, m.old, m.new.replace("-", "")) for m in substitutions(self.parent, letters)
            )
        return align(self.parent, sequence)

    def _mutations(self, token: str, text: str) -> tuple[Mutation, ...]:
        """One mutation; several for a deleted stretch, none when the residue stays the same."""
        if (match := _DELETION.fullmatch(token)) and self._deletes(token, match):
            first = self._position(match[1], match[2], text)
            last = self._position(match[3], match[4], text) if match[4] else first
            if last < first:
                raise NotationError(
                    f'"{text}" deletes from {match[2]} back to {match[4]}. Write the smaller position first.'
                )
            return tuple(Mutation(p, self.parent[p - 1], "") for p in range(first, last + 1))
        if match := _CHANGE.fullmatch(token):
            position = self._position(match[1], match[2], text)
            if match[3] in ("*", "TER"):
                raise NotationError(
                    f'"{text}" has a stop codon at {match[2]}: a shortened protein cannot be ordered here.'
                )
            old = self.parent[position - 1]
            new = old if match[3] == "=" else _residue(match[3], text)
            return () if new == old else (Mutation(position, old, new),)
        if match := _INSERTION.fullmatch(token):
            return self._insertion(match, text)
        raise NotationError(
            f'"{_short(text)}" cannot be understood. Write A24G, A24del, 24insGS, several joined by ":", WT, or a '
            "whole sequence."
        )

    @staticmethod
    def _deletes(token: str, match: re.Match[str]) -> bool:
        """Whether it is a deletion: `A24-` is; `A24-K26-` could mean two residues or three."""
        return token.startswith(("Δ", "DEL")) or (bool(match[5]) and not (match[4] and match[5] == "-"))

    def at_sites(self, text: str) -> Variant:
        """The variant of the letters at the known sites, also where they spell a name of the wild type (`WT`)."""
        return Variant(self.parent, self._from_letters(text, plain_name(text)))

    def _replaced(self, match: re.Match[str], text: str) -> tuple[Mutation, ...]:
        """A stretch that is doubled, or replaced by other residues."""
        first = self._position(match[1], match[2], text)
        last = self._position(match[3], match[4], text) if match[4] else first
        if last < first:
            raise NotationError(f'"{text}" runs from {match[2]} back to {match[4]}. Write the smaller position first.')
        old = self.parent[first - 1 : last]
        new = old * 2 if match[5] == "DUP" else _residues(match[6], len(match[1] or "") == 3, text)
        return align(self.parent, self.parent[: first - 1] + new + self.parent[last:])

    def _insertion(self, match: re.Match[str], text: str) -> tuple[Mutation, ...]:
        start = 0 if int(match[2]) + self.offset == 0 else self._position(match[1], match[2], text)
        if match[4] and int(match[4]) != int(match[2]) + 1:
            raise NotationError(
                f'"{text}" inserts between residues that are not neighbours. Write, for example, 23_24insG.'
            )
        if match[4] and start < len(self.parent):
            self._position(match[3], match[4], text)
        return (Mutation(start, "", _residues(match[5], len(match[1] or "") == 3, text)),)

    def _position(self, old: str | None, digits: str, text: str) -> int:
        """The position in the parent, checked against the old residue if one was written."""
        position = int(digits) + self.offset
        if not 1 <= position <= len(self.parent):
            shifted = f" (with offset {self.offset:+d}: {position})" if self.offset else ""
            raise NotationError(
                f'"{_short(text)}": position {digits}{shifted} is outside the wild type (1-{len(self.parent)}). '
                "Check the numbering and the wild type."
            )
        here = self.parent[position - 1]
        if old and (residue := _residue(old, text)) != here:
            raise NotationError(
                f'"{_short(text)}": the wild type has {here} at position {position}, not {residue}. '
                "Check the numbering and the wild type."
            )
        return position

    def _joined(self, found: list[tuple[Mutation, ...]], text: str) -> tuple[Mutation, ...]:
        mutations = [m for some in found for m in some]
        last = 0
        for m in mutations:  # most names have them in order
            if m.position <= last:
                break
            last = m.position
        else:
            return tuple(mutations)
        mutations.sort(key=_order)
        for a, b in pairwise(mutations):
            if a.position == b.position and bool(a.old) == bool(b.old):
                raise NotationError(f'"{_short(text)}" changes position {a.position} twice. Keep one of the two.')
        return tuple(mutations)


_NO_BRACKETS = str.maketrans("", "", "()[]")


def _order(mutation: Mutation) -> tuple[int, bool]:
    return mutation.position, not mutation.old


def _residue(written: str, text: str) -> str:
    letter = THREE_LETTER.get(written, written)
    if letter in AMINO_ACIDS and len(letter) == 1:
        return letter
    what = unknown_letter(letter) if len(letter) == 1 else f'"{letter.capitalize()}", which is no amino acid'
    raise NotationError(f'"{_short(text)}" has {what}. Correct it.')


def _residues(written: str, three: bool, text: str) -> str:
    size = 3 if three and len(written) % 3 == 0 else 1
    return "".join(_residue(written[i : i + size], text) for i in range(0, len(written), size))


def plain_name(text: str) -> str:
    """A name without blanks, `_` and `-`, in capitals.

    >>> plain_name("wild-type")
    'WILDTYPE'
    """
    return re.sub(r"[\s_\-]+", "", text).upper()


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}..."


def position_of(site: int | str, parent: str) -> int:
    """The position of a site given as 39, "39" or "V39", checked against the parent.

    >>> position_of("K2", "MKTA")
    2
    """
    match = re.fullmatch(r"([A-Za-z]?)([0-9]{1,6})", str(site).strip())
    if match is None:
        raise NotationError(f'"{site}" is not a site. Write a position such as 39, or V39.')
    try:
        return VariantNotation(parent)._position(match[1].upper() or None, match[2], str(site))
    except InputError as error:
        raise NotationError(error.problem) from None


DNA = "ACGTN"


@final
class SequenceNotation(Notation):
    """Strings of one length without a known parent, such as `FWAA` or `0110`.

    Args:
        length: of each string; None accepts any.
        upper: whether small letters mean the same as capitals (in genotypes such as `aBc` they do not).

    >>> SequenceNotation(4).design(" fwaa ").name
    'FWAA'
    """

    def __init__(self, length: int | None = None, *, upper: bool = True):
        self.length, self.upper = length, upper

    def design(self, text: str) -> Sequence:
        """The sequence a text stands for."""
        letters = text.strip().upper() if self.upper else text.strip()
        if not letters or (self.length is not None and len(letters) != self.length):
            raise NotationError(
                f'"{text}" has {len(letters)} letters where the others have {self.length}. Correct it, or give the '
                "wild type (parent=...) so that insertions and deletions can be placed."
            )
        if not letters.isascii() or any(c.isspace() for c in letters):
            raise NotationError(f'"{text}" is not a sequence of letters. Correct it.')
        return Sequence(letters)

    def key(self, design: Design) -> str:
        """The letters."""
        return design.name


@final
class GuideNotation(Notation):
    """CRISPR guides: DNA or RNA letters of one length.

    Args:
        length: of each guide; None accepts any.

    >>> GuideNotation(20).design("gacguuacgaucgaucgaca").name
    'GACGTTACGATCGATCGACA'
    """

    def __init__(self, length: int | None = None):
        self.length = length

    def design(self, text: str) -> Guide:
        """The guide a text stands for."""
        letters = text.strip().upper().replace("U", "T")
        wrong = next((c for c in letters if c not in DNA), None)
        if wrong is not None:
            raise NotationError(f'"{text}" has "{wrong}", which is no DNA letter (A, C, G, T, N). Correct it.')
        if not letters or (self.length is not None and len(letters) != self.length):
            raise NotationError(
                f'"{text}" has {len(letters)} letters where the other guides have {self.length}. Give all with, or all '
                "without, PAM and flanks."
            )
        return Guide(letters)

    def key(self, design: Design) -> str:
        """The letters."""
        return design.name


@final
class CompoundNotation(Notation):
    """Compounds by SMILES.

    With RDKit (`pip install "activeloop-bio[chem]"`) unreadable SMILES are refused, and two SMILES of one compound, of
    two salts, solvates or tautomers of it, count as the same compound. Without it SMILES are compared as text.

    Args:
        structures: whether to compare structures (needs RDKit) or text; structures if RDKit is installed when None.
        version: of the rules by which structures are compared; see `parent_structure`.

    >>> notation = CompoundNotation()
    >>> notation.design(" CCO ").name
    'CCO'
    """

    def __init__(self, *, structures: bool | None = None, version: int = STRUCTURES):
        installed = importlib.util.find_spec("rdkit") is not None
        if structures and not installed:
            raise MissingExtraError("comparing structures", "chem")
        self.version = version
        self._rdkit = installed if structures is None else structures

    def design(self, text: str) -> Compound:
        """The compound of a SMILES."""
        smiles = text.strip()
        if not smiles or any(c.isspace() for c in smiles):
            raise NotationError(f'"{text}" is not a SMILES. Give the structure, such as CCO, not a name.')
        if self._rdkit:
            self._quick(smiles)
        return Compound(smiles)

    def key(self, design: Design) -> str:
        """The parent structure; the SMILES itself without RDKit."""
        assert isinstance(design, Compound)
        return parent_structure(design.smiles, self.version) if self._rdkit else design.smiles

    def quick_key(self, design: Design) -> str:
        """The skeleton, since the canonical tautomer takes its time."""
        assert isinstance(design, Compound)
        return self._quick(design.smiles) if self._rdkit else design.smiles

    def structure(self, design: Design) -> str:
        """The SMILES from which features are computed: that of the parent, as written in version 1."""
        assert isinstance(design, Compound)
        as_written = self.version == 1 or not self._rdkit
        return design.smiles if as_written else parent_structure(design.smiles, self.version)

    def _quick(self, smiles: str) -> str:
        return parent_structure(smiles, 1) if self.version == 1 else skeleton(smiles)


@final
class NamedDesigns:
    """Designs that are made of their names when they are asked for: a million of them would fill the memory.

    Args:
        names: in standard notation.
        notation: of the designs.

    >>> NamedDesigns(["K2R", "WT"], VariantNotation("MKTA"))[0].mutations
    (Mutation(position=2, old='K', new='R'),)
    """

    def __init__(self, names: list[str], notation: Notation):
        self.names = names
        made: dict[type, Callable[[str], Design]] = {
            SequenceNotation: Sequence,
            GuideNotation: Guide,
            CompoundNotation: Compound,
        }
        self._made = made.get(type(notation), notation.design)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, place: int) -> Design:
        return self._made(self.names[place])

    def __iter__(self) -> Iterator[Design]:
        return map(self._made, self.names)


#: notation -> its settings, and the attribute in which each is
_SETTINGS: dict[type[Notation], dict[str, str]] = {
    VariantNotation: {"parent": "parent", "offset": "offset", "sites": "sites"},
    SequenceNotation: {"length": "length", "upper": "upper"},
    GuideNotation: {"length": "length"},
    CompoundNotation: {"structures": "_rdkit", "version": "version"},
}


def notation_settings(notation: Notation) -> dict[str, Any]:
    """A notation as plain values, from which `notation_from` makes it again.

    >>> notation_settings(GuideNotation(20))
    {'name': 'GuideNotation', 'length': 20}
    """
    settings = {name: getattr(notation, attribute) for name, attribute in _SETTINGS[type(notation)].items()}
    return {"name": type(notation).__name__, **settings}


def notation_from(settings: Mapping[str, Any]) -> Notation:
    """The notation of some settings; see `notation_settings`."""
    made: Any = next(cls for cls in _SETTINGS if cls.__name__ == settings["name"])
    return made(**{name: value for name, value in settings.items() if name != "name"})
