"""The comparison of two commits: its statistics, the order of its requests, and what it says."""

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
    """Student's t, widened so that several intervals hold at once."""

    @pytest.mark.parametrize(
        ("probability", "freedom", "t"),
        [(0.95, 1, 12.706), (0.95, 2, 4.303), (0.95, 19, 2.093), (0.95, 40, 2.021), (0.99, 9, 3.250), (0.5, 4, 0.741)],
    )
    def test_t_is_what_the_printed_tables_say(self, probability: float, freedom: int, t: float) -> None:
        assert intervals.student(probability, freedom) == pytest.approx(t, abs=0.0005)

    def test_it_is_wider_when_more_of_them_have_to_hold(self) -> None:
        alone, of_three = interval([0.9, 1.0, 1.1]), interval([0.9, 1.0, 1.1], together=3)
        assert alone.mean == of_three.mean == pytest.approx(1)
        # s = 0.1, t of 2 degrees = 4.303 and, for 1 - 0.05 / 3, 7.649: half = t x 0.1 / sqrt(3)
        assert alone.high - 1 == 1 - alone.low == pytest.approx(0.2484, abs=0.0001)
        assert of_three.high - 1 == pytest.approx(0.4416, abs=0.0001)


def _trials(slower: float) -> list[list[Interval]]:
    """Intervals from costs with made-up noise: a block's own on both servers, and 1.5 % on each; rarely 6 %."""
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
    """With noise from a fixed seed, so that they say the same in every run."""

    def test_equal_servers_differ_in_few_trials(self) -> None:
        wrong = sum(any(not found.low <= 1 <= found.high for found in trial) for trial in _trials(slower=0))
        assert 0 < wrong <= 0.1 * TRIALS

    def test_a_server_that_is_5_percent_slower_is_seen(self) -> None:
        seen = sum(all(found.high < 1 for found in trial) for trial in _trials(slower=0.05))
        assert seen >= 0.9 * TRIALS

    def test_the_ratio_is_of_tokens_a_cpu_second(self) -> None:
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
    def test_a_verdict_is_plain(self, low: float, high: float, says: str) -> None:
        assert verdict(Interval((low + high) / 2, low, high)) == says


def test_requests_are_dealt_a_b_b_a() -> None:
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
    def test_its_files_are_those_of_the_commit_and_not_of_the_folder(self, tmp_path: Path) -> None:
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
    def test_one_that_is_none_is_refused_in_a_sentence(self, revision: str, capsys: pytest.CaptureFixture[str]) -> None:
        assert diff.main(["--", revision]) == 2
        said = capsys.readouterr()
        assert said.err == f"{revision!r} is no commit of this repository: give a tag, a branch or a commit's id.\n"
        assert not said.out

    def test_a_backend_that_it_does_not_have_is_refused(self, tmp_path: Path) -> None:
        shutil.copyfile(environments.ROOT / "cookiecutter.json", tmp_path / "cookiecutter.json")
        with pytest.raises(environments.Missing, match=r"There is no backend 'other' in .*, which offers proxy, tools"):
            diff.peer("old", "other", tmp_path)


class TestTheAnswer:
    @pytest.mark.parametrize(("low", "code", "says"), [(0.951, 0, "Passed"), (0.949, 1, "Not passed")])
    def test_the_exit_code_says_whether_all_intervals_begin_high_enough(
        self, low: float, code: int, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        good, other = Interval(1.0, 0.99, 1.01), Interval(0.97, low, 0.99)
        found = [
            diff.Comparison("proxy", scenario, Costs([1e-5] * 4, [1e-5] * 4), ratio)
            for scenario, ratio in (("s50", good), ("one", other))
        ]
        file = tmp_path / "diff.json"
        assert diff.said(found, ("here", "v1 (abc)"), 0.95, 100.0, file) == code
        said = capsys.readouterr().out
        assert f"| proxy | one: one token a request | 0.970 | slower: {low:.3f} to 0.990 | 10.0 / 10.0 |" in said
        assert f"{says}: the lowest begins at {low:.3f}." in said
        assert f'"passed": {"true" if code == 0 else "false"}' in file.read_text()


def test_a_copy_with_a_long_loop_in_the_way_of_a_request_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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
