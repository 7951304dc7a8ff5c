"""Numbering that is off by a constant: recognised, named, and never corrected in silence."""

from __future__ import annotations

import re
from collections.abc import Iterable

import numpy as np

from activeloop.candidates.proteins import THREE_LETTER
from activeloop.errors import NotationError

_OLD = re.compile(r"(?<![A-Za-z])([A-Za-z]{3}|[A-Za-z])(\d+)(?=[A-Za-z=*-]|_)")
NEARLY_ALL = 0.95
FEWEST_SITES = 5  # With fewer different sites, some offset fits by chance.


def find_offset(names: Iterable[str], parent: str, *, reach: int = 2000) -> tuple[int, int, int] | None:
    """The constant that, added to all positions, makes the old residues fit the parent.

    Args:
        names: variants as written.
        parent: the wild type.
        reach: largest offset tried, either way.

    Returns:
        Offset, number of variants that fit with it, number of variants; None when the written numbers fit as well as
        any other, or no offset fits at least 95 % of the different residues named.

    >>> find_offset(["K1R", "T2S", "A3G", "Y4F", "I5V"], "MKTAYIAKQR")
    (1, 5, 5)
    """
    variants = [_sites(name) for name in names]
    variants = [v for v in variants if v]
    different = sorted({site for v in variants for site in v})
    if len(different) < FEWEST_SITES:
        return None
    old = np.frombuffer("".join(o for _, o in different).encode(), np.uint8)
    positions = np.array([p for p, _ in different])
    padded = np.zeros(len(parent) + 2, np.uint8)
    padded[1:-1] = np.frombuffer(parent.encode(), np.uint8)
    offsets = np.arange(-reach, reach + 1)
    offsets = offsets[np.argsort(np.abs(offsets), kind="stable")]
    fits = np.array([np.mean(padded[np.clip(positions + d, 0, len(parent) + 1)] == old) for d in offsets])
    best = int(offsets[fits.argmax()])
    if best == 0 or fits.max() < NEARLY_ALL:
        return None
    good = {site for site in different if padded[np.clip(site[0] + best, 0, len(parent) + 1)] == ord(site[1])}
    return best, sum(good.issuperset(v) for v in variants), len(variants)


def check_offset(names: Iterable[str], parent: str, *, file: str | None = None, offset: int = 0) -> None:
    """Refuse variants whose positions are all off by one constant.

    Args:
        names: variants as written.
        parent: the wild type.
        file: where they stand, for the message.
        offset: the offset that was already given.

    Raises:
        NotationError: names the offset, and how to correct it.

    >>> check_offset(["K1R", "T2S", "A3G", "Y4F", "I5V"], "MKTAYIAKQR")
    Traceback (most recent call last):
    activeloop.errors.NotationError: all 5 variants fit if 1 is added to each position (is the start Met not counted?).
        Give offset=1, or another wild type.
    """
    found = find_offset(names, parent)
    if found is None or found[0] == offset:
        return
    best, fitting, total = found
    share = f"all {total} variants fit" if fitting == total else f"{fitting} of {total} variants fit"
    change = f"{abs(best)} is {'added to' if best > 0 else 'subtracted from'} each position"
    problem = f"{share} if {change} ({_likely_cause(best)}). Give offset={best}, or another wild type."
    raise NotationError(problem, file=file)


def _likely_cause(offset: int) -> str:
    if abs(offset) == 1:
        return "is the start Met not counted?" if offset > 0 else "is the start Met counted but not in the wild type?"
    if 10 <= abs(offset) <= 60:
        return "is a signal peptide or tag counted on one side only?"
    return "is the wild type only a part, or a longer form, of the numbered protein?"


def _sites(name: str) -> tuple[tuple[int, str], ...]:
    """Position and old residue of each mutation that names its old residue."""
    if name.isalpha():  # A whole sequence.
        return ()
    found = []
    for match in _OLD.finditer(name.upper()):
        old, digits = match[1], match[2]
        letter = THREE_LETTER.get(old, old)
        if len(letter) == 1 and len(digits) < 7:
            found.append((int(digits), letter))
    return tuple(found)
