"""Runs the checks on the plain server and its mutants, many at the same time, because checks mostly wait."""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from competitor.checks import Target, Upstream, stand_in
from competitor.checks.judging import Verdict, judge, judge_if_answering
from competitor.checks.registry import chosen
from competitor.checks.target import announced

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
    """The results of the cases on one mutant.

    `broken` maps each case that is broken to the reason. `missed` are the mutant's own cases that should be broken with
    a matching reason, but are not. `stray` are the cases that are broken but should not be. `faults` are the cases that
    have a fault of their own.
    """

    name: str
    broken: Mapping[str, str]
    missed: tuple[str, ...]
    stray: tuple[str, ...]
    faults: tuple[str, ...]

    @property
    def caught(self) -> bool:
        return not (self.missed or self.stray or self.faults)


@contextmanager
def serving(server: type[Plain], upstream: Upstream) -> Iterator[Target]:
    """Runs a server of this class with the stand-in as its upstream. The target can launch more such servers."""
    with ExitStack() as running:

        def launch(environment: Mapping[str, str]) -> Target:
            return Target(running.enter_context(PlainServer(server(environment))).url, timeout=REQUEST_SECONDS)

        url = launch(announced(f"{upstream.url}/v1")).url
        prompts = {**PROMPTS, **getattr(server, "PROMPTS", {})}
        yield Target(url, prompts=prompts, launch=launch, upstream=upstream, timeout=REQUEST_SECONDS)


def judged_by_its_own_cases(mutant: Mutant) -> Outcome:
    """Judges only the cases that must reject the mutant: the quick form."""
    with stand_in() as upstream, serving(mutant.server, upstream) as target:
        return outcome(mutant, [judge(case, target) for case in chosen(mutant.cases)])


def judged_by_every_case(mutant: Mutant) -> Outcome:
    """Judges all cases. One that should hold but is broken is judged again, since several servers at once are slow."""
    with stand_in() as upstream, serving(mutant.server, upstream) as target:
        verdicts = judge_if_answering([target])
        stray = outcome(mutant, verdicts).stray
        again = [judge(each.case, target.afresh()) if each.case.id in stray else each for each in verdicts]
        return outcome(mutant, again)


def outcome(mutant: Mutant, verdicts: Iterable[Verdict]) -> Outcome:
    found = list(verdicts)
    broken = {verdict.case.id: verdict.reason for verdict in found if verdict.status == "broken"}
    missed = tuple(case for case in mutant.cases if case not in broken or not re.search(mutant.says, broken[case]))
    stray = tuple(case for case in broken if not mutant.may_break(case))
    faults = tuple(f"{verdict.case.id}: {verdict.reason}" for verdict in found if verdict.status == "fault")
    return Outcome(mutant.name, broken, missed, stray, faults)


def judge_by_own_cases(mutants: Iterable[Mutant]) -> list[Outcome]:
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(judged_by_its_own_cases, mutants))


def main() -> int:
    """Judges each mutant, or those named as arguments, by its own cases, or with `--all` by every case.

    Prints a table. Returns the exit code.
    """
    wanted = [name for name in sys.argv[1:] if name != "--all"]
    judged = _judged_by_every_case if "--all" in sys.argv else _judged_by_its_own_cases
    mutants = [mutant for mutant in MUTANTS if not wanted or mutant.name in wanted]
    from_the_text = sum(mutant.origin != BESIDE_THE_CHECK for mutant in mutants)
    caught = 0
    with ProcessPoolExecutor(PROCESSES) as pool:
        # A class made by a function cannot be pickled, so the processes get its number in the list.
        numbers = [MUTANTS.index(mutant) for mutant in mutants]
        for mutant, result in zip(mutants, pool.map(judged, numbers), strict=True):
            caught += result.caught
            print(_row(mutant, result), flush=True)
    print(f"caught {caught} of {len(mutants)} mutants; {from_the_text} of them were written from the contract's text")
    return 0 if caught == len(mutants) else 1


def _judged_by_its_own_cases(number: int) -> Outcome:
    return judged_by_its_own_cases(MUTANTS[number])


def _judged_by_every_case(number: int) -> Outcome:
    return judged_by_every_case(MUTANTS[number])


def _row(mutant: Mutant, result: Outcome) -> str:
    also = sorted(set(result.broken) - set(mutant.cases) - set(result.stray))
    notes = [f"also {', '.join(also)}"] if also else []
    notes += [f"MISSED BY {case}: {result.broken.get(case, 'it is not broken')}" for case in result.missed]
    notes += [f"STRAY {case}: {result.broken[case]}" for case in result.stray]
    notes += [f"FAULT {fault}" for fault in result.faults]
    mark = "caught    " if result.caught else "NOT CAUGHT"
    return f"{mark}  {', '.join(mutant.cases):<12} {mutant.name:<44} {'; '.join(notes)}"
