"""Measurements as arrays."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from activeloop.measurements.arrays import FEW, Texts


@given(st.lists(st.lists(st.text(max_size=3), max_size=FEW + 3), max_size=6))
def test_texts_stand_in_order_however_they_came(groups):
    texts = Texts()
    for group in groups:
        texts.add_all(group)
        known = texts.at(np.arange(len(texts)))
        assert [known[i] for i in np.argsort(texts.ranks())] == sorted(known)
