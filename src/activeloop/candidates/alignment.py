"""Where a sequence of another length differs from its parent."""

from __future__ import annotations

import numpy as np

from activeloop.candidates.designs import Mutation

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
