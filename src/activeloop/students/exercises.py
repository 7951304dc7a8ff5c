"""Candidates and what is to be learned of them, as tensors."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import torch

from activeloop.measurements import Dataset
from activeloop.models.targets import Scale, precision
from activeloop.students.answers import Answers
from activeloop.students.reading import PADDING


@dataclass(frozen=True)
class Exercises:
    """N candidates with a teacher's answers.

    Args:
        tokens: int64 [N, W].
        location, sd: [N, A].
        deviations: [N, S, A].
        chances: [N, A] of classes, [N, 0] for values.
        hidden: [N, P] the teacher's hidden states; P may be 0.
    """

    tokens: torch.Tensor
    location: torch.Tensor
    sd: torch.Tensor
    deviations: torch.Tensor
    chances: torch.Tensor
    hidden: torch.Tensor

    @classmethod
    def of(cls, tokens: np.ndarray, answers: Answers, hidden: np.ndarray) -> Exercises:
        """As tensors."""
        parts = [getattr(answers, f.name) for f in fields(answers)] + [hidden.astype(np.float32)]
        return cls(torch.from_numpy(tokens.astype(np.int64)), *map(torch.from_numpy, parts))

    def __len__(self) -> int:
        return len(self.tokens)

    def take(self, rows: torch.Tensor) -> Exercises:
        """Some of them."""
        return Exercises(*(getattr(self, f.name)[rows] for f in fields(self)))

    def joined(self, other: Exercises) -> Exercises:
        """Both, one after the other."""
        rest = [f.name for f in fields(self)[1:]]
        return Exercises(
            stacked(self.tokens, other.tokens), *(torch.cat([getattr(self, f), getattr(other, f)]) for f in rest)
        )


@dataclass(frozen=True)
class Measured:
    """N measured candidates.

    Args:
        tokens: int64 [N, W].
        values: [N, A] standardised; for classes [N] the number of the class.
        weights: [N, A] how sure each is; 0 where it was not measured (for classes [N, 1]).
    """

    tokens: torch.Tensor
    values: torch.Tensor
    weights: torch.Tensor

    def __len__(self) -> int:
        return len(self.tokens)

    @classmethod
    def of(cls, dataset: Dataset, tokens: np.ndarray, shift: np.ndarray, factor: np.ndarray, classes: bool) -> Measured:
        """Those of a data set in which larger is better.

        A censored value is learned as one whose standard error is the spread of all.
        """
        known = ~np.isnan(dataset.values)
        read = torch.from_numpy(tokens.astype(np.int64))
        if classes:
            # a candidate that was not measured weighs nothing, whatever class stands there
            numbers = np.where(known, dataset.values, 0.0)[:, 0].astype(np.int64)
            return cls(read, torch.from_numpy(numbers), torch.from_numpy(known[:, :1].astype(np.float32)))
        errors = np.where(dataset.censored != 0, np.maximum(dataset.errors, factor), dataset.errors)
        weights = np.stack([precision(errors[:, a], Scale(0.0, float(factor[a]))) for a in range(len(factor))], axis=1)
        values = np.where(known, (dataset.values - shift) / factor, 0.0)
        return cls(read, *(torch.from_numpy(x.astype(np.float32)) for x in (values, np.where(known, weights, 0.0))))


def stacked(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Tokens below each other, padded to one width.

    >>> stacked(torch.ones(1, 2, dtype=torch.int64), torch.ones(1, 1, dtype=torch.int64)).tolist()
    [[1, 1], [1, 0]]
    """
    width = max(first.shape[1], second.shape[1])
    wide = [torch.nn.functional.pad(x, (0, width - x.shape[1]), value=PADDING) for x in (first, second)]
    return torch.cat(wide)


def trimmed(tokens: torch.Tensor) -> torch.Tensor:
    """Without columns in which nothing stands.

    >>> trimmed(torch.tensor([[2, 3, 0], [2, 0, 0]])).tolist()
    [[2, 3], [2, 0]]
    """
    used = (tokens != PADDING).any(0).nonzero()
    return tokens[:, : int(used.max()) + 1] if len(used) else tokens[:, :1]
