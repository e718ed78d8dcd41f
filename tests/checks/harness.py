"""Runs the checks against the plain server and its mutants, many at once: they wait nearly all of their time."""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from competitor.checks import CLAUSES, Target, Upstream, stand_in
from competitor.checks.judging import Verdict, judge, judge_if_answering

from ..template_path import contract_tests
from .mutants import MUTANTS, Mutant
from .mutants.registry import BESIDE_THE_CHECK
from .plain_server import Plain, PlainServer

REQUEST_SECONDS = 10.0
PROCESSES, THREADS = 4, 16
# Silences last 4 s here: longer than any clause allows, and no longer than it takes to see.
PROMPTS = {
    name: re.sub(r'"(wait|silence)": 10', r'"\1": 4', text)
    for name, text in contract_tests("processes").PROMPTS.items()
}


@dataclass(frozen=True)
class Outcome:
    """What the checks made of a mutant: clause -> what was said of it, where it was found broken."""

    name: str
    broken: Mapping[str, str]
    missed: tuple[str, ...]
    stray: tuple[str, ...]

    @property
    def caught(self) -> bool:
        return not self.missed and not self.stray


@contextmanager
def serving(server: type[Plain], upstream: Upstream) -> Iterator[Target]:
    """A server of this kind on the stand-in, which can launch others of its kind."""
    with ExitStack() as running:

        def launch(environment: Mapping[str, str]) -> Target:
            return Target(running.enter_context(PlainServer(server(environment))).url, timeout=REQUEST_SECONDS)

        url = launch({"JANUS_LLM_BASE_URL": f"{upstream.url}/v1"}).url
        yield Target(url, prompts=PROMPTS, launch=launch, upstream=upstream, timeout=REQUEST_SECONDS)


def on_its_own_clauses(mutant: Mutant) -> Outcome:
    """The short form: the checks that must reject it, and no others."""
    with stand_in() as upstream, serving(mutant.server, upstream) as target:
        return outcome(mutant, [judge(CLAUSES[clause], target) for clause in mutant.clauses])


def on_every_clause(mutant: Mutant) -> Outcome:
    with stand_in() as upstream, serving(mutant.server, upstream) as target:
        return outcome(mutant, judge_if_answering([target]))


def outcome(mutant: Mutant, verdicts: Iterable[Verdict]) -> Outcome:
    broken = {verdict.clause.id: verdict.reason for verdict in verdicts if verdict.status == "fail"}
    missed = tuple(
        clause for clause in mutant.clauses if clause not in broken or not re.search(mutant.says, broken[clause])
    )
    stray = tuple(clause for clause in broken if clause not in mutant.clauses + mutant.also)
    return Outcome(mutant.name, broken, missed, stray)


def short(mutants: Iterable[Mutant]) -> list[Outcome]:
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(on_its_own_clauses, mutants))


def main() -> int:
    """The whole: every mutant against every check, as a table."""
    wanted = sys.argv[1:]
    mutants = [mutant for mutant in MUTANTS if not wanted or mutant.name in wanted]
    written_blind = sum(mutant.origin != BESIDE_THE_CHECK for mutant in mutants)
    caught = 0
    with ProcessPoolExecutor(PROCESSES) as pool:
        # A class that was made by a function has no other address.
        numbers = [MUTANTS.index(mutant) for mutant in mutants]
        for mutant, came in zip(mutants, pool.map(_on_every_clause, numbers), strict=True):
            caught += came.caught
            print(_row(mutant, came), flush=True)
    print(f"caught {caught} of {len(mutants)}, of them {written_blind} made from the contract's text, not from a check")
    return 0 if caught == len(mutants) else 1


def _on_every_clause(number: int) -> Outcome:
    return on_every_clause(MUTANTS[number])


def _row(mutant: Mutant, came: Outcome) -> str:
    also = sorted(set(came.broken) & set(mutant.also))
    notes = [f"also {', '.join(also)}"] if also else []
    notes += [f"MISSED BY {clause}: {came.broken.get(clause, 'it passed')}" for clause in came.missed]
    notes += [f"STRAY {clause}: {came.broken[clause]}" for clause in came.stray]
    mark = "caught" if came.caught else "NOT SO"
    return f"{mark}  {', '.join(mutant.clauses):<12} {mutant.name:<44} {'; '.join(notes)}"
