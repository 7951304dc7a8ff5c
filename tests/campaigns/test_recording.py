"""Which rows of a file are new, which are known, and which are asked about."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_campaign import Ridge, singles

from activeloop.campaigns import Campaign
from activeloop.campaigns.events import Measured
from activeloop.campaigns.recording import same_file
from activeloop.errors import InputError, MeasurementError
from activeloop.measurements import Assay, Measurement

POOL = singles()
FIT, SCORE = Assay("fit", goal="classify"), Assay("score")


def loop(assay: Assay = SCORE) -> Campaign:
    """A campaign whose first results come with event 2: before them, the log says what it is."""
    return Campaign(POOL, [assay], Ridge())


def rows(text: str, assay: str = "score", file: str = "", plate: str = "") -> list[Measurement]:
    """Rows from `K2R 3, T3S 4`; `?` is a failed well."""
    pairs = [pair.split() for pair in text.split(",")]
    return [
        Measurement(
            name,
            assay,
            float("nan") if value == "?" else float(value),
            plate=plate,
            file=file,
            row=i,
            control=name == "WT",
        )
        for i, (name, value) in enumerate(pairs, 2)
    ]


def record(campaign: Campaign, text: str, file: str, plate: str = "", assay: str = "score", **how):
    return campaign.record(rows(text, assay, file, plate), file, f"{file} {text}", **how)


def stored(campaign: Campaign) -> list[str]:
    """What counts, in the order of the log."""
    counting = [r.measurement for r in campaign.state().results if r.void is None]
    return [f"{m.candidate} {m.value:g}" for m in counting]


def values(campaign: Campaign) -> dict[str, float]:
    data = campaign.dataset()
    return dict(zip(data.pool.names(data.rows), data.values[:, 0].round(2).tolist(), strict=True))


def test_equal_results_of_other_files_are_repeats_and_count():
    campaign = loop(FIT)
    for i, text in enumerate(("K2R 1, T3S 0, A4G 1", "K2R 1, Y5F 0, I6V 1", "K2R 1, A4C 0", "K2R 0, A4D 0"), 1):
        assert record(campaign, text, f"d{i}.csv", assay="fit").known == ()
    assert values(campaign)["K2R"] == 1  # fit three times, unfit once


@pytest.mark.parametrize("plates", [("", ""), ("P1", "P2")])
def test_a_second_day_with_the_same_values_is_averaged_with_the_first(plates):
    campaign = loop()
    first = "WT 3, K2R 3, T3S 3, A4G 1, Y5F 4, I6V 2, I6G 5, K2A 3, A4E 1"
    second = "WT 3, K2R 3, T3S 3, A4G 1, Y5F 4, I6V 2, I6G 6, K2A 5, A4E 3, A4K 4"
    record(campaign, first, "s1.csv", plates[0])
    record(campaign, second, "s2.csv", plates[1])
    found = values(campaign)
    assert found["K2R"] == 3
    assert found["A4K"] == 3.72


def test_a_spreadsheet_that_grows_twice_adds_only_its_new_rows_and_names_the_others():
    campaign = loop()
    record(campaign, "K2R 3, T3S 3", "day1.csv")
    second = record(campaign, "K2R 3, T3S 3, A4G 1, K2R 3", "day2.csv")
    assert [m.row for m in second.known] == [2, 3]
    assert second.known_from == (2,)
    # `K2R 3, A4G 1` alone are what the second file added, but not what it was
    assert record(campaign, "K2R 3, A4G 1, Y5F 2", "other.csv").known == ()
    third = record(campaign, "T3S 3, A4G 1, K2R 3, K2R 3, I6V 9", "day3.csv")
    assert (third.stored, third.known_from) == (1, (2, 3))
    assert stored(campaign) == ["K2R 3", "T3S 3", "A4G 1", "K2R 3", "K2R 3", "A4G 1", "Y5F 2", "I6V 9"]


def test_a_row_is_known_from_one_earlier_file_only():
    campaign = loop()
    record(campaign, "K2R 1, T3S 0", "a.csv")
    record(campaign, "K2R 1, A4G 1", "b.csv")
    assert record(campaign, "K2R 1, T3S 0, K2R 1, A4G 1", "c.csv").known_from == (2, 3)
    both = record(campaign, "K2R 1, T3S 0, A4G 1", "d.csv")
    assert [m.candidate for m in both.known] == ["K2R", "T3S"]


def test_a_failed_well_may_have_its_value_when_the_spreadsheet_grows():
    campaign = loop()
    record(campaign, "K2R 3, T3S ?", "a.csv")
    assert record(campaign, "K2R 3, T3S 4", "a.csv").stored == 1
    assert record(campaign, "K2R 3, T3S ?, A4G 2", "b.csv").stored == 1
    assert stored(campaign) == ["K2R 3", "T3S nan", "T3S 4", "A4G 2"]


def test_a_row_that_was_voided_stays_so_when_its_spreadsheet_grows():
    campaign = loop()
    record(campaign, "K2R 3, T3S 99", "a.csv")
    campaign.void(2, [3], "a bubble")
    assert record(campaign, "K2R 3, T3S 99, A4G 1", "b.csv").stored == 1
    assert stored(campaign) == ["K2R 3", "A4G 1"]


CORRECTED = "K2R 3, T3S 4"


@pytest.mark.parametrize(
    ("text", "file", "plate", "asked"),
    [
        ("K2R 3, T3S 5", "r.csv", "", True),  # one value differs
        ("K2R 3, A4G 1", "r.csv", "", True),  # a row was taken out
        ("K2R 3, T3S 5", "../later/r.csv", "", True),
        ("K2R 3, T3S 5", "s.csv", "", False),  # another file: repeats
        ("A4G 3, Y5F 5", "r.csv", "", False),  # other candidates
        ("K2R 3, T3S 4, A4G 1", "r.csv", "", False),  # it grew
        ("K2R 3, T3S ?", "r.csv", "", True),
        ("WT 3, Y5F 5", "r.csv", "", False),
        ("K2R 3, T3S 5", "s.csv", "P1", False),  # a plate where none was named
    ],
)
def test_a_corrected_file_asks_whether_it_replaces_or_repeats(text, file, plate, asked):
    campaign = loop()
    record(campaign, CORRECTED + ", WT 1", "r.csv")
    if not asked:
        record(campaign, text + (", WT 1" if text.startswith(CORRECTED) else ""), file, plate)
        return
    with pytest.raises(MeasurementError, match=r"--replaces 2.*--repeats.*Nothing was stored"):
        record(campaign, text, file, plate)
    assert len(stored(campaign)) == 3


def test_rows_on_the_same_plate_ask_and_those_of_another_replicate_or_day_do_not():
    campaign = loop()
    record(campaign, "K2R 3, T3S 4", "a.csv", "P1")
    with pytest.raises(MeasurementError, match="K2R has score = 3 already on plate P1") as refused:
        record(campaign, "K2R 3.5", "b.csv", "P1")
    assert (refused.value.file, refused.value.row) == ("b.csv", 2)
    record(campaign, "K2R 3.5", "b.csv", "P2")
    other = Measurement("K2R", "score", 3.5, replicate=2, plate="P1")
    assert campaign.record([other]).stored == 1
    assert campaign.record([Measurement("K2R", "score", 3.5, plate="P1", measured_at="2026-03-02")]).stored == 1


@pytest.mark.parametrize("which", [(2,), ("r.csv",), ("2",), ("./r.csv",), 2, "r.csv"])
def test_a_replaced_file_no_longer_counts_and_its_round_stays(which):
    campaign = loop()
    record(campaign, "K2R 3, T3S 40", "r.csv")
    campaign.pin(["K2R"])
    campaign.propose(3)
    found = record(campaign, "K2R 3, T3S 4", "r.csv", replaces=which)
    assert (found.stored, found.replaced, found.known) == (2, 2, ())
    state = campaign.state()
    assert stored(campaign) == ["K2R 3", "T3S 4"]
    assert [r.round for r in state.results] == [0, 0, 0, 0]
    assert [r.void for r in state.results[:2]] == ["replaced by event 6 (r.csv)"] * 2
    assert state.outstanding  # a correction of earlier results is no answer to it
    assert record(campaign, "K2R 3, T3S 4", "r.csv").read_before


def test_a_well_with_another_value_may_replace_its_file():
    campaign = loop()
    well = Measurement("K2R", "score", 3.0, plate="P1", well="A1", row=2)
    campaign.record([well, Measurement("T3S", "score", 1.0, plate="P1", well="A2", row=3)], "a.csv")
    right = [Measurement("K2R", "score", 4.0, plate="P1", well="A1", row=2)]
    with pytest.raises(MeasurementError, match="--replaces 2"):
        campaign.record(right, "b.csv")
    assert campaign.record(right, "b.csv", replaces=[2]).replaced == 2
    assert stored(campaign) == ["K2R 4"]


def test_repeats_are_stored_whatever_was_stored_before_and_are_a_day_of_their_own():
    campaign = loop(FIT)
    record(campaign, "K2R 1, T3S 0", "r.csv", assay="fit")
    assert record(campaign, "K2R 0, T3S 0", "r.csv", assay="fit", repeats=True).stored == 2
    # the very same content: a repeat under another name, the same file under the same
    again = rows("K2R 1, T3S 0", "fit", "again.csv")
    assert campaign.record(again, "again.csv", "r.csv K2R 1, T3S 0").read_before
    assert campaign.record(again, "again.csv", "r.csv K2R 1, T3S 0", repeats=True).stored == 2
    assert campaign.record(again, "again.csv", "r.csv K2R 1, T3S 0", repeats=True).read_before
    assert len(stored(campaign)) == 6
    days = loop()
    record(days, "K2R 1, T3S 2, A4G 3, Y5F 5", "r.csv")
    record(days, "K2R 2, T3S 3, A4G 4, Y5F 6.5, I6V 4", "r.csv", repeats=True)
    assert values(days)["I6V"] < 3.6  # the second day reads about one higher


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"replaces": [7]}, 'no results came with event or file "7".*2 \\(r.csv\\)'),
        ({"replaces": ["x.csv"]}, "x.csv"),
        ({"replaces": [2], "repeats": True}, "not both"),
        ({"replaces": [3]}, "were voided before"),
    ],
)
def test_what_cannot_be_replaced_is_refused_and_nothing_is_stored(how, message):
    campaign = loop()
    record(campaign, "K2R 3", "r.csv")
    record(campaign, "T3S 3", "s.csv")
    campaign.void(3)
    with pytest.raises(InputError, match=message):
        record(campaign, "K2R 4", "t.csv", **how)
    assert stored(campaign) == ["K2R 3"]


def test_a_file_replaces_itself_by_doing_nothing_also_where_a_copy_was_a_repeat():
    campaign = loop()
    record(campaign, "K2R 3", "r.csv")
    rows_again = rows("K2R 3", file="copy.csv")
    campaign.record(rows_again, "copy.csv", "r.csv K2R 3", repeats=True)
    assert record(campaign, "K2R 3", "r.csv", replaces=2).read_before
    assert stored(campaign) == ["K2R 3", "K2R 3"]


def test_a_file_that_is_stored_does_not_replace_another():
    campaign = loop()
    record(campaign, "K2R 3", "r.csv")
    record(campaign, "K2R 4", "s.csv")
    with pytest.raises(InputError, match="stored already, as event 3"):
        record(campaign, "K2R 4", "s.csv", replaces=[2])


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("r.csv", "r.csv", True),
        ("r.csv", "/data/day1/r.csv", True),
        ("./r.csv", "r.csv", True),
        ("day1/r.csv", "day2/r.csv", False),
        ("r.csv", "R2.csv", False),
        ("", "", False),
        ("", "r.csv", False),
    ],
)
def test_names_of_files(one, other, same):
    assert same_file(one, other) == same_file(other, one) == same


cells = st.lists(st.tuples(st.sampled_from(["K2R", "T3S", "A4G"]), st.integers(2, 4)), min_size=1, max_size=6)


@settings(deadline=None)
@given(st.lists(cells, min_size=1, max_size=4))
def test_every_row_is_stored_once_or_known_from_a_file_that_stands_whole_in_its_own(files):
    campaign, contents = loop(), dict[int, list]()
    for i, file in enumerate(files):
        text = ", ".join(f"{name} {value}" for name, value in file)
        found = record(campaign, text, f"{i}.csv")
        assert found.stored + found.duplicates == len(file)
        if found.known:
            for event in found.known_from:
                assert all(file.count(row) >= contents[event].count(row) for row in contents[event])
        if found.event and not found.read_before:
            contents[found.event] = file
    held = [e.event.measurements for e in campaign.log if isinstance(e.event, Measured)]
    assert len(stored(campaign)) == sum(map(len, held))
    assert np.isfinite(campaign.dataset().values).all()


def test_a_value_of_before_that_may_be_the_answer_of_a_plate_is_asked_about():
    campaign = loop()
    record(campaign, "K2R 3", "before.csv")
    campaign.pin(["K2R"])
    names = [p.name for p in campaign.propose(3).picks]
    text = ", ".join(f"{name} 3" for name in names)
    with pytest.raises(MeasurementError, match=r"K2R has score = 3 already.*--replaces 2.*--repeats"):
        record(campaign, text, "after.csv")
    assert record(campaign, text, "after.csv", repeats=True).stored == 3
    assert campaign.state().awaiting == frozenset()


def test_a_name_that_may_be_two_files_replaces_neither():
    campaign = loop()
    record(campaign, "K2R 3", "day1/r.csv")
    record(campaign, "T3S 3", "day2/r.csv")
    with pytest.raises(InputError, match=r"day1/r.csv or day2/r.csv.*Nothing was stored"):
        record(campaign, "K2R 4", "s.csv", replaces="r.csv")
    assert record(campaign, "K2R 4", "s.csv", replaces="day1/r.csv").replaced == 1


def test_values_that_were_converted_from_another_unit_are_known_again():
    log = loop().log
    rate = [Campaign(POOL, [Assay("score", unit)], Ridge(), log=log) for unit in ("1/s", "1/min")]
    values = [0.1, 1.1, 3.3, 0.07, 1 / 3]
    rows = [Measurement(name, "score", v) for name, v in zip(POOL.names(range(5)), values, strict=True)]
    rate[0].record(rows, "a.csv", "a")
    per_minute = [replace(m, value=m.value * 60) for m in rows]
    assert rate[1].record([*per_minute, Measurement("A4G", "score", 2.0)], "b.csv", "b").stored == 1


def test_candidates_that_had_a_value_are_named_for_the_file_may_be_a_correction():
    campaign = loop()
    record(campaign, "WT 1, K2R 3, T3S 4, A4G ?", "first.csv")
    summary = record(campaign, "WT 1, K2R 5, A4G 2, I6V 9, T3S 7", "corrected.csv")
    assert (summary.stored, summary.repeated, summary.repeated_from) == (5, ("K2R", "T3S"), (2,))
    assert record(campaign, "K2R 6", "again.csv", repeats=True).repeated == ()
    assert record(campaign, "K2R 8, Y5F 1", "third.csv").repeated_from == (2, 3, 4)
    replaced = record(campaign, "I6V 8", "fourth.csv", replaces=[2, 3, 4, 5])
    assert (replaced.repeated, replaced.replaced) == ((), 12)


def test_a_spreadsheet_that_grew_and_wells_of_another_plate_repeat_nothing():
    campaign = loop()
    record(campaign, "K2R 3, T3S 4", "grows.csv")
    assert record(campaign, "K2R 3, T3S 4, A4G 2", "grows.csv").repeated == ()
    well = replace(rows("K2R 9", plate="P1")[0], well="A1")
    assert campaign.record([well], "plate.csv").repeated == ()


def test_a_file_that_is_read_anew_with_one_more_column_grew():
    campaign = Campaign(POOL, [SCORE, Assay("other")], Ridge())
    first = rows("K2R 1, T3S 0", file="r.csv")
    campaign.record(first, "r.csv", "bytes")
    both = [*first, *rows("K2R 7, T3S 8", assay="other", file="r.csv")]
    found = campaign.record(both, "r.csv", "bytes")
    assert (found.read_before, found.stored, len(found.known)) == (False, 2, 2)
    assert campaign.record(both, "r.csv", "bytes").read_before
    assert campaign.record(first, "r.csv", "bytes").read_before
    assert campaign.dataset().values.tolist() == [[1.0, 7.0], [0.0, 8.0]]
