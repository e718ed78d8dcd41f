"""Makes the template's Python importable without baking a repo. This works because the files contain no Jinja."""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

TEMPLATE = Path(__file__).resolve().parents[1]
UNBAKED = TEMPLATE / "{{cookiecutter.project_slug}}"

# Imports must not write bytecode into the template.
sys.dont_write_bytecode = True
if str(UNBAKED) not in sys.path:
    sys.path.insert(0, str(UNBAKED))


def contract_tests(name: str) -> ModuleType:
    """Imports a module of the generated repo's `tests/contract`, as part of a package `generated_contract`."""
    package = "generated_contract"
    if package not in sys.modules:
        folder = UNBAKED / "tests" / "contract"
        spec = importlib.util.spec_from_file_location(
            package, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )
        assert spec is not None
        sys.modules[package] = importlib.util.module_from_spec(spec)
    return importlib.import_module(f"{package}.{name}")


def adapter(name: str, module: str = "") -> ModuleType:
    """Imports the adapter `name`, or its submodule `module`, as part of the package `competitor.adapters`."""
    package = importlib.import_module("competitor.adapters")
    for each in (TEMPLATE / "templates_variants" / "adapters").iterdir():
        folder = str(each / UNBAKED.name / "competitor" / "adapters")
        if folder not in package.__path__:
            package.__path__.append(folder)
    return importlib.import_module(".".join(filter(None, (package.__name__, name, module))))
