"""Which version is current: the last one, unless it is clearly worse or somebody decided otherwise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activeloop.campaigns import Campaign, Fitted, PlateSent, Promoted, RunFinished, Version
from activeloop.campaigns.promotion import evidence_against, losses
from activeloop.errors import InputError, StateError
from activeloop.measurements import Assay, Dataset
from activeloop.models.out_of_fold import OutOfFold
from activeloop.prediction import Predictor
from campaigns.small_campaign import ASSAY, Line, Ridge, answers, one_hot, singles

POOL = singles()


@dataclass(frozen=True)
class Checked(Line, OutOfFold):
    """A line with its leave-one-out predictions."""

    left_out: np.ndarray = None

    def held_out(self) -> np.ndarray:
        return self.left_out

    def state(self) -> dict[str, np.ndarray]:
        return {**super().state(), "left_out": self.left_out}


@dataclass(frozen=True)
class Wavering(Ridge):
    """A ridge whose fit to some number of candidates goes wrong."""

    bad: tuple[int, ...] = ()

    def fit(self, dataset: Dataset, seed: int) -> Predictor:
        line = super().fit(dataset, seed)
        x, y = one_hot(dataset.pool, dataset.rows), dataset.values[:, 0]
        hat = np.einsum("nd,dk,nk->n", x, line.root @ line.root.T, x)
        left_out = (x @ line.weights - hat * y) / (1 - hat)
        weights = line.weights
        if len(dataset) in self.bad:
            weights, left_out = -weights, np.random.default_rng(seed).normal(size=len(y))
        return Checked(weights, line.root, len(dataset), left_out)

    def restore(self, dataset: Dataset, seed: int, state: dict[str, np.ndarray]) -> Predictor:
        return Checked(state["weights"], state["root"], len(dataset), state["left_out"])


def loop(bad: tuple[int, ...] = (), assay: Assay = ASSAY) -> Campaign:
    return Campaign(POOL, [assay], Wavering(bad=bad), seed=3)


def turn(campaign: Campaign, n: int = 36) -> None:
    proposal = campaign.propose(n)
    campaign.record(answers(POOL, [p.name for p in proposal.picks], f"plate-{proposal.number}"))
    campaign.fit()


def reopened(campaign: Campaign) -> Campaign:
    return Campaign(POOL, campaign.assays, campaign.learner, seed=3, log=campaign.log, artifacts=campaign.artifacts)


def current(campaign: Campaign) -> int:
    found = campaign.state().current
    return found.number if found else 0


@pytest.mark.parametrize(
    "assay", [ASSAY, Assay("activity", unit="U/mg", goal="minimise")], ids=["maximise", "minimise"]
)
@pytest.mark.parametrize("again", [lambda c: c, reopened], ids=["same process", "another process"])
def test_a_clearly_worse_version_is_held_back_and_the_next_good_one_is_not(assay, again):
    campaign = loop(bad=(72,), assay=assay)
    turn(campaign)
    proposal = campaign.propose(36)
    campaign.record(answers(POOL, [p.name for p in proposal.picks], "plate-2"))
    campaign = again(campaign)
    assert campaign.fit().number == 2
    before = reopened(campaign).predict([5]).mean
    state = campaign.state()
    assert (state.current.number, state.latest.number) == (1, 2)
    assert "predicts 72 results that neither had seen less well than version 1" in state.held_back[2]
    assert campaign.predict([5]).version == 1
    assert np.array_equal(campaign.predict([5]).mean, before)
    found = campaign.status()
    assert (found.current.number, found.stale, found.held_back) == (1, False, state.held_back[2])
    assert campaign.fit().number == 2  # nothing changed: it is not fitted over and over
    assert campaign.propose(8).version == 1
    turn(campaign, 8)
    assert (current(campaign), campaign.state().held_back.keys()) == (3, {2})


def test_a_version_that_is_no_worse_becomes_current():
    campaign = loop()
    for number in range(1, 5):
        turn(campaign, 16)
        assert current(campaign) == number
    assert not campaign.state().held_back


def test_below_twenty_results_nothing_is_concluded():
    campaign = loop(bad=(18,))
    turn(campaign, 9)
    turn(campaign, 9)
    assert current(campaign) == 2


def test_results_that_were_declared_wrong_are_no_evidence_for_what_learned_from_them():
    campaign = loop(bad=(71,))
    turn(campaign)
    turn(campaign)
    event = campaign.state().results[-1].event
    campaign.void(event, [2], "bubble")
    assert campaign.fit().number == 3
    assert current(campaign) == 3


def test_a_person_can_overrule_and_roll_back():
    campaign = loop(bad=(72,))
    turn(campaign)
    turn(campaign)
    assert current(campaign) == 1
    assert campaign.promote(2, "we know better").number == 2
    worse = campaign.predict([5]).mean
    assert (current(campaign), current(reopened(campaign))) == (2, 2)
    assert np.array_equal(reopened(campaign).predict([5]).mean, worse)
    assert campaign.propose(4).version == 2
    written = len(list(campaign.log))
    campaign.promote(2, "once more")
    assert len(list(campaign.log)) == written
    campaign.promote(1, "back")
    assert campaign.predict([5]).version == 1
    assert not np.array_equal(campaign.predict([5]).mean, worse)
    assert campaign.fit().number == 2  # nothing new came in
    assert list(campaign.log)[-1].event == Promoted(1, "back")
    assert current(campaign) == 1


def test_what_cannot_be_promoted_is_refused_in_words():
    campaign = loop()
    with pytest.raises(InputError, match=r"no version 1 \(none was fitted yet\)"):
        campaign.promote(1)
    turn(campaign)
    turn(campaign)
    for odd in (0, 3, "x", 1.5, None):
        with pytest.raises(InputError, match="there is no version"):
            campaign.promote(odd)
    other = Campaign(POOL, [ASSAY], Ridge(), log=campaign.log, artifacts=campaign.artifacts, seed=3)
    other.promote(1)
    campaign.extend(candidates=["K2A+T3A"])
    with pytest.raises(StateError, match="the pool was extended since version 1"):
        campaign.promote(1)
    for event in {r.event for r in campaign.state().results}:
        campaign.void(event, (), "all wrong")
    with pytest.raises(StateError, match="all results were voided"):
        campaign.promote(3)
    assert sum(isinstance(r.event, Fitted) for r in campaign.log) == 3


def test_a_student_of_the_version_that_was_promoted_is_the_one_in_use():
    from campaigns.small_campaign import Copying

    campaign = loop()
    for _ in range(2):
        turn(campaign)
        campaign.distil(Copying())
    assert campaign.student_record().version == 2
    campaign.promote(1, "back")
    assert campaign.student_record().version == 1
    assert not campaign.status().student_stale


def test_a_learner_that_knows_nothing_is_not_held_back_for_its_out_of_fold_ranks():
    for seed in range(8):
        campaign = Campaign(POOL, [ASSAY], Wavering(), seed=seed)
        for _ in range(6):
            turn(campaign, 12)
        assert not campaign.state().held_back


def table(campaign: Campaign, count: int, *columns: np.ndarray) -> Dataset:
    values = np.column_stack(columns)
    assays = tuple(Assay(name, scale="linear") for name in "ab"[: len(columns)])
    rows, zeros = np.arange(count), np.zeros_like(values)
    return Dataset(campaign.pool, rows, values, zeros, assays, np.zeros(count, np.int64), zeros.astype(np.int8))


def test_better_in_one_assay_is_no_worse():
    campaign = loop()
    turn(campaign)
    version, y = campaign.state().current, np.arange(60.0)
    both, noise = table(campaign, 60, y, y), np.random.default_rng(0).permutation(60)
    good, bad = np.column_stack([y, noise]), np.column_stack([noise, y])
    assert evidence_against(bad, good, both, version) == evidence_against(good, bad, both, version) == ""
    one = np.column_stack([noise, noise])
    assert "than version 1 (a: mean error 1" in evidence_against(one, good, both, version)
    assert evidence_against(np.full((60, 2), np.nan), good, both, version) == ""
    assert evidence_against(one[:19], good[:19], table(campaign, 19, y[:19], y[:19]), version) == ""


@given(st.integers(0, 200))
def test_equal_versions_are_seldom_told_apart(seed):
    campaign, rng = loop(), np.random.default_rng(seed)
    y = rng.normal(size=100)
    both = [(y + rng.normal(size=100))[:, None] for _ in range(2)]
    found = losses(both[0][:, 0], y, ASSAY, False) - losses(both[1][:, 0], y, ASSAY, False)
    version = Version(1, 0, "", "", 0, "", {}, "", "")
    assert bool(evidence_against(*both, table(campaign, 100, y), version)) == (found.mean() > 0.2 * found.std(ddof=1))


def test_a_plate_that_was_sent_is_not_laid_out_anew_until_its_run_failed():
    campaign = loop()
    proposal = campaign.propose(8)
    for plate in ("plate-2", "plate-0", "p", ""):
        with pytest.raises(
            InputError, match=r"there is no plate .* \(plates of this campaign are plate-1 to plate-1\)"
        ):
            campaign.send_plate(plate, "ada")
    with pytest.raises(InputError, match="to whom"):
        campaign.send_plate("plate-1", " ")
    sent = campaign.send_plate("plate-1", "ot-2", "cold")
    assert campaign.send_plate("plate-1", "ot-2", "cold") == sent
    assert sum(isinstance(r.event, PlateSent) for r in campaign.log) == 1
    assert campaign.state().sent == {"plate-1": sent}
    with pytest.raises(StateError, match="plate-1 was sent to ot-2"):
        campaign.lay_again(proposal.number, {}, lambda: None)
    run = campaign.finish_run("plate-1", "ot-2", "r1", "failed", {"log.txt": "ab" * 32}, "no tips")
    campaign.lay_again(proposal.number, {}, lambda: None)
    assert campaign.state().runs == (run,)
    assert campaign.finish_run("plate-1", "ot-2", "r1", "failed", {"log.txt": "AB" * 32}) == run
    assert sum(isinstance(r.event, RunFinished) for r in campaign.log) == 1
    with pytest.raises(StateError, match="run r1 of ot-2 is on record: failed on plate-1"):
        campaign.finish_run("plate-1", "ot-2", "r1", "done")
    with pytest.raises(InputError, match=r'"odd" of log\.txt is no SHA-256'):
        campaign.finish_run("plate-1", "ot-2", "r2", "done", {"log.txt": "odd"})
    with pytest.raises(InputError, match="done, failed, stopped, not"):
        campaign.finish_run("plate-1", "ot-2", "r2", "perhaps")
    assert campaign.finish_run("plate-1", "ot-2", "r2").outcome == "done"
