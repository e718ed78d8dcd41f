"""Finds and computes arithmetic expressions in a text."""
# Contract file: replaced by updates.

import re

from ..arithmetic import computed
from ..limits import MAX_SUM_CHARACTERS, MAX_SUMS

_SPOKEN = {"multiplied by": "*", "divided by": "/", "to the power of": "**", "times": "*", "plus": "+", "minus": "-"}
_EXPRESSION = re.compile(r"[-+(]*\s*\d[\d.]*(?:\s*(?:\*\*|[-+*/^%\u00d7\u00f7()])\s*[-+(]*\s*\d[\d.]*\)*)+")
_DATE = re.compile(r"\d+([-/])\d+\1\d+")


def expressions(text: str) -> list[str]:
    """All expressions in a text, such as `17 * 23`, or in words, such as `17 times 23`."""
    text = text[:MAX_SUM_CHARACTERS]
    for word, sign in _SPOKEN.items():
        text = re.sub(rf"(?i)(?<=[\d)])\s+{word}\s+(?=[\d(-])", f" {sign} ", text)
    found = [match[0].strip() for match in _EXPRESSION.finditer(text)]
    return [shown.rstrip(".") for shown in found[:MAX_SUMS] if not _DATE.fullmatch(shown)]


def sums(text: str) -> list[str]:
    """A sentence such as `17 * 23 = 391.` for each expression that can be computed."""
    made = []
    for shown in expressions(text):
        try:
            made.append(f"{shown} = {computed(shown)}.")
        except (ValueError, ZeroDivisionError):
            continue
    return made
