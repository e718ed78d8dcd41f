"""Tests that the parts of the benchmark measure correctly: the formula, the mock, the client, the report."""

import asyncio
import sys
from pathlib import Path

import pytest

from benchmarks import console, environments, goals, load, report, runs
from benchmarks.evenness import evenness
from benchmarks.lineup import competitor
from benchmarks.load import Load
from benchmarks.mock import Plan
from benchmarks.servers import CHAT, Mock, Peer, Server
from competitor.checks import Target

EVENT = 'data: {"choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n'


class TestTheFormula:
    """Tests the formula with values calculated by hand: 100 / (1 + CV) x (1 - 0.1 x gaps longer than 3x the mean)."""

    def test_equal_gaps_score_100(self) -> None:
        assert evenness([0, 1, 2, 3]) == 100

    def test_unequal_gaps_lower_the_score_by_their_variation(self) -> None:
        # gaps 1 and 2: mean 1.5, deviation 0.5, CV 1/3
        assert evenness([0, 1, 3]) == pytest.approx(75)

    def test_a_long_gap_costs_another_tenth(self) -> None:
        # nine gaps of 1, one of 11: mean 2, deviation 3, CV 1.5, and 11 > 6
        assert evenness([*range(10), 20]) == pytest.approx(100 / 2.5 * 0.9)

    def test_without_a_gap_the_score_is_0(self) -> None:
        assert evenness([]) == evenness([5.0]) == evenness([5.0, 5.0]) == 0


class TestTheMock:
    def test_the_models_name_is_parsed_as_a_plan(self) -> None:
        assert Plan.of("mock-n450-b90-d0.5-t20") == Plan(tokens=450, burst=90, gap_ms=0.5, wait_ms=20)

    @pytest.mark.parametrize(
        ("model", "ticks"),
        [("mock-n3", [1, 1, 1]), ("mock-n250-b100", [100, 100, 50]), ("mock-n7-k3-b2", [6, 1]), ("mock-n9-k9", [9])],
    )
    def test_a_plan_is_divided_into_ticks(self, model: str, ticks: list[int]) -> None:
        assert Plan.of(model).ticks() == ticks

    def test_speculative_decoding_has_ticks_of_every_size_up_to_its_maximum(self) -> None:
        ticks = Plan.of("mock-n450-a5").ticks()
        assert set(ticks[:-1]) == {1, 2, 3, 4, 5}
        assert sum(ticks) == 450
        assert ticks == Plan.of("mock-n450-a5").ticks()

    @pytest.mark.parametrize(
        ("model", "tokens", "deltas"),
        [
            ("mock-n30-d1", 30, 30),
            ("mock-n450-b90-d2", 450, 450),
            ("mock-n45-k45-t5", 45, 1),
            ("mock-n500-z40", 500, 500),
        ],
    )
    def test_all_that_it_sends_arrives(self, model: str, tokens: int, deltas: int) -> None:
        with Mock() as mock:
            results = load.run(mock.url, Load(model, streams=2, requests=4))
        assert [result.wrong for result in results] == [None] * 4
        assert {len(result.latencies) for result in results} == {tokens}
        assert {len(result.arrivals) for result in results} == {deltas}


def _answered(*events: str, status: str = "200 OK") -> load.Result:
    """The client's result if a server sends these events and closes the connection."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status}\r\ntransfer-encoding: chunked\r\n\r\n".encode())
        for event in events:
            writer.write(f"{len(event):x}\r\n{event}\r\n".encode())
        writer.write(b"0\r\n\r\n")
        await writer.drain()
        await reader.read()
        writer.close()

    async def main() -> load.Result:
        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/chat/completions"
            return await load.ask(url, "mock-n2", 2, 10.0)

    return asyncio.run(main())


class TestTheClient:
    def test_tokens_are_counted_however_they_are_split_into_deltas(self) -> None:
        result = _answered(EVENT % "t0@", EVENT % "1 t1", EVENT % "@2 ", "data: [DONE]\n\n")
        assert (result.wrong, len(result.latencies), len(result.arrivals)) == (None, 2, 3)

    def test_an_event_may_arrive_in_two_chunks(self) -> None:
        event = EVENT % "t0@1 t1@2 "
        assert _answered(event[:30], event[30:], "data: [DONE]\n\n").wrong is None

    @pytest.mark.parametrize(
        ("events", "status", "why"),
        [
            ([EVENT % "t0@1 ", EVENT % "t1@1 "], "200 OK", "no [DONE]"),
            ([EVENT % "t0@1 ", "data: [DONE]\n\n"], "200 OK", "1 of 2 tokens"),
            ([EVENT % "t1@1 ", "data: [DONE]\n\n"], "200 OK", "lost, repeated or foreign"),
            ([EVENT % "t0@1 sorry t1@1 ", "data: [DONE]\n\n"], "200 OK", "lost, repeated or foreign"),
            ([EVENT % "t0@1 t1@1 ", "data: [DONE]\n\n"], "503 No", "not a stream"),
        ],
    )
    def test_a_wrong_answer_is_reported(self, events: list[str], status: str, why: str) -> None:
        result = _answered(*events, status=status)
        assert why in str(result.wrong)


def test_every_token_of_a_small_load_on_a_baked_proxy_is_counted(tmp_path: Path) -> None:
    project = environments.bake("proxy", tmp_path)
    baked = Peer("baked", "a bake", competitor(lambda: (Path(sys.executable), project)))
    with Mock() as mock, Server(baked, mock.port) as server:
        results, run = runs.measured(server.url, Load("mock-n20-d2", streams=3, requests=6), server)
        assert server.memory_kib() > 1024
    assert (run["requests"], run["wrong"], run["tokens"]) == (6, 0, 120), run["first_wrong"]
    assert run["cpu_us"] > 0
    assert all(result.first is not None for result in results)


class TestTheReport:
    def test_servers_take_turns_and_slow_ones_have_fewer(self) -> None:
        assert list(runs.interleaved(("nginx", "relay"), 2)) == [
            (0, "nginx"),
            (0, "relay"),
            (1, "relay"),
            (1, "nginx"),
        ]
        assert len(list(runs.interleaved(("nginx", "litellm"), 5))) == 5 + runs.SLOW_REPETITIONS

    def test_a_ratio_is_taken_within_each_repetition(self) -> None:
        rows: runs.Rows = {"relay": [{"cpu_us": 20}, {"cpu_us": 80}], "nginx": [{"cpu_us": 10}, {"cpu_us": 40}]}
        assert goals.ratio({"s50": rows}, "s50", "relay", "nginx") == goals.Measured(0.5, 0.5, 0.5)

    def test_a_goal_is_met_missed_or_not_measured(self) -> None:
        rows: runs.Rows = {"relay": [{"cpu_us": 20, "ready_s": 0.7}], "nginx": [{"cpu_us": 11}]}
        table = report.goals({"s50": rows, "start": rows})
        assert "relay divided by nginx | at least 0.55 | 0.55 (0.55 to 0.55) | met |" in table
        assert "`/health` | at most 0.6 s | 0.70 (0.70 to 0.70) s | **missed** |" in table
        assert "relay divided by LiteLLM proxy | at least 15 | - | not measured |" in table

    def test_every_table_has_a_place_in_the_docs_and_nothing_else_is_changed(self, tmp_path: Path) -> None:
        page = tmp_path / "performance.md"
        text = (environments.ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
        page.write_text(text, encoding="utf-8")
        report.write(page, {name: f"table of {name}" for name in (*report.TABLES, "machine")})
        written = page.read_text(encoding="utf-8")
        for name in (*report.TABLES, "machine"):
            assert f"<!-- {name} -->\ntable of {name}\n<!-- /{name} -->" in written
        assert written.endswith(text[text.index("## How to repeat it") :])


class TestTheConsolesCost:
    """Tests `make bench-console`, which compares a generated repo with a build that has no console."""

    def test_the_build_without_the_console_answers_and_has_no_debug_page(self, tmp_path: Path) -> None:
        bare = console.without_console(environments.bake("proxy", tmp_path))
        assert not (bare / "competitor" / "core" / "console").exists()
        command = competitor(lambda: (Path(sys.executable), bare))
        with Mock() as mock, Server(Peer("bare", "no console", command, {"JANUS_DEBUG": "true"}), mock.port) as server:
            results = load.run(server.url, Load("mock-n5", streams=2, requests=4))
            assert [result.wrong for result in results] == [None] * 4
            assert Target(server.url.removesuffix(CHAT)).get("/debug").status == 404
