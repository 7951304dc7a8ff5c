"""A store on the command line: listed, filled from folders, written as folders."""

from __future__ import annotations

import re
from pathlib import Path

import pytest


@pytest.fixture
def loop(run) -> Path:
    """A folder with a plate and its results."""
    run("new", "kinase", "--wild-type", "MKTAYIAKQRQISFVKSH", "--singles", "--assay", "kcat:1/s", "--wells", 24)
    run("propose", "kinase", "-n", 4)
    names = [line.split(",") for line in Path("kinase/plates/plate-1.csv").read_text().splitlines()[1:]]
    rows = [f"{cells[3]},{i}.5" for i, cells in enumerate(names, 1) if cells[2] == "candidate"]
    Path("r1.csv").write_text("\n".join(["candidate,kcat", *rows]) + "\n")
    assert run("record", "kinase", "r1.csv")[0] == 0
    return Path("kinase")


def test_a_folder_goes_in_is_listed_and_comes_out(run, loop):
    status, out, err = run("store", "lab", "--import", "kinase")
    assert (status, err) == (0, "")
    assert re.search(r'^Imported kinase as "kinase" \([0-9a-f]{32}\): \d+ events\.$', out, re.M)
    assert "Next: `activeloop serve lab`" in out
    status, out, _ = run("store", "lab")
    assert (status, "1 campaign in lab/activeloop.db" in out, "kinase" in out) == (0, True, True)
    status, out, _ = run("store", "lab", "--export", "kinase", "--out", "copy")
    assert (status, out.startswith('Written: copy ("kinase", ')) == (0, True)
    assert run("verify", "copy")[0] == 0
    assert re.fullmatch(r"As it was written: \d+ events, \d+ stored files? of 1 campaign\.\n", run("verify", "lab")[1])
    plates = [sorted((p.name, p.read_bytes()) for p in Path(where, "plates").iterdir()) for where in ("kinase", "copy")]
    assert plates[0] == plates[1]


def test_the_next_proposal_is_the_same(run, loop):
    run("store", "lab", "--import", "kinase")
    run("store", "lab", "--export", "kinase", "--out", "copy")
    said = [run("propose", where, "-n", 4)[1].replace(f"{where}", "DIR") for where in ("kinase", "copy")]
    assert said[0] == said[1]
    assert Path("kinase/plates/plate-2.csv").read_bytes() == Path("copy/plates/plate-2.csv").read_bytes()


def test_what_cannot_be_done_says_what_to_do(run, loop):
    run("store", "lab", "--import", "kinase")
    for given, words in (
        (["lab", "--import", "kinase"], "holds this campaign already"),
        (["lab", "--import", "nothing"], "nothing is not a folder"),
        (["lab", "--export", "kinse", "--out", "x"], 'Did you mean "kinase"?'),
        (["lab", "--export", "kinase", "--out", "kinase"], "is there already: name a new folder"),
        (["lab", "--export", "kinase"], "--export and --out belong together"),
        (["lab", "--name", "x"], "--name belongs to --import"),
        (["nowhere"], "holds no campaigns"),
        (["kinase"], "is a campaign's folder, and no store of many"),
        (["mysql://host/db"], '"mysql://" is no address of campaigns'),
        (["postgresql://nobody@127.0.0.1:1/none"], "say where its models and files are kept"),
        (["postgresql://nobody@127.0.0.1:1/none", "--artifacts", "a"], "cannot be reached"),
    ):
        status, _, err = run("store", *given)
        assert (status in (1, 2), words in err) == (True, True), (given, err)
    assert not Path("nowhere").exists()


def test_an_edited_config_goes_along(run, loop):
    path = loop / "campaign.toml"
    path.write_text(path.read_text().replace("price_per_well = 0.0", "price_per_well = 2.5"))
    _, out, err = run("store", "lab", "--import", "kinase", "--name", "Kinase of Ada")
    assert 'as "Kinase of Ada"' in out
    assert "says what only files said" in err
    run("store", "lab", "--export", "Kinase of Ada", "--out", "copy")
    assert "price_per_well = 2.5" in Path("copy/campaign.toml").read_text()
