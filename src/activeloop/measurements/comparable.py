"""Which measurements may be compared as they are, and what to tell about those that may not."""

from __future__ import annotations

from collections.abc import Sequence

from activeloop.measurements.assay import Assay
from activeloop.measurements.effects import PlateEffects
from activeloop.measurements.measurement import Measurement

#: a replicate series of a table without wells counts as a plate of its own from this many candidates on
SERIES = 4


def comparable_groups(measurements: Sequence[Measurement]) -> list[str]:
    """For each measurement, the plate it stood on.

    Without a plate's name the file stands for it. Without wells, a replicate series of at least 4 candidates (a
    column `rep2` of a wide table) counts as a plate of its own, since that is how replicates are usually run; with
    wells, replicates are known to stand on the plate that is named.

    >>> comparable_groups([Measurement("A24G", "kcat", 1.0, plate="p1", well="A1")])
    ['p1']
    """
    homes = [m.plate or m.file for m in measurements]
    members: dict[tuple[str, int], set[str]] = {}
    for m, home in zip(measurements, homes, strict=True):
        if not m.well:
            members.setdefault((home, m.replicate), set()).add(m.candidate)
    series: dict[str, list[int]] = {}
    for (home, replicate), names in sorted(members.items()):
        if len(names) >= SERIES:
            series.setdefault(home, []).append(replicate)
    labels = []
    for m, home in zip(measurements, homes, strict=True):
        own = series.get(home, []) if not m.well else []
        if len(own) > 1:
            labels.append(f"{home} replicate {m.replicate if m.replicate in own else own[0]}".strip())
        else:
            labels.append(home)
    return labels


def plate_notes(assay: Assay, plates: Sequence[str], effects: PlateEffects, multiplied: bool) -> tuple[str, ...]:
    """What a person should know about plates and replicates of one assay, in sentences."""
    notes = []
    linked = effects.unlinked
    groups = sorted(set(linked.tolist()))
    if len(groups) > 1:
        sets = [" and ".join(p or "(no name)" for p, g in zip(plates, linked, strict=True) if g == k) for k in groups]
        notes.append(
            f"{assay.name}: nothing repeated links these plates, so they are compared without correction: "
            f"{'; '.join(sets)}. Put the same controls on every plate."
        )
    if len(groups) < len(plates):
        low, high = float(effects.shifts.min()), float(effects.shifts.max())
        notes.append(
            f"{assay.name}: values were corrected for their plate, by controls and repeated candidates "
            f"({'logarithm ' * multiplied}from {-high:+.3g} to {-low:+.3g}{'' if multiplied else _spaced(assay.unit)})."
        )
    if effects.freedom == 0:
        notes.append(f"{assay.name}: nothing was measured often enough to know the noise; standard errors are unknown.")
    return tuple(notes)


def _spaced(unit: str) -> str:
    return f" {unit}" if unit else ""
