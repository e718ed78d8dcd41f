"""Structured logs: one JSON object a line, or a readable line on a terminal. Prompts and secrets are never logged."""
# Contract file: replaced by updates.

import json
import logging
import re
import sys
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr

from ..settings import Settings

HIDDEN = "[secret]"
_STANDARD = set(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName", "color_message"}
# What keys look like. This finds keys that are in no setting: a user's token, or a key that an upstream quotes.
_KEY_LIKE = re.compile(r"(?i)\b(bearer\s+)[^\s\"',]+|\b(?:sk|cpk|pk|rk)[-_][\w.-]{8,}")
_COLOURS = {"DEBUG": "2", "INFO": "36", "WARNING": "33", "ERROR": "31", "CRITICAL": "31;1"}


_encode = json.JSONEncoder(default=str).encode
# The secrets of open requests, with the number of requests that use each.
_of_requests: Counter[str] = Counter()


def hide(secret: SecretStr | None) -> None:
    """Hides this secret in all log lines until `unhide` was called as many times as `hide`."""
    if secret is not None:
        _of_requests[secret.get_secret_value()] += 1


def unhide(secret: SecretStr | None) -> None:
    if secret is not None:
        value = secret.get_secret_value()
        _of_requests[value] -= 1
        if not _of_requests[value]:
            del _of_requests[value]


def conceal(text: str, secrets: Iterable[str]) -> str:
    """The text without `secrets`, without the secrets of open requests, and without anything that looks like a key."""
    for secret in (*secrets, *_of_requests):
        if secret:
            text = text.replace(secret, HIDDEN)
    return _KEY_LIKE.sub(lambda found: (found[1] or "") + HIDDEN, text)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in record.__dict__.items() if name not in _STANDARD and value is not None}


class _Formatter(logging.Formatter):
    def __init__(self, secrets: list[str]):
        super().__init__()
        self._secrets = secrets

    def format(self, record: logging.LogRecord) -> str:
        return conceal(self.line(record), self._secrets)

    def line(self, record: logging.LogRecord) -> str:
        raise NotImplementedError


class JsonLines(_Formatter):
    def line(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        shown = {
            "time": at,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            shown["exception"] = self.formatException(record.exc_info)
        return _encode(shown)


class Readable(_Formatter):
    def __init__(self, secrets: list[str], colour: bool):
        super().__init__(secrets)
        self._colour = colour

    def line(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        level = f"{record.levelname.lower():<7}"
        if self._colour:
            level = f"\x1b[{_COLOURS.get(record.levelname, '0')}m{level}\x1b[0m"
        fields = " ".join(f"{name}={value}" for name, value in _fields(record).items())
        line = f"{at} {level} {record.getMessage()}{'  ' + fields if fields else ''}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def configure(settings: Settings) -> None:
    """Sends all logs, including uvicorn's, to stderr in the configured format."""
    terminal = sys.stderr.isatty()
    as_text = settings.log_format == "text" or (settings.log_format == "auto" and terminal)
    handler = logging.StreamHandler()
    handler.setFormatter(Readable(settings.secrets, terminal) if as_text else JsonLines(settings.secrets))
    logging.basicConfig(handlers=[handler], level=settings.log_level.upper(), force=True)
    # Do not collect facts that no line shows (see "Optimization" in the documentation of `logging`).
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = ""  # saves a walk up the stack for the caller's file and line
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
