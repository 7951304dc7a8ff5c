"""A trained model as others find it: a folder that `transformers` reads, figures, and a page made of them."""

from __future__ import annotations

import json
import math
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors.torch import save_file
from transformers import EsmConfig, EsmForMaskedLM, EsmTokenizer

from activeloop.errors import ModelError
from tools.pretrain.corpus import VOCABULARY, Part
from tools.pretrain.plan import Log, Plan
from tools.pretrain.trainable import TIED
from tools.pretrain.training import MASKED_SHARE, TrainingRun

#: maximum number of points of the loss that are stored
POINTS = 100


def facts_of(
    plan: Plan, run: TrainingRun, parts: list[Part], losses: dict[str, float], log: Log, machine: dict[str, str]
) -> dict[str, Any]:
    """Everything that training.json tells.

    Args:
        plan: that was carried out.
        run: finished.
        parts: of the mixture.
        losses: on what was held out, by file.
        log: of the run.
        machine: on which it ran.
    """
    parameters = sum(p.numel() for n, p in run.model.named_parameters() if "contact_head" not in n)
    tokens = run.step * plan.schedule.tokens
    return plan.settings(parts) | {
        "files": [part.facts() | _judged(losses.get(part.name)) for part in parts],
        "parameters": parameters,
        "steps": run.step,
        "tokens_seen": tokens,
        "schedule": asdict(plan.schedule),
        "loss": log.records[-1]["loss"] if log.records else None,
        "losses": _thinned([[record["step"], round(record["loss"], 4)] for record in log.records]),
        "seconds": round(log.spent("sec")),
        "cpu_seconds": round(log.spent("cpu")),
        "precision": "bfloat16 autocast" if run.half else "float32",
        "device": torch.cuda.get_device_name() if run.device.startswith("cuda") else "processor",
        "processes": run.group.size,
        "machine": machine | {"torch": torch.__version__, "transformers": transformers.__version__},
        "licence": plan.licence,
        "size": size_sentence(parameters, tokens, plan.base),
    }


def _judged(loss: float | None) -> dict[str, float]:
    return (
        {} if loss is None else {"validation_loss": round(loss, 4), "validation_perplexity": round(math.exp(loss), 3)}
    )


def _thinned(points: list[list[float]]) -> list[list[float]]:
    apart = max(1, math.ceil(len(points) / POINTS))
    return points[::-apart][::-1]


def size_sentence(parameters: int, tokens: int, base: str | None) -> str:
    """What must be expected of a model of this size.

    >>> size_sentence(4_800_000, 50_000_000, None)
    'This is a small model: 4.8 million parameters, 50 million tokens seen (ESM-2: a million million).'
    """
    seen = f"{tokens / 1e6:,.3g} million tokens"
    if base is not None:
        return f'This is "{base}", trained on for {seen} of the files below; expect no gain on other proteins.'
    # ESM-2 up to 3 B parameters: 500,000 steps of 2 million tokens (Lin et al. 2023, Science 379:1123, supplement)
    return f"This is a small model: {parameters / 1e6:.2g} million parameters, {seen} seen (ESM-2: a million million)."


def _duration(seconds: float) -> str:
    """For reading.

    >>> _duration(40), _duration(5400)
    ('40 seconds', '1.5 hours')
    """
    return f"{seconds / 3600:.2g} hours" if seconds >= 3600 else f"{seconds:.0f} seconds"


def card(facts: dict[str, Any]) -> str:
    """A page of Markdown for whoever finds the checkpoint."""
    shape = facts["shape"]
    what = (
        f"{shape['layers']} layers of width {shape['width']}, {shape['heads']} heads, inner width {shape['inner']}"
        if shape
        else f"`{facts['base']}` with LoRA of rank {facts['rank']} merged into its weights"
    )
    schedule = facts["schedule"]
    device = facts["device"]
    machine = facts["machine"].get("processor", device) if device == "processor" else device
    date = facts["machine"].get("date", "")[:10]
    return f"""# A protein language model

{facts["size"]}
Larger checkpoints know more; use one where you can.

Shape and vocabulary of ESM-2: {what}.
Weights in half precision; `transformers` reads this folder (`EsmForMaskedLM`).

| file | sequences | residues | weight | held out | perplexity on those |
|---|---|---|---|---|---|
{"".join(_row(file) for file in facts["files"])}
Held-out sequences were drawn at random; relatives of them may be among the others, so these perplexities flatter.
For these, {MASKED_SHARE:.0%} of the residues were masked. Guessing among twenty amino acids has perplexity 20.

- {facts["steps"]:,} steps of {schedule["rows"]} rows of {schedule["width"]} tokens: {facts["tokens_seen"]:,} tokens
- {schedule["share"]:.0%} of the residues masked in training, seed {facts["seed"]}, {facts["precision"]}
- {_duration(facts["seconds"])} ({_duration(facts["cpu_seconds"])} of processor time) on {machine}, finished {date}
- licence: {facts["licence"]}

All figures: training.json.
"""


def _row(file: dict[str, Any]) -> str:
    perplexity = file.get("validation_perplexity")
    cells = [file["name"], f"{file['sequences']:,}", f"{file['residues']:,}", f"{file['weight']:g}"]
    cells += [f"{file['held_out_sequences']:,}", "" if perplexity is None else f"{perplexity:.2f}"]
    return f"| {' | '.join(cells)} |\n"


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
