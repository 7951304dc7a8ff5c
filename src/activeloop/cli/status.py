"""`activeloop status`: where the campaign stands."""

from __future__ import annotations

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
    table.add_row("its honesty", honesty_words(found.honesty))
    for title, names in (("on a plate", found.awaiting), ("no result yet", found.missing)):
        if names:
            table.add_row(title, f"{len(names)}: {some(names)}")
    for title, names in (("pinned", found.pinned), ("vetoed", found.vetoed)):
        if names:
            table.add_row(title, some(names))
    return table


def honesty_words(honesty: Honesty | None) -> str:
    """How well predictions came true, in words."""
    if honesty is None:
        return "cannot be said before a predicted plate came back"
    rank = f"on proposal {honesty.proposal}: Spearman {honesty.spearman:.2f} with {honesty.candidates} results"
    covered = f", {honesty.coverage:.0%} of them in their 90 % interval" if honesty.coverage == honesty.coverage else ""
    return rank + covered
