"""Every family of foundation models with a tiny checkpoint of its kind, a pool that it reads, and its texts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from activeloop.candidates import Compound, Guide, Mutation, Pool, Variant
from activeloop.foundation import (
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
)
from tiny_models import (
    tiny_bert,
    tiny_cells,
    tiny_chemberta,
    tiny_esm,
    tiny_esmc,
    tiny_nucleotides,
    tiny_saprot,
    tiny_smiles_bert,
    tiny_t5,
)

PARENT = "MKTAYIAKQR"
PROTEINS = Pool.of(
    [
        Variant(PARENT, mutations)
        for mutations in (
            (),
            (Mutation(2, "K", "W"),),
            (Mutation(3, "T", ""), Mutation(9, "Q", "L")),
            (Mutation(4, "", "GSG"), Mutation(8, "K", "C")),
            (Mutation(0, "", "A"), Mutation(10, "R", "")),
        )
    ]
)
LIBRARY = Pool.combinatorial(PARENT, ["K2", "A4"])
GUIDES = Pool.of([Guide(s) for s in ("GACCTTGAAACGTTGCAAGT", "TACCTTGAAACGTTGCAAGA", "CCCCTTGAAAAATTGCAAGC")])
COMPOUNDS = Pool.of([Compound(s) for s in ("CCO", "CC(=O)OC1=CC=CC=C1C(=O)O", "CCCl", "[Na+].[O-]C")])
CELLS = [f"ENSG{3:011d} ENSG{1:011d}", f"ENSG{4:011d} ENSG{20:011d} ENSG{7:011d} ENSG{0:011d}", f"ENSG{9:011d}"]


@dataclass(frozen=True)
class Family:
    """A family: how to make a tiny checkpoint, its class, and what it reads."""

    make: Callable[[Path], str]
    kind: Callable[..., FoundationModel]
    pool: Pool | None
    texts: list[str]


READ = ["MKTAYIAKQR", "MKT", "MKTAYWWWAKQRL"]
FAMILIES = {
    "esm2": Family(tiny_esm, ESM2, PROTEINS, READ),
    "esm2, rescaled": Family(partial(tiny_esm, token_dropout=True), ESM2, PROTEINS, READ),
    "esm2, library": Family(tiny_esm, ESM2, LIBRARY, READ),
    "saprot": Family(tiny_saprot, SaProt, PROTEINS, READ),
    "saprot, structure": Family(tiny_saprot, partial(SaProt, structure="pynwr#hgdl"), PROTEINS, READ),
    "esmc": Family(tiny_esmc, ESMC, PROTEINS, READ),
    "protbert": Family(tiny_bert, ProtBert, PROTEINS, READ),
    "prott5": Family(tiny_t5, ProtT5, PROTEINS, READ),
    "ankh": Family(partial(tiny_t5, mark="", gated=True), Ankh, PROTEINS, READ),
    "nucleotides": Family(tiny_nucleotides, NucleotideTransformer, GUIDES, ["ACGTACGTNACGTACG", "ACG", "ACGTACGTA"]),
    "chemberta": Family(tiny_chemberta, ChemBERTa, COMPOUNDS, ["CCO", "CCCl", "CC(=O)O"]),
    "smiles-bert": Family(tiny_smiles_bert, SmilesBERT, COMPOUNDS, ["CCO", "CCCl", "CC(=O)O"]),
    "geneformer": Family(tiny_cells, Geneformer, None, CELLS),
}
