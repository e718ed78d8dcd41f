"""The servers that are measured: the competitor's variants and the other servers, with the command that starts each."""

import subprocess
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from . import environments
from .environments import HERE, ROOT
from .load import KEY
from .servers import Command, Peer


@cache
def _variant(name: str) -> tuple[Path, Path]:
    """Bakes this variant. Returns its Python and its folder."""
    project = environments.bake(name)
    return environments.python_of(f"variant-{name}", project / "requirements.txt"), project


@cache
def _with(agent: str, variant: str = "proxy") -> tuple[Path, Path]:
    """Bakes this variant with one of our own backends. Returns its Python and its folder."""
    return _variant(variant)[0], environments.bake_with(agent, variant)


def _pieces(variant: str) -> Peer:
    """A backend whose framework sees every piece of a text, as the plain use of the framework does."""
    agent = f"{variant.replace('-', '_')}_pieces"
    command = competitor(partial(_with, agent, variant))
    return Peer(f"{variant}-pieces", f"competitor: {variant}, every piece through it", command, _UNPACED)


def setting_exists(variable: str) -> bool:
    """Whether the competitor reads this environment variable."""
    python, project = _variant("proxy")
    listed = subprocess.run(
        [str(python), "-m", "competitor", "settings"], cwd=project, capture_output=True, text=True, check=True
    )
    return f"`{variable}`" in listed.stdout


def competitor(of: Callable[[], tuple[Path, Path]]) -> Callable[[int, Path, int], Command]:
    def command(port: int, folder: Path, upstream: int) -> Command:
        python, project = of()
        return [str(python), "-m", "competitor", "serve", "--host", "127.0.0.1", "--port", str(port)], project

    return command


def _uvicorn(module: str) -> Callable[[int, Path, int], Command]:
    def command(port: int, folder: Path, upstream: int) -> Command:
        where = ["--host", "127.0.0.1", "--port", str(port), "--backlog", "4096"]
        quiet = ["--log-level", "warning", "--no-access-log"]
        python = str(environments.peers_python())
        return [python, "-m", "uvicorn", f"benchmarks.peers.{module}:app", *where, *quiet], ROOT

    return command


def _nginx(port: int, folder: Path, upstream: int) -> Command:
    text = (HERE / "peers" / "nginx.conf").read_text(encoding="utf-8")
    for word, value in {"port": port, "folder": folder, "upstream": f"127.0.0.1:{upstream}"}.items():
        text = text.replace(f"{{{word}}}", str(value))
    (folder / "nginx.conf").write_text(text, encoding="utf-8")
    return [environments.nginx(), "-p", str(folder), "-c", str(folder / "nginx.conf")], folder


def _litellm(port: int, folder: Path, upstream: int) -> Command:
    binary = environments.litellm_python().with_name("litellm")
    where = ["--host", "127.0.0.1", "--port", str(port), "--num_workers", "1"]
    return [str(binary), "--config", str(HERE / "litellm" / "config.yaml"), *where], folder


# All features are on, as in the arena. Only the limits are raised that 2,000 streams would exceed.
_OURS = {"JANUS_LOG_FORMAT": "json", "JANUS_MAX_RUNNING": "3000", "JANUS_MAX_OPEN": "4000"}
_UNPACED = {**_OURS, "JANUS_PACING": "off"}
_PACED = {**_OURS, "JANUS_PACING": "auto"}
_FIXED = {**_OURS, "JANUS_PACING": "60"}
_LITELLM = {
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_TELEMETRY": "False",
    "LITELLM_LOG": "ERROR",
    "LITELLM_MASTER_KEY": KEY,
    "DISABLE_ADMIN_UI": "True",
    "NO_DOCS": "True",
}

PEERS = {
    peer.name: peer
    for peer in (
        Peer("nginx", "nginx: bytes only, nothing parsed", _nginx),
        Peer("relay", "**competitor: the core's relay**", competitor(partial(_variant, "proxy")), _UNPACED),
        Peer("paced", "**competitor: the same with pacing**", competitor(partial(_variant, "proxy")), _PACED),
        Peer("fixed", "competitor: paced at 60 deltas a second", competitor(partial(_variant, "proxy")), _FIXED),
        Peer("events", "**competitor: any backend's events**", competitor(partial(_with, "any_events")), _UNPACED),
        Peer("raw-asgi", "raw ASGI and aiohttp: bytes only", _uvicorn("raw_asgi")),
        Peer("plain-fastapi", "plain FastAPI, httpx, pydantic", _uvicorn("plain_fastapi")),
        Peer("sse-starlette", "the same with sse-starlette", _uvicorn("sse_library")),
        Peer("chat-openai", "LangChain's `ChatOpenAI` by plain FastAPI", _uvicorn("chat_openai"), slow=True),
        Peer("pydantic-ai-openai", "PydanticAI by plain FastAPI", _uvicorn("pydantic_ai_openai"), slow=True),
        Peer("langgraph-openai", "LangGraph on `ChatOpenAI` by plain FastAPI", _uvicorn("langgraph_openai"), slow=True),
        Peer("openai-agents-plain", "OpenAI Agents by plain FastAPI", _uvicorn("openai_agents_plain"), slow=True),
        *map(_pieces, ("langchain", "pydantic-ai", "openai-agents")),
        Peer("litellm", "LiteLLM proxy", _litellm, _LITELLM, "/health/liveliness", slow=True),
        *(
            Peer(name, f"**competitor: {name}**", competitor(partial(_variant, name)), _UNPACED)
            for name in environments.variants()
            if name != "proxy"
        ),
    )
}
OURS = ("relay", "paced", "events", *(name for name in environments.variants() if name != "proxy"))
