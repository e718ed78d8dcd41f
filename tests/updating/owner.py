"""Makes an owner's changes in a repo, and checks that none of them is lost."""

import shutil
from pathlib import Path

from ..baking.baking import git

AGENT_LINE = "# A thought of the owner's."
# path -> the owner's line, and the beginning of the line after which it is inserted (empty: the end of the file)
LINES = {
    "competitor/backend/agent.py": (AGENT_LINE, ""),
    "tests/test_backend.py": ("# A test of the owner's.", ""),
    "tests/conftest.py": ("# A fixture of the owner's.", ""),
    "submission.yaml": ('contact: "ada@example.com"', ""),
    "LICENSE": ("With a line of the owner's.", ""),
    "CHANGELOG.md": ("- A change of the owner's.", ""),
    "README.md": ("## How it thinks\n\nSlowly, and then all at once.\n", ""),
    "pyproject.toml": ('\n[tool.coverage.run]\nsource = ["competitor"]', 'Source = "'),
    ".github/workflows/ci.yml": (
        "      - run: python -m competitor settings",
        "      - run: python -m competitor lint",
    ),
    "Dockerfile": ("RUN mkdir /data", "FROM"),
    "Makefile": ("bench:\n\t@echo as fast as you can", "\t@$(PYTHON) -m competitor lint"),
    ".gitignore": ("data/", ""),
}
FILES = {
    "competitor/backend/own_tools.py": '"""A tool of the owner\'s."""\n\n\ndef tide() -> int:\n    return 4\n',
    "tests/test_own_tools.py": "from competitor.backend.own_tools import tide\n\n\n"
    "def test_the_tide() -> None:\n    assert tide() == 4\n",
    "notes/plan.md": "# A plan of the owner's\n",
}
DELETED = "compose.yaml"
RENAMED = (".env.example", "settings.env")
IGNORED = {".env": "JANUS_LLM_API_KEY=of-the-owner\n", "data/large.bin": "of the owner"}


def work(repo: Path, home: Path, *, dependency: str = "") -> None:
    """Makes all of the owner's changes, and commits them."""
    for path, (line, after) in LINES.items():
        add_line(repo / path, line, after)
    for path, text in {**FILES, **IGNORED}.items():
        (repo / path).parent.mkdir(parents=True, exist_ok=True)
        (repo / path).write_text(text, encoding="utf-8")
    if dependency:
        add_line(repo / "competitor/backend/requirements.in", dependency)
    (repo / DELETED).unlink()
    (repo / RENAMED[0]).rename(repo / RENAMED[1])
    commit(repo, home)


def add_line(file: Path, line: str, after: str = "") -> None:
    """Inserts a line after the first line that begins with `after`. If `after` is empty, appends the line."""
    lines = file.read_text(encoding="utf-8").splitlines()
    starts = [number for number, text in enumerate(lines) if after and text.startswith(after)]
    assert starts or not after, f"{file} has no line {after!r}"
    lines.insert(starts[0] + 1 if after else len(lines), line)
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def lost(repo: Path) -> list[str]:
    """Returns the paths at which a change of the owner is lost; an empty list if none is."""
    missing = [path for path, (line, _) in LINES.items() if line not in _text(repo / path)]
    missing += [path for path, text in {**FILES, **IGNORED}.items() if _text(repo / path) != text]
    missing += [path for path in (DELETED, RENAMED[0]) if (repo / path).exists()]
    return missing + [path for path in (RENAMED[1],) if not (repo / path).exists()]


def commit(repo: Path, home: Path) -> None:
    if not (repo / ".git").exists():
        git("init", "-q", "-b", "main", cwd=repo, home=home)
    git("add", "-A", cwd=repo, home=home)
    git("commit", "-qm", "work", cwd=repo, home=home)


def copy(repo: Path, goal: Path) -> Path:
    shutil.copytree(repo, goal, symlinks=True)
    return goal


def everything(repo: Path) -> dict[str, tuple[bytes, int]]:
    """Maps the path of every file and link to its bytes and mode, to compare two repos. Leaves out git's own files."""
    found = {}
    for path in sorted(repo.rglob("*")):
        name = path.relative_to(repo).as_posix()
        if (
            not name.startswith(".git/")
            and "__pycache__" not in path.parts
            and not (path.is_dir() and not path.is_symlink())
        ):
            content = path.readlink().as_posix().encode() if path.is_symlink() else path.read_bytes()
            found[name] = (content, path.lstat().st_mode)
    return found


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.is_file() else ""
