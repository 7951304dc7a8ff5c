"""A data folder like the real one, with invented values, and a server of it on loopback."""

import csv
import gzip
import hashlib
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from activeloop.replay import sources as datasets
from activeloop.replay.sources import PublicSet, content_digest

ROWS = [("VDGV", 1.0), ("ADGV", 0.25), ("FWAA", 8.5), ("CCCC", 0.0)]


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def invented(tmp_path, monkeypatch):
    """An entry of the registry whose table lies in `tmp_path/data`; nothing else is known, nothing is set."""
    for name in (datasets.DATA, datasets.MIRROR):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ACTIVELOOP_CACHE", str(tmp_path / "cache"))
    digest = content_digest(*zip(*ROWS, strict=True), "variants")
    entry = PublicSet(
        *("invented", "protein/invented.csv.gz", "variants", "variant", "fitness", "maximise", 0),
        *("somebody/data@0123abc tables/in vented.csv", digest, "Nobody 2024"),
    )
    path = tmp_path / "data" / entry.file
    path.parent.mkdir(parents=True)
    text = "variant,fitness\n" + "".join(f"{name},{value}\n" for name, value in ROWS)
    path.write_bytes(gzip.compress(text.encode()))
    monkeypatch.setattr(datasets, "registry", lambda: {"invented": entry})
    return entry


@pytest.fixture
def served(tmp_path):
    """The address of a server of `tmp_path/data`."""
    handler = partial(QuietHandler, directory=tmp_path / "data")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def write_manifest(tmp_path, invented):
    """Writes `MANIFEST.csv` with the right hash of the invented file, or with another."""

    def write(sha256=None):
        folder = tmp_path / "data"
        found = hashlib.sha256((folder / invented.file).read_bytes()).hexdigest()
        with (folder / "MANIFEST.csv").open("w", newline="") as file:
            csv.writer(file).writerows([("file", "bytes", "sha256"), (invented.file, 1, sha256 or found)])

    return write
