"""Switches LangChain's telemetry off, so that no tracer sends questions or answers anywhere (X1).
Contract file: replaced by updates.
"""

import os
from collections.abc import Callable
from contextvars import Context
from typing import Any

# LangChain's libraries read environment variables with these prefixes. One would send every conversation to LangSmith;
# others change the format of messages.
_PREFIXES = ("LANGSMITH_", "LANGCHAIN_", "LANGGRAPH_", "LC_")


def switch_off() -> None:
    """Removes LangChain's variables from the environment. Must be called before LangChain is imported."""
    for name in [name for name in os.environ if name.upper().startswith(_PREFIXES)]:
        del os.environ[name]
    os.environ["LANGSMITH_TRACING"] = "false"
    import langsmith

    langsmith.set_runtime_overrides(_run_here)


async def _run_here(_: object, context: Context, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """Runs the code of LangSmith's tracer in the current thread, instead of in another thread.

    LangSmith runs this code for each call, even when tracing is off. By default, it does so in another thread, twice in
    each turn of the agent, and must wait if all threads are busy.
    """
    return context.run(function, *args, **kwargs)
