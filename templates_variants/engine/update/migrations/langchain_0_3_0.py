"""Moves a LangChain backend of version 0.2 to the adapter, if the owner has not changed the code in question.

In 0.2, eight modules in `competitor/backend/` connected LangChain to the core. Here, they are called the connecting
modules. The adapter `competitor/adapters/langchain/` replaces them. If the owner changed one of these modules, or the
three parts of `agent.py` that used them, the migration does not move anything. The report then tells the owner how to
do it by hand.
"""

import ast
import hashlib

from templates_variants.engine.update.migrations.changes import Files
from templates_variants.engine.update.migrations.edits import Source, Unreadable

_BACKEND = "competitor/backend"
_ADAPTER = "competitor/adapters/langchain"
AGENT, REQUIREMENTS = f"{_BACKEND}/agent.py", f"{_BACKEND}/requirements.in"
INCLUDE = "-r ../adapters/langchain/requirements.in"
# The connecting modules as version 0.2.0 made them: the first 16 digits of the SHA-256 with LF line endings.
PLUMBING = {
    "brain": "a0124435e329b7d7",
    "bridge": "64783c22d4abae68",
    "conduct": "95f58e8e1e383dc3",
    "model": "471e59d79aa50f43",
    "outbox": "7d5b19d6bf4c1c02",
    "structured": "99aa97db4b2ce1d7",
    "telemetry": "53e8985bfdcd8a70",
    "wire": "19dabce3d39e3a90",
}
# The names in these modules that the adapter has, too.
_IN_ADAPTER = {"bridge": {"from_langchain"}, "model": {"ChatJanus"}}
_REQUIRED = ("langchain>=1.2 ", "langchain-core>=1.3.3 ", "langgraph>=1.0 ", "langsmith>=0.15 ")

_ANSWER = """
async def answer(chat: Chat) -> AsyncIterator[Event]:
    brain = await asyncio.wrap_future(_brain)
    async for event in brain.events(chat, SYSTEM_PROMPT, MAX_TURNS):
        yield event
"""
_LOAD = """
def _load() -> ModuleType:
    from . import telemetry
    telemetry.off()
    from . import brain
    return brain
"""
_BRAIN = '_brain = ThreadPoolExecutor(1, thread_name_prefix="import").submit(_load)'
_NEW_AGENT = """\
# One agent for all requests: making it costs more than an answer does. Add LangChain's tools and middleware here.
agent = create_agent(
    model=ChatJanus(shown=True),
    tools=[],
    system_prompt=SYSTEM_PROMPT or None,
    middleware=[CompetitorMiddleware(tools, max_turns=MAX_TURNS)],
)


"""
_NEW_IMPORTS = """\
from langchain.agents import create_agent

from ..adapters.langchain import ChatJanus, CompetitorMiddleware, stream
"""


def to_the_adapter(files: Files) -> list[str]:
    """Changes `agent.py` and the requirements, and removes the connecting modules that no other file uses.

    Returns the changes that the owner must make by hand.
    """
    paths = {name: f"{_BACKEND}/{name}.py" for name in PLUMBING}
    found = {name: path for name, path in paths.items() if path in files}
    if not found or AGENT not in files:
        return []
    _require_adapter(files)
    if edited := [path for name, path in found.items() if _digest(files[path]) != PLUMBING[name]]:
        return [
            f"{path}: you changed this file, so it and the files that it uses were kept; "
            f"{_ADAPTER}/ can now replace them: move your change to {AGENT}, then delete them"
            for path in edited
        ]
    try:
        agent = _new_agent(files[AGENT])
    except Unreadable as error:
        return [f"{AGENT}: not migrated, because it is not valid Python ({error}); make it use {_ADAPTER}/ by hand"]
    if agent is None:
        return [
            f"{AGENT}: you changed the code that uses brain.py, so both files were kept and work as before; "
            f"to use the adapter, change {AGENT} as {_ADAPTER}/__init__.py shows, then delete the old files"
        ]
    files[AGENT] = agent
    for name in _unused(files, found):
        del files[found[name]]
    return []


def _digest(data: bytes) -> str:
    return hashlib.sha256(data.replace(b"\r\n", b"\n")).hexdigest()[:16]


def _require_adapter(files: Files) -> None:
    """Removes the requirements that 0.2.0 wrote, and includes the adapter's requirements. Other lines stay."""
    text = files.get(REQUIREMENTS, b"").decode(errors="surrogateescape")
    if INCLUDE in text.splitlines() or REQUIREMENTS not in files:
        return
    lines = text.splitlines(keepends=True)
    end = "\r\n" if "\r\n" in text else "\n"
    ours = [at for at, line in enumerate(lines) if line.startswith(_REQUIRED)]
    at = ours[0] if ours else len(lines)
    kept = [line for number, line in enumerate(lines) if number not in ours]
    if kept and at >= len(kept) and not kept[-1].endswith("\n"):
        kept[-1] += end
    kept.insert(at, INCLUDE + end)
    files[REQUIREMENTS] = "".join(kept).encode(errors="surrogateescape")


def _new_agent(data: bytes) -> bytes | None:
    """Returns an `agent.py` that uses LangChain's agent instead of `brain.py`; None if the owner changed that part."""
    source = Source(AGENT, data)
    body = source.tree.body
    parts = {_name(node): node for node in body}
    answer, load, brain = (parts.get(name) for name in ("answer", "_load", "_brain"))
    if answer is None or load is None or brain is None:
        return None
    if not (_same(answer, _ANSWER) and _same(load, _LOAD) and _same(brain, _BRAIN)):
        return None
    for node in getattr(answer, "body", ()):
        if isinstance(node, ast.Assign):
            source.remove_lines(node)
        elif isinstance(node, ast.AsyncFor):
            source.replace(source.start(node.iter), source.end(node.iter), "stream(agent, chat)")
    source.replace(source.start(answer), source.start(answer), _NEW_AGENT)
    for node in (load, brain):
        source.remove_lines(node)
    rest = [node for node in body if node not in (answer, load, brain)]
    used = {node.id for part in rest for node in ast.walk(part) if isinstance(node, ast.Name)}
    imports = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
    for node in imports:
        names = {alias.asname or alias.name for alias in node.names}
        if names <= {"asyncio", "ThreadPoolExecutor", "ModuleType"} and not names & used and source.is_alone(node):
            source.remove_lines(node)
    core = next((node for node in imports if isinstance(node, ast.ImportFrom) and node.level), imports[-1])
    source.replace(source.start(core), source.start(core), _NEW_IMPORTS)
    if not any(_imports(node, "tools") for node in imports):
        source.replace(source.end(imports[-1]), source.end(imports[-1]), "\nfrom .tools import tools")
    edited = source.edited
    return edited.rstrip() + b"\n" if edited is not None else None


def _name(node: ast.stmt) -> str:
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    return getattr(node, "name", "")


def _imports(node: ast.stmt, name: str) -> bool:
    return isinstance(node, ast.ImportFrom) and node.module == name and node.level == 1


def _same(node: ast.stmt, code: str) -> bool:
    """Whether the statement equals `code`, apart from its docstring, comments and layout."""
    expected = ast.parse(code).body[0]
    given = ast.parse(ast.unparse(node)).body[0]
    body = getattr(given, "body", None)
    if body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        del body[0]
    return ast.dump(given) == ast.dump(expected)


def _unused(files: Files, found: dict[str, str]) -> list[str]:
    """Returns the connecting modules that can be deleted, because no remaining file needs them."""
    needed: set[str] = set()
    waiting = [path for path in files if path.endswith(".py") and path not in found.values()]
    while waiting:
        path = waiting.pop()
        for name in _imported(path, files[path]):
            if name in found and name not in needed:
                needed.add(name)
                waiting.append(found[name])
    return [name for name in found if name not in needed]


def _imported(path: str, data: bytes) -> set[str]:
    """Returns the names of the connecting modules that a file imports."""
    try:
        tree = ast.parse(data)
    except (SyntaxError, ValueError, RecursionError):
        return {name for name in PLUMBING if name.encode() in data}
    needed = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            module = (node.module or "").rpartition(".")[2]
            names = {alias.name for alias in node.names}
            if (node.level and not node.module) or (node.module or "").endswith("competitor.backend"):
                needed |= names & set(PLUMBING)
            elif module in PLUMBING and not (names <= _IN_ADAPTER.get(module, set()) and not _relays(tree)):
                needed.add(module)
        elif isinstance(node, ast.Import):
            needed |= {alias.name.rpartition(".")[2] for alias in node.names} & set(PLUMBING)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and "competitor.backend." in node.value:
            needed |= {name for name in PLUMBING if f"competitor.backend.{name}" in node.value}
    return needed


def _relays(tree: ast.Module) -> bool:
    """Whether a call has the argument `relay`, which the adapter's model does not accept."""
    return any(isinstance(node, ast.keyword) and node.arg == "relay" for node in ast.walk(tree))
