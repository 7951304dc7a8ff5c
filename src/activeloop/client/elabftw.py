"""A client of eLabFTW, an open electronic laboratory notebook: campaigns become experiments, and stay the same ones.

Source: the OpenAPI document of its API v2, https://doc.elabftw.net/api/v2/.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from activeloop.desk.eln import NotebookEntry
from activeloop.errors import ConfigError, InputError, StateError, StoreError
from activeloop.server.settings import LOOPBACK

HTML = 1
"""The content type of a body."""
LOG = "events.csv"
"""When this file of a campaign is the same, nothing happened in it."""
TAG = "ActiveLoop"


@dataclass(frozen=True)
class Pushed:
    """What became of an entry.

    Args:
        number: of the experiment.
        title: of the entry.
        address: of the experiment, for a browser.
        made: whether the experiment is new.
        changed: whether anything of it changed.
        files: that were uploaded.
    """

    number: int
    title: str
    address: str
    made: bool
    changed: bool
    files: int


@dataclass
class ELabFTW:
    """An eLabFTW.

    Each experiment is found by the entry's id, which stands in its body; so a push that was cut off goes on, and a
    second one updates. What people write into the body before or behind the part that is ours stays, as does the
    title that they gave it; a file that changed replaces the one of its name, which eLabFTW archives.

    Args:
        url: of it, such as `https://eln.example.org`; `http://` on this machine alone.
        key: of its API, which may write.
        transport: of httpx; the usual one when None.
    """

    url: str
    key: str = field(repr=False)
    transport: httpx.BaseTransport | None = None
    _http: httpx.Client = field(init=False, repr=False)

    def __post_init__(self) -> None:
        try:
            place = httpx.URL(self.url)
        except httpx.InvalidURL as error:
            raise ConfigError(f'"{self.url}" is no address of an eLabFTW ({error}). Nothing was sent.') from error
        if place.scheme not in ("http", "https") or not place.host:
            fix = "give one such as https://eln.example.org. Nothing was sent."
            raise ConfigError(f'"{self.url}" is no address of an eLabFTW: {fix}')
        if place.scheme == "http" and place.host not in LOOPBACK:
            raise ConfigError(
                f"{self.url} would send the key unencrypted, so that whoever is in between reads it: give "
                f"https://{place.netloc.decode()}. Nothing was sent."
            )
        base = f"{self.url.rstrip('/').removesuffix('/api/v2')}/api/v2"
        headers = {"Authorization": self.key}
        self._http = httpx.Client(base_url=base, headers=headers, timeout=120, transport=self.transport)

    def __enter__(self) -> ELabFTW:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def push(self, entries: Sequence[NotebookEntry]) -> tuple[Pushed, ...]:
        """Make or update an experiment of each entry; all others are linked with the first.

        Args:
            entries: as `notebook_entries` gives them.

        Raises:
            StateError: an experiment is locked, or there are two of one entry; those before it are done.
            ConfigError: the key is refused.
            StoreError: eLabFTW cannot be reached, or failed; the same push goes on later.
        """
        done = [self._push(one) for one in entries]
        first = done[0].number
        linked = {link["entityid"] for link in self._call("GET", f"/experiments/{first}/experiments_links").json()}
        for one in done[1:]:
            if one.number not in linked:
                self._call("POST", f"/experiments/{first}/experiments_links/{one.number}")
        return tuple(done)

    def _push(self, entry: NotebookEntry) -> Pushed:
        number = self._find(entry)
        made = number is None
        if number is None:
            given = {"title": entry.title, "body": _body("", entry), "content_type": HTML, "template": -1}
            number = _number_of(self._call("POST", "/experiments", json=given))
        found = self._call("GET", f"/experiments/{number}").json()
        if found.get("locked"):
            raise StateError(f"experiment {number} ({found.get('title')}) is locked: unlock it in eLabFTW first.")
        uploads = {one["real_name"]: one for one in self._call("GET", f"/experiments/{number}/uploads").json()}
        missing = [file for file in entry.files if not _same(uploads.get(file.name), file.sha256)]
        if all(file.name != LOG for file in missing) and any(file.name == LOG for file in entry.files):
            missing = [file for file in missing if file.name not in uploads]  # pages have the moment of their making
        for file in missing:
            place = f"/experiments/{number}/uploads"
            place += f"/{uploads[file.name]['id']}" if file.name in uploads else ""
            sent = {"file": (file.name, file.content, file.media_type)}
            self._call("POST", place, files=sent, data={"comment": file.about})
        body = _body(found.get("body") or "", entry)
        stale = _plain(found.get("body") or "") != _plain(body)
        if stale:
            self._call("PATCH", f"/experiments/{number}", json={"body": body, "content_type": HTML})
        if TAG not in (found.get("tags") or "").split("|"):
            self._call("POST", f"/experiments/{number}/tags", json={"tag": TAG})
        root = str(self._http.base_url).rstrip("/").removesuffix("/api/v2")
        address = f"{root}/experiments.php?mode=view&id={number}"
        return Pushed(number, entry.title, address, made, made or stale or bool(missing), len(missing))

    def _find(self, entry: NotebookEntry) -> int | None:
        """The experiment of an entry."""
        asked: dict[str, Any] = {"q": _mark(entry), "limit": 100, "full": 1, "state": "1,2"}
        listed = self._call("GET", "/experiments", params=asked).json()
        found = [one["id"] for one in listed if _mark(entry) in (one.get("body") or "")]
        if len(found) > 1:
            numbers = ", ".join(map(str, found))
            raise StateError(f"experiments {numbers} are all of {entry.title}: delete all but one in eLabFTW.")
        return found[0] if found else None

    def _call(self, method: str, path: str, **how: Any) -> httpx.Response:
        try:
            answer = self._http.request(method, path, **how)
        except httpx.HTTPError as error:
            raise StoreError(
                f"{self.url} cannot be reached ({type(error).__name__}): look at its address. The same push goes on."
            ) from error
        if answer.is_success:
            return answer
        told = _told(answer)
        if answer.status_code in (401, 403):
            raise ConfigError(f"eLabFTW refuses the key: {told} It needs one that may write.")
        if answer.status_code < 500:
            raise InputError(f"eLabFTW refuses {method} {path}: {told}")
        raise StoreError(f"eLabFTW failed: {told} The same push goes on.")


def _told(answer: httpx.Response) -> str:
    try:
        told = answer.json()
        return f"{told.get('message', '')} {told.get('description', '')}".strip().rstrip(".") + "."
    except (json.JSONDecodeError, AttributeError):
        return f"it answered with {answer.status_code}."


def _number_of(answer: httpx.Response) -> int:
    """What was made, as the header `location` says it."""
    found = re.search(r"(\d+)/?$", answer.headers.get("location", ""))
    if not found:
        raise StoreError("eLabFTW did not say which experiment it made. The same push finds it.")
    return int(found[1])


def _mark(entry: NotebookEntry) -> str:
    """What stands in the body, and in no other."""
    return f"ActiveLoop {entry.id}."


def _body(before: str, entry: NotebookEntry) -> str:
    """The body of an experiment, with our part anew; what people wrote around it stays."""
    first, last = f"<p>Begin of {_mark(entry)}</p>", f"<p>End of {_mark(entry)}</p>"
    own = f"{first}{entry.body}{last}"
    pattern = re.compile(
        rf"<p>\s*Begin of {re.escape(_mark(entry))}\s*</p>.*?<p>\s*End of {re.escape(_mark(entry))}\s*</p>", re.DOTALL
    )
    found, count = pattern.subn(lambda _: own, before)
    return found if count else f"{before}{own}"


def _plain(text: str) -> str:
    """The words of a page, as which two are compared: a notebook writes tags in its own way."""
    return "".join(html.unescape(re.sub(r"<[^>]*>", "", text)).split())


def _same(upload: dict[str, Any] | None, sha256: str) -> bool:
    return upload is not None and upload.get("hash_algorithm") == "sha256" and upload.get("hash") == sha256
