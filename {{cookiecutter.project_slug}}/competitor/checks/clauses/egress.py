"""Checks of section 8 of CONTRACT.md: the hosts that a competitor connects to."""
# Contract file: replaced by updates.

import json

from ..registry import clause
from ..target import NotShown, Target, question, require


@clause(
    "X1",
    exclusive=True,
    remedy="Connect only to the listed and configured hosts; do not follow redirects; ignore proxy variables.",
)
def listed_hosts_only(target: Target) -> None:
    """The competitor does not follow an upstream's redirect, and does not use a proxy from the environment."""
    if target.upstream is None:
        raise NotShown("this check needs the stand-in upstream, which records its requests")
    seen = len(target.upstream.requests())
    reply = target.post(question(target.prompt("redirects")))
    require(reply.status == 200, f"when the upstream redirects, the caller gets {reply.status}")
    paths = [request["path"] for request in target.upstream.requests()[seen:]]
    require("/elsewhere" not in paths, "the upstream's redirect was followed")
    unreachable = "http://127.0.0.1:9"
    proxies = {"HTTP_PROXY": unreachable, "http_proxy": unreachable}
    proxied = target.launched(proxies | target.upstream_variables)
    seen = len(target.upstream.requests())
    proxied.post(question("past the proxy"))
    reached = any("past the proxy" in json.dumps(request) for request in target.upstream.requests()[seen:])
    require(reached, "with a proxy in the environment, the request did not reach the upstream")


@clause("X2", exclusive=True, remedy="Take every base URL from an environment variable.")
def configured_base_url(target: Target) -> None:
    """The upstream's base URL can be set with either of two environment variables."""
    if target.upstream is None:
        raise NotShown("this check needs the stand-in upstream, which records its requests")
    for name in ("JANUS_LLM_BASE_URL", "OPENAI_BASE_URL"):
        other = target.launched({name: f"{target.upstream.url}/v1"})
        asked = f"Is it configured by {name}?"
        require(other.post(question(asked)).status == 200, f"if {name} is set, the server does not answer")
        require(any(asked in json.dumps(each) for each in target.upstream.requests()), f"{name} is not read")
