"""Networks over the residues of whole sequences, put together."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from activeloop.models.finetuning.gradients import thrown
from activeloop.students.additive import Additive
from activeloop.students.body import Net
from activeloop.students.network import Shape
from activeloop.students.pooling import Compared, Entry, Residues


def over_residues(shape: Shape, width: int, seed: int, blocks: Callable[[], list[nn.Module]]) -> Net:
    """A network of blocks over residues, the pooling that suits mutants, and a head.

    Args:
        shape: what goes in and comes out.
        width: of the vectors.
        seed: of the first weights; torch's generator is left as it was.
        blocks: makes them.
    """
    with thrown(seed):
        residues = Residues(Entry(shape, width), blocks())
        return Net(Additive(shape), Compared(residues, shape, width), (width,), shape.outputs)
