"""Tasks that need a search and several pages, with sources. The pages are the evaluation's own library.
Contract file: replaced by updates.
"""

import random
import re

from ..library import Library
from ..task import Answer, Grade, Kind, Right, Task, final, is_final, tokens
from .thinking import END

_ADDRESS = re.compile(r"https?://[^\s<>\"')\]]*[^\s<>\"')\].,;!?]")


def research(rng: random.Random, number: int, name: str) -> Task:
    library = Library.of_seed(rng.randrange(2**32))
    question, right, pages = library.question(rng, number)
    prompt = (
        f"Search the web and read the pages that you need: {question} Give the addresses of the pages that say it as "
        f"sources. {END}"
    )
    addresses = tuple(page.address for page in pages)
    queries = tuple(page.title for page in pages)
    base = is_final(right)

    def grade(answer: Answer) -> Grade:
        told = base(Answer(text=final(answer.text)))
        cited = {address.rstrip("/") for address in _ADDRESS.findall(answer.text)}
        found = sum(address in cited for address in addresses) / len(addresses)
        right_ones = found * len(addresses) / len(cited) if cited else 0.0
        why = told.why
        if found < 1:
            why = why or f"{addresses[0] if addresses[0] not in cited else addresses[-1]} is not given as a source"
        if right_ones < 1:
            why = why or "a source does not say it"
        return Grade(0.5 * told.points + 0.25 * found + 0.25 * right_ones, why)

    text = f"Answer: {right}\nSources: {' '.join(addresses)}"
    reads = sum(tokens(page.text) for page in pages) + 2 * tokens(prompt)
    return Task(name, "research", prompt, Right(text, queries=queries, pages=addresses), grade, reads=reads)


KINDS = (Kind("research", "searching, reading pages and giving sources", research),)
