"""How sequences without a parent, and guides, are written."""

from __future__ import annotations

from typing import final

from activeloop.candidates.designs import Design, Guide, Sequence
from activeloop.candidates.notation import Notation
from activeloop.errors import NotationError

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
