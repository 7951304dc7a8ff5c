"""Of which family a checkpoint is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from activeloop.candidates.designs import AMINO_ACIDS
from activeloop.errors import FetchError
from activeloop.foundation.base import FoundationModel
from activeloop.foundation.checkpoints import folder_of, settings_of
from activeloop.foundation.other_models import ChemBERTa, Geneformer, NucleotideTransformer
from activeloop.foundation.protein_models import ESM2, ESMC, Ankh, ProtBert, ProtT5, SaProt
from activeloop.foundation.tokens import read_vocabulary


def foundation_of(source: str, revision: str | None = None) -> FoundationModel:
    """The family that reads a checkpoint, by its architecture and its vocabulary.

    Raises:
        FetchError: it is not to be had, or no family reads it.
    """
    folder = folder_of(source, revision)
    kind = settings_of(folder).get("model_type", "")
    if kind not in _FAMILIES:
        raise FetchError(
            f'no family of models reads the architecture "{kind}" of {source}. Known: {", ".join(sorted(_FAMILIES))}.'
        )
    return _FAMILIES[kind](folder)(source=source, revision=revision)


def _esm(folder: Path) -> Callable[..., FoundationModel]:
    vocabulary = read_vocabulary(folder)
    if "A#" in vocabulary:
        return SaProt
    return NucleotideTransformer if "AAAAAA" in vocabulary else ESM2


def _bert(folder: Path) -> Callable[..., FoundationModel]:
    return ProtBert if set(AMINO_ACIDS) <= set(read_vocabulary(folder)) else Geneformer


def _t5(folder: Path) -> Callable[..., FoundationModel]:
    # ProtT5 marks each residue as one that follows a space
    return ProtT5 if "▁A" in read_vocabulary(folder) else Ankh


_FAMILIES: dict[str, Callable[[Path], Callable[..., FoundationModel]]] = {
    "bert": _bert,
    "esm": _esm,
    "esmc": lambda folder: ESMC,
    "roberta": lambda folder: ChemBERTa,
    "t5": _t5,
}
