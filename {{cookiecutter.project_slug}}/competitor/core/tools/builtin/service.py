"""Calls a service of the platform: JSON in, JSON or text out, with the core's HTTP client (X1, X2)."""
# Contract file: replaced by updates.

import json
from typing import Any
from urllib.parse import urlencode

from pydantic import SecretStr

from ...chat import Chat
from ...errors import UpstreamError
from ...limits import MAX_REPLY_BYTES
from ...model.upstream import usable_token
from ...outbound.egress import is_platform
from ...services import failed, named
from ..tool import ToolError


class Service:
    """A service at one base URL. `key` is sent as a bearer token; the user's token is sent only if R8 allows it."""

    def __init__(self, chat: Chat, base_url: str, key: SecretStr | None = None):
        self._chat, self._base_url = chat, base_url.rstrip("/")
        self._key = key or usable_token(chat.settings, base_url, chat.request.chutes_access_token)
        if self._key is None and is_platform(base_url):
            self._key = chat.settings.key_for(base_url)

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        """Posts `body` as JSON and returns the reply. Raises `ToolError` and `ServiceError`."""
        return await self._ask("POST", path, "", json.dumps(body).encode())

    async def get(self, path: str, **query: str) -> Any:
        """Sends a query and returns the reply. Raises `ToolError` and `ServiceError`."""
        return await self._ask("GET", path, f"?{urlencode(query)}")

    async def post_for_bytes(self, path: str, body: dict[str, Any], most: int) -> bytes:
        """Posts `body` as JSON and returns the bytes of the reply, such as an image. Raises like `post`."""
        return await self._bytes("POST", path, "", json.dumps(body).encode(), "*/*", most)

    async def _ask(self, method: str, path: str, query: str, body: bytes = b"") -> Any:
        text = (await self._bytes(method, path, query, body)).decode("utf-8", "replace")
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text

    async def _bytes(
        self,
        method: str,
        path: str,
        query: str,
        body: bytes = b"",
        accept: str = "application/json",
        most: int = MAX_REPLY_BYTES,
    ) -> bytes:
        # The setting may hold the base URL or the full address of a service with one path.
        url = self._base_url.removesuffix(path) + path + query
        headers = {"accept": accept, "accept-encoding": "identity", "x-request-id": self._chat.id}
        if body:
            headers["content-type"] = "application/json"
        if self._key is not None:
            headers["authorization"] = f"Bearer {self._key.get_secret_value()}"
        service = named(url, self._chat.settings)
        try:
            response = await self._chat.http.open(method, url, headers, body)
            try:
                data = await response.read(most)
            finally:
                response.close(finished=response.whole)
        except UpstreamError as error:
            raise failed(service, error, self._chat.id) from None
        if not 200 <= response.status < 300:
            said = " ".join(data[:1_000].decode("utf-8", "replace").split())[:300]
            told = f": {said}" if said.isprintable() else ""
            raise ToolError(f"{service} answered with the HTTP status {response.status}{told}")
        return data
