"""Nothing of what is asked or answered leaves by a tracer, whatever the environment says (X1)."""

import os

# LangChain's libraries read variables of these names by themselves: one would send each conversation to LangSmith,
# others change the form of messages.
_PREFIXES = ("LANGSMITH_", "LANGCHAIN_", "LANGGRAPH_", "LC_")


def off() -> None:
    """To be called before LangChain is imported."""
    for name in [name for name in os.environ if name.upper().startswith(_PREFIXES)]:
        del os.environ[name]
    os.environ["LANGSMITH_TRACING"] = "false"
