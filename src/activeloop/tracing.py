"""Traces by OpenTelemetry of requests, work and statements of databases, where that is set up; nothing elsewhere.

It is set up by the standard variables of the environment, such as `OTEL_EXPORTER_OTLP_ENDPOINT`, and needs the extra
`telemetry`. Else no part of OpenTelemetry is imported, and a span costs one look into a dictionary.

Source: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/, and the semantic conventions.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Literal

from activeloop._version import __version__

Kind = Literal["internal", "client", "consumer"]
ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
REQUEST = "activeloop.request_id"
"""The attribute by which a span is found from a line of the log, or from an event."""
_SDK = "opentelemetry.sdk.trace"


def start(service: str, exporter: Any = None) -> str:
    """Send traces of this process, where the environment says to whom; why there are none although it does, or "".

    Args:
        service: the name of the process, unless `OTEL_SERVICE_NAME` says another.
        exporter: that takes the spans; one of OTLP over HTTP, as the environment says, when None.
    """
    wanted = any(os.environ.get(name, "").strip() for name in ENDPOINTS)
    off = os.environ.get("OTEL_SDK_DISABLED", "").casefold() == "true"
    off = off or os.environ.get("OTEL_TRACES_EXPORTER") == "none"
    if exporter is None and (off or not wanted):
        return ""
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor
    except ImportError:
        return 'no traces are sent: OpenTelemetry is not installed (pip install "activeloop-bio[telemetry]").'
    named = os.environ.get("OTEL_SERVICE_NAME", "").strip() or service
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: named, SERVICE_VERSION: __version__}))
    by_itself = BatchSpanProcessor(OTLPSpanExporter()) if exporter is None else SimpleSpanProcessor(exporter)
    provider.add_span_processor(by_itself)
    trace.set_tracer_provider(provider)
    return ""


def span(
    name: str, kind: Kind = "internal", parent: str = "", attributes: Mapping[str, Any] | None = None
) -> AbstractContextManager[Any]:
    """A span for the length of a block; nothing where there is no tracing.

    Args:
        name: of it.
        kind: of it.
        parent: the header `traceparent` of whoever asked for it; the span around it when "".
        attributes: of it; what is None or "" is left out.

    >>> with span("fit") as nothing:
    ...     print(nothing)
    None
    """
    return _span(name, kind, parent, attributes or {}) if _SDK in sys.modules else nullcontext()


@contextmanager
def _span(name: str, kind: Kind, parent: str, attributes: Mapping[str, Any]) -> Iterator[Any]:
    from opentelemetry import trace
    from opentelemetry.propagate import extract

    tracer = trace.get_tracer("activeloop", __version__)
    around = extract({"traceparent": parent}) if parent else None
    known = {key: value for key, value in attributes.items() if value not in (None, "")}
    with tracer.start_as_current_span(name, around, trace.SpanKind[kind.upper()], known) as found:
        yield found


def note(request: str) -> None:
    """Mark the span that is open with the id of the request."""
    if _SDK in sys.modules:
        from opentelemetry import trace

        trace.get_current_span().set_attribute(REQUEST, request)


def traceparent() -> str:
    """The header by which another process goes on with the trace (W3C Trace Context); "" where there is none."""
    if _SDK not in sys.modules:
        return ""
    from opentelemetry.propagate import inject

    told: dict[str, str] = {}
    inject(told)
    return told.get("traceparent", "")


def statement(system: str, text: str) -> AbstractContextManager[Any]:
    """A span of a statement of a database, without the values of its parameters.

    Args:
        system: `sqlite` or `postgresql`.
        text: in SQL.
    """
    if _SDK not in sys.modules:
        return nullcontext()
    word = text.split(None, 1)[0].upper() if text.strip() else "SQL"
    told = {"db.system.name": system, "db.operation.name": word, "db.query.text": text}
    return span(f"{system} {word}", "client", attributes=told)


def watch(engine: Any) -> None:
    """Make a span of each statement of an engine of SQLAlchemy.

    Args:
        engine: it.
    """
    if _SDK not in sys.modules:
        return
    from sqlalchemy import event

    def begin(connection: Any, cursor: Any, text: str, *_: Any) -> None:
        opened = statement(engine.dialect.name, text)
        opened.__enter__()
        connection.info.setdefault("spans", []).append(opened)

    def end(connection: Any, *_: Any) -> None:
        connection.info["spans"].pop().__exit__(None, None, None)

    def fail(context: Any) -> None:
        if context.connection is not None and (opened := context.connection.info.get("spans")):
            error = context.original_exception
            opened.pop().__exit__(type(error), error, error.__traceback__)

    event.listen(engine, "before_cursor_execute", begin)
    event.listen(engine, "after_cursor_execute", end)
    event.listen(engine, "handle_error", fail)
