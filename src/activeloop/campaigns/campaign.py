"""The loop itself: propose, record, fit; what was done is in its log, everything else follows from it."""

from __future__ import annotations

import math
import os
import re
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Unpack, get_args

import numpy as np

from activeloop.acquisition import Recommender, default_recommender
from activeloop.acquisition.combining import (
    BEST,
    LISTED,
    MUTATIONS,
    Outlook,
    measured_counts,
    mutation_counts,
    selection_shift,
)
from activeloop.campaigns.artifacts import ArtifactStore, InMemoryArtifactStore
from activeloop.campaigns.configuring import Change
from activeloop.campaigns.events import (
    Configured,
    Distilled,
    Event,
    EventLog,
    Fitted,
    InMemoryLog,
    Measured,
    Outcome,
    Pinned,
    PlateLaid,
    PlateSent,
    Promoted,
    Proposed,
    Recorded,
    RobotOrder,
    RobotOrdered,
    RunFinished,
    StudentRecord,
    Version,
    Voided,
    now,
    plain,
)
from activeloop.campaigns.front import draw_front, front_of
from activeloop.campaigns.growing import (
    AddedCombination,
    Addition,
    Extension,
    best_of_library,
    extended_pool,
    from_combinations,
    from_designs,
    from_names,
    from_sites,
    parent_of,
    ranked,
    residues_of,
    told_of,
)
from activeloop.campaigns.proposing import (
    Progress,
    ProposalBuilder,
    control_words,
    controls_among,
    rows_of_names,
    standard_names,
)
from activeloop.campaigns.recording import (
    RecordSummary,
    ask_whether_two,
    checked,
    compare,
    hash_rows,
    replaced_events,
    rows_of,
    same_file,
)
from activeloop.campaigns.state import CampaignState, Fold, Results
from activeloop.campaigns.status import Status, status_of
from activeloop.campaigns.stopping import RoundReport, expected_gain, report
from activeloop.campaigns.students import Opener, StudentTrainer, chosen_student, file_of, same_student, train_student
from activeloop.campaigns.students import Progress as Steps
from activeloop.campaigns.validation import (
    Drift,
    ProspectiveValidation,
    drift_of,
    measured_since,
    validate,
    validate_each,
)
from activeloop.campaigns.versions import (
    changed_since,
    dataset_of,
    dataset_then,
    derive,
    fit_version,
    is_stale,
    restore_version,
)
from activeloop.candidates import Design, Pool, rows_asked, with_parent
from activeloop.errors import ConfigError, InputError, ModelError, StateError, StoreError, check_type
from activeloop.measurements import Assay, Dataset, Measurement, ResultsFile, read_measurements
from activeloop.measurements.assay import checked_assays, number_of
from activeloop.measurements.columns import check_names
from activeloop.measurements.dataset import pool_rows, resolved
from activeloop.measurements.reading import Reading
from activeloop.notebook import axes, html_table, nothing_yet
from activeloop.plates import Pick, Proposal
from activeloop.plates.plate import labelled
from activeloop.prediction import PRIOR_SCORE, Learner, OneAssay, PredictionTable, Predictor
from activeloop.tables import Book, Table
from activeloop.tables.frames import is_frame, library_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

T = TypeVar("T")

ATTEMPTS = 5
"""How often a decision is repeated because another process wrote meanwhile."""


@dataclass
class Campaign:
    """A learning loop over one pool.

    Args:
        pool: what may be tested; from then on with all that `extend` added to it.
        assays: what is measured.
        learner: what learns from it; when None that of the command line: the default of the pool, calibrated.
        select: how candidates are chosen; the default of the goal when None.
        seed: of everything random in it: the same seed and the same events give the same proposals.
        log: of its events.
        artifacts: where its models are stored.
        price: of one well, in any currency; None when it is not known.
        hit: the value from which a candidate counts as a hit, one for each assay in its unit (NaN where none is
            stated); None when none is stated at all.
        control: what control wells hold; a candidate of that name is never proposed, the wild type excepted. "" where
            nothing is known of controls.
        settings: all of `campaign.toml` as plain values, for the log.
        files: file of the pool -> SHA-256 of its content, for the log.
        goal: `find` the best candidates, or `learn` an accurate model.
        follows: the event from which all this was made, where the log says how the campaign is configured and nothing
            else does: once the log holds another, nothing is written by this one. None where it is said here.

    Raises:
        InputError: one of these is of another kind, or there is no assay.

    >>> loop = Campaign(Pool.single_mutants("MKTAYIAKQR"), Assay("kcat", "1/s"))
    >>> summary = loop.record({"mutant": ["K2R", "T3S"], "kcat": [1.5, 0.4]})
    >>> loop.fit().number, loop.predict(["A4G", "WT"]).names
    (1, ('A4G', 'WT'))
    """

    pool: Pool
    assays: Sequence[Assay]
    learner: Learner = None  # type: ignore[assignment]
    select: Recommender | None = None
    seed: int = 0
    log: EventLog = field(default_factory=InMemoryLog)
    artifacts: ArtifactStore = field(default_factory=InMemoryArtifactStore)
    price: float | None = None
    hit: Sequence[float] | None = None
    control: str = ""
    settings: dict[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    goal: Literal["find", "learn"] = "find"
    follows: Configured | None = None
    _fitted: tuple[int, Predictor, tuple[Assay, ...]] | None = field(default=None, init=False, repr=False)
    _known: tuple[weakref.ref[CampaignState], Dataset] | None = field(default=None, init=False, repr=False)
    _under: CampaignState | None = field(default=None, init=False, repr=False)
    _under_now: Configured | None = field(default=None, init=False, repr=False)
    _base: Pool = field(init=False, repr=False)
    _extensions: int = field(default=0, init=False, repr=False)
    _library: str = field(default="", init=False, repr=False)  # of the last DataFrame that came in

    def __post_init__(self) -> None:
        pool = "a Pool, such as Pool.single_mutants(...), Pool.from_frame(df, ...) or Pool.from_table(file, ...)"
        check_type(self.pool, Pool, "a pool", pool)
        self.assays = tuple(checked_assays(self.assays))  # type: ignore[arg-type]
        if not self.assays:
            raise InputError("a campaign needs at least one assay.")
        if (seed := number_of(self.seed)) is None or not seed.is_integer() or seed < 0:
            raise InputError(f"the seed {self.seed!r} is no whole number of 0 or more.")
        self.seed = int(self.seed)
        if self.goal not in ("find", "learn"):
            raise InputError(f'the goal is "{self.goal}": it must be "find" or "learn".')
        if self.learner is None:
            from activeloop.models.default import campaign_learner

            self.learner = campaign_learner(self.pool, self.assays)
        learner = "one of activeloop.models, or leave it out for the default"
        check_type(self.learner, Learner, "a learner", learner)
        if self.select is None:
            self.select = default_recommender(self.goal, self.assays, self.pool)
        recommender = "a Recommender of activeloop.acquisition, or leave it out for the default"
        check_type(self.select, Recommender, "a recommender", recommender)
        self._library = self.pool.library
        self._base = self.pool
        self._fold, self._undone = Fold.of(self.log), self.log.undone
        self._go_on()

    def __repr__(self) -> str:
        measured = ", ".join(assay.name for assay in self.assays)
        return f"<Campaign: {measured} of {self.pool.describe()[:-1]}>"

    def _repr_html_(self) -> str:
        status = self.status()
        rows = [
            ["pool", self.pool.describe()],
            ["measured", f"{status.measured:,} candidates, {status.results:,} results"],
            ["proposals", f"{status.proposals} ({status.rounds} with results)"],
            ["model", status.versions[-1].learner if status.versions else "none yet"],
            *([f"best {x.assay}", f"{x.name}: {x.value:.4g} {x.unit}"] for x in status.leaders),
            ["next", status.next_step],
        ]
        return html_table(["campaign", ", ".join(assay.name for assay in self.assays)], rows)

    def plot(self, ax: Axes | None = None) -> Axes:
        """A picture of the results of the first assay by round, with the best so far; of classes their share.

        Args:
            ax: where to draw; new axes when None.
        """
        ax, state, assay = axes(ax), self.state(), self.assays[0]
        found = [(r.round + 1, r.measurement.value) for r in state.measured if r.measurement.assay == assay.name]
        if not found:
            return nothing_yet(ax, f"{assay.name}: no results yet")
        rounds, values = np.array(found, np.float64).T
        numbers = np.unique(rounds)
        ax.set(xlabel="round", ylabel=f"{assay.name} ({assay.unit})" if assay.unit else assay.name, xticks=numbers)
        if assay.goal == "classify":
            ax.plot(numbers, [values[rounds == number].mean() for number in numbers], marker="o", color="black")
            ax.set(ylabel=f"{assay.name}: share of the measured", ylim=(-0.05, 1.05))
            return ax
        ax.scatter(rounds, values, s=14, alpha=0.5, label="measured")
        best = [assay.sign * (assay.sign * values[rounds <= number]).max() for number in numbers]
        ax.plot(numbers, best, marker="o", color="black", label="best so far")
        if assay.scale == "log" and (values > 0).all():
            ax.set_yscale("log")
        ax.legend()
        return ax

    @cached_property
    def controls(self) -> tuple[str, ...]:
        """Standard names of candidates that are controls, which are never proposed; see `controls_among`."""
        return controls_among(self.pool, self.control)

    # -- what changes it --------------------------------------------------------------------------------------------

    def propose(
        self,
        n: int,
        seed: int | None = None,
        *,
        another: bool = False,
        retry_missing: bool = False,
        progress: Progress | None = None,
        prepare: Callable[[Proposal], None] | None = None,
        plate: Mapping[str, Any] | None = None,
    ) -> Proposal:
        """What to test next.

        Fits a version first when results came in since the last one. While a proposal has no result at all, it is
        returned again and nothing is written.

        Args:
            n: how many candidates; fewer when fewer are left.
            seed: of the choice; derived from the campaign's seed and the proposal's number when None.
            another: make a further proposal although one has no result yet; the two share no candidate.
            retry_missing: candidates whose results never came, although others of their plate did, may be chosen again.
            progress: called with (candidates looked at, candidates in the pool).
            prepare: called with a new proposal before it is stored, to make all that depends on it, such as its plate:
                when it fails, nothing is stored. Again with another one when another process wrote meanwhile.
            plate: options by which its plates are laid out other than `campaign.toml` says, stored with it.

        Raises:
            InputError: a number makes no sense; nothing was written.
            StateError: nothing is left to propose, or other processes keep writing; nothing was written.
            ModelError: the learner cannot be fitted to what is there; nothing was written.
        """
        if (count := number_of(n)) is None or not count.is_integer():
            raise InputError(f"a proposal of {n!r} candidates is impossible: give a whole number.")
        n = int(count)
        if n < 1:
            raise InputError(f"a proposal of {n} candidates is impossible: give at least 1.")
        if seed is not None and seed < 0:
            raise InputError(f"seed {seed}: give a whole number from 0 on. Nothing was proposed.")

        def decide(state: CampaignState) -> Proposal:
            if not another and (out := state.outstanding):
                return replace(out, picks=labelled(out.picks, self.pool)) if self.pool.label_names else out
            if is_stale(state, self._dataset(state), self.learner):
                self._fit(state, again=False)
                state = self.state()
            proposal = self._proposal(state, n, seed, retry_missing, progress)
            if prepare:
                prepare(proposal)
            self._append_proposal(Proposed(proposal, dict(plate or {})), state)
            return proposal

        proposal = self._retried(decide)
        return proposal if proposal.library == self._library else replace(proposal, library=self._library)

    def lay_again(self, number: int, plate: Mapping[str, Any], prepare: Callable[[], Mapping[str, Any] | None]) -> None:
        """Lay out the plates of a proposal anew, before anything was measured on them.

        Args:
            number: of the proposal.
            plate: options other than `campaign.toml` says, as in `propose`.
            prepare: called before it is stored, to make the plates; gives `by_hand` of `PlateLaid` where they are
                otherwise than these options say.

        Raises:
            StateError: there is no such proposal, results of its plates are stored, or one was sent; nothing was
                changed.
        """

        def decide(state: CampaignState) -> None:
            if not 0 < number <= len(state.proposals):
                raise StateError(f"there is no proposal {number}: {len(state.proposals)} were made.")
            names = re.compile(rf"plate-{number}(-\d+)?")
            held = state.stored.plates()
            if measured := next((plate for plate in held if names.fullmatch(plate)), ""):
                raise StateError(
                    f"{measured} has results already (event {held[measured]}): laid out anew, they would "
                    "belong to other wells. Void them first if they are wrong. Nothing was changed."
                )
            if out := next((sent for name, sent in state.sent.items() if names.fullmatch(name)), None):
                raise StateError(
                    f"{out.plate} was sent to {out.to} ({out.sent_at}): laid out anew, it would differ from the one "
                    "that is there. If nothing is measured on it, note that its run was stopped. Nothing was changed."
                )
            by_hand = prepare() or {}
            self._append(PlateLaid(number, dict(plate), dict(by_hand)), state)

        self._retried(decide)

    def record(
        self,
        measurements: Any,
        source: str = "",
        content_hash: str = "",
        *,
        replaces: int | str | Iterable[int | str] = (),
        repeats: bool = False,
        dry_run: bool = False,
        prepare: Callable[[RecordSummary], None] | None = None,
        **reading: Unpack[Reading],
    ) -> RecordSummary:
        """Store what came back, once.

        A file or DataFrame is read by `read_measurements`, for the pool and the assays of the campaign.

        A file that was recorded before is not stored again, nor are its rows when they all come again in a file that
        grew. Rows without a well that come again in any other file are repeats. Where a file could correct an
        earlier one (it has its name, or its rows stand on the same plate), say which it does.

        Args:
            measurements: a file's name, a DataFrame (of pandas, polars, pyarrow ...), what `read` gave, or rows made by
                hand (`Measurement`; NaN = failed well).
            source: the file's name; of a DataFrame any name that tells it from others.
            content_hash: of the file's content; of the rows themselves when empty.
            replaces: events, or files, that this one corrects: their results no longer count.
            repeats: all rows without a well were measured anew, also where an earlier file has the same.
            dry_run: store nothing; the summary says what would be stored.
            prepare: called with that summary before anything is stored; when it fails, nothing is.
            reading: of a file or DataFrame, how it is read: `plates`, `columns`, `controls` ... of `read_measurements`.

        Raises:
            MeasurementError: a row fits neither pool nor assays, contradicts a stored well, or may be a correction or a
                repeat; nothing was stored.
            InputError: there is nothing to replace; nothing was stored.
        """
        if isinstance(measurements, (str, os.PathLike, Book, Table)) or is_frame(measurements):
            measurements = self.read(measurements, **reading)
        elif reading:
            raise InputError(f"{next(iter(reading))}: rows that were read already are not read again. Leave it out.")
        rows = "a file, a DataFrame, or a list of Measurement"
        check_type(measurements, (ResultsFile, Iterable), "a table of results", rows)
        if isinstance(measurements, ResultsFile):
            source, content_hash = source or measurements.file, content_hash or measurements.content_hash
            measurements = rows_of(measurements)
        else:
            measurements = tuple(measurements)
            for m in measurements:
                check_type(m, Measurement, "a Measurement", rows)
        self.state()  # what another process added to the pool is in it now
        rows = checked(tuple(measurements), self.pool, self.assays, source)
        corrected = (replaces,) if isinstance(replaces, (int, str)) else tuple(replaces)
        if corrected and repeats:
            raise InputError("a file corrects an earlier one or repeats it, not both. Nothing was stored.")
        content_hash = content_hash or hash_rows(rows)

        def decide(state: CampaignState) -> RecordSummary:
            summary, happened = self._stored(state, rows, source, content_hash, corrected, repeats)
            if prepare:
                prepare(summary)
            if dry_run or happened is None:
                return summary
            return replace(summary, event=self._append(happened, state).sequence)

        return self._at_once(decide)

    def read(self, source: Any, **reading: Unpack[Reading]) -> ResultsFile:
        """The results in a file or DataFrame, without storing them; see `read_measurements`.

        Args:
            source: a file's name, a DataFrame, or a table.
            reading: how it is read: `plates`, `columns`, `controls` ...
        """
        if is_frame(source):
            self._library = library_of(source)
        self.state()  # what another process added to the pool is in it now
        return read_measurements(source, pool=self.pool, assays=self.assays, **reading)

    def _stored(
        self,
        state: CampaignState,
        rows: list[Measurement],
        source: str,
        content_hash: str,
        replaces: Sequence[int | str],
        repeats: bool,
    ) -> tuple[RecordSummary, Measured | None]:
        """What storing rows comes to, and the event that stores them; None where there is nothing to store."""
        corrected = replaced_events(replaces, state)
        # The same content under another name may be a repeat, where somebody says so; the same file is the same file.
        same = {e for e in state.files.get(content_hash, ()) if not repeats or same_file(source, state.sources[e])}
        held = same & set(state.stored.events.tolist())
        # read anew with a column that was not read before, it is a file that grew
        if held and {m.assay for m in rows} <= state.stored.assays_of(held):
            event = max(held & set(corrected) or held)
            if corrected and event not in corrected:
                out = f"To take another event out: `activeloop void DIR {corrected[0]}`"
                raise InputError(f"{source or 'this'} is stored already, as event {event}. {out}. Nothing was stored.")
            return RecordSummary(source, 0, len(rows), event, 0, True, ()), None
        without = state.without(corrected, "replaced")
        found = compare(rows, without, source, repeats)
        known, fresh = tuple(found.known), found.fresh
        ask_whether_two(fresh, without, self.assays, source)
        if not fresh and not corrected:
            return RecordSummary(source, 0, len(rows), None, 0, False, (), known=known, known_from=found.events), None
        happened = Measured(tuple(fresh), source, content_hash, found.grown_from, corrected, repeats)
        names = dict.fromkeys(m.candidate for m in fresh if not m.control)
        proposed = {p.name for proposal in state.proposals for p in proposal.picks}
        controls = [m.candidate for m in fresh if m.control]
        summary = RecordSummary(
            source,
            stored=len(fresh),
            duplicates=len(known),
            event=None,
            candidates=len(names),
            read_before=False,
            unproposed=tuple(name for name in names if name not in proposed),
            controls=tuple(dict.fromkeys(controls)),
            control_rows=len(controls),
            failed=sum(math.isnan(m.value) for m in fresh),
            known=known,
            known_from=found.events,
            replaced=int((state.stored.of_events(corrected) & state.stored.standing).sum()) if corrected else 0,
            repeated=tuple(found.repeated),
            repeated_from=tuple(sorted({event for events in found.repeated.values() for event in events})),
        )
        return summary, happened

    def extend(
        self,
        *,
        combine: int | None = None,
        candidates: Sequence[str] | Sequence[Design] = (),
        sites: Sequence[tuple[int, str]] = (),
        budget: int = LISTED,
        plate: int = 96,
        force: bool = False,
        offset: int | None = None,
        origin: str = "",
        names: Sequence[tuple[str, int]] = (),
        labels: Mapping[str, Sequence[str]] | None = None,
    ) -> Extension:
        """Add candidates to the pool, behind those that it has; exactly one of the first three says which.

        A new version is fitted then, when there are results: earlier ones do not know all candidates. What is in the
        pool already is not added again, so that the same call again adds nothing.

        Args:
            combine: maximum number of mutations in combinations of the best single mutants, measured or not, at
                different positions, best first by the sum of their predicted effects; None with neither of the
                others: 3.
            candidates: names in any notation, or designs.
            sites: positions of the wild type and the residues that are tried there, "" for all: in the wild type, and
                in a combinatorial library in its forty best measured variants too.
            budget: combinations at most, those included that were added before.
            plate: candidates of a plate: at least this number of single mutants is combined.
            force: combine although fewer than 48 single mutants were measured.
            offset: added to the positions of names; see `activeloop.candidates.Resolver`.
            origin: of the candidates, in words, for the log.
            names: other names of the designs, such as catalogue numbers, and the place of what each stands for.
            labels: what else is known of each design: column -> its cells.

        Raises:
            InputError: a number or a name makes no sense; nothing was added.
            StateError: there is nothing to combine; nothing was added.
            ModelError: the learner cannot be fitted to the larger pool, to which they were added.
        """
        given = [name for name, one in (("candidates", candidates), ("sites", sites)) if len(one)]
        if len(given) + (combine is not None) > 1:
            raise InputError("give combinations, candidates or sites, one of them at a time. Nothing was added.")
        if budget < 1:
            raise InputError(f"a budget of {budget} combinations: give at least 1. Nothing was added.")

        def added(state: CampaignState) -> Addition:
            if sites:
                taken = [(p, residues_of(text)) for p, text in sites]
                return from_sites(self.pool, taken, best_of_library(self._dataset(state), BEST))
            if candidates and isinstance(candidates[0], str):
                return from_names(self.pool, [str(name) for name in candidates], origin, offset)
            if given:
                designs = [one for one in candidates if not isinstance(one, str)]
                return from_designs(self.pool, designs, origin, names, labels or {})
            parent_of(self.pool)
            if is_stale(state, self._dataset(state), self.learner):
                self._fit(state, again=False)
                state = self.state()
            dataset, model = self._told_against_parent(state)
            vetoed = rows_of_names(self.pool, state.vetoed).tolist()
            options = {"most": combine or MUTATIONS, "budget": budget, "plate": plate, "forced": force}
            made = [event.settings for event in state.extensions]
            return from_combinations(
                model, dataset, derive(self.seed, "extend", 1), vetoed=vetoed, made=made, **options
            )

        def decide(state: CampaignState) -> tuple[Addition, int | None]:
            addition = added(state)
            last = self.state()  # a version may have been fitted on the way
            event = self._append(addition.event(self.pool), last).sequence if addition.designs else None
            return addition, event

        addition, event = self._retried(decide)
        state = self.state()
        if event is not None and len(self._dataset(state)):
            self._retried(lambda state: self._fit(state, again=False))
        done = Extension(len(addition.designs), addition.known, event, addition.origin, len(self.pool), addition.notes)
        if given or not (known := self.combinations()):
            return done
        dataset, _ = self._told_against_parent(self.state())
        return replace(
            done,
            assay=self._combined_assay(),
            wild_type=known[0],
            combinations=known[1],
            measured=measured_counts(dataset)[1],
            lowered=selection_shift(dataset),
        )

    def fit(self, *, again: bool = False) -> Version:
        """A new version, fitted to all results that count; the current one when it was fitted to just these.

        Args:
            again: fit a new version although nothing changed.

        Raises:
            StateError: nothing was measured yet, or other processes keep writing; nothing was written.
            ModelError: the learner cannot be fitted to what is there; nothing was written.
        """

        def decide(state: CampaignState) -> Version:
            version = self._fit(state, again) or state.latest
            assert version is not None  # when nothing is stale there is one
            return version

        return self._retried(decide)

    def assist(self, *, again: bool = False) -> None:
        """Take part in a fit that another process stores: for processes that train one model together.

        Args:
            again: as that of `fit` there.
        """
        state = self.state()
        dataset = self._dataset(state)
        if len(dataset) and (again or is_stale(state, dataset, self.learner)):
            fit_version(state, dataset, self.learner, InMemoryArtifactStore(), self.seed)

    def promote(self, version: int, reason: str = "") -> Version:
        """Make a version current: one that was held back, or an earlier one.

        It predicts and proposes from then on, until another is promoted or fitted; a version that is fitted later is
        compared with it. Nothing is written when it is current already.

        Args:
            version: its number.
            reason: why; it stands in the log.

        Raises:
            InputError: there is no such version; nothing was changed.
            StateError: it cannot be used any more, since the campaign was changed; nothing was changed.
        """
        number = number_of(version)

        def decide(state: CampaignState) -> Version:
            chosen = next((v for v in state.versions if v.number == number), None)
            if chosen is None:
                known = f"there are {len(state.versions)}" if state.versions else "none was fitted yet"
                raise InputError(f"there is no version {version} ({known}). Nothing was changed.")
            if state.latest is None:
                raise StateError("all results were voided, so that no version is used. Nothing was changed.")
            if chosen.number in state.outdated or chosen.learner != self.learner.name:
                raise changed_since(chosen.number, state.extended_since(chosen.number))
            if state.promoted != chosen.number:
                self._append(Promoted(chosen.number, reason), state)
            return chosen

        return self._at_once(decide)

    def send_plate(self, plate: str, to: str, note: str = "", sent_at: str = "") -> PlateSent:
        """Note that a plate went to whoever measures it; nothing new when it is there already.

        From then on its proposal is not laid out anew, until a run on it failed or was stopped.

        Args:
            plate: its name, such as `plate-3` or `plate-3-2`.
            to: a person, a laboratory or a device.
            note: what else is to be known of it.
            sent_at: when (ISO 8601); now when "".

        Raises:
            InputError: there is no such plate, or nobody to send it to; nothing was changed.
        """
        if not to.strip():
            raise InputError("say to whom the plate goes: a person, a laboratory or a device. Nothing was changed.")

        def decide(state: CampaignState) -> PlateSent:
            _check_plate(plate, state)
            there = state.sent.get(plate)
            if there and (there.to, there.note) == (to, note):
                return there
            sent = PlateSent(plate, to, sent_at or now(), note)
            self._append(sent, state)
            return sent

        return self._at_once(decide)

    def finish_run(
        self,
        plate: str,
        device: str,
        run: str,
        outcome: Outcome = "done",
        files: Mapping[str, str] | None = None,
        words: str = "",
        finished_at: str = "",
    ) -> RunFinished:
        """Note that a device ended a run on a plate; nothing new when that run is on record already.

        Results are stored by `record`, whatever the outcome.

        Args:
            plate: its name.
            device: of which name.
            run: the device's own name of the run.
            outcome: `done`, `failed`, or `stopped` by somebody.
            files: name of each file that the run wrote -> SHA-256 of its content, 64 hexadecimal digits.
            words: what the device said of it.
            finished_at: when (ISO 8601); now when "".

        Raises:
            InputError: there is no such plate, or a value makes no sense; nothing was changed.
            StateError: the run is on record with another plate, outcome or file; nothing was changed.
        """
        if not device.strip() or not run.strip():
            raise InputError("name the device and its run, so that it is noted once. Nothing was changed.")
        if outcome not in get_args(Outcome):
            raise InputError(f'a run ends as {", ".join(get_args(Outcome))}, not "{outcome}". Nothing was changed.')
        hashes = {name: value.lower() for name, value in (files or {}).items()}
        if odd := next((name for name, value in hashes.items() if not re.fullmatch("[0-9a-f]{64}", value)), None):
            raise InputError(f'"{hashes[odd]}" of {odd} is no SHA-256 (64 hexadecimal digits). Nothing was changed.')

        def decide(state: CampaignState) -> RunFinished:
            _check_plate(plate, state)
            ended = RunFinished(plate, device, run, outcome, hashes, finished_at or now(), words)
            held = next((one for one in state.runs if (one.device, one.run) == (device, run)), None)
            if held is None:
                self._append(ended, state)
                return ended
            if (held.plate, held.outcome, held.files) != (plate, outcome, hashes):
                raise StateError(
                    f"run {run} of {device} is on record: {held.outcome} on {held.plate}, {held.finished_at}. Give "
                    "another run another name. Nothing was changed."
                )
            return held

        return self._at_once(decide)

    def order_robot(self, order: RobotOrder, plate: str = "", reason: str = "") -> RobotOrdered:
        """Tell the robotic loop what to do; nothing new when it was told the same last.

        Args:
            order: `run`, `pause`, `stop`, or `release` of a plate that waits for somebody.
            plate: that is released; "" for the others.
            reason: why, in words.

        Raises:
            InputError: there is no such plate, or a plate without an order to release it; nothing was changed.
            StateError: the plate went to a device already; nothing was changed.
        """
        if order not in get_args(RobotOrder):
            raise InputError(f'a robot is told {", ".join(get_args(RobotOrder))}, not "{order}". Nothing was changed.')
        if (order == "release") != bool(plate):
            raise InputError("name a plate to release it, and only then. Nothing was changed.")

        def decide(state: CampaignState) -> RobotOrdered:
            ordered = RobotOrdered(order, plate, reason)
            if plate:
                _check_plate(plate, state)
                if sent := state.sent.get(plate):
                    raise StateError(f"{plate} went to {sent.to} already. Nothing was changed.")
                if plate in state.released:
                    return ordered
            elif (state.robot, state.robot_reason) == (order, reason):
                return ordered
            self._append(ordered, state)
            return ordered

        return self._at_once(decide)

    def distil(
        self, trainer: StudentTrainer, seed: int | None = None, *, again: bool = False, progress: Steps | None = None
    ) -> StudentRecord:
        """Train a student of the current version; the existing one when it was trained in the same way.

        Other processes may fit new versions meanwhile: the student records which version is its teacher.

        Args:
            trainer: how; `activeloop.students.campaign.CampaignDistillation` is one.
            seed: of the training; derived from the campaign's seed and the version's number when None.
            again: train again although nothing changed, for instance when the file is lost.
            progress: called with (steps done, steps in all).

        Raises:
            StateError: there is no version yet; nothing was written.
            ModelError: no student can be trained; nothing was written.
            StoreError: it cannot be stored; nothing was written.
        """
        if seed is not None and seed < 0:
            raise InputError(f"seed {seed}: give a whole number from 0 on. Nothing was trained.")
        state = self.state()
        version, seed = self._teacher_version(state, seed)
        if not again and (there := same_student(state, version, trainer, seed)):
            return there
        teacher = self._predictor(state)
        assert teacher is not None  # a version has one
        dataset = dataset_then(version, state, self.pool, self.assays).answered()
        student = train_student(teacher, dataset, version, trainer, self.artifacts, seed, progress)

        def keep(state: CampaignState) -> StudentRecord:
            numbered = replace(student, number=len(state.students) + 1)
            self._append(Distilled(numbered), state)  # after its file is safe
            return numbered

        return self._at_once(keep)

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
        if (counted := number_of(event)) is None or not counted.is_integer():
            raise InputError(f"{event!r} is no number of an event: `status` and `record` name it. Nothing was voided.")
        number = int(counted)

        def decide(state: CampaignState) -> int:
            mine = state.stored.take(state.stored.of_events([number]))
            if not mine:
                known = ", ".join(map(str, state.stored.per_event())) or "none yet"
                raise InputError(f"event {event} holds no results (results came with: {known}). Nothing was voided.")
            if unknown := sorted(set(rows) - {r.measurement.row for r in mine}):
                raise InputError(
                    f"event {event} holds no result from row {unknown[0]} of its file. Nothing was voided."
                )
            hit = [r for r in mine if r.void is None and (not rows or r.measurement.row in rows)]
            if hit:
                self._append(Voided(number, tuple(sorted(set(rows))), reason), state)
            return len(hit)

        return self._at_once(decide)

    def pin(self, names: Sequence[str], reason: str = "", *, offset: int | None = None) -> tuple[str, ...]:
        """Put candidates on the next proposal in any case; lifts a veto. Returns their standard names.

        Args:
            names: in any notation.
            reason: stored with the event.
            offset: added to their positions; see `activeloop.candidates.Resolver`.
        """
        return self._pin(names, reason, offset, veto=False)

    def veto(self, names: Sequence[str], reason: str = "", *, offset: int | None = None) -> tuple[str, ...]:
        """Never propose these candidates; lifts a pin. Arguments and result as of `pin`."""
        return self._pin(names, reason, offset, veto=True)

    # -- what reads it: nothing is written -----------------------------------------------------------------------------

    def state(self) -> CampaignState:
        """The state after all events, in the units of the assays.

        Raises:
            ConfigError: it is configured otherwise than when something was proposed or measured, so that what is
                stored would mean something else.
        """
        change = self._changed()
        if not change or not change.alters:
            return self._fold.state
        if self._under is None or self._under.last != self._fold.last or self._under_now != change.now:
            self._under, self._under_now = CampaignState.of(self.log, under=change.now), change.now
        return self._under

    def change(self) -> Change | None:
        """How it is configured otherwise than its log says; None when it is not. The next event is preceded by it.

        Raises:
            ConfigError: what is stored would mean something else; see `Change.check`.
        """
        return self._changed()

    @property
    def outdated(self) -> bool:
        """Whether the log says by now that the campaign is configured otherwise than the event that this one follows.

        Then it must be opened again; see the argument `follows`.
        """
        return self.follows is not None and self.state().configured != self.follows

    def configure(self) -> None:
        """Write into the log how it is configured, where that is not there yet; every other event does so first.

        Raises:
            ConfigError: what is stored would mean something else, see `Change.check`; or a new campaign has assays that
                no table could tell apart.
        """
        self._at_once(self._configure)

    def dataset(self) -> Dataset:
        """Each measured candidate once, in the units of the assays."""
        return self._dataset(self.state())

    def model(self) -> Predictor | None:
        """The current version as a predictor; the learner's prior before the first; None when it has none."""
        return self._predictor(self.state())

    def predicted_assays(self) -> tuple[Assay, ...]:
        """The assays of `model`'s columns: those with a result; () where it is the prior, which gives a score."""
        return self._predicted(self.state())

    def shown_assays(self) -> tuple[Assay, ...]:
        """The assays, where the scale of one that has 0 and 1 alone says so."""
        return resolved(self.dataset()).assays

    def predict(
        self, rows: Any, *, of: Pool | None = None, column: str = "", offset: int | None = None
    ) -> PredictionTable:
        """The prediction of candidates by the current version, in the units of the assays.

        An assay without a result has no model yet and is left out. Before the first version it is the prior's score,
        which has no unit (of classes a probability).

        Args:
            rows: rows of the pool; or names in any notation, or a DataFrame or a file (`Path`) with a column of them.
                Those that are not in the pool are predicted all the same, and marked as outside.
            of: the pool with more candidates behind its own, whose rows these are, such as `with_parent(pool)` for the
                wild type, or `grown(pool, designs, "")`; they are marked as outside.
            column: of the names in a file or DataFrame; found when "".
            offset: added to positions in names; see `activeloop.candidates.Resolver`.

        Raises:
            StateError: there is no version yet, and the learner predicts nothing before the first.
            InputError: a name cannot be understood.
            ModelError: the learner knows nothing of a position that no candidate of the pool changes.
        """
        state, pool = self.state(), of or self.pool
        if is_frame(rows):
            self._library = library_of(rows)
        if (names := _names(rows)) is not None:
            pool, rows, _ = rows_asked(pool, names, column, offset=offset)
        model = self._predictor(state) if len(pool) == len(self.pool) else self._predictor_of(state, pool)
        if model is None:
            raise StateError("there is no model yet: record results and fit first.")
        rows, number = pool_rows(pool, rows), state.current.number if state.current else 0
        prediction = model.predict(pool, rows, derive(self.seed, "predict", number), draws=0)
        assays = self._predicted(state) or (Assay(PRIOR_SCORE),)
        table = PredictionTable.of(prediction, pool.names(rows), assays, number)
        outside = None if len(pool) == len(self.pool) else rows >= len(self.pool)
        return replace(table, library=self._library, outside=outside)

    def results(self) -> Results:
        """Every result on record, also voided ones and controls, as it was stored, in the units of the assays."""
        state = self.state()
        return Results(state.results, dict(state.sources), self._library)

    def student_record(self, number: int | None = None) -> StudentRecord:
        """What is known of a student: the last one of the latest version that has one when `number` is None.

        Raises:
            StateError: there is none.
        """
        return chosen_student(self.state(), number)

    def student_file(self, number: int | None = None) -> bytes:
        """The file of a student, as `student_record` chooses it.

        Raises:
            StateError: there is none.
            StoreError: it is lost or damaged.
        """
        return file_of(self.student_record(number), self.artifacts)

    def has_student(self, trainer: StudentTrainer, seed: int | None = None) -> bool:
        """Whether `distil` would find that the current version has just this student already.

        Raises:
            StateError: there is no version yet.
        """
        state = self.state()
        version, seed = self._teacher_version(state, seed)
        return same_student(state, version, trainer, seed) is not None

    def drift(self, opener: Opener) -> Drift | None:
        """The drift of the student against its teacher and the current version; None when there is no student.

        It is compared with its teacher on later results that neither had seen, and with the current version on
        candidates of the pool.

        Args:
            opener: makes a predictor of its file; `activeloop.students.campaign.open_student` is one.

        Raises:
            StateError: the current version cannot be restored, since pool, assays or learner were changed.
            StoreError: a file is lost or damaged.
        """
        state = self.state()
        record, version = state.student, state.current
        if record is None or version is None:
            return None
        if record.version in state.outdated:
            raise changed_since(record.version, state.extended_since(record.version))
        student, current = opener(file_of(record, self.artifacts)), self._predictor(state)
        assert current is not None  # a version has one
        then = dataset_then(state.versions[record.version - 1], state, self.pool, self.assays)
        known, now = then.answered().assays, [a.name for a in self._predicted(state)]
        if (first := known[0].name) not in now:  # its results were voided
            return None
        fresh = measured_since(self._dataset(state).only([first]), then.only([first]))
        teacher = self._teacher(state, record) if len(fresh) else None
        seed = derive(self.seed, "drift", version.number)
        return drift_of(record, version, student, teacher, current, fresh, known, seed, now.index(first))

    def validation(self) -> ProspectiveValidation | None:
        """Prospective validation of the last proposal with results; None when there is none yet."""
        state = self.state()
        return validate(state, self._dataset(state))

    def combinations(self) -> tuple[float, tuple[AddedCombination, ...]] | None:
        """The wild type's value, and the combinations of the pool that were not measured, best first by the model.

        Both are in the unit of the assay by which combinations are made, the first whose best is looked for. None where
        nothing is known of combinations: before the first result of that assay, for classes, and without a wild type.

        Raises:
            StateError: the current version cannot be used any more, since the campaign was changed.
        """
        state, assay = self.state(), self._combined_assay()
        if state.current is None or self.pool.kind != "variants" or assay.goal == "classify":
            return None
        dataset, model = self._told_against_parent(state)
        counts = mutation_counts(self.pool, np.arange(len(self.pool))) if self.pool.added else np.zeros(0)
        rows = np.setdiff1d(np.flatnonzero(counts > 1), dataset.rows)
        rows = rows[self.pool.allowed(rows)]
        outlook = Outlook.of(model, dataset, derive(self.seed, "extend", 1))
        wild = (
            outlook.wild_type
            if outlook.map.changes_nothing
            else float(outlook.map.inverse(np.array(outlook.wild_type)))
        )
        return assay.sign * wild, ranked(outlook, rows, assay)

    def status(self) -> Status:
        """Where the campaign stands and what to do next."""
        state = self.state()
        dataset = self._dataset(state)
        return status_of(state, dataset, is_stale(state, dataset, self.learner), self.hit)

    def assess(self, n: int | None = None) -> RoundReport:
        """Assess stopping: was the last round worth it, and would the next one be?

        Args:
            n: size of the next round; that of the last proposal when None.

        Raises:
            StateError: nothing was measured yet.
        """
        state = self.state()
        dataset = resolved(self._dataset(state))
        if not len(dataset):
            raise StateError(
                "nothing was measured yet, so no round can be judged. Record what you have (`activeloop record "
                "DIR FILE`), or have a first plate proposed (`activeloop propose DIR`)."
            )
        if n is not None and ((count := number_of(n)) is None or not count.is_integer() or count < 1):
            raise InputError(f"a round of {n!r} candidates cannot be judged: give a whole number from 1 on.")
        n = int(n) if n else len(state.proposals[-1].picks) if state.proposals else 96
        model, gain, predicted = None, None, ()
        if state.current is not None:  # the scores of a prior have no unit
            model, predicted = self._predictor(state), self._predicted(state)
        if model is not None:
            rows = rows_of_names(self.pool, (p.name for p in self._next_picks(state, n)))
            known = dataset.only([a.name for a in predicted])
            gain = expected_gain(model, self.pool, rows, known, derive(self.seed, "worth", 1))
        validations, goal = validate_each(state, dataset), self.goal
        stale = is_stale(state, dataset, self.learner)
        return report(state, dataset, validations, gain, n, self.price, goal, predicted, stale)

    def picture(self, ending: str = ".png") -> bytes:
        """A picture of several assays: what was measured, the front, thresholds, and the proposal that is out.

        Args:
            ending: `.png` or `.svg`.

        Raises:
            StateError: fewer than two assays have results.
        """
        state = self.state()
        dataset = self._dataset(state)
        picks = state.outstanding.picks if state.outstanding else ()
        return draw_front(dataset, front_of(dataset, state.rounds), picks, ending)

    # -- how it is done ---------------------------------------------------------------------------------------------

    def _go_on(self) -> None:
        """Bring the fold to the end of the log, and the pool to what the log says was added to it."""
        if self._undone != self.log.undone or not self._fold.carried_on(self.log.after(self._fold.last)):
            self._undone, self._fold = self.log.undone, Fold.of(self.log)
        extensions = self._fold.extensions
        if len(extensions) > self._extensions:
            self.pool = extended_pool(self.pool, extensions[self._extensions :])
            self._extensions = len(extensions)
            self.__dict__.pop("controls", None)  # the wild type may be in the pool now

    def _changed(self) -> Change | None:
        self._go_on()
        before = self._fold.configured
        if before is None:
            self._refuse_foreign()
        change = None if before is None else Change(before, self._configured(before))
        if not change:
            return None
        state = self._fold.state
        stored = [r.measurement for r in state.stored.take(state.stored.valid)]
        change.check(stored, bool(state.results or state.proposals or state.pinned or state.vetoed))
        return change

    def _refuse_foreign(self) -> None:
        """Refuse proposals of a former release, whose log does not name its pool, that are of another wild type."""
        picks = [p for proposal in self._fold.state.proposals for p in proposal.picks]
        for pick in picks if self.pool.kind == "variants" else ():
            row = self.pool.row_of(pick.name)
            if row is None or self.pool[row].id != pick.candidate_id:
                raise ConfigError(
                    f"{pick.name} was proposed from another pool than [pool] is now ({self.pool.origin}). Undo the "
                    "change, or put back the log of this campaign. Nothing was changed."
                )

    def _configured(self, before: Configured | None) -> Configured:
        """How it is configured now."""
        settings, files = plain(self.settings), dict(self.files)
        # The same file read by the same settings lists the same candidates, whatever a later release calls them.
        same = before and settings and before.files == files and _same_pool(before.settings, settings)
        hits = zip(self.assays, self.hit or (), strict=False)
        return Configured(
            assays=tuple(self.assays),
            pool=before.pool if before and same else self._base.hash,
            origin=before.origin if before and same else self._base.origin,
            seed=self.seed,
            hits={assay.name: float(hit) for assay, hit in hits if not math.isnan(hit)},
            files=files,
            settings=settings,
        )

    def _configure(self, state: CampaignState) -> int:
        """The last event, once the log says how the campaign is configured."""
        if not state.last:
            check_names(self.assays)
        now = self._configured(state.configured)
        if state.configured and not Change(state.configured, now):
            return state.last
        if self.follows is not None and state.configured != self.follows:
            raise StateError("the campaign was configured anew meanwhile: open it again. Nothing was written.")
        written = self.log.append(now, after=state.last)
        if self.follows is not None:
            self.follows = now
        return written.sequence

    def _append(self, event: Event, state: CampaignState) -> Recorded:
        return self.log.append(event, after=self._configure(state))

    def _dataset(self, state: CampaignState) -> Dataset:
        """Each measured candidate once; made once for a state, of which several questions are asked."""
        if self._known is None or self._known[0]() is not state or self._known[1].pool is not self.pool:
            self._known = None  # not two at once
            self._known = weakref.ref(state), dataset_of(state, self.pool, self.assays)
        return self._known[1]

    def _fit(self, state: CampaignState, again: bool) -> Version | None:
        """A version that is new; None when the last one stands."""
        dataset = self._dataset(state)
        if not len(dataset):
            raise StateError("nothing was measured yet: record results first.")
        if not again and not is_stale(state, dataset, self.learner):
            return None
        version, predictor = fit_version(state, dataset, self.learner, self.artifacts, self.seed)
        why = self._held_back(state, dataset, predictor)
        self._append_version(Fitted(version, why), state)  # after its arrays are safe
        if not why:
            self._fitted = (version.number, predictor, resolved(dataset.answered()).assays)
        return version

    def _append_version(self, fitted: Fitted, state: CampaignState) -> None:
        """Write a version, also where results came in during its fit, so that a long fit ends in a busy laboratory."""
        with self.log.alone():
            now = self.state()
            later = [r.event for r in self.log.after(state.last)]
            if later and all(isinstance(e, _BESIDE_A_FIT) and not getattr(e, "replaces", ()) for e in later):
                fitted, state = replace(fitted, upto=state.last), now
            self._append(fitted, state)

    def _append_proposal(self, proposed: Proposed, state: CampaignState) -> None:
        """Write a proposal, also where results of others than its candidates came in while it was made."""
        with self.log.alone():
            now, names = self.state(), {pick.name for pick in proposed.proposal.picks}
            later = [r.event for r in self.log.after(state.last)]
            if all(isinstance(e, Measured) and not e.replaces for e in later):
                came = {m.candidate for e in later if isinstance(e, Measured) for m in e.measurements}
                state = now if came.isdisjoint(names) else state
            self._append(proposed, state)

    def _held_back(self, state: CampaignState, dataset: Dataset, predictor: Predictor) -> str:
        """Why a version that was just fitted does not become current by itself; "" when it does."""
        from activeloop.campaigns.promotion import evidence_against, out_of_fold_of, unseen_of

        current, now = state.current, dataset.oriented().answered()
        if current is None or current.number in state.outdated or current.learner != self.learner.name:
            return ""
        if state.corrected > state.version_data[current.number]:
            return ""  # the current one was fitted to results that were declared wrong
        known = self._fitted is not None and self._fitted[0] == current.number
        new = out_of_fold_of(predictor, now)
        if np.isnan(new).all() or not (known or current.artifact):  # it would have to be fitted once more
            return ""
        try:
            model = self._predictor(state)
            then = dataset_then(current, state, self.pool, self.assays).oriented().answered()
        except (StateError, StoreError, ModelError):
            return ""  # it cannot be used any more
        assert model is not None  # a version has one
        old = unseen_of(current, state, out_of_fold_of(model, then), then, now)
        return evidence_against(new, old, now, current)

    def _predictor(self, state: CampaignState) -> Predictor | None:
        version = state.current
        if version is None:
            return self.learner.prior(self.pool)
        if version.number in state.outdated:
            raise changed_since(version.number, state.extended_since(version.number))
        if self._fitted is None or self._fitted[0] != version.number:
            model = restore_version(version, state, self.pool, self.assays, self.learner, self.artifacts)
            known = resolved(dataset_then(version, state, self.pool, self.assays).answered()).assays
            self._fitted = (version.number, model, known)
        return self._fitted[1]

    def _combined_assay(self) -> Assay:
        """The assay by which combinations are made: the first whose best is looked for."""
        return next((a for a in self.assays if a.threshold is None), self.assays[0])

    def _told_against_parent(self, state: CampaignState) -> tuple[Dataset, Predictor]:
        """The data of the assay by which combinations are made, with the wild type, and a model of it."""
        assay = self._combined_assay()
        if assay.goal == "classify":
            raise StateError(f'"{assay.name}" is of classes, which do not add up. Nothing was added.')
        pool, _ = with_parent(self.pool)
        pool.rules = self.pool.rules  # combinations keep them
        dataset = dataset_of(state, pool, self.assays).oriented()
        one = dataset.only([assay.name]).column()
        if not len(one):
            raise StateError(
                f'"{assay.name}" has no result yet, so no mutation is known to be good: record some. Nothing was added.'
            )
        model, names = self._predictor(state), [a.name for a in self._predicted(state)]
        assert model is not None  # there are results
        return one, model if len(names) == 1 else OneAssay(model, names.index(assay.name))

    def _predictor_of(self, state: CampaignState, pool: Pool) -> Predictor | None:
        """The current version, or the prior, for a pool with more candidates behind those of the campaign."""
        model, known, sites = self._predictor(state), self.pool.sites, pool.sites
        if model is None or known is None or sites is None or known.labels == sites.labels:
            return model
        if not self.learner.any_sites:
            new = ", ".join([label for label in sites.labels if label not in known.labels][:8])
            raise ModelError(
                f"the learner of this campaign knows nothing of {new}: no candidate of the pool differs there. "
                "Add such candidates (`activeloop extend DIR --list FILE`), or leave them out. Nothing was predicted."
            )
        version = state.current
        if version is None:
            return self.learner.prior(pool)
        then = dataset_then(version, state, self.pool, self.assays).oriented().answered()
        return self.learner.restore(replace(then, pool=pool), version.seed, self.artifacts.get(version.artifact))

    def _predicted(self, state: CampaignState) -> tuple[Assay, ...]:
        if state.current is None:
            prior = self.learner.prior(self.pool) if self.assays[0].goal == "classify" else None
            classes = prior is not None and prior.predict(self.pool, np.zeros(1, np.int64), 0, draws=0).classes
            return tuple(self.assays) if classes else ()
        self._predictor(state)
        assert self._fitted is not None  # a version has a predictor
        return self._fitted[2]

    def _teacher_version(self, state: CampaignState, seed: int | None) -> tuple[Version, int]:
        """The version that is the teacher now, and the seed of the training."""
        if state.current is None:
            why = "all results were voided" if state.versions else "there is no version yet"
            raise StateError(f"{why}: record results and fit first. Nothing was trained.")
        return state.current, derive(self.seed, "distil", state.current.number) if seed is None else seed

    def _teacher(self, state: CampaignState, student: StudentRecord) -> Predictor | None:
        """The teacher of a student; None when it is not available any more."""
        if student.version == state.promoted:
            return self._predictor(state)
        version = state.versions[student.version - 1]
        if version.number in state.outdated:
            return None
        try:
            return restore_version(version, state, self.pool, self.assays, self.learner, self.artifacts)
        except (StateError, StoreError):
            return None

    def _proposal(
        self, state: CampaignState, n: int, seed: int | None, retry: bool, progress: Progress | None = None
    ) -> Proposal:
        assert self.select is not None  # set on construction
        seed = derive(self.seed, "propose", len(state.proposals) + 1) if seed is None else seed
        dataset, model, predicted = self._dataset(state), self._predictor(state), self._predicted(state)
        prior = model
        if state.current is not None:
            prior = self.learner.prior(self.pool) if self.learner.quick_prior else None
        builder = ProposalBuilder(
            self.pool, self.assays, self.select, self.hit, self.controls, prior, self.learner.coordinates
        )
        proposal = builder.proposal(state, dataset, model, n, seed, retry, progress, predicted=predicted)
        return replace(proposal, picks=self.with_outlook(proposal.picks, state)) if self.pool.added else proposal

    def with_outlook(self, picks: Sequence[Pick], state: CampaignState | None = None) -> tuple[Pick, ...]:
        """Picks of which the combinations say what is known of them, and are predicted less for having been chosen.

        Args:
            picks: of candidates of the pool.
            state: of the log; read when left out.
        """
        state = self.state() if state is None else state
        assay = self._combined_assay()
        rows = rows_of_names(self.pool, (p.name for p in picks))
        several = mutation_counts(self.pool, rows) > 1
        predicted = [a.name for a in self._predicted(state)]
        if state.current is None or not several.any() or assay.goal == "classify" or assay.name not in predicted:
            return tuple(picks)
        dataset, model = self._told_against_parent(state)
        outlook = Outlook.of(model, dataset, derive(self.seed, "extend", 1))
        known = {outlook.pool.names([c.row])[0]: c for c in outlook(rows[several])}
        first = assay.name == predicted[0]
        return tuple(told_of(p, known[p.name], dataset, assay, first) if p.name in known else p for p in picks)

    def _next_picks(self, state: CampaignState, n: int) -> tuple[Pick, ...]:
        """The proposal that is out, or the one that would be made; () when nothing is left."""
        if out := state.outstanding:
            return out.picks
        try:
            return self._proposal(state, n, None, False).picks
        except StateError:
            return ()

    def _pin(self, names: Sequence[str], reason: str, offset: int | None, veto: bool) -> tuple[str, ...]:
        def decide(state: CampaignState) -> tuple[str, ...]:
            standard = standard_names(self.pool, names, offset)  # with what another process added to the pool
            if not veto and (own := [name for name in standard if name in self.controls]):
                raise InputError(
                    f"{control_words(own[:1])} To test it as a candidate, let control wells hold something else "
                    "(`control` under [plate] in campaign.toml). Nothing was changed."
                )
            busy = sorted(set(standard) & state.on_plate)
            if busy and not veto:
                raise InputError(f"{busy[0]} is on a plate already and awaits its result. Nothing was changed.")
            self._append(Pinned(standard, veto, reason), state)
            return standard

        return self._at_once(decide)

    def _at_once(self, decide: Callable[[CampaignState], T]) -> T:
        """Decide what takes a moment and write it, while others wait."""
        with self.log.alone():
            return decide(self.state())

    def _retried(self, decide: Callable[[CampaignState], T]) -> T:
        """Decide what takes longer and write it; again when another process wrote meanwhile."""
        for _ in range(ATTEMPTS - 1):
            state = self.state()
            try:
                return decide(state)
            except StateError:
                if self.state().last == state.last:  # nobody wrote: it cannot be done
                    raise
        return decide(self.state())


#: events that leave a version right which was being fitted meanwhile; results that replace others do not
_BESIDE_A_FIT = (Distilled, Measured, Pinned, PlateLaid, PlateSent, Proposed, RunFinished)


def _check_plate(name: str, state: CampaignState) -> None:
    """Refuse a plate that is of no proposal."""
    found = re.fullmatch(r"plate-([1-9]\d*)(-[1-9]\d*)?", name)
    if not found or int(found[1]) > len(state.proposals):
        made = f"plates of this campaign are plate-1 to plate-{len(state.proposals)}" if state.proposals else "none yet"
        raise InputError(f'there is no plate "{name}" ({made}). Nothing was changed.')


def _same_pool(before: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """Whether settings ask for the same pool; a key that a release did not know yet counts as 0 or empty."""
    one, other = before.get("pool"), now.get("pool")
    if not isinstance(one, Mapping) or not isinstance(other, Mapping):
        return one == other
    return all((one.get(key) or None) == (other.get(key) or None) for key in {*one, *other})


def _names(given: Any) -> Any:
    """The names or the table of candidates that was given; None where it is something else, such as rows of a pool."""
    if isinstance(given, str):
        return [given]
    if isinstance(given, (os.PathLike, Book, Table)) or is_frame(given):
        return given
    if isinstance(given, (range, bytes)) or (isinstance(given, np.ndarray) and given.dtype.kind not in "UO"):
        return None
    listed = list(given) if isinstance(given, Iterable) else []
    return listed if listed and all(isinstance(one, str) for one in listed) else None
