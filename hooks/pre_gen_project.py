"""Checks the answers, and any existing repo, before anything is written. Answers are read as data, never run."""

import json
import sys
from pathlib import Path

answers = json.loads(r'''{{ cookiecutter | tojson }}''')  # fmt: skip
template = Path(json.loads(r'''{{ template_root() | tojson }}'''))  # fmt: skip
sys.path.insert(0, str(template))

from templates_variants.engine.bake.questions import problems, refusal  # noqa: E402
from templates_variants.engine.update.preconditions import Refused  # noqa: E402
from templates_variants.engine.update.rebake import before  # noqa: E402 - needs the path that was added above


def end(said: str) -> None:
    sys.exit(said.encode("ascii", "backslashreplace").decode())


wrong = problems(answers, template)
if wrong:
    end(refusal(answers, wrong))
try:
    before(answers, template, Path.cwd())
except Refused as refused:
    end(f"Nothing was changed: {refused}.")
except OSError as error:
    end(f"Nothing was changed: {error}. Fix the cause, then run the command again.")
