"""Tests that tasks are fair: distinct, the same for a seed, and graded as a person would grade them."""

import base64
import json
import random
import subprocess
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from competitor.evaluation import png
from competitor.evaluation.kinds import KINDS, tasks
from competitor.evaluation.library import Library, search
from competitor.evaluation.png import COLOURS, SHAPES, NotAPicture, Picture, Shape, decoded, outline
from competitor.evaluation.task import Answer, Call, Right, Task, final, is_final, same

from ..template_path import UNBAKED
from .solving import SEED, answer, made

FORTY = 40


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_has_forty_distinct_tasks(kind: str) -> None:
    some = [task for task in made(FORTY) if task.kind == kind]
    assert len({json.dumps(task.body) for task in some}) == len({task.text for task in some}) == FORTY
    assert [task.id for task in some] == [f"{kind}/{number}" for number in range(FORTY)]
    assert not [task for task in some if task.id in json.dumps(task.body)], "no request carries a mark"


@pytest.mark.parametrize("kind", KINDS)
def test_a_perfect_answer_gets_all_points_and_an_empty_one_none(kind: str) -> None:
    for task in [task for task in made(FORTY) if task.kind == kind][: 10 if kind == "code" else FORTY]:
        assert task.grade(answer(task, task.right)).points == 1, task.id
        nothing = task.grade(Answer())
        assert nothing.points == 0, task.id
        assert nothing.why


def test_any_process_makes_the_same_tasks() -> None:
    code = (
        "import json, sys; from competitor.evaluation.kinds import tasks\n"
        f"print(json.dumps([task.body for task in tasks({SEED}, 2)]))"
    )
    ran = subprocess.run([sys.executable, "-Bc", code], cwd=UNBAKED, capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout) == [task.body for task in tasks(SEED, 2)]
    other = {task.text for task in tasks(SEED + 1, 5)}
    assert not other & {task.text for task in tasks(SEED, 5) if task.kind != "brief"}


def test_more_tasks_begin_with_the_same_ones() -> None:
    few, many = tasks(SEED, 2, ("reason", "brief")), tasks(SEED, 9, ("reason", "brief"))
    assert {task.text for task in few} <= {task.text for task in many}


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ("1234", "Answer: 1,234"),
        ("1234", "**Answer: 1234.**"),
        ("1234", "It is long.\nanswer = 1234 dollars"),
        ("1234", "Answer: $1,234.00"),
        ("1234", "1234"),
        ("-5", "Answer: -5"),
        ("Hana", 'Answer: "hana"'),
        ("Lake Torquay", "First Answer: no\nAnswer: *Lake Torquay*"),
    ],
)
def test_a_right_answer_counts_in_any_form(wanted: str, told: str) -> None:
    assert is_final(wanted)(Answer(told)).points == 1


@pytest.mark.parametrize("told", ["Answer: 1235", "Answer: 12345", "Answer: not 1234", "1234 or 99", "Answer:", ""])
def test_a_wrong_answer_does_not_count(told: str) -> None:
    assert is_final("1234")(Answer(told)).points == 0


def task_of(kind: str, number: int = 0) -> Task:
    return [task for task in made(FORTY) if task.kind == kind][number]


def calls_of(task: Task, *calls: Call) -> float:
    return task.grade(Answer(task.right.text, calls)).points


def test_calls_count_by_their_name_and_arguments() -> None:
    task = next(task for task in made(FORTY) if task.kind == "several" and len(task.right.calls) == 2)
    one, other = task.right.calls
    assert calls_of(task, other, one) == 1, "the order does not matter"
    assert calls_of(task, one) == 0.5
    assert calls_of(task, one, other, Call(one.name, {})) < 1
    wrong = Call(one.name, {**one.arguments, next(iter(one.arguments)): "?"})
    assert 0.5 < calls_of(task, wrong, other) < 1
    assert calls_of(task, Call("unknown", one.arguments), other) == 0.5


def test_a_chain_needs_the_order_and_the_text() -> None:
    task = next(task for task in made(FORTY) if task.kind == "chain" and len(task.right.calls) == 3)
    calls = task.right.calls
    assert task.grade(Answer(task.right.text, calls[::-1])).points == pytest.approx(0.65)
    assert task.grade(Answer("", calls)).points == 0.7
    assert task.grade(Answer(task.right.text)).points == pytest.approx(0.3)


def test_arguments_must_have_the_types_of_their_schema() -> None:
    task = next(
        task for task in made(FORTY) if task.kind == "schema" and "items" in json.dumps(task.right.calls[0].arguments)
    )
    (call,) = task.right.calls
    text = json.loads(json.dumps(call.arguments).replace("true", '"yes"').replace("false", '"no"'))
    assert 0 < calls_of(task, Call(call.name, text)) < 1
    assert 0 < calls_of(task, Call(call.name, {**call.arguments, "note": "more"})) < 1
    assert calls_of(task, Call(call.name, {})) == 0
    assert calls_of(task, call, call) == 0


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        (1, 1.0, True),
        (1, "1", False),
        (True, 1, False),
        (" Oslo", "oslo", True),
        ([1], [1, 2], False),
        (None, None, True),
    ],
)
def test_values_are_the_same_if_they_mean_the_same(one: object, other: object, equal: bool) -> None:
    assert same(one, other) == equal


@pytest.mark.parametrize(
    "code",
    [
        "def {name}(value):\n    import socket\n    return socket.create_connection(('127.0.0.1', 1))",
        "def {name}(value):\n    return open('/etc/passwd').read()",
        "def {name}(value:",
        "print('results of the tests: [1]')\nraise SystemExit\ndef {name}(value): pass",
    ],
)
def test_code_that_fails_or_reaches_out_costs_its_points_and_nothing_else(code: str) -> None:
    task = task_of("code")
    name = task.right.text.split("def ")[1].split("(")[0]
    grade = task.grade(Answer(f"```python\n{code.replace('{name}', name)}\n```"))
    assert grade.points < 0.5
    assert grade.why


@given(st.sampled_from(SHAPES), st.permutations(list(COLOURS)), st.integers(24, 60), st.integers(0, 9))
def test_a_drawn_picture_is_seen_as_what_it_is(shape: str, colours: list[str], size: int, shift: int) -> None:
    picture = Picture(colours[0], (Shape(shape, colours[1], 60 + shift, 64, size + shift),))
    assert outline(decoded(picture.png())) == (colours[0], colours[1], shape)


def test_pictures_of_other_programs_are_read() -> None:
    pillow = pytest.importorskip("PIL.Image")
    import io

    drawing = pytest.importorskip("PIL.ImageDraw")
    for mode in ("RGB", "RGBA", "P", "L"):
        image = pillow.new("RGB", (300, 300), COLOURS["white"])
        drawing.Draw(image).ellipse((50, 50, 250, 250), fill=COLOURS["black"])
        for noise in range(300):  # so that filters are used
            image.putpixel((noise, 0), (255 - noise % 7, 255, 255))
        file = io.BytesIO()
        image.convert(mode).save(file, format="PNG")
        assert outline(decoded(file.getvalue())) == ("white", "black", "circle"), mode


@given(st.binary(max_size=300), st.integers(0, 2000))
def test_a_damaged_picture_is_refused(garbage: bytes, place: int) -> None:
    good = Picture("white", (Shape("circle", "red", 16, 16, 20),), size=32).png()
    for data in (garbage, good[:place], good[:place] + garbage + good[place + len(garbage) :]):
        try:
            assert len(decoded(data)) >= 1
        except NotAPicture as reason:
            assert str(reason)


def test_a_huge_picture_is_refused_before_it_is_unpacked() -> None:
    import struct
    import zlib

    head = struct.pack(">IIBBBBB", 2**16, 2**16, 8, 2, 0, 0, 0)
    body = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(2**20))), (b"IEND", b""))
    )
    with pytest.raises(NotAPicture, match="too large"):
        decoded(b"\x89PNG\r\n\x1a\n" + body)


def test_a_picture_must_be_a_png_file_in_the_text() -> None:
    task = task_of("draw")
    assert task.right.picture is not None
    right = task.right.picture.png()

    def points(text: str) -> float:
        return task.grade(Answer(text)).points

    code = base64.b64encode(right).decode()
    assert points(f"![x](data:image/png;base64,{code})") == 1
    assert points(f"![x](data:image/jpeg;base64,{base64.b64encode(b'JPEG').decode()})") == 0.3
    assert points("![x](https://example.com/picture.png)") == 0
    assert points(f"![x](data:image/png;base64,{code[:200]})") == 0
    other = png.Picture("white", size=64).png()
    assert 0 < points(f"![x](data:image/png;base64,{base64.b64encode(other).decode()})") < 1


def test_research_needs_the_sources_that_say_it() -> None:
    task = task_of("research")
    right, pages = task.right.text, task.right.pages
    assert task.grade(Answer(right)).points == 1
    assert task.grade(Answer(right.split("\n")[0])).points == 0.5
    assert task.grade(Answer(right.replace(pages[0], "https://library.example/invented"))).points == 0.75
    assert task.grade(Answer(f"{right} https://library.example/more")).points == pytest.approx(
        0.5 + 0.25 + 0.25 * 2 / 3
    )


def test_the_search_finds_each_page_and_its_excerpt_does_not_say_the_answer() -> None:
    for seed in range(5):
        library = Library.of_seed(seed)
        pages = library.pages()
        others = [page for number in range(seed + 1, seed + 20) for page in Library.of_seed(number).pages()]
        for page in pages:
            assert page in search(page.title, [*others, *pages], 5)
        for number in range(9):
            _, right, needed = library.question(random.Random(number), number)
            assert len({page.address for page in needed}) == 2
            if right.isdigit():
                assert not any(right in page.excerpt.replace(str(seed), "") for page in needed)


@example("*\u00a00", "choose/0")
@given(st.text(max_size=400), st.sampled_from([task.id for task in tasks(SEED, 3) if task.kind != "code"]))
def test_any_text_can_be_graded(text: str, name: str) -> None:
    task = next(task for task in made(FORTY) if task.id == name)
    assert 0 <= task.grade(Answer(text)).points <= 1
    assert final(text) == final(text).strip()


def test_a_baseline_has_the_question_and_the_answer() -> None:
    task = task_of("reason")
    assert task.baseline == -(-len(task.text) // 4) + -(-len(task.right.text) // 4)
    assert Right() == Right(text="", calls=())
