"""The schema of a request (section 2 of CONTRACT.md). Types are strict; unknown fields are ignored (R1)."""
# Contract file: replaced by updates.

import json
import re
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    PlainValidator,
    SecretStr,
    Tag,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticKnownError, to_json


class StrictModel(BaseModel):
    """Base class of all parts of a request (R2): a wrong type is refused, not converted; numbers are finite."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", allow_inf_nan=False)

    def as_json(self, fields_of: "type[StrictModel] | None" = None) -> dict[str, Any]:
        """This part in OpenAI's format, or only the fields that the class `fields_of` has; without those that are None.

        Texts and free-form objects, which may be large, are the same objects as here, not copies.
        """
        found = {}
        for name, field in (fields_of or type(self)).model_fields.items():
            if (value := getattr(self, name)) is not None:
                found[field.alias or name] = _as_json(value) if isinstance(value, StrictModel | list) else value
        return found


def _as_json(value: Any) -> Any:
    if isinstance(value, StrictModel):
        return value.as_json()
    return [_as_json(item) for item in value] if isinstance(value, list) else value


def _free_form(value: Any) -> Any:
    """Accepts an object with finite numbers, as it is: a copy of a large one would cost time and memory."""
    if not isinstance(value, dict):
        raise PydanticKnownError("dict_type")
    if b"Infinity" in to_json(value, inf_nan_mode="constants"):  # a number, or a text
        try:
            json.dumps(value, allow_nan=False)
        except ValueError:
            raise ValueError("must hold finite numbers only") from None
    return value


def header_value(secret: SecretStr) -> SecretStr:
    """Refuses a key that cannot be sent in a header: a line break could start another header."""
    if not re.fullmatch(r"[\x21-\x7e]*", secret.get_secret_value()):
        raise ValueError("must be printable ASCII without spaces")
    return secret


MIN_TOKEN_CHARACTERS = 8  # of a user's token (R8)

# A free-form object. It reports at most one error, so that a million wrong numbers do not give a million errors.
JsonObject = Annotated[dict[str, Any], PlainValidator(_free_form, json_schema_input_type=dict[str, Any])]


# Errors of the unions below, with our own messages. The tags of their members are in brackets, so that a tag is not
# mistaken for the name of a field.
CUSTOM_ERRORS = ("content_type", "choice_type", "stop_type")


class TextPart(StrictModel):
    type: Literal["text"]
    text: str


class ImageUrl(StrictModel):
    url: str
    detail: str | None = None  # servers know more values than OpenAI's three, so it is passed on unchanged

    @field_validator("url")
    @classmethod
    def _is_fetchable(cls, url: str) -> str:
        if not url.startswith(("http://", "https://", "data:")):
            raise ValueError("must be an http(s) or data: URL")
        return url


class ImagePart(StrictModel):
    type: Literal["image_url"]
    image_url: ImageUrl


class RequestFile(StrictModel):
    """A file (R6): `content` is text, or base64 for a binary `mime_type`. OpenAI's field names work as well."""

    name: str = Field("file", validation_alias="name")
    mime_type: str = "text/plain"
    content: str = ""
    size: int | None = None

    @model_validator(mode="before")
    @classmethod
    def _openai_names(cls, given: Any) -> Any:
        if isinstance(given, dict):
            given = dict(given)
            if isinstance(given.get("filename"), str):
                given.setdefault("name", given["filename"])
            if isinstance(data := given.get("file_data"), str):
                head, _, body = data.partition(";base64,")
                given.setdefault("mime_type", head.removeprefix("data:") or "application/octet-stream")
                given.setdefault("content", body or data)
        return given

    @property
    def is_text(self) -> bool:
        return self.mime_type.startswith("text/") or self.mime_type.partition(";")[0] in _TEXT_TYPES


_TEXT_TYPES = {f"application/{kind}" for kind in ("json", "xml", "yaml", "x-yaml", "csv", "javascript")}


class FilePart(StrictModel):
    """A file part (R6): the fields of the file are in the object `file`, or next to `type`."""

    type: Literal["file"]
    file: RequestFile

    @model_validator(mode="before")
    @classmethod
    def _flat(cls, given: Any) -> Any:
        if isinstance(given, dict) and "file" not in given:
            return {"type": given.get("type"), "file": {name: value for name, value in given.items() if name != "type"}}
        return given


class RefusalPart(StrictModel):
    """What a model said instead of an answer. It may come back in an assistant's message."""

    type: Literal["refusal"]
    refusal: str


Part = Annotated[TextPart | ImagePart | FilePart | RefusalPart, Field(discriminator="type")]


def _content_kind(value: object) -> str | None:
    return "(string)" if isinstance(value, str) else "(parts)" if isinstance(value, list) else None


Content = Annotated[
    Annotated[str, Tag("(string)")] | Annotated[list[Part], Field(fail_fast=True), Tag("(parts)")],
    Discriminator(
        _content_kind,
        custom_error_type="content_type",
        custom_error_message="must be a string, a list of parts, or null",
    ),
]


class FunctionCall(StrictModel):
    name: str
    arguments: str = ""


class RequestToolCall(StrictModel):
    id: str
    type: Literal["function"] = "function"
    function: FunctionCall
    # Vendors' fields, which go back to them (R9): Gemini's signature of its thoughts, and gateways' places for it.
    extra_content: JsonObject | None = None
    provider_specific_fields: JsonObject | None = None
    thought_signature: str | None = None


class Message(StrictModel):
    """A message (R4, R5). `content` may be null or absent.

    Clients may send back an earlier answer's `artifacts` and `reasoning_content`.
    """

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Content | None = None
    name: str | None = None
    tool_calls: Annotated[list[RequestToolCall], Field(fail_fast=True)] | None = None
    tool_call_id: str | None = None
    reasoning_content: str | None = None
    artifacts: Annotated[list[Any], Field(fail_fast=True)] | None = None

    @model_validator(mode="after")
    def _fits_its_role(self) -> Self:
        if self.role == "tool" and self.tool_call_id is None:
            raise ValueError("tool_call_id: is required in a message with the role tool")
        parts = self.content if isinstance(self.content, list) and self.role != "assistant" else []
        types = [part.type for part in parts]
        if "refusal" in types:
            raise ValueError(f"content[{types.index('refusal')}].type: only an assistant's message may hold a refusal")
        return self

    @property
    def text(self) -> str:
        """The text of the message, its parts joined by line breaks, without images and files."""
        if self.content is None or isinstance(self.content, str):
            return self.content or ""
        return "\n".join(part.text for part in self.content if isinstance(part, TextPart))


class Function(StrictModel):
    name: str = Field(min_length=1, max_length=128)
    description: str | None = None
    parameters: JsonObject | None = None
    strict: bool | None = None


class RequestTool(StrictModel):
    type: Literal["function"]
    function: Function

    @field_validator("type", mode="before")
    @classmethod
    def _is_no_custom_tool(cls, type: Any) -> Any:
        if type == "custom":
            raise ValueError("must be 'function': tools of type custom are not supported")
        return type


class FunctionName(StrictModel):
    name: str


class ForcedTool(StrictModel):
    type: Literal["function"]
    function: FunctionName


class AllowedTools(StrictModel):
    mode: Literal["auto", "required"]
    tools: Annotated[list[ForcedTool], Field(min_length=1, fail_fast=True)]


class AllowedChoice(StrictModel):
    """A `tool_choice` that allows only some of the tools (R7)."""

    type: Literal["allowed_tools"]
    allowed_tools: AllowedTools


def _choice_kind(value: object) -> str | None:
    if isinstance(value, str):
        return "(word)"
    if not isinstance(value, dict):
        return None
    return "(allowed)" if value.get("type") == "allowed_tools" else "(function)"


ToolChoice = Annotated[
    Annotated[Literal["none", "auto", "required"], Tag("(word)")]
    | Annotated[ForcedTool, Tag("(function)")]
    | Annotated[AllowedChoice, Tag("(allowed)")],
    Discriminator(
        _choice_kind,
        custom_error_type="choice_type",
        custom_error_message="must be 'none', 'auto', 'required', or an object that names a function",
    ),
]


class PlainFormat(StrictModel):
    type: Literal["text", "json_object"]


class JsonSchema(StrictModel):
    name: str = "answer"
    description: str | None = None
    schema_: JsonObject | None = Field(None, alias="schema")
    strict: bool | None = None


class SchemaFormat(StrictModel):
    type: Literal["json_schema"]
    json_schema: JsonSchema


def _stop_kind(value: object) -> str | None:
    return "(string)" if isinstance(value, str) else "(list)" if isinstance(value, list) else None


Stop = Annotated[
    Annotated[str, Tag("(string)")] | Annotated[list[str], Field(fail_fast=True), Tag("(list)")],
    Discriminator(
        _stop_kind, custom_error_type="stop_type", custom_error_message="must be a string or a list of strings"
    ),
]
Penalty = Annotated[float, Field(ge=-2, le=2)]
Count = Annotated[int, Field(ge=1)]


class StreamOptions(StrictModel):
    include_usage: bool | None = None


class GenerationFlags(StrictModel):
    generate_image: bool | None = None
    generate_video: bool | None = None
    generate_audio: bool | None = None
    deep_research: bool | None = None
    web_search: bool | None = None


class PassedOn(StrictModel):
    """OpenAI's own options, which are passed on to the upstream unchanged (R9)."""

    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    max_tokens: Count | None = None
    max_completion_tokens: Count | None = None
    stop: Stop | None = None
    seed: int | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    logit_bias: JsonObject | None = None
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0)] | None = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: str | None = None
    verbosity: str | None = None
    prediction: JsonObject | None = None
    service_tier: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    store: bool | None = None
    user: str | None = None
    metadata: JsonObject | None = None
    response_format: Annotated[PlainFormat | SchemaFormat, Field(discriminator="type")] | None = None


class ChatRequest(PassedOn):
    """What a caller may send. The last block of fields, Janus's own, is not sent to the upstream (R9)."""

    model: Annotated[str, Field(max_length=512)]
    messages: Annotated[list[Message], Field(min_length=1, fail_fast=True)]
    tools: Annotated[list[RequestTool], Field(fail_fast=True)] | None = None
    tool_choice: ToolChoice | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Annotated[int, Field(ge=1, le=1)] | None = None

    user_id: Any = None
    enable_memory: bool | None = None
    debug: bool | None = None
    browser_session_id: Any = None
    generation_flags: GenerationFlags | None = None
    chutes_access_token: Annotated[SecretStr, Field(max_length=16384), AfterValidator(header_value)] | None = None

    @field_validator("chutes_access_token")
    @classmethod
    def _is_no_placeholder(cls, token: SecretStr | None) -> SecretStr | None:
        """A token that is too short to be one counts as absent (R8)."""
        return token if token is not None and len(token.get_secret_value()) >= MIN_TOKEN_CHARACTERS else None

    @model_validator(mode="after")
    def _choice_is_offered(self) -> Self:
        offered = {tool.function.name for tool in self.tools or ()}
        if isinstance(self.tool_choice, ForcedTool) and self.tool_choice.function.name not in offered:
            raise ValueError("tool_choice.function.name: must be the name of one of the tools")
        if isinstance(self.tool_choice, AllowedChoice):
            for place, tool in enumerate(self.tool_choice.allowed_tools.tools):
                if tool.function.name not in offered:
                    where = f"tool_choice.allowed_tools.tools[{place}].function.name"
                    raise ValueError(f"{where}: must be the name of one of the tools")
        if self.tool_choice == "required" and not offered:
            raise ValueError("tool_choice: 'required' needs at least one tool")
        return self

    @property
    def usage_in_own_chunk(self) -> bool:
        return bool(self.stream_options and self.stream_options.include_usage)

    @property
    def offered_tools(self) -> list[RequestTool]:
        """The client's tools that may be called. If several have the same name, only the first (R7)."""
        by_name: dict[str, RequestTool] = {}
        for tool in self.tools or ():
            by_name.setdefault(tool.function.name, tool)
        if isinstance(self.tool_choice, AllowedChoice):
            allowed = {tool.function.name for tool in self.tool_choice.allowed_tools.tools}
            return [tool for name, tool in by_name.items() if name in allowed]
        return list(by_name.values())

    @property
    def text(self) -> str:
        """The text of the last user message."""
        return next((message.text for message in reversed(self.messages) if message.role == "user"), "")
