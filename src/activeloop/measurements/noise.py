"""How far apart repeated measurements of one candidate lie."""

from __future__ import annotations

import numpy as np

from activeloop.metrics import Z90

#: from how many repeated candidates on one can say that some are noisier than others
ENOUGH_TO_COMPARE = 8


def moderated_variances(squares: np.ndarray, freedom: np.ndarray, pooled: float, behind: int) -> np.ndarray:
    """Noise variance of each candidate: its own, pulled towards the pooled one.

    Where candidates differ no more than chance allows (or fewer than 8 were repeated) everyone gets the pooled
    variance. Otherwise the pooled one counts as `d0` further degrees of freedom, found from how much the logarithms
    of the variances spread. All are widened for the degrees of freedom behind them (see `widening`).

    Args:
        squares: [K] sum of squared deviations from the candidate's mean.
        freedom: [K] measurements less one.
        pooled: the pooled variance.
        behind: its degrees of freedom.

    Returns:
        [K] variances of one measurement.

    Source: Smyth 2004, doi:10.2202/1544-6115.1027.

    >>> moderated_variances(np.array([0.02, 0.0]), np.array([1, 0]), 0.03, behind=10_000).round(4).tolist()
    [0.03, 0.03]
    """
    own = freedom > 0
    known = _prior_freedom(squares[own], freedom[own], pooled)
    if not np.isfinite(known):
        return np.full(len(squares), pooled * widening(np.array(behind)) ** 2)
    return (known * pooled + squares) / (known + freedom) * widening(known + freedom) ** 2


def widening(freedom: np.ndarray) -> np.ndarray:
    """By how much a standard error grows because its noise was itself estimated.

    Learners take errors as those of a normal distribution; the factor makes its 90 % interval the one of Student's t.

    >>> widening(np.array([2, 10, 1000])).round(2).tolist()
    [1.78, 1.1, 1.0]
    """
    from scipy.special import stdtrit  # slow to import, and only needed here

    return stdtrit(freedom, 0.95) / Z90


def _prior_freedom(squares: np.ndarray, freedom: np.ndarray, pooled: float) -> float:
    if len(squares) < ENOUGH_TO_COMPARE or pooled <= 0:
        return np.inf
    from scipy.special import digamma, polygamma  # slow to import, and only needed here

    half = freedom / 2.0
    variances = squares / freedom
    logs = np.log(np.maximum(variances, 1e-5 * pooled)) - digamma(half) + np.log(half)
    chance = float(polygamma(1, half).mean())
    excess = float(logs.var(ddof=1)) - chance
    # The fourth moment of log chi^2 with one degree of freedom is 4 + 3 squared variances.
    doubt = chance * np.sqrt(2.0 / (len(logs) - 1) + 4.0 / len(logs))
    if excess < 2.0 * doubt:
        return np.inf
    grid = np.logspace(0, 3, 301)
    return float(grid[int(np.argmin(np.abs(polygamma(1, grid / 2.0) - excess)))])
