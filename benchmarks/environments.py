"""Sets up what the benchmark needs: environments from locks and baked repos in `build/bench`, and nginx."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HERE = ROOT / "benchmarks"
BUILD = ROOT / "build" / "bench"
PROJECT = "{{cookiecutter.project_slug}}"


class Missing(Exception):
    """Something that the benchmark needs is missing or wrong. The message says what to do."""


def variants() -> list[str]:
    """The backends that the template offers."""
    return sorted(path.parent.name for path in ROOT.glob(f"templates_variants/*/{PROJECT}"))


def python_of(name: str, lock: Path) -> Path:
    """The Python of an environment that has exactly the packages of the lock. The environment is made if needed."""
    home = BUILD / "venv" / name
    python, made_of = home / "bin" / "python", home / "made-of"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    if made_of.exists() and made_of.read_text() == digest:
        return python
    print(f"Setting up the environment of {name} (once, and when its lock changes) ...", file=sys.stderr, flush=True)
    uv = (sys.executable, "-m", "uv")
    subprocess.run([*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(home)], check=True)
    options = ("--quiet", "--system-certs", "--require-hashes", "--compile-bytecode", "--python", str(python))
    subprocess.run([*uv, "pip", "install", *options, "-r", str(lock)], check=True)
    made_of.write_text(digest)
    return python


def peers_python() -> Path:
    return python_of("peers", HERE / "requirements.txt")


def litellm_python() -> Path:
    return python_of("litellm", HERE / "litellm" / "requirements.txt")


def bake(variant: str, bakes: Path = BUILD / "bakes", template: Path = ROOT) -> Path:
    """Bakes a repo from this checkout or another one, and returns its folder."""
    goal = bakes / variant
    shutil.rmtree(goal, ignore_errors=True)
    goal.mkdir(parents=True)
    config = goal / "config.yaml"
    config.write_text(f"replay_dir: {goal.as_posix()}\ncookiecutters_dir: {goal.as_posix()}\n", encoding="utf-8")
    answers = (f"backend={variant}", "project_slug=measured")
    command = (sys.executable, "-m", "cookiecutter", str(template), "--no-input", "--config-file", str(config))
    # Run in the template's own folder, so that Python imports its modules from there and not from this checkout.
    done = subprocess.run(
        [*command, "-o", str(goal), *answers], cwd=template, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Missing(f"A repo with the backend {variant} could not be made:\n{done.stdout}{done.stderr}")
    return goal / "measured"


def bake_with(agent: str, variant: str = "proxy", bakes: Path = BUILD / "bakes") -> Path:
    """Bakes a variant with the backend in `peers/`. Returns the folder of the repo."""
    project = bake(variant, bakes)
    goal = project.with_name(f"measured-{agent}")
    shutil.copytree(project, goal)
    shutil.copyfile(HERE / "peers" / f"{agent}.py", goal / "competitor" / "backend" / "agent.py")
    return goal


def nginx() -> str:
    """The path of nginx. Installs Debian's package if nginx is missing."""
    search = f"{os.environ.get('PATH', '')}:/usr/sbin"
    found = shutil.which("nginx", path=search)
    if found:
        return found
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Missing("nginx is missing, and every ratio is relative to nginx; run `apt-get install nginx-light`")
    print("Installing nginx-light ...", file=sys.stderr, flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}  # with 1, Debian starts no service
    subprocess.run(["apt-get", "update", "-qq"], env=quiet, check=True)
    install = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "nginx-light"]
    subprocess.run(install, env=quiet, check=True, stdout=subprocess.DEVNULL)
    return shutil.which("nginx", path=search) or "nginx"
