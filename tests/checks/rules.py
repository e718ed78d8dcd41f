"""The rules in sections 1 to 9 of CONTRACT.md. Each is a quotation, with the cases that look at it or why none can.

`python -m tests.checks.rules` writes the table in docs/rules.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from .. import template_path

# Why no case looks at a rule.
CALLERS = "it says what callers do, not what a competitor must do"
WHY = "it gives the reason for another rule"
OWN_MACHINE = "it needs a second machine, or an address of this one that is not local"
INSIDE = "a running server does not show it; the tests of the template do"
IMAGE = "it is about the image; `make test-image` of the template looks at it"
LOAD = "it needs more connections than a check should open; `make test-load` of the template opens them"
FORM = "it is about files of the repo; `competitor submission` looks at them"
OTHER = "it is the rule of another clause"


@dataclass(frozen=True)
class Rule:
    """A rule. Either `cases` names the cases that look at it, separated by spaces, or `why_none` says why none does."""

    quotation: str
    cases: str = ""
    why_none: str = ""


RULES = (
    # Section 1
    Rule("JSON in; JSON out", "E1/1 E1/2"),
    Rule("SSE with `stream: true`", "E1/3 E1/4"),
    Rule("callers follow no redirects", "E1/1"),
    Rule('200 and a JSON body with `"status": "ok"`', "E2/1"),
    Rule("plus `version`, `uptime_seconds`, `contract_version`", "E2/2"),
    Rule("No key or upstream may be needed to be healthy", "E2/3 E9/1"),
    Rule("OpenAI list", "E3/1 E3/2"),
    Rule("the seed's open question", why_none=WHY),
    Rule("Prometheus text", "E4/1"),
    Rule("JSON when asked with `Accept: application/json`", "E4/3"),
    Rule("Requests, errors, in-flight, TTFT", "E4/2 E4/4 E4/5 E4/6"),
    Rule("404, as if it did not exist", "E5/1 E5/2"),
    Rule("loopback peers and those of `JANUS_DEBUG_ALLOW`", why_none=OWN_MACHINE),
    Rule("`Host` checked", "E5/3"),
    Rule("may refuse a foreign `Host` and cross-site requests", why_none="it allows something; no case forbids it"),
    Rule("What a gateway proxies for a request", "E6/1 E6/2"),
    Rule("Plain `data:` frames only", "E6/3"),
    Rule("without `timestamp` or `type` a reader drops the event", "E6/4"),
    Rule("words that the platform's flow view knows", "E6/5"),
    Rule("a file's or artifact's name stands in `data.filename`", "E6/6"),
    Rule("A second request with an id that is in use", "E6/7"),
    Rule("Any peer while debug is on", why_none=OWN_MACHINE),
    Rule("one of `JANUS_DEBUG_HOSTS`", "E6/8"),
    Rule("404 else", "E6/1 E6/8"),
    Rule("Artifact bytes; see 6", "E7/1 E7/2"),
    Rule("everything configured by environment variables", "E8/1"),
    Rule("A container started with no environment at all", "E9/1 E9/2"),
    Rule("are answers of the template", why_none=IMAGE),
    Rule("The offline model serves a request only when no upstream can", "E9/3 E9/4"),
    Rule("It says so in its text", "E9/3"),
    Rule("a backend that names a model for one call gets that model", why_none=INSIDE),
    # Section 2
    Rule("Real callers send the fields below", "R1/1"),
    Rule("Unknown fields are ignored", "R1/2 R1/3"),
    Rule("Known fields with a wrong type or out of range", "R2/1 R2/2 R2/3"),
    Rule("required string", "R3/3"),
    Rule("any name is accepted", "R3/1 R3/2"),
    Rule("required, at least one", "R4/1"),
    Rule("accept `developer` as `system`", "R4/2 R4/3"),
    Rule("string, list of parts, null or **absent**", "R5/1 R5/2 R5/3 R5/4 R5/5"),
    Rule("| `text`;", "R5/3 R5/5"),
    Rule("`image_url` `{url, detail}`", "R6/1"),
    Rule("`file` `{name, mime_type, content, size}`", "R6/2 R6/4"),
    Rule("Another type: 400 that names it", "R6/3"),
    Rule("`refusal` in an assistant's message is accepted", "R6/5"),
    Rule("the 400 names the place", "R6/6"),
    Rule("`detail` is passed on unchanged", "R6/7"),
    Rule("`messages[].tool_calls`, `tool_call_id`, `name`, `artifacts`", "R4/2 R1/6"),
    Rule("`artifacts` may come back in history", "R1/5"),
    Rule("accepted in the history, and passed on where the upstream wants it back", "R1/6 R9/5"),
    Rule("`temperature` 0..2, `top_p` 0..1", "R1/1 R2/2"),
    Rule("| `stream` | absent, null, true, false |", "E1/1 R2/1"),
    Rule("`stream_options.include_usage`", "S8/3 S8/4 S8/5"),
    Rule("OpenAI shape", "R2/1 R7/1"),
    Rule("dedupe before any upstream sees them", "R7/1 R7/5"),
    Rule("A forced `tool_choice` is honoured", "R7/2 R7/3 R7/4 R7/6 R7/7"),
    Rule("`allowed_tools`, too", "R7/8 R7/9"),
    Rule("a tool of type `custom` is a 400 that says so", "R7/10"),
    Rule("| `response_format` | `text`, `json_object`, `json_schema` |", "R1/4"),
    Rule("`enable_memory`, `debug`, `browser_session_id` | accepted", "R1/1"),
    Rule("are always present from a gateway", why_none=CALLERS),
    Rule("five booleans", "R1/1 R2/1"),
    Rule("used as the upstream's key only for hosts of the platform", "R8/4 R8/5"),
    Rule("never logged, never shown by `/debug`, never echoed", "R8/1 R8/2 R8/3"),
    Rule("a token of fewer than 8 characters", "R8/6"),
    Rule("a `tool` message needs its `tool_call_id`", "R5/6"),
    Rule("The Janus extras (from `user_id` down) and unknown fields stop here", "R9/3"),
    Rule("go on to the upstream as they came", "R9/2"),
    Rule("`n` above 1 is a 400", "R9/1"),
    Rule("are handed to the client with the call, taken from its history, and sent back", "R9/4 R9/6"),
    Rule("Measured: LiteLLM and plain relays", why_none=WHY),
    Rule("Headers that arrive", why_none=CALLERS),
    Rule("Echo the first two", "R10/1 R10/2"),
    Rule("`Authorization` does not arrive", why_none=CALLERS),
    Rule("never compress SSE", "R10/3"),
    # Section 3
    Rule('`id, object: "chat.completion"', "W1/1 W1/2"),
    Rule("`id` is `X-Request-Id` when it matches", "W1/3 W1/4 W1/5"),
    Rule("`role, content, reasoning_content, tool_calls?, artifacts`", "W2/1 W2/2 W2/3 W2/4"),
    Rule("`finish_reason`: `stop`, `length`, `tool_calls`, `content_filter`", "W3/1 W3/2 W3/3"),
    Rule("A gateway turns a missing `display_name`", why_none=WHY),
    # Section 4
    Rule("`Content-Type: text/event-stream`", "E1/3"),
    Rule("`Cache-Control: no-cache`", "E1/5"),
    Rule("`X-Accel-Buffering: no`", "E1/5"),
    Rule("a blank line after it, at the end `data: [DONE]` and nothing more", "S12/1 S12/2 S12/3"),
    Rule("First chunk: the role, at once", "S1/1 S1/2"),
    Rule("delta within 2 s", "S2/1 S2/2"),
    Rule("The benchmark aborts at 5 s", why_none=WHY),
    Rule("Never more than 2 s between any two SSE events", "S3/1 S3/2 S3/3"),
    Rule("`: ping` about every second of silence", "S3/2 S3/3"),
    Rule("progress in words, not only pings", "S4/1"),
    Rule("Omit nulls", "S5/1 S5/2 S5/3"),
    Rule("Same `id`, `model`, `created` in all chunks", "S6/1 S6/2 S6/3 S6/4"),
    Rule("Exactly one chunk with a `finish_reason`", "S7/1 S7/2"),
    Rule("Every stream carries `usage` with three integers **exactly once**", "S8/1 S8/2 S8/3 S8/4 S8/5 S8/6"),
    Rule("`ChatOpenAI` adds up what comes twice", why_none=WHY),
    Rule("integer `index` always", "S9/1"),
    Rule("in the first fragment only", "S9/2 S9/3"),
    Rule("`arguments` are string pieces of one JSON object", "S9/4"),
    Rule("`tool_calls` only for tools that **the client** sent", "S10/1 S10/2 S9/5"),
    Rule("Tools that the competitor runs", "S10/1"),
    Rule("JSON is ASCII-escaped", "S11/1 S11/2 S11/3"),
    Rule("No `event:`, `id:`, `retry:` lines", "S12/1"),
    Rule("Once a stream request is accepted the status is 200", "S13/1"),
    Rule("A failure later: a text that says so", "S13/1 S13/2 S13/3 S13/4"),
    Rule("kills a benchmark run through a gateway", why_none=WHY),
    Rule("A client that goes away stops the work upstream", "S14/1 S14/2"),
    Rule("the competitor ends its answer in good form 10 s before it", "S15/1 S15/2 S15/3"),
    Rule("is refused before the stream starts: 400, 413 or 415", "S16/1 S16/2 S16/4 S16/7 S16/8"),
    Rule("the message names the field", "S16/3"),
    Rule("is told to be no JSON", "S16/6"),
    Rule("never a 200 that carries an error frame", "S16/5"),
    Rule("in whole mode a normal 200 completion", "S13/5 E4/6"),
    Rule("with E one of `tool_start`", "S17/1 S17/3 S17/4"),
    Rule("The first four go with a `reasoning_content`", "S17/2"),
    Rule("Every start has its end", "S17/5"),
    Rule("**in a chunk of its own**", "S18/1 S18/2"),
    Rule("carries an integer `index` that runs over the stream", "S18/3"),
    # Section 5
    Rule("integers that add up", "U1/1 U1/2"),
    Rule("numbers, when known", "U2/1"),
    Rule("The upstream's own count first (always ask it for it)", "U3/4 U3/5"),
    Rule("else an estimate that needs no network", "U3/3"),
    Rule("zero is never right for a non-empty text", "U3/1 U3/3"),
    Rule("base64 is not text", "U3/2"),
    Rule("the estimate counts the text that a failure is told in", "U3/6"),
    Rule("usage in any place where real servers put it", "U3/7"),
    # Section 6
    Rule("Descriptor, all nine fields always", "A1/1 A1/2 A1/3"),
    Rule("Small ones: a base64 `data:` URL", "A2/2 A2/3 A2/4"),
    Rule("Larger: an absolute `http(s)` URL", "A2/1 A2/5 A2/6"),
    Rule("Relative URLs break", "A2/1"),
    Rule("Whole mode: `message.artifacts`", "A3/2"),
    Rule("Stream: the `artifacts` event", "A1/1 S18/2"),
    Rule("`content` links to the same URL in markdown", "A3/1 A3/3 A3/4"),
    Rule("are replaced by names before an upstream sees them", "A3/5 A3/6"),
    Rule("exact length, hash equal to `sha256`", "A4/1 A4/2"),
    Rule("`Content-Disposition`, `ETag`, `HEAD` and `Range`", "A4/3 A4/4 A4/5 A4/6 A4/7 A4/12"),
    Rule("unguessable or signed URLs", "A4/8 A4/10"),
    Rule("after the TTL 404 or 410 and the bytes are gone", "A4/11"),
    Rule("no traversal", "A4/9"),
    Rule("size and total limits with a clear error", why_none=INSIDE),
    Rule("Several replicas share one object store", "A5/1"),
    Rule("leaves as a PNG that fits inline", "A6/1"),
    # Section 7
    Rule("30 s at most by the contract", "N1/1"),
    Rule("2 at least by the contract", "N2/1 N2/2 N2/3"),
    Rule("503 with `Retry-After` only beyond 2,500", why_none=LOAD),
    Rule("<= 2 s; benchmark items target", "S2/1 S2/2"),
    Rule("| gap | <= 2 s |", "S3/1 S3/2 S3/3"),
    Rule("300 s at the callers; ours ends 10 s earlier", "S15/2"),
    Rule("10 MiB, configurable", "N3/1"),
    Rule("at most 200,000 JSON values", "N3/2"),
    Rule("64 KiB and 200 fields", "N4/1 N4/2"),
    Rule("never become header fields", "N4/3"),
    Rule("an `Upgrade` that is not supported is ignored", "N4/4"),
    Rule("together at most 128 MiB", why_none="the system's buffers hold about as much as the limit; " + INSIDE),
    Rule("1,000,000 bytes at most, 180,000 by default", "A2/3"),
    Rule("must fit 2 CPU, 4 GiB", why_none=LOAD),
    Rule("< 500 MB, non-root, linux/amd64", why_none=IMAGE),
    # Section 8
    Rule("No outbound internet but the platform's services", "X1/1 X1/2"),
    Rule("images (`image.chutes.ai`", "X1/3"),
    Rule("speech (`chutes-kokoro.chutes.ai`", "X1/4"),
    Rule("Every base URL comes from an environment variable", "X2/1 X2/2"),
    Rule("also by a setting of the owner's own backend", why_none=INSIDE),
    Rule("A user's token leaves by `https` only", why_none=OWN_MACHINE),
    Rule(
        "falls back to the other when the first cannot be reached", why_none="it needs the platform's hosts; " + INSIDE
    ),
    Rule("The Sandy sandbox API is another sandbox", why_none=INSIDE),
    Rule("Names in use for variables", "X2/1 X2/2 E8/1 S15/1 A2/6 A5/1"),
    Rule("Accept them where they mean the same thing", "X2/1 X2/2"),
    # Section 9
    Rule("`submission.yaml`: `name`", why_none=FORM),
    Rule("Reviewed: the image can be pulled", why_none=FORM),
    Rule("Must be open: code", why_none=FORM),
    Rule("May stay private: keys", why_none=FORM),
    Rule("Versions are pinned", why_none=FORM),
)


def table() -> str:
    """The rules with their cases, as a table in Markdown."""
    return "".join(_lines())


def _lines() -> Iterator[str]:
    yield "| Rule, by its words in CONTRACT.md | Cases |\n| --- | --- |\n"
    for rule in RULES:
        words = rule.quotation.strip("| ").replace("|", "\\|")
        yield f"| {words} | {rule.cases or f'none: {rule.why_none}'} |\n"


def page() -> str:
    """The text of docs/rules.md."""
    looked = sum(bool(rule.cases) for rule in RULES)
    return (
        "# From rule to case\n\n"
        f"The contract has {len(RULES)} rules in its sections 1 to 9; cases of `competitor check` look at {looked}.\n"
        "`python -m competitor check --list --contract 1.1.0` says what each case looks at. `make tables` writes this\n"
        f"page.\n\n{table()}"
    )


if __name__ == "__main__":
    (template_path.TEMPLATE / "docs" / "rules.md").write_text(page(), encoding="utf-8")
