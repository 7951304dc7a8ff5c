"""What a compound is: its structure without counter-ions and solvents, neutral, as the canonical tautomer."""

from __future__ import annotations

import functools
import json
import re
from typing import Any, NamedTuple

from activeloop.errors import NotationError

#: of the rules below; a campaign keeps the version it was made with
STRUCTURES = 2

#: small and removed whenever anything else is there
_SOLVENTS = """O CO CCO CCCO CC(C)O CCCCO CC(C)CO CCC(C)O CC(C)(C)O OCCO CC(O)CO OCC(O)CO OCC(F)(F)F
OC(C(F)(F)F)C(F)(F)F COCCO CC(C)=O CCC(C)=O CC(C)CC(C)=O CC#N ClCCl ClC(Cl)Cl ClC(Cl)(Cl)Cl ClCCCl CCOCC CC(C)OC(C)C
COC(C)(C)C C1CCOC1 CC1CCCO1 C1COCCO1 COCCOC COC(C)=O CCOC(C)=O CC(C)OC(C)=O CCOC=O CN(C)C=O CC(=O)N(C)C CN1CCCC1=O NC=O
CS(C)=O O=S1(=O)CCCC1 c1ccccc1 Cc1ccccc1 Cc1ccccc1C Cc1cccc(C)c1 Cc1ccc(C)cc1 Clc1ccccc1 COc1ccccc1 c1ccncc1 CCCCC
CCCCCC CCCCCCC CCCCCCCC C1CCCCC1 CC1CCCCC1 C[N+](=O)[O-] OO NC(N)=O CN(C)P(=O)(N(C)C)N(C)C S=C=S [HH] N#N O=O O=C=O"""
#: ions without an effect of their own
_INORGANIC = """F Cl Br I I[I-]I [Na+] [K+] [Rb+] [Cs+] [Mg+2] [Ca+2] [H+] [Na] [K] [Mg] [Ca] N O=S(=O)(O)O
O=S(O)O O=S(O)(O)=S O=P(O)(O)O O=[PH](O)O O=P(O)(O)OP(=O)(O)O O=[N+]([O-])O O=NO O=C(O)O [O-][Cl+3]([O-])([O-])O
O=Cl(=O)(=O)O O=ClO O=[Cl](=O)O NS(=O)(=O)O OB(O)O F[B-](F)(F)F F[P-](F)(F)(F)(F)F F[Sb-](F)(F)(F)(F)F
F[Si-2](F)(F)(F)(F)F [N-]=[N+]=N N=[N+]=[N-] N#CS N=C=S S C#N O=[Si](O)O
c1ccc([B-](c2ccccc2)(c2ccccc2)c2ccccc2)cc1"""
#: a counter-ion beside any other part, but the active one where all other parts are counter-ions, too
_LITHIUM = "[Li+] [Li]"
_ACIDS = """O=CO CC(=O)O O=C(O)C(F)(F)F O=C(O)C(Cl)Cl O=C(O)C(Cl)(Cl)Cl CCC(=O)O CCCC(=O)O CC(C)C(=O)O CCCCC(=O)O
CCCCCC(=O)O CCCCCCC(=O)O CCCCCCCC(=O)O CCCCCCCCCC(=O)O CCCCCCCCCCCC(=O)O CCCCCCCCCCCCCC(=O)O CCCCCCCCCCCCCCCC(=O)O
CCCCCCCCCCCCCCCCCC(=O)O CCCCCCCCC=CCCCCCCCC(=O)O C=CCCCCCCCCC(=O)O CCCCC(CC)C(=O)O CC(C)(C)C(=O)O O=C(O)C(=O)O
O=C(O)CC(=O)O O=C(O)CCC(=O)O O=C(O)CCCC(=O)O O=C(O)CCCCC(=O)O O=C(O)CCCCCC(=O)O O=C(O)CCCCCCCCC(=O)O O=C(O)C=CC(=O)O
O=C(O)CC(O)C(=O)O O=C(O)C(O)C(O)C(=O)O O=C(O)CC(O)(CC(=O)O)C(=O)O O=C(O)C=C(CC(=O)O)C(=O)O CC(O)C(=O)O O=C(O)CO
O=C(O)C(O)C(O)C(O)C(O)CO O=C(O)C(O)C(O)C(O)C(O)C(=O)O O=C(O)C(O)C(O)C(O)C(O)C(O)CO O=CC(O)C(O)C(O)C(O)C(=O)O
O=C(O)C1OC(O)C(O)C(O)C1O O=C(O)C(O)C(O)C(OC1OC(CO)C(O)C(O)C1O)C(O)CO CC(=O)CCC(=O)O CC(=O)C(=O)O O=C(O)CCC(=O)C(=O)O
O=C(O)c1ccccc1 O=C(O)C(O)c1ccccc1 O=C(O)CNC(=O)c1ccccc1 O=C(O)C=Cc1ccccc1 O=C(O)c1cc(O)ccc1O O=C(O)c1cc(O)c(O)c(O)c1
O=C(O)c1ccc2ccccc2c1O O=C(O)c1cc2ccccc2cc1O O=C(O)c1cc2ccccc2c(Cc2c(O)c(C(=O)O)cc3ccccc23)c1O
CC(=O)Nc1ccc(C(=O)O)cc1 O=C(c1ccccc1)c1ccc(O)cc1C(=O)O O=C(O)c1ccccc1C(=O)c1ccc(O)cc1 O=C(O)c1cccnc1
O=C(O)c1cc(=O)[nH]c(=O)[nH]1 O=C(O)C1CCC(=O)N1 NC(CC(=O)O)C(=O)O NC(CCC(=O)O)C(=O)O O=S(=O)(O)C(F)(F)F CS(=O)(=O)O
CCS(=O)(=O)O O=S(=O)(O)CCO O=S(=O)(O)CCS(=O)(=O)O O=S(=O)(O)c1ccccc1 Cc1ccc(S(=O)(=O)O)cc1 O=S(=O)(O)c1ccc(Cl)cc1
O=S(=O)(O)c1ccc(O)cc1 O=S(=O)(O)c1cc(O)ccc1O O=S(=O)(O)c1ccc2ccccc2c1 O=S(=O)(O)c1cccc2ccccc12
O=S(=O)(O)c1cccc2c(S(=O)(=O)O)cccc12 Cc1cc(C)c(S(=O)(=O)O)c(C)c1 CC1(C)C2CCC1(CS(=O)(=O)O)C(=O)C2
CC1(C)C2CCC1(C)C(=O)C2S(=O)(=O)O O=S(=O)(O)NC1CCCCC1 COS(=O)(=O)O CCOS(=O)(=O)O CCCCCCCCCCCCOS(=O)(=O)O
O=P(O)(O)OC(CO)CO O=P(O)(O)OCC(O)CO O=C1NS(=O)(=O)c2ccccc12 CC1=CC(=O)NS(=O)(=O)O1 Cn1c(=O)c2[nH]c(Cl)nc2n(C)c1=O
O=[N+]([O-])c1cc([N+](=O)[O-])c(O)c([N+](=O)[O-])c1 O=C(OC(C(=O)O)C(OC(=O)c1ccccc1)C(=O)O)c1ccccc1
Cc1ccc(C(=O)OC(C(=O)O)C(OC(=O)c2ccc(C)cc2)C(=O)O)cc1 O=C1C(O)=C(O)C(C(O)CO)O1 O=S(=O)(NS(=O)(=O)C(F)(F)F)C(F)(F)F"""
_BASES = """CN CNC CN(C)C CCN CCNCC CCN(CC)CC CC(C)NC(C)C CCN(C(C)C)C(C)C CC(C)(C)N CC(C)N NC1CCCCC1 C1CCC(NC2CCCCC2)CC1
NCCO OCCNCCO OCCN(CCO)CCO NCCN NC(CO)(CO)CO CNCC(O)C(O)C(O)C(O)CO CCNCC(O)C(O)C(O)C(O)CO NCC(O)C(O)C(O)C(O)CO
C[N+](C)(C)CCO CN(C)CCO CCN(CC)CCO OCCN1CCCC1 OCCN1CCOCC1 C1COCCN1 CN1CCOCC1 C1CCNCC1 C1CNCCN1 c1c[nH]cn1
c1ccc(CNCCNCc2ccccc2)cc1 c1ccc(CCNCc2ccccc2)cc1 CCN(CC)CCOC(=O)c1ccc(N)cc1 CC(N)c1ccccc1 NCc1ccccc1
NCCCCC(N)C(=O)O N=C(N)NCCCC(N)C(=O)O NC(Cc1c[nH]cn1)C(=O)O NCCCC(N)C(=O)O N=C(N)N NCCCCN C1CCC2=NCCCN2CC1
C[N+](C)(C)C CC[N+](CC)(CC)CC CCC[N+](CCC)(CCC)CCC CCCC[N+](CCCC)(CCCC)CCCC C[N+](C)(C)Cc1ccccc1 NC(=O)c1cccnc1"""

#: a counter-ion or water behind the name of a drug; acids that are drugs themselves have no such ending
_SALT = re.compile(
    r"(?:[\s_-]+\(?(?:(?:mono|di|tri|hemi|bi|\d)?-?(?:hydrochloride|hydrobromide|hcl|hbr|chloride|bromide|mesylate|mesilate"
    r"|methanesulfonate|tosylate|tosilate|besylate|besilate|maleate|fumarate|tartrate|citrate|succinate|malate|acetate"
    r"|lactate|phosphate|sulfate|sulphate|nitrate|trifluoroacetate|tfa|hydrate|anhydrous|sodium|potassium)|salt)\)?)+$",
    re.IGNORECASE,
)

_METALS = "Li Na K Rb Cs Ca Sr Ba".split()
#: all other elements make a complex or a salt whose metal counts
_USUAL = frozenset({1, 3, 5, 6, 7, 8, 9, 11, 12, 14, 15, 16, 17, 19, 20, 34, 35, 37, 53, 55})

#: anions without a place for a proton: hexafluorophosphate, cyclopentadienide
_NO_PROTON = "[PX6-,c-]"
#: tautomers of compounds that have more than this, or more heavy atoms, are not looked for: they stay as written
MOST_TAUTOMERS, MOST_ATOMS = 64, 100
#: a part this many times heavier than the next is the compound
CLEARLY_LARGER = 2.0

_MOVED, _TO = "[#6,#7X2;+0]", "[#7X2,#8X1,#16X1;+0]"
#: how hydrogen moves: name -> path, from the atom that gives it to the one that takes it. Only moves that can end at
#: the canonical tautomer: from enol to ketone, not back. None takes it from a carbon that could be a stereocentre.
_SHIFTS = {
    "amidine": f"[#7;+0;!H0]-{_MOVED}=[#7X2;+0]",
    "lactam to lactim": "[#7;+0;!H0]-c=[#8X1,#16X1;+0]",
    "lactim to lactam": f"[#8,#16;+0;!H0]-{_MOVED}=[#7X2;+0]",
    "thioacid": "[#8;+0;!H0]-[#6]=[#16X1;+0]",
    "thiolacid": "[#16;+0;!H0]-[#6]=[#8X1;+0]",
    **{
        f"along {2 * n + 1} atoms": "[#7,#8,#16;+0;!H0]" + f"-{_MOVED}={_MOVED}" * (n - 1) + f"-{_MOVED}={_TO}"
        for n in (2, 3, 4)
    },
    "enol": "[O,S;X2;!H0]-C=C",
    "active methylene": "[CX4;R;!H0;!H1;$(C(-[#6]=[#7,#8,#16])-[#6,#7]=[#7,#8,#16])]-[#6]=[#7X2,#8,#16]",
}


class _Tools(NamedTuple):
    """RDKit's standardisers, and the counter-ions by `_flat`."""

    disconnect: Any
    uncharge: Any
    no_proton: Any
    tautomers: Any
    solvents: frozenset[str]
    inorganic: frozenset[str]
    lithium: frozenset[str]
    acids: frozenset[str]
    bases: frozenset[str]


@functools.cache
def _tools() -> _Tools:
    from rdkit import Chem
    from rdkit.Chem.MolStandardize import rdMolStandardize as standardise

    disconnect = standardise.MetalDisconnector()
    disconnect.SetMetalNof(Chem.MolFromSmarts(f"[{','.join(_METALS)}]~[N,O,F,S,Cl,Br,I]"))
    disconnect.SetMetalNon(Chem.MolFromSmarts("[#0]"))  # complexes of other metals stay whole
    settings = standardise.CleanupParameters()
    shifts = [{"name": name, "smarts": path, "bonds": "", "charges": ""} for name, path in _SHIFTS.items()]
    standardise.UpdateParamsFromJSON(settings, json.dumps({"tautomerTransformData": shifts}))
    settings.maxTautomers = settings.maxTransforms = MOST_TAUTOMERS
    listed = [
        frozenset(_flat(Chem.MolFromSmiles(smiles)) for smiles in text.split())
        for text in (_SOLVENTS, _INORGANIC, _LITHIUM, _ACIDS, _BASES)
    ]
    uncharge, no_proton = standardise.Uncharger(True, True), Chem.MolFromSmarts(_NO_PROTON)
    return _Tools(disconnect, uncharge, no_proton, standardise.TautomerEnumerator(settings), *listed)


@functools.lru_cache(maxsize=200_000)
def parent_structure(smiles: str, version: int = STRUCTURES) -> str:
    r"""Canonical SMILES of what counts as the compound. Needs RDKit.

    Known solvents and counter-ions are removed; where all parts are such, the organic one is kept, or the whole salt
    where that is not clear or a metal counts (lithium citrate, zinc acetate). Of several other parts the largest is
    kept if it is at least twice as large as the next. What is left is made neutral and the canonical tautomer, by moves
    of hydrogen between N, O and S and from enol to ketone; stereocentres and isotopes stay.

    Args:
        smiles: as given.
        version: of the rules; 1 is the largest part, made neutral, as in the first releases.

    Raises:
        NotationError: RDKit cannot read it, or several parts could be the compound.

    >>> parent_structure("[NH3+]CCO.[Cl-]"), parent_structure("OC(=O)/C=C\\C(=O)O.Oc1ccccn1")
    ('NCCO', 'O=c1cccc[nH]1')
    """
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        if version == 1:
            return Chem.MolToSmiles(_largest(smiles, read_molecule(smiles)))
        molecule, final = _compound(smiles)
        return Chem.MolToSmiles(molecule if final else _canonical(molecule))


@functools.lru_cache(maxsize=200_000)
def skeleton(smiles: str) -> str:
    """Equal for two compounds of one `parent_structure`, and quick: atoms, their bonds of whatever order, and formula.

    Raises:
        NotationError: as `parent_structure`.
    """
    from rdkit import rdBase
    from rdkit.Chem import rdMolHash
    from rdkit.Chem.rdMolDescriptors import CalcMolFormula

    with rdBase.BlockLogs():
        molecule, _ = _compound(smiles)
        return f"{rdMolHash.MolHash(molecule, rdMolHash.HashFunction.ElementGraph)} {CalcMolFormula(molecule)}"


@functools.lru_cache(maxsize=200_000)
def scaffold(smiles: str) -> str:
    """The ring systems of a compound and what links them (Bemis and Murcko); "" without rings. Needs RDKit.

    Raises:
        NotationError: as `parent_structure`.

    Source: Bemis and Murcko 1996, doi:10.1021/jm9602928.

    >>> scaffold("CCc1ccc(cc1)C(=O)[O-].[Na+]"), scaffold("CCO")
    ('c1ccccc1', '')
    """
    from rdkit.Chem.Scaffolds.MurckoScaffold import MurckoScaffoldSmiles

    return MurckoScaffoldSmiles(smiles=parent_structure(smiles))


NO_SMILES = "is not a SMILES"


def read_molecule(smiles: str) -> Any:
    """RDKit's molecule of a SMILES.

    Raises:
        NotationError: it cannot be read.
    """
    from rdkit import Chem, rdBase

    with rdBase.BlockLogs():
        found = Chem.MolFromSmiles(smiles)
    if found is None or not found.GetNumAtoms():
        raise NotationError(f'"{smiles}" {NO_SMILES} that RDKit can read. Correct the structure.')
    return found


_BONDS = re.compile(r"[()=#\[\]]|[cnos]\d")


def without_salt(name: str) -> str:
    """The name of a drug without the counter-ion or water behind it.

    >>> without_salt("Imatinib mesylate"), without_salt("lapatinib-ditosylate hydrate"), without_salt("Valproic acid")
    ('Imatinib', 'lapatinib', 'Valproic acid')
    """
    return _SALT.sub("", name)


def is_written_structure(text: str) -> bool:
    """Whether a text shows that it is a SMILES and no name that happens to be one, such as `OSI`.

    >>> is_written_structure("CC(=O)O"), is_written_structure("OSI"), is_written_structure("AZD6244")
    (True, False, False)
    """
    return bool(_BONDS.search(text)) and " " not in text


def _largest(smiles: str, molecule: Any) -> Any:
    """Version 1: the largest part, uncharged."""
    from rdkit import Chem
    from rdkit.Chem.MolStandardize import rdMolStandardize

    if "." in smiles:
        parts = Chem.GetMolFrags(molecule, asMols=True)
        # Ties (a racemate, two equal ions) are broken by the text, so that the order of writing does not matter.
        molecule = max(parts, key=lambda part: (part.GetNumHeavyAtoms(), Chem.MolToSmiles(part)))
    if "+" in smiles or "-]" in smiles:
        molecule = rdMolStandardize.Uncharger().uncharge(molecule)
    return molecule


def _compound(smiles: str) -> tuple[Any, bool]:
    """The part of a SMILES that counts, neutral, and whether it stays just so (a salt as a whole)."""
    from rdkit import Chem

    molecule = read_molecule(smiles)
    if ":" in smiles:
        for atom in molecule.GetAtoms():
            atom.SetAtomMapNum(0)
    if "[" in smiles and any(metal in smiles for metal in _METALS):
        molecule = _tools().disconnect.Disconnect(molecule)
        whole = len(Chem.GetMolFrags(molecule)) == 1
    else:
        whole = "." not in smiles
    if whole:
        return _neutral(molecule, smiles), False
    return _chosen(Chem.GetMolFrags(molecule, asMols=True), smiles)


def _chosen(parts: tuple[Any, ...], smiles: str) -> tuple[Any, bool]:
    from rdkit import Chem

    tools = _tools()
    found = {_flat(_neutral(part, "+-SP")): part for part in parts}
    for removed in ({"O"}, tools.solvents):  # of a hydrate of a solvent, the solvent is kept
        found = {key: part for key, part in found.items() if key not in removed} or found
    if any(_metal(part) for part in found.values()):
        return _together(list(found.values())), True
    listed = tools.solvents | tools.inorganic | tools.lithium | tools.acids | tools.bases
    rest = {key: part for key, part in found.items() if key not in listed}
    if not rest and not tools.lithium & found.keys():
        organic = {key: part for key, part in found.items() if key not in tools.inorganic}
        bases = {key: part for key, part in organic.items() if key not in tools.acids}
        rest = organic if len(organic) == 1 else bases if len(bases) == 1 else {}
    if not rest:
        return _together([_neutral(part, "+-SP") for part in found.values()]), True
    ranked = sorted(rest.items(), key=lambda item: (-item[1].GetNumHeavyAtoms(), item[0]))
    first = ranked[0][1]
    if len(ranked) > 1 and first.GetNumHeavyAtoms() < CLEARLY_LARGER * ranked[1][1].GetNumHeavyAtoms():
        names = " and ".join(f'"{Chem.MolToSmiles(part)}"' for _, part in ranked[:2])
        raise NotationError(
            f'"{smiles}" has parts of similar size that are no known counter-ions: {names}. Write only the one that is '
            "the compound."
        )
    molecule = _neutral(first, "+-SP")
    if len({Chem.MolToSmiles(part) for part in parts if _flat(_neutral(part, "+-SP")) == ranked[0][0]}) > 1:
        Chem.RemoveStereochemistry(molecule)  # a racemate, written as both of its enantiomers
    return molecule, False


def _metal(part: Any) -> bool:
    """Whether it holds an element that may count by itself."""
    return any(atom.GetAtomicNum() not in _USUAL for atom in part.GetAtoms())


def _together(parts: list[Any]) -> Any:
    """One molecule of several parts, each once."""
    from rdkit import Chem

    return Chem.MolFromSmiles(".".join(sorted({Chem.MolToSmiles(part) for part in parts})))


def _neutral(molecule: Any, smiles: str) -> Any:
    """Without charges that a proton takes away; S and P have a double bond to O. `smiles` may show that all are so."""
    if "+" not in smiles and "-" not in smiles:
        return molecule
    from rdkit import Chem

    if _metal(molecule):
        return molecule
    if "S" in smiles or "P" in smiles:
        molecule = Chem.RWMol(molecule)
        for bond in molecule.GetBonds():
            ends = sorted((bond.GetBeginAtom(), bond.GetEndAtom()), key=lambda atom: atom.GetFormalCharge())
            if [atom.GetFormalCharge() for atom in ends] == [-1, 1] and (
                ends[0].GetAtomicNum() == 8 and ends[1].GetAtomicNum() in (15, 16)
            ):
                for atom in ends:
                    atom.SetFormalCharge(0)
                bond.SetBondType(Chem.BondType.DOUBLE)
        Chem.SanitizeMol(molecule)
    tools = _tools()
    return molecule if molecule.HasSubstructMatch(tools.no_proton) else tools.uncharge.uncharge(molecule)


def _canonical(molecule: Any) -> Any:
    """The canonical tautomer; the molecule itself where there are too many, or it is too large."""
    if molecule.GetNumHeavyAtoms() > MOST_ATOMS:
        return molecule
    from rdkit.Chem.MolStandardize.rdMolStandardize import TautomerEnumeratorStatus

    tautomers = _tools().tautomers
    found = tautomers.Enumerate(molecule)
    return tautomers.PickCanonical(found) if found.status == TautomerEnumeratorStatus.Completed else molecule


def _flat(molecule: Any) -> str:
    """Canonical SMILES without stereochemistry and isotopes, by which counter-ions are known."""
    from rdkit import Chem

    plain = Chem.Mol(molecule)
    for atom in plain.GetAtoms():
        atom.SetIsotope(0)
    return Chem.MolToSmiles(Chem.RemoveHs(plain), isomericSmiles=False)
