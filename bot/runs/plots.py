"""A result's plots, as its `plots` event tells them, and which pictures are made of them. Pure.

What a location writes is not trusted: whatever is not as trainer/events.py describes it is left out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

CURVES, CONFUSION = "learning-curves", "confusion-matrix"
"""Names of pictures: what they show."""
PANELS, MATRICES = 4, 2
"""Line plots in one picture, and confusion matrices of one run, at most."""
_PART = re.compile(r"^(train|training|val|valid|validation|eval|test|dev)[_-]", re.IGNORECASE)
"""How a metric's name begins where it is not the name of a group."""
_PLOTS, _SERIES, _POINTS, _LABELS, _TEXT = 20, 24, 200, 60, 80


@dataclass(frozen=True)
class Series:
    """One line: its points (x, y), in the order of their steps."""

    name: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Lines:
    """One or more lines against the same axes, which are called `x` and `y`."""

    title: str
    x: str
    y: str
    series: tuple[Series, ...]


@dataclass(frozen=True)
class Confusion:
    """`counts[i][j]`: how often the label `i` of `x` came with the label `j` of `y`."""

    title: str
    x: str
    y: str
    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


Plot = Lines | Confusion


def read(plots: Any) -> tuple[Plot, ...]:
    """The plots of an event, or of the ledger."""
    given = plots[:_PLOTS] if isinstance(plots, list | tuple) else ()
    found = [_read(plot) for plot in given if isinstance(plot, Mapping)]
    return tuple(plot for plot in found if plot is not None)


def written(plot: Plot) -> dict[str, Any]:
    """The same as JSON: what `read` reads."""
    same = {"title": plot.title, "x": plot.x, "y": plot.y}
    if isinstance(plot, Lines):
        return {"kind": "lines", **same, "series": [{"name": it.name, "points": it.points} for it in plot.series]}
    return {"kind": "confusion", **same, "labels": plot.labels, "counts": plot.counts}


def pictures(plots: Sequence[Plot]) -> dict[str, tuple[Plot, ...]]:
    """Name -> plots of the pictures that are made of these: all lines in one, each confusion matrix by itself."""
    lines = tuple(plot for plot in plots if isinstance(plot, Lines))[:PANELS]
    matrices = [plot for plot in plots if isinstance(plot, Confusion)][:MATRICES]
    found: dict[str, tuple[Plot, ...]] = {CURVES: lines} if lines else {}
    for number, plot in enumerate(matrices, 1):
        found[CONFUSION if number == 1 else f"{CONFUSION}-{number}"] = (plot,)
    return found


def as_far_as_it_came(curve: Mapping[str, Any]) -> tuple[Plot, ...]:
    """The plots of a training that did not end, from the curve of its progress (`curves`).

    Metrics of the same last name are lines of one plot: `train.loss`, `validation/loss` and `val_loss`.
    """
    found: dict[str, list[Any]] = {}
    for name, points in (curve.get("points") or {}).items():
        if len(points) > 1:
            last = _PART.sub("", re.split(r"[./]", name)[-1])
            found.setdefault(last, []).append({"name": name, "points": points})
    return read([{"kind": "lines", "title": y, "x": "epoch", "y": y, "series": lines} for y, lines in found.items()])


def beside(first: Sequence[Plot], second: Sequence[Plot], names: tuple[str, str]) -> tuple[Lines, ...]:
    """The line plots of two runs, those of the same title in one, each line with its run's name in front."""
    found: dict[str, Lines] = {}
    for plots, name in zip((first, second), names, strict=True):
        for plot in plots:
            if isinstance(plot, Lines):
                before = found.get(plot.title, Lines(plot.title, plot.x, plot.y, ()))
                own = tuple(Series(f"{name} {series.name}", series.points) for series in plot.series)
                found[plot.title] = Lines(before.title, before.x, before.y, (*before.series, *own))
    return tuple(found.values())[:PANELS]


def _read(plot: Mapping[str, Any]) -> Plot | None:
    title, x, y = (_text(plot.get(name)) for name in ("title", "x", "y"))
    if plot.get("kind") == "lines":
        series = tuple(it for each in _list(plot.get("series"))[:_SERIES] if (it := _series(each)) is not None)
        return Lines(title, x, y, series) if series else None
    if plot.get("kind") == "confusion":
        labels = tuple(_text(label) for label in _list(plot.get("labels"))[:_LABELS])
        counts = tuple(tuple(_count(it) for it in _list(row)[: len(labels)]) for row in _list(plot.get("counts")))
        square = len(counts) == len(labels) and all(len(row) == len(labels) for row in counts)
        return Confusion(title, x, y, labels, counts) if labels and square else None
    return None


def _series(given: Any) -> Series | None:
    if not isinstance(given, Mapping):
        return None
    pairs = [pair for pair in _list(given.get("points"))[:_POINTS] if isinstance(pair, list | tuple)]
    points = tuple((float(pair[0]), float(pair[1])) for pair in pairs if len(pair) == 2 and all(map(_is_number, pair)))  # noqa: PLR2004 - x and y
    return Series(_text(given.get("name")), points) if points else None


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else ()


def _is_number(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and abs(value) < 1e300 and math.isfinite(value)  # noqa: PLR2004 - an axis has to hold their differences


def _count(value: Any) -> int:
    return min(max(value, 0), 10**12) if isinstance(value, int) and not isinstance(value, bool) else 0


def _text(value: Any) -> str:
    """On one line, and without what could not be drawn."""
    line = " ".join(str(value if value is not None else "")[: 4 * _TEXT].split())
    return "".join(character for character in line if character.isprintable())[:_TEXT]
