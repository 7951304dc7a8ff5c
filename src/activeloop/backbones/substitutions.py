"""What a mutation usually does to a protein, learned from other proteins.

`substitutions.npz` holds a linear table from the context of a residue (`residue_contexts`) to a score for each of the
20 letters it could become. It was fitted to published mutational scans by
`python -m tools.priors`, on whose proteins this package is also judged. So the file holds
eleven tables: one of all proteins, and ten of which each was fitted without a tenth of them, relatives kept together.
Hashes of the short words of their sequences tell whether a protein, a fragment of it or a near relative was among
them; then only a table that has *not* seen it is used, for each stretch of the chain. For any other protein it is the
full table. Hence no replay of a public set runs on a prior that has seen its answers, and nobody has to switch
anything for that. The file holds no measured value and no sequence.

Parents shorter than a word (the four letters of a library's sites, say) cannot be recognised and have no context; they
get what a letter's exchange does on average.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from os import PathLike
from typing import IO

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
    """The content of `substitutions.npz`, or of a file of tables that read more of a residue than its context.

    Args:
        tables: [F + 1, C + 1, 20] from C columns and a constant to letters: without each of F parts of the proteins,
            and last from all. The first 69 columns are those of `residue_contexts`.
        usual: [C] their means, for chains too short to have a context.
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
        with resources.files("activeloop.priors").joinpath("substitutions.npz").open("rb") as file:
            return cls.read(file)

    @classmethod
    def read(cls, file: IO[bytes] | PathLike[str]) -> SubstitutionTables:
        """Those of a file that `python -m tools.priors` wrote.

        Raises:
            OSError, ValueError, KeyError: there is none, or it holds something else.
        """
        with np.load(file, allow_pickle=False) as content:
            words = np.concatenate([content[f"words{part}"] for part in range(len(content["tables"]) - 1)])
            sizes = [len(content[f"words{part}"]) for part in range(len(content["tables"]) - 1)]
            order = np.argsort(words)
            parts = np.repeat(np.arange(len(sizes)), sizes)
            return cls(content["tables"], content["usual"], words[order], parts[order])

    def blind_to(self, chain: str) -> np.ndarray:
        """Which table may answer for each residue: [n] indices into `tables`, the last for a protein never seen."""
        part = nearest_owner(chain, self.words, self.parts)
        return np.where(part < 0, len(self.tables) - 1, part)

    def scores(self, chain: str, beside: np.ndarray | None = None) -> np.ndarray:
        """[n, 20] of each residue of a protein, exchanged for each of `AMINO_ACIDS`; its own letter is 0.

        Args:
            chain: the protein.
            beside: [n, C - 69] what the tables read beside contexts; None where they read these alone.
        """
        contexts = residue_contexts(chain)
        contexts = contexts if beside is None else np.hstack([contexts, beside])
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
    chain = scored_chain(sites, "substitutions")
    return np.zeros((len(sites.labels), len(sites.alphabet))) if not chain else at_sites(chain_scores(chain), sites)


def scored_chain(sites: Sites, who: str) -> str:
    """The parent whose residues are scored; "" for sites of other alphabets.

    Raises:
        PoolError: when there is no parent.
    """
    if sites.parent is None:
        raise PoolError(
            f"{who}: the pool has no parent sequence to compare with. Give the wild type, or choose another "
            "encoder; nothing was scored."
        )
    return sites.parent_sequence if set(AMINO_ACIDS) <= set(sites.alphabet) else ""


def at_sites(scores: np.ndarray, sites: Sites) -> np.ndarray:
    """[L, K] as told in `substitution_scores`, from the scores [n, 20] of the parent's residues."""
    assert sites.parent is not None
    # an insertion before the first residue stands at position 0
    scores = scores[np.maximum(sites.positions, 1) - 1] - COST
    worst = scores.min(1)
    result = np.tile(worst[:, None], len(sites.alphabet))
    known = [sites.alphabet.index(a) for a in AMINO_ACIDS]
    inserted = np.array([sites.alphabet[code] == GAP for code in sites.parent])
    result[:, known] = np.where(inserted[:, None], worst[:, None], scores)
    result[np.arange(len(result)), sites.parent] = 0.0
    return result


class MutationScore(Backbone):
    """One column: the sum of a table over all mutations of a candidate; 0 for the parent."""

    @abstractmethod
    def table(self, pool: Pool) -> np.ndarray:
        """Float64 [L, K] what each letter at each site does, as `substitution_scores` gives it.

        Raises:
            PoolError: when the pool has no sites or no parent to compare with.
        """

    def features(self, pool: Pool, rows: np.ndarray) -> np.ndarray:
        """Float32 [n, 1].

        Raises:
            PoolError: when the pool has no sites or no parent to compare with.
        """
        table = self.table(pool)
        return table[np.arange(len(table)), pool.codes(rows)].sum(1, keepdims=True).astype(np.float32)


@dataclass(frozen=True)
class SubstitutionScore(MutationScore):
    """The sum of `substitution_scores` over all mutations."""

    @property
    def name(self) -> str:
        """`substitutions`."""
        return "substitutions"

    def table(self, pool: Pool) -> np.ndarray:
        """`substitution_scores` of the pool's sites."""
        return substitution_scores(sites_of(pool, self.name))
