"""Every way ActiveLoop can fail, as one tree.

An `InputError` names the file, the row and the fix, and nothing was stored.
"""

from __future__ import annotations

from collections.abc import Iterable


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


def nearest(name: str, known: Iterable[str], most: int = 1) -> list[str]:
    """Those of some known names that a mistyped one may stand for, the nearest first; without regard to case.

    >>> nearest("Propse", ["record", "propose"]), nearest("x", ["record"])
    (['propose'], [])
    """
    from difflib import get_close_matches

    by_case: dict[str, str] = {}
    for each in known:
        by_case.setdefault(each.casefold(), each)
    return [by_case[found] for found in get_close_matches(name.strip().casefold(), by_case, n=most, cutoff=0.6)]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The nearest of some known names as a question, "" when none is near.

    >>> did_you_mean("sead", ["seed", "goal"])
    'Did you mean "seed"?'
    """
    found = nearest(name, known)
    return f'Did you mean "{found[0]}"?' if found else ""


def wrong_type(what: str, given: object, expected: str) -> InputError:
    """The error for an argument of another kind than the one expected.

    Args:
        what: is expected, with its article.
        given: instead.
        expected: what to give, in words.

    >>> str(wrong_type("a pool", 3, "a Pool, such as Pool.single_mutants(...)"))
    'a pool was expected, and an int was given. Give a Pool, such as Pool.single_mutants(...).'
    """
    name = type(given).__name__
    article = "an" if name[:1].lower() in "aeiou" else "a"
    shown = "nothing (None)" if given is None else f"{article} {name}"
    return InputError(f"{what} was expected, and {shown} was given. Give {expected}.")


def check_type(given: object, kind: type | tuple[type, ...], what: str, expected: str) -> None:
    """Refuse an argument of another kind; arguments and error as in `wrong_type`."""
    if not isinstance(given, kind):
        raise wrong_type(what, given, expected)


class TableError(InputError):
    """A table cannot be read: missing column, half-written file, not a spreadsheet."""


class NotationError(InputError):
    """A variant, compound or guide cannot be understood, or does not fit its parent."""


class PoolError(InputError):
    """A pool cannot be made."""


class MeasurementError(InputError):
    """A result cannot be attached to what was tested.

    Args:
        problem, file, row: as in `InputError`.
        rows: each row that is wrong and why, where several are; the message names the first of them.
    """

    def __init__(
        self, problem: str, *, file: str | None = None, row: int | None = None, rows: Iterable[tuple[int, str]] = ()
    ):
        super().__init__(problem, file=file, row=row)
        self.rows = tuple(rows)


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
        self.what, self.extra = what, extra
        super().__init__(f'{what} needs an optional part. Install it with: pip install "activeloop-bio[{extra}]"')

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:
        """So that it reaches another process: what is given to make it again is not the message."""
        return type(self), (self.what, self.extra)
