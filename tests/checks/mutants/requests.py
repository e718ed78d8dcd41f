"""Mutants for section 2 of the contract, the request. Each breaks the clause that its decorator names."""

import itertools
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ..plain_server import NUMBERS, PASSED_ON, Json, Plain, Refused
from .bases import Remembering
from .registry import BLIND, FROM_THE_CONTRACT_ALONE, OF_THE_CONTRACT, breaks


@breaks("R1/1", says="got 400", also="R9 N3")
class ForbidsUnknownFields(Plain):
    def check(self, asked: Json) -> None:
        super().check(asked)
        if "surprise" in asked:
            raise Refused("surprise", "unknown")


@breaks("R1/3", origin=OF_THE_CONTRACT)
class RefusesItsOwnAnswers(Plain):
    """R1: messages may have unknown fields and earlier artifacts, but this server refuses both."""

    def check_content(self, message: Json, where: str) -> None:
        super().check_content(message, where)
        for name in message.keys() - {"role", "content", "name", "tool_calls", "tool_call_id"}:
            raise Refused(f"{where}.{name}", "unknown")


@breaks("R1/1", also="R9", origin=OF_THE_CONTRACT)
class HasNoBrowser(Plain):
    """R1: callers may send browser_session_id, but this server refuses it."""

    def check(self, asked: Json) -> None:
        super().check(asked)
        if "browser_session_id" in asked:
            raise Refused("browser_session_id", "extra inputs are not permitted")


@breaks("R1/3", origin=FROM_THE_CONTRACT_ALONE)
class UnknownFieldsOfAMessageForbidden(Plain):
    """R1: "Unknown fields are ignored, never an error", but this server refuses unknown fields of a message."""

    message_fields = frozenset(
        ("role", "content", "reasoning_content", "name", "tool_calls", "tool_call_id", "artifacts", "refusal")
    )

    def check(self, asked: Json) -> None:
        super().check(asked)
        for number, message in enumerate(asked["messages"]):
            for name in message:
                if name not in self.message_fields:
                    raise Refused(f"messages[{number}].{name}", "extra inputs are not permitted")


@breaks("R2/1", says="temperature got 200", also="S16")
class ChecksNoNumbers(Plain):
    def check(self, asked: Json) -> None:
        super().check({name: value for name, value in asked.items() if name not in ("temperature", "top_p")})


@breaks("R2/3", "S16/2", says="no error object", also="R6 R3 R4 R5 R7 N3")
class SaysOnlyBadRequest(Plain):
    def refusal(self, refused: Refused) -> tuple[int, Json]:
        return refused.status, {"detail": "bad request"}


@breaks("R2/1", origin=BLIND)
class TakesMaxTokensBelowOne(Plain):
    """R2: max_tokens is at least 1, but this server accepts any value."""

    def check(self, asked: Json) -> None:
        super().check({name: value for name, value in asked.items() if not name.startswith("max_")})


@breaks("R2/1", origin=OF_THE_CONTRACT)
class TakesAnyTruth(Plain):
    """R2: stream is a boolean, but this server accepts the string "false"."""

    def check(self, asked: Json) -> None:
        super().check({name: value for name, value in asked.items() if name != "stream"})


@breaks("R2/1", says="temperature", origin=FROM_THE_CONTRACT_ALONE)
class NumbersInStringsAreNumbers(Plain):
    """R2: "Known fields with a wrong type or out of range are a 400", but this server reads `"0.5"` as 0.5."""

    def check(self, asked: Json) -> None:
        for name in NUMBERS:
            if isinstance(asked.get(name), str):
                with suppress(ValueError):
                    asked[name] = int(asked[name]) if name.startswith("max_") else float(asked[name])
        super().check(asked)


@breaks("R3/1", says="got 404")
class KnowsItsOwnModelOnly(Plain):
    def check(self, asked: Json) -> None:
        super().check(asked)
        if asked["model"] == "gpt-4o":
            raise Refused("model", "unknown model", 404)


@breaks("R3/2", says="came back as")
class AnswersUnderItsOwnName(Plain):
    def whole(self, id: str, asked: Json, message: Json, reason: str, usage: Json) -> Json:
        return {**super().whole(id, asked, message, reason, usage), "model": "my-competitor"}


@breaks("R3/1", also="E3", origin=BLIND)
class ServesItsOwnModelAlone(Plain):
    """R3: any model name is accepted, but this server refuses names such as `gpt-4o`."""

    def check(self, asked: Json) -> None:
        super().check(asked)
        if asked["model"].startswith("gpt-") or "/" in asked["model"]:
            raise Refused("model", "not a model of mine")


@breaks("R3/3", also="S16", origin=OF_THE_CONTRACT)
class HasADefaultModel(Plain):
    """R3: the model is required, but this server uses a default one."""

    def parse(self, body: bytes) -> Json:
        return {"model": "default", **super().parse(body)}


@breaks("R3/2", origin=FROM_THE_CONTRACT_ALONE)
class ProviderPrefixDropped(Plain):
    """R3: "**any name is accepted** ... and echoed", but this server echoes `org/name` as `name`."""

    def check(self, asked: Json) -> None:
        super().check(asked)
        asked["model"] = asked["model"].partition("/")[2] or asked["model"]


@breaks("R4/1", says="empty list of messages: it got 200", also="S16 U3")
class AcceptsNoMessages(Plain):
    def check_messages(self, messages: Any) -> None:
        super().check_messages(messages or [{"role": "user"}])

    def usage(self, counted: Json | None, asked: Json, text: str) -> Json:
        return {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}


@breaks("R4/2", says="all roles: it got 400")
class DoesNotKnowDevelopers(Plain):
    def check_messages(self, messages: Any) -> None:
        super().check_messages(messages)
        if any(message["role"] == "developer" for message in messages):
            raise Refused("messages[1].role", "unknown")


@breaks("R4/1", also="S16", origin=BLIND)
class AnswersNoMessages(Plain):
    """R4: at least one message is required, but this server answers requests without messages."""

    def check(self, asked: Json) -> None:
        asked["messages"] = asked.get("messages") or [{"role": "user", "content": "Hello"}]
        super().check(asked)


@breaks("R5/2", says="with absent content it got 400")
class WantsContent(Plain):
    def check_content(self, message: Json, where: str) -> None:
        super().check_content(message, where)
        if "content" not in message:
            raise Refused(f"{where}.content", "required")


@breaks("R5/3", also="R6 U3", origin=BLIND)
class WantsAString(Plain):
    """R5: content may be a list of parts, but this server accepts only strings."""

    def check_content(self, message: Json, where: str) -> None:
        if isinstance(message.get("content"), list):
            raise Refused(f"{where}.content", "a string, please")
        super().check_content(message, where)


@breaks("R5/1", origin=OF_THE_CONTRACT)
class RefusesNullContent(Plain):
    """R5: content may be null, but this server refuses null."""

    def check_content(self, message: Json, where: str) -> None:
        super().check_content(message, where)
        if message.get("content", "") is None:
            raise Refused(f"{where}.content", "a string or a list")


@breaks("R5/1", origin=FROM_THE_CONTRACT_ALONE)
class OnlyAnAssistantMayHaveNoContent(Plain):
    """R5: content may be absent or null, but here it is required unless an assistant sent it.

    The message of a tool that returned nothing has `content: null`, and a gateway removes fields that are null.
    """

    def check_content(self, message: Json, where: str) -> None:
        if message.get("content") is None and message["role"] != "assistant":
            raise Refused(f"{where}.content", "content is required")
        super().check_content(message, where)


@breaks("R6/3", says="got 200", also="R5")
class IgnoresUnknownParts(Plain):
    def check_content(self, message: Json, where: str) -> None:
        pass


@breaks("R6/2", says="a file part: it got 400", also="U3")
class ReadsNoFiles(Plain):
    def check_content(self, message: Json, where: str) -> None:
        super().check_content(message, where)
        if isinstance(message.get("content"), list) and message["content"][-1]["type"] == "file":
            raise Refused(where, "no files")


@breaks("R6/6", origin=OF_THE_CONTRACT)
class NamesNoPart(Plain):
    """R6: the 400 for an unknown type of part names the type, but the 400 of this server does not."""

    def check_content(self, message: Json, where: str) -> None:
        try:
            super().check_content(message, where)
        except Refused as refused:
            raise Refused(refused.param, "not supported") from None


@breaks("R6/3", origin=FROM_THE_CONTRACT_ALONE)
class FirstPartSpeaksForAll(Plain):
    """R6: "Another type: 400 that names it", but this server checks only the first part, which is usually text."""

    def check_content(self, message: Json, where: str) -> None:
        content = message.get("content")
        super().check_content({**message, "content": content[:1]} if isinstance(content, list) else message, where)


@breaks("R7/1", says="repeated tool name: it got 400")
class RefusesRepeatedTools(Plain):
    def check_tools(self, asked: Json) -> None:
        super().check_tools(asked)
        if len(asked.get("tools") or ()) > 1:
            raise Refused("tools", "a name twice")


@breaks("R7/5", says="the upstream got the tools")
class PassesRepeatedToolsOn(Plain):
    def upstream_body(self, asked: Json) -> Json:
        return {**super().upstream_body(asked), "tools": asked.get("tools") or []}


@breaks("R7/6", origin=BLIND)
class ForgetsTheForcedChoice(Plain):
    """R7: a forced tool_choice is passed on to the upstream, but this server leaves it out."""

    def upstream_body(self, asked: Json) -> Json:
        return {name: value for name, value in super().upstream_body(asked).items() if name != "tool_choice"}


@breaks("R7/5", origin=OF_THE_CONTRACT)
class DedupesNeighboursOnly(Plain):
    """R7: repeated tool names are removed, but this server removes them only if they are neighbours."""

    def upstream_body(self, asked: Json) -> Json:
        groups = itertools.groupby(asked.get("tools") or (), lambda tool: tool["function"]["name"])
        tools = [next(group) for _, group in groups]
        return {**super().upstream_body(asked), **({"tools": tools} if tools else {})}


@breaks("R7/5", says="the upstream got the tools", origin=FROM_THE_CONTRACT_ALONE)
class DropsOnlyIdenticalTools(Plain):
    """R7: each tool name is passed on once, but this server drops a tool only if an equal tool came before."""

    def upstream_body(self, asked: Json) -> Json:
        body = super().upstream_body(asked)
        if tools := asked.get("tools"):
            body["tools"] = [tool for number, tool in enumerate(tools) if tool not in tools[:number]]
        return body


@breaks("R8/4", "R9/3", says="got the token|extra was passed on", also="R7 A3")
class PassesTheWholeBodyOn(Plain):
    def upstream_body(self, asked: Json) -> Json:
        return {**super().upstream_body(asked), **asked, "stream": True}


@breaks("R8/4", says="got the token")
class SendsTheTokenToAnyone(Plain):
    def key(self, asked: Json) -> str | None:
        return asked.get("chutes_access_token")


@breaks("R8/1", says="it contains the user's token", also="S16 R6")
class EchoesTheTokenInErrors(Plain):
    def check(self, asked: Json) -> None:
        try:
            super().check(asked)
        except Refused as refused:
            raise Refused(refused.param, f"{refused}: {json.dumps(asked)}") from None


@breaks("R8/3", origin=OF_THE_CONTRACT)
class ShowsTheTokenInDebug(Remembering):
    """R8: the user's token is never shown, but this server shows it in debug events."""

    def check(self, asked: Json) -> None:
        super().check(asked)
        self.here.asked = asked

    def debug_event(self, id: str, kind: str, step: str, message: str) -> Json:
        return {**super().debug_event(id, kind, step, message), "data": {"request": self.here.asked}}


@breaks("R8/4", says="not a host of the platform", origin=FROM_THE_CONTRACT_ALONE)
class TokenForUrlsThatMentionThePlatform(Plain):
    """R8: "used as the upstream's key only for hosts of the platform", but here `chutes.ai` may be anywhere in the URL.

    `http://127.0.0.1:9000/chutes.ai/v1` gets the user's token.
    """

    def key(self, asked: Json) -> str | None:
        return asked.get("chutes_access_token") if "chutes.ai" in (self.base_url or "") else None


@breaks("R9/2", says="seed was not passed on")
class KeepsTheSeed(Plain):
    def upstream_body(self, asked: Json) -> Json:
        return {name: value for name, value in super().upstream_body(asked).items() if name != "seed"}


@breaks("R9/3", says="extra was passed on")
class PassesTheUserIdOn(Plain):
    def upstream_body(self, asked: Json) -> Json:
        return {**super().upstream_body(asked), **({"user_id": asked["user_id"]} if "user_id" in asked else {})}


@breaks("R9/1", also="R2", origin=OF_THE_CONTRACT)
class IgnoresN(Plain):
    """R9: n above 1 is a 400, but this server ignores n."""

    def check(self, asked: Json) -> None:
        super().check({name: value for name, value in asked.items() if name != "n"})


@breaks("R9/2", origin=FROM_THE_CONTRACT_ALONE)
class FalsyParametersStopHere(Plain):
    """R9: OpenAI's own fields "go on to the upstream as they came", but this server drops 0 and `false`."""

    def upstream_body(self, asked: Json) -> Json:
        body = super().upstream_body(asked)
        return {name: value for name, value in body.items() if value or name not in PASSED_ON}


@breaks("R10/1", says="not echoed", also="E6")
class EchoesNoIds(Plain):
    def echoed(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {}


@breaks("R10/3", says="compressed")
class SaysItCompresses(Plain):
    def stream_headers(self) -> dict[str, str]:
        return {**super().stream_headers(), "Content-Encoding": "gzip"}


@breaks("R10/1", origin=BLIND)
class EchoesTheCorrelationAlone(Plain):
    """R10: both ids are echoed, but this server echoes only `X-Correlation-ID`."""

    def echoed(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {name: value for name, value in super().echoed(headers).items() if name != "x-request-id"}


@breaks("R10/2", also="E6", origin=OF_THE_CONTRACT)
class EchoesOneIdOfTwo(Plain):
    """R10: both ids are echoed, but this server echoes only `X-Request-Id`."""

    def echoed(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {name: value for name, value in super().echoed(headers).items() if name == "x-request-id"}


@breaks("R10/2", says="X-Correlation-ID is not echoed", origin=FROM_THE_CONTRACT_ALONE)
class CorrelationIdOnlyForWantOfARequestId(Plain):
    """R10: both ids are echoed, but if a request has both, this server echoes only one."""

    def echoed(self, headers: Mapping[str, str]) -> dict[str, str]:
        return dict(list(super().echoed(headers).items())[:1])


@breaks("R3/1")
class RefusesLongModelNames(Plain):
    """R3: any name is accepted, but this server refuses one of more than 64 characters."""

    def check(self, asked: Json) -> None:
        super().check(asked)
        if len(asked["model"]) > 64:
            raise Refused("model", "model is too long")
