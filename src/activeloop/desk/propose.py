"""The next candidates on a plate; laying a plate out again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from activeloop.config import OpenCampaign, PlateConfig
from activeloop.config.plates import by_hand, is_of, laid_out, plate_files, plates_of_events
from activeloop.errors import PlateError, StateError, StoreError
from activeloop.files import StagedFiles, numbered
from activeloop.plates import Plate, Proposal, plates_in
from activeloop.plates.files import ENDINGS, plate_content, refuse_typed_results
from activeloop.plates.plate import PlateDesign, labelled
from activeloop.prediction import watched_fits
from activeloop.words import some

Layout = Literal["auto", "compact", "by-column", "random"]
LARGE = 200_000
"""From this many candidates on, scoring takes long enough to be watched."""


@dataclass(frozen=True)
class PlateOptions:
    """How plates are laid out; what is None is as it was for the last plate, else as `campaign.toml` says.

    Args:
        wells: of a plate.
        controls: control wells of each plate.
        replicates: wells for each candidate.
        layout: `compact` (the first columns), `by-column` (the best first), `random`, or `auto`.
        empty_edges: leave the outer wells empty.
    """

    wells: int | None = None
    controls: int | None = None
    replicates: int | None = None
    layout: Layout | None = None
    empty_edges: bool | None = None

    @property
    def given(self) -> dict[str, int | str | bool]:
        """Those that are stated."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class ProposedPlates:
    """A proposal and its plates.

    Args:
        proposal: what was chosen, and why.
        again: whether it was out already.
        plates: on which it stands.
        files: of these plates, also of those that were there.
        wanted: how many candidates were asked for; fewer were left when there are fewer picks.
        options: setting of the plate -> value, as for the last plate.
        unchanged: settings that were given and changed nothing, since the proposal was out already.
        notes: what a person should know, in sentences.
    """

    proposal: Proposal
    again: bool
    plates: tuple[Plate, ...]
    files: tuple[Path, ...]
    wanted: int
    options: dict[str, int | str | bool]
    unchanged: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class LaidOut:
    """The plates of a proposal.

    Args:
        number: of the proposal.
        plates: on which it stands.
        files: of these plates.
        notes: what a person should know, in sentences.
    """

    number: int
    plates: tuple[Plate, ...]
    files: tuple[Path, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class NamedFile:
    """A file to be downloaded.

    Args:
        name: of the file.
        content: its bytes.
    """

    name: str
    content: bytes


def propose(
    loop: OpenCampaign,
    number: int | None = None,
    seed: int | None = None,
    *,
    plate: PlateOptions | None = None,
    another: bool = False,
    retry_missing: bool = False,
    out: Path | None = None,
    progress: Callable[[str, int, int], None] | None = None,
) -> ProposedPlates:
    """Choose the next candidates and lay out their plate; a new version is fitted first when results came in.

    While a proposal is out, the same one is returned again. Options of the plate hold for the next one, too.

    Args:
        loop: the campaign.
        number: of candidates; as last time when None, else as many as fit on one plate.
        seed: of the choice; the campaign's own when None.
        plate: how it is laid out.
        another: make a further proposal although one is out.
        retry_missing: candidates whose results never came may be chosen again.
        out: a file into which the plate is written, too (.csv, .xlsx, .svg).
        progress: called with (part, steps done, steps at most); a part is `folds` or `training` of a fit, or `scoring`
            of a large pool.

    Raises:
        InputError: an option makes no sense; nothing was proposed.
        StateError: nothing is left to propose.
        ModelError: the learner cannot be fitted.
        StoreError: the plates cannot be written; nothing was proposed.
    """
    loop.check_available()
    given = plate.given if plate else {}
    settings, kept = plate_settings(loop, given)
    last = kept.pop("number", None) if not given else None
    kept |= given
    fits = on_one_plate(settings, loop.folder.called)  # what cannot be laid out is refused before anything is stored
    _make_folder(loop.folder.plates)
    before = len(loop.campaign.state().proposals)
    size = len(loop.campaign.pool)
    wanted = int(next(n for n in (number, last, fits) if n is not None))
    if number is not None or last is not None:
        kept["number"] = wanted
    notes: tuple[str, ...] = ()
    with StagedFiles() as files, watched_fits(progress):
        staged: dict[Proposal, list[Plate]] = {}

        def prepare(proposal: Proposal) -> None:
            staged[proposal] = _stage(loop, proposal, settings, files, out)

        proposal = loop.campaign.propose(
            wanted,
            seed,
            another=another,
            retry_missing=retry_missing,
            progress=partial(progress, "scoring") if progress and size >= LARGE else None,
            prepare=prepare,
            plate=kept,
        )
        again = proposal.number <= before
        plates = staged.get(proposal)
        if plates is None:
            plates, notes = _standing(loop, proposal, files, out)
        written = {*files.put(), *(loop.folder.plates / f"{p.id}{ending}" for p in plates for ending in ENDINGS)}
    asked = {**given, **{k: v for k, v in {"number": number, "seed": seed}.items() if v is not None}}
    changed = {
        "number": len(proposal.picks),
        "wells": {p.size for p in plates},
        "controls": {sum(w.control for w in p.wells.values()) for p in plates},
        "replicates": max(w.replicate for p in plates for w in p.wells.values() if not w.control),
        "seed": proposal.seed,
    }
    unchanged = [name for name in ASKED if name in asked and not _is_so(asked[name], changed.get(name))]
    unchanged += ["retry_missing"] * retry_missing
    same = {k: v for k, v in kept.items() if k not in given and not (k == "number" and number)}
    return ProposedPlates(
        proposal,
        again,
        tuple(plates),
        tuple(sorted(written, key=str)),
        wanted,
        {} if again else same,
        tuple(unchanged) if again else (),
        notes,
    )


ASKED = ("number", "wells", "controls", "replicates", "layout", "empty_edges", "seed")
"""What may be asked of a proposal, in the order in which it is spoken of."""


def _is_so(asked: object, found: object) -> bool:
    return {asked} == found if isinstance(found, set) else asked == found


def lay_again(loop: OpenCampaign, number: int, plate: PlateOptions) -> LaidOut:
    """Lay out the plates of a proposal anew, before anything was measured on them.

    Args:
        loop: the campaign.
        number: of the proposal.
        plate: how.

    Raises:
        PlateError: it does not fit, or results were typed into its lists; nothing was changed.
        StateError: there is no such proposal, or results of its plates are stored; nothing was changed.
    """
    settings, kept = plate_settings(loop, plate.given)
    on_one_plate(settings, loop.folder.called)
    before = plates_of(loop, number)
    found: list[Plate] = []
    with StagedFiles() as files:

        def prepare() -> None:
            for path in before.files:
                refuse_typed_results(path, loop.campaign.assays, "Nothing was laid out.")
            stored = loop.campaign.state().proposals[number - 1]
            proposal = replace(stored, picks=labelled(stored.picks, loop.campaign.pool))
            found[:] = _stage(loop, proposal, settings, files, None)

        loop.campaign.lay_again(number, {**kept, **plate.given}, prepare)
        files.put()
    for gone in {p.id for p in before.plates} - {p.id for p in found}:
        for ending in ENDINGS:
            (loop.folder.plates / f"{gone}{ending}").unlink(missing_ok=True)
    return LaidOut(number, tuple(found), _files(loop, found), before.notes)


def swap_wells(loop: OpenCampaign, plate: str, one: str, other: str) -> LaidOut:
    """Exchange the contents of two wells of a plate, before it was sent or anything was measured on it.

    Args:
        loop: the campaign.
        plate: its id, such as `plate-1`.
        one: name of a well.
        other: of the other; one of them may be empty.

    Raises:
        PlateError: there is no such well, both are empty, or results were typed into a list; nothing was changed.
        StateError: there is no such plate, it was sent, or results of its proposal are stored; nothing was changed.
    """
    state, found = loop.campaign.state(), list[Plate]()
    numbers = [p.number for p in state.proposals if any(one.id == plate for one in plates_of(loop, p.number).plates)]
    if not numbers:
        raise StateError(f'there is no plate "{plate}" of a proposal. Nothing was changed.')
    number = numbers[-1]
    with StagedFiles() as files:

        def prepare() -> dict[str, Any]:
            before = plates_of(loop, number)
            found[:] = [p.swapped(one, other) if p.id == plate else p for p in before.plates]
            files.clear()
            _stage_files(loop, found, files)
            return by_hand(found)

        loop.campaign.lay_again(number, state.layouts[number].options, prepare)
        files.put()
    return LaidOut(number, tuple(found), _files(loop, found), ())


def plates_of(loop: OpenCampaign, number: int | None = None) -> LaidOut:
    """The plates of a proposal: as their lists stand in the campaign's folder, else as its events say.

    Args:
        loop: the campaign.
        number: of the proposal; the last when None.
    """
    number = number or len(loop.campaign.state().proposals)
    known, notes = known_plates(loop)
    mine = [p.labelled(loop.campaign.pool) for p in known if is_of(p, number)]
    if loop.in_store:
        _refresh(loop, number, mine)
    return LaidOut(number, tuple(mine), _files(loop, mine), notes)


def plate_file(loop: OpenCampaign, plate: str, ending: str) -> NamedFile:
    """A plate as a list (`.csv`, `.xlsx`) or picture (`.svg`).

    Args:
        loop: the campaign.
        plate: its id, such as `plate-1`.
        ending: of the file.

    Raises:
        PlateError: another ending.
        StateError: there is no such plate.
    """
    known, _ = known_plates(loop)
    found = next((p.labelled(loop.campaign.pool) for p in known if p.id == plate), None)
    if found is None:
        raise StateError(f'there is no plate "{plate}". Plates: {some([p.id for p in known]) or "none yet"}.')
    content = plate_content(found, f"{plate}{ending}", loop.campaign.shown_assays())
    return NamedFile(f"{plate}{ending}", content.encode() if isinstance(content, str) else content)


def known_plates(loop: OpenCampaign) -> tuple[tuple[Plate, ...], tuple[str, ...]]:
    """All plates of a campaign, and a note on files among them that are none.

    Those whose lists stand in its folder are as these say, for they may have been edited by hand; all others, and all
    of a campaign in a store, are as the events say.
    """
    plates, notes = ((), ()) if loop.in_store else _in_folder(loop.folder.plates)
    named = {p.id for p in plates}
    numbers = range(1, len(loop.campaign.state().proposals) + 1)
    lost = [n for n in numbers if not {f"plate-{n}", f"plate-{n}-1"} & named]
    return (*plates, *(p for n in lost for p in plates_of_events(loop, n))), notes


def _in_folder(folder: Path) -> tuple[tuple[Plate, ...], tuple[str, ...]]:
    """The plates in a folder, in the order of the names of their files, and a note on files that are none."""
    found = plates_in(folder)
    if not found.foreign:
        return tuple(found.plates), ()
    first, why = next(iter(found.foreign.items()))
    more = f" and {len(found.foreign) - 1} more" if len(found.foreign) > 1 else ""
    note = f"{folder} holds files that are no plates and were not read: {first}{more} ({why.rstrip('.')})."
    return tuple(found.plates), (note,)


def _refresh(loop: OpenCampaign, number: int, plates: list[Plate]) -> None:
    """Make the files of a working folder those of the plates: another machine may have laid them out since."""
    folder = loop.folder.plates
    assays = loop.campaign.shown_assays()
    lists = {f"{p.id}.csv": plate_content(p, f"{p.id}.csv", assays) for p in plates}
    there = {p.name for p in folder.glob(f"plate-{number}[.-]*")}
    wanted = {f"{p.id}{ending}" for p in plates for ending in ENDINGS}
    if wanted <= there and all((folder / name).read_bytes() == str(c).encode() for name, c in lists.items()):
        wanted = set()
    with StagedFiles() as files:
        for name, content in (plate_files(plates, loop) if wanted else {}).items():
            files.add(folder / name, content)
        files.put()
    for gone in there - {f"{p.id}{ending}" for p in plates for ending in ENDINGS}:
        (folder / gone).unlink(missing_ok=True)


def plate_settings(
    loop: OpenCampaign, given: Mapping[str, int | str | bool]
) -> tuple[PlateConfig, dict[str, int | str | bool]]:
    """How the next plate is laid out, and the options of the last that hold for it.

    Args:
        loop: the campaign.
        given: options of now, which go first.
    """
    settings = loop.config.plate
    kept = loop.campaign.state().plate_options(settings.model_dump(mode="json"))
    known = {key: value for key, value in {**kept, **given}.items() if key in type(settings).model_fields}
    return settings.model_copy(update=known), kept


def on_one_plate(settings: PlateConfig, config: str = "") -> int:
    """How many candidates fit on one plate beside its controls.

    Args:
        settings: the plate.
        config: how messages name `campaign.toml`.

    Raises:
        PlateError: not even one, or there is no such plate.
    """
    s = settings
    design = PlateDesign(s.wells, s.controls, s.control, s.replicates, s.empty_edges, s.layout)
    try:
        design.check_room(1)
    except PlateError as error:
        fix = f"Change the options, or [plate] in {config}." if config else "Change the options."
        raise PlateError(f"{error.problem} {fix}") from None
    return (design.room - settings.controls) // settings.replicates


def _make_folder(plates: Path) -> None:
    """Make the folder of plates if it is missing, before anything is stored."""
    try:
        plates.mkdir(exist_ok=True)
    except OSError as error:
        fix = "Plates are written there: make it a folder that you may write to. Nothing was proposed."
        raise StoreError(f"{plates} is no folder and cannot be made one ({error.strerror}). {fix}") from error


def _stage(
    loop: OpenCampaign, proposal: Proposal, settings: PlateConfig, files: StagedFiles, out: Path | None
) -> list[Plate]:
    """Lay out the plates of a proposal and write their files beside their places.

    The first plate's list is put in its place last, so where it exists, all files do.

    Args:
        loop: the campaign.
        proposal: one that is to be stored, or whose files are lost.
        settings: of the plates.
        files: to which they are added; what is in it is forgotten.
        out: where else the plates are written.

    Raises:
        PlateError: a file of that name is there, so it is of another campaign or was lost by this one.
    """
    plates = laid_out(proposal, settings, loop.config.seed)
    files.clear()
    _stage_out(loop, plates, files, out)
    new = proposal.number > len(loop.campaign.state().proposals)
    _stage_files(loop, plates, files, new=proposal.number if new else None)
    return plates


def _stage_files(loop: OpenCampaign, plates: list[Plate], files: StagedFiles, *, new: int | None = None) -> None:
    """Write the files of plates beside their places; `new` is the number of a proposal that is not stored yet."""
    for name, content in plate_files(plates, loop).items():
        path = loop.folder.plates / name
        if not loop.in_store:  # there nobody else puts or edits files
            if new and path.suffix == ".csv" and path.exists():
                problem = f"it is there already, although proposal {new} was never made. Move it elsewhere."
                raise PlateError(f"{problem} Nothing was proposed.", file=str(path))
            refuse_typed_results(path, loop.campaign.assays, "Nothing was written.")
        files.add(path, content)


def _standing(
    loop: OpenCampaign, proposal: Proposal, files: StagedFiles, out: Path | None
) -> tuple[list[Plate], tuple[str, ...]]:
    """The plates of an earlier proposal, also for `out`; files that a crash or a person has lost are written again."""
    files.clear()
    found = plates_of(loop, proposal.number)
    plates = list(found.plates)
    _stage_out(loop, plates, files, out)
    if not loop.in_store:
        stand = {p.id for p in _in_folder(loop.folder.plates)[0]}
        _stage_files(loop, [p for p in plates if p.id not in stand], files)
    return plates, found.notes


def _stage_out(loop: OpenCampaign, plates: list[Plate], files: StagedFiles, out: Path | None) -> None:
    if not out:
        return
    assays = loop.campaign.shown_assays()
    for i, p in enumerate(plates, 1):
        path = numbered(out, i, len(plates))
        refuse_typed_results(path, loop.campaign.assays, "Nothing was written.")
        files.add(path, plate_content(p, path, assays))


def _files(loop: OpenCampaign, plates: list[Plate]) -> tuple[Path, ...]:
    paths = (loop.folder.plates / f"{p.id}{ending}" for p in plates for ending in ENDINGS[::-1])
    return tuple(path for path in paths if path.exists())
