"""Runs a command-line agent in a sandbox on one request, and yields the events of the answer.
Contract file: replaced by updates.
"""

import shlex
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing

from ...api import ArtifactError, Chat, Event, Reasoning, SandboxEnd, SandboxStart, ServiceError, Text, Usage
from .output import AgentOutput
from .sandbox import WORKSPACE, Sandbox, made

# Of the answer's time, so much is left for the files, for the end of the sandbox, and for the last words.
LAST_SECONDS = 20.0
_PROMPT = f"{WORKSPACE}/.prompt.txt"
# How each agent is started where the sandbox has no `agent/run`.
_COMMANDS = {
    "claude-code": f"claude --print < {_PROMPT}",
    "codex": f"codex exec - < {_PROMPT}",
    "aider": f"aider --yes --message-file {_PROMPT}",
    "opencode": f'opencode run "$(cat {_PROMPT})"',
}


def transcript(chat: Chat) -> str:
    """The conversation as one text; a single question as it is."""
    turns = [turn for turn in chat.request.messages if turn.role in ("user", "assistant") and turn.text]
    if len(turns) < 2:
        return chat.text
    return "\n\n".join(f"{turn.role.capitalize()}: {turn.text}" for turn in turns)


async def run_agent(
    chat: Chat, agent: str, *, prompt: str, instructions: str = "", seconds: float = 240.0
) -> AsyncGenerator[Event]:
    """Lets `agent` work on the prompt in a new sandbox, for `seconds` or what is left of the answer's time.

    The agent gets the files of the last user message in /workspace. What it says is text, reasoning, and tool events;
    the files that it leaves in /workspace/artifacts become artifacts. Its calls of the model go from the sandbox
    straight to `JANUS_LLM_BASE_URL`. Raises `NoSandbox` before anything was yielded; all other failures are told to
    the client. The sandbox is ended in every case.
    """
    began = time.monotonic()
    async with made(chat, max(1.0, chat.seconds_left / 2)) as sandbox:
        start = SandboxStart(agent)
        yield start
        output = AgentOutput()
        try:
            for file in chat.files:
                name = file.name.replace("'", "_")
                await sandbox.write(f"{WORKSPACE}/{name}", file.data)
            limit = max(1.0, min(seconds, chat.seconds_left - LAST_SECONDS))
            work = _work(chat, sandbox, agent, prompt, instructions, limit, output)
            async with aclosing(work) as events:
                async for event in events:
                    yield event
        except ServiceError as error:
            output.failed = str(error)
        for event in output.rest():
            yield event
        async for event in _artifacts(chat, sandbox):
            yield event
        yield SandboxEnd(start.id, "error" if output.failed else "ok")
    yield Usage(sandbox_seconds=time.monotonic() - began)
    if output.failed:
        gap = "\n\n" if output.text else ""
        yield Text(f"{gap}The work in the sandbox was not finished: {output.failed}.")


async def _work(
    chat: Chat, sandbox: Sandbox, agent: str, prompt: str, instructions: str, seconds: float, output: AgentOutput
) -> AsyncGenerator[Event]:
    body = {
        "agent": agent,
        "model": chat.settings.llm_model or chat.request.model,
        "prompt": prompt,
        "maxDuration": int(seconds),
        "rawPrompt": True,
        "systemPrompt": instructions,
        "env": _environment(chat),
        "envVars": _environment(chat),
        "apiBaseUrl": chat.settings.llm_base_url,
    }
    body = {name: value for name, value in body.items() if value}
    url = f"{sandbox.url}/agent/run"
    try:
        async with aclosing(chat.events(url, body, headers=sandbox.headers, seconds=seconds)) as stream:
            async for said in stream:
                for event in output.read(said):
                    yield event
                if output.ended:
                    return
        output.failed = "the sandbox's stream ended before the agent did"
    except ServiceError as error:
        if error.status != 404 or agent not in _COMMANDS:
            raise
        for event in await _by_command(chat, sandbox, agent, f"{instructions}\n\n{prompt}".strip(), seconds, output):
            yield event


async def _by_command(
    chat: Chat, sandbox: Sandbox, agent: str, prompt: str, seconds: float, output: AgentOutput
) -> Iterator[Event]:
    """Runs the agent where the sandbox has no `agent/run`: its output comes at the end."""
    await sandbox.write(_PROMPT, prompt.encode())
    variables = " ".join(f"{name}={shlex.quote(value)}" for name, value in _environment(chat).items())
    printed = await sandbox.execute(f"cd {WORKSPACE} && {variables} {_COMMANDS[agent]}", seconds)
    return output.read({"type": "output", "text": printed})


def _environment(chat: Chat) -> dict[str, str]:
    """What tells the agent which model's server to ask, and with which key."""
    url = chat.settings.llm_base_url
    key = chat.settings.key_for(url) if url else None
    given = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": key.get_secret_value() if key else None}
    return {name: value for name, value in given.items() if value}


async def _artifacts(chat: Chat, sandbox: Sandbox) -> AsyncGenerator[Event]:
    """The files that the agent has left for the user."""
    try:
        for path in await sandbox.artifacts():
            try:
                yield await chat.artifacts.save(await sandbox.read(path), path.rpartition("/")[2])
            except (ArtifactError, ValueError) as error:
                yield Reasoning(f"{path}: {error}\n")
    except ServiceError as error:
        yield Reasoning(f"The sandbox's files could not be fetched: {error}\n")
