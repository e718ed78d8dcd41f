"""SVG drawings for the report: the events of a stream on a time line, and a histogram of gaps.
Contract file: replaced by updates.

The drawings contain only numbers and fixed words, no text from a server. Lines that cannot be parsed are left out.
"""

import json
from collections.abc import Sequence
from itertools import pairwise

from ..figures import gaps
from ..responses import Json, Stream

LANES = ("pings", "reasoning", "text", "calls", "events", "artifacts", "end")
WORD_LANES = ("reasoning", "text", "calls")
LEFT, WIDTH, RIGHT, LANE, TOP, BOTTOM = 78.0, 860.0, 22.0, 22.0, 32.0, 24.0
MIN_SECONDS_DRAWN = 2.5  # so that every drawing shows the limit of 2 s
LIMIT_SECONDS = 2.0  # for the first word and for each gap (S2, S3)
AXIS_STEPS_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
MAX_AXIS_MARKS = 10
BUCKETS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)
BUCKET_NAMES = ("5 ms", "10", "20", "50", "100", "200", "500", "1 s", "2 s", "more")


def moments(stream: Stream) -> list[tuple[float, str]]:
    """The events of a stream: for each, the time in seconds and the lane to draw it in."""
    return [(at, lane) for at, line in stream.lines for lane in _lanes(line)]


def _lanes(line: bytes) -> list[str]:
    if line.startswith(b":"):
        return ["pings"]
    if line.strip() == b"data: [DONE]":
        return ["end"]
    try:
        chunk = json.loads(line.removeprefix(b"data:")) if line.startswith(b"data:") else None
    except (ValueError, RecursionError):
        return []
    choices = chunk.get("choices") if isinstance(chunk, dict) else None
    choices = choices if isinstance(choices, list) else None
    return [lane for choice in choices or () if isinstance(choice, dict) for lane in _choice(choice)]


def _choice(choice: Json) -> list[str]:
    delta = choice.get("delta")
    found = ["end"] if choice.get("finish_reason") else []
    if isinstance(delta, dict):
        names = (("reasoning_content", "reasoning"), ("content", "text"), ("tool_calls", "calls"))
        found += [lane for name, lane in names if delta.get(name)]
        if isinstance(event := delta.get("janus"), dict):
            found.append("artifacts" if event.get("event") == "artifacts" else "events")
    return found


def timeline(stream: Stream) -> str:
    """Draws one stream: a lane for each kind of event, a tick for each event, and gaps longer than the limit in red."""
    came = moments(stream)
    lanes = [lane for lane in LANES if any(kind == lane for _, kind in came)] or ["text"]
    seconds = max(MIN_SECONDS_DRAWN, stream.seconds, *(at for at, _ in came)) if came else MIN_SECONDS_DRAWN
    height = TOP + LANE * len(lanes) + BOTTOM

    def x(at: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * at / seconds

    floor = height - BOTTOM
    drawn = [_axis(seconds, floor, x(1) - x(0))]
    times = [0.0, *(at for at, line in stream.lines if line)]
    drawn += [
        f'<rect class="late" x="{x(before):.1f}" y="{TOP:g}" width="{x(after) - x(before):.1f}" '
        f'height="{floor - TOP:g}"/>'
        for before, after in pairwise(times)
        if after - before > LIMIT_SECONDS
    ]
    for row, lane in enumerate(lanes):
        y = TOP + LANE * row
        drawn.append(f'<text class="lane" x="{LEFT - 8:g}" y="{y + 15:g}">{lane}</text>')
        places = sorted({round(x(at) * 2) / 2 for at, kind in came if kind == lane})
        drawn += [f'<rect class="{lane}" x="{place:g}" y="{y + 4:g}" width="1.6" height="15"/>' for place in places]
    drawn.append(_mark(x(LIMIT_SECONDS), 27, floor, "limit", "2 s"))
    first = next((at for at, lane in came if lane in WORD_LANES), None)
    if first is not None:
        drawn.append(_mark(x(first), 12, floor, "first", f"first word {first * 1000:.0f} ms"))
    label = f"{len(came)} events in {stream.seconds:.1f} seconds"
    return f'<svg viewBox="0 0 {WIDTH:g} {height:g}" role="img" aria-label="{label}">{"".join(drawn)}</svg>'


def _axis(seconds: float, floor: float, second: float) -> str:
    step = next((step for step in AXIS_STEPS_SECONDS if seconds / step <= MAX_AXIS_MARKS), AXIS_STEPS_SECONDS[-1])
    marks = [step * number for number in range(int(seconds / step) + 1)]
    return "".join(
        f'<line class="axis" x1="{LEFT + second * at:.1f}" y1="{TOP:g}" x2="{LEFT + second * at:.1f}" y2="{floor:g}"/>'
        f'<text class="tick" x="{LEFT + second * at:.1f}" y="{floor + 16:g}">{at:g} s</text>'
        for at in marks
    )


def _mark(x: float, top: float, floor: float, kind: str, words: str) -> str:
    # A label near the right edge is drawn to the left of its line.
    side = ' text-anchor="end"' if x > WIDTH * 0.75 else ""
    shift = -4 if side else 4
    return (
        f'<line class="{kind}" x1="{x:.1f}" y1="{top - 8:g}" x2="{x:.1f}" y2="{floor:g}"/>'
        f'<text class="mark {kind}" x="{x + shift:.1f}" y="{top:g}"{side}>{words}</text>'
    )


def gap_histogram(streams: Sequence[Stream]) -> str:
    """Draws a histogram of the gaps between content deltas."""
    times = [[at for at, lane in moments(stream) if lane == "text"] for stream in streams]
    between = [gap for each in times for gap in gaps(each)]
    counts = [0] * len(BUCKET_NAMES)
    for gap in between:
        counts[sum(gap > bucket for bucket in BUCKETS)] += 1
    highest = max(*counts, 1)
    column, height = 52.0, 140.0
    drawn = []
    for place, (name, count) in enumerate(zip(BUCKET_NAMES, counts, strict=True)):
        tall, x = (height - 44) * count / highest, 10 + column * place
        kind = "late" if place == len(BUCKETS) else "bar"
        drawn.append(
            f'<rect class="{kind}" x="{x:g}" y="{height - 22 - tall:.1f}" width="{column - 8:g}" height="{tall:.1f}"/>'
            f'<text class="tick" x="{x + column / 2 - 4:g}" y="{height - 6:g}">{name}</text>'
        )
        if count:
            drawn.append(f'<text class="count" x="{x + column / 2 - 4:g}" y="{height - 27 - tall:.1f}">{count}</text>')
    width = 20 + column * len(counts)
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" '
        f'aria-label="{len(between)} gaps between content deltas, by length">{"".join(drawn)}</svg>'
    )
