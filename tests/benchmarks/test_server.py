"""The page about a server under load and faults, from rows like those that its suite measures."""

from __future__ import annotations

from benchmarks.server import HARM, PAGES, ROLES, TITLES, good, read_tables, server_result

SHARED = {"CPU share": 0.1, "MiB": 140.0, "peak MiB": 160.0, "errors": 0}
READS = {"reads": 300, "wells": 0, **{f"read p{p}": 0.1 for p in (50, 95, 99)}}
WELLS = {"wells": 90, "lost": 0, "doubled": 0, "trained": True, **{f"well p{p}": 0.2 for p in (50, 95, 99)}}
LARGE = {
    "ready": 2.0,
    "ready CPU": 1.5,
    "load average": 0.3,
    "MiB": 140.0,
    "peak MiB": 160.0,
    "pages": [{"page": name, "KiB": 4.0, "first": 0.2, "p50": 0.01, "p95": 0.02, "CPU": 0.01} for name in PAGES],
    "idle": {**SHARED, **READS},
    "load": {**SHARED, **READS, **WELLS},
}
FAULTS = {"database": "sqlite", "what": "kills", **dict.fromkeys(TITLES, 1), **dict.fromkeys(HARM, 0)}


def test_the_page_is_made_again_from_its_tables(tmp_path):
    result = server_result({"sqlite": LARGE}, [FAULTS])
    result.write(tmp_path, "python -m benchmarks server")
    large, faults = read_tables(tmp_path)
    assert large == {"sqlite": LARGE}
    assert faults == [FAULTS]
    text = (tmp_path / "README.md").read_text()
    assert f"{len(ROLES)} processes were killed" in text
    assert "| API: candidates | 10 | 20 | 10 |" in text
    assert good(large, faults)


def test_what_is_slow_large_or_lost_is_not_good():
    assert not good({"sqlite": LARGE | {"MiB": 151.0}}, [])
    assert not good({"sqlite": LARGE | {"load": {**LARGE["load"], "read p99": 0.3}}}, [])  # type: ignore[dict-item]
    assert not good({}, [FAULTS | {"lost": 1}])
