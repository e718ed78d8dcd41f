"""The goals: the figures that the benchmark should reach, and how to compute them from its results."""

import statistics
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from .patterns import AT_THE_END, BUSY, PATTERNS, SHORT
from .runs import DIRECT, Rows, Run

Results = dict[str, Rows]  # section -> rows


@dataclass(frozen=True)
class Measured:
    """The median, the minimum and the maximum of a figure over all repetitions."""

    median: float
    minimum: float
    maximum: float

    @classmethod
    def of(cls, values: list[float]) -> "Measured | None":
        return cls(statistics.median(values), min(values), max(values)) if values else None


Measure = Callable[[Results], Measured | None]


@dataclass(frozen=True)
class Goal:
    """One row of the table of goals. With `at_most`, the figure must not be higher than the target."""

    about: str
    wanted: float
    unit: str
    measure: Measure
    at_most: bool = False

    def met(self, measured: Measured) -> bool:
        return measured.median <= self.wanted if self.at_most else measured.median >= self.wanted


def runs(results: Results, section: str, name: str) -> list[Run]:
    return results.get(section, {}).get(name, [])


def ratio(results: Results, section: str, name: str, base: str) -> Measured | None:
    """Tokens per CPU second of one server, divided by those of another, within each repetition."""
    pairs = zip(runs(results, section, name), runs(results, section, base), strict=False)
    return Measured.of([theirs["cpu_us"] / ours["cpu_us"] for ours, theirs in pairs if ours["cpu_us"]])


def figure(results: Results, section: str, name: str, key: str) -> Measured | None:
    values: list[Any] = [run.get(key) for run in runs(results, section, name)]
    return Measured.of([value for value in values if value is not None])


def added(results: Results, name: str, key: str) -> Measured | None:
    """The milliseconds that a server adds, per repetition: the time with the server, minus the time without it."""
    pairs = zip(runs(results, "s50", name), runs(results, "s50", DIRECT), strict=False)
    return Measured.of([ours[key] - bare[key] for ours, bare in pairs if ours[key] is not None])


def worst(section: str, patterns: Iterable[str]) -> Measure:
    """Measures the evenness with pacing of the pattern that has the lowest median."""

    def measure(results: Results) -> Measured | None:
        found = [figure(results, section, f"{pattern}/paced", "evenness") for pattern in patterns]
        return min((one for one in found if one), key=lambda one: one.median, default=None)

    return measure


def worst_answer(results: Results) -> Measured | None:
    """Measures the evenness of the answer, of any variant, that has the lowest median."""
    found = [figure(results, "answers", row, "evenness") for row in results.get("answers", {})]
    return min((one for one in found if one), key=lambda one: one.median, default=None)


def worst_change(section: str, since: str, patterns: Iterable[str]) -> Measure:
    """Measures the difference of the medians of "paced" and of another mode, for the pattern where it is lowest."""

    def measure(results: Results) -> Measured | None:
        pairs = [
            [figure(results, section, f"{pattern}/{mode}", "evenness") for mode in (since, "paced")]
            for pattern in patterns
        ]
        changes = [paced.median - other.median for other, paced in pairs if other and paced]
        return Measured.of([min(changes)]) if changes else None

    return measure


def _ratio(section: str, name: str, base: str) -> Measure:
    return lambda results: ratio(results, section, name, base)


def _figure(section: str, name: str, key: str) -> Measure:
    return lambda results: figure(results, section, name, key)


def _added(name: str, key: str) -> Measure:
    return lambda results: added(results, name, key)


FLOWING = tuple(name for name in PATTERNS if name not in AT_THE_END)
LONG = tuple(name for name in PATTERNS if name not in SHORT)
GOALS = (
    Goal("50 streams at 20 ms: the core's relay divided by nginx", 0.55, "", _ratio("s50", "relay", "nginx")),
    Goal("50 streams at 20 ms: any backend's events divided by nginx", 0.40, "", _ratio("s50", "events", "nginx")),
    Goal("full rate: relay divided by nginx", 0.65, "", _ratio("full", "relay", "nginx")),
    Goal("one token per request: relay divided by nginx", 0.24, "", _ratio("one", "relay", "nginx")),
    Goal("50 streams at 20 ms: relay divided by plain FastAPI", 4, "", _ratio("s50", "relay", "plain-fastapi")),
    Goal("full rate: relay divided by plain FastAPI", 2, "", _ratio("full", "relay", "plain-fastapi")),
    Goal("50 streams at 20 ms: relay divided by LiteLLM proxy", 15, "", _ratio("s50", "relay", "litellm")),
    Goal("full rate: relay divided by LiteLLM proxy", 15, "", _ratio("full", "relay", "litellm")),
    Goal("time added to the first token, p50, 50 streams", 1.5, "ms", _added("relay", "first_p50_ms"), at_most=True),
    Goal("time added to the first token, p99, 50 streams", 5, "ms", _added("relay", "first_p99_ms"), at_most=True),
    Goal("500 streams: relay divided by nginx", 0.39, "", _ratio("s500", "relay", "nginx")),
    Goal("cold start to the first 200 of `/health`", 0.6, "s", _figure("start", "relay", "ready_s"), at_most=True),
    Goal("memory of an idle open stream", 60, "KiB", _figure("memory", "relay", "kib_a_stream"), at_most=True),
    Goal("memory kept after 2,000 streams", 5, "MiB", _figure("memory", "relay", "kept_mib"), at_most=True),
    Goal("evenness at rest: worst pattern, paced", 93, "", worst("even", FLOWING)),
    Goal("evenness at rest: all text at once at the end, worse of both", 75, "", worst("even", AT_THE_END)),
    Goal(
        "evenness at rest: least gain over no pacing (0 to -2 is noise)",
        -2,
        "",
        worst_change("even", "relay", PATTERNS),
    ),
    Goal("evenness at rest: worst answer with tools, any variant", 90, "", worst_answer),
    Goal("evenness, 2 busy loops a core: worst pattern of 2 s and more", 85, "", worst(BUSY, LONG)),
    Goal("the same: least gain over a fixed 60 a second", -2, "", worst_change(BUSY, "fixed", LONG)),
)
AGENT_GOALS = (
    Goal("50 streams at 20 ms: LangChain agent divided by nginx", 0.15, "", _ratio("s50", "langchain", "nginx")),
    Goal("50 streams at 20 ms: agent divided by `ChatOpenAI`", 2.5, "", _ratio("s50", "langchain", "chat-openai")),
    Goal("cold start with LangChain", 1.5, "s", _figure("start", "langchain", "ready_s"), at_most=True),
    *(
        goal
        for title, ours, theirs in (
            ("LangGraph", "langgraph", "langgraph-openai"),
            ("PydanticAI", "pydantic-ai", "pydantic-ai-openai"),
            ("OpenAI Agents", "openai-agents", "openai-agents-plain"),
        )
        for goal in (
            Goal(f"50 streams at 20 ms: {title} divided by its plain use", 2.5, "", _ratio("s50", ours, theirs)),
            Goal(f"cold start with {title}", 1.5, "s", _figure("start", ours, "ready_s"), at_most=True),
        )
    ),
)
