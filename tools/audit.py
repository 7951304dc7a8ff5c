"""Ask a public list of vulnerabilities about every package that is installed here.

    python -m tools.audit

Exit status 1 when one of them has a known vulnerability. Where the list cannot be asked (no network, or a mirror of the
package index that has no such list) it says so, and how many packages were not looked up, with exit status 0: that is
no approval.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

OWN = "activeloop-bio"


def asked() -> tuple[list[dict[str, Any]], str]:
    """What pip-audit found of each package, and its words when it found nothing out."""
    command = [sys.executable, "-m", "pip_audit", "--local", "--progress-spinner", "off", "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        return json.loads(done.stdout)["dependencies"], ""
    except (ValueError, KeyError):
        return [], (done.stderr.strip().splitlines() or ["it said nothing"])[-1]


def told(packages: Sequence[dict[str, Any]], words: str = "") -> tuple[list[str], int]:
    """Lines to print, and the exit status.

    Args:
        packages: as pip-audit writes them: `name`, and `version` with `vulns`, or `skip_reason`.
        words: of pip-audit when it failed.

    >>> told([{"name": "a", "version": "1", "vulns": []}])
    (['1 package was looked up: no known vulnerability.'], 0)
    >>> told([], "ConnectionError")[0]
    ['COULD NOT ASK whether packages are vulnerable (ConnectionError). Nothing is known: this is no approval.']
    """
    packages = [package for package in packages if package["name"] != OWN]
    known = [package for package in packages if "vulns" in package]
    if not known:
        why = words or "the list knows none of them, as behind a mirror of the index"
        return [f"COULD NOT ASK whether packages are vulnerable ({why}). Nothing is known: this is no approval."], 0
    lines = []
    for package in known:
        for one in package["vulns"]:
            mended = f", mended in {', '.join(one['fix_versions'])}" if one.get("fix_versions") else ""
            lines.append(f"{package['name']} {package['version']}: {one['id']}{mended}")
    status = int(bool(lines))
    count = f"{len(known):,} packages were" if len(known) != 1 else "1 package was"
    found = "vulnerabilities" if len(lines) > 1 else "vulnerability"
    lines.append(f"{count} looked up: {len(lines) or 'no'} known {found}.")
    if len(known) < len(packages):
        names = [package["name"] for package in packages if "vulns" not in package]
        lines.append(f"NOT LOOKED UP: {', '.join(names)}.")
    return lines, status


def main() -> int:
    """Exit status of the command."""
    lines, status = told(*asked())
    sys.stdout.write("\n".join(lines) + "\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
