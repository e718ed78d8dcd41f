"""Helpers for a real Chromium: window size, colour scheme, console messages, screenshots."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from tools.browser import DRIVER
from tools.browser import browser as chromium

WIDE, PHONE = (1200, 1000), (390, 844)
_FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")


@contextmanager
def started(profile: Path, *more: str) -> Iterator[Chrome]:
    """Starts Chromium with a profile of its own, and with more command line options."""
    options = ChromeOptions()
    options.binary_location = str(chromium())
    for flag in (*_FLAGS, f"--user-data-dir={profile}", *more):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options=options, service=Service(str(shutil.which(DRIVER))))
    try:
        yield driver
    finally:
        driver.quit()


def opened(browser: Chrome, url: str, size: tuple[int, int] = WIDE, scheme: str = "light") -> None:
    resized(browser, size)
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    said_by(browser)
    browser.get(url)


def resized(browser: Chrome, size: tuple[int, int]) -> None:
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size[0] == PHONE[0]}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def said_by(browser: Chrome) -> list[object]:
    """The messages in the browser's console since the last call."""
    said: list[object] = browser.get_log("browser")  # type: ignore[no-untyped-call]
    return said


def asked(browser: Chrome, script: str) -> object:
    """Evaluates a JavaScript expression. The page's Content-Security-Policy does not apply to the driver."""
    return browser.execute_script(f"return {script}")


def photographed(browser: Chrome, file: Path, size: tuple[int, int]) -> None:
    """Saves a screenshot of the whole page, for people to look at."""
    resized(browser, (size[0], int(str(asked(browser, "document.documentElement.scrollHeight")))))
    file.parent.mkdir(parents=True, exist_ok=True)
    assert browser.save_screenshot(str(file))
    resized(browser, size)
