"""An edited campaign.toml: each edit converts, refits, is refused or changes nothing; no value changes its meaning."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from activeloop.campaigns import Configured
from activeloop.cli import main
from activeloop.config import check_config, config_text, open_campaign, read_config
from activeloop.errors import InputError
from activeloop.measurements import Measurement

WT = "MKTAYIAKQR"
#: unit -> how many 1/s, or mol/L, it is
RATES = {"1/s": 1.0, "s-1": 1.0, "1/min": 1 / 60, "1/h": 1 / 3600, "1/ms": 1e3, "kHz": 1e3}
MOLAR = {"M": 1.0, "mM": 1e-3, "µM": 1e-6, "nM": 1e-9, "mol/L": 1.0, "pmol/µL": 1e-6}
#: what measures something else, or nothing known
OTHER = ("", "%", "RFU", "g/L", "°C", "min")
PERHAPS = {"kcat": RATES, "KM": MOLAR}


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A campaign of two assays with results, a limit, a hit and one version."""
    folder = tmp_path_factory.mktemp("edited") / "loop"
    assays = ("--assay", "kcat:1/s", "--assay", "KM:mM:minimise")
    with pytest.raises(SystemExit):
        main(["new", str(folder), "--wild-type", WT, "--singles", "--learner", "forest", *assays])
    config = read_config(folder / "campaign.toml")
    table = config.model_dump()
    table["assays"][0] |= {"upper": 900.0, "hit": 20.0}
    table["assays"][1] |= {"bounds": [0.0, 50.0]}
    table["learner"]["options"] = {"trees": 5}
    (folder / "campaign.toml").write_text(config_text(check_config(table, None)))
    loop = open_campaign(folder).campaign
    names = loop.pool.names(range(25))
    rows = [Measurement(name, "kcat", 3.3 * i + 0.1, row=i) for i, name in enumerate(names, 2)]
    rows += [
        Measurement(name, "KM", 0.7 * i, row=i, qualifier="<" if i == 5 else "=") for i, name in enumerate(names, 2)
    ]
    loop.record(rows, "first.csv", "first")
    loop.propose(5)
    return folder


units = st.sampled_from([*RATES, *MOLAR, *OTHER])
edits = st.one_of(
    st.tuples(st.sampled_from([0, 1]), st.just("unit"), units),
    st.tuples(st.sampled_from([0, 1]), st.just("unit of its kind"), st.integers(0, 5)),
    st.tuples(st.sampled_from([0, 1]), st.just("goal"), st.sampled_from(["maximise", "minimise", "classify"])),
    st.tuples(st.sampled_from([0, 1]), st.just("scale"), st.sampled_from(["auto", "log", "linear"])),
    st.tuples(st.sampled_from([0, 1]), st.just("name"), st.sampled_from(["kcat", "KM", "Tm"])),
    st.tuples(
        st.sampled_from([0, 1]),
        st.sampled_from(["upper", "lower", "hit", "threshold"]),
        st.sampled_from([None, 0.5, 60.0, 5e4]),
    ),
    st.tuples(st.sampled_from([0, 1]), st.just("bounds"), st.sampled_from([None, [0.0, 1.0], [0.0, 1e6]])),
    st.tuples(st.just("assays"), st.just(""), st.sampled_from(["drop first", "drop last", "swap", "add"])),
    st.tuples(st.just("pool"), st.just("wild_type"), st.sampled_from([WT, WT[:-1], WT[1:] + "M", "MKTAYIAKQK"])),
    st.tuples(st.just("pool"), st.just("positions"), st.sampled_from(["", "1-10", "1-3", "2-9"])),
    st.tuples(st.just(""), st.just("seed"), st.integers(0, 9)),
    st.tuples(st.just(""), st.just("goal"), st.sampled_from(["find", "learn"])),
    st.tuples(st.just("plate"), st.just("wells"), st.sampled_from([24, 96, 384])),
    st.tuples(st.just("plate"), st.just("price_per_well"), st.sampled_from([0.0, 2.5])),
    st.tuples(st.just("learner"), st.just("options"), st.sampled_from([{"trees": 5}, {"trees": 6}])),
    st.tuples(st.just("select"), st.just("score"), st.sampled_from(["", "ucb"])),
)


def edited(table: dict[str, Any], edit: tuple[Any, str, Any]) -> dict[str, Any]:
    """The plain values of a config after one edit."""
    where, key, value = edit
    assays = [dict(a) for a in table["assays"]]
    if where == "assays":
        changed = {
            "drop first": assays[1:],
            "drop last": assays[:-1],
            "swap": assays[::-1],
            "add": [*assays, {"name": f"extra{len(assays)}", "unit": "°C"}],
        }[value]
        return {**table, "assays": changed or assays}
    if isinstance(where, int):
        assay = assays[where % len(assays)]
        if key == "unit of its kind":
            key, value = "unit", list(PERHAPS.get(assay["name"], RATES))[value]
        assay[key] = value
        return {**table, "assays": assays}
    return {**table, key: value} if not where else {**table, where: {**table[where], key: value}}


def meaning(folder: Path) -> dict[tuple[str, str], tuple[str, float]]:
    """What is stored, in SI units: (candidate, assay) -> qualifier and value."""
    opened = open_campaign(folder)
    unit = {a.name: PERHAPS[a.name][a.unit] for a in opened.campaign.assays if a.name in PERHAPS}
    rows = [r.measurement for r in opened.campaign.state().results]
    return {(m.candidate, m.assay): (m.qualifier, m.value * unit[m.assay]) for m in rows}


def same(now: dict, then: dict) -> bool:
    return now.keys() == then.keys() and all(
        now[key][0] == then[key][0] and now[key][1] == pytest.approx(then[key][1], rel=1e-12) for key in then
    )


def log_of(folder: Path) -> bytes:
    return (folder / "campaign.db").read_bytes()


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(edits, st.booleans()), min_size=1, max_size=4))
def test_no_edit_gives_a_stored_value_another_meaning(made, steps):
    with tempfile.TemporaryDirectory() as place:
        folder = Path(shutil.copytree(made, Path(place, "loop")))
        config, then = folder / "campaign.toml", meaning(folder)
        table = read_config(config).model_dump()
        for edit, writes in steps:
            wanted, good, before = edited(table, edit), config.read_text(), log_of(folder)
            try:
                config.write_text(config_text(check_config(wanted, str(config))))
                found = open_campaign(folder)
                status = found.campaign.status()
            except InputError as error:
                said = str(error)
                assert "\n" not in said
                assert "Traceback" not in said
                assert log_of(folder) == before
                config.write_text(good)  # undone, everything is as it was
                assert same(meaning(folder), then)
                continue
            table = wanted
            assert log_of(folder) == before  # a question writes nothing
            assert same(meaning(folder), then)
            state = found.campaign.state()
            change = found.campaign.change()
            assert status.stale or 1 not in state.outdated
            if change is None or not change.refits:  # models of before are still of these assays
                before_it = [r.event for r in found.folder.log if isinstance(r.event, Configured)][-1].assays
                kept = [replace(a, unit="", lower=None, upper=None, threshold=None) for a in before_it]
                assert kept == [
                    replace(a, unit="", lower=None, upper=None, threshold=None) for a in found.campaign.assays
                ]
            if writes:
                found.campaign.veto([f"M1{letter}" for letter in "AC"])
                assert same(meaning(folder), then)
                assert open_campaign(folder).campaign.change() is None


@pytest.mark.parametrize(
    ("old", "new", "stale"),
    [
        ('unit = "1/s"', 'unit = "1/s"  # per second', False),
        ("wells = 96", "wells = 384", False),
        ("price_per_well = 0.0", "price_per_well = 2.5", False),
        ("seed = 0", "seed = 7", False),
        ("upper = 900.0", "upper = 800.0", False),
        ("hit = 20.0", "hit = 30.0", False),
        ('unit = "1/s"', 'unit = "s-1"', False),
        ('goal = "minimise"', 'goal = "maximise"', True),
        ('goal = "find"', 'goal = "learn"', True),
        ('"trees" = 5', '"trees" = 6', True),
        ("bounds = [0.0, 50.0]", "bounds = [0.0, 60.0]", True),
        ('scale = "auto"', 'scale = "log"', True),
    ],
)
def test_what_changes_the_model_asks_for_a_fit_and_what_does_not_keeps_it(made, tmp_path, old, new, stale):
    folder = Path(shutil.copytree(made, tmp_path / "loop"))
    config = folder / "campaign.toml"
    text = config.read_text()
    assert old in text
    assert not open_campaign(folder).campaign.status().stale
    config.write_text(text.replace(old, new, 1))
    assert open_campaign(folder).campaign.status().stale == stale
    fitted = open_campaign(folder).campaign.fit()
    assert fitted.number == 1 + stale
    assert not open_campaign(folder).campaign.status().stale


def test_a_table_of_candidates_is_recognised_by_its_content(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    table = Path("pool.csv")
    table.write_text("mutant\nK2R\nT3S\nA4G\n")
    with pytest.raises(SystemExit):
        main(["new", "loop", "--wild-type", WT, "--table", "pool.csv", "--assay", "kcat:1/s"])
    folder, copy = Path("loop"), Path("loop/pool.csv")
    open_campaign(folder).campaign.record([Measurement("K2R", "kcat", 1.0)])
    (written,) = [r.event for r in open_campaign(folder).folder.log if isinstance(r.event, Configured)]
    assert list(written.files) == ["pool.csv"]
    assert written.settings["pool"]["table"] == "pool.csv"
    copy.write_text("mutant;note\r\nA4G;a\r\nK2R;b\r\nT3S;c\r\n")  # sorted and saved again by a spreadsheet
    assert open_campaign(folder).campaign.status().measured == 1
    copy.write_text("mutant\nK2R\nT3S\n")
    with pytest.raises(InputError, match=r"campaign\.toml: \[pool\] is now another pool"):
        open_campaign(folder)
    copy.write_text(table.read_text())
    assert open_campaign(folder).campaign.status().measured == 1


def test_the_database_of_another_campaign_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, parent in (("one", WT), ("two", "GSHMASNDEF")):
        with pytest.raises(SystemExit):
            main(["new", name, "--wild-type", parent, "--singles", "--assay", "kcat"])
        loop = open_campaign(name).campaign
        loop.record([Measurement(loop.pool[0].name, "kcat", 1.0)])
    shutil.copyfile("one/campaign.db", "two/campaign.db")
    with pytest.raises(InputError, match="is now another pool"):
        open_campaign("two")
