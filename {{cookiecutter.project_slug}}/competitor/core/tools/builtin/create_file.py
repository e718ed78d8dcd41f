"""The tool `create_file`: gives the user a text file."""
# Contract file: replaced by updates.

from typing import Annotated

from pydantic import Field

from ...artifacts.save import Artifacts
from ...limits import MAX_FILE_CHARACTERS
from ..tool import Result


class FileMaker:
    """Makes files as artifacts of one answer."""

    def __init__(self, artifacts: Artifacts):
        self._artifacts = artifacts

    async def create_file(
        self,
        name: Annotated[str, Field(pattern=r"^[\w][\w. -]{0,99}$")],
        content: Annotated[str, Field(max_length=MAX_FILE_CHARACTERS)],
    ) -> Result:
        """Hands out a file."""
        made = await self._artifacts.save(content, name)
        said = f"Created {made.display_name} ({made.size_bytes} bytes). The user has it."
        return Result(said, details={"size_bytes": made.size_bytes}, artifacts=(made,))
