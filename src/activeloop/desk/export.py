"""Everything of a campaign as tables: results, predictions, proposals, plates, versions, events."""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from activeloop.campaigns import Campaign, CampaignState
from activeloop.campaigns.events import encode, plain
from activeloop.campaigns.versions import of_its_day
from activeloop.config import OpenCampaign
from activeloop.desk.propose import known_plates
from activeloop.errors import InputError, StateError, StoreError
from activeloop.files import StagedFiles, csv_text
from activeloop.measurements import Measurement
from activeloop.measurements.arrays import measurements_in
from activeloop.measurements.wells import well_names
from activeloop.plates.plate import listed
from activeloop.store.folder import CONFIG

Format = Literal["csv", "parquet", "json"]
FORMATS: tuple[Format, ...] = ("csv", "parquet", "json")
PIECE = 50_000
"""Candidates that are predicted at once."""
_THREE_DECIMALS = re.compile(r"-?\d{1,3}\.\d{3}")


@dataclass(frozen=True)
class Exported:
    """What was written.

    Args:
        files: each with its number of rows, in the order in which they were written.
        note: what was left out and why, in a sentence; "" when nothing was.
    """

    files: dict[Path, int]
    note: str


@dataclass(frozen=True)
class _Columns:
    """A table by column."""

    names: tuple[str, ...]
    values: tuple[list[Any], ...]

    @classmethod
    def of(cls, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> _Columns:
        columns: tuple[list[Any], ...] = tuple([] for _ in names)
        for row in rows:
            for column, value in zip(columns, row, strict=True):
                column.append(value)
        return cls(tuple(names), columns)

    def __len__(self) -> int:
        return len(self.values[0]) if self.values else 0


def export(loop: OpenCampaign, out: Path, form: Format = "csv") -> Exported:
    """Write the tables of a campaign into a folder.

    `results` holds every row that counts, controls and failed wells too; as CSV, `record` of another campaign reads it
    to the same data. `voided` holds those that do not count. `predictions` are of the whole pool, by the current
    version.

    Args:
        loop: an open campaign.
        out: the folder; made when it is missing. Files of these names in it are replaced.
        form: `csv`, `json` (a list of objects) or `parquet` (needs pyarrow or polars).

    Raises:
        InputError: the folder is a file or a campaign, or Parquet is asked for without pyarrow or polars; nothing was
            written.
        StoreError: a file cannot be written; none was replaced.
    """
    if form not in FORMATS:
        raise InputError(f'"{form}" is no format of tables. Use {", ".join(FORMATS)}. Nothing was written.')
    if out.exists() and not out.is_dir():
        raise InputError("this is a file: name a folder. Nothing was written.", file=str(out))
    if (out / CONFIG).exists():
        raise InputError("this is a campaign: name another folder. Nothing was written.", file=str(out))
    content = _writer(form)
    campaign = loop.campaign
    state = campaign.state()
    tables = {
        "results": _results(campaign, state, form, counting=True),
        "voided": _results(campaign, state, form, counting=False),
        "proposals": _proposals(state),
        "plates": _plates(loop),
        "versions": _versions(state),
        "events": _events(campaign),
    }
    note = ""
    try:
        loop.check_available()
        tables["predictions"] = _predictions(campaign)
    except StateError as error:
        note = f"Predictions were left out: {error}"
    return Exported(_put(out, form, {name: t for name, t in tables.items() if len(t)}, content), note)


def _put(
    out: Path, form: Format, tables: dict[str, _Columns], content: Callable[[_Columns], str | bytes]
) -> dict[Path, int]:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{out} cannot be made ({error.strerror}). Nothing was written.") from error
    with StagedFiles() as files:
        for name, table in tables.items():
            files.add(out / f"{name}.{form}", content(table))
        return dict(zip(files.put(), map(len, tables.values()), strict=True))


# -- tables -----------------------------------------------------------------------------------------------------------


def _results(campaign: Campaign, state: CampaignState, form: Format, *, counting: bool) -> _Columns:
    """In the columns of a results file, and where each is from; with a number and a sign apart but in CSV."""
    names = ["candidate", "kind", "plate", "well", "replicate", "date", "assay", "unit"]
    names += ["value"] if form == "csv" else ["value", "qualifier"]
    stored = state.stored.take(state.stored.standing == counting)
    stated = bool(state.stored.rows["error"].any())
    names += ["standard error"] * stated
    names += ["event", "campaign round", *([] if counting else ["voided because"])]
    units = {a.name: a.unit for a in campaign.assays}
    rows = []
    of_day = of_its_day(stored, state)
    for r, m in zip(stored, measurements_in(of_day.rows, of_day.texts), strict=True):
        # without its plate's name a file stands for it: what was measured together stays together
        home, kind = m.plate or m.file, "control" if m.control else "candidate"
        row: list[Any] = [m.candidate, kind, home, m.well, m.replicate, m.measured_at, m.assay, units.get(m.assay, "")]
        row += [_value(m)] if form == "csv" else [m.value, m.qualifier]
        row += [_value(replace(m, value=m.error, qualifier="=")) if form == "csv" else m.error] * stated
        rows.append([*row, r.event, r.round + 1, *([] if counting else [r.void])])
    return _Columns.of(names, rows)


def _value(m: Measurement) -> str:
    """As a results file has it: a limit with its sign, a number in which no reader sees thousands.

    >>> _value(Measurement("K2R", "kcat", 1.234)), _value(Measurement("K2R", "KD", 0.5, "<"))
    ('1.2340', '<0.5')
    """
    if math.isnan(m.value):
        return "failed"
    text = repr(int(m.value)) if m.value in (0.0, 1.0) else repr(float(m.value))
    return m.qualifier.strip("=") + (f"{text}0" if _THREE_DECIMALS.fullmatch(text) else text)


def _proposals(state: CampaignState) -> _Columns:
    """A row for each pick and predicted assay."""
    names = ("proposal", "event", "version", "seed", "rank", "candidate", "score")
    names += ("assay", "predicted", "low", "high", "reason")
    rows = []
    for event, proposal in zip(state.proposal_events, state.proposals, strict=True):
        for p in listed(proposal):  # a prior's score is no value in a unit
            known = [(q.assay, q.mean, q.low, q.high) for q in p.predictions]
            for one in known or [("", p.mean, p.low, p.high)]:
                own = (proposal.number, event, proposal.version, proposal.seed, p.rank, p.name, p.score)
                rows.append((*own, *one, p.reason))
    return _Columns.of(names, rows)


def _plates(loop: OpenCampaign) -> _Columns:
    rows = []
    for plate in known_plates(loop)[0]:
        for name in well_names(plate.size):
            if (well := plate.wells.get(name)) is not None:
                kind = "control" if well.control else "candidate"
                rows.append((plate.id, plate.size, name, kind, well.candidate, well.replicate))
    return _Columns.of(("plate", "wells", "well", "kind", "candidate", "replicate"), rows)


def _versions(state: CampaignState) -> _Columns:
    fields = (
        "number",
        "parent",
        "created_at",
        "learner",
        "seed",
        "code_version",
        "data_hash",
        "artifact",
        "explanation",
    )
    rows = ([*(getattr(v, f) for f in fields), json.dumps(plain(v.metrics))] for v in state.versions)
    return _Columns.of((*fields, "metrics"), rows)


def _events(campaign: Campaign) -> _Columns:
    """As they stand in the log; what happened as JSON."""
    rows = []
    for r in campaign.log:
        kind, payload = encode(r.event)
        rows.append((r.sequence, r.at, kind, json.dumps(payload, ensure_ascii=False)))
    return _Columns.of(("sequence", "at", "kind", "payload"), rows)


def _predictions(campaign: Campaign) -> _Columns:
    names: list[str] = ["candidate"]
    columns: list[list[Any]] = []
    for rows in campaign.pool.chunks(PIECE):
        rows = rows[campaign.pool.readable(rows)]
        table = campaign.predict(rows)
        if not columns:
            names += table.column_names
            columns = [[] for _ in names]
        columns[0] += table.names
        arrays = [x[:, a] for a in range(len(table.assays)) for x in (table.mean, table.sd, table.low, table.high)]
        for column, values in zip(columns[1:], arrays, strict=True):
            column += values.tolist()
    return _Columns(tuple(names), tuple(columns))


# -- formats ----------------------------------------------------------------------------------------------------------


def _writer(form: Format) -> Callable[[_Columns], str | bytes]:
    """Makes the content of a file of a table.

    Raises:
        InputError: what writes Parquet is not installed.
    """
    if form == "csv":
        return _csv
    if form == "json":
        return _json
    if find_spec("pyarrow"):
        return _by_pyarrow
    if find_spec("polars"):
        return _by_polars
    raise InputError(
        "Parquet is written by pyarrow or polars, and neither is installed: `pip install pyarrow`, or take --format "
        "csv or json. Nothing was written."
    )


def _csv(table: _Columns) -> str:
    rows = zip(*table.values, strict=True)
    return csv_text(table.names, ([None if _is_nan(v) else v for v in row] for row in rows))


def _json(table: _Columns) -> str:
    rows = zip(*table.values, strict=True)
    named = [{name: None if _is_nan(v) else v for name, v in zip(table.names, row, strict=True)} for row in rows]
    return json.dumps(named, ensure_ascii=False, indent=0) + "\n"


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _by_pyarrow(table: _Columns) -> bytes:
    import pyarrow  # type: ignore[import-not-found]
    from pyarrow import parquet  # type: ignore[import-not-found]

    out = io.BytesIO()
    parquet.write_table(pyarrow.table(dict(zip(table.names, table.values, strict=True))), out)
    return out.getvalue()


def _by_polars(table: _Columns) -> bytes:
    import polars  # type: ignore[import-not-found]

    out = io.BytesIO()
    polars.DataFrame(dict(zip(table.names, table.values, strict=True))).write_parquet(out)
    return out.getvalue()
