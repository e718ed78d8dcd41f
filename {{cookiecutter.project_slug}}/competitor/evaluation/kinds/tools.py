"""Tasks with the client's own tools. As in the benchmark, one response is judged and no result is sent back.
Contract file: replaced by updates.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..task import Answer, Call, Grade, Json, Kind, Right, Task, final, is_final, same

Values = tuple[str, ...] | tuple[int, ...]

CITIES = ("Lisbon", "Oslo", "Nairobi", "Quito", "Hanoi", "Perth", "Turin", "Gdansk", "Osaka", "Lima", "Cork", "Tunis")
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
PEOPLE = ("Amara", "Bruno", "Chen", "Dalia", "Emeka", "Freya", "Goran", "Hana", "Ines", "Jonas", "Kofi", "Leila")
CURRENCIES = ("EUR", "USD", "JPY", "CHF", "SEK", "BRL")
NUMBERS = tuple(range(11, 99))
THINGS = ("lamp", "kettle", "bicycle", "tent", "violin", "ladder", "drill", "blanket", "camera", "rug")
ROOMS = ("kitchen", "cellar", "office", "hall", "attic", "garage")
TOPICS = ("tides", "glaciers", "bridges", "beetles", "railways", "volcanoes", "looms", "orchids")
LANGUAGES = ("Spanish", "Swahili", "Polish", "Korean", "Greek", "Danish")


@dataclass(frozen=True)
class Skill:
    """A kind of tool: names that it may have, what it does, its parameters with their values, and a request for it."""

    names: tuple[str, ...]
    about: str
    parameters: dict[str, Values]
    request: str


SKILLS = (
    Skill(
        ("get_forecast", "weather_forecast", "forecast_for"),
        "Get the weather forecast for a city and a day.",
        {"city": CITIES, "day": DAYS},
        "get the weather forecast for {city} on {day}",
    ),
    Skill(
        ("past_weather", "weather_history", "weather_archive"),
        "Look up the weather of a past year in a city.",
        {"city": CITIES, "year": tuple(range(1950, 2020))},
        "look up what the weather in {city} was like in the year {year}",
    ),
    Skill(
        ("convert_money", "exchange_currency", "currency_convert"),
        "Convert an amount of US dollars into another currency.",
        {"dollars": NUMBERS, "currency": CURRENCIES},
        "convert {dollars} US dollars into {currency}",
    ),
    Skill(
        ("miles_to_km", "convert_distance", "distance_in_km"),
        "Convert a distance in miles into kilometres.",
        {"miles": NUMBERS},
        "convert {miles} miles into kilometres",
    ),
    Skill(
        ("send_message", "message_person", "text_person"),
        "Send a short message to a person.",
        {"person": PEOPLE, "text": tuple(f"Meet me in the {room}" for room in ROOMS)},
        'send {person} the message "{text}"',
    ),
    Skill(
        ("call_person", "start_call", "phone_person"),
        "Start a telephone call with a person.",
        {"person": PEOPLE},
        "start a telephone call with {person}",
    ),
    Skill(
        ("book_table", "reserve_table", "restaurant_booking"),
        "Book a restaurant table in a city for a number of guests.",
        {"city": CITIES, "guests": tuple(range(2, 12))},
        "book a restaurant table in {city} for {guests} guests",
    ),
    Skill(
        ("book_train", "reserve_train_seat", "train_ticket"),
        "Book a train ticket between two cities.",
        {"origin": CITIES[:6], "destination": CITIES[6:]},
        "book a train ticket from {origin} to {destination}",
    ),
    Skill(
        ("train_times", "list_departures", "timetable"),
        "List the departures of trains from a city on a day.",
        {"city": CITIES, "day": DAYS},
        "list the departures of trains from {city} on {day}",
    ),
    Skill(
        ("set_timer", "start_timer", "kitchen_timer"),
        "Start a timer for a number of minutes.",
        {"minutes": NUMBERS},
        "start a timer for {minutes} minutes",
    ),
    Skill(
        ("set_light", "dim_light", "adjust_light"),
        "Set the light in a room to a brightness in percent.",
        {"room": ROOMS, "percent": NUMBERS},
        "set the light in the {room} to {percent} percent",
    ),
    Skill(
        ("set_heating", "adjust_heating", "room_temperature"),
        "Set the heating in a room to a temperature in degrees.",
        {"room": ROOMS, "degrees": tuple(range(15, 25))},
        "set the heating in the {room} to {degrees} degrees",
    ),
    Skill(
        ("add_to_cart", "put_in_basket", "order_item"),
        "Put a number of items of one product into the shopping cart.",
        {"product": THINGS, "quantity": tuple(range(2, 10))},
        "put {quantity} items of the product {product} into the shopping cart",
    ),
    Skill(
        ("product_price", "price_of", "look_up_price"),
        "Look up the price of a product.",
        {"product": THINGS},
        "look up the price of the product {product}",
    ),
    Skill(
        ("find_books", "library_books", "book_catalogue"),
        "Find books about a topic in a language.",
        {"topic": TOPICS, "language": LANGUAGES},
        "find books about {topic} in {language}",
    ),
    Skill(
        ("translate_word", "dictionary_entry", "word_in"),
        "Translate one English word into a language.",
        {"word": THINGS, "language": LANGUAGES},
        'translate the word "{word}" into {language}',
    ),
    Skill(
        ("add_reminder", "remind_on", "create_reminder"),
        "Add a reminder about a person's birthday on a day.",
        {"person": PEOPLE, "day": DAYS},
        "add a reminder about the birthday of {person} on {day}",
    ),
    Skill(
        ("local_time", "time_in", "clock_of"),
        "Get the local time in a city.",
        {"city": CITIES},
        "get the local time in {city}",
    ),
)


@dataclass(frozen=True)
class Offered:
    """A tool of one task, and a call of it in words and as it must be."""

    schema: Json
    words: str
    call: Call


def offered(rng: random.Random, skill: Skill) -> Offered:
    """A tool of this kind with one of its names, and a random call of it."""
    name = rng.choice(skill.names)
    values = {key: rng.choice(of) for key, of in skill.parameters.items()}
    kinds = {key: "integer" if isinstance(value, int) else "string" for key, value in values.items()}
    return Offered(
        function(name, skill.about, {key: {"type": kind} for key, kind in kinds.items()}, list(values)),
        skill.request.format(**values),
        Call(name, dict(values)),
    )


def function(name: str, about: str, properties: Json, required: Sequence[str]) -> Json:
    """A tool as it stands in a request."""
    parameters = {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}
    return {"type": "function", "function": {"name": name, "description": about, "parameters": parameters}}


def matched(wanted: Sequence[Call], given: Sequence[Call]) -> tuple[float, list[int], str]:
    """Compares calls. Returns points, the place of each wanted call among the given ones (-1: none), and a reason.

    A call of the right tool gets 0.4, and the rest by the share of right arguments.
    """
    free, places, total, why = dict(enumerate(given)), [], 0.0, ""
    for call in wanted:
        scores = {place: _points(call, got) for place, got in free.items()}
        best = max(scores, key=lambda place: scores[place], default=-1)
        if best < 0 or not scores[best]:
            places.append(-1)
            why = why or f"{call.name} was not called"
            continue
        total += scores[best]
        places.append(best)
        if scores[best] < 1:
            why = why or f"{call.name} has the arguments {free[best].arguments}, not {call.arguments}"
        del free[best]
    if free:
        why = why or f"{next(iter(free.values())).name} was called without need"
    return total / max(len(wanted), len(given), 1), places, why


def _points(wanted: Call, given: Call) -> float:
    if wanted.name != given.name:
        return 0.0
    keys = wanted.arguments.keys() | given.arguments.keys()
    missing = object()
    right = sum(same(wanted.arguments.get(key, missing), given.arguments.get(key, missing)) for key in keys)
    return 0.4 + 0.6 * (right / len(keys) if keys else 1.0)


def _these_calls(*wanted: Call) -> Callable[[Answer], Grade]:
    def grade(answer: Answer) -> Grade:
        points, _, why = matched(wanted, answer.calls)
        return Grade(points, why)

    return grade


def choose(rng: random.Random, number: int, name: str) -> Task:
    tools = [offered(rng, skill) for skill in rng.sample(SKILLS, rng.randint(6, 12))]
    one = rng.choice(tools)
    ask = rng.choice(("Please {}.", "Can you {}?", "I would like you to {}.", "For my plans: {}, please."))
    schemas = tuple(tool.schema for tool in tools)
    return Task(name, "choose", ask.format(one.words), Right(calls=(one.call,)), _these_calls(one.call), schemas)


def several(rng: random.Random, number: int, name: str) -> Task:
    tools = [offered(rng, skill) for skill in rng.sample(SKILLS, rng.randint(5, 9))]
    asked = tools[: rng.randint(2, 4)]
    words = ", ".join(one.words for one in asked[:-1]) + f" and {asked[-1].words}"
    schemas = [tool.schema for tool in tools]
    rng.shuffle(schemas)
    calls = tuple(one.call for one in asked)
    prompt = f"Do all of this at once: {words}."
    return Task(name, "several", prompt, Right(calls=calls), _these_calls(*calls), tuple(schemas))


def chain(rng: random.Random, number: int, name: str) -> Task:
    """Calls in an order, and a text in the same response."""
    tools = [offered(rng, skill) for skill in rng.sample(SKILLS, rng.randint(5, 9))]
    asked = tools[: rng.randint(2, 4)]
    one, other = rng.randint(12, 60), rng.randint(3, 9)
    steps = f"First {asked[0].words}, " + ", ".join(f"then {each.words}" for each in asked[1:])
    sum_ = f"{one} times {other}"
    prompt = (
        f"{steps}. Call the tools in this order, all in one response. Before the calls, write in the same response "
        f'what {sum_} is, as a line "Answer: ...".'
    )
    calls, result = tuple(each.call for each in asked), str(one * other)
    schemas = [tool.schema for tool in tools]
    rng.shuffle(schemas)

    def grade(answer: Answer) -> Grade:
        points, places, why = matched(calls, answer.calls)
        if [place for place in places if place >= 0] != sorted(place for place in places if place >= 0):
            points, why = points / 2, why or "the calls are in another order"
        has_text = is_final(result)(Answer(text=final(answer.text))).points
        if not has_text:
            why = why or f"the text of the response does not say {result}"
        return Grade(0.7 * points + 0.3 * has_text, why)

    return Task(name, "chain", prompt, Right(f"Answer: {result}", calls), grade, tuple(schemas))


def schema(rng: random.Random, number: int, name: str) -> Task:
    """One tool with nested arguments, choices and lists."""
    properties, wanted, words = rng.choice((_order, _meeting, _survey, _deployment))(rng)
    verb = rng.choice(("create", "register", "submit"))
    tool = function(f"{verb}_record", "Stores one record exactly as described.", properties, list(properties))
    prompt = f"Please {verb} this record with the tool. {words} Leave out what is not said."
    call = Call(f"{verb}_record", wanted)

    def grade(answer: Answer) -> Grade:
        if len(answer.calls) != 1 or answer.calls[0].name != call.name:
            return Grade(0.0, f"{call.name} was not called once, but {len(answer.calls)} calls were made")
        pairs = [(leaf, same(value, _at(answer.calls[0].arguments, leaf))) for leaf, value in _leaves(wanted)]
        given = {leaf for leaf, _ in _leaves(answer.calls[0].arguments)}
        extra = given - {leaf for leaf, _ in pairs}
        wrong = [leaf for leaf, right in pairs if not right]
        why = f"{'.'.join(map(str, (wrong or sorted(extra, key=str))[0]))} is wrong" if wrong or extra else ""
        return Grade(max(0.0, 1 - (len(wrong) + len(extra)) / len(pairs)), why)

    return Task(name, "schema", prompt, Right(calls=(call,)), grade, (tool,))


def abstain(rng: random.Random, number: int, name: str) -> Task:
    """Tools are on offer, and the question needs none."""
    tools = [offered(rng, skill).schema for skill in rng.sample(SKILLS, rng.randint(4, 8))]
    one, other, day = rng.randint(13, 89), rng.randint(3, 19), rng.randrange(7)
    words = rng.sample(THINGS, 4)
    question, right = rng.choice(
        (
            (f"What is {one} plus {other * 7}?", str(one + other * 7)),
            (f"Which day comes {other} days after a {DAYS[day]}?", DAYS[(day + other) % 7]),
            (f"Which of these words comes first in the alphabet: {', '.join(words)}?", min(words)),
            (f'How many letters does the word "{words[0]}" have, times {other}?', str(len(words[0]) * other)),
        )
    )
    base = is_final(right)

    def grade(answer: Answer) -> Grade:
        if answer.calls:
            return Grade(0.0, f"{answer.calls[0].name} was called, and no tool was needed")
        return base(answer)

    prompt = f'{question} End with a line "Answer: ...".'
    return Task(name, "abstain", prompt, Right(f"Answer: {right}"), grade, tuple(tools))


def _text(**more: Any) -> Json:
    return {"type": "string", **more}


def _object(**properties: Json) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


_INTEGER: Json = {"type": "integer"}
_YES: Json = {"type": "boolean"}


def _order(rng: random.Random) -> tuple[Json, Json, str]:
    items = [
        {"product": thing, "quantity": rng.randint(1, 9), "gift": rng.random() < 0.5} for thing in rng.sample(THINGS, 2)
    ]
    speed, person, city = rng.choice(("standard", "express", "overnight")), rng.choice(PEOPLE), rng.choice(CITIES)
    item = _object(product=_text(), quantity=_INTEGER, gift=_YES)
    properties = {
        "customer": _object(name=_text(), city=_text()),
        "items": {"type": "array", "items": item},
        "shipping": _text(enum=["standard", "express", "overnight"]),
    }
    listed = " and ".join(
        f"{each['quantity']} of the product {each['product']} ({'as a gift' if each['gift'] else 'not as a gift'})"
        for each in items
    )
    words = f"It is an order by {person} from {city}, with {speed} shipping: {listed}, in this order."
    return properties, {"customer": {"name": person, "city": city}, "items": items, "shipping": speed}, words


def _meeting(rng: random.Random) -> tuple[Json, Json, str]:
    people, room, hour = rng.sample(PEOPLE, 3), rng.choice(ROOMS), rng.randint(8, 17)
    date, minutes = f"2027-0{rng.randint(1, 9)}-{rng.randint(10, 28)}", rng.choice((15, 30, 45, 60, 90))
    properties = {
        "place": _object(room=_text(enum=list(ROOMS)), online=_YES),
        "start": _object(date=_text(format="date"), hour=_INTEGER),
        "minutes": _INTEGER,
        "people": {"type": "array", "items": _text()},
    }
    online = rng.random() < 0.5
    wanted = {
        "place": {"room": room, "online": online},
        "start": {"date": date, "hour": hour},
        "minutes": minutes,
        "people": people,
    }
    how = "also online" if online else "not online"
    words = (
        f"It is a meeting in the {room}, {how}, on {date} at {hour} o'clock, for {minutes} minutes, "
        f"with {people[0]}, {people[1]} and {people[2]}, in this order."
    )
    return properties, wanted, words


def _survey(rng: random.Random) -> tuple[Json, Json, str]:
    topic, language = rng.choice(TOPICS), rng.choice(LANGUAGES)
    scores = {name: rng.randint(1, 5) for name in ("clarity", "depth", "pace")}
    mood = rng.choice(("positive", "neutral", "negative"))
    properties = {
        "topic": _text(),
        "language": _text(),
        "scores": _object(clarity=_INTEGER, depth=_INTEGER, pace=_INTEGER),
        "mood": _text(enum=["positive", "neutral", "negative"]),
    }
    words = (
        f"It is a reply to a survey about {topic} in {language}. The scores are {scores['clarity']} for clarity, "
        f"{scores['depth']} for depth and {scores['pace']} for pace; the mood is {mood}."
    )
    return properties, {"topic": topic, "language": language, "scores": scores, "mood": mood}, words


def _deployment(rng: random.Random) -> tuple[Json, Json, str]:
    service, copies = rng.choice(THINGS), rng.randint(2, 9)
    ports = rng.sample(range(8000, 9000), 2)
    level = rng.choice(("debug", "info", "warning"))
    memory = rng.choice((256, 512, 1024))
    properties = {
        "service": _text(),
        "copies": _INTEGER,
        "ports": {"type": "array", "items": _INTEGER},
        "logging": _object(level=_text(enum=["debug", "info", "warning"]), colours=_YES),
        "limits": _object(memory_mb=_INTEGER),
    }
    colours = rng.random() < 0.5
    wanted = {
        "service": service,
        "copies": copies,
        "ports": ports,
        "logging": {"level": level, "colours": colours},
        "limits": {"memory_mb": memory},
    }
    words = (
        f"It is a deployment of the service {service} in {copies} copies on the ports {ports[0]} and {ports[1]}, in "
        f"this order. It logs at the level {level} {'with' if colours else 'without'} colours. Its memory is limited "
        f"to {memory} MB."
    )
    return properties, wanted, words


def _leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[tuple[Any, ...], Any]]:
    """The values in nested objects and lists, each with its path."""
    if isinstance(value, dict):
        return [leaf for key, each in value.items() for leaf in _leaves(each, (*path, key))]
    if isinstance(value, list):
        return [leaf for place, each in enumerate(value) for leaf in _leaves(each, (*path, place))]
    return [(path, value)]


def _at(value: Any, path: Sequence[Any]) -> Any:
    for key in path:
        try:
            value = value[key]
        except (LookupError, TypeError):
            return None
    return value


KINDS = (
    Kind("choose", "choosing one of the client's tools", choose),
    Kind("several", "several calls of the client's tools in one response", several),
    Kind("chain", "calls in an order, with text in the same response", chain),
    Kind("schema", "arguments that fit a nested schema", schema),
    Kind("abstain", "not calling a tool when none is needed", abstain),
)
