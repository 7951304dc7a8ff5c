"""An alignment becomes the profile of a wild type, column for residue, or is refused."""

import gzip
import re
from pathlib import Path

import numpy as np
import pytest

from activeloop.candidates import AMINO_ACIDS, Pool
from activeloop.errors import PoolError, TableError
from activeloop.measurements import Dataset
from activeloop.models.gp.mutation_gp import MutationGP
from activeloop.priors import Profile, read_alignment
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
    assert (profile.sequences, profile.used, profile.left_out, profile.identity) == (4, 3, 1, 1.0)
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
    assert "4 sequences, effective number 2, 1 left out that cover less than half of it" in profile.about()
    assert f"it tells of {len(PARENT) - 3} of {len(PARENT)} positions (not of 1-3)" in profile.about()


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
def family() -> Profile:
    """A planted profile: at every other position alanine is as frequent as the wild type's own, elsewhere rare."""
    own = np.array([AMINO_ACIDS.index(a) for a in PARENT])
    frequencies = np.full((len(PARENT), 20), 0.01)
    frequencies[::2] = 0.04
    frequencies[np.arange(len(PARENT)), own] = 0.5
    frequencies /= frequencies.sum(1, keepdims=True)
    return Profile(PARENT, frequencies, 100, 100, 0, 50.0, 1.0, "planted")


def test_the_family_tells_of_positions_without_a_label(family: Profile) -> None:
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


def test_samples_and_moments_agree_with_a_family(family: Profile) -> None:
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


def test_another_proteins_profile_is_refused(family: Profile) -> None:
    with pytest.raises(PoolError, match="another wild type"):
        family.table(Pool.single_mutants(PARENT + "W"))
    with pytest.raises(PoolError, match="has none"):
        family.table(Pool.combinatorial(None, [1, 2, 3]))


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("sequences,used", "position,used", "no family profile"),
        ("3,T,0.01", "3,T,0.5", "row 6: this row is no residue with its 20 frequencies"),
        ("3,T,0.01", "4,T,0.01", "row 6"),
        ("3,T,0.01", "3,T,ten", "row 6"),
        ("3,T,0.01,", "3,T,", "row 6"),
    ],
)
def test_an_edited_profile_is_refused_by_its_row(family: Profile, old: str, new: str, why: str, tmp_path: Path) -> None:
    rows = [*family.text().splitlines()]
    rows[5] = ",".join(["3", "T", *["0.01"] * 18, "0.41", "0.41"])
    text = "\n".join(rows) + "\n"
    assert old in text
    (tmp_path / "profile.csv").write_text(text)
    assert Profile.read(tmp_path / "profile.csv").digest != family.digest
    (tmp_path / "profile.csv").write_text(text.replace(old, new))
    with pytest.raises(TableError, match=why):
        Profile.read(tmp_path / "profile.csv")


def drawn_family(rng: np.random.Generator, length: int, count: int, share: float = 0.6) -> tuple[str, list[str]]:
    """A wild type, and relatives that share so much of it, column for column."""
    parent = "".join(rng.choice(list(AMINO_ACIDS), length))
    rows = []
    for _ in range(count):
        own = rng.random(length) < share
        rows.append(
            "".join(a if keep else str(rng.choice(list(AMINO_ACIDS))) for a, keep in zip(parent, own, strict=True))
        )
    return parent, rows


@pytest.mark.parametrize("shift", [1, 4, -3])
def test_rows_that_are_shifted_against_the_wild_type_are_refused_with_both_readings(shift: int, tmp_path: Path) -> None:
    parent, rows = drawn_family(np.random.default_rng(2), 150, 30)
    path = tmp_path / "a.fasta"
    good = {"wt": parent, **{f"s{i}": row for i, row in enumerate(rows)}}
    path.write_text("".join(f">{n}\n{r}\n" for n, r in good.items()))
    assert Profile.from_alignment(path, parent).covered.all()
    # from residue 60 on: a gap was lost, or one too many was put in
    moved = {
        n: r
        if n == "wt"
        else r[:60] + ("-" * shift + r[60 : 150 - shift] if shift > 0 else r[60 - shift :] + "-" * -shift)
        for n, r in good.items()
    }
    path.write_text("".join(f">{n}\n{r}\n" for n, r in moved.items()))
    with pytest.raises(TableError, match=rf"at residues .* moved by {re.escape(f'{-shift:+d}')}, ") as error:
        read_alignment(path, parent)
    assert "Nothing was read" in str(error.value)


def test_unaligned_sequences_of_one_length_do_not_pass(tmp_path: Path) -> None:
    parent, rows = drawn_family(np.random.default_rng(5), 120, 20, 0.9)
    path = tmp_path / "a.fasta"
    turned = [row[7:] + row[:7] for row in rows]
    path.write_text("".join(f">s{i}\n{r}\n" for i, r in enumerate([parent, *turned])))
    with pytest.raises(TableError, match="not aligned with the wild type"):
        read_alignment(path, parent)


def test_a_large_file_is_read_in_pieces_and_every_kth_sequence_is_counted(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("activeloop.priors.alignment.MOST", 40)
    parent, rows = drawn_family(np.random.default_rng(1), 100, 199)
    path = tmp_path / "a.a3m.gz"
    path.write_bytes(gzip.compress("".join(f">s{i}\n{r}\n" for i, r in enumerate([*rows, parent])).encode()))
    seen: list[tuple[int, int]] = []
    read = read_alignment(path, parent, lambda done, total: seen.append((done, total)))
    profile = Profile.of(read, parent)
    assert (profile.sequences, profile.used, read.name) == (200, 41, "s199")
    assert "200 sequences (41 of them counted)" in profile.about()
    assert seen[-1][0] == seen[-1][1]
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0", "binary file"),
        (b"", "the file is empty"),
        (b"\n \n", "the file is empty"),
        (gzip.compress(b">a\nMK\n" * 99, mtime=0)[:-9], "damaged or cut off"),
        (b"CLUSTAL W (1.83) multiple sequence alignment\n\na MKTA\n", "Clustal, PHYLIP, MSF"),
        (b">a\n" + b"A" * 3_000_000, "this line has more than"),
        ((">a\n" + PARENT + "\n>b\n" + "-" * 40 + "MKT\n").encode(), "no other sequence covers half"),
        ((">a\n" + PARENT[:30].lower() + PARENT[30:] + "\n>b\n" + PARENT[30:] + "\n").encode(), "only 13 residues"),
    ],
)
def test_what_cannot_be_used_is_refused_in_words(content: bytes, why: str, tmp_path: Path) -> None:
    path = tmp_path / "family"
    path.write_bytes(content)
    with pytest.raises(TableError, match=why):
        read_alignment(path, PARENT)


def test_colabfold_files_have_a_comment_and_nul_bytes(tmp_path: Path) -> None:
    path = tmp_path / "family.a3m"
    path.write_bytes(b"#43\t1\n" + a3m(RELATIVES).replace(">far", "\0>far").encode())
    assert read_alignment(path, PARENT).count == 4
