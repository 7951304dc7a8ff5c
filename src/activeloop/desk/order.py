"""DNA to order for the variants of a plate: genes whose codons suit the host, or primers that make the mutations."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from activeloop.candidates.designs import Mutation, Variant
from activeloop.config import OpenCampaign
from activeloop.desk.propose import plates_of
from activeloop.errors import InputError, MissingExtraError, PlateError, did_you_mean
from activeloop.files import csv_text
from activeloop.plates import Plate
from activeloop.words import many, some

Form = Literal["genes", "primers"]
Vendor = Literal["idt", "twist"]

#: recognition sites of enzymes that people cut with
SITES: Mapping[str, str] = {
    "BsaI": "GGTCTC",
    "BbsI": "GAAGAC",
    "BsmBI": "CGTCTC",
    "SapI": "GCTCTTC",
    "EcoRI": "GAATTC",
    "BamHI": "GGATCC",
    "HindIII": "AAGCTT",
    "NdeI": "CATATG",
    "NcoI": "CCATGG",
    "XhoI": "CTCGAG",
    "XbaI": "TCTAGA",
    "NotI": "GCGGCCGC",
    "SalI": "GTCGAC",
    "KpnI": "GGTACC",
}
#: share of the commonest codon below which a codon is not used
RARE = 0.1
#: of primers: length of both together, and melting temperature of the part on each side of the mutations, in °C
LONGEST, MELTING = 60, 55.0
#: codons that one pair of primers can span
SPAN = 5


@dataclass(frozen=True)
class OrderOptions:
    """What is ordered.

    Args:
        dna: coding sequence of the wild type, start to end, with or without its stop codon.
        form: whole genes, or primers for mutagenesis.
        host: whose codons are preferred: `e_coli`, `s_cerevisiae`, `h_sapiens`, `b_subtilis`, `m_musculus` ...
        avoid: names of enzymes or sequences that must not occur.
        prefix, suffix: DNA before and after each gene, such as an adapter for cloning.
        vendor: whose form it is.
        proposal: number of the proposal; the last when None.
    """

    dna: str
    form: Form = "genes"
    host: str = "e_coli"
    avoid: tuple[str, ...] = ()
    prefix: str = ""
    suffix: str = ""
    vendor: Vendor = "idt"
    proposal: int | None = None


@dataclass(frozen=True)
class OrderedOligo:
    """A line of an order.

    Args:
        plate, well: where it is delivered: the well of the variant on its plate.
        name: of the variant; primers end in `-F` and `-R`.
        sequence: DNA, 5' to 3'.
        protein: the variant's protein.
    """

    plate: str
    well: str
    name: str
    sequence: str
    protein: str


@dataclass(frozen=True)
class Order:
    """DNA to order.

    Args:
        lines: in the order of plates and wells; a variant with several wells is ordered once.
        notes: what to know, in sentences.
        text: the vendor's form as CSV.
    """

    lines: tuple[OrderedOligo, ...]
    notes: tuple[str, ...]
    text: str


def order(loop: OpenCampaign, options: OrderOptions) -> Order:
    """The DNA of the variants of a proposal, on a vendor's form.

    Only codons of mutated positions differ from the wild type's DNA: each is the host's commonest that makes no site
    which must be avoided. Controls and the wild type itself are not ordered.

    Args:
        loop: a campaign of protein variants with a wild type.
        options: what is ordered.

    Raises:
        InputError: the DNA is not that of the wild type (the first difference is named), the host or an enzyme is not
            known, or the pool holds no variants.
        PlateError: a variant cannot be ordered so: its mutations lie too far apart for a pair of primers, or every
            codon makes a site that must be avoided. Nothing was written.
    """
    parent = _parent(loop)
    dna, notes = _coding(options.dna, parent)
    codons, avoid = _codons(options.host), _sites(options.avoid)
    if standing := [name for name, site in avoid.items() if _found(dna, site)]:
        notes.append(f"the wild type's DNA holds {some(standing)} itself; the genes hold it too.")
    laid = plates_of(loop, options.proposal)
    lines: list[OrderedOligo] = []
    cool: list[str] = []
    for plate, well, variant in _variants(loop, laid.plates):
        gene, first, last = _gene(dna, variant, codons, avoid)
        if options.form == "genes":
            whole = f"{_letters(options.prefix)}{gene}{_letters(options.suffix)}"
            lines.append(OrderedOligo(plate, well, variant.name, whole, variant.sequence))
            continue
        forward, hot = _primer(gene, variant, first, last)
        cool += [] if hot else [variant.name]
        for end, sequence in (("F", forward), ("R", _reverse(forward))):
            lines.append(OrderedOligo(plate, well, f"{variant.name}-{end}", sequence, variant.sequence))
    if not lines:
        raise PlateError("there is no variant to order on that plate. Nothing was written.")
    if cool:
        notes.append(f"a side of the primers of {some(cool)} melts below {MELTING:g} °C: it is as long as it may be.")
    return Order(tuple(lines), tuple(notes), _form(lines, options.vendor))


def _parent(loop: OpenCampaign) -> str:
    design = loop.campaign.pool[0].design if len(loop.campaign.pool) else None
    if not isinstance(design, Variant) or not loop.config.pool.wild_type:
        raise InputError("DNA can be ordered for variants of a protein whose wild type the campaign knows.")
    return design.parent


def _letters(text: str) -> str:
    letters = re.sub(r"\s", "", text).upper().replace("U", "T")
    if wrong := re.search("[^ACGT]", letters):
        raise InputError(f'"{wrong[0]}" at position {wrong.start() + 1} is no letter of DNA (A, C, G, T).')
    return letters


def _coding(text: str, parent: str) -> tuple[str, list[str]]:
    """The codons of the wild type without its stop, and what to know of them."""
    record = "".join(line for line in text.splitlines() if not line.startswith(">"))
    dna, notes = _letters(record), []
    if len(dna) % 3:
        raise InputError(f"the DNA has {len(dna):,} letters, which is no whole number of codons. Give start to end.")
    protein = "".join(_CODE[dna[i : i + 3]] for i in range(0, len(dna), 3))
    if protein.endswith("*"):
        dna, protein = dna[:-3], protein[:-1]
        notes.append("the stop codon was taken off: put it into the suffix where the gene needs one.")
    if protein == parent:
        return dna, notes
    if len(protein) != len(parent):
        raise InputError(f"the DNA codes for {len(protein)} residues, and the wild type has {len(parent)}.")
    i = next(i for i, (a, b) in enumerate(zip(protein, parent, strict=True)) if a != b)
    raise InputError(
        f"the DNA codes for {protein[i]} at position {i + 1}, where the wild type has {parent[i]}. Give the DNA of "
        "this wild type, or correct one of the two."
    )


def _codons(host: str) -> Mapping[str, tuple[str, ...]]:
    """Residue -> its codons, the host's commonest first, without rare ones."""
    try:
        import python_codon_tables as tables
    except ImportError:
        raise MissingExtraError("codon tables", "dna") from None
    names = {name.rpartition("_")[0]: name for name in tables.available_codon_tables_names}
    if host not in names:
        hint = did_you_mean(host, names)
        raise InputError(f'no codons of "{host}" are known. {hint} Hosts: {", ".join(sorted(names))}.')
    found = {}
    for residue, shares in dict(tables.get_codons_table(names[host]) or {}).items():
        most = max(shares.values())
        ranked = sorted(shares.items(), key=lambda item: (-item[1], item[0]))
        found[residue] = tuple(codon for codon, share in ranked if share >= RARE * most)
    return found


def _sites(names: Sequence[str]) -> dict[str, str]:
    """Name -> sequence of what must not occur."""
    found = {}
    for name in names:
        known = next((enzyme for enzyme in SITES if enzyme.lower() == name.strip().lower()), None)
        if known:
            found[known] = SITES[known]
        elif re.fullmatch("[ACGTacgt]{4,}", name.strip()):
            found[name.strip().upper()] = name.strip().upper()
        else:
            hint = did_you_mean(name, SITES)
            raise InputError(f'"{name}" is neither DNA nor a known enzyme. {hint} Known: {", ".join(SITES)}.')
    return found


def _found(dna: str, site: str) -> int:
    """How often a site occurs, on either strand."""
    return sum(len(re.findall(f"(?={s})", dna)) for s in {site, _reverse(site)})


def _variants(loop: OpenCampaign, plates: Sequence[Plate]) -> Iterator[tuple[str, str, Variant]]:
    seen = set()
    for plate in plates:
        for name, well in plate.wells.items():
            row = None if well.control else loop.campaign.pool.row_of(well.candidate)
            design = None if row is None else loop.campaign.pool[row].design
            if isinstance(design, Variant) and design.mutations and design.name not in seen:
                seen.add(design.name)
                yield plate.id, name, design


def _gene(
    dna: str, variant: Variant, codons: Mapping[str, tuple[str, ...]], avoid: Mapping[str, str]
) -> tuple[str, int, int]:
    """DNA of a variant, and the first and the last of its letters that are new."""
    choices = [_choices(m, dna, codons) for m in variant.mutations]
    standing = {name: _found(dna, site) for name, site in avoid.items()}
    made = []
    for several in itertools.islice(itertools.product(*choices), 20_000):
        gene = _put(dna, variant.mutations, several)
        made = [name for name, site in avoid.items() if _found(gene, site) > standing[name]]
        if not made:
            first = 3 * (variant.mutations[0].position - 1)
            shift = sum(len(new) - 3 * len(m.old) for m, new in zip(variant.mutations, several, strict=True))
            end = 3 * (variant.mutations[-1].position - bool(variant.mutations[-1].old)) + 3
            return gene, first, max(first, end + shift) if shift else end
    raise PlateError(f"{variant.name}: every codon makes a site of {some(made)}. Allow it, or choose another host.")


def _choices(mutation: Mutation, dna: str, codons: Mapping[str, tuple[str, ...]]) -> list[str]:
    if not mutation.new:
        return [""]
    return ["".join(parts) for parts in itertools.islice(itertools.product(*(codons[r] for r in mutation.new)), 64)]


def _put(dna: str, mutations: Sequence[Mutation], codons: Sequence[str]) -> str:
    pieces = [dna[i : i + 3] for i in range(0, len(dna), 3)]
    for m, new in zip(mutations, codons, strict=True):
        if m.old:
            pieces[m.position - 1] = new
        else:  # behind that position
            pieces[m.position - 1] += new
    return "".join(pieces)


def _primer(gene: str, variant: Variant, first: int, last: int) -> tuple[str, bool]:
    """The forward primer, the new codons and on each side as much as melts at `MELTING`; whether both sides do."""
    if last - first > 3 * SPAN:
        raise PlateError(
            f"{variant.name}: its mutations lie {(last - first) // 3} codons apart, and one pair of primers spans "
            f"{SPAN}. Order genes. Nothing was written."
        )
    left = next((n for n in range(10, 31) if first - n <= 0 or _melts(gene[max(first - n, 0) : first])), 30)
    right = next((n for n in range(10, 31) if last + n >= len(gene) or _melts(gene[last : last + n])), 30)
    begin, end = max(first - left, 0), min(last + right, len(gene))
    if first - begin < 10 or end - last < 10:
        raise PlateError(
            f"{variant.name} lies within 10 letters of an end of the gene, where a primer cannot bind. Order genes. "
            "Nothing was written."
        )
    end = min(end, begin + LONGEST)
    return gene[begin:end], _melts(gene[begin:first]) and _melts(gene[last:end])


def _melts(dna: str) -> bool:
    """Whether DNA melts at `MELTING` or above: nearest neighbours (SantaLucia 1998), 50 mM sodium, 250 nM of each."""
    from Bio.SeqUtils import MeltingTemp

    return MeltingTemp.Tm_NN(dna, nn_table=MeltingTemp.DNA_NN4, Na=50, dnac1=250, dnac2=0) >= MELTING


def _reverse(dna: str) -> str:
    return dna.translate(_PAIRS)[::-1]


def _form(lines: Sequence[OrderedOligo], vendor: Vendor) -> str:
    """The vendor's form."""
    several = len({line.plate for line in lines}) > 1
    if vendor == "twist":
        name = [f"{line.plate} {line.name}" if several else line.name for line in lines]
        rows = [
            [n, line.sequence, len(line.sequence), line.plate, line.well] for n, line in zip(name, lines, strict=True)
        ]
        return csv_text(("Name", "Sequence", "Length", "Plate", "Well"), rows)
    rows = [[line.well, line.name, line.sequence] for line in lines]
    if several:
        rows = [[line.plate, line.well, line.name, line.sequence] for line in lines]
        return csv_text(("Plate Name", "Well Position", "Name", "Sequence"), rows)
    return csv_text(("Well Position", "Name", "Sequence"), rows)


def summary(found: Order, options: OrderOptions) -> str:
    """What is ordered, in a sentence."""
    letters = sum(len(line.sequence) for line in found.lines)
    what = "gene" if options.form == "genes" else "primer"
    return f"{many(len(found.lines), what)} of {letters:,} letters in all, on {options.vendor.upper()}'s form."


_PAIRS = str.maketrans("ACGT", "TGCA")
_BASES = "TCAG"
_CODE = dict(
    zip(
        (a + b + c for a in _BASES for b in _BASES for c in _BASES),
        "FFLLSSSSYY**CC*WLLLLPPPPHHQQRRRRIIIMTTTTNNKKSSRRVVVVAAAADDEEGGGG",
        strict=True,
    )
)


def read_dna(source: str) -> str:
    """DNA given as letters, or as a FASTA file of one record.

    >>> read_dna("ATG GCC")
    'ATG GCC'
    """
    path = Path(source)
    if re.fullmatch(r"[ACGTUacgtu\s]+", source) or not path.is_file():
        return source
    text = path.read_text(encoding="utf-8")
    if (records := text.count(">")) > 1:
        raise InputError(f"it holds {records} records; give one.", file=source)
    return text
