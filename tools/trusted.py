"""Loads `competitor/cli/verify.py` from this checkout by its path, never from the repo that is reviewed."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "{{cookiecutter.project_slug}}" / "competitor" / "cli" / "verify.py"


def _load() -> ModuleType:
    sys.dont_write_bytecode = True  # leaves no bytecode in the template's folder
    spec = importlib.util.spec_from_file_location("janus_trusted_verify", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


verify = _load()
