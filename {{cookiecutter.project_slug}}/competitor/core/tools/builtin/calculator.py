"""The tool `calculator`: exact arithmetic for a model."""
# Contract file: replaced by updates.

from typing import Annotated

from pydantic import Field

from ...arithmetic import computed
from ..tool import ToolError


async def calculator(
    expression: Annotated[str, Field(description="Such as (3 + 4) * 2 ** 10, sqrt(2) or round(10 / 3, 2)")],
) -> str:
    """Computes an arithmetic expression exactly."""
    try:
        return f"{expression.strip()} = {computed(expression)}"
    except ZeroDivisionError:
        raise ToolError("The expression divides by zero.") from None
    except ValueError as error:
        raise ToolError(f"The expression cannot be computed: {error}.") from None
