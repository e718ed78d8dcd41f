"""Your agent. Start here.

A request that needs work on files or code goes to a command-line agent in a sandbox; any other goes straight to the
model, which is faster and costs less. The core calls `answer` for every request and does everything else: HTTP,
streaming, keep-alive, time limits, errors, usage. If this code fails, the core still ends the answer properly, and the
log says why.
"""

import re
from collections.abc import AsyncIterator

from ..adapters.cli_agents import NoSandbox, run_agent, transcript
from ..api import Chat, Event, Reasoning, by_flags

NAME = "sandbox"

# One of claude-code, codex, aider, opencode, openhands, droid: what your sandbox has.
AGENT = "claude-code"
# What the agent is told besides the conversation. You pay for each of its words with every call of the model.
INSTRUCTIONS = "Put the files that the user shall get into /workspace/artifacts. Answer briefly at the end."
# The longest time that the agent works, in seconds. A sandbox costs by the second.
MAX_SECONDS = 240

# A request needs the agent if it comes with a file, or if its text says what to do and with what. Pictures are no files
# here, since the model sees them.
DO = re.compile(r"\b(creat|writ|mak|build|implement|fix|debug|run|execut|test|convert|analy[sz]|plot)\w*", re.I)
WITH = re.compile(r"\b(files?|scripts?|programs?|apps?|websites?|code|csv|pdf|spreadsheets?|\w+\.\w{2,4})\b", re.I)


def needs_agent(chat: Chat) -> bool:
    """Whether this request is worth a sandbox. A client that runs tools of its own wants the model's calls."""
    if chat.request.offered_tools:
        return False
    return any(file.type != "image" for file in chat.files) or bool(DO.search(chat.text) and WITH.search(chat.text))


async def answer(chat: Chat) -> AsyncIterator[Event]:
    """Lets the agent work, or asks the model."""
    if needs_agent(chat):
        work = run_agent(chat, AGENT, prompt=transcript(chat), instructions=INSTRUCTIONS, seconds=MAX_SECONDS)
        try:
            async for event in work:
                yield event
        except NoSandbox as reason:
            yield Reasoning(f"{reason}. The model answers by itself.\n")
        else:
            return
    reply = chat.complete()
    yield reply
    if chat.request.generation_flags:  # they may ask for an image, or for speech
        async for event in by_flags(chat, reply.text):
            yield event
