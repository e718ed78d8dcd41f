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
from .slips import folded, place_of

HIDDEN = "[secret]"
_STANDARD = set(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName", "color_message"}
# What keys look like. This finds keys that are in no setting: a user's token, or a key that an upstream quotes.
_KEY_LIKE = re.compile(r"(?i)\b(bearer\s+)[^\s\"',]+|\b(?:sk|cpk|pk|rk)[-_][\w.-]{8,}")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
MIN_SECRET_CHARACTERS = 8
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
    """The text without `secrets`, without the secrets of open requests, and without anything that looks like a key.

    All places are found before any is replaced, so that secrets that overlap are hidden completely. A secret of fewer
    than 8 characters is not looked for: it would be found in every text.
    """
    places = [(match.end(1) if match[1] else match.start(), match.end()) for match in _KEY_LIKE.finditer(text)]
    for secret in (*secrets, *_of_requests):
        at = text.find(secret) if len(secret) >= MIN_SECRET_CHARACTERS else -1
        while at >= 0:
            places.append((at, at + len(secret)))
            at = text.find(secret, at + 1)
    if not places:
        return text
    shown, end = [], 0
    for start, stop in sorted(places):
        if start >= end:
            shown += [text[end:start], HIDDEN]
        end = max(end, stop)
    return "".join([*shown, text[end:]])


def _concealed(value: Any, secrets: Iterable[str]) -> Any:
    """The value without secrets in any of its texts. A value that JSON does not have becomes a text."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, dict):
        return {conceal(str(name), secrets): _concealed(item, secrets) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_concealed(item, secrets) for item in value]
    return conceal(str(value), secrets)


class _Formatter(logging.Formatter):
    """Hides secrets in the values of a line before they are formatted: a finished line is not edited."""

    def __init__(self, secrets: list[str]):
        super().__init__()
        self._secrets = secrets

    def _message(self, record: logging.LogRecord) -> str:
        return conceal(record.getMessage(), self._secrets)

    def _values(self, record: logging.LogRecord) -> dict[str, Any]:
        return {
            name: _concealed(value, self._secrets)
            for name, value in record.__dict__.items()
            if name not in _STANDARD and value is not None
        }

    def _exception(self, record: logging.LogRecord) -> str:
        return conceal(self.formatException(record.exc_info), self._secrets) if record.exc_info else ""


class JsonLines(_Formatter):
    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        shown = {
            "time": at,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._message(record),
            **self._values(record),
        }
        if record.exc_info:
            shown["exception"] = self._exception(record)
        return _encode(shown)


class Readable(_Formatter):
    def __init__(self, secrets: list[str], colour: bool):
        super().__init__(secrets)
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        level = f"{record.levelname.lower():<7}"
        if self._colour:
            level = f"\x1b[{_COLOURS.get(record.levelname, '0')}m{level}\x1b[0m"
        fields = " ".join(f"{name}={value}" for name, value in self._values(record).items())
        line = f"{at} {level} {_printable(self._message(record))}{'  ' + _printable(fields) if fields else ''}"
        return "\n    ".join([line, *map(_printable, self._exception(record).splitlines())])

    def formatException(self, info: Any) -> str:  # noqa: N802 - the name of a method of `logging.Formatter`
        """The traceback; of an error in the owner's code, without the frames of the core."""
        error = info[1]
        if error is not None and place_of(error) is not None:
            return folded(error)
        return super().formatException(info)


def _printable(text: str) -> str:
    """The text on one line. A caller's line breaks and control characters could forge lines or drive a terminal."""
    return text if text.isprintable() else _UNPRINTABLE.sub(lambda found: repr(found[0])[1:-1], text)


def configure(settings: Settings) -> None:
    """Sends all logs, including uvicorn's, to stderr in the configured format."""
    terminal = sys.stderr.isatty()
    as_text = settings.log_format == "text" or (settings.log_format == "auto" and terminal)
    handler = logging.StreamHandler()
    handler.setFormatter(Readable(settings.secrets, terminal) if as_text else JsonLines(settings.secrets))
    short = [name for name, value in settings.named_secrets.items() if len(value) < MIN_SECRET_CHARACTERS]
    logging.basicConfig(handlers=[handler], level=settings.log_level.upper(), force=True)
    # Do not collect facts that no line shows (see "Optimization" in the documentation of `logging`).
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = ""  # saves a walk up the stack for the caller's file and line
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
    for name in short:  # usual with local servers, such as `EMPTY`
        said = f"{name} has fewer than {MIN_SECRET_CHARACTERS} characters, so it is not looked for in texts to hide it"
        logging.getLogger("competitor").warning(said)
