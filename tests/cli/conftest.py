"""Commands as one types them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from activeloop.cli import main

Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str]) -> Typed:
    """Type a command; returns exit status, output and errors."""

    def command(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main([str(a) for a in arguments])
        said = capsys.readouterr()
        return int(end.value.code or 0), said.out, said.err

    return command


@pytest.fixture
def run(typed: Typed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Typed:
    """The same in an empty folder, on a terminal of 160 columns."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "160")
    return typed
