"""Tasks that ask for a Python function, which is run against tests in a process that can reach nothing.
Contract file: replaced by updates.
"""

import asyncio
import functools
import json
import random
import re
from dataclasses import dataclass
from typing import Any

from ..task import Answer, Grade, Kind, Right, Task
from .tools import THINGS

_FENCE = re.compile(r"```(?:python|py)?[^\S\n]*\n(.*?)```", re.DOTALL)
_MARK = "results of the tests: "


@dataclass(frozen=True)
class Problem:
    """A function in words and as code (the body after `def NAME(PARAMETER):`), and arguments to try."""

    words: str
    body: str
    arguments: tuple[Any, ...]


def why_not() -> str:
    """Why code cannot be run here; empty if it can."""
    from ...core.tools.builtin import local_code  # it needs packages that may not be installed yet

    return local_code.why_not() or ""


def code(rng: random.Random, number: int, name: str) -> Task:
    problem = (_larger, _runs, _rotated, _vowels, _digits, _pairs, _nested, _grouped, _binary, _merged)[number % 10](
        rng
    )
    called = f"{rng.choice(('solve', 'compute', 'process', 'handle'))}_{rng.choice(THINGS)}"
    prompt = (
        f"Write a Python function {called}(value) that {problem.words} Answer with one fenced block of Python code "
        "that contains only this function and what it imports."
    )
    right = f"```python\ndef {called}(value):\n{_indented(problem.body)}\n```"
    return Task(name, "code", prompt, Right(right), functools.partial(_grade, called, problem))


def _indented(body: str) -> str:
    return "\n".join(f"    {line}" for line in body.splitlines())


def _grade(called: str, problem: Problem, answer: Answer) -> Grade:
    from ...core.tools.builtin import local_code

    blocks = _FENCE.findall(answer.text) or [answer.text]
    source = next((block for block in blocks if f"def {called}" in block), "")
    if not source:
        return Grade(0.0, f"there is no function {called} in the answer")
    scope: dict[str, Any] = {}
    exec(f"def right(value):\n{_indented(problem.body)}", scope)  # noqa: S102 # nosec B102 - our own code
    wanted = [scope["right"](argument) for argument in problem.arguments]
    program = f"{source}\n\n{_TESTS.format(called=called, arguments=list(problem.arguments), mark=_MARK)}"
    result = asyncio.run(local_code.run_code(program))
    found = [line.removeprefix(_MARK) for line in result.text.splitlines() if line.startswith(_MARK)]
    if not found:
        last = (result.text.strip().splitlines() or ["it printed nothing"])[-1]
        return Grade(0.0, f"the code did not run to its end: {last[:100]}")
    try:
        given = json.loads(found[-1])
    except ValueError:
        return Grade(0.0, "the results of the function are no values")
    passed = sum(one == other for one, other in zip(wanted, given, strict=False))
    return Grade(passed / len(wanted), "" if passed == len(wanted) else f"{passed} of {len(wanted)} tests pass")


_TESTS = """
import json as _json

def _tried(argument):
    try:
        return {called}(argument)
    except Exception as error:
        return f"failed: {{error!r}}"

print({mark!r} + _json.dumps([_tried(argument) for argument in {arguments!r}], default=repr))
"""


def _numbers(rng: random.Random, count: int = 8, most: int = 60) -> list[int]:
    return [rng.randint(-most, most) for _ in range(count)]


def _larger(rng: random.Random) -> Problem:
    limit, factor = rng.randint(-10, 30), rng.randint(2, 9)
    return Problem(
        f"takes a list of integers and returns the sum of those larger than {limit}, times {factor}.",
        f"return {factor} * sum(each for each in value if each > {limit})",
        (*(_numbers(rng) for _ in range(5)), []),
    )


def _runs(rng: random.Random) -> Problem:
    sign = rng.choice("-:=/")
    return Problem(
        f'takes a text and replaces each run of the same character by the character, the sign "{sign}" and the length '
        f'of the run; "aab" becomes "a{sign}2b{sign}1".',
        'import itertools\nruns = itertools.groupby(value)\nreturn "".join('
        f'f"{{key}}{sign}{{len(list(group))}}" for key, group in runs)',
        ("aab", "", "x", "zzzzyyx", "abcabc", "11 22"),
    )


def _rotated(rng: random.Random) -> Problem:
    steps = rng.randint(2, 5)
    return Problem(
        f"takes a list and returns a new list in which all elements are moved {steps} places to the left; what falls "
        "out on the left comes back on the right.",
        f"if not value:\n    return []\nsteps = {steps} % len(value)\nreturn value[steps:] + value[:steps]",
        ([], [1], [1, 2, 3], _numbers(rng), list("abcdefg")),
    )


def _vowels(rng: random.Random) -> Problem:
    letters = "".join(sorted(rng.sample("aeiou", 3)))
    return Problem(
        f"takes a text and returns it without the letters {', '.join(letters)}, in lower or upper case, and reversed.",
        f'return "".join(each for each in reversed(value) if each.lower() not in "{letters}")',
        ("", "Hello World", "AEIOU aeiou", "programming", "Quick Brown Fox"),
    )


def _digits(rng: random.Random) -> Problem:
    base = rng.choice((3, 5, 6, 7, 9))
    return Problem(
        f"takes an integer that is not negative and returns the sum of its digits in base {base}.",
        f"total = 0\nwhile value:\n    value, digit = divmod(value, {base})\n    total += digit\nreturn total",
        (0, 1, base, base * base - 1, rng.randint(100, 9_999), rng.randint(10_000, 999_999)),
    )


def _pairs(rng: random.Random) -> Problem:
    wanted = rng.randint(-5, 25)
    return Problem(
        f"takes a list of integers and returns how many pairs of places i < j have elements whose sum is {wanted}.",
        "count = 0\nfor i in range(len(value)):\n    for j in range(i + 1, len(value)):\n"
        f"        count += value[i] + value[j] == {wanted}\nreturn count",
        ([], [wanted], [wanted, 0], [wanted, 0, 0, wanted], *(_numbers(rng, 12, 15) for _ in range(3))),
    )


def _nested(rng: random.Random) -> Problem:
    one, other = rng.choice(("()", "[]", "{}")), rng.randint(2, 4)
    return Problem(
        f'takes a text and returns True if its brackets "{one[0]}" and "{one[1]}" are balanced and never nested deeper '
        f"than {other}, and otherwise False. All other characters are ignored.",
        f'depth = 0\nfor each in value:\n    depth += (each == "{one[0]}") - (each == "{one[1]}")\n'
        f"    if depth < 0 or depth > {other}:\n        return False\nreturn depth == 0",
        (
            "",
            one,
            one[1] + one[0],
            one[0] * other + one[1] * other,
            one[0] * (other + 1) + one[1] * (other + 1),
            f"a{one}b",
        ),
    )


def _grouped(rng: random.Random) -> Problem:
    count = rng.randint(2, 4)
    return Problem(
        f"takes a text and returns a dictionary from each word of at least {count} letters, in lower case, to how "
        "often it occurs. Words are separated by spaces.",
        f"found = {{}}\nfor word in value.lower().split():\n    if len(word) >= {count}:\n"
        "        found[word] = found.get(word, 0) + 1\nreturn found",
        ("", "a bb ccc dddd", "The cat and the dog and the bird", "one ONE One two"),
    )


def _binary(rng: random.Random) -> Problem:
    step = rng.randint(3, 7)
    return Problem(
        f"takes an integer n and returns the list of all integers from 1 to n that {step} divides or whose binary form "
        "has exactly two ones, in ascending order.",
        f'return [each for each in range(1, value + 1) if each % {step} == 0 or bin(each).count("1") == 2]',
        (0, 1, 10, 33, rng.randint(40, 90)),
    )


def _merged(rng: random.Random) -> Problem:
    gap = rng.randint(0, 3)
    return Problem(
        "takes a list of intervals [start, end] and returns them merged and sorted: two intervals become one if the "
        f"second starts at most {gap} after the first ends.",
        "found = []\nfor start, end in sorted(value):\n"
        f"    if found and start <= found[-1][1] + {gap}:\n        found[-1][1] = max(found[-1][1], end)\n"
        "    else:\n        found.append([start, end])\nreturn found",
        ([], [[1, 2]], [[5, 9], [1, 4]], [[1, 3], [3 + gap, 8], [20, 30]], [[1, 10], [2, 3], [11 + gap, 12]]),
    )


KINDS = (Kind("code", "Python functions, run against tests", code),)
