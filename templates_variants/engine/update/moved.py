"""Moved modules: which imports in an owner's files an update across 0.3.0 leaves behind, and what replaces them."""

import ast
import os
from collections.abc import Iterator
from pathlib import Path

# Old module -> new module, both below `competitor`.
MOVED = {
    "ask": "checks.ask",
    "checking.arena": "checks.arena",
    "checking.command": "checks.command",
    "checking.gateway": "checks.gateway",
    "checking.orphans": "checks.orphans",
    "checking.records": "checks.report.records",
    "checking.report": "checks.report.html",
    "checking.showing": "checks.report.terminal",
    "checking.starting": "checks.starting",
    "checking.timeline": "checks.report.timeline",
    "conformance": "checks",
    "conformance.artifacts": "checks.clauses.artifacts",
    "conformance.egress": "checks.clauses.egress",
    "conformance.endpoints": "checks.clauses.endpoints",
    "conformance.fetching": "checks.clauses.artifact_links",
    "conformance.figures": "checks.figures",
    "conformance.inside": "checks.clauses.operations",
    "conformance.judging": "checks.judging",
    "conformance.numbers": "checks.clauses.timing",
    "conformance.provoking": "checks.prompts",
    "conformance.registry": "checks.registry",
    "conformance.requests": "checks.clauses.requests",
    "conformance.stand_in": "checks.stand_in",
    "conformance.stream": "checks.clauses.stream",
    "conformance.target": "checks.target",
    "conformance.usage": "checks.clauses.usage",
    "conformance.whole": "checks.clauses.whole_response",
    "core.answer": "core.answer.answer",
    "core.app": "core.server.app",
    "core.chunks": "core.model.chunk_reader",
    "core.clock": "core.answer.keepalive",
    "core.completions": "core.answer.endpoint",
    "core.console.shelf": "core.console.storage",
    "core.description": "core.server.openapi",
    "core.egress": "core.outbound.egress",
    "core.envelope": "core.stream.chunks",
    "core.exchange": "core.outbound.response",
    "core.forms": "core.answer.forms",
    "core.graphemes": "core.stream.graphemes",
    "core.history": "core.model.history",
    "core.http": "core.outbound.client",
    "core.ids": "core.request.ids",
    "core.intake": "core.server.http11",
    "core.limits": "core.answer.admission",
    "core.llm": "core.model.completion",
    "core.loading": "core.answer.backend",
    "core.logs": "core.observe.logs",
    "core.metrics": "core.observe.metrics",
    "core.observer": "core.observe.observer",
    "core.pacing": "core.stream.pacing",
    "core.prompt": "core.model.prompt",
    "core.pull": "core.model.iteration",
    "core.reading": "core.request.parsing",
    "core.refusals": "core.request.error_responses",
    "core.retry": "core.model.retry",
    "core.runner": "core.answer.runner",
    "core.schema": "core.request.schema",
    "core.sent": "core.artifacts.received",
    "core.serving": "core.server.serving",
    "core.sse": "core.model.sse",
    "core.think": "core.model.think_tags",
    "core.timerfd": "core.stream.timerfd",
    "core.timers": "core.stream.timers",
    "core.tool": "core.tools.tool",
    "core.toolbox": "core.tools.toolbox",
    "core.toolkit": "core.tools.builtin",
    "core.tracing": "core.observe.tracing",
    "core.upstream": "core.model.upstream",
    "core.usual": "core.model.chunk_fast_path",
    "core.wire": "core.stream.uvicorn_fast_path",
    "core.workers": "core.server.workers",
    "core.writer": "core.stream.writer",
    "locks": "cli.locks",
    "ownership": "cli.verify",
    "tasks": "cli.tasks",
    "update": "cli.update",
}
# What owners import from `competitor.api`: old name -> its name there.
API = {
    **{
        name: name
        for name in (
            *("Artifact", "ArtifactError", "Artifacts", "Chat", "Completion", "Event", "Finish", "FinishReason"),
            *("Reasoning", "Result", "SandboxEnd", "SandboxStart", "Settings", "Sink", "Source", "Text", "Tool"),
            *("ToolCall", "ToolEnd", "ToolError", "ToolStart", "Toolbox", "UpstreamError", "Usage", "offered", "tool"),
        )
    },
    "Call": "ToolCall",
    "CallPiece": "ToolCallPiece",
    "Running": "RunningCalls",
    "SentFile": "File",
    "ToolRequest": "ToolCall",
}
_OWNERS = ("competitor/backend", "tests")
_NOT_OWNERS = ("tests/contract/",)


def imports_to_change(project: Path) -> list[str]:
    """`FILE:LINE: old -> new` for each import of a moved module in the owner's Python files."""
    return [line for path in _files(project) for line in _in_file(project, path)]


def _files(project: Path) -> Iterator[str]:
    for root in _OWNERS:
        for folder, _, names in sorted(os.walk(project / root)):
            for name in sorted(names):
                path = (Path(folder) / name).relative_to(project).as_posix()
                if path.endswith(".py") and not path.startswith(_NOT_OWNERS):
                    yield path


def _in_file(project: Path, path: str) -> Iterator[str]:
    try:
        tree = ast.parse((project / path).read_text(encoding="utf-8"))
    except (OSError, SyntaxError, ValueError):
        return
    package = path.split("/")[:-1]
    for node in ast.walk(tree):
        if not isinstance(node, ast.ImportFrom):
            continue
        base = package[: len(package) - node.level + 1] if node.level else []
        parts = [*base, *(node.module or "").split(".")]
        module = ".".join(parts[1:])
        if parts[0] == "competitor" and module in MOVED:
            start = "." * node.level if node.level else "competitor."
            yield f"{path}:{node.lineno}: {ast.unparse(node)} -> {'; '.join(_instead(node, module, start))}"


def _instead(node: ast.ImportFrom, module: str, start: str) -> Iterator[str]:
    in_api = [API[name.name] for name in node.names if name.name in API]
    others = [name.name for name in node.names if name.name not in API]
    if in_api:
        yield f"from {start}api import {', '.join(in_api)}"
    if others:
        yield f"from {start}{MOVED[module]} import {', '.join(others)}"
