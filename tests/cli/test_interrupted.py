"""Ctrl-C, a dry run, mistyped commands; and the same plate from Python as from the command line."""

import signal

import pytest

from activeloop import Assay, Campaign, Pool
from activeloop.config import open_campaign

WT = "MKTAYIAKQR"


@pytest.fixture
def run(typed, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    typed("new", "loop", "--wild-type", WT, "--singles", "--assay", "kcat:1/s", "--seed", "7")
    (tmp_path / "r.csv").write_text("mutant,kcat\nK2R,1\nT3S,2\nA4G,1.5\n")
    return typed


def test_ctrl_c_says_what_is_kept_and_ends_with_130(run, monkeypatch):
    run("record", "loop", "r.csv")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # as in a process of its own, whatever ran in this one
    stop = "activeloop.campaigns.campaign.fit_version"
    monkeypatch.setattr(stop, lambda *_, **__: signal.raise_signal(signal.SIGINT))
    status, _, err = run("fit", "loop")
    assert status == 130
    assert "stopped. All results are kept." in err
    assert not open_campaign("loop").campaign.state().versions


def test_a_dry_run_stores_nothing(run):
    status, out, _ = run("record", "loop", "r.csv", "--dry-run")
    assert (status, len(open_campaign("loop").campaign.results())) == (0, 0)
    assert '"mutant" = candidate' in out
    assert "It would store 3 results of 3 candidates. Nothing was stored (--dry-run)." in out
    assert run("record", "loop", "none.csv", "--dry-run")[0] == 2


def test_a_mistyped_command_is_answered_with_the_nearest(run):
    status, _, err = run("propse", "loop")
    assert (status, 'Did you mean "propose"?' in err) == (2, True)


def test_the_same_seed_gives_the_same_picks_from_python(run):
    run("propose", "loop", "-n", "6")
    ours = open_campaign("loop").campaign.state().proposals[0]
    # `new` leaves out the start methionine
    loop = Campaign(Pool.single_mutants(WT, range(2, 11)), Assay("kcat", "1/s"), seed=7)
    loop.control = open_campaign("loop").campaign.control
    assert [p.name for p in loop.propose(6).picks] == [p.name for p in ours.picks]
