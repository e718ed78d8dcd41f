"""Adds the chosen backend, or finishes an update, and prints the next steps. Answers are read as data, never run."""

import json
import sys
from pathlib import Path

answers = json.loads(r'''{{ cookiecutter | tojson }}''')  # fmt: skip
template = Path(json.loads(r'''{{ template_root() | tojson }}'''))  # fmt: skip
sys.path.insert(0, str(template))

from templates_variants.engine.bake.overlay import next_steps, put_in  # noqa: E402
from templates_variants.engine.update.rebake import after  # noqa: E402 - needs the path that was added above

sys.stdout.reconfigure(errors="backslashreplace")
ended = after(template, Path.cwd())
if ended is None:
    put_in(answers, template, Path.cwd())
    print(next_steps(Path.cwd()))
sys.exit(ended or 0)
