"""How compounds are written: SMILES, compared by structure when RDKit is installed."""

from __future__ import annotations

import functools
import importlib.util
from typing import final

from activeloop.candidates.designs import Compound, Design
from activeloop.candidates.notation import Notation
from activeloop.errors import MissingExtraError, NotationError


@final
class CompoundNotation(Notation):
    """Compounds by SMILES.

    With RDKit (`pip install "activeloop-bio[chem]"`) unreadable SMILES are refused, and two SMILES of one compound, or
    of two salts of it, count as the same compound. Without it SMILES are compared as text.

    Args:
        structures: whether to compare structures (needs RDKit) or text; structures if RDKit is installed when None.

    >>> notation = CompoundNotation()
    >>> notation.design(" CCO ").name
    'CCO'
    """

    def __init__(self, *, structures: bool | None = None):
        installed = importlib.util.find_spec("rdkit") is not None
        if structures and not installed:
            raise MissingExtraError("comparing structures", "chem")
        self._rdkit = installed if structures is None else structures

    def design(self, text: str) -> Compound:
        """The compound of a SMILES."""
        smiles = text.strip()
        if not smiles or any(c.isspace() for c in smiles):
            raise NotationError(f'"{text}" is not a SMILES. Give the structure, such as CCO, not a name.')
        if self._rdkit:
            parent_structure(smiles)
        return Compound(smiles)

    def key(self, design: Design) -> str:
        """Canonical SMILES of the compound without its counter-ions; the SMILES itself without RDKit."""
        assert isinstance(design, Compound)
        return parent_structure(design.smiles) if self._rdkit else design.smiles


@functools.lru_cache(maxsize=200_000)
def parent_structure(smiles: str) -> str:
    """Canonical SMILES of the largest part of a compound, uncharged. Needs RDKit.

    Args:
        smiles: as given.

    Raises:
        NotationError: RDKit cannot read it.

    >>> parent_structure("[NH3+]CCO.[Cl-]"), parent_structure("OCCN")
    ('NCCO', 'NCCO')
    """
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        molecule = Chem.MolFromSmiles(smiles)
        if molecule is None or not molecule.GetNumAtoms():
            raise NotationError(f'"{smiles}" is not a SMILES that RDKit can read. Correct the structure.')
        if "." in smiles:
            parts = Chem.GetMolFrags(molecule, asMols=True)
            # Ties (a racemate, two equal ions) are broken by the text, so that the order of writing does not matter.
            molecule = max(parts, key=lambda part: (part.GetNumHeavyAtoms(), Chem.MolToSmiles(part)))
        if "+" in smiles or "-]" in smiles:
            from rdkit.Chem.MolStandardize import rdMolStandardize

            molecule = rdMolStandardize.Uncharger().uncharge(molecule)
        return Chem.MolToSmiles(molecule)
