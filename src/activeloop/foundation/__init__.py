"""Pretrained models: checkpoints, families, layers, pooling, zero-shot scores. Torch is loaded on use."""

from typing import TYPE_CHECKING

from activeloop._lazy import on_use

if TYPE_CHECKING:
    from activeloop.foundation.base import (
        ESM2,
        ESMC,
        Ankh,
        ChemBERTa,
        FoundationModel,
        Geneformer,
        NucleotideTransformer,
        ProtBert,
        ProtT5,
        SaProt,
        SmilesBERT,
        foundation_of,
    )
    from activeloop.foundation.zero_shot import ZeroShot, zero_shot_table

__all__ = [
    "ESM2",
    "ESMC",
    "Ankh",
    "ChemBERTa",
    "FoundationModel",
    "Geneformer",
    "NucleotideTransformer",
    "ProtBert",
    "ProtT5",
    "SaProt",
    "SmilesBERT",
    "ZeroShot",
    "foundation_of",
    "zero_shot_table",
]

__getattr__ = on_use(__name__)
