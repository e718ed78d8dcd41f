"""Switches the SDK's tracing off, so that no trace of a conversation is sent anywhere (X1).
Contract file: replaced by updates.
"""

import os


def switch_off() -> None:
    """Disables tracing before and after the import: by default, the SDK sends traces to OpenAI if there is a key."""
    os.environ["OPENAI_AGENTS_DISABLE_TRACING"] = "1"
    from agents import set_trace_processors, set_tracing_disabled

    set_tracing_disabled(True)
    set_trace_processors([])
