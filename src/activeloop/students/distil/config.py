"""Settings of a distillation: the role of a student's network, the transfer set, the loss."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from activeloop.candidates import Pool
from activeloop.errors import ConfigError
from activeloop.students.runtime.tokenizer import StudentTokenizer

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Shape:
    """Input and output of a network.

    Args:
        vocabulary: different tokens, padding and unknown included.
        width: tokens of the longest candidate in training; longer ones may come later.
        parent: [P] tokens of the wild type, () when there is none.
        outputs: numbers per candidate.
    """

    vocabulary: int
    width: int
    parent: tuple[int, ...]
    outputs: int

    @classmethod
    def of(cls, tokenizer: StudentTokenizer, outputs: int) -> Shape:
        """That of a network behind a tokenizer."""
        parent = tuple(tokenizer.encode([tokenizer.parent])[0].tolist()) if tokenizer.parent else ()
        return cls(tokenizer.vocabulary_size, tokenizer.width, parent, outputs)


class Network(ABC):
    """Settings of a student's network; frozen dataclasses that import no torch."""

    #: whether it encodes the varying columns alone
    sites = False
    #: whether it needs whole sequences also where only a region of them varies
    whole = False

    @property
    @abstractmethod
    def name(self) -> str:
        """In words, with its sizes."""

    def tokenizer(self, pool: Pool) -> StudentTokenizer:
        """How it encodes the candidates of a pool.

        Raises:
            PoolError: it cannot.
        """
        return StudentTokenizer.of(pool, sites=self.sites, whole=self.whole)

    @abstractmethod
    def build(self, shape: Shape, seed: int) -> nn.Module:
        """The network with its first weights: int64 tokens [N, W] -> float32 [N, outputs].

        Padding must not change its outputs, any W must be possible, and all its operations must be among those that
        `torch.onnx.export(dynamo=True)` writes with dynamic N and W.
        """


@dataclass(frozen=True)
class Transfer:
    """Which candidates the teacher predicts for the student.

    Of a pool not larger than `size` all. Of a larger one first random candidates, then, in some rounds, those on which
    student and teacher differ most.

    Args:
        size: number of candidates of the pool, at most.
        rounds: in which candidates are added where teacher and student differ; 0: all are random.
        share: of `size` that is left for these rounds.
        mutants: new combinations of its own mutations that are added to a pool of variants that is taken whole.
    """

    size: int = 8192
    rounds: int = 2
    share: float = 0.25
    mutants: int = 4096

    def __post_init__(self) -> None:
        if self.size < 0 or self.rounds < 0 or self.mutants < 0 or not 0 <= self.share < 1:
            raise ConfigError(
                "a transfer set needs a size, rounds and mutants of 0 or more, and a share from 0 to below 1. Nothing "
                "was trained."
            )


@dataclass(frozen=True)
class Weights:
    """Weights in the loss of a value, beside the squared error of the mean.

    A higher weight of the order costs some fidelity of the standard deviation ("Another order" in
    `docs/results/students`).

    Args:
        marginal: of the KL divergence of the student's normal distribution of a candidate from the teacher's.
        order: of the cross-entropy of which of two candidates is better.
        joint: of the squared error of the deviations.
    """

    marginal: float = 0.3
    order: float = 1.0
    joint: float = 0.3


@dataclass(frozen=True)
class DistillationConfig:
    """How a student is trained.

    For classes the loss is alpha CE(y, student) + (1 - alpha) T^2 KL(teacher || student) at temperature T. For values
    alpha weighs the squared error on measured candidates, each by its precision; 1 - alpha weighs the teacher's
    predictions of the transfer set: their mean, the order of the means, the divergence of the marginal distributions,
    and joint deviations made of the teacher's own draws, so that the student has its uncertainty and covariance.

    Args:
        network: of the student.
        alpha: weight of measured values, from 0 to 1; without a data set it is 0.
        temperature: T.
        deviations: S, how many joint deviations the student has.
        transfer: which candidates the teacher predicts.
        matching: weight of the hidden states: the student's vector of a candidate, through one linear map, against the
            teacher's pooled features. For teachers on a pretrained model or an encoder.
        weights: of the parts of the loss for values.
        steps: of training; None: fewer, the longer the candidates are.
        minibatch: candidates in a step; None: fewer, the longer they are.
        rate: the highest learning rate; None: the network's default.

    Source: Hinton et al. 2015, arXiv:1503.02531; hidden states: Romero et al. 2015, FitNets, arXiv:1412.6550.
    """

    network: Network
    alpha: float = 0.03
    temperature: float = 1.0
    deviations: int = 32
    transfer: Transfer = field(default_factory=Transfer)
    matching: float = 0.0
    weights: Weights = field(default_factory=Weights)
    steps: int | None = None
    minibatch: int | None = None
    rate: float | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.alpha <= 1 or self.temperature <= 0 or self.deviations < 1 or (self.minibatch or 2) < 2:
            raise ConfigError(
                "a distillation needs alpha from 0 to 1, a temperature above 0, at least one deviation and minibatches "
                "of at least 2. Nothing was trained."
            )
