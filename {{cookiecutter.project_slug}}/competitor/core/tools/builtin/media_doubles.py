"""Stand-ins for the image and speech services, for workshops without a network. What they make says so."""
# Contract file: replaced by updates.

import asyncio
import hashlib
import io
import math
import struct
import textwrap
import wave

from ...artifacts.save import Artifacts
from ..tool import Result
from .media import Prompt, shown

LABEL = "stand-in for an image: drawn on this machine, by no model"
SPOKEN = "[speech double: a tone, no voice] "
_SIDE, _RATE, _MOST_SECONDS = 512, 8_000, 5


class Doubles:
    """Draws and sounds for one answer, without a service."""

    def __init__(self, artifacts: Artifacts):
        self._artifacts = artifacts

    async def generate_image(self, prompt: Prompt) -> Result:
        """Draws an image."""
        return await shown(self._artifacts, await asyncio.to_thread(_drawn, prompt), prompt, f"[{LABEL}] ")

    async def speak(self, text: Prompt) -> Result:
        """Says a text aloud."""
        made = await self._artifacts.save(_tone(len(text)), "speech-double.wav")
        return Result(f"{SPOKEN}The user hears it.", artifacts=(made,))


def _drawn(prompt: str) -> bytes:
    """A picture with the prompt on it, whose colour depends on the prompt."""
    from PIL import Image, ImageDraw

    red, green, blue = hashlib.sha256(prompt.encode("utf-8", "replace")).digest()[:3]
    image = Image.new("RGB", (_SIDE, _SIDE), (red // 2, green // 2, blue // 2))
    lines = textwrap.wrap(prompt.encode("latin-1", "replace").decode("latin-1"), 60)[:20]
    draw = ImageDraw.Draw(image)
    draw.ellipse((_SIDE // 4, _SIDE // 4, 3 * _SIDE // 4, 3 * _SIDE // 4), fill=(red, green, blue))
    draw.multiline_text((16, 16), "\n".join([LABEL, "", *lines]), fill=(255, 255, 255))
    made = io.BytesIO()
    image.save(made, format="PNG")
    return made.getvalue()


def _tone(characters: int) -> bytes:
    """A tone that lasts as long as a voice might need for so many characters, up to five seconds."""
    count = round(_RATE * min(_MOST_SECONDS, 0.2 + characters / 15))
    made = io.BytesIO()
    with wave.open(made, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(_RATE)
        swings = (round(6_000 * math.sin(2 * math.pi * 440 * at / _RATE)) for at in range(count))
        sound.writeframes(struct.pack(f"<{count}h", *swings))
    return made.getvalue()
