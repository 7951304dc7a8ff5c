"""Objects by their hash in a folder, in memory and in a bucket: what is put comes back whole, or it is said why not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from obstore.store import LocalStore, MemoryStore, from_url

from activeloop.errors import InputError, StoreError
from activeloop.objects import ARRAYS, content_hash
from activeloop.store import FileArtifactStore, Objects, SQLiteFile, SQLLog, create_campaign, upgrade

KINDS = ("text/csv", "application/octet-stream", ARRAYS)


@pytest.fixture(params=["folder", "memory", "s3"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    """A place for objects of each kind."""
    if request.param == "folder":
        return Objects.at(tmp_path / "artifacts")
    if request.param == "memory":
        memory = MemoryStore()
        return Objects(lambda: memory, "memory")
    return Objects.at(f"{request.getfixturevalue('bucket')}/{tmp_path.name}")


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_put_comes_back_and_is_there_once(objects, kind):
    for content in (b"", b"well,value\nA1,0.5\n", bytes(range(256)) * 50_000):
        keys = {objects.put(content, kind) for _ in range(2)}
        assert keys == {content_hash(content)}
        assert objects.get(keys.pop(), kind) == content


def test_what_is_lost_or_damaged_is_named_and_can_be_put_again(objects):
    key = objects.put(b"raw", "text/csv")
    with pytest.raises(StoreError, match="stored file 0123456789ab is not in"):
        objects.get("0123456789abcdef")
    objects._store.put(f"{key[:2]}/{key}", b"ra")
    with pytest.raises(StoreError, match=rf"stored file {key[:12]} in .* is damaged"):
        objects.get(key)
    assert objects.put(b"raw", "text/csv") == key
    assert objects.get(key) == b"raw"


def test_a_bucket_knows_the_media_type(bucket):
    key = Objects.at(bucket).put(b"a,b\n", "text/csv")
    assert from_url(bucket).get(f"{key[:2]}/{key}").attributes["Content-Type"] == "text/csv"


def test_a_folder_of_a_former_release_is_read(tmp_path):
    LocalStore(tmp_path).put("ab/nothing", b"")
    log = _log(tmp_path)
    artifacts = FileArtifactStore(Objects.at(tmp_path), log)
    key = artifacts.put({"weights": np.arange(3.0)})
    assert (tmp_path / key[:2] / f"{key}.npz").is_file()
    assert artifacts.get(key)["weights"].tolist() == [0, 1, 2]
    file = artifacts.put_file(b"raw", "text/plain")
    owned = log.database.read("SELECT hash, media_type, size FROM artifacts ORDER BY size")
    assert owned == [(file, "text/plain", 3), (key, ARRAYS, len(artifacts.objects.get(key, ARRAYS)))]


def test_a_bucket_that_does_not_answer_is_named(monkeypatch):
    for name, value in {"ENDPOINT_URL": "http://127.0.0.1:1", "ACCESS_KEY_ID": "k", "SECRET_ACCESS_KEY": "s"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    objects = Objects.at("s3://laboratory/artifacts")
    with pytest.raises(StoreError, match=r"^s3://laboratory/artifacts cannot be written.*Nothing was stored"):
        objects.put(b"raw")
    with pytest.raises(StoreError, match=r"^s3://laboratory/artifacts cannot be read"):
        objects.get("0" * 64)


@pytest.mark.parametrize("place", ["gs://laboratory/artifacts", "az://laboratory/artifacts"])
def test_buckets_of_other_clouds_are_opened(place, monkeypatch):
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "lab")
    assert type(Objects.at(place)._store).__name__ in ("GCSStore", "AzureStore")


@pytest.mark.parametrize("place", ["ftp://host/folder", "memory://", "file:///etc", "http://host/bucket"])
def test_other_addresses_are_refused(place):
    with pytest.raises(InputError, match="name a folder, or a bucket"):
        Objects.at(place)


def _log(folder: Path) -> SQLLog:
    database = SQLiteFile(folder / "campaigns.db")
    upgrade(database, "the database", fresh=True)
    return SQLLog(database, campaign=create_campaign(database, "kinase"))
