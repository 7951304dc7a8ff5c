"""One process that serves, and beside it one that works."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import webbrowser

import uvicorn

from activeloop.errors import InputError
from activeloop.server.app import create_app
from activeloop.server.settings import Settings


def run(settings: Settings, *, browser: bool = False) -> None:
    """Serve until the process is told to stop; requests that are being answered are finished first.

    Args:
        settings: of the server.
        browser: whether to open one.
    """
    listening = listen(settings)
    host, port = listening.getsockname()[:2]
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    app = create_app(settings)
    config = uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=20, server_header=False)
    worker = start_worker(settings) if settings.worker else None
    try:
        sys.stderr.write(f"ActiveLoop serves {settings.public_url or address}; Ctrl-C ends it.\n")
        if browser:
            webbrowser.open(address)
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        if worker:
            stop_worker(worker)


def listen(settings: Settings) -> socket.socket:
    """A socket on which the server listens.

    Raises:
        InputError: the port is another program's.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except OSError as error:
        listening.close()
        fix = "choose another with --port. The server was not started."
        raise InputError(f"{settings.host}:{settings.port} cannot be used ({error.strerror}): {fix}") from error
    listening.listen(1024)
    return listening


def start_worker(settings: Settings) -> subprocess.Popen[bytes]:
    """A worker in a process of its own, which loads what the web process never does."""
    command = [sys.executable, "-c", "from activeloop.cli import main; main()", "work", settings.database]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL)


def stop_worker(worker: subprocess.Popen[bytes], seconds: float = 20.0) -> None:
    """Let a worker give back what it does, and end."""
    worker.send_signal(signal.SIGTERM)
    try:
        worker.wait(seconds)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait()
