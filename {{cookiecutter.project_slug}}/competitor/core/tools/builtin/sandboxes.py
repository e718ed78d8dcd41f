"""The tool `run_code` in a remote sandbox: the platform's, or that of a Sandy API."""
# Contract file: replaced by updates.

import contextlib
from typing import Annotated, Any, Literal

from pydantic import Field

from ...errors import ServiceError
from ...limits import MAX_SANDBOX_SECONDS
from ..tool import Result, ToolError
from .service import Service

Language = Literal["python", "javascript", "bash"]
Code = Annotated[str, Field(max_length=100_000)]
# How each language is run if the sandbox offers only a shell. Every sandbox has /tmp.
_COMMANDS = {"python": "python3 /tmp/main.py", "javascript": "node /tmp/main.js", "bash": "bash /tmp/main.sh"}


class PlatformSandbox:
    """`POST /execute`."""

    def __init__(self, service: Service, seconds: float):
        self._service, self._seconds = service, max(1, min(MAX_SANDBOX_SECONDS, int(seconds)))

    async def run_code(self, code: Code, language: Language = "python") -> Result:
        """Runs a program and returns what it prints."""
        body = {"language": language, "code": code, "timeout": self._seconds}
        return outcome(await self._service.post("/execute", body))


class Sandy:
    """Runs code through a Sandy API: it makes a sandbox for each call and ends it afterwards."""

    def __init__(self, service: Service):
        self._service = service

    async def run_code(self, code: Code, language: Language = "python") -> Result:
        """Runs a program and returns what it prints."""
        made = await self._service.post("/api/sandboxes", {})
        sandbox = _first(made, "sandboxId", "sandbox_id", "id")
        if not isinstance(sandbox, str) or not sandbox.replace("-", "").replace("_", "").isalnum():
            raise ToolError("The sandbox service did not make a sandbox.")
        command = _COMMANDS[language]
        base = f"/api/sandboxes/{sandbox}"
        try:
            await self._service.post(f"{base}/files/write", {"path": command.split()[1], "content": code})
            return outcome(await self._service.post(f"{base}/exec", {"command": command}))
        finally:
            with contextlib.suppress(ToolError, ServiceError):
                await self._service.post(f"{base}/terminate", {})


def outcome(reply: Any) -> Result:
    """Turns a sandbox's reply into a result: output, exit code, time. Raises `ToolError` for an unknown format."""
    output = _first(reply, "stdout", "output", "result")
    errors = _first(reply, "stderr", "error")
    code = _first(reply, "exit_code", "exitCode", "returncode")
    if output is None and errors is None and code is None:
        raise ToolError("The sandbox's answer does not have the format that the contract requires.")
    failed = bool(code) or (code is None and bool(errors))
    parts = [str(part).rstrip() for part in (output, errors) if part]
    if failed:
        parts.append(f"(exit code {code})" if code else "(it failed)")
    took = _first(reply, "duration_seconds", "execution_time", "sandbox_seconds")
    seconds = float(took) if isinstance(took, int | float) and 0 <= took < 86_400 else None
    details = {} if code is None else {"exit_code": code}
    return Result("\n".join(parts), "error" if failed else "ok", details, sandbox_seconds=seconds)


def _first(reply: Any, *names: str) -> Any:
    """Returns the value of a field that servers call by different names: the first that is not None."""
    given = reply if isinstance(reply, dict) else {}
    return next((given[name] for name in names if given.get(name) is not None), None)
