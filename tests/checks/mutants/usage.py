"""Mutants for section 5 of the contract, usage. Each breaks the clause that its decorator names."""

import json
from collections.abc import Iterator

from ..plain_server import Json, Plain
from .registry import BLIND, FROM_THE_CONTRACT_ALONE, OF_THE_CONTRACT, breaks


@breaks("U1/1", says="add up", also="S8 U3")
class CannotAdd(Plain):
    def usage(self, counted: Json | None, asked: Json, text: str) -> Json:
        return {**super().usage(counted, asked, text), "total_tokens": 1}


@breaks("U1/1", says="not an integer", also="S8 U3")
class CountsInHalves(Plain):
    def usage(self, counted: Json | None, asked: Json, text: str) -> Json:
        return {"prompt_tokens": 1.5, "completion_tokens": 1.5, "total_tokens": 3.0}


@breaks("U1/1", also="S8 U3", origin=BLIND)
class AddsUpWrongly(Plain):
    """U1: the three token counts add up, but this server's total is one too high."""

    def usage(self, counted: Json | None, asked: Json, text: str) -> Json:
        usage = super().usage(counted, asked, text)
        return {**usage, "total_tokens": usage["total_tokens"] + 1}


@breaks("U2/1", says="not a number")
class WritesPricesAsText(Plain):
    def usage(self, counted: Json | None, asked: Json, text: str) -> Json:
        return {**super().usage(counted, asked, text), "cost_usd": "0.01"}


@breaks("U2/1", also="S5", origin=OF_THE_CONTRACT)
class PricesTheUnknownAsNull(Plain):
    """U2: cost_usd is a number or absent, but this server sends null."""

    def usage(self, counted: Json | None, asked: Json, text: str) -> Json:
        return {**super().usage(counted, asked, text), "cost_usd": None}


@breaks("U2/1", origin=FROM_THE_CONTRACT_ALONE)
class CostAsAString(Plain):
    """U2: "`cost_usd`, `sandbox_seconds`: numbers, when known", but this server sends a string."""

    def usage(self, counted: Json | None, asked: Json, text: str) -> Json:
        usage = super().usage(counted, asked, text)
        return {**usage, "cost_usd": f"{usage['total_tokens'] * 2e-7:.8f}"}


@breaks("U3/3", says="uncounted: a non-empty text was counted as zero")
class CountsNothingByItself(Plain):
    def usage(self, counted: Json | None, asked: Json, text: str) -> Json:
        return super().usage(counted or {"prompt_tokens": 0, "completion_tokens": 0}, asked, text)


@breaks("U3/2", says="base64 was counted")
class CountsBase64AsText(Plain):
    def usage(self, counted: Json | None, asked: Json, text: str) -> Json:
        return super().usage({"prompt_tokens": len(json.dumps(asked)) // 4, "completion_tokens": 5}, asked, text)


@breaks("U3/4", says="not asked for its usage")
class DoesNotAskForTheCount(Plain):
    def upstream_body(self, asked: Json) -> Json:
        return {name: value for name, value in super().upstream_body(asked).items() if name != "stream_options"}


@breaks("U3/5", origin=OF_THE_CONTRACT)
class TrustsItsOwnEstimate(Plain):
    """U3: the upstream's own count is used, but this server uses its own estimate."""

    def usage(self, counted: Json | None, asked: Json, text: str) -> Json:
        return super().usage(None, asked, text)


@breaks("U3/2", says="base64 was counted as text", origin=FROM_THE_CONTRACT_ALONE)
class EstimatesFromTheWholeJson(Plain):
    """U3: base64 is not text, but this server's estimate counts the base64 of images and files."""

    def usage(self, counted: Json | None, asked: Json, text: str) -> Json:
        prompt = len(json.dumps(asked["messages"])) // 4 + 1
        return super().usage(counted or {"prompt_tokens": prompt, "completion_tokens": len(text) // 4 + 1}, asked, text)


@breaks("U3/4", origin=FROM_THE_CONTRACT_ALONE)
class AsksForUsageOnlyWhenTheClientDid(Plain):
    """U3: "The upstream's own count first (always ask it for it)", but this server asks only if the client asks."""

    def upstream_body(self, asked: Json) -> Json:
        body = super().upstream_body(asked)
        if not (asked.get("stream_options") or {}).get("include_usage"):
            del body["stream_options"]
        return body


@breaks("U1/2", says="not an integer", also="S8 U3")
class StreamsItsCountsAsText(Plain):
    def end(self, fixed: Json, reason: str, usage: Json, apart: bool) -> Iterator[bytes]:
        return super().end(fixed, reason, {**usage, "prompt_tokens": str(usage["prompt_tokens"])}, apart)


@breaks("U3/1", says="counted as zero", also="U3")
class CountsNothingAtAll(Plain):
    def usage(self, counted: Json | None, asked: Json, text: str) -> Json:
        return super().usage({"prompt_tokens": 0, "completion_tokens": 0}, asked, text)


@breaks("U3/6", says="tells the failure was counted as zero")
class CountsNoFailures(Plain):
    def usage(self, counted: Json | None, asked: Json, text: str) -> Json:
        usage = super().usage(counted, asked, text)
        failed = "server failed" in text
        return {**usage, "completion_tokens": 0, "total_tokens": usage["prompt_tokens"]} if failed else usage


@breaks("U3/7", says="the upstream counted \\(1234, 567\\)")
class ReadsUsageInOnePlaceOnly(Plain):
    def usage(self, counted: Json | None, asked: Json, text: str) -> Json:
        return super().usage(None if counted and counted["prompt_tokens"] == 1234 else counted, asked, text)


@breaks("U3/8", says="in all")
class CountsTheFirstTurnTwice(Plain):
    """U3: the upstream's own count, but this server adds the first call of an answer with tools once more."""

    def sum_of(self, turns: list[Json]) -> Json | None:
        return super().sum_of([*turns[:1], *turns] if len(turns) > 1 else turns)
