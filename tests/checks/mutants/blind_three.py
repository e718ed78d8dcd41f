"""Twenty servers that each break one sentence of the contract, in ways that a competent programmer may get it wrong."""

import base64
import http.client
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from ..plain_artifacts import Shelf
from ..plain_server import PASSED_ON, Gone, Handler, Plain, Refused, Relay
from .registry import FROM_THE_CONTRACT_ALONE, breaks, shelved

Json = dict[str, Any]


@breaks("E6/8", origin=FROM_THE_CONTRACT_ALONE)
class TakesALookalikeForALocalName(Plain):
    """E6: "`Host` must be a local name, an address, or one of `JANUS_DEBUG_HOSTS` [...]; 404 else.", but this server
    looks only at how the host begins, so that `localhost.attacker.example` may read the debug stream."""

    def debug_stream_host(self, host: str) -> bool:
        return host.startswith(("127.0.0.1", "localhost")) or super().debug_stream_host(host)


@breaks("E4/5", origin=FROM_THE_CONTRACT_ALONE)
class CountsALeaverAsInFlight(Plain):
    """E4: "Requests, errors, in-flight, TTFT, largest gap, tokens, artifacts, sandbox seconds.", but this server's
    in-flight gauge does not go down again after a client that went away in the middle of its answer."""

    class Leaky(Handler):
        def answer(self, asked: Json) -> None:
            try:
                super().answer(asked)
            except (Gone, ConnectionError):
                self.plain.running += 1
                raise

    handler_bases = (Leaky,)


@breaks("R7/5", origin=FROM_THE_CONTRACT_ALONE)
class ComparesWholeToolsForRepeats(Plain):
    """R7: "Tool names may repeat in one list: dedupe before any upstream sees them.", but this server drops a tool only
    when all of it repeats, so two tools of one name with different descriptions both reach the upstream."""

    def upstream_body(self, asked: Json) -> Json:
        body = super().upstream_body(asked)
        tools = body.get("tools", [])
        names = {tool["function"]["name"] for tool in tools}
        for tool in asked.get("tools") or ():
            if tool not in tools and tool["function"]["name"] in names:
                tools.append(tool)
        return body


@breaks("R7/6", origin=FROM_THE_CONTRACT_ALONE)
class RequiresAnyToolInsteadOfTheForcedOne(Plain):
    """R7: "A forced `tool_choice` is honoured", but this server sends `required` for a named function and all of the
    tools with it, so the upstream does not learn which one was forced."""

    def upstream_body(self, asked: Json) -> Json:
        body = super().upstream_body(asked)
        if isinstance(body.get("tool_choice"), dict):
            body["tool_choice"] = "required"
        return body


@breaks("R8/1", origin=FROM_THE_CONTRACT_ALONE)
class ShowsTheFieldsOfARefusedBody(Plain):
    """R8: "never logged, never shown by `/debug`, never echoed", but this server's message of a 400 shows the fields
    that it was given, the user's token among them."""

    def check(self, asked: Json) -> None:
        try:
            super().check(asked)
        except Refused as refused:
            given = json.dumps({name: value for name, value in asked.items() if name != "messages"})
            raise Refused(refused.param, f"{refused}; given: {given}", refused.status) from None


@breaks("R9/2", origin=FROM_THE_CONTRACT_ALONE)
class DropsSettingsThatAreZeroOrFalse(Plain):
    """R9: "OpenAI's own (`stop`, `seed`, penalties, `logit_bias`, `parallel_tool_calls`, `reasoning_effort`, ...) go on
    to the upstream as they came", but this server takes `seed: 0` and `parallel_tool_calls: false` for absent."""

    def upstream_body(self, asked: Json) -> Json:
        return {name: value for name, value in super().upstream_body(asked).items() if value or name not in PASSED_ON}


@breaks("W2/4", origin=FROM_THE_CONTRACT_ALONE)
class LeavesOutArtifactsBesideToolCalls(Plain):
    """W2: "`message`: `role, content, reasoning_content, tool_calls?, artifacts` (a list, `[]` when none).", but this
    server's message has no `artifacts` when it has tool calls."""

    def whole(self, id: str, asked: Json, message: Json, reason: str, usage: Json) -> Json:
        answer = super().whole(id, asked, message, reason, usage)
        if "tool_calls" in message:
            del answer["choices"][0]["message"]["artifacts"]
        return answer


@breaks("S3/3", origin=FROM_THE_CONTRACT_ALONE)
class StopsPingsOnceTheTextHasBegun(Plain):
    """S3: "Never more than 2 s between any two SSE events", but this server pings only until the first text. In a later
    silence of the upstream there are only the notes of progress, 2.6 s apart."""

    words_seconds = 2.6

    class Quiet(Handler):
        begun = False

        def write(self, data: bytes) -> None:
            self.begun = self.begun or b'"content"' in data
            if not self.begun or data != self.plain.ping():
                super().write(data)

    handler_bases = (Quiet,)


@breaks("S5/3", origin=FROM_THE_CONTRACT_ALONE)
class SendsNullContentInDeltasOfReasoning(Plain):
    """S5: "Omit nulls: no `content: null`, never `usage: null`", but this server's deltas with reasoning carry
    `content: null`, as those of some inference servers do."""

    def chunk(self, fixed: Json, delta: Json) -> Json:
        return super().chunk(fixed, {"content": None, **delta} if "reasoning_content" in delta else delta)


@breaks("S8/5", origin=FROM_THE_CONTRACT_ALONE)
class LeavesOutUsageThatWasDeclined(Plain):
    """S8: "Every stream carries `usage` with three integers exactly once: on the finish chunk; or, when `include_usage`
    was asked, on OpenAI's chunk", but this server's stream has none after `include_usage: false`."""

    def usage(self, counted: Json | None, asked: Json, text: str) -> Json:
        declined = asked.get("stream") and (asked.get("stream_options") or {}).get("include_usage") is False
        return {**super().usage(counted, asked, text), **({"declined": True} if declined else {})}

    def end(self, fixed: Json, reason: str, usage: Json, apart: bool) -> Iterator[bytes]:
        if not usage.get("declined"):
            yield from super().end(fixed, reason, usage, apart)
            return
        yield self.frame({**fixed, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
        yield b"data: [DONE]\n\n"


@breaks("S13/3", origin=FROM_THE_CONTRACT_ALONE)
class TakesAnErrorFrameForTheEnd(Plain):
    """S13: "A failure later: a text that says so in `content`", but this server's stream ends like a complete answer
    when the upstream sends `data: {"error": ...}` in the middle of its stream."""

    def respond(self, connection: http.client.HTTPConnection, asked: Json) -> http.client.HTTPResponse:
        response = super().respond(connection, asked)
        read = response.readline

        def readline(limit: int = -1) -> bytes:
            line = read(limit)
            return b"data: [DONE]\n" if b'"error"' in line and b'"choices"' not in line else line

        if asked.get("stream"):
            response.readline = readline  # type: ignore[method-assign, method-assign]
        return response


@breaks("S14/2", origin=FROM_THE_CONTRACT_ALONE)
class WatchesTheClientOnlyInStreams(Plain):
    """S14: "A client that goes away stops the work upstream, at once", but this server does not look whether the client
    of a non-streamed answer is still there, and lets the upstream write to its end."""

    class Patient(Handler):
        streamed = True

        def deltas(self, relay: Relay, fixed: Json, streamed: bool) -> Iterator[Json]:
            self.streamed = streamed
            yield from super().deltas(relay, fixed, streamed)

        def gone(self) -> bool:
            return self.streamed and super().gone()

    handler_bases = (Patient,)


@breaks("S15/1", origin=FROM_THE_CONTRACT_ALONE)
class LimitsTheSilenceInsteadOfTheAnswer(Plain):
    """S15: "`JANUS_TIMEOUT` (seconds, default 300) is the caller's limit; the competitor ends its answer in good form
    10 s before it", but this server gives its limit to the socket as a read timeout, which every byte begins again."""

    def connection(self, asked: Json) -> http.client.HTTPConnection:
        connection = super().connection(asked)
        connection.timeout = super().answer_seconds()
        return connection

    def answer_seconds(self) -> float:
        return math.inf


@breaks("S13/5", origin=FROM_THE_CONTRACT_ALONE)
class HidesALateFailureInAWholeAnswer(Plain):
    """S16: "A failing upstream is not bad input: S13, and in whole mode a normal 200 completion that says so in its
    text", but this server's whole answer is the first half of the text alone when the upstream broke off after it."""

    def whole(self, id: str, asked: Json, message: Json, reason: str, usage: Json) -> Json:
        said, failed, _ = message["content"].partition(self.failed_text(""))
        return super().whole(id, asked, {**message, "content": said} if failed and said else message, reason, usage)


@breaks("U3/2", origin=FROM_THE_CONTRACT_ALONE)
class CountsBase64AsText(Plain):
    """U3: "zero is never right for a non-empty text, and base64 is not text", but this server estimates the tokens of
    the prompt from the length of the messages' JSON, and so counts the bytes of an image in a `data:` URL."""

    def usage(self, counted: Json | None, asked: Json, text: str) -> Json:
        prompt = len(json.dumps(asked["messages"])) // 4 + 1
        estimate = {"prompt_tokens": prompt, "completion_tokens": len(text) // 4 + 1}
        return super().usage(counted or estimate, asked, text)


@breaks("N3/3", origin=FROM_THE_CONTRACT_ALONE)
class TakesAMegabyteForAMebibyte(Plain):
    """N3: "request body | 10 MiB, configurable", but this server refuses a body of more than 10,000,000 bytes."""

    def check_headers(self, headers: Mapping[str, str], size: int) -> None:
        if size > 10_000_000:
            raise Refused(None, "too large", 413)
        super().check_headers(headers, size)


@shelved("A2/2", origin=FROM_THE_CONTRACT_ALONE)
class EncodesForUrlsInsteadOfBase64(Shelf):
    """A2: "Small ones: a base64 `data:` URL", but this server's data: URL has the alphabet that is meant for paths and
    queries (`-` and `_`), which does not decode to the artifact's bytes."""

    def inline(self, data: bytes, mime_type: str) -> str:
        return f"data:{mime_type};base64,{base64.urlsafe_b64encode(data).decode()}"


@shelved("A3/4", origin=FROM_THE_CONTRACT_ALONE)
class LinksALargeImageAsAFile(Shelf):
    """A3: "`content` links to the same URL in markdown (images as images: [...])", but this server writes only an
    inline image as one; a larger one, which has an http URL, becomes an ordinary link."""

    def link(self, item: Json) -> str:
        link = super().link(item)
        return link if item["url"].startswith("data:") else link.removeprefix("!")


@shelved("A3/6", origin=FROM_THE_CONTRACT_ALONE)
class ReplacesDataUrlsOnlyInStrings(Shelf):
    """A3: "`data:` URLs that come back in the history are replaced by names before an upstream sees them.", but this
    server does so only where an assistant's content is a string, not where it is a list of parts."""

    def content_without_bytes(self, content: Any) -> Any:
        return self.named(content) if isinstance(content, str) else content


@shelved("A4/5", origin=FROM_THE_CONTRACT_ALONE)
class ReadsASuffixRangeFromTheStart(Shelf):
    """A4: "Fetching: exact length, hash equal to `sha256`, right `Content-Type`, `Content-Disposition`, `ETag`, `HEAD`
    and `Range`", but this server takes a range without a first byte (`bytes=-5`) to begin at byte 0."""

    def served(self, path: str, asked: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        wanted = asked.get("range", "")
        if wanted.startswith("bytes=-"):
            asked = {**asked, "range": wanted.replace("bytes=-", "bytes=0-")}
        return super().served(path, asked)
