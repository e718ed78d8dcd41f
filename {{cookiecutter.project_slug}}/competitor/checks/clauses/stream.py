"""Cases of section 4 of CONTRACT.md: the times and the form of a stream. See also the other files of this section."""
# Contract file: replaced by updates.

import json
from itertools import pairwise

from ..registry import case, clause
from ..responses import Json, Stream, judged_by, require, require_in_time
from ..sources.answers import CALLS, FAULTS, KINDS, OWN_WORK, SILENCES, streams
from .usage import check_usage
from .whole_response import REASONS

FIRST_WORD_SECONDS = 2.0
GAP_SECONDS = 2.0
FIRST_CHUNK_SECONDS = 1.0
MAX_SECONDS_WITHOUT_WORDS = 3.5  # S4 sets no limit; words every 3 s are enough
WORD_FIELDS = ("reasoning_content", "content")
ENDINGS = ("plain", "odd_finish", *CALLS, *FAULTS, *OWN_WORK)  # the ways in which a stream can end
INCLUDE_USAGE = {"include_usage": True}


def check_completed(stream: Stream, what: str = "the stream") -> None:
    """Requires status 200 and a complete stream. Checks that read the content of a stream call this first."""
    require(stream.status == 200, f"{what} has the status {stream.status}")
    require(not stream.cut, f"{what} was cut off ({stream.cut})")
    require(stream.done, f"{what} has no [DONE]")


def well_formed(stream: Stream, what: str = "the stream") -> None:
    """Requires what every stream must have, even if the upstream fails.

    That is status 200, one finish_reason, one usage, some text, and `[DONE]` as the last line.
    """
    require(stream.status == 200, f"{what} has the status {stream.status}")
    require(not stream.cut, f"{what} was cut off ({stream.cut})")
    require(stream.data and stream.data[-1][1] == b"[DONE]", f"{what} does not end with [DONE]")
    require(len(stream.data) == len(stream.chunks) + 1, f"{what} has [DONE] more than once")
    require(len(stream.finish_reasons) == 1, f"{what} has {len(stream.finish_reasons)} finish reasons")
    require(len(stream.usages) == 1, f"{what} has {len(stream.usages)} usages")
    said = stream.text or stream.reasoning or stream.fragments
    require(said, f"{what} has neither text nor reasoning nor a tool call")


def _has_words(text: object) -> bool:
    """Returns whether a text has letters or digits, because dots or dashes alone do not tell a reader anything."""
    return isinstance(text, str) and any(map(str.isalnum, text))


clause(
    "S1",
    "The first chunk has the role and is sent at once.",
    remedy="Send a chunk with the role assistant first, as soon as the request is accepted.",
)


@case("S1/1", streams(*KINDS))
def role_first(stream: Stream) -> None:
    """The first chunk has the role `assistant`."""
    require(stream.choices and stream.chunks[0][1].get("choices"), "the first chunk has no choices")
    delta = stream.choices[0][1].get("delta")
    require(isinstance(delta, dict) and delta.get("role") == "assistant", "the first delta has no role")


@case("S1/2", streams("plain", "silence_first"))
def role_at_once(stream: Stream) -> None:
    """The first chunk is sent at once, even if the upstream is silent."""
    at = stream.chunks[0][0]
    require_in_time(at, FIRST_CHUNK_SECONDS, f"the first chunk came after {at:.1f} s")


clause(
    "S2",
    "The first content, reasoning or tool call comes within 2 s, even if the upstream is silent.",
    remedy="Send a word of reasoning before the model's first token: ideally within 500 ms, always within 2 s.",
)


def _check_first_word(stream: Stream) -> None:
    at = stream.first_word
    require(at is not None, "no first word came")
    require_in_time(at or 0.0, FIRST_WORD_SECONDS, f"the first word came after {at:.1f} s")


@case("S2/1", streams("plain", *OWN_WORK))
def first_word(stream: Stream) -> None:
    """The first content, reasoning or tool call comes within 2 s."""
    _check_first_word(stream)


@case("S2/2", streams("silence_first"))
def first_word_in_a_silence(stream: Stream) -> None:
    """The first content, reasoning or tool call comes within 2 s while the upstream is silent."""
    _check_first_word(stream)


clause(
    "S3",
    "There are never more than 2 s between two events, even while the upstream is silent.",
    remedy="Send a comment (`: ping`) about every second of silence.",
)


def _check_gaps(stream: Stream) -> None:
    require_in_time(stream.largest_gap, GAP_SECONDS, f"a gap of {stream.largest_gap:.1f} s")


@case("S3/1", streams("plain", "bursts", *OWN_WORK))
def no_gap(stream: Stream) -> None:
    """There are never more than 2 s between two events."""
    _check_gaps(stream)


@case("S3/2", streams("silence_first"))
def no_gap_before_the_first_token(stream: Stream) -> None:
    """There are never more than 2 s between two events while the upstream has not begun to answer."""
    _check_gaps(stream)


@case("S3/3", streams("silence"))
def no_gap_between_tokens(stream: Stream) -> None:
    """There are never more than 2 s between two events while the upstream is silent in the middle of its answer."""
    _check_gaps(stream)


clause(
    "S4",
    "reasoning_content continues during a long silence of the upstream.",
    remedy="During a long step, say in reasoning_content every 2 s what is being done; pings are not enough.",
)


@case("S4/1", streams(*SILENCES))
def progress_in_words(stream: Stream) -> None:
    """Words of reasoning or text continue during a long silence of the upstream."""
    times = [at for at, delta in stream.deltas if any(_has_words(delta.get(name)) for name in WORD_FIELDS)]
    longest = max((after - before for before, after in pairwise([0.0, *times, stream.seconds])), default=0.0)
    require(times, "no word was sent")
    said = f"no word was sent for {longest:.1f} s while the upstream was silent"
    require_in_time(longest, MAX_SECONDS_WITHOUT_WORDS, said)


clause(
    "S5",
    "No field of a chunk is null, not even `usage`.",
    remedy="Omit a field instead of sending null; in particular, never send usage: null.",
)


@case("S5/1", streams(*KINDS))
def no_null_usage(stream: Stream) -> None:
    """`usage` is never null."""
    require(all(chunk.get("usage", 0) is not None for _, chunk in stream.chunks), "usage is null")


@case("S5/2", streams("plain", "calls", stream_options=INCLUDE_USAGE))
def no_null_usage_if_asked(stream: Stream) -> None:
    """With include_usage, `usage` is never null either."""
    require(all(chunk.get("usage", 0) is not None for _, chunk in stream.chunks), "usage is null")


@case("S5/3", streams(*KINDS))
def no_null_in_a_delta(stream: Stream) -> None:
    """No field of a delta is null."""
    nulls = dict.fromkeys(name for _, delta in stream.deltas for name, value in delta.items() if value is None)
    require(not nulls, f"{', '.join(nulls)} is null")


clause(
    "S6",
    "All chunks of a stream have the same id, model and created.",
    remedy="Choose id, model and created once for each stream.",
)


def _check_same(stream: Stream, name: str) -> None:
    values = {json.dumps(chunk.get(name)) for _, chunk in stream.chunks}
    require("null" not in values, f"{name} is missing in a chunk")
    require(len(values) == 1, f"{name} has {len(values)} values")


@case("S6/1", streams(*KINDS))
def same_id(stream: Stream) -> None:
    """All chunks of a stream have the same id."""
    _check_same(stream, "id")


@case("S6/2", streams(*KINDS))
def same_model(stream: Stream) -> None:
    """All chunks of a stream have the same model."""
    _check_same(stream, "model")


@case("S6/3", streams(*KINDS))
def same_created(stream: Stream) -> None:
    """All chunks of a stream have the same `created`."""
    _check_same(stream, "created")


@case("S6/4", streams("plain"), remedy="Send the request's model name as `model` in every chunk.")
def model_of_the_request(stream: Stream) -> None:
    """The model in a stream is the one in the request."""
    model = stream.chunks[0][1].get("model")
    require(model == stream.request.json["model"], "the model is not the one in the request")


clause(
    "S7",
    "Exactly one chunk has a finish_reason.",
    remedy="Send a finish_reason in exactly one chunk.",
)


@case("S7/1", streams(*ENDINGS))
def one_finish(stream: Stream) -> None:
    """Exactly one chunk has a finish_reason."""
    require(len(stream.finish_reasons) == 1, f"{len(stream.finish_reasons)} chunks have a finish_reason")


@case("S7/2", streams(*ENDINGS), remedy=f"Send one of {', '.join(REASONS)} as finish_reason.")
def allowed_finish(stream: Stream) -> None:
    """The finish_reason is one of the four allowed values."""
    judged_by("S7/1", stream.finish_reasons)
    for reason in stream.finish_reasons:
        require(reason in REASONS, f"the finish_reason is {str(reason)[:40]!r}")


clause(
    "S8",
    "Every stream has its usage exactly once, in the right chunk.",
    remedy="Send usage once: on the finish chunk or, if include_usage is set, in a chunk with `choices: []`.",
)


def _finish_chunk(stream: Stream) -> Json:
    """The chunk with the finish_reason; an empty object if there is none."""
    finished = (
        chunk
        for _, chunk in stream.chunks
        for choice in chunk.get("choices") or ()
        if isinstance(choice, dict) and choice.get("finish_reason")
    )
    return next(finished, {})


@case("S8/1", streams(*ENDINGS))
def usage_once(stream: Stream) -> None:
    """A stream has its usage exactly once."""
    require(len(stream.usages) == 1, f"a stream has {len(stream.usages)} usages")


@case("S8/2", streams(*ENDINGS))
def usage_at_the_finish(stream: Stream) -> None:
    """Without include_usage, the usage is on the chunk with the finish_reason."""
    judged_by("S8/1", stream.usages)
    require(_finish_chunk(stream).get("usage"), "the usage is not on the finish chunk")


@case("S8/3", streams("plain", *CALLS, *OWN_WORK, "fails", stream_options=INCLUDE_USAGE))
def usage_once_if_asked(stream: Stream) -> None:
    """With include_usage, a stream has its usage exactly once too."""
    require(len(stream.usages) == 1, f"with include_usage a stream has {len(stream.usages)} usages")


@case("S8/4", streams("plain", *CALLS, *OWN_WORK, "fails", stream_options=INCLUDE_USAGE))
def usage_apart_if_asked(stream: Stream) -> None:
    """With include_usage, the usage is on the last chunk, whose `choices` are an empty list."""
    judged_by("S8/3", stream.usages)
    last = stream.chunks[-1][1]
    alone = last.get("choices") == [] and last.get("usage")
    require(alone, "with include_usage the last chunk does not have choices [] and usage")


@case("S8/5", streams("plain", stream_options={"include_usage": False}))
def usage_if_declined(stream: Stream) -> None:
    """With `include_usage: false`, the usage is on the chunk with the finish_reason, exactly once."""
    require(len(stream.usages) == 1, f"with include_usage: false a stream has {len(stream.usages)} usages")
    require(_finish_chunk(stream).get("usage"), "with include_usage: false the usage is not on the finish chunk")


@case("S8/6", streams(*ENDINGS))
def usage_is_complete(stream: Stream) -> None:
    """The usage in a stream has three integers that add up."""
    judged_by("S8/1", stream.usages)
    for usage in stream.usages:
        check_usage(usage)


clause(
    "S11",
    "The JSON is ASCII, and line separators in the text are not lost.",
    remedy="Escape all non-ASCII characters in the JSON of a chunk.",
)


@case("S11/1", streams("plain", "separators", *OWN_WORK))
def ascii_json(stream: Stream) -> None:
    """The lines of a stream have only ASCII characters."""
    require(all(line.isascii() for _, line in stream.lines), "a line has unescaped characters beyond ASCII")


@case("S11/2", streams("calls_separators"))
def ascii_arguments(stream: Stream) -> None:
    """The arguments of tool calls are escaped to ASCII too."""
    require(all(line.isascii() for _, line in stream.lines), "a line has unescaped characters beyond ASCII")


@case("S11/3", streams("separators"))
def separators_kept(stream: Stream) -> None:
    """Line separators in the model's text reach the client."""
    for mark in ("\u2028", "\u2029", "\u0085"):
        require(mark in stream.text, f"U+{ord(mark):04X} of the model's text was lost")


clause(
    "S12",
    "A stream consists of one-line data: frames and comments, and ends with [DONE].",
    remedy="Send only `data:` fields and comments, each as a single line followed by a blank line.",
)


@case("S12/1", streams(*KINDS))
def plain_frames(stream: Stream) -> None:
    """Every line of a stream is a `data:` line or a comment."""
    for _, line in stream.lines:
        framed = not line or line.startswith((b"data: ", b":"))
        require(framed, f"a line is neither data: nor a comment: {line[:30]!r}")


@case("S12/2", streams(*KINDS))
def blank_lines(stream: Stream) -> None:
    """A blank line follows every `data:` line and every comment."""
    lines = [line for _, line in stream.lines]
    for line, following in zip(lines, [*lines[1:], b""], strict=True):
        require(not line or not following, f"no blank line after {line[:30]!r}")


@case("S12/3", streams(*KINDS), remedy="End every stream with `data: [DONE]`, and send nothing after it.")
def done_last(stream: Stream) -> None:
    """The last line of every stream is `data: [DONE]`, and nothing comes after it."""
    require(stream.done, "the stream has no [DONE]")
    lines = [line for _, line in stream.lines if line]
    require(lines[-1] == b"data: [DONE]", f"after [DONE] comes {lines[-1][:40]!r}")
    require(lines.count(b"data: [DONE]") == 1, "the stream has [DONE] more than once")
