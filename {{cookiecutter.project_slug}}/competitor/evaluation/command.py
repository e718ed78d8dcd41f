"""`competitor eval`: asks a server tasks, grades the answers, and computes the score of section 10 of CONTRACT.md."""
# Contract file: replaced by updates.

import argparse
import math
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from ..checks import VERSION
from ..checks.access import Access
from ..checks.commands.check import make_writable, said_of_itself, stoppable, unreachable, with_a_model
from ..checks.commands.options import Wrong, access, server_url
from ..checks.lateness import Lateness
from ..checks.report.terminal import progress, say
from ..checks.responses import Failed, NotShown
from ..checks.starting import NotStarted, Starter
from ..checks.target import Target, announced
from ..core.model.upstream import OFFLINE_MODEL
from . import options, record, report, running
from .compare import differences, pairs
from .judge import Judge
from .kinds import tasks
from .record import Journal, Plan, Record, Unusable
from .score import Result

SETTLE_SECONDS = 1.0  # a server that has just started and answered is still busy
LATE_SECONDS = 1.0  # a machine that is later than this lowers the score; a run itself makes it late by 0.4 s
DONE, WORSE, UNUSABLE, ENDED, STOPPED = 0, 1, 2, 3, 130  # see `EPILOG`


def evaluate(given: argparse.Namespace) -> int:
    """Runs the command with its parsed options. Returns the exit code."""
    try:
        if given.list:
            say(options.listed())
            return DONE
        if given.what[:1] == ["compare"]:
            return _compare([Path(name) for name in given.what[1:]])
        options.check(given)
        return _evaluate(given)
    except (Unusable, Wrong, NotStarted) as reason:
        say(f"{reason}.\n")
        return UNUSABLE
    except KeyboardInterrupt:
        say("Stopped before the first task was asked.\n")
        return STOPPED


def _compare(paths: Sequence[Path]) -> int:
    if len(paths) != 2:
        raise Unusable("Two reports are needed: eval compare BEFORE.json AFTER.json")
    before, after = map(record.read, paths)
    if before.plan.seed != after.plan.seed:
        raise Unusable(f"The runs have other tasks: --seed {before.plan.seed} and --seed {after.plan.seed}")
    both = pairs(before.results, after.results)
    if not both:
        raise Unusable("The runs have no measured task in common")
    found = differences(both)
    say(report.compared(found, len(both)))
    return WORSE if found[0].verdict == "worse" else DONE


def _evaluate(given: argparse.Namespace) -> int:
    given.url = given.what[0] if given.what else None
    url, way = server_url(given), access(given, math.inf)
    budget = options.budget(given.budget, given.price)
    judge = Judge.from_environment()
    plan = Plan(
        url or given.start,
        given.seed,
        given.subset,
        options.kinds(given.kind, given.skip),
        f"{given.mind}/{given.mind_seed}" if given.mind else "",
        judge.url,
    )
    if url and not given.start and (why := unreachable(url, way)):
        raise Unusable(why)
    for path in filter(None, (given.json, given.html)):
        made_now = not path.exists()
        make_writable(path)
        if made_now:
            path.unlink()  # until there is something to write
    journal = Journal(given.json, plan)
    earlier = [] if given.fresh else journal.earlier()
    if earlier:
        say(f"{len(earlier)} tasks were done before the last run was stopped; this continues it (--fresh does not).\n")
    made = Record(plan, [*earlier], when=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), version=VERSION)
    with stoppable(way), _world(given) as world, _server(given, url, way, world) as target:
        made.about = said_of_itself(target)
        if budget is None:
            paid = not given.mind and made.about.get("model") != OFFLINE_MODEL
            budget = options.asked_for() if paid else running.Budget()
        journal.open(earlier)
        count = len(plan.kinds) * plan.subset - len(earlier)
        say(f"{count} tasks for {made.about.get('name', plan.server)}, model {made.about.get('model', 'unknown')}\n")
        code = _run(given, target, made, journal, budget, judge)
        if not given.start:
            _leave_out_research(made, world)
    if judge.note:
        made.notes.append(judge.note)
    say(report.as_text(made))
    if made.results:  # otherwise an earlier report stays
        record.write(given.json, made.as_json())
        if given.html:
            record.write(given.html, report.as_html(made))
        say(f"Written to {given.json}{f' and {given.html}' if given.html else ''}.\n")
    journal.close(finished=code == DONE or not made.results)
    if code == STOPPED:
        say("The same command continues this run.\n")
    return code


def _run(
    given: argparse.Namespace, target: Target, made: Record, journal: Journal, budget: running.Budget, judge: Judge
) -> int:
    """Asks the tasks that are left, and adds their results to the record. Returns the exit code."""
    known = {each.id for each in made.results}
    left = [task for task in tasks(given.seed, given.subset, made.plan.kinds) if task.id not in known]
    target = with_a_model(target)
    if given.start:
        time.sleep(SETTLE_SECONDS)
    began, code = time.monotonic(), DONE
    with Lateness() as lateness:
        try:
            with progress(len(left)) as advance:

                def settle(each: Result) -> None:
                    made.results.append(each)
                    journal.add(each)
                    advance(f"{each.id} {100 * each.points:.0f}")

                running.run(target, left, budget, given.concurrency, judge.grade, settle)
        except running.Ended as reason:
            made.notes.append(str(reason))
            code = ENDED
        except KeyboardInterrupt:
            made.notes.append("The run was stopped before its end")
            code = STOPPED
    made.seconds, made.late = time.monotonic() - began, lateness.seconds
    if made.late > LATE_SECONDS:
        made.notes.append(f"This machine was late by up to {made.late:.1f} s, so speed and streaming may be too low")
    why = {each.not_measured: each.kind for each in made.results if not each.measured}
    made.notes += [f"{kind} was not measured: {reason}" for reason, kind in why.items()]
    return code


def _leave_out_research(made: Record, world: Target) -> None:
    """Does not count tasks of the library for a server that cannot know of it."""
    if world.get("/stats").get(int, "search"):
        return
    why = (
        "the server did not use this evaluation's library; start it with JANUS_SEARCH_URL and JANUS_FETCH_URL set to "
        "http://127.0.0.1:PORT, and use --services-port PORT"
    )
    for place, each in enumerate(made.results):
        if each.kind == "research" and each.measured:
            made.results[place] = replace(each, not_measured=why)
    if any(each.kind == "research" for each in made.results):
        made.notes.append(f"research was not measured: {why}")


@contextmanager
def _world(given: argparse.Namespace) -> Iterator[Target]:
    """Starts the world of the tasks (see world.py) as a process, and ends it."""
    mind = [given.mind, str(given.mind_seed)] if given.mind else []
    numbers = (given.seed, given.subset, given.services_port)
    command = [sys.executable, "-m", "competitor.evaluation.world", *map(str, numbers), *mind]
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True)  # noqa: S603 - our own program
    try:
        assert process.stdout is not None  # noqa: S101 - it is a pipe
        port = process.stdout.readline().strip()
        if not port:
            raise Unusable(f"The services of the tasks could not be started on port {given.services_port}")
        yield Target(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


@contextmanager
def _server(given: argparse.Namespace, url: str | None, way: Access, world: Target) -> Iterator[Target]:
    """The server to evaluate: that at the URL, or one that is started with the world's services."""
    if not given.start:
        yield Target(str(url), timeout=given.timeout, access=way)
        return
    services = dict.fromkeys(("JANUS_SEARCH_URL", "JANUS_FETCH_URL", "JANUS_IMAGE_URL"), world.url)
    model = announced(f"{world.url}/v1") | {"JANUS_LLM_MODEL": "scripted-mind"} if given.mind else {}
    starter = Starter(given.start, url, given.timeout, way)
    try:
        target = starter.target({"JANUS_MODELS_AT_DEFAULT": str(bool(given.mind)).lower(), **services, **model})
        yield target
    except (Failed, NotShown) as reason:
        raise Unusable(f"The server did not answer: {reason}") from None
    finally:
        starter.close()
