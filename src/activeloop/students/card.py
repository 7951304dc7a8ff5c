"""What a student says of itself; it travels inside the exported file as one JSON text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from activeloop.measurements import Assay
from activeloop.students.reading import Reading

#: of the JSON text; a file of a later one is refused
FORMAT = 1
#: key of the card among the metadata of the file
KEY = "activeloop"


@dataclass(frozen=True)
class Card:
    """Everything about a student but its numbers.

    Args:
        network: the network in words, such as "convolutional, 64 wide, 4 blocks".
        reading: how candidates are read.
        assays: what it predicts.
        classes: names of the classes, () for values.
        noise: [A] standard deviation of the noise of one measurement, as the teacher states it.
        shape: [A, K] as in `Predictive.shape`, or None.
        parameters: how many numbers it has.
        teacher: which model taught it, in words.
        teacher_version: number of the campaign's version; 0 outside a campaign.
        data_hash: `Dataset.hash` of what the teacher was fitted to; "" when not known.
        agreement: name -> value, on candidates that it was not taught: `spearman` and `sd_spearman` with the teacher,
            `candidates` (how many), `top_recall` (share of the teacher's best tenth that is the student's too); for
            classes `auroc` and `kl`.
        licence: what it may be used for; it is no freer than the foundation model's.
        code_version: of ActiveLoop.
        created_at: ISO 8601, UTC.
        seed: of the teaching.
    """

    network: str
    reading: Reading
    assays: tuple[Assay, ...]
    classes: tuple[str, ...]
    noise: tuple[float, ...]
    shape: np.ndarray | None
    parameters: int
    teacher: str
    teacher_version: int
    data_hash: str
    agreement: dict[str, float]
    licence: str
    code_version: str
    created_at: str
    seed: int

    def text(self) -> str:
        """As JSON; `Card.read` makes it again, equal in every field."""
        raise NotImplementedError

    @classmethod
    def read(cls, text: str, file: str) -> Card:
        """The card in a JSON text.

        Raises:
            InputError: it is no card, or one of a later format; names the file.
        """
        raise NotImplementedError
