"""One process that serves, and beside it one that works."""

from __future__ import annotations

import gc
import os
import signal
import socket
import subprocess
import sys
import threading
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from activeloop import tracing
from activeloop.errors import InputError
from activeloop.server.app import create_app
from activeloop.server.guard import LOG, log_as_json
from activeloop.server.memory import few_arenas
from activeloop.server.settings import Settings

GRACE = 20
"""Seconds in which requests that are being answered, and a worker, may end."""


def run(settings: Settings, *, browser: bool = False) -> None:
    """Serve until the process is told to stop; requests that are being answered are finished first.

    Args:
        settings: of the server.
        browser: whether to open one.

    Raises:
        InputError: the port is another program's, or the settings name no place.
        StoreError: the database cannot be used.
    """
    few_arenas()
    listening = listen(settings)
    host, port = listening.getsockname()[:2]
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    log_as_json()
    if problem := tracing.start("activeloop-server"):
        LOG.warning(problem)
    app = create_app(settings)
    gc.freeze()  # what was made until now stays
    gc.enable()
    how: dict[str, Any] = {"log_config": None, "access_log": False, "server_header": False, "ws": "none"}
    config = uvicorn.Config(app, timeout_graceful_shutdown=GRACE, **how)
    for number in (signal.SIGTERM, signal.SIGINT):  # Uvicorn raises them again when it has stopped in order
        signal.signal(number, lambda *_: None)
    worker = WorkerProcess(settings) if settings.worker else None
    try:
        sys.stderr.write(f"ActiveLoop serves {settings.public_url or address}; Ctrl-C ends it.\n")
        if browser:
            webbrowser.open(address)
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        if worker:
            worker.stop()


@contextmanager
def in_thread(settings: Settings) -> Iterator[str]:
    """A server in a thread of this process, on a free port of this machine; its address.

    Args:
        settings: of the server; its port is not used, and there is no worker.
    """
    listening = listen(settings.model_copy(update={"host": "127.0.0.1", "port": 0}))
    config = uvicorn.Config(create_app(settings), log_config=None, access_log=False, lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(GRACE)
        listening.close()


def listen(settings: Settings) -> socket.socket:
    """A socket on which the server listens.

    Raises:
        InputError: the port is another program's.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    # asyncio sends at once what it writes only where the socket says that it is one of TCP; else 40 ms later
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except OSError as error:
        listening.close()
        fix = "choose another with --port. The server was not started."
        raise InputError(f"{settings.host}:{settings.port} cannot be used ({error.strerror}): {fix}") from error
    listening.listen(1024)
    return listening


class WorkerProcess:
    """A worker in a process of its own, which loads what the web process never does; begun anew when it ends.

    Args:
        settings: of the server.
    """

    def __init__(self, settings: Settings):
        self._command = [sys.executable, "-c", "from activeloop.cli import main; main()", "work", settings.database]
        self._command += ["--artifacts", settings.artifacts] if settings.artifacts else []
        self._command += ["--cache", settings.cache] if settings.cache else []
        self._devices = settings.devices
        self._stopped = threading.Event()
        self._process = self._start()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    def _start(self) -> subprocess.Popen[bytes]:
        # a group of its own, so that Ctrl-C reaches it by `stop` alone, after the requests
        return subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, "ACTIVELOOP_DEVICES": self._devices},
        )

    def _keep(self) -> None:
        wait = 1.0
        while not self._stopped.wait(wait):
            if self._process.poll() is None:
                wait = 1.0
                continue
            LOG.warning("the worker ended and is begun anew", extra={"fields": {"status": self._process.returncode}})
            self._process, wait = self._start(), min(wait * 2, 60.0)

    def stop(self) -> None:
        """Let it give back what it does, and end."""
        self._stopped.set()
        self._keeper.join()
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(GRACE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
