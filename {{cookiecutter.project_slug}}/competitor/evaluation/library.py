"""The library: pages about places that do not exist, which only a search can find. Made from a seed.
Contract file: replaced by updates.

The world (see `world.py`) serves all libraries under the platform's search and fetch API.
"""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

HOST = "https://library.example"
PLACES = 6  # of each sort in one library
_STARTS = (
    "Bar",
    "Cal",
    "Dor",
    "Fen",
    "Gal",
    "Hol",
    "Kes",
    "Lun",
    "Mar",
    "Nor",
    "Ost",
    "Pel",
    "Ran",
    "Sel",
    "Tor",
    "Vel",
)
_ENDS = ("amond", "brook", "dale", "ester", "gard", "hollow", "imoor", "land", "mere", "oria", "quay", "stead", "vik")
_WORD = re.compile(r"[a-z]{3,}")


@dataclass(frozen=True)
class Page:
    """A page: its address, its title, what a search shows of it, and its text."""

    address: str
    title: str
    excerpt: str
    text: str


@dataclass(frozen=True)
class Library:
    """Rivers, towns and towers, a page about each."""

    seed: int
    rivers: dict[str, int]  # length in km
    towns: dict[str, tuple[str, int]]  # its river, and the year in which it was founded
    towers: dict[str, tuple[str, int]]  # its town, and its height in m

    @classmethod
    def of_seed(cls, seed: int) -> "Library":
        rng = random.Random(f"library/{seed}")
        names = [f"{start}{end}" for start in _STARTS for end in _ENDS]
        chosen = rng.sample(names, 3 * PLACES)
        rivers, towns, towers = chosen[:PLACES], chosen[PLACES : 2 * PLACES], chosen[2 * PLACES :]
        lengths = rng.sample(range(60, 900), PLACES)
        return cls(
            seed,
            dict(zip(rivers, lengths, strict=True)),
            {town: (rng.choice(rivers), rng.randint(900, 1890)) for town in towns},
            {tower: (rng.choice(towns), rng.randint(20, 180)) for tower in towers},
        )

    def pages(self) -> list[Page]:
        return [
            *(self._page("River", name, f"It is {length} kilometres long.") for name, length in self.rivers.items()),
            *(
                self._page("Town", name, f"It lies on the River {river} and was founded in the year {year}.")
                for name, (river, year) in self.towns.items()
            ),
            *(
                self._page("Tower", name, f"It stands in the Town of {town} and is {height} metres high.")
                for name, (town, height) in self.towers.items()
            ),
        ]

    def _page(self, sort: str, name: str, fact: str) -> Page:
        title = f"{'Town of' if sort == 'Town' else sort} {name} {self.seed}"
        address = f"{HOST}/{self.seed}/{sort.lower()}-{name.lower()}"
        text = (
            f"# {title}\n\nThis page is about one {sort.lower()} of the region {self.seed}. {fact} Travellers have "
            "written about it in many letters, which the archive of the region keeps.\n"
        )
        return Page(address, title, f"A page about the {sort.lower()} {name} in the region {self.seed}.", text)

    def question(self, rng: random.Random, number: int) -> tuple[str, str, list[Page]]:
        """A question, its answer, and the pages that say it."""
        pages = {page.title: page for page in self.pages()}
        place = f"in the region {self.seed}"
        if number % 3 == 0:
            one, other = rng.sample(list(self.rivers), 2)
            answer = max(one, other, key=self.rivers.__getitem__)
            titles = [f"River {one} {self.seed}", f"River {other} {self.seed}"]
            asked = f"Which river {place} is longer, the {one} or the {other}? Name only the river."
        elif number % 3 == 1:
            one, other = rng.sample(list(self.towns), 2)
            answer = str(abs(self.towns[one][1] - self.towns[other][1]))
            titles = [f"Town of {one} {self.seed}", f"Town of {other} {self.seed}"]
            asked = f"How many years lie between the foundings of the towns {one} and {other} {place}?"
        else:
            tower = rng.choice(list(self.towers))
            town = self.towers[tower][0]
            answer = str(self.towns[town][1])
            titles = [f"Tower {tower} {self.seed}", f"Town of {town} {self.seed}"]
            asked = f"In which year was the town founded in which the tower {tower} {place} stands?"
        return asked, answer, [pages[title] for title in titles]


def search(query: str, pages: Sequence[Page], most: int) -> list[Page]:
    """The pages that have most words of the query in their titles and excerpts, the best first."""
    numbers = set(re.findall(r"\d+", query))
    words = set(_WORD.findall(query.lower()))
    scored = []
    for page in pages:
        about = f"{page.title} {page.excerpt}".lower()
        hits = len(words & set(_WORD.findall(about))) + 3 * len(numbers & set(re.findall(r"\d+", about)))
        if hits:
            scored.append((-hits, page.address, page))
    return [page for *_, page in sorted(scored)[:most]]
