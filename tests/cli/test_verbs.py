"""The verbs, as one types them: what they print, what they store, and how they end."""

from __future__ import annotations

import csv
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from activeloop.campaigns import Measured, Proposed
from activeloop.cli.verbs import VERBS
from activeloop.config import open_campaign
from activeloop.plates import read_plates

OWN = ("new", "propose", "record", "fit", "status", "assess", "predict", "plate", "pin", "veto", "void", "verify")
WT = "MKTAYIAKQR"


@pytest.fixture
def loop(run) -> Path:
    """A campaign in the folder `loop`, whose learner predicts nothing before it has seen something."""
    options = ("--assay", "kcat:1/s", "--seed", 5, "--price", 2, "--learner", "forest")
    assert run("new", "loop", "--wild-type", WT, "--singles", *options)[0] == 0
    return Path("loop")


def results(plate_file: Path, to: Path, failed: tuple[str, ...] = ()) -> Path:
    """What a laboratory would send back for a plate."""
    (plate,) = read_plates(plate_file)
    with to.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["plate", "well", "kcat (1/s)"])
        for well, held in plate.wells.items():
            value = (
                "failed"
                if well in failed
                else 1.0
                if held.control
                else 1 + len(held.candidate) + ord(held.candidate[-1]) / 100
            )
            writer.writerow([plate.id, well, value])
    return to


def one_round(run, number: int = 1) -> None:
    assert run("propose", "loop", "-n", 10, "--plate", 24, "--controls", 2)[0] == 0
    file = results(Path(f"loop/plates/plate-{number}.csv"), Path(f"r{number}.csv"))
    assert run("record", "loop", file)[0] == 0


def events(folder: str | Path = "loop") -> list:
    return [r.event for r in open_campaign(folder).folder.log]


def test_a_campaign_from_new_to_the_second_plate(run, loop):
    status, out, _ = run("propose", "loop", "-n", 10, "--plate", 24, "--controls", 2)
    assert status == 0
    assert "Proposal 1 was made: 10 candidates, chosen by" in out
    assert "Next: measure it, then `activeloop record loop FILE`" in out
    assert sorted(p.name for p in Path("loop/plates").iterdir()) == ["plate-1.csv", "plate-1.svg", "plate-1.xlsx"]
    status, out, _ = run("record", "loop", results(Path("loop/plates/plate-1.csv"), Path("r1.csv")))
    assert (status, "Stored 12 results of 10 candidates from r1.csv as event 3." in out) == (0, True)
    status, out, _ = run("propose", "loop", "-n", 10)
    assert (status, "Proposal 2 was made" in out, "predictions of version 1 (" in out) == (0, True, True)
    status, out, _ = run("status", "loop")
    assert status == 0
    assert re.search(r"measured +│ 10 candidates, 10 results", out)
    assert "Next: Measure proposal 2 (10 candidates), then record its results." in out
    status, out, _ = run("assess", "loop")
    assert status == 0
    assert "Cost so far: 24.00 for 12 wells; 20.00 for the next round." in out
    assert [type(e).__name__ for e in events()] == ["Configured", "Proposed", "Measured", "Fitted", "Proposed"]


def test_propose_again_shows_the_same_plate_and_changes_no_file(run, loop):
    first = run("propose", "loop", "-n", 10)[1]
    plate = Path("loop/plates/plate-1.csv").read_bytes()
    again = run("propose", "loop", "-n", 20, "--plate", 384)[1]
    assert "Proposal 1 is out already; this is it again: 10 candidates" in again
    assert Path("loop/plates/plate-1.csv").read_bytes() == plate
    assert again.splitlines()[1:14] == first.splitlines()[1:14]
    assert "Proposal 2 was made" in run("propose", "loop", "-n", 10, "--another")[1]


def test_a_plate_lost_by_a_crash_is_laid_out_again_the_same(run, loop):
    run("propose", "loop", "-n", 10)
    before = Path("loop/plates/plate-1.csv").read_bytes()
    for path in Path("loop/plates").iterdir():
        path.unlink()
    run("propose", "loop", "-n", 10)
    assert Path("loop/plates/plate-1.csv").read_bytes() == before


def test_the_default_learner_predicts_before_anything_was_measured(run):
    run("new", "d", "--wild-type", WT, "--singles", "--assay", "kcat")
    status, out, _ = run("predict", "d")
    assert (status, "the best 10 by the prior" in out) == (0, True)
    out = run("propose", "d", "-n", 10)[1]
    assert (
        "10 candidates, chosen by the score greedy and the batch strategy promising, from predictions of the prior"
        in out
    )
    results_file = results(Path("d/plates/plate-1.csv"), Path("r1.csv"))
    Path("d.csv").write_text(results_file.read_text().replace("kcat (1/s)", "kcat"))
    assert run("record", "d", "d.csv")[0] == 0
    assert "from predictions of version 1 (mutations+isotonic)" in run("propose", "d", "-n", 10)[1]
    assert list(Path("d/artifacts").rglob("*.npz"))


def test_a_crash_between_two_plates_leaves_no_plate_behind(run, loop):
    run("propose", "loop", "-n", 40, "--plate", 24, "--controls", 2)
    before = {p.name: p.read_bytes() for p in Path("loop/plates").glob("*.csv")}
    for ending in ("csv", "svg", "xlsx"):
        Path(f"loop/plates/plate-1-1.{ending}").unlink()
    status, out, _ = run("propose", "loop", "-n", 40, "--plate", 24, "--controls", 2)
    assert (status, "plate-1-1: " in out, "plate-1-2: " in out) == (0, True, True)
    assert {p.name: p.read_bytes() for p in Path("loop/plates").glob("*.csv")} == before


def test_the_same_seed_gives_the_same_plates(run):
    for name in ("a", "b"):
        run("new", name, "--wild-type", WT, "--singles", "--assay", "kcat", "--seed", 7)
        run("propose", name, "-n", 10)
    assert Path("a/plates/plate-1.csv").read_bytes() == Path("b/plates/plate-1.csv").read_bytes()


def test_more_candidates_than_wells_make_several_plates(run, loop):
    status, out, _ = run("propose", "loop", "-n", 40, "--plate", 24, "--controls", 2, "--out", "mine.csv")
    assert status == 0
    assert {p.stem for p in Path("loop/plates").iterdir()} == {"plate-1-1", "plate-1-2"}
    assert Path("mine-1.csv").exists()
    assert Path("mine-2.csv").exists()
    status, out, _ = run("plate", "loop", "--out", "x.svg")
    assert (status, out.count("Written: x-")) == (0, 2)


def test_a_file_read_twice_and_failed_wells(run, loop):
    run("propose", "loop", "-n", 10, "--plate", 24, "--controls", 2)
    (plate,) = read_plates("loop/plates/plate-1.csv")
    well = next(w for w, held in plate.wells.items() if not held.control)
    file = results(Path("loop/plates/plate-1.csv"), Path("r1.csv"), failed=(well,))
    out = run("record", "loop", file)[1]
    assert "Note: no value:" in out
    assert "r1.csv was recorded before (event 3): nothing was stored." in run("record", "loop", file)[1]
    assert len([e for e in events() if isinstance(e, Measured)]) == 1
    assert open_campaign("loop").campaign.status().measured == 9


def test_fit_prints_the_version_and_whether_anything_changed(run, loop):
    one_round(run)
    assert "Fitted version 1 (" in run("fit", "loop")[1]
    assert "Nothing changed since version 1: it is still current." in run("fit", "loop")[1]
    assert "Fitted version 2 (" in run("fit", "loop", "--again")[1]


def test_promote_goes_back_to_an_earlier_version_and_says_which_is_current(run, loop):
    assert "No version was fitted yet." in run("promote", "loop")[1]
    one_round(run)
    run("fit", "loop")
    run("fit", "loop", "--again")
    assert "Version 1 is current now (" in run("promote", "loop", 1, "--reason", "the better one")[1]
    listed = run("promote", "loop")[1].splitlines()
    assert [("(current)" in line) for line in listed[1:3]] == [True, False]
    for verb in ("fit", "status"):
        assert "Version 1 stays current, not 2: version 1 was promoted since." in run(verb, "loop")[1]
    assert "current is 1 by" in run("status", "loop")[1]
    assert "by version 1" in run("predict", "loop")[1]
    assert "Version 1 is current already: nothing changed." in run("promote", "loop", 1)[1]
    assert "there is no version 3 (there are 2). Nothing was changed." in run("promote", "loop", 3)[2]


def test_predictions_of_the_pool_and_of_a_table(run, loop):
    one_round(run)
    run("fit", "loop")
    assert run("predict", "loop", "--out", "all.csv")[0] == 0
    with Path("all.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 190
    assert list(rows[0]) == ["candidate", "kcat", "kcat model sd", "kcat measurement low", "kcat measurement high"]
    assert all(float(r["kcat measurement low"]) <= float(r["kcat"]) <= float(r["kcat measurement high"]) for r in rows)
    Path("some.csv").write_text("mutant\nK2R\nA4G\n")
    status, out, _ = run("predict", "loop", "some.csv")
    assert (status, "K2R" in out, "A4G" in out, "the best 2 by version 1" in out) == (0, True, True, True)
    Path("bad.csv").write_text("mutant\nK2R\nA5G\n")
    status, _, err = run("predict", "loop", "bad.csv")
    assert (status, err.startswith('Error: bad.csv, row 3: "A5G"')) == (2, True)


def test_pin_veto_and_void(run, loop):
    assert "Pinned K2R, A4G: on the next proposal." in run("pin", "loop", "K2R", "a4g", "--reason", "old friends")[1]
    assert "Vetoed A4G" in run("veto", "loop", "A4G")[1]
    one_round(run)
    (proposal,) = [e.proposal for e in events() if isinstance(e, Proposed)]
    names = [p.name for p in proposal.picks]
    assert (names[0], "A4G" in names) == ("K2R", False)
    out = run("void", "loop")[1]
    number = re.search(r"(\d+): 12 results from r1.csv, 0 voided", out)[1]
    assert f"Voided 1 result of event {number}." in run("void", "loop", number, "--row", 3, "--reason", "bubble")[1]
    assert f"Voided 11 results of event {number}." in run("void", "loop", number)[1]
    assert "nothing changed" in run("void", "loop", number)[1]


def test_a_pool_from_a_table_goes_into_the_folder(run):
    Path("library.csv").write_text("mutant\nK2R\nT3S\nA4G\n")
    assert run("new", "t", "--wild-type", WT, "--table", "library.csv", "--assay", "x::minimise")[0] == 0
    Path("library.csv").unlink()
    assert len(open_campaign("t").campaign.pool) == 3
    assert "3 candidates" in run("propose", "t")[1]


def test_combinatorial_sites_with_letters_of_their_own(run):
    status, out, _ = run("new", "s", "--wild-type", WT, "--sites", "K2, T3=AGS", "--assay", "x", "--goal", "learn")
    assert (status, "60 variants" in out, "goal: learn" in out) == (0, True, True)


NEW = ("new", "x", "--assay", "kcat")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("propose", "nowhere"), "nowhere is not a folder"),
        (("status", "."), "has no campaign.toml"),
        (("new", "loop", "--wild-type", WT, "--singles", "--assay", "x"), "is a campaign already"),
        (("new", "file.txt", "--wild-type", WT, "--singles", "--assay", "x"), "is a file"),
        (("new", "x", "--wild-type", WT, "--singles"), "Missing option '--assay'"),
        ((*NEW, "--singles"), "--singles needs --wild-type"),
        ((*NEW, "--wild-type", WT), "exactly one of --singles, --sites, --table, --fasta"),
        ((*NEW, "--wild-type", "MKXTAYI", "--singles"), '"X"'),
        ((*NEW, "--wild-type", "gone.fasta", "--singles"), "gone.fasta"),
        ((*NEW, "--wild-type", WT, "--sites", "K3"), "K3"),
        ((*NEW, "--wild-type", WT, "--table", "gone.csv"), "gone.csv"),
        ((*NEW, "--wild-type", WT, "--table", "shifted.csv"), "shifted.csv"),
        ((*NEW, "--wild-type", WT, "--singles", "--learner", "wisdom"), 'there is no learner "wisdom"'),
        ((*NEW, "--assay", "kcat", "--wild-type", WT, "--singles"), 'assay "kcat" is there twice'),
        (
            (*NEW, "--assay", "KD:nM:down", "--wild-type", WT, "--singles"),
            '"down" is no goal (maximise, minimise, classify)',
        ),
        (
            (*NEW, "--assay", "a:b:maximise:c", "--wild-type", WT, "--singles"),
            '"c" is no goal (maximise, minimise, classify)',
        ),
        ((*NEW, "--wild-type", WT, "--singles", "--wells", "97"), "--wells is 97"),
        ((*NEW, "--wild-type", WT, "--singles", "--goal", "win"), "win"),
        (("propose", "loop", "-n", "0"), "at least 1"),
        (("propose", "loop", "--plate", "97"), "97"),
        (("propose", "loop", "--controls", "96"), "controls"),
        (("propose", "loop", "--out", "plate.pdf"), "plate.pdf: name a file that ends in .csv, .xlsx, .svg"),
        (("propose", "loop", "--out", "gone/plate.csv"), "there is no folder gone"),
        (("record", "loop", "gone.csv"), "gone.csv"),
        (("record", "loop", "unknown.csv"), "unknown.csv, row 3"),
        (("record", "loop", "file.txt", "--column", "value"), "is not ROLE=NAME"),
        (("predict", "loop", "gone.csv"), "gone.csv"),
        (("predict", "loop"), "there is no model yet"),
        (("pin", "loop", "A1G"), "the wild type has M"),
        (("void", "loop", "7"), "event 7 holds no results"),
        (("plate", "loop", "--proposal", "4"), "there is no plate of proposal 4"),
        (("wonder",), "wonder"),
    ],
)
def test_bad_input_is_one_clear_sentence_and_stores_nothing(run, loop, arguments, message):
    Path("file.txt").write_text("")
    Path("shifted.csv").write_text("mutant\nK12R\nT13S\nA14G\n")
    Path("unknown.csv").write_text("mutant,kcat (1/s)\nK2R,1.0\nW9Z,2.0\n")
    before = events()
    status, _, err = run(*arguments)
    assert status == (1 if arguments in (("predict", "loop"), ("plate", "loop", "--proposal", "4")) else 2)
    assert message in re.sub(r"\s+", " ", err)
    assert "Traceback" not in err
    assert events() == before
    assert not Path("x").exists()
    assert not list(Path("loop/plates").iterdir())


def test_a_recipe_broken_by_an_edit(run, loop):
    config = loop / "campaign.toml"
    config.write_text(config.read_text().replace("wells = 96", "wells = many"))
    status, _, err = run("status", "loop")
    assert status == 2
    assert re.match(r"Error: loop/campaign.toml, row \d+: this is not TOML", err)


def test_a_locked_database_ends_with_status_1(run, loop, monkeypatch):
    monkeypatch.setattr("activeloop.cli.terminal.BUSY_SECONDS", 0.1)
    other = sqlite3.connect(loop / "campaign.db", isolation_level=None)
    try:
        other.execute("BEGIN EXCLUSIVE")
        status, _, err = run("propose", "loop", "-n", 5)
    finally:
        other.close()
    assert (status, "is locked by another program: close it" in err) == (1, True)
    assert [type(e).__name__ for e in events()] == ["Configured"]


def test_every_verb_has_help_and_a_line_in_the_list(run):
    status, out, _ = run("--help")
    assert status == 0
    for verb in OWN:
        assert re.search(rf"^  {verb} +\w", out, re.M)
        status, text, _ = run(verb, "--help")
        assert (status, "Usage: activeloop" in text) == (0, True)
    assert set(OWN) <= set(VERBS)
    assert re.fullmatch(r"activeloop \d+\.\d+.*\n", run("--version")[1])


def test_every_line_of_the_list_begins_with_a_verb():
    verbs = "Make Choose Store Read Fit Show Add Assess Explain Predict Distil Screen Draw Write Export Put "
    verbs += "Exclude Declare Keep Serve Check Replay Evaluate Run List Back Restore Let"
    assert {line.split()[0] for line in VERBS.values()} <= set(verbs.split())


def test_verbs_and_options_of_before_are_understood_with_a_note(run, loop):
    one_round(run)
    new = run("assess", "loop")
    old = run("worth", "loop")
    assert old[:2] == new[:2] == (0, new[1])
    note = 'Note: the command "worth" is now called "assess". The old name still works; write the new one.'
    assert old[2].strip() == note
    status, _, err = run("screen", "loop", "--keep=10", "--widest", "2")
    assert 'the option "--keep" of command "screen" is now called "--shortlist"' in err
    assert 'the option "--widest" of command "screen" is now called "--max-growth"' in err
    assert status == 1  # it has no student


@pytest.mark.parametrize("verb", ["bench", "pretrain"])
def test_removed_verbs_name_their_replacement(run, verb):
    status, _, err = run(verb, "x")
    assert (status, f"`activeloop {verb}` was removed: use `python -m " in err) == (2, True)


def test_help_is_quick_and_imports_nothing_heavy():
    code = (
        "import sys, time; clock = time.process_time()\n"
        "from activeloop.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'sklearn', 'scipy', 'matplotlib', 'numpy', 'sqlalchemy', 'pydantic', 'rich'}\n"
        "heavy &= set(sys.modules)\n"
        "print(time.process_time() - clock, sorted(heavy))"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    seconds, heavy = said.stdout.splitlines()[-1].split(" ", 1)
    assert heavy == "[]"
    assert float(seconds) < 0.5


@pytest.mark.parametrize(
    ("typed", "completed"),
    [("activeloop propo", "propose"), ("activeloop record --dry", "--dry-run"), ("activeloop ", " ".join(VERBS))],
)
def test_the_shell_completes_commands_and_options(typed, completed):
    settings = {"_ACTIVELOOP_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
    program = Path(sys.executable).with_name("activeloop")
    said = subprocess.run([program], capture_output=True, text=True, check=True, env=os.environ | settings)
    assert set(completed.split()) <= set(said.stdout.split())
    assert said.stderr == ""


def test_record_asks_names_what_is_known_and_counts_as_status_does(run):
    run("new", "s", "--wild-type", WT, "--sites", "K2,T3", "--assay", "kcat", "--learner", "forest")
    Path("r.csv").write_text("mutant,kcat\nWT,1\nK2R,3\nT3S,4\n")
    assert (
        "Stored 3 results of 2 candidates from r.csv as event 2. 1 of them of the control WT."
        in run("record", "s", "r.csv")[1]
    )
    assert re.search(r"measured +│ 2 candidates, 2 results, 1 more of the control WT", run("status", "s")[1])
    Path("r.csv").write_text("mutant,kcat\nWT,1\nK2R,3\nT3S,4\nK2C,2\n")
    out = run("record", "s", "r.csv")[1]
    assert "Note: 3 rows known from event 2, not stored again: row 2 WT, row 3 K2R, row 4 T3S." in out
    assert "Stored 1 result of 1 candidate from r.csv as event 3." in out
    Path("r.csv").write_text("mutant,kcat\nWT,1\nK2R,3.5\nT3S,4\nK2C,2\n")
    status, _, err = run("record", "s", "r.csv")
    assert (status, "`--replaces 2 --replaces 3`" in err, "`--repeats`" in err) == (2, True, True)
    status, out, _ = run("record", "s", "r.csv", "--replaces", "r.csv")
    assert (status, "4 results that this file corrects no longer count" in out) == (0, True)
    assert [r.measurement.value for r in open_campaign("s").campaign.state().measured] == [3.5, 4, 2]


def test_what_was_changed_behind_its_back_is_found(run, loop):
    run("propose", "loop", "-n", 12)
    run("record", "loop", results(loop / "plates" / "plate-1.csv", Path("r1.csv")))
    run("fit", "loop")
    status, out, _ = run("verify", "loop")
    assert (status, "As it was written: 4 events, 1 stored model." in out) == (0, True)
    with sqlite3.connect(loop / "campaign.db") as connection:
        connection.execute("UPDATE events SET at = '2020-01-01' WHERE kind = 'measured'")
    status, out, _ = run("verify", "loop")
    assert status == 1
    assert "Wrong: event 3 was changed after it was written, or event 4 was put in." in out
    assert "restore the folder from a backup" in out


def test_a_stored_model_that_was_changed_is_found(run, loop):
    run("propose", "loop", "-n", 12)
    run("record", "loop", results(loop / "plates" / "plate-1.csv", Path("r1.csv")))
    run("fit", "loop")
    (model,) = (loop / "artifacts").rglob("*.npz")
    model.write_bytes(model.read_bytes()[:-1] + b"?")
    status, out, _ = run("verify", "loop")
    assert (status, "Wrong: version 1: the stored model" in out) == (1, True)


def test_status_after_a_void_of_everything(run, loop):
    one_round(run)
    run("fit", "loop")
    assert run("void", "loop", 3)[0] == 0
    out = run("status", "loop")[1]
    assert "nan" not in out.lower()
    assert "none is used, since all results were voided" in out
    assert run("predict", "loop")[0] == 1
    assert "chance: there is no model yet" in run("propose", "loop", "-n", 4)[1]


def test_files_in_plates_that_are_none_are_named_and_stop_nothing(run, loop):
    assert run("propose", "loop", "-n", 4)[0] == 0
    plates = Path("loop/plates")
    text = (plates / "plate-1.csv").read_text()
    (plates / "results.csv").write_text("candidate,kcat\nK2R,1\nK2C,2\n")
    (plates / "by_well.csv").write_text("well,candidate,kcat\nA1,K2R,1\n")
    (plates / "plate-1 copy.csv").write_text(text)
    (plates / "._plate-1.csv").write_bytes(b"\0\5\26\7")
    (plates / "folder.csv").mkdir()
    Path("r.csv").write_text("candidate,kcat\nK2R,1\nK2C,2\n")
    status, out, _ = run("record", "loop", "r.csv")
    assert (status, "Stored 2 results" in out) == (0, True)
    assert "Note: loop/plates holds files that are no plates and were not read: ._plate-1.csv and 4 more" in out
    for verb in (("propose", "loop", "-n", 4), ("propose", "loop", "-n", 4, "--another"), ("plate", "loop")):
        assert run(*verb)[0] == 0
    (plates / "plate-1.csv").write_text("well,kcat\nA1,1\n")  # one of ours that was damaged is not left out in silence
    status, _, err = run("record", "loop", "r.csv")
    assert (status, "plate-1.csv" in err, 'no column "candidate"' in err) == (2, True, True)


def test_a_plate_that_cannot_be_written_leaves_no_proposal_behind(run, loop, monkeypatch):
    run("propose", "loop", "-n", 4)
    before, files = len(events()), sorted(Path("loop/plates").iterdir())
    Path("loop/plates/plate-2.csv").write_text("well,candidate\nA1,K2R\n")
    status, _, err = run("propose", "loop", "-n", 4, "--another")
    assert (status, "although proposal 2 was never made" in err, len(events())) == (2, True, before)
    Path("loop/plates/plate-2.csv").unlink()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        status, _, err = run("propose", "loop", "-n", 4, "--another", "--out", "p.csv")
    assert (status, "No space left" in err, len(events())) == (1, True, before)
    assert (sorted(Path("loop/plates").iterdir()), Path("p.csv").exists()) == (files, False)
    assert run("propose", "loop", "-n", 4, "--another", "--out", "p.csv")[0] == 0
    assert Path("p.csv").read_text() == Path("loop/plates/plate-2.csv").read_text()


CONTROLS = ["=DMSO", "+1", "-DMSO", "@home", "'WT", "A\x01B", "A\nB", "A\tB", "WT ", "#N/A", "D\u200bM"]


@pytest.mark.parametrize("name", CONTROLS, ids=repr)
def test_a_control_that_a_spreadsheet_cannot_hold_is_refused_at_the_door(run, name):
    status, _, err = run("new", "c", "--wild-type", WT, "--singles", "--assay", "a", "--control", name)
    assert (status, Path("c").exists()) == (2, False), err
    assert "control" in err


def test_a_control_that_was_accepted_before_is_named_with_its_key(run, loop):
    run("propose", "loop", "-n", 4)
    config, plate = Path("loop/campaign.toml"), Path("loop/plates/plate-1.csv")
    config.write_text(config.read_text().replace('control = "WT"', 'control = "=DMSO"'))
    plate.write_text(plate.read_text().replace(",WT,", ",=DMSO,"))
    status, _, err = run("propose", "loop", "-n", 4)
    assert (status, "control" in err, 'such as "DMSO"' in err) == (2, True, True)
    config.write_text(config.read_text().replace('control = "=DMSO"', 'control = "DMSO"'))
    wells = [line.split(",") for line in plate.read_text().splitlines()[1:]]
    Path("r.csv").write_text("\n".join(["well,kcat", *(f"{w[1]},{i}.5" for i, w in enumerate(wells) if w[3])]))
    assert run("record", "loop", "r.csv")[0] == 0  # the plate of before is read as it stands


def test_options_that_change_nothing_and_a_pool_that_is_too_small_are_said(run, loop):
    assert "Note" not in run("propose", "loop", "-n", 5, "--controls", 2)[1]
    again = run("propose", "loop", "-n", 6, "--controls", 3, "--seed", 9)[1]
    assert "Note: -n, --controls, --seed changed nothing, since it was made before" in again
    assert "Note" not in run("propose", "loop", "-n", 5, "--controls", 2)[1]
    assert (
        "Note: 166 candidates, not 500: no others are left to propose."
        in run("propose", "loop", "-n", 500, "--plate", 384, "--another")[1]
    )


def test_before_any_result_classes_have_probabilities(run):
    run("new", "one", "--wild-type", WT, "--singles", "--assay", "soluble::classify", "--seed", 5)
    out = run("predict", "one")[1]
    assert "90 % interval of the probability" in out
    assert "these are probabilities by the prior." in out


def test_two_assays_from_the_first_plate_to_the_front_and_its_picture(run):
    assays = ("--assay", "kcat:1/s", "--assay", "KM:mM:minimise")
    assert run("new", "two", "--wild-type", WT, "--singles", *assays, "--seed", 5)[0] == 0
    status, out, _ = run("propose", "two", "-n", 12, "--plate", 24, "--controls", 2)
    assert status == 0
    assert "prior score" in out
    assert "kcat predicted" not in out
    out = run("predict", "two")[1]
    assert "scores of the prior" in out
    assert run("status", "two", "--picture", "f.png")[0] == 1  # nothing to draw yet
    (plate,) = read_plates(Path("two/plates/plate-1.csv"))
    lines = ["well,kcat,KM"]
    for well, held in plate.wells.items():
        k = ord(held.candidate[-1]) % 9 + 1 + ord(held.candidate[1]) / 100
        lines.append(f"{well},{k:.2f},{k / 2 + ord(held.candidate[0]) % 5:.2f}")
    Path("r.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert run("record", "two", "r.csv")[0] == 0
    assert "No model was fitted to the results yet" in run("assess", "two")[1]
    status, out, _ = run("propose", "two", "-n", 6, "--plate", 24, "--controls", 2)
    assert status == 0
    assert all(word in out for word in ("kcat predicted", "kcat 90 % interval", "KM predicted", "KM 90 % interval"))
    header = Path("two/plates/plate-2.csv").read_text("utf-8").splitlines()[0]
    assert "kcat predicted,kcat low,kcat high,KM predicted,KM low,KM high" in header
    status, out, _ = run("status", "two", "--picture", "f.svg")
    assert status == 0
    assert all(word in out for word in ("best kcat", "best KM", "front", "volume below it, by round", "Written: f.svg"))
    assert "less is better" in Path("f.svg").read_text("utf-8")
    out = run("assess", "two")[1]
    assert "Front of 12 after 1 round" in out
    assert "Skill in KM" in out
    out = run("predict", "two", "--top", 3)[1]
    assert all(word in out for word in ("kcat predicted", "KM predicted", "no other prediction beats"))
    assert run("status", "two", "--picture", "f.gif")[0] != 0


def test_a_threshold_is_shown_everywhere(run):
    assays = ("--assay", "kcat:1/s", "--assay", "Tm:°C:>=55")
    out = run("new", "two", "--wild-type", WT, "--singles", *assays, "--seed", 5)[1]
    assert "Tm >= 55 °C" in out
    assert "not known of any candidate yet" in run("status", "two")[1]
    status, _, err = run("assess", "two")
    assert (status, "`activeloop record DIR FILE`" in err, "`activeloop propose DIR`" in err) == (1, True, True)
    Path("r.csv").write_text("candidate,kcat,Tm\nK2R,3,50\nK2A,2,56\nK2C,1,<60\nT3S,4,\nA4G,1,>55\n", encoding="utf-8")
    assert run("record", "two", "r.csv")[0] == 0
    out = run("status", "two")[1]
    assert "met by 2 of 3 measured candidates" in out  # <60 and an empty cell leave it open
    assert "best kcat, within the thresholds │ K2A: 2 1/s" in " ".join(out.split())
    assert "rounds measured │ 0 (0 proposed); 9 results before the first" in " ".join(out.split())
    assert "2 within the thresholds before the first round: K2A, 2 1/s" in run("assess", "two")[1]
    status, out, _ = run("propose", "two", "-n", 4, "--plate", 24, "--controls", 2)
    assert status == 0
    assert "Tm >= 55 °C with" in " ".join(out.split())
    assert "greedy within the thresholds" in out


@pytest.mark.parametrize(
    ("table", "kind"),
    [
        ("smiles,name\nc1cc[nH]c1,pyrrole\nCCO,ethanol\n", "compounds"),
        ("id,structure\n1,CCO\n2,CCN\n", "compounds"),
        ("candidate\nc1cc[nH]c1\nCC(=O)O\n", "compounds"),
        ("guide\nACGTACGTACGTACGTACGT\nACGTACGTACGTACGTACGA\n", "guides"),
        ("seq\nACGTACGTACGTACGTACGT\nACGTACGTACGTACGTACGA\n", "guides"),
        ("variant,smiles\nAAAA,x\nAAAC,y\n", ""),
        ("sequence,primer\nFWAA,ACGTACGTACGTACGTACGT\nFWAC,ACGTACGTACGTACGTACGA\n", ""),
    ],
)
def test_a_table_of_another_kind_than_variants_is_asked_about(run, table, kind):
    Path("pool.csv").write_text(table)
    status, out, err = run("new", "loop", "--table", "pool.csv", "--assay", "x")
    if not kind:
        assert (status, "2 variants" in out) == (0, True)
        return
    assert status == 2
    assert f"looks like {kind}: are the candidates {kind}? Then add --kind {kind}." in err
    assert not Path("loop").exists()
    assert run("new", "loop", "--table", "pool.csv", "--assay", "x", "--kind", kind)[0] == 0


def test_a_unit_edited_by_hand_converts_what_was_measured(run):
    assert run("new", "c", "--wild-type", WT, "--singles", "--assay", "kcat:1/s")[0] == 0
    Path("r.csv").write_text("candidate,kcat (1/s)\nK2R,10\nK2C,9\n")
    assert run("record", "c", "r.csv")[0] == 0
    config = Path("c/campaign.toml")
    config.write_text(config.read_text().replace('unit = "1/s"', 'unit = "1/min"'))
    Path("n.csv").write_text("candidate,kcat (1/min)\nM1G,300\n")
    status, out, err = run("record", "c", "n.csv")
    assert (status, "Stored 1 result" in out) == (0, True)
    assert 'the unit of "kcat" was changed from 1/s to 1/min: stored values are converted' in err
    out = run("status", "c")[1]
    assert "K2R: 600 1/min" in out
    config.write_text(config.read_text().replace('goal = "maximise"', 'goal = "minimise"'))
    assert "M1G: 300 1/min" in run("status", "c")[1]
    config.write_text(config.read_text().replace('unit = "1/min"', 'unit = "nM"'))
    status, _, err = run("record", "c", "n.csv")
    assert (status, "cannot be converted, and it has 3 stored values" in err) == (2, True)


def test_hits_are_told_by_round(run):
    assert run("new", "h", "--wild-type", "MKTAYIAKQRQ", "--singles", "--assay", "folds::maximise:binary")[0] == 0
    Path("a.csv").write_text("mutant,folds\nK2R,yes\nK2L,no\nT3S,yes\nT3A,no\nA4G,no\n")
    assert run("record", "h", "a.csv")[0] == 0
    assert "Of 5 candidates before the first round 2 are hits.\n" in run("assess", "h")[1]
    assert run("propose", "h", "-n", "2")[0] == 0
    with Path("h/plates/plate-1.csv").open() as file:
        picks = [row["candidate"] for row in csv.DictReader(file) if row["kind"] == "candidate"]
    Path("b.csv").write_text(f"mutant,folds\n{picks[0]},1\n{picks[1]},0\n")
    assert run("record", "h", "b.csv")[0] == 0
    assert "Of 7 candidates after 1 round 3 are hits, 1 of them of the last round." in run("assess", "h")[1]


def test_names_with_markup_come_through_every_verb(run):
    pytest.importorskip("rdkit")
    Path("p.csv").write_text("smiles\nc1cc[nH]c1\nC[n+]1ccccc1\nCCO\nc1ccc2[nH]ccc2c1\n")
    assert run("new", "c", "--table", "p.csv", "--kind", "compounds", "--assay", "[/x]")[0] == 0
    Path("r.csv").write_text("smiles,[/x]\nc1cc[nH]c1,9\nCCO,1\n")
    assert run("record", "c", "r.csv")[0] == 0
    said = [run("status", "c")[1], run("propose", "c", "-n", 2)[1], run("predict", "c")[1], run("plate", "c")[1]]
    assert "best [/x]" in said[0]
    assert "c1cc[nH]c1: 9" in said[0]
    assert "c1ccc2[nH]ccc2c1" in said[1]
    assert "[/x] predicted" in said[2]
    status, _, err = run("pin", "c", "c1cc[nH]")
    assert (status, "c1cc[nH]" in err) == (2, True)


def test_an_emptied_database_is_not_taken_for_a_fresh_campaign(run, loop):
    one_round(run)
    Path("loop/campaign.db").write_bytes(b"")
    for verb in ("status", "propose", "assess", "predict", "plate", "fit"):
        status, _, err = run(verb, "loop")
        assert (status, "campaign.db is empty" in err) == (1, True)
    assert Path("loop/campaign.db").read_bytes() == b""
    Path("loop/campaign.toml").unlink()
    assert run("new", "other", "--wild-type", WT, "--singles", "--assay", "a")[0] == 0
    shutil.copyfile("other/campaign.db", "loop/campaign.db")
    status, _, err = run("new", "loop", "--wild-type", "GSHMASNDEF", "--singles", "--assay", "other")
    assert (status, "holds the log of a campaign that has lost its campaign.toml" in err) == (2, True)
    assert not Path("loop/campaign.toml").exists()
