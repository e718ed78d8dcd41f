"""Tasks about something that comes with the request, tables, files and pictures, and tasks that ask for a picture.
Contract file: replaced by updates.
"""

import base64
import binascii
import random
import re

from ..png import SHAPES, NotAPicture, Picture, Shape, decoded, outline
from ..task import Answer, Grade, Json, Kind, Right, Task, is_final, tokens
from .thinking import END
from .tools import CITIES, DAYS, PEOPLE, ROOMS, THINGS

_IMAGE = re.compile(r"data:(image/[\w.+-]+);base64,([A-Za-z0-9+/=]+)")
_DRAWN = ("red", "green", "blue", "yellow", "purple", "orange")
# Nothing listens on port 9 of this machine: a server that loads the picture itself gets an error.
GONE = "http://127.0.0.1:9/picture.png"


def read(rng: random.Random, number: int, name: str) -> Task:
    given, question, right = (_table, _log, _settings)[number % 3](rng)
    return Task(name, "read", f"{given}\n\n{question} {END}", Right(f"Answer: {right}"), is_final(right))


def _table(rng: random.Random) -> tuple[str, str, str]:
    rows = [
        (rng.choice(THINGS), rng.choice(CITIES), rng.randint(2, 60), rng.randint(3, 90))
        for _ in range(rng.randint(8, 20))
    ]
    lines = [f"| {thing} | {city} | {sold} | {price} |" for thing, city, sold, price in rows]
    table = "\n".join(["| Product | City | Sold | Price |", "| --- | --- | --- | --- |", *lines])
    city, most = rng.choice(rows)[1], max(price for *_, price in rows)
    return (
        table,
        *rng.choice(
            (
                (
                    f"How many pieces were sold in {city} altogether?",
                    str(sum(row[2] for row in rows if row[1] == city)),
                ),
                (f"How many rows have a price above {most // 2}?", str(sum(row[3] > most // 2 for row in rows))),
                ("What is the sum of the column Sold?", str(sum(row[2] for row in rows))),
            )
        ),
    )


def _log(rng: random.Random) -> tuple[str, str, str]:
    levels = ("INFO", "WARNING", "ERROR")
    lines = [
        f"2027-03-{day:02d} {rng.choice(levels)} {rng.choice(ROOMS)}: request of {rng.choice(PEOPLE)} took "
        f"{rng.randint(5, 900)} ms"
        for day in sorted(rng.randint(1, 28) for _ in range(rng.randint(15, 30)))
    ]
    level, room = rng.choice(levels), rng.choice(ROOMS)
    slow = max(int(line.split()[-2]) for line in lines)
    return (
        "The file server.log:\n```\n" + "\n".join(lines) + "\n```",
        *rng.choice(
            (
                (f"How many lines have the level {level}?", str(sum(f" {level} " in line for line in lines))),
                (f"How many lines are about the {room}?", str(sum(f" {room}:" in line for line in lines))),
                ("How many milliseconds did the slowest request take?", str(slow)),
            )
        ),
    )


def _settings(rng: random.Random) -> tuple[str, str, str]:
    services = rng.sample(THINGS, 5)
    ports = {each: rng.randint(2000, 9999) for each in services}
    days = {each: rng.choice(DAYS) for each in services}
    copies = {each: rng.randint(1, 9) for each in services}
    text = "\n\n".join(
        f"[{each}]\nport = {ports[each]}\nbackup_day = {days[each]}\ncopies = {copies[each]}" for each in services
    )
    one = rng.choice(services)
    return (
        f"The file services.ini:\n```\n{text}\n```",
        *rng.choice(
            (
                (f"Which port does {one} have?", str(ports[one])),
                (f"On which day is {one} backed up?", days[one]),
                (
                    "How many copies do all services have together?",
                    str(sum(copies.values())),
                ),
            )
        ),
    )


def see(rng: random.Random, number: int, name: str) -> Task:
    """A picture and a question about it. One in ten pictures cannot be loaded: any polite answer is right."""
    if number % 10 == 9:
        what = rng.choice(THINGS)
        content = [
            _part(GONE),
            {"type": "text", "text": f"What colour is the {what} in picture {rng.randint(100, 999)}?"},
        ]
        return Task(name, "see", content, Right("I cannot see the picture."), _polite)
    picture, question, right = (_count, _colour, _number)[number % 3](rng)
    url = "data:image/png;base64," + base64.b64encode(picture.png()).decode()
    # The question of two pictures may be the same, so that a name tells them apart.
    text = f"The picture is called {rng.choice(THINGS)}-{rng.randint(100, 9_999)}. {question} {END}"
    return Task(name, "see", [_part(url), {"type": "text", "text": text}], Right(f"Answer: {right}"), is_final(right))


def _part(url: str) -> Json:
    return {"type": "image_url", "image_url": {"url": url}}


def _polite(answer: Answer) -> Grade:
    return Grade(1.0) if answer.text.strip() else Grade(0.0, "there is no answer if the picture cannot be loaded")


def _count(rng: random.Random) -> tuple[Picture, str, str]:
    kind = rng.choice(SHAPES)
    places = [(16 + 32 * (place % 4), 16 + 32 * (place // 4)) for place in rng.sample(range(16), rng.randint(5, 10))]
    shapes = tuple(Shape(rng.choice(SHAPES), rng.choice(_DRAWN), x, y, 22) for x, y in places)
    return Picture("white", shapes), f"How many {kind}s are in it?", str(sum(each.kind == kind for each in shapes))


def _colour(rng: random.Random) -> tuple[Picture, str, str]:
    kinds, colours = rng.sample(SHAPES, 3), rng.sample(_DRAWN, 3)
    shapes = tuple(
        Shape(kind, colour, 24 + 40 * place, rng.randint(30, 98), 30)
        for place, (kind, colour) in enumerate(zip(kinds, colours, strict=True))
    )
    return Picture("white", shapes), f"Which colour does the {kinds[0]} have?", colours[0]


def _number(rng: random.Random) -> tuple[Picture, str, str]:
    number = str(rng.randint(1_000, 99_999))
    return Picture(rng.choice(("white", "yellow", "black")), number=number), "Which number is written in it?", number


def draw(rng: random.Random, number: int, name: str) -> Task:
    """A request for a picture, which must come as a PNG file in the text. Each second one has the flag for it."""
    colour, background = rng.sample((*_DRAWN, "black", "white"), 2)
    kind, label = rng.choice(SHAPES), f"{rng.choice(THINGS)} {rng.randint(10, 9_999)}"
    picture = Picture(background, (Shape(kind, colour, 64, 64, 80),))
    prompt = (
        f'Draw a picture for my label "{label}": one filled {colour} {kind} in the middle of a {background} '
        "background, and nothing else."
    )

    def grade(answer: Answer) -> Grade:
        found = _IMAGE.search(answer.text)
        if not found:
            return Grade(0.0, "there is no picture in the text")
        try:
            rows = decoded(base64.b64decode(found[2], validate=True))
        except (NotAPicture, binascii.Error) as error:
            return Grade(0.3 if found[1] == "image/jpeg" else 0.0, f"the picture is {found[1]}: {error}")
        wanted, given = (background, colour, kind), outline(rows)
        wrong = [
            f"{one or 'nothing'} instead of {other}" for one, other in zip(given, wanted, strict=True) if one != other
        ]
        return Grade(1 - 0.2 * len(wrong), "; ".join(wrong))

    fields: Json = {"generation_flags": {"generate_image": True}} if number % 2 else {}
    reads = 2 * tokens(prompt)  # an agent sends the request three times: to the model, to what draws, to the model
    return Task(name, "draw", prompt, Right("Here it is.", picture=picture), grade, fields=fields, reads=reads)


KINDS = (
    Kind("read", "tables and files", read),
    Kind("see", "pictures in the request", see, "modality"),
    Kind("draw", "pictures in the answer", draw, "modality"),
)
