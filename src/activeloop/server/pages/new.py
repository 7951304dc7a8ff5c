"""A new campaign: what may be tested and what is measured, its pool and first plate to look at, and making it."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from starlette.datastructures import FormData

from activeloop.desk.new import CampaignDraft, draft
from activeloop.errors import ActiveLoopError
from activeloop.measurements.wells import SHAPES
from activeloop.server.access import SignedIn, User
from activeloop.server.api.campaigns import made_campaign
from activeloop.server.compute import Order
from activeloop.server.new import ASSAY, BLANK, HEADERS, LISTS, options_of, whole
from activeloop.server.pages.base import Form, ordered, page, pages_router, see, text
from activeloop.server.pages.kept import Kept, keep, uploads_of
from activeloop.server.uploads import check_inputs, passing_folder, written
from activeloop.words import worded

router = pages_router()

MOST = 8
"""Assays of one form."""
Files = dict[str, list[Kept]]
"""Field of the form -> its files."""


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
    kept: Files = {}
    try:
        kept = _files(request, fields, form)
        for files in kept.values():
            check_inputs({one.name: one.content for one in files})
        if do == "make":
            return _made(request, user, fields, assays, kept, text(form, "request"))
        named = {field: [(one.name, one.key) for one in files] for field, files in kept.items()}
        arguments: dict[str, Any] = {"fields": fields, "assays": assays, "files": named}
        found = ordered(request, Order("look", actor=user.actor, arguments=arguments))
        return _form(request, fields, assays, kept, preview=found["html"])
    except ActiveLoopError as error:
        return _form(request, fields, assays, kept, error=_in_words(error), code=422)


def _files(request: Request, fields: Mapping[str, str], form: FormData) -> Files:
    """The files of the form: those chosen now, and those chosen before."""
    kept = {field: uploads_of(request, form, field, "new") for field in LISTS}
    if not kept["list"] and (pasted := _pasted(request, fields)):
        kept["list"] = [pasted]
    return kept


def _made(
    request: Request, user: User, fields: Mapping[str, str], assays: list[dict[str, str]], kept: Files, again: str
) -> Response:
    """Make the campaign, and go there."""
    number = whole(fields["number"], "the number of candidates")
    with passing_folder() as folder:
        paths = {field: [written(folder, one.name, one.content) for one in files] for field, files in kept.items()}
        planned = draft(options_of(fields, assays, paths))
        name = fields["name"] or _name_of(planned)
        key = made_campaign(request, user, name, planned.text, planned.inputs, again)
    return see(f"/campaigns/{key}{f'?n={number}' if number else ''}")


def _form(
    request: Request,
    fields: Mapping[str, str],
    assays: list[dict[str, str]],
    kept: Files | None = None,
    preview: str = "",
    error: str = "",
    code: int = 200,
) -> HTMLResponse:
    sizes = [size for size in SHAPES if size >= 6]
    files = {field: (kept or {}).get(field, []) for field in LISTS}
    shown = {"fields": fields, "rows": assays, "kept": files, "preview": preview, "error": error, "sizes": sizes}
    return page(request, "new.html", code, title="New campaign", most=MOST, **shown)


def _assays(form: FormData) -> list[dict[str, str]]:
    count = whole(text(form, "assays") or "1", "the number of assays") or 1
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
    "--skip-unreadable": "“leave out rows that cannot be read”",
    "--merge-duplicates": "“count a candidate that stands twice once”",
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
    "--cells": "“cells”",
    "--compounds": "“compounds”",
    "--doses": "“doses”",
    "--panel": "“what is known of cells and compounds”",
    "--history": "“measured before”",
}


def _in_words(error: ActiveLoopError) -> str:
    """An error in terms of the form."""
    words = worded(str(error))
    for option, field in _FIELDS.items():
        words = words.replace(option, field)
    return words
