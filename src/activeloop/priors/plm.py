"""The average effect of a substitution, given what a protein language model predicts for this protein."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from activeloop.candidates import AMINO_ACIDS, Pool
from activeloop.encoders.base import sites_of
from activeloop.errors import ModelError
from activeloop.foundation import ESM2
from activeloop.foundation.base import FoundationModel
from activeloop.foundation.cache import recall, store
from activeloop.foundation.checkpoints import BUNDLED, fingerprint, folder_of, need_models
from activeloop.foundation.esm_numpy import states_and_logits
from activeloop.foundation.windows import ResidueTokens, Windows
from activeloop.priors.base import MutationPrior
from activeloop.priors.substitutions import (
    REACH,
    WIDTHS,
    SubstitutionTables,
    parent_chain,
    scores_at_sites,
    windowed,
)

#: columns of `probability_contexts`
PROBABILITY_CONTEXTS = 30
#: hidden states are those after this share of the layers
DEPTH = 2 / 3


@dataclass(frozen=True)
class PLMPrior(MutationPrior):
    """The substitution prior, informed by a masked-language model that reads the parent once, with nothing masked.

    Its tables read, beside the context of a residue (`residue_contexts`), the model's probability of each amino acid
    there and its entropy at the residue, its neighbourhood and the protein (`probability_contexts`), and the hidden
    state of the residue after two thirds of the layers. They were fitted to the same published scans as those of
    `SubstitutionPrior`, on the outputs of one model, and a protein is never scored by a table that was fitted to it.
    docs/results/prior has how much the model adds.

    Args:
        foundation: with a masked-language head.
        tables: file that `python -m tools.priors --model` wrote for this model; empty:
            those of the package, for the model that ships.

    >>> PLMPrior().name
    'informed-esm2-small'
    """

    foundation: FoundationModel = field(default_factory=ESM2)
    tables: str = ""

    @property
    def name(self) -> str:
        """`informed-` and the model's name."""
        return f"informed-{self.foundation.name}"

    def table(self, pool: Pool) -> np.ndarray:
        """Float64 [L, K] as `substitution_scores` gives it.

        Raises:
            PoolError: the pool has no sites or no parent.
            ModelError: the tables belong to another model, or the model has no masked-language head.
            MissingExtraError: the model is another than the one that ships, and torch or transformers is not
                installed.
        """
        sites = sites_of(pool, self.name)
        chain = parent_chain(sites, self.name)
        if not chain:
            return np.zeros((len(sites.labels), len(sites.alphabet)))
        found, weights = read_tables(self.tables), fingerprint(self.foundation.source, self.foundation.revision)
        if found.model != weights:
            raise ModelError(
                f"{self.name}: {self.tables or 'the tables of this package'} were fitted on another model than "
                f"{self.foundation.source}. Name a file that `python -m tools.priors "
                "--model` wrote for it (the option `tables`), or choose the learner mutation-gp. Nothing was scored."
            )
        return scores_at_sites(_scores(self, found.digest, weights, chain), sites)

    def content(self) -> tuple[str, str]:
        """The file of the tables, and its digest."""
        return self.tables or "informed.npz of this package", read_tables(self.tables).digest


@dataclass(frozen=True)
class PLMPriorTables:
    """The content of `informed.npz`.

    Args:
        tables: which read `plm_features` beside contexts.
        model: fingerprint of the model on whose outputs they were fitted.
        digest: of the whole file, in hexadecimal digits.
    """

    tables: SubstitutionTables
    model: str
    digest: str


def read_tables(file: str) -> PLMPriorTables:
    """Those of a file, or of the package when it is empty; read once for each state of the file.

    Raises:
        ModelError: there is no such file, or it holds something else.
    """
    path = Path(file) if file else Path(str(resources.files("activeloop.priors").joinpath("informed.npz")))
    try:
        return _read(path, path.stat().st_mtime_ns)
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise ModelError(
            f"{path} is no file of tables of an informed prior ({error}). Name one that `python -m "
            "tools.priors --model` wrote. Nothing was scored."
        ) from error


@lru_cache(maxsize=4)
def _read(path: Path, changed: int) -> PLMPriorTables:
    tables = SubstitutionTables.read(path)
    with np.load(path, allow_pickle=False) as content:
        model = content["model"].tobytes().hex()
    return PLMPriorTables(tables, model, hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest())


@lru_cache(maxsize=8)
def _scores(prior: PLMPrior, tables: str, weights: str, chain: str) -> np.ndarray:
    """[n, 20] of a chain; computed once a process for each content of the tables and of the weights."""
    scores = read_tables(prior.tables).tables.scores(chain, plm_features(prior.foundation, chain))
    scores.setflags(write=False)
    return scores


def plm_features(foundation: FoundationModel, chain: str) -> np.ndarray:
    """Features [n, 30 + D] of residues from a model that reads a chain once, with nothing masked.

    `probability_contexts`, and the hidden states. Residues beside the twenty are read as X.

    Raises:
        PoolError: the model cannot read the chain.
        ModelError: it has no masked-language head.
        MissingExtraError: the model is another than the one that ships, and torch or transformers is not installed.
    """
    residues = ResidueTokens.of(foundation, AMINO_ACIDS)
    read_as = "".join(a if a in AMINO_ACIDS else "X" for a in chain)
    windows = Windows.of(foundation.tokens_of([read_as]), np.arange(len(chain)), residues.longest)
    key = windows.key(foundation, f"plm-features-{DEPTH:.2f}", residues)
    found = recall("zero-shot", key)
    if found is None:
        states, logits = _pass(foundation, windows)
        found = np.hstack([residues.log_probabilities(logits), states])
        store("zero-shot", key, found)
    logits, states = found[:, : len(AMINO_ACIDS)].astype(np.float64), found[:, len(AMINO_ACIDS) :]
    return np.hstack([probability_contexts(chain, logits - np.logaddexp.reduce(logits, 1, keepdims=True)), states])


def _pass(foundation: FoundationModel, windows: Windows) -> tuple[np.ndarray, np.ndarray]:
    """The model that ships needs no torch for that."""
    if foundation.source == BUNDLED:
        return states_and_logits(folder_of(BUNDLED), windows, DEPTH)
    need_models()
    from activeloop.foundation import zero_shot_passes
    from activeloop.foundation.devices import best_device

    encoder = foundation.frozen_encoder(best_device())
    return zero_shot_passes.states_and_logits(encoder, windows, round(DEPTH * len(encoder.layers)))


def probability_contexts(chain: str, log_probabilities: np.ndarray) -> np.ndarray:
    """Features [n, 30] of residues from a model's log-probabilities [n, 20].

    In order: the log-probability of each amino acid (20); of the residue's own, and the entropy of all (2); these two
    averaged around the residue for each of `WIDTHS` (3 x 2), and over the whole protein (2).

    >>> probability_contexts("MKT", np.log(np.full((3, 20), 0.05)))[0, 20:22].round(3).tolist()
    [-2.996, 2.996]
    """
    own = np.array([[residue == a for a in AMINO_ACIDS] for residue in chain], float)
    entropy = -(np.exp(log_probabilities) * log_probabilities).sum(1)
    certainty = np.stack([(own * log_probabilities).sum(1), entropy], 1)
    distance = np.arange(-REACH, REACH + 1)
    around = [windowed(certainty, np.exp(-0.5 * (distance / width) ** 2)) for width in WIDTHS]
    return np.hstack([log_probabilities, certainty, *around, np.tile(certainty.mean(0), (len(chain), 1))])
