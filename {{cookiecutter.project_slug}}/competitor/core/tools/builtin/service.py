"""Calls a service of the platform: JSON in, JSON or text out, with the core's HTTP client (X1, X2)."""
# Contract file: replaced by updates.

import json
from typing import Any
from urllib.parse import urlencode

from pydantic import SecretStr

from ...chat import Chat
from ...limits import MAX_REPLY_BYTES
from ...model.upstream import usable_token
from ..tool import ToolError


class Service:
    """A service at one base URL. `key` is sent as a bearer token; the user's token is sent only if R8 allows it."""

    def __init__(self, chat: Chat, base_url: str, key: SecretStr | None = None):
        self._chat, self._base_url = chat, base_url.rstrip("/")
        self._key = key or usable_token(chat.settings, base_url, chat.request.chutes_access_token)

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        """Posts `body` as JSON and returns the reply. Raises `ToolError` and `UpstreamError`."""
        return await self._ask("POST", path, "", json.dumps(body).encode())

    async def get(self, path: str, **query: str) -> Any:
        """Sends a query and returns the reply. Raises `ToolError` and `UpstreamError`."""
        return await self._ask("GET", path, f"?{urlencode(query)}")

    async def _ask(self, method: str, path: str, query: str, body: bytes = b"") -> Any:
        # The setting may hold the base URL or the full address of a service with one path.
        url = self._base_url.removesuffix(path) + path + query
        headers = {"accept": "application/json", "accept-encoding": "identity", "x-request-id": self._chat.id}
        if body:
            headers["content-type"] = "application/json"
        if self._key is not None:
            headers["authorization"] = f"Bearer {self._key.get_secret_value()}"
        response = await self._chat.http.open(method, url, headers, body)
        try:
            text = (await response.read(MAX_REPLY_BYTES)).decode("utf-8", "replace")
        finally:
            response.close(finished=response.whole)
        if not 200 <= response.status < 300:
            raise ToolError(f"The service answered with the HTTP status {response.status}: {text[:300]}")
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return text
