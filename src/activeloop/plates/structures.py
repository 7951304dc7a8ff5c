"""Small structures of compounds for pictures; needs RDKit."""

from __future__ import annotations

import functools
import re
from importlib.util import find_spec
from typing import Any

#: compounds with more heavy atoms cannot be read in a well
MOST_ATOMS = 60
#: pixels of the canvas on which a structure is drawn, before it is scaled into its well
CANVAS = (300, 210)
_PATH = re.compile(r"<path [^>]*?d='(?P<d>[^']*)'(?P<rest>[^>]*)/>")
_STROKE = re.compile(r"stroke:(#[0-9A-Fa-f]{6});stroke-width:([0-9.]+)px")
_FILL = re.compile(r"fill(?::|=')(#[0-9A-Fa-f]{6})")


@functools.lru_cache(maxsize=4096)
def structure(smiles: str) -> str:
    """A structure as paths on a canvas of `CANVAS` pixels; "" without RDKit, and of what cannot be drawn small.

    >>> structure("no SMILES")
    ''
    """
    if find_spec("rdkit") is None:
        return ""
    from rdkit import Chem, RDLogger
    from rdkit.Chem.Draw import rdMolDraw2D

    RDLogger.DisableLog("rdApp.*")  # type: ignore[attr-defined]
    try:
        mol = Chem.MolFromSmiles(smiles)
        if mol is None or not 0 < mol.GetNumHeavyAtoms() <= MOST_ATOMS:
            return ""
        drawer = rdMolDraw2D.MolDraw2DSVG(*CANVAS)
        options = drawer.drawOptions()
        options.clearBackground = False
        options.padding = 0.03
        options.bondLineWidth = 3
        options.minFontSize = 22
        options.maxFontSize = 30
        options.fixedBondLength = 40
        rdMolDraw2D.PrepareAndDrawMolecule(drawer, mol, kekulize=True)
        drawer.FinishDrawing()
        return _compact(drawer.GetDrawingText())
    except (RuntimeError, ValueError):  # such as an aromatic ring that has no Kekulé structure
        return ""
    finally:
        RDLogger.EnableLog("rdApp.error")  # type: ignore[attr-defined]


def _compact(svg: str) -> str:
    """The paths of a drawing, those of one colour and width together: a plate holds a hundred of them."""
    lines: dict[tuple[str, str], list[str]] = {}
    shapes: dict[str, list[str]] = {}
    for found in _PATH.finditer(svg):
        if stroke := _STROKE.search(found["rest"]):
            closed = found["d"].rstrip().endswith("Z")  # a wedge
            (shapes.setdefault(stroke[1], []) if closed else lines.setdefault((stroke[1], stroke[2]), [])).append(
                found["d"]
            )
        elif fill := _FILL.search(found["rest"]):
            shapes.setdefault(fill[1], []).append(found["d"])
    drawn = [
        f'<path d="{_short(paths)}" fill="none" stroke="{colour}" stroke-width="{width}" stroke-linecap="round"/>'
        for (colour, width), paths in lines.items()
    ]
    drawn += [f'<path d="{_short(paths)}" fill="{colour}"/>' for colour, paths in shapes.items()]
    return "".join(drawn)


def _short(paths: list[str]) -> str:
    return re.sub(r"(\d+\.\d)\d+", r"\1", re.sub(r"\s+", " ", " ".join(paths))).strip()


def is_structure(candidate_id: Any, name: str) -> bool:
    """Whether an id is that of a compound of this SMILES: `CC` could also be two residues."""
    from activeloop.candidates.designs import candidate_id as id_of

    return candidate_id == id_of("Compound", "", name)
