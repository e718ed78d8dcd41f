"""What a mutant is, and how one is entered: the plain server with one small change that breaks one clause."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ..plain_artifacts import Shelf
from ..plain_server import Plain

# Who wrote a mutant, and what they had read.
BESIDE_THE_CHECK = "beside the check of its clause"
BLIND = "from the contract's text, half of them by people who had read checks: no check was made for them"
OF_THE_CONTRACT = "from the contract's text, by people who had read no check, only what other mutants do"
FROM_THE_CONTRACT_ALONE = "from the contract and the plain server only, without a look at the checks"


@dataclass(frozen=True)
class Mutant:
    """`clauses` must be found broken, in words that match `says`; `also` may be, since the change shows there, too."""

    server: type[Plain]
    clauses: tuple[str, ...]
    says: str
    also: tuple[str, ...] = ()
    origin: str = BESIDE_THE_CHECK

    @property
    def name(self) -> str:
        return self.server.__name__


MUTANTS: list[Mutant] = []


def breaks(
    *clauses: str, says: str = "", also: str = "", origin: str = BESIDE_THE_CHECK
) -> Callable[[type[Plain]], type[Plain]]:
    """Enters a mutant; `also` are clause ids by spaces."""

    def enter(server: type[Plain]) -> type[Plain]:
        MUTANTS.append(Mutant(server, clauses, says, tuple(also.split()), origin))
        return server

    return enter


def shelved(
    *clauses: str, says: str, also: str = "", origin: str = BESIDE_THE_CHECK
) -> Callable[[type[Shelf]], type[Shelf]]:
    """Enters a plain server with this shelf as a mutant."""

    def enter(shelf: type[Shelf]) -> type[Shelf]:
        def read_shelf(self: Plain, environment: Mapping[str, str]) -> Shelf:
            return shelf(environment)

        server = type(shelf.__name__, (Plain,), {"read_shelf": read_shelf})
        breaks(*clauses, says=says, also=also, origin=origin)(server)
        return shelf

    return enter
