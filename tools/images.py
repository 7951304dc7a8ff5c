"""`make images` and `make sbom`: images of server and workers without a daemon, their sizes, and what is in them.

    python -m tools.images             # builds both by podman or buildah; says what is missing where neither is there
    python -m tools.images --sbom FILE # a bill of materials (CycloneDX) of the packages of the server's image

Where no image can be built, the size of the layer with the packages is told from the environment that runs this: the
same packages and their dependencies, as they are installed here. What the base image has is not counted.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Annotated

import typer
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
CONTAINERFILE = ROOT / "deploy/Containerfile"
TARGETS = {"server": "activeloop", "gpu": "activeloop-gpu"}
"""Target of the container file -> name of its image."""
BUILDERS = {
    "podman": ("build", "--isolation", "chroot", "--format", "oci"),
    "buildah": ("build", "--isolation", "chroot", "--format", "oci"),
}
"""Programs that build without a daemon, and how."""
CARDS = ("nvidia-", "triton", "cuda-")
"""How packages for graphics cards begin; the server's image has none."""


def extras_of(target: str) -> tuple[str, ...]:
    """The extras that a target of the container file installs."""
    part = CONTAINERFILE.read_text("utf-8").partition(f" AS {target}\n")[2].partition("\nFROM ")[0]
    found = re.search(r"\.whl\)\[([a-z,]+)\]", part)
    assert found, f"no extras of {target}"
    return tuple(found[1].split(","))


def packages_of(extras: Sequence[str]) -> dict[str, Distribution]:
    """All that the package with some extras needs, as it is installed here: name -> distribution."""
    found: dict[str, Distribution] = {}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    own = [*project["dependencies"], *(text for extra in extras for text in project["optional-dependencies"][extra])]
    needs = [Requirement(text) for text in own]
    seen = set[tuple[str, str]]()
    waiting = [(canonicalize_name(need.name), extra) for need in needs for extra in ("", *need.extras)]
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen or name.startswith(CARDS):
            continue
        seen.add((name, extra))
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue
        for text in found[name].requires or ():
            need = Requirement(text)
            if need.marker is None or need.marker.evaluate({"extra": extra}):
                waiting += [(canonicalize_name(need.name), each) for each in ("", *need.extras)]
    return found


def size_of(package: Distribution) -> int:
    """Bytes of its files, compiled ones left out: the images hold none."""
    files = [Path(str(package.locate_file(file))) for file in package.files or () if file.suffix != ".pyc"]
    return sum(path.stat().st_size for path in files if path.is_file())


def built() -> Iterator[str]:
    """Builds the images; a line on each.

    Raises:
        FileNotFoundError: there is nothing that builds them.
    """
    builder = next((name for name in BUILDERS if shutil.which(name)), None)
    if builder is None:
        raise FileNotFoundError
    for target, image in TARGETS.items():
        options = [*BUILDERS[builder], "-f", str(CONTAINERFILE), "--target", target, "-t", image, str(ROOT)]
        subprocess.run([builder, *options], check=True)
        told = subprocess.run(
            [builder, "inspect", "--type", "image", image], capture_output=True, text=True, check=True
        ).stdout
        found = json.loads(told)
        size = (found[0] if isinstance(found, list) else found).get("Size", 0)
        yield f"{image}: {size / 2**20:,.0f} MiB"


def told_instead() -> Iterator[str]:
    """What is missing, and the size of the layer with the packages."""
    yield "Not built: neither podman nor buildah is here (Debian: apt-get install podman; as root no daemon is needed)."
    for target in TARGETS:
        extras = extras_of(target)
        packages = packages_of(extras)
        sizes = sorted(((size_of(package), name) for name, package in packages.items()), reverse=True)
        largest = ", ".join(f"{name} {size / 2**20:,.0f}" for size, name in sizes[:5])
        whole = sum(size for size, _ in sizes) / 2**20
        without = ", without the libraries for a graphics card, which are not installed here" if target == "gpu" else ""
        yield (
            f"{target} [{','.join(extras)}]: {len(packages)} packages, {whole:,.0f} MiB as installed here"
            f"{without} (MiB: {largest})."
        )


def bill(extras: Sequence[str]) -> str:
    """A bill of materials of the package with some extras and all that it needs, in CycloneDX's JSON."""
    wanted = set(packages_of(extras))
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sbom.json"
        command = [sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible", "--of", "JSON"]
        subprocess.run([*command, "-o", str(file), sys.executable], check=True, capture_output=True)
        found = json.loads(file.read_text("utf-8"))
    parts = [one for one in found["components"] if canonicalize_name(one["name"]) in wanted]
    kept = {one["bom-ref"] for one in parts}
    links = [
        {**one, "dependsOn": [each for each in one.get("dependsOn", []) if each in kept]}
        for one in found["dependencies"]
        if one["ref"] in kept
    ]
    return json.dumps({**found, "components": parts, "dependencies": links}, indent=1) + "\n"


def main(
    sbom: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a bill of materials instead.")] = None,
) -> None:
    """Build the images without a daemon, or say what is missing."""
    if sbom is not None:
        text = bill(extras_of("server"))
        sbom.write_text(text, "utf-8")
        typer.echo(f"Written: {sbom} ({len(json.loads(text)['components'])} packages of the server's image)")
        return
    try:
        for line in built():
            typer.echo(line)
    except FileNotFoundError:
        for line in told_instead():
            typer.echo(line, err=True)
        raise typer.Exit(1) from None


if __name__ == "__main__":
    typer.run(main)
