"""A pytest plugin for the torture tests: adds options, picks the few cases of `make test`, and prints the counts."""

import random
from collections import Counter, defaultdict
from collections.abc import Generator, Iterable
from typing import Any

import pytest

from .goals import DEFAULTS, GOALS, SECRETS, Goal

# The number of cases that a short run has of each test. They are always the same cases.
SAMPLE, SEED = 3, 9


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("torture")
    group.addoption("--every", action="store_true", help="run every case of the torture tests, not only a sample")
    group.addoption(
        "--torture", action="store_true", help="run every case and print the table; fail if a goal is missed"
    )
    group.addoption("--line", default="", help="run only these lines of the table, such as B or ACD")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "torture(line, what): counts toward a goal of tests/torture/goals.py")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    whole, lines = config.getoption("--torture") or config.getoption("--every"), config.getoption("--line")
    cases: dict[str, list[pytest.Item]] = defaultdict(list)
    dropped: set[pytest.Item] = set()
    for item in items:
        if item.nodeid.endswith(SECRETS):
            item.add_marker(pytest.mark.torture("E"))
        marker = item.get_closest_marker("torture")
        if marker is None:
            continue
        line, what = _goal(marker)
        item.user_properties.append(("torture", f"{line} {what}"))
        if lines and line not in lines:
            dropped.add(item)
        if not whole and "/torture/" in item.nodeid:
            cases[item.nodeid.partition("[")[0]].append(item)
    for found in cases.values():
        taken = random.Random(SEED).sample(found, min(SAMPLE, len(found)))
        dropped.update(item for item in found if item not in taken)
    if dropped:
        config.hook.pytest_deselected(items=[item for item in items if item in dropped])
        items[:] = [item for item in items if item not in dropped]


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, Any, Any]:
    """In the test of line E, counts each pair of a secret and an answer as one case, if the test passes."""
    result = yield
    if pyfuncitem.nodeid.endswith(SECRETS):
        given: Any = pyfuncitem.funcargs
        canaries, seen = given["canaries"], given["seen"]
        pyfuncitem.user_properties.append(("count", len(canaries) * len(seen.places["answers"])))
    return result


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if config.getoption("--torture"):
        held, failed = counts(report for group in terminalreporter.stats.values() for report in group)
        for line in table(held, failed, config.getoption("--line")):
            terminalreporter.write_line(line)
        for line in worst(report for group in terminalreporter.stats.values() for report in group):
            terminalreporter.write_line(line)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fails the run if a goal was not reached, even if no test failed. (Workers skip it: they do not see all tests.)"""
    config = session.config
    if not config.getoption("--torture") or hasattr(config, "workerinput") or session.exitstatus:
        return
    reporter: Any = config.pluginmanager.getplugin("terminalreporter")
    held, _ = counts(report for group in reporter.stats.values() for report in group)
    if any(held[_name(goal)] < goal.minimum for goal in goals(config.getoption("--line"))):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _goal(marker: pytest.Mark) -> tuple[str, str]:
    line = marker.args[0]
    what = marker.args[1] if len(marker.args) > 1 else DEFAULTS[line]
    assert any((goal.line, goal.what) == (line, what) for goal in GOALS), f"{line} {what} is not a goal"
    return line, what


def _name(goal: Goal) -> str:
    return f"{goal.line} {goal.what}"


def goals(lines: str) -> list[Goal]:
    return [goal for goal in GOALS if not lines or goal.line in lines]


def counts(reports: Iterable[Any]) -> tuple[Counter[str], Counter[str]]:
    """Counts for each goal how many cases passed, and how many tests failed."""
    held: Counter[str] = Counter()
    failed: Counter[str] = Counter()
    for report in reports:
        if not isinstance(report, pytest.TestReport):
            continue
        properties = report.user_properties
        names = [str(value) for name, value in properties if name == "torture"]
        for name in names[:1]:
            if report.failed:
                failed[name] += 1
            elif report.when == "call" and report.passed:
                held[name] += sum(int(str(value)) for given, value in properties if given == "count") or 1
    return held, failed


def worst(reports: Iterable[Any]) -> list[str]:
    """The costliest inputs that tests have found (`record_property("worst", ...)`)."""
    found = [report for report in reports if isinstance(report, pytest.TestReport) and report.when == "call"]
    lines = [f"   {value}" for report in found for name, value in report.user_properties if name == "worst"]
    return ["", "The costliest requests that were found:", *lines] if lines else []


def table(held: Counter[str], failed: Counter[str], lines: str = "") -> list[str]:
    """The table, with a row for each goal: how many cases passed, how many are needed, and whether it is reached."""
    rows = ["", f"{'':2} {'':62} {'held':>7} {'goal':>7}"]
    for goal in goals(lines):
        name = _name(goal)
        verdict = f"{failed[name]} FAILED" if failed[name] else "reached" if held[name] >= goal.minimum else "MISSED"
        rows.append(f"{goal.line:2} {goal.what:62} {held[name]:7,} {goal.minimum:7,}  {verdict}")
    return rows
