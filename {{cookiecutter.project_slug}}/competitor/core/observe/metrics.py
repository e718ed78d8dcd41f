"""Metrics (E4): counted once per request, never per chunk, and summed over all workers.
Contract file: replaced by updates.

Metrics that OpenTelemetry defines (`gen_ai.*`, `http.server.*`) have its names, in Prometheus' spelling. All other
names start with `janus_`. If there are several workers, each counts in its own file, in a folder that their parent
process made (workers.py). The worker that gets a request for the metrics adds up all files. No label contains a
caller's text.
"""

import os
import re
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from .. import CONTRACT_VERSION
from ..limits import MAX_TOOL_LABELS
from .observer import ModelCall, Observer, Step, Summary

# The Prometheus library's own variable. It must be set before a worker imports the library.
FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
TEXT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

_WAITS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10)  # 0.5, 1, 2 and 5 s are limits of the contract
_GAPS = (0.1, 0.25, 0.5, 1, 1.5, 2, 3, 5, 10)
_LENGTHS = (0.1, 0.5, 1, 2, 5, 10, 30, 60, 120, 300)
_TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144)
disable_created_metrics()  # type: ignore[no-untyped-call]  # they would add an unused series for each metric

# Models send the names of tools. Only a few that look like names become labels, since each makes a new series.
_TOOL_NAME = re.compile(r"[\w.-]{1,64}", re.ASCII)


class Metrics(Observer):
    """The metrics of one process. Nothing about single answers is stored."""

    def __init__(self, *, version: str, backend: str, model: str):
        self._registry = registry = CollectorRegistry()
        self._tools: set[str] = set()

        def counter(name: str, about: str, *labels: str) -> Counter:
            return Counter(name, about, labels, registry=registry)

        def histogram(name: str, about: str, buckets: Iterable[float], *labels: str) -> Histogram:
            return Histogram(name, about, labels, buckets=tuple(buckets), registry=registry)

        self._info = Gauge(
            "janus_build_info",
            "The server's versions, backend and model, as labels; always 1.",
            ("version", "contract_version", "backend", "gen_ai_request_model"),
            registry=registry,
            multiprocess_mode="livemax",
        )
        self._info.labels(version, CONTRACT_VERSION, backend, model).set(1)
        self._active = Gauge(
            "http_server_active_requests",
            "Chat requests that are being answered or wait for a slot.",
            registry=registry,
            multiprocess_mode="livesum",
        )
        self._requests = counter("janus_requests_total", "Chat requests by outcome and cause.", "outcome", "error_type")
        self._gone = counter("janus_client_disconnects_total", "Clients that left before their answer was complete.")
        self._durations = histogram(
            "gen_ai_server_request_duration_seconds", "Time of an answer, streamed or not.", _LENGTHS, "mode"
        )
        self._first = histogram(
            "gen_ai_server_time_to_first_token_seconds", "Time to the first word, reasoning or call.", _WAITS
        )
        self._gaps = histogram("janus_stream_largest_gap_seconds", "Longest silence within a stream.", _GAPS)
        self._lags = histogram(
            "janus_event_loop_lag_seconds", "Longest delay of a stream because of blocking code.", _WAITS
        )
        self._usage = histogram(
            "gen_ai_client_token_usage", "Tokens of an answer with all its model calls.", _TOKENS, "gen_ai_token_type"
        )
        self._cost = counter("janus_cost_usd_total", "Cost of all answers, where prices are known.")
        self._calls = histogram(
            "gen_ai_client_operation_duration_seconds",
            "Time of one call of the model; error_type is empty for a call that succeeded.",
            _LENGTHS,
            "error_type",
        )
        self._upstream = counter(
            "janus_upstream_errors_total",
            "Failures of the model's server by kind, including those that were retried.",
            "error_type",
        )
        self._fallbacks = counter(
            "janus_fallbacks_total",
            "Model calls that a later model of a list answered, by that model.",
            "gen_ai_request_model",
        )
        self._tool_times = histogram(
            "janus_tool_call_duration_seconds", "Time of one tool call.", _LENGTHS, "gen_ai_tool_name", "status"
        )
        self._artifacts = counter("janus_artifacts_total", "Artifacts that users got, by their type.", "type")
        self._artifact_bytes = counter("janus_artifact_bytes_total", "Bytes of the artifacts that users got.")
        self._sandbox = counter("janus_sandbox_seconds_total", "Time that sandboxes ran.")
        # The series of the usual labels: to look them up for each request would take as long as to count it.
        self._answered = [self._requests.labels("ok", "")]  # a list, so that `markdown_table` does not see it
        self._usual: dict[str, Histogram] = {
            "call": self._calls.labels(""),
            "input": self._usage.labels("input"),
            "output": self._usage.labels("output"),
            "stream": self._durations.labels("stream"),
            "whole": self._durations.labels("whole"),
        }

    # Observer callbacks.

    def in_flight(self) -> AbstractContextManager[Any]:
        """A context manager that counts a request as active until it exits."""
        return self._active.track_inprogress()

    def refused(self, code: str) -> None:
        """Counts a request that was refused (S16)."""
        self._requests.labels("refused", code).inc()

    def ended(self, step: Step, status: str, seconds: float, details: Mapping[str, Any]) -> None:
        if step.kind == "tool":
            self._tool_times.labels(self._known(step.name), status).observe(seconds)

    def saved(self, kind: str, size: int, name: str) -> None:
        self._artifacts.labels(kind).inc()
        self._artifact_bytes.inc(size)

    def called(self, call: ModelCall) -> None:
        (self._calls.labels(call.error) if call.error else self._usual["call"]).observe(call.seconds)
        for kind in call.retried:
            self._upstream.labels(kind).inc()
        if call.failed and not call.error:
            self._fallbacks.labels(self._known(call.model)).inc()
        if call.error and call.error != "cancelled":
            self._upstream.labels(call.error).inc()

    def finished(self, summary: Summary) -> None:
        is_usual = summary.outcome == "ok" and not summary.error_type
        (self._answered[0] if is_usual else self._requests.labels(summary.outcome, summary.error_type)).inc()
        if summary.outcome == "client_gone":
            self._gone.inc()
        self._usual[summary.mode].observe(summary.duration)
        for histogram, value in (
            (self._first, summary.ttft),
            (self._gaps, summary.largest_gap),
            (self._lags, summary.loop_lag),
            (self._usual["input"], summary.usage.get("prompt_tokens")),
            (self._usual["output"], summary.usage.get("completion_tokens")),
        ):
            if value is not None:
                histogram.observe(value)
        for counter, value in ((self._cost, "cost_usd"), (self._sandbox, "sandbox_seconds")):
            if amount := summary.usage.get(value):
                counter.inc(amount)

    def _known(self, name: str) -> str:
        if name not in self._tools:
            if len(self._tools) >= MAX_TOOL_LABELS or not _TOOL_NAME.fullmatch(name):
                return "other"
            self._tools.add(name)
        return name

    # For /metrics.

    @property
    def _shown(self) -> CollectorRegistry:
        folder = os.environ.get(FOLDER_VARIABLE)
        if folder is None:
            return self._registry
        registry = CollectorRegistry()
        MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]
        return registry

    def as_text(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self._shown)

    def as_json(self) -> dict[str, Any]:
        """The metrics as JSON: name -> type, help, and samples with their labels."""
        return {_exposed(family.name, family.type): _family(family) for family in self._shown.collect()}

    def markdown_table(self) -> str:
        """All metrics as a Markdown table for the documentation."""
        rows = ["| Metric | Type | Labels | Meaning |", "| --- | --- | --- | --- |"]
        for made in (value for value in vars(self).values() if isinstance(value, MetricWrapperBase)):
            labels = ", ".join(f"`{name}`" for name in made._labelnames)
            name = _exposed(made._name, made._type or "")
            rows.append(f"| `{name}` | {made._type} | {labels} | {made._documentation} |")
        return "\n".join(rows) + "\n"


def _exposed(name: str, kind: str) -> str:
    return f"{name}_total" if kind == "counter" else name


def _family(family: Metric) -> dict[str, Any]:
    samples = [{"name": sample.name, "labels": sample.labels, "value": sample.value} for sample in family.samples]
    return {"type": family.type, "help": family.documentation, "samples": samples}


def forget_worker(pid: int) -> None:
    """Removes the gauges of a worker that has ended, and keeps its counters."""
    if FOLDER_VARIABLE in os.environ:
        mark_process_dead(pid)  # type: ignore[no-untyped-call]
