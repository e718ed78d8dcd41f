"""Compares the ways in which the toolbox can offer tools, by the tokens they cost and the tools they fail to offer.

    python -m benchmarks.tool_offers        prints the table of docs/tools.md; `make tables` writes it there

The prompts are in prompts.toml and prompts_held_out.toml. Which tools are offered is decided by the generated repo's
own code. The rest of a conversation is assumed (`ANSWER_TOKENS` and so on): the model calls the tool that a prompt
needs if it is offered.
"""

import statistics
import sys
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from .environments import PROJECT, ROOT

sys.path.insert(0, str(ROOT / PROJECT))

from competitor.core.artifacts.keeper import Keeper
from competitor.core.artifacts.save import Artifacts
from competitor.core.chat import Chat
from competitor.core.request.schema import ChatRequest
from competitor.core.settings import Settings
from competitor.core.tools.builtin import offered
from competitor.core.tools.toolbox import MENU, Offers, Toolbox
from competitor.core.usage import prompt_tokens

PROMPTS: dict[str, dict[str, list[str]]] = {
    about: tomllib.loads(Path(__file__).with_name(file).read_text(encoding="utf-8"))
    for about, file in (("known", "prompts.toml"), ("held out", "prompts_held_out.toml"))
}
WAYS: tuple[Offers, ...] = ("all", "needed", "menu")
ABOUT = {"all": "all tools, always", "needed": "those that the text can need", "menu": "a small tool that brings them"}
PLATFORM = {
    "JANUS_SEARCH_URL": "https://search.example",
    "JANUS_FETCH_URL": "https://fetch.example",
    "JANUS_SANDBOX_URL": "https://sandbox.example",
}
SETS = {"calculator, create_file": {}, "these, web_search, fetch_page, run_code": PLATFORM}

ANSWER_TOKENS = 150  # of a final answer
CALL_TOKENS = 20  # of a tool call
RESULT_TOKENS = 60  # of a tool's result
MENU_TOKENS = 20  # of a call of the menu together with its result
# Section 10 of the contract: quality is 40 points, cost 15, and the cost is compared with a baseline's tokens. The
# baseline is taken to be one plain model call with an answer of this length.
BASELINE_TOKENS = 150


@dataclass(frozen=True)
class Offer:
    """What one prompt is offered, and the tokens of the whole conversation."""

    needs: str
    tools: int  # number of tools offered
    added: int  # prompt tokens of the first model call that are due to tools
    total: int  # tokens of all model calls
    missed: bool  # whether the tool that the prompt needs cannot be called

    def points(self, baseline: int) -> float:
        """Points for quality and cost, of 55: none if the tool that the prompt needs is missing."""
        return 0.0 if self.missed else 40 + 15 * min(2.0, baseline / self.total) / 2


def chat_of(text: str, environment: dict[str, str]) -> Chat:
    request = ChatRequest.model_validate({"model": "any", "messages": [{"role": "user", "content": text}]})
    settings = Settings.from_environment(environment)
    nobody: Any = None  # no model is called
    return Chat("any", request, nobody, settings, lambda usage: None, Artifacts(Keeper(settings)))


@cache
def kinds(of: str) -> frozenset[str]:
    """The kinds of the tools of one of the sets."""
    return frozenset(tool.kind for tool in offered(chat_of("", SETS[of])) if tool.name != "plot")


def offer(text: str, needs: str, way: Offers, of: str) -> Offer:
    chat = chat_of(text, SETS[of])
    tools = [tool for tool in offered(chat) if tool.name != "plot"]  # it needs a package that is not installed usually
    toolbox = Toolbox(tools, seconds=1, offers=way)
    shown = [tool["function"]["name"] for tool in toolbox.offer(chat).get("tools", ())]
    plain = prompt_tokens({"messages": chat.messages})
    added = prompt_tokens({"messages": chat.messages, **toolbox.offer(chat)}) - plain
    first = plain + added
    missed = needs in kinds(of) and not any(tool.kind == needs for tool in tools if tool.name in shown)
    if needs not in kinds(of):
        total = first + ANSWER_TOKENS
    elif shown != [MENU]:
        total = first + CALL_TOKENS + first + CALL_TOKENS + RESULT_TOKENS + ANSWER_TOKENS
    else:
        everything = prompt_tokens({"messages": chat.messages, "tools": [tool.schema for tool in tools]})
        second = everything + MENU_TOKENS
        total = first + MENU_TOKENS + second + CALL_TOKENS + second + CALL_TOKENS + RESULT_TOKENS + ANSWER_TOKENS
        missed = False
    return Offer(needs, len(shown), added, total, missed)


def row(prompts: str, of: str, way: Offers) -> list[str]:
    """One row of the table: the figures of a set of prompts, a set of tools and a way to offer them."""
    texts = [(text, needs) for needs, texts in PROMPTS[prompts].items() for text in texts]
    found = [offer(text, needs, way, of) for text, needs in texts]
    idle = [one for one in found if one.needs not in kinds(of)]
    busy = [one for one in found if one.needs in kinds(of)]
    baselines = [prompt_tokens({"messages": [{"content": text}]}) + BASELINE_TOKENS for text, _ in texts]
    return [
        prompts,
        of,
        f"`{way}`: {ABOUT[way]}",
        str(offer("hello", "none", way, of).added),
        f"{statistics.fmean(one.added for one in idle):.0f}",
        f"{statistics.fmean(one.added for one in busy):.0f}",
        f"{statistics.fmean(one.total for one in busy):.0f}",
        f"{sum(one.missed for one in found)} of {len(busy)}",
        f"{statistics.fmean(one.points(base) for one, base in zip(found, baselines, strict=True)):.2f}",
    ]


def table() -> str:
    """The table in Markdown, with a line break at the end."""
    head = (
        "Prompts | Tools | Offered | tokens added to `hello` | to a prompt that needs no tool"
        " | to one that needs a tool | whole conversation with a tool, tokens | needed but not offered | points of 55"
    )
    rows = [" | ".join(row(prompts, of, way)) for prompts in PROMPTS for of in SETS for way in WAYS]
    return "\n".join([f"| {head} |", "|" + " --- |" * 9, *(f"| {cells} |" for cells in rows)]) + "\n"


if __name__ == "__main__":
    print(table(), end="")
