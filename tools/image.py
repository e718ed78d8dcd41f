"""Builds the Dockerfile of a baked repo and runs the image like the arena, without a Docker daemon: `make test-image`.

It needs root on Debian 12, and installs buildah, podman, runc and mmdebstrap from Debian's packages if they are
missing. It uses no image registry: it makes its own base image from Debian's packages, with Debian's Python, and uses
this image for every FROM instead of the official Python image. The build has no network and takes its wheels from a
folder. The two base images differ in size, so the script also shows how many MB the Dockerfile adds to its base image.
"""

import argparse
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WORK = Path(os.environ.get("WORK_DIR", "/var/tmp/janus-template-image"))
SUITE, PYTHON = "bookworm", "3.11"  # Debian 12's Python is 3.11
BASE = f"localhost/python-base:{SUITE}"
IMAGE = "localhost/janus-template:test"
PACKAGES = ("buildah", "podman", "runc", "mmdebstrap", "uidmap", "slirp4netns", "netavark")
BUILDAH = ("buildah", "--runtime", "runc")
PODMAN = ("podman", "--runtime", "runc", "--cgroup-manager", "cgroupfs")
# The options of the arena's containers, but stricter.
CONFINED = (
    *("--read-only", "--tmpfs", "/tmp:rw,size=64m,mode=1777", "--cap-drop", "all", "--network", "none"),
    *("--security-opt", "no-new-privileges", "--pids-limit", "128", "--memory", "512m", "--memory-swap", "512m"),
    *("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "--no-healthcheck"),
)
MAX_IMAGE_BYTES = 500 * 10**6
MAX_START_SECONDS = 30.0
# The contract allows 30 s until it is healthy. Our goal is 3 s, which a busy machine may reach only at the second try.
READY_SECONDS, TRIES = 3.0, 3
# The folders of `competitor` that check a server from outside, which the image does not contain.
LEFT_OUT = ("checks", "submission", "workshop")
NO_CHECKS = "The image does not contain the checks: run this command in the repo instead."
held = 0  # how many promises have been checked and hold
UPSTREAM = "upstream.chutes.ai"  # a host name of the platform that points to a stand-in inside the container
UPSTREAM_PORT = 9901
SECOND_PORT = 8081  # of a second server in the container
TOKEN = "canary-token-of-a-user"  # noqa: S105


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    backend = os.environ.get("BACKEND", "proxy")
    parser.add_argument("--backend", default=backend, help="which variant to bake (default: %(default)s)")
    given = parser.parse_args()
    if sys.platform != "linux" or os.geteuid() != 0:
        print("This needs root on Debian 12.", file=sys.stderr)
        return 2
    WORK.mkdir(parents=True, exist_ok=True)
    with (WORK / "lock").open("w") as lock:  # one run at a time, because runs share the name of the image
        fcntl.flock(lock, fcntl.LOCK_EX)
        return check(given.backend)


def check(backend: str) -> int:
    """Builds and runs the image of this variant, and checks every promise. Exits if a promise does not hold."""
    install_tools()
    make_base()
    with tempfile.TemporaryDirectory(dir=WORK) as scratch:
        project = bake(Path(scratch), backend=backend, llm_base_url=f"http://{UPSTREAM}:{UPSTREAM_PORT}/v1")
        with (project / "competitor" / "backend" / "agent.py").open("a", encoding="utf-8") as agent:
            agent.write(_OWNERS_EDIT)
        fetch_wheels(project)
        build_twice(project)
        check_size()
        check_metadata()
        check_start_time()
        with container() as name:
            check_confinement(name)
            check_packages(name, project)
            check_offline_answer(name)
            check_artifact(name)
            check_token(name, project)
            check_stop(name)
    print(f"The image is good: all {held} promises hold.")
    return 0


def say(what: str) -> None:
    print(f"- {what}", flush=True)


def run(*command: str, text: str | None = None, cwd: Path | None = None) -> str:
    """Runs a command and returns its output. If it fails, shows all of its output and exits."""
    done = subprocess.run(command, capture_output=True, text=True, input=text, cwd=cwd, check=False)
    if done.returncode:
        raise SystemExit(
            f"{' '.join(command)[:300]}\nfailed with exit code {done.returncode}:\n{done.stdout}{done.stderr}"
        )
    return done.stdout.strip()


def expect(holds: object, what: str) -> None:
    """Checks one promise, described by `what`: if it holds, prints and counts it; otherwise exits with an error."""
    global held
    if not holds:
        raise SystemExit(f"FAILED: {what}")
    held += 1
    say(what)


def install_tools() -> None:
    if any(shutil.which(name) is None for name in PACKAGES[:4]):
        say(f"installing {', '.join(PACKAGES)}")
        run("apt-get", "update", "-qq")
        run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES)


def make_base() -> None:
    """Makes the replacement for the official Python image, unless it exists."""
    if subprocess.run(["buildah", "inspect", BASE], capture_output=True, check=False).returncode == 0:
        return
    say("making a base image from Debian's packages")
    sources = [*Path("/etc/apt/sources.list.d").glob("*.sources"), Path("/etc/apt/sources.list")]
    mirror = next(str(path) for path in sources if path.exists() and path.stat().st_size)
    included = "--include=ca-certificates,python3,python3-venv,python3-pip"
    run("mmdebstrap", "--quiet", "--variant=minbase", included, SUITE, str(WORK / "base.tar"), mirror)
    (WORK / "Dockerfile.base").write_text(
        "FROM scratch\nADD base.tar /\n"
        "RUN ln -s /usr/bin/python3 /usr/local/bin/python && rm -f /usr/lib/python3*/EXTERNALLY-MANAGED\n"
        "ENV PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8\n",
        encoding="utf-8",
    )
    isolated = ("--isolation=oci", "--network", "none", "-q")
    run(*BUILDAH, "bud", *isolated, "-t", BASE, "-f", str(WORK / "Dockerfile.base"), str(WORK))


def bake(scratch: Path, **answers: str) -> Path:
    config = scratch / "config.yaml"
    config.write_text(f"replay_dir: {scratch}\ncookiecutters_dir: {scratch}\n", encoding="utf-8")
    given = [f"{name}={value}" for name, value in answers.items()]
    where = ("--config-file", str(config), "-o", str(scratch / "out"))
    usual = os.umask(0o077)  # the strictest: no other user may read the repo
    run(sys.executable, "-m", "cookiecutter", str(ROOT), "--no-input", *where, *given)
    os.umask(usual)
    return scratch / "out" / "my-competitor"


def fetch_wheels(project: Path) -> None:
    say("fetching the wheels; the build itself has no network")
    wheels = WORK / "wheels"
    only = ("--python-version", PYTHON, "--only-binary", ":all:")
    fetch = (sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--require-hashes")
    run(*fetch, *only, "-d", str(wheels), "-r", "requirements.txt", cwd=project)
    (WORK / "pip.conf").write_text("[global]\nno-index = true\nfind-links = /wheels\n", encoding="utf-8")


def build_twice(project: Path) -> None:
    """Builds the image twice without a cache. Both builds must have the same digest of all layers and settings."""
    one, other = build(project), build(project)
    expect(one == other, f"two builds have the same digest, sha256:{one[:12]}...")


def build(project: Path) -> str:
    """Builds the image. Returns the SHA-256 digest of its manifest."""
    froms = set(re.findall(r"^FROM (\S+)", (project / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE))
    maps = [part for name in froms for part in ("--build-context", f"{name}=container-image://{BASE}")]
    mounts = ("-v", f"{WORK}/wheels:/wheels:ro", "-v", f"{WORK}/pip.conf:/etc/pip.conf:ro")
    isolated = ("--isolation=oci", "--network", "none", "--format", "docker", "--timestamp", "0", "-q", "--no-cache")
    began = time.monotonic()
    run(*BUILDAH, "bud", *isolated, *maps, *mounts, "-t", IMAGE, str(project))
    say(f"built in {time.monotonic() - began:.0f} s")
    with tempfile.TemporaryDirectory(dir=WORK) as folder:
        # Docker's format also stores the random host name of the container that built the image; OCI's does not.
        run("buildah", "push", "-q", "--format", "oci", IMAGE, f"dir:{folder}")
        return hashlib.sha256((Path(folder) / "manifest.json").read_bytes()).hexdigest()


def check_size() -> None:
    sizes = {name: int(run(*PODMAN, "image", "inspect", "--format", "{{.Size}}", name)) for name in (IMAGE, BASE)}
    added = (sizes[IMAGE] - sizes[BASE]) / 10**6
    expect(
        sizes[IMAGE] < MAX_IMAGE_BYTES,
        f"the image has {sizes[IMAGE] / 10**6:.0f} MB, of which the Dockerfile adds {added:.0f} MB",
    )


def check_metadata() -> None:
    told = json.loads(run(*PODMAN, "image", "inspect", IMAGE))[0]
    health = told["Healthcheck"]["Test"]
    expect(
        health == ["CMD", "python", "-m", "competitor", "health"],
        "the health check is the competitor's own command and needs no curl or shell",
    )
    expect(told["Config"]["StopSignal"] in ("SIGTERM", "15"), "the stop signal is SIGTERM")
    expect("8080/tcp" in told["Config"]["ExposedPorts"], "port 8080 is exposed")
    wanted = {f"org.opencontainers.image.{name}" for name in ("title", "source", "licenses")}
    expect(wanted <= told["Labels"].keys(), "the labels name the title, the source and the licence")
    names = [given.partition("=")[0] for given in told["Config"]["Env"]]
    expect(
        not any(word in name for name in names for word in ("KEY", "TOKEN", "SECRET")),
        "no environment variable holds a key",
    )


def check_start_time() -> None:
    """Checks the start time. Takes the best of a few starts, because the machine may be busy."""
    best = MAX_START_SECONDS
    for _ in range(TRIES):
        if best >= READY_SECONDS:
            began = time.monotonic()
            with container():
                best = min(best, time.monotonic() - began)
    expect(best < READY_SECONDS, f"the server is ready within {READY_SECONDS:g} s of the start")


@contextmanager
def container() -> Iterator[str]:
    """Runs a container of the image until it is healthy. Yields its id."""
    began = time.monotonic()
    host = ("--add-host", f"{UPSTREAM}:127.0.0.1")
    name = run(*PODMAN, "run", "--detach", *host, *CONFINED, IMAGE)
    try:
        while subprocess.run(
            [*PODMAN, "exec", name, "python", "-m", "competitor", "health"], capture_output=True, check=False
        ).returncode:
            if time.monotonic() - began > MAX_START_SECONDS:
                raise SystemExit(f"FAILED: the server was not healthy within {MAX_START_SECONDS:g} s\n{logs(name)}")
            time.sleep(0.1)
        say(f"healthy {time.monotonic() - began:.1f} s after `podman run`, by the image's own health check")
        yield name
    finally:
        run(*PODMAN, "rm", "--force", "--time", "0", name)


def logs(name: str) -> str:
    done = subprocess.run([*PODMAN, "logs", name], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def inside(name: str, code: str) -> str:
    """Runs Python code inside the container. Returns what it prints."""
    return run(*PODMAN, "exec", "-i", name, "python", "-", text=code)


def check_confinement(name: str) -> None:
    status = inside(name, "print(open('/proc/1/status').read())")
    found = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    expect(found["Uid"].split()[0] == "10001", "the server runs as user 10001")
    expect(all(int(found[name], 16) == 0 for name in ("CapEff", "CapPrm", "CapBnd")), "the server has no capabilities")
    expect(found["NoNewPrivs"] == "1", "the server cannot gain privileges")
    tried = "try: open('/app/x', 'w')\nexcept OSError as error: print(error.errno)"
    expect(inside(name, tried) == "30", "the container's root file system is read-only")
    looked = "import shutil, importlib.util as u; print(shutil.which('gcc'), shutil.which('cc'), u.find_spec('pip'))"
    expect(inside(name, looked) == "None None None", "the image has no compiler, and its Python has no pip")
    expect(inside(name, _SETUID) == "[]", "the image has no setuid or setgid file")
    kept = inside(name, "import os; print(sorted(os.listdir('/app')), sorted(os.listdir('/app/competitor')))")
    expect(
        "tests" not in kept and ".env" not in kept and "'LICENSE'" in kept,
        "the image has the code and the licence, but no tests and no .env",
    )
    expect(not any(f"'{folder}'" in kept for folder in LEFT_OUT), f"the image has no {', no '.join(LEFT_OUT)}")
    refused = subprocess.run(
        [*PODMAN, "exec", name, "python", "-m", "competitor", "check"], capture_output=True, text=True, check=False
    )
    expect(
        refused.returncode == 2 and refused.stderr.strip() == NO_CHECKS,
        "`competitor check` says that the checks are not in the image",
    )


def check_offline_answer(name: str) -> None:
    question = {"model": "any", "stream": True, "messages": [{"role": "user", "content": "What is 17 * 23?"}]}
    *events, end = inside(name, _POST.format(port=8080, body=json.dumps(json.dumps(question)))).split("\n\n")
    choices = [choice for event in events for choice in json.loads(event.removeprefix("data: "))["choices"]]
    text = "".join(choice["delta"].get("content") or "" for choice in choices)
    expect("17 * 23 = 391" in text and end == "data: [DONE]", "without a key, the offline model's answer is streamed")


def check_artifact(name: str) -> None:
    """Checks that the image stores and serves an artifact that is too large to be inline, with `/tmp` in memory."""
    length, actual_hash, declared_hash = json.loads(inside(name, _FETCH))
    expect(
        (length, actual_hash) == (_NOISE_BYTES, declared_hash),
        "the server stores an artifact, and a client gets back the bytes that were saved",
    )


def check_token(name: str, project: Path) -> None:
    """Checks that a token in the request body reaches only the upstream, and leaves this machine by `https` only.

    The image's upstream has a platform's name and plain `http`, so it gets no token. A second server has an upstream
    with a loopback address.
    """
    mock = (project / "competitor" / "checks" / "stand_in.py").read_text(encoding="utf-8")
    stand_in = subprocess.Popen(
        [*PODMAN, "exec", "-i", name, "python", "-", str(UPSTREAM_PORT)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert stand_in.stdin is not None
    assert stand_in.stdout is not None
    stand_in.stdin.write(mock)
    stand_in.stdin.close()
    expect(stand_in.stdout.readline().strip() == str(UPSTREAM_PORT), "the stand-in for the upstream was started")
    question = {
        "model": "any",
        "stream": True,
        "messages": [{"role": "user", "content": "hello"}],
        "chutes_access_token": TOKEN,
    }
    body = json.dumps(json.dumps(question))
    inside(name, _POST.format(port=8080, body=body))
    expect(json.loads(inside(name, _GET)) == [], "by plain http, the token is not sent to another machine")
    settings = {"JANUS_LLM_BASE_URL": f"http://127.0.0.1:{UPSTREAM_PORT}/v1", "JANUS_TOKEN_HOSTS": "127.0.0.1"}
    environment = [f"--env={key}={value}" for key, value in {**settings, "PORT": str(SECOND_PORT)}.items()]
    second = subprocess.Popen([*PODMAN, "exec", *environment, name, "python", "-m", "competitor", "serve"])
    health = [*PODMAN, "exec", *environment, name, "python", "-m", "competitor", "health"]
    while subprocess.run(health, capture_output=True, check=False).returncode and second.poll() is None:
        time.sleep(0.1)
    said = inside(name, _POST.format(port=SECOND_PORT, body=body))
    seen = json.loads(inside(name, _GET))
    text = "".join(re.findall(r'"content":"([^"]*)"', said))  # pacing may have cut the words
    expect("tok0" in text and "[DONE]" in said, "with a token in the request body, the upstream answers")
    expect(
        [request["headers"].get("authorization") for request in seen] == [f"Bearer {TOKEN}"],
        "the token is sent to the upstream as its key",
    )
    expect(
        seen[0]["body"]["model"] == "deepseek-ai/DeepSeek-V3.1",
        "the request to the upstream names the model from the image",
    )
    elsewhere = said + json.dumps(seen[0]["body"]) + logs(name)
    expect(TOKEN not in elsewhere, "the token is in no answer, no log and no request body to the upstream")
    for process in (second, stand_in):
        process.terminate()
        process.wait(10)


def check_packages(name: str, project: Path) -> None:
    """Makes an SBOM from the lock, as CI does, and compares it with the packages installed in the container."""
    listed = ("requirements", str(project / "requirements.txt"), "--output-reproducible", "--of", "JSON")
    made = json.loads(run(sys.executable, "-m", "cyclonedx_py", *listed))
    expect(made["bomFormat"] == "CycloneDX", f"the SBOM lists {len(made['components'])} components")
    hashed = [part for part in made["components"] if any(ref.get("hashes") for ref in part["externalReferences"])]
    expect(hashed == made["components"], "the SBOM has hashes for each component")
    pins = {(_normal(part["name"]), part["version"]) for part in made["components"]}
    found = {(_normal(one), version) for one, version in json.loads(inside(name, _INSTALLED))}
    expect(found <= pins, f"the {len(found)} packages in the image are in the SBOM, with the same versions")


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


_INSTALLED = """
import importlib.metadata, json
print(json.dumps([(found.name, found.version) for found in importlib.metadata.distributions()]))
"""
_SETUID = """
import os, stat
found = []
for folder, _, names in os.walk("/"):
    if folder.startswith(("/proc", "/sys", "/dev")):
        continue
    for name in names:
        try:
            mode = os.lstat(os.path.join(folder, name)).st_mode
        except OSError:
            continue
        if stat.S_ISREG(mode) and mode & (stat.S_ISUID | stat.S_ISGID):
            found.append(os.path.join(folder, name))
print(found)
"""
_NOISE_BYTES = 5_000_000
# An edit that an owner may append to the agent of any variant.
_OWNERS_EDIT = f"""

_answer = answer


async def answer(chat: Chat) -> AsyncIterator[Event]:
    async for event in _answer(chat):
        yield event
    if chat.messages[-1]["content"] == "noise, please":
        yield await chat.artifacts.save(bytes(range(250)) * {_NOISE_BYTES // 250}, "noise.wav")
"""
_FETCH = """
import hashlib, json, urllib.request
body = {"model": "m", "messages": [{"role": "user", "content": "noise, please"}]}
url, headers = "http://127.0.0.1:8080/v1/chat/completions", {"content-type": "application/json"}
asked = urllib.request.Request(url, json.dumps(body).encode(), headers)
(item,) = json.load(urllib.request.urlopen(asked, timeout=20))["choices"][0]["message"]["artifacts"]
data = urllib.request.urlopen(item["url"], timeout=20).read()
print(json.dumps([len(data), hashlib.sha256(data).hexdigest(), item["sha256"]]))
"""
_POST = """
import urllib.request
url, headers = "http://127.0.0.1:{port}/v1/chat/completions", {{"content-type": "application/json"}}
request = urllib.request.Request(url, {body}.encode(), headers)
print(urllib.request.urlopen(request, timeout=20).read().decode())
"""
_GET = (
    f"import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:{UPSTREAM_PORT}/requests').read().decode())"
)


def check_stop(name: str) -> None:
    began = time.monotonic()
    run(*PODMAN, "stop", "--time", "12", name)
    code = run(*PODMAN, "inspect", "--format", "{{.State.ExitCode}}", name)
    expect(code == "0", f"as process 1, the server exits with 0 within {time.monotonic() - began:.1f} s of SIGTERM")


if __name__ == "__main__":
    sys.exit(main())
