"""A trained model as a folder that `transformers` reads."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from transformers import EsmConfig, EsmForMaskedLM, EsmTokenizer

from activeloop.errors import ModelError
from tools.pretrain.card import card
from tools.pretrain.corpus import VOCABULARY
from tools.pretrain.learned import TIED


def export(folder: Path, model: EsmForMaskedLM, facts: dict[str, Any]) -> None:
    """Write config, weights in half precision, tokenizer, training.json and MODEL_CARD.md.

    Everything is made beside the folder first; what an earlier export left there is replaced, other files stay.

    Args:
        folder: made when it is not there.
        model: plain.
        facts: as `facts_of`.

    Raises:
        ModelError: a weight is too large for half precision, or no number.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as name:
        made = Path(name)
        save_file(_halved(model), made / "model.safetensors", {"format": "pt"})
        _config(model).save_pretrained(made)
        (made / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n", encoding="utf-8")
        EsmTokenizer(str(made / "vocab.txt")).save_pretrained(made)
        (made / "training.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
        (made / "MODEL_CARD.md").write_text(card(facts), encoding="utf-8")
        for path in sorted(made.iterdir()):
            path.chmod(0o644)
            path.replace(folder / path.name)


def _halved(model: EsmForMaskedLM) -> dict[str, torch.Tensor]:
    weights = {k: v.detach().cpu().contiguous() for k, v in model.state_dict().items() if k != TIED}
    # angles of far places need the frequencies in full
    halved = {k: v if k.endswith("inv_freq") else v.half() for k, v in weights.items()}
    for name, tensor in halved.items():
        if not torch.isfinite(tensor).all():
            problem = f'weight "{name}" does not fit into half precision: the training diverged'
            raise ModelError(f"{problem}. Train anew with a smaller rate; nothing was exported.")
    return halved


def _config(model: EsmForMaskedLM) -> EsmConfig:
    config = EsmConfig.from_dict(model.config.to_dict())
    config.architectures = ["EsmForMaskedLM"]
    config.dtype = torch.float16
    return config
