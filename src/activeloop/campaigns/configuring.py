"""What changes when a campaign is configured anew: stored values convert, or the change is refused."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

from activeloop.campaigns.events import Configured, Event, Measured, Proposed
from activeloop.errors import ConfigError
from activeloop.measurements import Assay, Measurement
from activeloop.plates import Pick, PickPrediction
from activeloop.tables.numbers import factor_between, multiplied, temperatures

if TYPE_CHECKING:
    from collections.abc import Mapping

#: of an assay, what changes no model: how results are read, and what is good enough
READING = ("lower", "upper", "threshold")


@dataclass(frozen=True)
class Change:
    """From one configuration to another.

    Args:
        before: what was in force when something was written.
        now: what is in force now.
    """

    before: Configured
    now: Configured

    def __bool__(self) -> bool:
        """Whether anything differs, so that the log must be told. A campaign made in Python states no settings."""
        stated = ("settings", "files") if self.now.settings else ()
        return any(
            getattr(self.before, field) != getattr(self.now, field)
            for field in ("assays", "pool", "seed", "hits", *stated)
        )

    @property
    def alters(self) -> bool:
        """Whether stored values, predictions or versions mean something else now."""
        return bool(self.factors) or self.refits or self.other_first

    @property
    def refits(self) -> bool:
        """Whether a model of before is none of this campaign any more: another goal, unit, scale or set of assays."""
        units = {a.name: a.unit for a in self.now.assays}  # one unit may be written in several ways
        models = [
            [
                replace(
                    a, **dict.fromkeys(READING), unit=a.unit if a.name in self.factors else units.get(a.name, a.unit)
                )
                for a in side.assays
            ]
            for side in (self.before, self.now)
        ]
        goals = [side.settings.get("goal", "") for side in (self.before, self.now)]
        return models[0] != models[1] or (all(goals) and goals[0] != goals[1])

    @cached_property
    def factors(self) -> Mapping[str, Fraction | None]:
        """Assay -> what its values are multiplied by; None where the units measure different things."""
        now = {a.name: a for a in self.now.assays}
        both = [(a, now[a.name]) for a in self.before.assays if a.name in now]
        found = {a.name: factor_between(a.unit, b.unit) for a, b in both if a.unit != b.unit}
        return {name: factor for name, factor in found.items() if factor != 1}

    def applied(self, event: Event) -> Event:
        """An event of before, with its values in the units of now."""
        if isinstance(event, Measured) and self.factors:
            return replace(event, measurements=tuple(map(self._measured, event.measurements)))
        if isinstance(event, Proposed) and (self.factors or self.other_first):
            return replace(
                event, proposal=replace(event.proposal, picks=tuple(map(self._picked, event.proposal.picks)))
            )
        return event

    def _measured(self, m: Measurement) -> Measurement:
        factor = self.factors.get(m.assay)
        if factor is None:
            return m
        return replace(m, value=multiplied(m.value, factor), error=multiplied(m.error, factor))

    def _picked(self, pick: Pick) -> Pick:
        # Predictions are of the first assay; those of another one are none of this.
        factor = None if self.other_first else self.factors.get(self.now.assays[0].name, Fraction(1))
        mean, low, high = (multiplied(v, factor) if factor else math.nan for v in (pick.mean, pick.low, pick.high))
        goals = {a.name: a.goal == "classify" for a in self.before.assays}
        same = [a.name for a in self.now.assays if goals.get(a.name) == (a.goal == "classify")]
        here = [name for name in same if self.factors.get(name, 1) is not None]
        kept = tuple(self._predicted(p) for p in pick.predictions if p.assay in here)
        return replace(pick, mean=mean, low=low, high=high, predictions=kept)

    def _predicted(self, p: PickPrediction) -> PickPrediction:
        if not (factor := self.factors.get(p.assay)):
            return p
        mean, low, high = (multiplied(v, factor) for v in (p.mean, p.low, p.high))
        return PickPrediction(p.assay, mean, low, high)

    @property
    def other_first(self) -> bool:
        """Whether another assay is the first, or it is one of classes and was none: predictions of it mean nothing."""
        before, now = self.before.assays[0], self.now.assays[0]
        return before.name != now.name or (before.goal == "classify") != (now.goal == "classify")

    def check(self, stored: Iterable[Measurement], begun: bool) -> None:
        """Refuse what would change the meaning of what is stored.

        Args:
            stored: measured values that count, as they were before.
            begun: whether anything was proposed, measured, pinned or vetoed.

        Raises:
            ConfigError: another pool; an assay with results is gone, has a unit of another dimension, or a goal or
                bounds that its values do not fit; or a limit kept its number when the unit changed.
        """
        if begun and self.before.pool != self.now.pool:
            raise ConfigError(
                f"[pool] is now another pool ({self.now.origin}) than the one whose candidates were proposed or "
                f"measured ({self.before.origin}), so their names would mean other candidates. Undo the change, or "
                "make a new campaign (`activeloop new`) and record the results there. Nothing was changed."
            )
        values: dict[str, list[Measurement]] = {}
        for m in stored:
            values.setdefault(m.assay, []).append(m)
        for assay in self.before.assays:
            if here := values.get(assay.name):
                self._check_assay(assay, here)

    def _check_assay(self, before: Assay, rows: list[Measurement]) -> None:
        name, count = before.name, f"{len(rows):,} stored value{'s' if len(rows) > 1 else ''}"
        now = next((a for a in self.now.assays if a.name == name), None)
        if now is None:
            found = ", ".join(a.name for a in self.now.assays)
            raise ConfigError(
                f'the assay "{name}" has {count} and is not among the assays any more ({found}). Put it back under '
                "that name; an assay with results can be neither renamed nor left out. Nothing was changed."
            )
        if before.unit != now.unit:
            self._check_unit(before, now, rows, count)
        if (now.scale, now.bounds) != (before.scale, before.bounds):
            self._check_values(before, now, rows)
        odd = next((m.value for m in rows if m.value not in (0, 1)), None)
        if now.goal == "classify" != before.goal and odd is not None:
            raise ConfigError(
                f'the goal of "{name}" is now to classify, which takes 0 and 1, and it has {count}, such as {odd:g}. '
                f'Set it back to "{before.goal}", or add an assay of another name for the classes. Nothing was changed.'
            )

    def _check_values(self, before: Assay, now: Assay, rows: list[Measurement]) -> None:
        for m in rows:
            if (problem := now.refusal(self._measured(m).value, m.qualifier)) and not before.refusal(
                m.value, m.qualifier
            ):
                raise ConfigError(
                    f'scale or bounds of "{now.name}" do not fit what is stored: {m.candidate}: {problem}. Set them '
                    "back, or void that value (`activeloop void`). Nothing was changed."
                )

    def _check_unit(self, before: Assay, now: Assay, rows: list[Measurement], count: str) -> None:
        factor, name = self.factors.get(now.name, Fraction(1)), now.name
        change = f'the unit of "{name}" was {before.unit or "none"} and is now {now.unit or "none"}'
        if factor is None:
            readings = temperatures(rows[0].value, before.unit, now.unit)
            raise ConfigError(
                f"{change}, which cannot be converted, and it has {count}{f' ({readings})' * bool(readings)}. Set it "
                "back; if the values were meant in the new unit all along, void them (`activeloop void`) and record "
                "them again. Nothing was changed."
            )
        try:
            for m in rows:
                multiplied(m.value, factor)
        except OverflowError:
            raise ConfigError(
                f"{change}, in which a stored value is too large to be held. Set it back. Nothing was changed."
            ) from None
        then, today = (dict(_limits(side, name)) for side in (self.before, self.now))
        for limit, old in then.items():
            if factor != 1 and old and today.get(limit) == old:
                converted = multiplied(old, factor)
                raise ConfigError(
                    f"{change}, but {limit} = {old:g} stayed as it was: {old:g} {before.unit} are {converted:.12g} "
                    f"{now.unit}. Write {limit} = {converted:.12g} if it is still the same; if {old:g} {now.unit} "
                    "is meant, change the limit after the next `record` or `propose`. Nothing was changed."
                )

    def notes(self) -> tuple[str, ...]:
        """What becomes of stored values, in sentences."""
        units = {a.name: (a.unit, b.unit) for a in self.before.assays for b in self.now.assays if a.name == b.name}
        return tuple(
            f'the unit of "{name}" was changed from {units[name][0]} to {units[name][1]}: stored values are converted'
            for name, factor in self.factors.items()
            if factor is not None
        )


def _limits(side: Configured, name: str) -> Iterator[tuple[str, float]]:
    """Each number of an assay that is in its unit, with its name."""
    assay = next(a for a in side.assays if a.name == name)
    for field in fields(assay):
        value = getattr(assay, field.name)
        several = isinstance(value, tuple)
        for place, number in enumerate(value if several else (value,), 1):
            if isinstance(number, float | int) and not isinstance(number, bool):
                yield f"{field.name} (number {place})" if several else field.name, float(number)
    if name in side.hits:
        yield "hit", side.hits[name]
