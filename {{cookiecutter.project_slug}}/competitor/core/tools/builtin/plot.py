"""The tool `plot`: charts as PNG images. It needs matplotlib, an optional dependency; see requirements-plot.in."""
# Contract file: replaced by updates.

import asyncio
import importlib.util
import io
import os
import tempfile
import threading
import warnings
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from ...artifacts.save import Artifacts
from ...limits import MAX_PLOT_VALUES
from ..tool import Result, ToolError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Number = Annotated[float, Field(ge=-1e15, le=1e15)]
Word = Annotated[str, Field(max_length=100)]
Kind = Literal["bar", "line", "scatter", "pie"]
# With more labels than this, horizontal labels would overlap.
MAX_LEVEL_LABELS = 8
INCHES, DOTS_AN_INCH = (8.0, 4.5), 120
# matplotlib shares its caches of fonts and layouts between threads without locks.
_ONE_AT_A_TIME = threading.Lock()


@cache
def available() -> bool:
    return importlib.util.find_spec("matplotlib") is not None


class Plotter:
    """Draws the charts of one answer."""

    def __init__(self, artifacts: Artifacts):
        self._artifacts = artifacts

    async def plot(
        self,
        values: Annotated[list[Number], Field(min_length=1, max_length=MAX_PLOT_VALUES)],
        labels: Annotated[list[Word], Field(max_length=MAX_PLOT_VALUES)] = [],  # noqa: B006 - pydantic copies it
        kind: Kind = "bar",
        title: Word = "",
    ) -> Result:
        """Shows the user a chart."""
        if labels and len(labels) != len(values):
            raise ToolError(f"There are {len(values)} values and {len(labels)} labels; give one for each, or none.")
        if kind == "pie" and (min(values) < 0 or not any(values)):
            raise ToolError("A pie needs values that are not negative, and one that is not zero; try another kind.")
        png = await asyncio.to_thread(_drawn, values, labels, kind, title)
        made = await self._artifacts.save(png, f"{title or kind + ' chart'}.png")
        said = f"The user sees the {kind} chart {made.display_name} of {len(values)} values."
        return Result(said, details={"size_bytes": made.size_bytes}, artifacts=(made,))


def _drawn(values: list[float], labels: list[str], kind: Kind, title: str) -> bytes:
    with _ONE_AT_A_TIME:
        figure = _figure()
        axes = figure.add_subplot()
        _KINDS[kind](axes, values, labels or [str(number) for number in range(1, len(values) + 1)])
        axes.set_title(title)
        made = io.BytesIO()
        figure.savefig(made, format="png", dpi=DOTS_AN_INCH)
    return made.getvalue()


def _figure() -> "Figure":
    """Makes a figure. Gives matplotlib a temporary folder for its caches: others may be read-only in a container."""
    owner = f"-{os.getuid()}" if hasattr(os, "getuid") else ""
    os.environ.setdefault("MPLCONFIGDIR", os.path.join(tempfile.gettempdir(), f"janus-matplotlib{owner}"))
    import matplotlib
    from matplotlib.figure import Figure

    matplotlib.rcParams["text.parse_math"] = False  # otherwise a price in dollars would be read as a formula
    # A letter that the font lacks is drawn as a box; this keeps the warning out of the log.
    warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
    return Figure(figsize=INCHES, layout="constrained")


def _named(axes: "Axes", labels: list[str]) -> None:
    """Labels the x axis with as many labels as fit, rotated if there are many."""
    step = -(-len(labels) // (4 * MAX_LEVEL_LABELS))
    turned = len(labels) > MAX_LEVEL_LABELS
    axes.set_xticks(range(0, len(labels), step), labels[::step], rotation=60 if turned else 0)
    axes.grid(axis="y", alpha=0.3)


def _bar(axes: "Axes", values: list[float], labels: list[str]) -> None:
    axes.bar(range(len(values)), values)
    _named(axes, labels)


def _line(axes: "Axes", values: list[float], labels: list[str]) -> None:
    axes.plot(range(len(values)), values, marker="o" if len(values) <= 4 * MAX_LEVEL_LABELS else "")
    _named(axes, labels)


def _scatter(axes: "Axes", values: list[float], labels: list[str]) -> None:
    axes.scatter(range(len(values)), values)
    _named(axes, labels)


def _pie(axes: "Axes", values: list[float], labels: list[str]) -> None:
    axes.pie(values, labels=labels)


_KINDS: dict[Kind, Callable[..., Any]] = {"bar": _bar, "line": _line, "scatter": _scatter, "pie": _pie}
