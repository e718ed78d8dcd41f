"""Mutants for section 8 of the contract, egress. Each breaks the clause that its decorator names."""

import http.client
import json
import urllib.request
from collections.abc import Mapping

from ..plain_server import Json, Plain, UpstreamFailed
from .registry import breaks


@breaks("X1/1", says="redirect was followed")
class FollowsRedirects(Plain):
    def respond(self, connection: http.client.HTTPConnection, asked: Json) -> http.client.HTTPResponse:
        try:
            return super().respond(connection, asked)
        except UpstreamFailed:
            connection.request("POST", "/elsewhere", json.dumps(self.upstream_body(asked)))
            return connection.getresponse()


@breaks("X1/2", says="proxy in the environment")
class UsesTheProxyOfItsEnvironment(Plain):
    def __init__(self, environment: Mapping[str, str]) -> None:
        super().__init__(environment)
        self.proxy = environment.get("http_proxy")

    def respond(self, connection: http.client.HTTPConnection, asked: Json) -> http.client.HTTPResponse:
        if self.proxy:
            proxied = urllib.request.build_opener(urllib.request.ProxyHandler({"http": self.proxy}))
            proxied.open(self.base_url or "", timeout=5)
        return super().respond(connection, asked)


@breaks("X2/2", says="OPENAI_BASE_URL is set: it is not read")
class ReadsOneNameOnly(Plain):
    def read_base_url(self, environment: Mapping[str, str]) -> str | None:
        return environment.get("JANUS_LLM_BASE_URL")


@breaks("X2/1", says="JANUS_LLM_BASE_URL is set: it is not read", also="R8")
class WantsBothNames(Plain):
    def read_base_url(self, environment: Mapping[str, str]) -> str | None:
        return environment.get("OPENAI_BASE_URL") if "JANUS_LLM_BASE_URL" in environment else None
