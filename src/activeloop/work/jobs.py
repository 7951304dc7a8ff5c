"""Work as Jobs of a Kubernetes cluster: each piece in a pod of its own, which outlives the worker that asked for it.

A Job is named after the campaign, the kind of work and the number of the lease, so that whoever holds the lease finds
it: to create it once more is answered by 409, and means to attach to it. A worker that ends leaves its Jobs alone; the
next one takes over lease and Job. A Job whose lease was given back can write nothing any more (its number is checked in
the transaction that writes), and is removed: by its worker, or by the next look of any.

What runs follows from a folder of templates, one Job each: `KIND-gpu.yaml` for campaigns that name a pretrained model
where there is such a file, `KIND.yaml` for all others. Of a Job's pods one is started, once; what repeats it is the
next lease.

The cluster is watched, but nothing relies on it: what a watch did not tell is asked for from time to time.
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from activeloop.errors import ConfigError, InputError, MissingExtraError
from activeloop.work.kinds import WorkKind, names_of
from activeloop.work.leases import Lease, Work
from activeloop.work.places import Place
from activeloop.work.processes import ENDS, End, Heard, Runner, Running

CONTAINER = "work"
"""Name of the container that does the work."""
INSTANCE, COMPONENT = "app.kubernetes.io/instance", "app.kubernetes.io/component"
"""Labels by which the Jobs of an installation are found; a template has both."""
CAMPAIGN, KIND, FENCE = "activeloop/campaign", "activeloop/kind", "activeloop/fence"
"""Labels that say under which lease a Job is."""
OF_JOB = "batch.kubernetes.io/job-name"
"""Label that Kubernetes gives to the pods of a Job."""
OWNER = "batch.kubernetes.io/controller-uid"
"""Another one, by which they are told from pods of a former Job of the same name."""
LARGER = "-large"
"""At the end of the name of a Job that is given more memory."""
TAIL = 40
"""Lines of a pod's log that are read at once."""
STUCK = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError", "CreateContainerError")
"""Why a container does not start, where it will not without somebody."""


@dataclass(frozen=True)
class Pace:
    """How patiently a Job is looked after. All in seconds.

    Args:
        look: between two looks at its log.
        ask: between two questions for what a watch did not tell.
        gone: for which a pod may be about to end until its node counts as lost.
        stuck: for which a container may not start, as for want of its image.
    """

    look: float = 3.0
    ask: float = 30.0
    gone: float = 90.0
    stuck: float = 600.0


class JobRunner(Runner):
    """Does each piece of work in a Job of a Kubernetes cluster.

    Args:
        templates: folder of Jobs, in YAML.
        client: `lightkube.Client` of the cluster; None = that in which this process runs, or that of `KUBECONFIG`.
        at_once: Jobs of one worker at a time.
        seconds: that the pod of one may take.
        pace: how patiently they are looked after.

    Raises:
        MissingExtraError: lightkube is not installed.
        ConfigError: there is no cluster, or a template cannot be used.
    """

    outlives = True

    def __init__(
        self,
        templates: Path,
        client: Any = None,
        at_once: int = 10,
        seconds: float = 4 * 3600.0,
        pace: Pace | None = None,
    ):
        try:
            import lightkube
            from lightkube.resources import batch_v1, core_v1
        except ModuleNotFoundError as error:
            raise MissingExtraError("a runner on Kubernetes", "kubernetes") from error
        self.at_once, self.pace = at_once, pace or Pace()
        self._templates = {path.stem: _template(path, int(seconds)) for path in sorted(templates.glob("*.yaml"))}
        if not self._templates:
            raise ConfigError(f"{templates} holds no Jobs (KIND.yaml, such as fit.yaml). Nothing was begun.")
        of_whom = {tuple(job["metadata"]["labels"][label] for label in (INSTANCE, COMPONENT)) for job in self.jobs}
        if len(of_whom) > 1:
            raise ConfigError(f'the Jobs in {templates} differ in "{INSTANCE}" or "{COMPONENT}". Nothing was begun.')
        self._ours: dict[str, str] = dict(zip((INSTANCE, COMPONENT), of_whom.pop(), strict=True))
        try:
            # any: every field of its types may be None
            self.client: Any = client or lightkube.Client()
        except lightkube.ConfigError as error:
            raise ConfigError(f"no cluster is known ({error}): set KUBECONFIG. Nothing was begun.") from error
        self._forbidden: dict[tuple[str, str], str] = {}
        self.seen = {kind: Watch(self, kind, self._ours) for kind in (batch_v1.Job, core_v1.Pod)}

    @property
    def jobs(self) -> Sequence[Mapping[str, Any]]:
        """The templates."""
        return list(self._templates.values())

    def start(self, place: Place, lease: Lease, kinds: Sequence[type[WorkKind]]) -> Running:
        """See `Runner.start`."""
        for watch in self.seen.values():
            watch.begin()
        job = copy.deepcopy(self._template_of(place, lease))
        task = {"lease": {**asdict(lease), "owner": self.name_of(lease)}, "kinds": dict(names_of(kinds))}
        told = {CAMPAIGN: lease.campaign, KIND: lease.kind, FENCE: str(lease.fence)}
        job["metadata"] |= {"name": self.name_of(lease), "labels": {**job["metadata"]["labels"], **told}}
        job["spec"]["template"]["metadata"]["labels"] |= told
        worker = _container(job)
        worker["env"] = [*worker.get("env", []), {"name": "ACTIVELOOP_TASK", "value": json.dumps(task)}]
        return _Job(self, lease.kind, job)

    def _template_of(self, place: Place, lease: Lease) -> dict[str, Any]:
        card = f"{lease.kind}-gpu"
        if card in self._templates and place.names_a_model(lease.campaign):
            return self._templates[card]
        if lease.kind not in self._templates:
            there = ", ".join(f"{name}.yaml" for name in self._templates)
            raise InputError(f'there is no Job for work of the kind "{lease.kind}" (there are {there})')
        return self._templates[lease.kind]

    def name_of(self, lease: Lease) -> str:
        """Name of the Job under a lease; another one for each installation in a namespace."""
        kind = re.sub(r"[^a-z0-9]+", "-", lease.kind.lower()).strip("-")[:12]
        whole = json.dumps([self._ours[INSTANCE], lease.kind, lease.campaign])
        return f"{kind}-{lease.campaign[:24]}-{lease.fence}-{hashlib.sha256(whole.encode()).hexdigest()[:6]}"

    def remove(self, lease: Lease) -> None:
        """See `Runner.remove`."""
        for name in (self.name_of(lease), self.name_of(lease) + LARGER):
            self._delete(name)

    def sweep(self, work: Work) -> str:
        """See `Runner.sweep`; a cluster that does not answer is asked again by the next one.

        Returns:
            What the cluster has not let this worker do since the last one.
        """
        import httpx2
        from lightkube.resources.batch_v1 import Job

        try:
            listed = list(self.client.list(Job, labels=self._ours))  # before the leases, which are there first
        except httpx2.HTTPError as error:
            self.forbidden(error, "list", "jobs")
            listed = []
        living = work.living() if listed else frozenset()
        for job in listed:
            labels = job.metadata.labels
            if (labels.get(CAMPAIGN), labels.get(KIND), int(labels.get(FENCE, 0))) not in living:
                self._delete(job.metadata.name)
        missing, self._forbidden = self._forbidden, {}
        verbs = ", ".join(f'"{verb}" of "{what}"' for verb, what in sorted(missing))
        words = (
            f"the cluster does not let this worker do all that it has to: its Role lacks {verbs}. What Jobs print may"
        )
        words += " not be seen, and Jobs may stay behind"
        return f"{words} ({next(iter(missing.values()))})." if missing else ""

    def forbidden(self, error: Exception, verb: str, what: str) -> None:
        """Take note of a right that this worker lacks, where that is why a call failed."""
        if status_of(error) == 403:
            self._forbidden[verb, what] = problem_of(error)

    def _delete(self, name: str) -> None:
        import httpx2
        from lightkube.resources.batch_v1 import Job
        from lightkube.types import CascadeType

        try:  # without the last argument its pods would stay
            self.client.delete(Job, name, cascade=CascadeType.BACKGROUND)
        except httpx2.HTTPError as error:  # it is not there, or the next sweep finds it
            self.forbidden(error, "delete", "jobs")


class _Job(Running):
    """A Job of the cluster, and the one pod of it."""

    def __init__(self, runner: JobRunner, kind: str, job: dict[str, Any]):
        self.heard = Heard()
        self._runner, self._kind, self._job = runner, kind, job
        self._there, self._large = False, False
        self._due = self._asked = 0.0
        self._news = -1
        self._since: dict[str, float] = {}

    @property
    def _name(self) -> str:
        return self._job["metadata"]["name"]

    def close(self) -> None:
        """See `Running.close`: it goes on."""

    def ended(self) -> End | None:
        """See `Running.ended`."""
        import httpx2

        now, news = time.monotonic(), sum(watch.changes(self._name) for watch in self._runner.seen.values())
        if now < self._due and (news == self._news or not self._there):
            return None
        self._due, self._news = now + self._runner.pace.look, news
        try:
            return self._looked(now) if self._there else self._created()
        except httpx2.HTTPError as error:  # the cluster does not answer: it may do so later, and the Job goes on
            self.heard.printed = f"The cluster does not answer ({problem_of(error)})."
            return None

    def _created(self) -> End | None:
        """Create it, or attach to it; why that cannot be."""
        import httpx2
        from lightkube.resources.batch_v1 import Job

        try:
            self._runner.client.create(Job.from_dict(self._job))
        except httpx2.HTTPError as error:
            code, problem = status_of(error), problem_of(error)
            if code == 409:
                there = self._runner.client.get(Job, self._name)
                if there.metadata.deletionTimestamp:
                    return None  # until it is gone
                if (there.metadata.labels or {}).get(CAMPAIGN) != self._job["metadata"]["labels"][CAMPAIGN]:
                    return "failed", f"another Job has the name {self._name}"
            elif code in (400, 404, 422):
                return "failed", f"the cluster takes no such Job: {problem}"
            elif code in (401, 403) and "exceeded quota" not in problem:
                return "lost", f"the cluster does not let this worker create Jobs: {problem}"
            else:
                raise
        self._there, self._due, self._asked = True, 0.0, time.monotonic()
        return None

    def _looked(self, now: float) -> End | None:
        """What became of it, by what the watches saw, or by asking."""
        import httpx2
        from lightkube.resources.batch_v1 import Job
        from lightkube.resources.core_v1 import Pod

        client, seen = self._runner.client, self._runner.seen
        job = seen[Job].found(self._name)
        pods = seen[Pod].of_job(self._name)
        if job is None or condition_of(job) or now - self._asked > self._runner.pace.ask:
            self._asked = now
            try:
                job = client.get(Job, self._name)
            except httpx2.HTTPStatusError as error:
                if status_of(error) != 404:
                    raise
                return "lost", "somebody deleted its Job"
            pods = list(client.list(Pod, labels={OF_JOB: self._name}))
            seen[Job].heard_elsewhere(job)
        pods = [one for one in pods if one.metadata.labels.get(OWNER) == job.metadata.uid]
        pod = max(pods, key=lambda one: str(one.metadata.creationTimestamp), default=None)
        if pod is not None and _state_of(pod):
            self._listen(pod)
        if condition := condition_of(job):
            return self._outcome(condition, pod)
        return self._waits(pod, now)

    def _listen(self, pod: Any) -> None:
        """Read the end of a pod's log."""
        import httpx2

        heard = Heard()
        try:
            heard.hear(self._runner.client.log(pod.metadata.name, container=CONTAINER, tail_lines=TAIL))
        except httpx2.HTTPStatusError as error:  # its node does not answer, or it is gone
            return self._runner.forbidden(error, "get", "pods/log")
        heard.share = max(heard.share, self.heard.share)
        self.heard = heard

    def _waits(self, pod: Any, now: float) -> End | None:
        """Say what it waits for; why it waits no more."""
        pace = self._runner.pace
        if pod is None:
            self.heard.printed = self._refused() or "No pod has been started for it yet."
            return None
        if pod.metadata.deletionTimestamp:
            if self._lasts("leaving", now) > pace.gone:
                return "evicted", "the node of its pod does not answer any more"
            return None
        waiting = _state_of(pod, "waiting")
        if waiting and waiting.reason in STUCK:
            self.heard.printed = f"Its container does not start ({waiting.reason}): {waiting.message or ''}"
            if self._lasts("stuck", now) > pace.stuck:
                return "lost", self.heard.printed
        for condition in (pod.status and pod.status.conditions) or ():
            if condition.type == "PodScheduled" and condition.status == "False":
                self.heard.printed = f"Its pod waits for a place: {condition.message or condition.reason}"
        return None

    def _lasts(self, what: str, now: float) -> float:
        """For how many seconds something has been so, of which it is said that it is so now."""
        return now - self._since.setdefault(f"{self._name} {what}", now)

    def _refused(self) -> str:
        """Why the cluster starts no pod, such as a quota of graphics cards."""
        import httpx2
        from lightkube.resources.core_v1 import Event

        wanted = {"involvedObject.name": self._name, "reason": "FailedCreate"}
        try:
            events = list(self._runner.client.list(Event, fields=wanted))
        except httpx2.HTTPStatusError as error:
            self._runner.forbidden(error, "list", "events")
            return ""
        told = [event.message for event in events if event.message]
        return f"The cluster starts no pod for it: {told[-1]}" if told else ""

    def _outcome(self, condition: Any, pod: Any) -> End | None:
        """How it ended, or None where it begins anew with more memory."""
        state = None if pod is None else _state_of(pod, "terminated")
        if end := (state and last_words(state.message)) or self.heard.end:
            return end
        if condition.type == "Complete":
            return "done", self._kind
        if pod is None:
            return "evicted", "its pod is gone, as when a node is lost"
        if "DeadlineExceeded" in (pod.status.reason, condition.reason):
            return "failed", "it took longer than it may"
        if state and state.reason == "OOMKilled":
            return self._enlarged()
        lost = [c for c in pod.status.conditions or () if c.type == "DisruptionTarget" and c.status == "True"]
        if lost or pod.status.reason in ("Evicted", "NodeLost", "Preempting", "Terminated", "NodeShutdown"):
            why = (lost and (lost[0].message or lost[0].reason)) or pod.status.message or pod.status.reason
            return "evicted", f"its pod was evicted: {why}"
        if state is None:
            return "evicted", "its pod ended without a word"
        return self.heard.ended(f"ended with status {state.exitCode}")

    def _enlarged(self) -> End | None:
        """Begin anew with twice the memory; at the second time it has failed."""
        resources = _container(self._job).get("resources", {})
        limit = resources.get("limits", {}).get("memory", "")
        if self._large or not limit:
            return "failed", f"it takes more than {limit or 'its node has'} of memory, and it is given no more"
        for part in resources.values():
            if "memory" in part:
                part["memory"] = doubled(part["memory"])
        self._job["metadata"]["name"] += LARGER
        self._there, self._large, self._due, self.heard = False, True, 0.0, Heard()
        return None


class Watch:
    """What a cluster says of the objects of a kind that have some labels; it begins anew whenever a watch breaks off.

    Args:
        runner: that has a client of the cluster.
        kind: of the objects.
        labels: that they have.
    """

    def __init__(self, runner: JobRunner, kind: Any, labels: Mapping[str, str]):
        self._runner, self._client, self._kind, self._labels = runner, runner.client, kind, dict(labels)
        self._objects, self._changed, self._changes = dict[str, Any](), dict[str, int](), 0
        self._doubts = dict[str, str]()
        self._lock, self._thread = threading.Lock(), None

    def begin(self) -> None:
        """Begin, where it has not."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._follow, daemon=True)
                self._thread.start()

    def found(self, name: str) -> Any:
        """An object as it was seen last; None where it was not."""
        return self._objects.get(name)

    def of_job(self, name: str) -> list[Any]:
        """Pods of a Job as they were seen last."""
        return [one for one in list(self._objects.values()) if (one.metadata.labels or {}).get(OF_JOB) == name]

    def changes(self, name: str) -> int:
        """Another number whenever an object, or a pod of the Job of this name, was seen to change; 0 without any."""
        return self._changed.get(name, 0)

    def heard_elsewhere(self, found: Any) -> None:
        """Begin anew where the watch missed a change for a second time, and heard nothing: its connection is dead."""
        name, known = found.metadata.name, self._objects.get(found.metadata.name)
        version = known.metadata.resourceVersion if known else ""
        if version == found.metadata.resourceVersion:
            self._doubts.pop(name, None)
        elif self._doubts.get(name) == version:
            self._doubts.pop(name, None)
            with self._lock:
                self._thread = None
            self.begin()
        else:
            self._doubts[name] = version

    def _follow(self) -> None:
        me, verb = threading.current_thread(), "list"
        while self._thread is me:
            try:
                verb = "list"
                listed = self._client.list(self._kind, labels=self._labels)
                self._take(me, {one.metadata.name: one for one in listed})
                version, verb = listed.resourceVersion, "watch"
                for event, found in self._client.watch(
                    self._kind, labels=self._labels, resource_version=version, server_timeout=300
                ):
                    if self._thread is not me:
                        return
                    if event in ("ADDED", "MODIFIED", "DELETED"):
                        self._take(me, {found.metadata.name: found}, gone=event == "DELETED", all_of_them=False)
            except Exception as error:  # too old a version, a broken connection, half a line: list them anew
                self._runner.forbidden(error, verb, f"{self._kind.__name__.lower()}s")
                if status_of(error) != 410:
                    time.sleep(self._runner.pace.look)

    def _take(
        self, me: threading.Thread, found: Mapping[str, Any], *, gone: bool = False, all_of_them: bool = True
    ) -> None:
        with self._lock:
            if self._thread is not me:
                return
            if all_of_them:
                changed, self._objects = {**self._objects, **found}, dict(found)
            elif gone:
                changed = found
                self._objects.pop(next(iter(found)), None)
            else:
                changed = found
                self._objects |= found
            self._changes += 1
            for name, one in changed.items():
                self._changed[self._job_of(name, one)] = self._changes
            if all_of_them or gone:  # of what is no more nothing is kept
                left = {self._job_of(name, one) for name, one in self._objects.items()}
                self._changed = {name: change for name, change in self._changed.items() if name in left}
                self._doubts = {name: version for name, version in self._doubts.items() if name in left}

    @staticmethod
    def _job_of(name: str, one: Any) -> str:
        return (one.metadata.labels or {}).get(OF_JOB) or name


def _template(path: Path, seconds: int) -> dict[str, Any]:
    """A Job of a file, with what all have: one pod, started once, which ends in time.

    Raises:
        ConfigError: it is none that can be used.
    """
    import yaml

    try:
        job = yaml.safe_load(path.read_text("utf-8"))
        container, labels = _container(job), job["metadata"]["labels"]
        pod = job["spec"]["template"]
        of_pod = pod.setdefault("metadata", {}).setdefault("labels", {})
        missing = [label for label in (INSTANCE, COMPONENT) if not labels.get(label)]
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError, StopIteration) as error:
        problem = f'{path} is no Job with labels and a container "{CONTAINER}" ({error}). Nothing was begun.'
        raise ConfigError(problem) from error
    if missing:
        raise ConfigError(f'{path}: the Job has no label "{missing[0]}", by which it is found. Nothing was begun.')
    of_pod |= {label: labels[label] for label in (INSTANCE, COMPONENT)}
    job |= {"apiVersion": "batch/v1", "kind": "Job"}
    once = {"backoffLimit": 0, "completions": 1, "parallelism": 1, "podReplacementPolicy": "Failed"}
    job["spec"] = {"ttlSecondsAfterFinished": 3600, **job["spec"], **once}
    pod["spec"] |= {"restartPolicy": "Never", "activeDeadlineSeconds": max(seconds, 1)}
    container.setdefault("command", ["python", "-m", "activeloop.work.child"])
    words = {"name": "ACTIVELOOP_LAST_WORDS", "value": "/dev/termination-log"}
    container["env"] = [*container.get("env", []), words]
    return job


def _container(job: Mapping[str, Any]) -> dict[str, Any]:
    """The container of a Job that does the work."""
    return next(one for one in job["spec"]["template"]["spec"]["containers"] if one["name"] == CONTAINER)


def _state_of(pod: Any, which: str = "") -> Any:
    """`running`, `waiting` or `terminated` of a pod's container, of which two are None; any but `waiting` when ""."""
    statuses = (pod.status and pod.status.containerStatuses) or ()
    states = [one.state for one in statuses if one.name == CONTAINER and one.state]
    if not states:
        return None
    return getattr(states[0], which) if which else states[0].running or states[0].terminated


def condition_of(job: Any) -> Any:
    """The condition by which a Job has ended; None while it has not."""
    conditions = (job.status and job.status.conditions) or ()
    return next((c for c in conditions if c.type in ("Complete", "Failed") and c.status == "True"), None)


def last_words(text: str | None) -> End | None:
    """How a process said that it ended; None where it did not.

    >>> last_words('{"done": "version 3"}'), last_words("Killed")
    (('done', 'version 3'), None)
    """
    try:
        told = json.loads(text or "")
    except ValueError:
        return None
    found = next(iter(told.items()), None) if isinstance(told, dict) and len(told) == 1 else None
    return (found[0], str(found[1])) if found and found[0] in ENDS else None


def doubled(quantity: str | int) -> str:
    """Twice an amount of memory.

    >>> doubled("6Gi"), doubled("1.5Gi"), doubled("6291457Ki"), doubled(1000)
    ('12Gi', '3Gi', '12582914Ki', '2000')
    """
    number, unit = re.fullmatch(r"([0-9.]+)(.*)", str(quantity)).groups()  # type: ignore[union-attr]
    return f"{2 * float(number):.15g}{unit}" if unit else f"{2 * int(float(number))}"


def status_of(error: Exception) -> int:
    """Status by which a cluster refused something; 0 where it did not answer."""
    response, status = getattr(error, "response", None), getattr(error, "status", None)
    return response.status_code if response is not None else getattr(status, "code", 0) or 0


def problem_of(error: Exception) -> str:
    """Why, in its words."""
    return getattr(getattr(error, "status", None), "message", "") or str(error) or type(error).__name__
