"""Your tools. A tool is a plain async function: its name, its docstring and its types are what the model sees.

    async def lookup(word: Annotated[str, Field(description="In lower case")], most: int = 3) -> str:
        \"\"\"Looks a word up in our glossary.\"\"\"
        return "\\n".join(GLOSSARY[word][:most])

    def tools(chat: Chat) -> list[Tool]:
        return [tool(lookup), *offered(chat)]

Arguments are checked before the call. Raise `ToolError("...")` where the model should try something else. A call
that hangs is stopped, one that fails is told to the model. Blocking work belongs into `await asyncio.to_thread(...)`.
"""

from ..api import Chat, Tool, offered


def tools(chat: Chat) -> list[Tool]:
    """The tools of one answer: `offered` has those of the core whose services are configured."""
    return [*offered(chat)]
