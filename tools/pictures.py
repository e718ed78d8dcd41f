"""Takes the picture of the debug console that the documents show, in a real Chromium. `make pictures` runs it.

A fresh bake answers, on the offline model, so that anybody can take it again.
"""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

from tests.browser.window import opened, started
from tests.generation.baking import bake
from tools.demo import ROOT, healthy, prompt_of

PICTURE = ROOT / "docs" / "console.png"
SIZE = (1200, 860)
MOST_BYTES = 200_000
WAIT_SECONDS = 30


def main() -> int:
    with tempfile.TemporaryDirectory() as scratch:
        folders = [Path(scratch) / name for name in ("home", "bake", "profile")]
        for folder in folders:
            folder.mkdir()
        home, output, profile = folders
        with serving(bake(output, home, {"backend": "tools"})) as url, started(profile) as browser:
            opened(browser, f"{url}/debug", SIZE)
            ask(browser, prompt_of("tools"))
            PICTURE.parent.mkdir(exist_ok=True)
            browser.save_screenshot(str(PICTURE))
    size = PICTURE.stat().st_size
    print(f"{PICTURE.relative_to(ROOT)}: {size} bytes")
    return 0 if size <= MOST_BYTES else 1


def ask(browser: Chrome, prompt: str) -> None:
    """Sends a prompt, and waits until its answer stands there, and in the list of the last requests."""
    browser.find_element(By.ID, "prompt").send_keys(prompt)
    browser.find_element(By.ID, "send").click()
    WebDriverWait(browser, WAIT_SECONDS).until(lambda _: texts(browser, "article .badge") == ["stop"])
    WebDriverWait(browser, WAIT_SECONDS).until(lambda _: texts(browser, "#requests .badge") == ["ok"])


def texts(browser: Chrome, selector: str) -> list[str]:
    script = "return [...document.querySelectorAll(arguments[0])].map(each => each.innerText)"
    found: list[str] = browser.execute_script(script, selector)
    return found


@contextlib.contextmanager
def serving(project: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    command = [sys.executable, "-m", "competitor", "serve", "--console", "--stand-ins"]
    environment = {**os.environ, "PORT": str(port), "HOST": "127.0.0.1"}
    server = subprocess.Popen(command, cwd=project, env=environment, stderr=subprocess.DEVNULL)
    try:
        if not healthy(f"http://127.0.0.1:{port}", server):
            raise RuntimeError("the competitor did not become healthy")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(20)


if __name__ == "__main__":
    sys.exit(main())
