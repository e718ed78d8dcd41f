"""Checks the answers before anything is written. The answers come in as data, never as code."""

import json
import sys
from pathlib import Path

answers = json.loads(r'''{{ cookiecutter | tojson }}''')  # fmt: skip
template = Path(json.loads(r'''{{ template_root() | tojson }}'''))  # fmt: skip
sys.path.insert(0, str(template))

from templates_variants.questions import problems, refusal  # noqa: E402 - the path to it was not known before

wrong = problems(answers, template)
if wrong:
    sys.exit(refusal(answers, wrong).encode("ascii", "backslashreplace").decode())
