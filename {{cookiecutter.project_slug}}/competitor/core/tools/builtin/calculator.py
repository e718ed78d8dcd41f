"""The tool `calculator`: exact arithmetic for a model."""
# Contract file: replaced by updates.

from ...arithmetic import computed
from ..tool import ToolError


async def calculator(expression: str) -> str:
    """Computes, e.g. sqrt(2)*3**4."""
    try:
        return f"{expression.strip()} = {computed(expression)}"
    except ZeroDivisionError:
        raise ToolError("The expression divides by zero.") from None
    except ValueError as error:
        raise ToolError(f"The expression cannot be computed: {error}.") from None
