"""`competitor serve`: reads the settings and starts the server, which may start again when a file changes.
Contract file: replaced by updates.
"""

import argparse
import os
import socket
import sys
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path

from ..core.answer.backend import declared_models, declared_settings
from ..core.observe.slips import BACKEND
from ..core.server.serving import BACKLOG, serve, taken
from ..core.setting_types import SettingsError
from ..core.settings import Settings

_DOUBLES = ("JANUS_LOCAL_CODE", "JANUS_SEARCH_DOUBLE", "JANUS_MEDIA_DOUBLE")


def run(given: argparse.Namespace) -> int:
    """Runs the command with its parsed arguments. Returns the exit code."""
    environment = {**_from_file(given.env_file), **os.environ}
    made: dict[str, str] = {}
    if given.stand_ins:
        from .stand_ins import start_stand_ins

        made = {**dict.fromkeys(_DOUBLES, "true"), **start_stand_ins(environment)}
    if given.reload:
        return _reload(given, made, environment)
    settings = _settings(given, made)
    return 2 if settings is None else serve(settings)


def _settings(given: argparse.Namespace, made: Mapping[str, str]) -> Settings | None:
    """The settings; `made` are the variables of stand-ins. Prints what is wrong and returns None if there are none."""
    for name, value in _from_file(given.env_file).items():
        os.environ.setdefault(name, value)  # where settings of the owner's look as well
    environment = {**made, **os.environ}
    if given.development:
        environment = {"JANUS_DEVELOPMENT": "true", **environment}
    if given.console:
        environment = {"JANUS_DEBUG": "true", **environment}
    for name, value in (("HOST", given.host), ("PORT", given.port)):
        if value is not None:
            environment[name] = str(value)
    try:
        return Settings.from_environment(environment, declared_models(), declared_settings())
    except SettingsError as error:
        print(f"These settings cannot be used:\n{error}", file=sys.stderr)
        return None


def _from_file(file: Path | None) -> dict[str, str]:
    if file is None:
        return {}
    from dotenv import dotenv_values

    return {name: value for name, value in dotenv_values(file).items() if value is not None}


def _reload(given: argparse.Namespace, made: Mapping[str, str], environment: Mapping[str, str]) -> int:
    from ..core.server.reloading import Reloader

    host = given.host or environment.get("HOST") or "0.0.0.0"  # noqa: S104 # nosec B104 - E8
    try:
        port = int(environment.get("PORT") or 8080) if given.port is None else given.port
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except ValueError:
        print(f"These settings cannot be used:\nPORT: {environment['PORT']!r} is no number", file=sys.stderr)
        return 2
    except OverflowError:
        print(f"These settings cannot be used:\nPORT: {port} is no port; ports go from 0 to 65535", file=sys.stderr)
        return 2
    except OSError as error:
        print(taken(host, port, error), file=sys.stderr)
        return 1
    given = argparse.Namespace(**{name: value for name, value in vars(given).items() if name != "run"})
    watched = [BACKEND, *([given.env_file.absolute()] if given.env_file else [])]
    with listener:
        return Reloader(listener, watched, _child, given, made).run()


def _child(given: argparse.Namespace, made: Mapping[str, str], listener: socket.socket, pipe: Connection) -> None:
    settings = _settings(given, made)
    sys.exit(2 if settings is None else serve(settings, listener=listener, parent=pipe))
