"""Tests traces: what is sent to a collector, what is never sent, and that nothing is loaded unless it is configured."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from competitor.checks import Target, Upstream
from competitor.checks.target import question
from competitor.core.observe.observer import ModelCall, Step, Summary
from competitor.core.observe.tracing import Tracing, tracing
from competitor.core.outbound.egress import Egress
from competitor.core.settings import Settings
from competitor.core.usage import Usage

from ...scripted import SCRIPTED
from ...template_path import UNBAKED, contract_tests

processes = contract_tests("processes")
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SUMMARY = Summary(
    request_id="r1",
    correlation_id=None,
    mode="stream",
    backend="tools",
    model="some-model",
    end="done",
    outcome="ok",
    failure=None,
    error_type="",
    finish_reason="stop",
    ttft=0.1,
    largest_gap=0.2,
    loop_lag=0.0,
    duration=1.0,
    usage={"prompt_tokens": 3, "completion_tokens": 4},
)


class Collector:
    """Replaces an OpenTelemetry collector. Keeps the path, headers and body of every request."""

    def __init__(self) -> None:
        self.received: list[tuple[str, dict[str, str], bytes]] = []
        received = self.received

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                received.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    serving = threading.Thread(target=made.server.serve_forever)
    serving.start()
    yield made
    made.server.shutdown()
    serving.join()
    made.server.server_close()


@pytest.fixture(scope="module")
def upstream() -> Iterator[Upstream]:
    with processes.mock_upstream() as started:
        yield started


@pytest.fixture
def ended() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def traced(ended: InMemorySpanExporter) -> Tracing:
    return Tracing(SimpleSpanProcessor(ended))


def by_name(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in exporter.get_finished_spans()}


def test_a_request_is_a_span_whose_children_are_model_calls_and_tools(
    traced: Tracing, ended: InMemorySpanExporter
) -> None:
    trace = traced.request({"traceparent": f"00-{TRACE}-{PARENT}-01"}, "r1")
    tool, box = Step("tool", "calculator", "c1", {"arguments": "a secret sum"}), Step("sandbox", "python", "b1")
    trace.started(tool)
    trace.started(box)
    trace.ended(box, "error", 0.1, {})
    trace.ended(tool, "ok", 0.2, {"result": "a secret result"})
    trace.called(ModelCall("some-model", 0.5, Usage(3, 4), None, ("busy",)))
    trace.finished(SUMMARY)
    trace.close()
    spans = by_name(ended)
    root = spans["POST /v1/chat/completions"]
    assert spans.keys() == {root.name, "execute_tool calculator", "sandbox python", "chat some-model"}
    assert root.parent is not None
    assert (f"{root.context.trace_id:032x}", f"{root.parent.span_id:016x}") == (TRACE, PARENT)
    assert all(span.parent == root.context for span in spans.values() if span is not root)
    assert root.kind == SpanKind.SERVER
    assert root.attributes is not None
    assert root.attributes["gen_ai.usage.output_tokens"] == 4
    assert root.attributes["janus.request.id"] == "r1"
    call = spans["chat some-model"]
    assert call.kind == SpanKind.CLIENT
    assert [event.name for event in call.events] == ["retry"]
    assert call.start_time is not None
    assert call.end_time is not None
    assert call.end_time - call.start_time == 500_000_000
    assert spans["sandbox python"].status.status_code == StatusCode.ERROR
    assert "secret" not in "".join(span.to_json() for span in spans.values())


def test_a_failure_is_an_error_with_its_cause(traced: Tracing, ended: InMemorySpanExporter) -> None:
    trace = traced.request({}, "r1")
    trace.started(Step("tool", "hangs", "c1"))
    trace.called(ModelCall("m", 0.1, None, "silent"))
    trace.finished(replace(SUMMARY, outcome="failed", failure="upstream silent", error_type="upstream_silent"))
    for span in by_name(ended).values():
        assert span.status.status_code == StatusCode.ERROR
        assert span.attributes is not None
        assert span.attributes["error.type"] in ("silent", "upstream_silent")
    assert len(by_name(ended)) == 3


def test_a_request_that_never_finishes_ends_its_span(traced: Tracing, ended: InMemorySpanExporter) -> None:
    traced.request({}, "r1").close()
    (span,) = by_name(ended).values()
    assert span.attributes is not None
    assert span.attributes["error.type"] == "unfinished"


def test_traces_reach_the_configured_collector(collector: Collector, upstream: Upstream) -> None:
    given = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_EXPORTER_OTLP_HEADERS": "api-key=of%20the%20collector",
        "JANUS_LLM_BASE_URL": f"{upstream.url}/v1",
        "HTTP_PROXY": "http://127.0.0.1:9",
    }
    with processes.competitor(given, *SCRIPTED, cwd=UNBAKED) as (url, _):
        target = Target(url)
        target.read_stream(question("events", stream=True), {"traceparent": f"00-{TRACE}-{PARENT}-01"})
        target.post(question("canary-prompt mock{}"))
    spans = []
    for path, headers, body in collector.received:
        assert path == "/v1/traces"
        assert headers["api-key"] == "of the collector"
        assert b"canary-prompt" not in body
        sent = ExportTraceServiceRequest.FromString(body)
        spans += [span for found in sent.resource_spans for scope in found.scope_spans for span in scope.spans]
    names = [span.name for span in spans]
    assert names.count("POST /v1/chat/completions") == 2, "the last spans must be sent at the end"
    assert {"execute_tool search", "execute_tool calculator", "sandbox python", "chat any-name"} <= set(names)
    assert TRACE in {span.trace_id.hex() for span in spans}


def test_without_a_collector_opentelemetry_is_not_imported() -> None:
    code = """
import sys
from competitor.core.server.app import create_app
from competitor.core.answer.backend import Backend
from competitor.core.settings import Settings
create_app(Settings(), Backend("none", lambda chat: None))
print([name for name in sys.modules if name.startswith(("opentelemetry.sdk", "opentelemetry.exporter", "requests"))])
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=UNBAKED, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_collector_without_the_library_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    settings = Settings.from_environment({"OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector.example"})
    assert tracing(settings, Egress(settings.base_urls)) is None
    assert "requirements-otel.in is not installed" in caplog.text


def test_only_the_configured_collector_s_host_is_allowed() -> None:
    settings = Settings.from_environment({"OTEL_EXPORTER_OTLP_ENDPOINT": "https://collector.example/otlp"})
    Egress(settings.base_urls).check("https://collector.example/otlp/v1/traces")
    with pytest.raises(Exception, match="not on the list"):
        Egress(settings.base_urls).check("https://elsewhere.example/v1/traces")
    assert not Settings().base_urls
