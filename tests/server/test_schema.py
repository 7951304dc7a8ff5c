"""Whatever a request holds, by the API's own document: no answer is a fault of the server."""

from __future__ import annotations

import warnings
from typing import Any

import hypothesis
import pytest
from hypothesis import HealthCheck
from served import Server

from activeloop.instruments.allotropy import VARIABLE

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of libraries below it
    import schemathesis

EXAMPLES = 6
LONG = "/eln"
"""A report and tables of everything, so once is enough."""
ENDLESS = "/events/stream"
HARM = {("post", "/api/v1/campaigns/{campaign}/archive"), ("put", "/api/v1/campaigns/{campaign}/members")}
"""After which later requests would find nothing."""


def operations(server: Server) -> list[Any]:
    schema = schemathesis.openapi.from_dict(server.client.get("/api/v1/openapi.json").json())
    return [found.ok() for found in schema.get_all_operations()]


def answers(server: Server, operation: Any) -> list[tuple[int, str]]:
    """What an operation answers to requests that its document allows, and to some that it does not."""
    seen: list[tuple[int, str]] = []

    @hypothesis.given(case=operation.as_strategy())
    @hypothesis.settings(
        max_examples=1 if operation.path.endswith(LONG) else EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
        phases=[hypothesis.Phase.generate],
    )
    def ask(case: Any) -> None:
        if "campaign" in (case.path_parameters or {}):
            case.path_parameters["campaign"] = server.key
        told = case.as_transport_kwargs(base_url="http://127.0.0.1:8300")
        for unusable in ("cookies", "timeout", "verify", "cert"):
            told.pop(unusable, None)
        headers = {k: v for k, v in dict(told.pop("headers", None) or {}).items() if v.isascii()}
        answer = server.client.request(headers=headers, follow_redirects=False, **told)
        seen.append((answer.status_code, answer.text[:300]))

    ask()
    return seen


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_no_request_is_answered_by_a_fault(server, tmp_path, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(tmp_path))  # readers of instruments' files take seconds to begin
    server.post("proposals", {"number": 4})
    server.post("results", {"measurements": server.measured(6)})
    server.post("versions")
    wrong, asked, done = [], 0, 0
    for operation in operations(server):
        if operation.path.endswith(ENDLESS) or (operation.method, operation.path) in HARM:
            continue
        seen = answers(server, operation)
        asked += len(seen)
        done += sum(status < 300 for status, _ in seen)
        wrong += [(operation.method, operation.path, status, text) for status, text in seen if status >= 500]
    assert wrong == []
    assert (asked > 150, done > 30) == (True, True), (asked, done)
