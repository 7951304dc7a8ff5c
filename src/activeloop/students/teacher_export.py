"""A fine-tuned teacher as an ONNX graph, so that teacher and student can be timed by one runtime."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from activeloop.backbones.attention import attention_as
from activeloop.backbones.esm_trunk import EsmTrunk
from activeloop.backbones.letters import LetterModel
from activeloop.backbones.trunk import Trunk
from activeloop.candidates import Pool
from activeloop.errors import ModelError
from activeloop.models.finetuning.member import Member
from activeloop.models.finetuning.tuned import FineTuned
from activeloop.models.heads.base import Inputs, Posterior
from activeloop.students.graph import traced
from activeloop.students.onnx_runner import INPUT, OnnxRunner, session_of
from activeloop.students.reading import FIRST, Reading

#: most that the graph may differ from the teacher, in units of the spread of its means
TOLERANCE = 1e-2
#: candidates on which it is checked
ROWS = 8
#: of the graph
OUTPUT = "mean"


class Merged(nn.Module):
    """One fine-tuned model with its adapter folded into its weights, and the mean of its head.

    It reads candidates as long as the parent, without gaps, in the student's tokens, so that both are given the same.

    Args:
        member: the model; its adapter is folded in, so give a copy.
        backbone: the foundation model.
        reading: how candidates are read.
        columns: [S] places of the pool's varying columns.
    """

    ids: torch.Tensor
    parent: torch.Tensor
    columns: torch.Tensor
    weights: torch.Tensor

    def __init__(self, member: Member, backbone: LetterModel, reading: Reading, columns: np.ndarray):
        super().__init__()
        self.trunk = member.adapted.attached.merge()
        if not isinstance(self.trunk, EsmTrunk):
            raise ModelError(f"a {type(self.trunk).__name__} cannot be exported. Nothing was written.")
        alphabet, pooler = backbone.alphabet, member.adapted.pooler
        self.before, self.after = alphabet.before, alphabet.after
        self.pooling, self.query = pooler.pooling, pooler.query
        codes = np.frombuffer(reading.letters.encode("latin-1"), np.uint8)
        ids = np.full(reading.size, alphabet.unknown, np.int64)
        ids[FIRST:] = alphabet.ids[codes]
        weights, self.bias = _straight(member.posterior, pooler.size)
        self.register_buffer("ids", torch.from_numpy(ids))
        self.register_buffer("parent", torch.from_numpy(reading.texts([reading.parent]).astype(np.int64)))
        self.register_buffer("columns", torch.from_numpy(columns.astype(np.int64)))
        self.register_buffer("weights", torch.from_numpy(weights.astype(np.float32)))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """[N] mean of the targets, of int64 tokens [N, W]."""
        return self._pooled(tokens) @ self.weights + self.bias

    def _pooled(self, tokens: torch.Tensor) -> torch.Tensor:
        hidden = self._hidden(tokens)
        if self.pooling == "sites":
            return hidden[:, self.columns].flatten(1)
        if self.pooling == "mutated":
            changed = (tokens != self.parent).unsqueeze(2).float()
            there = self._hidden(self.parent).expand_as(hidden)
            return (torch.cat([hidden - there, there], 2) * changed).sum(1) / changed.sum(1).clamp(min=1.0)
        if self.query is not None:
            return (hidden * (hidden @ self.query).softmax(1).unsqueeze(2)).sum(1)
        mean = hidden.mean(1)
        return mean - self._hidden(self.parent).mean(1) if self.pooling == "difference" else mean

    def _hidden(self, tokens: torch.Tensor) -> torch.Tensor:
        """[N, W, D] of residues."""
        inner = self.ids[tokens]
        ends = [torch.zeros_like(inner[:, :1]) + special for special in (*self.before, *self.after)]
        ids = torch.cat([*ends[: len(self.before)], inner, *ends[len(self.before) :]], 1)
        return all_real(self.trunk, ids)[:, len(self.before) : len(self.before) + tokens.shape[1]]


def all_real(trunk: Trunk, ids: torch.Tensor) -> torch.Tensor:
    """[N, T, D] finished hidden states of an ESM trunk, of int64 ids [N, T] without padding.

    The trunk itself would look at the numbers to find out that nothing is padding, which a graph cannot.
    """
    hidden = trunk.embed(ids, torch.ones_like(ids))
    rotary: Any = trunk.model.esm.rotary_embeddings
    place = torch.arange(ids.shape[1])[None]
    context = (None, None if rotary is None else rotary(hidden, place))
    for index in range(len(trunk.layers)):
        hidden = trunk.layer(index, hidden, context)
    return trunk.finish(hidden)


class Teacher(nn.Module):
    """The mean of all models of a fine-tuned teacher, in the assay's unit.

    Args:
        members: the models.
        shift, factor: from targets to the unit.
    """

    def __init__(self, members: list[Merged], shift: float, factor: float):
        super().__init__()
        self.members, self.shift, self.factor = nn.ModuleList(members), shift, factor

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """[N, 1] of int32 tokens [N, W]."""
        ids = tokens.long()
        means = torch.stack([member(ids) for member in self.members]).mean(0)
        return (means * self.factor + self.shift).unsqueeze(1)


def teacher_as_bytes(teacher: FineTuned, pool: Pool) -> bytes:
    """A teacher as the content of an ONNX file: the student's tokens in, `mean` [N, 1] out.

    Args:
        teacher: fine-tuned on a protein model of ESM's kind, with a linear head and no first guesses.
        pool: whose candidates it reads; all as long as the parent.

    Raises:
        ModelError: it is a teacher of another kind, or the graph does not say what the teacher says.
    """
    learner, sites = teacher.learner, pool.sites
    if not isinstance(learner.backbone, LetterModel) or learner.prior_score is not None or sites is None:
        raise ModelError("only a fine-tuned protein model without first guesses can be exported. Nothing was written.")
    if not sites.parent_sequence:
        raise ModelError("the teacher's pool has no wild type to compare with. Nothing was written.")
    single = _single_precision(teacher)
    rows = np.linspace(0, len(pool) - 1, ROWS).astype(np.int64)
    reading = Reading.of(pool, whole=True)
    tokens, wanted = reading.tokens(pool, rows), single.mean(pool, rows)
    members = [
        Merged(copy.deepcopy(member), learner.backbone, reading, sites.positions - 1) for member in single.members
    ]
    graph = Teacher(members, teacher.scale.shift, teacher.scale.factor).eval().requires_grad_(False)
    with attention_as(members[0].trunk, "eager"):
        content = traced(graph, torch.from_numpy(tokens), (OUTPUT,)).SerializeToString(deterministic=True)
    (found,) = OnnxRunner(session_of(content, 1)).session.run([OUTPUT], {INPUT: tokens})
    apart = float(np.abs(found - wanted).max()) / max(float(wanted.std()), 1e-30)
    if not apart <= TOLERANCE:
        raise ModelError(f"the exported teacher deviates by {apart:.2g} of its spread. Nothing was written.")
    return content


def _single_precision(teacher: FineTuned) -> FineTuned:
    """A copy that computes as the graph does."""
    members = tuple(replace(member, adapted=copy.deepcopy(member.adapted)) for member in teacher.members)
    for member in members:
        member.adapted.half = False
    return replace(teacher, members=members)


def _straight(posterior: Posterior, width: int) -> tuple[np.ndarray, float]:
    """Weights [P] and bias of a posterior whose mean is linear in the features.

    Raises:
        ModelError: it is not.
    """

    def mean(features: np.ndarray) -> np.ndarray:
        return posterior.mean(Inputs(features.astype(np.float32), np.zeros((len(features), 0), np.float32)))

    bias = float(mean(np.zeros((1, width)))[0])
    weights = mean(np.eye(width)) - bias
    probe = np.random.default_rng(0).standard_normal((4, width)).astype(np.float32)
    if not np.allclose(mean(probe), probe @ weights + bias, rtol=1e-3, atol=1e-3 * np.abs(weights).max()):
        raise ModelError("the teacher's head is not linear, so it cannot be exported. Nothing was written.")
    return weights, bias
