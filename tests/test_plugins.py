"""Plugins are found by the entry points of a package that is really installed on the path."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from activeloop import Assay, Pool
from activeloop.acquisition import Greedy
from activeloop.adapters import LoRA
from activeloop.cli import main
from activeloop.config import LearnerConfig, assays_of, open_campaign, parse_config, pool_of
from activeloop.config.registry import learner_of, recommender_of
from activeloop.encoders import OneHot, Physicochemical
from activeloop.errors import ConfigError
from activeloop.foundation.families import family_of
from activeloop.models import GPHead
from activeloop.plugins import GROUPS, blamed, plugins
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


class Forgetful(RandomForest):
    name = "forgetful"

    def fit(self, dataset, seed):
        return None


class Clumsy(RandomForest):
    name = "clumsy"

    def fit(self, dataset, seed):
        return dataset["no such thing"]


class Shy(RandomForest):
    @property
    def name(self):
        raise KeyError("name")


class Short(OneHot):
    def features(self, pool, rows):
        return super().features(pool, rows)[:-1]


def nothing():
    return None


def exploding():
    raise OSError("no licence\\nfor this machine")


class Flat(Greedy):
    name = "flat"

    def __call__(self, prediction, context):
        return None


def family():
    return Family("outside", "outside/model", "outside-architecture", ResidueTokenizer(ESM), ())
"""
ENTRY_POINTS = """
[activeloop.learners]
small-forest = outside_package:forest
broken = outside_package:missing
absent = no_such_package:forest
nothing = outside_package:nothing
exploding = outside_package:exploding
forgetful = outside_package:Forgetful
clumsy = outside_package:Clumsy
shy = outside_package:Shy

[activeloop.acquisition_functions]
timid = outside_package:Timid
flat = outside_package:Flat
text = outside_package:nothing

[activeloop.encoders]
relative = outside_package:relative
short = outside_package:Short
wrong = outside_package:nothing

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


@pytest.fixture
def folder(tmp_path, monkeypatch, capsys) -> Path:
    """A campaign with a plate and its results."""
    monkeypatch.chdir(tmp_path)
    typed("new", "loop", "--wild-type", "MKTAYIAKQR", "--singles", "--assay", "kcat", "--learner", "forest")
    typed("propose", "loop", "-n", 30)
    Path("first.csv").write_text("mutant,kcat\n" + "".join(f"K2{a},{i}.5\n" for i, a in enumerate("ACDEFGHILMN")))
    Path("later.csv").write_text("mutant,kcat\nT3S,4.5\nA4G,5.5\n")
    typed("record", "loop", "first.csv")
    capsys.readouterr()
    return Path("loop")


def typed(*words: object) -> int:
    with pytest.raises(SystemExit) as end:
        main([str(word) for word in words])
    return int(end.value.code or 0)


def edited(folder: Path, table: str, text: str) -> None:
    config = folder / "campaign.toml"
    config.write_text(config.read_text().replace(f"[{table}]\n", f"[{table}]\n{text}\n#", 1))


@pytest.mark.parametrize(
    ("table", "text", "message"),
    [
        ("learner", 'name = "broken"', 'learner "broken" of the package outside-package cannot be loaded'),
        ("learner", 'name = "absent"', "cannot be loaded (no_such_package:forest): ModuleNotFoundError"),
        ("learner", 'name = "nothing"', "outside_package:nothing returned NoneType, not Learner"),
        ("learner", 'name = "exploding"', "cannot be made (outside_package:exploding): OSError: no licence for this"),
        ("learner", 'name = "shy"', "the package outside-package failed: KeyError"),
        ("learner", 'name = "clumsy"', "the package outside-package failed"),
        ("learner", 'name = "forgetful"', "something of the package outside-package was in use"),
        ("learner", 'name = "forest"\noptions = {encoder = "wrong"}', "returned NoneType, not Encoder"),
        ("learner", 'name = "forest"\noptions = {encoder = "short"}', "of the package outside-package was in use"),
        ("select", 'score = "text"', "returned NoneType, not AcquisitionFunction"),
        ("select", 'score = "flat"', "of the package outside-package was in use"),
    ],
)
def test_a_package_that_fails_is_named_and_results_are_recorded_all_the_same(
    installed, folder, capsys, table, text, message
):
    edited(folder, table, text)
    assert typed("status", folder) == 0
    assert typed("record", folder, "later.csv") == 0
    assert typed("pin", folder, "Y5W") == 0
    assert "Traceback" not in (said := capsys.readouterr()).err
    assert "Stored 2 results" in said.out
    assert typed("propose", folder, "-n", 3) in (1, 2)
    said = capsys.readouterr()
    assert message in said.err
    assert "Repair or remove" in said.err
    assert "Traceback" not in said.err
    assert len(open_campaign(folder).campaign.state().proposals) == 1


def test_an_error_of_our_own_is_blamed_on_nobody(installed):
    with pytest.raises(KeyError) as caught:
        raise KeyError("ours")
    assert blamed(caught.value) == ""


def test_without_packages_nothing_is_announced():
    assert all(plugins(role) == {} for role in GROUPS)
