"""Mutants for section 3 of the contract, the whole response. Each breaks the clause that its decorator names."""

import json
import uuid
from collections.abc import Mapping

from ..plain_server import Json, Plain
from .registry import BLIND, FROM_THE_CONTRACT_ALONE, OF_THE_CONTRACT, breaks


@breaks("W1/1", says="object is")
class CallsItAChunk(Plain):
    def whole(self, id: str, asked: Json, message: Json, reason: str, usage: Json) -> Json:
        return {**super().whole(id, asked, message, reason, usage), "object": "chat.completion.chunk"}


@breaks("W1/4", says="not the request's X-Request-Id")
class MakesUpItsIds(Plain):
    def answer_id(self, headers: Mapping[str, str]) -> str:
        return super().answer_id({})


@breaks("W1/5", says="an invalid X-Request-Id")
class TakesAnyIdForItsOwn(Plain):
    def answer_id(self, headers: Mapping[str, str]) -> str:
        return headers.get("x-request-id") or super().answer_id(headers)


@breaks("W1/1", origin=BLIND)
class CallsAWholeAnswerAChunk(Plain):
    """W1: without streaming, the field `object` is `chat.completion`, but this server sends `chat.completion.chunk`."""

    def whole(self, id: str, asked: Json, message: Json, reason: str, usage: Json) -> Json:
        return {**super().whole(id, asked, message, reason, usage), "object": "chat.completion.chunk"}


@breaks("W1/3", origin=OF_THE_CONTRACT)
class WritesItsIdsWithDashes(Plain):
    """W1: an id is `chatcmpl-` and 24 hex digits, but this server adds dashes."""

    def answer_id(self, headers: Mapping[str, str]) -> str:
        given = super().answer_id(headers)
        return given if given == headers.get("x-request-id") else f"chatcmpl-{uuid.uuid4()}"


@breaks("W1/1", origin=OF_THE_CONTRACT)
class IsCreatedBetweenSeconds(Plain):
    """W1: `created` is an integer, as OpenAI's SDK expects, but this server sends a fraction."""

    def whole(self, id: str, asked: Json, message: Json, reason: str, usage: Json) -> Json:
        return {**super().whole(id, asked, message, reason, usage), "created": 1764000000.25}


@breaks("W1/4", says="of 128 characters: the id is not", origin=FROM_THE_CONTRACT_ALONE)
class RequestIdsUpTo64(Plain):
    """W1: a request id of up to 128 characters becomes the answer's id, but this server accepts at most 64."""

    def answer_id(self, headers: Mapping[str, str]) -> str:
        given = super().answer_id(headers)
        return given if len(given) <= 64 else f"chatcmpl-{uuid.uuid4().hex[:24]}"


@breaks("W2/2", says="artifacts is not a list", also="A3 A1 A2")
class LeavesArtifactsOut(Plain):
    def whole(self, id: str, asked: Json, message: Json, reason: str, usage: Json) -> Json:
        body = super().whole(id, asked, message, reason, usage)
        del body["choices"][0]["message"]["artifacts"]
        return body


@breaks("W2/1", says="reasoning_content is not a string")
class SendsNullReasoning(Plain):
    def whole(self, id: str, asked: Json, message: Json, reason: str, usage: Json) -> Json:
        return super().whole(id, asked, {**message, "reasoning_content": None}, reason, usage)


@breaks("W2/1", origin=BLIND)
class LeavesReasoningOut(Plain):
    """W2: the message has reasoning_content, but this server leaves it out."""

    def whole(self, id: str, asked: Json, message: Json, reason: str, usage: Json) -> Json:
        kept = {name: value for name, value in message.items() if name != "reasoning_content"}
        return super().whole(id, asked, kept, reason, usage)


@breaks("W2/3", also="R7", origin=OF_THE_CONTRACT)
class ParsesTheArguments(Plain):
    """W2: a call's arguments are a string, as OpenAI's SDK expects, but this server sends an object."""

    def whole(self, id: str, asked: Json, message: Json, reason: str, usage: Json) -> Json:
        for call in message.get("tool_calls", ()):
            call["function"]["arguments"] = json.loads(call["function"]["arguments"])
        return super().whole(id, asked, message, reason, usage)


@breaks("W2/1", origin=FROM_THE_CONTRACT_ALONE)
class EmptyReasoningLeftOut(Plain):
    """W2: the message always has `reasoning_content`, but this server leaves it out if it is empty."""

    def whole(self, id: str, asked: Json, message: Json, reason: str, usage: Json) -> Json:
        kept = {name: value for name, value in message.items() if value or name != "reasoning_content"}
        return super().whole(id, asked, kept, reason, usage)


@breaks("W3/2", "S7/2", says="eos_token")
class PassesFinishReasonsOn(Plain):
    def reason(self, given: str) -> str:
        return given or "stop"


@breaks("W3/1", origin=BLIND)
class EndsAtTheEnd(Plain):
    """W3: finish_reason is one of four values, but this server sends `end_turn`."""

    def whole(self, id: str, asked: Json, message: Json, reason: str, usage: Json) -> Json:
        return super().whole(id, asked, message, "end_turn" if reason == "stop" else reason, usage)


@breaks("W3/3", also="S7 S9 R7", origin=OF_THE_CONTRACT)
class FinishesLikeOldFunctions(Plain):
    """W3: finish_reason is one of four values, but this server sends `function_call`."""

    def reason(self, given: str) -> str:
        return "function_call" if given == "tool_calls" else super().reason(given)


@breaks("W3/2", also="S7", origin=FROM_THE_CONTRACT_ALONE)
class TranslatesOnlyTheReasonsItKnows(Plain):
    """W3: finish_reason is one of four values, but this server passes unknown ones such as `abort` on.

    Its table translates the reasons of some vendors; any reason that is not in the table is passed on.
    """

    known_reasons = {  # noqa: RUF012 - never changed
        "": "stop",
        "eos": "stop",
        "end_turn": "stop",
        "stop_sequence": "stop",
        "function_call": "stop",
        "max_tokens": "length",
        "safety": "content_filter",
    }

    def reason(self, given: str) -> str:
        return self.known_reasons.get(given, given)


@breaks("W1/2", says="one choice with index 0")
class ForgetsTheIndexOfTheChoice(Plain):
    def whole(self, id: str, asked: Json, message: Json, reason: str, usage: Json) -> Json:
        answer = super().whole(id, asked, message, reason, usage)
        del answer["choices"][0]["index"]
        return answer


@breaks("W2/4", says="message.reasoning_content is not a string")
class SaysNothingBesideCalls(Plain):
    def whole(self, id: str, asked: Json, message: Json, reason: str, usage: Json) -> Json:
        if "tool_calls" in message:
            message = {name: value for name, value in message.items() if name != "reasoning_content"}
        return super().whole(id, asked, message, reason, usage)
