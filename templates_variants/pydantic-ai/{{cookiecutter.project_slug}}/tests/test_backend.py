"""Yours: the tests of your backend. They talk to the real server over a real socket."""

import json
import socket
from typing import Any

from competitor.checks import Target
from competitor.checks.target import Stream, question

from .contract.processes import Launcher

CALCULATOR = 'mock{"tokens": 2, "calls": [{"name": "calculator", "arguments": "{\\"expression\\": \\"6 * 7\\"}"}]}'


def janus(stream: Stream) -> list[dict[str, Any]]:
    return [delta["janus"] for _, delta in stream.deltas if "janus" in delta]


def test_the_answer_is_the_model_s(target: Target) -> None:
    stream = target.stream('mock{"word": "pong", "tokens": 3}')
    assert stream.text == "pong0 pong1 pong2 "
    assert stream.done


def test_the_conversation_reaches_the_model_as_it_is(target: Target) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": '{"at": "it"}'}}
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}}
    conversation = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "My name is Ada.", "name": "ada"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "It is there.", "tool_call_id": "call_1"},
        {"role": "user", "content": [{"type": "text", "text": "What is my name?"}, picture]},
    ]
    target.ask(messages=conversation)
    assert target.upstream is not None
    got = target.upstream.requests()[-1]["body"]["messages"]
    assert got[-len(conversation) :] == conversation  # before it may come a system prompt of yours


def test_a_tool_is_run_and_its_result_goes_to_the_model(target: Target) -> None:
    stream = target.stream(CALCULATOR)
    assert [event["event"] for event in janus(stream)][:2] == ["tool_start", "tool_end"]
    assert "42" in janus(stream)[1]["payload"]["result"]
    assert target.upstream is not None
    *_, asked, result = target.upstream.requests()[-1]["body"]["messages"]
    assert result["role"] == "tool"
    assert "42" in result["content"]
    assert asked["tool_calls"][0]["id"] == result["tool_call_id"]


def test_a_model_that_only_calls_tools_is_stopped(target: Target) -> None:
    stream = target.stream(CALCULATOR.replace('"tokens": 2', '"tokens": 0'))
    assert "calculator: 6 * 7 = 42" in stream.text
    assert stream.finish_reasons == ["stop"]
    assert target.upstream is not None
    assert target.upstream.requests()[-1]["body"]["tool_choice"] == "none"


def test_a_tool_of_the_client_s_goes_back_to_it_after_ours_have_run(target: Target) -> None:
    calls = [{"name": "get_weather", "arguments": '{"city": "Paris"}'}, {"name": "calculator", "arguments": "[]"}]
    tools = [{"type": "function", "function": {"name": "get_weather"}}]
    stream = target.stream(f"mock{json.dumps({'tokens': 1, 'calls': calls})}", tools=tools)
    assert stream.finish_reasons == ["tool_calls"]
    assert janus(stream)[-1]["payload"]["status"] == "error"
    assert "calculator: Bad arguments" in stream.text


def test_no_tracer_sends_anything_out_whatever_the_environment_says(launch: Launcher) -> None:
    with socket.create_server(("127.0.0.1", 0)) as tracer:
        url = f"http://127.0.0.1:{tracer.getsockname()[1]}"
        environment = {"LOGFIRE_TOKEN": "token", "LOGFIRE_BASE_URL": url, "LOGFIRE_SEND_TO_LOGFIRE": "true"}
        environment |= {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_TRACES_EXPORTER": "otlp"}
        assert launch(environment).read_stream(question("What is 17 * 23?", stream=True)).done
        tracer.settimeout(2)
        try:
            tracer.accept()
        except TimeoutError:
            return
        raise AssertionError("something was sent to the tracer")
