"""A campaign as tables: what is exported is all of it, and can be recorded again to the same data."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from activeloop.cli import main
from activeloop.cli.new import new
from activeloop.cli.propose import propose
from activeloop.cli.record import record
from activeloop.config import open_campaign
from activeloop.desk.export import export
from activeloop.errors import InputError

NEW = {"wild_type": "MKTAYIAKQR", "singles": True, "seed": 3, "wells": 24, "controls": 2}


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def exported(folder: Path, form: str = "csv") -> Path:
    export(open_campaign(folder), folder.parent / f"out-{form}", form)  # type: ignore[arg-type]
    return folder.parent / f"out-{form}"


def test_results_are_recorded_again_to_the_same_data(campaign, tmp_path):
    folder = campaign(assays=("kcat:1/s", "Tm:°C"))
    out = exported(folder)
    new(tmp_path / "again", ["kcat:1/s", "Tm:°C"], **{**NEW, "wild_type": "MKTAYIAKQRQISFVKSH"})
    record(tmp_path / "again", out / "results.csv")
    ours, theirs = (open_campaign(f).campaign.dataset() for f in (folder, tmp_path / "again"))
    assert theirs.hash == ours.hash
    assert len(ours) > 30


def test_standard_errors_of_means_go_along(tmp_path):
    new(tmp_path / "loop", ["kcat:1/s", "Tm:°C"], **NEW)
    (tmp_path / "r.csv").write_text("variant,kcat,kcat SD,Tm,Tm SEM,n\nK2R,3,0.4,50,0.25,4\nK2A,5,0.7,51,,3\n")
    record(tmp_path / "loop", tmp_path / "r.csv")
    out = exported(tmp_path / "loop")
    new(tmp_path / "again", ["kcat:1/s", "Tm:°C"], **NEW)
    record(tmp_path / "again", out / "results.csv")
    ours, theirs = (open_campaign(tmp_path / f).campaign.dataset() for f in ("loop", "again"))
    assert ours.errors[:, 0].max() > 0.2
    np.testing.assert_array_equal(theirs.errors, ours.errors)
    assert theirs.hash == ours.hash


@pytest.mark.parametrize("assay", ["KD:nM:minimise", "KD:nM:minimise:log", "KD:nM:classify"])
def test_limits_failed_wells_repeats_and_files_without_plates(tmp_path, assay):
    """What stood in one file stays together, what was voided stays out, a limit stays a limit."""
    new(tmp_path / "loop", [assay], **NEW)
    fit = assay.endswith("classify")
    first = "K2R,0\nK2A,1\nT3S,1\nT3A,failed" if fit else "K2R,1.234\nK2A,<0.5\nT3S,7.125\nT3A,failed"
    again = "K2R,1\nK2A,1" if fit else "K2R,1.5\nA4G,12.375"
    wrong = "Y5W,1" if fit else "Y5W,99"
    (tmp_path / "first.csv").write_text(f"candidate,KD\n{first}\n")
    (tmp_path / "again.csv").write_text(f"candidate,KD\n{again}\n")
    (tmp_path / "wrong.csv").write_text(f"candidate,KD\n{wrong}\n")
    for name in ("first", "wrong"):
        record(tmp_path / "loop", tmp_path / f"{name}.csv")
    record(tmp_path / "loop", tmp_path / "again.csv", repeats=True)
    loop = open_campaign(tmp_path / "loop").campaign
    event = next(e for e, source in loop.state().sources.items() if source.endswith("wrong.csv"))
    loop.void(event, reason="bubble")
    out = exported(tmp_path / "loop")
    assert [r["voided because"] for r in rows_of(out / "voided.csv")] == ["bubble"]
    new(tmp_path / "other", [assay], **NEW)
    record(tmp_path / "other", out / "results.csv")
    ours, theirs = (open_campaign(tmp_path / f).campaign.dataset() for f in ("loop", "other"))
    assert theirs.hash == ours.hash
    assert (theirs.censored == ours.censored).all()


def test_every_table_holds_what_the_campaign_does(campaign):
    folder = campaign()
    loop = open_campaign(folder).campaign
    out = exported(folder)
    state = loop.state()
    assert len(rows_of(out / "results.csv")) == len(state.results)
    assert not (out / "voided.csv").exists()
    events = rows_of(out / "events.csv")
    assert [int(e["sequence"]) for e in events] == [r.sequence for r in loop.log]
    assert json.loads(events[1]["payload"])["proposal"]["picks"][0]["name"] == state.proposals[0].picks[0].name
    picks = rows_of(out / "proposals.csv")
    assert [p["candidate"] for p in picks] == [p.name for one in state.proposals for p in one.picks]
    first, second = picks[0], picks[-1]
    assert (first["version"], first["predicted"], first["assay"]) == ("0", "", "")
    assert (second["assay"], float(second["predicted"])) == ("kcat", state.proposals[1].picks[-1].mean)
    predicted = rows_of(out / "predictions.csv")
    table = loop.predict(np.arange(len(loop.pool)))
    assert [float(p["kcat"]) for p in predicted] == table.mean[:, 0].tolist()
    assert [p["candidate"] for p in predicted] == list(table.names)
    (version,) = rows_of(out / "versions.csv")
    assert json.loads(version["metrics"])["candidates"] == state.versions[0].metrics["candidates"]
    wells = rows_of(out / "plates.csv")
    assert {w["plate"] for w in wells} == {"plate-1", "plate-2"}
    assert sum(w["kind"] == "control" for w in wells) == 8


def test_json_and_parquet_hold_numbers(campaign, monkeypatch):
    folder = campaign()
    stated = [r.measurement.value for r in open_campaign(folder).campaign.state().results]
    results = json.loads((exported(folder, "json") / "results.json").read_text())
    assert [r["value"] for r in results] == [None if v != v else v for v in stated]
    assert {r["qualifier"] for r in results} == {"="}
    polars = pytest.importorskip("polars")
    table = polars.read_parquet(exported(folder, "parquet") / "results.parquet")
    assert np.array_equal(table["value"].to_numpy(), stated, equal_nan=True)


def test_parquet_without_a_library_is_refused_in_words(campaign, monkeypatch, tmp_path):
    import activeloop.desk.export as module

    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="neither is installed: `pip install pyarrow`, or take --format csv or json"):
        export(open_campaign(campaign()), tmp_path / "out", "parquet")
    assert not (tmp_path / "out").exists()


def test_a_file_or_a_campaign_is_no_place_for_tables(campaign, tmp_path):
    (tmp_path / "file").write_text("mine")
    for place, why in ((tmp_path / "file", "this is a file"), (campaign(), "this is a campaign")):
        with pytest.raises(InputError, match=why):
            export(open_campaign(campaign()), place)


def test_before_any_result_what_there_is_is_exported(tmp_path, capsys):
    new(tmp_path / "loop", ["kcat"], **NEW, learner="forest")
    propose(tmp_path / "loop", number=4)
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        main(["export", str(tmp_path / "loop"), "--out", str(tmp_path / "out")])
    assert not end.value.code
    said = capsys.readouterr()
    assert "Predictions were left out: there is no model yet" in said.err
    assert f"Written: {tmp_path / 'out' / 'proposals.csv'} (4 rows)" in said.out
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["events.csv", "plates.csv", "proposals.csv"]
