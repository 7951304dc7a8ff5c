"""A pass of an ESM-2 model in NumPy, so that the model that ships works where torch is not installed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np

from activeloop.foundation.checkpoints import settings_of
from activeloop.foundation.windows import Windows

Weights = Mapping[str, np.ndarray]


def states_and_logits(folder: Path, windows: Windows, depth: float) -> tuple[np.ndarray, np.ndarray]:
    """The same as `zero_shot_passes.states_and_logits`, in single precision, within its last digits.

    For rotary positions, norms before each block and none after the embedding, as ESM-2 has them.

    Args:
        folder: of the checkpoint.
        windows: W of T tokens; each is one pass.
        depth: states are those after this share of the layers.

    Returns:
        Float32 [S, D] hidden states, and [S, V] logits, at each residue with nothing masked.
    """
    settings, weights = settings_of(folder), _weights(folder / "model.safetensors")
    layers, heads, eps = settings["num_hidden_layers"], settings["num_attention_heads"], settings["layer_norm_eps"]
    states, logits = [], []
    for number, ids in enumerate(windows.ids):
        columns = windows.column[windows.row == number]
        hidden = weights["esm.embeddings.word_embeddings.weight"][ids]
        rotary = _rotary(len(ids), weights["esm.rotary_embeddings.inv_freq"])
        for layer in range(layers):
            if layer == round(depth * layers):
                states.append(hidden[columns])
            hidden = _layer(hidden, weights, f"esm.encoder.layer.{layer}.", heads, rotary, eps)
        last = _norm(hidden[columns], weights, "esm.encoder.emb_layer_norm_after", eps)
        last = _norm(_gelu(_linear(last, weights, "lm_head.dense")), weights, "lm_head.layer_norm", eps)
        logits.append(last @ weights["esm.embeddings.word_embeddings.weight"].T + weights["lm_head.bias"])
    order = np.argsort(windows.row, kind="stable").argsort()
    return np.concatenate(states)[order], np.concatenate(logits)[order]


@lru_cache(maxsize=1)
def _weights(file: Path) -> Weights:
    from safetensors.numpy import load_file

    return {name: array.astype(np.float32) for name, array in load_file(file).items()}


def _layer(
    hidden: np.ndarray, weights: Weights, at: str, heads: int, rotary: tuple[np.ndarray, np.ndarray], eps: float
) -> np.ndarray:
    """[T, D] after a layer: attention, then two dense maps, each added to what came in."""
    from scipy.special import softmax

    normed = _norm(hidden, weights, f"{at}attention.LayerNorm", eps)
    query, key, value = (
        _linear(normed, weights, f"{at}attention.self.{part}").reshape(len(hidden), heads, -1).swapaxes(0, 1)
        for part in ("query", "key", "value")
    )
    query = query / np.float32(np.sqrt(query.shape[-1]))
    attention = softmax(_rotated(query, rotary) @ _rotated(key, rotary).swapaxes(1, 2), axis=-1)
    mixed = (attention @ value).swapaxes(0, 1).reshape(hidden.shape)
    hidden = hidden + _linear(mixed, weights, f"{at}attention.output.dense")
    inner = _gelu(_linear(_norm(hidden, weights, f"{at}LayerNorm", eps), weights, f"{at}intermediate.dense"))
    return hidden + _linear(inner, weights, f"{at}output.dense")


def _linear(x: np.ndarray, weights: Weights, at: str) -> np.ndarray:
    return x @ weights[f"{at}.weight"].T + weights[f"{at}.bias"]


def _norm(x: np.ndarray, weights: Weights, at: str, eps: float) -> np.ndarray:
    centred = x - x.mean(-1, keepdims=True)
    deviation = np.sqrt((centred**2).mean(-1, keepdims=True) + np.float32(eps))
    return centred / deviation * weights[f"{at}.weight"] + weights[f"{at}.bias"]


def _gelu(x: np.ndarray) -> np.ndarray:
    from scipy.special import erf

    return x * np.float32(0.5) * (1 + erf(x * np.float32(np.sqrt(0.5))))


def _rotary(tokens: int, frequencies: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cosines and sines [T, d] that rotate queries and keys (Su et al. 2021, arXiv:2104.09864)."""
    angles = np.tile(np.outer(np.arange(tokens, dtype=np.float32), frequencies), 2)
    return np.cos(angles), np.sin(angles)


def _rotated(x: np.ndarray, rotary: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    half = x.shape[-1] // 2
    return x * rotary[0] + np.concatenate([-x[..., half:], x[..., :half]], axis=-1) * rotary[1]
