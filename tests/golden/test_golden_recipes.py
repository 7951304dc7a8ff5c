"""Every `campaign.toml` of before is understood, and names the same version and student."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from golden import names

FOLDER = Path(__file__).parent
EXPECTED = json.loads((FOLDER / "expected" / "recipes.json").read_text())


def test_every_file_has_its_answer():
    assert set(EXPECTED) == {path.stem for path in (FOLDER / "recipes").glob("*.toml")}


@pytest.mark.parametrize("name", EXPECTED)
def test_an_old_recipe_means_the_same(name: str):
    assert names.read(FOLDER / "recipes" / f"{name}.toml") == EXPECTED[name]
