"""Seeds of single steps, derived from the campaign's own."""

from __future__ import annotations

import numpy as np


def derive(seed: int, purpose: str, number: int) -> int:
    """The seed of one step of a campaign: different for each purpose and number, always the same for the same three.

    Args:
        seed: of the campaign.
        purpose: what the step does, such as `propose`.
        number: which one, from 1.

    >>> derive(0, "propose", 1) == derive(0, "propose", 1) != derive(0, "propose", 2)
    True
    """
    entropy = [seed, number, *purpose.encode()]
    return int(np.random.SeedSequence(entropy).generate_state(1)[0])
