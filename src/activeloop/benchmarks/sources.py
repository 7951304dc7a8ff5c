"""What is replayed: a public set, a table of one's own, or a planted landscape; from its name to a landscape."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from activeloop.benchmarks.columns import find_columns
from activeloop.benchmarks.datasets import DATA, find_set, registry
from activeloop.benchmarks.fetching import public_table
from activeloop.benchmarks.landscape import Landscape
from activeloop.benchmarks.planted import PLANTED, planted_landscape
from activeloop.benchmarks.table import landscape_of
from activeloop.candidates.tables import read_table
from activeloop.errors import RecipeError


@dataclass(frozen=True)
class Source:
    """Where a landscape comes from, as the user said it; small, so that every process can load it for itself.

    Args:
        name: a file, a public set, or a planted landscape.
        kind: of the candidates; None = guess.
        wild_type: sequence or FASTA file; None = none, or the one the table's own sequences tell.
        candidate_column, target_column: None = guess.
        minimise: less is better; None = more is, unless the public set says otherwise.
    """

    name: str
    kind: str | None = None
    wild_type: str | None = None
    candidate_column: str | None = None
    target_column: str | None = None
    minimise: bool | None = None

    @property
    def file(self) -> Path | None:
        """The table it names, None when it is a public set or planted."""
        path = Path(self.name)
        if path.is_file():
            return path
        if self.name in PLANTED or self.name.casefold() in {known.casefold() for known in registry()}:
            return None
        if path.suffix or os.sep in self.name:
            return path
        return _beside(self.name)


def load_landscape(source: Source) -> Landscape:
    """The landscape.

    Raises:
        InputError: the name is not known, or the table cannot be used; names row and cure.
        FetchError: a public set could not be had.
    """
    if source.name in PLANTED:
        return planted_landscape(source.name)
    if source.file is not None:
        table = read_table(source.file)
        columns = find_columns(table, source.candidate_column, source.target_column, source.kind)
        goal = "minimise" if source.minimise else "maximise"
        name = source.file.name
        return landscape_of(table, columns, name.split(".")[0], goal, source.wild_type, f"{name}.")
    entry = find_set(source.name)
    if source.kind not in (None, entry.kind):
        raise RecipeError(f"--kind {source.kind}: {entry.name} holds {entry.kind}. Leave the option out.")
    table, columns = public_table(entry)
    if source.candidate_column or source.target_column:
        columns = find_columns(
            table, source.candidate_column or columns.candidate, source.target_column or columns.target, entry.kind
        )
    goal = entry.goal if source.minimise is None else "minimise" if source.minimise else "maximise"
    return landscape_of(table, columns, entry.name, goal, source.wild_type, f"{entry.publication or entry.source}.")


def _beside(name: str) -> Path | None:
    """A table of that name anywhere in the data folder, so that sets which the registry does not know can be used."""
    folder = os.environ.get(DATA)
    if not folder:
        return None
    found = sorted(
        path
        for path in Path(folder).rglob("*")
        if path.name.split(".")[0].casefold() == name.casefold() and {".csv", ".tsv", ".xlsx"} & set(path.suffixes)
    )
    if len(found) > 1:
        raise RecipeError(f'"{name}" could be any of {", ".join(map(str, found))}. Give the path.')
    return found[0] if found else None
