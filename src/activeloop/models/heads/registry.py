"""Heads by the names that configs use."""

from __future__ import annotations

from activeloop.models.heads.base import Head
from activeloop.models.heads.dropout import DropoutHead
from activeloop.models.heads.gp import GPHead
from activeloop.models.heads.laplace import LaplaceHead

HEADS: dict[str, type[Head]] = {
    "dropout": DropoutHead,
    "last-layer": LaplaceHead,
    "process": GPHead,
}
#: names of heads that are gone, and what to do instead
RETIRED = {
    "ensemble": 'use "process" for uncertainty, or fine-tune several members with the option "members"',
    "variational": 'use "last-layer"',
}
