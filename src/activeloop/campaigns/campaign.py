"""The loop itself: propose, record, fit; what was done is in its log, everything else follows from it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from activeloop import __version__
from activeloop.acquisition import Choice, Selection, choose, default_selection
from activeloop.campaigns.events import (
    EventLog,
    Fitted,
    Measured,
    Pinned,
    Proposed,
    Version,
    Voided,
)
from activeloop.campaigns.forecast import Forecast
from activeloop.campaigns.honesty import Honesty, judge
from activeloop.campaigns.log import InMemoryLog, now
from activeloop.campaigns.recording import RecordSummary, checked, hash_rows, new_rows, rows_of
from activeloop.campaigns.seeds import derive
from activeloop.campaigns.shelf import InMemoryShelf, Shelf
from activeloop.campaigns.state import CampaignState
from activeloop.campaigns.status import Status, status_of
from activeloop.campaigns.worth import RoundReport, expected_gain, report
from activeloop.candidates import Pool
from activeloop.errors import InputError, NotationError, StateError
from activeloop.measurements import Assay, Dataset, Measurement
from activeloop.measurements.readers import Reading
from activeloop.measurements.summary import summarise
from activeloop.plates import Pick, Proposal
from activeloop.predictive import Learner, Predictor

ATTEMPTS = 5
"""How often a decision is taken anew because another process wrote meanwhile."""


@dataclass
class Campaign:
    """A learning loop over one pool.

    Args:
        pool: what may be tested.
        assays: what is measured.
        learner: what learns from it.
        select: how candidates are chosen; the default of goal `find` when None.
        seed: of everything random in it: the same seed and the same events give the same proposals.
        log: where its events are kept.
        shelf: where its models are kept.
        price: of one well, in any currency; None when it is not known.
        hit: the value from which a candidate counts as a hit, one for each assay in its unit (NaN where none is
            stated); None when none is stated at all.
    """

    pool: Pool
    assays: Sequence[Assay]
    learner: Learner
    select: Selection | None = None
    seed: int = 0
    log: EventLog = field(default_factory=InMemoryLog)
    shelf: Shelf = field(default_factory=InMemoryShelf)
    price: float | None = None
    hit: Sequence[float] | None = None
    _fitted: tuple[int, Predictor] | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        self.assays = tuple(self.assays)
        if not self.assays:
            raise InputError("a campaign needs at least one assay.")
        if self.select is None:
            self.select = default_selection("find", self.assays)

    # -- what changes it --------------------------------------------------------------------------------------------

    def propose(
        self, n: int, seed: int | None = None, *, another: bool = False, retry_missing: bool = False
    ) -> Proposal:
        """What to test next.

        Fits a version first when results came in since the last one. While a proposal is out of which nothing came
        back, that one is returned again and nothing is written.

        Args:
            n: how many candidates; fewer when fewer are left.
            seed: of the choice; derived from the campaign's seed and the proposal's number when None.
            another: make a further proposal although one is out; the two share no candidate.
            retry_missing: candidates whose results never came, although others of their plate did, may be chosen again.

        Raises:
            StateError: nothing is left to propose, or other processes keep writing; nothing was written.
            ModelError: the learner cannot be fitted to what is there; nothing was written.
        """
        if n < 1:
            raise InputError(f"a proposal of {n} candidates makes no sense: ask for at least 1.")
        for attempt in range(ATTEMPTS):
            state = self.state()
            if not another and (out := state.outstanding):
                return out
            try:
                self._fit_if_stale(state)
                state = self.state()
                proposal = self._choose(state, n, seed, retry_missing)
                self.log.append(Proposed(proposal), after=state.last)
                return proposal
            except StateError:
                if self.state().last == state.last or attempt == ATTEMPTS - 1:
                    raise
        raise AssertionError  # the loop returns or raises

    def record(
        self, measurements: Reading | Iterable[Measurement], source: str = "", content_hash: str = ""
    ) -> RecordSummary:
        """Store what came back, once.

        Args:
            measurements: what `read_measurements` read from a file, or rows made by hand (NaN = failed well).
            source: the file's name.
            content_hash: of the file's content; of the rows themselves when empty.

        Raises:
            MeasurementError: a row fits neither pool nor assays, or contradicts a stored well; nothing was stored.
        """
        if isinstance(measurements, Reading):
            source, content_hash = source or measurements.file, content_hash or measurements.content_hash
            measurements = rows_of(measurements)
        rows = checked(tuple(measurements), self.pool, self.assays, source)
        content_hash = content_hash or hash_rows(rows)
        for attempt in range(ATTEMPTS):
            state = self.state()
            if (event := state.files.get(content_hash)) and any(
                r.event == event and r.void is None for r in state.results
            ):
                return RecordSummary(source, 0, len(rows), event, 0, True, ())
            fresh = new_rows(rows, state, source)
            if not fresh:
                return RecordSummary(source, 0, len(rows), None, 0, False, ())
            try:
                written = self.log.append(Measured(tuple(fresh), source, content_hash), after=state.last)
            except StateError:
                if attempt == ATTEMPTS - 1:
                    raise
                continue
            names = dict.fromkeys(m.candidate for m in fresh if not m.control)
            asked = {p.name for proposal in state.proposals for p in proposal.picks}
            strange = tuple(name for name in names if name not in asked)
            duplicates = len(rows) - len(fresh)
            return RecordSummary(source, len(fresh), duplicates, written.sequence, len(names), False, strange)
        raise AssertionError  # the loop returns or raises

    def fit(self, *, again: bool = False) -> Version:
        """A new version, fitted to all results that count; the current one when it was fitted to just these.

        Args:
            again: fit a new version also when nothing changed.

        Raises:
            StateError: nothing was measured yet, or somebody else wrote meanwhile; nothing was written.
            ModelError: the learner cannot be fitted to what is there; nothing was written.
        """
        return self._fit(self.state(), again)

    def void(self, event: int, rows: Sequence[int] = (), reason: str = "") -> int:
        """Declare results wrong: they stay on record and no longer count.

        Args:
            event: sequence number of the event they came with (`status` and `record` name it).
            rows: rows of its file as a spreadsheet counts them; all when empty.
            reason: why; it stands in the log.

        Returns:
            How many results were voided now; 0 (and nothing is written) when all of them were already.

        Raises:
            InputError: there are no such results; nothing was written.
        """
        state = self.state()
        mine = [r for r in state.results if r.event == event]
        if not mine:
            known = ", ".join(str(e) for e in sorted({r.event for r in state.results})) or "none yet"
            raise InputError(f"event {event} holds no results (results came with: {known}). Nothing was voided.")
        if unknown := sorted(set(rows) - {r.measurement.row for r in mine}):
            raise InputError(f"event {event} holds no result from row {unknown[0]} of its file. Nothing was voided.")
        hit = [r for r in mine if r.void is None and (not rows or r.measurement.row in rows)]
        if hit:
            self.log.append(Voided(event, tuple(sorted(set(rows))), reason), after=state.last)
        return len(hit)

    def pin(self, names: Sequence[str], reason: str = "") -> tuple[str, ...]:
        """Put candidates on the next proposal, whatever the model says; lifts a veto. Returns their standard names."""
        return self._pin(names, reason, veto=False)

    def veto(self, names: Sequence[str], reason: str = "") -> tuple[str, ...]:
        """Never propose these candidates; lifts a pin. Returns their standard names."""
        return self._pin(names, reason, veto=True)

    # -- questions: none of them writes -----------------------------------------------------------------------------

    def state(self) -> CampaignState:
        """What follows from the events."""
        return CampaignState.of(self.log)

    def dataset(self) -> Dataset:
        """Each measured candidate once, in the units of the assays."""
        return self._dataset(self.state())

    def model(self) -> Predictor | None:
        """The current version as a predictor; the learner's prior before the first; None when it has none."""
        return self._predictor(self.state())

    def predict(self, rows: Sequence[int] | np.ndarray) -> Forecast:
        """What the current version says about rows of the pool, in the units of the assays.

        Raises:
            StateError: there is no version yet, and the learner believes nothing before the first.
        """
        state = self.state()
        model = self._predictor(state)
        if model is None:
            raise StateError("there is no model yet: record results and fit first.")
        rows, number = np.asarray(rows, np.int64), state.version.number if state.version else 0
        belief = model.predict(self.pool, rows, derive(self.seed, "predict", number), draws=0)
        return Forecast.of(belief, self.pool.names(rows), tuple(self.assays), number)

    def honesty(self) -> Honesty | None:
        """How well the last proposal's predictions came true, or None when that cannot be said yet."""
        state = self.state()
        return judge(state, self._dataset(state))

    def status(self) -> Status:
        """Where the campaign stands and what to do next."""
        state = self.state()
        dataset = self._dataset(state)
        return status_of(state, dataset, judge(state, dataset), self._is_stale(state, dataset))

    def worth(self, n: int | None = None) -> RoundReport:
        """Was the last round worth it, and would the next one be?

        Args:
            n: size of the next round; that of the last proposal when None.

        Raises:
            StateError: nothing was measured yet.
        """
        state = self.state()
        dataset = self._dataset(state)
        if not len(dataset):
            raise StateError("nothing was measured yet, so no round can be judged.")
        n = n or (len(state.proposals[-1].picks) if state.proposals else 96)
        model = self._predictor(state)
        gain = None
        if model is not None:
            rows = self._rows(p.name for p in self._next_picks(state, n))
            gain = expected_gain(model, self.pool, rows, dataset, derive(self.seed, "worth", 1))
        return report(state, dataset, judge(state, dataset), gain, n, self.price)

    # -- how it is done ---------------------------------------------------------------------------------------------

    def _dataset(self, state: CampaignState) -> Dataset:
        # Controls go along: they tell the plates apart. Failed wells (NaN) say nothing.
        use = [r for r in state.results if r.void is None and math.isfinite(r.measurement.value)]
        return summarise([r.measurement for r in use], self.pool, tuple(self.assays), [r.round for r in use])

    def _is_stale(self, state: CampaignState, dataset: Dataset) -> bool:
        return len(dataset) > 0 and (state.version is None or state.version.data_hash != dataset.hash)

    def _fit_if_stale(self, state: CampaignState) -> None:
        if self._is_stale(state, self._dataset(state)):
            self._fit(state)

    def _fit(self, state: CampaignState, again: bool = False) -> Version:
        dataset = self._dataset(state)
        if not len(dataset):
            raise StateError("nothing was measured yet: record results first.")
        if state.version and not again and not self._is_stale(state, dataset):
            return state.version
        number = len(state.versions) + 1
        seed = derive(self.seed, "fit", number)
        predictor = self.learner.fit(dataset.oriented(), seed)
        version = Version(
            number=number,
            parent=number - 1,
            data_hash=dataset.hash,
            recipe=self.learner.name,
            seed=seed,
            code_version=__version__,
            metrics=self._metrics(state, dataset, predictor),
            created_at=now(),
            explanation=predictor.explain(),
            artifact=self.shelf.put(predictor.state()),  # first the model, then the event that names it
        )
        self.log.append(Fitted(version), after=state.last)
        self._fitted = (number, predictor)
        return version

    def _metrics(self, state: CampaignState, dataset: Dataset, predictor: Predictor) -> dict[str, float]:
        metrics = {"candidates": float(len(dataset)), **getattr(predictor, "metrics", {})}
        if honesty := judge(state, dataset):
            metrics |= {"last_plate_spearman": honesty.spearman, "last_plate_coverage": honesty.coverage}
        return metrics

    def _predictor(self, state: CampaignState) -> Predictor | None:
        version = state.version
        if version is None:
            return self.learner.prior(self.pool)
        if self._fitted is None or self._fitted[0] != version.number:
            then = CampaignState.of(self.log, upto=state.version_events[version.number])
            dataset, arrays = self._dataset(then).oriented(), self.shelf.get(version.artifact)
            self._fitted = (version.number, self.learner.restore(dataset, version.seed, arrays))
        return self._fitted[1]

    def _next_picks(self, state: CampaignState, n: int) -> tuple[Pick, ...]:
        """The proposal that is out, or the one that would be made; () when nothing is left."""
        if out := state.outstanding:
            return out.picks
        try:
            return self._choose(state, n, None, False).picks
        except StateError:
            return ()

    def _choose(self, state: CampaignState, n: int, seed: int | None, retry_missing: bool) -> Proposal:
        number = len(state.proposals) + 1
        seed = derive(self.seed, "propose", number) if seed is None else seed
        # A pin brings back what was measured or is missing, but never what is on a plate right now.
        dataset, pinned = self._dataset(state).oriented(), self._rows(state.pinned)
        missing = frozenset() if retry_missing else state.missing
        done = {*dataset.rows.tolist(), *self._rows(missing).tolist()} - set(pinned.tolist())
        excluded = done | set(self._rows([*(state.awaiting - state.missing), *state.vetoed]).tolist())
        assert self.select is not None
        model = self._predictor(state)
        choices = choose(
            model,
            self.pool,
            n=n,
            select=self.select,
            seed=seed,
            excluded=sorted(excluded),
            pinned=pinned.tolist(),
            dataset=dataset,
            threshold=self._threshold(),
        )
        picks = tuple(self._pick(choice, rank) for rank, choice in enumerate(choices, 1))
        version = state.version.number if state.version else 0
        return Proposal(number, picks, version, seed, self._policy(state, model))

    def _pick(self, choice: Choice, rank: int) -> Pick:
        candidate, sign = self.pool[choice.row], self.assays[0].sign
        low, high = sorted((sign * choice.low, sign * choice.high))
        return Pick(candidate.id, candidate.name, rank, choice.score, sign * choice.mean, low, high, choice.reason)

    def _policy(self, state: CampaignState, model: Predictor | None) -> str:
        assert self.select is not None
        if model is None:
            return "chance, for nothing is known yet"
        version = state.version
        who = f"version {version.number} ({version.recipe})" if version else f"the prior of {self.learner.name}"
        return f"{self.select.name}, on {who}"

    def _threshold(self) -> np.ndarray | None:
        if self.hit is None:
            return None
        return np.array([h * a.sign for h, a in zip(self.hit, self.assays, strict=True)], np.float64)

    def _pin(self, names: Sequence[str], reason: str, veto: bool) -> tuple[str, ...]:
        if not names:
            raise InputError("name at least one candidate.")
        rows = []
        for name in names:
            try:
                rows.append(self.pool.find(name))
            except NotationError as error:
                raise NotationError(f"{error.problem} Nothing was changed.") from None
        standard, state = tuple(self.pool.names(rows)), self.state()
        busy = sorted(set(standard) & (state.awaiting - state.missing))
        if busy and not veto:
            raise InputError(f"{busy[0]} is on a plate already and awaits its result. Nothing was changed.")
        self.log.append(Pinned(standard, veto, reason), after=state.last)
        return standard

    def _rows(self, names: Iterable[str]) -> np.ndarray:
        rows = [self.pool.row_of(name) for name in names]
        return np.array([r for r in rows if r is not None], np.int64)
