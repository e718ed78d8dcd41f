"""Tests that the answer is correct whatever a backend yields. The tests control the clock, so none has to sleep."""

import asyncio
import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from competitor.core.answer.admission import Gate, NoSlot
from competitor.core.answer.answer import Answer
from competitor.core.answer.forms import WholeForm
from competitor.core.answer.keepalive import PING_SECONDS, TICK_SECONDS, WORDS_SECONDS, Clock, Silence
from competitor.core.errors import AnswerClosed, AnswerFull, ApiError
from competitor.core.events import Reasoning, SandboxStart, Source, Text, ToolCall, ToolEnd, ToolStart
from competitor.core.limits import MAX_UNSENT_BYTES
from competitor.core.request.parsing import read_request
from competitor.core.request.schema import ChatRequest
from competitor.core.stream.chunks import PING, Envelope
from competitor.core.stream.writer import BodyWriter
from competitor.core.usage import Usage, prompt_tokens, read_usage, text_tokens


def request(**fields: Any) -> ChatRequest:
    body = {"model": "m", "messages": [{"role": "user", "content": "hello"}], **fields}
    return read_request(json.dumps(body).encode())


def answer(max_bytes: int = 1000, **fields: Any) -> tuple[Answer, WholeForm]:
    form = WholeForm()
    return Answer(form, request(**fields), max_bytes), form


def text_of(form: WholeForm) -> str:
    return str(form.as_json("i", "m", 0, "stop", {})["choices"][0]["message"]["content"])


@given(st.text(), st.lists(st.integers(0, 400), max_size=8))
def test_no_character_is_lost_however_utf_16_is_split(text: str, cuts: list[int]) -> None:
    """Servers in languages with UTF-16 strings may split a surrogate pair."""
    units = text.encode("utf-16-le", "surrogatepass")
    places = sorted({2 * (cut % (len(units) // 2 + 1)) for cut in cuts} | {0, len(units)})
    made, form = answer(max_bytes=10_000)
    for start, end in pairwise(places):
        made.text(units[start:end].decode("utf-16-le", "surrogatepass"))
    assert text_of(form) == text


def test_an_answer_ends_at_its_limit_and_keeps_what_fits() -> None:
    made, form = answer(max_bytes=10)
    made.text("123456789")
    with pytest.raises(AnswerFull):
        made.text("0123")
    assert text_of(form) == "1234567890123"


def test_nothing_is_sent_after_the_end() -> None:
    made, form = answer()
    made.text("all")
    made.close()
    with pytest.raises(AnswerClosed):
        made.text("more")
    with pytest.raises(AnswerClosed):
        made.take(ToolStart("late"))
    assert text_of(form) == "all"


def test_a_note_is_separated_from_the_text() -> None:
    made, form = answer()
    made.take(Text("So far"))
    made.close("It broke.")
    assert text_of(form) == "So far\n\nIt broke."


def test_a_note_without_text_is_at_the_beginning() -> None:
    made, form = answer()
    made.take(Reasoning("Hm. "))
    made.close("It broke.")
    assert text_of(form) == "It broke."


@pytest.mark.parametrize("event", ["text", 5, None, b"x", {"text": "x"}, object()])
def test_a_value_that_is_not_an_event_is_refused(event: Any) -> None:
    with pytest.raises(TypeError, match="a backend yields events"):
        answer()[0].take(event)


def test_open_tools_are_closed_and_reported_as_failed() -> None:
    made, form = answer()
    made.take(ToolStart("search", id="a"))
    made.take(SandboxStart("python", id="b"))
    made.take(ToolEnd("a"))
    made.close()
    thoughts = form.as_json("i", "m", 0, "stop", {})["choices"][0]["message"]["reasoning_content"]
    assert "search is done" in thoughts
    assert "python failed" in thoughts


TOOL = {"type": "function", "function": {"name": "f"}}


@pytest.mark.parametrize(
    ("events", "finish", "expected"),
    [
        ([Text("x")], "stop", "stop"),
        ([Text("x")], "length", "length"),
        ([Text("x")], "tool_calls", "stop"),
        ([Text("x")], "nonsense", "stop"),
        ([ToolCall("f")], "stop", "tool_calls"),
        ([ToolCall("f")], "length", "length"),
        ([ToolCall("unknown")], "tool_calls", "stop"),
    ],
)
def test_the_finish_reason_is_right(events: list[Any], finish: Any, expected: str) -> None:
    made, _ = answer(tools=[TOOL])
    for event in events:
        made.take(event)
    made.finish(finish)
    assert made.close()[0] == expected


def test_usage_of_several_calls_adds_up() -> None:
    made, _ = answer()
    made.usage(Usage(1, 2, cached_tokens=1))
    made.usage(Usage(10, 20, cost_usd=0.5, sandbox_seconds=2, cached_tokens=4, reasoning_tokens=7))
    assert made.close()[1] == {
        "prompt_tokens": 11,
        "completion_tokens": 22,
        "total_tokens": 33,
        "cost_usd": 0.5,
        "sandbox_seconds": 2,
        "prompt_tokens_details": {"cached_tokens": 5},
        "completion_tokens_details": {"reasoning_tokens": 7},
    }


@pytest.mark.parametrize(
    "usage",
    [
        None,
        5,
        {},
        {"prompt_tokens": 1},
        {"prompt_tokens": True, "completion_tokens": 1},
        {"prompt_tokens": -1, "completion_tokens": 1},
        {"prompt_tokens": "1", "completion_tokens": 1},
    ],
)
def test_an_invalid_count_is_ignored(usage: Any) -> None:
    assert read_usage(usage) is None


def test_a_price_is_read_when_it_is_a_number() -> None:
    assert read_usage({"prompt_tokens": 1, "completion_tokens": 2, "cost": 0.25}) == Usage(1, 2, 0.25)
    assert read_usage({"prompt_tokens": 1, "completion_tokens": 2, "cost": "much"}) == Usage(1, 2)


def test_base64_does_not_count_as_text_and_no_text_is_zero_tokens() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 400_000}}
    assert prompt_tokens({"messages": [{"role": "user", "content": [image]}]}) < 200
    assert text_tokens(1) == 1


def test_chunks_are_ascii_and_their_envelope_never_changes() -> None:
    envelope = Envelope('id"\u2028', "m\u00f6", 5)
    for line in (
        envelope.text("\u2028\u00e4\U0001f600"),
        envelope.reasoning("x"),
        envelope.finish("stop", {"a": 1}),
        envelope.usage({}),
    ):
        assert line.isascii()
        assert line.endswith(b"\n\n")
        chunk = json.loads(line[6:])
        assert (chunk["id"], chunk["model"], chunk["created"]) == ('id"\u2028', "m\u00f6", 5)
    assert json.loads(envelope.text("\u2028")[6:])["choices"][0]["delta"] == {"content": "\u2028"}


class Server:
    """A replacement for an ASGI server. Its `send` can be made to wait, and keeps the bodies that it gets."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.open = asyncio.Event()
        self.open.set()

    async def send(self, message: Any) -> None:
        await self.open.wait() if not self.open.is_set() else None
        self.writes.append(message["body"])


class Noted(Source):
    """A source that records whether it is paused."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    async def pour(self, sink: Any) -> None: ...

    def pause(self) -> None:
        self.calls.append("pause")

    def resume(self) -> None:
        self.calls.append("resume")


def test_text_that_is_ready_at_once_is_sent_in_one_write() -> None:
    async def go() -> list[bytes]:
        server = Server()
        writer = BodyWriter(server.send)
        writer.write(b"a")
        writer.write(b"b")
        await asyncio.sleep(0.01)
        writer.cork()
        writer.write(b"c")
        await asyncio.sleep(0.01)
        writer.write(b"d")
        writer.uncork()
        await asyncio.sleep(0.01)
        await writer.end(b"e")
        return server.writes

    assert asyncio.run(go()) == [b"ab", b"cd", b"e"]


def test_a_slow_client_pauses_the_source_and_gets_everything_in_order() -> None:
    async def go() -> tuple[list[bytes], list[str], bool]:
        server, source = Server(), Noted()
        writer = BodyWriter(server.send)
        writer.set_source(source)
        server.open.clear()
        pieces = [bytes([65 + number]) * MAX_UNSENT_BYTES for number in range(3)]
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0.01)
        was_blocked = writer.blocked
        server.open.set()
        await asyncio.sleep(0.05)
        await writer.end(b"")
        return server.writes, source.calls, was_blocked

    writes, calls, was_blocked = asyncio.run(go())
    assert was_blocked
    assert b"".join(writes) == b"".join(bytes([65 + number]) * MAX_UNSENT_BYTES for number in range(3))
    assert calls[0] == "pause"
    assert calls[-1] == "resume"


def test_drain_waits_for_a_slow_client() -> None:
    async def go() -> tuple[bool, bool]:
        server = Server()
        writer = BodyWriter(server.send)
        server.open.clear()
        writer.write(b"x" * (MAX_UNSENT_BYTES + 1))
        waiting = asyncio.ensure_future(writer.drain())
        await asyncio.sleep(0.02)
        waited = not waiting.done()
        server.open.set()
        await asyncio.wait_for(waiting, 60)
        return waited, waiting.done()

    assert asyncio.run(go()) == (True, True)


def test_a_client_that_has_left_gets_nothing_and_blocks_nobody() -> None:
    async def go() -> bool:
        async def send(_: Any) -> None:
            raise OSError

        writer = BodyWriter(send)
        writer.write(b"x" * (MAX_UNSENT_BYTES + 1))
        await asyncio.wait_for(writer.drain(), 60)
        await writer.end(b"y")
        return writer.gone

    assert asyncio.run(go())


def test_a_silent_backend_gets_progress_messages_with_pings_between_them() -> None:
    """A minute of silence passes at once, because the test moves the clock."""

    async def go() -> list[tuple[float, str]]:
        server = Server()
        writer = BodyWriter(server.send)
        made = Answer(_Words(writer), request(), 1000)
        start = writer.wrote_at
        silence = Silence(made, writer, start)
        seen: list[tuple[float, str]] = []
        for tick in range(1, 601):
            now = start + tick * TICK_SECONDS
            silence.tick(now, 0.0)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            for data in server.writes:
                seen.append((round(now - start, 1), "ping" if data == PING else "words"))
                writer.wrote_at = now
            server.writes.clear()
        return seen

    seen = asyncio.run(go())
    assert seen[0] == (0.4, "words")
    times = [0.0, *(at for at, _ in seen)]
    assert max(after - before for before, after in pairwise(times)) <= PING_SECONDS + 0.2
    words = [at for at, kind in seen if kind == "words"]
    assert max(after - before for before, after in pairwise(words)) <= WORDS_SECONDS + 0.2
    assert "ping" in {kind for _, kind in seen}


class _Words(WholeForm):
    def __init__(self, writer: BodyWriter) -> None:
        super().__init__()
        self._writer = writer

    def progress(self, text: str) -> None:
        self._writer.write(text.encode())


def test_the_clock_ticks_only_while_it_has_members() -> None:
    class Member:
        ticks = 0

        def tick(self, now: float, late: float) -> None:
            self.ticks += 1

    async def go() -> tuple[int, bool]:
        clock, member = Clock(), Member()
        clock.add(member)
        await asyncio.sleep(TICK_SECONDS * 3.5)
        clock.discard(member)
        await asyncio.sleep(TICK_SECONDS * 1.5)
        return member.ticks, clock._timer is None

    ticks, rests = asyncio.run(go())
    assert ticks >= 2
    assert rests


def test_a_blocked_loop_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def go() -> None:
        now = [0.0]
        clock = Clock(lambda: now[0])
        clock.add(_Silent())
        now[0] = 3.0
        clock.tick()

    asyncio.run(go())
    assert "the event loop was blocked" in caplog.text


class _Silent:
    def tick(self, now: float, late: float) -> None: ...


def test_the_gate_admits_only_as_many_as_the_limits_allow() -> None:
    async def go() -> str:
        gate = Gate(running=1, most=2, wait_seconds=0.05)
        await gate.enter()
        gate.check()
        waiting = asyncio.ensure_future(gate.enter())
        await asyncio.sleep(0)
        with pytest.raises(ApiError) as raised:
            gate.check()
        with pytest.raises(NoSlot):
            await waiting
        gate.leave()
        await gate.enter()
        gate.leave()
        return f"{raised.value.status} {raised.value.headers['retry-after']} {gate.open}"

    assert asyncio.run(go()) == "503 5 0"
