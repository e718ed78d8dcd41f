"""All scenarios by name. Each returns one section of the results."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .answers import answers
from .busy import BusyLoops
from .costs import LOADS, cost, scale, workers
from .idle import memory, start
from .lineup import PEERS
from .patterns import BUSY, even
from .runs import DIRECT, Rows

ALL = tuple(name for name in PEERS if name != "fixed")
STARTED = tuple(name for name in ALL if name not in ("paced", "events"))
SCALED = ("nginx", "relay", "raw-asgi", "plain-fastapi")


@dataclass(frozen=True)
class Scenario:
    """A scenario, which measures one section of the results. `run` takes the number of repetitions."""

    about: str
    run: Callable[[int], Rows]


def _even_busy(repetitions: int) -> Rows:
    with BusyLoops(2):
        return even(repetitions)


def _cost(name: str, names: Sequence[str]) -> Callable[[int], Rows]:
    return lambda repetitions: cost(name, LOADS[name], names, repetitions)


SCENARIOS = {
    "s50": Scenario("50 streams, a token every 20 ms", _cost("s50", (DIRECT, *ALL))),
    "full": Scenario("50 streams, a token every 2 ms: full rate", _cost("full", ALL)),
    "flood": Scenario("50 streams, as fast as they are read", _cost("flood", ALL)),
    "s500": Scenario("500 streams, a token every 200 ms", _cost("s500", ALL)),
    "one": Scenario("one token per request", _cost("one", ALL)),
    "start": Scenario("cold start and idle memory", lambda repetitions: start(STARTED, 2 * repetitions)),
    "memory": Scenario("memory of 2,000 open, silent streams", lambda repetitions: memory(("nginx", "relay"), 2000, 2)),
    "scale": Scenario("1 to 2,000 streams", lambda repetitions: scale(SCALED, max(1, repetitions // 2))),
    "workers": Scenario("several workers", workers),
    "even": Scenario("evenness by arrival pattern", even),
    "answers": Scenario("evenness of answers with tools, with the offline model", answers),
    BUSY: Scenario("the same beside two busy loops on each core", _even_busy),
}
