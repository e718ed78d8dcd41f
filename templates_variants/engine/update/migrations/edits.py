"""Edits Python source at the positions of nodes in its syntax tree. All bytes outside the edits stay."""

import ast
import bisect
import io
import tokenize

Placed = ast.expr | ast.stmt | ast.alias | ast.keyword  # nodes with a position in the file


class Unreadable(Exception):
    """This version of Python cannot parse the file, or could not parse it after the edits. The message says why."""


class Source:
    """A Python file with its syntax tree and its planned edits. All positions count bytes of UTF-8.

    The syntax tree counts in the same way. So a file in another encoding is edited in UTF-8, then encoded again.
    """

    def __init__(self, path: str, data: bytes) -> None:
        self.path = path
        try:
            self._encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
            text = data.decode(self._encoding)
            self.tree = ast.parse(data)
        except (SyntaxError, UnicodeDecodeError, ValueError, RecursionError, LookupError) as error:
            raise Unreadable(str(error)) from None
        if "\r" in text.replace("\r\n", ""):
            raise Unreadable("its lines end with CR alone")
        self._newline = "\r\n" if "\r\n" in text else "\n"
        self._utf8 = text.encode()
        self._starts = [0]
        for line in self._utf8.split(b"\n"):
            self._starts.append(self._starts[-1] + len(line) + 1)
        self._edits: list[tuple[int, int, str]] = []

    def start(self, node: Placed) -> int:
        return self._starts[node.lineno - 1] + node.col_offset

    def end(self, node: Placed) -> int:
        return self._starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or node.col_offset)

    @property
    def size(self) -> int:
        return len(self._utf8)

    def text(self, start: int, end: int) -> str:
        return self._utf8[start:end].decode(errors="replace")

    def line(self, number: int) -> str:
        return self.text(self._starts[number - 1], self._starts[number]).strip()

    def is_alone(self, node: ast.stmt) -> bool:
        """Whether the lines of this statement contain no other statement and no comment."""
        before = self.text(self._starts[node.lineno - 1], self.start(node))
        after = self.text(self.end(node), self._starts[node.end_lineno or node.lineno])
        return not before.strip() and not after.strip()

    def indent(self, node: ast.stmt) -> str:
        return self.text(self._starts[node.lineno - 1], self.start(node))

    def replace(self, start: int, end: int, new: str) -> None:
        edit = (start, end, new.replace("\n", self._newline))
        if edit not in self._edits or start == end:
            self._edits.append(edit)

    def remove_lines(self, node: ast.stmt) -> None:
        """Plans to remove the lines of a statement. No other statement may be on them."""
        self.replace(self._starts[node.lineno - 1], self._starts[node.end_lineno or node.lineno], "")

    def rename(self, start: int, old: str, new: str) -> bool:
        """Plans to rename `old` at `start`. Returns False if it is not there, as in f-strings of Python 3.11."""
        end = start + len(old.encode())
        if self.text(start, end) != old:
            return False
        self.replace(start, end, new)
        return True

    @property
    def edited_lines(self) -> list[int]:
        """The numbers of the lines in which an edit begins."""
        return sorted({bisect.bisect_right(self._starts, start) for start, _, _ in self._edits})

    @property
    def edited(self) -> bytes | None:
        """Returns the new content; None if there are no edits. Raises `Unreadable` if the edits break the file."""
        if not self._edits:
            return None
        parts, at = [], 0
        for start, end, new in sorted(self._edits, key=lambda edit: edit[:2]):
            if start < at:
                raise Unreadable("two changes overlap")
            parts += [self._utf8[at:start], new.encode()]
            at = end
        result = b"".join([*parts, self._utf8[at:]])
        data = result.decode().encode(self._encoding)
        try:
            ast.parse(data)
        except (SyntaxError, ValueError) as error:
            raise Unreadable(f"the result would not be Python: {error}") from None
        return data
