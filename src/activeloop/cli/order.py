"""`activeloop order`: DNA for the variants of a plate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from activeloop.cli.terminal import Folder, check_parent, next_step, note, opened, say

DNA = typer.Option(metavar="FASTA|SEQ", help="The coding sequence of the wild type, start to end.")
FORM = typer.Option(help="genes, or primers that introduce the mutations (QuikChange and its like).")
HOST = typer.Option(help="Whose codons are preferred: e_coli, s_cerevisiae, h_sapiens, b_subtilis ...")
AVOID = typer.Option(metavar="BsaI,...", help="Enzymes, or sequences, whose sites no gene may gain.")
PREFIX = typer.Option(metavar="DNA", help="Before each gene, such as an adapter for cloning.")
SUFFIX = typer.Option(metavar="DNA", help="After each gene, such as its stop codon and an adapter.")
VENDOR = typer.Option(help="Whose form is written.")
PROPOSAL = typer.Option(metavar="N", help="Of which proposal (default: the last).")
OUT = typer.Option(metavar="FILE", help="Where it is written (.csv).")


def order(
    directory: Folder,
    dna: Annotated[str, DNA],
    out: Annotated[Path, OUT],
    form: Annotated[Literal["genes", "primers"], FORM] = "genes",
    host: Annotated[str, HOST] = "e_coli",
    avoid: Annotated[str, AVOID] = "",
    prefix: Annotated[str, PREFIX] = "",
    suffix: Annotated[str, SUFFIX] = "",
    vendor: Annotated[Literal["idt", "twist"], VENDOR] = "idt",
    proposal: Annotated[int | None, PROPOSAL] = None,
) -> None:
    """Write the DNA of the last proposal's variants on a vendor's order form.

    Only the codons of mutated positions differ from the DNA that you give, which must code for the wild type.
    """
    from activeloop.desk.order import OrderOptions, read_dna, summary
    from activeloop.desk.order import order as made
    from activeloop.files import write_whole

    check_parent(out, "Nothing was written.")
    names = tuple(name.strip() for name in avoid.split(",") if name.strip())
    options = OrderOptions(read_dna(dna), form, host, names, prefix, suffix, vendor, proposal)
    found = made(opened(directory), options)
    for sentence in found.notes:
        note(sentence)
    write_whole(out, found.text)
    say(f"Written: {out}: {summary(found, options)}")
    next_step("compare a few lines with what you expect before you order.")
