"""Tests the report of `competitor check` in a real Chromium: no errors, requests or scripts, and legible text."""

import subprocess
import sys
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from competitor.checks import CASES
from competitor.checks.figures import Figure
from competitor.checks.judging import Verdict
from competitor.checks.report.html import as_html
from competitor.checks.report.records import Record
from competitor.checks.responses import Stream

from ..bakes import Bakes
from ..template_path import TEMPLATE
from .axe import violations
from .window import PHONE, WIDE, asked, photographed, said_by
from .window import opened as opened_at

pytestmark = pytest.mark.browser
SHOTS = TEMPLATE / "build" / "report"
CHECK_SECONDS = 120
HOSTILE = "</title><script>document.title = 'owned'</script><img src=x onerror=\"document.title='owned'\">"


@pytest.fixture(scope="module")
def report(bakes: Bakes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report for a generated repo with tools, made with the command that its owner uses."""
    made = tmp_path_factory.mktemp("report") / "report.html"
    start = f"{sys.executable} -m competitor serve --stand-ins"
    done = subprocess.run(
        [sys.executable, "-m", "competitor", "check", "--start", start, "--html", str(made)],
        cwd=bakes("tools"),
        capture_output=True,
        text=True,
        timeout=CHECK_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return made


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report for a server that sends HTML markup wherever it can."""
    verdicts = [Verdict(case, "broken", HOSTILE, servers=(HOSTILE,)) for case in CASES.values()]
    line = b'data: {"choices": [{"delta": {"content": "<script>x</script>", "janus": {"event": "\\"><script>"}}}]}'
    stream = Stream(200, {}, [(0.1, line), (2.9, b": <script>"), (3.0, b"data: [DONE]")], seconds=3.0)
    record = Record(
        f"http://{HOSTILE}", verdicts, [Figure("streaming", 34, 15, HOSTILE)], [(HOSTILE, stream)], 3.0, HOSTILE
    )
    made = tmp_path_factory.mktemp("hostile") / "report.html"
    made.write_text(as_html(record), encoding="utf-8")
    return made


def opened(browser: Chrome, page: Path, size: tuple[int, int] = WIDE, scheme: str = "light") -> None:
    opened_at(browser, page.as_uri(), size, scheme)


@pytest.mark.parametrize(
    ("name", "size", "scheme"), [("light", WIDE, "light"), ("dark", WIDE, "dark"), ("phone", PHONE, "light")]
)
def test_the_report_opens_without_an_error_and_fits(
    name: str, size: tuple[int, int], scheme: str, browser: Chrome, report: Path
) -> None:
    opened(browser, report, size, scheme)
    assert said_by(browser) == []
    assert "complies with" in browser.title
    assert asked(browser, "document.documentElement.scrollWidth <= window.innerWidth")
    assert asked(browser, "performance.getEntriesByType('resource').length") == 0
    assert asked(browser, "document.querySelectorAll('svg').length") >= 5  # type: ignore[operator]
    photographed(browser, SHOTS / f"{name}.png", size)


def test_the_page_is_dark_or_light_as_the_system_prefers(browser: Chrome, report: Path) -> None:
    shades = {}
    for scheme in ("light", "dark"):
        opened(browser, report, WIDE, scheme)
        colour = str(asked(browser, "getComputedStyle(document.body).backgroundColor"))
        shades[scheme] = sum(int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(","))
    assert shades["light"] > 600
    assert shades["dark"] < 150


def test_time_lines_have_a_lane_for_every_kind_of_event(browser: Chrome, report: Path) -> None:
    opened(browser, report)
    lanes = set(asked(browser, "[...document.querySelectorAll('svg .lane')].map(each => each.textContent)"))  # type: ignore[call-overload]
    assert {"pings", "reasoning", "text", "calls", "events", "end"} <= lanes
    texts = str(asked(browser, "[...document.querySelectorAll('svg text')].map(each => each.textContent).join('|')"))
    assert "2 s" in texts
    assert "first word" in texts


def test_labels_in_a_drawing_do_not_overlap(browser: Chrome, report: Path) -> None:
    opened(browser, report)
    overlaps = asked(
        browser,
        """[...document.querySelectorAll('svg')].flatMap(svg => {
            const boxes = [...svg.querySelectorAll('text')]
                .map(each => [each.textContent, each.getBoundingClientRect()]);
            return boxes.flatMap(([one, a], place) => boxes.slice(place + 1)
                .filter(([, b]) => a.left < b.right - 1 && b.left < a.right - 1
                                && a.top < b.bottom - 3 && b.top < a.bottom - 3)
                .map(([other]) => one + ' / ' + other));
        })""",
    )
    assert overlaps == []


def test_no_markup_or_script_from_a_server_runs(browser: Chrome, hostile: Path) -> None:
    opened(browser, hostile)
    assert said_by(browser) == []
    assert "</title><script>" in browser.title
    assert asked(browser, "document.querySelectorAll('script, img, iframe, object').length") == 0
    assert asked(browser, "document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_violates_wcag_aa(scheme: str, browser: Chrome, report: Path) -> None:
    opened(browser, report, WIDE, scheme)
    browser.execute_script("for (const part of document.querySelectorAll('details')) part.open = true")
    assert violations(browser) == []
