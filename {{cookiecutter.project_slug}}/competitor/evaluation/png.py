"""Pictures for tasks: draws shapes and digits, and writes and reads PNG files. Only the standard library is needed.
Contract file: replaced by updates.
"""

import functools
import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

Colour = tuple[int, int, int]
COLOURS: dict[str, Colour] = {
    "red": (220, 30, 30),
    "green": (20, 150, 50),
    "blue": (30, 60, 220),
    "yellow": (245, 215, 40),
    "purple": (130, 40, 160),
    "orange": (245, 135, 20),
    "black": (0, 0, 0),
    "white": (255, 255, 255),
}
SHAPES = ("circle", "square", "triangle")
MAX_PIXELS = 16 * 2**20
MAX_ROWS_SEEN = 200  # a larger picture is looked at in steps
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Each digit has three columns and five rows.
_ROWS = {
    "0": "111101101101111",
    "1": "010110010010111",
    "2": "111001111100111",
    "3": "111001111001111",
    "4": "101101111001001",
    "5": "111100111001111",
    "6": "111100111101111",
    "7": "111001001001001",
    "8": "111101111101111",
    "9": "111101111001111",
}


class NotAPicture(Exception):
    """These bytes are no PNG file that can be read. The message says why."""


@dataclass(frozen=True)
class Shape:
    """A filled shape around a point. `size` is its width and height in pixels."""

    kind: str
    colour: str
    x: int
    y: int
    size: int

    def covers(self, x: int, y: int) -> bool:
        across, down, half = x - self.x, y - self.y, self.size / 2
        if self.kind == "circle":
            return across * across + down * down <= half * half
        if abs(across) > half or abs(down) > half:
            return False
        return self.kind == "square" or abs(across) <= (down + half) / 2


@dataclass(frozen=True)
class Picture:
    """Shapes and a number on a background, `size` pixels wide and high."""

    background: str
    shapes: tuple[Shape, ...] = ()
    number: str = ""
    size: int = 128

    def png(self) -> bytes:
        """The picture as a PNG file."""
        rows = [[COLOURS[self.background]] * self.size for _ in range(self.size)]
        for shape in self.shapes:
            half = shape.size // 2 + 1
            for y in range(max(0, shape.y - half), min(self.size, shape.y + half + 1)):
                for x in range(max(0, shape.x - half), min(self.size, shape.x + half + 1)):
                    if shape.covers(x, y):
                        rows[y][x] = COLOURS[shape.colour]
        ink = COLOURS["white" if self.background in ("black", "blue", "purple") else "black"]
        dot = self.size // (4 * len(self.number) + 1) if self.number else 0
        for place, digit in enumerate(self.number):
            for index, on in enumerate(_ROWS[digit]):
                if on == "1":
                    left, top = dot * (1 + 4 * place + index % 3), dot * (1 + index // 3)
                    for y in range(top, min(self.size, top + dot)):
                        rows[y][left : left + dot] = [ink] * dot
        return encoded(rows)


def encoded(rows: Sequence[Sequence[Colour]]) -> bytes:
    """A PNG file with these rows of pixels."""
    raw = b"".join(b"\0" + bytes(value for pixel in row for value in pixel) for row in rows)
    head = struct.pack(">IIBBBBB", len(rows[0]), len(rows), 8, 2, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(raw, 9)), (b"IEND", b""))
    return _SIGNATURE + b"".join(_chunk(name, data) for name, data in parts)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def decoded(data: bytes) -> list[list[Colour]]:
    """The rows of pixels of a PNG file with 8 bits a channel and no interlacing. Raises `NotAPicture` for others."""
    if not data.startswith(_SIGNATURE):
        raise NotAPicture("the image is not a PNG file")
    try:
        return _decoded(dict(_joined(_chunks(data))))
    except (struct.error, zlib.error, KeyError, IndexError, ValueError) as error:
        raise NotAPicture(f"the PNG file is damaged ({type(error).__name__})") from None


def _chunks(data: bytes) -> Iterable[tuple[bytes, bytes]]:
    place = len(_SIGNATURE)
    while place < len(data):
        (length,) = struct.unpack_from(">I", data, place)
        yield data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        place += 12 + length


def _joined(chunks: Iterable[tuple[bytes, bytes]]) -> Iterable[tuple[bytes, bytes]]:
    """The chunks, with all `IDAT` chunks as one."""
    content = bytearray()
    for name, data in chunks:
        if name == b"IDAT":
            content += data
        else:
            yield name, data
    yield b"IDAT", bytes(content)


def _decoded(chunks: dict[bytes, bytes]) -> list[list[Colour]]:
    width, height, bits, kind, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    if bits != 8 or interlaced or kind not in (0, 2, 3, 4, 6):
        raise NotAPicture("the PNG file has a form that this grader cannot read")
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[kind]
    if not 0 < width * height <= MAX_PIXELS:
        raise NotAPicture("the image is empty or too large")
    unpacking, length = zlib.decompressobj(), width * channels
    raw = unpacking.decompress(chunks[b"IDAT"], height * (length + 1))
    palette = chunks.get(b"PLTE", b"")
    rows, before = [], bytes(length)
    for y in range(height):
        line = raw[y * (length + 1) : (y + 1) * (length + 1)]
        before = _unfiltered(line[0], bytearray(line[1:]), before, channels)
        if len(before) != length:
            raise NotAPicture("the PNG file is cut off")
        rows.append([_pixel(before[x : x + channels], kind, palette) for x in range(0, length, channels)])
    return rows


def _pixel(values: bytes, kind: int, palette: bytes) -> Colour:
    if kind in (2, 6):
        return values[0], values[1], values[2]
    if kind == 3:
        red, green, blue = palette[3 * values[0] : 3 * values[0] + 3]
        return red, green, blue
    return values[0], values[0], values[0]


def _unfiltered(how: int, line: bytearray, above: bytes, step: int) -> bytes:
    """A row of bytes without the filter that a PNG file applies to it."""
    if how == 2:
        return bytes((value + up) & 255 for value, up in zip(line, above, strict=False))
    for at in range(len(line)) if how else ():
        left, up = (line[at - step] if at >= step else 0), above[at]
        if how == 1:
            guess = left
        elif how == 3:
            guess = (left + up) // 2
        else:
            corner = above[at - step] if at >= step else 0
            guess = min((left, up, corner), key=lambda value: abs(left + up - corner - value))
        line[at] = (line[at] + guess) & 255
    return bytes(line)


def named(pixel: Colour) -> str:
    """The name of the nearest known colour."""
    return min(COLOURS, key=lambda name: sum((a - b) ** 2 for a, b in zip(COLOURS[name], pixel, strict=True)))


def outline(rows: Sequence[Sequence[Colour]]) -> tuple[str, str, str]:
    """The background's colour, the colour of what is on it, and the shape of that, each as a word.

    The colour and the shape are empty if there is only a background.
    """
    step = max(1, len(rows) // MAX_ROWS_SEEN)
    name = functools.cache(named)
    grid = [[name(pixel) for pixel in row[::step]] for row in rows[::step]]
    background = grid[0][0]
    inside = [(x, y) for y, row in enumerate(grid) for x, name in enumerate(row) if name != background]
    if not inside:
        return background, "", ""
    counts: dict[str, int] = {}
    for x, y in inside:
        counts[grid[y][x]] = counts.get(grid[y][x], 0) + 1
    colour = max(counts, key=lambda name: counts[name])
    across = [x for x, y in inside if grid[y][x] == colour]
    down = [y for x, y in inside if grid[y][x] == colour]
    box = (max(across) - min(across) + 1) * (max(down) - min(down) + 1)
    filled = counts[colour] / box
    shape = "square" if filled > 0.92 else "circle" if filled > 0.64 else "triangle" if filled > 0.35 else ""
    return background, colour, shape
