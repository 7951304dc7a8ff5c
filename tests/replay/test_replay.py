"""Whole replays, small enough for seconds, through the command line."""

import csv
import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from activeloop.acquisition import default_recommender
from activeloop.cli import app
from activeloop.errors import InputError, PoolError
from activeloop.renamed import RenamedWarning
from activeloop.replay import METRICS, Protocol, Source, load_landscape, policy_of, replay_campaign
from activeloop.replay.campaign import Shared, unmeasured
from activeloop.replay.landscape import PLANTED
from activeloop.replay.summary import read_summary

SMALL = ["replay", "planted-small", "--start", "8", "--batch", "4", "--rounds", "2", "--jobs", "1"]


def run(*arguments):
    """As `activeloop` itself does: status 2 for bad input, 1 for other errors."""
    result = CliRunner().invoke(app, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        return 2 if isinstance(result.exception, InputError) else 1, str(result.exception)
    return result.exit_code, result.output


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def replayed(tmp_path_factory):
    out = tmp_path_factory.mktemp("replay")
    status, told = run(*SMALL, "--seeds", "3", "--policies", "random,evolvepro-top-layer", "--out", str(out))
    assert status == 0, told
    return out


def test_the_files_and_columns_of_the_contract(replayed):
    summary, rounds = rows_of(replayed / "summary.csv"), rows_of(replayed / "rounds.csv")
    assert list(summary[0]) == ["dataset", "policy", "labels", "metric", "mean", "se", "seeds"]
    assert {row["metric"] for row in summary} == set(METRICS) - {"pearson_per_drug"}  # of treatments alone
    assert {row["seeds"] for row in summary} == {"3"}
    assert len(rounds) == 2 * 3 * 3
    assert {"seed", "policy", "round", "labels", "picks", "seconds", *METRICS} <= set(rounds[0])
    assert (replayed / "curve.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_the_page_needs_nothing_else(replayed):
    page = (replayed / "report.html").read_text()
    assert '<svg role="img"' in page
    assert "forest (EVOLVEpro&#39;s top layer, one-hot)" in page
    assert "http://" not in page
    assert "src=" not in page.replace('src="data:', "")


def test_the_summary_follows_from_the_rounds(replayed):
    rounds = rows_of(replayed / "rounds.csv")
    for row in rows_of(replayed / "summary.csv"):
        same = [r[row["metric"]] for r in rounds if (r["policy"], r["labels"]) == (row["policy"], row["labels"])]
        values = np.array([float(value) for value in same if value])
        assert float(row["mean"]) == pytest.approx(values.mean(), rel=1e-4, abs=1e-6)
        assert float(row["se"]) == pytest.approx(values.std(ddof=1) / np.sqrt(3), rel=1e-4, abs=1e-6)


def test_all_policies_share_the_first_plate_and_nothing_is_measured_twice(replayed):
    rounds = rows_of(replayed / "rounds.csv")
    for seed in "012":
        mine = [r for r in rounds if r["seed"] == seed]
        assert len({r["picks"] for r in mine if r["round"] == "0"}) == 1
        for policy in ("random", "evolvepro-top-layer"):
            picks = ";".join(r["picks"] for r in mine if r["policy"] == policy).split(";")
            assert len(picks) == len(set(picks)) == 16
    assert len({r["picks"] for r in rounds if r["round"] == "0"}) == 3


def test_the_twin_draws_each_plate_anew(replayed):
    """ALDE's published baseline drew from the same seed each round, which made it worse than chance."""
    picks = [r["picks"] for r in rows_of(replayed / "rounds.csv") if r["policy"] == "random"]
    assert len(set(picks)) == len(picks)


def tables(folder):
    """Digests of what a replay computed, without the seconds it took."""
    rounds = [{k: v for k, v in row.items() if k != "seconds"} for row in rows_of(folder / "rounds.csv")]
    return hashlib.sha256(repr((rounds, (folder / "summary.csv").read_text())).encode()).hexdigest()


def test_what_is_lost_is_done_again_and_comes_out_the_same(replayed, tmp_path):
    before = tables(replayed)
    parts = sorted((replayed / "parts").glob("*.json"))
    kept = parts[0].stat().st_mtime_ns
    for part in parts[1:4]:
        part.unlink()
    status, told = run(*SMALL, "--seeds", "3", "--policies", "random,evolvepro-top-layer", "--out", str(replayed))
    assert status == 0, told
    assert tables(replayed) == before
    assert parts[0].stat().st_mtime_ns == kept


def test_the_former_name_of_a_policy_goes_on_with_its_campaigns(replayed):
    before, parts = tables(replayed), {p: p.stat().st_mtime_ns for p in (replayed / "parts").glob("*.json")}
    with pytest.warns(RenamedWarning, match='the policy "evolvepro" is now called "evolvepro-top-layer"'):
        status, told = run(*SMALL, "--seeds", "3", "--policies", "random,evolvepro", "--out", str(replayed))
    assert status == 0, told
    assert tables(replayed) == before
    assert {p: p.stat().st_mtime_ns for p in (replayed / "parts").glob("*.json")} == parts


def test_tables_of_former_releases_are_read_under_the_names_of_now(replayed):
    text = (replayed / "summary.csv").read_text()
    assert "evolvepro-top-layer" in text
    assert read_summary(text.replace("evolvepro-top-layer", "evolvepro")) == read_summary(text)


def test_other_settings_are_not_mixed_in(replayed):
    before = tables(replayed)
    status, told = run(*SMALL, "--batch", "5", "--seeds", "3", "--policies", "random", "--out", str(replayed))
    assert status == 2
    assert "batch was 4, now 5" in told
    assert tables(replayed) == before


def test_a_killed_replay_continues_from_the_finished_campaigns(replayed, tmp_path):
    """True processes, killed outright once two campaigns are finished; none of them lives on."""
    command = [sys.executable, "-c", "from activeloop.cli import main; main()", *SMALL[:-1], "2", "--seeds", "3"]
    command += ["--policies", "random,evolvepro-top-layer", "--out", str(tmp_path)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    while process.poll() is None and len(list(tmp_path.glob("parts/*.json"))) < 2:
        time.sleep(0.005)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    workers = [Path("/proc") / pid for pid in children.read_text().split()] if children.exists() else []
    process.send_signal(signal.SIGKILL)
    process.wait()
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    assert tables(tmp_path) == tables(replayed)
    assert not any(worker.exists() and b"spawn" in (worker / "cmdline").read_bytes() for worker in workers)


def test_a_stopped_replay_names_the_finished_campaigns(tmp_path):
    """Ctrl-C: status 130, and no process lives on."""
    handler = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "  # A shell may ignore it.
    code = f"{handler}from activeloop.cli import main; main()"
    command = [sys.executable, "-c", code, "replay", "planted", "--seeds", "200", "--policies", "forest:greedy"]
    process = subprocess.Popen([*command, "--jobs", "1", "--out", str(tmp_path)], stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not list(tmp_path.glob("parts/*.json")):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert "the same command continues" in " ".join(told.split())
    assert not (tmp_path / "summary.csv").exists()


def test_goal_learn_judges_on_candidates_that_are_never_proposed():
    landscape = load_landscape(Source("planted-small"))
    protocol = Protocol("learn", start=20, batch=10, rounds=2)
    held_out = Shared.of(len(landscape), protocol, seed=1).held_out
    turns = replay_campaign(
        landscape, policy_of("forest:random", landscape.pool, protocol, landscape.assay), protocol, 1
    )
    picked = {name for turn in turns for name in turn.picks}
    assert len(held_out) == 28
    assert not picked & set(landscape.pool.names(held_out))
    assert all(0.5 < turn.metrics["auroc"] <= 1 for turn in turns)
    assert all(0.5 < turn.metrics["accuracy"] <= 1 for turn in turns)


@pytest.mark.parametrize("goal", ["find", "learn"])
def test_the_default_policy_is_what_a_campaign_with_the_measured_assay_uses(goal):
    """With the goal `learn` a replay measures classes, so the default is that for classes, not that for values."""
    landscape = load_landscape(Source("planted-small"))
    protocol = Protocol(goal, start=20, batch=10, rounds=2)
    policy = policy_of("default", landscape.pool, protocol, landscape.assay)
    assays = list(unmeasured(landscape, policy.measures(protocol, landscape.assay)).assays)
    assert policy.selection == default_recommender(goal, assays, landscape.pool)


def test_a_learner_finds_a_planted_optimum_sooner_than_chance(replayed):
    last = {
        (r["policy"], r["metric"]): float(r["mean"]) for r in rows_of(replayed / "summary.csv") if r["labels"] == "16"
    }
    assert last["evolvepro-top-layer", "best_fraction"] > last["random", "best_fraction"]


def test_a_few_candidates_that_cannot_be_understood_are_left_out_and_named(tmp_path):
    scan = [f"{old}{i}{new},{i}" for i, old in enumerate("MKVL", 1) for new in "ACDEFG"]
    table = write_table(tmp_path / "scan.csv", [*scan, "M1*,0", "K2J,0"], "mutant,kcat")
    landscape = load_landscape(Source(str(table), wild_type="MKVL"))
    assert len(landscape) == 24
    assert "2 rows whose candidate cannot be understood left out (row 26:" in landscape.origin


def write_table(path, rows, header="variant,kcat"):
    path.write_text(header + "\n" + "\n".join(rows) + "\n")
    return path


def test_a_table_of_ones_own_with_duplicates_and_gaps(tmp_path):
    letters = "ACDEFGHIK"
    rows = [f"{a}{b},{i + 2 * j}" for i, a in enumerate(letters) for j, b in enumerate(letters)]
    table = write_table(tmp_path / "mine.csv", [*rows, "AA,2", "CC,", "KK,n.d."])
    landscape = load_landscape(Source(str(table), minimise=True))
    assert landscape.name == "mine"
    assert len(landscape) == 81
    assert landscape.values[landscape.pool.row_of("AA")] == 1.0
    assert "2 rows without a value left out" in landscape.origin
    assert landscape.oriented.argmax() == landscape.pool.row_of("CA") or landscape.oriented.max() == -1.0
    status, told = run(
        *("replay", str(table), "--start", "8", "--batch", "4", "--rounds", "1", "--seeds", "1", "--jobs", "1"),
        *("--policies", "random", "--out", str(tmp_path / "out")),
    )
    assert status == 0, told
    assert rows_of(tmp_path / "out" / "summary.csv")[0]["dataset"] == "mine"


WILD = "MKTAYIAKQRQISFVKSH"
INDELS = [WILD, *(WILD[:i] + WILD[i + 1 :] for i in range(1, 9)), *(WILD[:i] + "G" + WILD[i + 1 :] for i in range(17))]
AWKWARD = {
    "letters at sites beside a whole protein": (["VDGV", "ADGV", "VDGA"], WILD, "which of its 18 residues"),
    "letters at sites beside their own wild type": (["VDGV", "ADGV", "VDGA"], "VDGV", ""),
    "mutations of a part of the protein": (["K24C", "Y26D:I30V", "I30A"], None, "stands in at 27 positions"),
    "mutations in three letters": (["p.Lys2Cys", "p.Thr3Asp", "p.Lys2Ala;p.Thr3Ala"], "MKT", ""),
    "insertions and deletions": (INDELS, None, "the consensus of 18 sequences"),
    "insertions and deletions of a wild type": (INDELS, WILD, ""),
}


@pytest.mark.parametrize("case", AWKWARD)
def test_a_table_is_read_with_a_wild_type_that_does_not_fit_or_with_none(case, tmp_path):
    cells, wild_type, said = AWKWARD[case]
    table = write_table(tmp_path / "mine.csv", [f"{cell},{i}" for i, cell in enumerate(cells)], "variant,kcat")
    landscape = load_landscape(Source(str(table), wild_type=wild_type))
    assert landscape.values.tolist() == list(range(len(cells)))
    assert landscape.pool.rows_of(cells).tolist() == list(range(len(cells)))
    assert (said in landscape.origin) if said else ("wild type" not in landscape.origin)
    if cells is INDELS:
        assert landscape.pool.sites.parent_sequence == WILD


BAD = {
    "no such file": (["nosuch.csv"], "no such file"),
    "no such set": (["gb2"], "gb1"),
    "policy": (["planted-small", "--policies", "bogus"], '"bogus" is not a policy'),
    "learner of a policy": (["planted-small", "--policies", "bogus:ucb"], '"bogus:ucb" is not a policy'),
    "pool too small": (["planted-small", "--start", "140"], "only 144 of 144"),
    "start": (["planted-small", "--start", "0"], "--start 0"),
    "rounds": (["planted-small", "--rounds", "-1"], "--rounds -1"),
    "seeds": (["planted-small", "--start", "8", "--batch", "4", "--seeds", "0"], "--seeds 0"),
    "goal": (["planted-small", "--goal", "both"], "find"),
    "kind": (["planted-small", "--kind", "rocks"], "guides"),
    "values": (["text.csv"], "--target-column"),
    "column": (["good.csv", "--target-column", "kcot"], "kcat"),
    "constant": (["constant.csv"], "fewer than two different values"),
    "letters": (["letters.csv"], "row 3"),
    "infinite": (["infinite.csv", "--target-column", "kcat"], "row 3"),
    "wild type": (["mutations.csv", "--wild-type", "MKV"], "row"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_status_2_and_a_sentence(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path / "good.csv", ["AA,1", "AC,2"])
    write_table(tmp_path / "text.csv", ["AA,good", "AC,bad"])
    write_table(tmp_path / "constant.csv", ["AA,1", "AC,1"])
    write_table(tmp_path / "letters.csv", ["A1C,1", "A1J,2"], "mutant,kcat")
    write_table(tmp_path / "infinite.csv", ["AA,1", "AC,inf"])
    write_table(tmp_path / "mutations.csv", ["A1C,1", "A1D,2"], "mutant,kcat")
    arguments, told = BAD[case]
    status, output = run("replay", *arguments, "--out", str(tmp_path / "out"))
    assert status == 2
    assert told in output
    assert not (tmp_path / "out" / "summary.csv").exists()


@pytest.mark.parametrize("name", PLANTED)
def test_planted_landscapes_are_the_same_everywhere(name):
    landscape = load_landscape(Source(name))
    assert landscape.fingerprint == load_landscape(Source(name)).fingerprint
    assert (landscape.values == 1.0).sum() == 1
    assert landscape.values.min() > 0


LETTERS = {
    "compounds": [left + "C" * n + right for left in ("Cl", "N#C", "FC") for n in range(2, 8) for right in "ON"],
    "guides": ["".join(np.random.default_rng(i).choice(list("ACGT"), 20)) for i in range(54)],
}


@pytest.mark.parametrize(("kind", "make"), [("compounds", "tiny_chemberta"), ("guides", "tiny_nucleotides")])
def test_the_classifier_of_dropout_passes_reads_compounds_and_guides(kind, make, tmp_path):
    import tiny_models
    from activeloop.foundation import foundation_of

    model = getattr(tiny_models, make)(tmp_path / "model")
    rows = [f"{name},{name.count('O') + name.count('G') + i / 100}" for i, name in enumerate(LETTERS[kind])]
    (tmp_path / "screen.csv").write_text("\n".join([f"{kind[:-1]},value", *rows]))
    landscape = load_landscape(Source(str(tmp_path / "screen.csv"), kind))
    protocol = Protocol("learn", 8, 4, 1, model=model)
    policy = policy_of("dropout-classifier:entropy", landscape.pool, protocol, landscape.assay)
    assert policy.learner.name == f"dropout-classifier-{foundation_of(model).name}"
    turns = replay_campaign(landscape, policy, protocol, 0)
    assert [turn.labels for turn in turns] == [8, 12]
    assert 0 <= turns[-1].metrics["auroc"] <= 1
    bundled = policy_of("dropout-classifier:entropy", landscape.pool, Protocol("learn", 8, 4, 1), landscape.assay)
    with pytest.raises(PoolError, match="Name a model that reads them"):
        replay_campaign(landscape, bundled, protocol, 0)


def test_a_model_that_no_policy_reads_is_refused(tmp_path):
    status, told = run(*SMALL, "--policies", "default,random", "--model", "lab/model", "--out", str(tmp_path / "x"))
    assert status == 2
    assert "default, random read no pretrained model" in told
    assert not list(tmp_path.glob("x/parts/*"))
    result = CliRunner().invoke(app, ["evaluate", "planted-small", "--learners", "forest", "--model", "lab/model"])
    assert "forest read no pretrained model" in str(result.exception)
