"""Whether an exported student says what the student says."""

from __future__ import annotations

import numpy as np
import torch

from activeloop.errors import ModelError
from activeloop.students.onnx_runner import OUTPUTS, OnnxRunner
from activeloop.students.reading import PADDING, UNKNOWN, Reading
from activeloop.students.scaled import Scaled

#: most that numbers may differ by, in units of their spread over the random candidates
TOLERANCE = 1e-3
#: least correlation of a student in 8 bits with itself
ALIKE = 0.99
#: random candidates of one length
ROWS = 16
#: random candidates on which 8 bits are checked
MANY = 256


def probes(reading: Reading, seed: int) -> list[np.ndarray]:
    """Random candidates: int32 tokens of several widths, the first as wide as what was taught, shorter ones padded.

    Args:
        reading: how the student reads.
        seed: of the letters.
    """
    rng = np.random.default_rng([seed, 0])
    if reading.positions:
        return [_random(reading, rng, ROWS, reading.width), _random(reading, rng, 1, reading.width)]
    widths = [max(2, reading.width), reading.width + 3, max(1, reading.width // 2), 1]
    return [_padded(_random(reading, rng, ROWS, width), rng) for width in widths] + [
        _random(reading, rng, 1, reading.width)
    ]


def check_same(runner: OnnxRunner, module: Scaled, tokens: np.ndarray) -> None:
    """Refuse an exported graph that deviates from its module.

    Args:
        runner: of the graph.
        module: what was exported, in eval mode.
        tokens: int32 [N, W].

    Raises:
        ModelError: it does, says by how much.
    """
    said, wants = runner.run(tokens), _run(module, tokens)
    least = max(1e-4 * float(wants[2].std()), 1e-30)
    for name, found, wanted in zip(OUTPUTS, said, wants, strict=True):
        unit = max(float(wanted.std()), 1e-2 * float(np.abs(wanted).max()), least)
        if found.shape != wanted.shape:
            raise ModelError(f"the exported student gives {name} as {found.shape}, not {wanted.shape}. {_CURE}")
        apart = float(np.abs(found - wanted).max()) / unit
        if not apart <= TOLERANCE:
            raise ModelError(
                f"the exported student deviates in {name} by {apart:.2g} of its spread for candidates of "
                f"{tokens.shape[1]} letters. {_CURE}"
            )


def check_alike(rounded: Scaled, module: Scaled, reading: Reading, seed: int) -> None:
    """Refuse 8 bits where they change the order of candidates.

    Args:
        rounded: with weights of 8 bits.
        module: the same before.
        reading: how the student reads.
        seed: of random candidates.

    Raises:
        ModelError: their correlation is below `ALIKE`.
    """
    tokens = _near(reading, np.random.default_rng([seed, 1]))
    for one, other in zip(_run(rounded, tokens)[2].T, _run(module, tokens)[2].T, strict=True):
        if other.std() == 0:
            continue
        alike = float(np.corrcoef(one, other)[0, 1]) if one.std() > 0 else 0.0
        if not alike >= ALIKE:
            problem = f"in 8 bits this student orders candidates otherwise (correlation {alike:.3f})."
            raise ModelError(f"{problem} Export it without int8. {_CURE}")


_CURE = "Nothing was written."


def _run(module: Scaled, tokens: np.ndarray) -> list[np.ndarray]:
    with torch.inference_mode():
        return [x.numpy() for x in module(torch.from_numpy(tokens))]


def _random(reading: Reading, rng: np.random.Generator, rows: int, width: int) -> np.ndarray:
    return rng.integers(UNKNOWN, reading.size, (rows, width), np.int32)


def _padded(tokens: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The same, each row but the first cut at a random length."""
    lengths = rng.integers(1, tokens.shape[1] + 1, len(tokens))
    lengths[0] = tokens.shape[1]
    return np.where(np.arange(tokens.shape[1]) < lengths[:, None], tokens, PADDING).astype(np.int32)


def _near(reading: Reading, rng: np.random.Generator) -> np.ndarray:
    """Random candidates like those that were taught: of the wild type with a few changes, where there is one."""
    tokens = _random(reading, rng, MANY, reading.width)
    if not reading.parent:
        return tokens
    changed = rng.random(tokens.shape) < max(1.5, 0.05 * tokens.shape[1]) / tokens.shape[1]
    return np.where(changed, tokens, reading.texts([reading.parent])).astype(np.int32)
