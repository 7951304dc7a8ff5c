"""The command that learns the substitution priors: same data, same file; and no table knows what it must not."""

import csv
import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from activeloop.candidates import AMINO_ACIDS, Pool
from activeloop.foundation import ESM2
from activeloop.foundation.checkpoints import fingerprint
from activeloop.models.gp.mutation_kernel import TERMS, MutationKernel
from activeloop.priors import PLMPrior
from activeloop.priors.plm import PROBABILITY_CONTEXTS, read_tables
from activeloop.priors.substitutions import CONTEXTS, SubstitutionTables
from benchmarks.prior import judge
from tools.priors.__main__ import main
from tools.priors.fit import NAMES, default_variances, fit_tables, packed
from tools.priors.scans import ASSAYS, DOMAINS, PARTS, Scan, normal_scores, read_scans, relatives, split

BURIED = "AVILMFWC"


def random_chain(rng: np.random.Generator, n: int = 60) -> str:
    return "".join(rng.choice(list(AMINO_ACIDS), n))


def planted_scan(name: str, chain: str, stability: bool, rng: np.random.Generator) -> Scan:
    """Mutating what is buried hurts, and prolines hurt everywhere."""
    position = np.repeat(np.arange(len(chain)), 5)
    letter = np.concatenate(
        [rng.choice([i for i, b in enumerate(AMINO_ACIDS) if b != a], 5, replace=False) for a in chain]
    )
    value = -1.0 * np.isin(np.array(list(chain))[position], list(BURIED)) - 2.0 * (letter == AMINO_ACIDS.index("P"))
    return Scan(name, chain, position, letter, normal_scores(value + 0.3 * rng.standard_normal(len(value))), stability)


@pytest.fixture(scope="module")
def scans() -> list[Scan]:
    rng = np.random.default_rng(0)
    chains = [random_chain(rng) for _ in range(12)]
    # a relative of the first and a fragment of the second
    chains += [chains[0][:20] + "G" + chains[0][21:], "MGSS" + chains[1][20:55]]
    return [planted_scan(f"scan{i:02d}", chain, 3 <= i < 12, rng) for i, chain in enumerate(chains)]


def write(scans: list[Scan], data: Path) -> None:
    for scan in scans:
        path = data / (DOMAINS if scan.stability else ASSAYS) / f"{scan.name}.csv.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        with gzip.open(path, "wt", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["mutant", "mutated_sequence", "DMS_score"])
            for mutation, value in zip(scan.mutations, scan.score, strict=True):
                at = mutation.position - 1
                rows.writerow([str(mutation), scan.chain[:at] + mutation.new + scan.chain[at + 1 :], value])


def test_relatives_are_in_one_part_and_parts_are_alike(scans: list[Scan]):
    family = relatives(scans)
    assert family[12] == family[0]
    assert family[13] == family[1]
    assert len(set(family.tolist())) == 12
    part = split(scans)
    assert part[12] == part[0]
    assert set(part.tolist()) == set(range(PARTS))
    sizes = np.bincount(part, [len(scan) for scan in scans])
    assert sizes.max() <= 2 * sizes.min()


def test_a_table_depends_on_nothing_that_was_measured_in_the_part_it_must_not_see(scans: list[Scan]):
    part = split(scans)
    before = fit_tables(scans, part)
    hidden = int(part[0])
    other = [
        Scan(s.name, s.chain, s.position, s.letter, -s.score, s.stability) if k == hidden else s
        for s, k in zip(scans, part, strict=True)
    ]
    after = fit_tables(other, part)
    np.testing.assert_array_equal(after.tables[hidden], before.tables[hidden])
    for k in {*range(PARTS), PARTS} - {hidden}:
        assert np.abs(after.tables[k] - before.tables[k]).max() > 1e-3
    for scan, k in zip(scans, part, strict=True):
        assert set(before.held_out(scan.chain).tolist()) == {int(k)}


def test_small_scans_are_not_learned_from(scans: list[Scan]):
    rng = np.random.default_rng(1)
    small = planted_scan("small", random_chain(rng, 20), False, rng)
    part = np.append(split(scans), 0)
    without = fit_tables(scans, part[:-1])
    np.testing.assert_array_equal(fit_tables([*scans, small], part).tables, without.tables)


def test_the_command_writes_everything_and_the_same_again(scans: list[Scan], tmp_path: Path, monkeypatch, tiny: str):
    write(scans, tmp_path)
    monkeypatch.setenv("ACTIVELOOP_DATA", str(tmp_path))
    arguments = ["--out", str(tmp_path / "priors"), "--results", str(tmp_path / "results"), "--model", tiny]
    assert main(arguments) == 0
    judge(tmp_path / "priors", tmp_path / "results", ESM2(tiny))
    content = (tmp_path / "priors/substitutions.npz").read_bytes()
    assert content == packed(fit_tables(read_scans(tmp_path), split(read_scans(tmp_path))))
    with (tmp_path / "results/summary.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["scan"] for row in rows] == sorted(s.name for s in scans if not s.stability) + sorted(
        s.name for s in scans if s.stability
    )
    assert np.mean([float(row["spearman"]) for row in rows]) > 0.6
    assert np.mean([float(row["blosum62"]) for row in rows]) < 0.4
    assert list(json.loads((tmp_path / "results/variances.json").read_text())) == list(NAMES)
    assert "above BLOSUM62 on 100% of them" in (tmp_path / "results/README.md").read_text()
    with np.load(tmp_path / "priors/substitutions.npz", allow_pickle=False) as stored:
        assert set(stored) == {"tables", "usual", *(f"words{k}" for k in range(PARTS))}
    # nothing that a random model says helps, and hardly anything of it is believed
    told = read_tables(str(tmp_path / "priors/informed.npz"))
    assert told.model == fingerprint(tiny)
    assert told.tables.tables.shape == (PARTS + 1, CONTEXTS + PROBABILITY_CONTEXTS + 32 + 1, 20)
    score = PLMPrior(ESM2(tiny), str(tmp_path / "priors/informed.npz"))
    assert np.isfinite(score.table(Pool.single_mutants(scans[0].chain))).all()
    ours, informed = (np.mean([float(row[name]) for row in rows]) for name in ("spearman", "plm_prior"))
    assert informed == pytest.approx(ours, abs=0.1)


@pytest.mark.parametrize(
    ("folder", "sentence"), [(None, "it names none"), ("nowhere", "holds no protein/proteingym_singles")]
)
def test_without_data_it_says_so(folder, sentence, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.delenv("ACTIVELOOP_DATA", raising=False)
    if folder:
        monkeypatch.setenv("ACTIVELOOP_DATA", str(tmp_path / folder))
    assert main(["--out", str(tmp_path / "priors"), "--results", str(tmp_path / "results")]) == 2
    assert sentence in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_mutant_that_does_not_fit_is_refused(scans: list[Scan], tmp_path: Path, monkeypatch, capsys):
    write(scans[:2], tmp_path)
    path = tmp_path / ASSAYS / "scan01.csv.gz"
    table = gzip.decompress(path.read_bytes()).decode().splitlines()
    mutant, rest = table[-1].split(",", 1)
    table[-1] = f"{'A' if mutant[0] != 'A' else 'C'}{mutant[1:]},{rest}"
    path.write_bytes(gzip.compress("\n".join(table).encode()))
    monkeypatch.setenv("ACTIVELOOP_DATA", str(tmp_path))
    assert main(["--out", str(tmp_path / "priors"), "--results", str(tmp_path / "results")]) == 2
    assert "scan01.csv.gz" in (told := capsys.readouterr().err)
    assert "does not fit the wild type" in told
    assert not (tmp_path / "priors").exists()


def test_planted_variances_are_found():
    rng = np.random.default_rng(0)
    nothing = SubstitutionTables(
        np.zeros((PARTS + 1, CONTEXTS + 1, 20), np.float32),
        np.zeros(CONTEXTS),
        np.zeros(1, np.uint32),
        np.zeros(1, int),
    )
    planted = np.zeros(len(TERMS))
    planted[NAMES.index("site")], planted[NAMES.index("residue")] = 0.6, 0.3
    scans = []
    for i in range(6):
        chain = random_chain(rng, 40)
        sites = Pool.single_mutants(chain).sites
        assert sites is not None
        table = MutationKernel.of(sites, planted).draw(rng, 1)[:, :20, 0]
        position, letter = np.nonzero(np.array(list(chain))[:, None] != np.array(list(AMINO_ACIDS)))
        score = table[position, letter] + np.sqrt(0.2) * rng.standard_normal(len(position))
        scans.append(Scan(f"scan{i}", chain, position, letter, score, False))
    found = dict(zip(NAMES, default_variances(scans, nothing, seed=0).tolist(), strict=True))
    assert found["site"] == pytest.approx(0.6, rel=0.4)
    assert found["residue"] == pytest.approx(0.3, rel=0.7)
    assert found["noise"] == pytest.approx(0.2, rel=0.25)
    others = [value for name, value in found.items() if name not in ("site", "residue", "noise", "prior's weight")]
    assert sum(others) < 0.2
