"""Answers tasks with a scripted mind, without a server, and makes results of them."""

import base64
from collections.abc import Iterable, Sequence

from competitor.evaluation.kinds import tasks
from competitor.evaluation.minds import Thinker
from competitor.evaluation.score import Result, result
from competitor.evaluation.task import Answer, Right, Task

SEED = 7
MADE: dict[int, list[Task]] = {}


def made(count: int) -> list[Task]:
    """The first tasks of each kind, made once."""
    if count not in MADE:
        MADE[count] = tasks(SEED, count)
    return MADE[count]


def answer(task: Task, right: Right, tokens: int | None = None) -> Answer:
    """What a client gets if a model behind a perfect server believes this."""
    text = right.text
    if right.picture:
        text += f"\n\n![picture](data:image/png;base64,{base64.b64encode(right.picture.png()).decode()})"
    times = tuple(0.02 * number for number in range(1, len(text.split()) + 1))
    return Answer(text, right.calls, times, 0.02, task.baseline if tokens is None else tokens, 0, 1.0)


def solved(mind: str, some: Sequence[Task], seed: int = 0) -> list[Result]:
    """The results of a mind."""
    thinker = Thinker(mind, some, seed)
    return [graded(task, answer(task, thinker.right(task))) for task in some]


def graded(task: Task, given: Answer) -> Result:
    return result(task, given, task.grade(given))


def points(results: Iterable[Result]) -> dict[str, float]:
    """The mean points of each kind."""
    found: dict[str, list[float]] = {}
    for each in results:
        found.setdefault(each.kind, []).append(each.points)
    return {kind: sum(of) / len(of) for kind, of in found.items()}
