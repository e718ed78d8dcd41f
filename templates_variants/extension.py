"""Runs before anything is rendered: tells a hook in which folder the template is, and refuses Jinja in answers.

cookiecutter's own `_repo_dir` is relative for local templates and missing under cruft. But while a hook is *rendered*,
the working directory is always the template's root.
"""

import json
import logging
from pathlib import Path

from cookiecutter.exceptions import FailedHookException
from jinja2 import Environment
from jinja2.ext import Extension

_FOLDER = "{{cookiecutter.project_slug}}"


def template_root() -> str:
    """The folder with `cookiecutter.json` and `templates_variants/`: the working directory or a folder above it."""
    here = Path.cwd().resolve()
    for folder in (here, *here.parents):
        if (folder / "cookiecutter.json").is_file() and (folder / "templates_variants").is_dir():
            return str(folder)
    raise RuntimeError(f"{here} is not in a copy of this template")


class TemplateRoot(Extension):
    """Adds `template_root()` to the template's Jinja environment, and lets it render the template's own texts only.

    cookiecutter renders each answer that is not typed, so Jinja in it would run before any hook could check it.
    """

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        # A hook that refuses says why, and a traceback of cookiecutter's own code would only hide it.
        logging.getLogger("cookiecutter.hooks").addFilter(_is_no_failed_hook)
        environment.globals["template_root"] = template_root
        slug_of = environment.filters["slugify"]
        # A name without letters and digits has no slug. "-" is refused by the hook, with a sentence about the answer.
        environment.filters["slugify"] = lambda text: slug_of(text) or "-"

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """Refuses a text with Jinja that is neither a file nor a value of the template."""
        if name is None and _has_jinja(source.replace(_FOLDER, "")) and source not in _own_texts():
            shown = ascii(source if len(source) <= 60 else source[:60] + "...")
            raise FailedHookException(
                f"An answer must not contain {{{{, {{% or {{#, but one is {shown}.\nNothing was created."
            )
        return source


def _is_no_failed_hook(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], FailedHookException))


def _has_jinja(text: str) -> bool:
    return any(mark in text for mark in ("{{", "{%", "{#"))


def _own_texts() -> set[str]:
    """The values of `cookiecutter.json`, and the hooks."""
    root = Path(__file__).resolve().parents[1]
    values = json.loads((root / "cookiecutter.json").read_text(encoding="utf-8")).values()
    hooks = {path.read_text(encoding="utf-8") for path in (root / "hooks").glob("*.py")}
    return {value for value in values if isinstance(value, str)} | hooks
