"""A campaign from its draft to its student by the use cases alone: each result is JSON that fits its schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from activeloop import desk
from activeloop.config import OpenCampaign, Store, open_campaign, open_folder
from activeloop.desk.candidates import CandidateQuery
from activeloop.desk.new import CampaignOptions, draft
from activeloop.desk.propose import PlateOptions
from activeloop.desk.record import ReadingOptions
from activeloop.errors import InputError, MeasurementError, StateError


def asked(name: str, *arguments: Any, **options: Any) -> Any:
    """The result of a use case, which is JSON that fits its schema."""
    result = desk.use_case(name)(*arguments, **options)
    written = json.loads(json.dumps(desk.plain(result), allow_nan=False))
    Draft202012Validator(desk.schema(name)).validate(written)
    assert desk.plain(desk.typed(desk.result_type(name), written)) == written
    return result


OPTIONS = CampaignOptions(
    ({"name": "kcat", "unit": "1/s"},), wild_type=">it\nMKTAYIAKQRQISFVKSH\n", singles=True, wells=24, controls=4
)


@pytest.fixture(params=["folder", "store"])
def loop(request: pytest.FixtureRequest, tmp_path: Path) -> OpenCampaign:
    """A new campaign, in a folder of its own or in a database of many."""
    if request.param == "store":
        store, planned = Store.open(tmp_path / "store"), draft(OPTIONS)
        return open_folder(store.folder(store.create("kcat", planned.text, planned.inputs)))
    asked("new", draft(OPTIONS), tmp_path / "kcat")
    return open_campaign(tmp_path / "kcat")


def test_a_campaign_from_its_draft_to_the_next_plate(loop, answer, tmp_path):
    looked = asked("preview_campaign", OPTIONS, 20)
    made = asked("propose", loop, 20)
    assert [p.name for p in made.proposal.picks] == [p.name for p in looked.proposal.picks]
    assert made.plates == looked.plates
    assert not made.again
    again = asked("propose", loop, 7, plate=PlateOptions(wells=96))
    assert (again.again, again.unchanged, again.proposal) == (True, ("number", "wells"), made.proposal)
    laid = asked("lay_again", loop, 1, PlateOptions(layout="by-column"))
    assert asked("plates_of", loop).plates == laid.plates
    content = asked("plate_file", loop, "plate-1", ".csv").content.decode()
    assert content == (loop.folder.plates / "plate-1.csv").read_text("utf-8")

    file = answer(loop.folder.path, 1, ["kcat"], tmp_path / "results.csv")
    seen = asked("preview_results", loop, file)
    assert (seen.good, seen.summary.stored, seen.failed, len(seen.wells)) == (True, 24, 1, 24)
    assert [c.role for c in seen.columns] == ["plate", "well", "kcat"]
    stored = asked("record", loop, asked("read_results", loop, file))
    assert (stored.stored, stored.event) == (24, 4)
    assert asked("preview_results", loop, file).summary.read_before

    fitted = asked("fit", loop)
    assert (fitted.fresh, fitted.current) == (True, 1)
    assert not asked("fit", loop).fresh
    assert [v.current for v in asked("versions", loop)] == [True]
    assert not asked("promote", loop, 1).changed
    shown = asked("show_status", loop)
    assert (shown.status.measured, shown.status.proposals) == (19, 1)
    assert asked("assess", loop).measured == 19
    (why,) = asked("explain", loop, ["K2R"])
    (predicted,) = asked("predict", loop, ["K2R"]).best
    assert predicted.predictions[0].mean == pytest.approx(why.mean)
    page = asked("candidates", loop, CandidateQuery("K2R"))
    assert page.candidates[0].predictions[0].mean == pytest.approx(why.mean)

    assert asked("pin", loop, ["A4G"], "a hunch") == asked("pin", loop, ["A4G"], "a hunch")
    assert asked("veto", loop, ["K2P"]).names == ("K2P",)
    happened = asked("history", loop)
    assert [e.kind for e in happened.events][:3] == ["pinned", "pinned", "pinned"]
    assert happened.total == len(list(loop.folder.log)) == sum(happened.kinds.values())
    assert asked("history", loop, ["measured"]).events[0].words == f"24 results of {file}"
    assert asked("recorded_files", loop)[0].results == 24
    assert asked("results", loop, candidate=made.proposal.picks[0].name).total == 1
    assert asked("void", loop, 4, [2], "spilt").count == 1
    assert (asked("recorded_files", loop)[0].voided, asked("results", loop).results[0].void) == (1, "spilt")
    assert asked("extend", loop, positions="2").added == 0
    assert asked("extend", loop, candidates=["K2R:T3S", "p.Ala4Gly"]).added == 1
    with pytest.raises(InputError, match="candidates and --positions: extend the pool in one way"):
        asked("extend", loop, candidates=["K2R:T3S"], positions="3")
    assert asked("export", loop, tmp_path / "tables").files
    assert asked("report_page", loop).page.startswith("<!")
    assert asked("verify", loop.folder).problems == ()


def test_wrong_rows_are_data_and_nothing_is_stored(loop, tmp_path):
    file = tmp_path / "results.csv"
    file.write_text("mutant,kcat (1/s)\nK2R,1.5\nK2Z,1\nT3S,high\nA4G,0.4\nQ99A,2\n")
    seen = asked("preview_results", loop, file)
    assert [p.row for p in seen.problems] == [3, 4, 6]
    assert '"K2Z"' in seen.problems[0].problem
    assert (seen.summary, seen.skippable, seen.good) == (None, True, False)
    with pytest.raises(MeasurementError) as caught:
        asked("read_results", loop, file)
    assert [row for row, _ in caught.value.rows] == [3, 4, 6]
    many = tmp_path / "many.csv"
    many.write_text("mutant,kcat\n" + "".join(f"K2Z,{i}\n" for i in range(300)))
    assert len(asked("preview_results", loop, many).problems) == 300
    file.write_text("mutant,rate\nK2R,1.5\n")
    assert asked("preview_results", loop, file).problems[0].row is None
    assert asked("preview_results", loop, file, ReadingOptions({"kcat": "rate"})).good
    assert not loop.campaign.state().results


def test_a_preview_asks_whether_rows_correct_or_repeat(loop, tmp_path):
    file = tmp_path / "results.csv"
    file.write_text("mutant,kcat\nK2R,1.5\n")
    asked("record", loop, asked("read_results", loop, file))
    file.write_text("mutant,kcat\nK2R,1.7\n")
    (question,) = asked("preview_results", loop, file).problems
    assert "correct that one, or was it measured again?" in question.problem
    assert asked("preview_results", loop, file, repeats=True).summary.stored == 1
    assert asked("preview_results", loop, file, replaces=["results.csv"]).summary.replaced == 1


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"wild_type": ">a\nMKTA\n>b\nMKTT"}, "holds 2 sequences"),
        ({"wild_type": "/etc/passwd"}, "none of the 20 amino acids"),
        ({"wells": 97}, "plate.wells"),
        ({"controls": 24}, "a 24-well plate has 24"),
        ({"singles": False}, "exactly one of singles, sites, table, fasta"),
        ({"signal_peptide": 3, "singles": False, "sites": ("K2",)}, "belong to --singles"),
    ],
)
def test_a_draft_that_makes_no_sense_is_refused(changed, why):
    from dataclasses import replace

    with pytest.raises(InputError, match=why):
        draft(replace(OPTIONS, **changed))


def test_what_is_not_there_is_said(loop):
    with pytest.raises(StateError, match='no plate "plate-9"'):
        asked("plate_file", loop, "plate-9", ".csv")
    with pytest.raises(InputError, match='no kind of event "measure"'):
        asked("history", loop, ["measure"])
    with pytest.raises(InputError, match="a page of 0"):
        asked("results", loop, size=0)
    with pytest.raises(StateError, match="no version yet"):
        asked("distil", loop)
    assert asked("students", loop) == ()
