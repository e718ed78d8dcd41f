"""Draws the plots of docs/performance.md as SVG that is readable on light and dark pages.

python -m benchmarks.plots RESULTS.json FOLDER        in the environment of the peers, which has matplotlib
"""

import json
import statistics
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("svg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from .costs import SCALE
from .goals import Results, ratio, runs
from .lineup import OURS, PEERS
from .patterns import BUSY, PATTERNS

GREY, OURS_COLOR, OTHERS_COLOR = "#8b949e", "#2f81f7", "#9a7d4f"  # enough contrast on white and on near black
LINES = ("#8b949e", "#2f81f7", "#d29922", "#e5534b")
MARKS = ("s", "o", "^", "D")
STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "benchmarks",  # the same results give the same bytes
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.alpha": 0.3,
    **dict.fromkeys(
        ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color", "grid.color"), GREY
    ),
}
SHOWN_PATTERNS = ("b90-500", "speculative", "end")


def plain(name: str) -> str:
    return PEERS[name].about.replace("*", "").replace("`", "")


def cost(results: Results, axes: Axes) -> None:
    """A bar for each server: tokens per CPU second as a share of nginx's, with 50 streams."""
    found = {name: measured for name in PEERS if (measured := ratio(results, "s50", name, "nginx"))}
    names = sorted(found, key=lambda name: found[name].median)
    values = [found[name].median for name in names]
    spread = [[found[n].median - found[n].minimum for n in names], [found[n].maximum - found[n].median for n in names]]
    colors = [OURS_COLOR if name in OURS else OTHERS_COLOR for name in names]
    axes.barh([plain(name) for name in names], values, xerr=spread, color=colors, ecolor=GREY)
    for place, value in enumerate(values):
        axes.text(value + 0.03, place + 0.12, f"{value:.2f}", va="bottom", fontsize=8)
    axes.set_xlabel("tokens per CPU second, as a share of nginx's (50 streams, a token every 20 ms)")


def scale(results: Results, axes: Axes) -> None:
    """A line for each server: CPU per token against the number of streams."""
    for (name, found), color, mark in zip(results["scale"].items(), LINES, MARKS, strict=False):
        counts = sorted({run["streams"] for run in found if run["cpu_us"]})
        costs = [statistics.median(r["cpu_us"] for r in found if r["streams"] == n and r["cpu_us"]) for n in counts]
        axes.plot(counts, costs, marker=mark, color=color, label=plain(name))
    axes.set(xscale="log", ylim=(0, None), xlabel="concurrent streams (2,500 tokens per second in total)")
    axes.set_xticks(SCALE, [f"{count:,}" for count in SCALE])
    axes.minorticks_off()
    axes.set_ylabel("µs of CPU per token")
    axes.grid(visible=True)
    axes.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)


def even(results: Results, axes: Axes, section: str = "even") -> None:
    """A line for each pattern, from its score without pacing to its score with pacing."""
    names = [name for name in PATTERNS if runs(results, section, f"{name}/relay")]
    for place, name in enumerate(reversed(names)):
        off, on = (
            statistics.median(run["evenness"] for run in runs(results, section, f"{name}/{mode}"))
            for mode in ("relay", "paced")
        )
        axes.plot([off, on], [place, place], color=GREY, linewidth=1, zorder=1)
        axes.scatter([off], [place], color=OTHERS_COLOR, marker="D", zorder=2, label="" if place else "without pacing")
        axes.scatter([on], [place], color=OURS_COLOR, zorder=3, label="" if place else "with pacing")
    axes.set_yticks(range(len(names)), [PATTERNS[name][1] for name in reversed(names)])
    axes.set(xlabel="evenness by the contract's formula, 0 to 100", xlim=(0, 103))
    axes.grid(visible=True, axis="x")
    axes.legend(frameon=False, loc="lower right")


def arrivals(results: Results, axes: Axes, pattern: str) -> None:
    """A line for each mode: the share of one answer's deltas that had arrived, over time."""
    for mode, color in (("relay", OTHERS_COLOR), ("paced", OURS_COLOR)):
        times = runs(results, "even", f"{pattern}/{mode}")[0]["arrivals_s"]
        shares = [100 * (number + 1) / len(times) for number in range(len(times))]
        axes.step(
            times, shares, where="post", color=color, label="with pacing" if mode == "paced" else "without pacing"
        )
    axes.set(title=PATTERNS[pattern][1], xlabel="seconds since the request", ylabel="% of the deltas", xlim=(0, None))
    axes.grid(visible=True)


def save(folder: Path, name: str) -> None:
    plt.tight_layout()
    plt.savefig(folder / f"{name}.svg", transparent=True, metadata={"Date": None})
    plt.close()


def main(source: Path, folder: Path) -> None:
    results: Results = json.loads(source.read_text())["sections"]
    mpl.rcParams.update(STYLE)
    folder.mkdir(parents=True, exist_ok=True)
    for draw, section, size in ((cost, "s50", (8, 3.6)), (scale, "scale", (8, 3.6)), (even, "even", (8, 3.8))):
        if section in results:
            draw(results, plt.subplots(figsize=size)[1])
            save(folder, f"performance-{draw.__name__}")
    if BUSY in results:
        even(results, plt.subplots(figsize=(8, 3.8))[1], BUSY)
        save(folder, "performance-even-busy")
    if "even" in results:
        _, all_axes = plt.subplots(1, len(SHOWN_PATTERNS), figsize=(10, 3.2))
        for axes, pattern in zip(all_axes, SHOWN_PATTERNS, strict=True):
            arrivals(results, axes, pattern)
        all_axes[0].legend(frameon=False, loc="upper left")
        save(folder, "performance-arrivals")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
