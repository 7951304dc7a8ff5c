"""A long table is read once: what was read is kept beside it, and read anew whenever that may not be the same."""

import os
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from activeloop.candidates import ExplicitPool, Pool
from activeloop.config import parse_config, pools
from activeloop.config.pools import keep, pool_of

WT = "MKTAYIAKQRQISFVKSHFSRQ"
MUTATION = st.builds(
    lambda p, a: f"{WT[p]}{p + 1}{a}", st.integers(0, len(WT) - 1), st.sampled_from("ACDEFGHIKLMNPQRSTVWY")
)
INDEL = st.sampled_from(["A4del", "4insGS", "0insM", "22insW", "K2_A4del"])
VARIANTS = st.lists(st.lists(MUTATION | INDEL, min_size=1, max_size=3).map(":".join), min_size=1, max_size=12)


def same(one: Pool, other: Pool) -> None:
    rows = list(range(len(one)))
    assert len(one) == len(other)
    assert one.names(rows) == other.names(rows)
    assert [one[row] for row in rows] == [other[row] for row in rows]
    assert [one.labels(row) for row in rows] == [other.labels(row) for row in rows]
    assert [one.id_of(row) for row in rows] == [other.id_of(row) for row in rows]
    assert (one.kind, one.origin, one.numbering, one.hash) == (other.kind, other.origin, other.numbering, other.hash)
    assert all(other.row_of(name) == row for row, name in enumerate(one.names(rows)))
    if one.sites is not None and other.sites is not None:
        assert (one.sites.labels, one.sites.alphabet) == (other.sites.labels, other.sites.alphabet)
        assert one.sites.positions.tolist() == other.sites.positions.tolist()
        assert (one.codes() == other.codes()).all()


def there_and_back(pool: ExplicitPool) -> ExplicitPool:
    return ExplicitPool.from_arrays(pool.to_arrays())


@given(VARIANTS)
def test_variants_are_the_same_after_they_were_kept(names):
    notation = Pool.single_mutants(WT).notation
    designs = {}
    for name in names:
        try:
            design = notation.design(name)
        except ValueError:
            continue
        designs.setdefault(notation.key(design), design)
    if designs:
        pool = Pool.of(designs.values())
        same(pool, there_and_back(pool))
        assert isinstance(pool, ExplicitPool)
        wild = pool.sites.parent if pool.sites else None
        changed = np.nonzero(pool.codes() != wild)
        assert [part.tolist() for part in pool.changes(np.arange(len(pool)))[:2]] == [x.tolist() for x in changed]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("guides", "guide,ID,gene\nGACGTTACGATCGATCGACA,g1,TP53\nGACGTTACGATCGATCGACC,g2,\n"),
        ("variants", "variant,score\nFWAA,1\nVDGV,2\n"),
        ("compounds", 'smiles,Catalogue number,note\nCCO,Z1,"a\nb"\nOc1ccccn1,Z2,\nc1ccccc1,z2,x\n'),
    ],
)
def test_other_kinds_with_their_labels_are_the_same_after_they_were_kept(kind, text, tmp_path):
    (tmp_path / "t.csv").write_text(text)
    pool = Pool.from_table(tmp_path / "t.csv", kind)
    kept = there_and_back(pool)
    same(pool, kept)
    for name in ("z2", "Z1", "g2"):
        assert pool.rows_labelled(name) == kept.rows_labelled(name)
    if kind == "compounds":
        assert kept.row_of("O=c1cccc[nH]1") == 1


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setitem(pools.LONG, "variants", 3)
    (tmp_path / "t.csv").write_text("variant,ID\nK2R,a\nT3S,b\nA4G:K2R,c\n")
    return tmp_path


def config(**changed):
    lines = {"wild_type": f'"{WT}"', "table": '"t.csv"', **changed}
    text = "[pool]\n" + "\n".join(f"{k} = {v}" for k, v in lines.items()) + '\n[[assays]]\nname = "kcat"\n'
    return parse_config(text, "").pool


def kept_files(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "cache").glob("*"))


def test_a_long_table_is_read_once(folder, monkeypatch):
    first = pool_of(config(), folder, "campaign.toml")
    assert len(kept_files(folder)) == 1
    monkeypatch.setattr(Pool, "from_table", None)  # whoever reads the table fails
    second = pool_of(config(), folder, "campaign.toml")
    same(first, second)
    assert second.rows_labelled("B") == (1,)


def test_a_short_one_is_not_kept(folder, monkeypatch):
    monkeypatch.setitem(pools.LONG, "variants", 4)
    pool_of(config(), folder, "campaign.toml")
    assert not (folder / "cache").exists()


def test_another_table_config_or_wild_type_is_read_anew_and_replaces_what_was_kept(folder):
    pool_of(config(), folder, "campaign.toml")
    names = kept_files(folder)
    (folder / "t.csv").write_text("variant,ID\nK2R,a\nT3S,b\nA4G:K2C,c\n")
    assert pool_of(config(), folder, "campaign.toml").names([2]) == ["K2C:A4G"]
    assert len(kept_files(folder)) == 1
    assert kept_files(folder) != names
    with pytest.raises(ValueError, match="has A at position 2"):
        pool_of(config(wild_type=f'"MA{WT[2:]}"'), folder, "campaign.toml")
    with pytest.raises(ValueError, match="K2R"):
        pool_of(config(offset=1), folder, "campaign.toml")


@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "other"])
def test_what_is_damaged_is_read_anew(folder, damage):
    pool = pool_of(config(), folder, "campaign.toml")
    (name,) = kept_files(folder)
    path = folder / "cache" / name
    whole = path.read_bytes()
    at = whole.index(b"T3S") + 1
    content = {"cut": whole[: len(whole) // 2], "changed": whole[:at] + b"4" + whole[at + 1 :], "empty": b""}
    path.write_bytes(content.get(damage, b"PK\x03\x04 something else"))
    same(pool, pool_of(config(), folder, "campaign.toml"))
    assert path.read_bytes() == whole


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="who may write anywhere")
def test_a_folder_that_cannot_be_written_is_read(folder):
    folder.chmod(0o500)
    try:
        assert len(pool_of(config(), folder, "campaign.toml")) == 3
    finally:
        folder.chmod(0o700)


def test_a_file_where_the_folder_should_be_is_left_alone(folder):
    (folder / "cache").write_text("mine")
    assert len(pool_of(config(), folder, "campaign.toml")) == 3
    assert (folder / "cache").read_text() == "mine"


def test_several_that_keep_it_at_once_leave_one_whole_file(folder):
    pool = pool_of(config(), folder)
    threads = [threading.Thread(target=keep, args=(pool, config(), folder, "campaign.toml")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(kept_files(folder)) == 1
    same(pool, pool_of(config(), folder, "campaign.toml"))
