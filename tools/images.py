"""Images of the server and the workers, without a daemon and without a registry of images; what is in them.

A root of Debian (mmdebstrap) becomes the base, packages are fetched outside with the settings of this machine's pip,
and buildah builds `deploy/Containerfile` with them, so that nothing of these settings is in an image. Each image is
then tried under the rights of a pod: its user, a root that cannot be written, no capabilities, a loopback alone.

`python -m benchmarks images` (`make images`) does all of it and writes down what it found.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from activeloop._version import __version__

ROOT = Path(__file__).parents[1]
CONTAINERFILE = ROOT / "deploy/Containerfile"
TRIAL = ROOT / "tools/image_trial.py"
TARGETS = {"server": "activeloop", "gpu": "activeloop-gpu"}
"""Target of the container file -> name of its image."""
RELEASES = {(3, 11): "bookworm", (3, 13): "trixie"}
"""Python that runs this -> release of Debian that has it; packages are fetched for this Python."""
BASE = "localhost/activeloop-base"
PROGRAMS = ("mmdebstrap", "buildah")
"""What builds images; each is a package of Debian."""
SITE = "opt/activeloop/lib/python{}.{}/site-packages".format(*sys.version_info)
"""Where an image has its packages."""
USER = 10001
"""Who works in them."""
KNOWN = re.compile(r"(^|\.)(debian\.org|pypi\.org|pythonhosted\.org)$")
"""Addresses that packages name themselves."""


class NotHereError(Exception):
    """This machine cannot build images, and why."""


@dataclass(frozen=True)
class Image:
    """An image that was built.

    Args:
        target: of the container file.
        name: of the image.
        mebibytes: of its files, and of its layers as they travel (compressed).
        parts: where its files are -> MiB.
        packages: MiB of the largest packages of Python.
        torch: the release of PyTorch in it.
        bill: of materials, in CycloneDX's JSON.
        found: what the trial in it said.
    """

    target: str
    name: str
    mebibytes: tuple[float, float]
    parts: Mapping[str, float]
    packages: Mapping[str, float]
    torch: str
    bill: Mapping[str, Any]
    found: Mapping[str, Any]


def needed() -> str:
    """The release of Debian whose Python this is.

    Raises:
        NotHereError: something is missing here.
    """
    release = RELEASES.get(sys.version_info[:2])
    missing = [name for name in PROGRAMS if not shutil.which(name)]
    if missing:
        raise NotHereError(f"not here: {', '.join(missing)} (Debian: apt-get install {' '.join(PROGRAMS)})")
    if release is None:
        raise NotHereError("Debian has Python 3.11 (bookworm) and 3.13 (trixie): build with one of these")
    if os.geteuid():
        raise NotHereError("images are built by root, with no daemon")
    return release


def extras() -> str:
    """The extras that the container file installs."""
    found = re.search(r"^ARG EXTRAS=([a-z,]+)$", CONTAINERFILE.read_text("utf-8"), re.MULTILINE)
    assert found, "no extras"
    return found[1]


def built(targets: Iterable[str], torch_index: str = "") -> Iterator[Image]:
    """Build images and try them.

    Args:
        targets: of the container file.
        torch_index: where pip finds PyTorch, as `TORCH_INDEX` of the container file; "" = where it finds all others.

    Raises:
        NotHereError: this machine cannot, or may not.
        CalledProcessError: a step failed; what it said stands above.
    """
    release = needed()
    with tempfile.TemporaryDirectory(prefix="activeloop-images-") as folder:
        _base(release, Path(folder))
        wheels = Path(folder) / "wheels"
        _fetch(wheels, torch_index)
        for target in targets:
            arguments = {"BASE": f"{BASE}:{release}", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/wheels"}
            options = [part for each in arguments.items() for part in ("--build-arg", "=".join(each))]
            options += ["--layers", "--isolation", "chroot", "--format", "oci", "--volume", f"{wheels}:/wheels:ro"]
            _run(
                "buildah", "build", *options, "--file", CONTAINERFILE, "--target", target, "--tag", tag_of(target), ROOT
            )
            yield _measured(target, Path(folder))


def tag_of(target: str) -> str:
    """Name and release of an image."""
    return f"{TARGETS[target]}:{__version__}"


def _run(*command: object) -> str:
    """What a program printed; what it complained of goes on to whoever runs this."""
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip()


def _base(release: str, folder: Path) -> None:
    """The base image: Debian with its Python, without this machine's addresses."""
    sources = [path for path in Path("/etc/apt").glob("sources.list*/*.sources")] or [Path("/etc/apt/sources.list")]
    without = ("doc", "man", "info", "locale", "lintian", "bug")
    options = ["--variant=minbase", "--include=ca-certificates,libxext6,libxrender1,python3,python3-venv", "--quiet"]
    options += [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in without]
    # the licences of its packages stay
    options += ["--dpkgopt=path-include=/usr/share/doc/*/copyright"]
    own = ("apt/sources.list", "apt/sources.list.d/*", "apt/apt.conf.d/99mmdebstrap", "resolv.conf", "hostname")
    hook = " ".join(["rm -rf var/log/* var/cache/*", *(f"etc/{each}" for each in own)])
    options += [f'--customize-hook=cd "$1" && {hook}']
    archive = folder / "base.tar"
    try:
        _run("mmdebstrap", *options, release, archive, *sources)
        container = _run("buildah", "from", "--pull-never", "scratch")
        _run("buildah", "add", "--quiet", container, archive, "/")
        _run("buildah", "commit", "--quiet", "--rm", container, f"{BASE}:{release}")
    except subprocess.CalledProcessError as error:
        raise NotHereError(
            f"the base was refused: {shlex.join(error.cmd[:2])} ended with {error.returncode}"
        ) from error
    finally:
        archive.unlink(missing_ok=True)


def _fetch(wheels: Path, torch_index: str) -> None:
    """Everything that pip needs in an image, fetched by the pip of this environment."""
    more = ["--extra-index-url", torch_index] if torch_index else []
    wanted = ["torch==2.13.0", "hatchling", f"{ROOT}[{extras()}]"]
    _run(sys.executable, "-m", "pip", "wheel", "--quiet", *more, "--wheel-dir", wheels, *wanted)


def _measured(target: str, folder: Path) -> Image:
    packed, name = folder / target, tag_of(target)
    _run("buildah", "push", "--quiet", name, f"oci:{packed}")
    travels = sum(path.stat().st_size for path in packed.glob("blobs/*/*"))
    with _mounted(name) as root:
        if told := sorted(named_in(root, addresses(), _run("buildah", "inspect", "--type", "image", name))):
            raise ValueError(f"{name} names addresses of this machine in {', '.join(told)}")
        parts = {part: _mebibytes(root / part) for part in ("opt", "usr", "var", "etc")}
        packages = {path.name: _mebibytes(path) for path in (root / SITE).iterdir() if path.is_dir()}
        largest = sorted(packages, key=lambda each: packages[each], reverse=True)[:8]
        bill = bill_of(root)
        torch = next(each["version"] for each in bill["components"] if each["name"] == "torch")
        whole = _mebibytes(root), travels / 2**20
        found = tried(root, target)
    shutil.rmtree(packed)
    return Image(target, TARGETS[target], whole, parts, {each: packages[each] for each in largest}, torch, bill, found)


@contextmanager
def _mounted(image: str) -> Iterator[Path]:
    """The files of an image."""
    container = _run("buildah", "from", "--pull-never", image)
    try:
        yield Path(_run("buildah", "mount", container))
    finally:
        _run("buildah", "rm", container)


def _mebibytes(folder: Path) -> float:
    seen = {
        (info.st_ino, info.st_size) for path in folder.rglob("*") if not path.is_symlink() for info in [path.stat()]
    }
    return sum(size for _, size in seen) / 2**20


def addresses() -> set[str]:
    """Hosts and folders from which this machine has its packages, as pip and apt are told."""
    told = [_run(sys.executable, "-m", "pip", "config", "list")]
    told += [
        path.read_text("utf-8", "replace")
        for path in Path("/etc/apt").rglob("*")
        if path.suffix in (".list", ".sources")
    ]
    told += [
        value
        for name, value in os.environ.items()
        if name.lower().startswith("pip_") or name.lower().endswith("_proxy")
    ]
    hosts = set(re.findall(r"\w+://(?:[^/\s'@]*@)?([^/\s':]+)", "\n".join(told)))
    return {host for host in hosts if not KNOWN.search(host)} - {"localhost", "127.0.0.1"}


def named_in(root: Path, names: Iterable[str], described: str) -> set[str]:
    """Where an image names one of some addresses: files, or what is said of the image itself."""
    wanted = [name.encode() for name in names]
    found = {"its description"} if any(name in described.encode() for name in wanted) else set()
    for part in ("etc", "root", "work", "opt", "usr/local", "var"):
        for path in (root / part).rglob("*"):
            if not path.is_symlink() and path.is_file() and path.stat().st_size < 2**20:
                content = path.read_bytes()
                found |= {str(path.relative_to(root))} if any(name in content for name in wanted) else set()
    return found


def bill_of(root: Path) -> dict[str, Any]:
    """A bill of materials of an image, as CycloneDX's JSON has it: packages of Python and of Debian."""
    with tempfile.TemporaryDirectory() as folder:
        # cyclonedx asks an interpreter for its path; that of the image does not run outside
        asked, file = Path(folder) / "python", Path(folder) / "bill.json"
        asked.write_text(f"#!/bin/sh\necho {shlex.quote(json.dumps([str(root / SITE)]))}\n")
        asked.chmod(0o755)
        command = [sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible", "--of", "JSON"]
        _run(*command, "--output-file", file, asked)
        bill = json.loads(file.read_text("utf-8"))
    system = re.search(r"^VERSION_CODENAME=(\w+)", (root / "etc/os-release").read_text("utf-8"), re.MULTILINE)
    distribution = system[1] if system else ""
    bill["components"] += debian_packages((root / "var/lib/dpkg/status").read_text("utf-8"), distribution)
    return bill


def debian_packages(status: str, release: str) -> list[dict[str, str]]:
    r"""The packages in dpkg's list, as CycloneDX has them.

    >>> debian_packages(
    ...     "Package: zlib1g\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:1.2\n", "bookworm"
    ... )
    [{'type': 'library', 'bom-ref': 'deb:zlib1g', 'name': 'zlib1g', 'version': '1:1.2',
      'purl': 'pkg:deb/debian/zlib1g@1%3A1.2?arch=amd64&distro=bookworm'}]
    """
    found = []
    for entry in status.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in entry.splitlines() if ": " in line and not line.startswith(" "))
        if fields.get("Status") == "install ok installed":
            name, version = fields["Package"], fields["Version"]
            where = f"{name}@{version.replace(':', '%3A').replace('+', '%2B')}?arch={fields['Architecture']}"
            one = {"type": "library", "bom-ref": f"deb:{name}", "name": name, "version": version}
            found.append(one | {"purl": f"pkg:deb/debian/{where}&distro={release}"})
    return found


def tried(root: Path, target: str) -> dict[str, Any]:
    """What `tools/image_trial.py` says in an image, under the rights of the chart's pods.

    Raises:
        NotHereError: this machine lets nobody do that.
        ValueError: the image does not do what it is for.
    """
    command = ["unshare", "--mount", "--net", "--ipc", "--uts", "--pid", "--fork", "--kill-child", "sh", "-ec", POD]
    command += ["sh", str(root), str(USER), TRIAL.read_text("utf-8"), target]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800, env={"PATH": os.environ["PATH"]})
    found: dict[str, Any] = {}
    for line in done.stdout.splitlines():
        found |= json.loads(line) if line.startswith("{") else {}
    if not found:
        raise NotHereError(f"what is in an image cannot be started here: {done.stderr.strip()[-2000:]}")
    if done.returncode or not found.get("done"):
        raise ValueError(f"{target}: {done.stdout[-3000:]}{done.stderr[-3000:]}")
    return found


POD = """
mount --make-rprivate /
mount --bind "$1" "$1"
mount -t proc proc "$1/proc"
mount -t tmpfs -o mode=755 tmpfs "$1/dev"
mkdir "$1/dev/shm"
mount -t tmpfs -o mode=1777 tmpfs "$1/dev/shm"
for device in null zero random urandom; do touch "$1/dev/$device"; mount --bind "/dev/$device" "$1/dev/$device"; done
for folder in tmp work; do mount -t tmpfs -o "uid=$2,gid=$2,mode=700" tmpfs "$1/$folder"; done
mount -o remount,bind,ro "$1"
ip link set lo up
exec chroot "$1" setpriv "--reuid=$2" "--regid=$2" --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all \\
  --pdeathsig=KILL env --chdir=/work -i PATH=/opt/activeloop/bin:/usr/bin:/bin HOME=/work ACTIVELOOP_WORK=/work \\
  PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 python -c "$3" "$4"
"""
"""A pod of the chart: its user, a root that cannot be written, no rights, a loopback alone, two empty folders."""
