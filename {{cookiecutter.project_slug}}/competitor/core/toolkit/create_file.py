# The contract's file: an update replaces it. What is yours stands in competitor/backend/.
"""A file of text for the user."""

from typing import Annotated

from pydantic import Field

from ..files import File
from ..toolbox import Result

MAX_CHARACTERS = 100_000


async def create_file(
    name: Annotated[str, Field(description="Such as notes.md", pattern=r"^[\w][\w. -]{0,99}$")],
    content: Annotated[str, Field(description="The whole text of the file", max_length=MAX_CHARACTERS)],
) -> Result:
    """Gives the user a file of text."""
    size = len(content.encode("utf-8", "replace"))
    return Result(
        f"The user has got {name} ({size} bytes).", details={"size_bytes": size}, files=(File(name, content),)
    )
