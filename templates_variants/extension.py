"""Tells a hook in which folder the template is, whichever tool runs the template.

cookiecutter's own `_repo_dir` is relative for local templates and missing under cruft. But while a hook is *rendered*,
the working directory is always the template's root.
"""

from pathlib import Path

from jinja2 import Environment
from jinja2.ext import Extension


def template_root() -> str:
    """The folder with `cookiecutter.json` and `templates_variants/`: the working directory or a folder above it."""
    here = Path.cwd().resolve()
    for folder in (here, *here.parents):
        if (folder / "cookiecutter.json").is_file() and (folder / "templates_variants").is_dir():
            return str(folder)
    raise RuntimeError(f"{here} is not in a copy of this template")


class TemplateRoot(Extension):
    """Adds `template_root()` to the template's Jinja environment."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.globals["template_root"] = template_root
