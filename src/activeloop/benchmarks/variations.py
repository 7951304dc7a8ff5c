"""Learners set otherwise than usual, by name: what the usual settings are compared with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from activeloop.backbones.esm import ESM2
from activeloop.backbones.substitutions import SubstitutionScore
from activeloop.candidates import Pool
from activeloop.models.defaults import library_default
from activeloop.models.finetuning.likelihood import LikelihoodRanker
from activeloop.models.finetuning.named import fine_tuned, frozen, gated
from activeloop.models.gate import Gate
from activeloop.models.head_learner import HeadLearner
from activeloop.models.heads.process import GaussianProcess
from activeloop.models.mutation_gp import MutationGP
from activeloop.models.named import plain_encoder
from activeloop.predictive import Learner


def _gated_on_values() -> Learner:
    gate = gated()
    assert isinstance(gate, Gate)
    return replace(gate, scale="values")


VARIATIONS: dict[str, Callable[[Pool], Learner]] = {
    "mutations-ranks": lambda pool: MutationGP(line=0.0),
    "mutations-values": lambda pool: MutationGP(line=1.0),
    "process-onehot": lambda pool: HeadLearner(plain_encoder(pool), GaussianProcess()),
    "library-values": lambda pool: replace(library_default(), scale="values"),
    "library-ranks": lambda pool: replace(library_default(), scale="ranks"),
    "gated-values": lambda pool: _gated_on_values(),
    "frozen-substitutions": lambda pool: HeadLearner(ESM2(), GaussianProcess(), SubstitutionScore()),
    "likelihood-substitutions": lambda pool: LikelihoodRanker(ESM2()),
    "frozen-third": lambda pool: frozen(depth=1 / 3),
    "frozen-half": lambda pool: frozen(depth=1 / 2),
    "frozen-five-sixths": lambda pool: frozen(depth=5 / 6),
    "frozen-whole": lambda pool: frozen(depth=1.0),
    "tuned-full-whole": lambda pool: fine_tuned(adapter="full", depth=1.0),
}
