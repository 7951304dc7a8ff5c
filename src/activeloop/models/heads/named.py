"""Heads by the names that recipes use."""

from __future__ import annotations

from activeloop.models.heads.base import Draws
from activeloop.models.heads.dropout import DropoutHead
from activeloop.models.heads.ensemble import HeadEnsemble
from activeloop.models.heads.laplace import LastLayer
from activeloop.models.heads.process import GaussianProcess
from activeloop.models.heads.variational import VariationalHead

HEADS: dict[str, type[Draws]] = {
    "dropout": DropoutHead,
    "ensemble": HeadEnsemble,
    "last-layer": LastLayer,
    "process": GaussianProcess,
    "variational": VariationalHead,
}
