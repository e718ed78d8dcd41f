"""Separates reasoning between <think> and </think> from the text, for servers that do not.
Contract file: replaced by updates.

Only the beginning of a text counts; a tag that comes later is text. A tag may come in any pieces.
"""

_OPEN, _CLOSE = "<think>", "</think>"


class ThinkTags:
    """Takes pieces of text, returns thoughts and text. After `over`, all that follows is text."""

    __slots__ = ("_held", "_thinking", "over")

    def __init__(self) -> None:
        self._held = ""
        self._thinking: bool | None = None  # None: nothing has been decided; False: the tag was closed
        self.over = False

    def parted(self, piece: str) -> tuple[str, str]:
        """The thought and the text in this piece, together with what was held back before it."""
        self._held += piece
        if self._thinking is None:
            begun = self._held.lstrip()
            if not begun.startswith(_OPEN):
                return ("", "") if _OPEN.startswith(begun) else ("", self._rest())
            self._held, self._thinking = begun[len(_OPEN) :], True
        thought = self._thought() if self._thinking else ""
        if not self._thinking:
            self._held = self._held.lstrip()
            return thought, self._rest() if self._held else ""
        return thought, ""

    def rest(self) -> tuple[str, str]:
        """At the end of the stream: what is still held back, as a thought or as text."""
        thinking, rest = self._thinking, self._rest()
        return (rest, "") if thinking else ("", rest)

    def _thought(self) -> str:
        thought, tag, rest = self._held.partition(_CLOSE)
        if tag:
            self._held, self._thinking = rest, False
            return thought
        kept = next((size for size in range(len(_CLOSE) - 1, 0, -1) if thought.endswith(_CLOSE[:size])), 0)
        self._held = thought[len(thought) - kept :]
        return thought[: len(thought) - kept]

    def _rest(self) -> str:
        rest, self._held, self.over = self._held, "", True
        return rest
