"""`activeloop --server URL VERB` beside the same verb on a folder."""

from __future__ import annotations

import csv

import pytest
from served import CONFIG
from test_client import client  # noqa: F401 - a fixture

from activeloop.cli import main
from activeloop.client import Client
from activeloop.store import CampaignFolder


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
    best = [run(*where)[1].splitlines()[:8] for where in (("predict", "local"), (*far, "predict", "kinase"))]
    assert [line for line in best[0] if "Q2" in line or "K" in line] == [
        line for line in best[1] if "Q2" in line or "K" in line
    ]
    for where in (("pin", "local"), (*far, "pin", "kinase")):
        assert "Pinned K2R: on the next proposal." in run(*where, "K2R")[1]
    for where in (("void", "local"), (*far, "void", "kinase")):
        assert "Voided 1 result of event 3." in run(*where, "3", "--row", "2", "--reason", "leaked")[1]
    status, out, _ = run(*far, "status", "kinase")
    assert (status, "7 candidates, 7 results, 1 voided" in out, "K2R" in out) == (0, True, True)
    assert "plate-1: 24 wells, 8 with candidates" in run(*far, "plate", "kinase")[1]


def test_what_goes_wrong_there_is_said_here(run, client: Client, tmp_path):  # noqa: F811
    client.make_campaign("kinase", CONFIG)
    far = ("--server", client.url)
    (tmp_path / "bad.csv").write_text("mutant,activity\nX9Z,3\n")
    status, _, err = run(*far, "record", "kinase", "bad.csv")
    assert (status, err.startswith("Error: bad.csv, row 2:"), "Nothing was stored." in err) == (2, True, True)
    status, _, err = run(*far, "propose", "other")
    assert (status, 'no campaign "other"' in err) == (2, True)
    status, _, err = run(*far, "distil", "kinase")
    assert (status, "is done where the campaign is" in err) == (2, True)
    status, _, err = run(*far, "fit", "kinase")
    assert (status, "nothing was measured yet" in err) == (1, True)
    status, _, err = run("--server", "nowhere", "status", "kinase")
    assert (status, "no address of a server" in err) == (2, True)
