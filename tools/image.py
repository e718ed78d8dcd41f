"""Builds the baked Dockerfile and runs the image as the arena does, without a Docker daemon. `make test-image` runs it.

Needs root on Debian 12. What is missing (buildah, podman, runc, mmdebstrap) is installed from Debian's
own packages. No image registry is asked: every FROM is mapped onto a root file system made here from
Debian's packages, with Debian's Python in the place of the official image's; the build itself has no
network and takes its wheels from a folder. So the size of the base is not the official one's: what the
Dockerfile adds to it is shown apart.
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
# As the arena runs a stranger's container, and stricter.
CONFINED = (
    *("--read-only", "--tmpfs", "/tmp:rw,size=64m,mode=1777", "--cap-drop", "all", "--network", "none"),
    *("--security-opt", "no-new-privileges", "--pids-limit", "128", "--memory", "512m", "--memory-swap", "512m"),
    *("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "--no-healthcheck"),
)
MAX_IMAGE_BYTES = 500 * 10**6
MAX_START_SECONDS = 30.0
# The contract gives 30 s to become healthy. A busy machine may need a second try for ours.
READY_SECONDS, TRIES = 3.0, 3
# The folders of `competitor` that look at a server from outside.
LEFT_OUT = ("checks", "submission", "workshop")
NO_CHECKS = "The checks are not in the image: run this command in the repo."
held = 0  # promises that were looked at and hold
UPSTREAM = "upstream.chutes.ai"  # a name of the platform, which leads to a stand-in inside the container
UPSTREAM_PORT = 9901
TOKEN = "canary-token-of-a-user"  # noqa: S105


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    backend = os.environ.get("BACKEND", "proxy")
    parser.add_argument("--backend", default=backend, help="which one to bake (default: %(default)s)")
    given = parser.parse_args()
    if sys.platform != "linux" or os.geteuid() != 0:
        print("This needs root on Debian 12.", file=sys.stderr)
        return 2
    WORK.mkdir(parents=True, exist_ok=True)
    with (WORK / "lock").open("w") as lock:  # one at a time: they share the name of the image
        fcntl.flock(lock, fcntl.LOCK_EX)
        return look(given.backend)


def look(backend: str) -> int:
    tools()
    base()
    with tempfile.TemporaryDirectory(dir=WORK) as scratch:
        project = bake(Path(scratch), backend=backend, llm_base_url=f"http://{UPSTREAM}:{UPSTREAM_PORT}/v1")
        with (project / "competitor" / "backend" / "agent.py").open("a", encoding="utf-8") as agent:
            agent.write(_OWNERS_EDIT)
        fetch_wheels(project)
        built_twice(project)
        size()
        described()
        ready()
        with container() as name:
            confined(name)
            holds_what_the_sbom_lists(name, project)
            offline(name)
            artifact_is_kept_and_served(name)
            token_reaches_the_upstream_and_nobody_else(name, project)
            ends_well(name)
    print(f"The image is as it should be: {held} promises hold.")
    return 0


def say(what: str) -> None:
    print(f"- {what}", flush=True)


def run(*command: str, text: str | None = None, cwd: Path | None = None) -> str:
    """What the command prints; a failure shows all of its output and ends this."""
    done = subprocess.run(command, capture_output=True, text=True, input=text, cwd=cwd, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)[:300]}\nended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def expect(holds: object, what: str) -> None:
    global held
    if not holds:
        raise SystemExit(f"FAILED: {what}")
    held += 1
    say(what)


def tools() -> None:
    if any(shutil.which(name) is None for name in PACKAGES[:4]):
        say(f"installing {', '.join(PACKAGES)}")
        run("apt-get", "update", "-qq")
        run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES)


def base() -> None:
    """The stand-in for the official Python image, made once."""
    if subprocess.run(["buildah", "inspect", BASE], capture_output=True, check=False).returncode == 0:
        return
    say("making a base image of Debian's packages")
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
    run(sys.executable, "-m", "cookiecutter", str(ROOT), "--no-input", *where, *given)
    return scratch / "out" / "my-competitor"


def fetch_wheels(project: Path) -> None:
    say("fetching wheels, then building without a network")
    wheels = WORK / "wheels"
    only = ("--python-version", PYTHON, "--only-binary", ":all:")
    fetch = (sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check", "--require-hashes")
    run(*fetch, *only, "-d", str(wheels), "-r", "requirements.txt", cwd=project)
    (WORK / "pip.conf").write_text("[global]\nno-index = true\nfind-links = /wheels\n", encoding="utf-8")


def built_twice(project: Path) -> None:
    """Both times from nothing. The digest is of all layers and of the configuration."""
    one, other = build(project), build(project)
    expect(one == other, f"built twice it has one digest, sha256:{one[:12]}...")


def build(project: Path) -> str:
    """The digest of what was built."""
    froms = set(re.findall(r"^FROM (\S+)", (project / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE))
    maps = [part for name in froms for part in ("--build-context", f"{name}=container-image://{BASE}")]
    mounts = ("-v", f"{WORK}/wheels:/wheels:ro", "-v", f"{WORK}/pip.conf:/etc/pip.conf:ro")
    isolated = ("--isolation=oci", "--network", "none", "--format", "docker", "--timestamp", "0", "-q", "--no-cache")
    began = time.monotonic()
    run(*BUILDAH, "bud", *isolated, *maps, *mounts, "-t", IMAGE, str(project))
    say(f"built in {time.monotonic() - began:.0f} s")
    with tempfile.TemporaryDirectory(dir=WORK) as folder:
        # Docker's format also keeps the random host name of the container that built it; OCI's does not.
        run("buildah", "push", "-q", "--format", "oci", IMAGE, f"dir:{folder}")
        return hashlib.sha256((Path(folder) / "manifest.json").read_bytes()).hexdigest()


def size() -> None:
    sizes = {name: int(run(*PODMAN, "image", "inspect", "--format", "{{.Size}}", name)) for name in (IMAGE, BASE)}
    added = (sizes[IMAGE] - sizes[BASE]) / 10**6
    expect(
        sizes[IMAGE] < MAX_IMAGE_BYTES, f"the image has {sizes[IMAGE] / 10**6:.0f} MB, {added:.0f} MB of them its own"
    )


def described() -> None:
    told = json.loads(run(*PODMAN, "image", "inspect", IMAGE))[0]
    health = told["Healthcheck"]["Test"]
    expect(
        health == ["CMD", "python", "-m", "competitor", "health"],
        "its health check is its own, without curl or a shell",
    )
    expect(told["Config"]["StopSignal"] in ("SIGTERM", "15"), "it is stopped by SIGTERM")
    expect("8080/tcp" in told["Config"]["ExposedPorts"], "it listens on port 8080")
    wanted = {f"org.opencontainers.image.{name}" for name in ("title", "source", "licenses")}
    expect(wanted <= told["Labels"].keys(), "it says where its source is, and under which licence")
    names = [given.partition("=")[0] for given in told["Config"]["Env"]]
    expect(not any(word in name for name in names for word in ("KEY", "TOKEN", "SECRET")), "no variable holds a key")


def ready() -> None:
    """The best of a few starts: the machine may be busy with other things."""
    best = MAX_START_SECONDS
    for _ in range(TRIES):
        if best >= READY_SECONDS:
            began = time.monotonic()
            with container():
                best = min(best, time.monotonic() - began)
    expect(best < READY_SECONDS, f"it is ready within {READY_SECONDS:g} s of its start")


@contextmanager
def container() -> Iterator[str]:
    began = time.monotonic()
    host = ("--add-host", f"{UPSTREAM}:127.0.0.1")
    name = run(*PODMAN, "run", "--detach", *host, *CONFINED, IMAGE)
    try:
        while subprocess.run(
            [*PODMAN, "exec", name, "python", "-m", "competitor", "health"], capture_output=True, check=False
        ).returncode:
            if time.monotonic() - began > MAX_START_SECONDS:
                raise SystemExit(f"FAILED: not healthy within 30 s\n{logs(name)}")
            time.sleep(0.1)
        say(f"healthy {time.monotonic() - began:.1f} s after `podman run`, by the image's own health check")
        yield name
    finally:
        run(*PODMAN, "rm", "--force", "--time", "0", name)


def logs(name: str) -> str:
    done = subprocess.run([*PODMAN, "logs", name], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def inside(name: str, code: str) -> str:
    return run(*PODMAN, "exec", "-i", name, "python", "-", text=code)


def confined(name: str) -> None:
    status = inside(name, "print(open('/proc/1/status').read())")
    found = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    expect(found["Uid"].split()[0] == "10001", "it runs as the user 10001")
    expect(all(int(found[name], 16) == 0 for name in ("CapEff", "CapPrm", "CapBnd")), "it has no capability")
    expect(found["NoNewPrivs"] == "1", "it cannot gain privileges")
    tried = "try: open('/app/x', 'w')\nexcept OSError as error: print(error.errno)"
    expect(inside(name, tried) == "30", "its root is read-only")
    looked = "import shutil, importlib.util as u; print(shutil.which('gcc'), shutil.which('cc'), u.find_spec('pip'))"
    expect(inside(name, looked) == "None None None", "there is neither a compiler nor pip for its Python")
    expect(inside(name, _SETUID) == "[]", "no file of it is setuid or setgid")
    kept = inside(name, "import os; print(sorted(os.listdir('/app')), sorted(os.listdir('/app/competitor')))")
    expect(
        "tests" not in kept and ".env" not in kept and "'LICENSE'" in kept,
        "it holds the code and its licence, no tests and no .env",
    )
    expect(not any(f"'{folder}'" in kept for folder in LEFT_OUT), f"it holds what serves: no {', no '.join(LEFT_OUT)}")
    refused = subprocess.run(
        [*PODMAN, "exec", name, "python", "-m", "competitor", "check"], capture_output=True, text=True, check=False
    )
    expect(
        refused.returncode == 2 and refused.stderr.strip() == NO_CHECKS,
        "`competitor check` says in it that the checks are not in the image",
    )


def offline(name: str) -> None:
    question = {"model": "any", "stream": True, "messages": [{"role": "user", "content": "What is 17 * 23?"}]}
    *events, end = inside(name, _POST.format(body=json.dumps(json.dumps(question)))).split("\n\n")
    choices = [choice for event in events for choice in json.loads(event.removeprefix("data: "))["choices"]]
    text = "".join(choice["delta"].get("content") or "" for choice in choices)
    expect("17 * 23 = 391" in text and end == "data: [DONE]", "without a key it streams, from the offline model")


def artifact_is_kept_and_served(name: str) -> None:
    """One that is too large for the answer, with the read-only root and a /tmp in memory."""
    length, of_it, of_its_descriptor = json.loads(inside(name, _FETCH))
    expect((length, of_it) == (_NOISE_BYTES, of_its_descriptor), "an artifact is kept, and fetched as it was saved")


def token_reaches_the_upstream_and_nobody_else(name: str, project: Path) -> None:
    """With the baked variables and a token in the body, and nothing else."""
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
    expect(stand_in.stdout.readline().strip() == str(UPSTREAM_PORT), "a stand-in for the upstream runs beside it")
    question = {
        "model": "any",
        "stream": True,
        "messages": [{"role": "user", "content": "hello"}],
        "chutes_access_token": TOKEN,
    }
    said = inside(name, _POST.format(body=json.dumps(json.dumps(question))))
    seen = json.loads(inside(name, _GET))
    expect("tok0" in said and "[DONE]" in said, "with a token in the body the upstream answers")
    expect(
        [request["headers"].get("authorization") for request in seen] == [f"Bearer {TOKEN}"],
        "the token is the upstream's key",
    )
    expect(seen[0]["body"]["model"] == "deepseek-ai/DeepSeek-V3.1", "the baked model is asked for")
    elsewhere = said + json.dumps(seen[0]["body"]) + logs(name)
    expect(TOKEN not in elsewhere, "the token is in no answer, no log and no body")
    stand_in.terminate()
    stand_in.wait(10)


def holds_what_the_sbom_lists(name: str, project: Path) -> None:
    """The SBOM is made of the lock, which CI has; what is installed is asked of the running container."""
    listed = ("requirements", str(project / "requirements.txt"), "--output-reproducible", "--of", "JSON")
    made = json.loads(run(sys.executable, "-m", "cyclonedx_py", *listed))
    expect(made["bomFormat"] == "CycloneDX", f"an SBOM is made, with {len(made['components'])} components")
    hashed = [part for part in made["components"] if any(ref.get("hashes") for ref in part["externalReferences"])]
    expect(hashed == made["components"], "each of its components has hashes")
    pins = {(_normal(part["name"]), part["version"]) for part in made["components"]}
    found = {(_normal(one), version) for one, version in json.loads(inside(name, _INSTALLED))}
    expect(found <= pins, f"the {len(found)} packages in the image are those of the SBOM, of the same versions")


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
# What an owner may write behind an agent of any variant.
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
url, headers = "http://127.0.0.1:8080/v1/chat/completions", {{"content-type": "application/json"}}
request = urllib.request.Request(url, {body}.encode(), headers)
print(urllib.request.urlopen(request, timeout=20).read().decode())
"""
_GET = (
    f"import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:{UPSTREAM_PORT}/requests').read().decode())"
)


def ends_well(name: str) -> None:
    began = time.monotonic()
    run(*PODMAN, "stop", "--time", "12", name)
    code = run(*PODMAN, "inspect", "--format", "{{.State.ExitCode}}", name)
    expect(code == "0", f"SIGTERM ends it with exit code 0 in {time.monotonic() - began:.1f} s, as process 1")


if __name__ == "__main__":
    sys.exit(main())
