"""`competitor arena`: runs the image behind a simulation of the platform's gateway and estimates its scores.
Contract file: replaced by updates.

If the image cannot be run, the command starts the server as a process instead, and the output says so.
"""

import argparse
import shutil
import subprocess
from collections.abc import Sequence

from ..figures import Figure, as_lines, measure
from ..report.terminal import say
from ..responses import Failed
from ..starting import NotStarted, Starter
from ..target import Target
from .gateway import gateway

ANSWER_SECONDS = 120.0
NOT_SCORED = "`make eval` measures quality (40) and modality (10)"


def arena(given: argparse.Namespace, serve: str) -> int:
    """Runs the rehearsal. `serve` is the command that starts the server if there is no image to run.

    Returns the exit code: 0 if all answers passed the gateway, 1 if any did not, 2 if no server could be started.
    """
    command = given.start or _command(given.image, serve)
    starter = Starter(command)
    try:
        url = starter.start({})
        with gateway(url) as front:
            target = Target(front, timeout=ANSWER_SECONDS)
            problems = _problems(target)
            figures = measure(target)
    except NotStarted as reason:
        say(f"{command}: {reason}.\n")
        return 2
    finally:
        starter.close()
    say(board(figures))
    for problem in problems:
        say(f"  {problem}\n")
    return 1 if problems else 0


def board(figures: Sequence[Figure]) -> str:
    """Formats the figures as text, with the sum of their points."""
    points = sum(figure.score * figure.weight for figure in figures) / 100
    maximum = sum(figure.weight for figure in figures)
    return f"Through the gateway:\n{as_lines(figures)}  total      {points:5.1f} of {maximum} points; {NOT_SCORED}\n"


def _problems(target: Target) -> list[str]:
    """Returns a sentence for each answer that did not pass the gateway."""
    found = []
    try:
        whole, stream = target.ask(), target.stream()
        if whole.status != 200:
            found.append("The gateway turned a whole (non-stream) answer into a 500: see the clauses W1 to W3.")
        if stream.status != 200 or not stream.done:
            found.append("A stream through the gateway ended without [DONE]: see the clauses S1 to S13.")
    except Failed as failure:
        found.append(f"Through the gateway: {failure}.")
    return found


def _command(image: str, serve: str) -> str:
    """Returns the command that runs the image, or `serve` if the image cannot be run."""
    docker = shutil.which("docker") or shutil.which("podman")
    if docker and subprocess.run([docker, "image", "inspect", image], capture_output=True, check=False).returncode == 0:  # noqa: S603
        return f"{docker} run --rm --network host --read-only --tmpfs /tmp --cap-drop ALL {{env}} {image}"
    why = f"there is no image {image} (`make image` builds it)" if docker else "neither Docker nor Podman is installed"
    say(f"This runs the server as a process, not the image: {why}.\n")
    return serve
