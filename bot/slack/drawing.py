"""Plots to PNG: `python -m bot.slack.drawing`, a process of its own for each picture. JSON in, PNG out.

matplotlib takes 100 MB that the bot does not have to keep, and what is drawn comes from other people's files: this
process has a limit of time and memory, and no secrets in its environment.
"""

from __future__ import annotations

import io
import json
import resource
import sys
import warnings
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from bot.runs.plots import Confusion, Lines, Plot, Series, read

MEMORY = 2 * 1024**3
"""Bytes of address space; what is really used is a tenth of it."""
SECONDS = 60
"""Of processor time."""
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's, which colour-blind people can tell apart on white (jfly.uni-koeln.de/color)."""
DASHES = ("solid", "dashed", "dotted", "dashdot")
"""For whoever sees no colours at all."""
_DOTS_PER_INCH, _LONGEST = 200, 2_400
"""Twice what is needed, for screens that show twice as much; and the most pixels of a side."""
_FEW_POINTS, _FEW_LABELS = 40, 25
_LABEL = 24
_SETTINGS: Any = {"font.size": 11, "font.family": "DejaVu Sans", "text.parse_math": False, "axes.unicode_minus": False}


def figure(plots: Sequence[Plot]) -> Figure:
    """All plots in one figure on white, which stays readable where Slack is dark: one above another, or two by two."""
    columns = 1 if len(plots) <= 2 else 2  # noqa: PLR2004 - two below one another still fit a preview
    rows = -(-len(plots) // columns)
    wide, high = _size(plots)
    size = (wide * columns, high * rows)
    dots = min(_DOTS_PER_INCH, _LONGEST / max(size))
    drawn = Figure(figsize=size, dpi=dots, facecolor="white", layout="constrained")
    for at, plot in enumerate(plots):
        axes = drawn.add_subplot(rows, columns, at + 1)
        _lines(axes, plot) if isinstance(plot, Lines) else _confusion(axes, plot)
        axes.set_title(plot.title, fontweight="bold")
        axes.set_xlabel(plot.x)
        axes.set_ylabel(plot.y)
    return drawn


def png(plots: Sequence[Plot]) -> bytes:
    """The picture; the same plots are the same picture."""
    with mpl.rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a letter that the font lacks is a box
        content = io.BytesIO()
        figure(plots).savefig(content, format="png", metadata={"Software": None})
    return content.getvalue()


def _size(plots: Sequence[Plot]) -> tuple[float, float]:
    """Inches of one plot; a matrix of many classes needs room for them."""
    most = max((len(plot.labels) for plot in plots if isinstance(plot, Confusion)), default=0)
    return (6.4, 3.8) if not most else (3.2 + 0.26 * max(most, 10), 2.6 + 0.26 * max(most, 10))


def _lines(axes: Axes, plot: Lines) -> None:
    for at, series in enumerate(plot.series):
        _line(axes, series, COLOURS[at % len(COLOURS)], DASHES[at % len(DASHES)])
    axes.grid(color="#dddddd", linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if all(x == int(x) for series in plot.series for x, _ in series.points):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(plot.series) > 1:
        axes.legend(frameon=False, fontsize="small")


def _line(axes: Axes, series: Series, colour: str, dash: str) -> None:
    xs, ys = [x for x, _ in series.points], [y for _, y in series.points]
    marker = "o" if len(xs) <= _FEW_POINTS else ""
    axes.plot(xs, ys, color=colour, linestyle=dash, linewidth=2, marker=marker, markersize=4, label=_cut(series.name))


def _confusion(axes: Axes, plot: Confusion) -> None:
    """Labels of `x` across, of `y` down; each row of counts is one label of `x`, hence a column here."""
    counts = [list(column) for column in zip(*plot.counts, strict=True)]
    most = max(max(row) for row in counts) or 1
    axes.imshow([[(count / most) ** 0.5 for count in row] for row in counts], cmap="Blues", vmin=0, vmax=1.2)
    places = range(len(plot.labels))
    labels = [_cut(label) for label in plot.labels]
    small = 9 if len(labels) <= _FEW_LABELS else 7
    axes.set_xticks(places, labels, rotation=90, fontsize=small)
    axes.set_yticks(places, labels, fontsize=small)
    for y, row in enumerate(counts):
        for x, count in enumerate(row):
            if count:
                dark = (count / most) ** 0.5 > 0.7  # noqa: PLR2004 - where black on blue is hard to read
                colour = "white" if dark else "black"
                axes.text(x, y, _count(count), ha="center", va="center", fontsize=small - 1, color=colour)


def _count(count: int) -> str:
    """In the room of one cell: `812`, `12k`, `3M`."""
    for size, unit in ((10**6, "M"), (10**4, "k")):
        if count >= size:
            return f"{count // (10**6 if unit == 'M' else 10**3)}{unit}"
    return str(count)


def _cut(text: str) -> str:
    # matplotlib leaves out of a legend what begins with an underscore.
    text = text.lstrip("_") or text or " "
    return text if len(text) <= _LABEL else f"{text[: _LABEL - 1]}…"


def main() -> None:
    """The plots of standard input, drawn to standard output."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    given: Any = json.load(sys.stdin)
    sys.stdout.buffer.write(png(read(given)))


if __name__ == "__main__":
    main()
