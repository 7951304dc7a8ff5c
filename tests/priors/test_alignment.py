"""An alignment becomes the profile of a wild type, column for residue, or is refused."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from activeloop.candidates import AMINO_ACIDS, Pool
from activeloop.errors import PoolError, TableError
from activeloop.measurements import Dataset
from activeloop.models.gp.mutation_gp import MutationGP
from activeloop.priors import FamilyPrior, Profile, read_alignment
from activeloop.priors.alignment import mapped_positions

PARENT = "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVGDG"
#: the columns of all forms below: the wild type without its first three residues, with one column that it lacks
RELATIVES = {
    "parent": "AYIAKQRQISFVK-SHFSRQLEERLGLIEVQAPILSRVGDG",
    "near": "AYIAKQRQVSFVK-SHFSRELEERLGLVEVQAPILSRVGDG",
    "far": "AYLARQRQVSYVRGSHYSREIEDRLNLVDVNAP-LSKVGEG",
    "short": "AYIAKQRQ---------------------------------",
}


def fasta(rows: dict[str, str]) -> str:
    return "".join(f">{name} of a family\n{row[:20]}\n{row[20:]}\n" for name, row in rows.items())


def a3m(rows: dict[str, str]) -> str:
    """The query without gaps; where it has one, the others' residues are insertions."""
    lacking = [i for i, letter in enumerate(rows["parent"]) if letter == "-"]
    short = {}
    for name, row in rows.items():
        letters = [c.lower() if i in lacking else c for i, c in enumerate(row)]
        short[name] = "".join(c for i, c in enumerate(letters) if not (i in lacking and c == "-"))
    return fasta(short)


def a2m(rows: dict[str, str]) -> str:
    return fasta({n: r[:13] + (r[13].lower() if r[13] != "-" else ".") + r[14:] for n, r in rows.items()})


def stockholm(rows: dict[str, str]) -> str:
    half = ["".join(f"{n}/4-43  {r[a:b]}\n" for n, r in rows.items()) for a, b in ((0, 20), (20, None))]
    return "# STOCKHOLM 1.0\n#=GF ID family\n" + "\n".join(half) + "#=GC RF xxx\n//\n"


@pytest.mark.parametrize("form", [fasta, a3m, a2m, stockholm, lambda rows: fasta(rows).lower().replace("of a", "of")])
def test_every_form_gives_the_same_profile(form, tmp_path: Path) -> None:
    path = tmp_path / "family"
    path.write_text(form(RELATIVES))
    profile = Profile.of(read_alignment(path, PARENT), PARENT)
    assert (profile.sequences, profile.left_out, profile.identity) == (3, 1, 1.0)
    assert profile.covered.tolist() == [False] * 3 + [True] * (len(PARENT) - 3)
    # two of three are alike
    assert profile.effective == pytest.approx(2.0)
    # I6: I in the near pair (weight one together), L in the far one
    i, leu = AMINO_ACIDS.index("I"), AMINO_ACIDS.index("L")
    assert profile.frequencies[5, [i, leu]] == pytest.approx([(1 + 5 * 0.0591) / 7, (1 + 5 * 0.0965) / 7], abs=1e-4)
    assert profile.frequencies[3:].sum(1) == pytest.approx(1.0, abs=1e-3)


def test_a_profile_is_read_as_it_was_written_also_from_a_gzipped_alignment(tmp_path: Path) -> None:
    path = tmp_path / "family.a3m.gz"
    path.write_bytes(gzip.compress(a3m(RELATIVES).encode()))
    profile = Profile.of(read_alignment(path, PARENT), PARENT)
    profile.write(tmp_path / "profile.csv")
    again = Profile.read(tmp_path / "profile.csv")
    np.testing.assert_array_equal(again.frequencies, profile.frequencies)
    assert again.about() == profile.about()
    assert "3 sequences (effective number 2)" in profile.about()
    assert "nothing is known of 3 others" in profile.about()


def test_the_query_is_the_record_that_is_the_wild_type_wherever_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "family.fa"
    path.write_text(fasta(dict(reversed(RELATIVES.items()))))
    assert read_alignment(path, PARENT).name == "parent"


def test_numbering_follows_the_residues_and_not_the_columns() -> None:
    # a tag in front, a loop of four residues left out, and one more residue later on
    query = "GSHM" + PARENT[3:20] + PARENT[24:36] + "W" + PARENT[36:]
    mapped = mapped_positions(query, PARENT)
    where = [int(j) for j in mapped[np.r_[3:18, 26:34, 41:43]]]
    assert [query[j] for j in where] == [PARENT[i] for i in np.r_[3:18, 26:34, 41:43]]
    assert (np.diff(mapped[mapped >= 0]) > 0).all()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (">a\nMKTAYIAKQRQ\n", "holds 1 sequence"),
        ("MKTAYIAKQRQ\n", 'no line starts with ">"'),
        (">a\nMKTAYIAKQRQISF\n>b\nMKTAYIAKQ\n", "not aligned with each other"),
        (f">a\n{PARENT[::-1]}\n>b\n{PARENT[::-1]}\n", "no record is the wild type"),
        (">a\n" + PARENT[:9] + "W" * 34 + "\n>b\n" + "W" * 43 + "\n", "residues agree"),
    ],
)
def test_what_is_no_alignment_of_this_protein_is_refused(text: str, why: str, tmp_path: Path) -> None:
    path = tmp_path / "family"
    path.write_text(text)
    with pytest.raises(TableError, match=why):
        read_alignment(path, PARENT)


@pytest.fixture
def family(tmp_path: Path) -> FamilyPrior:
    """A planted profile: at every other position alanine is as frequent as the wild type's own, elsewhere rare."""
    own = np.array([AMINO_ACIDS.index(a) for a in PARENT])
    frequencies = np.full((len(PARENT), 20), 0.01)
    frequencies[::2] = 0.04
    frequencies[np.arange(len(PARENT)), own] = 0.5
    Profile(PARENT, frequencies, 100, 50.0, 1.0, "planted", 0).write(tmp_path / "profile.csv")
    return FamilyPrior(str(tmp_path / "profile.csv"))


def test_the_family_tells_of_positions_without_a_label(family: FamilyPrior) -> None:
    pool = Pool.single_mutants(PARENT)
    rows = np.arange(len(pool))
    sites = pool.sites
    assert sites is not None
    truth = family.features(pool, rows)[:, 0].astype(float)
    rng = np.random.default_rng(0)
    values = truth + 0.3 * rng.standard_normal(len(pool))
    position = (pool.codes(rows) != sites.parent).argmax(1)
    seen = position % 5 != 0
    some = rng.permutation(rows[seen])[:150]
    known, plain = (
        np.corrcoef(learner.fit(Dataset.of(pool, some, values[some]), 0).predict(pool, rows[~seen], 0).mean[:, 0],
                    truth[~seen])[0, 1]
        for learner in (MutationGP(family=family), MutationGP())
    )  # fmt: skip
    assert known > 0.9
    assert known > plain + 0.1


def test_samples_and_moments_agree_with_a_family(family: FamilyPrior) -> None:
    pool = Pool.single_mutants(PARENT)
    rng = np.random.default_rng(1)
    some = rng.permutation(len(pool))[:40]
    fitted = MutationGP(family=family).fit(Dataset.of(pool, some, rng.standard_normal(40)), 0)
    posterior = fitted.posterior  # type: ignore[attr-defined]
    from activeloop.models.gp.mutation_kernel import Mutations

    others = Mutations.of(pool, rng.permutation(len(pool))[:30])
    samples = posterior.draws(others, 0, 4_000)
    mean, sd = posterior.marginals(others)
    assert samples.mean(0) == pytest.approx(mean, abs=0.08)
    assert samples.std(0) == pytest.approx(sd, rel=0.08)


def test_another_proteins_profile_is_refused(family: FamilyPrior) -> None:
    with pytest.raises(PoolError, match="another wild type"):
        family.table(Pool.single_mutants(PARENT + "W"))
    Path(family.path).write_text("position\n1\n")
    with pytest.raises(TableError, match="no family profile"):
        FamilyPrior(family.path).table(Pool.single_mutants(PARENT))
