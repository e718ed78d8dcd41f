"""Types of settings: how the text of an environment variable is read and checked."""
# Contract file: replaced by updates.

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, SecretStr

from .outbound.egress import EgressRefused, parse
from .request.schema import header_value


class SettingsError(Exception):
    """Settings that cannot be used: one line for each variable, without its value."""


def _base_url(value: str) -> str:
    """The base URL, such as `https://host/v1`. If the given URL ends with `/chat/completions`, this is removed."""
    url = value.removesuffix("/").removesuffix("/chat/completions")
    try:
        parse(url)
    except EgressRefused as refused:
        raise ValueError(f"is not a base URL such as https://llm.example.com/v1: {refused}") from None
    return url


def _names(value: object) -> object:
    return frozenset(name.lower() for name in re.split(r"[,\s]+", value) if name) if isinstance(value, str) else value


def _networks(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return frozenset(ip_network(network) for network in re.split(r"[,\s]+", value) if network)
    except ValueError:
        raise ValueError("must be networks such as 172.17.0.0/16, comma-separated") from None


def _pace(value: str) -> str:
    if value not in ("auto", "off") and not (value.isdecimal() and 1 <= int(value) <= 250):
        raise ValueError("must be auto, off, or a whole number of deltas a second from 1 to 250")
    return value


Pace = Annotated[str, AfterValidator(_pace)]
IS_BASE_URL = "a base URL"
BaseUrl = Annotated[str, AfterValidator(_base_url), IS_BASE_URL]
Key = Annotated[SecretStr, AfterValidator(header_value)]
Names = Annotated[frozenset[str], BeforeValidator(_names)]
Networks = Annotated[frozenset[IPv4Network | IPv6Network], BeforeValidator(_networks)]


@dataclass(frozen=True)
class OwnValues:
    """What the core knows about the owner's own settings. All keys are names of environment variables."""

    urls: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    described: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # -> description, default
