"""`competitor check`: checks a server against every case of every clause, prints the verdicts, and writes the reports.
Contract file: replaced by updates.

Exit code 0: every `must` that could be checked holds. 1: a `must` is broken. 2: nothing could be checked, or a check
has a fault.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

from . import CASES, CLAUSES, PROMPTS, Target, stand_in
from .figures import Figure, measure
from .judging import judge_if_answering, why_unanswered
from .prompts import WORDS, learn_prompts
from .report.html import as_html
from .report.records import Record, as_json, as_junit
from .report.terminal import catalogue, closing, progress, say, table
from .report.timeline import moments
from .requirements import default_version, required, versions
from .responses import Stream
from .starting import AS_STARTED, NotStarted, Starter, on_a_faulty_upstream, started

DEFAULT_URL = "http://localhost:8080"
LIMIT_SECONDS, QUICK_LIMIT_SECONDS = 240.0, 60.0
MAX_STREAMS_DRAWN = 12
COMPLIES, BROKEN, UNCHECKED = 0, 1, 2


def check(given: argparse.Namespace) -> int:
    """Runs the command with its parsed arguments. Returns the exit code."""
    contract = given.contract or default_version()
    if contract not in versions():
        say(f"Contract {contract} is not known; the known versions are {', '.join(versions())}.\n")
        return UNCHECKED
    if given.list:
        say(catalogue(contract))
        return COMPLIES
    names = list(CLAUSES) if given.only is None else [each.strip().upper() for each in given.only.split(",")]
    if unknown := [each for each in names if each not in CLAUSES and each not in CASES]:
        say(f"There is no clause or case {', '.join(unknown)}; --list shows all of them.\n")
        return UNCHECKED
    url = given.url or (None if given.start else DEFAULT_URL)
    if url is not None and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname):
        say(f"{url} is not the URL of a server; a URL looks like {DEFAULT_URL}.\n")
        return UNCHECKED
    try:
        with _targets(url, given.start, given.patience, quick=given.quick) as targets:
            record = _run(targets, contract, names, quick=given.quick)
    except NotStarted as reason:
        say(f"{given.start}: {reason}.\n")
        return UNCHECKED
    say(table(record) + closing(record))
    for path, form in ((given.json, as_json), (given.junit, as_junit), (given.html, as_html)):
        if path is not None:
            path.write_text(form(record), encoding="utf-8", errors="replace")
    if record.broken:
        return BROKEN
    return COMPLIES if record.complies else UNCHECKED


@contextmanager
def _targets(url: str | None, command: str | None, patience: float, *, quick: bool) -> Iterator[list[Target]]:
    """Starts the servers to check, and yields them.

    Without a start command, there is one server: the one at the URL. With a start command, the first server has an
    empty environment, as in the arena. A second server has the stand-in as its upstream. It is left out if `quick` is
    true, or if the command can start only one server.
    """
    until = time.monotonic() + (QUICK_LIMIT_SECONDS if quick else LIMIT_SECONDS)
    if command is None:
        yield [Target(str(url).rstrip("/"), timeout=patience, until=until)]
        return
    starter = Starter(command, url.rstrip("/") if url else None)
    launch = starter if starter.starts_others else None
    try:
        first = started(starter, launch, patience, until)
        if quick or launch is None:
            yield [first]
            return
        with stand_in() as upstream:
            first.name = AS_STARTED
            yield [first, on_a_faulty_upstream(starter, launch, upstream, patience, until)]
    finally:
        starter.close()


def _run(targets: Sequence[Target], contract: str, names: Sequence[str], *, quick: bool) -> Record:
    began = time.monotonic()
    cases = required(contract, names)
    first = targets[0]
    with progress(len(cases)) as on_verdict:
        figures: list[Figure] = []
        if not why_unanswered(first):
            _learn_prompts(first, quick=quick)
            figures = measure(first, quick=quick)
        verdicts = judge_if_answering(targets, cases, on_verdict)
    streams = streams_to_draw(targets)
    return Record(first.url, verdicts, figures, streams, time.monotonic() - began, contract)


def _learn_prompts(first: Target, *, quick: bool) -> None:
    """Finds the prompts that this server reacts to.

    A quick check does not try the prompts that cause a silence, because each takes several seconds.
    """
    first.prompts = learn_prompts(first, ("events", "artifact") if quick else tuple(WORDS))


def streams_to_draw(targets: Sequence[Target]) -> list[tuple[str, Stream]]:
    """Returns the streams to draw in the report, the longest first, with their captions.

    There is at most one stream for each prompt and server. For each kind of event, the longest stream that has such an
    event is chosen, and then the longest of the other streams. If a prompt is a command for the stand-in, its caption
    starts with the name of the command, such as `silence first`.
    """
    captions = {prompt: f"{name.replace('_', ' ')}: {prompt}" for name, prompt in PROMPTS.items()}
    found = {
        (captions.get(asked, asked), target.name): stream
        for target in targets
        for asked, stream in target.journal
        if stream.lines
    }
    longest = sorted(found, key=lambda each: -found[each].seconds)
    longest_of_kind: dict[str, tuple[str, str]] = {}
    for each in longest:
        for _, kind in moments(found[each]):
            longest_of_kind.setdefault(kind, each)
    chosen = list(dict.fromkeys([*longest_of_kind.values(), *longest]))[:MAX_STREAMS_DRAWN]
    chosen.sort(key=longest.index)
    return [(f"{asked} ({name})" if name else asked, found[asked, name]) for asked, name in chosen]
