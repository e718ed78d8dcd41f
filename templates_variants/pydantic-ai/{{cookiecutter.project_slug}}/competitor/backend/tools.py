"""Your tools. A tool is a typed async function with a docstring; the model reads the docstring and the types.

    async def lookup(word: Annotated[str, Field(description="in lower case")]) -> str:
        \"\"\"Looks a word up in our dictionary.\"\"\"

    return [tool(lookup), *offered(chat)]

You may also write a tool as PydanticAI does, with `@agent.tool` in agent.py, or give the agent a toolset. Every call
ends within JANUS_TOOL_SECONDS, and the model gets its result.
"""

from ..api import Chat, Tool, offered


def tools(chat: Chat) -> list[Tool]:
    """The tools for one request: yours, and the built-in ones whose service is configured."""
    return offered(chat)
