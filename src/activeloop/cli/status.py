"""`activeloop status`: where the campaign stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from activeloop.cli.terminal import Folder, console, next_step, opened, say, some

if TYPE_CHECKING:
    from rich.table import Table

    from activeloop.campaigns import Honesty, Status


def status(directory: Folder) -> None:
    """Show rounds, results, the best so far, the model and its honesty, and what to do next."""
    found = opened(directory).campaign.status()
    console().print(summary_table(found))
    if found.versions:
        say(f"Version {found.versions[-1].number}: {found.versions[-1].explanation}")
    next_step(found.next_step)


def summary_table(found: Status) -> Table:
    """All of a status as a table of two columns."""
    from rich.table import Table

    table = Table(show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    table.add_row("pool", f"{found.size:,} candidates: {found.pool}")
    table.add_row("rounds measured", f"{found.rounds} ({found.proposals} proposed)")
    voided = f", {found.voided:,} voided" if found.voided else ""
    table.add_row("measured", f"{found.measured:,} candidates, {found.results:,} results{voided}")
    for leader in found.leaders:
        error = f" ± {leader.error:.2g}" if leader.error else ""
        table.add_row(f"best {leader.assay}", f"{leader.name}: {leader.value:.4g}{error} {leader.unit}".rstrip())
    if found.best_by_round:
        table.add_row("best by round", "  ".join(f"{value:.4g}" for value in found.best_by_round))
    if found.versions:
        stale = "; results came in since" if found.stale else ""
        table.add_row("versions", f"{len(found.versions)}, the last by {found.versions[-1].recipe}{stale}")
        if checked := checked_words(found.versions[-1].metrics):
            table.add_row("checked on held-out", checked)
    table.add_row("its honesty", honesty_words(found.honesty))
    for title, names in (("on a plate", found.awaiting), ("no result yet", found.missing)):
        if names:
            table.add_row(title, f"{len(names)}: {some(names)}")
    for title, names in (("pinned", found.pinned), ("vetoed", found.vetoed)):
        if names:
            table.add_row(title, some(names))
    return table


def checked_words(metrics: Mapping[str, float]) -> str:
    """What a version's figures on held-out values say, in words; "" when it has none.

    >>> checked_words({"held_out": 88, "held_out_spearman": 0.512, "coverage90": 0.9, "miscalibration_area": 0.03})
    'Spearman 0.51 on 88 values, 90% of them in their 90 % interval, miscalibration area 0.030'
    """
    assays = [name.removesuffix("held_out") for name in metrics if name == "held_out" or name.endswith(" held_out")]
    return "; ".join(f"{assay}{_checked_assay(metrics, assay)}" for assay in assays)


def _checked_assay(metrics: Mapping[str, float], assay: str) -> str:
    """The figures whose names begin with an assay's."""
    count = f"{metrics[f'{assay}held_out']:.0f} values"
    rank, covered = metrics.get(f"{assay}held_out_spearman"), metrics.get(f"{assay}coverage90")
    parts = [count if rank is None else f"Spearman {rank:.2f} on {count}"]
    if covered is not None:
        area = metrics[f"{assay}miscalibration_area"]
        parts.append(f"{covered:.0%} of them in their 90 % interval, miscalibration area {area:.3f}")
    if (ece := metrics.get(f"{assay}ece")) is not None:
        parts.append(f"calibration error of probabilities {ece:.3f}")
    return ", ".join(parts)


def honesty_words(honesty: Honesty | None) -> str:
    """How well predictions came true, in words."""
    if honesty is None:
        return "cannot be said before a predicted plate came back"
    rank = f"on proposal {honesty.proposal}: Spearman {honesty.spearman:.2f} with {honesty.candidates} results"
    covered = f", {honesty.coverage:.0%} of them in their 90 % interval" if honesty.coverage == honesty.coverage else ""
    return rank + covered
