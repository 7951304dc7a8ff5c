"""Traces: of requests, work and statements with the ids of requests; nothing at all where they are not set up."""

import json
import subprocess
import sys

#: in a process of its own, for what is set up holds for a whole process
TRACED = """
import json, os, sys
from pathlib import Path
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.testclient import TestClient
from activeloop import tracing
spans = InMemorySpanExporter()
assert tracing.start("test", spans) == ""
from activeloop.server.app import create_app
from activeloop.server.settings import Settings
from activeloop.work import Place, Worker
from activeloop.work.leases import Timing
where = sys.argv[1]
config = '''[pool]
kind = "variants"
wild_type = "MKTAYIAKQRQISFVKSHFSRQ"
singles = true
[[assays]]
name = "kcat"
'''
with TestClient(create_app(Settings(database=where)), base_url="http://127.0.0.1:8300") as client:
    key = client.post("/api/v1/campaigns", json={"name": "a", "config": config}).json()["key"]
    spans.clear()
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    sent = {"traceparent": parent, "x-request-id": "r17", "idempotency-key": "k"}
    rows = [{"candidate": f"K2{a}", "assay": "kcat", "value": i} for i, a in enumerate("ACDEFGHILMNP")]
    assert client.post(f"/api/v1/campaigns/{key}/results", json={"measurements": rows}, headers=sent).status_code == 201
    assert client.get("/healthz").status_code == 200
    assert client.get(f"/api/v1/campaigns/{'0' * 32}").status_code == 404
Worker([Place(where)], Timing(quiet=0.0, longest=0.0)).run(lambda _: None, once=True)
told = []
for one in spans.get_finished_spans():
    told.append({"name": one.name, "id": one.context.span_id, "trace": f"{one.context.trace_id:032x}",
                 "parent": one.parent and one.parent.span_id, "kind": one.kind.name, **dict(one.attributes)})
print(json.dumps(told))
"""


def test_requests_work_and_statements_have_spans(tmp_path):
    done = subprocess.run([sys.executable, "-c", TRACED, tmp_path / "server"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    spans = json.loads(done.stdout.splitlines()[-1])
    (record,) = [one for one in spans if one.get("activeloop.request_id") == "r17"]
    missing = [one for one in spans if one["kind"] == "SERVER"][-1]
    assert not any(one.get("url.path") == "/healthz" for one in spans)
    assert record["name"] == "POST /api/v1/campaigns/{campaign}/results"
    assert record["trace"] == "0af7651916cd43dd8448eb211c80319c"
    assert f"{record['parent']:016x}" == "b7ad6b7169203331"
    assert (record["activeloop.request_id"], record["http.response.status_code"]) == ("r17", 201)
    assert missing["http.response.status_code"] == 404
    statements = [one for one in spans if one["trace"] == record["trace"] and "db.query.text" in one]
    assert {"SELECT", "INSERT"} <= {one["db.operation.name"] for one in statements}
    assert all(one["db.system.name"] == "sqlite" and one["parent"] for one in statements)
    assert not any("K2A" in one["db.query.text"] for one in statements)  # values are nobody's business
    (work,) = [one for one in spans if one["kind"] == "CONSUMER"]
    assert (work["name"], work["activeloop.end"], work["activeloop.attempt"]) == ("work fit", "done", 1)
    assert work["activeloop.request_id"].startswith("fit under lease ")


OFF = """
import sys
from activeloop import tracing
from activeloop.server.app import create_app
from activeloop.server.settings import Settings
assert tracing.start("test") == ""
create_app(Settings(database=sys.argv[1]))
assert "opentelemetry.sdk.trace" not in sys.modules
assert tracing.traceparent() == ""
sys.modules["opentelemetry"] = None
import os
os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:9"
print(tracing.start("test"))
os.environ["OTEL_SDK_DISABLED"] = "true"
print(tracing.start("test") == "")
"""


def test_nothing_of_it_is_loaded_where_it_is_off_and_a_missing_extra_is_said(tmp_path):
    done = subprocess.run([sys.executable, "-c", OFF, tmp_path / "server"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        'no traces are sent: OpenTelemetry is not installed (pip install "activeloop-bio[telemetry]").',
        "True",
    ]
