"""What was computed for pages: shown again, and not computed at each of many events."""

from __future__ import annotations

import activeloop.server.computed as module
from activeloop.server.computed import Computed, Known


def test_what_is_quick_is_computed_at_every_event(monkeypatch):
    made, calls = Computed(most=2), iter("abcdef")
    assert [made.of("k", last, "status", lambda: next(calls)) for last in (1, 1, 2, 2)] == ["a", "a", "b", "b"]
    assert made.known("k", "status").last == 2
    made.of("k", 1, "files", lambda: next(calls))
    made.of("l", 1, "status", lambda: next(calls))
    assert made.known("k", "status") is None  # the one that was read longest ago


def test_what_takes_long_rests(monkeypatch):
    made = Computed()
    made.keep("k", "status", Known(1, "old", seconds=5.0))
    assert made.of("k", 2, "status", lambda: "new") == "old"
    assert made.of("k", 2, "status", lambda: "new", since=2) == "new"
    made = Computed()
    made.keep("k", "status", Known(1, "old", seconds=5.0))
    monkeypatch.setattr(module.time, "monotonic", lambda clock=module.time.monotonic: clock() + 51)
    assert made.of("k", 2, "status", lambda: "new") == "new"


def test_an_older_computation_that_ends_late_takes_the_place_of_none():
    made = Computed()
    made.keep("k", "status", Known(2, "new", seconds=0.1))
    made.keep("k", "status", Known(1, "old", seconds=5.0))
    assert made.known("k", "status").value == "new"
