"""What the form of a new campaign says, as the options of `activeloop.desk.new`."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, cast

from activeloop.desk.new import CampaignOptions, Kind
from activeloop.errors import ConfigError, InputError

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
    "skip": "",
    "merge": "",
    "cells": "",
    "compounds": "",
    "doses": "",
    "pairs": "",
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
HEADERS = {"variants": "variant", "compounds": "smiles", "guides": "guide", "treatments": "treatment"}
"""Kind of candidates -> the header of a list that was pasted, one a line."""


LISTS = ("list", "panels", "history")
"""The files of the form: candidates, what is known of cells and compounds (several), and what was measured before."""


def options_of(
    fields: Mapping[str, str], assays: Sequence[Mapping[str, str]], files: Mapping[str, Sequence[Path]]
) -> CampaignOptions:
    """What the form says.

    Args:
        fields: those of `BLANK`.
        assays: of each those of `ASSAY`.
        files: of the fields in `LISTS`.

    Raises:
        InputError: something is missing, or is no number.
    """
    design, path = fields["design"], next(iter(files.get("list", ())), None)
    treated, history = design == "treatments", next(iter(files.get("history", ())), None)
    if design == "list" and path is None:
        raise InputError("there is no list: choose a file, or paste the candidates. No campaign was made.")
    if design in ("singles", "sites") and fields["kind"] == "variants" and not fields["wild_type"]:
        raise InputError("there is no wild type: paste its sequence, or FASTA. No campaign was made.")
    is_fasta = design == "list" and path is not None and path.suffix.lower() in (".fasta", ".fa", ".faa", ".fas")
    known = fields["wild_type"] if fields["kind"] == "variants" else ""
    return CampaignOptions(
        assays=tuple(
            _assay(row, i) for i, row in enumerate(assays, 1) if any(row[key] for key in ("name", "unit", "threshold"))
        ),
        wild_type=known,
        singles=design == "singles",
        positions=fields["positions"] if design == "singles" else "",
        signal_peptide=(whole(fields["signal_peptide"], "the signal peptide") or 0) if design == "singles" else 0,
        keep_start=design == "singles" and fields["keep_start"] == "yes",
        sites=tuple(fields["sites"].split(",")) if design == "sites" else (),
        table=path if design == "list" and not is_fasta else None,
        fasta=path if is_fasta else None,
        kind="treatments" if treated else cast(Kind, fields["kind"]),
        cells=_names(fields["cells"], "cells") if treated else (),
        compounds=_names(fields["compounds"], "compounds") if treated else (),
        doses=tuple(filter(None, map(str.strip, re.split(r"[\n,;]", fields["doses"])))) if treated else (),
        pairs=treated and fields["pairs"] == "yes",
        panels=tuple(files.get("panels", ())) if treated or fields["kind"] == "treatments" else (),
        history=history,
        column=fields["column"] if design == "list" else "",
        skip_unreadable=design == "list" and fields["skip"] == "yes",
        merge_duplicates=design == "list" and fields["merge"] == "yes",
        offset=whole(fields["offset"], "the offset"),
        exclude=fields["exclude"].replace(" ", "").replace(",", "") if design != "list" else "",
        max_mutations=whole(fields["max_mutations"], "the most mutations") if design == "sites" else None,
        forbid=tuple(fields["forbid"].replace(",", " ").split()) if design != "list" else (),
        goal=cast(Literal["find", "learn"], fields["goal"]),
        seed=whole(fields["seed"], "the seed") or 0,
        wells=whole(fields["wells"], "the size of a plate") or 96,
        controls=whole(fields["controls"], "the number of controls") or 0,
        control=fields["control"],
        price=_number(fields["price"], "the price of a well") or 0.0,
    )


def _names(typed: str, what: str) -> tuple[str, ...]:
    """Names or SMILES, one a line.

    Raises:
        InputError: there are none, several in one line, or it is a file of this machine, which no form may name.
    """
    names = tuple(dict.fromkeys(filter(None, map(str.strip, typed.splitlines()))))
    if not names:
        raise InputError(f"there are no {what}: write them, one a line. No campaign was made.")
    if len(names) == 1 and os.path.isfile(names[0]):
        raise InputError(f'"{names[0]}" is none of the {what}: write their names, one a line. No campaign was made.')
    if several := next((name for name in names if re.search(r"[,;]\s", name)), None):
        raise InputError(f'"{several}" reads like several {what}: write one a line. No campaign was made.')
    return names


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


def whole(typed: str, what: str) -> int | None:
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
