"""Models that the owner declares in `competitor/backend/models.py`, and what the environment says about them."""
# Contract file: replaced by updates.

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, Field, SecretStr, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from .setting_types import BaseUrl, Key, SettingsError

_NAME = re.compile(r"[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*")
_VARIABLE = r"^[A-Z_][A-Z0-9_]*$"
_KEY: TypeAdapter[SecretStr] = TypeAdapter(Key)


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class Model:
    """One model that a backend may ask by its short name: `chat.complete(model="fast")`.

    `id` is the name that the server knows. Without `base_url`, the server is the one at `JANUS_LLM_BASE_URL`. `key` is
    the name of the environment variable that holds the server's key, never the key itself. Prices are in USD per
    million tokens. `sees`, `calls_tools` and `reasons` say what the model can do; None is "not known".
    """

    id: str = Field(min_length=1, max_length=200)
    base_url: BaseUrl | None = None
    key: str | None = Field(default=None, pattern=_VARIABLE)
    price_in: float | None = Field(default=None, ge=0)
    price_out: float | None = Field(default=None, ge=0)
    sees: bool | None = None
    calls_tools: bool | None = None
    reasons: bool | None = None


@dataclass(frozen=True)
class ConfiguredModel:
    """A declared model, after the environment has replaced its id or base URL, and with its key, if it has one."""

    declared: Model
    id: str
    base_url: str | None
    key: SecretStr | None


def variables(name: str, model: Model) -> dict[str, str]:
    """The environment variables of a declared model, with what each replaces."""
    prefix = _prefix(name)
    return {
        f"{prefix}_ID": model.id,
        f"{prefix}_BASE_URL": model.base_url or "",
        f"{prefix}_KEY": "",
    }


def configured(
    declared: Mapping[str, Any], given: Mapping[str, str], *, at_default: bool = False
) -> dict[str, ConfiguredModel]:
    """The declared models, by their short names. `given` is the environment. Raises `SettingsError`.

    With `at_default`, the servers in the declarations do not count.
    """
    problems: list[str] = []
    found: dict[str, ConfiguredModel] = {}
    prefixes: dict[str, str] = {}
    for name, model in declared.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            problems.append(f"{name!r}: a short name has lower-case letters and digits, and - or _ between them")
        elif not isinstance(model, Model):
            problems.append(f'{name}: must be a `Model`, such as Model("the/id"), not {type(model).__name__}')
        elif (other := prefixes.setdefault(_prefix(name), name)) != name:
            problems.append(f"{name}: has the same variables as {other}")
        else:
            try:
                found[name] = _configured(name, model, given, at_default=at_default)
            except SettingsError as error:
                problems.append(str(error))
    if problems:
        raise SettingsError("\n".join(problems))
    return found


def _configured(name: str, model: Model, given: Mapping[str, str], *, at_default: bool) -> ConfiguredModel:
    id_variable, url_variable, key_variable = variables(name, model)
    url = given.get(url_variable)
    base_url = None if at_default else model.base_url
    if url is not None:
        base_url = _read(url_variable, TypeAdapter(BaseUrl), url)
    holder = key_variable if key_variable in given or model.key is None else model.key
    key = _read(holder, _KEY, given[holder]) if holder in given else None
    return ConfiguredModel(model, given.get(id_variable, model.id), base_url, key)


def _read(variable: str, type: TypeAdapter[Any], value: str) -> Any:
    try:
        return type.validate_python(value)
    except ValidationError as error:
        raise SettingsError(f"{variable}: {problems(error)[0]}") from None


def problems(error: ValidationError) -> list[str]:
    """What is wrong with values, without the values: a line for each, with the name of its field."""
    lines = []
    for found in error.errors(include_input=False, include_url=False):
        field = ".".join(map(str, found["loc"]))
        said = str(found["msg"]).removeprefix("Value error, ")
        lines.append(f"{field}: {said}" if field else said)
    return lines


def _prefix(name: str) -> str:
    return f"JANUS_MODEL_{name.upper().replace('-', '_')}"
