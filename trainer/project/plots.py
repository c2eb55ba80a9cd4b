"""A result's plots as compact data: what `plots` events carry (trainer/events.py), drawn by whoever hears it.

Lines and confusion matrices; scatter plots, bars and images are left to `dvc plots`. Each is small whatever the
project wrote: a line has at most POINTS points, a matrix CLASSES classes, and all plots together ALL bytes.
"""

from __future__ import annotations

import json
import posixpath
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from trainer.data.objects import Cache
from trainer.definition import plots as definition
from trainer.definition.plots import Declared, Series
from trainer.project.commit import Project
from trainer.project.plot_files import PlotFiles
from trainer.project.rows import SUFFIXES, Row, RowsError, number

POINTS = 200
SERIES = 12
CLASSES = 60
PLOTS = 20
ALL = 100_000
"""Bytes of all plots together, as JSON."""
_NAME = 80
_NOT_LINES = ("scatter", "bar")
"""Beginnings of the templates that draw something else."""


@dataclass(frozen=True)
class Found:
    """The plots, and a sentence for each that should be one and could not be read."""

    plots: tuple[Mapping[str, Any], ...]
    problems: tuple[str, ...]


def sources(project: Project, cache: Cache) -> PlotFiles:
    """The files that the plots are drawn from."""
    return PlotFiles(project, cache, definition.declared(project.files, project.graph))


def gather(files: PlotFiles) -> Found:
    """All plots of a result, in the order of their declaration."""
    found: list[Mapping[str, Any]] = []
    problems: list[str] = []
    room, drawn = ALL, set[tuple[str, str | None]]()
    for declared in files.declared:
        for plot in _spread(declared, files):
            if plot.template.startswith(_NOT_LINES) or (plot.of_stage and drawn.issuperset(_columns_of(plot))):
                continue
            try:
                data = _confusion(plot, files) if plot.template.startswith("confusion") else _lines(plot, files)
            except RowsError as error:
                problems.append(f"The plot {_short(plot.title)} was left out: {error}.")
                continue
            size = len(json.dumps(data, ensure_ascii=True))
            if size > room or len(found) == PLOTS:
                problems.append(f"The plot {_short(plot.title)} was left out: there are too many.")
                continue
            room -= size
            drawn.update(_columns_of(plot))
            found.append(data)
    return Found(tuple(found), tuple(problems))


def _columns_of(plot: Declared) -> set[tuple[str, str | None]]:
    return {(each.file, each.y) for each in plot.series} | {(each.file, None) for each in plot.series}


def _spread(plot: Declared, files: PlotFiles) -> Iterator[Declared]:
    """A plot of files as it is; of a folder, one for all files of the same name: `train/loss` beside `eval/loss`."""
    folder = plot.series[0].file
    if folder not in files.folders:
        yield from (plot,) if folder.endswith(SUFFIXES) else ()  # else a picture
        return
    groups: dict[str, list[str]] = {}
    for path in files.paths:
        if path.startswith(f"{folder}/"):
            groups.setdefault(posixpath.splitext(posixpath.basename(path))[0], []).append(path)
    for name, members in groups.items():
        series = tuple(replace(plot.series[0], file=path, x_file=path) for path in members)
        yield replace(plot, title=name, series=series)


def _lines(plot: Declared, files: PlotFiles) -> dict[str, Any]:
    kept = plot.series[:SERIES]
    columns = [_column(files.rows(each.file, plot.header), each.y, each.file) for each in kept]
    names = _names([replace(each, y=column) for each, column in zip(kept, columns, strict=True)])
    series = [
        {"name": _short(name), "points": _points(each, column, plot, files)}
        for each, column, name in zip(kept, columns, names, strict=True)
    ]
    one = columns[0] if len(set(columns)) == 1 else plot.title
    return {
        "kind": "lines",
        "title": _short(plot.title),
        "x": _short(plot.x_label or kept[0].x or "step"),
        "y": _short(plot.y_label or one),
        "series": series,
    }


def _points(series: Series, column: str, plot: Declared, files: PlotFiles) -> list[list[float]]:
    table = files.rows(series.file, plot.header)
    across = files.rows(series.x_file, plot.header) if series.x is not None else table
    x = None if series.x is None else _column(across, series.x, series.x_file)
    points = []
    for at, row in enumerate(table):
        value = number(row.get(column))
        place = number(across[at].get(x)) if x is not None and at < len(across) else None
        if value is not None:
            points.append([float(at) if place is None else place, value])
    if not points:
        raise RowsError(f"{_short(series.file)} has no numbers in {_short(column)}")
    return thinned(points, POINTS)


def thinned(points: Sequence[list[float]], most: int) -> list[list[float]]:
    """At most that many of the points, evenly spread; the first and the last are always among them."""
    if len(points) <= most:
        return list(points)
    return [points[round(at * (len(points) - 1) / (most - 1))] for at in range(most)]


def _confusion(plot: Declared, files: PlotFiles) -> dict[str, Any]:
    (series, *_) = plot.series
    table = files.rows(series.file, plot.header)
    x, y = _column(table, series.x or "actual", series.file), _column(table, series.y, series.file)
    pairs = Counter((_short(row.get(x)), _short(row.get(y))) for row in table)
    labels, counts = folded(pairs, CLASSES)
    return {
        "kind": "confusion",
        "title": _short(plot.title),
        "x": _short(plot.x_label or x),
        "y": _short(plot.y_label or y),
        "labels": labels,
        "counts": counts,
    }


def folded(pairs: Mapping[tuple[str, str], int], most: int) -> tuple[list[str], list[list[int]]]:
    """Labels, and how often each of them (a row) came with each (a column).

    Of more than `most` labels those stay that were mistaken most often, and the others are one: `87 others`.
    """
    labels = sorted({label for pair in pairs for label in pair}, key=_in_order)
    kept = labels
    if len(labels) > most:
        mistakes = Counter[str]()
        for (one, other), count in pairs.items():
            if one != other:
                mistakes.update({one: count, other: count})
        worst = set(sorted(labels, key=lambda label: -mistakes[label])[: most - 1])
        kept = [label for label in labels if label in worst] + [f"{len(labels) - most + 1} others"]
    place = {label: at for at, label in enumerate(kept)}
    counts = [[0] * len(kept) for _ in kept]
    for (one, other), count in pairs.items():
        counts[place.get(one, len(kept) - 1)][place.get(other, len(kept) - 1)] += count
    return kept, counts


def _in_order(label: str) -> tuple[float, str]:
    """Numbers by their value, before words by their letters."""
    value = number(label)
    return (float("inf") if value is None else value, label)


def _column(table: Sequence[Row], name: str | None, path: str) -> str:
    if name is None:
        return next(reversed(list(table[0])))
    if name not in table[0]:
        raise RowsError(f"{_short(path)} has no column {_short(name)}")
    return name


def _names(series: Sequence[Series]) -> list[str]:
    """What tells the series apart: their columns, or the parts of their files' paths that differ, or both."""
    stems = [posixpath.splitext(each.file)[0].split("/") for each in series]
    while all(stems) and len({stem[0] for stem in stems}) == 1:
        stems = [stem[1:] for stem in stems]
    while all(stems) and len({stem[-1] for stem in stems}) == 1:
        stems = [stem[:-1] for stem in stems]
    columns = [each.y or "" for each in series]
    differ = len(set(columns)) > 1 or not any(stems)
    parts = [[*stem, column] if differ else stem for stem, column in zip(stems, columns, strict=True)]
    return [" ".join(part for part in each if part) for each in parts]


def _short(text: object) -> str:
    line = " ".join(str(text).split())
    return line if len(line) <= _NAME else line[: _NAME - 1] + "…"
