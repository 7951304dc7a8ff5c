"""A teacher's foundation model as an ONNX file, so that both are timed by the same runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from activeloop.candidates import Pool
from activeloop.errors import ModelError
from activeloop.files import write_whole
from activeloop.foundation.architectures import EsmEncoder
from activeloop.foundation.encoder import TransformerEncoder, attention_as, faster
from activeloop.foundation.encoding import feature_encoder
from activeloop.foundation.protein_models import ESM2
from activeloop.students.distil.export import traced
from activeloop.students.runtime.onnx import INPUT, OnnxRunner, session_of

#: how far the file may be from the model, in its own unit
NEAR = 1e-3
OUTPUT = "features"


class Pass(nn.Module):
    """Tokens of one length through all layers, and their mean: all that a frozen teacher computes but its small head.

    Args:
        encoder: whose layers they are.
    """

    def __init__(self, encoder: EsmEncoder):
        super().__init__()
        self.encoder = encoder

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """[N, D] of int32 tokens [N, T] without padding."""
        return all_real(self.encoder, tokens.long()).mean(1)


def all_real(encoder: TransformerEncoder, ids: torch.Tensor) -> torch.Tensor:
    """[N, T, D] finished hidden states of an ESM encoder, of int64 ids [N, T] without padding.

    The encoder itself would look at the numbers to find out that nothing is padding, which a graph cannot.
    """
    hidden = encoder.embed(ids, torch.ones_like(ids))
    rotary: Any = encoder.model.esm.rotary_embeddings
    place = torch.arange(ids.shape[1])[None]
    context = (None, None if rotary is None else rotary(hidden, place))
    for index in range(len(encoder.layers)):
        hidden = encoder.layer(index, hidden, context)
    return encoder.finish(hidden)


def write_teacher(path: Path, tokens: np.ndarray) -> OnnxRunner:
    """Write the foundation model that ships with the package, and open it on one thread.

    Args:
        path: of the file.
        tokens: int32 [N, T] that it is tried on; N and T above 1.

    Raises:
        ModelError: the file does not say what the model says.
    """
    encoder = feature_encoder(ESM2())
    if not isinstance(encoder, EsmEncoder):
        raise ModelError(f"a {type(encoder).__name__} cannot be written. Nothing was timed.")
    module, example = Pass(encoder).eval(), torch.from_numpy(np.ascontiguousarray(tokens, np.int32))
    with torch.inference_mode(), attention_as(encoder, faster(encoder.heads, tokens.shape[1], half=False)):
        said = module(example).numpy()
    with attention_as(encoder, "eager"):
        content = traced(module, example, (OUTPUT,)).SerializeToString()
    write_whole(path, content)
    runner = OnnxRunner(session_of(content, 1))
    (found,) = runner.session.run([OUTPUT], {INPUT: tokens})
    apart = float(np.abs(found - said).max())
    if apart > NEAR * max(1.0, float(np.abs(said).max())):
        raise ModelError(f"the teacher's file differs from the teacher by {apart:.2g}. Nothing was timed.")
    return runner


def teacher_tokens(pool: Pool, rows: np.ndarray) -> np.ndarray:
    """Int32 [N, T] of rows as the foundation model reads them; all of one length."""
    return ESM2().tokens(pool, rows).ids.astype(np.int32)
