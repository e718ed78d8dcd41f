"""The options of `competitor check`, and what they mean."""
# Contract file: replaced by updates.

import argparse
import re
from pathlib import Path
from urllib.parse import urlsplit

from ..access import Access, tls_context
from ..prompts import WORDS

DEFAULT_URL = "http://localhost:8080"
TIMEOUT_SECONDS = 30.0
MAX_TIMEOUT_SECONDS = 86_400
EXIT_CODES = """\
exit codes:
  0    every `must` that could be checked holds; with --baseline, the known ones are broken and no others
  1    a `must` is broken; with --baseline, also if a known one holds
  2    nothing could be checked: no server answers, it did not start, or an option is wrong
  3    a check has a fault, or a report could not be written
  130  stopped by Ctrl-C; the reports have the verdicts so far
"""
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class Wrong(Exception):
    """An option cannot be used, so nothing is checked. The message is a sentence without a full stop."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of `competitor check`."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EXIT_CODES
    add = parser.add_argument
    add(
        "url",
        nargs="?",
        help="where the server runs; it may have a path, before which /v1 is not repeated "
        f"(default: {DEFAULT_URL}, or a free port with --start)",
    )
    add(
        "--start",
        metavar="COMMAND",
        help="start the server with this command; some clauses need several starts, or an upstream that fails or stops "
        "sending (reasons then say 'as started', without such an upstream, or 'on a faulty upstream'); {port} is "
        "replaced by the port, and {env} by docker's --env options: "
        '"docker run --rm --network host {env} IMAGE"',
    )
    add_access_options(parser, TIMEOUT_SECONDS)
    add("--only", metavar="IDS", help="check only these clauses or cases, comma-separated: S3,A2/4")
    add(
        "--prompt",
        action="append",
        default=[],
        metavar="NAME=TEXT",
        help="a prompt that makes this server do something, tried before the known ones; NAME is one of "
        f"{', '.join(WORDS)}: --prompt artifact='Draw a cat.'",
    )
    add("--contract", metavar="VERSION", help="judge by this version (default: the newest released one)")
    add("--quick", action="store_true", help="skip slow checks, such as those with a silent upstream")
    add("--baseline", type=Path, metavar="FILE", help="fail only for cases that this file does not list")
    add("--write-baseline", type=Path, metavar="FILE", help="write the broken cases to this file")
    add("--json", type=Path, metavar="FILE", help="write the verdicts to this file as JSON")
    add("--junit", type=Path, metavar="FILE", help="write the verdicts to this file as JUnit XML")
    add("--html", type=Path, metavar="FILE", help="write a report with time lines to this file")
    add("--list", action="store_true", help="print the clauses with their cases and exit")
    add("--explain", metavar="ID", help="explain a clause or a case, with a right and a wrong example, and exit")


def add_access_options(parser: argparse.ArgumentParser, seconds: float) -> None:
    """Adds the options that say how requests reach the server. `seconds` is the default of `--timeout`."""
    add = parser.add_argument
    add("--header", action="append", default=[], metavar="'NAME: VALUE'", help="send this header with every request")
    add("--key", metavar="KEY", help="send this key with every request, as `Authorization: Bearer KEY`")
    add("--ca", metavar="FILE", help="trust the certificates in this file, too")
    add("--insecure", action="store_true", help="accept any certificate")
    about = f"maximum time for one answer ({seconds:g})"
    add("--timeout", "--patience", type=_seconds, default=seconds, metavar="SECONDS", help=about)


def _seconds(text: str) -> float:
    """A time limit. Raises `ArgumentTypeError` for a number that is none."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= MAX_TIMEOUT_SECONDS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds between 0 and {MAX_TIMEOUT_SECONDS}")
    return seconds


def own_prompts(given: argparse.Namespace) -> list[tuple[str, str]]:
    """The prompts of `--prompt`, with their names. Raises `Wrong` for an unknown name."""
    pairs = [(name.strip(), text.strip()) for name, _, text in (each.partition("=") for each in given.prompt)]
    if wrong := next((name for name, text in pairs if name not in WORDS or not text), None):
        raise Wrong(f"--prompt {wrong[:40]!r} is not NAME=TEXT with one of the names {', '.join(WORDS)}")
    return pairs


def server_url(given: argparse.Namespace) -> str | None:
    """The URL of the server without the paths of the contract; None if a command starts it. Raises `Wrong`."""
    if given.url is None:
        return None if given.start else DEFAULT_URL
    url = str(given.url).rstrip("/").removesuffix("/chat/completions").removesuffix("/v1").rstrip("/")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise Wrong(f"{given.url} is not the URL of a server; a URL looks like {DEFAULT_URL}")
    return url


def access(given: argparse.Namespace, until: float) -> Access:
    """How requests reach the server. Raises `Wrong` for a header or a file that cannot be used."""
    headers = {"authorization": f"Bearer {given.key}"} if given.key else {}
    for header in given.header:
        name, colon, value = header.partition(":")
        if not colon or not _HEADER_NAME.fullmatch(name.strip()) or not _is_header_value(value):
            raise Wrong(f"--header {name[:40]!r} is not a header; one looks like 'X-Api-Key: abc'")
        headers[name.strip().lower()] = value.strip()
    if not all(map(_is_header_value, headers.values())):
        raise Wrong("--key has a character that no header can have")
    try:
        tls = tls_context(insecure=given.insecure, ca=given.ca)
    except OSError as error:
        raise Wrong(f"--ca {given.ca} has no certificates that can be read: {error}") from None
    return Access(headers, tls, until)


def _is_header_value(value: str) -> bool:
    return value.isascii() and value.isprintable() and bool(value.strip())
