"""Runs LangChain's own standard tests for chat models, with the offline model behind a real socket."""

import asyncio
import struct
import threading
import zlib
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from competitor.core.offline import OfflineServer

from ..template_path import adapter
from .chats import Asked

ChatJanus: type[BaseChatModel] = adapter("langchain").ChatJanus

AUDIO = "the contract has parts for text, images and files, but not for audio (R6)"
PDF = "a PDF is a binary file, and a model gets only the name of a binary file (R6)"


class Loop:
    """Runs an event loop in a thread, for tests that call the model synchronously."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


@pytest.fixture(scope="module")
def loop() -> Iterator[Loop]:
    started = Loop()
    yield started
    started.close()


@pytest.fixture(scope="module")
def offline_url(loop: Loop) -> Iterator[str]:
    server = OfflineServer(10_000)
    yield loop.run(server.start())
    loop.run(server.stop())


class Standard:
    """The properties of the model that both of LangChain's test classes need."""

    url = "http://127.0.0.1:9/v1"
    loop: asyncio.AbstractEventLoop | None = None
    asked: list[Asked]

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatJanus

    @property
    def chat_model_params(self) -> dict[str, Any]:
        asked = Asked(self.url)
        self.asked.append(asked)
        return {"chat": asked.chat, "loop": self.loop}

    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def supports_image_inputs(self) -> bool:
        return True

    @property
    def supports_image_urls(self) -> bool:
        return True

    @property
    def supports_image_tool_message(self) -> bool:
        return True

    @property
    def supports_anthropic_inputs(self) -> bool:
        return True

    @property
    def supports_audio_inputs(self) -> bool:
        return True

    @property
    def supports_pdf_inputs(self) -> bool:
        return True

    @property
    def supports_pdf_tool_message(self) -> bool:
        return True

    @property
    def model_override_value(self) -> str:
        return "another-model"


class TestUnits(Standard, ChatModelUnitTests):
    @pytest.fixture(autouse=True)
    def _surroundings(self) -> None:
        self.asked = []

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        return {}, {}, {}


class TestOnTheOfflineModel(Standard, ChatModelIntegrationTests):
    @pytest.fixture(autouse=True)
    async def _surroundings(
        self, offline_url: str, loop: Loop, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
    ) -> AsyncIterator[None]:
        """Makes `httpx.get` return a local picture, and closes connections in the event loop that opened them."""
        self.url, self.loop, self.asked = offline_url, loop.loop, []
        monkeypatch.setattr("httpx.get", lambda *_, **__: SimpleNamespace(content=png(3, 2)))
        yield
        for asked in self.asked:
            if asyncio.iscoroutinefunction(request.function):
                await asked.close()
            else:
                await asyncio.to_thread(loop.run, asked.close())

    @pytest.mark.xfail(reason=AUDIO, strict=True)
    def test_audio_inputs(self, model: BaseChatModel) -> None:
        super().test_audio_inputs(model)

    @pytest.mark.xfail(reason=PDF, strict=True)
    def test_pdf_inputs(self, model: BaseChatModel) -> None:
        super().test_pdf_inputs(model)

    @pytest.mark.xfail(reason=PDF, strict=True)
    def test_pdf_tool_message(self, model: BaseChatModel) -> None:
        super().test_pdf_tool_message(model)


def png(width: int, height: int) -> bytes:
    """Makes a small red picture as PNG."""

    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + b"\xff\0\0" * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", zlib.compress(rows)) + part(b"IEND", b"")
