"""A campaign for electronic laboratory notebooks: its data sets, and the file `.eln` that carries them all.

Source: the ELN file format of TheELNConsortium, https://github.com/TheELNConsortium/TheELNFileFormat, which is a zip
with one folder and in it RO-Crate 1.1, https://w3id.org/ro/crate/1.1; its media type is application/vnd.eln+zip.
"""

from __future__ import annotations

import hashlib
import html
import io
import json
import mimetypes
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

from activeloop._version import __version__
from activeloop.campaigns import Campaign
from activeloop.campaigns.events import encode, plain
from activeloop.config import OpenCampaign
from activeloop.config.plates import is_of
from activeloop.config.safety import files_of
from activeloop.desk.export import export
from activeloop.desk.propose import NamedFile, known_plates
from activeloop.desk.report import report_page
from activeloop.errors import InputError, StateError
from activeloop.plates.files import plate_content
from activeloop.words import many, shown_number

RULES = "https://w3id.org/ro/crate/1.1"
PUBLISHER = "#activeloop"
ABOUT = {
    "report.html": "the campaign on one page, as it stood",
    "results.csv": "every result that counts",
    "voided.csv": "results that were declared wrong",
    "predictions.csv": "predictions of the whole pool by the current version",
    "proposals.csv": "what was proposed, and why",
    "plates.csv": "what stands in which well",
    "versions.csv": "fitted versions of the model",
    "events.csv": "everything that happened, as it stands in the log",
    "campaign.toml": "how the campaign is configured",
}
"""Name of a file -> what it is."""


@dataclass(frozen=True)
class NotebookFile:
    """A file of an entry.

    Args:
        name: of the file; no other file of the entry has it.
        content: its bytes.
        about: what it is, in words.
    """

    name: str
    content: bytes
    about: str

    @property
    def sha256(self) -> str:
        """The hash of its content, in hex."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def media_type(self) -> str:
        """By its name."""
        known = {".toml": "application/toml", ".csv": "text/csv", ".svg": "image/svg+xml"}
        return known.get(Path(self.name).suffix) or mimetypes.guess_type(self.name)[0] or "application/octet-stream"


@dataclass(frozen=True)
class NotebookEntry:
    """What becomes one experiment of a notebook: the campaign itself, or one round of it.

    Args:
        id: of the entry, wherever it is written: it follows from the campaign's first event.
        folder: its name in a file.
        title: its heading.
        body: HTML: what a person should read first.
        created, changed: ISO 8601, UTC.
        author: who began it; "" where that is not known.
        files: of it.
        keywords: by which it is found.
    """

    id: str
    folder: str
    title: str
    body: str
    created: str
    changed: str
    author: str
    files: tuple[NotebookFile, ...]
    keywords: tuple[str, ...]


def campaign_id(campaign: Campaign) -> str:
    """What identifies a campaign in a notebook: the same after a copy, a move and in any database.

    Raises:
        StateError: nothing happened in it yet.
    """
    first = next(iter(campaign.log), None)
    if first is None:
        raise StateError("nothing happened in this campaign yet: `activeloop propose` or `record` first.")
    told = json.dumps([first.at, *encode(first.event)], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def notebook_entries(loop: OpenCampaign, name: str = "") -> tuple[NotebookEntry, ...]:
    """A campaign as entries of a notebook: the campaign first, then a round each.

    Args:
        loop: the campaign.
        name: of it; that of its folder when "".

    Raises:
        StateError: nothing happened in it yet.
    """
    name, identity = name or loop.folder.path.absolute().name, campaign_id(loop.campaign)
    state, log = loop.campaign.state(), tuple(loop.campaign.log)
    keywords = ("active learning", loop.campaign.pool.kind, *(a.name for a in loop.campaign.assays))
    moments = {one.sequence: (one.at, one.actor) for one in log}
    plates = known_plates(loop)[0]
    entries = [
        NotebookEntry(
            identity, "campaign", name, _summary(loop), log[0].at, log[-1].at, log[0].actor, _files(loop), keywords
        )
    ]
    for proposal, event in zip(state.proposals, state.proposal_events, strict=True):
        number, (at, actor) = proposal.number, moments[event]
        files = []
        for plate in (p.labelled(loop.campaign.pool) for p in plates if is_of(p, number)):
            for ending, about in ((".csv", "what stands in which well"), (".svg", "the plate as a picture")):
                content = plate_content(plate, f"{plate.id}{ending}", loop.campaign.assays)
                files.append(NotebookFile(f"{plate.id}{ending}", _bytes(content), f"{plate.id}: {about}"))
        rows = [(str(p.rank), loop.campaign.pool.called(p.name), p.reason) for p in proposal.picks[:20]]
        chosen = f"{many(len(proposal.picks), 'candidate')}, chosen by {proposal.policy}."
        body = f"<p>{html.escape(chosen)}</p>{_table(('rank', 'candidate', 'why'), rows)}"
        title = f"{name}, round {number}"
        entries.append(
            NotebookEntry(f"{identity}-{number}", f"round-{number}", title, body, at, at, actor, tuple(files), keywords)
        )
    return tuple(entries)


def eln_file(loop: OpenCampaign, called: str = "", name: str = "") -> NamedFile:
    """A campaign as a file `.eln`, which other notebooks import: report, plates, results, predictions, events, models.

    Args:
        loop: the campaign.
        called: name of the file, which is that of the folder in it, too; made from the campaign's when "".
        name: of the campaign; that of its folder when "".

    Raises:
        InputError: the file's name does not end in `.eln`.
        StateError: nothing happened in the campaign yet.
    """
    entries = notebook_entries(loop, name)
    plain_name = "".join(c if c.isalnum() or c in "-_." else "-" for c in entries[0].title).strip("-.") or "campaign"
    called = called or f"{plain_name}.eln"
    if not called.lower().endswith(".eln"):
        raise InputError("name a file that ends in .eln. Nothing was written.", file=called)
    graph = json.dumps({"@context": f"{RULES}/context", "@graph": _graph(entries)}, ensure_ascii=False, indent=1)
    contents = {f"{one.folder}/{file.name}": file.content for one in entries for file in one.files}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in {"ro-crate-metadata.json": graph.encode(), **contents}.items():
            # a moment of its own would make the same campaign two different files
            archive.writestr(zipfile.ZipInfo(f"{called}/{path}", (1980, 1, 1, 0, 0, 0)), content, zipfile.ZIP_DEFLATED)
    return NamedFile(called, buffer.getvalue())


def _graph(entries: Sequence[NotebookEntry]) -> list[dict[str, Any]]:
    """The nodes of the crate's graph, each once."""
    changed, campaign = max(one.changed for one in entries), entries[0]
    people = {one.author: f"#person-{i}" for i, one in enumerate(entries) if one.author}
    found: list[dict[str, Any]] = [
        {
            "@id": "ro-crate-metadata.json",
            "@type": "CreativeWork",
            "about": {"@id": "./"},
            "conformsTo": {"@id": RULES},
            "dateCreated": changed,
            "sdPublisher": {"@id": PUBLISHER},
            "version": "1.0",
        },
        {
            "@id": "./",
            "@type": "Dataset",
            "name": campaign.title,
            "description": f"A campaign of ActiveLoop {__version__} with its rounds.",
            "datePublished": changed,
            "license": "Not stated: ask whoever made it.",
            "hasPart": _ids(f"./{one.folder}/" for one in entries),
        },
        {
            "@id": PUBLISHER,
            "@type": "Organization",
            "name": "ActiveLoop",
            "description": f"The program that wrote this file, version {__version__}.",
        },
    ]
    found += [{"@id": key, "@type": "Person", "name": name} for name, key in people.items()]
    for one in entries:
        node: dict[str, Any] = {
            "@id": f"./{one.folder}/",
            "@type": "Dataset",
            "name": one.title,
            "identifier": one.id,
            "genre": "experiment",
            "keywords": ", ".join(one.keywords),
            "text": one.body,
            "dateCreated": one.created,
            "dateModified": one.changed,
            "hasPart": _ids(_place(one, file) for file in one.files),
        }
        node |= {"author": {"@id": people[one.author]}} if one.author else {}
        others = [other for other in entries if (other is campaign) != (one is campaign)]
        node |= {"mentions": _ids(f"./{other.folder}/" for other in others)} if others else {}
        found.append(node)
        for file in one.files:
            found.append(
                {
                    "@id": _place(one, file),
                    "@type": "File",
                    "name": file.name,
                    "description": file.about,
                    "encodingFormat": file.media_type,
                    "contentSize": str(len(file.content)),
                    "sha256": file.sha256,
                    "dateModified": one.changed,
                }
            )
    return found


def _place(entry: NotebookEntry, file: NotebookFile) -> str:
    return f"./{entry.folder}/{quote(file.name)}"


def _ids(places: Iterable[str]) -> list[dict[str, str]]:
    return [{"@id": place} for place in places]


def _files(loop: OpenCampaign) -> tuple[NotebookFile, ...]:
    """What is of the campaign as a whole."""
    state, found = loop.campaign.state(), {"campaign.toml": loop.folder.config.read_bytes()}
    for path in (loop.folder.path / name for name in files_of(loop.config).values()):
        name = path.name if path.name not in ABOUT else f"pool-{path.name}"
        found[name] = path.read_bytes()
    with TemporaryDirectory(prefix="activeloop-") as folder:
        for path in export(loop, Path(folder)).files:
            found[path.name] = path.read_bytes()
    if state.results:
        found["report.html"] = report_page(loop).page.encode()
    files = [NotebookFile(name, content, ABOUT.get(name, "a file of the pool")) for name, content in found.items()]
    for kind, cards in (("version", state.versions), ("student", state.students)):
        for card in cards:
            content = json.dumps(plain(card), ensure_ascii=False, indent=1).encode()
            about = f"the model card of {kind} {card.number}"
            files.append(NotebookFile(f"{kind}-{card.number}.json", content, about))
    return tuple(files)


def _summary(loop: OpenCampaign) -> str:
    """What a person should read first, as HTML."""
    found, pool = loop.campaign.status(), loop.campaign.pool
    goal = "the best candidates" if loop.campaign.goal == "find" else "an accurate model"
    parts = [
        f"{found.size:,} candidates: {found.pool}. Looked for: {goal}.",
        f"{many(found.rounds, 'round')} measured of {many(found.proposals, 'proposal')}; "
        f"{many(found.results, 'result')} of {many(found.measured, 'candidate')}, {found.voided:,} voided.",
    ]
    if found.current:
        parts.append(f"Version {found.current.number} of the model: {found.current.explanation}")
    rows = [
        (x.assay, pool.called(x.name), f"{x.side}{shown_number(x.value, 4)} {x.unit}".rstrip()) for x in found.leaders
    ]
    best = _table(("assay", "best candidate", "value"), rows) if rows else ""
    return "".join(f"<p>{html.escape(part)}</p>" for part in parts) + best


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in rows]
    head = "".join(f"<th>{html.escape(name)}</th>" for name in header)
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content
