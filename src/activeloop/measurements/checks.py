"""What a person should look at before results are stored: controls, and values far beyond the rest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from activeloop.measurements.assay import Assay, Measurement
from activeloop.measurements.dataset import DISAGREEING, MANY
from activeloop.words import shown_number, some

#: powers of ten by which a value lies beyond the rest to be named: a wrong unit makes three, a lost decimal sign more
DECADES = 1.5
#: share of the values, and number of them at least, that may lie beyond the rest
FEW, SOME = 0.05, 1
#: values from which on the rest is known
REST = 5
#: controls and values that one sentence names
NAMED = 4
#: values of an assay in percent that look like shares of 1: the most of them, and how many there must be
SHARE, LEAST_SHARES = 1.5, 3


@dataclass(frozen=True)
class ControlWells:
    """Wells of one control on one plate.

    Args:
        assay: the assay's name.
        plate: "" when unknown.
        name: of the control.
        count: wells with a value.
        mean: of them, in the assay's unit.
        sd: standard deviation between them; NaN of one well.
    """

    assay: str
    plate: str
    name: str
    count: int
    mean: float
    sd: float

    @property
    def cv(self) -> float:
        """Coefficient of variation, sd / |mean|; NaN of one well or a mean of 0."""
        return self.sd / abs(self.mean) if self.mean else float("nan")


def control_wells(measurements: Iterable[Measurement], assays: Sequence[Assay]) -> list[ControlWells]:
    """The controls of each assay and plate, in the order of assays; limits and classes are left out.

    >>> rows = [Measurement("WT", "kcat", v, plate="p1", control=True) for v in (0.9, 1.1)]
    >>> [(c.name, c.count, round(c.mean, 3), round(c.cv, 3)) for c in control_wells(rows, [Assay("kcat")])]
    [('WT', 2, 1.0, 0.141)]
    """
    order = {a.name: i for i, a in enumerate(assays) if a.goal != "classify"}
    groups: dict[tuple[int, str, str], list[float]] = {}
    for m in measurements:
        if m.control and m.qualifier == "=" and m.value == m.value and m.assay in order:
            groups.setdefault((order[m.assay], m.plate, m.candidate), []).append(m.value)
    found = []
    for (i, plate, name), values in sorted(groups.items()):
        sd = float(np.std(values, ddof=1)) if len(values) > 1 else float("nan")
        found.append(ControlWells(assays[i].name, plate, name, len(values), float(np.mean(values)), sd))
    return found


def z_prime(one: ControlWells, other: ControlWells) -> float:
    """Z' of two controls: 1 - 3 (sd + sd) / |difference of the means|; NaN where a control has one well.

    1 is perfect, from 0.5 on an assay tells hits from the rest, below 0 the controls overlap.

    Source: Zhang, Chung, Oldenburg 1999, doi:10.1177/108705719900400206.

    >>> round(z_prime(ControlWells("a", "", "WT", 3, 10.0, 0.5), ControlWells("a", "", "dead", 3, 1.0, 0.5)), 3)
    0.667
    """
    apart = abs(one.mean - other.mean)
    return 1 - 3 * (one.sd + other.sd) / apart if apart else float("-inf") if one.sd + other.sd else float("nan")


def quality(measurements: Sequence[Measurement], assays: Sequence[Assay]) -> tuple[str, ...]:
    """Sentences on the controls of each assay and plate, and on values far beyond the rest."""
    units = {a.name: f" {a.unit}" if a.unit else "" for a in assays}
    found = []
    groups: dict[tuple[str, str], list[ControlWells]] = {}
    for control in control_wells(measurements, assays):
        groups.setdefault((control.assay, control.plate), []).append(control)
    for (assay, plate), controls in groups.items():
        parts = [_control(c, units[assay]) for c in controls[:NAMED]]
        parts += [f"{len(controls) - NAMED} more controls"] if len(controls) > NAMED else []
        found.append(
            f"{assay}{f' on {plate}' * bool(plate)}, controls: {'; '.join(parts)}. {_z_prime(controls)}".strip()
        )
    for assay in assays:
        found += _disagreeing([m for m in measurements if m.assay == assay.name and not m.control], assay)
        own = [m for m in measurements if m.assay == assay.name and m.qualifier == "="]
        found += [*_outliers(own, assay), *_shares(own, assay)]
    return tuple(found)


def _disagreeing(measurements: Sequence[Measurement], assay: Assay) -> list[str]:
    """A sentence on candidates that have both of two values."""
    values: dict[str, list[float]] = {}
    for m in measurements:
        if m.value == m.value:
            values.setdefault(m.candidate, []).append(m.value)
    if not values or {v for own in values.values() for v in own} != {0, 1}:
        return []
    repeated = [name for name, own in values.items() if len(own) > 1]
    both = [name for name in repeated if len(set(values[name])) > 1]
    if not both:
        return []
    counts = "decided by the majority" if assay.goal == "classify" else "none of them counts as a hit"
    found = f"{assay.name}: {len(both)} of {len(repeated)} repeated candidates have both 0 and 1 ({some(both, NAMED)})"
    if assay.scale == "auto" and assay.goal != "classify" and len(both) > DISAGREEING * max(len(values), MANY):
        counts += '. So many make it an assay of numbers, unless campaign.toml says `scale = "binary"`'
    return [f"{found}: {counts}."]


def _shares(measurements: Sequence[Measurement], assay: Assay) -> list[str]:
    """A sentence on values that look like shares of 1 where percent are measured."""
    largest = max((abs(m.value) for m in measurements), default=0.0)
    if assay.unit != "%" or len(measurements) < LEAST_SHARES or not 0 < largest <= SHARE:
        return []
    return [
        f"{assay.name}: no value is above {shown_number(largest, 2)} %. If these are shares of 1, they should be 100 "
        "times as large: void them, and record the percentages."
    ]


def _control(c: ControlWells, unit: str) -> str:
    wells = f"{c.count} value{'s' * (c.count > 1)}"
    spread = f", CV {shown_number(100 * c.cv, 2)} %" if c.cv == c.cv else ""
    return f"{c.name} mean {shown_number(c.mean, 4)}{unit}{spread} ({wells})"


def _z_prime(controls: Sequence[ControlWells]) -> str:
    repeated = sorted((c for c in controls if c.count > 1), key=lambda c: c.mean)
    if len(repeated) < 2:
        return ""
    value = z_prime(repeated[0], repeated[-1])
    verdict = "" if not value < 0 else ": the controls overlap"
    return f"Z' between {repeated[0].name} and {repeated[-1].name} {value:.2f}{verdict}."


def _outliers(measurements: Sequence[Measurement], assay: Assay) -> list[str]:
    """A sentence on values that lie beyond the rest by powers of ten: a unit or a decimal sign may be wrong.

    On a linear scale that is upwards alone, since small values are near 0 by noise.
    """
    rows = [m for m in measurements if m.value and not m.control]
    if assay.goal == "classify" or len(rows) <= REST:
        return []
    places = np.log10(np.abs([m.value for m in rows]))
    order = np.argsort(places, kind="stable")
    most = max(SOME, int(FEW * len(rows)))
    found = []
    for side, word in ((1, "above"), (-1, "below")) if assay.scale == "log" else ((1, "above"),):
        ranked = order[::-1] if side > 0 else order
        gaps = side * (places[ranked[:most]] - places[ranked[1 : most + 1]])
        beyond = [
            k + 1
            for k, gap in enumerate(gaps.tolist())
            if gap >= max(DECADES, side * (places[ranked[k + 1]] - float(np.median(places[ranked[k + 1 :]]))))
        ]
        if not beyond or len(rows) - beyond[-1] < REST:
            continue
        unit = f" {assay.unit}" if assay.unit else ""
        odd = [rows[i] for i in ranked[: beyond[-1]].tolist()]
        named = ", ".join(f"{m.value:g}{unit} of {m.candidate}{f' (row {m.row})' * bool(m.row)}" for m in odd[:NAMED])
        more = f" and {len(odd) - NAMED} more" if len(odd) > NAMED else ""
        rest = f"{assay.name}: {named}{more} lie{'s' * (len(odd) == 1)} {word} all others by a factor of"
        found.append(f"{rest} {shown_number(10 ** gaps[beyond[-1] - 1])} and more. Check unit and decimal sign.")
    return found
