"""Checks of section 5 of CONTRACT.md: what an answer cost."""
# Contract file: replaced by updates.

from ..registry import clause
from ..target import Json, Target, question, require
from .requests import PIXEL

COUNT = (11, 5)  # what the stand-in says of every answer that its prompt says nothing else of
LARGE = 200_000  # characters of base64
FEW = 5_000  # tokens; as text it would be ten times as many


def counted(usage: Json | None) -> Json:
    """U1: three integers that add up."""
    require(isinstance(usage, dict), "usage is missing")
    assert isinstance(usage, dict)
    for name in ("prompt_tokens", "completion_tokens", "total_tokens"):
        value = usage.get(name)
        require(isinstance(value, int) and not isinstance(value, bool), f"usage.{name} is not an integer")
    require(usage["prompt_tokens"] + usage["completion_tokens"] == usage["total_tokens"], "usage does not add up")
    return usage


@clause("U1", remedy="Send prompt_tokens, completion_tokens and total_tokens as integers that add up.")
def three_integers(target: Target) -> None:
    """Three integers that add up, in both modes."""
    counted(target.ask().json().get("usage"))
    usages = target.stream().usages
    require(usages, "a stream has no usage")
    counted(usages[0])


@clause("U2", remedy="Send cost_usd and sandbox_seconds as numbers, or not at all.")
def optional_numbers(target: Target) -> None:
    """cost_usd and sandbox_seconds are numbers where they stand."""
    for usage in (target.ask().json().get("usage") or {}, *target.stream().usages):
        for name in ("cost_usd", "sandbox_seconds"):
            value = usage.get(name, 0)
            require(isinstance(value, int | float) and not isinstance(value, bool), f"usage.{name} is not a number")


@clause(
    "U3",
    alone=True,
    remedy="Ask the upstream for its count; estimate without a network where there is none; skip base64.",
)
def true_counts(target: Target) -> None:
    """No zero for a text, no base64 counted as text, and the upstream's own count first."""
    usage = counted(target.ask().json().get("usage"))
    require(usage["prompt_tokens"] > 0 and usage["completion_tokens"] > 0, "a text was counted as zero tokens")
    text = {"type": "text", "text": target.prompts.get("uncounted", "Look.")}
    image = {"type": "image_url", "image_url": {"url": PIXEL + "A" * LARGE}}
    file = {"name": "a.bin", "mime_type": "application/octet-stream", "content": "A" * LARGE, "size": LARGE * 3 // 4}
    for what, part in (("an image", image), ("a file", {"type": "file", "file": file})):
        reply = target.post(question(messages=[{"role": "user", "content": [text, part]}]))
        require(reply.status == 200, f"{what} of 150 KB got {reply.status}")
        tokens = counted(reply.json().get("usage"))["prompt_tokens"]
        require(tokens < FEW, f"{what} of 150 KB in base64 was counted as text: {tokens} tokens")
    if "uncounted" in target.prompts:
        usage = counted(target.ask(target.prompt("uncounted")).json().get("usage"))
        require(
            usage["prompt_tokens"] > 0 and usage["completion_tokens"] > 0,
            "without a count of the upstream, zero is sent",
        )
    if target.upstream is not None:
        before = len(target.upstream.requests())
        usage = counted(target.post(question("how much?")).json().get("usage"))
        seen = target.upstream.requests()
        asked = seen[-1]["body"]
        require((asked.get("stream_options") or {}).get("include_usage"), "the upstream was not asked for its count")
        # One answer may take several calls, of which one or all were counted.
        sums = [(COUNT[0] * calls, COUNT[1] * calls) for calls in range(1, len(seen) - before + 1)]
        told = (usage["prompt_tokens"], usage["completion_tokens"])
        require(not sums or told in sums, f"the upstream counted {COUNT} tokens, and the usage says {told}")
