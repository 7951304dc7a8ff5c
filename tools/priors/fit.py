"""The tables of the substitution prior, and the default variances of the process over mutations, fitted to scans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO

import numpy as np

from activeloop.candidates import AMINO_ACIDS, Pool, Variant
from activeloop.models.gp.mutation_kernel import TERMS, Mutations, term_matrices, variance_evidence
from activeloop.priors.plm import PROBABILITY_CONTEXTS
from activeloop.priors.substitutions import CONTEXTS, COST, SubstitutionTables, kmer_hashes, residue_contexts
from tools.priors.scans import PARTS, Scan

#: ridge penalty beside the mean square of a standardised context; where a model informs, of contexts and of its
#: probabilities of residues, and of each dimension of its hidden states
PENALTY, INFORMED, STATES = 0.03, 0.1, 2.0
#: scans with fewer mutants are not fitted
FEWEST = 150
#: of a stability domain beside an assay of as many mutants: they are many, small and of one property
STABILITY_WEIGHT = 0.6


def fit_tables(
    scans: Sequence[Scan], part: np.ndarray, beside: Mapping[str, np.ndarray] | None = None
) -> SubstitutionTables:
    """Tables without each part of the scans, and one of all.

    Args:
        scans: N scans.
        part: [N] which part each belongs to; relatives in one.
        beside: `plm_features` of a model, read beside the contexts of a chain's residues, by chain; None for none.
    """
    contexts = [residue_contexts(scan.chain)[scan.residues] for scan in scans]
    if beside is not None:
        pairs = zip(contexts, scans, strict=True)
        contexts = [np.hstack([context, beside[scan.chain][scan.residues]]) for context, scan in pairs]
    columns = contexts[0].shape[1]
    penalty = np.full(columns, PENALTY if beside is None else INFORMED)
    penalty[CONTEXTS + PROBABILITY_CONTEXTS :] = STATES
    large = np.array([len(scan) >= FEWEST for scan in scans])
    tables, usual = [], np.zeros(columns)
    for left_out in [*range(PARTS), -1]:
        chosen = np.flatnonzero(large & (part != left_out)).tolist()
        x = np.concatenate([contexts[i] for i in chosen])
        y = np.concatenate([scans[i].profile for i in chosen])
        weight = np.concatenate([np.full(len(contexts[i]), scan_weight(scans[i])) for i in chosen])
        table, usual = ridge(x, y, weight, penalty)
        tables.append(table)
    words, owner = known_words(scans, part)
    return SubstitutionTables(np.array(tables, np.float32), usual.astype(np.float32), words, owner)


def known_words(scans: Sequence[Scan], part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Hashes [W] of the words of all scans' proteins, ascending, and the part [W] that each belongs to."""
    owners = [[scan.chain for scan, own in zip(scans, part, strict=True) if own == k] for k in range(PARTS)]
    words = [np.unique(np.concatenate([np.zeros(0, np.uint32), *map(kmer_hashes, chains)])) for chains in owners]
    joined = np.concatenate(words)
    order = np.argsort(joined)
    owner = np.repeat(np.arange(PARTS), [len(w) for w in words])
    return joined[order], owner[order]


def scan_weight(scan: Scan) -> float:
    """The weight of each of a scan's mutants: a large scan counts more than a small one, but less than its size."""
    return (STABILITY_WEIGHT if scan.stability else 1.0) / np.sqrt(len(scan))


def ridge(x: np.ndarray, y: np.ndarray, weight: np.ndarray, penalty: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted ridge for each letter from the positions where it was measured.

    Args:
        x: [n, F] contexts.
        y: [n, 20] scores, NaN where there is none.
        weight: [n] of each position.
        penalty: [F] beside the mean square of each standardised context.

    Returns:
        The coefficients [F + 1, 20] on contexts as they are, and on a constant; and the mean context [F].
    """
    mean, spread = x.mean(0), x.std(0) + 1e-6
    standard = np.hstack([(x - mean) / spread, np.ones((len(x), 1))])
    penalties = np.append(penalty, 1e-6 * penalty[0])
    table = np.zeros((x.shape[1] + 1, len(AMINO_ACIDS)))
    for letter in range(len(AMINO_ACIDS)):
        known = np.isfinite(y[:, letter])
        weighted = standard[known] * weight[known, None]
        square = weighted.T @ standard[known] + np.diag(penalties * weight[known].sum())
        table[:, letter] = np.linalg.solve(square, weighted.T @ y[known, letter])
    table[:-1] /= spread[:, None]
    table[-1] -= mean @ table[:-1]
    return table, mean


def packed(tables: SubstitutionTables, **more: np.ndarray) -> bytes:
    """The content of `substitutions.npz`; the same bytes for the same tables.

    Args:
        tables: all that it holds.
        more: arrays beside them.
    """
    words = {f"words{part}": tables.kmers[tables.folds == part] for part in range(len(tables.tables) - 1)}
    out = BytesIO()
    np.savez_compressed(out, allow_pickle=False, tables=tables.tables, usual=tables.means, **words, **more)
    return out.getvalue()


#: in the order of `MutationGP.variances`
NAMES = (*TERMS, "prior's weight", "noise")
#: mutants drawn from each scan at once, and how often: one draw leaves some variances uncertain by a factor of five
DRAWN, DRAWS = 150, 4
#: where the search begins
START = np.array([*np.full(len(TERMS), 0.05), 0.1, 0.3])
#: standard deviation of each log variance around its start, so that one without evidence stays finite
WIDTH = 3.0


def default_variances(scans: Sequence[Scan], tables: SubstitutionTables, seed: int) -> np.ndarray:
    """The 14 variances, in the order of `NAMES`, that maximise the mean log marginal likelihood a mutant of all scans.

    Each scan is represented by mutants drawn at random, with the prior of the table that has not seen it.

    Args:
        scans: those with fewer than 150 mutants, and stability domains, are left out.
        tables: of the prior.
        seed: of the draw.
    """
    from scipy.optimize import minimize

    large = [scan for scan in scans if len(scan) >= FEWEST and not scan.stability]
    evidence = [drawn(scan, tables, rng) for scan in large for rng in generators(scan, seed)]

    def objective(logs: np.ndarray) -> tuple[float, np.ndarray]:
        away = (logs - np.log(START)) / WIDTH
        loss, slope = 1e-4 * float(away @ away), 2e-4 * away / WIDTH
        for parts, residual in evidence:
            one, one_slope = variance_evidence(np.exp(logs), parts, residual)
            share = len(residual) * len(evidence)
            loss, slope = loss + one / share, slope + one_slope * np.exp(logs) / share
        return loss, slope

    found = minimize(objective, np.log(START), jac=True, method="L-BFGS-B", options={"maxiter": 60})
    return np.exp(found.x)


def generators(scan: Scan, seed: int) -> list[np.random.Generator]:
    """For each draw from a scan one, which does not depend on the other scans."""
    return np.random.default_rng([seed, *scan.name.encode()]).spawn(DRAWS)


def drawn(scan: Scan, tables: SubstitutionTables, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Mutants drawn from a scan: their kernel matrices [13, n, n] at variance 1, and what the prior leaves of them."""
    chosen = rng.choice(len(scan), min(DRAWN, len(scan)), replace=False)
    mutations = scan.mutations
    pool = Pool.of(Variant(scan.chain, (mutations[i],)) for i in chosen)
    mutants = Mutations.of(pool, np.arange(len(chosen)))
    prior = tables.scores(scan.chain)[scan.position[chosen], scan.letter[chosen]] - COST
    parts = np.stack([*term_matrices(pool, mutants), np.outer(prior, prior)])
    return parts.astype(np.float32), scan.score[chosen] - prior
