"""Slips: mistakes in an owner's code, each with the sentence that explains it."""

from dataclasses import dataclass

HEAD = """\
import asyncio
import time
from collections.abc import AsyncIterator

from ..api import Chat, Event, Reasoning, Text, Toolbox, tool


"""
DEF = "async def answer(chat: Chat) -> AsyncIterator[Event]:\n"


@dataclass(frozen=True)
class Slip:
    """A mistake. `code` is what stands in agent.py after `HEAD`; `said` is the explanation after the place.

    `line` is the line of agent.py, and 0 if the sentence names no line. `upstream` is what the model's server does.
    """

    name: str
    code: str
    line: int
    said: str
    upstream: str = ""


def _body(*lines: str) -> str:
    return DEF + "".join(f"    {line}\n" for line in lines)


SLIPS = (
    # Found when the code is loaded.
    Slip(
        "a string is returned",
        _body("text = 'Hi'", "return text"),
        10,
        "`return text`: `answer` yields nothing, and only what it yields is answered; write `yield Text(text)`.",
    ),
    Slip(
        "nothing is yielded",
        _body("await asyncio.sleep(0)"),
        8,
        f'`{DEF.strip()}`: `answer` yields nothing, and only what it yields is answered; write `yield Text("...")`.',
    ),
    Slip(
        "async is missing",
        "def answer(chat: Chat):\n    yield Text('Hi')\n",
        8,
        "`def answer(chat: Chat):`: `async` is missing; write `async def answer(chat: Chat)`.",
    ),
    Slip(
        "the argument is missing",
        "async def answer():\n    yield Text('Hi')\n",
        8,
        "`async def answer():`: `answer` gets one argument; write `async def answer(chat: Chat)`.",
    ),
    Slip(
        "answer is misspelt",
        "async def anwser(chat: Chat):\n    yield Text('Hi')\n",
        0,
        "competitor/backend/agent.py must define `async def answer(chat: Chat)`; rename `anwser`.",
    ),
    Slip(
        "a colon is missing",
        _body("if chat.text", "    yield Text('Hi')"),
        9,
        "`if chat.text`: a colon is missing; write `if chat.text:`.",
    ),
    Slip("a bracket is open", _body("yield Text('Hi'"), 9, "`yield Text('Hi'`: the bracket `(` was never closed."),
    Slip(
        "a quotation mark is missing",
        _body("yield Text('Hi)"),
        9,
        "`yield Text('Hi)`: the quotation mark at the end is missing.",
    ),
    Slip(
        "a block is not indented",
        DEF + "yield Text('Hi')\n",
        9,
        "`yield Text('Hi')`: indent this line by four more spaces.",
    ),
    Slip(
        "a value is returned after a yield",
        _body("yield Text('Hi')", "return 'there'"),
        10,
        "`return 'there'`: a function that yields returns no value; write `yield Text('there')`.",
    ),
    Slip(
        "await stands in a plain function",
        "def helper():\n    await asyncio.sleep(1)\n\n\n" + _body("yield Text('Hi')"),
        9,
        "`await asyncio.sleep(1)`: `await` needs `async def` in the function around it.",
    ),
    Slip(
        "a package is missing",
        "import pandaz\n\n\n" + _body("yield Text('Hi')"),
        8,
        "`import pandaz`: the package pandaz is not installed; add it to competitor/backend/requirements.in, then run "
        "`make lock`.",
    ),
    Slip(
        "a name of the API is misspelt",
        "from ..api import Txt\n\n\n" + _body("yield Txt('Hi')"),
        8,
        "`from ..api import Txt`: competitor.api has no Txt; write `Text`.",
    ),
    Slip(
        "a module of the backend is misspelt",
        "from .helpers import help_me\n\n\n" + _body("yield Text('Hi')"),
        8,
        "`from .helpers import help_me`: there is no module competitor.backend.helpers.",
    ),
    # Found in an answer.
    Slip(
        "a string is yielded",
        _body("yield 'Hi'"),
        9,
        "`yield 'Hi'`: a backend yields events, not a str; write `yield Text('Hi')`.",
    ),
    Slip(
        "a number is yielded",
        _body("yield 17 * 23"),
        9,
        "`yield 17 * 23`: a backend yields events, such as `Text`, not the type int; write `yield Text(str(17 * 23))`.",
    ),
    Slip("the class is yielded", _body("yield Text"), 9, '`yield Text`: this is the class; write `yield Text("...")`.'),
    Slip(
        "a coroutine is yielded",
        _body("yield chat.ask('Hi')"),
        9,
        "`yield chat.ask('Hi')`: `await` is missing; write `yield Text(await chat.ask('Hi'))`.",
    ),
    Slip(
        "a coroutine becomes a text",
        _body("yield Text(chat.ask('Hi'))"),
        9,
        "`yield Text(chat.ask('Hi'))`: `await` is missing; write `yield Text(await chat.ask('Hi'))`.",
    ),
    Slip(
        "a text is no string",
        _body("yield Text(None)"),
        9,
        "`yield Text(None)`: `Text` takes a str, not the type NoneType; write `yield Text(str(None))`.",
    ),
    Slip(
        "a generator is yielded",
        "async def more():\n    yield Text('Hi')\n\n\n" + _body("yield more()"),
        13,
        "`yield more()`: a generator is no event; write `async for event in ...: yield event`.",
    ),
    Slip(
        "a coroutine is used",
        _body("text = chat.ask('Hi')", "yield Text(text.upper())"),
        10,
        "`yield Text(text.upper())`: `await` is missing: write it before the call that made this coroutine.",
    ),
    Slip(
        "a coroutine is added",
        _body("yield Text('Well: ' + chat.ask('Hi'))"),
        9,
        "`yield Text('Well: ' + chat.ask('Hi'))`: `await` is missing: write it before the call that made this "
        "coroutine.",
    ),
    Slip(
        "a coroutine is dropped",
        _body("asyncio.sleep(0)", "yield Text('Hi')"),
        9,
        "`asyncio.sleep(0)`: `await` is missing; write `await asyncio.sleep(0)`.",
    ),
    Slip(
        "a coroutine is kept and dropped",
        _body("said = asyncio.sleep(0)", "del said", "yield Text('Hi')"),
        9,
        "`said = asyncio.sleep(0)`: `await` is missing; write `said = await asyncio.sleep(0)`.",
    ),
    Slip(
        "an event is returned",
        _body("yield Text('Hi')", "return Text('there')"),
        10,
        "`return Text('there')`: a function that yields returns no value; write `yield Text('there')`.",
    ),
    Slip(
        "calls are entered without async",
        _body("with Toolbox([], seconds=1).start([]) as running:", "    yield Text('Hi')"),
        9,
        "`with Toolbox([], seconds=1).start([]) as running:`: it is entered with `async with`; write "
        "`async with Toolbox([], seconds=1).start([]) as running:`.",
    ),
    Slip(
        "a completion is awaited",
        _body("await chat.complete()", "yield Text('Hi')"),
        9,
        "`await chat.complete()`: a completion is yielded, or iterated over with `async for`; `await chat.ask(...)` "
        "returns a text; write `yield chat.complete()`.",
    ),
    Slip(
        "an event is awaited",
        _body("await Text('Hi')", "yield Text('Hi')"),
        9,
        "`await Text('Hi')`: an event is yielded, not awaited; write `yield Text('Hi')`.",
    ),
    Slip(
        "a completion is read with for",
        _body("for piece in chat.complete():", "    yield piece"),
        9,
        "`for piece in chat.complete():`: it arrives piece by piece; write `async for piece in chat.complete():`.",
    ),
    Slip(
        "a list is read with async for",
        _body("async for word in ['Hi']:", "    yield Text(word)"),
        9,
        "`async for word in ['Hi']:`: `async for` is not for the type list; write `for word in ['Hi']:`.",
    ),
    Slip(
        "asyncio.run in the loop",
        _body("yield Text(asyncio.run(chat.ask('Hi')))"),
        9,
        "`yield Text(asyncio.run(chat.ask('Hi')))`: the server's event loop already runs; write "
        "`yield Text(await chat.ask('Hi'))`.",
    ),
    Slip(
        "an event is not imported",
        _body("yield Finish()"),
        9,
        "`yield Finish()`: the name `Finish` is not defined; write `from ..api import Finish` at the top.",
    ),
    Slip(
        "a module is not imported",
        _body("yield Text(json.dumps({}))"),
        9,
        "`yield Text(json.dumps({}))`: the name `json` is not defined; write `import json` at the top.",
    ),
    Slip(
        "a variable is misspelt",
        _body("result = 'Hi'", "yield Text(reslut)"),
        10,
        "`yield Text(reslut)`: the name `reslut` is not defined; write `result`.",
    ),
    Slip(
        "an attribute is misspelt",
        _body("yield Text(chat.txet)"),
        9,
        "`yield Text(chat.txet)`: Chat has no `txet`; write `text`.",
    ),
    Slip(
        "a key is missing",
        _body("yield Text({'a': 'b'}['c'])"),
        9,
        "`yield Text({'a': 'b'}['c'])`: there is no key 'c'; write `.get('c')` if it may be missing.",
    ),
    Slip(
        "a line blocks",
        _body("time.sleep(1.4)", "yield Text('Hi')"),
        9,
        "`time.sleep(1.4)`: this line blocked all answers for 0 s; write `await asyncio.sleep(1.4)`.",
    ),
    Slip(
        "there is no content",
        _body("return", "yield Text('Hi')"),
        0,
        'competitor/backend/agent.py: `answer` ended without content; write `yield Text("...")` or '
        "`yield chat.complete()`.",
    ),
    # Of the model's server.
    Slip(
        "nobody answers",
        _body("yield chat.complete()"),
        9,
        "`yield chat.complete()`: no server answers at <URL>; start it, or correct JANUS_LLM_BASE_URL in .env.",
        "nobody",
    ),
    Slip(
        "the key is wrong",
        _body("yield chat.complete()"),
        9,
        "`yield chat.complete()`: the server at <URL> refused the key; correct JANUS_LLM_API_KEY in .env.",
        "401",
    ),
    Slip(
        "the model is wrong",
        _body("yield chat.complete()"),
        9,
        "`yield chat.complete()`: the server at <URL> does not know the model 'gpt-0'; correct JANUS_LLM_MODEL in "
        ".env.",
        "model",
    ),
    Slip(
        "the path is wrong",
        _body("yield chat.complete()"),
        9,
        "`yield chat.complete()`: the server at <URL> has no such path; correct JANUS_LLM_BASE_URL in .env, which "
        "often ends with /v1.",
        "404",
    ),
    Slip(
        "it is no model server",
        _body("yield chat.complete()"),
        9,
        "`yield chat.complete()`: what the server at <URL> sends is not OpenAI's format; correct JANUS_LLM_BASE_URL in "
        ".env.",
        "html",
    ),
)

# A name error in a tool: the model goes on with an error, and the step shows the sentence.
TOOL = '''\
@tool
async def double(number: int) -> str:
    """Doubles a number."""
    return str(nubmer * 2)


''' + _body(
    "toolbox = Toolbox([double], seconds=5)",
    "turn = chat.complete(**toolbox.offer(chat))",
    "yield turn",
    "async with toolbox.start(turn.tool_calls) as running:",
    "    async for event in running:",
    "        yield event",
    "yield Text('Done.')",
)
