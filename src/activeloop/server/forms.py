"""What goes in and out over HTTP, as typed models; OpenAPI describes the API by them."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from activeloop.words import fields_named

Role = Literal["reader", "robot", "scientist", "owner"]
"""What somebody may do: each may do what those before it may."""


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


Number = Annotated[float | None, BeforeValidator(_finite)]
"""A number; null where there is none, since JSON has no NaN."""
Text = Annotated[str, Field(max_length=2_000)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Names = Annotated[list[Name], Field(min_length=1, max_length=10_000)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]


class In(BaseModel):
    """A request; what is not known is refused, not ignored."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class Out(BaseModel):
    """An answer, made of an object with these attributes."""

    model_config = ConfigDict(from_attributes=True)


class Problem(BaseModel):
    """What is wrong, and what to do (RFC 9457, `application/problem+json`)."""

    type: str
    title: str
    status: int
    detail: str
    fix: str
    file: str | None = None
    row: int | None = None
    problems: list[dict[str, Any]] | None = None


class Repeated(BaseModel):
    """A request was done before, and its answer was lost: these are the numbers of its events."""

    repeated: Literal[True]
    events: list[int]


class Running(BaseModel):
    """It takes longer: repeat the request with the same `Idempotency-Key` to wait on."""

    running: Literal[True] = True
    fix: str = "Repeat the request with the same Idempotency-Key."


# -- campaigns --------------------------------------------------------------------------------------------------------


class CampaignOut(Out):
    """A campaign in the list of all."""

    key: str
    name: str
    created: str
    last: Annotated[int, Field(description="number of its last event")]
    role: Role
    archived: bool = False


class CampaignsOut(BaseModel):
    """A page of the list."""

    campaigns: list[CampaignOut]
    total: int


class CampaignIn(In):
    """A new campaign: the text of its `campaign.toml`, and files that it names."""

    name: Name
    config: Annotated[str, Field(max_length=1_000_000, description="the text of campaign.toml")]
    files: Annotated[
        dict[str, str], Field(max_length=8, description="name of a file that the config names -> its text")
    ] = {}
    encoded: Annotated[
        dict[str, str], Field(max_length=8, description="likewise of files that are no text, such as XLSX -> base64")
    ] = {}


class PreviewIn(In):
    """A campaign to look at before it is made."""

    config: Annotated[str, Field(max_length=1_000_000)]
    files: Annotated[dict[str, str], Field(max_length=8)] = {}
    plate: Annotated[bool, Field(description="whether a first plate is chosen, too")] = False


class CampaignMade(BaseModel):
    """A campaign that was made."""

    key: str
    name: str


class ConfigurationOut(BaseModel):
    """How a campaign is configured."""

    config: str
    last: int


class ConfigurationIn(In):
    """Another text of `campaign.toml`, and files that are new or other ones."""

    config: Annotated[str, Field(max_length=1_000_000)]
    files: Annotated[dict[str, str], Field(max_length=8)] = {}


class NameIn(In):
    """Another name."""

    name: Name


class AssayOut(Out):
    """What is measured."""

    name: str
    unit: str
    goal: str
    scale: str
    lower: Number
    upper: Number
    threshold: Number
    binary: bool


class LeaderOut(Out):
    """The best candidate in one assay."""

    assay: str
    unit: str
    name: str
    value: Number
    error: Number
    measured: Number
    side: str


class WorkOut(Out):
    """Something that is done by itself: a fit, a student."""

    kind: str
    stage: str
    share: Number
    words: str
    printed: str
    due: bool
    attempts: int
    owner: str


class StatusOut(Out):
    """Where a campaign stands and what to do next."""

    key: str
    name: str
    role: Role
    last: int
    pool: str
    size: int
    kind: str
    goal: str
    assays: list[AssayOut]
    rounds: int
    proposals: int
    outstanding: int | None
    measured: int
    results: int
    voided: int
    control_results: int
    awaiting: list[str]
    missing: list[str]
    pinned: dict[str, str]
    vetoed: dict[str, str]
    leaders: list[LeaderOut]
    hits: int | None
    best_by_round: list[Number]
    versions: int
    current: int | None
    student: int | None
    stale: bool
    next_step: str
    work: list[WorkOut]


# -- candidates -------------------------------------------------------------------------------------------------------


class CandidatePredictionOut(Out):
    """What is predicted of a candidate in one assay."""

    assay: str
    unit: str
    mean: Number
    sd: Number
    low: Number
    high: Number


class MeasuredValueOut(Out):
    """What was measured of a candidate in one assay."""

    assay: str
    unit: str
    value: Number
    error: Number
    side: str


class CandidateOut(Out):
    """A candidate of the pool, what was measured of it and what is predicted."""

    row: int
    name: str
    called: str
    state: str
    acquisition: Number
    predictions: list[CandidatePredictionOut]
    measured: list[MeasuredValueOut]
    proposal: Annotated[int, Field(description="number of the last proposal that it is in; 0 for none")]
    reason: str
    why: Annotated[str, Field(description="why it is pinned or vetoed")]
    labels: list[tuple[str, str]]


class CandidatesOut(Out):
    """A page of the candidates."""

    candidates: list[CandidateOut]
    start: int
    matching: int
    total: int
    states: dict[str, int]
    version: Annotated[int, Field(description="that predicts; 0 for the prior")]
    assays: Annotated[list[str], Field(description="that are predicted; none where nothing is predicted yet")]
    by: str
    sorts: list[str]
    note: str


class NamesIn(In):
    """Candidates, in any notation."""

    names: Names
    reason: Text = ""
    offset: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] | None = None


class NamesOut(BaseModel):
    """Candidates in the notation of the pool."""

    names: list[str]
    last: int


class ExtensionIn(In):
    """Candidates to add to the pool, in one way."""

    combine: Annotated[int, Field(ge=2, le=20)] | None = None
    candidates: Annotated[list[Name], Field(max_length=100_000)] = []
    positions: Text = ""
    sites: Text = ""
    budget: Count | None = None
    force: bool = False
    offset: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] | None = None


class ExtensionOut(BaseModel):
    """What was added; `report` is all of it, with the best combinations."""

    added: int
    known: int
    size: int
    event: int | None
    origin: str
    notes: list[str]
    report: dict[str, Any]


class ExplainIn(In):
    """Candidates to explain, in any notation; none = the picks that are out, else the last ones."""

    names: Annotated[list[Name], Field(max_length=100)] = []
    offset: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] | None = None
    picture: Annotated[Literal["", "png", "svg"], Field(description="what each exchange adds, as a picture")] = ""


class ExplainOut(BaseModel):
    """Why candidates are predicted as they are, or were picked."""

    explanations: list[dict[str, Any]]
    proposal: dict[str, Any] | None
    called: Annotated[dict[str, str], Field(description="standard name -> what people call it, where that differs")]
    picture: Annotated[str, Field(description="base64")] = ""


class PredictIn(In):
    """Candidates to predict, in any notation, of the pool or not."""

    names: Names
    offset: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] | None = None


class AssayPrediction(BaseModel):
    """The prediction of one candidate in one assay."""

    mean: Number
    sd: Number
    low: Number
    high: Number


class PredictedOut(BaseModel):
    """The predictions of one candidate."""

    name: str
    outside: Annotated[bool, Field(description="whether it is not in the pool")]
    predictions: dict[str, AssayPrediction]


class PredictionsOut(BaseModel):
    """Predictions by one version."""

    version: int
    classes: bool
    candidates: list[PredictedOut]


# -- proposals and plates ---------------------------------------------------------------------------------------------


class PickPredictionOut(Out):
    """What is predicted of a pick in one assay."""

    assay: str
    mean: Number
    low: Number
    high: Number


class PickOut(Out):
    """A proposed candidate."""

    name: str
    called: str
    rank: int
    score: Number
    mean: Number
    low: Number
    high: Number
    reason: str
    predictions: list[PickPredictionOut]
    labels: list[tuple[str, str]] = []


class PlateOptionsIn(In):
    """How plates are laid out; what is left out is as for the last plate, else as configured."""

    wells: Annotated[int, Field(ge=1, le=1536)] | None = None
    controls: Annotated[int, Field(ge=0, le=1536)] | None = None
    replicates: Annotated[int, Field(ge=1, le=1536)] | None = None
    layout: Literal["auto", "compact", "by-column", "random"] | None = None
    empty_edges: bool | None = None


class ProposalIn(In):
    """The next candidates, on a plate."""

    number: Annotated[int, Field(ge=1, le=100_000)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    plate: PlateOptionsIn = PlateOptionsIn()
    another: bool = False
    retry_missing: bool = False


class ProposalOut(Out):
    """What to test next."""

    number: int
    version: int
    seed: int
    policy: str
    picks: list[PickOut]
    plates: list[str] = []
    again: bool = False
    notes: list[str] = []


class ProposalsOut(BaseModel):
    """All proposals, newest first."""

    proposals: list[ProposalOut]


class WellOut(Out):
    """The content of a well."""

    candidate: str
    replicate: int
    control: bool


class PlateOut(BaseModel):
    """A plate."""

    id: str
    size: int
    wells: dict[str, WellOut]
    sent: str = ""


class PlatesOut(BaseModel):
    """All plates."""

    plates: list[PlateOut]
    notes: list[str]


class LaidOut(BaseModel):
    """The plates of a proposal, laid out anew."""

    number: int
    plates: list[PlateOut]
    notes: list[str]


class SentIn(In):
    """A plate went to whoever measures it."""

    to: Text = ""
    note: Text = ""


class RunIn(In):
    """A device ended a run on a plate."""

    device: Name
    run: Name
    outcome: Literal["done", "failed", "stopped"]
    files: Annotated[dict[str, str], Field(max_length=100)] = {}
    words: Text = ""


class PreviewOut(Out):
    """The pool and the first plate of a campaign that is not made."""

    pool: str
    kind: str
    size: int
    first: list[str]
    proposal: ProposalOut | None
    plates: list[PlateOut]


class PickListsOut(BaseModel):
    """Pick lists of the plates of a proposal; of doses also the list of them, which `activeloop curves` reads."""

    files: Annotated[dict[str, str], Field(description="name -> text")]
    decks: Annotated[list[str], Field(description="of an Opentrons: where each source plate stands")]
    summary: str


class EventOut(BaseModel):
    """The number of an event that was written; null where nothing had to be."""

    event: int | None


# -- robot ------------------------------------------------------------------------------------------------------------


class RobotOrderIn(In):
    """What the robotic loop is told."""

    order: Literal["run", "pause", "stop", "release"]
    plate: Annotated[str, Field(max_length=30, description="that is released")] = ""
    reason: Annotated[str, Field(max_length=500)] = ""


class RobotStageOut(Out):
    """One stage of a round."""

    name: str
    stand: Literal["", "done", "now", "asks", "bad"]
    words: str
    share: float


class RobotRunOut(Out):
    """A run of a device that ended."""

    plate: str
    device: str
    run: str
    outcome: str
    files: dict[str, str]
    finished_at: str
    words: str


class RobotOut(Out):
    """How the robotic loop of a campaign stands."""

    devices: list[str]
    told: Annotated[str, Field(description="run, pause or stop; empty when it never was told anything")]
    reason: str
    by: str
    at: str
    rounds: int
    planned: int
    wells: int
    most: int | None
    plate: str
    asked: Annotated[str, Field(description="plate that waits for somebody who lets it go")]
    stages: list[RobotStageOut]
    runs: list[RobotRunOut]


# -- results ----------------------------------------------------------------------------------------------------------


class MeasurementIn(In):
    """One measured value."""

    candidate: Name
    assay: Name
    value: Annotated[float | None, Field(description="in the assay's unit; null = a failed well")]
    qualifier: Literal["=", "<", ">"] = "="
    replicate: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    plate: Annotated[str, Field(max_length=200)] = ""
    well: Annotated[str, Field(max_length=10)] = ""
    measured_at: Annotated[str, Field(max_length=40)] = ""
    control: bool = False
    error: Annotated[float, Field(ge=0)] = 0.0


class MeasurementsIn(In):
    """Measured values: all of them are stored, or none."""

    measurements: Annotated[list[MeasurementIn], Field(min_length=1, max_length=100_000)]
    source: Annotated[
        str, Field(max_length=200, description="the device and run, or what stands for a file's name")
    ] = ""
    replaces: Annotated[list[int | str], Field(max_length=100)] = []
    repeats: bool = False
    dry_run: bool = False


class RecordedOut(Out):
    """What was stored."""

    source: str
    stored: int
    duplicates: int
    event: int | None
    candidates: int
    read_before: bool
    unproposed: list[str]
    controls: list[str]
    control_rows: int
    failed: int
    replaced: int
    repeated: list[str]


class RowProblemOut(Out):
    """What is wrong with a row of a file."""

    row: int | None
    problem: Annotated[str, AfterValidator(fields_named)]


class ReadColumnOut(Out):
    """A column of a file, and what it was read as."""

    name: str
    role: str
    unit: str


class ReadWellOut(Out):
    """A value of a file."""

    candidate: str
    called: str
    assay: str
    unit: str
    value: Number
    qualifier: str
    plate: str
    well: str
    replicate: int
    control: bool
    row: int
    failed: str


class ReadQuantityOut(Out):
    """A quantity of an instrument's export, of which one is the result."""

    name: str
    unit: str
    values: int


class ResultsPreviewOut(Out):
    """What storing a file would do; nothing was stored."""

    file: str
    content_hash: str
    values: int
    failed: int
    candidates: int
    columns: list[ReadColumnOut]
    wells: list[ReadWellOut]
    checks: list[str]
    notes: list[str]
    problems: list[RowProblemOut]
    skippable: bool
    summary: RecordedOut | None
    software: str = ""
    quantities: list[ReadQuantityOut] = []
    courses: int = 0


class ResultOut(BaseModel):
    """A result on record."""

    event: int
    round: int
    candidate: str
    assay: str
    value: Number
    qualifier: str
    replicate: int
    plate: str
    well: str
    measured_at: str
    control: bool
    file: str
    row: int
    void: str


class ResultsOut(BaseModel):
    """A page of the results."""

    results: list[ResultOut]
    total: int


class VoidIn(In):
    """Results that are wrong, and why; it is signed."""

    event: Annotated[int, Field(ge=1)]
    rows: Annotated[list[int], Field(max_length=100_000)] = []
    reason: Annotated[str, Field(min_length=1, max_length=2_000)]


class VoidedOut(BaseModel):
    """How many results no longer count."""

    voided: int
    last: int


# -- versions and students --------------------------------------------------------------------------------------------


class VersionOut(Out):
    """A fitted model."""

    number: int
    parent: int
    created_at: str
    learner: str
    seed: int
    code_version: str
    data_hash: str
    metrics: dict[str, Number]
    explanation: str
    current: bool = False
    held_back: str = ""


class VersionsOut(BaseModel):
    """All versions."""

    versions: list[VersionOut]
    current: int | None


class PromoteIn(In):
    """Which version is to be current, and why; it is signed."""

    version: Annotated[int, Field(ge=1)]
    reason: Annotated[str, Field(min_length=1, max_length=2_000)]


class StudentOut(Out):
    """A small model for any machine."""

    number: int
    version: int
    trainer: str
    network: str
    parameters: int
    teacher_parameters: int
    fidelity: dict[str, Number]
    seed: int
    code_version: str
    created_at: str
    explanation: str
    artifact: str
    warnings: list[str] = []
    refused: Annotated[str, Field(description="why its values are not to be used; empty when they are")] = ""


class StudentsOut(BaseModel):
    """All students."""

    students: list[StudentOut]


class StudentIn(In):
    """How a student is trained; what is left out is as the campaign's settings say."""

    network: Literal["conv", "transformer", "sites", "first-layers", "auto"] | None = None
    width: Annotated[int, Field(ge=1, le=4096)] | None = None
    layers: Annotated[int, Field(ge=1, le=64)] | None = None
    min_spearman: Annotated[float, Field(gt=0, lt=1)] | None = None
    int8: bool = False
    seed: Annotated[int, Field(ge=0, le=2**31)] | None = None
    again: Annotated[bool, Field(description="train again although this student exists")] = False


class StudentOrdered(BaseModel):
    """A student that is there already, or the work that makes it."""

    there: int | None
    work: list[WorkOut]


class StatusReportOut(BaseModel):
    """All that the command line shows of a campaign, the drift of its student included."""

    report: dict[str, Any]
    work: Annotated[list[dict[str, Any]], Field(description="what is done by itself, where that has something to say")]
    picture: Annotated[str, Field(description="base64")] = ""


class AssessOut(BaseModel):
    """Whether another round is worth its cost, as a report."""

    report: dict[str, Any]
    called: Annotated[str, Field(description="what people call the best candidate")] = ""


# -- events, people, hooks --------------------------------------------------------------------------------------------


class LoggedOut(BaseModel):
    """An event of the log."""

    sequence: int
    at: str
    kind: str
    actor: str
    reason: str
    payload: dict[str, Any] | None = None


class EventsOut(BaseModel):
    """A page of the log."""

    events: list[LoggedOut]
    last: int


class TrailOut(Out):
    """Something that was done and is no event of a campaign."""

    sequence: int
    at: str
    actor: str
    campaign: str
    kind: str
    details: dict[str, Any]


class AuditOut(BaseModel):
    """A page of the audit trail: events of the campaign, and who was allowed what."""

    events: list[LoggedOut]
    trail: list[TrailOut]
    last: int


class VerifiedOut(Out):
    """Whether everything stands as it was written."""

    events: int
    artifacts: int
    problems: list[str]


class MeOut(BaseModel):
    """Who calls."""

    id: str
    name: str
    email: str
    admin: bool
    token: str


class MemberOut(BaseModel):
    """A member of a campaign."""

    person: str
    name: str
    email: str
    role: Role


class MembersOut(BaseModel):
    """The members of a campaign."""

    members: list[MemberOut]


class MemberIn(In):
    """Somebody and what they may do; null takes them out."""

    person: Annotated[str, Field(min_length=1, max_length=300, description="an id or an e-mail address")]
    role: Role | None


class TokenIn(In):
    """A new token of a program."""

    name: Name
    role: Role = "robot"
    campaign: Annotated[str, Field(pattern="^([0-9a-f]{32})?$")] = ""
    days: Annotated[int, Field(ge=1, le=3650)] | None = 365


class TokenOut(Out):
    """A token, without its secret."""

    id: str
    name: str
    role: str
    campaign: str
    created: str
    expires: Number
    revoked: bool


class TokenMade(BaseModel):
    """A token, with its secret: it is shown once."""

    secret: str
    token: TokenOut


class TokensOut(BaseModel):
    """Tokens."""

    tokens: list[TokenOut]


class WebhookIn(In):
    """Whom to tell of events."""

    url: Annotated[str, Field(pattern="^https?://", max_length=2_000)]
    kinds: Annotated[list[Name], Field(max_length=50, description="of events; all when empty")] = []


class WebhookOut(BaseModel):
    """Who is told of events."""

    id: str
    url: str
    kinds: list[str]
    created: str
    delivered: int
    words: str
    stopped: bool


class WebhookMade(BaseModel):
    """A webhook, with the secret that signs what it sends: it is shown once."""

    secret: str
    webhook: WebhookOut


class WebhooksOut(BaseModel):
    """All webhooks of a campaign."""

    webhooks: list[WebhookOut]
