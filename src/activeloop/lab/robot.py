"""The robotic loop: proposal, plate, run, results, fit, next plate, without anybody, until a reason to stop.

Every step follows from the campaign's events and the devices' own records, so that it may be killed at any moment and
done again: a run has one name, a file is stored once, a plate is measured once.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, TypeVar

import numpy as np

from activeloop.campaigns import RunFinished
from activeloop.campaigns.state import CampaignState
from activeloop.config import OpenCampaign
from activeloop.desk.figures import plate_controls
from activeloop.desk.propose import PlateOptions, known_plates, plates_of, propose
from activeloop.desk.record import LocalFile, ReadingOptions, SentFile, read_results, record
from activeloop.desk.robots import ASKS, measured_by_hand
from activeloop.errors import ActiveLoopError, ConfigError, InputError, StateError
from activeloop.files import plain_name
from activeloop.lab.devices import device_of
from activeloop.lab.drivers import DeviceError, Driver, PlateRun, RunFile, RunState, UnknownRunError
from activeloop.plates import Plate
from activeloop.plates.picklists import Sources, sources_of_pool, transfers
from activeloop.words import many, some

T = TypeVar("T")
Doing = Literal[
    "proposed", "sent", "running", "measured", "approval", "training", "unreachable", "unreadable", "paused", "stopped"
]


@dataclass(frozen=True)
class RobotPlan:
    """What the robotic loop may do, and when it stops.

    Args:
        rounds: of proposals, also those of before.
        number: of candidates in a round; as many as fit on one plate when None.
        wells: that may be filled at most, controls counted; None = any number.
        patience: rounds without a better value after which it stops; 0 = never for that.
        approve: each plate waits until somebody lets it go (`Robot.approve`).
        attempts: of a run that fails, and of a file that cannot be read.
        drift: standard deviations by which the controls of a plate may differ from those of the plates before; where
            these are few it may be more, so that a false alarm is as seldom.
        volume: for each well, in µL.
        plate: how plates are laid out.
        reading: how files of results are read, such as which of an instrument's quantities is the result.
    """

    rounds: int = 10
    number: int | None = None
    wells: int | None = None
    patience: int = 0
    approve: bool = False
    attempts: int = 3
    drift: float = 3.5
    volume: float = 1.0
    plate: PlateOptions = field(default_factory=PlateOptions)
    reading: ReadingOptions = field(default_factory=ReadingOptions)

    def __post_init__(self) -> None:
        if self.rounds < 1 or self.attempts < 1 or self.patience < 0 or self.drift <= 0:
            raise InputError("rounds and attempts are at least 1, patience at least 0, drift above 0.")


@dataclass(frozen=True)
class Step:
    """What the loop did, or why it waits.

    Args:
        doing: which it is.
        words: it in a sentence.
        waits: whether the next step needs time: a device works, or somebody has to decide.
        share: of a device's run that is done.
    """

    doing: Doing
    words: str
    waits: bool = False
    share: float = 0.0


@dataclass
class Robot:
    """Runs a campaign on devices.

    Args:
        loop: the campaign.
        drivers: the devices that a plate visits, in this order; the last one that measures writes the results.
        plan: what it may do.
        sources: where stocks stand; as the pool's file says, else one after the other, when None.
        reads: how a file of results is got at, given its path and name; a service reads those in limited processes.
        awaited: what has to be there before the next proposal, in words; "" for nothing. Asked each time.
    """

    loop: OpenCampaign
    drivers: Sequence[Driver]
    plan: RobotPlan = field(default_factory=RobotPlan)
    sources: Sources | None = None
    reads: Callable[[Path, str], SentFile] = LocalFile
    awaited: Callable[[], str] = str
    _unread: dict[str, int] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        names = [driver.name for driver in self.drivers]
        if not names or len(set(names)) < len(names):
            raise InputError("give at least one device, each with a name of its own.")
        if not any(driver.capabilities.measures for driver in self.drivers):
            raise InputError(f"none of {', '.join(names)} measures, so that no result would ever come. Add a reader.")

    @classmethod
    def of(cls, loop: OpenCampaign, named: Mapping[str, str] | None = None) -> Robot:
        """The robot of a campaign's config.

        Args:
            loop: the campaign.
            named: devices that have names, see `activeloop.lab.devices.named_devices`.

        Raises:
            ConfigError: the config has no `[robot]`, or a device of it is not known here.
        """
        config = loop.config.robot
        if config is None:
            raise ConfigError("the campaign has no robot: name its devices in [robot] of campaign.toml.")
        plan = RobotPlan(
            config.rounds,
            config.number,
            config.max_wells,
            config.patience,
            config.approve,
            config.attempts,
            config.drift,
            config.volume,
            reading=ReadingOptions(
                quantity=config.quantity, reduce=config.reduce, software=config.software, assay=config.assay
            ),
        )
        return cls(loop, [device_of(name, loop, named) for name in config.devices], plan)

    def run(
        self,
        report: Callable[[Step], None] = lambda step: None,
        *,
        pause: float = 5.0,
        sleep: Callable[[float], None] = time.sleep,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Step:
        """Go on until there is a reason to stop.

        Args:
            report: called with each step that is not a repetition of the last.
            pause: seconds before a step that needs time.
            sleep: waits for a number of seconds.
            stopped: looks whether somebody wants a pause; the loop goes on from there when it is run again.

        Returns:
            The last step.
        """
        last = None
        while not stopped():
            step = self.step()
            if last is None or (step.doing, step.words) != (last.doing, last.words):
                report(step)
            last = step
            if step.doing == "stopped":
                break
            if step.waits:
                sleep(pause)
        return last or Step("stopped", "nothing was done.")

    def step(self) -> Step:
        """Do the next thing that can be done.

        Raises:
            StateError, ModelError, StoreError: as proposing and recording do; nothing was half done.
        """
        state = self.loop.campaign.state()
        if state.robot == "stop":
            return self._stop(state)
        if state.robot == "pause":
            return Step("paused", f"paused{state.robot_reason and f': {state.robot_reason}'}.", waits=True)
        for plate in self._plates(state):
            for driver in self._left(plate, state):
                return self._visit(plate, driver, state)
        if reason := self._reason_to_stop(state):
            return Step("stopped", reason)
        if awaited := self.awaited():
            return Step("training", f"waits for {awaited}.", waits=True)
        found = propose(self.loop, self.plan.number, plate=self.plan.plate)
        names = ", ".join(plate.id for plate in found.plates)
        picks = many(len(found.proposal.picks), "candidate")
        return Step("proposed", f"proposal {found.proposal.number} of {picks}: {names}.")

    def approve(self, plate: str) -> Step:
        """Let a plate go to its device, and send it.

        Raises:
            StateError: it does not wait.
        """
        state = self.loop.campaign.state()
        for one in self._plates(state):
            for driver in self._left(one, state):
                if one.id == plate and not self._sent(one, driver, state):
                    self.loop.campaign.order_robot("release", plate)
                    return self._send(one, driver, self.loop.campaign.state())
                break
        raise StateError(f"{plate} does not wait for an approval. Nothing was sent.")

    def _stop(self, state: CampaignState) -> Step:
        """End what devices do, as somebody ordered."""
        for plate in self._plates(state):
            for driver in self._left(plate, state):
                if self._sent(plate, driver, state):
                    try:
                        run = self._run_of(plate, driver, state)
                        _asked(driver, lambda: driver.cancel(driver.find(run)))  # noqa: B023 - called at once
                    except UnknownRunError:
                        run = PlateRun(state.sent[plate.id].note, plate)  # there is nothing left to be stopped
                    except DeviceError as error:
                        words = f"{error} It is asked again to stop {state.sent[plate.id].note}."
                        return Step("unreachable", words, waits=True)
                    words = state.robot_reason or "stopped by order"
                    self.loop.campaign.finish_run(plate.id, driver.name, run.name, "stopped", words=words)
                break
        return Step("stopped", state.robot_reason or "stopped by order.")

    def _plates(self, state: CampaignState) -> tuple[Plate, ...]:
        """The plates of the last proposal."""
        return plates_of(self.loop).plates if state.proposals else ()

    def _left(self, plate: Plate, state: CampaignState) -> list[Driver]:
        """The devices that a plate has still to visit; none where people have filled and measured it."""
        if measured_by_hand(plate, state):
            return []
        done = {run.device for run in state.runs if run.plate == plate.id and run.outcome == "done"}
        return [driver for driver in self.drivers if driver.name not in done]

    def _ended(self, plate: Plate, driver: Driver, state: CampaignState) -> list[RunFinished]:
        """The runs of a plate on a device that ended without results."""
        mine = [run for run in state.runs if (run.plate, run.device) == (plate.id, driver.name)]
        return [run for run in mine if run.outcome != "done"]

    def _run_of(self, plate: Plate, driver: Driver, state: CampaignState) -> PlateRun:
        """The run of a plate on a device: each attempt has a name of its own, each repetition of a step the same."""
        attempt = len(self._ended(plate, driver, state)) + 1
        name = f"{self.loop.folder.log.campaign[:8]}-{plate.id}-{driver.name}-{attempt}"
        if not _asked(driver, lambda: driver.capabilities).dispenses:
            return PlateRun(name, plate)
        filled = self._filled(plate, driver, state) or frozenset()
        stocks = self.sources or sources_of_pool([plate], self.loop.campaign.pool) or None
        moves = transfers(plate, self.plan.volume, stocks)
        return PlateRun(name, plate, tuple(move for move in moves if move.well not in filled), filled)

    def _filled(self, plate: Plate, driver: Driver, state: CampaignState) -> frozenset[str] | None:
        """The wells that runs which ended early have filled; None where nobody can tell."""
        found = frozenset[str]()
        for ended in self._ended(plate, driver, state):
            wells = _asked(driver, lambda: driver.filled(PlateRun(ended.run, plate)))  # noqa: B023 - called at once
            if wells is None:
                return None
            found |= wells
        return found

    def _sent(self, plate: Plate, driver: Driver, state: CampaignState) -> bool:
        sent = state.sent.get(plate.id)
        return sent is not None and sent.to == driver.name

    def _visit(self, plate: Plate, driver: Driver, state: CampaignState) -> Step:
        ended = [r.words for r in self._ended(plate, driver, state) if r.outcome == "failed"]
        if len(ended) >= self.plan.attempts:
            return Step("stopped", f"{driver.name} failed with {plate.id} {self.plan.attempts} times: {ended[-1]}.")
        try:
            if not self._sent(plate, driver, state):
                if unsure := self._unsure(plate, driver, state):
                    return Step("approval", unsure, waits=True)
                if self.plan.approve and driver is self.drivers[0] and plate.id not in state.released:
                    words = f"{plate.id} {ASKS} to {driver.name}."
                    return Step("approval", words, waits=True)
                return self._send(plate, driver, state)
            return self._follow(plate, driver, self._run_of(plate, driver, state))
        except DeviceError as error:
            return Step("unreachable", f"{error} It is asked again.", waits=True)

    def _unsure(self, plate: Plate, driver: Driver, state: CampaignState) -> str:
        """Why a plate whose run ended early must not go to the device by itself; "" where it may."""
        ended = self._ended(plate, driver, state)
        if not ended or plate.id in state.released or not _asked(driver, lambda: driver.capabilities).dispenses:
            return ""
        if self._filled(plate, driver, state) is not None:
            return ""
        return (
            f"{plate.id} {ASKS}: run {ended[-1].run} on {driver.name} {ended[-1].outcome}, and nobody knows which "
            "wells it filled. Put an empty plate in its place, and tips, before it is let go."
        )

    def _send(self, plate: Plate, driver: Driver, state: CampaignState) -> Step:
        run = self._run_of(plate, driver, state)
        able = _asked(driver, lambda: driver.capabilities)
        if able.dispenses and not able.measures and not run.transfers:
            self.loop.campaign.finish_run(plate.id, driver.name, run.name, "done", words="filled by the runs before")
            return Step("measured", f"{plate.id} was filled by {driver.name} in the runs before.")
        # before its event: where this is killed in between, the device finds the run by its name
        handle = _asked(driver, lambda: driver.submit(run))
        if not driver.begun(handle):
            return Step(
                "running", f"{plate.id} on {driver.name}: {_asked(driver, lambda: driver.poll(handle)).words}.", True
            )
        self.loop.campaign.send_plate(plate.id, driver.name, note=run.name)
        return Step("sent", f"{plate.id} went to {driver.name}: run {run.name}.")

    def _follow(self, plate: Plate, driver: Driver, run: PlateRun) -> Step:
        handle = _asked(driver, lambda: driver.find(run))
        stands = _asked(driver, lambda: driver.poll(handle))
        if not isinstance(stands, RunState):
            raise DeviceError(f"{driver.name} says nothing of {run.name} that is understood.")
        if stands.stage in ("waiting", "running"):
            words = f"{plate.id} on {driver.name}{f': {stands.words}' if stands.words else ''}."
            share = stands.share if math.isfinite(stands.share) else 0.0
            return Step("running", words, waits=True, share=min(max(share, 0.0), 1.0))
        if stands.stage != "done":
            self.loop.campaign.finish_run(plate.id, driver.name, run.name, stands.stage, words=stands.words)
            return Step("running", f"run {run.name} ended as {stands.stage}: {stands.words}.")
        files = _with_own_names(_asked(driver, lambda: driver.collect(handle)))
        hashes = {f.name: self.loop.folder.artifacts.put_file(f.content, "application/octet-stream") for f in files}
        if driver.capabilities.measures:
            if problem := self._record(plate, files):
                return self._unreadable(plate, driver, run, hashes, problem)
            self._unread.pop(run.name, None)
        self.loop.campaign.finish_run(plate.id, driver.name, run.name, "done", hashes, stands.words)
        return Step("measured", f"{plate.id} came back from {driver.name}: {', '.join(hashes) or 'no file'}.")

    def _unreadable(self, plate: Plate, driver: Driver, run: PlateRun, hashes: dict[str, str], problem: str) -> Step:
        """A file that cannot be read is looked at again: it may not have been complete."""
        self._unread[run.name] = self._unread.get(run.name, 0) + 1
        if self._unread[run.name] < self.plan.attempts:
            return Step("unreadable", f"the results of {plate.id} cannot be read yet: {problem}", waits=True)
        kept = "The files are kept. Record them by hand, or put right what is wrong, and let the robot run again."
        return Step("stopped", f"the results of {plate.id} cannot be read: {problem} {kept}")

    def _record(self, plate: Plate, files: Sequence[RunFile]) -> str:
        """Store the results in the files of a run; why they cannot be read, "" when they were stored.

        Files with the same content count once.
        """
        contents = {file.content: file.name for file in reversed(files)}
        if not contents:
            return "there is no file."
        with TemporaryDirectory(prefix="activeloop-") as folder:
            for content, name in reversed(contents.items()):
                path = Path(folder) / name
                path.write_bytes(content)
                try:
                    results = read_results(self.loop, self.reads(path, name), self.plan.reading)
                    found = (*results.measurements, *results.failed_wells)
                    if others := sorted({one.plate or "no plate" for one in found} - {plate.id}):
                        return f"{name} is of {some(others)}, and the run was of {plate.id}. Nothing of it was stored."
                    held = {one.well for one in found}
                    if missing := plate.wells.keys() - held:
                        return f"{name} has no line for {many(len(missing), 'well')}, such as {sorted(missing)[0]}."
                    record(self.loop, results, name)
                except (InputError, StateError) as error:
                    return str(error).replace(str(path), name)
        return ""

    def _reason_to_stop(self, state: CampaignState) -> str:
        plan, rounds = self.plan, len(state.proposals)
        if rounds >= plan.rounds:
            return f"{many(rounds, 'round')} made, as planned."
        plates, _ = known_plates(self.loop)
        filled = sum(len(p.wells) for p in plates)
        each = len(plates[-1].wells) if plates else 0
        if plan.wells is not None and filled + each > plan.wells:
            return f"{many(filled, 'well')} filled, and another plate would go beyond {plan.wells:,}."
        if plan.patience and rounds > plan.patience and not self._improved(state, rounds - plan.patience):
            return f"no better value in the last {many(plan.patience, 'round')}."
        return self._out_of_control(state)

    def _improved(self, state: CampaignState, before: int) -> bool:
        """Whether a proposal after `before` holds a value better than all of the earlier ones."""
        pool, dataset = self.loop.campaign.pool, self.loop.campaign.dataset().oriented()
        late = [pool.row_of(pick.name) for proposal in state.proposals[before:] for pick in proposal.picks]
        is_late = np.isin(dataset.rows, [row for row in late if row is not None])
        values, known = dataset.values[:, 0], np.isfinite(dataset.values[:, 0])
        new, old = values[known & is_late], values[known & ~is_late]
        return len(new) > 0 and (len(old) == 0 or new.max() > old.max())

    def _out_of_control(self, state: CampaignState) -> str:
        """Whether the controls of the last plate are far from those of the plates before."""
        for assay in self.loop.campaign.assays:
            found = [one for one in plate_controls(state, assay.name) if any(len(v) > 1 for v in one.controls.values())]
            if len(found) < 4:
                continue
            *before, last = found
            for name, values in last.controls.items():
                earlier = [one.controls[name] for one in before if len(one.controls.get(name, ())) > 1]
                if len(values) < 2 or len(earlier) < 3:
                    continue
                means = np.array([each.mean() for each in earlier])
                within = np.sqrt(np.mean([each.var(ddof=1) for each in earlier]) / len(values))
                spread = float(np.hypot(means.std(ddof=1), within))
                if spread > 0 and abs(values.mean() - means.mean()) > _far(self.plan.drift, len(means)) * spread:
                    return (
                        f"the control {name} of {last.plate} reads {values.mean():.3g} {assay.unit}, and "
                        f"{means.mean():.3g} +- {spread:.2g} on the plates before: {assay.name} is out of control."
                    )
        return ""


def _asked(driver: Driver, ask: Callable[[], T]) -> T:
    """What a device answers.

    Raises:
        InputError: it cannot do that; nothing was begun.
        DeviceError: it cannot be reached, or its driver fails.
    """
    try:
        return ask()
    except ActiveLoopError:
        raise
    except Exception as error:  # whatever a driver of others does, the loop goes on
        said = " ".join(str(error).split())[:200]
        raise DeviceError(f"{driver.name} answers what its driver cannot use{said and f' ({said})'}.") from error


def _with_own_names(files: Sequence[RunFile]) -> tuple[RunFile, ...]:
    """Files under names that are no paths, each with its own."""
    found: dict[str, RunFile] = {}
    for file in files:
        name = number = plain_name(file.name)
        for count in range(2, len(files) + 2):
            if number in found and found[number].content != file.content:
                number = f"{count} {name}"
        found[number] = RunFile(number, file.content)
    return tuple(found.values())


def _far(drift: float, plates: int) -> float:
    """Standard deviations beyond which a further plate lies as seldom as beyond `drift` of a known normal distribution.

    The deviation is estimated from few plates, so that it is Student's t that counts.

    >>> round(_far(3.5, 5), 1), round(_far(3.5, 1000), 1)
    (11.5, 3.5)
    """
    from scipy.stats import norm, t

    return float(t.isf(norm.sf(drift), plates - 1)) * math.sqrt(1 + 1 / plates)
