"""A new campaign: what may be tested and what is measured, its pool and first plate to look at, and making it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal, cast

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from starlette.datastructures import FormData

from activeloop.candidates import Pool
from activeloop.desk.new import CampaignDraft, CampaignOptions, draft, first_plate
from activeloop.errors import ActiveLoopError, ConfigError, InputError
from activeloop.measurements.wells import SHAPES
from activeloop.plates import draw
from activeloop.server.access import SignedIn
from activeloop.server.api.campaigns import made_campaign
from activeloop.server.pages.base import Form, page, pages_router, see, text
from activeloop.server.pages.kept import Kept, keep, upload_of

router = pages_router()

BLANK: dict[str, str] = {
    "name": "",
    "kind": "variants",
    "goal": "find",
    "wild_type": "",
    "design": "singles",
    "positions": "",
    "signal_peptide": "",
    "keep_start": "",
    "sites": "",
    "max_mutations": "",
    "exclude": "",
    "forbid": "",
    "pasted": "",
    "column": "",
    "offset": "",
    "wells": "96",
    "controls": "8",
    "control": "",
    "price": "",
    "number": "",
    "seed": "0",
    "assays": "1",
}
"""The fields of the form beside those of assays, and what they hold at first."""
ASSAY = {
    "name": "",
    "unit": "",
    "goal": "maximise",
    "threshold": "",
    "scale": "auto",
    "lower": "",
    "upper": "",
    "hit": "",
}
"""The fields of one assay."""
HEADERS = {"variants": "variant", "compounds": "smiles", "guides": "guide"}
"""Kind of candidates -> the header of a list that was pasted, one a line."""
MOST = 8
"""Assays of one form."""
LINE = 60
"""Residues in one line of a sequence."""


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


@router.get("/new")
def blank(request: Request, user: SignedIn) -> HTMLResponse:
    """The empty form."""
    return _form(request, dict(BLANK), [dict(ASSAY)])


@router.post("/new")
def filled(request: Request, user: SignedIn, form: Form) -> Response:
    """Look at a campaign, add an assay to the form, or make it."""
    fields = {name: text(form, name) for name in BLANK}
    assays = _assays(form)
    do = text(form, "do")
    if do == "assay":
        return _form(request, fields, [*assays, dict(ASSAY)][:MOST])
    kept: Kept | None = None
    try:
        kept = upload_of(request, form, "list", "new") or _pasted(request, fields)
        with TemporaryDirectory(prefix="activeloop-") as folder:
            planned = draft(_options(fields, assays, kept, Path(folder)))
            if do == "make":
                name = fields["name"] or _name_of(planned)
                again = text(form, "request")
                key = made_campaign(request, user, name, planned.text, planned.inputs, again)
                return see(f"/campaigns/{key}")
            return _form(request, fields, assays, kept, preview=_preview(planned, fields))
    except ActiveLoopError as error:
        return _form(request, fields, assays, kept, error=_in_words(error), code=422)


def _form(
    request: Request,
    fields: Mapping[str, str],
    assays: list[dict[str, str]],
    kept: Kept | None = None,
    preview: Mapping[str, Any] | None = None,
    error: str = "",
    code: int = 200,
) -> HTMLResponse:
    sizes = [size for size in SHAPES if size >= 6]
    shown = {"fields": fields, "rows": assays, "kept": kept, "preview": preview, "error": error, "sizes": sizes}
    return page(request, "new.html", code, title="New campaign", most=MOST, **shown)


def _assays(form: FormData) -> list[dict[str, str]]:
    count = _whole(text(form, "assays") or "1", "the number of assays") or 1
    rows = [{key: text(form, f"assay_{key}_{i}") for key in ASSAY} for i in range(min(max(count, 1), MOST))]
    return [row | {"goal": row["goal"] or "maximise", "scale": row["scale"] or "auto"} for row in rows]


def _pasted(request: Request, fields: Mapping[str, str]) -> Kept | None:
    """The list that was pasted, as a file; None where there is none."""
    pasted = fields["pasted"]
    if fields["design"] != "list" or not pasted:
        return None
    if pasted.startswith(">"):
        return keep(request, "candidates.fasta", f"{pasted}\n".encode(), "new")
    first = pasted.splitlines()[0]
    if "\t" in first or "," in first or ";" in first:
        return keep(request, "candidates.tsv" if "\t" in first else "candidates.csv", f"{pasted}\n".encode(), "new")
    out = io.StringIO()
    lines = [line.strip() for line in pasted.splitlines() if line.strip()]
    header = HEADERS.get(fields["kind"], "variant")
    named = lines[0].casefold() in {*HEADERS.values(), "mutant", "name", "candidate"}
    csv.writer(out, lineterminator="\n").writerows([line] for line in (lines if named else [header, *lines]))
    return keep(request, "candidates.csv", out.getvalue().encode(), "new")


def _options(
    fields: Mapping[str, str], assays: list[dict[str, str]], kept: Kept | None, folder: Path
) -> CampaignOptions:
    """What the form says, with its file in a folder."""
    design = fields["design"]
    path = None
    if design == "list":
        if kept is None:
            raise InputError("there is no list: choose a file, or paste the candidates. No campaign was made.")
        path = folder / kept.name
        path.write_bytes(kept.content)
    is_fasta = path is not None and path.suffix.lower() in (".fasta", ".fa", ".faa", ".fas")
    known = fields["wild_type"] if fields["kind"] == "variants" else ""
    return CampaignOptions(
        assays=tuple(
            _assay(row, i) for i, row in enumerate(assays, 1) if any(row[key] for key in ("name", "unit", "threshold"))
        ),
        wild_type=known,
        singles=design == "singles",
        positions=fields["positions"] if design == "singles" else "",
        signal_peptide=(_whole(fields["signal_peptide"], "the signal peptide") or 0) if design == "singles" else 0,
        keep_start=design == "singles" and fields["keep_start"] == "yes",
        sites=tuple(fields["sites"].split(",")) if design == "sites" else (),
        table=None if is_fasta else path,
        fasta=path if is_fasta else None,
        kind=cast(Literal["variants", "compounds", "guides"], fields["kind"]),
        column=fields["column"] if design == "list" else "",
        offset=_whole(fields["offset"], "the offset"),
        exclude=fields["exclude"].replace(" ", "").replace(",", "") if design != "list" else "",
        max_mutations=_whole(fields["max_mutations"], "the most mutations") if design == "sites" else None,
        forbid=tuple(fields["forbid"].replace(",", " ").split()) if design != "list" else (),
        goal=cast(Literal["find", "learn"], fields["goal"]),
        seed=_whole(fields["seed"], "the seed") or 0,
        wells=_whole(fields["wells"], "the size of a plate") or 96,
        controls=_whole(fields["controls"], "the number of controls") or 0,
        control=fields["control"],
        price=_number(fields["price"], "the price of a well") or 0.0,
    )


def _assay(row: Mapping[str, str], number: int) -> dict[str, Any]:
    """One assay as `campaign.toml` has it."""
    if not row["name"]:
        raise ConfigError(f"assay {number} has no name. No campaign was made.")
    found: dict[str, Any] = {"name": row["name"], "unit": row["unit"], "scale": row["scale"]}
    what = f'of assay "{row["name"]}"'
    threshold = _number(row["threshold"], f"the threshold {what}")
    if row["goal"] in ("at least", "at most"):
        if threshold is None:
            raise ConfigError(f"say from which value it is enough: the threshold {what}. No campaign was made.")
        found |= {"goal": "maximise" if row["goal"] == "at least" else "minimise", "threshold": threshold}
    elif threshold is not None:
        raise ConfigError(
            f'the threshold {what} belongs to the goals "at least" and "at most"; with "{row["goal"]}" the best is '
            "looked for. Choose one of the two. No campaign was made."
        )
    else:
        found["goal"] = row["goal"]
    low, high = (_number(row[end], f"the {end} bound {what}") for end in ("lower", "upper"))
    if low is not None or high is not None:
        found["bounds"] = [-float("inf") if low is None else low, float("inf") if high is None else high]
    if (hit := _number(row["hit"], f"the value of a hit {what}")) is not None:
        found["hit"] = hit
    return found


def _whole(typed: str, what: str) -> int | None:
    """A whole number of a field; None where it is empty."""
    try:
        return int(typed.replace(" ", "")) if typed else None
    except ValueError:
        raise ConfigError(f'{what} "{typed}" is no whole number. No campaign was made.') from None


def _number(typed: str, what: str) -> float | None:
    """A number of a field; None where it is empty."""
    if not typed:
        return None
    try:
        return float(typed.replace(",", ".") if typed.count(",") == 1 and "." not in typed else typed)
    except ValueError:
        raise ConfigError(f'{what} "{typed}" is no number. No campaign was made.') from None


def _preview(planned: CampaignDraft, fields: Mapping[str, str]) -> dict[str, Any]:
    """The pool and the first plate."""
    number = _whole(fields["number"], "the number of candidates")
    proposal, plates = first_plate(planned, number)
    names = planned.pool.names(range(min(len(planned.pool), 12)))
    return {
        "pool": planned.pool.describe(),
        "size": len(planned.pool),
        "names": list(names),
        "lines": sequence_lines(planned.pool),
        "notes": [*planned.warnings, *planned.notes],
        "proposal": proposal,
        "plates": [(plate.id, draw(plate)) for plate in plates[:2]],
        "more": max(len(plates) - 2, 0),
        "config": planned.text,
    }


def sequence_lines(pool: Pool) -> list[list[Residue]]:
    """The wild type in lines, with the positions at which the pool varies; [] without a wild type."""
    sites = pool.sites
    if sites is None or not sites.parent_sequence:
        return []
    varied = set(sites.positions.tolist())
    residues = [Residue(letter, i, i in varied) for i, letter in enumerate(sites.parent_sequence, 1)]
    return [residues[i : i + LINE] for i in range(0, len(residues), LINE)]


def _name_of(planned: CampaignDraft) -> str:
    """A name for a campaign that was given none: what is measured of what."""
    return f"{planned.config.assays[0].name} of {planned.pool.kind}"


#: option of the command line -> the field of the form
_FIELDS = {
    "--signal-peptide": "“signal peptide”",
    "--keep-start": "“vary the start methionine, too”",
    "--positions": "“positions”",
    "--singles": "“all single mutants”",
    "--sites": "“sites”",
    "--column": "“column of the candidates”",
    "--offset": "“offset of positions”",
    "--max-mutations": "“most mutations”",
    "--controls": "“controls”",
    "--control": "“what control wells hold”",
    "--price": "“price of a well”",
    "--wells": "“wells of a plate”",
    "--kind": "“kind”",
    "--seed": "“seed”",
    "--wild-type": "“wild type”",
}


def _in_words(error: ActiveLoopError) -> str:
    """An error in terms of the form."""
    words = str(error)
    for option, field in _FIELDS.items():
        words = words.replace(option, field)
    return words
