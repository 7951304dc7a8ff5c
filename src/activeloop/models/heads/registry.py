"""Heads by the names that recipes use."""

from __future__ import annotations

from activeloop.models.heads.base import Draws
from activeloop.models.heads.dropout import DropoutHead
from activeloop.models.heads.gp import GaussianProcess
from activeloop.models.heads.laplace import LastLayer

HEADS: dict[str, type[Draws]] = {
    "dropout": DropoutHead,
    "last-layer": LastLayer,
    "process": GaussianProcess,
}
#: names of heads that are gone, and what to do instead
RETIRED = {
    "ensemble": 'use "process" for uncertainty, or fine-tune several members with the option "members"',
    "variational": 'use "last-layer"',
}
