"""Tests which tools count as the same kind, which texts need a kind, and what the toolbox offers because of that."""

import asyncio
import json
from typing import Any

import pytest

from competitor.core.artifacts.keeper import Keeper
from competitor.core.artifacts.save import Artifacts
from competitor.core.chat import Chat
from competitor.core.limits import MAX_COMPARED_CHARACTERS, MAX_COMPARED_TOOLS
from competitor.core.request.parsing import read_request
from competitor.core.settings import Settings
from competitor.core.tools.builtin import offered
from competitor.core.tools.kinds import KINDS, kinds_of, needed
from competitor.core.tools.tool import tool
from competitor.core.tools.toolbox import MENU, Offers, Toolbox
from competitor.core.usage import prompt_tokens

SAME = [
    ("web_search", "search", ""),
    ("web_search", "searchWeb", ""),
    ("web_search", "google_search", ""),
    ("web_search", "GoogleSearch", ""),
    ("web_search", "internet-search", ""),
    ("web_search", "search_the_internet", ""),
    ("web_search", "tavily_search_results_json", ""),
    ("web_search", "mcp__exa__web_search", ""),
    ("web_search", "duckduckgo", ""),
    ("web_search", "find_information", "Searches the internet for up-to-date information."),
    ("web_search", "ask", "Looks things up on the web."),
    ("fetch_page", "browse", ""),
    ("fetch_page", "fetch_url", ""),
    ("fetch_page", "open_page", ""),
    ("fetch_page", "get_webpage_content", ""),
    ("fetch_page", "WebBrowser", ""),
    ("fetch_page", "go_to", "Visit a web page and return its text"),
    ("calculator", "calculate", ""),
    ("calculator", "calc", ""),
    ("calculator", "evaluate_expression", ""),
    ("calculator", "math_eval", ""),
    ("calculator", "add", "Adds two numbers"),
    ("calculator", "evaluate", "Evaluate a mathematical expression"),
    ("run_code", "execute_code", ""),
    ("run_code", "run_python", ""),
    ("run_code", "code_interpreter", ""),
    ("run_code", "python", ""),
    ("run_code", "bash", ""),
    ("run_code", "execute", "Executes a Python script and returns what it prints"),
    ("create_file", "write_file", ""),
    ("create_file", "createFile", ""),
    ("create_file", "save_document", ""),
    ("create_file", "export_csv", ""),
    ("create_file", "deliver", "Creates a text file for the user"),
    ("plot", "create_chart", ""),
    ("plot", "draw_bar_chart", ""),
    ("plot", "visualize_data", ""),
    ("plot", "show_numbers", "Renders a bar chart from values"),
    ("query_vectors", "search_knowledge_base", ""),
    ("query_vectors", "retriever", ""),
]
DIFFERENT = [
    ("search_flights", "Search for flights between two airports"),
    ("search_products", "Searches the product catalogue"),
    ("search_emails", "Search the user's emails"),
    ("search_files", "Find files by name"),
    ("find_restaurants", "Finds restaurants nearby"),
    ("lookup_order", "Look up an order by its number"),
    ("google_calendar", "Creates an event in the calendar"),
    ("get_weather", "Current weather for a city"),
    ("get_stock_price", "Price of a share"),
    ("browse_catalog", "Browse the product catalog"),
    ("fetch_user", "Fetch a user record by id"),
    ("read_file", "Read a file from disk"),
    ("open_account", "Open a bank account"),
    ("book_site_visit", "Books a visit to a building site"),
    ("calculate_shipping", "Shipping cost of a parcel"),
    ("calculate_bmi", "Body mass index from height and weight"),
    ("compute_route", "Route between two addresses"),
    ("convert_currency", "Converts an amount of money"),
    ("evaluate_essay", "Rates an essay"),
    ("math_quiz", "Asks the user a question"),
    ("run_query", "Runs an SQL query"),
    ("run_test", "Runs the test suite"),
    ("execute_trade", "Buys or sells shares"),
    ("get_postal_code", "Postal code of an address"),
    ("code_review", "Reviews a pull request"),
    ("delete_file", "Deletes a file"),
    ("upload_file", "Uploads a file"),
    ("create_ticket", "Creates a ticket"),
    ("create_user", "Creates a user"),
    ("write_email", "Writes an email to a contact"),
    ("save_preferences", "Saves the user's preferences"),
    ("plot_summary", "Summary of a film's story"),
    ("chart_of_accounts", "Lists the accounts"),
    ("graph_traversal", "Walks through a social network"),
    ("draw_card", "Draws a card from the deck"),
    ("get_documents", "Lists documents"),
    ("translate", "Translates a text"),
    ("set_timer", "Sets a timer"),
]
PLATFORM = {
    "JANUS_SEARCH_URL": "https://search.example",
    "JANUS_FETCH_URL": "https://fetch.example",
    "JANUS_SANDBOX_URL": "https://sandbox.example",
    "JANUS_VECTOR_URL": "https://vector.example",
    "JANUS_IMAGE_URL": "https://image.example",
    "JANUS_SPEECH_URL": "https://speech.example",
}


def chat_of(
    *texts: str,
    tools: list[dict[str, Any]] | None = None,
    environment: dict[str, str] | None = None,
    flags: dict[str, bool] | None = None,
) -> Chat:
    body: dict[str, Any] = {"model": "any", "messages": [{"role": "user", "content": text} for text in texts]}
    body |= {"tools": tools, "generation_flags": flags}
    settings = Settings.from_environment(environment or {})
    nobody: Any = None  # no model is called
    request = read_request(json.dumps(body).encode())
    return Chat("test", request, nobody, settings, lambda usage: None, Artifacts(Keeper(settings)))


def theirs(name: str, description: str = "") -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "description": description}}


def shown(chat: Chat, offers: Offers = "all") -> list[str]:
    toolbox = Toolbox(offered(chat), seconds=1, offers=offers)
    return [each["function"]["name"] for each in toolbox.offer(chat).get("tools", ())]


@pytest.mark.parametrize(("ours", "name", "description"), SAME)
def test_beside_a_tool_of_the_client_that_does_the_same_ours_is_not_offered(
    ours: str, name: str, description: str
) -> None:
    environment = PLATFORM
    without = shown(chat_of("hello", environment=environment))
    beside = shown(chat_of("hello", tools=[theirs(name, description)], environment=environment))
    if ours == "plot":  # offered only where its package is installed
        assert kinds_of(name, description) == {"draw"}
    else:
        assert ours in without
    assert beside == [name, *(each for each in without if each not in (ours, name))]


@pytest.mark.parametrize(("name", "description"), DIFFERENT)
def test_beside_a_tool_of_the_client_that_does_something_else_all_of_ours_are_offered(
    name: str, description: str
) -> None:
    for about in (description, ""):
        assert kinds_of(name, about) == set()
    without = shown(chat_of("hello", environment=PLATFORM))
    assert shown(chat_of("hello", tools=[theirs(name, description)], environment=PLATFORM)) == [name, *without]


def test_each_tool_of_ours_has_the_kind_that_its_own_name_says() -> None:
    for each in offered(chat_of("hello", environment=PLATFORM)):
        assert kinds_of(each.name) == {each.kind}


def test_a_tool_of_an_owner_is_always_offered_unless_it_has_a_kind() -> None:
    async def web_lookup(query: str) -> str:
        """Looks a word up."""
        return query

    client = [theirs("search")]
    for kind, expected in (("", ["search", "web_lookup"]), ("search", ["search"])):
        chat = chat_of("hello", tools=client)
        toolbox = Toolbox([tool(web_lookup, kind=kind)], seconds=1, offers="needed")
        assert [each["function"]["name"] for each in toolbox.offer(chat)["tools"]] == expected


def test_an_unknown_kind_is_refused() -> None:
    async def look(query: str) -> str:
        """Looks."""
        return query

    with pytest.raises(TypeError, match="there is no kind 'look'"):
        tool(look, kind="look")


def test_hello_costs_nothing_and_all_default_tools_together_little() -> None:
    assert shown(chat_of("hello"), "needed") == []
    for environment in ({}, {"JANUS_SEARCH_DOUBLE": "1"}, {"JANUS_SEARCH_URL": "https://search.example"}):
        chat = chat_of("hello", environment=environment)
        schemas = [each.schema for each in offered(chat) if each.kind != "draw"]
        assert prompt_tokens({"tools": schemas}) <= 130


@pytest.mark.parametrize(
    "text", ["Draw me a cat", "Read this aloud: good morning", "A picture of the sea, and its name as speech"]
)
def test_where_an_image_or_speech_is_needed_all_that_is_offered_costs_little(text: str) -> None:
    chat = chat_of(text, environment={"JANUS_MEDIA_DOUBLE": "1", "JANUS_SEARCH_DOUBLE": "1"})
    offer = Toolbox([each for each in offered(chat) if each.kind != "draw"], seconds=1, offers="needed").offer(chat)
    names = {each["function"]["name"] for each in offer["tools"]}
    assert names & {"generate_image", "speak"}
    assert prompt_tokens({"tools": offer["tools"]}) <= 130


def test_with_a_menu_hello_costs_at_most_40_tokens() -> None:
    chat = chat_of("hello", environment={"JANUS_MEDIA_DOUBLE": "1"})
    options = Toolbox([each for each in offered(chat) if each.kind != "draw"], seconds=1, offers="menu").offer(chat)
    assert prompt_tokens(options) <= 40


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("What is 17 * 23?", ["calculator"]),
        ("Save it as notes.md", ["create_file"]),
        ("Search the web for otters", ["web_search"]),
        ("Read https://example.com/a", ["fetch_page"]),
        ("Run this:\n```python\nprint(1)\n```", ["run_code"]),
        ("Draw me a cat", ["generate_image"]),
        ("Read this aloud: good morning", ["speak"]),
        ("Why is the sky blue?", []),
    ],
)
def test_a_tool_is_offered_where_the_text_can_need_it(text: str, expected: list[str]) -> None:
    environment = {name: value for name, value in PLATFORM.items() if name != "JANUS_VECTOR_URL"}
    for texts in ((text,), (text, "Thanks.")):  # the text before the last one counts too
        names = shown(chat_of(*texts, environment=environment), "needed")
        assert set(expected) <= set(names)
        assert expected or not names


FLAGGED = {
    "generate_image": ["generate_image"],
    "generate_audio": ["speak"],
    "web_search": ["web_search"],
    "deep_research": ["web_search"],
    "generate_video": [],
}


@pytest.mark.parametrize("flag", FLAGGED)
@pytest.mark.parametrize("offers", ["all", "needed", "menu"])
def test_a_flag_offers_its_tool_and_the_first_call_must_draw_or_speak(flag: str, offers: Offers) -> None:
    chat = chat_of("hello", environment=PLATFORM, flags={flag: True})
    toolbox = Toolbox(offered(chat), seconds=1, offers=offers)
    first, second = toolbox.offer(chat), toolbox.offer(chat)
    assert set(FLAGGED[flag]) <= {each["function"]["name"] for each in first.get("tools", ())}
    forced = [name for name in FLAGGED[flag] if name in ("generate_image", "speak")]
    wanted = {"type": "function", "function": {"name": forced[0]}} if forced else None
    assert first.get("tool_choice") == wanted
    assert "tool_choice" not in second


def test_beside_a_client_s_tool_of_this_kind_a_flag_changes_nothing() -> None:
    client = [theirs("create_picture", "Draws a picture")]
    chat = chat_of("hello", tools=client, environment=PLATFORM, flags={"generate_image": True})
    offer = Toolbox(offered(chat), seconds=1, offers="needed").offer(chat)
    assert "generate_image" not in {each["function"]["name"] for each in offer["tools"]}
    assert "tool_choice" not in offer


def test_the_menu_brings_the_other_tools() -> None:
    chat = chat_of("hello", tools=[theirs("search")], environment=PLATFORM)
    toolbox = Toolbox(offered(chat), seconds=1, offers="menu")
    client, menu = toolbox.offer(chat)["tools"]
    assert (client["function"]["name"], menu["function"]["name"]) == ("search", MENU)
    assert "calculator" in menu["function"]["description"]
    assert "web_search" not in menu["function"]["description"]
    assert asyncio.run(toolbox.run(MENU, "{}")).status == "ok"
    names = [each["function"]["name"] for each in toolbox.offer(chat)["tools"]]
    assert {"search", "calculator", "create_file"} <= set(names)
    assert not {MENU, "web_search"} & set(names)


def test_many_tools_and_long_texts_are_not_compared_to_their_end() -> None:
    many = [theirs(f"tool_{number}") for number in range(MAX_COMPARED_TOOLS)]
    assert "web_search" in shown(chat_of("hello", tools=[*many, theirs("search")], environment=PLATFORM))
    assert kinds_of("ask", "x" * MAX_COMPARED_CHARACTERS + " searches the web") == set()
    assert not needed("search", ["search " + "x" * MAX_COMPARED_CHARACTERS])


def test_every_kind_is_needed_by_some_text_and_not_by_hello() -> None:
    for kind in KINDS.keys() - {"retrieve"}:
        assert not needed(kind, ["hello"])
    assert needed("retrieve", ["hello"])
    assert needed("", ["hello"])
