"""Asks all tasks of a run: the long texts one after the other, since their arrival is timed, then several at once.
Contract file: replaced by updates.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from ..checks.target import Target
from . import asking
from .kinds import STREAM, coding
from .score import Result, result
from .task import Answer, Grade, Task

MAX_FAILURES_IN_A_ROW, MAX_USELESS_IN_A_ROW = 8, 24
_NO_ANSWER = ("no response", "broke off")  # so `Target` says it


class Ended(Exception):
    """The run ends before all tasks are asked. The message is a sentence without a full stop."""


@dataclass
class Budget:
    """The largest cost of a run, in tokens, or in USD with the prices of a million tokens, read and written."""

    limit: float | None = None
    price_in: float = 0.0
    price_out: float = 0.0
    in_usd: bool = False
    spent: float = 0.0
    _dearest: float = 1.0  # the largest cost of a task so far, as a multiple of its baseline

    def cost(self, read: int, written: int) -> float:
        if not self.in_usd:
            return read + written
        return (self.price_in * read + self.price_out * written) / 1_000_000

    def expected(self, task: Task) -> float:
        """What a task may cost, by its baseline and the dearest task so far."""
        return self._dearest * self.cost(task.baseline, 0 if not self.in_usd else task.baseline)

    def add(self, task: Task, answer: Answer) -> None:
        cost = self.cost(answer.tokens - answer.written, answer.written)
        self.spent += cost
        self._dearest = max(self._dearest, cost / max(self.cost(task.baseline, 0), 1e-12))

    def allows(self, task: Task, waiting: Iterable[Task]) -> bool:
        """Whether this task can be asked too, while the answers of others are awaited."""
        if self.limit is None:
            return True
        return self.spent + sum(map(self.expected, waiting)) + self.expected(task) <= self.limit

    def words(self, amount: float) -> str:
        return f"{amount:.4f} USD" if self.in_usd else f"{amount:.0f} tokens"


def run(
    target: Target,
    tasks: Sequence[Task],
    budget: Budget,
    concurrency: int,
    judged: Callable[[Task, Answer, Grade], Grade],
    settle: Callable[[Result], None],
) -> None:
    """Asks the tasks, and calls `settle` with each result. Raises `Ended` if the server is gone or the budget spent."""
    why_no_code = coding.why_not() if any(task.kind == "code" for task in tasks) else ""
    alone = [task for task in tasks if task.kind == STREAM]
    together = [task for task in tasks if task.kind != STREAM and not (why_no_code and task.kind == "code")]
    if why_no_code:
        for task in tasks:
            if task.kind == "code":
                settle(Result(task.id, task.kind, not_measured=f"this machine cannot confine a program: {why_no_code}"))
    gone = useless = 0  # in a row
    unanswered: list[Result] = []  # they count at the end, if the server is still there then
    for some, several in ((alone, 1), (together, concurrency)):
        for task, answer in _answers(target, some, budget, several):
            if target.access.why_over:
                continue
            found = result(task, answer, _graded(task, answer, judged))
            if not answer.text and any(words in answer.failure for words in _NO_ANSWER):
                unanswered.append(found)
                gone += 1
                if gone >= MAX_FAILURES_IN_A_ROW:
                    raise Ended(f"The server does not answer any more ({answer.failure})")
                continue
            settle(found)
            gone = 0
            useless = useless + 1 if answer.failure and not answer.text else 0
            if useless >= MAX_USELESS_IN_A_ROW:
                raise Ended(f"{useless} tasks in a row had no usable answer; the last: {answer.failure}")
    for each in unanswered:
        settle(each)


def _answers(target: Target, tasks: Sequence[Task], budget: Budget, several: int) -> Iterator[tuple[Task, Answer]]:
    """Asks `several` tasks at once. Yields the answers as they come."""
    left = list(reversed(tasks))
    running: dict[Future[Answer], Task] = {}
    pool = ThreadPoolExecutor(several, "evaluation")
    try:
        while left or running:
            while left and len(running) < several and budget.allows(left[-1], running.values()):
                task = left.pop()
                running[pool.submit(asking.ask, target, task)] = task
            if not running:
                spent = budget.words(budget.spent)
                raise Ended(
                    f"The budget of {budget.words(budget.limit or 0)} does not allow another task ({spent} are spent)"
                )
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for each in done:
                task, answer = running.pop(each), each.result()
                budget.add(task, answer)
                yield task, answer
    finally:
        pool.shutdown(wait=not running, cancel_futures=True)


def _graded(task: Task, answer: Answer, judged: Callable[[Task, Answer, Grade], Grade]) -> Grade:
    if answer.failure and not answer.text:
        return Grade(0.0)
    try:
        return judged(task, answer, task.grade(answer))
    except Exception as error:  # noqa: BLE001 - a model may write anything, such as JSON of a million brackets
        return Grade(0.0, f"the answer cannot be graded ({type(error).__name__})")
