"""A budget of steps for work whose size a caller chooses, so that no request can hold the event loop.
Contract file: replaced by updates.

Every step spends, whatever the shape of the input: a limit of depth or of width alone leaves their product unlimited.
"""


class OutOfBudget(Exception):
    """The steps are used up."""


class Budget:
    """Counts the steps that are left. A step is work of about a microsecond."""

    __slots__ = ("_left",)

    def __init__(self, steps: int):
        self._left = steps

    def spend(self, steps: int = 1) -> None:
        """Raises `OutOfBudget` if fewer than `steps` are left."""
        self._left -= steps
        if self._left < 0:
            raise OutOfBudget
