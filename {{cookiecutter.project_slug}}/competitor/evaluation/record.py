"""The record of a run: what was asked, of whom, and the results. It is written while the run goes on.
Contract file: replaced by updates.

A finished run is one JSON file. Until then, each result is a line of a second file (`.part`), so that nothing is lost
if the run is stopped; the same command continues it.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from .score import Result, composite, kind_mean, of_kind, parts, spread
from .task import Json

FORMAT = "janus-evaluation/1"
MAX_FILE_BYTES = 256 * 2**20


class Unusable(Exception):
    """A file, an option or a server cannot be used. The message is a sentence without a full stop."""


@dataclass(frozen=True)
class Plan:
    """What is asked: the tasks, and of which server. A run with another plan is another run."""

    server: str
    seed: int
    subset: int
    kinds: tuple[str, ...]
    mind: str = ""
    judge: str = ""


@dataclass
class Record:
    """A run. `about` is what the server says about itself; `notes` are sentences about what was not measured."""

    plan: Plan
    results: list[Result] = field(default_factory=list)
    about: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
    late: float = 0.0  # the machine's lateness during the run, in seconds
    when: str = ""
    version: str = ""

    def as_json(self) -> str:
        """The record as the text of a JSON file, with the scores."""
        scores: Json = {
            "score": round(composite(self.results), 2),
            "plus_or_minus": round(spread(self.results, kind_of, composite), 2),
            "parts": {part: round(value, 2) for part, value in parts(self.results).items()},
            "kinds": {kind: round(kind_mean(of_kind(self.results, kind)), 2) for kind in self.kinds},
            "tokens": sum(each.tokens for each in self.results),
        }
        head = {
            "format": FORMAT,
            **scores,
            **{name: value for name, value in asdict(self).items() if name != "results"},
        }
        return json.dumps({**head, "results": [asdict(each) for each in self.results]}, indent=1) + "\n"

    @property
    def kinds(self) -> list[str]:
        """The kinds that were measured."""
        return [kind for kind in self.plan.kinds if of_kind(self.results, kind)]


def kind_of(each: Result) -> str:
    return each.kind


def read(path: Path) -> Record:
    """Reads a record. Raises `Unusable` for a file that is none."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise Unusable(f"{path} is too large for a report of an evaluation")
        given = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise Unusable(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise Unusable(f"{path} is not a report of an evaluation: it is not JSON") from None
    if not isinstance(given, dict) or given.get("format") != FORMAT:
        raise Unusable(f"{path} is not a report of an evaluation")
    try:
        plan = {**given["plan"], "kinds": tuple(given["plan"]["kinds"])}
        record = Record(Plan(**plan), [Result(**each) for each in given["results"]])
        for name in ("about", "notes", "seconds", "late", "when", "version"):
            setattr(record, name, given[name])
        composite(record.results)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise Unusable(f"{path} is a damaged report of an evaluation") from None
    return record


class Journal:
    """The results of an unfinished run, a line each, beside the file that the finished run becomes."""

    def __init__(self, path: Path, plan: Plan):
        self.path, self._plan = path.with_name(f"{path.name}.part"), plan
        self._file: Any = None

    def earlier(self) -> list[Result]:
        """The results of an earlier, stopped run with the same plan."""
        try:
            lines = self.path.read_text(encoding="utf-8").splitlines()
            head = json.loads(lines[0])
        except (OSError, ValueError, IndexError):
            return []
        if head != self._head():
            return []
        return list(_results(lines[1:]))

    def open(self, results: Iterable[Result]) -> None:
        """Begins a new file with these results. Raises `Unusable` if it cannot be written."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("w", encoding="utf-8")
        except OSError as error:
            raise Unusable(f"{self.path} cannot be written: {error.strerror}") from None
        self._line(self._head())
        for each in results:
            self.add(each)

    def add(self, each: Result) -> None:
        self._line(asdict(each))

    def close(self, *, finished: bool) -> None:
        """Closes the file, and deletes it if the run is finished."""
        self._file.close()
        if finished:
            self.path.unlink(missing_ok=True)

    def _head(self) -> Json:
        return {"format": FORMAT, "plan": {**asdict(self._plan), "kinds": list(self._plan.kinds)}}

    def _line(self, value: Json) -> None:
        self._file.write(f"{json.dumps(value)}\n")
        self._file.flush()


def _results(lines: Iterable[str]) -> Iterable[Result]:
    names = {each.name for each in fields(Result)}
    for line in lines:
        try:
            given = json.loads(line)
        except ValueError:  # the last line of a process that was killed
            return
        if isinstance(given, dict) and given.keys() == names:
            yield Result(**given)


def write(path: Path, text: str) -> None:
    """Writes a file as a whole or not at all. Raises `Unusable`."""
    part = path.with_name(f".{path.name}.new")
    try:
        part.write_text(text, encoding="utf-8", errors="replace")
        os.replace(part, path)
    except OSError as error:
        raise Unusable(f"{path} cannot be written: {error.strerror}") from None
