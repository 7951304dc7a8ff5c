"""One line of the doctor's report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Literal

from activeloop.errors import ActiveLoopError


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Args:
        check: its name.
        verdict: `ok`; `warning`: it works, but one should know; `failed`.
        found: the measured figure, in words.
        cure: what to do about it; "" when nothing need be done.

    >>> Finding("torch", "ok", "2.13").line()
    'ok       torch: 2.13'
    """

    check: str
    verdict: Literal["ok", "warning", "failed"]
    found: str
    cure: str = ""

    def line(self) -> str:
        """As the terminal shows it."""
        return f"{self.verdict:8} {self.check}: {self.found}" + (f" -> {self.cure}" if self.cure else "")

    def as_dict(self) -> dict[str, str]:
        """For JSON."""
        return asdict(self)


def judged(check: str, good: bool, found: str, cure: str) -> Finding:
    """`ok`, or `failed` with its cure."""
    return Finding(check, "ok", found) if good else Finding(check, "failed", found, cure)


def tried(check: str, examine: Callable[[], Finding]) -> Finding:
    """What a check finds; when it cannot even be made, why."""
    try:
        return examine()
    except ActiveLoopError as error:
        return Finding(check, "failed", "could not be done", str(error))
    except (RuntimeError, ValueError, TypeError, IndexError, KeyError, AttributeError, MemoryError, OSError) as error:
        # an architecture that differs from what is known: everything else must still be told
        return Finding(check, "failed", f"{type(error).__name__}: {error}", "Report it, with this output.")
