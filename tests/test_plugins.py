"""Plugins are found by the entry points of a package that is really installed on the path."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from activeloop import Assay, Pool
from activeloop.acquisition import Greedy
from activeloop.adapters import LoRA
from activeloop.config import LearnerConfig, assays_of, parse_config, pool_of
from activeloop.config.registry import learner_of, recommender_of
from activeloop.encoders import OneHot, Physicochemical
from activeloop.errors import ConfigError
from activeloop.foundation.families import family_of
from activeloop.models import GPHead
from activeloop.plugins import GROUPS, plugins
from activeloop.replay import Source, load_landscape
from activeloop.replay.landscape import planted_landscape
from activeloop.testing import checks

CODE = """
from activeloop.acquisition import Greedy
from activeloop.adapters import LoRA
from activeloop.encoders import OneHot
from activeloop.foundation.families import Family
from activeloop.foundation.tokenizers import ResidueTokenizer
from activeloop.foundation.vocabulary import ESM
from activeloop.models import GPHead, RandomForest
from activeloop.replay.landscape import planted_landscape


class Timid(Greedy):
    name = "timid"


def forest(trees: int = 7):
    return RandomForest(trees=trees)


def relative():
    return OneHot(relative=True)


def linear():
    return GPHead(kernel="rbf")


def thin():
    return LoRA(rank=1, last_layers=1)


def landscape():
    return planted_landscape("planted")


def family():
    return Family("outside", "outside/model", "outside-architecture", ResidueTokenizer(ESM), ())
"""
ENTRY_POINTS = """
[activeloop.learners]
small-forest = outside_package:forest
broken = outside_package:missing

[activeloop.acquisition_functions]
timid = outside_package:Timid

[activeloop.encoders]
relative = outside_package:relative

[activeloop.heads]
linear = outside_package:linear

[activeloop.adapters]
thin = outside_package:thin

[activeloop.landscapes]
outside-landscape = outside_package:landscape

[activeloop.families]
outside = outside_package:family
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


@pytest.mark.parametrize(
    ("name", "options", "found"),
    [
        ("forest", {"encoder": "relative"}, lambda learner: learner.encoder == OneHot(relative=True)),
        ("forest", {"encoder": "physicochemical"}, lambda learner: learner.encoder == Physicochemical()),
        ("embedding-gp", {"head": "linear"}, lambda learner: learner.head == GPHead(kernel="rbf")),
        ("fine-tuned", {"adapter": "thin"}, lambda learner: learner.adapter == LoRA(rank=1, last_layers=1)),
    ],
)
def test_options_name_encoders_heads_and_adapters_of_another_package(installed, name, options, found):
    pool = Pool.single_mutants("MKTAYIAKQR")
    assert found(learner_of(LearnerConfig(name=name, options=options), pool, (Assay("kcat"),)))


def test_an_encoder_that_nobody_announces_is_refused():
    pool = Pool.single_mutants("MKTAYIAKQR")
    with pytest.raises(ConfigError, match=r'learner "forest": there is no encoder "relative". Known: kmers, morgan'):
        learner_of(LearnerConfig(name="forest", options={"encoder": "relative"}), pool, (Assay("kcat"),))


def test_a_landscape_and_a_family_of_models_of_another_package(installed, tmp_path):
    assert len(load_landscape(Source("outside-landscape"))) == len(planted_landscape("planted"))
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "outside-architecture"}')
    save_file({"weight": np.zeros(1)}, folder / "model.safetensors")
    assert family_of(str(folder)).name == "outside"


def test_without_packages_nothing_is_announced():
    assert all(plugins(role) == {} for role in GROUPS)
