"""`activeloop --server URL VERB` beside the same verb on a folder."""

from __future__ import annotations

import csv
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import openpyxl
import pytest
from served import CONFIG
from test_client import client  # noqa: F401 - a fixture

from activeloop.cli import main
from activeloop.client import Client
from activeloop.store import CampaignFolder
from activeloop.work import Place, Worker
from activeloop.work.kinds import Distil
from activeloop.work.leases import Timing
from exports import softmax


@pytest.fixture
def run(capsys, monkeypatch, tmp_path):
    """Runs one command; its status, what it printed and its errors."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(words)
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run


def test_a_campaign_of_a_server_as_one_of_a_folder(run, client: Client, tmp_path):  # noqa: F811
    """The same plate, results and model: what is printed about them is the same, too."""
    client.make_campaign("kinase", CONFIG)
    CampaignFolder.create(tmp_path / "local", CONFIG)
    far = ("--server", client.url)

    local, remote = run("propose", "local", "-n", "8"), run(*far, "propose", "kinase", "-n", "8", "--out", "p.csv")
    assert local[0] == remote[0] == 0, remote
    table = [line for line in local[1].splitlines() if line[:1] in "│|┃" or "promising" in line]
    assert table
    assert all(line in remote[1] for line in table)
    assert (tmp_path / "p.csv").read_text() == (tmp_path / "local/plates/plate-1.csv").read_text()

    with (tmp_path / "p.csv").open() as file:
        wells = [row["candidate"] for row in csv.DictReader(file) if row["kind"] == "candidate"]
    (tmp_path / "r.csv").write_text("mutant,activity\n" + "".join(f"{n},{i / 10}\n" for i, n in enumerate(wells)))
    for where in (("record", "local"), (*far, "record", "kinase")):
        status, out, err = run(*where, "r.csv")
        assert (status, "Stored 8 results of 8 candidates from r.csv as event 3." in out) == (0, True), err
    for where in (("fit", "local"), (*far, "fit", "kinase")):
        assert "Fitted version 1 (" in run(*where)[1]
    for where in (("predict", "local"), (*far, "predict", "kinase")):
        assert run(*where, "--out", f"{where[0].strip('-')}.csv")[0] == 0
    heads = [(tmp_path / f"{name}.csv").read_text().splitlines()[0] for name in ("predict", far[0].strip("-"))]
    assert heads == 2 * ["candidate,activity,activity model sd,activity measurement low,activity measurement high"]
    best = [run(*where)[1].splitlines()[:8] for where in (("predict", "local"), (*far, "predict", "kinase"))]
    assert [line for line in best[0] if "Q2" in line or "K" in line] == [
        line for line in best[1] if "Q2" in line or "K" in line
    ]
    for where in (("pin", "local"), (*far, "pin", "kinase")):
        assert "Pinned K2R: on the next proposal." in run(*where, "K2R")[1]
    for where in (("void", "local"), (*far, "void", "kinase")):
        assert "Voided 1 result of event 3." in run(*where, "3", "--row", "2", "--reason", "leaked")[1]
    stands = [run(*where) for where in (("status", "local"), (*far, "status", "kinase"))]
    assert stands[0][:2] == stands[1][:2]
    assert ("7 candidates, 7 results, 1 voided" in stands[1][1], "K2R" in stands[1][1]) == (True, True)
    assert "Nothing was drawn" in run(*far, "status", "kinase", "--picture", "p.gif")[2]
    assert "plate-1: 24 wells, 8 with candidates" in run(*far, "plate", "kinase")[1]


def test_what_goes_wrong_there_is_said_here(run, client: Client, tmp_path):  # noqa: F811
    client.make_campaign("kinase", CONFIG)
    far = ("--server", client.url)
    (tmp_path / "bad.csv").write_text("mutant,activity\nX9Z,3\n")
    status, _, err = run(*far, "record", "kinase", "bad.csv")
    assert (status, err.startswith("Error: bad.csv, row 2:"), "Nothing was stored." in err) == (2, True, True)
    status, _, err = run(*far, "propose", "other")
    assert (status, 'no campaign "other"' in err) == (2, True)
    status, _, err = run(*far, "report", "kinase")
    assert (status, "is done where the campaign is" in err) == (2, True)
    status, _, err = run(*far, "fit", "kinase")
    assert (status, "nothing was measured yet" in err) == (1, True)
    status, _, err = run("--server", "nowhere", "status", "kinase")
    assert (status, "no address of a server" in err) == (2, True)


@contextmanager
def working(settings) -> Iterator[None]:
    """A worker that trains the students of the server."""
    stopping = threading.Event()
    there = Worker([Place(settings.database)], Timing(quiet=0.0, longest=0.0, lease=10.0), kinds=(Distil,))

    def work() -> None:
        while not stopping.wait(0.5):
            there.run(lambda _: None, once=True)

    thread = threading.Thread(target=work)
    thread.start()
    yield
    stopping.set()
    thread.join()


def test_a_new_campaign_is_checked_here_and_made_there(run, client: Client, tmp_path):  # noqa: F811
    far = ("--server", client.url)
    (tmp_path / "wt.fasta").write_text(">it\nMKTAYIAKQRQISFVKSHFSRQ\n")
    made = ("--wild-type", "wt.fasta", "--singles", "--assay", "activity:U", "--wells", "24", "--controls", "2")
    local, remote = run("new", "kinase", *made), run(*far, "new", "kinase", *made)
    assert remote[0] == 0, remote[2]
    told = [line for line in local[1].splitlines() if line.startswith("  ") and "settings" not in line]
    assert told == [line for line in remote[1].splitlines() if line.startswith("  ") and "settings" not in line]
    assert f"`activeloop --server {client.url} propose kinase`" in remote[1]
    status, _, err = run(*far, "new", "other", *made[:3], "--assay", "activity", "--wells", "97")
    assert (status, "--wells is 97" in err) == (2, True)
    book = openpyxl.Workbook()
    for row in (["smiles"], ["CCO"], ["CCN"], ["c1ccccc1O"]):
        book.worksheets[0].append(row)
    book.save(tmp_path / "library.xlsx")
    pool = ("--table", "library.xlsx", "--kind", "compounds", "--assay", "IC50:nM:minimise")
    assert "3 compounds" in run(*far, "new", "library", *pool)[1]


def test_verbs_of_a_server_say_what_the_local_ones_say(run, client: Client, tmp_path, settings):  # noqa: F811
    """From a new campaign to a student: each verb in both places, word for word but for how it is typed."""
    far = ("--server", client.url)

    def both(verb: str, *words: str) -> str:
        local, remote = run(verb, "kinase", *words), run(*far, verb, "kinase", *words)
        assert (local[0], remote[0]) == (0, 0), (local[2], remote[2])
        typed = remote[1].replace(f"activeloop --server {client.url} ", "activeloop ").splitlines()
        said = [re.sub(r"[\d,]+ kB", "kB", line) for line in local[1].splitlines()]
        typed = [re.sub(r"[\d,]+ kB", "kB", line) for line in typed]
        assert typed == said, verb
        return local[1]

    config = CONFIG + "[student.training]\nsteps = 4\nminibatch = 16\ndeviations = 4\n"
    client.make_campaign("kinase", config)
    CampaignFolder.create(tmp_path / "kinase", config)
    for where in (("propose", "kinase"), (*far, "propose", "kinase")):
        assert run(*where, "-n", "8", "--seed", "3")[0] == 0
    assert "proposal 1, chosen by" in both("explain")
    rows = "".join(
        f"{w}{i + 1}{a},{(i * 7 + j * 3) % 11}\n"
        for i, w in enumerate("MKTAYIAKQRQISFVKSHFSRQ")
        if i
        for j, a in enumerate("AGLVE")
        if a != w
    )
    (tmp_path / "r.csv").write_text("mutant,activity\n" + rows)
    for where in (("record", "kinase"), (*far, "record", "kinase")):
        assert run(*where, "r.csv")[0] == 0
    for where in (("fit", "kinase"), (*far, "fit", "kinase")):
        assert run(*where)[0] == 0
    assert "Skill" in both("assess", "-n", "8")
    said = both("explain", "K2W", "--picture", "why.svg")
    assert "what each mutation adds" in said
    assert "Written: why.svg" in said
    assert "on the next proposal" in both("pin", "K2R")
    assert "not proposed any more" in both("veto", "T3S")
    (tmp_path / "more.csv").write_text("mutant\nK2A:T3G\nK2L:T3G\n")
    assert "Added" in both("extend", "--list", "more.csv")
    assert "20 combinations" in both("extend", "--combine", "2", "--budget", "20")
    how = ("--network", "conv", "--width", "8", "--layers", "1", "--force", "--out", "s.onnx", "--web", "page")
    with working(settings):
        assert "was trained" in both("distil", *how)
    assert "is there already" in both("distil", *how)
    assert (tmp_path / "page" / "index.html").stat().st_size > 100_000


def test_pick_lists_are_those_of_a_folder(run, client: Client, tmp_path):  # noqa: F811
    """One volume and doses, with a table of stocks; what is wrong is said in the words of the command line."""
    far = ("--server", client.url)
    rows = [f"C{'C' * i}O,lib,A{i},60,0.5" for i in range(1, 4)]
    (tmp_path / "pool.csv").write_text("\n".join(["smiles,plate,well,volume (µL),concentration (mM)", *rows]))
    (tmp_path / "vehicle.csv").write_text("candidate,source plate,source well,volume (µL)\nDMSO,lib,H12,2000\n")
    made = ("--table", "pool.csv", "--kind", "compounds", "--assay", "IC50:uM:minimise")
    for where, name in (((), "local"), (far, "there")):
        status, _, err = run(*where, "new", name, *made)
        assert status == 0, err
        assert run(*where, "propose", name, "-n", "3", "--replicates", "8", "--controls", "6")[0] == 0
    liquids = ("--sources", "vehicle.csv", "--dead-volume", "5uL")
    near_by = tmp_path / "near"
    near_by.mkdir()
    for robot, options in (
        ("echo", ("--volume", "100nL")),
        ("opentrons", ("--doses", "10, 9, 8, 7, 6, 5.5, 5.2, 5 uM", "--well-volume", "100uL")),
    ):
        asked = ("--for", robot, *options, *liquids)
        near = run("plate", "local", *asked, "--out", "near/list.csv")
        there = run(*far, "plate", "there", *asked, "--out", "list.csv")
        assert near[0] == there[0] == 0, (near, there)
        for one in sorted(near_by.iterdir()):
            assert (tmp_path / one.name).read_text() == one.read_text()
        told = [line for line in near[1].splitlines() if "transfers" in line or "Deck" in line]
        assert told
        assert all(line.replace("near/", "") in there[1] for line in told)
    (tmp_path / "list.csv").unlink()
    status, out, err = run(*far, "plate", "there", "--for", "echo", "--volume", "100nL", *liquids)
    assert (status, "Written: plate-1-echo.csv" in out) == (0, True), err
    path = f"{client.url}/api/v1/campaigns/{client.campaign('there').key}/proposals/1/picklist"
    query = {"for": "echo", "doses": "10 uM, 1:2, 8", "well_volume": "100uL"}
    assert httpx.get(path, params=query).text.startswith("Source Plate Name")
    assert "dose (µM)" in httpx.get(path, params=query | {"layout": True}).text.splitlines()[0]
    assert httpx.get(path, params={"for": "echo", "volume": "1uL", "layout": True}).status_code == 422
    assert run(*far, "plate", "there", "--for", "echo")[2].startswith("Error: say what goes into each well")
    assert "belongs to a pick list" in run(*far, "plate", "there", "--volume", "100nL")[2]
    (tmp_path / "vehicle.csv").write_text("candidate,source plate,source well\nDMSO,lib,Z99\n")
    status, _, err = run(*far, "plate", "there", "--for", "echo", "--volume", "100nL", "--sources", "vehicle.csv")
    assert (status, "vehicle.csv" in err, "Z99" in err) == (2, True, True)


def test_an_export_of_an_instrument_is_recorded_there(run, client: Client, tmp_path, reading):  # noqa: F811
    there, far = client.make_campaign("kinase", CONFIG.replace("wells = 24", "wells = 96")), ("--server", client.url)
    there.propose(20)
    softmax(tmp_path / "run.txt", set(there.plates()[0].wells))
    status, _, err = run(*far, "record", "kinase", "run.txt")
    assert (status, "Say which one is the result" in err, err.count("Nothing was stored.")) == (2, True, 1), err
    status, out, err = run(*far, "record", "kinase", "run.txt", "--instrument", "--quantity", "570 nm")
    assert (status, "Stored 22 results" in out) == (0, True), err
