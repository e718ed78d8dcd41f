"""Scripted minds: models that know the tasks, and solve them perfectly or with one flaw. They test the evaluation.
Contract file: replaced by updates.

A mind finds the task by the text of a user message, so that no request carries a mark. Behind a perfect mind, the
agent is the limit: what is lost there, the agent loses.
"""

import base64
import dataclasses
import hashlib
import json
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .library import HOST
from .task import Call, Json, Right, Task, prompt_tokens, text_of, tokens

STEP_SECONDS = 0.01  # between two deltas
_ADDRESS = re.compile(rf"{re.escape(HOST)}/[\w/-]+")


@dataclass(frozen=True)
class Reply:
    """What a mind answers. `first` is the time to the first delta, `step` the time between two, in seconds.

    `at_once` is the number of deltas that are sent together.
    """

    text: str = ""
    calls: tuple[Call, ...] = ()
    first: float = 0.0
    step: float = STEP_SECONDS
    at_once: int = 1

    @property
    def tokens(self) -> int:
        return tokens(self.text + "".join(call.name + json.dumps(call.arguments) for call in self.calls))


Flaw = Callable[[Task, Right, random.Random], Right]
Pace = Callable[[Reply], Reply]


@dataclass(frozen=True)
class Mind:
    """A way to answer. `flaw` changes the perfect answer of a share of the tasks; `pace` changes how it is sent.

    `costs` names the kinds of tasks whose grades suffer, `figures` the other parts of the score that do.
    """

    about: str
    costs: frozenset[str] = frozenset()
    figures: frozenset[str] = frozenset()
    flaw: Flaw | None = None
    share: float = 1.0
    pace: Pace | None = None
    learns: bool = False  # whether it is right once it is told that a call was wrong


TOOL_KINDS = frozenset({"choose", "several", "chain", "schema"})


def _forgets(task: Task, right: Right, rng: random.Random) -> Right:
    return dataclasses.replace(right, text=right.text or "I will do that.", calls=())


def _ignores_schemas(task: Task, right: Right, rng: random.Random) -> Right:
    """Sends numbers as texts and leaves the first argument out if it is not the only one."""
    calls = []
    for call in right.calls:
        kept = dict(list(call.arguments.items())[1 if len(call.arguments) > 1 else 0 :])
        calls.append(Call(call.name, {key: _as_text(value) for key, value in kept.items()}))
    return dataclasses.replace(right, calls=tuple(calls))


def _as_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _as_text(each) for key, each in value.items()}
    return [_as_text(each) for each in value] if isinstance(value, list) else f"{value} "


def _one_call(task: Task, right: Right, rng: random.Random) -> Right:
    return dataclasses.replace(right, calls=right.calls[:1])


def _eager(task: Task, right: Right, rng: random.Random) -> Right:
    if right.calls or not task.tools:
        return right
    function = rng.choice(task.tools)["function"]
    return dataclasses.replace(right, calls=(Call(function["name"], {}),))


def _miscounts(task: Task, right: Right, rng: random.Random) -> Right:
    """Gives a wrong answer to each question that has one."""
    wrong = re.sub(r"(?m)^(Answer: )(.*)$", r"\1not \2", right.text)
    if task.kind == "brief":
        wrong = "I am not sure"
    return dataclasses.replace(right, text=wrong)


def _invents_sources(task: Task, right: Right, rng: random.Random) -> Right:
    return dataclasses.replace(right, text=_ADDRESS.sub(f"{HOST}/invented", right.text))


def _draws_nothing(task: Task, right: Right, rng: random.Random) -> Right:
    return dataclasses.replace(right, picture=None) if right.picture else right


def _writes_broken_code(task: Task, right: Right, rng: random.Random) -> Right:
    return (
        dataclasses.replace(right, text=right.text.replace("return ", "return not ")) if task.kind == "code" else right
    )


def _breaks_rules(task: Task, right: Right, rng: random.Random) -> Right:
    return (
        dataclasses.replace(right, text=f"Sure, {right.text.lower()} Anything else?") if task.kind == "rules" else right
    )


def _fails(task: Task, right: Right, rng: random.Random) -> Right:
    """Fails a task altogether."""
    return Right(text="I do not know.")


def _verbose(task: Task, right: Right, rng: random.Random) -> Right:
    """Thinks aloud before the answer, at five times its length."""
    if task.kind in ("brief", "rules", "stream"):
        return right
    return dataclasses.replace(
        right, text="Let me think about this step by step, and with care. " * 12 + "\n" + right.text
    )


ANSWERED = frozenset({"chain", "abstain", "reason", "recall", "read", "see", "research"})  # with a line "Answer: ..."
MINDS = {
    "perfect": Mind("solves everything"),
    "forgetful": Mind("answers in words where it should call a tool", TOOL_KINDS, flaw=_forgets),
    "careless": Mind("ignores the schemas of tools", TOOL_KINDS, flaw=_ignores_schemas),
    "hasty": Mind("ignores the schemas of tools until it is told", TOOL_KINDS, flaw=_ignores_schemas, learns=True),
    "one-call": Mind("calls one tool where several are needed", frozenset({"several", "chain"}), flaw=_one_call),
    "eager": Mind("calls a tool when none is needed", frozenset({"abstain"}), flaw=_eager),
    "wrong": Mind("gives wrong final answers", ANSWERED | {"brief"}, flaw=_miscounts),
    "inventive": Mind("invents its sources", frozenset({"research"}), flaw=_invents_sources),
    "artless": Mind("draws no picture", frozenset({"draw"}), flaw=_draws_nothing),
    "buggy": Mind("writes code with a mistake", frozenset({"code"}), flaw=_writes_broken_code),
    "unruly": Mind("breaks rules about the form of an answer", frozenset({"rules"}), flaw=_breaks_rules),
    "verbose": Mind("thinks aloud at length", figures=frozenset({"cost"}), flaw=_verbose),
    "slow": Mind(
        "begins late and writes slowly",
        figures=frozenset({"speed"}),
        pace=lambda reply: dataclasses.replace(reply, first=3.0, step=0.05),
    ),
    "bursty": Mind(
        "sends its words in bursts",
        figures=frozenset({"streaming"}),
        pace=lambda reply: dataclasses.replace(reply, at_once=60, step=60 * STEP_SECONDS),
    ),
}


def mind(name: str) -> Mind:
    """The mind of this name. `weak:20` fails 20 percent of all tasks. Raises `KeyError` for an unknown name."""
    word, colon, percent = name.partition(":")
    if word == "weak" and colon and percent.isdigit() and 0 < int(percent) <= 100:
        every = TOOL_KINDS | ANSWERED | {"brief", "rules", "code", "draw", "stream"}
        return Mind(f"fails {percent} percent of all tasks", every, flaw=_fails, share=int(percent) / 100)
    return MINDS[name]


class Thinker:
    """One mind with the tasks that it knows. Equal minds with other seeds fail at other tasks."""

    def __init__(self, name: str, tasks: Sequence[Task], seed: int = 0):
        self.mind, self.name, self._seed = mind(name), name, seed
        self._tasks = {_hash(task.text): task for task in tasks}

    def task(self, body: Mapping[str, Any]) -> Task | None:
        """The task that a request is about: that of its last user message that is one."""
        for message in reversed(body.get("messages") or ()):
            if isinstance(message, dict) and message.get("role") == "user":
                found = self._tasks.get(_hash(text_of(message.get("content"))))
                if found is not None:
                    return found
        return None

    def _was_told(self, body: Mapping[str, Any]) -> bool:
        """Whether the last message says that a call was wrong, and this mind learns from that."""
        last = (body.get("messages") or [{}])[-1]
        return self.mind.learns and last.get("role") == "tool" and text_of(last.get("content")).startswith("Not run")

    def right(self, task: Task) -> Right:
        """What this mind believes to be the right answer."""
        rng = random.Random(f"{self.name}/{self._seed}/{task.text}")
        return (
            self.mind.flaw(task, task.right, rng) if self.mind.flaw and rng.random() < self.mind.share else task.right
        )

    def reply(self, body: Mapping[str, Any]) -> Reply:
        """Answers a request, perhaps with tool calls that the agent runs."""
        task = self.task(body)
        right = None if task is None else task.right if self._was_told(body) else self.right(task)
        reply = _of_an_agent(body) if task is None or right is None else _turn(task, right, body)
        return self.mind.pace(reply) if self.mind.pace else reply


def _asked_for(body: Mapping[str, Any]) -> str:
    """The name of the function that a request demands; empty if it demands none."""
    choice = body.get("tool_choice")
    return str(choice["function"]["name"]) if isinstance(choice, dict) and "function" in choice else ""


def _hash(text: str) -> str:
    return hashlib.sha256(" ".join(text.split()).encode("utf-8", "replace")).hexdigest()


def _of_an_agent(body: Mapping[str, Any]) -> Reply:
    """Answers a request that is about no task. One with a schema gets an object that says that nothing is missing."""
    return Reply("{}" if body.get("response_format") else "Understood.")


def _turn(task: Task, right: Right, body: Mapping[str, Any]) -> Reply:
    """The next turn on a task: a tool call of the agent's that helps, or the answer."""
    messages = list(body.get("messages") or ())
    if body.get("response_format") and "response_format" not in task.fields:
        return _of_an_agent(body)
    asked = max(place for place, message in enumerate(messages) if message.get("role") == "user")
    results = [text_of(message.get("content")) for message in messages[asked:] if message.get("role") == "tool"]
    own = _tools_of_the_agent(task, body)
    if right.pages and not results and (name := _named(own, "search")):
        return Reply(calls=tuple(Call(name, {_text_parameter(own[name]): query}) for query in right.queries))
    if right.pages and (name := _named(own, "fetch|page|browse")):
        read = "\n".join(results)
        unread = [page for page in right.pages if page in read and f"# {_title(page, task)}" not in read]
        if unread:
            return Reply(calls=tuple(Call(name, {_text_parameter(own[name]): page}) for page in unread))
    if right.picture:
        if (name := _named(own, "image|picture|draw")) and not results:
            return Reply(calls=(Call(name, {_text_parameter(own[name]): task.text}),))
        if not results:
            data = base64.b64encode(right.picture.png()).decode()
            return Reply(f"{right.text}\n\n![picture](data:image/png;base64,{data})")
    demanded = _asked_for(body)
    return Reply(right.text, tuple(call for call in right.calls if demanded in ("", call.name)))


def _title(page: str, task: Task) -> str:
    return task.right.queries[task.right.pages.index(page)] if page in task.right.pages else ""


def _tools_of_the_agent(task: Task, body: Mapping[str, Any]) -> dict[str, Json]:
    """The tools in a request that are not the client's, by name."""
    client = {tool["function"]["name"] for tool in task.tools}
    functions = [tool.get("function") or {} for tool in body.get("tools") or () if isinstance(tool, dict)]
    return {each["name"]: each for each in functions if each.get("name") and each["name"] not in client}


def _named(tools: Mapping[str, Json], pattern: str) -> str:
    return next((name for name in tools if re.search(pattern, name)), "")


def _text_parameter(function: Json) -> str:
    """The name of a function's first required parameter."""
    parameters = function.get("parameters") or {}
    names = [*(parameters.get("required") or ()), *(parameters.get("properties") or {})]
    return str(names[0]) if names else "query"


def usage(body: Mapping[str, Any], reply: Reply) -> dict[str, int]:
    """What a reply costs, counted as the tasks' baselines are."""
    prompt, completion = prompt_tokens(body), reply.tokens
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
