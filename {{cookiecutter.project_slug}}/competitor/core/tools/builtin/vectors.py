"""The tool `query_vectors`: finds passages by meaning with the platform's vector service."""
# Contract file: replaced by updates.

import json
from typing import Annotated, Any

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from .service import Service
from .web import entries


class Vectors:
    """`POST /query`."""

    def __init__(self, service: Service):
        self._service = service

    async def query_vectors(
        self,
        query: Annotated[str, Field(min_length=1, max_length=4_000)],
        top_k: SkipJsonSchema[Annotated[int, Field(ge=1, le=50)]] = 5,
    ) -> str:
        """Finds passages of the knowledge base by meaning."""
        reply = await self._service.post("/query", {"query": query, "top_k": top_k})
        named = next((name for name in ("results", "matches") if isinstance(reply, dict) and name in reply), "results")
        return "\n".join(_passage(entry) for entry in entries(reply, named)) or f"Nothing is near to {query!r}."


def _passage(entry: dict[str, Any]) -> str:
    """The text of an entry, with its score if it has one."""
    about = entry.get("metadata")
    parts = [entry, about] if isinstance(about, dict) else [entry]
    text = next((part[name] for part in parts for name in ("text", "content") if part.get(name)), None)
    score = f"[{entry['score']:.3f}] " if isinstance(entry.get("score"), int | float) else ""
    return f"- {score}{text if isinstance(text, str) else json.dumps(entry)}"
