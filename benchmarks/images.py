"""Build the images, try each under the rights of a pod, and write their sizes and bills of materials."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from activeloop.cli.terminal import say
from activeloop.errors import ConfigError, StateError
from activeloop.files import write_whole
from benchmarks.options import OUT
from benchmarks.results import Result, markdown_table, section
from tools.images import TARGETS, Image, NotHereError, built

BILLS = Path("dist")
TARGET = typer.Option(metavar="server|gpu", help="Only this image (default: both).")
TORCH = typer.Option(
    metavar="URL",
    envvar="TORCH_INDEX",
    help="Where pip finds PyTorch: an index of builds for processors, unless pip finds such a build without.",
)


def command(
    target: Annotated[list[str] | None, TARGET] = None,
    torch_index: Annotated[str, TORCH] = "",
    out: Annotated[Path, OUT] = Path("docs/results"),
) -> None:
    """What is in the images of server and workers, how large are they, and do they do their work without any rights?"""
    wanted = list(dict.fromkeys(target or TARGETS))
    if unknown := [name for name in wanted if name not in TARGETS]:
        raise ConfigError(f'--target "{unknown[0]}": choose {" or ".join(TARGETS)}. Nothing was built.')
    found = list[Image]()
    try:
        for image in built(wanted, torch_index):
            file = BILLS / f"{image.name}.cdx.json"
            write_whole(file, json.dumps(image.bill, indent=1) + "\n")
            say(f"{image.name}: {image.mebibytes[0]:,.0f} MiB; {len(image.bill['components'])} packages in {file}")
            found.append(image)
    except NotHereError as error:
        raise StateError(f"images cannot be built here: {error}.") from error
    except (ValueError, subprocess.CalledProcessError) as error:
        raise StateError(f"an image is not as it must be: {error}") from error
    if wanted == list(TARGETS):  # the page is about all of them
        images_result(found).write(out / "images", "python -m benchmarks images")


def images_result(images: Sequence[Image]) -> Result:
    """The page."""
    card = next(image for image in images if image.target == "gpu")
    cuda = (
        ""
        if "+cpu" not in card.torch
        else (
            "PyTorch of the image for graphics cards is the build for processors too: this machine reaches no other "
            "without gigabytes of libraries for cards, which an image for use has on top."
        )
    )
    how = (
        "Built by buildah without a daemon and without a registry of images, from a root of Debian, and tried as the "
        "chart runs them: user 10001, a root that cannot be written, no capabilities, no new privileges, a loopback "
        "alone, empty folders `/work` and `/tmp`. There the server was started and asked whether it is ready, and a "
        "worker fine-tuned the model that comes with the package on a campaign. No file in an image names an address "
        "from which this machine has its packages."
    )
    columns = ["image", "MiB", "MiB compressed", "Debian MiB", "Python packages MiB", "packages", "PyTorch"]
    sizes = [
        (
            image.name,
            *(round(size) for size in image.mebibytes),
            round(sum(image.parts.values()) - image.parts["opt"]),
            round(image.parts["opt"]),
            len(image.bill["components"]),
            image.torch,
        )
        for image in images
    ]
    headers = ["image", "server ready after s", "server holds MiB", "fit s", "could write outside"]
    trials = [
        (
            image.name,
            f"{image.found['seconds']:.1f}" if "seconds" in image.found else "",
            f"{image.found['server_mebibytes']:.0f}" if "server_mebibytes" in image.found else "",
            f"{image.found['work_seconds']:.0f}",
            ", ".join(image.found["written"]) or "nowhere",
        )
        for image in images
    ]
    busy = "Seconds are those of this machine with whatever else ran on it."
    largest = [(name, *(f"{image.packages.get(name, 0):.0f}" for image in images)) for name in images[0].packages]
    return Result(
        "What is in the images, how large are they, and do they work without any rights?",
        how,
        [
            section("Sizes", markdown_table(columns, [list(map(str, row)) for row in sizes]), cuda),
            section("Tried", markdown_table(headers, trials), busy),
            section("Largest packages, MiB", markdown_table(["package", *(image.name for image in images)], largest)),
        ],
        {"sizes": (columns, sizes), "trials": (headers, trials)},
    )
