"""The web tools, which use the platform's search service and web proxy; this process loads no page itself (X1)."""
# Contract file: replaced by updates.

import json
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from ..tool import ToolError
from .service import Service


class WebSearch:
    """`POST /search`."""

    def __init__(self, service: Service):
        self._service = service

    async def web_search(
        self,
        query: Annotated[str, Field(min_length=1, max_length=1_000)],
        num_results: SkipJsonSchema[Annotated[int, Field(ge=1, le=20)]] = 5,
    ) -> str:
        """Web search."""
        reply = await self._service.post("/search", {"query": query, "num_results": num_results})
        return listed(entries(reply, "results")) or f"Nothing was found for {query!r}."


class PageFetcher:
    """Fetches pages with the web proxy's `GET /fetch?url=`."""

    def __init__(self, service: Service):
        self._service = service

    async def fetch_page(self, url: Annotated[str, Field(pattern=r"^https?://\S+$", max_length=4_000)]) -> str:
        """Reads a web page."""
        reply = await self._service.get("/fetch", url=url)
        if isinstance(reply, str):
            return reply
        content = reply.get("content") if isinstance(reply, dict) else None
        if not isinstance(content, str):
            raise ToolError("The web proxy gave no content for this address.")
        return content


def entries(reply: Any, name: str) -> list[dict[str, Any]]:
    """The objects in the list `reply[name]`, or in `reply` itself if that is a list. Otherwise raises `ToolError`."""
    found = reply.get(name) if isinstance(reply, dict) else reply
    if not isinstance(found, list):
        raise ToolError("The service's answer does not have the format that the contract requires.")
    return [one for one in found if isinstance(one, dict)]


def listed(found: Iterable[dict[str, Any]]) -> str:
    """Formats search results as lines for the model: number, title, address, excerpt."""
    lines = []
    for number, entry in enumerate(found, start=1):
        title, url = entry.get("title") or "", entry.get("url") or entry.get("link") or ""
        excerpt = entry.get("snippet") or entry.get("content") or entry.get("text") or entry.get("description") or ""
        if not (title or url or excerpt):
            excerpt = json.dumps(entry)
        lines.append("\n   ".join(str(part).strip() for part in (f"{number}. {title}", url, excerpt) if part))
    return "\n".join(lines)
