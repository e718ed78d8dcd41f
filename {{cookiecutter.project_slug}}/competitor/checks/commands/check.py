"""`competitor check`: checks a server against every case of every clause, prints verdicts, and writes reports."""
# Contract file: replaced by updates.

import argparse
import os
import platform
import signal
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from .. import CASES, CLAUSES, NOT_FROM_OUTSIDE, PROMPTS, VERSION, Target, stand_in
from ..access import Access
from ..figures import Figure, measure
from ..judging import Verdict, judge_if_answering, why_unanswered
from ..lateness import Lateness
from ..prompts import WORDS, learn_prompts
from ..report.examples import explained
from ..report.html import as_html
from ..report.records import About, Record, as_json, as_junit
from ..report.terminal import catalogue, closing, progress, say, table
from ..report.timeline import moments
from ..requirements import default_version, required, versions
from ..responses import Failed, NotShown, Stream
from ..starting import AS_STARTED, NotStarted, Starter, on_a_faulty_upstream, started
from .baseline import baseline_text, read_baseline
from .options import Wrong, access, own_prompts, server_url

LIMIT_SECONDS, QUICK_LIMIT_SECONDS = 240.0, 60.0
CONNECT_SECONDS = 10.0
MAX_STREAMS_DRAWN = 12
COMPLIES, BROKEN, UNCHECKED, FAULT, STOPPED = 0, 1, 2, 3, 130  # see `EXIT_CODES`
_NOT_JUDGED = "the run was stopped before"
_ABOUT_FIELDS = ("name", "version", "commit", "backend", "model", "contract_version")


def check(given: argparse.Namespace) -> int:
    """Runs the command with its parsed options. Returns the exit code."""
    try:
        return _check(given)
    except Wrong as reason:
        say(f"{reason}.\n")
    except NotStarted as reason:
        say(f"{given.start}: {reason}.\n")
    return UNCHECKED


def _check(given: argparse.Namespace) -> int:
    contract = given.contract or default_version()
    if contract not in versions():
        raise Wrong(f"Contract {contract} is not known; the known versions are {', '.join(versions())}")
    if given.list:
        say(catalogue(contract))
        return COMPLIES
    names = list(CLAUSES) if given.only is None else [each.strip().upper() for each in given.only.split(",")]
    explain = [given.explain.strip().upper()] if given.explain else []
    for name in filter(NOT_FROM_OUTSIDE.get, (*names, *explain)):
        raise Wrong(f"{name} cannot be checked over HTTP: {NOT_FROM_OUTSIDE[name]}")
    if unknown := [each for each in (*names, *explain) if each not in CLAUSES and each not in CASES]:
        raise Wrong(f"There is no clause or case {', '.join(unknown)}; --list shows all of them")
    if explain:
        say(explained(explain[0]))
        return COMPLIES
    if foreign := [each for each in names if given.only is not None and not required(contract, [each])]:
        raise Wrong(f"Contract {contract} does not have {', '.join(foreign)}; --contract chooses another version")
    url, prompts = server_url(given), own_prompts(given)
    way = access(given, time.monotonic() + (QUICK_LIMIT_SECONDS if given.quick else LIMIT_SECONDS))
    known = read_baseline(given.baseline) if given.baseline else frozenset()
    reports: list[tuple[Path | None, Callable[[Record], str]]] = [
        (given.json, as_json),
        (given.junit, as_junit),
        (given.html, as_html),
        (given.write_baseline, lambda record: baseline_text(given.write_baseline.name, record.broken)),
    ]
    for path, _ in reports:
        make_writable(path)
    with stoppable(way):
        if not given.start and (why := unreachable(str(url), way)):
            unseen = [Verdict(case, "not shown", why) for case in required(contract, names)]
            record = Record(str(url), unseen, [], [], 0.0, contract, _about({}, 0.0))
            say(f"{why}.\n")
        else:
            with _targets(url, given.start, given.timeout, way, quick=given.quick) as targets:
                record = replace(_run(targets, contract, names, prompts, quick=given.quick), known=known)
            say(table(record) + closing(record))
    written = [_written(path, form, record) for path, form in reports]
    if record.stopped:
        return STOPPED
    if record.unknown_broken or record.stale:
        return BROKEN
    if record.having("fault") or not all(written):
        return FAULT
    return COMPLIES if record.having("holds") or record.broken else UNCHECKED


def make_writable(path: Path | None) -> None:
    """Makes the folder of a report, and tries to write there, before the checks take their time."""
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("a").close()
    except OSError as error:
        raise Wrong(f"{path} cannot be written: {error.strerror}") from None


def _written(path: Path | None, form: Callable[[Record], str], record: Record) -> bool:
    if path is None:
        return True
    try:
        path.write_text(form(record), encoding="utf-8", errors="replace")
    except OSError as error:
        say(f"{path} could not be written: {error.strerror}.\n")
        return False
    return True


@contextmanager
def stoppable(way: Access) -> Iterator[None]:
    """Ctrl-C ends all open requests and raises `KeyboardInterrupt`. A second one ends the process at once."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: object) -> None:
        signal.signal(signal.SIGINT, lambda number, frame: os._exit(STOPPED))
        way.stop()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def unreachable(url: str, way: Access) -> str:
    """Why no connection to the server can be made, as a sentence; an empty string if one can."""
    host = urlsplit(url).netloc
    try:
        connection = way.connection(url, CONNECT_SECONDS)
        connection.connect()
        connection.close()
    except ssl.SSLCertVerificationError as error:
        return f"The certificate of {host} is not trusted ({error.verify_message}): use --ca FILE, or --insecure"
    except ssl.SSLError as error:
        return f"{host} does not speak TLS ({error.reason or type(error).__name__}): try http:// instead of https://"
    except socket.gaierror:
        return f"The name of the host in {url} is not known"
    except TimeoutError:
        return f"{url} does not accept a connection within {CONNECT_SECONDS:g} s; check the address"
    except OSError as error:
        why = error.strerror or type(error).__name__
        return f"Nothing answers at {url} ({why}). Start the server, or check the address"
    return ""


@contextmanager
def _targets(
    url: str | None, command: str | None, timeout: float, way: Access, *, quick: bool
) -> Iterator[list[Target]]:
    """Starts the servers to check, and yields them.

    Without a start command, there is one server: the one at the URL. With a start command, the first server has an
    empty environment, as in the arena. A second server has the stand-in as its upstream. It is left out if `quick` is
    true, or if the command can start only one server.
    """
    if command is None:
        yield [Target(str(url), timeout=timeout, access=way)]
        return
    starter = Starter(command, url, timeout, way)
    launch = starter if starter.starts_others else None
    try:
        first = started(starter, launch)
        if quick or launch is None:
            yield [first]
            return
        with stand_in() as upstream:
            first.name, first.no_upstream = AS_STARTED, ""  # the second one says why, if there is a reason
            yield [first, on_a_faulty_upstream(starter, launch, upstream)]
    finally:
        starter.close()


def _run(
    targets: Sequence[Target], contract: str, names: Sequence[str], prompts: Sequence[tuple[str, str]], *, quick: bool
) -> Record:
    began = time.monotonic()
    cases, first = required(contract, names), targets[0]
    settled: dict[str, Verdict] = {}
    figures: list[Figure] = []
    about: dict[str, str] = {}
    stopped = False
    with Lateness() as lateness:
        try:
            with progress(len(cases)) as advance:

                def settle(verdict: Verdict) -> None:
                    settled[verdict.case.id] = verdict
                    advance(f"{verdict.case.id} {verdict.status}")

                targets = [with_a_model(target) for target in targets]
                first = targets[0]
                if not why_unanswered(first):
                    about = said_of_itself(first)
                    _learn_prompts(first, prompts, quick=quick)
                    figures = measure(first, quick=quick)
                settled |= {each.case.id: each for each in judge_if_answering(targets, cases, settle, lateness)}
        except KeyboardInterrupt:
            stopped = True
    verdicts = [settled.get(case.id) or Verdict(case, "not shown", _NOT_JUDGED) for case in cases]
    seconds = time.monotonic() - began
    streams = streams_to_draw(targets)
    return Record(
        first.url, verdicts, figures, streams, seconds, contract, _about(about, lateness.seconds), stopped=stopped
    )


def _about(server: dict[str, str], late: float) -> About:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    return About(server, now, VERSION, machine, late)


def said_of_itself(target: Target) -> dict[str, str]:
    """What the server says about itself in `GET /health`: its name, version, commit and the like."""
    try:
        health = target.get("/health").json()
    except (Failed, NotShown):
        return {}
    said = health if isinstance(health, dict) else {}
    return {name: str(said[name])[:100] for name in _ABOUT_FIELDS if isinstance(said.get(name), str | int | float)}


def with_a_model(target: Target) -> Target:
    """The same server. If it refuses any model name, questions name one of its list, so that only R3 accuses it."""
    try:
        if 400 <= target.ask().status < 500:
            named = replace(target.afresh(), model=target.get("/v1/models").json()["data"][0]["id"])
            return named if named.ask().status == 200 else target
    except (Failed, NotShown, LookupError, TypeError):
        pass
    return target


def _learn_prompts(first: Target, own: Sequence[tuple[str, str]], *, quick: bool) -> None:
    """Finds the prompts that this server reacts to, of its own ones and of those that are known.

    A quick check does not try the prompts that cause a silence, because each takes several seconds.
    """
    first.prompts = learn_prompts(first, ("events", "events_failing", "artifact") if quick else tuple(WORDS), own)


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
