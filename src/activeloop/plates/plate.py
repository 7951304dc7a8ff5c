"""Proposals, and plates: which well holds which candidate."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from activeloop.candidates import Pool
from activeloop.errors import PlateError, check_type
from activeloop.measurements.wells import SHAPES, Well, describe_plate, parse_well, row_letters, well_name, well_on
from activeloop.notebook import SHOWN, axes, html_table, nothing_yet, to_frame, whole_numbers
from activeloop.plates.layout import (
    HARDLY_FILLED,
    LAYOUTS,
    arrange,
    by_column,
    in_steps,
    sort_wells,
    spread_evenly,
    usable_wells,
)
from activeloop.tables.table import ERROR_CELLS

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class PickPrediction:
    """What the model predicts of one pick in one assay, in the assay's unit.

    Args:
        assay: the assay's name.
        mean: predicted value (of classes the probability of `fit`).
        low, high: 90 % interval of one measurement.
    """

    assay: str
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Pick:
    """One proposed candidate.

    Args:
        candidate_id: id of the candidate.
        name: its standard notation.
        rank: from 1, best first.
        score: what acquisition gave it (larger is better).
        mean: predicted value of the first assay with a model, in its unit; before any result the prior's score (NaN
            without a prior).
        low, high: 90 % interval of that prediction.
        reason: why it was chosen, in words.
        predictions: of each assay that has a model; () before any result, where the prior gives a score without a
            unit, and in proposals of former releases.
        labels: what else the pool's file says of it, as in `Candidate`; not stored with a proposal, for the file may
            be completed.
        called: what people call it, see `Pool.called`; "" for its name. Not stored either.
    """

    candidate_id: str
    name: str
    rank: int
    score: float
    mean: float
    low: float
    high: float
    reason: str
    predictions: tuple[PickPrediction, ...] = ()
    labels: tuple[tuple[str, str], ...] = field(default=(), compare=False, metadata={"stored": False})
    called: str = field(default="", compare=False, metadata={"stored": False})


@dataclass(frozen=True)
class Proposal:
    """The picks of one round.

    Args:
        number: counted from 1.
        picks: best first.
        version: number of the model version that chose (0 = before any fit).
        seed: with pool, measurements and config it determines the picks.
        policy: what chose them, in one sentence.
        library: of the DataFrames that the user works with; "" for any. It is not stored.
    """

    number: int
    picks: tuple[Pick, ...]
    version: int
    seed: int
    policy: str
    library: str = field(default="", compare=False, repr=False, metadata={"stored": False})

    def to_frame(self, library: str = "") -> Any:
        """A DataFrame with a row for each pick, best first.

        Columns: `rank`, `candidate`, of each assay with a model `NAME predicted`, `NAME low` and `NAME high` (90 %
        interval of one measurement), `score` (of acquisition), `reason`; before any result `prior score`, in no unit.

        Args:
            library: of the DataFrame (pandas, polars, pyarrow); that of the DataFrames which came in when "".
        """
        return to_frame(self._columns(), library or self.library)

    def _columns(self) -> dict[str, list[Any]]:
        columns: dict[str, list[Any]] = {
            "rank": [p.rank for p in self.picks],
            "candidate": [p.name for p in self.picks],
        }
        predictions = [
            p.predictions or ((PickPrediction("", p.mean, p.low, p.high),) if self.version else ()) for p in self.picks
        ]
        nothing = PickPrediction("", math.nan, math.nan, math.nan)
        for assay in dict.fromkeys(one.assay for each in predictions for one in each):
            found = [next((one for one in each if one.assay == assay), nothing) for each in predictions]
            columns[f"{assay} predicted".strip()] = [one.mean for one in found]
            columns[f"{assay} low".strip()] = [one.low for one in found]
            columns[f"{assay} high".strip()] = [one.high for one in found]
        columns["score" if len(columns) > 2 else "prior score"] = [p.score for p in self.picks]
        columns["reason"] = [p.reason for p in self.picks]
        return columns

    def _repr_html_(self) -> str:
        columns = self._columns()
        rows = list(zip(*columns.values(), strict=True))[:SHOWN]
        caption = f"proposal {self.number}, chosen by {self.policy}"
        return html_table(list(columns), rows, caption, total=len(self.picks))

    def __repr__(self) -> str:
        names = ", ".join(p.name for p in self.picks[:3]) + (", ..." if len(self.picks) > 3 else "")
        return f"<Proposal {self.number}: {len(self.picks)} candidates ({names}), chosen by {self.policy}>"

    def plot(self, ax: Axes | None = None) -> Axes:
        """A picture of the picks by rank: what is predicted of the first assay, with 90 % intervals; or their scores.

        Args:
            ax: where to draw; new axes when None.
        """
        ax, columns = axes(ax), self._columns()
        named = [name for name in columns if name.endswith("predicted")]
        rank = np.array(columns["rank"])
        if named:
            label = named[0].removesuffix("predicted")
            mean, low, high = (np.array(columns[f"{label}{what}"]) for what in ("predicted", "low", "high"))
            # A bent mean may lie outside an interval that is cut off at a bound.
            ends = np.maximum([mean - low, high - mean], 0)
            ax.errorbar(rank, mean, ends, fmt="o", ms=4, lw=1, capsize=2)
        else:
            scores = np.array([p.score for p in self.picks])
            if np.isnan(scores).all():
                return nothing_yet(ax, f"proposal {self.number}: nothing is predicted before the first results")
            ax.plot(rank, scores, "o", ms=4)
        ax.set(
            xlabel="rank",
            ylabel=f"{named[0]}, 90 % interval" if named else "prior score",
            title=f"proposal {self.number}",
        )
        whole_numbers(ax)
        return ax


#: a picture of a plate in a notebook names what is in its wells up to this number of columns
NAMED_COLUMNS = 12
#: what to give where a proposal is expected
PROPOSED = "what Campaign.propose(n) returned"


def listed(proposal: Proposal) -> tuple[Pick, ...]:
    """The picks as a plate lists them: before any result they have a score, which is no value in a unit."""
    if proposal.version:
        return proposal.picks
    nan = float("nan")
    return tuple(p if p.predictions else replace(p, mean=nan, low=nan, high=nan) for p in proposal.picks)


def labelled(picks: Sequence[Pick], pool: Pool) -> tuple[Pick, ...]:
    """The picks as a pool knows them: their ids, their labels, and what people call them there."""
    rows = pool.rows_of(p.name for p in picks).tolist()
    return tuple(
        replace(p, candidate_id=pool[row].id, labels=pool.labels(row), called=pool.called(p.name)) if row >= 0 else p
        for p, row in zip(picks, rows, strict=True)
    )


@dataclass(frozen=True)
class PlateDesign:
    """How plates are filled; fields and errors as in `Plate.fill`."""

    size: int
    controls: int
    control: str | Sequence[str]
    replicates: int
    empty_edges: bool
    layout: str = "auto"

    def __post_init__(self) -> None:
        for value, what in ((self.size, "wells"), (self.controls, "controls"), (self.replicates, "replicates")):
            check_type(value, (int, np.integer), f"the number of {what}", "a whole number")
        for name in self.names:
            check_type(name, str, "the name of a control", 'text, such as control="WT"')
        check_size(self.size)
        if self.layout not in LAYOUTS:
            raise PlateError(f'there is no layout "{self.layout}". Use {", ".join(LAYOUTS)}. No plate was made.')
        if self.controls < 0:
            raise PlateError(f"{self.controls} controls: the number cannot be negative. No plate was made.")
        if self.controls and not all(self.names or [""]):
            raise PlateError("a control has no name. Name it (such as WT) or set controls to 0. No plate was made.")
        for name in self.names if self.controls else ():
            if problem := control_problem(name):
                raise PlateError(f"{problem} No plate was made.")
        if self.replicates < 1:
            raise PlateError(f"{self.replicates} replicates: each candidate needs at least 1 well. No plate was made.")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the controls."""
        if isinstance(self.control, str):
            return (self.control,)
        check_type(self.control, Iterable, "the name of a control, or a list of them,", 'text, such as control="WT"')
        return tuple(self.control)

    @property
    def room(self) -> int:
        """Wells that may be filled, controls included."""
        return len(usable_wells(self.size, self.empty_edges))

    def contents(self, proposal: Proposal) -> list[Well]:
        """The wells that the picks need; refuses a candidate that is proposed twice."""
        names = [p.name for p in proposal.picks]
        if len(set(names)) < len(names):
            twice = next(n for n in names if names.count(n) > 1)
            raise PlateError(f'"{twice}" is proposed twice. Use replicates for repeated wells. No plate was made.')
        return [Well(name, r + 1) for name in names for r in range(self.replicates)]

    def check_room(self, picks: int, again: int = 0) -> None:
        """Refuse what does not fit on one plate: what is needed, what there is, and the ways out."""
        needed = picks * self.replicates + again + self.controls
        if needed <= self.room:
            return
        parts = [f"{picks} candidate{'s' * (picks > 1)}{f' x {self.replicates} replicates' * (self.replicates > 1)}"]
        parts += [f"{again} wells to repeat"] if again else []
        parts += [f"{self.controls} controls"] if self.controls else []
        larger = next((s for s in SHAPES if len(usable_wells(s, self.empty_edges)) >= needed), None)
        fixes = [f"{larger} wells"] if larger else []
        fixes += ["fewer replicates" if self.replicates > 1 else "fewer candidates"]
        raise PlateError(
            f"{' + '.join(parts)} need {needed} wells; a {self.size}-well plate{' without edges' * self.empty_edges} "
            f"has {self.room}. Use {', '.join(fixes)} or several plates (fill_plates). No plate was made."
        )

    def lay_out(self, contents: list[Well], rng: np.random.Generator) -> dict[str, Well]:
        """The wells of one plate: controls first, then everything else.

        Args:
            contents: what stands on it beside the controls, the best first.
            rng: of the layout; one by column does not depend on it.
        """
        cells, needed = usable_wells(self.size, self.empty_edges), len(contents) + self.controls
        layout = self.layout
        if layout == "auto":
            layout = "compact" if needed < HARDLY_FILLED * len(cells) else "random"
        if layout == "random":
            chosen = spread_evenly(cells, self.controls, rng)
        else:
            cells = by_column(cells)[:needed]
            chosen = np.arange(self.controls) if layout == "by-column" else in_steps(needed, self.controls, rng)
        free = np.delete(cells, chosen, axis=0)
        if layout == "by-column":
            wells = {well_name(*cell): well for cell, well in zip(free.tolist(), contents, strict=True)}
        else:
            wells, chosen = arrange(contents, free, rng), rng.permutation(chosen)
        turns = len(self.names)
        for i, at in enumerate(chosen):
            wells[well_name(*cells[at].tolist())] = Well(self.names[i % turns], i // turns + 1, control=True)
        return sort_wells(wells)


def control_problem(name: str) -> str:
    """Why control wells cannot have a name, "" when they can: lists of plates go through spreadsheets.

    >>> control_problem("WT"), control_problem("=DMSO")
    ('', 'the control "=DMSO" begins with "=": a spreadsheet reads it as a formula. Name it otherwise, such as "DMSO".')
    """
    if problem := unwritable_in(name):
        return problem
    if name != name.strip():
        return f'the control "{name}" begins or ends with a space, which is lost in tables. Leave it out.'
    if name.startswith(("=", "+", "-", "@", "'")):
        what = "hides the sign" if name[0] == "'" else "reads it as a formula"
        plain = name.lstrip("=+-@' ") or "WT"
        return (
            f'the control "{name}" begins with "{name[0]}": a spreadsheet {what}. Name it otherwise, such as "{plain}".'
        )
    if name.upper() in ERROR_CELLS:
        return f'the control "{name}" is what a spreadsheet shows for an error. Name it otherwise.'
    return ""


def unwritable_in(name: str) -> str:
    """Which character of a name no spreadsheet or picture can hold, in a sentence; "" when all are fine."""
    for i, letter in enumerate(name, 1):
        if unicodedata.category(letter) in UNWRITABLE:
            shown = name.encode("unicode_escape").decode()
            kind = "a line break" if letter in "\n\r" else "a tab" if letter == "\t" else "an invisible character"
            return f'the name "{shown}" holds {kind} (character {i}), which tables cannot hold. Name it otherwise.'
    return f"a name of {len(name):,} characters is longer than a cell." if len(name) > LONGEST else ""


#: Unicode's control and formatting characters, halves of others, and breaks of lines
UNWRITABLE = ("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp")
LONGEST = 32_767
"""Characters in a cell of a workbook."""


def check_size(size: int) -> None:
    """Refuse a number of wells that no plate has."""
    if size not in SHAPES:
        raise PlateError(f"there is no {size}-well plate. Use one of {', '.join(map(str, SHAPES))} wells.")


@dataclass(frozen=True)
class Plate:
    """A filled plate.

    Args:
        id: its name; results refer to it.
        size: 6, 12, 24, 48, 96, 384 or 1536 wells.
        wells: filled wells, row by row: "A1" -> what it holds. A well that is not named is empty.
        picks: the proposed picks that stand on it, with their predictions and reasons.

    >>> pick = Pick("1f", "A24G", rank=1, score=2.0, mean=1.5, low=1.0, high=2.0, reason="high and uncertain")
    >>> plate = Plate.fill(Proposal(1, (pick,), version=1, seed=0, policy="UCB"), wells=24, controls=2)
    >>> sorted((w.candidate, w.control) for w in plate.wells.values())
    [('A24G', False), ('WT', True), ('WT', True)]
    """

    id: str
    size: int
    wells: Mapping[str, Well]
    picks: tuple[Pick, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        check_size(self.size)
        for name in self.wells:
            if well_on(name, self.size) != name:
                raise PlateError(f'well "{name}" is not on {describe_plate(self.size)}.')

    @classmethod
    def fill(
        cls,
        proposal: Proposal,
        wells: int = 96,
        controls: int = 8,
        control: str | Sequence[str] = "WT",
        replicates: int = 1,
        empty_edges: bool = False,
        seed: int = 0,
        id: str = "",
        again: Sequence[Well] = (),
        layout: str = "auto",
    ) -> Plate:
        """Lay out a proposal on one plate.

        At random, controls are spread evenly over rows and columns, and replicates of one candidate stand apart from
        each other; a plate that is hardly filled is compact instead. The same seed gives the same plate.

        Args:
            proposal: what to test.
            wells: size of the plate.
            controls: how many wells hold controls.
            control: the control's name, or several that take turns.
            replicates: wells for each pick.
            empty_edges: leave the outer wells empty (they dry out first).
            seed: of the layout.
            id: of the plate; `plate-` and the proposal's number when empty.
            again: wells of an earlier plate to be tested again (see `replace_failed`).
            layout: one of `LAYOUTS`.

        Raises:
            PlateError: it does not fit, or a number makes no sense; no plate was made.
        """
        check_type(proposal, Proposal, "a proposal", PROPOSED)
        design = PlateDesign(wells, controls, control, replicates, empty_edges, layout)
        contents = design.contents(proposal) + list(again)
        design.check_room(len(proposal.picks), len(again))
        held = design.lay_out(contents, np.random.default_rng(seed))
        return cls(id or f"plate-{proposal.number}", wells, held, listed(proposal))

    def __str__(self) -> str:
        controls = sum(w.control for w in self.wells.values())
        return f"{self.id}: {len(self.wells) - controls} wells with candidates, {controls} controls, {self.size} in all"

    def _repr_html_(self) -> str:
        rows, columns = SHAPES[self.size]
        held = [[self.wells.get(well_name(r, c)) for c in range(columns)] for r in range(rows)]
        cells = [[row_letters(r), *(self.called(w.candidate) if w else "" for w in row)] for r, row in enumerate(held)]
        return html_table(["", *(str(c + 1) for c in range(columns))], cells, str(self))

    def plot(self, ax: Axes | None = None) -> Axes:
        """A picture of the wells in the colours of what is predicted, or before any result of the score.

        To print it, with structures and a list of names: `activeloop.plates.draw(plate)` is an SVG.

        Args:
            ax: where to draw; new axes when None.
        """
        from matplotlib import colormaps
        from matplotlib.colors import ListedColormap

        ax, (rows, columns) = axes(ax), SHAPES[self.size]
        predicted = any(math.isfinite(p.mean) for p in self.picks)
        of = {p.name: p.mean if predicted else p.score for p in self.picks}
        kinds, values = np.zeros((rows, columns), np.int8), np.full((rows, columns), np.nan)
        for name, well in self.wells.items():
            at = parse_well(name) or (0, 0)  # its name was checked
            kinds[at], values[at] = 1 + well.control, np.nan if well.control else of.get(well.candidate, np.nan)
            if columns <= NAMED_COLUMNS:
                text = self.called(well.candidate)
                size = min(7.0, 48.0 / len(text))
                ax.text(at[1], at[0], text if size > 3.5 else "…", ha="center", va="center", fontsize=max(size, 3.5))
        ax.grid(False)
        ax.imshow(kinds, ListedColormap(["#ffffff", "#cfdcea", "#f2a541"]), vmin=0, vmax=2, aspect="auto")
        if np.isfinite(values).any():
            # names are read on all of it, and none of it is as white as an empty well
            picture = ax.imshow(values, ListedColormap(colormaps["YlGn"](np.linspace(0.1, 0.65, 256))), aspect="auto")
            ax.figure.colorbar(picture, ax=ax, label="predicted" if predicted else "prior score")
        every = 1 if columns <= 24 else 4
        ax.set_xticks(range(0, columns, every), [str(c + 1) for c in range(0, columns, every)])
        ax.set_yticks(range(0, rows, every), [row_letters(r) for r in range(0, rows, every)])
        ax.set_title(f"{self.id} (orange: controls)" if (kinds == 2).any() else self.id)
        return ax

    def called(self, name: str) -> str:
        """What people call what is in a well: the id of a compound or guide where it has one, else its name."""
        return self._called.get(name) or name

    @cached_property
    def _called(self) -> dict[str, str]:
        return {p.name: p.called for p in self.picks}

    def labelled(self, pool: Pool) -> Plate:
        """The plate with the labels that a pool gives its picks now; see `Candidate`."""
        return replace(self, picks=labelled(self.picks, pool))

    @property
    def candidates(self) -> tuple[str, ...]:
        """Names of the candidates on it, each once, in the order of the wells; controls are not among them."""
        return tuple(dict.fromkeys(w.candidate for w in self.wells.values() if not w.control))

    def well(self, name: str) -> Well | None:
        """What a well holds, by its name in any spelling (`A1`, `A01`, `a1`); None when it is empty.

        Raises:
            PlateError: there is no such well.
        """
        standard = well_on(name, self.size)
        if standard is None:
            raise PlateError(f'well "{name}" is not on {describe_plate(self.size)}.')
        return self.wells.get(standard)

    def swapped(self, one: str, other: str) -> Plate:
        """The plate with the contents of two wells exchanged; one of them may be empty.

        Args:
            one: name of a well, in any spelling.
            other: of the other.

        Raises:
            PlateError: there is no such well, it is the same one, or both are empty; no plate was made.

        >>> plate = Plate("plate-1", 24, {"A1": Well("K2R"), "B2": Well("WT", control=True)})
        >>> plate.swapped("A1", "b02").wells["A1"].candidate, list(plate.swapped("A1", "C3").wells)
        ('WT', ['B2', 'C3'])
        """
        held = {str(well_on(name, self.size)): self.well(name) for name in (one, other)}
        if len(held) < 2:
            raise PlateError(f'"{one}" and "{other}" are the same well. Nothing was swapped.')
        if not any(held.values()):
            raise PlateError(f"{one} and {other} of {self.id} are both empty. Nothing was swapped.")
        rest = {name: well for name, well in self.wells.items() if name not in held}
        moved = {name: well for name, well in zip(held, reversed(held.values()), strict=True) if well is not None}
        return replace(self, wells=sort_wells({**rest, **moved}))

    def replace_failed(
        self,
        failed: Iterable[str],
        proposal: Proposal | None = None,
        *,
        controls: int | None = None,
        seed: int = 0,
        id: str = "",
        empty_edges: bool = False,
    ) -> Plate:
        """A further plate on which the candidates of failed wells stand again, before the picks of `proposal`.

        Args:
            failed: names of the wells whose result is missing; failed controls are not repeated.
            proposal: what else to test on the new plate.
            controls: how many; as many as on this plate when None.
            seed: of the layout.
            id: of the new plate; this plate's id and `-again` when empty and there is no proposal.
            empty_edges: leave the outer wells empty.

        Raises:
            PlateError: a well is not on this plate or was empty, or it does not fit; no plate was made.
        """
        again = []
        for name in dict.fromkeys(failed):
            held = self.well(name)
            if held is None:
                raise PlateError(f'well "{name}" of {self.id} was empty: it cannot have failed. No plate was made.')
            if not held.control:
                again.append(held)
        own = [w.candidate for w in self.wells.values() if w.control]
        plate = Plate.fill(
            proposal or Proposal(0, (), 0, seed, "failed wells"),
            wells=self.size,
            controls=len(own) if controls is None else controls,
            control=tuple(dict.fromkeys(own)) or "WT",
            empty_edges=empty_edges,
            seed=seed,
            id=id or ("" if proposal else f"{self.id}-again"),
            again=again,
        )
        return replace(plate, picks=_picks_of(again, self.picks) + plate.picks)


def fill_plates(
    proposal: Proposal,
    wells: int = 96,
    controls: int = 8,
    control: str | Sequence[str] = "WT",
    replicates: int = 1,
    empty_edges: bool = False,
    seed: int = 0,
    id: str = "",
    layout: str = "auto",
) -> list[Plate]:
    """Lay out a proposal on as many plates as it needs, each with its own controls.

    Candidates are distributed at random, and replicates of one candidate go to different plates: so a plate's effect
    can be separated from its candidates'. Arguments as in `Plate.fill`; with several plates the ids end in `-1`, `-2`.

    Raises:
        PlateError: not even one candidate fits beside the controls, or a number makes no sense; no plate was made.
    """
    check_type(proposal, Proposal, "a proposal", PROPOSED)
    design = PlateDesign(wells, controls, control, replicates, empty_edges, layout)
    contents, free = design.contents(proposal), design.room - controls
    if free < 1:
        design.check_room(len(proposal.picks))
    count = max(1, -(-len(contents) // max(free, 1)))
    name, rng = id or f"plate-{proposal.number}", np.random.default_rng(seed)
    ids = [name] if count == 1 else [f"{name}-{k + 1}" for k in range(count)]
    by_name: dict[str, list[Well]] = {}
    for well in contents:
        by_name.setdefault(well.candidate, []).append(well)
    groups = list(by_name.values())
    mixed = [well for i in rng.permutation(len(groups)) for well in groups[i]]
    shares = [mixed[k::count] for k in range(count)]
    if layout == "by-column":
        places = {(well.candidate, well.replicate): i for i, well in enumerate(contents)}
        shares = [sorted(share, key=lambda well: places[well.candidate, well.replicate]) for share in shares]
    return [
        Plate(plate_id, wells, design.lay_out(share, rng), _picks_of(share, listed(proposal)))
        for plate_id, share in zip(ids, shares, strict=True)
    ]


def _picks_of(wells: Iterable[Well], picks: Iterable[Pick]) -> tuple[Pick, ...]:
    names = {w.candidate for w in wells}
    return tuple(p for p in picks if p.name in names)
