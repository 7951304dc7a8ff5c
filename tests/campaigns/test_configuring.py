"""A campaign that is configured anew: values convert, or the change is refused, and never mean something else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from small_campaign import Copying, Ridge, answers, opened_line, singles

from activeloop.campaigns import Campaign, Configured, InMemoryLog
from activeloop.candidates import Pool
from activeloop.errors import ConfigError, StateError
from activeloop.measurements import Assay, Measurement

POOL = singles()
KCAT = Assay("kcat", "1/s")


def loop(log: InMemoryLog, *assays: Assay, pool: Pool = POOL, **settings) -> Campaign:
    return Campaign(pool, assays or [KCAT], Ridge(), log=log, **settings)


def begun(*assays: Assay, **settings) -> InMemoryLog:
    """The log of a campaign with two values of its first assay."""
    log = InMemoryLog()
    name = (assays or (KCAT,))[0].name
    loop(log, *assays, **settings).record([Measurement("K2R", name, 10.0), Measurement("K2C", name, 9.5)])
    return log


def values(campaign: Campaign) -> dict[str, float]:
    return {r.measurement.candidate: r.measurement.value for r in campaign.state().results}


@pytest.mark.parametrize(
    ("unit", "other", "factor"),
    [
        ("1/s", "1/min", 60.0),
        ("1/min", "1/h", 60.0),
        ("s-1", "s^-1", 1.0),
        ("nM", "µM", 1e-3),
        ("µM", "M", 1e-6),
        ("g/L", "mg/mL", 1.0),
        ("kcal/mol", "kJ/mol", 4.184),
        ("U/mg", "mU/mg", 1000.0),
    ],
)
def test_a_unit_of_the_same_dimension_converts_what_is_stored(unit, other, factor):
    log = begun(Assay("kcat", unit))
    changed = loop(log, Assay("kcat", other))
    assert values(changed) == {"K2R": pytest.approx(10 * factor), "K2C": pytest.approx(9.5 * factor)}
    assert [type(r.event).__name__ for r in log] == ["Configured", "Measured"]  # a question writes nothing
    changed.record([Measurement("M1G", "kcat", 300.0)])
    assert [type(r.event).__name__ for r in log] == ["Configured", "Measured", "Configured", "Measured"]
    assert values(changed) == {
        "K2R": pytest.approx(10 * factor),
        "K2C": pytest.approx(9.5 * factor),
        "M1G": 300.0,
    }
    # there and back again no value has lost a bit
    assert {k: v for k, v in values(loop(log, Assay("kcat", unit))).items() if k != "M1G"} == {"K2R": 10.0, "K2C": 9.5}


def test_a_temperature_in_another_unit_shows_both_readings():
    with pytest.raises(ConfigError, match=r"10 °C can be read as 283\.15 K \(a temperature\) or as 10 K"):
        Campaign(POOL, [Assay("kcat", "K")], Ridge(), log=begun(Assay("kcat", "°C"))).state()


@pytest.mark.parametrize(
    ("unit", "other"), [("1/s", "nM"), ("", "nM"), ("nM", ""), ("%", ""), ("°C", "K"), ("AU", "RFU")]
)
def test_a_unit_of_another_dimension_is_refused(unit, other):
    log = begun(Assay("kcat", unit))
    with pytest.raises(ConfigError, match=r'the unit of "kcat" was .*cannot be converted, and it has 2 stored values'):
        loop(log, Assay("kcat", other)).status()
    assert len(list(log)) == 2


def test_before_anything_was_measured_every_unit_will_do():
    log = InMemoryLog()
    loop(log).propose(4)
    changed = loop(log, Assay("kcat", "nM"))
    assert changed.state().proposals[0].picks[0].mean != changed.state().proposals[0].picks[0].mean
    changed.record([Measurement("K2R", "kcat", 1.0)])
    assert values(changed) == {"K2R": 1.0}


def test_what_was_voided_stands_in_no_way():
    log = begun()
    loop(log).void(2)
    assert loop(log, Assay("kcat", "nM")).status().measured == 0


@pytest.mark.parametrize(
    ("now", "message"),
    [
        (replace(KCAT, bounds=(0, 5)), r"do not fit what is stored: K2R: kcat 10 1/s is too far above its bound of 5"),
        (Assay("kcat", "1/min", bounds=(0, 100)), r"K2R: kcat 600 1/min is too far above its bound of 100 1/min"),
        (replace(KCAT, bounds=(0, 20)), ""),
        (replace(KCAT, scale="log"), ""),
    ],
)
def test_scale_and_bounds_must_fit_what_is_stored(now, message):
    log = begun()
    if message:
        with pytest.raises(ConfigError, match=message):
            loop(log, now).status()
    else:
        assert values(loop(log, now)) == {"K2R": 10.0, "K2C": 9.5}


@pytest.mark.parametrize(
    ("field", "before", "same"),
    [("lower", 2.0, 120.0), ("upper", 50.0, 3000.0), ("hit", 5.0, 300.0)],
)
def test_a_limit_that_kept_its_number_when_the_unit_changed_is_refused(field, before, same):
    def made(log: InMemoryLog, unit: str, limit: float) -> Campaign:
        if field == "hit":
            return loop(log, Assay("kcat", unit), hit=[limit])
        return loop(log, Assay("kcat", unit, **{field: limit}))

    log = InMemoryLog()
    made(log, "1/s", before).record([Measurement("K2R", "kcat", 10.0)])
    with pytest.raises(ConfigError, match=f"{field} = {before:g} stayed as it was: .* {same:g} 1/min. Write {field} ="):
        made(log, "1/min", before).status()
    assert values(made(log, "1/min", same)) == {"K2R": 600.0}
    assert values(made(log, "1/min", 7.0)) == {"K2R": 600.0}


def test_an_assay_with_results_is_neither_renamed_nor_left_out():
    log = begun()
    with pytest.raises(ConfigError, match=r'"kcat" has 2 stored values and is not among the assays any more \(Tm\)'):
        loop(log, Assay("Tm", "°C")).status()
    assert values(loop(log, Assay("Tm", "°C"), KCAT)) == {"K2R": 10.0, "K2C": 9.5}


def test_classes_are_not_made_of_values():
    with pytest.raises(ConfigError, match=r"is now to classify, which takes 0 and 1, .* such as 10"):
        loop(begun(), replace(KCAT, goal="classify")).status()
    log = InMemoryLog()
    loop(log).record([Measurement("K2R", "kcat", 1.0), Measurement("K2C", "kcat", 0.0)])
    assert loop(log, replace(KCAT, goal="classify")).status().measured == 2


@pytest.mark.parametrize(
    "other",
    [
        Pool.single_mutants("MKTAYL"),
        Pool.single_mutants("MKTAYI", positions=[1, 2, 3]),
        Pool.combinatorial("MKTAYI", ["M1", "K2"]),
    ],
)
def test_another_pool_is_refused_once_something_was_done(other):
    assert len(loop(InMemoryLog(), pool=other).state().results) == 0
    log = InMemoryLog()
    loop(log).configure()
    assert loop(log, pool=other).status().size == len(other)  # nothing is there that could mean something else
    for log in (begun(), InMemoryLog()):
        loop(log).propose(4)
        with pytest.raises(ConfigError, match=r"\[pool\] is now another pool"):
            loop(log, pool=other).status()
        with pytest.raises(ConfigError, match=r"\[pool\] is now another pool"):
            loop(log, pool=other).record([Measurement("K2R", "kcat", 1.0)])


def test_the_same_candidates_in_another_order_are_the_same_pool():
    listed = [POOL.design(row) for row in reversed(range(len(POOL)))]
    assert values(loop(begun(), pool=Pool.of(listed))) == {"K2R": 10.0, "K2C": 9.5}


@pytest.mark.parametrize("now", [replace(KCAT, goal="minimise"), Assay("kcat", "1/min")], ids=["goal", "unit"])
def test_another_goal_or_unit_asks_for_another_fit(now):
    log, names = InMemoryLog(), POOL.names(range(30))
    first = loop(log)
    first.record([replace(m, assay="kcat") for m in answers(POOL, names)])
    first.fit()
    first.distil(Copying())
    assert not first.status().stale
    changed = loop(log, now, artifacts=first.artifacts)
    assert changed.status().stale
    with pytest.raises(StateError, match="goal or learner were changed since version 1 was fitted: fit again"):
        changed.predict([0])
    with pytest.raises(StateError, match="changed since version 1"):
        changed.drift(opened_line)
    with pytest.raises(StateError, match="since the teacher of student 1 was fitted"):
        changed.student_file()
    best, worst = (pick(values(changed), key=values(changed).__getitem__) for pick in (max, min))
    assert changed.propose(5).version == 2
    assert not changed.status().stale
    assert changed.status().leaders[0].name == (worst if now.goal == "minimise" else best)
    # and back again: the version in between is of another goal
    assert loop(log, artifacts=first.artifacts).status().stale


def test_a_detection_limit_changes_no_model():
    log = InMemoryLog()
    first = loop(log)
    first.record([replace(m, assay="kcat") for m in answers(POOL, POOL.names(range(30)))])
    first.fit()
    changed = loop(log, replace(KCAT, upper=1e6), artifacts=first.artifacts)
    assert not changed.status().stale
    changed.veto(["M1A"])
    assert len([r for r in log if isinstance(r.event, Configured)]) == 2


def test_a_log_without_configuration_gets_one_at_its_first_write():
    written = InMemoryLog()
    loop(written).record([Measurement("K2R", "kcat", 10.0)])
    old = InMemoryLog(replace(r, sequence=i) for i, r in enumerate(list(written)[1:], 1))
    assert values(loop(old)) == {"K2R": 10.0}
    assert len(list(old)) == 1
    loop(old).pin(["M1A"])
    assert [type(r.event).__name__ for r in old] == ["Measured", "Configured", "Pinned"]
    assert values(loop(old, Assay("kcat", "1/min"))) == {"K2R": 600.0}


def test_proposals_of_a_former_release_are_not_taken_for_those_of_another_wild_type():
    written = InMemoryLog()
    loop(written).propose(4)
    old = InMemoryLog(replace(r, sequence=i) for i, r in enumerate(list(written)[1:], 1))
    assert loop(old).status().proposals == 1
    for other in (Pool.single_mutants("MKTAYL"), Pool.single_mutants("MMMMMM")):
        with pytest.raises(ConfigError, match=r"was proposed from another pool than \[pool\] is now"):
            loop(old, pool=other).status()


def test_a_new_campaign_needs_assays_that_a_table_can_tell_apart():
    log = InMemoryLog()
    new = loop(log, Assay("activity 1"), Assay("Activity_1"))
    for write in (new.configure, lambda: new.record([Measurement("K2R", "activity 1", 1.0)])):
        with pytest.raises(ConfigError, match="could not be told apart"):
            write()
    assert not list(log)
