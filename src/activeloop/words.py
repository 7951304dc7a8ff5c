"""How numbers and lists of things stand in a sentence; every part writes them this way."""

from __future__ import annotations

import re
from collections.abc import Sequence


def many(count: int, thing: str) -> str:
    """A count and its noun.

    >>> many(1, "candidate"), many(1200, "row")
    ('1 candidate', '1,200 rows')
    """
    return f"{count:,} {thing}{'s' * (count != 1)}"


def some(names: Sequence[str], most: int = 6) -> str:
    """The first few of many names.

    >>> some(["A1G", "K2R", "T3S"], most=2)
    'A1G, K2R and 1 more'
    """
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def controls_named(names: Sequence[str]) -> str:
    """Controls by their names.

    >>> controls_named(["WT"]), controls_named(["WT", "dead"])
    ('the control WT', 'the controls WT, dead')
    """
    return f"the control{'s' * (len(names) > 1)} {some(names)}"


def shown_number(value: float, digits: int = 3) -> str:
    """A number with the digits that count; with a power of ten only where it has many zeros.

    >>> shown_number(1234.6), shown_number(0.01234), shown_number(129.6, 2), shown_number(1.5e7)
    ('1230', '0.0123', '130', '1.5e+07')
    """
    text = f"{value:.{digits}g}"
    return f"{float(text):.0f}" if "e+" in text and abs(value) < 1e6 else text


#: one of several things, in a sentence that counts them
_ONE = re.compile(
    r"(?<![\w.,:/-])1 (candidate|plate|row|result|value|well|round|proposal|variant|compound|guide|sequence|mutation|"
    r"record|control|event|tree|combination|residue|position|site)s\b(?! ?[/])"
)
#: option of a function of Python -> that of the command line
_OPTIONS = {
    "column": "--column",
    "kind": "--kind",
    "merge_duplicates": "--merge-duplicates",
    "offset": "--offset",
    "parent": "--wild-type",
    "sites": "--sites",
    "skip_unreadable": "--skip-unreadable",
}
#: such an option, as a sentence names it
_PYTHON = re.compile(
    rf"(?P<twice>--[a-z-]+, )?\b(?P<name>{'|'.join(_OPTIONS)})=(?:\.\.\.|True\b|(?P<value>[+-]?\d+\b))"
)
#: what only Python needs to know
_ASIDE = re.compile(r" ?\((?:in Python[^()]*|columns=\{[^{}]*\}|fill_plates)\)|, in Python [^(),]*(?=\))")


def worded(text: str) -> str:
    """A sentence in the words of the command line: its own options, and one of a thing in the singular.

    >>> worded("1 rows differ. Give (parent=...), or offset=-3 (--skip-unreadable, skip_unreadable=True).")
    '1 row differ. Give (--wild-type), or --offset -3 (--skip-unreadable).'
    """
    return _ONE.sub(r"1 \1", _PYTHON.sub(_option, _ASIDE.sub("", text)))


def _option(found: re.Match[str]) -> str:
    name = _OPTIONS[found["name"]]
    before = "" if found["twice"] == f"{name}, " else found["twice"] or ""
    return before + name + (f" {found['value'].removeprefix('+')}" if found["value"] else "")


#: an option of the command line, and a command in backticks, whose options are its own
_FIELD = re.compile(r"`[^`]*`|(?<![\w-])--(?P<name>[a-z]+(?:-[a-z]+)*)")


def fields_named(text: str, shown: str = "{}") -> str:
    """A sentence in the words of the API, whose fields stand for the options of the command line.

    Args:
        text: the sentence.
        shown: of a field; those of a form stand in quotes, with spaces.

    >>> fields_named("Row 3 cannot be read (--skip-unreadable). Then `activeloop propose c --force`.")
    'Row 3 cannot be read (skip_unreadable). Then `activeloop propose c --force`.'
    >>> fields_named("Give --source-volume.", "“{}”")
    'Give “source volume”.'
    """
    between = "_" if shown == "{}" else " "

    def field(found: re.Match[str]) -> str:
        name = found["name"]
        return found[0] if name is None else shown.format(name.replace("-", between))

    return _FIELD.sub(field, worded(text))
