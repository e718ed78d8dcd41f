"""Cases of section 5 of CONTRACT.md: the usage that an answer reports."""
# Contract file: replaced by updates.

from collections.abc import Iterator
from typing import Any

from ..registry import Source, case, clause
from ..responses import Failed, Json, NotShown, Reply, Stream, judged_by, require
from ..sources.answers import OWN_WORK, PIXEL, answer_for, answers, known, label, streams
from ..sources.upstream import marked
from ..target import PLAIN, Target, question

STAND_IN_TOKENS = (11, 5)  # prompt and completion tokens that the stand-in reports by default
BASE64_CHARACTERS = 200_000
MAX_TOKENS_FOR_BASE64 = 5_000  # a tenth of the tokens of as many characters of text
TOKEN_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")


def check_usage(usage: object) -> Json:
    """Requires a usage as in U1: three integers that add up. Returns the usage."""
    require(isinstance(usage, dict), "usage is missing")
    assert isinstance(usage, dict)
    for name in TOKEN_COUNTS:
        value = usage.get(name)
        require(isinstance(value, int) and not isinstance(value, bool), f"usage.{name} is not an integer")
    total = usage["prompt_tokens"] + usage["completion_tokens"]
    require(total == usage["total_tokens"], "prompt_tokens and completion_tokens do not add up to total_tokens")
    return usage


def usage_of(response: Reply | Stream) -> Json:
    """The usage of a whole or a streamed answer; raises `Failed` if it has none, or a wrong one."""
    if isinstance(response, Reply):
        return check_usage(response.get(dict, "usage"))
    require(response.usages, "a stream has no usage")
    return check_usage(response.usages[0])


clause(
    "U1",
    "Usage has three integers that add up, in streamed and in non-streamed answers.",
    remedy="Send prompt_tokens, completion_tokens and total_tokens as integers that add up.",
)


@case("U1/1", answers("plain", "reasoning", "calls"))
def usage_of_an_answer(reply: Reply) -> None:
    """The usage of a non-streamed answer has three integers that add up."""
    usage_of(reply)


@case("U1/2", streams("plain", "reasoning", "calls"))
def usage_of_a_stream(stream: Stream) -> None:
    """The usage of a stream has three integers that add up."""
    judged_by("S8/1", stream.usages)
    usage_of(stream)


clause(
    "U2",
    "cost_usd and sandbox_seconds are numbers if they are present.",
    remedy="Send cost_usd and sandbox_seconds as numbers, or not at all.",
)


def _optional_numbers(target: Target) -> Iterator[tuple[str, tuple[str, object]]]:
    whole = [("a non-streamed answer", reply.json().get("usage")) for _, reply in answers("plain")(target)]
    streamed = [(what, usage) for what, stream in streams("plain", *OWN_WORK)(target) for usage in stream.usages]
    for what, usage in whole + streamed:
        for name in ("cost_usd", "sandbox_seconds"):
            if isinstance(usage, dict) and name in usage:
                yield what, (name, usage[name])


@case("U2/1", _optional_numbers)
def optional_numbers(given: tuple[str, object]) -> None:
    """cost_usd and sandbox_seconds are numbers if they are present."""
    name, value = given
    require(isinstance(value, int | float) and not isinstance(value, bool), f"usage.{name} is not a number")


clause(
    "U3",
    "Usage is the upstream's own count, or else an estimate that is never zero and ignores base64.",
    remedy="Ask the upstream for its count; if it sends none, estimate offline and do not count base64 as text.",
)


def _counted(source: Source) -> Source:
    """The same source, for a server whose answers have a usage: U1 accuses the others."""

    def counted(target: Target) -> Iterator[tuple[str, Any]]:
        try:
            usage_of(target.ask())
        except Failed as failure:
            raise NotShown(f"an answer to a plain question has no usage that U1 accepts: {failure}") from None
        yield from source(target)

    return counted


def _check_counted(usage: Json) -> None:
    counted = usage["prompt_tokens"] > 0 and usage["completion_tokens"] > 0
    require(counted, "a non-empty text was counted as zero tokens")


@case("U3/1", _counted(answers("plain")))
def never_zero(reply: Reply) -> None:
    """A non-empty text is not counted as zero tokens."""
    _check_counted(usage_of(reply))


def _with_base64(target: Target) -> Iterator[tuple[str, Reply]]:
    text = {"type": "text", "text": target.prompts.get("uncounted", PLAIN)}
    image = {"type": "image_url", "image_url": {"url": PIXEL + "A" * BASE64_CHARACTERS}}
    file: Json = {"name": "a.bin", "mime_type": "application/octet-stream", "content": "A" * BASE64_CHARACTERS}
    file["size"] = BASE64_CHARACTERS * 3 // 4
    for what, part in (("an image", image), ("a file", {"type": "file", "file": file})):
        body = question(messages=[{"role": "user", "content": [text, part]}])
        yield f"{what} of 150 KB", target.post(body)


@case("U3/2", _counted(_with_base64), remedy="Do not count base64 as text.")
def base64_is_not_text(reply: Reply) -> None:
    """The base64 of an image or a file is not counted as text."""
    judged_by("R6/1 or R6/2", reply.status == 200)
    judged_by("U3/3", reply.json().get("usage"))
    tokens = usage_of(reply)["prompt_tokens"]
    require(tokens < MAX_TOKENS_FOR_BASE64, f"its base64 was counted as text: {tokens} tokens")


@case("U3/3", _counted(answers("uncounted")), remedy="Estimate the usage if the upstream sends none.")
def estimated(reply: Reply) -> None:
    """If the upstream sends no usage, the usage is an estimate that is not zero."""
    _check_counted(usage_of(reply))


def _asked_upstream(target: Target) -> Iterator[tuple[str, tuple[Reply, list[Json]]]]:
    """An answer, and the upstream's requests for it."""
    upstream = target.stand_in()
    asked = "How much does this cost?"
    reply = target.ask(asked)
    found = upstream.requests_with(asked)
    if not found:
        raise NotShown("the server answered without asking its upstream, so there is no count of the upstream")
    yield "", (reply, found)


@case("U3/4", _asked_upstream, remedy="Ask the upstream for its count: stream_options.include_usage.")
def count_asked_for(given: tuple[Reply, list[Json]]) -> None:
    """The upstream is always asked for its count."""
    for request in given[1]:
        body = request["body"]
        asked = not body.get("stream") or (body.get("stream_options") or {}).get("include_usage")
        require(asked, "the upstream was not asked for its usage")


@case("U3/5", _counted(_asked_upstream), remedy="Report the upstream's own count.")
def upstream_count(given: tuple[Reply, list[Json]]) -> None:
    """The usage is the upstream's own count."""
    usage, calls = usage_of(given[0]), len(given[1])
    # An answer may take several upstream calls. Its usage may count one call or all calls.
    sums = [(STAND_IN_TOKENS[0] * count, STAND_IN_TOKENS[1] * count) for count in range(1, calls + 1)]
    reported = (usage["prompt_tokens"], usage["completion_tokens"])
    said = f"the upstream counted {STAND_IN_TOKENS} prompt and completion tokens, but the usage says {reported}"
    require(reported in sums, said)


def _failed_at_once(target: Target) -> Iterator[tuple[str, Reply]]:
    for name in known(target, ("fails", "html", "garbage")):
        yield label(name), answer_for(target, name)


@case("U3/6", _counted(_failed_at_once), remedy="Count the text that tells the failure, too.")
def failures_counted(reply: Reply) -> None:
    """The text in which a failure is told is counted."""
    require(reply.status == 200, f"it got the status {reply.status}")
    require(usage_of(reply)["completion_tokens"] > 0, "the text that tells the failure was counted as zero tokens")


@case(
    "U3/7", _counted(answers("usage_in_choice", "usage_in_x_groq")), remedy="Read usage wherever real servers put it."
)
def usage_elsewhere(reply: Reply) -> None:
    """The upstream's count is read from `choices[0].usage` and from `x_groq.usage` too."""
    usage = usage_of(reply)
    reported = (usage["prompt_tokens"], usage["completion_tokens"])
    require(reported == (1234, 567), f"the upstream counted (1234, 567), but the usage says {reported}")


FIRST_TURN, LATER_TURN = (11, 2), (11, 5)  # what the stand-in counts in the turns of the prompt own_tool


def _with_turns(target: Target) -> Iterator[tuple[str, tuple[Reply, int]]]:
    """An answer for which the server used a tool of its own, and the number of its upstream calls."""
    prompt, mark = marked(target.prompt("own_tool"))
    reply = target.post(question(prompt))
    turns = len(target.stand_in().requests_with(mark))
    if turns < 2:
        raise NotShown("the server offers its model no tool of its own for this prompt")
    yield f"with {turns} upstream calls", (reply, turns)


@case("U3/8", _counted(_with_turns), remedy="Add up the counts of all upstream calls, each once.")
def turns_counted_once(given: tuple[Reply, int]) -> None:
    """No upstream call of an answer is counted twice."""
    usage, turns = usage_of(given[0]), given[1]
    most = (FIRST_TURN[0] + LATER_TURN[0] * (turns - 1), FIRST_TURN[1] + LATER_TURN[1] * (turns - 1))
    reported = (usage["prompt_tokens"], usage["completion_tokens"])
    said = f"the upstream counted {most} prompt and completion tokens in all, but the usage says {reported}"
    require(reported[0] <= most[0] and reported[1] <= most[1], said)
