"""The state that is carried on from event to event is that of the whole log, whatever happened, in whatever pieces."""

import dataclasses
from collections import Counter

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from activeloop.campaigns.events import (
    Configured,
    Event,
    Extended,
    Fitted,
    Measured,
    Pinned,
    PlateLaid,
    PlateSent,
    Promoted,
    Proposed,
    Recorded,
    RobotOrdered,
    RunFinished,
    Version,
    Voided,
)
from activeloop.campaigns.results import StoredResults
from activeloop.campaigns.state import CampaignState, Fold
from activeloop.measurements import Assay, Measurement
from activeloop.plates import Pick, Proposal

NAMES = st.sampled_from(["K2R", "T3S", "A4G", "Y5F", "WT"])
SEVERAL = st.lists(NAMES, min_size=1, max_size=3, unique=True).map(tuple)
EARLIER = st.integers(1, 12)


def a_pick(name: str) -> Pick:
    return Pick(f"id-{name}", name, 1, 0.0, 1.0, 0.5, 1.5, "because")


def a_version(number: int) -> Version:
    return Version(number, number - 1, "2:x", "mutations", 0, "0", {}, "", "")


ROW = st.builds(
    Measurement,
    candidate=NAMES,
    assay=st.just("kcat"),
    value=st.sampled_from([1.0, 2.0, float("nan")]),
    plate=st.sampled_from(["", "plate-1", "a.csv"]),
    well=st.sampled_from(["", "A1", "A2"]),
    row=st.integers(2, 4),
    control=st.booleans(),
)
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(
        Configured,
        st.sampled_from(["1/s", "1/min"]).map(lambda unit: (Assay("kcat", unit),)),
        st.just("pool"),
        st.just(""),
        st.just(0),
    ),
    st.builds(lambda names: Proposed(Proposal(1, tuple(map(a_pick, names)), 0, 0, "chance")), SEVERAL),
    st.builds(PlateLaid, st.just(1), st.just({"wells": 96})),
    st.builds(
        Measured,
        st.lists(ROW, min_size=1, max_size=3).map(tuple),
        st.sampled_from(["a.csv", "b.csv"]),
        st.sampled_from(["h1", "h2"]),
        st.lists(EARLIER, max_size=1).map(tuple),
        st.lists(EARLIER, max_size=2, unique=True).map(tuple),
        st.booleans(),
    ),
    st.builds(Voided, EARLIER, st.lists(st.integers(2, 4), max_size=2).map(tuple), st.just("pipette")),
    st.builds(Pinned, SEVERAL, st.booleans(), st.just("ours")),
    st.builds(lambda number, why: Fitted(a_version(number), why), st.integers(1, 4), st.sampled_from(["", "worse"])),
    st.builds(Promoted, st.integers(1, 4), st.just("ours")),
    st.builds(PlateSent, st.just("plate-1"), st.sampled_from(["ada", "ot-2"]), st.just("")),
    st.builds(RobotOrdered, st.sampled_from(["run", "pause", "stop"]), st.just(""), st.just("why")),
    st.builds(RobotOrdered, st.just("release"), st.just("plate-1")),
    st.builds(RunFinished, st.just("plate-1"), st.just("ot-2"), st.just("1"), st.sampled_from(["done", "failed"])),
)
LOGS = st.lists(EVENTS, max_size=14).map(lambda events: [Recorded(i, "", e) for i, e in enumerate(events, 1)])


def same(one: CampaignState, other: CampaignState) -> bool:
    answers = ("measured", "awaiting", "on_plate", "missing", "rounds_measured", "outstanding", "current", "latest")
    fields = [f.name for f in dataclasses.fields(CampaignState)]
    # NaN is not itself
    return all(repr(getattr(one, name)) == repr(getattr(other, name)) for name in (*fields, *answers))


def assert_found(state: CampaignState) -> None:
    """What arrays answer is what a look at each result gives."""
    stored, every = state.stored, list(state.stored)
    assert repr(every) == repr(StoredResults.of(every)) == repr(list(StoredResults.of(tuple(every))))
    assert stored.counting.tolist() == [r.counts for r in every]
    counting = {r.event for r in every if r.void is None}
    assert stored.events.tolist() == sorted(counting)
    last: dict[str, int] = {}
    wells: dict[tuple[str, str, str], list[str]] = {}
    loose: dict[int, list[str]] = {}
    for r in every:
        m = r.measurement
        if not m.control:
            last[m.candidate] = max(state.corrects.get(r.event, r.event), last.get(m.candidate, 0))
        if m.plate and m.well and r.event in counting:
            wells.setdefault((m.plate, m.well, m.assay), []).append(repr(r))
        if not (m.plate and m.well):
            loose.setdefault(r.event, []).append(repr(r))
    names = ["K2R", "T3S", "Y5F", "no name"]
    assert stored.last_of(names, state.corrects) == {name: last[name] for name in names if name in last}
    found = stored.in_wells([*wells, ("plate-9", "A1", "kcat")])
    assert {key: list(map(repr, rows)) for key, rows in found.items()} == wells
    about = {e for e, rows in loose.items() if any(f"'{name}'" in row for row in rows for name in names)}
    assert stored.loose_about(names) == about
    here = stored.loose(set(loose) | {99})
    assert {e: list(map(repr, rows)) for e, rows in here.items()} == {e: r for e, r in loose.items() if e in counting}
    assert {e: n for e, (n, _) in stored.per_event().items()} == dict(Counter(r.event for r in every))
    assert sum(voided for _, voided in stored.per_event().values()) == sum(r.void is not None for r in every)


@settings(max_examples=300, deadline=None)
@given(LOGS, st.lists(st.integers(0, 14), max_size=5))
def test_a_fold_carried_on_is_the_fold_of_the_whole_log(log, stops):
    fold, before = Fold(), []
    for stop in (*sorted(min(stop, len(log)) for stop in stops), len(log)):
        if not fold.carried_on(log[fold.last : stop]):
            fold = Fold(log[:stop])
        assert same(fold.state, CampaignState.of(log[:stop]))
        assert_found(fold.state)
        before.append((fold.state, repr(fold.state)))
    assert all(repr(state) == text for state, text in before)  # what was answered stays as it was


@given(LOGS, st.integers(0, 14))
def test_the_results_that_counted_then_are_those_of_the_log_until_then(log, event):
    kinds = [type(r.event) for r in log]
    # a log says what its values are before it holds any
    assume(Configured not in kinds or Measured not in kinds[: kinds.index(Configured)])
    now = next((r.event for r in reversed(log) if isinstance(r.event, Configured)), None)
    assert repr(CampaignState.of(log).at(event).results) == repr(CampaignState.of(log, event, now).results)


@given(LOGS)
def test_an_extension_outdates_what_was_fitted(log):
    event = Extended(("K2W",), "1 variant")
    state = CampaignState.of([*log, Recorded(len(log) + 1, "", event)])
    assert state.outdated >= set(state.version_events)
    assert state.before_extension == len(state.versions)
