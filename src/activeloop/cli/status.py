"""`activeloop status`: where the campaign stands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from activeloop.cli.fit import current_words
from activeloop.cli.terminal import (
    Folder,
    check_file,
    console,
    new_table,
    next_step,
    opened,
    say,
)
from activeloop.metrics import two_words
from activeloop.words import controls_named, many, shown_number, some

if TYPE_CHECKING:
    from rich.table import Table

    from activeloop.campaigns import Drift, Front, ProspectiveValidation, Status
    from activeloop.campaigns.status import Leader
    from activeloop.desk.status import CampaignStatus
    from activeloop.work import WorkState


PICTURE = typer.Option(
    "--picture",
    metavar="FILE",
    help="Also draw the results of several assays, their front, thresholds and the open proposal here (.png, .svg).",
)


def status(directory: Folder, picture: Annotated[Path | None, PICTURE] = None) -> None:
    """Show rounds, results, the best so far, the model and its prospective validation, and what to do next."""
    from activeloop.desk.status import show_status
    from activeloop.work.places import shown_work

    check_file(picture, (".png", ".svg"), "Nothing was drawn.")
    loop = opened(directory)
    drawn = loop.campaign.picture(picture.suffix.lower()) if picture else b""
    show(show_status(loop), shown_work(loop), f"activeloop {{verb}} {directory}")
    if picture:
        from activeloop.files import write_whole

        say(f"Written: {write_whole(picture, drawn)}")


def show(shown: CampaignStatus, work: Sequence[WorkState], command: str) -> None:
    """Print where a campaign stands.

    Args:
        shown: it.
        work: that has something to say.
        command: for the campaign as one types it, with `{verb}` in the place of its verb.
    """
    found = shown.status
    table = summary_table(found, lambda name: shown.called.get(name, name))
    for state in work:
        table.add_row({"fit": "update", "distil": "distillation"}.get(state.kind, state.kind), work_words(state))
    if found.student:
        table.add_row("student", student_words(found))
        table.add_row("student's drift", drift_words(shown.drift) if shown.drift else shown.drift_unknown)
    console().print(table)
    if found.current:
        say(f"Version {found.current.number}: {found.current.explanation}")
        if found.current != found.versions[-1]:
            promote = command.format(verb="promote")
            say(current_words(found.current.number, found.versions[-1].number, found.held_back, promote))
    if shown.controls:
        say(f"Note: {shown.controls}")
    for warning in shown.warnings:
        say(f"Warning, the student: {warning}. Train another with `{command.format(verb='distil')}`.")
    if shown.unavailable:
        say(f"Warning: {shown.unavailable}")
    next_step(found.next_step)


def summary_table(found: Status, called: Callable[[str], str] = str) -> Table:
    """A status without its student, as a table of two columns.

    Args:
        found: the status.
        called: from the name of a candidate to what people call it, such as a catalogue number.
    """
    table = new_table()
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    table.add_row("pool", f"{found.size:,} candidates: {found.pool}")
    earlier = f"; {found.earlier:,} results before the first" if found.earlier else ""
    table.add_row("rounds measured", f"{found.rounds} ({found.proposals} proposed){earlier}")
    voided = f", {found.voided:,} voided" if found.voided else ""
    controls = f", {found.control_results:,} more of {controls_named(found.controls)}" if found.controls else ""
    if found.controls and (more := found.learned - found.measured) > 0:
        controls += f" ({many(more, 'candidate')} more for the model)"
    table.add_row("measured", f"{found.measured:,} candidates, {found.results:,} results{controls}{voided}")
    for condition, met, known in found.conditions:
        measured = f"met by {met:,} of {many(known, 'measured candidate')}"
        table.add_row(condition, measured if known else "not known of any candidate yet")
    within = ", within the thresholds" if found.conditions else ""
    for leader in found.leaders:
        also = called(leader.name)
        words = leader_words(leader)
        table.add_row(f"best {leader.assay}{within}", words if also == leader.name else f"{also}, {words}")
    if found.hits is not None:
        each = "  ".join(f"{count:,}" for count in found.hits_by_round)
        table.add_row(f"hits{within}", f"{found.hits:,}" + f" (by round: {each})" * (len(found.hits_by_round) > 1))
    if found.front:
        corrected = "\n(values corrected for plates)" if any(map(is_corrected, found.leaders)) else ""
        table.add_row("front", front_words(found.front) + corrected)
        if found.front.volumes:
            counted = f"  ({found.front.counted})" if found.front.counted else ""
            volumes = "  ".join(f"{v:.1%}" for v in found.front.volumes)
            table.add_row("volume below it, by round", volumes + counted)
    elif found.best_by_round and found.leaders:
        corrected = "  (corrected for plates)" if any(map(is_corrected, found.leaders[:1])) else ""
        several = f"{found.leaders[0].assay} " if found.conditions and found.leaders else ""
        table.add_row(
            f"best {several}by round", "  ".join(shown_number(value, 4) for value in found.best_by_round) + corrected
        )
    if found.versions:
        unused = "; none is used, since all results were voided" if found.unused else ""
        stale = "; results came in since" if found.stale else unused
        version, last = found.current or found.versions[-1], found.versions[-1]
        which = "the last" if version == last else f"current is {version.number}"
        table.add_row("versions", f"{len(found.versions)}, {which} by {version.learner}{stale}")
        if checked := checked_words(version.metrics):
            table.add_row("held-out data", checked)
    table.add_row("prospective validation", validations_words(found.validations))
    for title, names in (("on a plate", found.awaiting), ("no result yet", found.missing)):
        if names:
            table.add_row(title, f"{len(names)}: {some([called(name) for name in names])}")
    for title, names in (("pinned", found.pinned), ("vetoed", found.vetoed)):
        if names:
            table.add_row(title, some([called(name) for name in names]))
    return table


def leader_words(leader: Leader) -> str:
    """The best candidate of an assay and its value; where that was corrected for plates, also as it was measured.

    >>> from activeloop.campaigns.status import Leader
    >>> leader_words(Leader("kcat", "1/s", "K2R", 3.0, 0.21, 3.52)), leader_words(Leader("kcat", "", "K2R", 3, 0, 3))
    ('K2R: 3 ± 0.21 1/s, corrected for plates (measured: 3.52)', 'K2R: 3')
    """
    error = f" ± {shown_number(leader.error, 2)}" if leader.error else ""
    words = f"{leader.name}: {leader.side}{shown_number(leader.value, 4)}{error} {leader.unit}".rstrip()
    return (
        f"{words}, corrected for plates (measured: {shown_number(leader.measured, 4)})"
        if is_corrected(leader)
        else words
    )


def is_corrected(leader: Leader) -> bool:
    """Whether the value that is shown is not what was measured."""
    return shown_number(leader.value, 4) != shown_number(leader.measured, 4)


def checked_words(metrics: Mapping[str, float]) -> str:
    """A version's metrics on held-out values, in words; "" when it has none.

    >>> checked_words({"held_out": 88, "held_out_spearman": 0.512, "coverage90": 0.9, "miscalibration_area": 0.03})
    'Spearman 0.51 on 88 values, 90% of them in their 90 % interval, miscalibration area 0.030'
    """
    found = []
    for assay in (n.removesuffix("held_out") for n in metrics if n == "held_out" or n.endswith(" held_out")):
        count = f"{metrics[f'{assay}held_out']:.0f} values"
        rank, covered = metrics.get(f"{assay}held_out_spearman"), metrics.get(f"{assay}coverage90")
        told = two_words(metrics, assay)
        parts = [f"{told} on {count}" if told else count if rank is None else f"Spearman {rank:.2f} on {count}"]
        if covered is not None and not told:
            area = metrics[f"{assay}miscalibration_area"]
            parts.append(f"{covered:.0%} of them in their 90 % interval, miscalibration area {area:.3f}")
        if (ece := metrics.get(f"{assay}ece")) is not None:
            parts.append(f"calibration error of probabilities {ece:.3f}")
        found.append(assay + ", ".join(parts))
    return "; ".join(found)


def front_words(front: Front, most: int = 8) -> str:
    """The candidates of a front and their values, one a line.

    >>> from activeloop.campaigns import Front, FrontPoint
    >>> from activeloop.measurements import Assay
    >>> print(front_words(Front((Assay("kcat", "1/s"), Assay("Tm")), (FrontPoint("K2R", (3.0, 61.0), ("", ">")),), ())))
    1 that no other beats in every assay
    K2R: kcat 3 1/s, Tm >61
    """
    count = len(front.points)
    lines = [f"{count:,} that no other {'beats' if count == 1 else 'candidate beats'} in every assay"]
    for point in front.points[:most]:
        each = zip(front.assays, point.values, point.sides, strict=True)
        values = ", ".join(f"{a.name} {side}{shown_number(value, 4)} {a.unit}".rstrip() for a, value, side in each)
        lines.append(f"{point.name}: {values}")
    return "\n".join(lines + ([f"and {count - most:,} more"] if count > most else []))


def validations_words(validations: Sequence[ProspectiveValidation]) -> str:
    """The prospective validation of each assay, in words."""
    if len(validations) < 2:
        return validation_words(next(iter(validations), None))
    return "\n".join(f"{v.assay}: {validation_words(v)}" for v in validations)


def validation_words(validation: ProspectiveValidation | None) -> str:
    """The prospective validation, in words."""
    if validation is None:
        return "needs results of a predicted plate"
    if validation.hits == validation.hits:
        told = f", AUROC {validation.auroc:.2f}" if validation.auroc == validation.auroc else ""
        ahead = f" ({validation.expected:.1f} were expected)" if validation.expected == validation.expected else ""
        found = f"{validation.hits:.0f} hits among {validation.candidates} results{ahead}"
        return f"on proposal {validation.proposal}: {found}{told}"
    known = validation.spearman == validation.spearman
    spearman = f"Spearman {validation.spearman:.2f} with" if known else "no rank correlation (all alike) with"
    rank = f"on proposal {validation.proposal}: {spearman} {validation.candidates} results"
    covered = (
        f", {validation.coverage:.0%} of them in their 90 % interval"
        if validation.coverage == validation.coverage
        else ""
    )
    return rank + covered


def student_words(found: Status) -> str:
    """The student, its teacher and its size, in words."""
    from activeloop.cli.distil import size_words

    student = found.student
    assert student is not None  # the caller has looked
    current = found.current.number if found.current else 0
    old = f", not of the current version {current}; it can still be used" if found.student_stale else ""
    agreed, apart = student.fidelity.get("spearman"), student.fidelity.get("rmse")
    rank = "" if agreed is None else f"; Spearman {agreed:.3f} with its teacher"
    rank += "" if apart is None else f", RMSE {apart:.2f} of its standard deviation"
    return f"{student.number}, of version {student.version}{old}: {size_words(student)}{rank}"


def work_words(state: WorkState) -> str:
    """How some work of a campaign stands, in words.

    >>> from activeloop.work import WorkState
    >>> now = {"printed": "", "attempts": 1, "since": 1767323045.0, "ordered": "", "due": False, "held": True}
    >>> work_words(WorkState("1f", "distil", "running", "lab:17:a1", 0.25, "", **now))
    'running since 2026-01-02 03:04 UTC (lab:17:a1), 25% done'
    >>> work_words(WorkState("1f", "distil", "done", "", 1.0, "student 1 of version 2", **now))
    'done 2026-01-02 03:04 UTC, student 1 of version 2'
    """
    if state.stage == "running" and not state.held:
        return "its process was killed; nothing was lost, and the next one does it anew (`activeloop work`)"
    if state.stage == "running":
        return f"running since {state.moment} ({state.owner}), {state.share:.0%} done"
    if state.stage == "waiting" and not state.words:
        return "waiting for a worker (`activeloop work`)"
    attempt = f" after attempt {state.attempts}" * (state.stage == "waiting")
    return f"{state.stage} {state.moment}{attempt}, {state.words}"


def drift_words(drift: Drift) -> str:
    """The drift of a student, in words."""
    far = drift.values.get("rmse")
    values = "" if far is None else f" and RMSE {far:.2f} of the standard deviation"
    agrees = f"Spearman {drift.fidelity:.2f}{values} with version {drift.current} on {drift.compared:,} candidates"
    if not drift.results:
        return f"{agrees}; nothing was measured since version {drift.version}"
    own, teacher = drift.own, drift.teacher
    beside = "" if teacher.spearman != teacher.spearman else f" (its teacher {teacher.spearman:.2f})"
    parts = [f"predicted {drift.results:,} new results with Spearman {own.spearman:.2f}{beside}"]
    if own.coverage == own.coverage:
        beside = "" if teacher.coverage != teacher.coverage else f" (its teacher's {teacher.coverage:.0%})"
        parts.append(f"{own.coverage:.0%} of them in its 90 % interval{beside}")
    return f"{agrees}; {', '.join(parts)}"
