"""Tests the comparison of two commits: its statistics, the order of its requests, and its output."""

import asyncio
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import diff, environments, intervals, load, pairs, revisions, slowdown
from benchmarks.intervals import Interval, interval
from benchmarks.lineup import competitor
from benchmarks.load import Load
from benchmarks.pairs import Costs, Pair, verdict
from benchmarks.servers import Peer

TRIALS, TOGETHER = 200, 3


class TestTheInterval:
    """Tests Student's t interval, which becomes wider when several intervals must hold at once."""

    @pytest.mark.parametrize(
        ("probability", "freedom", "t"),
        [(0.95, 1, 12.706), (0.95, 2, 4.303), (0.95, 19, 2.093), (0.95, 40, 2.021), (0.99, 9, 3.250), (0.5, 4, 0.741)],
    )
    def test_t_agrees_with_published_tables(self, probability: float, freedom: int, t: float) -> None:
        assert intervals.student(probability, freedom) == pytest.approx(t, abs=0.0005)

    def test_it_is_wider_when_more_intervals_must_hold_at_once(self) -> None:
        single, of_three = interval([0.9, 1.0, 1.1]), interval([0.9, 1.0, 1.1], together=3)
        assert single.mean == of_three.mean == pytest.approx(1)
        # s = 0.1; t for 2 degrees of freedom = 4.303 and, for 1 - 0.05 / 3, 7.649; half the width = t x 0.1 / sqrt(3)
        assert single.high - 1 == 1 - single.low == pytest.approx(0.2484, abs=0.0001)
        assert of_three.high - 1 == pytest.approx(0.4416, abs=0.0001)


def _trials(slower: float) -> list[list[Interval]]:
    """Returns intervals that are computed from simulated costs.

    The two servers of a block share some noise. Each server also has noise of its own: 1.5 %, rarely 6 %.
    """
    chance = random.Random(17)

    def one() -> Interval:
        costs = Costs()
        for _ in range(pairs.BLOCKS):
            block = 50e-6 * chance.lognormvariate(0, 0.3)
            noise = [chance.lognormvariate(0, 0.06 if chance.random() < 0.05 else 0.015) for _ in range(2)]
            costs.old.append(block * noise[0])
            costs.new.append(block * noise[1] * (1 + slower))
        return costs.ratio(TOGETHER)

    return [[one() for _ in range(TOGETHER)] for _ in range(TRIALS)]


class TestTheStatistics:
    """Tests the statistics. The noise has a fixed seed, so that every run has the same result."""

    def test_equal_servers_differ_in_few_trials(self) -> None:
        wrong = sum(any(not found.low <= 1 <= found.high for found in trial) for trial in _trials(slower=0))
        assert 0 < wrong <= 0.1 * TRIALS

    def test_a_server_that_is_5_percent_slower_is_detected(self) -> None:
        seen = sum(all(found.high < 1 for found in trial) for trial in _trials(slower=0.05))
        assert seen >= 0.9 * TRIALS

    def test_the_ratio_compares_tokens_per_cpu_second(self) -> None:
        found = Costs(new=[2e-5, 4e-5, 8e-5], old=[1e-5, 2e-5, 4e-5]).ratio(1)
        assert (found.low, found.mean, found.high) == pytest.approx((0.5, 0.5, 0.5))

    @pytest.mark.parametrize(
        ("low", "high", "says"),
        [
            (0.94, 0.97, "slower: 0.940 to 0.970"),
            (0.985, 1.012, "no difference shown: 0.985 to 1.012"),
            (1.01, 1.05, "faster: 1.010 to 1.050"),
        ],
    )
    def test_a_verdict_says_slower_faster_or_no_difference(self, low: float, high: float, says: str) -> None:
        assert verdict(Interval((low + high) / 2, low, high)) == says


def test_requests_alternate_a_b_b_a() -> None:
    order: list[str] = []

    async def server(name: str) -> asyncio.Server:
        async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            order.append(name)
            writer.write(b"HTTP/1.1 503 No\r\n\r\n")
            writer.close()

        return await asyncio.start_server(refuse, "127.0.0.1", 0)

    async def main() -> list[int]:
        async with await server("A") as one, await server("B") as other:
            urls = [f"http://127.0.0.1:{of.sockets[0].getsockname()[1]}/" for of in (one, other)]
            answers = await load.drive_all(urls, Load("mock-n1", streams=1, requests=8))
            return [len(of) for of in answers]

    assert asyncio.run(main()) == [4, 4]
    assert "".join(order) == "ABBAABBA"


def _git(folder: Path, *command: str) -> str:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *identity, *command], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


class TestTheOtherCommit:
    def test_the_checkout_has_the_files_of_the_commit_and_not_of_the_folder(self, tmp_path: Path) -> None:
        repository = tmp_path / "repository"
        repository.mkdir()
        _git(repository, "init", "-q")
        (repository / "file").write_text("then")
        _git(repository, "add", ".")
        _git(repository, "commit", "-qm", "One.")
        _git(repository, "tag", "v1")
        (repository / "file").write_text("now")
        (repository / "other").write_text("new")
        found = revisions.checkout("v1", repository, tmp_path / "checkouts")
        assert found.name == _git(repository, "rev-parse", "v1")[:12]
        assert [path.name for path in found.iterdir()] == ["file"]
        assert (found / "file").read_text() == "then"
        assert revisions.described(repository).endswith("-dirty")

    @pytest.mark.parametrize("revision", ["no-such-tag", "--help", "", "HEAD:Makefile"])
    def test_an_unknown_commit_is_refused_with_one_sentence(
        self, revision: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert diff.main(["--", revision]) == 2
        said = capsys.readouterr()
        assert said.err == f"{revision!r} is not a commit of this repository: give a tag, a branch or a commit's id.\n"
        assert not said.out

    def test_an_unknown_backend_is_refused(self, tmp_path: Path) -> None:
        shutil.copyfile(environments.ROOT / "cookiecutter.json", tmp_path / "cookiecutter.json")
        with pytest.raises(environments.Missing, match=r"There is no backend 'other' in .*; choose one of proxy"):
            diff.peer("old", "other", tmp_path)


class TestTheResult:
    @pytest.mark.parametrize(("low", "code", "says"), [(0.951, 0, "Passed"), (0.949, 1, "Not passed")])
    def test_the_exit_code_is_0_only_when_all_intervals_begin_high_enough(
        self, low: float, code: int, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        good, other = Interval(1.0, 0.99, 1.01), Interval(0.97, low, 0.99)
        found = [
            diff.Comparison("proxy", scenario, Costs([1e-5] * 4, [1e-5] * 4), ratio)
            for scenario, ratio in (("s50", good), ("one", other))
        ]
        file = tmp_path / "diff.json"
        assert diff.publish(found, ("here", "v1 (abc)"), 0.95, 100.0, file) == code
        said = capsys.readouterr().out
        assert f"| proxy | one: one token per request | 0.970 | slower: {low:.3f} to 0.990 | 10.0 / 10.0 |" in said
        assert f"{says}: the lowest interval begins at {low:.3f}." in said
        assert f'"passed": {"true" if code == 0 else "false"}' in file.read_text()


def test_a_copy_with_a_long_loop_per_request_costs_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = environments.bake("proxy", tmp_path)
    slow = project.with_name("measure2")
    shutil.copytree(project, slow)
    slowdown.slow_down(slow, slowdown.A_REQUEST, turns=300_000)
    slowdown.slow_down(slow, slowdown.A_CHUNK, turns=1)
    monkeypatch.setitem(pairs.BURSTS, "one", Load("mock-n1", streams=4, requests=40))
    plain, slowed = (
        Peer(where.name, "", competitor(lambda where=where: (Path(sys.executable), where)))  # type: ignore[misc]
        for where in (project, slow)
    )
    (costs,) = pairs.compare([Pair("one", slowed, plain)], blocks=1)
    assert costs.new[0] > 1.5 * costs.old[0]
