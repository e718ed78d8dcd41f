"""Command-line agents: one works on a request in a Sandy sandbox, with the contract's events and limits.
Contract file: replaced by updates.

    async for event in run_agent(chat, "claude-code", prompt=transcript(chat), seconds=240):
        yield event

run_agent     makes a sandbox, sends the files and the prompt, yields what the agent says and makes, ends the sandbox
transcript    the conversation as one text
NoSandbox     no sandbox is configured, or none could be made; nothing has been yielded yet
"""

from .agent import run_agent, transcript
from .sandbox import NoSandbox

__all__ = ["NoSandbox", "run_agent", "transcript"]
