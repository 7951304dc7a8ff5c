"""An emulation of what a Kubernetes cluster does for Jobs: an HTTP server on loopback and a seeded fake controller.

It answers the paths that `activeloop.work.jobs` uses (Jobs, pods, their logs, events; create, get, list, watch, delete)
and drives each Job from pending to its end. What a pod would run runs as a process of this machine, so that it can be
killed, or go on although its node counts as lost. It is no Kubernetes, and nothing was tested on one: it does what the
documentation of Kubernetes says, and only that which is written here.

What goes wrong is drawn from a seed: the moment and the kind of each fault of a pod, errors and lost answers of the
server, watches that break off in the middle of a line, fall silent or are too far behind.

Sources: https://kubernetes.io/docs/concepts/workloads/controllers/job/ and
https://kubernetes.io/docs/reference/using-api/api-concepts/ (watches, 410 Gone, propagation of deletions).
"""

from __future__ import annotations

import copy
import json
import multiprocessing
import os
import re
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np

NAMESPACE = "laboratory"
TICK = 0.03
"""Seconds between two steps of the controller."""
CARDS = "nvidia.com/gpu"
PATH = re.compile(
    r"/(?:api|apis/batch)/v1/namespaces/(?P<namespace>[^/]+)/(?P<kind>jobs|pods|events)(?:/(?P<name>[^/]+)(?P<log>/log)?)?"
)
KINDS = {"jobs": ("batch/v1", "Job"), "pods": ("v1", "Pod"), "events": ("v1", "Event")}
FAULTS = ("evicted", "out of memory", "node lost", "job deleted", "started twice", "no image", "killed")
"""What may happen to a pod."""
OF_SERVER = ("error", "too many requests", "answer lost", "watch cut", "watch silent", "watch too old", "outage")
"""What may happen to a request."""
GRACE = 0.3
"""Seconds that a process is given to end by itself; 30 in Kubernetes."""
PRELOAD = (
    "activeloop.work.child",
    "activeloop.campaigns.promotion",
    "activeloop.models.calibration.learner",
    "activeloop.models.history",
    "activeloop.store.projections",
    "alembic.command",
    "obstore.store",
    "scipy.optimize",
    "scipy.spatial",
    "sqlalchemy.dialects.sqlite",
    "sqlalchemy.dialects.postgresql",
)
"""What every pod's process imports, once for all of them."""


@dataclass(frozen=True)
class Faults:
    """How often something goes wrong.

    Args:
        seed: of all of it.
        pods: share of pods to which something happens.
        requests: share of requests that fail.
        kinds: what may happen to a pod.
        large: whether memory runs out also of Jobs that were given more.
    """

    seed: int = 0
    pods: float = 0.0
    requests: float = 0.0
    kinds: tuple[str, ...] = FAULTS
    large: bool = False


@dataclass
class _Pod:
    """What the controller knows of a pod beside its object."""

    job: str
    owner: str
    starts: float
    fault: str = ""
    at: float = 0.0
    processes: list[Any] = field(default_factory=list)
    ends: float = 0.0
    words: Path = Path()
    log: Path = Path()


class Cluster:
    """The emulation; close it at the end.

    Args:
        folder: for the logs of pods.
        secret: environment that a pod takes from its Secret.
        faults: what goes wrong.
        cards: graphics cards of the cluster, which is the quota of its namespace, too.
        run: what the container of a pod does instead of its command, in a process of its own.
    """

    def __init__(
        self,
        folder: Path,
        secret: Mapping[str, str],
        faults: Faults | None = None,
        cards: int = 1,
        run: Callable[[], int] | None = None,
    ):
        self.folder, self.secret, self.faults, self.cards = folder, dict(secret), faults or Faults(), cards
        self.happened: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self.forbidden: set[str] = set()
        """What the caller may not do, as in `calls`."""
        self.objects: dict[str, dict[str, dict[str, Any]]] = {kind: {} for kind in KINDS}
        self.closed, self.down_until = False, 0.0
        self.change = threading.Condition(threading.RLock())
        self.history: list[tuple[int, str, str, dict[str, Any]]] = []
        self._version, self._pods, self._zombies = 0, dict[str, _Pod](), list[Any]()
        self._rng, self._count, self._run = np.random.default_rng([self.faults.seed, 1]), 0, run or contained
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["benchmarks.emulator", *PRELOAD])
        folder.mkdir(parents=True, exist_ok=True)
        self._server = _Server(("127.0.0.1", 0), _Answer)
        self._server.cluster = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._threads = [threading.Thread(target=t, daemon=True) for t in (self._serve, self._control)]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """End it, and every process that it started."""
        with self.change:
            self.closed = True
            self.change.notify_all()
        self._server.shutdown()
        for thread in self._threads:
            thread.join()
        self._server.server_close()
        for process in self.processes():
            process.kill()
            process.join()

    def processes(self) -> list[Any]:
        """Those of pods that are running, also of pods that are no more."""
        with self.change:
            found = [process for pod in self._pods.values() for process in pod.processes] + self._zombies
        return [process for process in found if process.is_alive()]

    def _serve(self) -> None:
        self._server.serve_forever(poll_interval=0.05)

    # -- objects ------------------------------------------------------------------------------------------------------

    def put(self, kind: str, found: dict[str, Any], event: str = "MODIFIED") -> None:
        """Store an object as it is now, and tell the watches."""
        with self.change:
            self._version += 1
            found["metadata"]["resourceVersion"] = str(self._version)
            kept = copy.deepcopy(found)
            if event == "DELETED":
                self.objects[kind].pop(found["metadata"]["name"], None)
            else:
                self.objects[kind][found["metadata"]["name"]] = found
            self.history.append((self._version, kind, event, kept))
            self.change.notify_all()

    def listed(self, kind: str, query: Mapping[str, str]) -> dict[str, Any]:
        """A list of objects, and the version that it is of."""
        with self.change:
            items = [copy.deepcopy(one) for one in self.objects[kind].values() if selected(one, query)]
            api, name = KINDS[kind]
            told = {"resourceVersion": str(self._version)}
            return {"apiVersion": api, "kind": f"{name}List", "metadata": told, "items": items}

    def created(self, kind: str, found: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Create an object: status and answer."""
        with self.change:
            name = found["metadata"]["name"]
            if name in self.objects[kind]:
                return refused(409, "AlreadyExists", f'{kind} "{name}" already exists')
            if not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", name):
                return refused(422, "Invalid", f'{kind} "{name}" is invalid: metadata.name')
            found["metadata"] |= {"uid": f"uid-{self._version}", "creationTimestamp": stamp(), "namespace": NAMESPACE}
            found |= {"status": {}, "apiVersion": KINDS[kind][0], "kind": KINDS[kind][1]}
            self.put(kind, found, "ADDED")
            return 201, copy.deepcopy(found)

    def deleted(self, kind: str, name: str, policy: str) -> tuple[int, dict[str, Any]]:
        """Delete an object: status and answer. What a Job owns stays, unless the policy says otherwise."""
        with self.change:
            found = self.objects[kind].get(name)
            if found is None:
                return refused(404, "NotFound", f'{kind} "{name}" not found')
            self.put(kind, found, "DELETED")
            if kind == "jobs" and policy in ("Background", "Foreground"):
                for pod_name, pod in list(self._pods.items()):
                    if pod.job == name and pod_name in self.objects["pods"]:
                        self._leave(pod_name, pod)
            return 200, {"apiVersion": "v1", "kind": "Status", "status": "Success"}

    # -- the controller -----------------------------------------------------------------------------------------------

    def _control(self) -> None:
        while not self.closed:
            with self.change:
                waiting = [job for job in self.objects["jobs"].values() if not ended(job) and not self._of(job)]
                for job in sorted(waiting, key=lambda one: -priority_of(one)):
                    self._begin(job)
                for name, pod in list(self._pods.items()):
                    self._step(name, pod)
                for job in list(self.objects["jobs"].values()):
                    self._conclude(job)
                self._zombies = [process for process in self._zombies if process.is_alive()]
                if self.faults.requests and self._rng.random() < 0.002:
                    self.happened["outage"] += 1
                    self.down_until = time.monotonic() + float(self._rng.uniform(0.2, 1.5))
                if self.faults.requests and self._rng.random() < 0.01:
                    del self.history[:-2]  # compacted: who is behind must list anew
            time.sleep(TICK)

    def _of(self, job: Mapping[str, Any]) -> list[str]:
        return [name for name, pod in self._pods.items() if pod.owner == job["metadata"]["uid"]]

    def _begin(self, job: dict[str, Any]) -> None:
        """Create the pod of a Job, where the quota allows; a pod of less priority makes room."""
        name, cards = job["metadata"]["name"], cards_of(job["spec"]["template"])
        if job["spec"].get("suspend"):
            return
        if job["status"].get("active") is not None:  # it had its pod: there is no second one (backoffLimit 0)
            return
        there = {n: pod for n in self._pods if (pod := self.objects["pods"].get(n))}
        held = {n: cards_of(pod) for n, pod in there.items() if pod["status"]["phase"] in ("Pending", "Running")}
        if cards and cards + sum(held.values()) > self.cards:
            lower = [n for n in held if held[n] and priority_of(self.objects["pods"][n]) < priority_of(job)]
            running = [n for n in lower if self.objects["pods"][n]["status"]["phase"] == "Running"]
            if running and not self._pods[running[0]].ends:
                self._evict(running[0], self._pods[running[0]], "PreemptionByScheduler")
            elif f"{name}-quota" not in self.objects["events"]:
                words = f"exceeded quota: cards, requested: requests.{CARDS}={cards}, limited: {self.cards}"
                event = {
                    "metadata": {"name": f"{name}-quota"},
                    "involvedObject": {"name": name, "kind": "Job"},
                    "reason": "FailedCreate",
                    "message": f"Error creating: pods is forbidden: {words}",
                }
                self.created("events", event)
                self.happened["waited for a card"] += 1
            return
        self._count += 1
        rng = np.random.default_rng([self.faults.seed, 2, self._count])
        pod = copy.deepcopy(job["spec"]["template"])
        labels = pod.setdefault("metadata", {}).setdefault("labels", {})
        labels |= {"batch.kubernetes.io/job-name": name, "batch.kubernetes.io/controller-uid": job["metadata"]["uid"]}
        pod["metadata"]["name"] = pod_name = f"{name}-{self._count:05d}"[-63:].lstrip("-")
        self.created("pods", pod)
        pod["status"] = {"phase": "Pending"}
        known = _Pod(name, job["metadata"]["uid"], time.monotonic() + float(rng.uniform(0.0, 0.4)))
        known.log, known.words = self.folder / f"{pod_name}.log", self.folder / f"{pod_name}.words"
        if rng.random() < self.faults.pods and self.faults.kinds:
            known.fault = str(rng.choice(self.faults.kinds))
            known.at = float(rng.exponential(0.5)) if rng.random() < 0.8 else 0.0
            if known.fault == "out of memory" and name.endswith("-large") and not self.faults.large:
                known.fault = ""
        self._pods[pod_name] = known
        job["status"] = {"active": 1, "startTime": stamp()}
        self.put("pods", pod)
        self.put("jobs", job)

    def _step(self, name: str, pod: _Pod) -> None:
        """One step of a pod."""
        found, now = self.objects["pods"].get(name), time.monotonic()
        if found is None:
            return
        if pod.ends:
            if now > pod.ends:
                self._stop(pod)
                self._gone(name, found)
            return
        if found["status"]["phase"] == "Pending" and now > pod.starts:
            if pod.fault == "no image":
                self.happened[pod.fault] += 1
                pod.fault, pod.starts = "", now + 0.5
                found["status"] |= container({"waiting": {"reason": "ErrImagePull", "message": "not found"}})
                self.put("pods", found)
                return
            self._start(name, pod, found)
            pod.at += now
            found["status"] |= {"phase": "Running"} | container({"running": {"startedAt": stamp()}})
            self.put("pods", found)
        elif found["status"]["phase"] == "Running":
            if not any(process.is_alive() for process in pod.processes):
                self._terminated(found, pod, "", pod.processes[0].exitcode)
            elif pod.fault and now > pod.at:
                self._happen(name, pod, found)

    def _happen(self, name: str, pod: _Pod, found: dict[str, Any]) -> None:
        """What goes wrong with a pod, at the moment that was drawn for it."""
        fault, pod.fault = pod.fault, ""
        self.happened[fault] += 1
        if fault == "evicted":
            self._evict(name, pod, "EvictionByEvictionAPI")
        elif fault in ("out of memory", "killed"):
            self._stop(pod)
            self._terminated(found, pod, "OOMKilled" if fault == "out of memory" else "Error", 137)
        elif fault == "node lost":  # its process goes on: the network alone is cut
            found["metadata"]["deletionTimestamp"] = stamp()
            found["status"]["conditions"] = [disruption("DeletionByTaintManager")]
            self.put("pods", found)
            self._zombies += pod.processes
            pod.processes, pod.ends = [], time.monotonic() + float(self._rng.uniform(0.3, 4.0))
        elif fault == "job deleted":
            self.deleted("jobs", pod.job, "Background")
        elif fault == "started twice":
            self._start(name, pod, found)

    def _start(self, name: str, pod: _Pod, found: Mapping[str, Any]) -> None:
        spec = found["spec"]["containers"][0]
        variables = {one["name"]: one["value"] for one in spec.get("env", []) if "value" in one}
        environment = {**self.secret, **variables, "ACTIVELOOP_LAST_WORDS": str(pod.words)}
        process = self._context.Process(target=in_pod, args=(self._run, environment, str(pod.log)), daemon=True)
        process.start()
        pod.processes.append(process)

    def _stop(self, pod: _Pod) -> None:
        for process in pod.processes:
            process.kill()
            process.join()

    def _evict(self, name: str, pod: _Pod, why: str) -> None:
        self._stop(pod)
        found = self.objects["pods"][name]
        found["status"]["conditions"] = [disruption(why)]
        self.happened["preempted"] += why == "PreemptionByScheduler"
        self._terminated(found, pod, "Error", 137)

    def _terminated(self, found: dict[str, Any], pod: _Pod, reason: str, code: int) -> None:
        code = code if code >= 0 else 128 - code
        told = {"exitCode": code, "reason": reason or ("Error" if code else "Completed"), "finishedAt": stamp()}
        if pod.words.exists():
            told["message"] = pod.words.read_text("utf-8")[:4096]
        found["status"] |= {"phase": "Failed" if code else "Succeeded"} | container({"terminated": told})
        self.put("pods", found)

    def _leave(self, name: str, pod: _Pod) -> None:
        """Let a pod end: its process is told, and killed a little later."""
        found = self.objects["pods"][name]
        found["metadata"]["deletionTimestamp"] = stamp()
        for process in pod.processes:
            if process.is_alive():
                process.terminate()
        if not pod.ends:
            pod.ends = time.monotonic() + GRACE
        self.put("pods", found)

    def _gone(self, name: str, found: dict[str, Any]) -> None:
        self._pods[name].ends = 0.0
        self.put("pods", found, "DELETED")

    def _conclude(self, job: dict[str, Any]) -> None:
        """Say that a Job has ended when its pod has."""
        if ended(job) or job["status"].get("active") is None:
            return
        pods = [self.objects["pods"][n] for n in self._of(job) if n in self.objects["pods"]]
        phases = [pod["status"]["phase"] for pod in pods]
        if "Succeeded" in phases:
            kind, reason = "Complete", "CompletionsReached"
        elif not pods or "Failed" in phases:
            kind, reason = "Failed", "BackoffLimitExceeded"
        else:
            return
        job["status"] |= {"active": 0, "conditions": [{"type": kind, "status": "True", "reason": reason}]}
        self.put("jobs", job)

    # -- what goes wrong with requests --------------------------------------------------------------------------------

    def trouble(self, watch: bool) -> str:
        """What happens to this request; "" for nothing."""
        with self.change:
            if time.monotonic() < self.down_until:
                return "outage"
            if self._rng.random() >= self.faults.requests:
                return ""
            kinds = OF_SERVER[3:6] if watch else OF_SERVER[:3]
            chosen = str(self._rng.choice(kinds))
            self.happened[chosen] += 1
            return chosen


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    cluster: Cluster

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: clients are killed here."""


class _Answer(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: _Server  # type: ignore[reportIncompatibleVariableOverride]

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is printed."""

    def _asked(self) -> None:
        cluster, parts = self.server.cluster, urlsplit(self.path)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        body = self.rfile.read(int(self.headers.get("Content-Length", 0) or 0))
        found = PATH.fullmatch(parts.path)
        if not found or found["namespace"] != NAMESPACE:
            return self._tell(*refused(404, "NotFound", f"the server could not find {parts.path}"))
        kind, name, watch = found["kind"], found["name"], query.get("watch") == "true"
        verb = "log" if found["log"] else "watch" if watch else self.command if name or body else "list"
        cluster.calls[call := f"{verb.lower()} {kind}"] += 1
        if call in cluster.forbidden:
            return self._tell(*refused(403, "Forbidden", f"{kind} is forbidden: the caller cannot {call}"))
        trouble = cluster.trouble(watch)
        if trouble == "outage":
            self.close_connection = True
            return self.connection.close()
        if trouble == "error":
            return self._tell(*refused(500, "InternalError", "etcdserver: request timed out"))
        if trouble == "too many requests":
            return self._tell(*refused(429, "TooManyRequests", "too many requests, please try again later"))
        if watch:
            return self._watch(kind, query, trouble)
        answer: tuple[int, Any]
        if self.command == "POST":
            answer = cluster.created(kind, json.loads(body))
        elif self.command == "DELETE":
            answer = cluster.deleted(kind, name, query.get("propagationPolicy", ""))
        elif found["log"]:
            answer = self._log(name, query)
        elif name:
            with cluster.change:
                there = copy.deepcopy(cluster.objects[kind].get(name))
            answer = (200, there) if there else refused(404, "NotFound", f'{kind} "{name}" not found')
        else:
            answer = 200, cluster.listed(kind, query)
        if trouble == "answer lost":
            self.close_connection = True
            return self.connection.close()
        return self._tell(*answer)

    do_GET = do_POST = do_DELETE = _asked

    def _log(self, name: str, query: Mapping[str, str]) -> tuple[int, Any]:
        cluster = self.server.cluster
        with cluster.change:
            there = name in cluster.objects["pods"]
        path = cluster.folder / f"{name}.log"
        if not there or not path.exists():
            return refused(400 if there else 404, "BadRequest", f'container "work" in pod "{name}" is waiting to start')
        lines = path.read_text("utf-8", errors="replace").splitlines(keepends=True)
        return 200, "".join(lines[-int(query.get("tailLines", len(lines))) :])

    def _tell(self, status: int, answer: Any) -> None:
        text = answer if isinstance(answer, str) else json.dumps(answer)
        body, kind = text.encode(), "text/plain" if isinstance(answer, str) else "application/json"
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _watch(self, kind: str, query: Mapping[str, str], trouble: str) -> None:
        """Changes since a version, until the watch ends or breaks off."""
        cluster, last = self.server.cluster, int(query.get("resourceVersion", 0) or 0)
        late = time.monotonic() + float(query.get("timeoutSeconds", 60))
        breaks = time.monotonic() + float(np.random.default_rng(last).uniform(0, 2)) if trouble else late
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Connection", "close")
        self.end_headers()
        with cluster.change:
            oldest = cluster.history[0][0] if cluster.history else 0
            behind = trouble == "watch too old" or (last + 1 < oldest and last < cluster._version)
        if behind:
            status = refused(410, "Expired", f"too old resource version: {last}")[1]
            return self._line({"type": "ERROR", "object": status})
        while not cluster.closed and time.monotonic() < late and time.monotonic() >= cluster.down_until:
            with cluster.change:
                cluster.change.wait(0.1)
                news = [one for one in cluster.history if one[0] > last]
            if trouble and time.monotonic() > breaks:
                if trouble == "watch cut":
                    self.wfile.write(b'{"type": "MODIFIED", "object": {"kind"')
                    return None
                time.sleep(2.0)  # silent, and what happened meanwhile is never told
                return None
            for version, changed, event, found in news:
                last = version
                if changed == kind and selected(found, query):
                    self._line({"type": event, "object": found})
        return None

    def _line(self, told: Mapping[str, Any]) -> None:
        self.wfile.write(json.dumps(told).encode() + b"\n")
        self.wfile.flush()


TEMPLATE = """
metadata:
  labels: {app.kubernetes.io/instance: lab, app.kubernetes.io/component: job}
spec:
  template:
    spec:
      containers:
        - name: work
          image: activeloop
          resources:
            requests: {memory: 1Gi, cpu: "1"}
            limits: {memory: 2Gi}
"""
"""A Job as the chart renders it, without what the emulation does not look at."""


def client_of(cluster: Cluster) -> Any:
    """A client of lightkube that talks to an emulation."""
    import httpx2
    from lightkube import Client, KubeConfig
    from lightkube.config.models import Cluster as Server
    from lightkube.config.models import User

    config = KubeConfig.from_one(cluster=Server(server=cluster.url), user=User(token="emulated"), namespace=NAMESPACE)
    return Client(config.get(), timeout=httpx2.Timeout(2.0), trust_env=False)


def in_pod(run: Callable[[], int], environment: Mapping[str, str], log: str) -> None:
    """What a container does, in a process of its own: its output goes to the pod's log."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.environ.update(environment)
    with open(log, "ab", buffering=0) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)
    status = run()
    sys.stdout.flush()
    os._exit(status)


def contained() -> int:
    """The command of the templates: `python -m activeloop.work.child`."""
    from activeloop.work.child import main

    return main()


def refused(code: int, reason: str, message: str) -> tuple[int, dict[str, Any]]:
    """Status and answer of a request that is refused."""
    told = {"status": "Failure", "code": code, "reason": reason, "message": message, "metadata": {}}
    return code, {"apiVersion": "v1", "kind": "Status", **told}


def selected(found: Mapping[str, Any], query: Mapping[str, str]) -> bool:
    """Whether an object is among those that the selectors of a request choose."""
    labels = found["metadata"].get("labels", {})
    for part in filter(None, query.get("labelSelector", "").split(",")):
        key, _, value = part.partition("=")
        if labels.get(key) != value:
            return False
    for part in filter(None, query.get("fieldSelector", "").split(",")):
        path, _, value = part.partition("=")
        there: Any = found
        for key in path.split("."):
            there = there.get(key, {})
        if there != value:
            return False
    return True


def ended(job: Mapping[str, Any]) -> bool:
    """Whether a Job has a condition by which it ended."""
    return any(one["status"] == "True" for one in job["status"].get("conditions", []))


def container(state: Mapping[str, Any]) -> dict[str, Any]:
    """The status of a pod's only container."""
    always = {"image": "", "imageID": "", "ready": False, "restartCount": 0}
    return {"containerStatuses": [{"name": "work", "state": dict(state), **always}]}


def disruption(why: str) -> dict[str, Any]:
    """The condition of a pod that is taken from its node."""
    return {"type": "DisruptionTarget", "status": "True", "reason": why, "message": f"taken from its node: {why}"}


def cards_of(pod: Mapping[str, Any]) -> int:
    """Graphics cards that a pod asks for."""
    limits = [one.get("resources", {}).get("limits", {}) for one in pod["spec"]["containers"]]
    return sum(int(limit.get(CARDS, 0)) for limit in limits)


def priority_of(found: Mapping[str, Any]) -> int:
    """Of a Job or a pod: that of its class, of which the emulation knows `high`."""
    spec = found["spec"].get("template", found)["spec"]
    return int(spec.get("priorityClassName") == "high")


def stamp() -> str:
    """This moment as Kubernetes writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
