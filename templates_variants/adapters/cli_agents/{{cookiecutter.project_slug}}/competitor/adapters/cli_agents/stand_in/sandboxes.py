"""The sandboxes of the stand-in: folders of this machine, and an agent that is a small script, no model."""
# Contract file: replaced by updates.

import base64
import re
import secrets
import shlex
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

WORKSPACE, ARTIFACTS = "/workspace", "/workspace/artifacts"
_FILE = re.compile(r"\b[\w-]+\.[a-z]{2,4}\b")

Json = dict[str, Any]


class StandIn:
    """The sandboxes: their ids, each with its folder. `terminated` has the ids of those that have ended."""

    def __init__(self) -> None:
        self.folders: dict[str, Path] = {}
        self.terminated: list[str] = []
        self.asked: list[tuple[str, Json]] = []  # what was asked for, and with which body

    def close(self) -> None:
        for sandbox in tuple(self.folders):
            self.terminate(sandbox, {})

    def make(self) -> Json:
        sandbox = f"stand-in-{secrets.token_hex(6)}"
        self.folders[sandbox] = Path(tempfile.mkdtemp(prefix="sandy-"))
        self.place(sandbox, ARTIFACTS).mkdir(parents=True)
        return {"sandboxId": sandbox}

    def terminate(self, sandbox: str, asked: Json) -> Json:
        shutil.rmtree(self.folders.pop(sandbox), ignore_errors=True)
        self.terminated.append(sandbox)
        return {"success": True}

    def place(self, sandbox: str, path: str) -> Path:
        """Where a path of the sandbox is on this machine. Raises `ValueError` if it leads out of the sandbox."""
        folder = self.folders[sandbox].resolve()
        found = (folder / path.lstrip("/")).resolve()
        if not found.is_relative_to(folder):
            raise ValueError(f"{path} is not in the sandbox")
        return found

    def write(self, sandbox: str, asked: Json) -> Json:
        place = self.place(sandbox, str(asked["path"]))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(str(asked["content"]), encoding="utf-8")
        return {"success": True}

    def read(self, sandbox: str, asked: Json) -> Json:
        data = self.place(sandbox, str(asked["path"])).read_bytes()
        return {"content": data.decode("utf-8", "replace")}

    def execute(self, sandbox: str, asked: Json) -> Json:
        """Runs one of three commands: `find FOLDER`, `base64 FILE`, and `base64 -d FILE > FILE`."""
        words = shlex.split(str(asked["command"]))
        output = ""
        match [word for word in words if not word.startswith("-") or word == "-d"]:
            case ["find", path, *_]:
                folder = self.place(sandbox, path)
                found = sorted(each for each in folder.rglob("*") if each.is_file())
                output = "".join(f"{path}/{each.relative_to(folder).as_posix()}\n" for each in found)
            case ["base64", "-d", source, ">", goal]:
                self.place(sandbox, goal).write_bytes(base64.b64decode(self.place(sandbox, source).read_bytes()))
            case ["base64", path]:
                output = base64.b64encode(self.place(sandbox, path).read_bytes()).decode()
            case _:
                return {"stdout": "", "stderr": "The stand-in does not run this command.", "exitCode": 126}
        return {"stdout": output, "stderr": "", "exitCode": 0}

    def run(self, sandbox: str, asked: Json) -> Iterator[Json]:
        """The events of an agent."""
        began = time.monotonic()
        yield {"type": "status", "message": "This is a stand-in for a sandbox: its agent is a small script, no model."}
        yield {"type": "heartbeat"}
        yield from self.script(sandbox, str(asked["prompt"]))
        yield {"type": "complete", "success": True, "exitCode": 0, "duration": time.monotonic() - began}

    def script(self, sandbox: str, prompt: str) -> Iterator[Json]:
        """The agent: it writes the prompt into the file that the prompt names."""
        last = prompt.strip().rpartition("\n\n")[2]
        named = _FILE.search(last)
        path = f"{ARTIFACTS}/{named[0] if named else 'answer.md'}"
        tool = {"type": "tool_use", "id": secrets.token_hex(6), "name": "Write", "input": {"file_path": path}}
        thought = {"type": "thinking", "thinking": f"I write what was asked into {path}."}
        yield {"type": "agent-output", "data": {"type": "assistant", "message": {"content": [thought, tool]}}}
        self.write(sandbox, {"path": path, "content": f"{last}\n"})
        result = {"type": "tool_result", "tool_use_id": tool["id"], "content": "The file was written."}
        yield {"type": "agent-output", "data": {"type": "user", "message": {"content": [result]}}}
        yield {"type": "files-update", "changes": [{"path": path, "changeType": "created"}]}
        answer = f"I have written {path.rpartition('/')[2]}. (stand-in for a sandbox)"
        for word in re.findall(r"\S+\s*", answer):
            yield {"type": "agent-output", "data": {"type": "stream_event", "event": {"delta": {"text": word}}}}
            time.sleep(0.02)
        said = {"content": [{"type": "text", "text": answer}]}
        yield {"type": "agent-output", "data": {"type": "assistant", "message": said}}
        yield {"type": "agent-output", "data": {"type": "result", "result": answer}}
