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
        name: Annotated[str, Field(description="Such as notes.md", pattern=r"^[\w][\w. -]{0,99}$")],
        content: Annotated[str, Field(description="The whole text of the file", max_length=MAX_FILE_CHARACTERS)],
    ) -> Result:
        """Gives the user a file of text."""
        made = await self._artifacts.save(content, name)
        said = f"The user has got {made.display_name} ({made.size_bytes} bytes)."
        return Result(said, details={"size_bytes": made.size_bytes}, artifacts=(made,))
