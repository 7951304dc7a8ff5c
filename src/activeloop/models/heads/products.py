"""Matrix products whose every bit is the same whatever else is multiplied at once, on any machine."""

from __future__ import annotations

import numpy as np

#: bits of a left number beside its sign; what is left of 52 is for the right number and for the sum
LEFT_BITS = 20
#: rows that are turned into whole numbers at once
ROWS = 4096


def exact_product(left: np.ndarray, right: np.ndarray, reach: float) -> np.ndarray:
    """`left @ right`, each entry a function of its own row and column alone, bit for bit.

    A library's matrix product adds in an order that depends on the shape, the place in the matrix, the processor and
    the number of threads, so a pool in pieces would not give the same draws. Here both sides are first rounded to
    whole numbers so small that every sum is exact in double precision; then the order does not matter.

    Args:
        left: [n, K]; values beyond `reach` are cut there, and rounded to about `reach` / 10^6.
        right: [K, m]; rounded to about 10^-6 of the largest number of each column.
        reach: largest size of a left value, a power of two.

    Returns:
        Float64 [n, m].

    >>> rng = np.random.default_rng(0)
    >>> a, b = rng.standard_normal((500, 300)), rng.standard_normal((300, 40))
    >>> whole = exact_product(a, b, 8.0)
    >>> bool((whole[7:9, 3:4] == exact_product(a[7:9], b[:, 3:4], 8.0)).all()), bool(np.abs(whole - a @ b).max() < 1e-2)
    (True, True)
    """
    inner = left.shape[1]
    if not inner:
        return np.zeros((len(left), right.shape[1]))
    bits = 52 - LEFT_BITS - int(np.ceil(np.log2(inner)))
    _, exponents = np.frexp(np.abs(right).max(0))
    whole = np.rint(np.ldexp(right.astype(np.float64), bits - exponents))
    back = np.ldexp(reach * 2.0**-LEFT_BITS, exponents - bits)
    result = np.empty((len(left), right.shape[1]))
    for start in range(0, len(left), ROWS):
        piece = left[start : start + ROWS] * (2.0**LEFT_BITS / reach)
        np.clip(np.rint(piece, out=piece), -(2.0**LEFT_BITS), 2.0**LEFT_BITS, out=piece)
        np.matmul(piece.astype(np.float64), whole, out=result[start : start + ROWS])
    result *= back
    return result
