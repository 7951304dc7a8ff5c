"""Students with random weights, and what their exported files hold; each is exported once."""

from __future__ import annotations

from functools import cache

import numpy as np

from activeloop.candidates import Pool
from activeloop.measurements import Assay
from activeloop.students.distil.config import Network, Shape
from activeloop.students.distil.networks import ConvNet, SiteNetwork
from activeloop.students.runtime.card import CHECKSUM, ModelCard
from activeloop.students.runtime.student import Student
from activeloop.students.runtime.tokenizer import StudentTokenizer

PARENT = "MKTAYIAKQRQISFVKSHFSRQ"
SINGLES = Pool.single_mutants(PARENT)
LIBRARY = Pool.combinatorial(PARENT, [3, 7, 8, 15])
#: deviations
S = 3


def card(tokenizer: StudentTokenizer, classes: tuple[str, ...] = (), **other) -> ModelCard:
    """A card with something in every field."""
    assay = Assay("KD", "nM", "classify" if classes else "minimise")
    fields = {
        "network": "a network",
        "tokenizer": tokenizer,
        "assays": (assay,),
        "classes": classes,
        "noise": (0.0, 0.0) if classes else (0.5,),
        "shape": None,
        "parameters": 1234,
        "teacher": "a planted teacher",
        "teacher_version": 2,
        "data_hash": "abc",
        "fidelity": {"spearman": 0.9, "candidates": 100.0},
        "licence": "Apache-2.0",
        "code_version": "0.1.0",
        "created_at": "2026-01-02T03:04:05Z",
        "seed": 7,
        "checksum": CHECKSUM,
    }
    return ModelCard(**(fields | other))


def untrained(network: Network, pool: Pool, classes: tuple[str, ...] = ()) -> Student:
    """A student with random weights."""
    import torch

    from activeloop.students.distil.modules import Scaled, TorchRunner

    tokenizer = network.tokenizer(pool)
    outputs = len(classes) or 1
    shape = Shape.of(tokenizer, outputs * (2 + S))
    net = network.build(shape, 0)
    with torch.no_grad():
        for i, weights in enumerate(net.parameters()):
            weights += 0.1 * torch.randn(weights.shape, generator=torch.Generator().manual_seed(i))
    module = Scaled(net, np.full(outputs, 1.5), np.full(outputs, 2.0), S, bool(classes)).eval()
    for part in module.modules():
        if hasattr(part, "cache_parent"):
            part.cache_parent()
    examples = tokenizer.tokens(pool, np.arange(0, len(pool), max(1, len(pool) // 40)))
    return Student(card(tokenizer, classes), TorchRunner(network, shape, module, examples))


@cache
def a_student(kind: str) -> Student:
    """One of a few: `conv` and `sites` of values, `classes` of two."""
    if kind == "conv":
        return untrained(ConvNet(width=16, blocks=1, kernel=3), SINGLES)
    return untrained(SiteNetwork((32, 32)), LIBRARY, ("unfit", "fit") if kind == "classes" else ())


@cache
def exported(kind: str, int8: bool = False) -> bytes:
    """The content of its file."""
    from activeloop.students.distil.export import as_bytes

    return as_bytes(a_student(kind), int8)
