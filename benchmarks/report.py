"""Makes tables from the results and writes them between the marks of docs/performance.md."""

import re
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path

from .answers import ASKED
from .environments import variants
from .goals import AGENT_GOALS, GOALS, Goal, Measured, Results, added, figure, ratio, runs
from .lineup import PEERS
from .patterns import BUSY, PACING, PATTERNS
from .runs import DIRECT

COST_SECTIONS = {
    "s50": "50 streams, 20 ms",
    "full": "full rate: 2 ms",
    "flood": "flood: no gap",
    "s500": "500 streams",
    "one": "one token per request",
}


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def number(value: float) -> str:
    """Formats a number with three significant digits, at most three decimals, and no exponent."""
    size = abs(value)
    return f"{value:.{0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.01 or size == 0 else 3}f}"


def shown(measured: Measured | None, spread: bool = True) -> str:
    if measured is None:
        return "-"
    between = f" ({number(measured.minimum)} to {number(measured.maximum)})" if spread else ""
    return f"{number(measured.median)}{between}"


def about(name: str) -> str:
    return "direct: no server between" if name == DIRECT else PEERS[name].about


def _goal_row(goal: Goal, results: Results) -> list[str]:
    measured = goal.measure(results)
    unit = f" {goal.unit}" if goal.unit else ""
    wanted = f"{'at most' if goal.at_most else 'at least'} {goal.wanted:g}{unit}"
    verdict = "not measured" if measured is None else "met" if goal.met(measured) else "**missed**"
    return [goal.about, wanted, shown(measured) + (unit if measured else ""), verdict]


def goals(results: Results) -> str:
    """The table of goals with measured figures."""
    head = ["Goal", "Target", "Measured: median (minimum to maximum)", "Result"]
    return table(head, [_goal_row(goal, results) for goal in (*GOALS, *AGENT_GOALS)])


def cost(results: Results) -> str:
    """The table of tokens per CPU second as ratios to nginx, cold start and idle memory."""
    sections = [section for section in COST_SECTIONS if section in results]
    rows = []
    for name in PEERS:
        ratios = [shown(ratio(results, section, name, "nginx")) for section in sections]
        ready = shown(figure(results, "start", name, "ready_s"))
        idle = shown(figure(results, "start", name, "memory_mib"), spread=False)
        if any(cell != "-" for cell in (*ratios, ready)):
            rows.append([about(name), *ratios, ready, idle])
    return table(["Server", *(COST_SECTIONS[s] for s in sections), "cold start, s", "idle, MiB"], rows)


def micros(results: Results) -> str:
    """The table of the figures behind the ratios: microseconds of CPU per token, and wrong answers."""
    sections = [section for section in COST_SECTIONS if section in results]
    rows = []
    for name in PEERS:
        cells = [shown(figure(results, section, name, "cpu_us")) for section in sections]
        wrong = sum(run["wrong"] for section in sections for run in runs(results, section, name))
        asked = sum(run["requests"] for section in sections for run in runs(results, section, name))
        if asked:
            rows.append([about(name), *cells, f"{wrong} of {asked}"])
    return table(["Server", *(f"{COST_SECTIONS[s]}, µs" for s in sections), "wrong answers"], rows)


def latency(results: Results) -> str:
    """The table of the latency that a server adds with 50 streams, to the first token and to each token."""
    keys = ("first_p50_ms", "first_p99_ms", "latency_p50_ms", "latency_p99_ms")
    rows = [
        [about(name), *(shown(added(results, name, key)) for key in keys)]
        for name in PEERS
        if runs(results, "s50", name)
    ]
    return table(["Server", "first token p50, ms", "p99, ms", "each token p50, ms", "p99, ms"], rows)


def even(results: Results, section: str = "even") -> str:
    """The table of evenness for each pattern, in each mode of pacing, and what pacing costs."""
    rows = []
    for pattern, (_, label) in PATTERNS.items():
        modes = [f"{pattern}/{mode}" for mode in PACING]
        if not runs(results, section, modes[0]):
            continue
        pairs = list(zip(runs(results, section, modes[0]), runs(results, section, modes[-1]), strict=True))
        held, longest, late, cpu = (
            Measured.of([paced[key] - bare[key] for bare, paced in pairs if paced[key] is not None])
            for key in ("held_ms", "longest_held_ms", "whole_s", "cpu_us")
        )
        late = Measured(*(value * 1000 for value in (late.median, late.minimum, late.maximum))) if late else None
        scores = [shown(figure(results, section, mode, "evenness")) for mode in modes]
        deltas = " / ".join(shown(figure(results, section, mode, "deltas"), spread=False) for mode in modes)
        rest = [shown(value, spread=False) for value in (held, longest, late, cpu)]
        rows.append([label, *scores, deltas, *rest])
    head = ["Pattern (synthetic)", "off", "fixed 60 a second", "auto", "deltas"]
    return table([*head, "held on average, ms", "longest, ms", "later end, ms", "CPU added, µs per token"], rows)


def answers(results: Results) -> str:
    """The table of the evenness of each variant's answers."""
    found = results.get("answers", {})
    rows = [
        [label, *(shown(figure(results, "answers", f"{variant}/{name}", "evenness")) for variant in variants())]
        for name, (_, label) in ASKED.items()
        if any(f"{variant}/{name}" in found for variant in variants())
    ]
    return table(["Answer", *variants()], rows)


def scale(results: Results) -> str:
    """The table of microseconds of CPU per token, by the number of streams."""
    rows = results.get("scale", {})
    counts = sorted({run["streams"] for found in rows.values() for run in found})
    lines = []
    for name, found in rows.items():
        by_count = [
            Measured.of([run["cpu_us"] for run in found if run["streams"] == n and run["cpu_us"]]) for n in counts
        ]
        lines.append([about(name), *(shown(value, spread=False) for value in by_count)])
    return table(["Server", *(f"{count}" for count in counts)], lines)


def memory(results: Results) -> str:
    rows = [
        [
            about(name),
            *(shown(figure(results, "memory", name, key)) for key in ("kib_a_stream", "kept_mib", "more_mib")),
            f"{sum(run['wrong'] for run in found)} of {sum(run['requests'] for run in found)}",
        ]
        for name, found in results.get("memory", {}).items()
    ]
    head = ["Server", "KiB per open, silent stream", "MiB kept after all have ended", "MiB added by 2,000 more streams"]
    return table([*head, "wrong answers"], rows)


def workers(results: Results) -> str:
    rows = [
        [name, *(shown(figure(results, "workers", name, key)) for key in ("tokens_per_second", "cpu_us", "memory_mib"))]
        for name in results.get("workers", {})
    ]
    return (
        table(["Workers", "tokens per second", "µs of CPU per token", "MiB"], rows)
        if rows
        else "This competitor has no setting for the number of workers."
    )


# name -> the function that makes the table, and the sections of which it needs one
TABLES: dict[str, tuple[Callable[[Results], str], Collection[str]]] = {
    "goals": (goals, (*COST_SECTIONS, "start", "memory", "even", "answers", BUSY)),
    "cost": (cost, COST_SECTIONS),
    "micros": (micros, COST_SECTIONS),
    "latency": (latency, ("s50",)),
    "even": (even, ("even",)),
    "answers": (answers, ("answers",)),
    "even-busy": (partial(even, section=BUSY), (BUSY,)),
    "scale": (scale, ("scale",)),
    "memory": (memory, ("memory",)),
    "workers": (workers, ("workers",)),
}


def tables(results: Results) -> dict[str, str]:
    """All tables for which there are results, by name."""
    return {name: made(results) for name, (made, needed) in TABLES.items() if any(one in results for one in needed)}


def machine(described: dict[str, str]) -> str:
    return "; ".join(f"{name}: {value}" for name, value in described.items()) + "."


def write(page: Path, made: dict[str, str]) -> None:
    """Writes each table between `<!-- NAME -->` and `<!-- /NAME -->`, and leaves the rest of the page unchanged.

    A goal that was not measured this time keeps its earlier row.
    """
    text = page.read_text(encoding="utf-8")
    for name, table in made.items():
        marks = re.compile(rf"(<!-- {name} -->\n)(.*?)(<!-- /{name} -->)", re.DOTALL)
        text = marks.sub(lambda found, table=table: f"{found[1]}{_merged(found[2], table)}\n{found[3]}", text)  # type: ignore[misc]
    page.write_text(text, encoding="utf-8")


def _merged(before: str, table: str) -> str:
    rows = {line.split(" | ")[0]: line for line in before.splitlines()}
    return "\n".join(
        rows.get(line.split(" | ")[0], line) if line.endswith("| not measured |") else line
        for line in table.splitlines()
    )
