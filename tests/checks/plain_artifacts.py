"""The artifacts of the plain server: made for a prompt, kept in a folder, served by two routes."""

import base64
import hashlib
import json
import secrets
import shutil
import tempfile
import time
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

Json = dict[str, Any]


class Shelf:
    """Makes, stores and serves artifacts. Mutants override one method."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        given = environment.get("JANUS_ARTIFACTS_DIR")
        self.folder = Path(given or tempfile.mkdtemp(prefix="plain-artifacts-"))
        if given is None:
            weakref.finalize(self, shutil.rmtree, self.folder, True)
        self.ttl = int(environment.get("JANUS_ARTIFACT_TTL_SECONDS", 3600))
        self.inline_bytes = int(environment.get("JANUS_ARTIFACT_INLINE_BYTES", 180_000))
        self.url = ""
        self.base = environment.get("JANUS_ARTIFACT_URL_BASE", "")

    def asked(self, prompt: Any) -> list[Json] | None:
        """The deltas for the prompt `artifact SIZE NAME`, SIZE in bytes; None for other prompts."""
        if not isinstance(prompt, str) or not prompt.startswith("artifact "):
            return None
        _, size, name = prompt.split(" ")
        item = self.descriptor(bytes(range(256)) * (int(size) // 256) + b"x" * (int(size) % 256), name)
        return self.deltas(item)

    def deltas(self, item: Json) -> list[Json]:
        return [
            {"janus": {"event": "artifacts", "payload": {"items": [{"index": 0, **item}]}}},
            {"content": self.link(item)},
        ]

    def link(self, item: Json) -> str:
        return f"{'!' if item['type'] == 'image' else ''}[{item['display_name']}]({item['url']})"

    def descriptor(self, data: bytes, name: str) -> Json:
        mime_type = "image/png" if name.endswith(".png") else "text/html"
        item: Json = {
            "id": f"a{secrets.token_hex(16)}",
            "type": "image" if mime_type.startswith("image/") else "file",
            "mime_type": mime_type,
            "display_name": name,
            "size_bytes": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
            "created_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "ttl_seconds": self.ttl,
        }
        item["url"] = self.inline(data, mime_type) if len(data) <= self.inline_bytes else self.kept(item, data)
        return item

    def inline(self, data: bytes, mime_type: str) -> str:
        return f"data:{mime_type};base64,{base64.b64encode(data).decode()}"

    def kept(self, item: Json, data: bytes) -> str:
        self.folder.mkdir(exist_ok=True)
        (self.folder / f"{item['id']}.json").write_text(json.dumps({**item, "until": time.time() + self.ttl}))
        (self.folder / item["id"]).write_bytes(data)
        return f"{self.base or self.url}/artifacts/{item['id']}/{quote(item['display_name'])}"

    def find(self, path: str) -> tuple[Json, bytes] | None:
        """Returns the artifact's descriptor and bytes; None if neither route has an artifact at this path."""
        parts = unquote(path).split("/")
        named = len(parts) == 4 and parts[1] == "artifacts"
        if not named and not (len(parts) == 4 and parts[1:3] == ["v1", "artifacts"]):
            return None
        key = parts[2] if named else parts[3]
        if not key.isalnum() or not (self.folder / f"{key}.json").is_file():
            return None
        item = json.loads((self.folder / f"{key}.json").read_text())
        return None if self.is_over(item) else (item, (self.folder / key).read_bytes())

    def is_over(self, item: Json) -> bool:
        return bool(item["until"] <= time.time())

    def served(self, path: str, asked: Mapping[str, str]) -> tuple[int, dict[str, str], bytes]:
        """Answers a GET with the request headers `asked`. Returns status, headers and body."""
        found = self.find(path)
        if found is None:
            return 404, {"Content-Type": "application/json"}, b"{}"
        item, data = found
        headers = self.headers(item)
        if asked.get("if-none-match") == headers["ETag"]:
            return 304, headers, b""
        if "range" in asked:
            first, _, last = asked["range"].removeprefix("bytes=").partition("-")
            if not first:
                first, last = str(max(0, len(data) - int(last))), ""
            if int(first) >= len(data):
                return 416, {**headers, "Content-Range": f"bytes */{len(data)}"}, b""
            end = int(last) + 1 if last else len(data)
            return 206, {**headers, "Content-Range": f"bytes {first}-{end - 1}/{len(data)}"}, data[int(first) : end]
        return 200, headers, data

    def headers(self, item: Json) -> dict[str, str]:
        return {
            "Content-Type": item["mime_type"],
            "Content-Disposition": f'attachment; filename="{item["display_name"]}"',
            "ETag": f'"{item["sha256"]}"',
            "Content-Security-Policy": "sandbox",
            "X-Content-Type-Options": "nosniff",
        }

    def without_bytes(self, messages: list[Json]) -> list[Json]:
        """Returns the messages without the data: URLs in earlier answers, because no model may get such URLs."""
        return [
            {**message, "content": self.content_without_bytes(message["content"])}
            if message.get("role") == "assistant" and message.get("content")
            else message
            for message in messages
        ]

    def content_without_bytes(self, content: Any) -> Any:
        if isinstance(content, str):
            return self.named(content)
        return [{**part, "text": self.named(part["text"])} if "text" in part else part for part in content]

    def named(self, text: str) -> str:
        head, found, rest = text.partition("](data:")
        return f"{head}]{self.named(rest.partition(')')[2])}" if found else text
