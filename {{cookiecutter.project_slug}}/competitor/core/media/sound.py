"""Recognises sound by its first bytes, since services send it under any content type."""
# Contract file: replaced by updates.

_BEGINNINGS = ((b"RIFF", "wav"), (b"ID3", "mp3"), (b"OggS", "ogg"), (b"fLaC", "flac"))


def suffix(data: bytes) -> str | None:
    """The suffix of the file's name; None if the data is no sound."""
    for beginning, name in _BEGINNINGS:
        if data.startswith(beginning):
            return name
    is_mp3_frame = len(data) > 1 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0
    return "mp3" if is_mp3_frame else None
