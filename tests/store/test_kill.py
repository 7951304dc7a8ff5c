"""Killed at random moments and started by two at once: nothing lost, nothing doubled, the same proposals."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from small_campaign import ASSAY, Ridge, singles

from activeloop.campaigns import Campaign, Measured, Proposed
from activeloop.store import CampaignFolder

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.mark.slow
def test_killed_at_random_moments_a_campaign_continues_unchanged(tmp_path):
    command = [sys.executable, "-m", "benchmarks", "kill", "--kills", "10", "--seed", "1", "--out", str(tmp_path)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=ENVIRONMENT, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    with (tmp_path / "kill" / "summary.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert int(row["kills"]) == 10
    assert int(row["rounds"]) >= 2
    assert (row["gaps"], row["lost"], row["files_doubled"], row["same_as_undisturbed"]) == ("0", "0", "0", "True")


WRITER = """
    import json, sys
    sys.path[:0] = {paths!r}
    from small_campaign import ASSAY, Ridge, answers, singles
    from activeloop.campaigns import Campaign
    from activeloop.errors import StateError
    from activeloop.store import CampaignFolder
    for line in sys.stdin:
        path, action = json.loads(line)
        if action == "open":
            folder = CampaignFolder.open(path)
            loop = Campaign(singles(), [ASSAY], Ridge(), seed=3, log=folder.log, artifacts=folder.artifacts)
            answer = "ready"
        else:
            try:
                answer = eval(action)
            except StateError:
                answer = None
        print(json.dumps(answer), flush=True)
"""


@pytest.fixture(scope="module")
def writers():
    """Three processes that do what they are told at the same moment."""
    code = textwrap.dedent(WRITER).format(paths=sys.path)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": ENVIRONMENT}
    started = [subprocess.Popen([sys.executable, "-c", code], **pipes) for _ in range(3)]
    yield started
    for process in started:
        process.communicate(timeout=60)
        assert process.returncode == 0


def tell(writers: list[subprocess.Popen[str]], folder: CampaignFolder, action: str) -> list[Any]:
    """What each answered."""
    for process in writers:
        process.stdin.write(json.dumps([str(folder.path), action]) + "\n")
        process.stdin.flush()
    return [json.loads(process.stdout.readline()) for process in writers]


@pytest.fixture
def folder(tmp_path: Path, writers) -> CampaignFolder:
    folder = CampaignFolder.create(tmp_path / "loop", "# config\n")
    assert tell(writers, folder, "open") == ["ready"] * 3
    return folder


def test_several_who_propose_at_once_get_the_same_proposal(folder, writers):
    said = tell(writers, folder, "[p.name for p in loop.propose(8).picks]")
    made = [r.event.proposal for r in folder.log if isinstance(r.event, Proposed)]
    assert len(made) == 1
    names = [p.name for p in made[0].picks]
    assert all(answer in (None, names) for answer in said)
    assert names in said
    undisturbed = Campaign(singles(), [ASSAY], Ridge(), seed=3).propose(8)
    assert names == [p.name for p in undisturbed.picks]


def test_several_who_insist_on_another_proposal_share_no_candidate(folder, writers):
    said = tell(writers, folder, "[p.name for p in loop.propose(8, another=True).picks]")
    made = [[p.name for p in r.event.proposal.picks] for r in folder.log if isinstance(r.event, Proposed)]
    assert sorted(made) == sorted(answer for answer in said if answer)
    assert len({name for names in made for name in names}) == 8 * len(made)
    assert [r.sequence for r in folder.log] == list(range(1, len(made) + 2))  # Configured is the first


def test_several_who_record_the_same_file_at_once_store_it_once(folder, writers):
    said = tell(writers, folder, "loop.record(answers(singles(), ['M1A', 'K2R']), 'a.csv', 'h').stored")
    assert sorted(said) == [0, 0, 2]
    assert sum(isinstance(r.event, Measured) for r in folder.log) == 1


def test_many_small_writers_leave_no_gap(folder, writers):
    for _ in range(20):
        tell(writers, folder, "list(loop.veto(['M1A']))")
    written = list(folder.log)
    assert [r.sequence for r in written] == list(range(1, len(written) + 1))
    assert len(written) >= 20
