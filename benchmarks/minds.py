"""`make minds`: evaluates every variant behind scripted minds, and writes the tables of docs/score.md.

A mind is a model that knows the tasks of `competitor eval` and has one flaw, or none. Each cell is one run of the
command. `python -m benchmarks.minds --subset 3 --minds perfect,slow --variants proxy` chooses.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.baking.baking import VARIANTS, bake

from .environments import ROOT
from .report import table

PAGE = ROOT / "docs" / "score.md"
MINDS = (
    *("perfect", "forgetful", "careless", "hasty", "one-call", "eager", "wrong", "inventive", "artless", "buggy"),
    *("unruly", "verbose", "slow", "bursty"),
)
PARTS = ("quality", "speed", "cost", "streaming", "modality")
FIXING = ("off", "convert", "ask")
FOR_FIXING = ("perfect", "careless", "hasty")
CALL_KINDS = "choose,several,chain,schema"
FIXING_SUBSET = 20


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.minds", description=__doc__)
    parser.add_argument("--subset", type=int, default=3, help="tasks of each kind (3)")
    parser.add_argument("--minds", default=",".join(MINDS), help="comma-separated")
    parser.add_argument("--variants", default=",".join(VARIANTS), help="comma-separated")
    given = parser.parse_args()
    minds, variants = given.minds.split(","), given.variants.split(",")
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        for name in ("home", *variants):
            (Path(folder) / name).mkdir()
        repos = {name: bake(Path(folder) / name, home, {"backend": name}) for name in variants}
        found = {(mind, name): _evaluated(repos[name], mind, given.subset) for mind in minds for name in variants}
        pages = {
            "minds": _scores(minds, variants, found),
            "perfect": _parts(variants, found) if "perfect" in minds else "",
            "fixing": _fixing(repos["proxy"]) if "proxy" in variants else "",
        }
    for text in pages.values():
        print(text)
    if (given.minds, given.variants) == (",".join(MINDS), ",".join(VARIANTS)):
        text = PAGE.read_text(encoding="utf-8")
        for name, made in pages.items():
            between = re.compile(rf"(?<=<!-- {name} -->\n).*?(?=<!-- /{name} -->)", re.DOTALL)
            text = between.sub(f"\n{made}\n\n", text)
        PAGE.write_text(text, encoding="utf-8")
    return 0


def _evaluated(repo: Path, mind: str, subset: int, *options: str) -> Any:
    """The report of one run, as the command writes it."""
    print(f"  {repo.parent.name}: {mind}", file=sys.stderr)
    file = repo.parent / "eval.json"
    command = [sys.executable, "-m", "competitor", "eval", "--here", "--mind", mind, "--subset", str(subset)]
    ran = subprocess.run(
        [*command, "--json", str(file), "--fresh", *options], cwd=repo, capture_output=True, text=True, check=False
    )
    if ran.returncode:
        raise SystemExit(f"{' '.join(command)} in a repo of {repo.parent.name} ended with:\n{ran.stdout}{ran.stderr}")
    made = json.loads(file.read_text(encoding="utf-8"))
    file.unlink()
    return made


def _scores(minds: Sequence[str], variants: Sequence[str], found: dict[tuple[str, str], Any]) -> str:
    """The whole score of each variant behind each mind."""
    rows = [[f"*{mind}*", *(f"{found[mind, name]['score']:.1f}" for name in variants)] for mind in minds]
    return table(["Mind", *(f"*{name}*" for name in variants)], rows)


def _parts(variants: Sequence[str], found: dict[tuple[str, str], Any]) -> str:
    """What each variant loses behind the perfect mind, by the parts of the score."""
    rows = []
    for name in variants:
        run = found["perfect", name]
        rows.append([f"*{name}*", f"{run['score']:.1f}", *(f"{run['parts'][part]:.0f}" for part in PARTS)])
    return table(["Variant", "Score", *PARTS], rows)


def _fixing(repo: Path) -> str:
    """What JANUS_FIX_CALLS earns in the tasks with the client's tools, and what it costs."""
    rows, env = [], repo / ".env"
    for setting in FIXING:
        env.write_text(f"JANUS_FIX_CALLS={setting}\n", encoding="utf-8")
        runs = [_evaluated(repo, mind, FIXING_SUBSET, "--kind", CALL_KINDS) for mind in FOR_FIXING]
        rows.append([f"`{setting}`", *(f"{run['parts']['quality']:.0f}, {run['tokens']}" for run in runs)])
    env.unlink()
    return table(["`JANUS_FIX_CALLS`", *(f"*{mind}*: quality, tokens" for mind in FOR_FIXING)], rows)


if __name__ == "__main__":
    sys.exit(main())
