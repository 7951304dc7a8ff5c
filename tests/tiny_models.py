"""Foundation models of a few thousand random weights, made on the spot in the format of the real ones."""

from __future__ import annotations

from pathlib import Path

from activeloop.models.pretraining.corpus import VOCABULARY
from activeloop.models.pretraining.training import Shape


def tiny_esm(folder: Path, layers: int = 3, width: int = 32, heads: int = 4) -> str:
    """An ESM-2-shaped checkpoint with its tokenizer; returns the folder."""
    import torch
    from transformers import EsmForMaskedLM, EsmTokenizer

    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        EsmForMaskedLM(Shape(layers, width, heads, 2 * width).config()).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY))
    EsmTokenizer(str(folder / "vocab.txt")).save_pretrained(folder)
    return str(folder)
