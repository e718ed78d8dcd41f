"""Tasks without tools and files: arithmetic, logic, instructions, long contexts, and short answers.
Contract file: replaced by updates.
"""

import json
import random
import re
from collections.abc import Callable
from itertools import pairwise

from ..task import Answer, Grade, Kind, Right, Task, is_final
from .tools import CITIES, DAYS, PEOPLE, ROOMS, THINGS, TOPICS

_WORD = re.compile(r"\w+")
END = 'End with a line "Answer: ...".'


def reason(rng: random.Random, number: int, name: str) -> Task:
    question, right = (_expression, _shop, _journey, _queue, _calendar, _groups)[number % 6](rng)
    return Task(name, "reason", f"{question} {END}", Right(f"Answer: {right}"), is_final(right))


def _expression(rng: random.Random) -> tuple[str, str]:
    a, b, c, d = (rng.randint(12, 97) for _ in range(4))
    return f"What is ({a} + {b}) * {c} - {d}?", str((a + b) * c - d)


def _shop(rng: random.Random) -> tuple[str, str]:
    count, price, percent = rng.randint(3, 12), rng.randint(2, 30) * 20, rng.choice((5, 10, 15, 20, 25))
    thing = rng.choice(THINGS)
    total = count * price * (100 - percent) // 100
    return f"A {thing} costs {price} dollars. What do {count} of them cost with {percent} percent off?", str(total)


def _journey(rng: random.Random) -> tuple[str, str]:
    speed, hours, rest = rng.randint(20, 45) * 2, rng.randint(2, 7), rng.randint(11, 95)
    one, other = rng.sample(CITIES, 2)
    question = (
        f"A bus leaves {one} at {speed} kilometres an hour. After {hours} hours and 30 minutes it has {rest} "
        f"kilometres left to {other}. How many kilometres are there from {one} to {other}?"
    )
    return question, str(speed * hours + speed // 2 + rest)


def _queue(rng: random.Random) -> tuple[str, str]:
    line = rng.sample(PEOPLE, 5)
    clues = [f"{before} stands directly before {after}." for before, after in pairwise(line)]
    rng.shuffle(clues)
    place = rng.randrange(5)
    word = ("first", "second", "third", "fourth", "fifth")[place]
    return f"Five people stand in a line. {' '.join(clues)} Who is {word}?", line[place]


def _calendar(rng: random.Random) -> tuple[str, str]:
    day, later = rng.randrange(7), rng.randint(20, 200)
    return f"Today is a {DAYS[day]}. Which day of the week is it in {later} days?", DAYS[(day + later) % 7]


def _groups(rng: random.Random) -> tuple[str, str]:
    both, left, right, none = (rng.randint(3, 30) for _ in range(4))
    one, other = rng.sample(TOPICS, 2)
    question = (
        f"In a club of {both + left + right + none} people, {both + left} read about {one} and {both + right} read "
        f"about {other}; {none} read about neither. How many read about both?"
    )
    return question, str(both)


Rule = tuple[str, Callable[[str], bool]]


def rules(rng: random.Random, number: int, name: str) -> Task:
    """A short text that must keep several rules."""
    asked, right, kept = (_list, _object, _sentence, _lines)[number % 4](rng)

    def grade(answer: Answer) -> Grade:
        broken = [said for said, holds in kept if not holds(answer.text.strip())]
        return Grade(1 - len(broken) / len(kept), f"it breaks the rule: {broken[0]}" if broken else "")

    return Task(name, "rules", asked, Right(right), grade)


def _list(rng: random.Random) -> tuple[str, str, list[Rule]]:
    count, first = rng.randint(3, 7), rng.choice(THINGS)
    words = rng.sample([*THINGS, *ROOMS, *TOPICS], count)
    given = ", ".join(words)
    asked = (
        f"Write these {count} words as a list: {given}. Each line begins with a star and a space, the words are in "
        f'capital letters and in alphabetical order, and the last line is "That is all about the {first}."'
    )
    end = f"That is all about the {first}."
    ordered = [f"* {word.upper()}" for word in sorted(words)]
    kept: list[Rule] = [
        (f"there are {count} items", lambda text: sum(line.startswith("* ") for line in text.splitlines()) == count),
        ("capital letters", lambda text: all(word.upper() in text for word in words)),
        ("alphabetical order", lambda text: _items(text) == sorted(_items(text)) and len(_items(text)) > 1),
        ("the last line is as said", lambda text: text.endswith(end)),
    ]
    return asked, "\n".join([*ordered, end]), kept


def _items(text: str) -> list[str]:
    return [line[2:].strip().casefold() for line in text.splitlines() if line.startswith("* ")]


def _object(rng: random.Random) -> tuple[str, str, list[Rule]]:
    person, city, age = rng.choice(PEOPLE), rng.choice(CITIES), rng.randint(20, 80)
    likes = rng.sample(TOPICS, 2)
    wanted = {"name": person, "home": city, "age": age, "likes": likes}
    asked = (
        f"{person} is {age} years old, lives in {city}, and likes {likes[0]} and {likes[1]}. Write only a JSON object "
        "with the keys name, home, age (a number) and likes (a list), without a code fence and without any other text."
    )

    def parsed(text: str) -> object:
        try:
            return json.loads(text)
        except ValueError:
            return None

    def has(key: str) -> Callable[[str], bool]:
        def holds(text: str) -> bool:
            found = parsed(text)
            return isinstance(found, dict) and found.get(key) == wanted[key]

        return holds

    def only(text: str) -> bool:
        found = parsed(text)
        return isinstance(found, dict) and found.keys() == wanted.keys()

    kept: list[Rule] = [
        ("it is only a JSON object with these keys", only),
        *((f"{key} is right", has(key)) for key in wanted),
    ]
    return asked, json.dumps(wanted), kept


def _sentence(rng: random.Random) -> tuple[str, str, list[Rule]]:
    count, thing, room = rng.randint(8, 14), rng.choice(THINGS), rng.choice(ROOMS)
    asked = (
        f'Write one sentence of exactly {count} words. It contains the words "{thing}" and "{room}", has no comma, and '
        "ends with an exclamation mark."
    )
    words = ["The", thing, "stands", "in", "the", room, *["very"] * (count - 7), "quietly"]
    kept: list[Rule] = [
        (f"{count} words", lambda text: len(text.split()) == count),
        (f"the word {thing}", lambda text: re.search(rf"(?i)\b{thing}\b", text) is not None),
        (f"the word {room}", lambda text: re.search(rf"(?i)\b{room}\b", text) is not None),
        ("no comma", lambda text: bool(text) and "," not in text),
        ("an exclamation mark at the end", lambda text: text.endswith("!")),
    ]
    return asked, f"{' '.join(words)}!", kept


def _lines(rng: random.Random) -> tuple[str, str, list[Rule]]:
    count, step = rng.randint(4, 8), rng.randint(3, 9)
    start = rng.randint(2, 50)
    values = [start + step * place for place in range(count)]
    asked = (
        f"Write {count} lines. Line 1 is {start}, and each further line is {step} more than the line before. "
        "After each number write a colon and the word odd or even. Write nothing else."
    )
    right = "\n".join(f"{value}: {'odd' if value % 2 else 'even'}" for value in values)
    kept: list[Rule] = [(f"line {place + 1}", _line_is(place, line)) for place, line in enumerate(right.splitlines())]
    return asked, right, [*kept, (f"{count} lines", lambda text: len(text.splitlines()) == count)]


def _line_is(place: int, wanted: str) -> Callable[[str], bool]:
    def holds(text: str) -> bool:
        lines = text.splitlines()
        return place < len(lines) and "".join(lines[place].split()).casefold() == wanted.replace(" ", "")

    return holds


def recall(rng: random.Random, number: int, name: str) -> Task:
    """Two facts in a long text of similar facts."""
    count = (150, 400, 800, 1_500)[number % 4]
    codes = rng.sample(range(10_000, 99_999), count)
    lines = [
        f"Crate {code} with {rng.randint(2, 90)} pieces of {rng.choice(THINGS)} went to {rng.choice(CITIES)} on a "
        f"{rng.choice(DAYS)}."
        for code in codes
    ]
    one, other = rng.sample(range(count), 2)
    pieces = [int(lines[place].split()[3]) for place in (one, other)]
    prompt = "\n".join(lines) + (
        f"\n\nHow many pieces were in crate {codes[one]} and crate {codes[other]} together, according to "
        f"the text above? {END}"
    )
    right = str(sum(pieces))
    return Task(name, "recall", prompt, Right(f"Answer: {right}"), is_final(right))


def brief(rng: random.Random, number: int, name: str) -> Task:
    """A question whose answer is one word, where each further word costs."""
    value, other = rng.randint(100, 999), rng.randint(100, 999)
    word, day = rng.choice([*THINGS, *TOPICS]), rng.randrange(7)
    question, right = (
        (f"Is {value} even? Answer with yes or no.", "no" if value % 2 else "yes"),
        (f"Which is larger, {value} or {other}? Answer with the number only.", str(max(value, other))),
        (
            f'What is the last letter of "{word}", {value % 5 + 2} times in a row? Answer with the letters only.',
            word[-1] * (value % 5 + 2),
        ),
        (
            f"Which day comes after {DAYS[day]}, if we skip {value % 5 + 1} days? Answer with one word.",
            DAYS[(day + value % 5 + 2) % 7],
        ),
    )[number % 4]

    def grade(answer: Answer) -> Grade:
        told = answer.text.strip().strip(".!*\"'`")
        if told.casefold() == right.casefold():
            return Grade(1.0)
        if re.search(rf"(?i)\b{re.escape(right)}\b", answer.text):
            return Grade(0.5, f"the answer has {len(answer.text.split())} words, and one was asked for")
        return Grade(0.0, f"the answer is {told[:60]!r}, not {right!r}")

    return Task(name, "brief", question, Right(right), grade)


WORDS = _WORD.findall(
    "the river runs slowly past old stone houses while boats carry wood and grain from the hills down to a wide "
    "harbour where people wait with carts and talk about rain and prices until the evening bell calls them home again"
)


def stream(rng: random.Random, number: int, name: str) -> Task:
    """A long text, whose deltas should arrive evenly."""
    count, topic, city = rng.randint(26, 34) * 10, rng.choice(TOPICS), rng.choice(CITIES)
    prompt = f"Write a text of {count} words about {topic} near {city}, in plain sentences and without headings."
    right = " ".join(WORDS[place % len(WORDS)] for place in range(count))

    def grade(answer: Answer) -> Grade:
        words = len(answer.text.split())
        if words >= 0.8 * count:
            return Grade(1.0)
        return Grade(words / (0.8 * count), f"the text has {words} words of {count}")

    return Task(name, "stream", prompt, Right(right), grade)


KINDS = (
    Kind("reason", "arithmetic and logic", reason),
    Kind("recall", "facts from a long text", recall),
    Kind("rules", "instructions about the form of an answer", rules),
    Kind("brief", "short answers", brief),
)
STREAM = Kind("stream", "long texts that should arrive evenly", stream, "streaming")
