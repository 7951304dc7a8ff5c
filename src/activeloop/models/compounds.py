"""What compounds are modelled by unless the user says otherwise."""

from __future__ import annotations

from activeloop.models.tanimoto import TanimotoGP


def compound_default() -> TanimotoGP:
    """The mean of Tanimoto kernels on Morgan count fingerprints of radius 2, by atoms and by pharmacophores.

    Chosen on public sets with the upper confidence bound mean + 2 sd: counts instead of bits and the second
    fingerprint are what helped; longer radii, unfolded fingerprints, paths, torsions and a kernel on whole-molecule
    descriptors did not.

    >>> compound_default().name
    'tanimoto-morgan2-feature-morgan2'
    """
    return TanimotoGP()
