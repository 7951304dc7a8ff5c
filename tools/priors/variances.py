"""What variances of the process over mutations are usual: those under which many published scans are likely."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from activeloop.candidates import Pool, Variant
from activeloop.models.gp.mutation_kernel import TERMS, Mutations, marginal, term_matrices
from activeloop.priors.substitutions import COST, SubstitutionTables
from tools.priors.fit import FEWEST
from tools.priors.scans import Scan

#: in the order of `MutationGP.usual`
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
            one, one_slope = marginal(np.exp(logs), parts, residual)
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
