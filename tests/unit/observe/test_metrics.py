"""Tests `/metrics`: each event is counted once, for all workers together, in a format that real parsers read."""

import json
import os
import re
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from competitor.checks import Target, Upstream
from competitor.checks.target import question
from competitor.core.observe.metrics import Metrics

from ...template_path import UNBAKED
from ..servers import SCRIPTED, Launch, Serve, children, linux_only, upstream_of, wait_for

TOKENS_OF_A_HELLO = 5


def figures(target: Target) -> dict[str, float]:
    """Maps the name and labels of each sample to its value, as Prometheus' own parser reads them."""
    reply = target.get("/metrics")
    assert reply.status == 200
    assert reply.headers["content-type"].startswith("text/plain; version=0.0.4")
    families: list[Metric] = list(text_string_to_metric_families(reply.body.decode()))
    samples = [sample for family in families for sample in family.samples]
    found = {" ".join([sample.name, *sorted(filter(None, sample.labels.values()))]): sample.value for sample in samples}
    assert len(found) == len(samples), "one series stands there twice"
    return found


def difference(target: Target, work: Callable[[], object]) -> dict[str, float]:
    """The figures that `work` changed, and by how much."""
    before = figures(target)
    work()
    wait_for(lambda: figures(target)["http_server_active_requests"] == 0)
    after = figures(target)
    return {name: value - before.get(name, 0) for name, value in after.items() if value != before.get(name, 0)}


def test_an_answer_is_counted_once_with_its_figures(core: Target) -> None:
    changed = difference(core, lambda: core.read_stream(question(stream=True)))
    assert changed["janus_requests_total ok"] == 1
    assert changed["gen_ai_server_request_duration_seconds_count stream"] == 1
    assert changed["gen_ai_server_time_to_first_token_seconds_count"] == 1
    assert changed["janus_stream_largest_gap_seconds_count"] == 1
    assert changed["gen_ai_client_token_usage_sum output"] == TOKENS_OF_A_HELLO
    assert changed["gen_ai_client_token_usage_sum input"] > 0
    assert changed["gen_ai_client_operation_duration_seconds_count"] == 1
    whole = difference(core, lambda: core.post(question()))
    assert whole["gen_ai_server_request_duration_seconds_count whole"] == 1
    assert "janus_stream_largest_gap_seconds_count" not in whole


def test_tools_sandboxes_and_cost_are_counted(core: Target) -> None:
    changed = difference(core, lambda: core.post(question("events")))
    assert changed["janus_tool_call_duration_seconds_count error search"] == 1
    assert changed["janus_tool_call_duration_seconds_count calculator ok"] == 1
    assert changed["janus_sandbox_seconds_total"] == 1.5
    assert round(changed["janus_cost_usd_total"], 6) == 0.001


def test_failures_are_counted_by_their_cause(core: Target) -> None:
    busy = difference(core, lambda: core.post(question('mock{"status": 429, "headers": {"retry-after": "0"}}')))
    assert busy["janus_requests_total failed upstream_busy"] == 1
    assert busy["janus_upstream_errors_total busy"] == 3, "two attempts were tried again"
    assert busy["gen_ai_client_operation_duration_seconds_count busy"] == 1
    broken = difference(core, lambda: core.post(question("raises_first")))
    assert broken["janus_requests_total backend failed"] == 1
    refused = difference(core, lambda: core.post({"model": "any"}))
    assert refused["janus_requests_total invalid_value refused"] == 1


def test_a_client_that_leaves_is_counted(core: Target) -> None:
    body = question('mock{"endless": true, "delay": 0.01}', stream=True)
    changed = difference(core, lambda: core.half_read(body))
    assert changed["janus_client_disconnects_total"] == 1
    assert changed["janus_requests_total client_gone client_gone"] == 1


def test_a_request_under_way_is_in_flight(core: Target) -> None:
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(core.read_stream, question('mock{"wait": 1, "tokens": 2}', stream=True))
        wait_for(lambda: figures(core)["http_server_active_requests"] == 1)
        running.result()
    wait_for(lambda: figures(core)["http_server_active_requests"] == 0)


def test_the_same_figures_come_in_json_when_asked_for(core: Target) -> None:
    reply = core.get("/metrics", {"accept": "application/json"})
    assert reply.headers["content-type"] == "application/json"
    text = figures(core)
    for name, family in reply.json().items():
        assert family["type"] in ("counter", "gauge", "histogram"), name
        assert family["help"]
        for sample in family["samples"]:
            assert " ".join([sample["name"], *sorted(filter(None, sample["labels"].values()))]) in text


def test_no_label_holds_a_text_of_a_caller_s(launch: Launch, upstream: Upstream) -> None:
    fresh = launch(upstream_of(upstream), *SCRIPTED)
    names = ["a name with spaces", "x" * 65, *(f"tool-{number}" for number in range(200))]
    for name in names:
        fresh.post({**question("a_tool_named " + name), "model": "canary-model"})
    text = fresh.get("/metrics").body.decode()
    assert "canary-model" not in text
    assert "spaces" not in text
    assert text.count("janus_tool_call_duration_seconds_count{") == 65
    assert figures(fresh)["janus_tool_call_duration_seconds_count ok other"] == len(names) - 64


@linux_only
def test_two_workers_show_one_sum_also_after_one_has_died(serve: Serve, upstream: Upstream, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with serve({**upstream_of(upstream), "JANUS_WORKERS": "2"}, log=log) as (url, pid):
        target = Target(url)
        wait_for(lambda: log.read_text(encoding="utf-8").count("is listening") == 2)
        time.sleep(2.1)  # a worker that dies sooner after its start is not replaced
        with ThreadPoolExecutor(8) as pool:
            replies = list(pool.map(target.post, [question()] * 40))
        tokens = sum(reply.json()["usage"]["completion_tokens"] for reply in replies)
        assert {figures(target)["janus_requests_total ok"] for _ in range(10)} == {40}
        assert {figures(target)["gen_ai_client_token_usage_sum output"] for _ in range(10)} == {tokens}
        endless = question('mock{"endless": true, "delay": 0.05}', stream=True)
        with ThreadPoolExecutor(4) as pool:
            open_ones = [pool.submit(target.read_stream, endless) for _ in range(4)]
            wait_for(lambda: figures(target)["http_server_active_requests"] == 4)
            for worker in children(pid):
                os.kill(worker, signal.SIGKILL)
            assert not any(stream.result().done for stream in open_ones)
        wait_for(lambda: log.read_text(encoding="utf-8").count("is listening") == 4)
        after = figures(target)
        assert after["http_server_active_requests"] == 0, "requests of workers that have died must not count as active"
        assert after["janus_requests_total ok"] == 40, "requests that a worker finished before it died must count"


def test_the_documents_have_the_table_of_the_metrics() -> None:
    table = Metrics(version="1", backend="b", model="m").markdown_table()
    assert table in (UNBAKED / "docs" / "operating.md").read_text(encoding="utf-8")


HISTOGRAM = ("bucket", "sum", "count")
PROMQL = {"avg", "by", "count", "histogram_quantile", "label_values", "le", "max", "min", "rate", "sum", "without"}


def test_the_dashboard_asks_for_metrics_and_labels_that_exist_and_for_all_of_them() -> None:
    """Prometheus reports no error for an unknown metric: the panel only stays empty."""
    metrics = Metrics(version="1", backend="b", model="m")
    rows = [row.split(" | ") for row in metrics.markdown_table().splitlines()[2:]]
    kinds = {row[0].strip("| `"): row[1] for row in rows}
    labels = {label for row in rows for label in re.findall(r"`(\w+)`", row[2])} | {"job", "instance", "le"}
    series = {f"{name}_{part}" for name, kind in kinds.items() if kind == "histogram" for part in HISTOGRAM}
    series |= {name for name, kind in kinds.items() if kind != "histogram"}
    asked: set[str] = set()
    for text in expressions(json.loads((UNBAKED / "deploy" / "grafana.json").read_text(encoding="utf-8"))):
        names = set(re.findall(r"[a-z_]\w*", re.sub(r'"[^"]*"|\[[^\]]*\]|\$\w+', "", text)))
        assert names <= series | labels | PROMQL, text
        asked |= names & series
    unseen = {name for name in kinds if not asked & {name, *(f"{name}_{part}" for part in HISTOGRAM)}}
    assert unseen == set()


def expressions(dashboard: dict[str, Any]) -> list[str]:
    """Every query of a dashboard, in its panels and its variables."""
    panels = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    return panels + [found["definition"] for found in dashboard["templating"]["list"] if "definition" in found]
