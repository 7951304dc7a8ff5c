"""Public sets: from the data folder, from a mirror, from their source; never unchecked."""

import gzip

import pytest

from activeloop.errors import ConfigError, FetchError
from activeloop.replay import sources as datasets
from activeloop.replay import sources as fetching
from activeloop.replay.sources import find_set, public_table, registry


def test_the_data_folder_comes_first(invented, write_manifest, tmp_path, monkeypatch):
    monkeypatch.setenv(datasets.DATA, str(tmp_path / "data"))
    write_manifest()
    table, columns = public_table(invented)
    assert table.column(columns.candidate)[0] == "VDGV"
    assert not (tmp_path / "cache").exists()


def test_a_file_that_the_manifest_does_not_know_is_refused(invented, write_manifest, tmp_path, monkeypatch):
    monkeypatch.setenv(datasets.DATA, str(tmp_path / "data"))
    write_manifest("0" * 64)
    with pytest.raises(FetchError, match=r"MANIFEST\.csv.*Copy it again"):
        public_table(invented)


def test_a_mirror_is_fetched_once_and_cached(invented, served, tmp_path, monkeypatch):
    monkeypatch.setenv(datasets.MIRROR, served)
    first, _ = public_table(invented)
    (tmp_path / "data" / invented.file).unlink()
    again, columns = public_table(invented)
    assert again.columns == first.columns
    assert len(again.column(columns.target)) == 4


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(b"variant,fitness\nVDGV,1.0\nADGV,0.25\nFWAA,8.5\nCCCC,0.5\n", mtime=0),
        gzip.compress(b"variant,fitness\nVDGV,1.0\nADGV,0.25\nFWAA,8.5\n", mtime=0),
        gzip.compress(b"variant,fitness\nVDGV,1.0\nADGV,0.25\n", mtime=0)[:-9],
        b"<html><body>404: Not Found</body></html>",
        b"",
    ],
    ids=["another value", "a row less", "half a file", "a web page", "nothing"],
)
def test_anything_else_is_refused_and_deleted(content, invented, served, tmp_path, monkeypatch):
    monkeypatch.setenv(datasets.MIRROR, served)
    (tmp_path / "data" / invented.file).write_bytes(content)
    with pytest.raises(FetchError, match=r"The download was deleted.*ACTIVELOOP_DATA"):
        public_table(invented)
    assert not list((tmp_path / "cache").glob("*invented*"))


def test_a_source_may_package_the_same_content_differently(invented, served, tmp_path, monkeypatch):
    """Another order, other column names, more columns, more digits: the same content."""
    source = tmp_path / "data" / "somebody" / "data" / "0123abc" / "tables" / "in vented.csv"
    source.parent.mkdir(parents=True)
    source.write_text("combo,aa1,score\nCCCC,C,0\nFWAA,F,8.4999999999\nADGV,A,0.25\nVDGV,V,1.00\n")
    monkeypatch.setattr(datasets, "GITHUB", served)
    table, columns = public_table(invented)
    assert (columns.candidate, columns.target) == ("combo", "score")
    assert len(table) == 4


def test_a_server_without_response_is_named_with_a_fix(invented, monkeypatch):
    monkeypatch.setenv(datasets.MIRROR, "http://127.0.0.1:9")
    with pytest.raises(FetchError, match=r"could not be fetched from http://127\.0\.0\.1:9.*ACTIVELOOP_DATA"):
        public_table(invented)


def test_positions_of_a_source_that_counts_from_zero_are_moved(invented, served, tmp_path, monkeypatch):
    digest = datasets.content_digest(["A1C:D3E", "K2R"], [1.0, 2.0], "variants")
    entry = type(invented)(**{**vars(invented), "shift": 1, "sha256": digest})
    source = tmp_path / "data" / "somebody" / "data" / "0123abc" / "tables" / "in vented.csv"
    source.parent.mkdir(parents=True)
    source.write_text("variant\tscore\nA0C,D2E\t1\nK1R\t2\n")
    monkeypatch.setattr(datasets, "GITHUB", served)
    table, columns = public_table(entry)
    assert table.column(columns.candidate) == ["A1C,D3E", "K2R"]


def test_a_set_without_a_known_file_names_the_path_for_it(invented):
    entry = type(invented)(**{**vars(invented), "source": "somebody/data@0123abc"})
    with pytest.raises(FetchError, match=r"protein/invented\.csv\.gz"):
        public_table(entry)


def test_the_registry_is_sound():
    for name, entry in registry().items():
        assert entry.kind in ("variants", "compounds", "guides"), name
        assert entry.goal in ("maximise", "minimise"), name
        assert len(entry.sha256) == 64, name
        assert entry.url is None or entry.url.startswith(f"{datasets.GITHUB}/"), name
    assert find_set("ch65").goal == "minimise"
    assert find_set("blat_ecolx_deng_2012").name == "BLAT_ECOLX_Deng_2012"
    assert len({entry.sha256 for entry in registry().values()}) >= len(registry()) - 3


def test_an_unknown_name_suggests_near_ones():
    with pytest.raises(ConfigError, match="phoq"):
        find_set("pho")


def test_nothing_is_imported_from_the_network_library_before_it_is_needed():
    assert not hasattr(fetching, "pooch")
