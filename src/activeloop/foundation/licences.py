"""What the models of each family read, and what their licences allow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.candidates.designs import AMINO_ACIDS
from activeloop.foundation import ChemBERTa, FoundationModel, Geneformer, NucleotideTransformer
from activeloop.foundation.checkpoints import folder_of
from activeloop.foundation.tokens import read_vocabulary

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
    Licence("ESMC-300M", "open: read its card", True),
    Licence("esmc-300m", "open: read its card", True),
    Licence("ESMC-600M", "not clear: read its card before any commercial use", False),
    Licence("esmc-600m", "not clear: read its card before any commercial use", False),
    Licence("SaProt", "MIT", True),
    Licence("prot_bert", "see its card", False),
    Licence("prot_t5", "see its card", False),
    Licence("ankh", "see its card", False),
    Licence("Geneformer", "Apache-2.0", True),
    Licence("ChemBERTa", "none is stated", False),
    Licence("nucleotide-transformer", "non-commercial", False),
)


def licence_of(source: str) -> Licence | None:
    """What is known of a checkpoint's licence; None when nothing is.

    >>> licence_of("facebook/esm2_t6_8M_UR50D").text
    'MIT'
    """
    return next((licence for licence in LICENCES if licence.mark in source), None)


def example(foundation: FoundationModel, length: int, seed: int) -> str:
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
