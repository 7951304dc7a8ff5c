"""Public data sets by name: read from `$ACTIVELOOP_DATA` when they are there, else fetched from their sources.

No value of any of them is part of this package. `registry.csv` says for each where it comes from and what its content
must hash to. A set is looked for

1. in the folder `$ACTIVELOOP_DATA`, at the registry's path (and there checked against `MANIFEST.csv`),
2. at `$ACTIVELOOP_MIRROR`, the address of a copy of that folder,
3. at the repository its authors or curators published it in, at a fixed commit.

Sources package the same content differently (columns, order, compression), so what is checked after a download is the
SHA-256 of the sorted pairs of candidate and value, not of the file.
"""

from __future__ import annotations

import csv
import difflib
import hashlib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Literal
from urllib.parse import quote

from activeloop.errors import RecipeError

DATA = "ACTIVELOOP_DATA"
MIRROR = "ACTIVELOOP_MIRROR"
GITHUB = "https://raw.githubusercontent.com"
_SOURCE = re.compile(r"(?P<repository>[^@\s]+)@(?P<commit>[0-9a-f]+)\s+(?P<path>.+)")


@dataclass(frozen=True)
class PublicSet:
    """One line of the registry.

    Args:
        name: by which it is asked for, such as `gb1` or `BLAT_ECOLX_Deng_2012`.
        file: its path under `$ACTIVELOOP_DATA`.
        kind: `variants`, `compounds` or `guides`.
        candidate, target: columns of that file; sources may call them differently.
        goal: whether more or less is better.
        shift: what must be added to the source's positions to count from 1.
        source: repository, commit and path.
        sha256: of the content, see `content_digest`.
        publication: to be cited.
    """

    name: str
    file: str
    kind: str
    candidate: str
    target: str
    goal: Literal["maximise", "minimise"]
    shift: int
    source: str
    sha256: str
    publication: str

    @property
    def url(self) -> str | None:
        """Where the source is fetched from; None when the registry knows the repository but no file in it."""
        found = _SOURCE.fullmatch(self.source)
        return f"{GITHUB}/{found['repository']}/{found['commit']}/{quote(found['path'])}" if found else None


@lru_cache(maxsize=1)
def registry() -> dict[str, PublicSet]:
    """All public sets by name.

    >>> registry()["gb1"].kind, registry()["enamine10k"].goal
    ('variants', 'minimise')
    """
    text = resources.files("activeloop.benchmarks").joinpath("registry.csv").read_text("utf-8")
    rows = csv.DictReader(text.splitlines())
    return {row["name"]: PublicSet(**{**row, "shift": int(row["shift"])}) for row in rows}  # type: ignore[arg-type]


def find_set(name: str) -> PublicSet:
    """A public set by its name, without regard to case.

    Raises:
        RecipeError: there is none of that name; names the nearest ones.

    >>> find_set("GB1").name
    'gb1'
    """
    by_case = {known.casefold(): entry for known, entry in registry().items()}
    if name.casefold() in by_case:
        return by_case[name.casefold()]
    near = difflib.get_close_matches(name.casefold(), by_case, n=3, cutoff=0.5)
    hint = f"Near to it: {', '.join(by_case[n].name for n in near)}. " if near else ""
    raise RecipeError(
        f'"{name}" is neither a file nor a public data set. {hint}'
        f"Known are gb1, phoq, pard2, t7, enamine10k, usp7, crispr-wt, ProteinGym ids and {len(by_case) - 7} more."
    )


def content_digest(candidates: Sequence[str], values: Sequence[float], kind: str) -> str:
    """SHA-256 of the sorted pairs of candidate and value (to 6 digits), without those that have no value.

    >>> content_digest(["A1C", "D2E"], [1.0, 2.0], "variants") == content_digest(["D2E", "A1C"], [2, 1], "variants")
    True
    """
    separators = re.compile(r"[,;/+ ]+") if kind == "variants" else re.compile(r"^\s+")
    pairs = zip(candidates, values, strict=True)
    lines = sorted(f"{separators.sub(':', c)}\t{v:.6g}\n" for c, v in pairs if not math.isnan(v))
    return hashlib.sha256("".join(lines).encode()).hexdigest()
