"""Separates reasoning between <think> and </think> from the text, for servers that do not separate it themselves.
Contract file: replaced by updates.

Only a tag at the beginning counts; a later one is text. A tag may arrive in several pieces.
"""

_OPEN, _CLOSE = "<think>", "</think>"


class ThinkTags:
    """Splits pieces of text into reasoning and text. Once `over` is true, all that follows is text."""

    __slots__ = ("_held", "_thinking", "over")

    def __init__(self) -> None:
        self._held = ""
        self._thinking: bool | None = None  # None: not known yet; True: in the tag; False: after it
        self.over = False

    def parted(self, piece: str) -> tuple[str, str]:
        """Adds this piece to the text that was held back, and splits the result into reasoning and text."""
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
        """Returns the text that is still held back at the end of the stream, as reasoning or as text."""
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
