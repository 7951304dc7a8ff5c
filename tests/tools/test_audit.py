"""The audit of dependencies: what is vulnerable fails, and what was not looked up is said."""

from __future__ import annotations

from tools.audit import told


def test_a_known_vulnerability_fails_and_is_named():
    found = [{"id": "PYSEC-1", "fix_versions": ["2.1"]}]
    lines, status = told([{"name": "a", "version": "2.0", "vulns": found}, {"name": "b", "version": "1", "vulns": []}])
    assert status == 1
    assert lines[0] == "a 2.0: PYSEC-1, mended in 2.1"
    assert lines[1] == "2 packages were looked up: 1 known vulnerability."


def test_packages_that_were_not_looked_up_are_no_approval():
    skipped = {"name": "b", "skip_reason": "not found on PyPI"}
    assert told([skipped])[0][0].startswith("COULD NOT ASK")
    lines, status = told([{"name": "a", "version": "1", "vulns": []}, skipped, {"name": "activeloop-bio"}])
    assert (lines[-1], status) == ("NOT LOOKED UP: b.", 0)
