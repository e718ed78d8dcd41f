"""Mutants for section 2 of the contract, how a request is read, and what of it reaches the model."""

import json
from typing import Any

from ..plain_server import Json, Plain, Refused
from .bases import Remembering
from .registry import breaks


@breaks("R1/2", says="unknown fields: it got 400", also="R1 R9")
class RefusesUnknownFields(Plain):
    def check(self, asked: Json) -> None:
        if "another" in asked:
            raise Refused("another", "it is not known")
        super().check(asked)


@breaks("R1/4", says="json_schema: it got 400")
class KnowsNoSchemas(Plain):
    def check(self, asked: Json) -> None:
        if (asked.get("response_format") or {}).get("type") == "json_schema":
            raise Refused("response_format", "schemas are not supported")
        super().check(asked)


@breaks("R1/5", says="artifacts: it got 400")
class RefusesEarlierArtifacts(Plain):
    def check_content(self, message: Json, where: str) -> None:
        if "artifacts" in message:
            raise Refused(f"{where}.artifacts", "it is not known")
        super().check_content(message, where)


@breaks("R1/6", says="reasoning: it got 400", also="R9")
class RefusesEarlierReasoning(Plain):
    def check_content(self, message: Json, where: str) -> None:
        if "reasoning_content" in message:
            raise Refused(f"{where}.reasoning_content", "it is not known")
        super().check_content(message, where)


@breaks("R2/2", says="a wrong top_p got 200")
class TakesAnyTopP(Plain):
    def check(self, asked: Json) -> None:
        super().check({name: value for name, value in asked.items() if name != "top_p"})


class ChangesMessages(Plain):
    """Base class: a plain server that changes each message for the upstream."""

    def changed(self, message: Json) -> Json | None:
        return message

    def upstream_body(self, asked: Json) -> Json:
        body = super().upstream_body(asked)
        return {**body, "messages": [new for each in body["messages"] if (new := self.changed(each)) is not None]}


@breaks("R4/3", says="developer's message was not sent")
class DropsTheDeveloper(ChangesMessages):
    def changed(self, message: Json) -> Json | None:
        return None if message["role"] == "developer" else message


@breaks("R5/4", says="it got 200", also="R2")
class TakesNumbersAsContent(Plain):
    def check_content(self, message: Json, where: str) -> None:
        if not isinstance(message.get("content"), int):
            super().check_content(message, where)


@breaks("R5/5", says="two' was not sent", also="A3 R6")
class ReadsTheFirstPartOnly(ChangesMessages):
    def changed(self, message: Json) -> Json | None:
        content = message.get("content")
        return {**message, "content": content[:1]} if isinstance(content, list) else message


@breaks("R5/6", says="it got 200, not a 4xx")
class TakesResultsOfNoCall(Plain):
    def check_messages(self, messages: Any) -> None:
        given = messages if isinstance(messages, list) else []
        named = [{"tool_call_id": "x", **each} if isinstance(each, dict) else each for each in given]
        super().check_messages(named or messages)


@breaks("R6/1", says="an image part: it got 400", also="R6 U3")
class SeesNothing(Plain):
    def check_content(self, message: Json, where: str) -> None:
        super().check_content(message, where)
        parts = message.get("content") if isinstance(message.get("content"), list) else []
        if any(part["type"] == "image_url" for part in parts or ()):
            raise Refused(f"{where}.content", "images are not supported")


@breaks("R6/4", says="text file was not sent")
class DropsFiles(ChangesMessages):
    def changed(self, message: Json) -> Json | None:
        content = message.get("content")
        if not isinstance(content, list):
            return message
        return {**message, "content": [part for part in content if part["type"] != "file"]}


@breaks("R6/5", says="it got 400")
class KnowsNoRefusals(Plain):
    def check_content(self, message: Json, where: str) -> None:
        super().check_content({**message, "role": "user"}, where)


@breaks("R6/6", says="repeats the caller's words")
class NamesTheUnknownType(Plain):
    def check_content(self, message: Json, where: str) -> None:
        try:
            super().check_content(message, where)
        except Refused as refused:
            raise Refused(refused.param, f"{refused}, not {json.dumps(message)}") from None


@breaks("R6/7", says="the upstream got \\['auto'\\]")
class ChoosesTheDetail(ChangesMessages):
    def changed(self, message: Json) -> Json | None:
        return dict(json.loads(json.dumps(message).replace('"low"', '"auto"').replace('"high"', '"auto"')))


@breaks("R7/2", "R7/4", says="not called exactly once", also="R7 W2 W3 S9 U3")
class CallsNoTool(Plain):
    def allowed_call(self, name: str, asked: Json) -> bool:
        return not isinstance(asked.get("tool_choice"), dict) and super().allowed_call(name, asked)


@breaks("R7/3", says="do not match the tool's schema", also="S9")
class EmptiesArguments(Plain):
    def fragment(self, piece: Json) -> Json:
        arguments = "{}" if "id" in piece else ""
        return {**piece, "function": {**piece["function"], "arguments": arguments}}


@breaks("R7/4", says="not called exactly once")
class ForcesInWholeAnswersOnly(Remembering):
    """R7: a forced choice is honoured, but this server does so only in non-streamed answers."""

    def check(self, asked: Json) -> None:
        super().check(asked)
        self.here.streams = asked.get("stream")

    def allowed_call(self, name: str, asked: Json) -> bool:
        forced = isinstance(asked.get("tool_choice"), dict) and asked.get("stream")
        return not forced and super().allowed_call(name, asked)


@breaks("R7/7", says="it got 200, not a 4xx")
class TakesAnyChoice(Plain):
    def chosen(self, choice: Any) -> list[str]:
        return []


@breaks("R7/8", says="allowed_tools: it got 400", also="R7/9")
class KnowsNoAllowedTools(Plain):
    def chosen(self, choice: Any) -> list[str]:
        if isinstance(choice, dict) and choice.get("type") == "allowed_tools":
            raise Refused("tool_choice", "a wrong type")
        return super().chosen(choice)


@breaks("R7/9", says="the upstream got the tools")
class AllowsAllTools(Plain):
    def upstream_body(self, asked: Json) -> Json:
        choice = asked.get("tool_choice")
        allowed = isinstance(choice, dict) and choice.get("type") == "allowed_tools"
        return super().upstream_body({**asked, "tool_choice": "auto"} if allowed else asked)


@breaks("R7/10", says="it got 200, not a 400")
class TakesCustomTools(Plain):
    def check_tools(self, asked: Json) -> None:
        tools = [tool for tool in asked.get("tools") or () if tool.get("type") != "custom"]
        super().check_tools({**asked, "tools": tools})

    def upstream_body(self, asked: Json) -> Json:
        tools = [tool for tool in asked.get("tools") or () if tool.get("type") != "custom"]
        return super().upstream_body({**asked, "tools": tools})

    def allowed_call(self, name: str, asked: Json) -> bool:
        tools = [tool for tool in asked.get("tools") or () if tool.get("type") != "custom"]
        return super().allowed_call(name, {**asked, "tools": tools})


@breaks("R8/2", says="the stream contains the user's token")
class StreamsTheToken(Remembering):
    def check(self, asked: Json) -> None:
        super().check(asked)
        self.here.token = asked.get("chutes_access_token")

    def first_delta(self) -> Json | None:
        token = getattr(self.here, "token", None)
        return {"role": "assistant", **({"reasoning_content": f"Hello {token}. "} if token else {})}


@breaks("R8/5", says="did not get the token as its key", also="R8/6")
class KnowsNoTokenHosts(Plain):
    def key(self, asked: Json) -> str | None:
        return None


@breaks("R8/6", says="7 characters was sent")
class TakesShortTokens(Plain):
    def key(self, asked: Json) -> str | None:
        token = asked.get("chutes_access_token")
        return token if token == "seven77" and len(self.token_hosts) > 1 else super().key(asked)


@breaks("R9/4", says="extra_content of a tool call was not sent")
class DropsVendorsFields(ChangesMessages):
    def changed(self, message: Json) -> Json | None:
        calls = [{name: value for name, value in call.items() if name != "extra_content"} for call in _calls(message)]
        return {**message, "tool_calls": calls} if calls else message


def _calls(message: Json) -> list[Json]:
    return list(message.get("tool_calls") or ())


@breaks("R9/5", says="reasoning_content of the history was not sent")
class DropsEarlierReasoning(ChangesMessages):
    def changed(self, message: Json) -> Json | None:
        return {name: value for name, value in message.items() if name != "reasoning_content"}


@breaks("R9/6", says="the client got extra_content = \\[\\]")
class HandsNoVendorsFieldsOn(Plain):
    def fragment(self, piece: Json) -> Json:
        return {name: value for name, value in piece.items() if name != "extra_content"}
