"""Every way ActiveLoop can fail, as one tree.

An `InputError` names the file, the row and the fix, and nothing was stored.
"""

from __future__ import annotations


class ActiveLoopError(Exception):
    """The root: catching it catches everything that ActiveLoop raises on purpose."""


class InputError(ActiveLoopError, ValueError):
    """What was given is wrong.

    Args:
        problem: what is wrong and what to do, as one or two sentences.
        file: the file it stands in, as the user named it.
        row: the row as a spreadsheet counts it (the header is row 1).

    >>> str(InputError('"A24J": J is not an amino acid.', file="pool.csv", row=3))
    'pool.csv, row 3: "A24J": J is not an amino acid.'
    """

    def __init__(self, problem: str, *, file: str | None = None, row: int | None = None):
        self.problem, self.file, self.row = problem, file, row
        where = ", ".join(([file] if file else []) + ([f"row {row}"] if row is not None else []))
        super().__init__(f"{where}: {problem}" if where else problem)


class TableError(InputError):
    """A table cannot be read: missing column, half-written file, not a spreadsheet."""


class NotationError(InputError):
    """A variant, compound or guide cannot be understood, or does not fit its parent."""


class PoolError(InputError):
    """A pool cannot be made."""


class MeasurementError(InputError):
    """A result cannot be attached to what was tested."""


class PlateError(InputError):
    """A plate cannot be laid out."""


class ConfigError(InputError):
    """`campaign.toml` or an option names something that does not exist."""


class PluginError(ConfigError):
    """A package that announces a class for `campaign.toml` fails: it cannot be imported, or returns something else."""


class StateError(ActiveLoopError):
    """The campaign cannot do that now: nothing left to propose, no version yet."""


class StoreError(ActiveLoopError):
    """The campaign's folder cannot be read or written: locked, full, damaged."""


class ModelError(ActiveLoopError):
    """A model cannot be fitted, or cannot predict what is needed."""


class FetchError(ActiveLoopError):
    """A public data set could not be fetched, or is not the file it should be."""


class MissingExtraError(ActiveLoopError, ImportError):
    """An optional part is not installed.

    >>> str(MissingExtraError("compound fingerprints", "chem"))
    'compound fingerprints needs an optional part. Install it with: pip install "activeloop-bio[chem]"'
    """

    def __init__(self, what: str, extra: str):
        self.extra = extra
        super().__init__(f'{what} needs an optional part. Install it with: pip install "activeloop-bio[{extra}]"')
