"""Asks a model without showing its answer to the client: for a text, or for an object of a pydantic class."""
# Contract file: replaced by updates.

import json
import logging
import re
from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from .errors import UpstreamError
from .events import Nobody
from .limits import MAX_REPAIR_CHARACTERS
from .model.completion import Completion

log = logging.getLogger("competitor.llm")

Shape = TypeVar("Shape", bound=BaseModel)
Call = Callable[[list[dict[str, Any]], dict[str, Any]], Completion]

_FENCED = re.compile(r"```(?:json)?\s*\n(.*?)```", re.DOTALL)
_FORM = "Answer with one JSON object that fits this JSON Schema, and with nothing else: "
_REPAIR = "This does not fit the schema: {problems}. Answer again with the whole JSON object, corrected."
_MAX_PROBLEMS = 10


async def ask(call: Call, messages: list[dict[str, Any]], schema: type[Shape] | None) -> str | Shape:
    """Asks with `messages`. `call` makes a completion from messages and further fields of the body."""
    if schema is None:
        return await _told(call(messages, {}))
    form = schema.model_json_schema()
    named = {"name": re.sub(r"\W", "_", schema.__name__)[:64], "schema": form}
    more = {"response_format": {"type": "json_schema", "json_schema": named}}
    asked = [{"role": "system", "content": _FORM + json.dumps(form, separators=(",", ":"))}, *messages]
    text = await _told(call(asked, more))
    try:
        return _read(schema, text)
    except ValidationError as error:
        said = {"role": "assistant", "content": text[:MAX_REPAIR_CHARACTERS]}
        repair = {"role": "user", "content": _REPAIR.format(problems=_problems(error))}
    try:
        return _read(schema, await _told(call([*asked, said, repair], more)))
    except ValidationError as error:
        log.warning("a model's JSON does not fit", extra={"schema": schema.__name__, "why": _problems(error)[:300]})
        raise UpstreamError("wrong_shape", f"{schema.__name__}: {_problems(error)}") from None


async def _told(completion: Completion) -> str:
    await completion.pour(Nobody())
    return completion.text


def _read(schema: type[Shape], text: str) -> Shape:
    """Reads the JSON in a model's text, which may stand between other words. Raises `ValidationError`."""
    fenced = _FENCED.search(text)
    inner = fenced[1] if fenced else text[max(text.find("{"), 0) : text.rfind("}") + 1] or text
    return schema.model_validate_json(inner.strip())


def _problems(error: ValidationError) -> str:
    found = error.errors(include_input=False, include_url=False, include_context=False)[:_MAX_PROBLEMS]
    return "; ".join(f"{'.'.join(map(str, one['loc'])) or 'the text'}: {one['msg']}" for one in found)
