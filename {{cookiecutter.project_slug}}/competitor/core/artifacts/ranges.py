"""Decides which bytes of an artifact to send: all, one range (RFC 9110), or none if the client has them already."""
# Contract file: replaced by updates.

import re
from dataclasses import dataclass

from ..errors import ApiError

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes from `start` up to `end`. `partial` is true if a Range header asked for them."""

    start: int
    end: int
    partial: bool = False


def is_known(if_none_match: str | None, tag: str) -> bool:
    """Whether the client already has these bytes: whether its If-None-Match header names `tag`."""
    if if_none_match is None:
        return False
    tags = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return if_none_match.strip() == "*" or tag in tags


def wanted(header: str | None, size: int) -> Part:
    """The bytes to send: all if the Range header is absent, invalid or has several ranges. Raises `ApiError` (416)."""
    found = _RANGE.fullmatch(header.strip().replace(" ", "").lower()) if header else None
    if found is None or not (found[1] or found[2]) or (found[1] and found[2] and int(found[2]) < int(found[1])):
        return Part(0, size)
    if found[1]:
        start, end = int(found[1]), min(size, int(found[2]) + 1) if found[2] else size
    else:
        start, end = max(0, size - int(found[2])), size
    if start >= end:
        raise ApiError(
            "range_not_satisfiable",
            f"The artifact has {size} bytes; this range is beyond its end.",
            headers={"content-range": f"bytes */{size}"},
        )
    return Part(start, end, partial=True)
