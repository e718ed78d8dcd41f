"""Tests what goes back to servers: reasoning, signatures and ids; and what is learnt if a server refuses a field."""

import json
from typing import Any

import pytest

from competitor.checks import Target
from competitor.checks.sources.answers import WEATHER
from competitor.checks.target import question

from ..backends.conftest import WITH_TOOLS
from .conftest import Serve, one_at_once
from .wires import ModelServer, call, text

THOUGHT = "I have to compute this."
SIGNED = {"extra_content": {"google": {"thought_signature": "s"}}}
MISSING = "thinking is enabled but reasoning_content is missing in assistant tool call message at index 1"
Json = dict[str, Any]


@pytest.fixture(scope="module", params=one_at_once("tools"))
def variant(request: pytest.FixtureRequest) -> str:
    """Overrides the fixture of conftest.py: `make test` runs a variant that has tools of its own."""
    name: str = request.param
    return name


def assistants(body: Json) -> list[Json]:
    return [message for message in body["messages"] if message["role"] == "assistant"]


def wants_reasoning(body: Json) -> str:
    return MISSING if any("reasoning_content" not in message for message in assistants(body)) else ""


def refuses(name: str) -> Any:
    return lambda body: f"Unknown parameter: '{name}'." if name in json.dumps(body) else ""


def history(**fields: Any) -> list[Json]:
    """A conversation with a call of the client's tool. `fields` are further ones of the call, or its reasoning."""
    reasoning = {"reasoning_content": fields.pop("reasoning_content")} if "reasoning_content" in fields else {}
    function = {"name": "get_weather", "arguments": '{"city": "Paris"}'}
    asked = {"id": "c1", "type": "function", "function": function, **fields}
    return [
        {"role": "user", "content": "How is the weather in Paris?"},
        {"role": "assistant", "content": "", "tool_calls": [asked], **reasoning},
        {"role": "tool", "tool_call_id": "c1", "content": "Sunny"},
    ]


def ask(target: Target, messages: list[Json], **fields: Any) -> Json:
    body = {"model": "m", "messages": messages, **fields}
    reply = target.post(body)
    assert reply.status == 200
    return dict(reply.json()["choices"][0]["message"])


@pytest.fixture
def fresh(serve: Serve) -> Target:
    """A server that has learnt nothing yet."""
    return serve({})


@pytest.mark.parametrize("stream", [True, False])
class TestOwnLoop:
    """What the server sent with a call of one of our own tools goes back with the call's result."""

    @pytest.fixture(autouse=True)
    def _has_tools(self, variant: str) -> None:
        if variant not in WITH_TOOLS:
            pytest.skip("this variant has no tools of its own")

    def answer(self, target: Target, *, stream: bool) -> str:
        asked = question("What is 6 * 7?", stream=stream)
        if stream:
            return target.read_stream(asked).text
        return str(target.post(asked).json()["choices"][0]["message"]["content"])

    def test_reasoning_and_ids_go_back(self, stream: bool, target: Target, models: ModelServer) -> None:
        sent = call("calculator", {"expression": "6 * 7"}, reasoning=THOUGHT)
        models.reset(sent, text("It is 42."), rule=wants_reasoning)
        assert self.answer(target, stream=stream).endswith("It is 42.")
        (said,) = assistants(models.asked[1])
        assert said["reasoning_content"] == THOUGHT
        assert said["tool_calls"][0]["id"] == models.asked[1]["messages"][-1]["tool_call_id"] == "call_1"
        assert len(models.asked) == 2

    def test_a_vendor_s_fields_go_back(self, stream: bool, target: Target, models: ModelServer) -> None:
        models.reset(call("calculator", {"expression": "6 * 7"}, fields=SIGNED), text("It is 42."))
        assert self.answer(target, stream=stream).endswith("It is 42.")
        assert assistants(models.asked[1])[0]["tool_calls"][0]["extra_content"] == SIGNED["extra_content"]

    def test_a_server_that_refuses_reasoning_is_not_sent_it(
        self, stream: bool, fresh: Target, models: ModelServer
    ) -> None:
        for count in (3, 2):  # requests: the second time, the refusal is known
            sent = call("calculator", {"expression": "6 * 7"}, reasoning=THOUGHT)
            models.reset(sent, text("It is 42."), rule=refuses("reasoning_content"))
            assert self.answer(fresh, stream=stream).endswith("It is 42.")
            assert "reasoning_content" not in assistants(models.asked[-1])[0]
            assert len(models.asked) == count


class TestHistory:
    """What the client sends back."""

    def test_reasoning_goes_on_once_the_server_has_asked_for_it(self, fresh: Target, models: ModelServer) -> None:
        for count in (2, 1):
            models.reset(text("It is sunny."), rule=wants_reasoning)
            said = ask(fresh, history(reasoning_content=THOUGHT), tools=[WEATHER])
            assert said["content"] == "It is sunny."
            assert assistants(models.asked[-1])[0]["reasoning_content"] == THOUGHT
            assert len(models.asked) == count
        # A client that has lost the reasoning gets an answer as well.
        models.reset(text("It is sunny."), rule=wants_reasoning)
        assert ask(fresh, history(), tools=[WEATHER])["content"] == "It is sunny."

    def test_without_a_refusal_it_stays_here(self, target: Target, models: ModelServer) -> None:
        models.reset(text("It is sunny."))
        ask(target, history(reasoning_content=THOUGHT), tools=[WEATHER])
        assert "reasoning_content" not in assistants(models.asked[0])[0]

    @pytest.mark.parametrize(("setting", "goes_on"), [("on", True), ("off", False)])
    def test_the_setting_decides(self, setting: str, goes_on: bool, serve: Serve, models: ModelServer) -> None:
        models.reset(text("It is sunny."))
        server = serve({"JANUS_LLM_REASONING_BACK": setting})
        plain = {"role": "assistant", "content": "Yes.", "reasoning_content": "A plain one."}
        ask(server, [{"role": "user", "content": "Well?"}, plain, *history(reasoning_content=THOUGHT)], tools=[WEATHER])
        told = [message.get("reasoning_content") for message in assistants(models.asked[0])]
        assert told == (["A plain one.", THOUGHT] if goes_on else [None, None])

    def test_a_vendor_s_fields_go_on(self, target: Target, models: ModelServer) -> None:
        models.reset(text("It is sunny."))
        ask(target, history(**SIGNED), tools=[WEATHER])
        assert assistants(models.asked[0])[0]["tool_calls"][0]["extra_content"] == SIGNED["extra_content"]


class TestRefusedFields:
    def test_a_refused_field_is_left_out_and_this_is_remembered(self, fresh: Target, models: ModelServer) -> None:
        for count in (2, 1):
            models.reset(text("Hello"), rule=refuses("stream_options"))
            assert ask(fresh, [{"role": "user", "content": "Hi"}])["content"] == "Hello"
            assert len(models.asked) == count
            assert "stream_options" not in models.asked[-1]

    def test_a_server_that_cannot_stream_is_asked_for_a_whole_answer(self, fresh: Target, models: ModelServer) -> None:
        message = {"role": "assistant", "content": "Hello"}
        whole = json.dumps({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]})
        refusal = "stream: unsupported value"
        models.reset(whole, rule=lambda body: refusal if body.get("stream") else "")
        assert fresh.read_stream(question("Hi", stream=True)).text == "Hello"
        assert "stream" not in models.asked[-1]

    def test_one_odd_400_is_not_remembered(self, target: Target, models: ModelServer) -> None:
        models.reset(rule=lambda body: "stream_options is fine, but the context is full")
        assert "refused the request" in ask(target, [{"role": "user", "content": "Hi"}])["content"]
        assert len(models.asked) == 2
        models.reset(text("Hello"))
        ask(target, [{"role": "user", "content": "Hi"}])
        assert models.asked[0]["stream_options"] == {"include_usage": True}

    def test_the_caller_s_own_fields_are_not_left_out(self, target: Target, models: ModelServer) -> None:
        models.reset(rule=refuses("temperature"))
        said = ask(target, [{"role": "user", "content": "Hi"}], temperature=0.5)["content"]
        assert "refused the request" in said
        assert len(models.asked) == 1

    @pytest.mark.parametrize(
        ("sent", "wanted"), [("max_tokens", "max_completion_tokens"), ("max_completion_tokens", "max_tokens")]
    )
    def test_the_token_limit_gets_the_name_that_the_server_knows(
        self, sent: str, wanted: str, target: Target, models: ModelServer
    ) -> None:
        refusal = f"Unsupported parameter: '{sent}' is not supported with this model. Use '{wanted}' instead."
        models.reset(text("Hello"), rule=lambda body: refusal if sent in body else "")
        assert ask(target, [{"role": "user", "content": "Hi"}], **{sent: 50})["content"] == "Hello"
        assert models.asked[-1][wanted] == 50


class TestFailures:
    """A failure inside a 200 is tried again if nothing was said yet."""

    @pytest.mark.parametrize(
        "failed",
        [
            'data: {"error":{"message":"overloaded","code":503}}\n\n',
            'data: {"choices":[{"delta":{},"finish_reason":"error","error":{"code":502,"message":"x"}}]}\n\n',
            'data: {"choices":[{"delta":{},"finish_reason":"network_error"}]}\n\n',
            'data: {"object":"error","message":"Internal error","code":500}\n\n',
            'event: error\ndata: {"message":"crashed"}\n\n',
            'data: {"choices":[{"delta":{"role":"assistant"}}]}\n\n',  # and then the body ends
        ],
    )
    def test_it_is_tried_again(self, failed: str, target: Target, models: ModelServer) -> None:
        models.reset(failed, text("Hello"))
        assert ask(target, [{"role": "user", "content": "Hi"}])["content"] == "Hello"

    def test_an_error_that_lasts_is_told(self, target: Target, models: ModelServer) -> None:
        models.reset('data: {"object":"error","message":"Too long","code":400}\n\n', text("Hello"))
        assert "reported an error" in ask(target, [{"role": "user", "content": "Hi"}])["content"]
        assert len(models.asked) == 1


class TestModels:
    def test_without_a_default_model_the_names_of_the_server_are_listed(self, target: Target) -> None:
        listed = [model["id"] for model in target.get("/v1/models").json()["data"]]
        assert listed == ["my-competitor", "small", "large"]

    def test_without_a_default_model_the_own_name_means_the_first_one(self, fresh: Target, models: ModelServer) -> None:
        for asked, sent in (("my-competitor", "small"), ("large", "large"), ("my-competitor", "small")):
            models.reset(text("Hello"))
            fresh.post({"model": asked, "messages": [{"role": "user", "content": "Hi"}]})
            assert [body["model"] for body in models.asked] == [sent]

    def test_with_a_default_model_the_own_name_and_the_default_are_listed(self, serve: Serve) -> None:
        listed = serve({"JANUS_LLM_MODEL": "large"}).get("/v1/models").json()["data"]
        assert [model["id"] for model in listed] == ["my-competitor", "large"]
