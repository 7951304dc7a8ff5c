"""What a mutation usually does to a protein, learned from other proteins.

`substitutions.npz` holds a linear table from the context of a residue (`residue_contexts`) to a score for each of the
20 letters it could become. It was fitted to published mutational scans by
`python -m activeloop.benchmarks.substitution_prior`, on whose proteins this package is also judged. So the file holds
eleven tables: one of all proteins, and ten of which each was fitted without a tenth of them, relatives kept together.
Hashes of the short words of their sequences tell whether a protein, a fragment of it or a near relative was among
them; then only a table that has *not* seen it is used, for each stretch of the chain. For any other protein it is the
full table. Hence no replay of a public set runs on a prior that has seen its answers, and nobody has to switch
anything for that. The file holds no measured value and no sequence.

Parents shorter than a word (the four letters of a library's sites, say) cannot be recognised and have no context; they
get what a letter's exchange does on average.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import numpy as np

from activeloop.backbones.base import Backbone, sites_of
from activeloop.backbones.context import residue_contexts
from activeloop.backbones.fingerprints import WORD, nearest_owner
from activeloop.candidates import AMINO_ACIDS, GAP, Pool, Sites
from activeloop.errors import PoolError

#: how far the average mutant of a scan stands below its parent, in normal scores; without it a variant of ten bad
#: mutations would be believed as good as its parent. On published sets of multiple mutants the sums agree best with
#: the values for 0.6 to 0.8
COST = 0.6


@dataclass(frozen=True)
class SubstitutionTables:
    """The content of `substitutions.npz`.

    Args:
        tables: [F + 1, 70, 20] from contexts and a constant to letters: without each of F parts of the proteins, and
            last from all.
        usual: [69] mean context, for chains too short to have one.
        words: [W] hashes of the training proteins' words, ascending.
        parts: [W] in which of the F parts each word's protein is.
    """

    tables: np.ndarray
    usual: np.ndarray
    words: np.ndarray
    parts: np.ndarray

    @classmethod
    @lru_cache(maxsize=1)
    def shipped(cls) -> SubstitutionTables:
        """Those of the package, read once."""
        with (
            resources.files("activeloop.backbones").joinpath("substitutions.npz").open("rb") as file,
            np.load(file, allow_pickle=False) as content,
        ):
            words = np.concatenate([content[f"words{part}"] for part in range(len(content["tables"]) - 1)])
            sizes = [len(content[f"words{part}"]) for part in range(len(content["tables"]) - 1)]
            order = np.argsort(words)
            parts = np.repeat(np.arange(len(sizes)), sizes)
            return cls(content["tables"], content["usual"], words[order], parts[order])

    def blind_to(self, chain: str) -> np.ndarray:
        """Which table may answer for each residue: [n] indices into `tables`, the last for a protein never seen."""
        part = nearest_owner(chain, self.words, self.parts)
        return np.where(part < 0, len(self.tables) - 1, part)

    def scores(self, chain: str) -> np.ndarray:
        """[n, 20] of each residue of a protein, exchanged for each of `AMINO_ACIDS`; its own letter is 0."""
        contexts = residue_contexts(chain)
        if len(chain) < WORD:
            contexts[:, 20:] = self.usual[20:]
        contexts_and_one = np.hstack([contexts, np.ones((len(chain), 1))])
        blind = self.blind_to(chain)
        scores = np.zeros((len(chain), len(AMINO_ACIDS)))
        for table in np.unique(blind):
            scores[blind == table] = contexts_and_one[blind == table] @ self.tables[table].astype(float)
        scores[contexts[:, :20] > 0] = 0.0
        return scores


@lru_cache(maxsize=8)
def chain_scores(chain: str) -> np.ndarray:
    """[n, 20] of the shipped tables."""
    scores = SubstitutionTables.shipped().scores(chain)
    scores.setflags(write=False)
    return scores


def substitution_scores(sites: Sites) -> np.ndarray:
    """What each letter at each site usually does, beside the parent's own: [L, K], higher is better.

    In units of normal scores within a scan of single mutants, whose average mutant is at `-COST`. The parent's letter
    is 0, and the score of a variant is the sum over its mutations. A gap, and any letter inserted after a residue, get
    the worst score at that residue; sites of other alphabets (genotypes such as 0 and 1) get zeros.

    Raises:
        PoolError: when there is no parent.
    """
    if sites.parent is None:
        raise PoolError(
            "substitutions: the pool has no parent sequence to compare with. Give the wild type, or choose another "
            "encoder; nothing was scored."
        )
    result = np.zeros((len(sites.labels), len(sites.alphabet)))
    if not set(AMINO_ACIDS) <= set(sites.alphabet):
        return result
    # an insertion before the first residue stands at position 0
    at = np.maximum(sites.positions, 1) - 1
    scores = chain_scores(sites.parent_sequence)[at] - COST
    worst = scores.min(1)
    result += worst[:, None]
    known = [sites.alphabet.index(a) for a in AMINO_ACIDS]
    inserted = np.array([sites.alphabet[code] == GAP for code in sites.parent])
    result[:, known] = np.where(inserted[:, None], worst[:, None], scores)
    result[np.arange(len(result)), sites.parent] = 0.0
    return result


@dataclass(frozen=True)
class SubstitutionScore(Backbone):
    """One column: the sum of `substitution_scores` over all mutations; 0 for the parent."""

    @property
    def name(self) -> str:
        """`substitutions`."""
        return "substitutions"

    def features(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """Float32 [n, 1].

        Raises:
            PoolError: when the pool has no sites or no parent to compare with.
        """
        sites = sites_of(pool, self.name)
        scores = substitution_scores(sites)
        return scores[np.arange(len(sites.labels)), pool.codes(rows)].sum(1, keepdims=True).astype(np.float32)
