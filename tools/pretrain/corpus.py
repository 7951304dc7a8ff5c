"""Natural sequences as tokens, for masked-language-model training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

#: the vocabulary of ESM-2, in its order; <cls> opens a sequence and <eos> closes it
VOCABULARY = (
    *("<cls>", "<pad>", "<eos>", "<unk>"),
    *"LAGVSERTIDPKQNFYMHWC",
    *"XBUZO.-",
    *("<null_1>", "<mask>"),
)
CLS, PAD, EOS, UNK, MASK = 0, 1, 2, 3, 32
#: codes of the twenty amino acids are those from here, in the order of the vocabulary
FIRST_LETTER, LETTERS = 4, 20


def _letter_codes() -> bytes:
    codes = {
        ord(letter): code
        for code, token in enumerate(VOCABULARY)
        if len(token) == 1
        for letter in {token, token.lower()}
    }
    return bytes(codes.get(byte, UNK) for byte in range(256))


#: [256] code of each byte, for `bytes.translate`; letters outside the vocabulary are <unk>
LETTER_CODES = _letter_codes()


@dataclass(frozen=True)
class Corpus:
    """Sequences as tokens, end to end.

    Args:
        tokens: [T] codes into `VOCABULARY` (uint8), without <cls> and <eos>.
        starts: [N + 1] where each sequence begins; the last entry is T.
    """

    tokens: np.ndarray
    starts: np.ndarray

    def __len__(self) -> int:
        return len(self.starts) - 1

    @classmethod
    def of(cls, sequences: Sequence[str]) -> Corpus:
        """Encode sequences; letters outside the vocabulary become <unk>.

        >>> corpus = Corpus.of(["MKT", "LA"])
        >>> corpus.tokens.tolist(), corpus.starts.tolist()
        ([20, 15, 11, 4, 5], [0, 3, 5])
        """
        text = "".join(sequences).encode("latin-1", "replace").translate(LETTER_CODES)
        lengths = np.fromiter(map(len, sequences), np.int64, len(sequences))
        return cls(np.frombuffer(text, np.uint8), np.concatenate([[0], np.cumsum(lengths)]))

    def split(self, share: float, seed: int) -> tuple[Corpus, Corpus]:
        """Most sequences, and a random share of them apart: at least one, unless there is only one or the share is 0.

        >>> [len(part) for part in Corpus.of(["MKT"] * 50).split(0.1, 0)]
        [44, 6]
        """
        chance = np.random.default_rng(seed).random(len(self))
        apart = chance < share
        if share > 0 and len(self) > 1:
            apart[chance.argmin()], apart[chance.argmax()] = True, False
        return self._take(np.flatnonzero(~apart)), self._take(np.flatnonzero(apart))

    def _take(self, which: np.ndarray) -> Corpus:
        lengths = np.diff(self.starts)
        kept = np.zeros(len(self), bool)
        kept[which] = True
        return Corpus(self.tokens[np.repeat(kept, lengths)], np.concatenate([[0], np.cumsum(lengths[kept])]))

    def crop(self, longest: int, rng: np.random.Generator) -> np.ndarray:
        """[n] tokens of a random sequence, or of a random window of it when it is longer than `longest`."""
        i = int(rng.integers(len(self)))
        start, stop = int(self.starts[i]), int(self.starts[i + 1])
        if stop - start > longest:
            start += int(rng.integers(stop - start - longest + 1))
            stop = start + longest
        return self.tokens[start:stop]
