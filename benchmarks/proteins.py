"""Protein domains whose sites published libraries vary, and ESM-2 in its published sizes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from activeloop.candidates import Pool
from activeloop.replay.landscape import Landscape
from activeloop.replay.sources import Source, load_landscape

if TYPE_CHECKING:
    from activeloop.foundation.encoder import TransformerEncoder
    from tools.pretrain.training import Shape


@dataclass(frozen=True)
class Domain:
    """A wild type, and where in it the sites of a library are.

    Args:
        chain: residues of the domain.
        sites: labels such as `V39`, counted in the chain.
    """

    chain: str
    sites: tuple[str, ...]


#: by public set. GB1: Wu et al. 2016, eLife 5:e16965. PhoQ: residues 266 to 330 of UniProt P23837, the helices through
#: which it meets PhoP; A284, V285, S288 and T289 of the whole protein (Podgornaia and Laub 2015, Science 347:673).
DOMAINS = {
    "gb1": Domain("MQYKLILNGKTLKGETTTEAVDAATAEKVFKQYANDNGVDGEWTYDDATKTFTVTE", ("V39", "D40", "G41", "V54")),
    "phoq": Domain("DKYRTTLTDLTHSLKTPLAVLQSTLRSLRSEKMSVSDAEPVMLEQISRISQQIGYYLHRASMRGG", ("A19", "V20", "S23", "T24")),
}


def domain_library(name: str) -> tuple[Landscape, np.ndarray]:
    """Every combination at a library's sites within its domain, and the rows [n] of it that were measured.

    Values are NaN where nothing was measured.
    """
    known, domain = load_landscape(Source(name)), DOMAINS[name]
    pool = Pool.combinatorial(domain.chain, domain.sites)
    rows, values = pool.rows_of(known.pool.names(np.arange(len(known)))), np.full(len(pool), np.nan)
    values[rows] = known.values
    return Landscape(known.name, pool, values, known.assay, None, known.origin), rows


#: layers, width, heads, inner width (Lin et al. 2023, Science 379:1123)
SIZES: dict[str, tuple[int, int, int, int]] = {
    "8M": (6, 320, 20, 1280),
    "35M": (12, 480, 20, 1920),
    "150M": (30, 640, 20, 2560),
    "650M": (33, 1280, 20, 5120),
}


def esm_shape(size: str) -> Shape:
    """The shape of a size."""
    from tools.pretrain.training import Shape

    return Shape(*SIZES[size])


def random_encoder(shape: Shape, seed: int | None) -> TransformerEncoder:
    """An encoder of a shape with random weights, nothing trainable; without a seed shapes and no weights at all."""
    import torch
    from transformers import EsmForMaskedLM

    from activeloop.foundation.architectures import EsmEncoder

    config = shape.config()
    config._attn_implementation = "eager"
    with torch.device("meta" if seed is None else "cpu"), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed or 0)
        model = EsmForMaskedLM(config)
    return EsmEncoder(model.eval()).requires_grad_(False)
