"""The first layers of the teacher's own foundation model."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from activeloop.errors import ConfigError, ModelError
from activeloop.students.distil.network import Network, Shape
from activeloop.students.runtime.reading import FIRST, StudentTokenizer

if TYPE_CHECKING:
    from torch import nn

    from activeloop.foundation.protein_models import LetterModel
    from activeloop.prediction import Predictor


@dataclass(frozen=True)
class FirstLayers(Network):
    """Embeddings and first layers of the foundation model that the teacher is a fine-tuned form of, all learning.

    It is larger than the other networks, and begins with what the foundation model knows.

    Args:
        layers: how many are copied.
        source: the foundation model; found in the teacher when it is None.
        letters: of the candidates, as `StudentTokenizer.letters`.

    >>> FirstLayers(layers=2).name
    'first 2 layers of the teacher'
    """

    whole = True

    layers: int = 1
    source: LetterModel | None = field(default=None, repr=False)
    letters: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        if self.layers < 0:
            raise ConfigError(f"{self.layers} layers cannot be copied. Choose 0 or more; nothing was taught.")

    @property
    def name(self) -> str:
        """In words."""
        whose = "the teacher" if self.source is None else self.source.name
        return f"first {self.layers} layers of {whose}" if self.layers != 1 else f"first layer of {whose}"

    @property
    def sites(self) -> bool:
        """It reads the whole sequence."""
        return False

    def of(self, teacher: Predictor, reading: StudentTokenizer) -> FirstLayers:
        """The same with the teacher's foundation model.

        Args:
            teacher: a fine-tuned model.
            reading: how candidates are read.

        Raises:
            ModelError: the teacher is not a fine-tuned protein model.
        """
        from activeloop.foundation.protein_models import LetterModel
        from activeloop.students.distil.provenance import members

        encoders = (getattr(getattr(member, "learner", None), "encoder", None) for member in members(teacher))
        encoder = next((one for one in encoders if isinstance(one, LetterModel)), None)
        if encoder is None:
            raise ModelError(
                f"a teacher of the kind {type(teacher).__name__} has no layers that a student could begin with: it "
                "must be a fine-tuned protein model. Choose another network; nothing was taught."
            )
        return replace(self, source=encoder, letters=reading.letters)

    def build(self, shape: Shape, seed: int) -> nn.Module:
        """The network with the foundation model's weights, and a head with its first ones.

        Raises:
            ModelError: the foundation model is not known yet (`Distiller.teach` finds it), or is too short.
        """
        if self.source is None:
            raise ModelError("the foundation model is not known. Let a `Distiller` teach the network.")
        from activeloop.models.finetuning.loop import seeded_rng
        from activeloop.students.distil.layers import Compared, Copied, copied_encoder
        from activeloop.students.distil.modules import Additive, Net

        encoder = copied_encoder(self.source, self.layers)
        alphabet = self.source.alphabet
        codes = np.frombuffer(self.letters.encode("latin-1"), np.uint8)
        ids = np.full(shape.letters, alphabet.unknown)
        ids[0], ids[FIRST:] = alphabet.pad, alphabet.ids[codes]
        with seeded_rng(seed):
            residues = Copied(encoder, ids, alphabet.before, alphabet.after)
            body = Compared(residues, shape, encoder.width)
            return Net(Additive(shape), body, (64,), shape.outputs)
