"""`activeloop explain`: why candidates were picked, or are predicted as they are."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from activeloop.cli.terminal import Folder, Offset, check_file, interval_title, next_step, opened, say, show_table
from activeloop.words import shown_number

if TYPE_CHECKING:
    from activeloop.desk.explain import Explanation
    from activeloop.plates import Proposal

NAMES = typer.Argument(metavar="[CANDIDATE...]", help="Candidates, in any notation (default: the picks that are out).")
PICTURE = typer.Option(metavar="FILE", help="Also draw what each exchange adds here (.png, .svg).")


def explain(
    directory: Folder,
    names: Annotated[list[str] | None, NAMES] = None,
    picture: Annotated[Path | None, PICTURE] = None,
    offset: Offset = None,
) -> None:
    """Say why candidates were picked, or are predicted as they are.

    Of a candidate: its prediction, what was measured around it, what each of its mutations adds, and its neighbours.
    Without candidates it lists the picks that are out (else the last ones) and the reason of each.
    """
    from activeloop.desk.explain import explain as explained
    from activeloop.desk.explain import last_proposal, picture_of
    from activeloop.files import write_whole

    check_file(picture, (".png", ".svg"), "Nothing was drawn.")
    loop = opened(directory)
    chosen = names or []
    if chosen:
        found = explained(loop, chosen, offset=offset)
        for one in found:
            show(one, loop.campaign.pool.called)
    else:
        proposal = last_proposal(loop)
        chosen = [p.name for p in proposal.picks]
        show_picks(proposal, loop.campaign.pool.called, f"activeloop explain {directory}")
    if picture:
        say(f"Written: {write_whole(picture, picture_of(loop, chosen, picture.suffix.lower(), offset=offset))}")


def show_picks(proposal: Proposal, called: Callable[[str], str], command: str) -> None:
    """Print the picks of a proposal and the reason of each.

    Args:
        proposal: it.
        called: what people call a candidate.
        command: that explains, as one types it.
    """
    names = [p.name if called(p.name) == p.name else f"{called(p.name)}, {p.name}" for p in proposal.picks]
    rows = [(str(p.rank), name, p.reason) for p, name in zip(proposal.picks, names, strict=True)]
    show_table(f"proposal {proposal.number}, chosen by {proposal.policy}", ("rank", "candidate", "why"), rows)
    name = proposal.picks[0].name
    typed = name if re.fullmatch(r"[\w:.,+-]+", name) else f'"{name}"'  # bars and brackets are the shell's
    next_step(f"`{command} {typed}` says more about one of them.")


def show(one: Explanation, called: Callable[[str], str]) -> None:
    """Print the explanation of one candidate.

    Args:
        one: it.
        called: what people call a candidate.
    """

    def named(name: str) -> str:
        return name if called(name) == name else f"{called(name)}, {name}"

    unit = f" {one.assay.unit}" if one.assay.unit and one.version else ""
    if one.version:
        interval = f"({interval_title(one.assay.is_two)}: {shown_number(one.low)} to {shown_number(one.high)})"
        name = one.assay.predicted if one.assay.binary else f"predicted {one.assay.name}"
        what = f"{name} {shown_number(one.mean, 4)}{unit} {interval} by version {one.version}"
    else:
        what = f"score {shown_number(one.mean)} by the prior, in no unit"
    value = f"{one.side}{shown_number(one.measured, 4)} {one.assay.unit}".rstrip()
    measured = "" if math.isnan(one.measured) else f"; measured {value}"
    how = "is predicted" if one.version else "has the score"
    wild = "" if math.isnan(one.parent) else f"; the wild type {how} {shown_number(one.parent, 4)}{unit}"
    say(f"{named(one.candidate)}: {what}{measured}{wild}.")
    if one.as_pick:
        (lowered,) = one.as_pick.predictions
        interval = f"{shown_number(lowered.low)} to {shown_number(lowered.high)}"
        say(f"As a pick it is predicted {shown_number(lowered.mean, 4)}{unit} ({interval}): {one.as_pick.reason}.")
    if one.words:
        say(f"Around it: {one.words}.")
    if one.contributions:
        show_contributions(one, unit)
    if one.similar:
        similarity = one.of_compounds
        header = "Tanimoto" if similarity else "changes"
        near = [f"{n.distance:.2f}" if similarity else f"{n.distance:.0f}" for n in one.similar]
        values = [f"{n.side}{shown_number(n.value, 4)}" for n in one.similar]
        cells = zip([named(n.name) for n in one.similar], near, values, strict=True)
        show_table("nearest measured", ("candidate", header, f"{one.assay.name}{unit and f' ({unit.strip()})'}"), cells)


def show_contributions(one: Explanation, unit: str) -> None:
    """Print what each mutation adds."""
    parts = list(one.contributions[0].parts)
    headers = ["mutation", f"effect{unit and f' ({unit.strip()})'}", *(["adds up to", *parts] if one.exact else [])]
    rows = []
    for c in one.contributions:
        effect = "-" if math.isnan(c.effect) else f"{c.effect:+.3g}"
        added = [c.total, *(c.parts[p] for p in parts)] if one.exact else []
        rows.append((c.mutation, effect, *(f"{v:+.2f}" for v in added)))
    show_table("what each mutation adds", headers, rows)
    if one.exact:
        say(
            "Effect: the prediction with all mutations less that without this one. The other columns are exact: the "
            "model adds them up, "
            + (
                "in standard deviations of the ranks of what was measured."
                if one.version
                else "as scores of the prior."
            )
        )
    else:
        say("Effect: the prediction with all mutations less that without this one.")
    if len(one.contributions) > 1 and not math.isnan(one.rest):
        why = "since the scale on which they add up is curved" if one.exact else "by acting on each other"
        say(f"Together they leave {one.rest:+.3g}{unit} of the difference to the wild type, {why}.")
