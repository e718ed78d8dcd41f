"""Nothing of what is asked or answered leaves by a tracer, whatever the environment says (X1)."""

import os
from collections.abc import Callable
from contextvars import Context
from typing import Any

# LangChain's libraries read variables of these names by themselves: one would send each conversation to LangSmith,
# others change the form of messages.
_PREFIXES = ("LANGSMITH_", "LANGCHAIN_", "LANGGRAPH_", "LC_")


def off() -> None:
    """To be called before LangChain is imported."""
    for name in [name for name in os.environ if name.upper().startswith(_PREFIXES)]:
        del os.environ[name]
    os.environ["LANGSMITH_TRACING"] = "false"
    import langsmith

    langsmith.set_runtime_overrides(_inline)


async def _inline(_: object, context: Context, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """What the tracer does around each call though it is off. By default in a thread: twice a turn, and never at all
    while all threads are taken."""
    return context.run(function, *args, **kwargs)
