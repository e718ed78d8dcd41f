"""Tests that the reason for each estimated score is correct, and that reports can contain any text from a server."""

import json
import xml.etree.ElementTree as ElementTree

import hypothesis
import pytest
from hypothesis import strategies

from competitor.checks import CASES
from competitor.checks.commands.check import MAX_STREAMS_DRAWN, streams_to_draw
from competitor.checks.figures import cost, measure, speed, streaming
from competitor.checks.judging import Verdict, combined
from competitor.checks.report.html import as_html
from competitor.checks.report.records import Record, as_json, as_junit
from competitor.checks.report.timeline import gap_histogram, moments, timeline
from competitor.checks.responses import Json, Reply, Request, Stream, Unanswered
from competitor.checks.target import Target


def stream_of(times: list[float], usage: tuple[int, int] = (10, 100)) -> Stream:
    chunks: list[tuple[float, Json]] = [(at, {"choices": [{"delta": {"content": "x"}}]}) for at in times]
    counts = {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}
    chunks.append((times[-1], {"choices": [], "usage": counts}))
    lines = [(at, b"data: " + json.dumps(chunk).encode()) for at, chunk in chunks]
    return Stream(200, {}, [*lines, (times[-1], b"data: [DONE]")], seconds=times[-1])


def test_an_even_answer_gets_full_points_and_the_reason_names_bursts() -> None:
    even = streaming(stream_of([number / 50 for number in range(450)]))
    burst = streaming(stream_of([number / 100_000 + number // 90 for number in range(450)]))
    assert even.score > 99
    assert burst.score < 15
    assert "at the same time as the previous delta" in burst.reason
    assert "longer than three times" in burst.reason
    assert "smaller pieces" in streaming(stream_of([0.0, 0.1, 0.2])).reason


def test_an_answer_of_one_delta_gets_no_points_and_the_reason_says_why() -> None:
    assert streaming(stream_of([0.1])).score == 0
    assert "no gap" in streaming(stream_of([0.1])).reason


@pytest.mark.parametrize(("ttft", "rate", "score"), [(0.5, 30, 100), (5.0, 30, 50), (0.1, 15, 75), (2.75, 60, 75)])
def test_speed_is_half_the_time_to_the_first_token_and_half_the_rate(ttft: float, rate: int, score: float) -> None:
    times = [ttft + number / rate for number in range(100)]
    assert speed([stream_of(times)]).score == pytest.approx(score, abs=0.5)


def test_a_long_prompt_costs_points_and_the_reason_counts_its_tokens() -> None:
    question = "x" * 40  # ten tokens
    assert cost([question], [stream_of([0.1, 0.2], (10, 100))]).score == 50
    long = cost([question], [stream_of([0.1, 0.2], (230, 100))])
    assert long.score == pytest.approx(100 / 6)
    assert "220 of the tokens are in prompts that the server added" in long.reason


HOSTILE = strategies.text() | strategies.sampled_from(
    ["\x00", "\ud800", "]]>", "<!--", "\x1b[2J", '"><script>', "&#0;"]
)


@hypothesis.given(HOSTILE, HOSTILE)
def test_with_any_text_from_a_server_json_and_xml_can_be_parsed_and_html_has_no_script(said: str, asked: str) -> None:
    answer = Reply(200, {"x-said": said}, said.encode("utf-8", "replace"), Request("GET", "/", {"x": asked}, b"x"))
    evidence = (answer, stream_of([0.1]), Unanswered(Request("GET", asked), said))
    verdicts = [
        Verdict(CASES["E1/1"], "broken", said, evidence=evidence),
        Verdict(CASES["E3/1"], "broken", said),
        Verdict(CASES["S4/1"], "holds", evidence=evidence),
    ]
    record = Record("http://x", verdicts, [], [(asked, stream_of([0.1, 0.2]))], 1.0, "1.1.0")
    assert json.loads(as_json(record))["cases"][0]["reason"] == said
    suite = ElementTree.fromstring(as_junit(record))  # noqa: S314 - written by this test
    assert (suite.attrib["failures"], suite.attrib["skipped"], len(suite.findall("testcase"))) == ("1", "1", 3)
    page = as_html(record)
    page.encode()
    assert page.count("<script") == 0


@hypothesis.given(
    strategies.lists(
        strategies.binary() | strategies.builds(lambda text: f"data: {text}".encode(), HOSTILE.filter(str.isascii)),
        max_size=20,
    )
)
def test_a_stream_of_any_lines_can_be_drawn(lines: list[bytes]) -> None:
    stream = Stream(200, {}, [(place / 3, line) for place, line in enumerate(lines)], seconds=len(lines) / 3)
    assert timeline(stream).startswith("<svg")
    assert gap_histogram([stream]).endswith("</svg>")


def test_a_failure_on_one_of_two_servers_counts_and_the_reason_names_the_server() -> None:
    case = CASES["S3/1"]
    passed = Verdict(case, "holds", servers=("as started",))
    failed = Verdict(case, "broken", "a gap of 4 s", servers=("on a faulty upstream",))
    unseen = Verdict(case, "not shown", "no way")
    assert combined([passed, failed]).reason == "on a faulty upstream: a gap of 4 s"
    other = Verdict(case, "broken", "a gap of 4 s", servers=("as started",))
    assert combined([failed, other]).reason == "on a faulty upstream and as started: a gap of 4 s"
    assert combined([unseen, passed]).status == "holds"
    assert combined([unseen, unseen]).reason == "no way"


@pytest.mark.parametrize("usage", ['"x"', '{"total_tokens": "many"}', "[1]", "[" * 5000])
def test_an_answer_that_cannot_be_parsed_scores_nothing_with_a_reason(usage: str) -> None:
    class Odd(Target):
        def stream(self, *_: object, **__: object) -> Stream:
            return Stream(200, {}, [(0.1, b'data: {"choices": [], "usage": %b}' % usage.encode())], seconds=0.1)

    figures = measure(Odd("http://127.0.0.1:9"))
    assert all(figure.score == 0 or figure.name == "speed" for figure in figures)
    assert all(figure.reason for figure in figures)


def test_the_report_draws_the_longest_streams_and_every_kind_of_event() -> None:
    calls: Json = {"choices": [{"delta": {"tool_calls": [{"index": 0}]}, "finish_reason": "tool_calls"}]}
    short = Stream(200, {}, [(0.1, b"data: " + json.dumps(calls).encode())], seconds=0.1)
    long = [stream_of([0.0, float(seconds)]) for seconds in range(1, 31)]
    target = Target("http://127.0.0.1:1", name="as started")
    target.journal.extend([("call it", short), *((f"wait {stream.seconds:.0f} s", stream) for stream in long)])
    drawn = streams_to_draw([target])
    assert len(drawn) == MAX_STREAMS_DRAWN
    assert drawn[0][0] == "wait 30 s (as started)"
    assert drawn[-1] == ("call it (as started)", short)
    assert [stream.seconds for _, stream in drawn[:-1]] == [30.0 - place for place in range(MAX_STREAMS_DRAWN - 1)]
    assert {kind for _, stream in drawn for _, kind in moments(stream)} == {"text", "calls", "end"}
