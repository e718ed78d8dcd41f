"""Reads `submission.yaml` strictly: it refuses YAML that two parsers could read differently."""
# Contract file: replaced by updates.

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from .fields import RULES, Problem, problems

FILE = "submission.yaml"
MAX_BYTES = 64 * 1024
COMPARED = "The reviewer compares this digest with the release's: `python -m tools.verify REPO` in the template."


class _Loader(yaml.SafeLoader):
    """A YAML loader that refuses repeated fields, and also aliases: they could make a small file very large."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="has an alias (*); write the value out", problem_mark=mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen:
                said = f"has {str(key.value)[:60]} twice; leave one of them out"
                raise yaml.MarkedYAMLError(problem=said, problem_mark=key.start_mark)
            seen.add(key.value if isinstance(key.value, str) else "")
        return super().construct_mapping(node, deep)


def read(root: Path) -> tuple[Mapping[str, object], list[Problem]]:
    """Reads the form in the repo `root`. Returns its fields, and all problems with them."""
    try:
        data = (root / FILE).read_bytes()
    except OSError as error:
        return {}, [Problem(FILE, f"cannot be read ({error.strerror}); it belongs in the root of the repo")]
    return parsed(data)


def parsed(data: bytes) -> tuple[Mapping[str, object], list[Problem]]:
    """Parses the bytes of a form, YAML in UTF-8. Returns its fields, and all problems with them."""
    if len(data) > MAX_BYTES:
        return {}, [Problem(FILE, f"is larger than {MAX_BYTES} bytes; write only the fields of the form")]
    try:
        given = yaml.load(data.decode("utf-8"), _Loader)  # noqa: S506 # nosec B506 - it inherits from SafeLoader
    except UnicodeDecodeError:
        return {}, [Problem(FILE, "is not in UTF-8; save it in that encoding")]
    except yaml.MarkedYAMLError as error:
        return {}, [Problem(FILE, _marked(error))]
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}, [Problem(FILE, 'is not valid YAML; write one `field: "value"` on each line')]
    if not isinstance(given, dict):
        return {}, [Problem(FILE, 'must be a mapping; write one `field: "value"` on each line')]
    return given, problems(given)


def paste(form: Mapping[str, object], contract: str = "") -> str:
    """The form as text to paste, one paragraph for each field. The last paragraph is `contract`, with the digest."""
    given = [(name.capitalize(), form.get(name)) for name in RULES]
    given.append(("Contract files", f"{contract}\n{COMPARED}" if contract else ""))
    return "\n".join(f"{name}\n{value}\n" for name, value in given if value)


def _marked(error: yaml.MarkedYAMLError) -> str:
    where = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
    said = error.problem or "is not valid YAML"
    if ";" in said:
        return f"{said.partition(';')[0]}{where};{said.partition(';')[2]}"
    return f"is not valid YAML{where}: {said}; put values in double quotes"
