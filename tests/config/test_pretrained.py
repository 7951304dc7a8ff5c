"""Learners on a pretrained model, by campaign.toml: options, mistakes, and campaigns that are left and found again."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from activeloop.candidates import Pool
from activeloop.config import LearnerConfig, OpenCampaign, learner_of, open_campaign
from activeloop.errors import ConfigError, FetchError, StateError
from activeloop.measurements import Assay, Measurement
from activeloop.store import CampaignFolder
from tiny_models import tiny_esm

POOL = Pool.single_mutants("MKTAYI")
ASSAYS = (Assay("kcat"),)
TEXT = """
seed = 3
[pool]
wild_type = "MKTAYIAK"
singles = true
[[assays]]
name = "kcat"
[learner]
name = "{name}"
[learner.options]
{options}
"""
OPTIONS = {
    "fine-tuned": 'model = "models/tiny"\nrank = 2\nlast_layers = 1\nepochs = 3\nhead = "gp"',
    "embedding-gp": 'model = "models/tiny"\nhead = "mc-dropout"',
    "likelihood": 'model = "models/tiny"\nmembers = 2\nepochs = 3',
    "plm-prior": "",
}


def laid_down(folder: Path, name: str, tiny: str) -> OpenCampaign:
    """A campaign whose folder holds the model."""
    CampaignFolder.create(folder, TEXT.format(name=name, options=OPTIONS[name]))
    (folder / "models").mkdir()
    (folder / "models" / "tiny").symlink_to(tiny)
    return open_campaign(folder)


def measured(opened: OpenCampaign) -> None:
    """One round."""
    picks = opened.campaign.propose(n=8).picks
    number = len(opened.campaign.status().versions)
    results = [Measurement(p.name, "kcat", float(len(p.name) + i % 3)) for i, p in enumerate(picks)]
    opened.campaign.record(results, source=f"results_{number}.csv", content_hash=str(number))


@pytest.mark.parametrize("name", OPTIONS)
def test_a_campaign_of_two_rounds_is_found_again_with_the_same_numbers(name, tiny, tmp_path):
    opened = laid_down(tmp_path / "c", name, tiny)
    measured(opened)
    measured(opened)
    assert [opened.campaign.fit().number, opened.campaign.fit().number] == [2, 2]
    rows = np.arange(len(opened.campaign.pool))
    before, again = opened.campaign.predict(rows), open_campaign(tmp_path / "c").campaign.predict(rows)
    for kind in ("mean", "sd", "low", "high"):
        np.testing.assert_array_equal(getattr(before, kind), getattr(again, kind))
    assert np.ptp(before.mean) > 0
    assert {"held_out", "coverage90"} <= set(opened.campaign.status().versions[-1].metrics)


def test_another_process_predicts_the_same(tiny, tmp_path):
    opened = laid_down(tmp_path / "c", "fine-tuned", tiny)
    measured(opened)
    opened.campaign.fit()
    command = [Path(sys.executable).with_name("activeloop"), "predict", tmp_path / "c", "--out", tmp_path / "there.csv"]
    subprocess.run(command, check=True, capture_output=True)
    there = np.genfromtxt(tmp_path / "there.csv", delimiter=",", skip_header=1, usecols=[1])
    np.testing.assert_array_equal(there, opened.campaign.predict(np.arange(len(there))).mean[:, 0])


@pytest.mark.parametrize("name", ["fine-tuned", "embedding-gp"])
def test_other_weights_under_the_same_name_are_refused(name, tiny, tmp_path):
    opened = laid_down(tmp_path / "c", name, tiny)
    measured(opened)
    opened.campaign.fit()
    (tmp_path / "c" / "models" / "tiny").unlink()
    shutil.copytree(tiny, tmp_path / "c" / "models" / "tiny")
    rows = np.arange(5)
    same = open_campaign(tmp_path / "c").campaign.predict(rows)
    np.testing.assert_array_equal(same.mean, opened.campaign.predict(rows).mean)
    tiny_esm(tmp_path / "c" / "models" / "tiny", hidden_act="relu")
    changed = open_campaign(tmp_path / "c").campaign
    with pytest.raises(StateError, match=r"models/tiny has other contents, or .*`activeloop fit DIR --again`"):
        changed.predict(rows)
    assert changed.fit(again=True).number == 2
    assert changed.predict(rows).mean.shape == (5, 1)


def test_a_version_is_not_taken_for_one_of_other_options(tiny, tmp_path):
    opened = laid_down(tmp_path / "c", "embedding-gp", tiny)
    measured(opened)
    assert "head=mc-dropout, model=models/tiny" in opened.campaign.fit().learner
    config = opened.folder.config
    config.write_text(config.read_text().replace("mc-dropout", "gp"))
    changed = open_campaign(tmp_path / "c")
    assert changed.campaign.fit().number == 2


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("fine-tuned", {"rang": 2}, 'has no option "rang"; it takes: model, adapter, rank, last_layers, loss, head'),
        ("fine-tuned", {"rank": 0}, 'option "rank" is 0; it must be a whole number from 1 on'),
        ("fine-tuned", {"rank": "low"}, "option \"rank\" is 'low'; it must be a whole number from 1 on"),
        ("fine-tuned", {"rank": 2.5}, 'option "rank" is 2.5; it must be a whole number'),
        ("fine-tuned", {"rate": "fast"}, "it must be a number from 0 on"),
        ("fine-tuned", {"prior": "no"}, "option \"prior\" is 'no'; it must be true or false"),
        ("fine-tuned", {"model": 8}, 'option "model" is 8; it must be a text'),
        (
            "fine-tuned",
            {"pooling": "max"},
            "it must be 'auto', 'mean', 'mutated', 'difference', 'sites' or 'attention'",
        ),
        (
            "fine-tuned",
            {"adapter": "lore"},
            'no adapter "lore". Known: dora, frozen, full, ia3, light-peft, lora',
        ),
        ("fine-tuned", {"adapter": "adalora", "rank": 4}, 'the adapter "adalora" was removed: use "lora"'),
        ("fine-tuned", {"loss": "mse"}, 'no loss "mse". Known: classes, list, pairs, values'),
        (
            "fine-tuned",
            {"head": "gaussian"},
            'no head "gaussian". Known: gp, laplace, mc-dropout',
        ),
        ("fine-tuned", {"adapter": "full", "rank": 4}, 'the adapter "full" has no option "rank": leave it out'),
        ("embedding-gp", {"head": "gaussian"}, 'no head "gaussian". Known: gp'),
        ("embedding-gp", {"head": "ensemble"}, 'the head "ensemble" was removed: use "gp" for uncertainty'),
        ("embedding-gp", {"depth": 1.5}, "Give a depth above 0 and at most 1"),
        ("embedding-gp", {"rank": 4}, 'has no option "rank"; it takes: model, head, prior, tables, pooling, revision'),
        ("likelihood", {"by": "values"}, "option \"by\" is 'values'; it must be 'pairs' or 'list'"),
        ("likelihood", {"loss": "pairs"}, 'has no option "loss"; it takes: model, adapter'),
    ],
)
def test_each_mistake_names_file_option_and_fix(name, options, message):
    with pytest.raises(ConfigError) as error:
        learner_of(LearnerConfig(name=name, options=options), POOL, ASSAYS, "campaign.toml")
    assert message in str(error.value)
    assert str(error.value).startswith(f'campaign.toml: learner "{name}"')


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("gated-tuned", {}, 'the learner "gated-tuned" was removed: use "stacking".'),
        ("frozen-ensemble", {}, 'the learner "frozen-ensemble" was removed: use "embedding-gp".'),
        ("stacking", {"tuned": True}, 'option "tuned" of learner "stacking" was removed: use "fine-tuned" by itself.'),
    ],
)
def test_removed_names_are_refused_with_a_replacement(name, options, message):
    with pytest.raises(ConfigError) as error:
        learner_of(LearnerConfig(name=name, options=options), POOL, ASSAYS, "campaign.toml")
    assert str(error.value) == f"campaign.toml: {message}"


def test_a_model_that_is_not_there_stops_the_campaign_before_anything_is_done(tiny, tmp_path):
    measured(laid_down(tmp_path / "c", "embedding-gp", tiny))
    config = tmp_path / "c" / "campaign.toml"
    config.write_text(config.read_text().replace("models/tiny", "./gone"))
    with pytest.raises(FetchError, match=r"\./gone is no folder. Check the path; nothing was loaded"):
        open_campaign(tmp_path / "c")
    config.write_text(config.read_text().replace("./gone", "models/tiny"))
    assert len(open_campaign(tmp_path / "c").campaign.dataset()) == 8


def test_without_torch_the_error_names_what_to_install(tiny):
    # of the tables that ship, `plm-prior` says first that they are not this model's
    names = [name for name in OPTIONS if name != "plm-prior"]
    program = f"""
import sys
sys.modules.update(torch=None, transformers=None)
import numpy as np
from activeloop import Dataset, Pool
from activeloop.errors import MissingExtraError
from activeloop.config import LearnerConfig, learner_of
pool = Pool.single_mutants("MKTAYI")
data = Dataset.of(pool, np.arange(9), np.arange(9.0))
for name in {names}:
    learner = learner_of(LearnerConfig(name=name, options={{"model": {tiny!r}}}), pool, ())
    for step in (lambda: learner.prior(pool).predict(pool, np.arange(3), 0), lambda: learner.fit(data, 0)):
        try:
            step()
        except MissingExtraError as error:
            assert "activeloop-bio[models]" in str(error)
        else:
            raise AssertionError("nothing was said")
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_what_needs_no_torch_does_not_load_it():
    program = """
import sys
import numpy as np
import activeloop.adapters, activeloop.foundation, activeloop.priors
import activeloop.cli, activeloop.models, activeloop.replay
from activeloop import Assay, Dataset, Pool
from activeloop.config import LearnerConfig, learners
from activeloop.config.registry import checked_learner_of
pool = Pool.single_mutants("MKTAYI")
learner = checked_learner_of(LearnerConfig(), pool, (Assay("kcat"),))
learner.fit(Dataset.of(pool, np.arange(9), np.arange(9.0)), 0)
assert {"fine-tuned", "embedding-gp", "likelihood"} <= set(learners(pool, ()))
loaded = {"torch", "transformers", "peft", "safetensors"} & set(sys.modules)
assert not loaded, loaded
"""
    subprocess.run([sys.executable, "-c", program], check=True)
