"""Every way ActiveLoop can fail, as one tree.

```
ActiveLoopError
|- InputError                what was given is wrong; names the file, the row and the fix; nothing was stored
|  |- TableError             a table cannot be read: missing column, half-written file, not a spreadsheet
|  |- NotationError          a variant, compound or guide cannot be understood, or does not fit its parent
|  |- PoolError              a pool cannot be made of what was asked
|  |- MeasurementError       a result cannot be attached to what was tested
|  |- PlateError             a plate cannot be laid out as asked
|  `- ConfigError            campaign.toml or an option names something that does not exist
|- StateError                the campaign cannot do that now (nothing left to propose, no version yet)
|- StoreError                the campaign's folder cannot be read or written: locked, full, damaged
|- ModelError                a learner cannot do what it promises (draws without spread, a fit without a result)
|- FetchError                a public data set could not be fetched, or is not the file it should be
`- MissingExtraError         an optional part is not installed; says what to install
```
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
    """A table cannot be read."""


class NotationError(InputError):
    """A candidate cannot be understood, or does not fit its parent."""


class PoolError(InputError):
    """A pool cannot be made of what was asked."""


class MeasurementError(InputError):
    """A result cannot be attached to what was tested."""


class PlateError(InputError):
    """A plate cannot be laid out as asked."""


class ConfigError(InputError):
    """A config or option names something that does not exist."""


class StateError(ActiveLoopError):
    """The campaign cannot do that now."""


class StoreError(ActiveLoopError):
    """The campaign's folder cannot be read or written."""


class ModelError(ActiveLoopError):
    """A learner cannot do what it promises."""


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
