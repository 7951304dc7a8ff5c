"""Students in the loop: trained once, kept by content, named by their version, judged by what came later."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from small_campaign import ASSAY, Copying, Line, Ridge, answers, opened_line, singles

from activeloop.campaigns import Campaign, CampaignState, Distilled, InMemoryLog, Pinned
from activeloop.campaigns.validation import MIN_FIDELITY, MIN_RESULTS, Drift, ProspectivePerformance
from activeloop.errors import InputError, ModelError, StateError, StoreError
from activeloop.measurements import Assay, Measurement

POOL = singles()


def loop(**settings) -> Campaign:
    return Campaign(POOL, [ASSAY], Ridge(), **{"seed": 3, **settings})


def measured(campaign: Campaign, n: int = 16) -> Campaign:
    names = [p.name for p in campaign.propose(n).picks]
    campaign.record(answers(POOL, names), f"{len(list(campaign.log))}.csv")
    return campaign


def fitted(campaign: Campaign, n: int = 16) -> Campaign:
    measured(campaign, n).fit()
    return campaign


def test_a_student_is_an_event_and_its_file_is_on_the_shelf():
    campaign = fitted(loop())
    steps = []
    student = campaign.distil(Copying(), progress=lambda done, total: steps.append((done, total)))
    assert steps == [(1, 3), (2, 3), (3, 3)]
    assert (student.number, student.version, student.trainer) == (1, 1, "copying, noise 0")
    weights = len(opened_line(campaign.student_file()).weights)
    told = (student.parameters, student.teacher_parameters, student.fidelity)
    assert told == (weights, 20 * weights, {"spearman": 0.99})
    assert isinstance(list(campaign.log)[-1].event, Distilled)
    assert campaign.student_record() == campaign.student_record(1) == campaign.state().student == student
    line = opened_line(campaign.student_file())
    rows = np.arange(len(POOL))
    trained, teacher = line.predict(POOL, rows, 0, 0).mean[:, 0], campaign.model().predict(POOL, rows, 0, 0).mean[:, 0]
    assert trained == pytest.approx(teacher)


def test_the_same_seed_and_events_give_the_same_bytes_and_another_seed_others():
    files = [fitted(loop()) for _ in range(2)]
    for campaign in files:
        campaign.distil(Copying(noise=1.0))
    assert files[0].student_file() == files[1].student_file()
    assert files[0].student_record().artifact == files[1].student_record().artifact
    files[1].distil(Copying(noise=1.0), seed=9)
    assert files[0].student_file() != files[1].student_file()


def test_a_student_is_trained_once_unless_again():
    campaign = fitted(loop())
    first = campaign.distil(Copying())
    assert campaign.distil(Copying()) == first
    assert campaign.distil(Copying(noise=0.5)).number == 2
    assert campaign.distil(Copying()) == first
    again = campaign.distil(Copying(), again=True)
    assert (again.number, again.artifact) == (3, first.artifact)


def test_a_student_of_an_older_version_stays_and_is_named_as_such():
    campaign = fitted(loop())
    assert campaign.status().student is None
    assert not campaign.status().student_stale
    first = campaign.distil(Copying())
    assert not campaign.status().student_stale
    fitted(campaign)
    assert campaign.status().student == first
    assert campaign.status().student_stale
    assert isinstance(opened_line(campaign.student_file()), Line)
    second = campaign.distil(Copying())
    assert (second.number, second.version) == (2, 2)
    assert not campaign.status().student_stale


def test_a_late_student_of_an_older_version_does_not_replace_the_one_of_the_current():
    campaign = fitted(loop())
    first = campaign.distil(Copying())
    second = fitted(campaign).distil(Copying())
    late = replace(first, number=3)
    campaign.log.append(Distilled(late), after=campaign.state().last)
    assert campaign.student_record() == second
    assert campaign.student_record(3) == late


@dataclass(frozen=True)
class Slow(Copying):
    """While it teaches, others go on."""

    campaign: Campaign | None = None

    def train(self, teacher, dataset, version, seed, progress=None):
        assert self.campaign is not None
        fitted(self.campaign)
        return Copying.train(self, teacher, dataset, version, seed, progress)


def test_the_campaign_continues_while_a_student_is_trained():
    campaign = fitted(loop())
    student = campaign.distil(Slow(campaign=replace(campaign)))
    state = campaign.state()
    assert (student.version, len(state.versions)) == (1, 2)
    assert isinstance(list(campaign.log)[-1].event, Distilled)
    assert campaign.status().student_stale


def test_without_a_version_or_with_a_wrong_seed_nothing_is_trained():
    campaign = loop()
    with pytest.raises(StateError, match=r"no version yet.*Nothing was trained"):
        campaign.distil(Copying())
    with pytest.raises(StateError, match="there is no student yet: train one"):
        campaign.student_record()
    fitted(campaign)
    with pytest.raises(InputError, match=r"from 0 on\. Nothing was trained"):
        campaign.distil(Copying(), seed=-1)
    campaign.distil(Copying())
    with pytest.raises(StateError, match=r"no student 2 \(there are 1\)"):
        campaign.student_file(2)


@dataclass(frozen=True)
class Failing(Copying):
    def train(self, teacher, dataset, version, seed, progress=None):
        raise ModelError("it learned nothing.")


def test_a_training_that_fails_leaves_the_campaign_as_it_was():
    campaign = fitted(loop())
    before = list(campaign.log)
    with pytest.raises(ModelError):
        campaign.distil(Failing())
    assert list(campaign.log) == before


def test_a_lost_student_file_is_reported_and_can_be_trained_again():
    campaign = fitted(loop())
    student = campaign.distil(Copying())
    del campaign.artifacts._content[student.artifact]
    with pytest.raises(StoreError, match=r"student 1 is lost or damaged.*distil DIR --again"):
        campaign.student_file()
    campaign.distil(Copying(), again=True)
    assert campaign.student_file()


def test_questions_about_students_never_write():
    campaign = measured(fitted(loop()))
    campaign.distil(Copying())
    before = list(campaign.log)
    campaign.drift(opened_line)
    campaign.student_record()
    campaign.student_file()
    campaign.status()
    assert list(campaign.log) == before


# -- drift ----------------------------------------------------------------------------------------------------------


def drift(noise: float, later: int, *, refit: bool = False) -> Drift:
    """Drift of a student with added noise, after further results."""
    campaign = fitted(loop(), 24)
    campaign.distil(Copying(noise))
    if later:
        measured(campaign, later)
    if refit:
        campaign.fit()
    found = campaign.drift(opened_line)
    assert found is not None
    return found


def test_without_a_student_there_is_no_drift():
    assert loop().drift(opened_line) is None
    assert fitted(loop()).drift(opened_line) is None


def test_a_true_copy_predicts_as_well_as_its_teacher_and_is_not_warned_of():
    found = drift(0, 40)
    assert found.own.spearman == pytest.approx(found.teacher.spearman, abs=0.05)
    assert (found.results, found.compared, found.stale) == (40, len(POOL), False)
    assert found.fidelity == pytest.approx(1, abs=0.05)
    assert 0 <= found.own.coverage <= 1
    assert found.warnings == ()


def test_a_poor_copy_is_warned_of_but_not_from_few_results():
    found = drift(3.0, 60)
    assert found.teacher.spearman - found.own.spearman > 2 * found.spearman_error > 0
    assert len(found.warnings) >= 2
    assert "less well than its teacher" in found.warnings[0]
    assert "agrees with version 1 too little" in found.warnings[-1]
    few = drift(3.0, MIN_RESULTS - 1)
    assert [w for w in few.warnings if "new results" in w] == []


def test_a_student_of_an_old_version_is_compared_with_its_own_teacher():
    found = drift(0, 60, refit=True)
    assert (found.version, found.current, found.stale) == (1, 2, True)
    assert found.own.spearman == pytest.approx(
        found.teacher.spearman, abs=0.05
    )  # what version 2 saw since does not count
    assert found.fidelity < 0.999
    assert any("agrees" in w for w in found.warnings) == (found.fidelity < MIN_FIDELITY)


def test_what_its_teacher_had_seen_does_not_count():
    campaign = fitted(loop(), 24)
    campaign.distil(Copying())
    seen = [POOL.design(int(r)).name for r in campaign.dataset().rows]
    campaign.record([Measurement(n, ASSAY.name, 1.0) for n in seen], "repeated.csv")
    found = campaign.drift(opened_line)
    assert (found.results, found.own.spearman != found.own.spearman) == (0, True)


def test_drift_without_an_available_teacher():
    campaign = measured(fitted(loop()), 40)
    campaign.distil(Copying())
    other = Campaign(POOL, [ASSAY], Ridge(2.0), seed=3, log=campaign.log, artifacts=campaign.artifacts)
    del campaign.artifacts._content[campaign.state().versions[0].artifact]
    other.fit(again=True)
    found = other.drift(opened_line)
    assert np.isnan(found.teacher.spearman)
    assert found.own.spearman == found.own.spearman
    assert [w for w in found.warnings if "teacher" in w] == []


def test_when_less_is_better_the_sign_is_that_of_the_assay():
    assay = Assay("activity", unit="U/mg", goal="minimise")
    campaign = Campaign(POOL, [assay], Ridge(), seed=3)
    fitted(campaign, 24).distil(Copying())
    found = measured(campaign, 40).drift(opened_line)
    assert found.own.spearman == pytest.approx(found.teacher.spearman, abs=0.05)
    assert found.own.spearman > 0.1
    assert found.fidelity == pytest.approx(1, abs=0.05)


def test_drift_warnings_name_the_metric():
    good = ProspectivePerformance(0.8, 0.97)
    base = Drift(1, 1, 2, 96, good, good, 0.05, 0.03, 0.97, 1000)
    assert base.warnings == ()
    assert replace(base, own=ProspectivePerformance(0.71, 0.97)).warnings == ()  # within two standard errors
    assert replace(base, own=ProspectivePerformance(0.8, 0.89)).warnings == ()  # as wide as it says
    (said,) = replace(base, own=ProspectivePerformance(0.8, 0.7)).warnings
    assert said == "its 90 % intervals held 70% of 96 new results, its teacher's 97%"
    (said,) = replace(base, fidelity=0.85).warnings
    assert said == "it agrees with version 2 too little (Spearman 0.85, below 0.9)"
    assert replace(base, teacher=ProspectivePerformance(), own=ProspectivePerformance()).warnings == ()


def test_logs_from_before_there_were_students_open_unchanged():
    log = InMemoryLog()
    log.append(Pinned(("M1A",), veto=False, reason=""), after=0)
    state = CampaignState.of(log)
    assert (state.students, state.student) == ((), None)
