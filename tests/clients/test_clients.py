"""Tests that other people's clients get what they asked for: on all variants offline, and on the wires of tests/models.

Each client runs in its own program (python_clients.py, node_clients.mjs). The last test prints a matrix.
"""

from collections import Counter
from typing import Any

import pytest

from ..baking.baking import VARIANTS
from ..models.wires import WIRES
from .conftest import OFFLINE, Seen

pytestmark = pytest.mark.slow
Json = dict[str, Any]
# These run the tools themselves and go on with the results.
RUN_TOOLS = ("pydantic-ai", "openai-agents", "ai-sdk-openai", "ai-sdk-compatible")
CLIENTS = 9


def fault(client: str, case: str, result: Json) -> str:
    """What is wrong with a result; empty if it is right."""
    if "error" in result:
        cut = case in WIRES and WIRES[case].seen["finish"] in ("length", "content_filter")
        named = any(word in result["error"].lower() for word in ("length limit", "content filter", "contentfilter"))
        return "" if cut and named else str(result["error"])  # some clients raise for such an answer, as they should
    wrong = _of_wire(client, WIRES[case].seen, result) if case in WIRES else _offline(case, result)
    return "" if wrong is None else f"{wrong}: {result}"


def _offline(case: str, result: Json) -> str | None:
    text, data = result.get("text") or "", result.get("data")
    is_a_trip = isinstance(data, dict) and isinstance(data.get("days"), int) and bool(data.get("city"))
    expected = {
        "whole": "391" in text,
        "stream": "391" in text,
        "tools": "Sunny in Paris." in text and result.get("calls") == [_call("Paris")],
        "parallel": "Sunny in Paris." in text and "Sunny in Rome." in text,
        "tools_and_schema": is_a_trip and result.get("calls") == [_call("Paris")],
        "schema": is_a_trip,
        "image": "an image (PNG, 1 x 1 pixels)" in text,
        "abort": True,  # whether the work has ended is seen at the server
        "artifacts": data == ["a.txt", "b.txt"] and "[a.txt](" in text and "[b.txt](" in text,
    }
    return None if expected[case] else "another answer"


def _of_wire(client: str, seen: Json, result: Json) -> str | None:
    calls = [{"name": call["name"], "arguments": call["arguments"]} for call in seen.get("calls", ())]
    made = result.get("calls", [])
    if client in RUN_TOOLS:  # at the same time, so the order may be another one
        made, calls = sorted(made, key=str), sorted(calls, key=str)
    if made != calls:
        return f"not the calls {calls}"
    if calls and client in RUN_TOOLS:
        return None
    text, said = seen.get("text", ""), result["text"] or ""
    if seen.get("failure", "") not in said:
        return "the failure is not told"
    return None if (said.startswith(text[:-1]) if text.endswith("*") else said == text) else f"not the text {text!r}"


def _call(city: str) -> Json:
    return {"name": "get_weather", "arguments": {"city": city}}


def test_every_client_gets_every_answer(seen: Seen) -> None:
    results = seen.results.items()
    wrong = [f"{' '.join(key)}: {what}" for key, result in results if (what := fault(key[0], key[2], result))]
    print_matrix(seen)
    assert not wrong, "\n".join(wrong)


def test_no_work_goes_on_after_an_abort(seen: Seen) -> None:
    assert seen.open_at_the_end == dict.fromkeys(VARIANTS, 0)


def print_matrix(seen: Seen) -> None:
    """Prints a row for each client: the answers that were right, of those it got, for each case."""
    right: Counter[tuple[str, str]] = Counter()
    asked: Counter[tuple[str, str]] = Counter()
    for (client, _, case), result in seen.results.items():
        column = "wires" if case in WIRES else case
        asked[client, column] += 1
        right[client, column] += not fault(client, case, result)
    clients, columns = list(dict.fromkeys(client for client, _ in asked)), [*OFFLINE, "wires"]
    assert len(clients) == CLIENTS
    print("\n| Client | " + " | ".join(columns) + " |\n| --- |" + " --- |" * len(columns))
    for client in clients:
        cells = [f"{right[client, c]}/{asked[client, c]}" if asked[client, c] else "-" for c in columns]
        print(f"| {client} | " + " | ".join(cells) + " |")
