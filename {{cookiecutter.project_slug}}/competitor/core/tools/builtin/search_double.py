"""A stand-in for the search service, for workshops without a network. Its results are invented and marked as such."""
# Contract file: replaced by updates.

import hashlib
from typing import Annotated

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

LABEL = "[search double: made up on this machine, not from the web]"


async def web_search(
    query: Annotated[str, Field(min_length=1, max_length=1_000)],
    num_results: SkipJsonSchema[Annotated[int, Field(ge=1, le=20)]] = 2,
) -> str:
    """Web search."""
    lines = [f"{LABEL} {query}"]
    for number in range(1, num_results + 1):
        page = hashlib.sha256(f"{number}{query}".encode()).hexdigest()[:8]
        lines.append(f"{number}. Example {number} about {query} https://example.com/{page}")
    return "\n".join(lines)
