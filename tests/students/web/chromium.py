"""Chromium without a driver: its own protocol over two pipes."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import signal
import time
from pathlib import Path
from typing import Any

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def find_chromium() -> str | None:
    """The path of an installed Chromium, or None."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


class Chromium:
    """One headless browser with one tab."""

    def __init__(self, program: str, profile: Path):
        to_read, self._out = os.pipe()
        self._in, to_write = os.pipe()
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run"]
        options += ["--disable-background-networking", "--disable-component-update", f"--user-data-dir={profile}"]
        # the program reads its orders from 3 and answers on 4; a detour keeps the two from overwriting each other
        moves = [(to_read, 63), (to_write, 64), (63, 3), (64, 4)]
        quiet = os.open(os.devnull, os.O_RDWR)
        actions = [(os.POSIX_SPAWN_DUP2, quiet, n) for n in (0, 1, 2)]
        actions += [(os.POSIX_SPAWN_DUP2, *move) for move in moves] + [(os.POSIX_SPAWN_CLOSE, n) for n in (63, 64)]
        self._process = os.posix_spawn(
            program, [program, *options, "about:blank"], os.environ, file_actions=actions, setpgroup=0
        )
        for end in (to_read, to_write, quiet):
            os.close(end)
        self._rest, self._number, self.events = b"", 0, list[dict[str, Any]]()
        self._session = None
        target = next(t for t in self._wait_for_tab() if t["type"] == "page")
        self._session = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def _wait_for_tab(self) -> list[dict[str, Any]]:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            found = self.call("Target.getTargets")["targetInfos"]
            if any(t["type"] == "page" for t in found):
                return found
            time.sleep(0.05)
        raise TimeoutError("Chromium opened no tab")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """The result of one method of the protocol."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._out, data) :]
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer["error"]
                return answer["result"]
            self.events.append(answer)

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._in], [], [], 60)
            piece = os.read(self._in, 2**20) if ready else b""
            if not piece:
                raise TimeoutError("Chromium does not answer")
            self._rest += piece
        one, _, self._rest = self._rest.partition(b"\0")
        return json.loads(one)

    def open(self, address: str) -> None:
        """Load a page and wait until it is ready."""
        self.events.clear()
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=address)
        self.until("document.body?.dataset.state && document.body.dataset.state !== 'loading'")

    def run(self, code: str) -> Any:
        """The value of a JavaScript expression; a promise is waited for."""
        done = self.call("Runtime.evaluate", expression=code, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def until(self, condition: str, seconds: float = 30) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + seconds
        while not self.run(f"Boolean({condition})"):
            assert time.monotonic() < end, f"never true: {condition}"
            time.sleep(0.03)

    def key(self, name: str) -> None:
        """Press a key."""
        text = {"Enter": "\r"}.get(name, name if len(name) == 1 else "")
        codes = {"Enter": 13, "ArrowRight": 39, "ArrowDown": 40, "Tab": 9}
        shared = {"key": name, "code": name, "windowsVirtualKeyCode": codes.get(name, 0)}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **shared)
        self.call("Input.dispatchKeyEvent", type="keyUp", **shared)

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        self.call("Input.insertText", text=text)

    def picture(self, path: Path, width: int, height: int | None, *, dark: bool = False) -> None:
        """A picture of the page (as high as it is when no height is given)."""
        self.call(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}],
        )
        size = {"width": width, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", height=height or 900, **size)
        if height is None:
            time.sleep(0.2)
            whole = self.run("document.documentElement.scrollHeight")
            self.call("Emulation.setDeviceMetricsOverride", height=whole, **size)
        time.sleep(0.3)
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def troubles(self) -> list[str]:
        """What the page complained of, and what it asked of a network, since it was opened."""
        found = []
        for event in self.events:
            params = event.get("params", {})
            if event.get("method") == "Runtime.exceptionThrown":
                found.append(str(params["exceptionDetails"]))
            if event.get("method") == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
                found.append(params["entry"]["text"])
            if event.get("method") == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
                found.append(str(params["args"]))
            if event.get("method") == "Network.requestWillBeSent":
                address = params["request"]["url"]
                if not address.startswith(("data:", "blob:", "about:")) and params.get("type") != "Document":
                    found.append(f"asked for {address}")
        return found

    def close(self) -> None:
        """End the browser and all it started."""
        try:
            self._session = None
            self.call("Browser.close")
        except (TimeoutError, OSError):
            os.killpg(self._process, signal.SIGKILL)
        finally:
            os.waitpid(self._process, 0)
            os.close(self._in)
            os.close(self._out)
