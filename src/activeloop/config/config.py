"""The form of `campaign.toml`."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from activeloop.errors import ConfigError
from activeloop.measurements import Assay
from activeloop.measurements.assay import Goal, Scale, goal_of
from activeloop.plates.plate import control_problem
from activeloop.renamed import current_name, current_options

FORMAT = 1


def _shown(text: str) -> str:
    if any(unicodedata.category(letter) in ("Cc", "Zl", "Zp") for letter in text):
        raise ValueError("has signs that no table can hold, such as a line break: leave them out")
    return text


Words = Annotated[str, Field(max_length=200), AfterValidator(_shown)]
"""A name or unit, which stands in tables, plates and messages."""

Option = bool | int | float | str | list[int] | list[float] | list[str]


class Strict(BaseModel):
    """An unknown key or a number written as text is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


_OF_TREATMENTS = ("cells", "compounds", "doses", "pairs", "panels")
POSITIONS = r"^\s*([0-9]{1,9}(\s*-\s*[0-9]{1,9})?(\s*,\s*[0-9]{1,9}(\s*-\s*[0-9]{1,9})?)*)?\s*$"
"""Such as "20-60, 75"; no protein has a position of ten digits."""
MANY = 1_000_000
"""Larger whole numbers in `campaign.toml` are slips."""


class PoolConfig(Strict):
    """What may be tested, by exactly one of `singles`, `sites`, `table`, `fasta`, `cells`.

    Attributes:
        kind: `variants`, `compounds`, `guides` or `treatments`.
        wild_type: sequence of the parent; "" when there is none.
        singles: all single mutants of the wild type.
        positions: for `singles`: where, such as "20-60, 75"; everywhere when "".
        start: for `singles`: residues at the start of the wild type that are not varied, such as its methionine or a
            signal peptide: their mutants can be recorded and are never proposed.
        sites: all combinations at these sites, such as ["V39", "D40=AGS"] (only these residues at D40).
        table, fasta: a file in the campaign's folder.
        column: for `table`: the column of the candidates; found by name and content when "".
        offset: what people add to the positions in names of variants to get those in the wild type, in the table and in
            results, pins and other lists; None where it was not stated: old residues must then show it.
        exclude_residues, max_mutations, forbidden_motifs: rules for `singles` and `sites`.
        merge_duplicates: for `table` and `fasta`: keep the first of equal candidates instead of refusing them.
        skip_unreadable: for `table` and `fasta`: leave out what cannot be read instead of refusing the file.
        structures: of compounds: version of the rules that say which are the same, and of which structure a model sees.
            1 is that of the first releases: the largest part for identity, the SMILES as written for the model.
        cells: of treatments: all combinations of these lines with `compounds`, and `doses` where there are any; a list
            of names, or a table in the campaign's folder.
        compounds: the same of compounds: names or SMILES.
        doses: such as ["0.1 uM", "1 uM"].
        pairs: whether two compounds are combined in each treatment.
        panels: of treatments: tables in the campaign's folder that tell of cells and compounds: features, tissue,
            targets, SMILES, synonyms.
    """

    kind: Literal["variants", "compounds", "guides", "treatments"] = "variants"
    wild_type: str = ""
    singles: bool = False
    positions: Annotated[str, Field(pattern=POSITIONS)] = ""
    start: Annotated[int, Field(ge=0, le=MANY)] = 0
    sites: list[str] = []
    table: str = ""
    fasta: str = ""
    column: str = ""
    offset: Annotated[int, Field(ge=-MANY, le=MANY)] | None = None
    exclude_residues: str = ""
    max_mutations: Annotated[int, Field(ge=1, le=MANY)] | None = None
    forbidden_motifs: list[str] = []
    merge_duplicates: bool = False
    skip_unreadable: bool = False
    structures: Literal[1, 2] = 1
    cells: list[str] | str = []
    compounds: list[str] | str = []
    doses: list[str] = []
    pairs: bool = False
    panels: list[str] = []

    @model_validator(mode="after")
    def _one_way(self) -> PoolConfig:
        given = [k for k in ("singles", "sites", "table", "fasta", "cells") if getattr(self, k)]
        if len(given) != 1:
            found = " and ".join(given) or "none of them"
            raise ValueError(f"give exactly one of singles, sites, table, fasta, cells (here: {found})")
        if self.kind != "treatments" and (own := [k for k in _OF_TREATMENTS if getattr(self, k)]):
            raise ValueError(f"{own[0]} belongs to treatments, and these are {self.kind}")
        if given[0] == "cells" and not self.compounds:
            raise ValueError("cells needs compounds")
        if given[0] != "cells" and (own := [k for k in _OF_TREATMENTS[1:-1] if getattr(self, k)]):
            raise ValueError(f"{own[0]} belongs to cells")
        if given[0] == "singles" and not self.wild_type:
            raise ValueError("singles needs wild_type")
        if given[0] in ("singles", "sites") and self.kind != "variants":
            raise ValueError(f"{given[0]} makes variants; list the {self.kind} in a table")
        rules = self.exclude_residues or self.forbidden_motifs or self.max_mutations
        if rules and given[0] in ("table", "fasta"):
            raise ValueError(f"rules hold for singles and sites; take unwanted rows out of the {given[0]} instead")
        if self.positions and given[0] != "singles":
            raise ValueError("positions belongs to singles")
        return self


class AssayConfig(Strict):
    """One assay.

    Attributes:
        name, unit, goal, lower, upper, scale, threshold: as in `activeloop.measurements.Assay`.
        bounds: as there, in a list; without an end on one side `[0, inf]`.
        hit: the value from which a candidate counts as a hit, in the unit.
    """

    name: Annotated[str, Field(max_length=200, pattern=r"\S"), AfterValidator(_shown)]
    unit: Words = ""
    goal: Annotated[Goal, BeforeValidator(lambda given: goal_of(given) if isinstance(given, str) else given)] = (
        "maximise"
    )
    lower: float | None = None
    upper: float | None = None
    scale: Scale = "auto"
    bounds: Annotated[list[Annotated[float, Field(allow_inf_nan=True)]], Field(min_length=2, max_length=2)] | None = (
        None
    )
    threshold: float | None = None
    hit: float | None = None

    @model_validator(mode="after")
    def _consistent(self) -> AssayConfig:
        try:
            self.assay()
        except ConfigError as error:
            raise ValueError(error.problem) from None
        return self

    def assay(self) -> Assay:
        """The assay it describes."""
        bounds = (self.bounds[0], self.bounds[1]) if self.bounds else None
        return Assay(self.name, self.unit, self.goal, self.lower, self.upper, self.scale, bounds, self.threshold)


class LearnerConfig(Strict):
    """A learner: its name in the registry and its options.

    Attributes:
        calibration: how its uncertainty is calibrated on held-out values; the default of the pool when "".
        family: a file in the campaign's folder: the profile of the wild type's family, see
            `activeloop.priors.Profile`; none when "".
        history: a table in the campaign's folder of measurements from before the campaign, of other drugs, lines or
            guides; they count in no budget. None when "".
    """

    name: str = "default"
    options: dict[str, Option] = {}
    family: str = ""
    history: str = ""
    calibration: Literal["", "temperature", "isotonic", "conformal", "noise", "none"] = ""

    @model_validator(mode="before")
    @classmethod
    def _renamed(cls, given: Any) -> Any:
        given = _under_current_names(given, "learner", "name", "options")
        return _under_current_names(given, "calibration", "calibration", "")


class SelectConfig(Strict):
    """How candidates are chosen; the goal's default where a name is ""."""

    score: str = ""
    score_options: dict[str, Option] = {}
    batch: str = ""
    batch_options: dict[str, Option] = {}

    @model_validator(mode="before")
    @classmethod
    def _renamed(cls, given: Any) -> Any:
        given = _under_current_names(given, "score", "score", "score_options")
        return _under_current_names(given, "batch", "batch", "batch_options")


def _under_current_names(given: Any, role: str, key: str, options: str) -> Any:
    """A table whose `key` names something and whose `options` are its options, in the words of this release."""
    if not isinstance(given, Mapping) or not isinstance(given.get(key, ""), str):
        return given  # a later check refuses it
    found = {**given}
    if key in found:
        found[key] = current_name(role, found[key])
    if isinstance(found.get(options), Mapping):
        found[options] = current_options(role, found.get(key, ""), found[options])
    return found


def _named_control(name: str) -> str:
    if problem := control_problem(name):
        raise ValueError(problem.rstrip("."))
    return name


class PlateConfig(Strict):
    """How plates are filled; see `activeloop.plates.Plate.fill`.

    Attributes:
        wells, controls, control, replicates, empty_edges, layout: as there.
        price_per_well: in any currency, 0 when not known.
    """

    wells: Literal[6, 12, 24, 48, 96, 384, 1536] = 96
    controls: Annotated[int, Field(ge=0, le=1536)] = 8
    control: Annotated[str, AfterValidator(_named_control)] = "WT"
    replicates: Annotated[int, Field(ge=1, le=1536)] = 1
    empty_edges: bool = False
    layout: Literal["auto", "compact", "by-column", "random"] = "auto"
    price_per_well: Annotated[float, Field(ge=0, le=1e12)] = 0.0


class StudentConfig(Strict):
    """How students are trained; see `activeloop distil`.

    Attributes:
        auto: train one in the background whenever a version was fitted.
        network: `conv`, `transformer`, `sites`, `first-layers`, or `auto`: the default of the pool.
        options: of the network, such as `width`.
        training: options of `activeloop.students.Distiller`, such as `alpha`.
        min_spearman: search for the smallest network whose Spearman with its teacher is at least this; None takes the
            named network.
        int8: store weights in 8 bits.
    """

    auto: bool = False
    network: Literal["auto", "conv", "transformer", "sites", "first-layers"] = "auto"
    options: dict[str, Option] = {}
    training: dict[str, Option] = {}
    min_spearman: Annotated[float, Field(gt=0, lt=1)] | None = None
    int8: bool = False

    @model_validator(mode="before")
    @classmethod
    def _renamed(cls, given: Any) -> Any:
        return current_options("table", "student", given) if isinstance(given, Mapping) else given


class RobotConfig(Strict):
    """The devices on which a campaign runs by itself, and what they may do; see `activeloop robot`.

    Attributes:
        devices: that a plate visits, in this order: `folder:DIR`, `opentrons:URL`, `simulated`, or names that whoever
            runs the worker gave to theirs (`ACTIVELOOP_DEVICES`); in a store names alone.
        rounds: of proposals, also those of before.
        number: of candidates in a round; as many as fit on one plate when left out.
        max_wells: that may be filled at most, controls counted; any number when left out.
        patience: rounds without a better value after which it stops; 0 = never for that.
        approve: whether each plate waits until somebody lets it go.
        attempts: of a run that fails, and of a file that cannot be read.
        drift: standard deviations by which the controls of a plate may differ from those of the plates before.
        volume: for each well, in µL.
        every: seconds between two looks at a device.
        quantity, reduce, software, assay: of an instrument's export, as `activeloop record` takes them.
    """

    devices: Annotated[list[Annotated[str, Field(min_length=1, max_length=500)]], Field(min_length=1, max_length=10)]
    rounds: Annotated[int, Field(ge=1, le=MANY)] = 10
    number: Annotated[int, Field(ge=1, le=MANY)] | None = None
    max_wells: Annotated[int, Field(ge=1, le=MANY)] | None = None
    patience: Annotated[int, Field(ge=0, le=MANY)] = 0
    approve: bool = False
    attempts: Annotated[int, Field(ge=1, le=100)] = 3
    drift: Annotated[float, Field(gt=0, le=1e6)] = 3.5
    volume: Annotated[float, Field(gt=0, le=1e6)] = 1.0
    every: Annotated[float, Field(ge=0.1, le=3600)] = 10.0
    quantity: Words = ""
    reduce: Words = ""
    software: Words = ""
    assay: Words = ""


class CampaignConfig(Strict):
    """All of `campaign.toml`.

    Attributes:
        format: version of this form.
        goal: `find` (the best candidates) or `learn` (an accurate model).
        seed: of everything random in the campaign.
        robot: the devices on which it runs by itself, where it does.
    """

    format: Literal[1] = FORMAT
    goal: Literal["find", "learn"] = "find"
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    pool: PoolConfig
    assays: Annotated[list[AssayConfig], Field(min_length=1)]
    learner: LearnerConfig = LearnerConfig()
    select: SelectConfig = SelectConfig()
    plate: PlateConfig = PlateConfig()
    student: StudentConfig = StudentConfig()
    robot: RobotConfig | None = None

    @model_validator(mode="after")
    def _names_once(self) -> CampaignConfig:
        names = [a.name for a in self.assays]
        if twice := [n for n in names if names.count(n) > 1]:
            raise ValueError(f'assay "{twice[0]}" is there twice; give each its own name')
        if self.robot and self.robot.assay and self.robot.assay not in names:
            raise ValueError(f'robot.assay is "{self.robot.assay}", and the assays are {", ".join(names)}')
        return self
