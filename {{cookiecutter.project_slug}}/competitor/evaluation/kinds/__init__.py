"""All kinds of tasks, in the order in which they are asked and reported."""
# Contract file: replaced by updates.

from .. import task
from . import coding, reading, research, thinking, tools

STREAM = thinking.STREAM.name
KINDS = {
    kind.name: kind
    for kind in (
        *tools.KINDS,
        *thinking.KINDS,
        *coding.KINDS,
        *reading.KINDS,
        *research.KINDS,
        thinking.STREAM,
    )
}


def tasks(seed: int, count: int, names: tuple[str, ...] = tuple(KINDS)) -> list[task.Task]:
    """The first `count` tasks of each of these kinds."""
    return [each for name in names for each in task.made(KINDS[name], seed, count)]
