"""Structured output: answers that fit a schema, through OpenAI's `response_format`."""
# Contract file: replaced by updates.

from operator import itemgetter
from typing import Any

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.output_parsers import BaseOutputParser, JsonOutputParser, PydanticOutputParser
from langchain_core.runnables import Runnable, RunnableMap, RunnablePassthrough
from langchain_core.utils.function_calling import convert_to_json_schema
from langchain_core.utils.pydantic import is_basemodel_subclass


def output(
    model: BaseChatModel, schema: Any, method: str, *, include_raw: bool, strict: bool | None
) -> Runnable[LanguageModelInput, Any]:
    """Returns a model that answers with instances of `schema`, or with dicts if `schema` is not a pydantic class.

    With `include_raw`, the answer is a dict with `raw`, `parsed` and `parsing_error`.
    """
    if method not in ("json_schema", "json_mode"):
        raise ValueError(f"method must be function_calling, json_schema or json_mode, not {method!r:.100}")
    described = convert_to_json_schema(schema, strict=strict)
    wanted: dict[str, Any] = {"type": "json_object"}
    if method == "json_schema":
        named = {"name": described.get("title", "answer"), "schema": described}
        wanted = {"type": "json_schema", "json_schema": {**named, **({} if strict is None else {"strict": strict})}}
    shown = {"kwargs": {"method": method}, "schema": described}
    bound = model.bind(response_format=wanted, ls_structured_output_format=shown)
    is_class = isinstance(schema, type) and is_basemodel_subclass(schema)
    parser: BaseOutputParser[Any] = PydanticOutputParser(pydantic_object=schema) if is_class else JsonOutputParser()
    if not include_raw:
        return bound | parser
    parsed = RunnablePassthrough.assign(parsed=itemgetter("raw") | parser, parsing_error=lambda _: None)
    failed = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap(raw=bound) | parsed.with_fallbacks([failed], exception_key="parsing_error")
