"""Makes a `Chat` from a request without starting a server, to test parts of a backend."""

import asyncio
import json
from typing import Any

from competitor.core.artifacts.keeper import Keeper
from competitor.core.artifacts.save import Artifacts
from competitor.core.chat import Chat
from competitor.core.model.upstream import Llm
from competitor.core.offline import OfflineServer
from competitor.core.outbound.client import HttpClient
from competitor.core.outbound.egress import Egress
from competitor.core.request.parsing import read_request
from competitor.core.settings import Settings
from competitor.core.usage import Usage


class Asked:
    """A request that a model at `url` answers. Holds the `chat`, the HTTP client, and the reported usage."""

    def __init__(
        self,
        url: str,
        *,
        allowed: bool = True,
        environment: dict[str, str] | None = None,
        declared: dict[str, Any] | None = None,
        **fields: Any,
    ):
        self.settings = Settings.from_environment({"JANUS_LLM_BASE_URL": url, **(environment or {})}, declared)
        egress = Egress(self.settings.base_urls if allowed else [])
        self.client = HttpClient(egress, connect_seconds=60, silence_seconds=60)
        self.spent: list[Usage] = []
        body = {"model": "offline-model", "messages": [{"role": "user", "content": "Hello"}], **fields}
        llm = Llm(self.settings, self.client, OfflineServer(1))
        asked, artifacts = read_request(json.dumps(body).encode()), Artifacts(Keeper(self.settings))
        self.chat = Chat("test", asked, llm, self.settings, self.spent.append, artifacts)

    async def close(self) -> None:
        """Closes the connections, in the event loop that opened them."""
        self.client.close()
        await asyncio.sleep(0)  # a transport closes its socket in the next turn of the event loop
