"""Makes the pictures in the documents: `make pictures`, or only one with `make pictures PICTURE=report`.

Each picture has a function. The architecture is drawn from the list below; the others are screenshots of a newly
baked repo in a real browser.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from html import escape
from pathlib import Path

from selenium.webdriver import Chrome, ChromeOptions, Keys
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tools.browser import DRIVER, browser  # noqa: E402 - needs the path that was added above

DOCS = ROOT / "docs"
START_SECONDS = 60.0
PAGE_SECONDS = 120


@dataclass(frozen=True)
class Box:
    x: int
    y: int
    width: int
    height: int
    title: str
    lines: Sequence[str] = ()
    kind: str = "contract"


# The parts of a competitor, and who calls whom. A test compares the names with the files.
BOXES = (
    Box(15, 120, 180, 110, "Caller", ("a gateway, a test,", "a chat client"), "outside"),
    Box(260, 40, 560, 330, "competitor/core/", (), "group"),
    Box(
        280,
        90,
        240,
        120,
        "server/, request/",
        ("HTTP, limits, refusals", "schema.py: a valid request", "errors.py: one error format"),
    ),
    Box(
        280,
        230,
        240,
        120,
        "answer/, stream/",
        ("one stream, one writer", "pacing.py: an even flow", "pings, deadline, [DONE]"),
    ),
    Box(
        560,
        90,
        240,
        120,
        "api.py, chat.py",
        ("what a backend imports and gets", "events.py: what it may yield", "artifacts/, tools/"),
    ),
    Box(
        560,
        230,
        240,
        120,
        "model/, outbound/",
        ("any model's dialect in", "text and reasoning out", "offline/: with no model"),
    ),
    Box(
        895,
        90,
        235,
        120,
        "competitor/backend/",
        ("agent.py: yours", "tools, prompts, libraries", "an update never touches it"),
        "owner",
    ),
    Box(
        895,
        230,
        235,
        120,
        "Model's server",
        ("or the offline model", "services of the platform", "egress.py: listed hosts only"),
        "outside",
    ),
    Box(260, 410, 260, 90, "competitor/checks/", ("a check a clause, by HTTP alone", "competitor check")),
    Box(560, 410, 260, 90, "competitor/submission/", ("the form and the checklist", "competitor submission")),
)
ARROWS = (
    ((195, 150), (280, 150), "request"),
    ((280, 290), (105, 232), "stream"),
    ((520, 150), (560, 150), ""),
    ((800, 140), (895, 140), "chat"),
    ((895, 175), (800, 175), "events"),
    ((800, 275), (895, 275), "asks"),
    ((895, 310), (800, 310), "chunks"),
    ((560, 290), (520, 290), ""),
    ((680, 210), (680, 230), ""),
    ((390, 410), (390, 372), "asks"),
    ((560, 455), (520, 455), ""),
)
STYLE = """
text { font: 13px ui-sans-serif, system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600; font-size: 14px } .label { font-size: 12px; fill: #57606a }
rect { stroke-width: 1.5; rx: 8 }
.contract { fill: #ddf4ff; stroke: #0969da } .owner { fill: #dafbe1; stroke: #1a7f37 }
.outside { fill: #f6f8fa; stroke: #8c959f } .group { fill: #ffffff; stroke: #0969da; stroke-dasharray: 5 4 }
path { stroke: #57606a; stroke-width: 1.5; fill: none }
"""


def architecture() -> None:
    """Writes docs/architecture.svg: who calls whom in a competitor."""
    (DOCS / "architecture.svg").write_text(drawn(), encoding="utf-8")


def drawn() -> str:
    """Draws the architecture as SVG."""
    parts = [part for box in BOXES for part in _box(box)]
    parts += [part for arrow in ARROWS for part in _arrow(*arrow)]
    parts.append(
        '<text class="label" x="20" y="528">blue: contract files, equal in every competitor; green: your files</text>'
    )
    end = '<marker id="end" markerWidth="9" markerHeight="9" refX="8" refY="4" orient="auto">'
    head = f'{end}<path d="M1 1 8 4 1 7"/></marker>'
    frame = (
        'xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1145 540" role="img" aria-label="How a competitor is built"'
    )
    ground = '<rect width="1145" height="540" fill="#ffffff"/>'
    body = "\n".join(parts)
    return f"<svg {frame}>\n<style>{STYLE}</style>\n<defs>{head}</defs>\n{ground}\n{body}\n</svg>\n"


def report() -> None:
    """Writes docs/check-report.png: the report of `competitor check` on a repo with tools."""
    with baked("tools") as project:
        page = project / "report.html"
        start = f"{sys.executable} -m competitor serve --stand-ins"
        subprocess.run(
            [sys.executable, "-m", "competitor", "check", "--start", start, "--html", str(page)],
            cwd=project,
            stdout=subprocess.DEVNULL,
            check=True,
        )
        with window((1200, 1400)) as shown:
            shown.get(page.as_uri())
            shown.save_screenshot(str(DOCS / "check-report.png"))


def console() -> None:
    """Writes docs/console.png: the debug console after two questions."""
    with baked("tools") as project, served(project) as url, window((1280, 1000)) as shown:
        shown.get(f"{url}/debug")
        prompts = ("What is 17 * 23?", "Create a file notes.md that contains hello, and tell me what 6 * 7 is.")
        for number, prompt in enumerate(prompts, 1):
            field = shown.find_element(By.ID, "prompt")
            field.clear()
            field.send_keys(prompt, Keys.CONTROL, Keys.ENTER)
            wait = WebDriverWait(shown, PAGE_SECONDS)
            wait.until(lambda page: texts(page, "article .badge")[:1] == ["stop"])
            wait.until(partial(_listed, ["ok"] * number))
        shown.save_screenshot(str(DOCS / "console.png"))


def _listed(badges: list[str], page: Chrome) -> bool:
    return texts(page, "#requests .badge") == badges


def texts(shown: Chrome, selector: str) -> list[str]:
    script = "return [...document.querySelectorAll(arguments[0])].map(each => each.innerText)"
    found: list[str] = shown.execute_script(script, selector)
    return found


PICTURES: dict[str, Callable[[], None]] = {each.__name__: each for each in (architecture, report, console)}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("picture", nargs="*", help=f"{', '.join(PICTURES)} (default: all)")
    for name in parser.parse_args().picture or PICTURES:
        PICTURES[name]()
        print(PICTURES[name].__doc__)
    return 0


def _box(box: Box) -> Iterator[str]:
    yield f'<rect class="{box.kind}" x="{box.x}" y="{box.y}" width="{box.width}" height="{box.height}"/>'
    yield f'<text class="title" x="{box.x + 14}" y="{box.y + 26}">{escape(box.title)}</text>'
    for number, line in enumerate(box.lines):
        yield f'<text x="{box.x + 14}" y="{box.y + 52 + 20 * number}">{escape(line)}</text>'


def _arrow(start: tuple[int, int], end: tuple[int, int], label: str) -> Iterator[str]:
    yield f'<path d="M{start[0]} {start[1]} L{end[0]} {end[1]}" marker-end="url(#end)"/>'
    if label:
        middle = (start[0] + end[0]) // 2, (start[1] + end[1]) // 2
        beside = 6 if start[0] == end[0] else -len(label) * 3
        yield f'<text class="label" x="{middle[0] + beside}" y="{middle[1] - 6}">{escape(label)}</text>'


@contextmanager
def baked(backend: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        (home / "config.yaml").write_text(f"replay_dir: {home.as_posix()}\ncookiecutters_dir: {home.as_posix()}\n")
        where = ["--config-file", str(home / "config.yaml"), "-o", folder]
        command = [sys.executable, "-m", "cookiecutter", str(ROOT), "--no-input", *where, f"backend={backend}"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        yield home / "my-competitor"


@contextmanager
def served(project: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    environment = {**os.environ, "PORT": str(port), "HOST": "127.0.0.1"}
    command = [sys.executable, "-m", "competitor", "serve", "--stand-ins", "--console"]
    server = subprocess.Popen(command, cwd=project, env=environment, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()  # nosec B310 - our own
                break
            except OSError:
                if server.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("the server did not become healthy") from None
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)


@contextmanager
def window(size: tuple[int, int]) -> Iterator[Chrome]:
    """Opens a headless browser whose page has this width and height in pixels."""
    options = ChromeOptions()
    for option in ("--headless=new", "--no-sandbox", "--hide-scrollbars", f"--window-size={size[0]},{size[1]}"):
        options.add_argument(option)
    # The paths are given, so that Selenium does not search for or download a browser.
    options.binary_location = str(browser())
    opened = Chrome(options=options, service=Service(shutil.which(DRIVER)))
    try:
        opened.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": False},
        )
        yield opened
    finally:
        opened.quit()


if __name__ == "__main__":
    sys.exit(main())
