"""Parts of pages that take time or a model: made in child processes, as text of HTML."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from activeloop.candidates import Pool
from activeloop.config import OpenCampaign
from activeloop.config.store import Store
from activeloop.desk.explain import explain, picture_of
from activeloop.desk.new import draft, first_plate
from activeloop.desk.report import Facts
from activeloop.drawing import inline, settings
from activeloop.plates import draw
from activeloop.server.compute import Order
from activeloop.server.new import options_of, whole
from activeloop.server.rendering import render
from activeloop.server.uploads import MEDIA, passing_folder, written

LINE = 60
"""Residues in one line of a sequence."""
NAMED, DRAWN = 12, 2
"""Candidates that a preview names, and plates that it draws."""


def panel(loop: OpenCampaign, order: Order, *, name: str, **arguments: Any) -> dict[str, Any]:
    """A part of a campaign's page.

    Args:
        loop: the campaign.
        order: by which it is made.
        name: of the part, in `PANELS`.
        arguments: of it.

    Returns:
        `html`, `last` event that it knows, `seconds` that it took.
    """
    loop.check_available()
    began, last = time.monotonic(), loop.campaign.state().last
    with settings():
        fields = PANELS[name](loop, **arguments)
    html = render(f"_{name}.html", root=f"/campaigns/{order.campaign}", **fields)
    return {"html": html, "last": last, "seconds": time.monotonic() - began}


def progress(loop: OpenCampaign) -> dict[str, Any]:
    """Whether to go on, the best so far beside random picks, hits, cost, several assays, the best measured."""
    if not len(loop.campaign.dataset()):
        return {"facts": None}
    facts = Facts.of(loop)
    best = facts.best
    return {
        "facts": facts,
        "judged": facts.judged,
        "hits_by_round": facts.status.hits_by_round,
        "picture": facts.best_picture(),
        "rounds": facts.rounds(best, facts.volumes(best, facts.sample, facts.seed)),
        "baseline": facts.baseline(best),
        "best": best,
        "saving": facts.saving(best),
        "front": facts.front(),
        "leaders": facts.leaders(),
        "assays": [facts.dataset.assays[a] for a in facts.answered],
        "called": facts.dataset.pool.called,
    }


def predictions(loop: OpenCampaign) -> dict[str, Any]:
    """Predicted against measured, the calibration, and effects by position and residue."""
    if not len(loop.campaign.dataset()):
        return {"validations": None, "effects": []}
    facts = Facts.of(loop)
    return {"validations": facts.validations(facts.predicted, facts.calibration), "effects": facts.effects()}


def why(loop: OpenCampaign, candidate: str) -> dict[str, Any]:
    """Why a candidate is predicted as it is."""
    found = explain(loop, [candidate])[0]
    picture = ""
    if found.contributions:
        words = f"What each exchange adds, with those of {found.candidate}"
        picture = inline(picture_of(loop, [candidate], ".svg"), words)
    state = loop.campaign.state()
    picks = [p for proposal in state.proposals for p in proposal.picks if p.name == found.candidate]
    called = loop.campaign.pool.called(found.candidate)
    return {"found": found, "picture": picture, "called": called, "reason": picks[-1].reason if picks else ""}


PANELS: Mapping[str, Callable[..., dict[str, Any]]] = {"progress": progress, "predictions": predictions, "why": why}
"""Name of a part -> what makes the fields of its template."""


@dataclass(frozen=True)
class Residue:
    """A residue of a wild type as the sequence view shows it.

    Args:
        letter: of it.
        position: from 1.
        varied: whether the pool has candidates that differ there.
    """

    letter: str
    position: int
    varied: bool


def look(
    store: Store,
    order: Order,
    *,
    fields: Mapping[str, str],
    assays: list[dict[str, str]],
    files: Mapping[str, Sequence[tuple[str, str]]],
) -> dict[str, str]:
    """A campaign before it is made: its pool, its sequence, its first plate.

    Args:
        store: of all campaigns.
        order: by which it is made.
        fields: of the form of a new campaign.
        assays: of it.
        files: of its fields: name of each, and under which it is kept.

    Returns:
        `html`.
    """
    with passing_folder() as folder:
        paths = {
            field: [written(folder, name, store.objects.get(key, MEDIA, f'file "{name}"')) for name, key in kept]
            for field, kept in files.items()
        }
        planned = draft(options_of(fields, assays, paths))
        proposal, plates = first_plate(planned, whole(fields["number"], "the number of candidates"))
        html = render(
            "_preview.html",
            pool=planned.pool.describe(),
            size=len(planned.pool),
            names=list(planned.pool.names(range(min(len(planned.pool), NAMED)))),
            lines=sequence_lines(planned.pool),
            notes=[*planned.warnings, *planned.notes],
            proposal=proposal,
            plates=[(plate.id, draw(plate)) for plate in plates[:DRAWN]],
            more=max(len(plates) - DRAWN, 0),
            config=planned.text,
        )
    return {"html": html}


def sequence_lines(pool: Pool) -> list[list[Residue]]:
    """The wild type in lines, with the positions at which the pool varies; [] without a wild type.

    >>> [(r.letter, r.varied) for r in sequence_lines(Pool.combinatorial("MKT", ["K2"]))[0]]
    [('M', False), ('K', True), ('T', False)]
    """
    sites = pool.sites
    if sites is None or not sites.parent_sequence:
        return []
    varied = set(sites.positions.tolist())
    residues = [Residue(letter, i, i in varied) for i, letter in enumerate(sites.parent_sequence, 1)]
    return [residues[i : i + LINE] for i in range(0, len(residues), LINE)]
