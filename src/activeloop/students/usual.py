"""Which network a student has when none is named."""

from __future__ import annotations

from activeloop.candidates import Pool
from activeloop.students.convolution import ConvNet
from activeloop.students.network import Network
from activeloop.students.reading import of_one_length
from activeloop.students.site_network import SiteNetwork


def usual_network(pool: Pool) -> Network:
    """Over the sites of variants that differ at known positions of one length, else over whole sequences.

    >>> usual_network(Pool.single_mutants("MKTAYIAKQR")).sites
    True
    >>> from activeloop.candidates import Compound
    >>> usual_network(Pool.of([Compound("CCO"), Compound("CCN")])).sites
    False
    """
    columns = pool.sites
    fixed = pool.kind == "variants" and columns is not None and len(columns.positions) > 0
    return SiteNetwork() if fixed and of_one_length(pool) else ConvNet()
