"""What is known of drugs and cell lines beside their measurements: how alike two are, and which are the same."""

from __future__ import annotations

import re
from collections.abc import Sequence as Rows
from functools import lru_cache

import numpy as np

from activeloop.candidates import Panel
from activeloop.candidates.compounds import is_written_structure, parent_structure, skeleton, without_salt
from activeloop.candidates.treatments import PLUS
from activeloop.errors import NotationError
from activeloop.tables.names import plain

#: names of what `likeness` says of two drugs or two lines
LIKENESS = ("Tanimoto", "targets", "pathway", "tissue")
#: Tanimoto similarity below which two compounds count as unlike, and above which as one compound
UNLIKE, SAME = 0.25, 0.85


def likeness(panel: Panel, targets: Rows[str], sisters: Rows[str]) -> np.ndarray:
    """[T, D, F] how alike each target is to each sister, 0 where nothing is known.

    Tanimoto similarity beyond that of any two drugs, share of annotated targets in common (Jaccard), same pathway, same
    tissue. Of combinations the mean over their compounds.

    >>> panel = Panel(("a", "b"), {"targets": ("BRAF, RAF1", "BRAF")})
    >>> likeness(panel, ["a"], ["b", "a"])[0, :, 1].tolist()
    [0.5, 1.0]
    """
    parts = [list(dict.fromkeys(part for name in names for part in name.split(PLUS))) for names in (targets, sisters)]
    table = np.zeros((len(parts[0]), len(parts[1]), len(LIKENESS)))
    table[:, :, 0] = np.maximum(tanimoto(panel, *parts) - UNLIKE, 0)
    for k, what in ((1, "targets"), (2, "pathway"), (3, "tissue")):
        table[:, :, k] = _jaccard(*([panel.words(what, name) for name in names] for names in parts))
    here, there = ({name: i for i, name in enumerate(names)} for names in parts)
    if not any(PLUS in name for name in (*targets, *sisters)):
        return table[np.ix_([here[t] for t in targets], [there[s] for s in sisters])]
    found = np.zeros((len(targets), len(sisters), len(LIKENESS)))
    for t, target in enumerate(targets):
        for d, sister in enumerate(sisters):
            between = table[np.ix_([here[p] for p in target.split(PLUS)], [there[p] for p in sister.split(PLUS)])]
            found[t, d] = between.max(1).mean(0)
    return found


def _jaccard(words: Rows[frozenset[str]], others: Rows[frozenset[str]]) -> np.ndarray:
    """[N, M] words in common as a share of those of either."""
    every = {word: i for i, word in enumerate(sorted(set().union(*words, *others)))}

    def has(sets: Rows[frozenset[str]]) -> np.ndarray:
        found = np.zeros((len(sets), max(1, len(every))))
        for row, own in enumerate(sets):
            found[row, [every[word] for word in own]] = 1
        return found

    one, other = has(words), has(others)
    common = one @ other.T
    return common / np.maximum(one.sum(1)[:, None] + other.sum(1) - common, 1)


def tanimoto(panel: Panel, targets: Rows[str], sisters: Rows[str], *, parents: bool = False) -> np.ndarray:
    """[T, D] Tanimoto similarity of count fingerprints (Morgan, radius 2), 0 where a structure is not known.

    Args:
        panel: what is known of them.
        targets: names of the first.
        sisters: names of the others.
        parents: compare salts by their structure without counter-ions, not as written.
    """
    counts = [
        [_fingerprint(panel.label("smiles", n) or (n if is_written_structure(n) else ""), parents) for n in names]
        for names in (targets, sisters)
    ]
    rows, columns = ([i for i, each in enumerate(some) if each is not None] for some in counts)
    found = np.zeros((len(targets), len(sisters)))
    if rows and columns:
        from activeloop.models.gp.tanimoto import Thresholds

        one, other = (np.stack([e for e in some if e is not None]).astype(np.float64) for some in counts)
        found[np.ix_(rows, columns)] = Thresholds.of(other)(one).T
    return found


@lru_cache(maxsize=100_000)
def _fingerprint(smiles: str, parent: bool = False) -> np.ndarray | None:
    """Counts, uint8 [2048]; None where it is no structure or RDKit is not installed."""
    if not smiles:
        return None
    try:
        from rdkit import Chem, rdBase
        from rdkit.Chem import rdFingerprintGenerator as generators
    except ImportError:
        return None
    if parent and "." in smiles:
        try:
            smiles = parent_structure(smiles)
        except NotationError:
            return None
    with rdBase.BlockLogs():
        molecule = Chem.MolFromSmiles(smiles)
    if molecule is None or not molecule.GetNumAtoms():
        return None
    generator = generators.GetMorganGenerator(radius=2, fpSize=2048)
    return np.minimum(generator.GetCountFingerprintAsNumPy(molecule), 255).astype(np.uint8)


def twins(panel: Panel, targets: Rows[str], sisters: Rows[str]) -> np.ndarray:
    """[T, D] which sisters are the same drug as a target: by name or synonym, PubChem id, or Tanimoto above .85.

    Salts and tautomers count as the drug: by their structure, or by a name behind which a counter-ion stands.

    >>> panel = Panel(("1", "2"), {"name": ("AZD-6482", "AZD6482"), "synonyms": ("", "")})
    >>> twins(panel, ["1"], ["2"]).tolist()
    [[True]]
    >>> twins(Panel(), ["imatinib"], ["Imatinib mesylate", "Imatinib (rescreen)", "CS(=O)(=O)O"]).tolist()
    [[True, True, False]]
    >>> twins(Panel(("1", "2"), {"pubchem": ("CID 5291", "5291.0")}), ["1"], ["2"]).tolist()
    [[True]]
    """

    def called(names: Rows[str]) -> list[frozenset[str]]:
        spelled = ((panel.key(name), panel.label("name", name), *panel.words("synonyms", name)) for name in names)
        return [frozenset(_bare(word) for word in words if word) for words in spelled]

    def numbers(names: Rows[str]) -> list[frozenset[str]]:
        ids = ((re.sub(r"\.0$|\D", "", word) for word in panel.words("pubchem", name)) for name in names)
        return [frozenset(filter(None, own)) | _skeleton(panel.label("smiles", name))
                for own, name in zip(ids, names, strict=True)]  # fmt: skip

    same = (_jaccard(called(targets), called(sisters)) > 0) | (_jaccard(numbers(targets), numbers(sisters)) > 0)
    return same | (tanimoto(panel, targets, sisters) > SAME) | (tanimoto(panel, targets, sisters, parents=True) > SAME)


def _bare(name: str) -> str:
    """A name as drugs are compared by it: without counter-ion and what stands in brackets behind it; SMILES stay."""
    if is_written_structure(name):
        return name
    return plain(without_salt(re.sub(r"(?<=\w)\s*[(\[][^()\[\]]*[)\]]$", "", name.strip())))


def _skeleton(smiles: str) -> frozenset[str]:
    """What salts and tautomers of one compound have in common; nothing where no structure is known."""
    try:
        return frozenset([skeleton(smiles)] if smiles else ())
    except (NotationError, ImportError):
        return frozenset()


def feature_kernel(panel: Panel, names: Rows[str], others: Rows[str]) -> np.ndarray:
    """[N, M] similarity of parts by their features, 0 to 1: the mean over blocks; 0 where there are none."""
    rows = np.array([panel.rows.get(name, -1) for name in (*names, *others)], np.int64)
    blocks = [each for each in (_kernel(block[rows], rows) for block in panel.features.values()) if each]
    if not blocks:
        return np.zeros((len(names), len(others)))
    kernels = [np.where(has[:, None] & has, kernel, 0.0) for kernel, has in blocks]
    return np.mean(kernels, 0)[: len(names), len(names) :]


#: noise variances that are tried, as shares of the variance
_RATIOS = np.geomspace(0.05, 30, 14)


def predicted(panel: Panel, known: Rows[str], new: Rows[str], values: np.ndarray) -> np.ndarray:
    """[n, P] values of new parts from those of known ones [C, P], by a Gaussian process on their features.

    Each block of features (expression, copy number ...) is tried alone, and all together; of those that a part has, the
    one with the least leave-one-out error counts. A part without features gets the mean, as do all where none has any.

    >>> features = {"expression": np.array([[0.0], [1.0], [0.1], [0.9], [0.05]], np.float32)}
    >>> panel = Panel(("a", "b", "c", "d", "e"), features=features)
    >>> bool(predicted(panel, ["a", "b", "c", "d"], ["e"], np.array([[0.0], [1.0], [0.0], [1.0]]))[0, 0] < 0.3)
    True
    """
    mean = values.mean(0)
    out = np.tile(mean, (len(new), 1))
    rows = np.array([panel.rows.get(name, -1) for name in (*known, *new)], np.int64)
    blocks = [_kernel(block[rows], rows) for block in panel.features.values()]
    blocks = [each for each in blocks if each is not None]
    if len(blocks) > 1:
        shared = np.all([has for _, has in blocks], 0)
        blocks.append((np.mean([kernel for kernel, _ in blocks], 0), shared))
    fits: list[tuple[float, int, np.ndarray, np.ndarray]] = []
    for k, (kernel, has) in enumerate(blocks):
        here, there = np.flatnonzero(has[: len(known)]), len(known) + np.flatnonzero(has[len(known) :])
        if len(here) < 2:
            continue
        variances, vectors = np.linalg.eigh(kernel[np.ix_(here, here)])
        centred = values[here] - values[here].mean(0)
        rotated = vectors.T @ centred

        error, weights = np.inf, rotated
        for ratio in _RATIOS:
            inverse = 1 / (np.maximum(variances, 0) + ratio)
            solved = vectors @ (inverse[:, None] * rotated)
            left_out = solved / (np.square(vectors) @ inverse)[:, None]
            missed = float(np.square(left_out).sum() / max(np.square(centred).sum(), 1e-300))
            error, weights = min((error, weights), (missed, solved), key=lambda one: one[0])
        found = kernel[np.ix_(there, here)] @ weights + values[here].mean(0)
        fits.append((error, k, there - len(known), found))
    left = np.ones(len(new), bool)
    for error, _, there, found in sorted(fits, key=lambda one: one[:2]):  # a part takes the best block that it has
        if error < 1:
            out[there[left[there]]] = found[left[there]]
            left[there] = False
    return out


def _kernel(block: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """[N, N] of a block of features, 1 on its diagonal, and [N] which parts have any."""
    x = np.where((rows >= 0)[:, None], block, np.nan).astype(np.float64)
    has = np.isfinite(x).mean(1) > 0.5
    if has.sum() < 3:
        return None
    mean = np.nanmean(x[has], 0)
    x = np.where(np.isfinite(x), x, mean) - mean
    sd = x[has].std(0)
    x = x[:, sd > 1e-9] / sd[sd > 1e-9]
    square = np.square(x).sum(1)
    distance = np.maximum(square[:, None] + square - 2 * x @ x.T, 0)
    typical = np.median(distance[np.ix_(has, has)][~np.eye(int(has.sum()), dtype=bool)])
    return np.exp(-distance / max(float(typical), 1e-12)), has
