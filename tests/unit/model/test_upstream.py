"""Tests the upstream client: the dialects of servers, which failures are retried, and which key each server gets."""

import json
import uuid
from typing import Any

import pytest

from competitor.checks import Target, Upstream
from competitor.checks.clauses.stream import well_formed
from competitor.checks.responses import Stream
from competitor.checks.sources.answers import WEATHER
from competitor.checks.target import question

from ..servers import SCRIPTED, Launch


def mock(**script: Any) -> str:
    return f"mock{json.dumps(script)}"


def chunk(delta: dict[str, Any], **fields: Any) -> str:
    return json.dumps({"choices": [{"index": 0, "delta": delta, **fields}]})


HELLO, WORLD, STOP = chunk({"content": "Hello "}), chunk({"content": "world"}), chunk({}, finish_reason="stop")

HALF = 'data: {"choices":[{"delta":{"content":"\\u%s"}}]}\n\n'

# dialect -> (what the upstream sends, what the client reads)
DIALECTS: dict[str, tuple[dict[str, Any], str]] = {
    "CRLF line ends": ({"eol": "\r\n", "tokens": 2}, "tok0 tok1 "),
    "CR line ends": ({"eol": "\r", "tokens": 2}, "tok0 tok1 "),
    "one byte at a time": (
        {"piece": 1, "tokens": 2, "word": "é\u2028\U0001f600"},
        "é\u2028\U0001f6000 é\u2028\U0001f6001 ",
    ),
    "CRLF, one byte at a time": ({"piece": 1, "eol": "\r\n", "tokens": 2}, "tok0 tok1 "),
    "no space after data:": (
        {"raw": [f"data:{HELLO}\n\ndata:{WORLD}\n\ndata:{STOP}\n\ndata:[DONE]\n\n"]},
        "Hello world",
    ),
    "comments between": (
        {"raw": [f": OPENROUTER\n\ndata: {HELLO}\n\n: x\ndata: {WORLD}\n\ndata: {STOP}\n\ndata: [DONE]\n\n"]},
        "Hello world",
    ),
    "event and id lines": (
        {"raw": [f"event: x\nid: 1\ndata: {HELLO}\n\nretry: 5\ndata: {STOP}\n\ndata: [DONE]\n\n"]},
        "Hello ",
    ),
    "a byte order mark": ({"raw": [f"\ufeffdata: {HELLO}\n\ndata: {STOP}\n\ndata: [DONE]\n\n"]}, "Hello "),
    "JSON over two data lines": (
        {"raw": ['data: {"choices":\ndata: [{"delta":{"content":"x"},"finish_reason":"stop"}]}\n\n']},
        "x",
    ),
    "an event cut in two": (
        {"raw": [f"data: {HELLO[:9]}", f"{HELLO[9:]}\n", f"\ndata: {STOP}\n\n"], "delay": 0.05},
        "Hello ",
    ),
    "no [DONE]": ({"done": False, "tokens": 2}, "tok0 tok1 "),
    "no blank line at the end": ({"raw": [f"data: {HELLO}\n\ndata: {STOP}"]}, "Hello "),
    "one object instead of a stream": ({"whole": True, "tokens": 3}, "toktoktok"),
    "text/plain": ({"kind": "text/plain", "tokens": 2}, "tok0 tok1 "),
    "content in parts": (
        {"raw": [f"data: {chunk({'content': [{'type': 'text', 'text': 'x'}]})}\n\ndata: {STOP}\n\n"]},
        "x",
    ),
    "a surrogate pair in two chunks": (
        {"raw": [HALF % "d83d", HALF % "de00", f"data: {STOP}\n\n"]},
        "\U0001f600",
    ),
    "gzip, though nobody asked for it": (
        {"gzip": True, "tokens": 2, "headers": {"content-encoding": "gzip"}},
        "tok0 tok1 ",
    ),
    "nulls everywhere": (
        {"raw": [f"data: {chunk({'role': None, 'content': 'x', 'tool_calls': None})}\n\ndata: {STOP}\n\n"]},
        "x",
    ),
    "[DONE] long before the end of the body": (
        {"raw": [f"data: {HELLO}\n\ndata: {STOP}\n\ndata: [DONE]\n\n", ""], "delay": 0.3},
        "Hello ",
    ),
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_it_understands(dialect: str, core: Target) -> None:
    script, text = DIALECTS[dialect]
    stream = core.stream(mock(**script))
    well_formed(stream, dialect)
    assert stream.text == text
    assert stream.finish_reasons == ["stop"]
    assert core.ask(mock(**script)).json()["choices"][0]["message"]["content"] == text


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_comes_through_under_both_of_its_names(name: str, core: Target) -> None:
    stream = core.stream(mock(reasoning=2, tokens=4, reasoning_field=name))
    assert stream.reasoning == "tok0 tok1 "
    assert stream.text == "tok2 tok3 "
    message = core.ask(mock(reasoning=2, tokens=4, reasoning_field=name)).json()["choices"][0]["message"]
    assert message["reasoning_content"] == "tok0 tok1 "


def fragments(*pieces: dict[str, Any]) -> str:
    lines = [f"data: {chunk({'tool_calls': [piece]})}\n\n" for piece in pieces]
    return "".join([*lines, f"data: {chunk({}, finish_reason='tool_calls')}\n\ndata: [DONE]\n\n"])


CALL = {"id": "a", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":'}}
REST = {"function": {"arguments": '"Paris"}'}}
# what servers do to tool calls -> (fragments, the arguments that the client must get)
TOOL_CALLS: dict[str, tuple[str, list[str]]] = {
    "no index": (fragments(CALL, REST), ['{"city":"Paris"}']),
    "the name again, empty": (
        fragments({"index": 0, **CALL}, {"index": 0, "function": {"name": "", "arguments": '"Paris"}'}}),
        ['{"city":"Paris"}'],
    ),
    "id and name in every fragment": (
        fragments(
            {"index": 0, **CALL}, {**CALL, "index": 0, "function": {"name": "get_weather", "arguments": '"Paris"}'}}
        ),
        ['{"city":"Paris"}'],
    ),
    "arguments as an object": (
        fragments({"index": 0, "id": "a", "function": {"name": "get_weather", "arguments": {"city": "Paris"}}}),
        ['{"city": "Paris"}'],
    ),
    "no arguments": (fragments({"index": 0, "id": "a", "function": {"name": "get_weather"}}), ["{}"]),
    "no id": (fragments({"index": 0, "function": {"name": "get_weather", "arguments": "{}"}}), ["{}"]),
    "one index for two calls": (
        fragments(
            {"index": 0, "id": "a", "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'}},
            {"index": 0, "id": "b", "function": {"name": "get_weather", "arguments": '{"city": "Rome"}'}},
        ),
        ['{"city": "Paris"}', '{"city": "Rome"}'],
    ),
    "indices out of order": (
        fragments(
            {"index": 1, "id": "b", "function": {"name": "get_weather", "arguments": '{"city":'}},
            {"index": 0, "id": "a", "function": {"name": "get_weather", "arguments": '{"city": "Oslo"}'}},
            {"index": 1, "function": {"arguments": ' "Rome"}'}},
        ),
        ['{"city": "Rome"}', '{"city": "Oslo"}'],
    ),
}


@pytest.mark.parametrize("habit", TOOL_CALLS)
def test_tool_calls_come_through_with(habit: str, core: Target) -> None:
    raw, expected = TOOL_CALLS[habit]
    stream = core.stream(mock(raw=[raw]), tools=[WEATHER])
    well_formed(stream, habit)
    heads = [piece for piece in pieces(stream) if "id" in piece]
    assert [head["index"] for head in heads] == list(range(len(expected)))
    assert len({head["id"] for head in heads}) == len(expected)
    assert [arguments(stream, index) for index in range(len(expected))] == expected
    assert stream.finish_reasons == ["tool_calls"]


def pieces(stream: Stream) -> list[dict[str, Any]]:
    return [piece for _, delta in stream.deltas for piece in delta.get("tool_calls", ())]


def arguments(stream: Stream, index: int) -> str:
    return "".join(piece["function"].get("arguments", "") for piece in pieces(stream) if piece["index"] == index)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 529])
def test_a_passing_failure_is_tried_again(status: int, core: Target) -> None:
    key = uuid.uuid4().hex
    stream = core.stream(mock(status=status, fail_times=2, key=key, headers={"retry-after": "0"}))
    assert stream.text == "tok0 tok1 tok2 tok3 tok4 "
    assert _count(core, key) == 3


@pytest.mark.parametrize(
    ("status", "said"), [(400, "refused the request"), (401, "refused the access key"), (404, "refused the request")]
)
def test_a_lasting_failure_is_not_tried_again(status: int, said: str, core: Target) -> None:
    key = uuid.uuid4().hex
    stream = core.stream(mock(status=status, key=key))
    assert said in stream.text
    assert _count(core, key) == 1


def test_attempts_have_an_end(core: Target) -> None:
    key = uuid.uuid4().hex
    stream = core.stream(mock(status=503, key=key, headers={"retry-after": "0"}))
    assert "too busy" in stream.text
    assert _count(core, key) == 3


def test_a_pause_that_is_too_long_is_not_waited_for(core: Target) -> None:
    key = uuid.uuid4().hex
    stream = core.stream(mock(status=429, key=key, headers={"retry-after": "3600"}))
    assert stream.seconds < 60
    assert _count(core, key) == 1


def test_nothing_is_tried_again_after_the_first_byte(core: Target) -> None:
    key = uuid.uuid4().hex
    stream = core.stream(mock(die=2, tokens=9, key=key))
    assert stream.text.startswith("tok0 tok1 ")
    assert "broke off" in stream.text
    assert _count(core, key) == 1


def test_what_came_before_a_failure_is_kept_and_counted(core: Target) -> None:
    stream = core.stream(mock(close=50, tokens=90, word="abcdefgh"))
    assert stream.text.count("abcdefgh") == 50
    assert stream.usages[0]["completion_tokens"] > 100


def test_an_upstream_that_is_not_there_is_named_as_such(launch: Launch) -> None:
    alone = launch({"JANUS_LLM_BASE_URL": "http://127.0.0.1:9/v1", "JANUS_LLM_ATTEMPTS": "1"}, *SCRIPTED)
    stream = alone.stream()
    well_formed(stream)
    assert "cannot be reached" in stream.text


def test_connections_are_used_again(core: Target) -> None:
    assert core.upstream is not None
    core.ask("keep alive")
    before = core.upstream.stats()["connections"]
    for number in range(20):
        core.ask(f"keep alive {number}")
    # Reading the figures is one request, and an answer may be requested before the previous one has fully ended.
    assert core.upstream.stats()["connections"] - before <= 4


def test_a_platform_s_key_goes_to_no_other_host(launch: Launch, upstream: Upstream) -> None:
    keys = {"CHUTES_API_KEY": "cpk-canary-key"}
    other = launch({"JANUS_LLM_BASE_URL": f"{upstream.url}/v1", **keys}, *SCRIPTED)
    other.ask("whose key?")
    assert "authorization" not in upstream.requests()[-1]["headers"]


def test_the_configured_key_is_sent_and_the_first_name_wins(launch: Launch, upstream: Upstream) -> None:
    keys = {"JANUS_LLM_API_KEY": "key-one", "OPENAI_API_KEY": "key-two"}
    launch({"JANUS_LLM_BASE_URL": f"{upstream.url}/v1", **keys}, *SCRIPTED).ask("which key?")
    assert upstream.requests()[-1]["headers"]["authorization"] == "Bearer key-one"


def test_the_user_s_token_is_the_key_for_a_host_that_may_have_it(launch: Launch, upstream: Upstream) -> None:
    environment = {
        "JANUS_LLM_BASE_URL": f"{upstream.url}/v1",
        "JANUS_TOKEN_HOSTS": "127.0.0.1",
        "OPENAI_API_KEY": "key-two",
    }
    launch(environment, *SCRIPTED).post(question("token?", chutes_access_token="user-token"))
    request = upstream.requests()[-1]
    assert request["headers"]["authorization"] == "Bearer user-token"
    assert "user-token" not in json.dumps(request["body"])


def test_the_configured_model_is_asked_for_and_the_request_s_is_echoed(core: Target, upstream: Upstream) -> None:
    assert core.ask("which model?").json()["model"] == "any-name"
    assert upstream.requests()[-1]["body"]["model"] == "mock"


def test_files_reach_the_model_as_text_and_images_as_images(core: Target, upstream: Upstream) -> None:
    parts = [
        {"type": "text", "text": "Look."},
        {"type": "file", "file": {"name": "a.csv", "mime_type": "text/csv", "content": "a,b", "size": 3}},
        {"type": "file", "file": {"name": "a.png", "mime_type": "image/png", "content": "AAAA", "size": 3}},
        {"type": "file", "file": {"name": "a.zip", "mime_type": "application/zip", "content": "UEsDBA==", "size": 4}},
    ]
    core.ask(messages=[{"role": "user", "content": parts}])
    text, csv, image, archive = upstream.requests()[-1]["body"]["messages"][0]["content"]
    assert text == {"type": "text", "text": "Look."}
    assert csv == {"type": "text", "text": "File a.csv (text/csv):\n\na,b"}
    assert image == {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    assert "UEsDBA" not in archive["text"]


def _count(core: Target, key: str) -> int:
    assert core.upstream is not None
    return sum(key in json.dumps(request["body"]) for request in core.upstream.requests())
