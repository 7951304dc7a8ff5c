"""The table of families of pretrained models: how each is recognised and read, and what its licence allows."""

from __future__ import annotations

from dataclasses import dataclass

from activeloop.candidates import AMINO_ACIDS
from activeloop.errors import FetchError
from activeloop.foundation.checkpoints import BUNDLED, folder_of, settings_of
from activeloop.foundation.tokenizers import (
    GeneTokenizer,
    KmerTokenizer,
    ResidueTokenizer,
    SmilesTokenizer,
    Tokenizer,
)
from activeloop.foundation.vocabulary import BERT, ESM, T5, read_vocabulary
from activeloop.plugins import plugins


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


@dataclass(frozen=True)
class Family:
    """What the models of one family have in common.

    Where their layers are, and which of their linear maps adapters change, follows from the architecture: see
    `activeloop.foundation.architectures`.

    Args:
        name: in names of models.
        source: hub id of the checkpoint that is used when none is named.
        architecture: `model_type` in config.json.
        tokenizer: how candidates become tokens.
        licences: of published checkpoints.
        marks: tokens in its vocabulary that later families of the same architecture lack.
    """

    name: str
    source: str
    architecture: str
    tokenizer: Tokenizer
    licences: tuple[Licence, ...]
    marks: tuple[str, ...] = ()


_CARD = "see its card"
_UNCLEAR = "not clear: read its card before any commercial use"

#: families by name; of those with one architecture, the first whose marks are in the vocabulary reads a checkpoint
FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family(
            name="saprot",
            source="westlake-repl/SaProt_35M_AF2",
            architecture="esm",
            # the 3Di states of Foldseek (van Kempen et al. 2024); the last stands for an unknown one
            tokenizer=ResidueTokenizer(ESM, states="pynwrqhgdlvtmfsaeikc#"),
            licences=(Licence("SaProt", "MIT", True),),
            marks=("A#",),
        ),
        Family(
            name="nucleotides",
            source="InstaDeepAI/nucleotide-transformer-500m-human-ref",
            architecture="esm",
            tokenizer=KmerTokenizer(),
            licences=(Licence("nucleotide-transformer", "non-commercial", False),),
            marks=("AAAAAA",),
        ),
        Family(
            name="esm2",
            source=BUNDLED,
            architecture="esm",
            tokenizer=ResidueTokenizer(ESM),
            licences=(
                Licence(BUNDLED, "Apache-2.0, as this package", True),
                Licence("facebook/esm2", "MIT", True),
            ),
        ),
        Family(
            name="esmc",
            source="biohub/ESMC-300M",
            architecture="esmc",
            tokenizer=ResidueTokenizer(ESM),
            licences=(
                *(Licence(mark, "open: read its card", True) for mark in ("ESMC-300M", "esmc-300m")),
                *(Licence(mark, _UNCLEAR, False) for mark in ("ESMC-600M", "esmc-600m")),
            ),
        ),
        Family(
            name="smiles-bert",
            source="unikei/bert-base-smiles",
            architecture="bert",
            tokenizer=SmilesTokenizer(),
            licences=(Licence("bert-base-smiles", _CARD, False),),
            # aromatic carbon, a branch, a double bond: no vocabulary of residues or genes has these
            marks=("c", "(", "="),
        ),
        Family(
            name="protbert",
            source="Rostlab/prot_bert",
            architecture="bert",
            tokenizer=ResidueTokenizer(BERT, read_as_x="UZOB"),
            licences=(Licence("prot_bert", _CARD, False),),
            marks=tuple(AMINO_ACIDS),
        ),
        Family(
            name="geneformer",
            source="ctheodoris/Geneformer",
            architecture="bert",
            tokenizer=GeneTokenizer(),
            licences=(Licence("Geneformer", "Apache-2.0", True),),
        ),
        Family(
            name="prott5",
            source="Rostlab/prot_t5_xl_uniref50",
            architecture="t5",
            tokenizer=ResidueTokenizer(T5, read_as_x="UZOB"),
            licences=(Licence("prot_t5", _CARD, False),),
            # each residue is marked as one that follows a space
            marks=("▁A",),
        ),
        Family(
            name="ankh",
            source="ElnaggarLab/ankh-base",
            architecture="t5",
            tokenizer=ResidueTokenizer(T5),
            licences=(Licence("ankh", _CARD, False),),
        ),
        Family(
            name="chemberta",
            source="DeepChem/ChemBERTa-77M-MLM",
            architecture="roberta",
            tokenizer=SmilesTokenizer(),
            licences=(Licence("ChemBERTa", "none is stated", False),),
        ),
    )
}


def family_of(source: str, revision: str | None = None) -> Family:
    """The family that reads a checkpoint, by its architecture and its vocabulary.

    Raises:
        FetchError: it is not to be had, or no family reads it.
    """
    folder = folder_of(source, revision)
    architecture = settings_of(folder).get("model_type", "")
    families = [*(make() for make in plugins("family").values()), *FAMILIES.values()]
    found = [family for family in families if family.architecture == architecture]
    if not found:
        known = ", ".join(sorted({family.architecture for family in families}))
        raise FetchError(f'no family of models reads the architecture "{architecture}" of {source}. Known: {known}.')
    vocabulary = set(read_vocabulary(folder)) if len(found) > 1 else set()
    return next((family for family in found if vocabulary.issuperset(family.marks)), found[-1])


def licence_of(source: str) -> Licence | None:
    """What is known of a checkpoint's licence; None when nothing is.

    >>> licence_of("facebook/esm2_t6_8M_UR50D").text
    'MIT'
    """
    licences = (licence for family in FAMILIES.values() for licence in family.licences)
    return next((licence for licence in licences if licence.mark in source), None)
