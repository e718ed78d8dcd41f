"""Switches LangChain's telemetry off: no question and no answer leaves through a tracer (X1).
Contract file: replaced by updates.
"""

import os
from collections.abc import Callable
from contextvars import Context
from typing import Any

# LangChain's libraries read environment variables with these prefixes: one would send every conversation to LangSmith,
# others change the form of messages.
_PREFIXES = ("LANGSMITH_", "LANGCHAIN_", "LANGGRAPH_", "LC_")


def switch_off() -> None:
    """Removes these variables from the environment. Call it before LangChain is imported."""
    for name in [name for name in os.environ if name.upper().startswith(_PREFIXES)]:
        del os.environ[name]
    os.environ["LANGSMITH_TRACING"] = "false"
    import langsmith

    langsmith.set_runtime_overrides(_run_here)


async def _run_here(_: object, context: Context, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Runs what the tracer does around each call, although it is off, in this thread.

    By default LangSmith takes another thread for it: twice a turn, and it waits while all threads are busy.
    """
    return context.run(function, *args, **kwargs)
