"""Builds the documentation site: `make site`. Its pages are the Markdown that the repo shows.

A link to another page becomes a link of the site; a link to any other file of the repo leads to GitHub. What only
GitHub understands is written as MkDocs wants it. The pages of a generated repo are those of the default variant.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

ROOT = Path(__file__).resolve().parents[2]
SLUG = "{{cookiecutter.project_slug}}"
SOURCE, BUILT = ROOT / "build" / "site-source", ROOT / "build" / "site"
CONFIG = Path(__file__).with_name("mkdocs.yml")
REPOSITORY = "https://github.com/org/janus-template"
# The pages of a generated repo that the site shows.
OF_A_REPO = ("README.md", "CONTRACT.md", "SECURITY.md", "docs/*.md", "competitor/backend/README.md")
OF_THE_TEMPLATE = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "docs/**/*.md")
_FENCE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
_NAMED = re.compile(r"^( *```\w+) +(\S+)$", re.MULTILINE)
_LINE_THEN_LIST = re.compile(r"^((?:> )?)((?![-*+] |[#>|\s]).+\n)(?=\1[-*+] )", re.MULTILINE)
_LINK = re.compile(r"(!?\[(?:[^\[\]]|\[[^\]]*\])*\]\()([^)\s]+)(\))")
_IMAGE = re.compile(r'(<img[^>]* src=")([^"]+)(")')


def main() -> int:
    shutil.rmtree(SOURCE, ignore_errors=True)
    with tempfile.TemporaryDirectory() as scratch:
        gather(bake(Path(scratch)))
    code = rendered(SOURCE.parent / "mkdocs.yml")
    if code == 0:
        print(f"{len(list(BUILT.rglob('*.html')))} pages: {(BUILT / 'index.html').relative_to(ROOT)}")
    return code


def rendered(config: Path) -> int:
    """Runs MkDocs and prints its warnings. Returns its exit code, which is not 0 if there is one."""
    mkdocs = ROOT / os.environ.get("VENV", ".venv") / "site" / "bin" / "mkdocs"
    # Not with `--quiet`, which drops the warnings before the strict mode counts them.
    command = [str(mkdocs), "build", "--config-file", str(config)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, check=False, env=environment, stderr=subprocess.PIPE, text=True, encoding="utf-8")
    print("".join(line for line in done.stderr.splitlines(keepends=True) if not line.startswith("INFO ")), end="")
    return done.returncode


def bake(folder: Path) -> Path:
    """A generated repo of the default variant, whatever the user's own configuration of cookiecutter says."""
    config, made = folder / "config.yaml", folder / "made"
    config.write_text(f"replay_dir: {folder.as_posix()}\ncookiecutters_dir: {folder.as_posix()}\n", encoding="utf-8")
    command = [sys.executable, "-m", "cookiecutter", str(ROOT), "--no-input", "--output-dir", str(made)]
    subprocess.run([*command, "--config-file", str(config)], check=True, stdout=subprocess.DEVNULL)
    (repo,) = made.iterdir()
    return repo


def gather(repo: Path) -> None:
    """Writes all pages, with their pictures, and the configuration."""
    pages = {f"{SLUG}/{path.relative_to(repo).as_posix()}": path for path in matching(repo, OF_A_REPO)}
    pages |= {path.relative_to(ROOT).as_posix(): path for path in matching(ROOT, OF_THE_TEMPLATE)}
    for name, path in pages.items():
        written = SOURCE / place(name)
        written.parent.mkdir(parents=True, exist_ok=True)
        written.write_text(linked(path.read_text(encoding="utf-8"), name, set(pages)), encoding="utf-8")
    for picture in (*ROOT.glob("docs/*.svg"), *ROOT.glob("docs/*.png")):
        shutil.copy(picture, SOURCE / "docs" / picture.name)
    shutil.copy(CONFIG.with_name("site.css"), SOURCE / "site.css")
    config = CONFIG.read_text(encoding="utf-8").replace("../../build/", "")
    (SOURCE.parent / "mkdocs.yml").write_text(config.replace("CLAUSES", clauses()), encoding="utf-8")


def matching(folder: Path, patterns: tuple[str, ...]) -> Iterator[Path]:
    for pattern in patterns:
        yield from sorted(folder.glob(pattern))


def place(name: str) -> str:
    """Where the page of a file is in the site."""
    if name == "README.md":
        return "index.md"
    return name.replace(SLUG, "repo")


def clauses() -> str:
    """The entries of the clauses' pages, in the order of the contract."""
    order = "ERWSUANXP"
    names = [path.stem for path in (ROOT / "docs" / "clauses").glob("*.md") if path.stem != "README"]
    names.sort(key=lambda name: (order.index(name[0]), int(name[1:])))
    entries = [f"{name}: docs/clauses/{name}.md" for name in names]
    return "[" + ", ".join(["All of them: docs/clauses/README.md", *entries]) + "]"


def linked(text: str, name: str, pages: set[str]) -> str:
    """A page's text with the links of the site. Code in fences stays as it is; a file that a fence names is a title."""
    parts = []
    end = 0
    for fence in _FENCE.finditer(text):
        parts += [_prose(text[end : fence.start()], name, pages), _NAMED.sub(r'\1 title="\2"', fence[0], count=1)]
        end = fence.end()
    return "".join([*parts, _prose(text[end:], name, pages)])


def _prose(text: str, name: str, pages: set[str]) -> str:
    """Text without code, with the links of the site. MkDocs wants an empty line before a list."""
    return _LINE_THEN_LIST.sub(r"\1\2\1\n", _relinked(text, name, pages))


def _relinked(text: str, name: str, pages: set[str]) -> str:
    def changed(found: re.Match[str]) -> str:
        return f"{found[1]}{target(found[2], name, pages)}{found[3]}"

    return _IMAGE.sub(changed, _LINK.sub(changed, text))


def target(link: str, name: str, pages: set[str]) -> str:
    """Where a link of a page leads to on the site."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc or not parts.path:
        return link
    path = PurePosixPath(os.path.normpath(PurePosixPath(name).parent / unquote(parts.path))).as_posix()
    anchor = f"#{parts.fragment}" if parts.fragment else ""
    page = next((each for each in (path, f"{path}/README.md") if each in pages), None)
    if page is not None or (ROOT / path).suffix in (".svg", ".png"):
        here = PurePosixPath(place(name)).parent
        return os.path.relpath(place(page or path), here).replace(os.sep, "/") + anchor
    if not (ROOT / path).exists() and path.startswith(SLUG):  # a file that only a generated repo has
        path = f"templates_variants/proxy/{path}"
    if not (ROOT / path).exists():
        raise SystemExit(f"{name}: {link} leads nowhere")
    kind = "tree" if (ROOT / path).is_dir() else "blob"
    return f"{REPOSITORY}/{kind}/main/{path.replace('{', '%7B').replace('}', '%7D')}{anchor}"


if __name__ == "__main__":
    sys.exit(main())
