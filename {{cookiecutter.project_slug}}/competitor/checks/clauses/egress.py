"""Checks of section 8 of CONTRACT.md: where a competitor connects to."""
# Contract file: replaced by updates.

import json

from ..registry import clause
from ..target import NotShown, Target, question, require


@clause(
    "X1",
    alone=True,
    remedy="Connect to the listed and configured hosts only; follow no redirect; ignore proxy variables.",
)
def listed_hosts_only(target: Target) -> None:
    """A redirect of the upstream leads nowhere, and a proxy from the environment is not used."""
    if target.upstream is None:
        raise NotShown("what it connects to cannot be seen here")
    seen = len(target.upstream.requests())
    reply = target.post(question(target.prompt("redirects")))
    require(reply.status == 200, f"a redirecting upstream got {reply.status} to the caller")
    paths = [request["path"] for request in target.upstream.requests()[seen:]]
    require("/elsewhere" not in paths, "the upstream's redirect was followed")
    nowhere = "http://127.0.0.1:9"
    proxied = target.launched(
        {"HTTP_PROXY": nowhere, "http_proxy": nowhere, "JANUS_LLM_BASE_URL": f"{target.upstream.url}/v1"}
    )
    seen = len(target.upstream.requests())
    proxied.post(question("past the proxy"))
    require(len(target.upstream.requests()) == seen + 1, "a proxy from the environment stands in the way")


@clause("X2", alone=True, remedy="Take every base URL from an environment variable.")
def configured_base_url(target: Target) -> None:
    """The upstream's base URL comes from the environment, under both of its names."""
    if target.upstream is None:
        raise NotShown("what it connects to cannot be seen here")
    for name in ("JANUS_LLM_BASE_URL", "OPENAI_BASE_URL"):
        other = target.launched({name: f"{target.upstream.url}/v1"})
        asked = f"Is it configured by {name}?"
        require(other.post(question(asked)).status == 200, f"configured by {name} it does not answer")
        require(any(asked in json.dumps(each) for each in target.upstream.requests()), f"{name} is not read")
