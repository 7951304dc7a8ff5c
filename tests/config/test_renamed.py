"""Names of former releases are understood, and reported once with their names of now."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from activeloop import renamed
from activeloop.campaigns.events import Version, in_words_of_now
from activeloop.candidates import Pool
from activeloop.cli import main
from activeloop.config import LearnerConfig, SelectConfig, config_text, learner_of, parse_config
from activeloop.config.registry import checked_learner_of
from activeloop.errors import ConfigError
from activeloop.measurements import Assay
from activeloop.replay.evaluation import check_learner
from activeloop.replay.policies import check_policy
from activeloop.replay.policies import learner_of as replayed_learner

GOOD = "[pool]\nwild_type = 'MKTAYIAKQR'\nsingles = true\n[[assays]]\nname = 'kcat'\n"
POOL = Pool.single_mutants("MKTAYIAKQR")

ASSAYS = (Assay("kcat"),)


@pytest.fixture
def older(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if some names had been others."""
    monkeypatch.setitem(renamed.NAMES, "learner", {"woods": "forest"})
    monkeypatch.setitem(renamed.NAMES, "score", {"upper-bound": "ucb"})
    monkeypatch.setitem(renamed.NAMES, "calibration", {"stretched": "temperature"})
    monkeypatch.setitem(renamed.NAMES, "kind", {"soft": "softmax"})
    monkeypatch.setitem(renamed.OPTIONS, ("learner", "forest"), {"count": "trees"})
    monkeypatch.setitem(renamed.ROLES, ("batch", "kind"), "kind")


LEARNER = "\n[learner]\nname = 'woods'\ncalibration = 'stretched'\noptions = { count = 7 }\n"


@pytest.mark.usefixtures("older")
def test_a_file_of_before_is_read_and_each_name_reported():
    with pytest.warns(renamed.RenamedWarning) as notes:
        config = parse_config(GOOD + LEARNER, "campaign.toml")
    assert config.learner == LearnerConfig(name="forest", options={"trees": 7}, calibration="temperature")
    assert [str(note.message).partition(".")[0] for note in notes] == [
        'the learner "woods" is now called "forest"',
        'the option "count" of learner "forest" is now called "trees"',
        'the calibration "stretched" is now called "temperature"',
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # what is written has the names of now
        assert parse_config(config_text(config), "campaign.toml") == config


@pytest.mark.usefixtures("older")
def test_names_in_python_and_names_that_are_values_are_understood():
    with pytest.warns(renamed.RenamedWarning, match='"soft" is now called "softmax"'):
        assert SelectConfig(batch="power", batch_options={"kind": "soft"}).batch_options == {"kind": "softmax"}
    with pytest.warns(renamed.RenamedWarning, match='the score "upper-bound" is now called "ucb"'):
        assert SelectConfig(score="upper-bound").score == "ucb"


@pytest.mark.usefixtures("older")
def test_an_option_under_both_names_is_refused():
    text = GOOD + "[learner]\nname = 'forest'\n[learner.options]\ncount = 7\ntrees = 8\n"
    with pytest.raises(ConfigError, match='"count" is the former name of "trees", and both are given'):
        parse_config(text, "campaign.toml")


def test_a_shorthand_stands_for_its_options_and_its_versions_stay():
    with pytest.warns(renamed.RenamedWarning, match='"fine-tuned" with the options adapter = "full", last_layers = 1'):
        short = checked_learner_of(LearnerConfig(name="tuned-whole1"), POOL, ASSAYS)
    long = learner_of(LearnerConfig(name="fine-tuned", options={"adapter": "full", "last_layers": 1}), POOL, ASSAYS)
    assert short.learner == long  # type: ignore[attr-defined]
    assert short.name == f"{long.name}+isotonic"  # as it was stored


def test_the_command_line_notes_each_name_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    folder = tmp_path / "campaign"
    with pytest.raises(SystemExit):
        main(["new", str(folder), "--wild-type", "MKTAYIAKQR", "--singles", "--assay", "kcat"])
    toml = folder / "campaign.toml"
    toml.write_text(toml.read_text().replace('score = ""', 'score = "upper-bound"'))
    monkeypatch.setitem(renamed.NAMES, "score", {"upper-bound": "ucb"})
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        main(["propose", str(folder), "-n", "4"])
    shown = capsys.readouterr()
    assert not end.value.code
    note = 'Note: the score "upper-bound" is now called "ucb". The old name still works; write the new one.'
    assert shown.err.count(note) == 1
    assert "chosen by the score ucb" in shown.out


def test_what_was_removed_is_still_refused():
    with pytest.raises(ConfigError, match='the learner "gated-tuned" was removed: use "'):
        learner_of(LearnerConfig(name="gated-tuned"), POOL, ASSAYS)


def test_the_key_of_a_table_is_understood_under_its_name_of_before():
    with pytest.warns(
        renamed.RenamedWarning, match='the option "keep" of table "student" is now called "min_spearman"'
    ):
        assert parse_config(GOOD + "\n[student]\nkeep = 0.9\n", "campaign.toml").student.min_spearman == 0.9


def test_replays_and_evaluations_accept_former_learner_names():
    with pytest.warns(renamed.RenamedWarning, match='"gated" is now called "stacking"'):
        check_policy("gated:greedy")
    with pytest.warns(renamed.RenamedWarning, match='"informed" is now called "plm-prior"'):
        check_learner("informed")
    assert replayed_learner("frozen", POOL, "find") == replayed_learner("embedding-gp", POOL, "find")


@pytest.mark.parametrize(
    ("stored", "now"),
    [
        ("gate-both(ensemble-onehot,sites)+own-noise", "stacking-both(ensemble-onehot,sites)+noise"),
        ("gate(forest-onehot,sites)", "stacking(forest-onehot,sites)"),
        ("process-esm2-a(draws=process, model=a)+isotonic", "process-esm2-a(head=gp, model=a)+isotonic"),
        ("lora-esm2-a-process(last=0, rank=2)+isotonic", "lora-esm2-a-process(last_layers=0, rank=2)+isotonic"),
        ("dropout-esm2-a(depth=0.5, draws=dropout)", "dropout-esm2-a(depth=0.5, head=mc-dropout)"),
        ("lora-a(last=2, rank=4, stop=True)", "lora-a(early_stopping=True, last_layers=2, rank=4)"),
        ("likelihood-esm2-a(hidden=True, near=0.2)", "likelihood-esm2-a(kl_weight=0.2, masked=True)"),
        ("ensemble-onehot(hidden=(64, 32))", "ensemble-onehot(hidden=(64, 32))"),
    ],
)
def test_a_stored_version_has_its_learner_under_the_current_name(stored: str, now: str):
    assert in_words_of_now(Version, "learner", stored) == now


@pytest.mark.parametrize("name", ["default:greedy", "informed:greedy", "plm-prior:default", "tuned-last1:greedy"])
def test_policies_are_known_by_former_names_too(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", renamed.RenamedWarning)
        check_policy(name)
        check_learner(name.partition(":")[0])


@pytest.mark.parametrize(
    ("check", "name", "words"),
    [
        (check_policy, "default:margin", 'the score "margin" was removed: use "entropy"'),
        (check_policy, "default:liar", 'the batch "liar" was removed: use "power"'),
        (check_policy, "gated-tuned:greedy", 'the learner "gated-tuned" was removed: use "stacking"'),
        (check_policy, "plm-prior", "is a learner, not a policy: write plm-prior:default"),
        (check_policy, "default:nonsense", "is not a policy"),
        (check_learner, "frozen-ensemble", 'the learner "frozen-ensemble" was removed: use "embedding-gp"'),
    ],
)
def test_removed_names_in_policies_and_learners_are_refused_with_what_to_use(check, name, words):
    with pytest.raises(ConfigError, match=words):
        check(name)
