"""The robotic loop as work: it begins when somebody says so, is looked at again and again, and stops with a reason."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from activeloop.campaigns import RobotOrdered
from activeloop.config import OpenCampaign, config_text, open_campaign
from activeloop.config.config import RobotConfig
from activeloop.desk.demonstration import demonstration
from activeloop.desk.new import draft
from activeloop.errors import ConfigError, StateError
from activeloop.lab.devices import VARIABLE, device_of, named_devices
from activeloop.store import CampaignFolder
from activeloop.work import Timing, Worker
from activeloop.work.kinds import RobotRounds
from activeloop.work.places import work_of
from activeloop.work.students import held_here
from benchmarks.robot import HARM, killed_at_work

AT_ONCE = Timing(quiet=0.0, longest=0.0, lease=20.0, retry=0.1)


def enzyme(folder: Path, **robot: object) -> OpenCampaign:
    """A campaign of the demonstration with a robot."""
    planned = draft(replace(demonstration(seed=3), wells=24, controls=2))
    given = {"devices": ["simulated"], "rounds": 2, "number": 8, "every": 0.1, **robot}
    config = planned.config.model_copy(update={"robot": RobotConfig(**given)})
    CampaignFolder.create(folder, config_text(config), planned.inputs)
    return open_campaign(folder)


def worked(folder: Path) -> list[str]:
    told: list[str] = []
    Worker([folder], AT_ONCE).run(told.append, once=True)
    return told


@pytest.mark.slow
def test_a_campaign_runs_by_itself_once_somebody_says_so(tmp_path):
    loop = enzyme(tmp_path / "enzyme", approve=True)
    assert worked(tmp_path / "enzyme") == []  # nobody said so
    loop.campaign.order_robot("run", reason="the deck is set up")
    worked(tmp_path / "enzyme")
    state = open_campaign(tmp_path / "enzyme").campaign.state()
    assert (len(state.proposals), dict(state.sent)) == (1, {})
    (row,) = [s for s in work_of(loop).states() if s.kind == "robot"]
    assert row.words == "plate-1 waits for somebody who lets it go to simulated-robot."
    loop = open_campaign(tmp_path / "enzyme")
    loop.campaign.order_robot("release", "plate-1")
    worked(tmp_path / "enzyme")
    loop = open_campaign(tmp_path / "enzyme")
    assert len(loop.campaign.state().versions) == 1  # by the work of a fit, before the second proposal
    loop.campaign.order_robot("release", "plate-2")
    worked(tmp_path / "enzyme")
    loop = open_campaign(tmp_path / "enzyme")
    state = loop.campaign.state()
    assert [(run.plate, run.outcome) for run in state.runs] == [("plate-1", "done"), ("plate-2", "done")]
    assert (state.robot, state.robot_reason) == ("stop", "2 rounds made, as planned.")
    ordered = [(r.event, r.actor) for r in loop.campaign.log if isinstance(r.event, RobotOrdered)]
    assert [event.order for event, _ in ordered] == ["run", "release", "release", "stop"]
    assert not RobotRounds().missing(loop, "")


def test_a_pause_keeps_what_runs_and_a_stop_ends_it(tmp_path):
    loop = enzyme(tmp_path / "enzyme", every=60.0)
    kind = RobotRounds()
    loop.campaign.order_robot("run")
    kind.looks = 1  # type: ignore[misc]
    later = kind.do(loop, "", lambda done, total: None)
    assert later == kind_later(later, "plate-1 on simulated-robot")
    loop.campaign.order_robot("pause", reason="the door is open")
    assert not kind.missing(loop, "")
    assert kind.do(loop, "", lambda done, total: None) == "paused: the door is open."
    assert loop.campaign.state().sent["plate-1"].to == "simulated-robot"
    loop.campaign.order_robot("stop", reason="it leaks")
    assert kind.missing(loop, "") == "the end of a run"
    assert kind.do(loop, "", lambda done, total: None) == "it leaks"
    assert not kind.missing(loop, "")
    assert [(run.outcome, run.words) for run in loop.campaign.state().runs] == [("stopped", "it leaks")]
    loop.campaign.order_robot("run")
    assert kind.missing(loop, "")


def kind_later(later, words):
    assert later.words.startswith(words)
    return replace(later, seconds=60.0)


def test_orders_that_make_no_sense_are_refused(tmp_path):
    loop = enzyme(tmp_path / "enzyme")
    with pytest.raises(ValueError, match="is told run, pause, stop, release"):
        loop.campaign.order_robot("dance")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="name a plate to release it"):
        loop.campaign.order_robot("release")
    with pytest.raises(ValueError, match='no plate "plate-1"'):
        loop.campaign.order_robot("release", "plate-1")
    RobotRounds().do(loop, "", lambda done, total: None)
    with pytest.raises(StateError, match="plate-1 went to simulated-robot already"):
        loop.campaign.order_robot("release", "plate-1")
    last = loop.campaign.state().last
    for _ in range(2):
        loop.campaign.order_robot("pause", reason="lunch")
    assert loop.campaign.state().last == last + 1


def test_two_processes_never_run_one_robot(tmp_path):
    loop = enzyme(tmp_path / "enzyme")
    with (
        held_here(loop, RobotRounds.name, "busy"),
        pytest.raises(StateError, match="busy"),
        held_here(open_campaign(tmp_path / "enzyme"), RobotRounds.name, "busy"),
    ):
        raise AssertionError


def test_devices_have_names_that_the_operator_gave(tmp_path, monkeypatch):
    loop = enzyme(tmp_path / "enzyme")
    monkeypatch.setenv(VARIABLE, f"reader=folder:{tmp_path}/share")
    assert (device_of("reader", loop).name, device_of("simulated", loop).name) == ("reader", "simulated-robot")
    for text, match in {
        "raeder": r'there is no "raeder" here. Did you mean "reader"\? Names: reader',
        "opentrons": "needs a place, such as opentrons:URL",
    }.items():
        with pytest.raises(ConfigError, match=match):
            device_of(text, loop)
    for text, match in {"reader": "is not NAME=KIND:PLACE", "a=folder:x,a=folder:y": 'names "a" twice'}.items():
        with pytest.raises(ConfigError, match=match):
            named_devices(text)


@pytest.mark.slow
def test_a_worker_that_is_killed_at_any_moment_fills_and_stores_each_well_once(tmp_path):
    """Ten rounds and twenty kills: `python -m benchmarks robot`."""
    found = killed_at_work(tmp_path, 1, rounds=2, kills=3)
    assert (found["rounds"], found["ended"]) == (2, "2 rounds made, as planned.")
    assert {name: found[name] for name in HARM} == dict.fromkeys(HARM, 0)
    assert found["wells"] == 20
