"""Checks the items of the reviewers' checklist that need a running server, or Docker or Podman."""
# Contract file: replaced by updates.

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from ..checks import stand_in
from ..checks.judging import Verdict, by_clause, judge_if_answering
from ..checks.lateness import Lateness
from ..checks.requirements import default_version, required
from ..checks.starting import AS_STARTED, NotStarted, Starter, on_a_faulty_upstream, started
from .finding import Finding

BUILD_SECONDS = 900.0
_BUILDERS = ("docker", "podman")
_ASK_SECONDS = 20.0
# Error messages about a registry that cannot be reached, which is not a fault of the Dockerfile.
_UNREACHABLE = re.compile(
    r"dial tcp|no such host|network is unreachable|i/o timeout|connection refused|pinging container registry"
)


def endpoints(serve: str, advance: Callable[[str], None]) -> Finding:
    """Checks every clause like `competitor check`, on two new servers. The second has an upstream that fails.

    `advance` is called with a few words about each case that is settled.
    """

    def settled(verdict: Verdict) -> None:
        advance(f"{verdict.case.id} {verdict.status}")

    starter = Starter(serve)
    try:
        first = started(starter, starter)
        first.name = AS_STARTED
        with stand_in() as upstream, Lateness() as lateness:
            second = on_a_faulty_upstream(starter, starter, upstream)
            cases = required(default_version())
            return endpoints_finding(judge_if_answering([first, second], cases, settled, lateness))
    except NotStarted as reason:
        return Finding("endpoints", "broken", str(reason), "`make run` shows what is wrong")
    finally:
        starter.close()


def endpoints_finding(verdicts: list[Verdict]) -> Finding:
    """Makes the finding on the endpoints: `broken` if a `must` fails, or if no clause could be checked."""
    clauses = by_clause(verdicts)
    broken = [verdict for verdict in verdicts if verdict.breaks]
    held = sum(each.status == "holds" for each in clauses)
    if broken:
        named = ", ".join(f"{verdict.case.id} ({verdict.reason})" for verdict in broken[:3])
        more = f" and {len(broken) - 3} more" if len(broken) > 3 else ""
        return Finding("endpoints", "broken", named + more, f"{broken[0].case.remedy} `make check` shows all")
    if not held:
        return Finding("endpoints", "broken", "no clause could be checked", "`make check` says why")
    missed = [verdict.case.id for verdict in verdicts if verdict.status == "broken"]
    but = f"; recommendations missed: {', '.join(missed)}" if missed else ""
    return Finding("endpoints", "ok", f"{held} clauses hold{but}")


def image(root: Path) -> Finding:
    """Tests whether the Dockerfile builds. The finding is `not shown` without Docker or Podman."""
    about, in_ci = "image", "CI builds the image at each push"
    builder = next((name for name in _BUILDERS if _works(name)), None)
    if builder is None:
        return Finding(about, "not shown", "neither Docker nor Podman works here", in_ci)
    remedy = f"run {builder} build . to see why"
    command = [str(shutil.which(builder)), "build", "--tag", "competitor:submission", "."]
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments
            command, cwd=root, capture_output=True, text=True, errors="replace", timeout=BUILD_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return Finding(about, "broken", f"the build took longer than {BUILD_SECONDS:g} s", remedy)
    if done.returncode:
        lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        if lines and _UNREACHABLE.search(lines[-1]):
            return Finding(about, "not shown", f"{builder} could not fetch the base image; check your network", in_ci)
        why = re.sub(r"\s+", " ", lines[-1])[:200] if lines else f"exit code {done.returncode}"
        return Finding(about, "broken", f"{builder} could not build the image: {why}", remedy)
    return Finding(about, "ok", f"{builder} builds it")


def _works(builder: str) -> bool:
    """Whether the builder is installed and its daemon answers."""
    found = shutil.which(builder)
    if found is None:
        return False
    try:
        asked = subprocess.run([found, "ps"], capture_output=True, timeout=_ASK_SECONDS, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0
