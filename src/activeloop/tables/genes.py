"""Ids of genes: of what kind they are, and without their versions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from activeloop.errors import InputError

_KINDS = {
    "Ensembl": re.compile(r"ENS[A-Z]{0,6}G\d{11}(?:\.\d+)?", re.IGNORECASE),
    "Entrez": re.compile(r"\d{1,9}"),
    "symbol": re.compile(r"[A-Za-z][\w.@/-]*"),
}
#: share of names of another kind that is taken as noise of an annotation (a clone without a symbol)
NOISE = 0.05


def gene_kind(names: Sequence[str]) -> tuple[str, list[str]]:
    """Of what kind the ids of genes are, and the ids without versions.

    Raises:
        InputError: they are of several kinds, of none, or one gene stands under several versions.

    >>> gene_kind(["ENSG00000141510.17", "ENSG00000012048"])
    ('Ensembl', ['ENSG00000141510', 'ENSG00000012048'])
    >>> gene_kind(["TP53", "BRCA1"])[0]
    'symbol'
    """
    kinds = [next((kind for kind, form in _KINDS.items() if form.fullmatch(name)), "none") for name in names]
    found = Counter(kinds)
    kind, count = found.most_common(1)[0] if found else ("none", 0)
    other = len(names) - count
    # clones stand among symbols under the id of their clone or of Ensembl
    noise = other <= NOISE * len(names) and kind == "symbol"
    if kind == "none" or (other and not noise):
        examples = {k: names[kinds.index(k)] for k in found}
        words = ", ".join(f"{number:,} {k} ({examples[k]})" for k, number in found.most_common())
        raise InputError(
            f"the ids of genes are of several kinds: {words}. Name a column of the genes that holds one kind "
            "or rename them. Nothing was read."
        )
    if kind != "Ensembl":
        return kind, list(names)
    bare = [name.upper().split(".")[0] for name in names]
    if twice := [name for name, times in Counter(bare).items() if times > 1]:
        raise InputError(
            f"{twice[0]} stands under several versions ({len(twice):,} genes do). Keep one of each. Nothing was read."
        )
    return kind, bare
