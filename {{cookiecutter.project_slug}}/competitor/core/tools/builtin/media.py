"""The tools `generate_image` and `speak`, which use the platform's image and speech services (X1, A6)."""
# Contract file: replaced by updates.

import base64
import binascii
import json
from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from ...artifacts.save import Artifacts
from ...errors import ArtifactError
from ...limits import MAX_MEDIA_BYTES
from ...media import sound
from ..tool import Result, ToolError
from .service import Service

Prompt = Annotated[str, Field(min_length=1, max_length=4_000)]
Shape = Literal["square", "portrait", "landscape"]
_SIDES: dict[Shape, tuple[int, int]] = {"square": (1024, 1024), "portrait": (768, 1024), "landscape": (1024, 768)}
_STEPS = 30
# Names under which services put an image into JSON, instead of sending its bytes.
_IN_JSON = ("b64_json", "image", "image_base64")


class ImageMaker:
    """`POST /generate`."""

    def __init__(self, service: Service, artifacts: Artifacts, model: str):
        self._service, self._artifacts, self._model = service, artifacts, model

    async def generate_image(self, prompt: Prompt, shape: SkipJsonSchema[Shape] = "square") -> Result:
        """Draws an image."""
        width, height = _SIDES[shape]
        body = {"prompt": prompt, "width": width, "height": height, "num_inference_steps": _STEPS}
        data = await self._service.post_for_bytes("/generate", {"model": self._model, **body}, MAX_MEDIA_BYTES)
        try:
            return await shown(self._artifacts, _image_in(data), prompt)
        except ArtifactError as error:
            raise ToolError(
                f"The image service (JANUS_IMAGE_URL) did not answer with a usable image: {error}"
            ) from None


class Speaker:
    """`POST /speak`."""

    def __init__(self, service: Service, artifacts: Artifacts, voice: str):
        self._service, self._artifacts, self._voice = service, artifacts, voice

    async def speak(self, text: Prompt) -> Result:
        """Says a text aloud."""
        body = {"text": text, "voice": self._voice, "speed": 1.0}
        data = await self._service.post_for_bytes("/speak", body, MAX_MEDIA_BYTES)
        suffix = sound.suffix(data)
        if suffix is None:
            raise ToolError("The speech service did not answer with sound.")
        made = await self._artifacts.save(data, f"speech.{suffix}")
        return Result("The user hears it.", details={"size_bytes": made.size_bytes}, artifacts=(made,))


async def shown(artifacts: Artifacts, data: bytes, prompt: str, label: str = "") -> Result:
    """Saves an image, and says so to the model."""
    made = await artifacts.save_image(data, " ".join(prompt.split()[:6])[:60])
    details = {"size_bytes": made[0].size_bytes, "mime_type": made[0].mime_type}
    return Result(f"{label}The user sees the image.", details=details, artifacts=tuple(made))


def _image_in(data: bytes) -> bytes:
    """The image's bytes, also from a JSON object that holds them as base64. Raises `ToolError` for other JSON."""
    if data.lstrip()[:1] != b"{":
        return data
    try:
        given: Any = json.loads(data)
        inner = given["data"][0] if isinstance(given.get("data"), list) else given
        text = next(inner[name] for name in _IN_JSON if isinstance(inner.get(name), str))
        return base64.b64decode(text.partition(";base64,")[2] or text, validate=True)
    except (ValueError, LookupError, AttributeError, StopIteration, binascii.Error, RecursionError):
        raise ToolError("The image service (JANUS_IMAGE_URL) did not answer with an image.") from None
