"""Your agent. Start here.

`agent` is a LangGraph graph: a hard request is planned, answered with tools, and checked; any other is only answered.
The core calls `answer` for every request and does everything else: HTTP, streaming, keep-alive, time limits, errors,
usage. If this code fails, the core still ends the answer properly, and the log says why.
"""

from collections.abc import AsyncIterator
from typing import Any

from langchain.agents import create_agent
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.runnables import RunnableLambda
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, MessagesState, StateGraph
from pydantic import BaseModel, Field

from ..adapters.langchain import ChatJanus, CompetitorMiddleware, handed_back, stream
from ..api import Chat, Event, Text
from .tools import tools

NAME = "langgraph"
HARD_WORDS = range(60, 600)  # a request of so many words is hard: two more calls of the model, which all read it
MAX_TURNS, HOLD_CHARACTERS = 8, 80  # turns with tools; characters of a turn that wait for a tool call (see README.md)
PLAN = "Plan how to answer this conversation, in at most five short steps. Do not answer it."
CHECK = "Is your last answer complete?"


class State(MessagesState):
    plan: str
    missing: str


class Verdict(BaseModel):
    complete: bool = True
    missing: str = Field(default="", description="What is left out, in one sentence")


async def plan(state: State) -> dict[str, Any]:
    """Makes a plan. What a node writes to the stream, the client sees as reasoning."""
    steps = (await planner.ainvoke([SystemMessage(PLAN), *state["messages"]])).text
    get_stream_writer()(f"{steps}\n")
    return {"plan": steps, "messages": [SystemMessage(f"Follow this plan:\n{steps}")] if steps else []}


async def check(state: State) -> dict[str, Any]:
    """Checks the answer. If something is missing, the agent adds it."""
    write = get_stream_writer()
    write("\nI check my answer.\n")
    verdict = await judge.ainvoke([*state["messages"], HumanMessage(CHECK)])
    if verdict.complete:
        return {"missing": ""}
    write(Text("\n\n"))
    return {"missing": verdict.missing, "messages": [HumanMessage(f"Add only this: {verdict.missing}")]}


def at_start(state: State) -> str:
    return "plan" if len(state["messages"][-1].text.split()) in HARD_WORDS else "act"


def after_act(state: State) -> str:
    """A planned answer is checked once, unless the client must run its tools first."""
    return "check" if state.get("plan") and "missing" not in state and not handed_back() else END


# If a call of the planner or the judge fails, the answer is made without it.
planner = ChatJanus().with_fallbacks([RunnableLambda(lambda _: AIMessage(""))])
assumed: RunnableLambda[Any, Verdict] = RunnableLambda(lambda _: Verdict())
judge = ChatJanus().with_structured_output(Verdict, method="json_schema").with_fallbacks([assumed])
budget = CompetitorMiddleware(tools, max_turns=MAX_TURNS, offers="needed")
act = create_agent(ChatJanus(shown=True, hold_characters=HOLD_CHARACTERS), middleware=[budget])
graph = StateGraph(State).add_node("plan", plan).add_node("act", act).add_node("check", check).add_edge("plan", "act")
graph.add_conditional_edges(START, at_start, ["plan", "act"]).add_conditional_edges("act", after_act, ["check", END])
graph.add_conditional_edges("check", lambda state: "act" if state["missing"] else END, ["act", END])
agent = graph.compile()


async def answer(chat: Chat) -> AsyncIterator[Event]:
    async for event in stream(agent, chat):
        yield event
