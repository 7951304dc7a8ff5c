"""Work beside a campaign: one at a time, and its end is known whatever ended it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from activeloop.errors import ModelError, StateError, StoreError
from activeloop.store import Job

WORKER = """
    import sys, time
    from pathlib import Path
    from activeloop.store import Job
    with Job(Path({folder!r}), "teach").working("something slow") as work:
        {action}
"""


def code(folder: Path, action: str) -> str:
    return textwrap.dedent(WORKER).format(folder=str(folder), action=action)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return Job(tmp_path, "teach")


def until(job: Job, *stages: str) -> str:
    for _ in range(1500):
        state = job.state()
        if state and state.stage in stages:
            return state.stage
        time.sleep(0.02)
    raise AssertionError(job.state())


def test_a_job_that_was_never_begun_leaves_no_trace(job, tmp_path):
    assert job.state() is None
    assert not job.held()
    assert list(tmp_path.iterdir()) == []


def test_the_state_names_the_work_and_its_result(job):
    with job.working("a student of version 2") as work:
        state = job.state()
        assert state is not None
        assert (state.stage, state.what, state.process) == ("running", "a student of version 2", os.getpid())
        work.EVERY = 0.0
        work.progress(1, 4)
        assert job.state().share == 0.25
        work.report("student 1")
    state = job.state()
    assert (state.stage, state.words, state.ended > state.started) == ("done", "student 1", True)
    assert not job.held()


@pytest.mark.parametrize(
    ("error", "words"), [(ModelError("it learned nothing."), "it learned nothing."), (KeyboardInterrupt(), "Keyboard")]
)
def test_the_reason_of_a_failure_is_stored(job, error, words):
    with pytest.raises(type(error)), job.working("x"):
        raise error
    state = job.state()
    assert state.stage == "failed"
    assert state.words.startswith(words)
    with job.working("again"):
        pass
    assert job.state().stage == "done"


def test_an_error_of_the_work_is_not_taken_for_one_of_the_lock(job):
    with pytest.raises(OSError, match="of the work"), job.working("x"):
        raise OSError("of the work")


def test_two_at_once_are_refused(job):
    with job.working("one"):
        assert job.held()
        with pytest.raises(StateError, match=r"one: process \d+ since .* does it already. Nothing was begun"):
            Job(job.folder, "teach").working("two").__enter__()
        with pytest.raises(StateError, match="does it already"):
            job.start(["-c", "pass"])
        with Job(job.folder, "other").working("beside it"):
            pass
        assert job.state().what == "one"


def test_in_the_background_it_outlives_a_look_and_dies_with_its_process(job):
    process = job.start(["-c", code(job.folder, "time.sleep(60)")])
    state = job.state()
    assert (state.stage, state.process) == ("running", process)
    with pytest.raises(StateError, match="does it already"), job.working("two"):
        pass
    os.kill(process, signal.SIGKILL)
    assert until(job, "killed") == "killed"
    assert "nothing was lost" in job.state().words
    with job.working("again"):
        pass
    assert job.state().stage == "done"


def test_the_output_of_a_background_process_is_logged(job):
    job.start(["-c", code(job.folder, "print('half done', flush=True); work.report('well')")])
    assert until(job, "done") == "done"
    assert job.state().words == "well"
    assert "half done" in job.log.read_text()


def test_the_error_of_a_background_process_is_in_state_and_log(job):
    job.start(["-c", code(job.folder, "raise ValueError('no luck')")])
    assert until(job, "failed") == "failed"
    assert job.state().words == "no luck"


def test_a_process_that_never_begins_is_reported(job):
    with pytest.raises(StoreError, match=r"ended before it began: .*teach\.log shows why"):
        job.start(["-c", "import activeloop.nothing"])
    assert "No module named" in job.log.read_text()


def test_a_damaged_state_is_reported(job):
    with job.working("x"):
        pass
    (job.folder / "jobs" / "teach.json").write_text('{"stage": "ru')
    with pytest.raises(StoreError, match="delete it"):
        job.state()


def test_of_two_who_begin_at_once_one_is_refused(job):
    program = code(job.folder, "print('mine', flush=True); input()")
    program = (
        f"input()\ntry:\n{textwrap.indent(program, '    ')}\nexcept Exception as error:\n    print(error, flush=True)"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    two = [subprocess.Popen([sys.executable, "-c", program], **pipes) for _ in range(2)]
    for process in two:
        process.stdin.write("go\n")
        process.stdin.flush()
    said = sorted(process.stdout.readline() for process in two)
    for process in two:
        process.communicate("end\n", timeout=60)
    assert said[0] == "mine\n"
    assert "does it already" in said[1]
