"""A campaign whose pool grows: rows stay, nothing is added twice, and what rests on nothing is refused."""

from __future__ import annotations

import numpy as np
import pytest
from small_campaign import ASSAY, PARENT, Ridge, answers, singles, truth

from activeloop.campaigns import Campaign, Extended, InMemoryLog, Measured
from activeloop.campaigns.events import encode
from activeloop.candidates import Compound, Pool
from activeloop.errors import ConfigError, InputError, NotationError, StateError, StoreError
from activeloop.measurements import Assay, Measurement
from activeloop.models import MutationGP


def loop(measured: int = 60, wild_type: float | None = 0.0, learner=None) -> Campaign:
    campaign = Campaign(singles(), [ASSAY], learner or MutationGP())
    pool = campaign.pool
    names = pool.names(np.random.default_rng(3).permutation(len(pool))[:measured])
    rows = answers(pool, names)
    base = float(truth(pool)[0])
    if wild_type is not None:
        rows += [Measurement("WT", ASSAY.name, base + wild_type, replicate=i, row=99 + i, control=True) for i in (1, 2)]
    campaign.record(rows)
    return campaign


def test_combinations_are_added_behind_and_compete_with_single_mutants():
    campaign = loop()
    before, old = campaign.pool.names(range(len(campaign.pool))), campaign.fit()
    done = campaign.extend(combine=3, budget=500)
    pool = campaign.pool
    assert pool.names(range(len(before))) == before
    assert (done.added, done.known) == (500, 0)
    assert done.event is not None
    assert len(pool) == done.size == len(before) + 501  # and the wild type, whose controls count from now on
    assert pool.row_of("WT") is not None
    assert pool.row_of("WT") in campaign.dataset().rows
    state = campaign.state()
    assert old.number in state.outdated
    assert state.current.number == old.number + 1
    assert [c.rank for c in done.combinations] == list(range(1, 501))
    means = [c.mean for c in done.combinations]
    assert means == sorted(means, reverse=True)
    assert sorted(c.additive_rank for c in done.combinations) == list(range(1, 501))
    assert "extrapolations (none was measured yet)" in done.extrapolation
    picks = campaign.propose(24).picks
    combined = [p for p in picks if ":" in p.name]
    assert combined
    assert all("P(better than the wild type)" in p.reason and "lower than the model's" in p.reason for p in combined)
    by_name = {c.name: c for c in done.combinations}
    assert all(p.mean == pytest.approx(by_name[p.name].mean) for p in combined)
    counts = [sum(m in p.name.split(":") for p in combined) for m in {m for p in combined for m in p.name.split(":")}]
    assert max(counts) <= 12


def test_the_same_extension_adds_nothing_and_says_so():
    campaign = loop()
    first = campaign.extend(combine=2)
    events = len(list(campaign.log))
    again = campaign.extend(combine=2)
    assert (again.added, again.event) == (0, None)
    assert "added before" in again.notes[0]
    assert len(list(campaign.log)) == events
    assert campaign.extend(candidates=["M1A:K2A", "wild type"]).added + first.added > 0
    one_more = campaign.extend(candidates=["M1A:K2A"])
    assert (one_more.added, one_more.known, one_more.event) == (0, 1, None)


def test_a_plate_of_combinations_lowers_the_correction_and_new_results_give_a_new_list():
    campaign = loop()
    assert campaign.extend(combine=3).lowered == 0.7
    plate = campaign.propose(40)
    campaign.record(answers(campaign.pool, [p.name for p in plate.picks]))
    done = campaign.extend(combine=4)
    assert done.lowered == 0.3
    assert done.measured >= 24
    assert done.added > 0


def test_another_process_sees_what_was_added():
    log = InMemoryLog()
    one = Campaign(singles(), [ASSAY], Ridge(), log=log)
    other = Campaign(singles(), [ASSAY], Ridge(), log=log)
    one.extend(candidates=["M1A:K2A"], origin="a plan")
    other.record(answers(one.pool, ["M1A:K2A"]))
    assert other.pool.describe() == one.pool.describe()
    third = Campaign(singles(), [ASSAY], Ridge(), log=log)
    assert third.pool.names([len(singles())]) == ["M1A:K2A"]
    assert third.pin(["M1A/K2A"]) == ("M1A:K2A",)
    assert len(third.dataset()) == 1


def test_another_pool_under_the_same_log_is_refused():
    log = InMemoryLog()
    Campaign(singles(), [ASSAY], Ridge(), log=log).extend(candidates=["M1A:K2A"])
    with pytest.raises((StateError, ConfigError), match="Undo the change"):
        Campaign(Pool.single_mutants("GGGGGG"), [ASSAY], Ridge(), log=log).status()


def test_an_older_release_refuses_the_event_in_words():
    from activeloop.campaigns.events import decode

    kind, payload = encode(Extended(("K2R:T3S",), "a list"))
    assert (kind, payload["names"]) == ("extended", ["K2R:T3S"])
    with pytest.raises(StoreError, match="was written by a newer ActiveLoop"):
        decode(f"{kind} of later", payload)


def test_too_few_single_mutants_are_refused_unless_forced():
    campaign = loop(measured=20)
    with pytest.raises(StateError, match=r"20 single mutants measured, and 48 are needed.*--force.*Nothing was added"):
        campaign.extend(combine=2)
    assert campaign.extend(combine=2, force=True).added > 0


def test_equal_values_are_refused():
    campaign = Campaign(singles(), [ASSAY], Ridge())
    names = campaign.pool.names(range(60))
    campaign.record([Measurement(name, ASSAY.name, 1.0, row=i) for i, name in enumerate(names, 2)])
    with pytest.raises(StateError, match="are equal"):
        campaign.extend(combine=2)


def test_a_wild_type_that_nothing_beats_or_that_was_not_measured_is_named():
    assert any("better than the wild type" in n for n in loop(wild_type=1e3).extend(combine=2).notes)
    assert any("the wild type was not measured" in n for n in loop(wild_type=None).extend(combine=2).notes)
    assert loop().extend(combine=2).notes == ()
    assert any("half as many" in n for n in loop().extend(combine=4, budget=50).notes)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"combine": 1}, "at least 2"),
        ({"combine": 2, "budget": 0}, "at least 1"),
        ({"combine": 2, "candidates": ["M1A:K2A"]}, "one of them at a time"),
        ({"sites": [(77, "")]}, "outside the wild type"),
    ],
)
def test_what_makes_no_sense_is_refused(options, said):
    campaign = loop()
    before = len(list(campaign.log))
    with pytest.raises(InputError, match=said):
        campaign.extend(**options)
    assert len(list(campaign.log)) <= before + 1  # a version may have been fitted


def test_nothing_is_combined_without_results_without_a_wild_type_or_for_classes():
    with pytest.raises(StateError, match="no result yet"):
        Campaign(singles(), [ASSAY], Ridge()).extend(combine=2)
    compounds = Campaign(Pool.of([Compound("CCO"), Compound("CCN")]), [ASSAY], Ridge())
    with pytest.raises(StateError, match="no mutations"):
        compounds.extend(sites=[(2, "")])
    assert compounds.extend(candidates=["CCC"]).added == 1
    classes = Campaign(singles(), [Assay("fit", goal="classify")], Ridge())
    with pytest.raises(StateError, match="classes"):
        classes.extend(combine=2)


def test_new_positions_as_single_mutants_and_on_the_best_of_a_library():
    campaign = Campaign(Pool.single_mutants(PARENT, positions=[2, 3]), [ASSAY], Ridge())
    done = campaign.extend(sites=[(4, "GS"), (5, "")])
    assert (done.added, campaign.pool.row_of("A4S") is not None) == (21, True)
    assert campaign.extend(sites=[(4, "GS")]).event is None
    library = Campaign(Pool.combinatorial(PARENT, ["K2", "T3"]), [ASSAY], Ridge())
    library.record([Measurement("K2R:T3S", ASSAY.name, 2.0, row=2), Measurement("K2R", ASSAY.name, 1.0, row=3)])
    done = library.extend(sites=[(4, "GS")])
    assert done.added == 6
    assert library.pool.row_of("K2R:T3S:A4G") is not None
    assert library.pool.names([0]) == ["K2A:T3A"]
    assert len(library.propose(5).picks) == 5
    three = Campaign(Pool.combinatorial(PARENT, ["K2", "T3", "A4"]), [ASSAY], Ridge())
    three.record(answers(three.pool, three.pool.names(range(60))))
    with pytest.raises(StateError, match="combinations already"):
        three.extend(combine=2)


def test_a_name_that_cannot_be_read_adds_nothing():
    campaign = loop()
    with pytest.raises(NotationError):
        campaign.extend(candidates=["M1A:K2A", "no such thing"])
    assert not any(isinstance(r.event, Extended) for r in campaign.log)


def test_less_is_better_too():
    campaign = Campaign(singles(), [Assay("KD", "nM", "minimise")], MutationGP())
    pool = campaign.pool
    values = np.exp(-truth(pool))
    rows = [Measurement(pool.names([i])[0], "KD", float(values[i]), row=i + 2) for i in range(0, len(pool), 2)]
    campaign.record([*rows, Measurement("WT", "KD", 1.0, row=999, control=True)])
    done = campaign.extend(combine=2)
    best, last = done.combinations[0], done.combinations[-1]
    assert 0 < best.mean < last.mean
    assert best.low < best.mean < best.high
    assert best.above > last.above
    assert done.wild_type == pytest.approx(1.0)


def test_measured_events_come_after_the_log_says_how_the_campaign_is_configured():
    campaign = loop()
    campaign.extend(candidates=["M1A:K2A"])
    kinds = [type(r.event).__name__ for r in campaign.log]
    assert kinds[0] == "Configured"
    assert kinds.count("Configured") == 1
    assert isinstance(next(r.event for r in campaign.log if isinstance(r.event, Measured)), Measured)


def test_status_says_when_hits_can_be_combined():
    assert "activeloop extend" not in loop(measured=20).status().next_step
    campaign = loop()
    assert campaign.status().next_step.endswith("Or combine the best hits: `activeloop extend DIR`.")
    campaign.extend(combine=2, budget=20)
    assert "activeloop extend" not in campaign.status().next_step
