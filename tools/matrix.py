"""The base install and a whole demo campaign on every supported Python: `python -m tools.matrix`.

Interpreters are looked for on the PATH (`python3.12`) and among pyenv's versions. The whole test suite runs on the
version of `make test`; the others show that the base install works, without torch, and says which of them ran.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

VERSIONS = ("3.11", "3.12", "3.13")
ROOT = Path(__file__).parents[1]


def interpreter(version: str) -> str | None:
    """The path of a Python of this minor version that can make a virtual environment, or None."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [*sorted(pyenv.glob(f"{version}.*/bin/python"), reverse=True), shutil.which(f"python{version}")]
    program = "import sys, venv; print('%d.%d' % sys.version_info[:2])"
    for path in filter(None, map(str, filter(None, found))):
        answer = subprocess.run([path, "-c", program], capture_output=True, text=True, check=False)
        if answer.stdout.strip() == version:
            return path
    return None


def demonstrated(python: str, folder: Path) -> str:
    """Install the package into an environment of its own and run the demo; an empty text when both worked."""
    steps = {
        "environment": [python, "-m", "venv", str(folder / "venv")],
        "install": [str(folder / "venv/bin/python"), "-m", "pip", "install", "--quiet", str(ROOT)],
        "demo": [str(folder / "venv/bin/activeloop"), "demo", "--out", str(folder / "demo")],
    }
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    for name, command in steps.items():
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=folder)
        if done.returncode:
            return f"{name} failed:\n{(done.stdout + done.stderr).strip()[-2000:]}"
    return ""


def main() -> int:
    """Exit status 1 when a Python that is there fails, or when none is there."""
    ran = failed = 0
    for version in VERSIONS:
        python = interpreter(version)
        if python is None:
            sys.stdout.write(f"{version}: not run, no such Python on this machine\n")
            continue
        start = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            problem = demonstrated(python, Path(folder))
        ran, failed = ran + 1, failed + bool(problem)
        sys.stdout.write(f"{version}: {problem or f'base install and demo, {time.monotonic() - start:.0f} s'}\n")
        sys.stdout.flush()
    return int(failed > 0 or ran == 0)


if __name__ == "__main__":
    sys.exit(main())
