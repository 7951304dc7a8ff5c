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


@pytest.mark.parametrize("name", names.REMOVED)
def test_what_is_gone_says_what_to_use_instead(name: str):
    with pytest.raises(names.Refused, match="was removed: use "):
        names.read(FOLDER / "recipes" / f"{name}.toml")


@pytest.mark.parametrize("name", sorted(EXPECTED.keys() - set(names.REMOVED)))
def test_an_old_recipe_means_the_same(name: str):
    assert names.read(FOLDER / "recipes" / f"{name}.toml") == names.words_of_now(EXPECTED[name])
