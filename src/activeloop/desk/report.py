"""The report of a campaign: one page that needs nothing else."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from activeloop._version import __version__
from activeloop.campaigns import Campaign, CampaignState, RoundReport, Status
from activeloop.campaigns.events import now
from activeloop.campaigns.front import draw_front, logarithmic, sought
from activeloop.campaigns.validation import PredictedPlate, predicted_plates
from activeloop.campaigns.versions import derive
from activeloop.config import OpenCampaign
from activeloop.desk.figures import (
    BestSoFar,
    Effects,
    PlateControls,
    PoolSample,
    Reliability,
    best_so_far,
    effects,
    plate_controls,
    random_volumes,
    reliability,
    sample_of_pool,
)
from activeloop.desk.pictures import (
    draw_best,
    draw_controls,
    draw_effects,
    draw_predicted,
    draw_reliability,
    with_unit,
)
from activeloop.desk.propose import known_plates
from activeloop.drawing import inline, settings, svg
from activeloop.errors import InputError, StateError
from activeloop.measurements import Assay, Dataset
from activeloop.measurements.dataset import resolved
from activeloop.measurements.wells import SHAPES, Well, parse_well
from activeloop.plates import Pick, Plate, draw
from activeloop.prediction import Predictor
from activeloop.replay.report import render
from activeloop.words import many

TOP = 20
"""Best candidates in the table."""
NEXT = 10
"""Picks of the open proposal in the table."""
XMLNS = ' xmlns="http://www.w3.org/2000/svg"'
"""Which a picture needs as a file, and not in a page."""


@dataclass(frozen=True)
class CampaignReport:
    """A report.

    Args:
        page: HTML.
        best: of each assay whose best is looked for, beside random picks.
        predicted: what was predicted and what came back, assay by assay, the last plate first.
        calibration: of each assay of which intervals or probabilities were predicted.
        controls: of each assay with a result, plate by plate.
        stale: whether results came in since the last fit.
    """

    page: str
    best: tuple[BestSoFar, ...]
    predicted: dict[str, tuple[PredictedPlate, ...]]
    calibration: dict[str, Reliability]
    controls: dict[str, tuple[PlateControls, ...]]
    stale: bool


@dataclass(frozen=True)
class ReportPage:
    """A report as a page alone.

    Args:
        page: HTML, which needs nothing else.
        stale: whether results came in since the last fit.
    """

    page: str
    stale: bool


def report_page(loop: OpenCampaign, price_per_well: float | None = None) -> ReportPage:
    """The report of a campaign as a page; arguments and errors as of `report`."""
    found = report(loop, price_per_well)
    return ReportPage(found.page, found.stale)


def report(loop: OpenCampaign, price_per_well: float | None = None) -> CampaignReport:
    """The report of a campaign; writes nothing.

    Args:
        loop: an open campaign.
        price_per_well: in any currency; that of `campaign.toml` when None.

    Raises:
        InputError: the price is negative.
        StateError: nothing was measured yet, or the current version cannot be restored.
    """
    if price_per_well is not None and not (price_per_well >= 0 and math.isfinite(price_per_well)):
        raise InputError(f"a price of {price_per_well:g} a well: give 0 or more. No report was made.")
    loop.check_available()
    campaign = loop.campaign if price_per_well is None else replace(loop.campaign, price=price_per_well or None)
    with settings():
        return Facts.of(loop, campaign).report()


@dataclass(frozen=True)
class Facts:
    """Everything that a report, or a page about a campaign, is made of; each part is computed when it is asked for.

    Args:
        loop: an open campaign.
        campaign: its loop, perhaps with another price.
    """

    loop: OpenCampaign
    campaign: Campaign

    @classmethod
    def of(cls, loop: OpenCampaign, campaign: Campaign | None = None) -> Facts:
        """Of a campaign with results.

        Raises:
            StateError: nothing was measured yet.
        """
        facts = cls(loop, campaign or loop.campaign)
        if not len(facts.dataset):
            raise StateError("nothing was measured yet: record results first. No report was made.")
        return facts

    @cached_property
    def state(self) -> CampaignState:
        """Its state."""
        return self.campaign.state()

    @cached_property
    def dataset(self) -> Dataset:
        """Each measured candidate once; assays of 0 and 1 say so."""
        return resolved(self.campaign.dataset())

    @cached_property
    def status(self) -> Status:
        """Where it stands."""
        return self.campaign.status()

    @cached_property
    def judged(self) -> RoundReport:
        """Whether to go on."""
        return self.campaign.assess()

    @cached_property
    def logs(self) -> tuple[str, ...]:
        """Names of the assays on a logarithmic scale."""
        return logarithmic(self.dataset.assays, self.state.current)

    @cached_property
    def answered(self) -> list[int]:
        """Columns of the assays with a result."""
        return np.flatnonzero(~np.isnan(self.dataset.values).all(0)).tolist()

    @cached_property
    def seed(self) -> int:
        """Of what is sampled for it."""
        return derive(self.campaign.seed, "report", 1)

    @cached_property
    def model(self) -> Predictor | None:
        """The current version; None before the first."""
        return self.campaign.model() if self.state.current else None

    @cached_property
    def sample(self) -> PoolSample | None:
        """What the pool would show; None where nothing tells it, or where all of it is measured."""
        if self.model is None or len(self.dataset) == len(self.dataset.pool):
            return None
        return sample_of_pool(self.dataset, self.model, self.campaign.predicted_assays(), self.seed)

    @cached_property
    def best(self) -> list[BestSoFar]:
        """The best so far beside random picks, of each assay whose best is looked for."""
        columns = sought(self.dataset) or self.answered
        return best_so_far(self.dataset, self.state.rounds, columns, self.sample, unchosen=self.unchosen)

    @cached_property
    def predicted(self) -> dict[str, tuple[PredictedPlate, ...]]:
        """What was predicted and what came back, assay by assay, the last plate first."""
        return {
            self.dataset.assays[a].name: found
            for a in self.answered
            if (found := tuple(predicted_plates(self.state, self.dataset, a)))
        }

    @cached_property
    def calibration(self) -> dict[str, Reliability]:
        """Of each assay of which intervals or probabilities were predicted."""
        return {name: found for name, plates in self.predicted.items() if (found := reliability(plates))}

    def effects(self) -> list[tuple[Effects, str]]:
        """Effects by position and residue of each assay with a result, and their picture as part of a page."""
        known = self.campaign.predicted_assays() if self.state.current else ()
        maps = effects(self.dataset, self.answered, self.model, known, self.seed)
        return [(one, inline(svg(draw_effects(one, one.assay.name in self.logs)), "Heat map")) for one in maps]

    @property
    def unchosen(self) -> bool:
        """Whether no model or prior chose the first round."""
        first = self.state.proposals[0].picks if self.state.proposals else ()
        return bool(self.status.earlier) or all(math.isnan(pick.mean) for pick in first)

    @cached_property
    def hits_alone(self) -> bool:
        """Whether hits of one assay are all that is looked for."""
        return [one.counted for one in self.best] == ["hits"]

    def best_picture(self) -> str:
        """The best so far as part of a page."""
        drawn = draw_best(self.best, self.logs, self.volumes(self.best, self.sample, self.seed))
        return inline(svg(drawn), "The best so far, beside random picks")

    def report(self) -> CampaignReport:
        """The report."""
        dataset, state, best = self.dataset, self.state, self.best
        volumes = self.volumes(best, self.sample, self.seed)
        assays = [dataset.assays[a] for a in self.answered]
        predicted, calibration = self.predicted, self.calibration
        controls = {a.name: tuple(plate_controls(state, a.name)) for a in assays}
        page = render(
            "report.html",
            package="activeloop.desk",
            title=self.loop.folder.name or self.loop.folder.path.resolve().name,
            lead=self.lead(),
            cards=self.cards(best),
            best_picture=self.best_picture(),
            rounds=self.rounds(best, volumes),
            counted=all(one.counted for one in best),
            hits_alone=self.hits_alone,
            best_names=[b.title for b in best],
            baseline=self.baseline(best),
            validations=self.validations(predicted, calibration),
            effects=self.effects(),
            plates=self.plates(),
            controls=self.controls(controls, assays),
            leaders=self.leaders(),
            assays=assays,
            front=self.front(),
            status=self.status,
            judged=self.judged,
            saving=self.saving(best),
            next=self.next(),
            settings=self._settings(),
            versions=list(reversed(state.versions)),
            files=self.files(),
            made=f"Made {now()[:16].replace('T', ' ')} UTC by ActiveLoop {__version__}",
            with_unit=with_unit,
            called=dataset.pool.called,
            number=_number,
        )
        return CampaignReport(page, tuple(best), predicted, calibration, controls, self.status.stale)

    # -- what it is -------------------------------------------------------------------------------------------------

    def lead(self) -> str:
        """What was measured and what is looked for, in two sentences."""
        goal = "the best candidates" if self.loop.config.goal == "find" else "an accurate model"
        found = self.status
        count = self.state.rounds - bool(found.earlier)
        rounds = f"in {count} round{'s' * (count != 1)}" if count else ""
        before = "before the first proposal" if found.earlier else ""
        when = " and ".join(filter(None, (before, rounds)))
        return f"{found.measured:,} of {found.size:,} candidates were measured {when}. Looked for: {goal}."

    def _settings(self) -> dict[str, str]:
        config, found = self.loop.config, self.status
        first, last = self._dates()
        assays = "; ".join(
            f"{with_unit(a)}, {a.condition or a.goal}{', scale log' * (a.scale == 'log')}"
            + (f", hit from {c.hit:g}" if c.hit is not None else "")
            for a, c in zip(self.dataset.assays, config.assays, strict=True)
        )
        version = self.state.current
        codes = list(dict.fromkeys(v.code_version for v in self.state.versions))
        plate, kinds = config.plate, {}
        for one in known_plates(self.loop)[0]:
            kinds.setdefault((one.size, sum(well.control for well in one.wells.values())), []).append(one.id)
        control = plate.control if isinstance(plate.control, str) else ", ".join(plate.control)
        return {
            "pool": f"{found.size:,} {self.dataset.pool.kind}: {found.pool}",
            "assays": assays,
            "goal": config.goal,
            "seed": str(config.seed),
            "plates": "; ".join(
                f"{some_plates(names)}: {size} wells, {controls} of them {control}"
                for (size, controls), names in kinds.items()
            )
            or f"{plate.wells} wells, {plate.controls} of them {control}",
            "learner": version.learner if version else self.campaign.learner.name,
            "versions": f"{len(self.state.versions)}, by ActiveLoop {', '.join(codes)}" if codes else "none yet",
            "from": f"{first} to {last}",
        }

    def _dates(self) -> tuple[str, str]:
        days = [r.at[:10] for r in self.campaign.log]
        return days[0], days[-1]

    def cards(self, best: Sequence[BestSoFar]) -> list[dict[str, object]]:
        """The figures that say most, with what each is."""
        cards: list[dict[str, object]] = []
        called = self.dataset.pool.called
        for leader in self.status.leaders[:2]:
            value = f"{leader.value:.4g} {leader.unit}".rstrip()
            cards.append({"figure": value, "words": f"best {leader.assay}: {called(leader.name)}", "own": True})
        for one in best:
            if one.counted:
                words = "candidates found fit" if one.counted == "fit" else "hits"
                cards.append({"figure": f"{one.best[-1]:,.0f}", "words": words, "own": True})
        if self.status.hits is not None and not any(one.counted == "hits" for one in best):
            cards.append({"figure": f"{self.status.hits:,}", "words": "hits", "own": True})
        if self.status.front:
            cards.append({"figure": f"{len(self.status.front.points):,}", "words": "on the Pareto front", "own": True})
        cards.append({"figure": f"{self.status.measured:,}", "words": "candidates measured", "own": False})
        if self.judged.cost is not None:
            words = f"spent, {self.judged.wells:,} wells of {self.campaign.price:g}"
            cards.append({"figure": f"{self.judged.cost:,.0f}", "words": words, "own": False})
        return cards

    def files(self) -> list[tuple[int, str, int, int]]:
        """Event, file, results and voided ones of each that was recorded."""
        counts = self.state.stored.per_event()
        return [(e, file or "recorded in Python", *counts.get(e, (0, 0))) for e, file in self.state.sources.items()]

    # -- the best so far --------------------------------------------------------------------------------------------

    def _round_name(self, number: int) -> str:
        """What a round is called: results of before the first proposal are none of a plate."""
        if not self.status.earlier:
            return str(number + 1)
        return "before the first proposal" if number == 0 else str(number)

    def volumes(self, best: Sequence[BestSoFar], sample: PoolSample | None, seed: int) -> tuple[np.ndarray, ...]:
        """[R] below the front, and that of random picks; () where there is no front or nothing tells these."""
        front = self.status.front
        if front is None or not front.volumes or sample is None:
            return ()
        if not {a.name for a in front.assays} <= set(sample.assays):
            return ()
        return np.array(front.volumes), random_volumes(self.dataset, front, best[0].counts, sample, seed)

    def rounds(self, best: Sequence[BestSoFar], volumes: Sequence[np.ndarray]) -> list[dict[str, object]]:
        """A row a round: how many were measured until then, and the best beside random picks."""
        rows: list[dict[str, object]] = []
        for r in range(self.state.rounds):
            cells = [(f"{one.best[r]:.4g}", f"{one.random[r]:.4g}".replace("nan", "–")) for one in best]
            volume = tuple(f"{one[r]:.1%}" for one in volumes)
            count = int(best[0].counts[r]) if best else 0
            name = self._round_name(r)
            rows.append({"name": name, "count": count, "cells": cells, "volume": volume})
        return rows

    def baseline(self, best: Sequence[BestSoFar]) -> str:
        """How the random baseline is computed, in words."""
        if all(np.isnan(one.random).all() for one in best):
            return "There is no random baseline before a model was fitted."
        if best[0].exact:
            what = "number" if best[0].counted else "best"
            return (
                f"Random baseline: the exact expected {what} of as many random picks, since the whole pool is measured."
            )
        if best[0].base:
            found, count = best[0].base
            return (
                f"Random baseline: the share of {best[0].counted} among the {count:,} candidates of the first round, "
                f"which no model chose ({found:,}, {found / count:.1%}), for as many candidates."
            )
        version = self.state.current
        assert version is not None  # it has drawn the samples
        way = (
            "the mean of its probabilities"
            if best[0].counted
            else "joint samples of it, with the noise of one measurement"
        )
        return (
            "Random baseline: what as many random picks of the pool would be expected to show. What was measured "
            f"counts as measured; for all else version {version.number} of the model stands in ({way}). It assumes "
            "that this version is right about candidates that nobody measured: an estimate, not a measurement."
        )

    def saving(self, best: Sequence[BestSoFar]) -> list[str]:
        """How many random picks would have done the same, in words."""
        lines = []
        # where a front or hits are looked for, the best of one assay alone is nothing that anybody wanted
        for one in best if self.status.front is None else ():
            if one.counted:
                what = f"as many {'fit candidates' if one.counted == 'fit' else 'hits'} ({one.best[-1]:.0f})"
                lines += self._enrichment(one)
            else:
                what = f"a best {one.assay.name} of {one.best[-1]:.4g} {one.assay.unit}".rstrip()
            if not math.isfinite(one.needed):
                if np.isfinite(one.random).any() and np.isfinite(one.best[-1]):
                    lines.append(f"Not even the whole pool, measured at random, is expected to show {what}.")
                continue
            saved = one.needed - one.counts[-1]
            if saved <= 0:
                lines.append(f"Random picks are expected to show {what} after {one.needed:,.0f}: nothing was saved.")
                continue
            price = self.campaign.price
            worth = f", {saved * price:,.0f} at {price:g} a well" if price else ""
            lines.append(
                f"Random picks are expected to need about {one.needed:,.0f} candidates for {what}; here "
                f"{one.counts[-1]:,} did: {saved:,.0f} fewer{worth}."
            )
        return lines

    def _enrichment(self, one: BestSoFar) -> list[str]:
        """The share of hits among those measured, beside that of the pool, in words."""
        count, found, random = one.counts[-1], one.best[-1], one.random[-1]
        values = self.dataset.values[:, [a.name for a in self.dataset.assays].index(one.assay.name)]
        both = int(((values > 0) & (values < 1)).sum())
        also = [f"{many(both, 'candidate')} with both 0 and 1 among the replicates: no hits here."] if both else []
        own = f"{found:.0f} of {count:,} measured candidates are {one.counted} ({found / count:.1%})"
        if not random > 0:
            return [f"{own}.", *also]
        version = self.state.current
        by = f", as version {version.number} estimates it" if version and not (one.exact or one.base) else ""
        rate = f"the base rate of the pool is {random / count:.1%}{by}, so that as many random picks would hold"
        return [f"{own}; {rate} {random:.1f}: enrichment {found / random:.2g}.", *also]

    # -- predictions ------------------------------------------------------------------------------------------------

    def validations(
        self, predicted: dict[str, tuple[PredictedPlate, ...]], calibration: dict[str, Reliability]
    ) -> dict[str, object]:
        """Predicted against measured of each assay, proposal by proposal, and the calibration."""
        parts = []
        for name, plates in predicted.items():
            picture = inline(
                svg(draw_predicted(plates, name in self.logs)), f"Predicted against measured {name}, by proposal"
            )
            rows = []
            for one in reversed(plates):
                found = one.validation
                error = one.value - one.mean
                rows.append(
                    {
                        "proposal": one.proposal,
                        "who": f"version {one.version}" if one.version else "the prior's score",
                        "count": len(one.names),
                        "spearman": _number(found.spearman, ".2f"),
                        "coverage": _number(found.coverage, ".0%"),
                        "bias": _number(float(error.mean()), "+.3g") if one.version else "–",
                        "rmse": _number(float(np.sqrt((error**2).mean())), ".3g") if one.version else "–",
                        **(_of_two(one) if one.assay.is_two else {}),
                    }
                )
            parts.append({"name": name, "picture": picture, "rows": rows, "two": plates[0].assay.is_two})
        chart = ""
        if calibration:
            chart = inline(svg(draw_reliability(list(calibration.items()))), "Stated against observed")
        classes = any(one.classes for one in calibration.values())
        what = next((one.what for one in calibration.values() if one.classes), "")
        return {"parts": parts, "chart": chart, "classes": classes, "what": what}

    # -- plates -----------------------------------------------------------------------------------------------------

    def plates(self) -> list[dict[str, object]]:
        """Of each assay its plates as pictures, measured ones first, on one scale."""
        known = {p.id: p.labelled(self.dataset.pool) for p in known_plates(self.loop)[0]}
        groups = []
        for column in self.answered:
            assay = self.dataset.assays[column]
            log = assay.name in self.logs
            wells = self._wells(assay, column, known, log)
            values = np.array([v for mine in wells.values() for v in mine.values()])
            if not len(values):
                continue
            low, high = (float(x) for x in np.quantile(values, [0.005, 0.995]))
            limits = (low, high) if high > low else (low, low + 1)
            label = f"log10 of {with_unit(assay)}" if log else with_unit(assay)
            pictures = [
                draw(known[name], measured=mine, limits=limits, label=label) for name, mine in wells.items() if mine
            ]
            if column == self.answered[0] and not log:
                pictures += [
                    draw(
                        plate,
                        limits=limits,
                        label=assay.predicted if assay.is_two else f"predicted {label}",
                        title=f"{name}: not measured yet",
                    )
                    for name, plate in known.items()
                    if name not in wells and any(math.isfinite(p.mean) for p in plate.picks)
                ]
            groups.append(
                {
                    "name": assay.name,
                    "pictures": [p.replace(' xmlns="http://www.w3.org/2000/svg"', "") for p in pictures],
                }
            )
        return groups

    def _wells(self, assay: Assay, column: int, known: dict[str, Plate], log: bool) -> dict[str, dict[str, float]]:
        """Plate -> well -> value; plates that are in no file are added to those known."""
        wells: dict[str, dict[str, float]] = {}
        held: dict[str, dict[str, Well]] = {}
        for r in self.state.results:
            m = r.measurement
            if r.void is None and m.plate and m.well and m.assay == assay.name and math.isfinite(m.value):
                wells.setdefault(m.plate, {})[m.well] = m.value
                held.setdefault(m.plate, {})[m.well] = Well(m.candidate, 1, m.control)
        for name in wells:
            if name not in known:
                known[name] = Plate(name, _size(held[name]), held[name])
        # results by candidate alone: each well of the candidate shows its mean
        values = dict(
            zip(self.dataset.pool.names(self.dataset.rows), self.dataset.values[:, column].tolist(), strict=True)
        )
        for name, plate in known.items():
            if name not in wells:
                mine = {
                    w: values[x.candidate] for w, x in plate.wells.items() if x.candidate in values and not x.control
                }
                mine = {w: v for w, v in mine.items() if math.isfinite(v)}
                if mine:
                    wells[name] = mine
        if log:
            wells = {p: {w: math.log10(v) for w, v in mine.items() if v > 0} for p, mine in wells.items()}
        return {name: wells[name] for name in sorted(wells, key=_natural)}

    def controls(
        self, controls: dict[str, tuple[PlateControls, ...]], assays: Sequence[Assay]
    ) -> list[dict[str, object]]:
        """The controls of each assay, plate by plate."""
        groups = []
        for assay in assays:
            plates = [p for p in controls[assay.name] if p.controls]
            if not plates:
                continue
            picture = inline(
                svg(draw_controls(plates, assay, assay.name in self.logs)), f"Control chart of {assay.name}"
            )
            rows = [
                {
                    "plate": p.plate,
                    "round": self._round_name(p.round),
                    "wells": p.wells,
                    "failed": p.failed,
                    "means": ", ".join(f"{name} {values.mean():.4g}" for name, values in p.controls.items()),
                    "cv": p.cv or "–",
                    "z": _number(p.z_prime, ".2f"),
                }
                for p in plates
            ]
            two = any(len(p.controls) > 1 for p in plates)
            groups.append({"name": assay.name, "picture": picture, "rows": rows, "two": two})
        return groups

    # -- candidates -------------------------------------------------------------------------------------------------

    def leaders(self) -> list[dict[str, object]]:
        """The best measured candidates, by the first assay whose best is looked for."""
        dataset = self.dataset
        column = (sought(dataset) or self.answered)[0]
        values = np.where(dataset.meets_all() == 1, dataset.reached[:, column], np.nan)
        if self.hits_alone:
            values[values != (dataset.assays[column].sign > 0)] = np.nan
        order = np.argsort(-np.where(np.isnan(values), -np.inf, values), kind="stable")[:TOP]
        order = order[np.isfinite(values[order])]
        names = dataset.pool.names(dataset.rows[order])
        predicted = {p.name: (proposal, p) for proposal in self.state.proposals for p in proposal.picks}
        rows = []
        for name, i in zip(names, order.tolist(), strict=True):
            cells = []
            for a in self.answered:
                value, error, side = dataset.values[i, a], dataset.errors[i, a], dataset.censored[i, a]
                sign = {-1: "<", 1: ">"}.get(int(side), "")
                cells.append((f"{sign}{value:.4g}" if value == value else "–", f"{error:.2g}" if error else ""))
            proposal, pick = predicted.get(name, (None, None))
            ahead = "–"
            if pick is not None and proposal is not None and proposal.version and math.isfinite(pick.mean):
                ahead = f"{pick.mean:.3g} ({pick.low:.3g} to {pick.high:.3g})"
            why = pick.reason if pick is not None else ""
            rows.append(
                {
                    "name": name,
                    "cells": cells,
                    "round": self._round_name(int(dataset.rounds[i])),
                    "ahead": ahead,
                    "why": why,
                }
            )
        return rows

    def front(self) -> dict[str, object] | None:
        """Several assays against each other; None where there is one."""
        if len(self.answered) < 2:
            return None
        picks = self.state.outstanding.picks if self.state.outstanding else ()
        picture = draw_front(self.dataset, self.status.front, picks, ".svg")
        return {
            "picture": inline(picture, "The assays against each other, and their Pareto front"),
            "of": self.status.front,
        }

    def _predicted_first(self, picks: Sequence[Pick]) -> str:
        """What the mean of a pick is, with its unit."""
        names = [one.assay for pick in picks for one in pick.predictions]
        assays = {a.name: a for a in self.dataset.assays}
        assay = assays.get(names[0] if names else "", self.dataset.assays[0])
        return assay.predicted if assay.binary else f"{with_unit(assay)} predicted"

    def next(self) -> dict[str, object]:
        """What to do now, and the first picks of the proposal that is out."""
        out = self.state.outstanding
        return {
            "sentence": self.judged.sentence,
            "step": self.status.next_step,
            "number": out.number if out else 0,
            "count": len(out.picks) if out else 0,
            "picks": out.picks[:NEXT] if out else (),
            "version": out.version if out else 0,
            "assay": self._predicted_first(out.picks) if out else "",
        }


def some_plates(names: Sequence[str]) -> str:
    """The names of plates, the middle ones of many left out.

    >>> some_plates(["plate-1", "plate-2", "plate-3", "plate-4"])
    'plate-1, plate-2 ... plate-4'
    """
    ordered = sorted(names, key=_natural)
    return ", ".join(ordered) if len(ordered) < 4 else f"{ordered[0]}, {ordered[1]} ... {ordered[-1]}"


def _of_two(one: PredictedPlate) -> dict[str, str]:
    """How well the probabilities of one proposal tell hits from others."""
    found, share = one.validation, one.validation.hits / len(one.names)
    return {
        "hits": f"{found.hits:.0f}",
        "stated": _number(found.expected, ".1f"),
        "auroc": _number(found.auroc, ".2f"),
        "auprc": f"{found.auprc:.2f} ({share:.2f})" if math.isfinite(found.auprc) else "–",
        "brier": _number(float(np.square(one.value - one.mean).mean()), ".3g") if one.version else "–",
    }


def _number(value: float, form: str) -> str:
    return format(value, form) if math.isfinite(value) else "–"


def _size(wells: dict[str, Well]) -> int:
    """The smallest plate that holds these wells, 96 at least."""
    places = [parse_well(name) or (0, 0) for name in wells]
    rows, columns = max(p[0] for p in places) + 1, max(p[1] for p in places) + 1
    return max(96, next(size for size, (r, c) in SHAPES.items() if r >= rows and c >= columns))


def _natural(name: str) -> list[tuple[int, str]]:
    """A key by which plate-2 stands before plate-10."""
    digits = "".join(c if c.isdigit() else " " for c in name).split()
    return [(int(d), "") for d in digits] + [(0, name)]
