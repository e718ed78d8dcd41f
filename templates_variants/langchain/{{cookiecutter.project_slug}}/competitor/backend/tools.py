"""The tools that your competitor runs itself. Add yours here.

A tool is a typed async function with a docstring; the model reads the docstring and the types:

    async def lookup(word: Annotated[str, Field(description="in lower case")]) -> str:
        \"\"\"Looks a word up in our dictionary.\"\"\"

    return [tool(lookup), *offered(chat)]

Tools of LangChain's go in as `from_langchain(their_tool)`. Whatever a tool does, its call ends within
JANUS_TOOL_SECONDS, and the model is told what came of it (competitor/core/tools/toolbox.py).
"""

from ..core.chat import Chat
from ..core.tools.builtin import offered
from ..core.tools.tool import Tool


def tools(chat: Chat) -> list[Tool]:
    """The tools for one request: yours, and the built-in ones whose service is configured."""
    return offered(chat)
