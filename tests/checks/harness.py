"""Runs the checks on the plain server and its mutants, many at the same time, because checks mostly wait."""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from competitor.checks import CLAUSES, Target, Upstream, stand_in
from competitor.checks.judging import Verdict, judge, judge_if_answering

from .. import scripted
from .mutants import MUTANTS, Mutant
from .mutants.registry import BESIDE_THE_CHECK
from .plain_server import Plain, PlainServer

REQUEST_SECONDS = 10.0
PROCESSES, THREADS = 4, 16
# Silences last 4 s here instead of 10 s, which is still longer than any clause allows.
PROMPTS = {name: re.sub(r'"(wait|silence)": 10', r'"\1": 4', text) for name, text in scripted.PROMPTS.items()}


@dataclass(frozen=True)
class Outcome:
    """The results of the checks on one mutant.

    `broken` maps each clause that failed to the reason. `missed` are the clauses whose check should have failed with a
    matching reason, but did not. `stray` are the clauses that failed but should not have.
    """

    name: str
    broken: Mapping[str, str]
    missed: tuple[str, ...]
    stray: tuple[str, ...]

    @property
    def caught(self) -> bool:
        return not self.missed and not self.stray


@contextmanager
def serving(server: type[Plain], upstream: Upstream) -> Iterator[Target]:
    """Runs a server of this class with the stand-in as its upstream. The target can launch more such servers."""
    with ExitStack() as running:

        def launch(environment: Mapping[str, str]) -> Target:
            return Target(running.enter_context(PlainServer(server(environment))).url, timeout=REQUEST_SECONDS)

        url = launch({"JANUS_LLM_BASE_URL": f"{upstream.url}/v1"}).url
        yield Target(url, prompts=PROMPTS, launch=launch, upstream=upstream, timeout=REQUEST_SECONDS)


def judged_by_its_own_clauses(mutant: Mutant) -> Outcome:
    """Runs only the checks that must reject the mutant: the quick form."""
    with stand_in() as upstream, serving(mutant.server, upstream) as target:
        return outcome(mutant, [judge(CLAUSES[clause], target) for clause in mutant.clauses])


def judged_by_every_clause(mutant: Mutant) -> Outcome:
    with stand_in() as upstream, serving(mutant.server, upstream) as target:
        return outcome(mutant, judge_if_answering([target]))


def outcome(mutant: Mutant, verdicts: Iterable[Verdict]) -> Outcome:
    broken = {verdict.clause.id: verdict.reason for verdict in verdicts if verdict.status == "fail"}
    missed = tuple(
        clause for clause in mutant.clauses if clause not in broken or not re.search(mutant.says, broken[clause])
    )
    stray = tuple(clause for clause in broken if clause not in mutant.clauses + mutant.also)
    return Outcome(mutant.name, broken, missed, stray)


def judge_by_own_clauses(mutants: Iterable[Mutant]) -> list[Outcome]:
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(judged_by_its_own_clauses, mutants))


def main() -> int:
    """Runs every check on every mutant, or on those named as arguments, and prints a table. Returns the exit code."""
    wanted = sys.argv[1:]
    mutants = [mutant for mutant in MUTANTS if not wanted or mutant.name in wanted]
    from_the_text = sum(mutant.origin != BESIDE_THE_CHECK for mutant in mutants)
    caught = 0
    with ProcessPoolExecutor(PROCESSES) as pool:
        # A class made by a function cannot be pickled, so the processes get its number in the list.
        numbers = [MUTANTS.index(mutant) for mutant in mutants]
        for mutant, result in zip(mutants, pool.map(_judged_by_every_clause, numbers), strict=True):
            caught += result.caught
            print(_row(mutant, result), flush=True)
    print(f"caught {caught} of {len(mutants)} mutants; {from_the_text} of them were written from the contract's text")
    return 0 if caught == len(mutants) else 1


def _judged_by_every_clause(number: int) -> Outcome:
    return judged_by_every_clause(MUTANTS[number])


def _row(mutant: Mutant, result: Outcome) -> str:
    also = sorted(set(result.broken) & set(mutant.also))
    notes = [f"also {', '.join(also)}"] if also else []
    notes += [f"MISSED BY {clause}: {result.broken.get(clause, 'it passed')}" for clause in result.missed]
    notes += [f"STRAY {clause}: {result.broken[clause]}" for clause in result.stray]
    mark = "caught    " if result.caught else "NOT CAUGHT"
    return f"{mark}  {', '.join(mutant.clauses):<12} {mutant.name:<44} {'; '.join(notes)}"
