"""One sandbox of the Sandy API: it is made, used, and ended in every case.
Contract file: replaced by updates.
"""

import asyncio
import base64
import re
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import quote

from ...api import Chat, ServiceError

WORKSPACE, ARTIFACTS = "/workspace", "/workspace/artifacts"
MAX_ARTIFACTS = 20
FILE_SECONDS, END_SECONDS = 10.0, 15.0  # for one file, or the list of them; for the end of a sandbox
_ID = re.compile(r"[\w-]{1,100}")
_TASKS: set[asyncio.Task[Any]] = set()  # that end sandboxes after their answers have ended


class NoSandbox(Exception):
    """There is no sandbox. The message says why, in words for the client."""


class Sandbox:
    """A sandbox that exists. Its methods raise `ServiceError`."""

    def __init__(self, chat: Chat, url: str):
        self._chat, self.url = chat, url
        key = chat.settings.sandy_api_key
        self.headers = {"authorization": f"Bearer {key.get_secret_value()}"} if key else {}

    async def post(self, path: str, body: dict[str, Any], seconds: float | None = None) -> Any:
        reply = await self._chat.post(f"{self.url}{path}", body, headers=self.headers, seconds=seconds)
        return reply.json() if reply.content else {}

    async def write(self, path: str, data: bytes) -> None:
        """Writes a file. Bytes that are no text go through a text file and the command `base64`."""
        try:
            await self.post("/files/write", {"path": path, "content": data.decode()}, FILE_SECONDS)
        except UnicodeDecodeError:
            encoded = base64.b64encode(data).decode()
            await self.post("/files/write", {"path": f"{path}.b64", "content": encoded}, FILE_SECONDS)
            await self.execute(f"base64 -d '{path}.b64' > '{path}'")

    async def read(self, path: str) -> bytes:
        """Reads a file, whatever its content is."""
        url = f"{self.url}/files/read?path={quote(path)}"
        most = self._chat.settings.artifact_bytes
        reply = await self._chat.get(url, headers=self.headers, seconds=FILE_SECONDS, max_bytes=most)
        if "json" not in reply.headers.get("content-type", "") or not isinstance(said := reply.json(), dict):
            return reply.content
        content = str(said.get("content", ""))
        if said.get("encoding") == "base64":
            return base64.b64decode(content)
        if "\ufffd" in content:  # it is no text, so that the reply has lost a part of it
            return base64.b64decode(await self.execute(f"base64 '{path}'"))
        return content.encode()

    async def execute(self, command: str, seconds: float = FILE_SECONDS) -> str:
        """Runs a command and returns what it prints."""
        said = await self.post("/exec", {"command": command}, seconds)
        return str(said.get("stdout") or said.get("output") or "") if isinstance(said, dict) else ""

    async def artifacts(self) -> list[str]:
        """The paths of the files that the agent has left for the user."""
        listed = (await self.execute(f"find {ARTIFACTS} -type f")).splitlines()
        return [path for path in listed if path.startswith(f"{ARTIFACTS}/") and "'" not in path][:MAX_ARTIFACTS]

    async def end(self) -> None:
        with suppress(ServiceError):
            await self.post("/terminate", {}, END_SECONDS)


@asynccontextmanager
async def made(chat: Chat, seconds: float) -> AsyncGenerator[Sandbox]:
    """Makes a sandbox within `seconds`, and ends it in every case: also one that is made after its answer has ended.

    Raises `NoSandbox`.
    """
    making = _kept(_make(chat, seconds))
    try:
        sandbox = await asyncio.shield(making)
    except asyncio.CancelledError:
        _kept(_end_what_is_made(making))
        raise
    try:
        yield sandbox
    finally:
        await asyncio.shield(_kept(sandbox.end()))


async def _make(chat: Chat, seconds: float) -> Sandbox:
    base = chat.settings.sandy_base_url
    if base is None:
        raise NoSandbox("No sandbox is configured (SANDY_BASE_URL)")
    service = Sandbox(chat, f"{base}/api/sandboxes")
    try:
        said = await service.post("", {}, seconds)
    except ServiceError as error:
        raise NoSandbox(f"No sandbox could be made: {str(error).rstrip('.')}") from None
    names = ("sandboxId", "sandbox_id", "id")
    found = next((said[name] for name in names if said.get(name)), None) if isinstance(said, dict) else None
    if not isinstance(found, str) or not _ID.fullmatch(found):
        raise NoSandbox("No sandbox could be made: the service's answer has no id")
    return Sandbox(chat, f"{service.url}/{found}")


async def _end_what_is_made(making: asyncio.Task[Sandbox]) -> None:
    with suppress(NoSandbox):
        await (await making).end()


def _kept(work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """Starts a task that goes on even if nobody waits for it."""
    task = asyncio.ensure_future(work)
    _TASKS.add(task)
    task.add_done_callback(_TASKS.discard)
    return task
