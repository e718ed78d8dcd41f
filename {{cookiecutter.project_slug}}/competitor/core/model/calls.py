"""Assembles tool calls from fragments, whose index, id and name may come late, again, or not at all.
Contract file: replaced by updates.

    fragment --> which call?                       --> is it another call?        --> add to the call
                 1. the one with its index             1. it has another id and       name, once: begins the call,
                 2. else the one with its id              the call is complete           and sends what has waited
                 3. else the last one                  2. it has no id and another    arguments: sent on, or kept
                 4. else none: a new call                 name, or a call's name         until the name is there
                                                          after its arguments

The fragments of servers differ: OpenAI's first one has index, id and name; Gemini sends each call whole, all with the
index 0 or none, and without an id; others repeat the name in each fragment, or send it after the arguments.
"""

import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import from_json

from ..errors import UpstreamError
from ..events import Sink, ToolCall
from .dialects import VENDOR_CALL_FIELDS

Fragment = dict[str, Any]


@dataclass(slots=True)
class PartialCall:
    """A tool call whose arguments are still arriving. `number` is what `Sink.call` returned for it."""

    id: str  # the server's, or ours if the server has sent none
    name: str = ""  # empty until it arrives
    number: int | None = None
    arguments: str = ""
    vendor: dict[str, Any] = field(default_factory=dict)
    given_id: str = ""  # the server's, also if another call has the same

    def whole(self) -> ToolCall:
        return ToolCall(self.name, self.arguments, self.id, self.vendor)

    @property
    def is_complete(self) -> bool:
        if not self.arguments.rstrip().endswith("}"):
            return False
        try:
            return isinstance(from_json(self.arguments), dict)
        except ValueError:
            return False


class Calls:
    """The tool calls of one completion. Calls of the client's tools go to the sink at once."""

    def __init__(self, sink: Sink):
        self._sink = sink
        self.found: list[PartialCall] = []
        self._by_index: dict[Any, PartialCall] = {}

    def take(self, fragments: list[Fragment], *, whole: bool = False) -> None:
        """Reads the fragments of one chunk; with `whole`, each of them is a call."""
        touched: list[PartialCall] = []
        for fragment in fragments:
            function = fragment.get("function") or fragment
            index, given_id, name = fragment.get("index"), fragment.get("id"), function.get("name")
            given_id = given_id if isinstance(given_id, str) else ""
            name = name if isinstance(name, str) else ""
            arguments = function.get("arguments")
            if not isinstance(arguments, str):
                arguments = "" if arguments is None else json.dumps(arguments)
            call = None if whole else self._candidate(index, given_id, name)
            if call is not None and name and index is None and call in touched:
                call = None  # two calls in one chunk
            if call is None or _begins_another(call, given_id, name, arguments):
                call = PartialCall("")
                self.found.append(call)
            if index is not None:
                self._by_index[index] = call
            touched.append(call)
            self._add(call, given_id, name, arguments, fragment)

    def end(self) -> None:
        """Ends the calls. Raises `UpstreamError` if a call never got its name."""
        nameless = [call for call in self.found if not call.name]
        self.found = [call for call in self.found if call.name]
        if any(call.arguments for call in nameless):
            raise UpstreamError("not_openai", "a tool call without a name")

    def _candidate(self, index: Any, given_id: str, name: str) -> PartialCall | None:
        if index is not None and index in self._by_index:
            return self._by_index[index]
        if given_id and (index is None or not name):
            for call in self.found:
                if call.given_id == given_id:
                    return call
        return self.found[-1] if index is None and self.found else None

    def _add(self, call: PartialCall, given_id: str, name: str, arguments: str, fragment: Fragment) -> None:
        if given_id and not call.given_id:
            call.given_id = given_id
        if name and call.name and given_id and given_id == call.given_id and call.is_complete:
            return  # the whole call once more
        vendor = {key: fragment[key] for key in VENDOR_CALL_FIELDS if fragment.get(key)}
        call.vendor.update(vendor)
        if name and not call.name:
            call.id = self._unused(call.given_id)
            call.name = name
            begin, fields = self._sink.call, call.vendor
            call.number = begin(call.id, name, fields) if fields else begin(call.id, name)
            arguments, call.arguments = call.arguments + arguments, ""
        elif vendor and call.number is not None:
            self._sink.call_fields(call.number, vendor)
        if arguments:
            call.arguments += arguments
            if call.number is not None:
                self._sink.arguments(call.number, arguments)

    def _unused(self, given_id: str) -> str:
        if not given_id or any(call.id == given_id for call in self.found):
            return f"call_{secrets.token_hex(12)}"
        return given_id


def _begins_another(call: PartialCall, given_id: str, name: str, arguments: str) -> bool:
    """Whether a fragment that seems to continue `call` begins another one."""
    if given_id and call.given_id:
        if given_id == call.given_id:
            return False
        if not name:  # some servers change the id with each fragment
            return call.is_complete
        return name != call.name or not call.arguments or call.is_complete
    if not name or not call.name:
        return False
    return name != call.name or (bool(arguments) and call.is_complete)
