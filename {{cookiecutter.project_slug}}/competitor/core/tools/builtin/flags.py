"""Does what a request's `generation_flags` ask for, in a backend without tools of its own."""
# Contract file: replaced by updates.

import json
from collections.abc import AsyncIterator

from ...chat import Chat
from ...events import Event, Text, ToolCall
from ..toolbox import FORCED_KINDS, Toolbox, flagged
from . import offered

_MAX_CHARACTERS = 4_000  # of a prompt, or of a text to read


async def by_flags(chat: Chat, said: str) -> AsyncIterator[Event]:
    """Draws an image of the last user message, or reads `said` aloud, if a flag asks for it and a service can do it."""
    wanted = flagged(chat.request)
    tools = [one for one in offered(chat) if one.kind in wanted and one.kind in FORCED_KINDS] if wanted else []
    given = {"image": {"prompt": chat.text[:_MAX_CHARACTERS]}, "speech": {"text": said[:_MAX_CHARACTERS]}}
    calls = [ToolCall(one.name, json.dumps(given[one.kind])) for one in tools if all(given[one.kind].values())]
    if not calls:
        return
    async with Toolbox(tools, seconds=chat.settings.tool_seconds).start(calls) as running:
        async for event in running:
            yield event
    for result in running.results:
        if result.status == "error":
            yield Text(f"\n\n{result.text}")
