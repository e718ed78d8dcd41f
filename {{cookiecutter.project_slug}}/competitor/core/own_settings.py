"""The owner's own settings, which `competitor/backend/settings.py` declares.
Contract file: replaced by updates.

This module is imported only if that file exists, because `pydantic_settings` takes a while to import.
"""

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from .setting_types import IS_BASE_URL, OwnValues, SettingsError


class OwnSettings(BaseSettings):
    """The base class of an owner's settings. A field is read from the environment variable with its name in capitals.

    A field of the type `BaseUrl` joins the hosts that the competitor may call; one of the type `SecretStr` is hidden in
    the log. The string below a field is its description.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        env_ignore_empty=True,
        str_strip_whitespace=True,
        use_attribute_docstrings=True,
    )


def values(settings: OwnSettings) -> OwnValues:
    """What the core must know about the owner's settings. Raises `SettingsError`."""
    urls: dict[str, str] = {}
    secrets: dict[str, str] = {}
    described: dict[str, tuple[str, str]] = {}
    for name, field in type(settings).model_fields.items():
        if field.validation_alias is not None:
            raise SettingsError(f"{name}: a field has no alias here; its variable is {name.upper()}")
        variable, value, default = name.upper(), getattr(settings, name), field.default
        if isinstance(value, SecretStr):
            secrets[variable] = value.get_secret_value()
        elif value and IS_BASE_URL in _marks(field.annotation, field.metadata):
            urls[variable] = str(value)
        shown = "" if default is None or field.is_required() or isinstance(default, SecretStr) else str(default)
        described[variable] = (" ".join((field.description or "").split()), shown)
    return OwnValues(urls, secrets, described)


def _marks(annotation: Any, metadata: list[Any]) -> Iterator[Any]:
    """Everything that `Annotated` says about a type, and about the members of a union."""
    yield from metadata
    yield from getattr(annotation, "__metadata__", ())
    for part in get_args(annotation):
        if not isinstance(part, str):
            yield from _marks(part, [])
