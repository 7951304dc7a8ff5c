"""Plugins are found by the entry points of a package that is really installed on the path."""

from pathlib import Path

import pytest

from activeloop.acquisition import Greedy
from activeloop.config import parse_config
from activeloop.config.building import assays_of, pool_of
from activeloop.config.registry import learner_of, recommender_of
from activeloop.errors import ConfigError
from activeloop.plugins import GROUPS, plugins
from activeloop.testing import checks

CODE = """
from activeloop.acquisition import Greedy
from activeloop.models import RandomForest


class Timid(Greedy):
    name = "timid"


def forest(trees: int = 7):
    return RandomForest(trees=trees)
"""
ENTRY_POINTS = """
[activeloop.learners]
small-forest = outside_package:forest
broken = outside_package:missing

[activeloop.acquisition_functions]
timid = outside_package:Timid
"""
CONFIG = """
format = 1
goal = "find"
[pool]
wild_type = "MKTAYIAKQR"
singles = true
[[assays]]
name = "kcat"
unit = "1/s"
[learner]
name = "{learner}"
[select]
score = "timid"
"""


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with entry points, laid out as pip does."""
    (tmp_path / "outside_package.py").write_text(CODE)
    info = tmp_path / "outside_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: outside-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(tmp_path)


def test_a_campaign_names_a_learner_and_an_acquisition_function_of_another_package(installed):
    config = parse_config(CONFIG.format(learner="small-forest"), "campaign.toml")
    pool, assays = pool_of(config.pool, Path()), assays_of(config)
    learner = learner_of(config.learner, pool, assays)
    assert learner.name == "forest-onehot"
    recommender = recommender_of(config.select, config.goal, assays, pool)
    assert isinstance(recommender.score, Greedy)
    assert recommender.score.name == "timid"
    for check in checks(recommender.score):
        check()


def test_a_package_that_fails_is_named(installed):
    config = parse_config(CONFIG.format(learner="broken"), "campaign.toml")
    with pytest.raises(ConfigError, match=r'learner "broken" of the package outside-package cannot be loaded'):
        learner_of(config.learner, pool_of(config.pool, Path()), assays_of(config))


def test_without_packages_nothing_is_announced():
    assert all(plugins(role) == {} for role in GROUPS)
