"""Of which family a checkpoint is, what its models read, and what their licences allow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from activeloop.backbones import (
    ESM2,
    ESMC,
    Ankh,
    ChemBERTa,
    Foundation,
    Geneformer,
    NucleotideTransformer,
    ProtBert,
    ProtT5,
    SaProt,
)
from activeloop.backbones.checkpoints import folder_of, settings_of
from activeloop.backbones.vocabularies import read_vocabulary
from activeloop.candidates.designs import AMINO_ACIDS
from activeloop.errors import FetchError

#: the first domain of streptococcal protein G, 56 residues
PROTEIN = "MTYKLILNGKTLKGETTTEAVDAATAEKVFKQYANDNGVDGEWTYDDATKTFTVTE"


@dataclass(frozen=True)
class Licence:
    """Of the weights of published checkpoints.

    Args:
        mark: a part of the hub's id.
        text: what is known.
        open: whether any use is allowed.
    """

    mark: str
    text: str
    open: bool


LICENCES = (
    Licence("activeloop/small", "Apache-2.0, as this package", True),
    Licence("facebook/esm2", "MIT", True),
    Licence("ESMC-300M", "open (Cambrian Open)", True),
    Licence("esmc-300m", "open (Cambrian Open)", True),
    Licence("ESMC-600M", "not clear: read its card before any commercial use", False),
    Licence("esmc-600m", "not clear: read its card before any commercial use", False),
    Licence("SaProt", "MIT", True),
    Licence("prot_bert", "see its card", False),
    Licence("prot_t5", "see its card", False),
    Licence("ankh", "non-commercial for some versions: read its card", False),
    Licence("Geneformer", "Apache-2.0", True),
    Licence("ChemBERTa", "none is stated", False),
    Licence("nucleotide-transformer", "non-commercial (CC BY-NC-SA)", False),
)


def licence_of(source: str) -> Licence | None:
    """What is known of a checkpoint's licence; None when nothing is.

    >>> licence_of("facebook/esm2_t6_8M_UR50D").text
    'MIT'
    """
    return next((licence for licence in LICENCES if licence.mark in source), None)


def foundation_of(source: str, revision: str | None = None) -> Foundation:
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


def _esm(folder: Path) -> Callable[..., Foundation]:
    vocabulary = read_vocabulary(folder)
    if "A#" in vocabulary:
        return SaProt
    return NucleotideTransformer if "AAAAAA" in vocabulary else ESM2


def _bert(folder: Path) -> Callable[..., Foundation]:
    return ProtBert if set(AMINO_ACIDS) <= set(read_vocabulary(folder)) else Geneformer


def _t5(folder: Path) -> Callable[..., Foundation]:
    # ProtT5 marks each residue as one that follows a space
    return ProtT5 if "▁A" in read_vocabulary(folder) else Ankh


_FAMILIES: dict[str, Callable[[Path], Callable[..., Foundation]]] = {
    "bert": _bert,
    "esm": _esm,
    "esmc": lambda folder: ESMC,
    "roberta": lambda folder: ChemBERTa,
    "t5": _t5,
}


def example(foundation: Foundation, length: int, seed: int) -> str:
    """A text of about so many tokens that a model reads; natural where it may be, others for other seeds."""
    rng = np.random.default_rng(seed)
    if isinstance(foundation, NucleotideTransformer):
        return "".join(rng.choice(list("ACGT"), 6 * length))
    if isinstance(foundation, ChemBERTa):
        return "".join(rng.choice(list("CNO"), length))
    if isinstance(foundation, Geneformer):
        vocabulary = read_vocabulary(folder_of(foundation.source, foundation.revision))
        genes = [token for token in vocabulary if not token.startswith("<")]
        return " ".join(rng.choice(genes, min(length, len(genes)), replace=False))
    protein = (PROTEIN * -(-length // len(PROTEIN)))[:length]
    if not seed:
        return protein
    at = int(rng.integers(len(protein)))
    return protein[:at] + str(rng.choice([a for a in AMINO_ACIDS if a != protein[at]])) + protein[at + 1 :]
