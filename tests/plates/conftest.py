from __future__ import annotations

import numpy as np
import pytest

from activeloop.plates import Pick, Proposal


@pytest.fixture
def proposal():
    """Makes a proposal of n picks, some predictions unknown."""

    def make(n: int, number: int = 1) -> Proposal:
        means = np.random.default_rng(n).normal(5.0, 1.0, n)
        picks = tuple(
            Pick(f"{i:016x}", f"A{i}G", i, 1.0 / i, float(m), float(m) - 1, float(m) + 1, "high, and <uncertain>")
            for i, m in enumerate(means, 1)
        )
        return Proposal(number, picks, version=1, seed=0, policy="UCB")

    return make
