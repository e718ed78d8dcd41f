"""Optional OpenTelemetry traces: a span for each request, model call, tool and sandbox, without any of their text.
Contract file: replaced by updates.

OpenTelemetry is imported only if `OTEL_EXPORTER_OTLP_ENDPOINT` is set and requirements-otel.in is installed. Names and
attributes are those of OpenTelemetry's GenAI conventions. A caller's `traceparent` becomes the parent of the spans.
"""

import logging
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..identity import identity
from ..outbound.egress import Egress
from ..settings import Settings
from .observer import ModelCall, Observer, Step, Summary

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import Span

log = logging.getLogger("competitor.tracing")

EXPORT_SECONDS = 5.0
# How long a shutdown waits until the last spans are sent.
FLUSH_SECONDS = 2.0


class Tracing:
    """Makes the spans of one process, and passes each to `processor` when it ends."""

    def __init__(self, processor: "SpanProcessor"):
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        about = {"service.name": identity().name, "service.version": identity().version}
        self._provider = TracerProvider(resource=Resource.create(about), shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self.tracer = self._provider.get_tracer("competitor")
        self.propagator = TraceContextTextMapPropagator()

    def request(self, headers: Mapping[str, str], id: str) -> "Trace":
        """Starts the spans of one request, as children of the caller's `traceparent`."""
        return Trace(self, headers, id)

    def close(self) -> None:
        """Sends the last spans. The time is limited, so that a silent collector does not delay the shutdown."""
        ending = threading.Thread(target=self._provider.shutdown, daemon=True)
        ending.start()
        ending.join(FLUSH_SECONDS)


class Trace(Observer):
    """The spans of one request."""

    def __init__(self, tracing: Tracing, headers: Mapping[str, str], id: str):
        from opentelemetry.trace import SpanKind, set_span_in_context

        self._tracer, self._client = tracing.tracer, SpanKind.CLIENT
        given = tracing.propagator.extract(dict(headers))
        self._span = self._tracer.start_span("POST /v1/chat/completions", given, SpanKind.SERVER)
        self._span.set_attribute("janus.request.id", id)
        self._context = set_span_in_context(self._span)
        self._open: dict[str, Span] = {}

    def started(self, step: Step) -> None:
        if step.kind == "tool":
            about = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": step.name}
            name = f"execute_tool {step.name}"
        else:
            about, name = {"janus.sandbox.name": step.name}, f"sandbox {step.name}"
        span = self._tracer.start_span(name, self._context, attributes={**about, "gen_ai.tool.call.id": step.id})
        self._open[step.id] = span

    def ended(self, step: Step, status: str, seconds: float, details: Mapping[str, Any]) -> None:
        if (span := self._open.pop(step.id, None)) is not None:
            _end(span, None if status == "ok" else "tool_error")

    def called(self, call: ModelCall) -> None:
        now = time.time_ns()
        about = {"gen_ai.operation.name": "chat", "gen_ai.request.model": call.model}
        began = now - round(call.seconds * 1e9)
        span = self._tracer.start_span(f"chat {call.model}", self._context, self._client, about, start_time=began)
        if call.usage is not None:
            span.set_attribute("gen_ai.usage.input_tokens", call.usage.prompt_tokens)
            span.set_attribute("gen_ai.usage.output_tokens", call.usage.completion_tokens)
        for kind in call.retried:
            span.add_event("retry", {"error.type": kind})
        if call.failed:
            span.set_attribute("janus.failed_models", list(call.failed))
        _end(span, call.error, now)

    def finished(self, summary: Summary) -> None:
        told = {
            "gen_ai.operation.name": "chat",
            "gen_ai.request.model": summary.model,
            "gen_ai.response.finish_reasons": [summary.finish_reason or ""],
            "gen_ai.usage.input_tokens": summary.usage.get("prompt_tokens", 0),
            "gen_ai.usage.output_tokens": summary.usage.get("completion_tokens", 0),
            "janus.backend": summary.backend,
            "janus.mode": summary.mode,
            "janus.outcome": summary.outcome,
            "janus.correlation.id": summary.correlation_id,
            "janus.time_to_first_token_seconds": summary.ttft,
            "janus.largest_gap_seconds": summary.largest_gap,
        }
        self._span.set_attributes({name: value for name, value in told.items() if value is not None})
        self._close(summary.error_type or None)

    def close(self) -> None:
        """Ends the open spans of a request, however the request ended."""
        if self._span.is_recording():
            self._close("unfinished")

    def _close(self, error: str | None) -> None:
        for span in self._open.values():
            _end(span, error)
        self._open.clear()
        _end(self._span, error)


def _end(span: "Span", error: str | None, at: int | None = None) -> None:
    from opentelemetry.trace import StatusCode

    if error is not None:
        span.set_attribute("error.type", error)
        span.set_status(StatusCode.ERROR)
    span.end(at)


def tracing(settings: Settings, egress: Egress) -> Tracing | None:
    """The tracing of this process; None if no collector is configured or the libraries are not installed."""
    if settings.otlp_endpoint is None:
        return None
    try:
        import requests
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        log.warning("no traces: OTEL_EXPORTER_OTLP_ENDPOINT is set, but requirements-otel.in is not installed")
        return None
    logging.getLogger("opentelemetry").setLevel(logging.WARNING)
    url = f"{settings.otlp_endpoint.removesuffix('/v1/traces')}/v1/traces"
    egress.check(url)
    session = requests.Session()
    session.trust_env, session.max_redirects = False, 0  # X1: no proxy variable, no redirect
    exporter = OTLPSpanExporter(url, headers=settings.otlp_header_values, timeout=EXPORT_SECONDS, session=session)
    return Tracing(BatchSpanProcessor(exporter))
