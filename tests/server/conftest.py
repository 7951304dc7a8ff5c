"""A server with one campaign, for one user and for a team; makes `served` importable."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from activeloop.server.app import create_app
from activeloop.server.settings import Settings

sys.path.insert(0, str(Path(__file__).parent))
from served import CONFIG, Server


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(database=str(tmp_path / "server"), host="127.0.0.1")


@pytest.fixture
def server(settings: Settings) -> Iterator[Server]:
    """A server for the one user of this machine, with a campaign."""
    with TestClient(create_app(settings), base_url="http://127.0.0.1:8300") as client:
        found = Server(client)
        made = found.post("/api/v1/campaigns", {"name": "kinase", "config": CONFIG})
        assert made.status_code == 201, made.text
        found.key = made.json()["key"]
        yield found


@pytest.fixture
def team(settings: Settings) -> Iterator[Server]:
    """A server for people who sign in, with a campaign of Ada's; calls by nobody yet."""
    several = settings.model_copy(update={"oidc_issuer": "http://127.0.0.1:9", "oidc_client": "c", "oidc_secret": "s"})
    with TestClient(create_app(several), base_url="http://127.0.0.1:8300") as client:
        found = Server(client)
        ada = found.of("ada")
        made = ada.post("/api/v1/campaigns", {"name": "kinase", "config": CONFIG})
        assert made.status_code == 201, made.text
        found.key = made.json()["key"]
        yield found
