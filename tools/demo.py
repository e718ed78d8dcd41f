"""Makes a competitor, starts it, streams one answer, and shows what happened. `make demo` runs it.

It writes only to `build/demo`, needs no API key, and stops the server at the end.
"""

import argparse
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from templates_variants.engine.bake import variants

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build" / "demo"
START_SECONDS = 60.0
BOLD, PLAIN = ("\x1b[1m", "\x1b[0m") if sys.stdout.isatty() else ("", "")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--backend", default=os.environ.get("BACKEND", "proxy"), help="which variant to bake (default: %(default)s)"
    )
    parser.add_argument(
        "--prompt", default=os.environ.get("PROMPT"), help="what to ask (default: the variant's own question)"
    )
    given = parser.parse_args()
    known = sorted(path.parent.name for path in (ROOT / variants.FOLDER).glob("*/variant.json"))
    if given.backend not in known:
        parser.error(f"there is no backend {given.backend!r}; choose one of {', '.join(known)}")
    prompt = given.prompt or prompt_of(given.backend)
    project = bake(given.backend)
    set_up = "from competitor.cli import tasks; tasks.environment(tasks.LOCK)"
    if subprocess.run([sys.executable, "-c", set_up], cwd=project, check=False).returncode:
        return 1
    step(2, f"Start it: cd {project.relative_to(ROOT)} && make run")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    began = time.monotonic()
    environment = {**os.environ, "PORT": str(port), "HOST": "127.0.0.1", "JANUS_LOG_FORMAT": "text"}
    log = (FOLDER / "server.log").open("wb")  # in the terminal, log lines would mix with the answer
    command = [sys.executable, "-m", "competitor", "run", "--no-reload"]
    server = subprocess.Popen(command, cwd=project, env=environment, stderr=log)
    try:
        url = f"http://127.0.0.1:{port}"
        if not healthy(url, server):
            print(f"The server did not become healthy:\n{(FOLDER / 'server.log').read_text()}", file=sys.stderr)
            return 1
        show(f"healthy after {time.monotonic() - began:.1f} s, without a key and without a network")
        step(3, f"Ask it: make ask PROMPT={shlex.quote(prompt)}")
        asked = subprocess.run(
            [sys.executable, "-m", "competitor", "ask", prompt, "--url", url], cwd=project, check=False
        )
    finally:
        server.terminate()
        server.wait(20)
        log.close()
    step(4, "Make it yours")
    show(f"the competitor stays in {project.relative_to(ROOT)}; run its own tests there: `make test`")
    show("the file to edit: competitor/backend/agent.py")
    return asked.returncode


def prompt_of(backend: str) -> str:
    """The question that shows best what this variant can do."""
    return variants.read(ROOT, backend).demo


def bake(backend: str) -> Path:
    step(1, f"Bake a competitor: cookiecutter . --no-input backend={backend}")
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    config = FOLDER / "config.yaml"  # so that the demo does not touch the user's own cookiecutter files
    config.write_text(f"replay_dir: {FOLDER.as_posix()}\ncookiecutters_dir: {FOLDER.as_posix()}\n", encoding="utf-8")
    where = ["--config-file", str(config), "-o", str(FOLDER)]
    command = [sys.executable, "-m", "cookiecutter", str(ROOT), "--no-input", *where, f"backend={backend}"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    project = FOLDER / "my-competitor"
    show("a full repo: server, Dockerfile, CI, tests, submission form")
    return project


def healthy(url: str, server: "subprocess.Popen[bytes]") -> bool:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/health", timeout=5) as reply:  # noqa: S310 # nosec B310 - our own server
                return bool(reply.status == 200)
        except OSError:
            time.sleep(0.05)
    return False


def step(number: int, what: str) -> None:
    print(f"\n{BOLD}{number}. {what}{PLAIN}", flush=True)


def show(what: str) -> None:
    print(f"   {what}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
