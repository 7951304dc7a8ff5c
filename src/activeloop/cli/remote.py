"""Verbs with `--server URL`: the same words, for a campaign of a server, which is named by its name or its key."""

from __future__ import annotations

import base64
import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from activeloop.cli import assess as assessing
from activeloop.cli import distil as distilling
from activeloop.cli import explain as explaining
from activeloop.cli import extend as extending
from activeloop.cli import plate as picking
from activeloop.cli import status as standing
from activeloop.cli import void as voiding
from activeloop.cli.propose import (
    ANOTHER,
    CONTROLS,
    EDGES,
    LAYOUT,
    PLATE,
    REPLICATES,
    RETRY,
    Layout,
    N,
    as_option,
    show,
)
from activeloop.cli.record import ASSAY, INSTRUMENT, QUANTITY, REDUCE, SOFTWARE
from activeloop.cli.terminal import (
    Column,
    MergeDuplicates,
    Offset,
    Reason,
    SkipUnreadable,
    check_file,
    client_of,
    next_proposal,
    next_step,
    note,
    prediction_titles,
    progress_bar,
    say,
    show_table,
    typed,
    waiting,
)
from activeloop.files import numbered
from activeloop.words import many, shown_number, some

if TYPE_CHECKING:
    from activeloop.client import RemoteCampaign
    from activeloop.plates import Proposal
    from activeloop.server.forms import ProposalOut

Campaign = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Its name on the server, or its key.")]
Names = Annotated[list[str], typer.Argument(metavar="NAME...", help="Candidates, in any notation.")]
VERBS = ("new", "status", "propose", "plate", "record", "fit", "promote", "predict", "pin", "veto", "void")
VERBS += ("extend", "assess", "explain", "distil")
"""What can be done through a server from the command line; all else is done in its pages, or by its API."""
POLL = 0.5
"""Seconds from one look at a training to the next."""


def _campaign(context: typer.Context, name: str) -> RemoteCampaign:
    client = client_of(context.find_root().params["server"])
    context.call_on_close(client.close)
    return client.campaign(name)


def _typed(context: typer.Context, verb: str, name: str) -> str:
    """A command as one types it."""
    return typed(context.find_root().params["server"], name).format(verb=verb)


def status(
    context: typer.Context, campaign: Campaign, picture: Annotated[Path | None, standing.PICTURE] = None
) -> None:
    """Show rounds, results, the best so far, the model, and what to do next."""
    from activeloop.desk import result_type
    from activeloop.desk import typed as result_of
    from activeloop.files import write_whole
    from activeloop.work import WorkState

    check_file(picture, (".png", ".svg"), "Nothing was drawn.")
    ending: Any = picture.suffix.lower().lstrip(".") if picture else ""
    found = _campaign(context, campaign).status_report(ending)
    work = [result_of(WorkState, one) for one in found.work]
    server = context.find_root().params["server"]
    standing.show(result_of(result_type("show_status"), found.report), work, typed(server, campaign))
    if picture:
        say(f"Written: {write_whole(picture, base64.b64decode(found.picture))}")


def _shown(value: float | None) -> str:
    return "-" if value is None else shown_number(value, 4)


def propose(
    context: typer.Context,
    campaign: Campaign,
    number: Annotated[int | None, N] = None,
    plate: Annotated[int | None, PLATE] = None,
    controls: Annotated[int | None, CONTROLS] = None,
    replicates: Annotated[int | None, REPLICATES] = None,
    layout: Annotated[Layout | None, LAYOUT] = None,
    empty_edges: Annotated[bool | None, EDGES] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the plate here (.csv, .xlsx, .svg).")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the choice (default: the campaign's own).")] = None,
    another: Annotated[bool, ANOTHER] = False,
    retry_missing: Annotated[bool, RETRY] = False,
) -> None:
    """Choose the next candidates and lay out their plate; a new version is fitted first when results came in."""
    check_file(out, (".svg", ".xlsx", ".csv"), "Nothing was proposed.")
    there = _campaign(context, campaign)
    options = {"wells": plate, "controls": controls, "replicates": replicates, "layout": layout}
    options |= {"empty_edges": empty_edges}
    given = {name: value for name, value in options.items() if value is not None}
    found = there.propose(number, plate=given, seed=seed, another=another, retry_missing=retry_missing)
    for sentence in found.notes:
        say(f"Note: {sentence}")
    head = "is out already; this is it again" if found.again else "was made"
    say(f"Proposal {found.number} {head}: {many(len(found.picks), 'candidate')}, chosen by {found.policy}.")
    if given and not found.again:
        say(f"Plates: {', '.join(map(as_option, given.items()))}.")
    assays: Any = there.status().assays  # which have what is shown of those of a config
    show(_proposal(found), assays)
    say(f"On {some(found.plates)}.")
    _write_plates(there, found.plates, out)
    next_step(f"measure it, then `{_typed(context, 'record', campaign)} FILE`.")


def _proposal(told: ProposalOut) -> Proposal:
    """A proposal as it is on the server."""
    from activeloop.plates import Pick, PickPrediction, Proposal

    def number(value: float | None) -> float:
        return math.nan if value is None else value

    picks = []
    for p in told.picks:
        known = [PickPrediction(q.assay, number(q.mean), number(q.low), number(q.high)) for q in p.predictions]
        score, mean, low, high = (number(value) for value in (p.score, p.mean, p.low, p.high))
        labels = tuple(p.labels)
        picks.append(Pick("", p.name, p.rank, score, mean, low, high, p.reason, tuple(known), labels, p.called))
    return Proposal(told.number, tuple(picks), told.version, told.seed, told.policy)


def _write_plates(campaign: RemoteCampaign, plates: list[str], out: Path | None) -> None:
    from activeloop.files import write_whole

    for i, name in enumerate(plates if out else (), 1):
        assert out is not None  # else there is nothing to write
        ending: Any = out.suffix.lower().lstrip(".")
        say(f"Written: {write_whole(numbered(out, i, len(plates)), campaign.plate_file(name, ending))}")


def plate(
    context: typer.Context,
    campaign: Campaign,
    proposal: Annotated[int | None, typer.Option(help="Number of the proposal (default: the last).")] = None,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to write it (.csv, .xlsx, .svg).")] = None,
    wells: Annotated[int | None, PLATE] = None,
    controls: Annotated[int | None, CONTROLS] = None,
    replicates: Annotated[int | None, REPLICATES] = None,
    layout: Annotated[Layout | None, LAYOUT] = None,
    empty_edges: Annotated[bool | None, EDGES] = None,
    robot: Annotated[picking.Robot | None, picking.FOR] = None,
    volume: Annotated[str, picking.VOLUME] = "",
    sources: Annotated[Path | None, picking.SOURCES] = None,
    source_volume: Annotated[str, picking.SOURCE_VOLUME] = "",
    dead_volume: Annotated[str, picking.DEAD_VOLUME] = "",
    droplet: Annotated[str, picking.DROPLET] = "",
    without_controls: Annotated[bool, picking.CONTROL_WELLS] = False,
    doses: Annotated[str, picking.DOSES] = "",
    stock: Annotated[str, picking.STOCK] = "",
    well_volume: Annotated[str, picking.FINAL] = "",
) -> None:
    """List the plates of a proposal, write them in another form, or lay them out anew before anything was measured.

    With --for, a pick list for a liquid handler is written instead, into this folder.
    """
    from activeloop.errors import StateError
    from activeloop.files import write_whole

    liquids = {"volume": volume, "source_volume": source_volume, "dead_volume": dead_volume, "droplet": droplet}
    liquids |= {"doses": doses, "stock": stock, "well_volume": well_volume}
    stated = {f"--{name.replace('_', '-')}": text for name, text in liquids.items()}
    picking.check_picking(robot, stated | {"--sources": sources, "--without-controls": without_controls}, out)
    check_file(out, (".svg", ".xlsx", ".csv"), "Nothing was written.")
    there = _campaign(context, campaign)
    options = {"wells": wells, "controls": controls, "replicates": replicates, "layout": layout}
    options |= {"empty_edges": empty_edges}
    given = {name: value for name, value in options.items() if value is not None}
    number = proposal or there.status().proposals
    if given:
        laid = there.lay_again(number, **given)
        say(f"Laid out anew: {', '.join(p.id for p in laid.plates)}. Use the new files; the old layout is gone.")
    mine = [p for p in there.plates() if p.id == f"plate-{number}" or p.id.startswith(f"plate-{number}-")]
    if not mine:
        raise StateError(f"there is no plate of proposal {number}: `{_typed(context, 'propose', campaign)}` makes it.")
    for one in mine:
        held = sum(not well.control for well in one.wells.values())
        sent = f", sent {one.sent}" if one.sent else ""
        say(f"{one.id}: {one.size} wells, {held} with candidates, {len(one.wells) - held} with controls{sent}.")
    if robot:
        asked = {name: text for name, text in liquids.items() if text} | {"controls": not without_controls}
        found = there.picklists(number, robot, sources, **asked, **({"name": out.name} if out else {}))
        for sentence in (*found.decks, found.summary):
            say(sentence)
        for name, text in found.files.items():
            say(f"Written: {write_whole(out.parent / name if out else Path(name), text)}")
    else:
        _write_plates(there, [one.id for one in mine], out)
    next_step(f"measure it, then `{_typed(context, 'record', campaign)} FILE`.")


def record(
    context: typer.Context,
    campaign: Campaign,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, TSV or XLSX with the results.")],
    sheet: Annotated[str | None, typer.Option(help="The sheet of a workbook.")] = None,
    column: Annotated[list[str] | None, typer.Option(metavar="ROLE=NAME", help="The column of a role.")] = None,
    plate: Annotated[str | None, typer.Option(metavar="NAME", help="The plate of which the file is.")] = None,
    replaces: Annotated[
        list[str] | None, typer.Option(metavar="EVENT|FILE", help="This file corrects that one.")
    ] = None,
    repeats: Annotated[bool, typer.Option("--repeats", help="All of it was measured again.")] = False,
    offset: Offset = None,
    skip_unreadable: SkipUnreadable = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be stored; store nothing.")] = False,
    instrument: Annotated[bool, INSTRUMENT] = False,
    quantity: Annotated[str, QUANTITY] = "",
    reduce: Annotated[str, REDUCE] = "",
    software: Annotated[str, SOFTWARE] = "",
    assay: Annotated[str, ASSAY] = "",
) -> None:
    """Store results that came back: the whole file or, if anything is wrong with it, nothing."""
    from activeloop.cli.record import columns_of, wanted_words
    from activeloop.desk.record import stored_words
    from activeloop.errors import MeasurementError

    there = _campaign(context, campaign)
    how: dict[str, Any] = {"columns": columns_of(column or []), "sheet": sheet, "plate": plate, "offset": offset}
    how |= {"skip_unreadable": skip_unreadable, "replaces": replaces, "repeats": repeats, "instrument": instrument}
    how |= {"quantity": quantity, "reduce": reduce, "software": software, "assay": assay}
    seen: Any = there.preview_file(file, **how)
    for wrong in seen.problems[:20]:
        if len(seen.problems) > 1:
            say(f"  {f'row {wrong.row}: ' if wrong.row else ''}{wrong.problem}")
    if seen.problems:
        first = seen.problems[0]
        told = first.problem if first.problem.endswith("stored.") else f"{first.problem} Nothing was stored."
        raise MeasurementError(told, file=str(file), row=first.row)
    roles = "; ".join(c.name if c.name == c.role else f'"{c.name}" = {c.role}' for c in seen.columns if c.role)
    say(f"{file} holds {many(seen.values, 'value')} of {many(seen.candidates, 'candidate')}. Columns: {roles}.")
    for sentence in (*(f"  {one}" for one in seen.checks), *(f"Note: {one}" for one in seen.notes)):
        say(sentence)
    if dry_run:
        say(f"{wanted_words(seen.summary)} Nothing was stored (--dry-run).")
        return
    stored: Any = there.record_file(file, **how)
    if stored.read_before:
        say(f"{file} was recorded before (event {stored.event}): nothing was stored.")
    elif stored.stored:
        say(stored_words(stored, str(file)))
    else:
        say(f"All {many(stored.duplicates, 'row')} of {file} are stored already: nothing was stored.")
    next_step(
        f"the server fits a new version by itself; `{_typed(context, 'propose', campaign)}` makes the next plate."
    )


def fit(
    context: typer.Context,
    campaign: Campaign,
    again: Annotated[bool, typer.Option("--again", help="Fit anew although nothing changed.")] = False,
) -> None:
    """Fit a new version now; the server does so by itself when results came in."""
    there = _campaign(context, campaign)
    before = there.versions().versions
    version = there.fit(again=again)
    if any(one.number == version.number for one in before):
        say(f"Nothing changed since version {version.number}{': it is still current' if version.current else ''}.")
    else:
        say(f"Fitted version {version.number} ({version.learner}).")
    if version.held_back:
        say(f"It is not current: {version.held_back}. To overrule: `{_typed(context, 'promote', campaign)} ...`.")
    say(version.explanation)
    for name, value in version.metrics.items():
        say(f"  {name.replace('_', ' ')}: {math.nan if value is None else value:.3g}")
    next_step(f"`{_typed(context, 'propose', campaign)}`.")


def promote(
    context: typer.Context,
    campaign: Campaign,
    version: Annotated[int, typer.Argument(help="Its number.")],
    reason: Reason = "",
) -> None:
    """Make an earlier or held-back version current."""
    found = _campaign(context, campaign).promote(version, reason)
    say(f"Version {found.number} ({found.learner}) is current.")


def predict(
    context: typer.Context,
    campaign: Campaign,
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="A table of candidates.")] = None,
    column: Annotated[str, typer.Option(help="The table's column of candidates.")] = "",
    out: Annotated[Path | None, typer.Option(metavar="FILE.csv", help="Write all predictions here.")] = None,
    top: Annotated[int, typer.Option(min=1, max=1000, help="How many of the best are shown.")] = 10,
    offset: Offset = None,
) -> None:
    """Predict candidates with the current version, in the assay's unit; the whole pool without a table."""
    from activeloop.candidates.reading import candidate_column
    from activeloop.files import csv_text, write_whole
    from activeloop.prediction import column_names
    from activeloop.tables import read_table

    check_file(out, (".csv",), "Nothing was written.")
    there = _campaign(context, campaign)
    about = there.status()
    if file:
        table = read_table(file)
        names = table.column(column or candidate_column(table, about.kind))
        found = there.predict([name for name in names if name.strip()], offset)
        version = found.version
        rows = [
            (one.name, one.outside, {a: p.model_dump() for a, p in one.predictions.items()}) for one in found.candidates
        ]
    else:
        rows, version = [], 0
        while True:
            page = there.candidates(offset=len(rows), limit=1000)
            version = page.version
            rows += [(one.name, False, {p.assay: p.model_dump() for p in one.predictions}) for one in page.candidates]
            if len(rows) >= page.matching:
                break
    assays = [a for a in about.assays if any(a.name in known for _, _, known in rows)]
    if out:
        kinds: tuple[Literal["mean", "sd", "low", "high"], ...] = ("mean", "sd", "low", "high")
        named = (name for a in assays for name in column_names(a.name, a.binary or a.goal == "classify"))
        header = ["candidate", *named]
        lines = [[n, *(known.get(a.name, {}).get(kind) for a in assays for kind in kinds)] for n, _, known in rows]
        write_whole(out, csv_text(header, lines))
        say(f"Wrote {many(len(rows), 'prediction')} of version {version} to {out}.")
    if not assays:
        say("Nothing is predicted in a unit yet: record results first.")
        return
    first, sign = assays[0].name, -1 if assays[0].goal == "minimise" else 1
    rows.sort(key=lambda row: -sign * (row[2].get(first, {}).get("mean") or 0.0))
    headers = ["candidate"]
    for a in assays:
        headers += prediction_titles(a, len(assays) > 1)
    cells = []
    for name, outside, known in rows[:top]:
        line = [f"{name} (not in the pool)" if outside else name]
        for a in assays:
            p = known.get(a.name, {})
            ends = (p.get("low"), p.get("high"))
            line += [_shown(p.get("mean")), " to ".join("-" if one is None else shown_number(one) for one in ends)]
        cells.append(line)
    show_table(f"the best {len(cells)} by version {version}", headers, cells)


def pin(context: typer.Context, campaign: Campaign, names: Names, reason: Reason = "", offset: Offset = None) -> None:
    """Put candidates on the next proposal. Lifts a veto."""
    there = _campaign(context, campaign)
    say(f"Pinned {some(there.pin(names, reason, offset))}: on the next proposal.")
    next_proposal(there.status().outstanding, _typed(context, "propose", campaign))


def veto(context: typer.Context, campaign: Campaign, names: Names, reason: Reason = "", offset: Offset = None) -> None:
    """Never propose these candidates. Lifts a pin."""
    there = _campaign(context, campaign)
    say(f"Vetoed {some(there.veto(names, reason, offset))}: not proposed any more.")
    next_proposal(there.status().outstanding, _typed(context, "propose", campaign))


def void(
    context: typer.Context,
    campaign: Campaign,
    event: Annotated[int, typer.Argument(metavar="EVENT", help="Number of the event, as `record` named it.")],
    row: Annotated[
        list[int] | None, typer.Option("--row", metavar="N", help="A row of its file (default: all).")
    ] = None,
    reason: Reason = "",
) -> None:
    """Declare results wrong: they stay on record and no longer count."""
    from activeloop.errors import InputError

    if not reason:
        raise InputError("a server keeps why results are wrong: say it with --reason. Nothing was voided.")
    there = _campaign(context, campaign)
    voiding.show(there.void(event, row or (), reason), event)
    next_proposal(there.status().outstanding, _typed(context, "propose", campaign), voiding.AFTER)


def assess(context: typer.Context, campaign: Campaign, number: Annotated[int | None, assessing.N] = None) -> None:
    """Assess stopping: the gain of the last round, the expected gain of the next, and whether to go on."""
    from activeloop.desk import result_type
    from activeloop.desk import typed as result_of

    there = _campaign(context, campaign)
    found = there.assess(number)
    several = len(there.status().assays) > 1
    assessing.show(result_of(result_type("assess"), found.report), found.called, several)


def explain(
    context: typer.Context,
    campaign: Campaign,
    names: Annotated[list[str] | None, explaining.NAMES] = None,
    picture: Annotated[Path | None, explaining.PICTURE] = None,
    offset: Offset = None,
) -> None:
    """Say why candidates were picked, or are predicted as they are."""
    from activeloop.desk import result_type
    from activeloop.desk import typed as result_of
    from activeloop.files import write_whole
    from activeloop.plates import Proposal

    check_file(picture, (".png", ".svg"), "Nothing was drawn.")
    ending: Any = picture.suffix.lower().lstrip(".") if picture else ""
    found = _campaign(context, campaign).explain(names or (), offset=offset, picture=ending)

    def called(name: str) -> str:
        return found.called.get(name, name)

    for one in result_of(result_type("explain"), found.explanations):
        explaining.show(one, called)
    if found.proposal:
        explaining.show_picks(result_of(Proposal, found.proposal), called, _typed(context, "explain", campaign))
    if picture:
        say(f"Written: {write_whole(picture, base64.b64decode(found.picture))}")


def extend(
    context: typer.Context,
    campaign: Campaign,
    combine: Annotated[int | None, extending.COMBINE] = None,
    table: Annotated[Path | None, extending.LIST] = None,
    positions: Annotated[str, extending.POSITIONS] = "",
    sites: Annotated[str, extending.SITES] = "",
    budget: Annotated[int | None, extending.BUDGET] = None,
    force: Annotated[bool, extending.FORCE] = False,
    column: Column = "",
    offset: Offset = None,
    skip_unreadable: SkipUnreadable = False,
    merge_duplicates: MergeDuplicates = False,
) -> None:
    """Add candidates to the pool: combinations of the best hits (the default), a list, or new positions."""
    from activeloop.desk import result_type
    from activeloop.desk import typed as result_of
    from activeloop.errors import ConfigError

    there = _campaign(context, campaign)
    with waiting("adding candidates and fitting the model"):
        if table is None:
            how = {"combine": combine, "positions": positions, "sites": sites, "budget": budget, "force": force}
            done = there.extend(**how)
        elif combine or positions or sites or budget or force:
            raise ConfigError("--list and others: extend the pool in one way at a time. Nothing was added.")
        else:
            reading = {"skip_unreadable": skip_unreadable, "merge_duplicates": merge_duplicates}
            done = there.extend_by_file(table, column=column, offset=offset, **reading)
    about = there.status()
    extending.show(result_of(result_type("extend"), done.report), about.kind)
    next_proposal(about.outstanding, _typed(context, "propose", campaign), extending.AFTER)


def distil(
    context: typer.Context,
    campaign: Campaign,
    network: Annotated[distilling.Network | None, distilling.NETWORK] = None,
    width: Annotated[int | None, distilling.WIDTH] = None,
    layers: Annotated[int | None, distilling.LAYERS] = None,
    min_spearman: Annotated[float | None, distilling.FIDELITY] = None,
    out: Annotated[Path | None, distilling.OUT] = None,
    int8: Annotated[bool, distilling.INT8] = False,
    web: Annotated[Path | None, distilling.WEB] = None,
    seed: Annotated[int | None, distilling.SEED] = None,
    again: Annotated[bool, distilling.AGAIN] = False,
    force: Annotated[bool, distilling.FORCE] = False,
    background: Annotated[bool, distilling.BACKGROUND] = False,
) -> None:
    """Distil the current version into a small network by the server's worker, and write it out here."""
    from activeloop.campaigns import StudentRecord
    from activeloop.desk.distil import DistilledStudent, ListedStudent, check_fidelity
    from activeloop.fidelity import words_of
    from activeloop.files import write_whole

    distilling.check_targets(out, web, background)
    there = _campaign(context, campaign)
    options = {"network": network, "width": width, "layers": layers, "min_spearman": min_spearman, "int8": int8}
    ordered = there.distil(**options, seed=seed, again=again)
    if background:
        words = "A student is trained by the server's worker." if ordered.there is None else ""
        say(words or "This student exists already: nothing was started.")
        next_step(f"`{_typed(context, 'status', campaign)}` shows its progress.")
        return
    if ordered.there is None:
        _wait_for_student(there)
    one = next(s for s in there.students() if ordered.there in (None, s.number))
    told = one.model_dump()
    warnings, refused = tuple(told.pop("warnings")), told.pop("refused")
    student = StudentRecord(**told)
    content, about = there.student_file(student.number), there.status()
    listed = ListedStudent(student, about.current == student.version, words_of(student.fidelity), warnings, refused)
    distilling.show(DistilledStudent(listed, ordered.there is None, len(content), about.stale))
    if (out or web) and not force:
        check_fidelity(student)
    if out:
        say(f"Written: {write_whole(out, content)}")
    if web:
        web.mkdir(exist_ok=True)
        say(f"Written: {write_whole(web / 'index.html', there.student_page(student.number))}")
    if about.stale:
        fits = _typed(context, "fit", campaign)
        say(f"Results came in since version {student.version}: `{fits}` makes the next one.")
    next_step(distilling.after(_typed(context, "distil", campaign), out, web))


def _wait_for_student(campaign: RemoteCampaign) -> None:
    """Wait until the server's worker has trained what was ordered.

    Raises:
        ModelError: no student can be trained.
    """
    from activeloop.errors import ModelError

    began, told = time.monotonic(), False
    with progress_bar("Training") as progress:
        while True:
            one = next(work for work in campaign.work() if work.kind == "distil")
            if one.stage == "failed":
                raise ModelError(one.words)
            if one.stage != "running" and not one.due:
                return
            progress(round(1000 * (one.share or 0.0)), 1000)
            if not told and one.stage == "waiting" and time.monotonic() - began > 20:
                note("the server's worker did not begin yet; Ctrl-C ends the waiting, not the training.")
                told = True
            time.sleep(POLL)
