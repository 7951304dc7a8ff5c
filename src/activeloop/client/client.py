"""A typed client of the API: each call is repeated until it is answered, and done once."""

from __future__ import annotations

import base64
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

import httpx
from pydantic import BaseModel, TypeAdapter

import activeloop.errors
from activeloop.errors import ActiveLoopError, ConfigError, InputError, StateError, StoreError
from activeloop.server import forms

M = TypeVar("M", bound=BaseModel)
ATTEMPTS = 8
"""How often a call is made before it is given up, with longer and longer pauses: about a minute."""
AGAIN = (429, 502, 503, 504)
"""Answers after which the same call is made again."""


@dataclass
class Client:
    """A server's campaigns.

    Args:
        url: of the server, such as `http://127.0.0.1:8300`.
        token: made in its settings; "" for the one user of a laptop.
        attempts: how often a call is made before it is given up.
        transport: of httpx; the usual one when None.

    Source: RFC 9457 (problems), and the draft of the IETF on the header Idempotency-Key.
    """

    url: str
    token: str = field(default="", repr=False)
    attempts: int = ATTEMPTS
    transport: httpx.BaseTransport | None = None
    _http: httpx.Client = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise ConfigError(f'"{self.url}" is no address of a server, such as http://127.0.0.1:8300.')
        headers = {"authorization": f"Bearer {self.token}"} if self.token else {}
        base = f"{self.url.rstrip('/')}/api/v1"
        self._http = httpx.Client(base_url=base, headers=headers, timeout=120, transport=self.transport)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    # -- campaigns --------------------------------------------------------------------------------------------------

    def me(self) -> forms.MeOut:
        """Who this client is."""
        return self.get(forms.MeOut, "/me")

    def campaigns(self, search: str = "") -> list[forms.CampaignOut]:
        """All campaigns that it may see, newest first."""
        found: list[forms.CampaignOut] = []
        while True:
            page = self.get(forms.CampaignsOut, "/campaigns", search=search, offset=len(found), limit=1000)
            found += page.campaigns
            if len(found) >= page.total or not page.campaigns:
                return found

    def campaign(self, name: str) -> RemoteCampaign:
        """A campaign by its key or its name.

        Raises:
            InputError: there is none, or there are several of that name.
        """
        found = [one for one in self.campaigns() if name in (one.key, one.name)]
        if len(found) != 1:
            several = f"{len(found)} campaigns are called" if found else "the server has no campaign"
            keys = f" Name its key: {', '.join(one.key for one in found)}." if found else ""
            raise InputError(f'{several} "{name}".{keys}')
        return RemoteCampaign(self, found[0].key, found[0].name)

    def make_campaign(self, name: str, config: str, files: Mapping[str, str | bytes] | None = None) -> RemoteCampaign:
        """Make a campaign.

        Args:
            name: in the user's words.
            config: text of its `campaign.toml`.
            files: that it names, by their names.
        """
        texts = {key: one for key, one in (files or {}).items() if isinstance(one, str)}
        others = {key: base64.b64encode(one).decode() for key, one in (files or {}).items() if isinstance(one, bytes)}
        given = forms.CampaignIn(name=name, config=config, files=texts, encoded=others)
        made = self.send(forms.CampaignMade, "POST", "/campaigns", given)
        return RemoteCampaign(self, made.key, made.name)

    # -- how it is done ---------------------------------------------------------------------------------------------

    def get(self, kind: type[M], path: str, **query: Any) -> M:
        """What a path holds."""
        return kind.model_validate_json(self.call("GET", path, params=query).content)

    def send(self, kind: type[M], method: str, path: str, given: BaseModel | None = None, **how: Any) -> M:
        """The answer to something that writes; it is done once, however often it has to be sent.

        Args:
            kind: of the answer.
            method: of HTTP.
            path: of the API.
            given: what is sent.
            how: more for httpx.
        """
        if given is not None:
            how["content"] = given.model_dump_json()
            how["headers"] = {**how.get("headers", {}), "content-type": "application/json"}
        answer = self.call(method, path, **how)
        if answer.content.startswith(b'{"repeated":true'):
            events = ", ".join(map(str, answer.json()["events"]))
            raise StateError(f"this was done (event {events}), and its answer was lost: read the campaign anew.")
        return kind.model_validate_json(answer.content)

    def call(self, method: str, path: str, **how: Any) -> httpx.Response:
        """The answer to a call, which is made again while the server cannot be reached or is still at it.

        Raises:
            InputError: what was sent is wrong, or there is no such thing.
            StateError: the campaign cannot do that now.
            ConfigError: the token is missing, or does not allow it.
            StoreError: the server cannot be reached, or failed.
        """
        if method != "GET":
            how["headers"] = {"idempotency-key": uuid.uuid4().hex, **how.get("headers", {})}
        failed, pause = "", 0.25
        for attempt in range(self.attempts):
            if attempt:
                time.sleep(pause)
                pause = min(pause * 2, 20.0)
            try:
                answer = self._http.request(method, path, **how)
            except httpx.HTTPError as error:
                failed = (
                    f"{self.url} cannot be reached ({type(error).__name__}): start the server, or mend its address."
                )
                continue
            while answer.status_code == 202 and "running" in answer.json():  # the same call waits on
                answer = self._http.request(method, path, **how)
            if answer.status_code in AGAIN or _is_being_done(answer):
                failed, pause = _problem(answer), max(pause, float(answer.headers.get("retry-after", 0)))
                continue
            if answer.is_success:
                return answer
            raise _error_of(answer)
        raise StoreError(failed)


def _is_being_done(answer: httpx.Response) -> bool:
    return answer.status_code == 409 and "being done" in _problem(answer)


def _problem(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"the server answered with {answer.status_code}."


def _error_of(answer: httpx.Response) -> ActiveLoopError:
    """The error that an answer tells of, of the kind that it was on the server."""
    problem, status = _problem(answer), answer.status_code
    told: dict[str, Any] = {}
    if "json" in answer.headers.get("content-type", ""):
        told = answer.json()
    kind = getattr(activeloop.errors, str(told.get("type", "")).rpartition("#")[2], None)
    if isinstance(kind, type) and issubclass(kind, InputError):
        file, row = told.get("file"), told.get("row")
        where = ", ".join(([file] if file else []) + ([f"row {row}"] if row is not None else []))
        return kind(problem.removeprefix(f"{where}: "), file=file, row=row)
    if status in (401, 403):
        return ConfigError(f"{problem} {told.get('fix', '')}".strip())
    if status in (409, 412):
        return StateError(problem)
    return InputError(problem) if status < 500 else StoreError(problem)


@dataclass(frozen=True)
class RemoteCampaign:
    """A campaign of a server.

    Args:
        client: of the server.
        key: of the campaign.
        name: of the campaign.
    """

    client: Client
    key: str
    name: str = ""

    def _at(self, path: str) -> str:
        return f"/campaigns/{self.key}{path}"

    def status(self) -> forms.StatusOut:
        """Where it stands and what to do next."""
        return self.client.get(forms.StatusOut, self._at(""))

    def status_report(self, picture: Literal["", "png", "svg"] = "") -> forms.StatusReportOut:
        """All that the command line shows of it; with a picture of several assays where its kind is named."""
        return self.client.get(forms.StatusReportOut, self._at("/status"), picture=picture)

    def propose(self, number: int | None = None, **options: Any) -> forms.ProposalOut:
        """The next candidates on a plate; while a proposal is out, that one again.

        Args:
            number: of candidates; the server's default when None.
            options: `seed`, `another`, `retry_missing`, and `plate` with `wells`, `controls`, `replicates`, `layout`,
                `empty_edges`.
        """
        given = forms.ProposalIn.model_validate({"number": number, **options})
        return self.client.send(forms.ProposalOut, "POST", self._at("/proposals"), given)

    def proposals(self) -> list[forms.ProposalOut]:
        """Its proposals, newest first."""
        return self.client.get(forms.ProposalsOut, self._at("/proposals"), limit=1000).proposals

    def plates(self) -> list[forms.PlateOut]:
        """All plates."""
        return self.client.get(forms.PlatesOut, self._at("/plates")).plates

    def lay_again(self, number: int, **options: Any) -> forms.LaidOut:
        """Lay the plates of a proposal out anew; options as `plate` of `propose`."""
        given = forms.PlateOptionsIn.model_validate(options)
        return self.client.send(forms.LaidOut, "PUT", self._at(f"/proposals/{number}/layout"), given)

    def plate_file(self, plate: str, ending: Literal["xlsx", "csv", "svg"] = "xlsx") -> bytes:
        """A plate as a workbook, a list or a picture."""
        return self.client.call("GET", self._at(f"/plates/{plate}/file"), params={"as": ending}).content

    def picklists(
        self, number: int, robot: Literal["echo", "opentrons", "hamilton"], sources: Path | None = None, **options: Any
    ) -> forms.PickListsOut:
        """Pick lists of the plates of a proposal.

        Args:
            number: of the proposal.
            robot: that fills them.
            sources: a table of where the candidates stand; the columns of the pool's file when None.
            options: `volume`, `source_volume`, `dead_volume`, `droplet`, `controls`, `doses`, `stock`, `well_volume`,
                `name` of the file.
        """
        path, how = f"/proposals/{number}/picklists", {"for": robot, **options}
        if sources:
            return self._upload(forms.PickListsOut, path, sources, how, "sources")
        data = {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in how.items()}
        return self.client.send(forms.PickListsOut, "POST", self._at(path), data=data)

    def send_plate(self, plate: str, to: str = "", note: str = "") -> int | None:
        """Note that a plate went to whoever measures it; the number of the event, None when it is there already."""
        given = forms.SentIn(to=to, note=note)
        return self.client.send(forms.EventOut, "POST", self._at(f"/plates/{plate}/sent"), given).event

    def finish_run(
        self, plate: str, device: str, run: str, outcome: Literal["done", "failed", "stopped"] = "done", words: str = ""
    ) -> int | None:
        """Note that a device ended a run on a plate; the number of the event, None when it is there already."""
        given = forms.RunIn(device=device, run=run, outcome=outcome, words=words)
        return self.client.send(forms.EventOut, "POST", self._at(f"/plates/{plate}/runs"), given).event

    def record(
        self, measurements: Sequence[forms.MeasurementIn | Mapping[str, Any]], source: str = "", **options: Any
    ) -> forms.RecordedOut:
        """Store measured values: all of them or none.

        Args:
            measurements: `candidate`, `assay`, `value` (None = a failed well), `plate`, `well` ... of each.
            source: the device and run, or what stands for a file's name.
            options: `replaces`, `repeats`, `dry_run`.
        """
        given = forms.MeasurementsIn.model_validate({"measurements": measurements, "source": source, **options})
        return self.client.send(forms.RecordedOut, "POST", self._at("/results"), given)

    def preview_file(self, path: str | Path, **how: Any) -> forms.ResultsPreviewOut:
        """What a file of results holds and what is wrong with it; nothing is stored. Arguments as of `record_file`."""
        return self._upload(forms.ResultsPreviewOut, "/results/preview", Path(path), how)

    def record_file(self, path: str | Path, **how: Any) -> forms.RecordedOut:
        """Store the results in a file: all of it or nothing.

        Args:
            path: CSV, TSV, XLSX, or an export of an instrument's own program.
            how: `columns`, `sheet`, `plate`, `offset`, `skip_unreadable`, `replaces`, `repeats`; of an export
                `instrument`, `quantity`, `reduce`, `software`, `assay`.
        """
        return self._upload(forms.RecordedOut, "/results/file", Path(path), how)

    def _upload(self, kind: type[M], path: str, file: Path, how: Mapping[str, Any], field: str = "file") -> M:
        import json

        try:
            content = file.read_bytes()
        except FileNotFoundError as error:
            raise InputError("there is no such file. Check the name and the folder.", file=str(file)) from error
        except OSError as error:
            raise InputError(
                f"the file cannot be read ({error.strerror}). Check its name and permissions.", file=str(file)
            ) from error
        fields = {
            k: json.dumps(v) if isinstance(v, (dict, list, tuple)) else v for k, v in how.items() if v is not None
        }
        data = {k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in fields.items()}
        return self.client.send(kind, "POST", self._at(path), data=data, files={field: (file.name, content)})

    def robot(self) -> forms.RobotOut:
        """How the robotic loop stands."""
        return self.client.send(forms.RobotOut, "GET", self._at("/robot"))

    def order_robot(
        self, order: Literal["run", "pause", "stop", "release"], plate: str = "", reason: str = ""
    ) -> forms.EventOut:
        """Tell the robotic loop to run, to pause or to stop, or let a plate go to its device.

        Args:
            order: what it is told.
            plate: that is released.
            reason: why.
        """
        given = forms.RobotOrderIn(order=order, plate=plate, reason=reason)
        return self.client.send(forms.EventOut, "POST", self._at("/robot/orders"), given)

    def results(self, **query: Any) -> Iterator[forms.ResultOut]:
        """Results on record; `candidate`, `plate`, `event` or `voided` say which."""
        offset = 0
        while True:
            page = self.client.get(forms.ResultsOut, self._at("/results"), offset=offset, limit=1000, **query)
            yield from page.results
            offset += len(page.results)
            if offset >= page.total or not page.results:
                return

    def void(self, event: int, rows: Sequence[int] = (), reason: str = "") -> int:
        """Declare results wrong; how many no longer count now."""
        given = forms.VoidIn(event=event, rows=list(rows), reason=reason)
        return self.client.send(forms.VoidedOut, "POST", self._at("/voids"), given).voided

    def pin(self, names: Sequence[str], reason: str = "", offset: int | None = None) -> list[str]:
        """Put candidates on the next plate; their standard names."""
        given = forms.NamesIn(names=list(names), reason=reason, offset=offset)
        return self.client.send(forms.NamesOut, "POST", self._at("/pins"), given).names

    def veto(self, names: Sequence[str], reason: str = "", offset: int | None = None) -> list[str]:
        """Exclude candidates from all later plates; their standard names."""
        given = forms.NamesIn(names=list(names), reason=reason, offset=offset)
        return self.client.send(forms.NamesOut, "POST", self._at("/vetoes"), given).names

    def extend(self, **how: Any) -> forms.ExtensionOut:
        """Add candidates to the pool: `combine`, `candidates`, `positions` or `sites`."""
        given = forms.ExtensionIn.model_validate(how)
        return self.client.send(forms.ExtensionOut, "POST", self._at("/extensions"), given)

    def extend_by_file(self, path: str | Path, **how: Any) -> forms.ExtensionOut:
        """Add the candidates of a file to the pool; `column`, `offset`, `skip_unreadable`, `merge_duplicates`."""
        return self._upload(forms.ExtensionOut, "/extensions/file", Path(path), how)

    def assess(self, number: int | None = None) -> forms.AssessOut:
        """Whether another round of `number` candidates is worth its cost."""
        asked = {} if number is None else {"number": number}
        return self.client.get(forms.AssessOut, self._at("/assessment"), **asked)

    def explain(self, names: Sequence[str] = (), **how: Any) -> forms.ExplainOut:
        """Why candidates are predicted as they are; without names why those of the last proposal were picked.

        Args:
            names: in any notation.
            how: `offset`, and `picture`: "png" or "svg".
        """
        given = forms.ExplainIn(names=list(names), **how)
        return self.client.send(forms.ExplainOut, "POST", self._at("/explanations"), given)

    def candidates(self, **query: Any) -> forms.CandidatesOut:
        """A page of the candidates; `search`, `state`, `sort`, `worst`, `offset`, `limit` say which."""
        return self.client.get(forms.CandidatesOut, self._at("/candidates"), **query)

    def predict(self, names: Sequence[str], offset: int | None = None) -> forms.PredictionsOut:
        """Predict candidates, of the pool or not, by the current version."""
        given = forms.PredictIn(names=list(names), offset=offset)
        return self.client.send(forms.PredictionsOut, "POST", self._at("/predictions"), given)

    def fit(self, *, again: bool = False) -> forms.VersionOut:
        """Fit a version now; the last one when nothing came since."""
        return self.client.send(forms.VersionOut, "POST", self._at("/versions"), params={"again": again})

    def versions(self) -> forms.VersionsOut:
        """All versions, newest first."""
        return self.client.get(forms.VersionsOut, self._at("/versions"))

    def promote(self, version: int, reason: str) -> forms.VersionOut:
        """Make a version current."""
        given = forms.PromoteIn(version=version, reason=reason)
        return self.client.send(forms.VersionOut, "PUT", self._at("/versions/current"), given)

    def distil(self, **how: Any) -> forms.StudentOrdered:
        """Let the server's worker train a student of the current version; `work` and `students` show what came of it.

        Args:
            how: `network`, `width`, `layers`, `min_spearman`, `int8`, `seed`, `again`.
        """
        return self.client.send(forms.StudentOrdered, "POST", self._at("/students"), forms.StudentIn(**how))

    def students(self) -> list[forms.StudentOut]:
        """All students, newest first."""
        return self.client.get(forms.StudentsOut, self._at("/students")).students

    def student_file(self, number: int) -> bytes:
        """The file of a student."""
        return self.client.call("GET", self._at(f"/students/{number}/file")).content

    def student_page(self, number: int) -> bytes:
        """A student as a page that predicts in any browser, offline."""
        return self.client.call("GET", self._at(f"/students/{number}/page")).content

    def eln(self) -> bytes:
        """Everything of the campaign as a file for electronic laboratory notebooks."""
        return self.client.call("GET", self._at("/eln")).content

    def work(self) -> list[forms.WorkOut]:
        """What is done by itself."""
        answer = self.client.call("GET", self._at("/work")).content
        return TypeAdapter(list[forms.WorkOut]).validate_json(answer)

    def events(self, after: int = 0) -> Iterator[forms.LoggedOut]:
        """Events of its log, in order."""
        while True:
            page = self.client.get(forms.EventsOut, self._at("/events"), after=after, limit=1000)
            yield from page.events
            if len(page.events) < 1000:
                return
            after = page.events[-1].sequence
