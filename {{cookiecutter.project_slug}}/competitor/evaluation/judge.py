"""A model as judge of long texts, if JANUS_JUDGE_URL names one. Without it, only their length is graded.
Contract file: replaced by updates.
"""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ..checks.responses import Failed, NotShown
from ..checks.target import JSON_TYPE, Target
from .kinds import STREAM
from .task import Answer, Grade, Task

SECONDS = 120.0
_PROMPT = (
    "Grade the answer to the request below from 0 (useless) to 10 (excellent). Judge whether it does what was asked, "
    "is correct, and reads well. Reply with the number only.\n\nRequest:\n{request}\n\nAnswer:\n{answer}"
)
_NUMBER = re.compile(r"(?<![\d.])(10|\d)(?:\.\d+)?(?![\d.])")


@dataclass
class Judge:
    """Grades answers with the model at `url`, an OpenAI-compatible API. `failures` say why it did not grade some."""

    url: str = ""
    model: str = ""
    key: str = field(default="", repr=False)
    failures: list[str] = field(default_factory=list)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Judge":
        url, model, key = (environment.get(f"JANUS_JUDGE_{name}", "") for name in ("URL", "MODEL", "KEY"))
        return cls(url, model, key)

    def grade(self, task: Task, answer: Answer, grade: Grade) -> Grade:
        """The judge's grade of a long text; that of the rules for other tasks, and if the judge fails."""
        if not self.url or task.kind != STREAM or grade.points < 1:
            return grade
        try:
            points = self._asked(task.text, answer.text)
        except (Failed, NotShown, LookupError, TypeError, ValueError) as error:
            self.failures.append(str(error) or type(error).__name__)
            return grade
        return replace(grade, points=points, why="" if points == 1 else f"the judge gave it {10 * points:.0f} of 10")

    def _asked(self, request: str, answer: str) -> float:
        base = self.url.rstrip("/").removesuffix("/chat/completions")
        target = Target(base, timeout=SECONDS)
        message = {"role": "user", "content": _PROMPT.format(request=request, answer=answer)}
        body = json.dumps({"model": self.model or "judge", "messages": [message], "temperature": 0}).encode()
        key = {"authorization": f"Bearer {self.key}"} if self.key else {}
        reply = target.post(body, JSON_TYPE | key, "/chat/completions")
        if reply.status != 200:
            raise Failed(f"it answered with the HTTP status {reply.status}")
        found = _NUMBER.search(str(reply.message.get("content") or ""))
        if not found:
            raise Failed("its answer has no number")
        return float(found[0]) / 10

    @property
    def note(self) -> str:
        """A sentence about the answers that it did not grade; empty if there is none."""
        if not self.failures:
            return ""
        return f"The judge did not grade {len(self.failures)} answers, so only their length counts: {self.failures[-1]}"
