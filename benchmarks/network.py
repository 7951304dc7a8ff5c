"""Machines of their own on this one: network namespaces on a bridge, which can be cut off as a cable is pulled."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO


@dataclass(frozen=True)
class Host:
    """A network namespace with an address, or, where namespaces are refused, this machine.

    Args:
        name: of the namespace; "" for this machine.
        address: of it.
        refused: why it is this machine.
    """

    name: str
    address: str
    refused: str = ""

    def start(self, command: Sequence[str], env: Mapping[str, str], folder: Path, out: IO[str]) -> subprocess.Popen:
        """A process there, in a group of its own."""
        within = ["ip", "netns", "exec", self.name] if self.name else []
        return subprocess.Popen(
            [*within, *command], env=env, cwd=folder, stdout=out, stderr=subprocess.STDOUT, start_new_session=True
        )

    def cut(self, off: bool) -> None:
        """Pull the cable, or put it in again; nothing is told to either side."""
        _ip("link", "set", f"{self.name}b", "down" if off else "up")


_CALLS = itertools.count()


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@contextmanager
def hosts(count: int) -> Iterator[list[Host]]:
    """Namespaces on one bridge, the first address is that of this process; gone afterwards.

    Args:
        count: how many; where the machine refuses namespaces, this machine that many times.
    """
    if not shutil.which("ip") or os.geteuid() != 0:
        yield [Host("", "127.0.0.1", "needs ip, and to be root")] * count
        return
    # names of interfaces have 15 characters at most; those of before may still be about to go
    prefix, net = f"a{os.getpid() % 100_000}x{next(_CALLS) % 100}", f"10.77.{os.getpid() % 250}"
    made: list[str] = []
    try:
        try:
            _ip("link", "add", f"{prefix}br", "type", "bridge")
            _ip("address", "add", f"{net}.1/24", "dev", f"{prefix}br")
            _ip("link", "set", f"{prefix}br", "up")
            for i in range(count):
                name = f"{prefix}n{i}"
                _ip("netns", "add", name)
                made.append(name)
                _ip("link", "add", f"{name}b", "type", "veth", "peer", "name", "eth0", "netns", name)
                _ip("link", "set", f"{name}b", "master", f"{prefix}br", "up")
                for arguments in (
                    ("address", "add", f"{net}.{i + 2}/24", "dev", "eth0"),
                    ("link", "set", "eth0", "up"),
                    ("link", "set", "lo", "up"),
                ):
                    _ip("-n", name, *arguments)
        except subprocess.CalledProcessError as error:
            yield [Host("", "127.0.0.1", error.stderr.decode(errors="replace").strip())] * count
            return
        yield [Host(name, f"{net}.{i + 2}") for i, name in enumerate(made)]
    finally:
        for name in made:
            for what in (("link", "delete", f"{name}b"), ("netns", "delete", name)):
                with suppress(subprocess.CalledProcessError):
                    _ip(*what)
        with suppress(subprocess.CalledProcessError):
            _ip("link", "delete", f"{prefix}br")
