"""The list of mutants. A mutant is the plain server with one small change that breaks one clause."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..plain_artifacts import Shelf
from ..plain_server import Plain

# Who wrote a mutant, and what they had read before.
BESIDE_THE_CHECK = "by the author of the clause's check"
BLIND = "from the contract's text, half of them by people who had read checks; no check was written to catch them"
OF_THE_CONTRACT = "from the contract's text, by people who had read other mutants but no check"
FROM_THE_CONTRACT_ALONE = "from the contract and the plain server only, by people who had not read the checks"


@dataclass(frozen=True)
class Mutant:
    """A mutant. Each of `cases` must be broken with a reason that matches `says`.

    Other cases of their clauses may be broken too, and so may the clauses and cases in `also`.
    """

    server: type[Plain]
    cases: tuple[str, ...]
    says: str
    also: tuple[str, ...] = ()
    origin: str = BESIDE_THE_CHECK

    @property
    def clauses(self) -> set[str]:
        return {case.partition("/")[0] for case in self.cases}

    def may_break(self, case: str) -> bool:
        clause = case.partition("/")[0]
        return case in self.also or clause in self.also or clause in self.clauses

    @property
    def name(self) -> str:
        return self.server.__name__


MUTANTS: list[Mutant] = []


def breaks(
    *cases: str, says: str = "", also: str = "", origin: str = BESIDE_THE_CHECK
) -> Callable[[type[Plain]], type[Plain]]:
    """Adds a mutant to the list. `also` has ids of clauses and cases, separated by spaces."""

    def enter(server: type[Plain]) -> type[Plain]:
        MUTANTS.append(Mutant(server, cases, says, tuple(also.split()), origin))
        return server

    return enter


def shelved(
    *cases: str, says: str = "", also: str = "", origin: str = BESIDE_THE_CHECK
) -> Callable[[type[Shelf]], type[Shelf]]:
    """Adds a mutant to the list: the plain server with the decorated class as its `Shelf`."""

    def enter(shelf: type[Shelf]) -> type[Shelf]:
        def read_shelf(self: Plain, environment: Mapping[str, str]) -> Shelf:
            return shelf(environment)

        server = type(shelf.__name__, (Plain,), {"read_shelf": read_shelf})
        breaks(*cases, says=says, also=also, origin=origin)(server)
        return shelf

    return enter
