"""Protein domains whose sites published libraries vary: libraries list letters, protein models read chains."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Domain:
    """A wild type, and where in it the letters of a library stand.

    Args:
        chain: residues of the domain.
        sites: labels such as `V39`, counted in the chain.
    """

    chain: str
    sites: tuple[str, ...]


#: by public set. GB1: Wu et al. 2016, eLife 5:e16965. PhoQ: residues 266 to 330 of UniProt P23837, the helices through
#: which it meets PhoP; A284, V285, S288 and T289 of the whole protein (Podgornaia and Laub 2015, Science 347:673).
DOMAINS = {
    "gb1": Domain("MQYKLILNGKTLKGETTTEAVDAATAEKVFKQYANDNGVDGEWTYDDATKTFTVTE", ("V39", "D40", "G41", "V54")),
    "phoq": Domain("DKYRTTLTDLTHSLKTPLAVLQSTLRSLRSEKMSVSDAEPVMLEQISRISQQIGYYLHRASMRGG", ("A19", "V20", "S23", "T24")),
}
