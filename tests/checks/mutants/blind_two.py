"""Twenty servers with one fault each, written from the contract and the plain server only."""

import http.client
import threading
import time
from collections.abc import Mapping
from typing import Any

from ..plain_artifacts import Shelf
from ..plain_server import NUMBERS, Plain, Refused, UpstreamFailed
from .registry import FROM_THE_CONTRACT_ALONE, breaks, shelved

Json = dict[str, Any]

# A thread of the server handles one request only, so what a class keeps in a `threading.local` belongs to one request.


@breaks("E4/5", origin=FROM_THE_CONTRACT_ALONE)
class CountsALeftRequestAsInFlightForever(Plain):
    """E4: "Requests, errors, in-flight, TTFT", but this server counts a request down only when it counts its usage.

    So the gauge of requests in flight never falls again after a client has gone away.
    """

    def usage(self, counted: Json | None, asked: Json, text: str) -> Json:
        self.running -= 1
        return super().usage(counted, asked, text)

    def over(self) -> None:
        pass


@breaks("E6/7", origin=FROM_THE_CONTRACT_ALONE)
class NamesTheFirstDebugIdInTheSecondResponse(Plain):
    """E6: "followed under `{id}-2` (and so on), which its response names in `X-Debug-Request-Id`", but this server
    follows the second request under the new id and names the old one in its response.
    """

    def echoed(self, headers: Mapping[str, str]) -> dict[str, str]:
        echoed = super().echoed(headers)
        first, _, number = echoed.get("x-debug-request-id", "").rpartition("-")
        if number.isdigit() and first in self.followed:
            echoed["x-debug-request-id"] = first
        return echoed


@breaks("R2/1", origin=FROM_THE_CONTRACT_ALONE)
class TakesTrueForANumber(Plain):
    """R2: "Known fields with a wrong type or out of range are a 400", but this server takes `true` and `false` for
    numbers (as Python does), for instance as `temperature` or `max_tokens`.
    """

    def check(self, asked: Json) -> None:
        super().check({name: v for name, v in asked.items() if not (name in NUMBERS and isinstance(v, bool))})


@breaks("R6/7", origin=FROM_THE_CONTRACT_ALONE)
class KnowsThreeWordsForDetail(Plain):
    """R6: "`detail` is passed on unchanged", but this server turns all but `low`, `high` and `auto` into `auto`."""

    def upstream_body(self, asked: Json) -> Json:
        body = super().upstream_body(asked)
        return {**body, "messages": [self.usual(message) for message in body["messages"]]}

    def usual(self, message: Json) -> Json:
        if not isinstance(message.get("content"), list):
            return message
        return {**message, "content": [self.usual_part(part) for part in message["content"]]}

    def usual_part(self, part: Json) -> Json:
        image = part.get("image_url")
        if not isinstance(image, dict) or image.get("detail", "auto") in ("low", "high", "auto"):
            return part
        return {**part, "image_url": {**image, "detail": "auto"}}


@breaks("R7/6", origin=FROM_THE_CONTRACT_ALONE)
class ForcesAnyToolInsteadOfTheNamedOne(Plain):
    """R7: "A forced `tool_choice` is honoured", but this server asks the upstream for `required` where the client
    named a tool, and sends all the tools along, so that the model may call another one.
    """

    def upstream_body(self, asked: Json) -> Json:
        body = super().upstream_body(asked)
        return {**body, "tool_choice": "required"} if isinstance(body.get("tool_choice"), dict) else body


@breaks("R9/2", origin=FROM_THE_CONTRACT_ALONE)
class KeepsZeroAndFalseFromTheUpstream(Plain):
    """R9: "OpenAI's own (`stop`, `seed`, penalties, `logit_bias`, `parallel_tool_calls`, `reasoning_effort`, ...) go
    on to the upstream as they came", but this server drops those that are 0 or false.
    """

    def upstream_body(self, asked: Json) -> Json:
        return {name: value for name, value in super().upstream_body(asked).items() if value}


@breaks("W2/4", origin=FROM_THE_CONTRACT_ALONE)
class LeavesOutTheArtifactsBesideToolCalls(Plain):
    """W2: "`artifacts` (a list, `[]` when none)", but this server has no such field in an answer with tool calls."""

    def whole(self, id: str, asked: Json, message: Json, reason: str, usage: Json) -> Json:
        answer = super().whole(id, asked, message, reason, usage)
        given = answer["choices"][0]["message"]
        if "tool_calls" in given and not given["artifacts"]:
            del given["artifacts"]
        return answer


@breaks("S3/3", also="S4", origin=FROM_THE_CONTRACT_ALONE)
class IsSilentOnceTheTextHasBegun(Plain):
    """S3: "Never more than 2 s between any two SSE events", but this server ends its pings and its progress in words
    with the first piece of the text, so that a pause of the model in mid-text is a silence.
    """

    local = threading.local()

    def chunk(self, fixed: Json, delta: Json) -> Json:
        self.local.begun = self.has_begun() or bool(delta.get("content"))
        return super().chunk(fixed, delta)

    def has_begun(self) -> bool:
        return bool(getattr(self.local, "begun", False))

    def ping(self) -> bytes:
        return b"" if self.has_begun() else super().ping()

    def words(self) -> Json | None:
        return None if self.has_begun() else super().words()


@breaks("S5/3", origin=FROM_THE_CONTRACT_ALONE)
class SendsNullContentBesideReasoning(Plain):
    """S5: "Omit nulls: no `content: null`", but this server sends one in every chunk that has reasoning."""

    def chunk(self, fixed: Json, delta: Json) -> Json:
        return super().chunk(fixed, {"content": None, **delta} if "reasoning_content" in delta else delta)


@breaks("S8/5", origin=FROM_THE_CONTRACT_ALONE)
class ObeysAnIncludeUsageOfFalse(Plain):
    """S8: "Every stream carries `usage` with three integers **exactly once**", but this server sends none where the
    client's `include_usage` is false.
    """

    local = threading.local()

    def usage(self, counted: Json | None, asked: Json, text: str) -> Json:
        self.local.unwanted = (asked.get("stream_options") or {}).get("include_usage") is False
        return super().usage(counted, asked, text)

    def frame(self, chunk: Json) -> bytes:
        unwanted = getattr(self.local, "unwanted", False)
        return super().frame({name: value for name, value in chunk.items() if name != "usage" or not unwanted})


@breaks("S9/3", origin=FROM_THE_CONTRACT_ALONE)
class RepeatsTheTypeOfAToolCall(Plain):
    """S9: "`id`, `type`, `function.name` in the first fragment only", but this server sends `type` in each."""

    def fragment(self, piece: Json) -> Json:
        return {**piece, "type": "function"}


@breaks("S13/3", origin=FROM_THE_CONTRACT_ALONE)
class EndsABrokenTextWithoutAWord(Plain):
    """S13: "A failure later: a text that says so in `content`", but this server ends a stream that already carries
    text as if it were complete when the upstream breaks off.
    """

    local = threading.local()

    def chunk(self, fixed: Json, delta: Json) -> Json:
        self.local.texts = getattr(self.local, "texts", 0) + bool(delta.get("content"))
        return super().chunk(fixed, delta)

    def failed_text(self, failure: str) -> str:
        return "" if getattr(self.local, "texts", 0) else super().failed_text(failure)


@breaks("S14/2", origin=FROM_THE_CONTRACT_ALONE)
class WorksOnWhenTheReaderOfAWholeAnswerLeaves(Plain):
    """S14: "A client that goes away stops the work upstream, at once", but this server sees that for streams only."""

    local = threading.local()

    def stream_headers(self) -> dict[str, str]:
        self.local.streams = True
        return super().stream_headers()

    def watches_client(self) -> bool:
        return bool(getattr(self.local, "streams", False))


@breaks("S15/1", origin=FROM_THE_CONTRACT_ALONE)
class MeasuresTheTimeLimitFromTheLastPieceOfText(Plain):
    """S15: "the competitor ends its answer in good form 10 s before it", but this server's limit for a stream begins
    again with each piece of the text, so that a model that writes slowly is never ended.
    """

    local = threading.local()

    def chunk(self, fixed: Json, delta: Json) -> Json:
        if delta.get("content"):
            self.local.last = time.monotonic()
        return super().chunk(fixed, delta)

    def answer_seconds(self) -> float:
        if not hasattr(self.local, "began"):
            self.local.began = self.local.last = time.monotonic()
        return super().answer_seconds() + float(self.local.last - self.local.began)


@breaks("S13/5", origin=FROM_THE_CONTRACT_ALONE)
class HandsOnTheUpstreamsTooManyRequests(Plain):
    """S16: "in whole mode a normal 200 completion that says so in its text", but this server answers with a 429
    where the upstream did.
    """

    def respond(self, connection: http.client.HTTPConnection, asked: Json) -> http.client.HTTPResponse:
        try:
            return super().respond(connection, asked)
        except UpstreamFailed as error:
            if str(error) == "HTTP 429":
                raise BlockingIOError("the upstream is busy") from error
            raise

    def whole_status(self, text: str) -> int:
        return 429 if text.endswith(self.failed_text(BlockingIOError.__name__)) else super().whole_status(text)


@breaks("N3/3", origin=FROM_THE_CONTRACT_ALONE)
class ReadsMebibytesAsMegabytes(Plain):
    """N3: "request body | 10 MiB", but this server refuses a body of more than 10,000,000 bytes."""

    def check_headers(self, headers: Mapping[str, str], size: int) -> None:
        super().check_headers(headers, size)
        if size > 10_000_000:
            raise Refused(None, "too large", 413)


@breaks("U3/6", origin=FROM_THE_CONTRACT_ALONE)
class CountsNoTokensForTheTextOfAFailure(Plain):
    """U3: "the estimate counts the text that a failure is told in, too", but this server estimates zero tokens for an
    answer that is nothing but such a text.
    """

    def usage(self, counted: Json | None, asked: Json, text: str) -> Json:
        usage = super().usage(counted, asked, text)
        if counted is None and text.startswith(self.failed_text("")):
            usage |= {"completion_tokens": 0, "total_tokens": usage["prompt_tokens"]}
        return usage


@shelved("A1/1", says="", origin=FROM_THE_CONTRACT_ALONE)
class GivesInlineArtifactsNoTimeToLive(Shelf):
    """A1: "Descriptor, all nine fields always", but this server omits `ttl_seconds` where the URL holds the bytes."""

    def descriptor(self, data: bytes, name: str) -> Json:
        item = super().descriptor(data, name)
        if item["url"].startswith("data:"):
            del item["ttl_seconds"]
        return item


@shelved("A3/6", says="", origin=FROM_THE_CONTRACT_ALONE)
class SendsTheModelTheBytesInPartsOfTheHistory(Shelf):
    """A3: "`data:` URLs that come back in the history are replaced by names before an upstream sees them", but this
    server replaces them in contents that are strings, not in lists of parts.
    """

    def content_without_bytes(self, content: Any) -> Any:
        return super().content_without_bytes(content) if isinstance(content, str) else content


@shelved("A4/2", says="", origin=FROM_THE_CONTRACT_ALONE)
class ServesPagesAsPlainText(Shelf):
    """A4: "right `Content-Type`", but this server serves an artifact of the type `text/html` as `text/plain`."""

    def headers(self, item: Json) -> dict[str, str]:
        headers = super().headers(item)
        return {**headers, "Content-Type": "text/plain"} if item["mime_type"] == "text/html" else headers
