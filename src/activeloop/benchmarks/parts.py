"""The folder of a replay: one small file for each finished campaign, so that nothing finished is done twice."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path

from activeloop.benchmarks.campaign import Turn
from activeloop.errors import RecipeError, StoreError
from activeloop.files import write_whole


class Parts:
    """`DIR/parts`: a JSON file a (policy, seed), written whole or not at all; `DIR/settings.json` guards them.

    Args:
        folder: DIR; made when it does not exist.
        settings: what all campaigns of this folder share. A folder that was begun with others is refused.

    Raises:
        RecipeError: the folder holds campaigns with other settings; nothing was changed.
        StoreError: the folder cannot be written.
    """

    def __init__(self, folder: Path, settings: dict[str, object]):
        self.folder = folder
        try:
            (folder / "parts").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{folder} cannot be written ({error.strerror}). Choose another --out.") from error
        self._guard(settings)

    def _guard(self, settings: dict[str, object]) -> None:
        path = self.folder / "settings.json"
        if path.exists():
            before = json.loads(path.read_text("utf-8"))
            other = sorted(key for key in {*before, *settings} if before.get(key) != settings.get(key))
            if other:
                told = "; ".join(f"{key} was {before.get(key)}, now {settings.get(key)}" for key in other)
                raise RecipeError(
                    f"{self.folder} holds a replay with other settings ({told}). Choose another --out, or delete the "
                    "folder to begin anew. Nothing was changed."
                )
        else:
            write_whole(path, json.dumps(settings, indent=1, sort_keys=True) + "\n")

    def path(self, policy: str, seed: int) -> Path:
        """Where one campaign is kept."""
        return self.folder / "parts" / f"{policy.replace(':', '+')}-{seed:05d}.json"

    def has(self, policy: str, seed: int) -> bool:
        """Whether that campaign is finished."""
        return self.path(policy, seed).exists()

    def write(self, policy: str, seed: int, turns: list[Turn]) -> None:
        """Keep a finished campaign."""
        rows = [{**asdict(turn), "metrics": _without_nan(turn.metrics)} for turn in turns]
        write_whole(self.path(policy, seed), json.dumps(rows) + "\n")

    def read(self, policy: str, seed: int) -> list[Turn]:
        """A finished campaign.

        Raises:
            StoreError: the file is damaged.
        """
        path = self.path(policy, seed)
        try:
            rows = json.loads(path.read_text("utf-8"))
            return [Turn(**{**row, "picks": tuple(row["picks"]), "metrics": _with_nan(row["metrics"])}) for row in rows]
        except (ValueError, TypeError, KeyError) as error:
            cure = "Delete it; the same command does that campaign again."
            raise StoreError(f"{path} is damaged ({error}). {cure}") from error


def _without_nan(metrics: dict[str, float]) -> dict[str, float | None]:
    return {name: None if math.isnan(value) else value for name, value in metrics.items()}


def _with_nan(metrics: dict[str, float | None]) -> dict[str, float]:
    return {name: math.nan if value is None else value for name, value in metrics.items()}
