"""The servers that a run checks: one as started, and one whose upstream is the stand-in."""
# Contract file: replaced by updates.

import math
import time

from .prompts import PROMPTS
from .responses import Failed
from .starting import Starter
from .target import Launch, Target, Upstream, announced, question

# No upstream of a competitor can be judged until the stand-in has seen a request.
NOT_ASKED = "this server did not ask the upstream that OPENAI_BASE_URL and JANUS_LLM_BASE_URL name"
AS_STARTED, ON_A_FAULTY_UPSTREAM = "as started", "on a faulty upstream"
_MODEL = "stand-in"


def started(starter: Starter, launch: Launch | None, patience: float, until: float = math.inf) -> Target:
    """Starts a server with an empty environment, as in the arena. Raises `NotStarted` if it does not start."""
    began = time.monotonic()
    url = starter.start({})
    target = Target(url, launch=launch, timeout=patience, until=until, environment={})
    target.ready_seconds = time.monotonic() - began
    return target


def on_a_faulty_upstream(
    starter: Starter, launch: Launch, upstream: Upstream, patience: float, until: float = math.inf
) -> Target:
    """Starts a server that is told to use the stand-in as its upstream.

    If it answers a question without asking the stand-in, the target has neither the stand-in nor prompts for it, so
    that nothing is judged that depends on them. Raises `NotStarted` if the server does not start.
    """
    variables = {**announced(f"{upstream.url}/v1"), "JANUS_LLM_MODEL": _MODEL}
    target = Target(starter.start(variables), PROMPTS, launch, upstream, timeout=patience, until=until)
    target.name = ON_A_FAULTY_UPSTREAM
    if not _asks(target, upstream):
        target.prompts, target.upstream, target.no_upstream = {}, None, NOT_ASKED
    return target


def _asks(target: Target, upstream: Upstream) -> bool:
    """Whether the server asks the upstream to answer a question."""
    try:
        target.post(question("Do you ask your upstream?"))
    except Failed:
        return bool(upstream.requests())
    return bool(upstream.requests())
