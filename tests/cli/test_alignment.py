"""`new --alignment`: from a file of relatives to a campaign that learns how much they tell."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from activeloop.campaigns import Configured
from activeloop.candidates import AMINO_ACIDS
from activeloop.config import open_campaign
from activeloop.errors import InputError

WT = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVGDG"
FAMILY = "family-profile.csv"


@pytest.fixture
def run(run, tmp_path):
    """Type a command in an empty folder; returns exit status, output and errors."""
    rng = np.random.default_rng(0)
    rows = [WT[3:]]
    for _ in range(60):
        own = rng.random(len(WT) - 3) < 0.5
        rows.append("".join(a if keep else rng.choice(list(AMINO_ACIDS)) for a, keep in zip(WT[3:], own, strict=True)))
    (tmp_path / "family.a3m").write_text("".join(f">s{i}\n{row}\n" for i, row in enumerate(rows)))
    return run


def made(run, *options: object) -> str:
    """A campaign with the alignment; what was printed."""
    pool = options or ("--singles",)
    status, out, err = run("new", "loop", "--wild-type", WT, *pool, "--assay", "kcat", "--alignment", "family.a3m")
    assert status == 0, err
    return out


def measure(run) -> None:
    assert run("propose", "loop", "-n", 12, "--controls", 2, "--plate", 24)[0] == 0
    with Path("loop/plates/plate-1.csv").open() as file:
        wells = [row for row in csv.DictReader(file) if row["candidate"]]
    rng = np.random.default_rng(1)
    rows = [f"{row['plate']},{row['well']},{rng.normal():.3f}" for row in wells]
    Path("r.csv").write_text("\n".join(["plate,well,kcat", *rows]) + "\n")
    assert run("record", "loop", "r.csv")[0] == 0


def test_a_campaign_with_an_alignment_says_what_was_read_and_learns_its_weight(run):
    out = made(run)
    assert "family: 61 sequences, effective number 61" in out
    assert f"it tells of {len(WT) - 3} of {len(WT)} positions (not of 1-3)" in out
    assert 'family = "family-profile.csv"' in Path("loop/campaign.toml").read_text()
    assert not [p for p in Path("loop").iterdir() if p.suffix == ".a3m"]
    measure(run)
    status, out, _ = run("fit", "loop")
    assert status == 0
    assert "that of the family" in out
    opened = open_campaign("loop").campaign
    assert opened.learner.name.startswith("mutations-family-")
    event = next(r.event for r in reversed(list(opened.log)) if isinstance(r.event, Configured))
    assert FAMILY in event.files
    assert run("propose", "loop", "-n", 8)[0] == 0
    assert run("predict", "loop", "K2A", "--variants")[0] in (0, 2)


@pytest.mark.parametrize("options", [("--sites", "A4,Y5,I6"), ("--sites", "A4,Y5", "--goal", "learn")])
def test_libraries_and_classifiers_take_it_too(run, options):
    made(run, *options)
    assert "family-" in open_campaign("loop").campaign.learner.name


def test_a_list_of_variants_with_several_mutations_takes_it(run):
    Path("pool.csv").write_text("mutant\nA4G\nA4G:Y5W\nY5W\nI6V\n")
    made(run, "--table", "pool.csv")
    assert run("propose", "loop", "-n", 2)[0] == 0


def test_a_profile_that_was_edited_makes_a_new_model(run):
    made(run)
    measure(run)
    assert run("fit", "loop")[0] == 0
    path = Path("loop") / FAMILY
    lines = path.read_text().splitlines()
    cells = lines[20].split(",")
    path.write_text("\n".join([*lines[:20], ",".join([*cells[:2], *cells[3:], cells[2]]), *lines[21:]]) + "\n")
    status, _, err = run("predict", "loop")
    assert status != 0
    assert "changed since version 1 was fitted: fit again" in err
    assert run("propose", "loop", "-n", 8)[0] == 0
    assert [v.number for v in open_campaign("loop").campaign.state().versions] == [1, 2]


def test_a_profile_that_is_missing_damaged_or_of_another_protein_is_named(run):
    made(run)
    path = Path("loop") / FAMILY
    content = path.read_text()
    path.write_text(content.replace("0.", "x.", 40))
    with pytest.raises(InputError, match=r"family-profile.csv, row \d+: this row is no residue"):
        open_campaign("loop")
    lines = content.splitlines()
    path.write_text("\n".join(lines[:-1]) + "\n")
    with pytest.raises(InputError, match="belongs to another wild type"):
        open_campaign("loop")
    path.unlink()
    status, _, err = run("status", "loop")
    assert status != 0
    assert 'there is no file "loop/family-profile.csv": put it back, or take the line "family" out of [learner]' in err
    config = Path("loop/campaign.toml")
    config.write_text(config.read_text().replace('family = "family-profile.csv"\n', ""))
    assert run("status", "loop")[0] == 0


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--table", "smiles.csv", "--kind", "compounds"), "has none. Give the wild type"),
        (("--wild-type", WT, "--singles", "--learner", "likelihood"), "has no place for an alignment"),
        (("--wild-type", WT[::-1], "--singles"), "no record is the wild type"),
    ],
)
def test_an_alignment_that_cannot_be_used_makes_no_campaign(run, options, why):
    Path("smiles.csv").write_text("smiles\nCCO\nCCN\n")
    status, _, err = run("new", "loop", *options, "--assay", "kcat", "--alignment", "family.a3m")
    assert status != 0
    assert why in err
    assert not Path("loop").exists()


def test_a_profile_is_named_in_the_learners_table_and_not_among_its_options(run):
    made(run)
    config = Path("loop/campaign.toml")
    text = config.read_text().replace('name = "default"', 'name = "mutation-gp"')
    config.write_text(text.replace('family = "family-profile.csv"', 'options = {family = "family-profile.csv"}'))
    with pytest.raises(InputError, match='learner "mutation-gp" has no option "family"; it takes: width, linear_share'):
        open_campaign("loop")
