"""Your tools. A tool is a typed async function with a docstring; the model reads the docstring and the types.

    async def lookup(word: Annotated[str, Field(description="in lower case")]) -> str:
        \"\"\"Looks a word up in our dictionary.\"\"\"

    return [tool(lookup), *offered(chat)]

You may also write a tool as the SDK does, with `@function_tool`, and give it to the agent. Every call ends within
JANUS_TOOL_SECONDS, and the model gets its result.
"""

from ..api import Chat, Tool, offered


def tools(chat: Chat) -> list[Tool]:
    """The tools for one request: yours, and the built-in ones whose service is configured."""
    return offered(chat)
