"""Tiny encoders of several architectures, loaded once; and what a fit does with an adapter."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def encoders(tmp_path_factory: pytest.TempPathFactory) -> Callable:
    """A new copy of the tiny encoder of a family, at each call."""
    from activeloop.foundation import ESM2, ESMC, Ankh, NucleotideTransformer, ProtBert, ProtT5
    from tiny_models import tiny_bert, tiny_esm, tiny_esmc, tiny_nucleotides, tiny_t5

    makers = {
        "esm2": (tiny_esm, ESM2),
        "esmc": (tiny_esmc, ESMC),
        "protbert": (tiny_bert, ProtBert),
        "prott5": (tiny_t5, ProtT5),
        "ankh": (partial(tiny_t5, mark="", gated=True), Ankh),
        "nucleotides": (tiny_nucleotides, NucleotideTransformer),
    }
    loaded = {}

    def encoder(family: str = "esm2"):
        if family not in loaded:
            make, kind = makers[family]
            loaded[family] = kind(make(tmp_path_factory.mktemp(family) / "tiny")).load()
        return copy.deepcopy(loaded[family])

    return encoder
