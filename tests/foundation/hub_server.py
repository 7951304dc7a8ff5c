"""A hub on loopback: answers as huggingface.co does to those who fetch a model."""

from __future__ import annotations

import hashlib
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

#: the commit that `main` and the tag `v1` stand for
COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(ThreadingHTTPServer):
    """Serves the folders below one folder as `owner/name`.

    Args:
        base: where they are.
        cut: name of a file of which only the first half arrives.
    """

    def __init__(self, base: Path, cut: str = ""):
        super().__init__(("127.0.0.1", 0), Answer)
        self.base, self.cut, self.asked = base, cut, []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answer(BaseHTTPRequestHandler):
    """One request."""

    server: Hub
    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self._answer(body=False)

    def do_GET(self):
        self._answer(body=True)

    def log_message(self, format, *args):
        """Say nothing."""

    def _answer(self, body: bool):
        path = unquote(urlsplit(self.path).path).strip("/")
        self.server.asked.append(f"{self.command} {path}")
        api = path.startswith("api/models/")
        parts = path.removeprefix("api/models/").split("/")
        folder = self.server.base / "/".join(parts[:2])
        if len(parts) < 2 or not folder.is_dir():
            return self._send(404, b"{}", body, {"X-Error-Code": "RepoNotFound", "X-Error-Message": "no such model"})
        revision = parts[3] if len(parts) > 3 else "main"
        if revision not in ("main", "v1", COMMIT):
            return self._send(404, b"{}", body, {"X-Error-Code": "RevisionNotFound", "X-Error-Message": "no revision"})
        if not api:
            return self._file(folder / "/".join(parts[4:]), body)
        names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
        if len(parts) > 2 and parts[2] == "tree":
            told = [
                {"type": "file", "path": n, "size": (folder / n).stat().st_size, "oid": _oid(folder / n)} for n in names
            ]
            return self._send(200, json.dumps(told).encode(), body)
        told = {"id": "/".join(parts[:2]), "sha": COMMIT, "siblings": [{"rfilename": n} for n in names]}
        return self._send(200, json.dumps(told).encode(), body)

    def _file(self, path: Path, body: bool):
        if not path.is_file():
            return self._send(404, b"{}", body, {"X-Error-Code": "EntryNotFound"})
        content = path.read_bytes()
        headers = {"ETag": f'"{_oid(path)}"', "X-Repo-Commit": COMMIT}
        if body and path.name == self.server.cut:
            # the connection ends before the announced length
            self._send(200, content[: len(content) // 2], body, headers, len(content))
            self.close_connection = True
            return None
        return self._send(200, content, body, headers)

    def _send(self, status: int, content: bytes, body: bool, headers=(), length: int | None = None):
        self.send_response(status)
        for name, value in dict(headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content) if length is None else length))
        self.end_headers()
        if body:
            self.wfile.write(content)


def _oid(path: Path) -> str:
    return hashlib.sha1(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    hub = Hub(Path(sys.argv[1]))
    sys.stdout.write(hub.url)
    hub.serve_forever()
