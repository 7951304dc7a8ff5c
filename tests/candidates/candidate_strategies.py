"""Hypothesis strategies: one for each central type of candidates."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st

from activeloop.candidates import AMINO_ACIDS, CombinatorialPool, Mutation, Pool, Variant

# No deadline: a busy machine is no defect.
modest = settings(deadline=None, max_examples=40)

# Not made of A, C, G, T, U, N alone, which would look like DNA.
parents = st.text(AMINO_ACIDS, min_size=4, max_size=40).map(lambda s: f"MK{s}WY")


@st.composite
def substituted(draw: st.DrawFn, least: int = 0, most: int = 5) -> Variant:
    """A variant with substitutions only."""
    parent = draw(parents)
    positions = draw(st.sets(st.integers(1, len(parent)), min_size=least, max_size=most))
    mutations = []
    for p in sorted(positions):
        new = draw(st.sampled_from([a for a in AMINO_ACIDS if a != parent[p - 1]]))
        mutations.append(Mutation(p, parent[p - 1], new))
    return Variant(parent, tuple(mutations))


@st.composite
def with_indels(draw: st.DrawFn) -> Variant:
    """A variant with substitutions, deletions and insertions, never all residues deleted."""
    parent = draw(parents)
    mutations = []
    for p in sorted(draw(st.sets(st.integers(2, len(parent)), max_size=4))):
        sort = draw(st.sampled_from(["substitution", "deletion", "insertion"]))
        if sort == "insertion":
            mutations.append(Mutation(p, "", draw(st.text(AMINO_ACIDS, min_size=1, max_size=3))))
        else:
            letters = [a for a in AMINO_ACIDS if a != parent[p - 1]]
            new = draw(st.sampled_from(letters)) if sort == "substitution" else ""
            mutations.append(Mutation(p, parent[p - 1], new))
    return Variant(parent, tuple(mutations))


@st.composite
def combinatorial_pools(draw: st.DrawFn) -> CombinatorialPool:
    """A combinatorial pool of one to five sites, with or without a parent."""
    parent = draw(st.none() | parents)
    length = 9 if parent is None else len(parent)
    positions = sorted(draw(st.sets(st.integers(1, length), min_size=1, max_size=5)))
    letters = [draw(st.sets(st.sampled_from(AMINO_ACIDS), min_size=1, max_size=20)) for _ in positions]
    return Pool.combinatorial(parent, [(p, "".join(sorted(x))) for p, x in zip(positions, letters, strict=True)])
