"""Your tools. A tool is an async function; the model sees its name, its docstring and its types.

    async def lookup(word: Annotated[str, Field(description="In lower case")], most: int = 3) -> str:
        \"\"\"Looks a word up in our glossary.\"\"\"
        return "\\n".join(GLOSSARY[word][:most])

    def tools(chat: Chat) -> list[Tool]:
        return [tool(lookup), *offered(chat)]

The core checks arguments before the call. Raise `ToolError("...")` if the model should try something else. A call
that hangs is stopped; failures are reported to the model. Put blocking work into `await asyncio.to_thread(...)`.
"""

from ..api import Chat, Tool, offered


def tools(chat: Chat) -> list[Tool]:
    """The tools of one answer: `offered` returns the built-in tools whose service is configured."""
    return [*offered(chat)]
