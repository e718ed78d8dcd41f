"""Checks of section 5 of CONTRACT.md: the usage that an answer reports."""
# Contract file: replaced by updates.

from ..registry import clause
from ..target import Json, Target, question, require
from .requests import PIXEL

STAND_IN_TOKENS = (11, 5)  # prompt and completion tokens that the stand-in reports by default
BASE64_CHARACTERS = 200_000
MAX_TOKENS_FOR_BASE64 = 5_000  # a tenth of the tokens of as many characters of text


def check_usage(usage: Json | None) -> Json:
    """Requires a usage as in U1: three integers that add up. Returns the usage."""
    require(isinstance(usage, dict), "usage is missing")
    assert isinstance(usage, dict)
    for name in ("prompt_tokens", "completion_tokens", "total_tokens"):
        value = usage.get(name)
        require(isinstance(value, int) and not isinstance(value, bool), f"usage.{name} is not an integer")
    total = usage["prompt_tokens"] + usage["completion_tokens"]
    require(total == usage["total_tokens"], "prompt_tokens and completion_tokens do not add up to total_tokens")
    return usage


def _counted(usage: Json, sentence: str) -> None:
    require(usage["prompt_tokens"] > 0 and usage["completion_tokens"] > 0, sentence)


@clause("U1", remedy="Send prompt_tokens, completion_tokens and total_tokens as integers that add up.")
def three_integers(target: Target) -> None:
    """Usage has three integers that add up, in streamed and in non-streamed answers."""
    check_usage(target.ask().json().get("usage"))
    usages = target.stream().usages
    require(usages, "a stream has no usage")
    check_usage(usages[0])


@clause("U2", remedy="Send cost_usd and sandbox_seconds as numbers, or not at all.")
def optional_numbers(target: Target) -> None:
    """cost_usd and sandbox_seconds are numbers if they are present."""
    for usage in (target.ask().json().get("usage") or {}, *target.stream().usages):
        for name in ("cost_usd", "sandbox_seconds"):
            value = usage.get(name, 0)
            require(isinstance(value, int | float) and not isinstance(value, bool), f"usage.{name} is not a number")


@clause(
    "U3",
    exclusive=True,
    remedy="Ask the upstream for its count; if it sends none, estimate offline and do not count base64 as text.",
)
def true_counts(target: Target) -> None:
    """Usage is the upstream's own count, or else an estimate that is never zero and ignores base64."""
    _counted(check_usage(target.ask().json().get("usage")), "a non-empty text was counted as zero tokens")
    text = {"type": "text", "text": target.prompts.get("uncounted", "Look.")}
    image = {"type": "image_url", "image_url": {"url": PIXEL + "A" * BASE64_CHARACTERS}}
    file: Json = {"name": "a.bin", "mime_type": "application/octet-stream", "content": "A" * BASE64_CHARACTERS}
    file["size"] = BASE64_CHARACTERS * 3 // 4
    for what, part in (("an image", image), ("a file", {"type": "file", "file": file})):
        reply = target.post(question(messages=[{"role": "user", "content": [text, part]}]))
        require(reply.status == 200, f"{what} of 150 KB got the status {reply.status}")
        tokens = check_usage(reply.json().get("usage"))["prompt_tokens"]
        require(tokens < MAX_TOKENS_FOR_BASE64, f"{what} of 150 KB in base64 was counted as text: {tokens} tokens")
    if "uncounted" in target.prompts:
        usage = check_usage(target.ask(target.prompt("uncounted")).json().get("usage"))
        _counted(usage, "when the upstream sends no usage, zero tokens are reported")
    if target.upstream is not None:
        before = len(target.upstream.requests())
        usage = check_usage(target.post(question("how much?")).json().get("usage"))
        seen = target.upstream.requests()
        asked = seen[-1]["body"]
        require((asked.get("stream_options") or {}).get("include_usage"), "the upstream was not asked for its usage")
        # An answer may take several upstream calls. Its usage may count one call or all calls.
        sums = [(STAND_IN_TOKENS[0] * calls, STAND_IN_TOKENS[1] * calls) for calls in range(1, len(seen) - before + 1)]
        reported = (usage["prompt_tokens"], usage["completion_tokens"])
        said = f"the upstream counted {STAND_IN_TOKENS} prompt and completion tokens, but the usage says {reported}"
        require(not sums or reported in sums, said)
