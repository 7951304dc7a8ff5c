"""Kinds of gene ids."""

from __future__ import annotations

import pytest

from activeloop.errors import InputError
from activeloop.tables.genes import gene_kind


def test_kinds_of_gene_ids():
    assert gene_kind(["1956", "7157"])[0] == "Entrez"
    assert gene_kind(["ENSMUSG00000059552.14"]) == ("Ensembl", ["ENSMUSG00000059552"])
    assert gene_kind(["HLA-A", "MT-CO1", "AC092422.2", "C1orf112"])[0] == "symbol"
    with pytest.raises(InputError, match=r"several kinds: 2 Ensembl \(ENSG00000141510\), 1 symbol \(TP53\)"):
        gene_kind(["TP53", "ENSG00000141510", "ENSG00000012048"])
    with pytest.raises(InputError, match="several versions"):
        gene_kind(["ENSG00000141510.1", "ENSG00000141510.2"])
    # among symbols a clone under its Ensembl id is no second kind
    assert gene_kind([*(f"GENE{i}" for i in range(40)), "ENSG00000141510"])[0] == "symbol"
