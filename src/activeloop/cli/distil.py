"""`activeloop distil`: a small student of the current version."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from activeloop.cli.terminal import Folder, check_file, check_parent, next_step, opened, progress_bar, say

if TYPE_CHECKING:
    from activeloop.campaigns import StudentRecord
    from activeloop.config import OpenCampaign, StudentConfig
    from activeloop.desk.distil import DistilledStudent

Network = Literal["conv", "transformer", "sites", "first-layers", "auto"]

NETWORK = typer.Option(help="Network of the student (default: campaign.toml's). `auto` suits the pool.")
WIDTH = typer.Option(metavar="N", help="Hidden size (default: the network's).")
LAYERS = typer.Option(metavar="N", help="Number of layers (default: the network's).")
FIDELITY = typer.Option(metavar="SHARE", help="Search for the smallest network with this Spearman against its teacher.")
OUT = typer.Option(metavar="FILE.onnx", help="Write the student here; it runs wherever onnxruntime does.")
INT8 = typer.Option("--int8", help="Quantise weights to 8 bits: a quarter of the file.")
WEB = typer.Option(metavar="DIR", help="Write a page that predicts in any browser, offline.")
SEED = typer.Option(metavar="N", help="Seed of the training (default: the campaign's own).")
FORCE = typer.Option("--force", help="Write a student out although its values are far from its teacher's.")
AGAIN = typer.Option("--again", help="Train again although this student exists, for instance when its file is lost.")
BACKGROUND = typer.Option("--background", help="Train in a process of its own and return at once.")


def distil(
    directory: Folder,
    network: Annotated[Network | None, NETWORK] = None,
    width: Annotated[int | None, WIDTH] = None,
    layers: Annotated[int | None, LAYERS] = None,
    min_spearman: Annotated[float | None, FIDELITY] = None,
    out: Annotated[Path | None, OUT] = None,
    int8: Annotated[bool, INT8] = False,
    web: Annotated[Path | None, WEB] = None,
    seed: Annotated[int | None, SEED] = None,
    again: Annotated[bool, AGAIN] = False,
    force: Annotated[bool, FORCE] = False,
    background: Annotated[bool, BACKGROUND] = False,
) -> None:
    """Distil the current version into a small network, store it in the campaign, and write it out.

    A student runs without torch, also in a browser, and screens pools that are too large for its teacher.
    """
    from activeloop.desk.distil import StudentOptions, check_fidelity, student_page, student_settings
    from activeloop.desk.distil import distil as distilled
    from activeloop.files import write_whole
    from activeloop.work.students import distil_here

    check_targets(out, web, background)
    loop = opened(directory, "Nothing was trained.")
    options = StudentOptions(network, width, layers, min_spearman, int8)
    if background:
        begin(loop, directory, student_settings(loop, options), seed, again)
        return
    with progress_bar("Training") as progress:
        found = distilled(loop, options, seed, again=again, train=distil_here, progress=progress)
    show(found)
    if (out or web) and not force:
        check_fidelity(found.listed.student)
    if out:
        write_whole(out, loop.campaign.student_file(found.listed.student.number))
        say(f"Written: {out}")
    if web:
        say(f"Written: {student_page(loop, web, found.listed.student.number)}")
    if found.stale:
        version = found.listed.student.version
        say(f"Results came in since version {version}: `activeloop fit {directory}` makes the next one.")
    next_step(after(f"activeloop distil {directory}", out, web))


def show(found: DistilledStudent) -> None:
    """Print what is to be known of a student."""
    student = found.listed.student
    how = "was trained" if found.fresh else "is there already"
    size = f"{size_words(student)}, {found.size / 1000:,.0f} kB"
    say(f"Student {student.number} of version {student.version} {how}: {size}.")
    if found.listed.fidelity:
        say(found.listed.fidelity)
    for warning in found.listed.warnings:
        say(f"Warning: {warning}")
    if student.explanation:
        say(student.explanation)


def begin(loop: OpenCampaign, directory: Path, settings: StudentConfig, seed: int | None, again: bool) -> None:
    """Start training in the background."""
    from activeloop.work.students import LOG, distil_in_background

    process = distil_in_background(loop, settings, seed, again=again)
    if process is None:
        say("This student exists already: nothing was started.")
    else:
        say(f"A student is trained in the background (process {process}); its log is {loop.folder.path / LOG}.")
    next_step(f"`activeloop status {directory}` shows its progress.")


def check_targets(out: Path | None, web: Path | None, background: bool) -> None:
    """Refuse files that cannot be written, before anything is trained."""
    from activeloop.errors import InputError

    if background and (out or web):
        raise InputError(
            "--background writes no files: leave out --out and --web, and write them when the student is trained "
            "(it is not trained twice). Nothing was trained."
        )
    check_file(out, (".onnx",), "Nothing was trained.")
    if web:
        check_parent(web, "Nothing was trained.")
    if web and web.exists() and not web.is_dir():
        raise InputError("this is a file: name a folder for the page. Nothing was trained.", file=str(web))


def size_words(student: StudentRecord) -> str:
    """Network and parameters of a student, and how many times fewer than its teacher's."""
    times = student.teacher_parameters / max(student.parameters, 1)
    less = f", {times:,.0f} times fewer than its teacher's" if times else ""
    return f"{student.network}, {student.parameters:,} parameters{less}"


def after(command: str, out: Path | None, web: Path | None) -> str:
    """What to do with a student.

    Args:
        command: that distils, as one types it.
        out: its file, where it was written.
        web: its page, likewise.
    """
    if web:
        return f"open {web / 'index.html'} in a browser; it needs no network."
    if out:
        return f"`activeloop predict --student {out} FILE` on any machine; it needs no torch."
    return f"`{command} --out student.onnx` or `--web DIR` writes it out; it is not trained twice."
