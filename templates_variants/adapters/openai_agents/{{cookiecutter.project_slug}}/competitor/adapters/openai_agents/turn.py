"""One turn of the main agent: its text is shown, a toolbox decides what is offered, and the budget when to end."""
# Contract file: replaced by updates.

from dataclasses import replace
from typing import Any

from agents import ModelResponse
from agents.usage import Usage

from ...api import Completion, Reasoning, Text, Toolbox, ToolCall
from .call import Call
from .messages import text_item, to_response
from .run import AgentsRun, Body
from .tools import ToolboxTool


async def turn(call: Call, run: AgentsRun, model: str | None, models: Any) -> ModelResponse:
    """Asks the model, and decides which of its calls the SDK runs. After calls of the client's tools, the run ends."""
    _note_results(run, call.given)
    if run.handed_back:
        return _ending(run, run.told)
    toolbox = next((tool.toolbox for tool in call.tools if isinstance(tool, ToolboxTool)), None)
    offer = (toolbox or Toolbox([], seconds=1)).offer(run.chat)
    if last := run.is_spent(run.budget):
        run.report(Reasoning("The budget for tools is spent; I answer with what I have.\n"))
        offer |= {"tool_choice": "none"} if offer.get("tools") or call.handoffs else {}
    run.turns += 1
    named = {"model": model, "models": models}
    completion = call.completion(run.chat, run, offer=offer, hold_characters=run.hold_characters, **named)
    await run.show(completion)
    if last and not (completion.text or completion.client_calls):
        return _ending(run, f"I could not finish within my budget. The last results:\n{run.told}")
    return to_response(completion, () if last else _calls(run, completion), call.known)


def _calls(run: AgentsRun, completion: Completion) -> list[ToolCall]:
    """The calls that the SDK runs. It takes a call whose id was used before for a repetition, so it gets a new id."""
    ids = {call.id: f"{call.id}-{run.turns}" if call.id in run.used else call.id for call in completion.tool_calls}
    run.used.update(ids.values())
    calls = [replace(call, id=ids[call.id]) for call in completion.tool_calls]
    run.new_turn({call.id: call.name for call in calls})
    if calls:
        message: Body = completion.message
        made = [{**call, "id": ids.get(call["id"], call["id"])} for call in message["tool_calls"]]
        run.said[tuple(call.id for call in calls)] = {**message, "tool_calls": made}
        if run.shown_text:
            run.report(Text("\n\n"))
    return calls


def _ending(run: AgentsRun, text: str) -> ModelResponse:
    run.report(Text(text))
    return ModelResponse(output=[text_item(text)], usage=Usage(), response_id=None)


def _note_results(run: AgentsRun, given: str | list[Any]) -> None:
    """Remembers the results of the last turn, as the agent has made them."""
    for item in given if isinstance(given, list) else ():
        if item.get("type") == "function_call_output" and item["call_id"] in run.results:
            name, before = run.results[item["call_id"]]
            if not before:
                run.note(item["call_id"], name, str(item["output"]))
