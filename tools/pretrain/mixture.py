"""The files that a model is trained on, and what each gives."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from activeloop.errors import InputError
from tools.pretrain.corpus import Corpus
from tools.pretrain.fasta import read_corpus, sha256


@dataclass(frozen=True)
class Source:
    """A FASTA file and its share of the training.

    Args:
        path: of the file.
        weight: of the rows it fills, relative to the others.

    Raises:
        InputError: the weight is not above zero.
    """

    path: str
    weight: float = 1.0

    def __post_init__(self):
        if not 0 < self.weight < float("inf"):
            raise InputError(f"has weight {self.weight:g}. Give one above zero; nothing was trained.", file=self.path)

    @classmethod
    def parse(cls, text: str) -> Source:
        """As it is typed: a path, or path=weight.

        >>> Source.parse("whole.fasta.gz=0.6")
        Source(path='whole.fasta.gz', weight=0.6)
        >>> Source.parse("a=b.fasta")
        Source(path='a=b.fasta', weight=1.0)
        """
        path, _, weight = text.rpartition("=")
        try:
            return cls(path, float(weight)) if path else cls(text)
        except InputError:
            raise
        except ValueError:
            return cls(text)


@dataclass(frozen=True)
class Part:
    """A file as it is used.

    Args:
        name: of the file, without its folder.
        sha256: of its content.
        weight: as given.
        train: what the model learns from.
        held_out: what it is judged by.
    """

    name: str
    sha256: str
    weight: float
    train: Corpus
    held_out: Corpus

    def facts(self) -> dict[str, Any]:
        """What is written down about it."""
        return {
            "name": self.name,
            "sha256": self.sha256,
            "weight": self.weight,
            "sequences": len(self.train) + len(self.held_out),
            "residues": len(self.train.tokens) + len(self.held_out.tokens),
            "held_out_sequences": len(self.held_out),
        }


def read_parts(sources: Sequence[Source], share: float, seed: int) -> list[Part]:
    """Read the files of a mixture and put some sequences of each apart.

    Args:
        sources: at least one.
        share: of the sequences of each file that the model is judged by and never learns from.
        seed: of which.

    Raises:
        InputError: as `read_corpus`.
    """
    return [_part(source, share, seed) for source in sources]


def _part(source: Source, share: float, seed: int) -> Part:
    train, held_out = read_corpus(source.path).split(share, seed)
    return Part(os.path.basename(source.path), sha256(source.path), source.weight, train, held_out)
