"""The state that is carried on from event to event is that of the whole log, whatever happened, in whatever pieces."""

import dataclasses

from hypothesis import given, settings
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
from activeloop.campaigns.state import CampaignState, Fold, Index
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


@settings(max_examples=300)
@given(LOGS, st.lists(st.integers(0, 14), max_size=5))
def test_a_fold_carried_on_is_the_fold_of_the_whole_log(log, stops):
    fold, before = Fold(), []
    for stop in (*sorted(min(stop, len(log)) for stop in stops), len(log)):
        if not fold.carried_on(log[fold.last : stop]):
            fold = Fold(log[:stop])
        assert same(fold.state, CampaignState.of(log[:stop]))
        assert vars(fold.index) == vars(Index(fold.state.results, fold.state.corrects))
        before.append((fold.state, repr(fold.state)))
    assert all(repr(state) == text for state, text in before)  # what was answered stays as it was


@given(LOGS, st.integers(0, 14))
def test_the_results_that_counted_then_are_those_of_the_log_until_then(log, event):
    now = next((r.event for r in reversed(log) if isinstance(r.event, Configured)), None)
    assert repr(CampaignState.of(log).at(event).results) == repr(CampaignState.of(log, event, now).results)


@given(LOGS)
def test_an_extension_outdates_what_was_fitted(log):
    event = Extended(("K2W",), "1 variant")
    state = CampaignState.of([*log, Recorded(len(log) + 1, "", event)])
    assert state.outdated >= set(state.version_events)
    assert state.before_extension == len(state.versions)
