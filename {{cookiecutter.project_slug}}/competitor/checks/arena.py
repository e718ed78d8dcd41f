"""`competitor arena`: a rehearsal. The image behind a stand-in for the gateway, scored as a leaderboard would.
Contract file: replaced by updates.

Without Docker the server's process takes the image's place, and the rehearsal says so.
"""

import argparse
import shutil
import subprocess
from collections.abc import Sequence

from .figures import Figure, measured, told
from .gateway import gateway
from .report.terminal import say
from .starting import NotStarted, Starter
from .target import Failed, Target

ANSWER_SECONDS = 120.0
NOT_SCORED = "quality (40) and modality (10) are judged by people and models"


def arena(given: argparse.Namespace, serve: str) -> int:
    """0 when every question came through. `serve` starts the server's process, for want of an image."""
    command = given.start or _command(given.image, serve)
    starter = Starter(command, None)
    try:
        url = starter.start({})
        with gateway(url) as front:
            target = Target(front, timeout=ANSWER_SECONDS)
            broken = _breaks(target)
            figures = measured(target)
    except NotStarted as reason:
        say(f"{command}: {reason}.\n")
        return 2
    finally:
        starter.close()
    say(board(figures))
    for what in broken:
        say(f"  {what}\n")
    return 1 if broken else 0


def board(figures: Sequence[Figure]) -> str:
    """The figures, and what they come to."""
    points = sum(figure.score * figure.weight for figure in figures) / 100
    most = sum(figure.weight for figure in figures)
    return f"Through the gateway:\n{told(figures)}  together   {points:5.1f} of {most} points; {NOT_SCORED}\n"


def _breaks(target: Target) -> list[str]:
    """What the gateway made of the answers, where it is not an answer."""
    found = []
    try:
        whole, stream = target.ask(), target.stream()
        if whole.status != 200:
            found.append("A whole answer became a 500 at the gateway: see the clauses W1 to W3.")
        if stream.status != 200 or not stream.done:
            found.append("A stream did not come through the gateway to its [DONE]: see the clauses S1 to S13.")
    except Failed as failure:
        found.append(f"Through the gateway: {failure}.")
    return found


def _command(image: str, serve: str) -> str:
    """How to start the image; where that cannot be, the server itself."""
    docker = shutil.which("docker") or shutil.which("podman")
    if docker and subprocess.run([docker, "image", "inspect", image], capture_output=True, check=False).returncode == 0:  # noqa: S603
        return f"{docker} run --rm --network host --read-only --tmpfs /tmp --cap-drop ALL {{env}} {image}"
    why = f"there is no image {image} (`make image` builds it)" if docker else "there is no Docker here"
    say(f"The server's process is rehearsed, not the image: {why}.\n")
    return serve
