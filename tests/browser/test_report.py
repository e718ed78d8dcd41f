"""The check's report in a real Chromium: no error, nothing fetched, nothing of a server's runs, all is legible."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from competitor.checking.records import Record
from competitor.checking.report import as_html
from competitor.conformance import CLAUSES
from competitor.conformance.figures import Figure
from competitor.conformance.judging import Verdict
from competitor.conformance.target import Stream
from tools.browser import DRIVER
from tools.browser import browser as chromium

from ..generation.baking import bake
from ..template_path import TEMPLATE

pytestmark = pytest.mark.browser
SHOTS = TEMPLATE / "build" / "report"
WIDE, PHONE = (1200, 1000), (390, 844)
CHECK_SECONDS = 120
HOSTILE = "</title><script>document.title = 'owned'</script><img src=x onerror=\"document.title='owned'\">"
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    options = ChromeOptions()
    options.binary_location = str(chromium())
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options=options, service=Service(str(shutil.which(DRIVER))))
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a bake with tools, as its owner makes it."""
    project = bake(tmp_path_factory.mktemp("checked"), tmp_path_factory.mktemp("home"), {"backend": "tools"})
    made = tmp_path_factory.mktemp("report") / "report.html"
    start = f"{sys.executable} -m competitor serve --stand-ins"
    done = subprocess.run(
        [sys.executable, "-m", "competitor", "check", "--start", start, "--html", str(made)],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=CHECK_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return made


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a server that puts markup wherever it can."""
    verdicts = [Verdict(clause, "fail", HOSTILE, 0.1, (HOSTILE,)) for clause in CLAUSES.values()]
    line = b'data: {"choices": [{"delta": {"content": "<script>x</script>", "janus": {"event": "\\"><script>"}}}]}'
    stream = Stream(200, {}, [(0.1, line), (2.9, b": <script>"), (3.0, b"data: [DONE]")], seconds=3.0)
    record = Record(f"http://{HOSTILE}", verdicts, [Figure("streaming", 34, 15, HOSTILE)], [(HOSTILE, stream)], 3.0)
    made = tmp_path_factory.mktemp("hostile") / "report.html"
    made.write_text(as_html(record), encoding="utf-8")
    return made


def opened(browser: Chrome, page: Path, size: tuple[int, int] = WIDE, scheme: str = "light") -> None:
    width, height = size
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": size == PHONE}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    said_by(browser)
    browser.get(page.as_uri())


def said_by(browser: Chrome) -> list[object]:
    """The console since it was last asked."""
    said: list[object] = browser.get_log("browser")  # type: ignore[no-untyped-call]
    return said


def asked(browser: Chrome, script: str) -> object:
    """What a script of the driver's own finds; the page's policy holds for the page, not for the driver."""
    return browser.execute_script(f"return {script}")


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
    _keep_a_picture(browser, name, size)


def test_dark_is_dark_and_light_is_light(browser: Chrome, report: Path) -> None:
    shades = {}
    for scheme in ("light", "dark"):
        opened(browser, report, WIDE, scheme)
        colour = str(asked(browser, "getComputedStyle(document.body).backgroundColor"))
        shades[scheme] = sum(int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(","))
    assert shades["light"] > 600
    assert shades["dark"] < 150


def test_time_lines_have_every_lane_that_their_stream_had(browser: Chrome, report: Path) -> None:
    opened(browser, report)
    lanes = set(asked(browser, "[...document.querySelectorAll('svg .lane')].map(each => each.textContent)"))  # type: ignore[call-overload]
    assert {"pings", "reasoning", "text", "calls", "events", "end"} <= lanes
    texts = str(asked(browser, "[...document.querySelectorAll('svg text')].map(each => each.textContent).join('|')"))
    assert "2 s" in texts
    assert "first word" in texts


def test_words_in_a_drawing_do_not_lie_upon_each_other(browser: Chrome, report: Path) -> None:
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


def test_nothing_that_a_server_says_runs(browser: Chrome, hostile: Path) -> None:
    opened(browser, hostile)
    assert said_by(browser) == []
    assert "</title><script>" in browser.title
    assert asked(browser, "document.querySelectorAll('script, img, iframe, object').length") == 0
    assert asked(browser, "document.documentElement.scrollWidth <= window.innerWidth")


def _keep_a_picture(browser: Chrome, name: str, size: tuple[int, int]) -> None:
    """For people to look at, below build/."""
    height = int(str(asked(browser, "document.documentElement.scrollHeight")))
    metrics = {"width": size[0], "height": height, "deviceScaleFactor": 1, "mobile": size == PHONE}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    SHOTS.mkdir(parents=True, exist_ok=True)
    assert browser.save_screenshot(str(SHOTS / f"{name}.png"))
