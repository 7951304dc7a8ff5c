"""A mistake at the command line and the message that it must get."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from bad_input.files import lines

WT = "MKTAYIAKQR"
FINE = lines("mutant,kcat", "K2R,1", "T3S,2")
MANY = [f"{WT[p]}{p + 1}{a}" for p in range(10) for a in "ACDEFGHIKLMNPQRSTVWY" if a != WT[p]]
SHIFTED = [f"{letter}{i + 10}G" for i, letter in enumerate(WT, 1) if letter != "G"]
BIG = lines("mutant,kcat_1,kcat_2,kcat_3", *(f"{name},1.25,1.5,1.75" for name in MANY))


@dataclass(frozen=True)
class Case:
    """One mistake.

    In texts, `@filled`, `@other` and `@empty` are wells of plate 1, and `@held` is what the first of them holds.

    Args:
        id: of the test.
        typed: the arguments.
        where: how the message begins: file and row, as far as there are any.
        expected: what else it must say, the fix above all.
        files: what is written before: name -> content; None makes a folder.
        start: the campaign that is there: "nothing", "out" (a plate is out), "measured" (and came back), "two" assays.
        status: 2 when what was given is wrong, 1 when it cannot be done now.
        damage: what is done to the campaign before.
        during: what is wrong while the command runs.
    """

    id: str
    typed: str
    where: str
    expected: tuple[str, ...]
    files: dict[str, bytes | None] = field(default_factory=dict)
    start: str = "out"
    status: int = 2
    damage: Callable[[], object] | None = None
    during: Callable[[], object] | None = None
