"""What is compared in the compute results, and the notebook in which single measurements are kept."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from activeloop.adapters import Adapter, FullFineTuning, LightPEFT, LoRA, PeftAdapter
from activeloop.errors import StoreError
from activeloop.files import write_whole
from activeloop.foundation.base import FoundationModel
from activeloop.models.finetuning.learner import FineTuner
from activeloop.models.heads.base import Head

FULL, LORA, LIGHT = "full fine-tuning", "LoRA, all layers", "Light-PEFT"
ARMS: dict[str, Adapter] = {
    FULL: FullFineTuning(),
    LORA: LoRA(),
    "LoRA, last 2 layers": LoRA(last=2),
    "LoRA, last layer": LoRA(last=1),
    "PiSSA, rank 16, last layer": LoRA(last=1, rank=16, variant="pissa"),
    "all weights, last 2 layers": FullFineTuning(last=2),
    "all weights, last layer": FullFineTuning(last=1),
    "IA3": PeftAdapter("ia3"),
    LIGHT: LightPEFT(),
}
#: how many times cheaper than full fine-tuning a default must be, and its share of memory at most
CHEAPER, MEMORY = 10.0, 0.3


def default_adapter() -> Adapter:
    """What a fine-tuned learner uses when nothing is said."""
    return _usual("adapter")


def default_draws() -> Head:
    """The posterior with which a fine-tuned learner ends when nothing is said."""
    return _usual("draws")


def _usual(field: str) -> Any:
    made = next(known.default_factory for known in fields(FineTuner) if known.name == field)
    assert callable(made)
    return made()


def arms() -> dict[str, Adapter]:
    """All that is compared, the default among them.

    >>> default_adapter() in arms().values()
    True
    """
    known = default_adapter() in ARMS.values()
    return ARMS if known else {**ARMS, "the default": default_adapter()}


def default_arm() -> str:
    """Name of the default among `arms`."""
    return next(name for name, adapter in arms().items() if adapter == default_adapter())


def read_by(foundation: FoundationModel, adapter: Adapter) -> FoundationModel:
    """A model as an arm reads it: all layers where all may learn, as is usual; else those the product reads."""
    return foundation if getattr(adapter, "last", None) else replace(foundation, depth=1.0)  # type: ignore[type-var]


@dataclass(frozen=True)
class Notebook:
    """A folder with a JSON file for each finished measurement, so that nothing finished is done twice.

    Args:
        folder: made when it is needed.
    """

    folder: Path

    def once(self, name: str, settings: dict[str, Any], measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """A measurement, from its file if it was made before with the same settings.

        Args:
            name: of the measurement, for the file and for those who wait.
            settings: all that it depends on.
            measure: makes it.

        Raises:
            StoreError: the file is damaged, or the folder cannot be written.
        """
        content = json.dumps([name, settings], sort_keys=True, default=repr)
        digest = hashlib.blake2b(content.encode(), digest_size=6).hexdigest()
        plain = "".join(c if c.isalnum() or c in "-_" else "-" for c in name)
        path = self.folder / f"{plain}-{digest}.json"
        if path.exists():
            return self._read(path)
        start = time.perf_counter()
        found = measure()
        self.folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps({"name": name, "settings": settings, "found": found}, default=repr) + "\n")
        sys.stderr.write(f"{time.strftime('%H:%M:%S')} {name}: {time.perf_counter() - start:.1f} s\n")
        return found

    def _read(self, path: Path) -> dict[str, Any]:
        try:
            return json.loads(path.read_text("utf-8"))["found"]
        except (ValueError, KeyError, OSError) as error:
            fix = "Delete it; the same command measures that part again."
            raise StoreError(f"{path} is damaged ({error}). {fix}") from error
