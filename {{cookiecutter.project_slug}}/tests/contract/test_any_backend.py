"""Whatever a backend does, its stream ends properly, and the next request works."""
# Contract file: replaced by updates.

import pytest

from competitor.checks import Target
from competitor.checks.clauses.stream import well_formed

FAILED = "This competitor failed while it answered."
# For each deed of the scripted backend: the end of its answer's text, and the finish reason.
ENDS = {
    "raises_first": (FAILED, "stop"),
    "raises_later": (FAILED, "stop"),
    "yields_nothing": ("The answer is empty.", "stop"),
    "wrong_type": (FAILED, "stop"),
    "text_of_number": (FAILED, "stop"),
    "after_the_end": ("All of it.", "length"),
    "recursion": (FAILED, "stop"),
    "exits": (FAILED, "stop"),
    "cancels_itself": (FAILED, "stop"),
    "not_a_generator": (FAILED, "stop"),
    "a_coroutine": (FAILED, "stop"),
    "unpaired": ("Done.", "stop"),
    "blocks": ("after", "stop"),
    "half_pairs": ("smile \U0001f600 lone \ufffd end", "stop"),
    "many_events": ("x" * 50, "stop"),
}


@pytest.mark.parametrize("deed", ENDS)
def test_a_stream_ends_in_good_form(deed: str, core: Target) -> None:
    stream = core.stream(deed)
    well_formed(stream, deed)
    text, reason = ENDS[deed]
    assert stream.text.endswith(text)
    assert stream.finish_reasons == [reason]
    assert "canary" not in repr(stream.lines)
    assert core.stream("events").done
