"""Compares two builds of one server by their CPU time per token, with a confidence interval.

Both servers run at the same time on the same CPU core, and every load sends requests to them in the order A B B A. So
other work on the machine slows both down equally. On a busy machine, the ratio from one burst of 50 streams varied by
2.5 %; when the servers got their bursts one after the other, it varied by 9 %. A part of the 2.5 % has another cause:
the memory addresses of a process change its CPU time by one or two percent. So both servers are restarted for each
block, and each block gives one ratio.
"""

import contextlib
import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from . import load
from .costs import LOADS
from .environments import Missing
from .intervals import Interval, interval
from .load import Load
from .progress import Progress
from .runs import SETTLE_SECONDS, WARM_UP
from .servers import Mock, Peer, Server

BURSTS = {
    "s50": replace(LOADS["s50"], ramp=0.5),
    "full": LOADS["full"],
    "flood": replace(LOADS["flood"], requests=100),
    "s500": replace(LOADS["s500"], ramp=2.0),
    "one": replace(LOADS["one"], requests=480),
}
# A multiple of 4: the server that starts first changes with each block, the one with the first request every two.
BLOCKS = 20
MIN_BLOCKS = 4
# A server looks for expired artifacts one second after its start. Measuring begins after that, to leave the cost out.
START_SECONDS = 1.3


@dataclass(frozen=True)
class Pair:
    """Two servers to compare in one scenario. Peers with the same name are one server, even in several pairs."""

    scenario: str
    new: Peer
    old: Peer


@dataclass
class Costs:
    """CPU seconds per token of both servers, one value for each block."""

    new: list[float] = field(default_factory=list)
    old: list[float] = field(default_factory=list)

    def ratio(self, together: int) -> Interval:
        """The confidence interval of the ratio: tokens per CPU second, new divided by old.

        `together` is the number of such intervals that must all hold at once with 95 % probability.
        """
        logs = [math.log(old / new) for new, old in zip(self.new, self.old, strict=True)]
        found = interval(logs, together)
        return Interval(math.exp(found.mean), math.exp(found.low), math.exp(found.high))

    def micros(self) -> tuple[float, float]:
        return statistics.median(self.new) * 1e6, statistics.median(self.old) * 1e6


def verdict(found: Interval) -> str:
    """Says in words whether the new server is slower or faster."""
    says = "slower" if found.high < 1 else "faster" if found.low > 1 else "no difference shown"
    return f"{says}: {found.low:.3f} to {found.high:.3f}"


def compare(pairs: Sequence[Pair], blocks: int = BLOCKS, seconds: float = math.inf, what: str = "diff") -> list[Costs]:
    """The costs of each pair. Starts no new block after `seconds`, but always measures `MIN_BLOCKS` blocks."""
    costs, progress, began = [Costs() for _ in pairs], Progress(f"{what}, block", blocks), time.monotonic()
    scenarios = ", ".join(dict.fromkeys(pair.scenario for pair in pairs))
    with Mock() as mock:
        for number in range(blocks):
            if number >= MIN_BLOCKS and time.monotonic() - began > seconds:
                break
            progress.step(scenarios)
            _block(pairs, costs, mock.port, number)
    return costs


def _block(pairs: Sequence[Pair], costs: Sequence[Costs], upstream: int, number: int) -> None:
    """Measures each pair once, with servers that run only for this block."""
    peers = list({peer.name: peer for pair in pairs for peer in (pair.new, pair.old)}.values())
    seed = {"PYTHONHASHSEED": str(number)}  # the same for both servers, and different in each block
    with contextlib.ExitStack() as stack:
        servers: dict[str, Server] = {}
        for peer in peers if number % 2 else reversed(peers):
            started = Server(replace(peer, environment={**peer.environment, **seed}), upstream)
            servers[peer.name] = stack.enter_context(started)
        ready = time.monotonic()
        load.run_all([server.url for server in servers.values()], replace(WARM_UP, requests=40 * len(servers)))
        time.sleep(max(0.0, ready + START_SECONDS - time.monotonic()))
        for pair, found in zip(pairs, costs, strict=True):
            new, old = servers[pair.new.name], servers[pair.old.name]
            first, second = (new, old) if number // 2 % 2 else (old, new)
            cost = dict(zip((first, second), _burst(first, second, BURSTS[pair.scenario]), strict=True))
            found.new.append(cost[new])
            found.old.append(cost[old])


def _burst(first: Server, second: Server, given: Load) -> list[float]:
    """CPU seconds per token, for each of the two servers."""
    servers = (first, second)
    before = [server.cpu() for server in servers]
    answers = load.run_all([server.url for server in servers], given)
    time.sleep(SETTLE_SECONDS)
    spent = [server.cpu() - earlier for server, earlier in zip(servers, before, strict=True)]
    for server, results in zip(servers, answers, strict=True):
        if wrong := [result.wrong for result in results if result.wrong]:
            raise Missing(f"{len(wrong)} of {len(results)} answers of {server.peer.name} were wrong: {wrong[0]}")
    tokens = [sum(len(result.latencies) for result in results) for results in answers]
    return [cpu / count for cpu, count in zip(spent, tokens, strict=True)]
