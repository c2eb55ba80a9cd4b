"""The plots that a project declares, as its dvc.yaml files say: what is drawn against what, from which files. Pure.

The rules are DVC's (dvc.org/doc/user-guide/project-structure/dvcyaml-files, "plots"): at the top level a plot is a
file or a folder, or a name with axes; at a stage it is an output, with properties.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from trainer.definition import document
from trainer.definition.document import DocumentError
from trainer.definition.graph import PIPELINE_FILE, Graph, is_inside, join


@dataclass(frozen=True)
class Series:
    """One column `y` of `file`, against the column `x` of `x_file`. None: the last column; the number of the row."""

    file: str
    y: str | None = None
    x_file: str = ""
    x: str | None = None


@dataclass(frozen=True)
class Declared:
    """A plot as declared. Paths count from the repository's root, and the only one may be that of a folder.

    `of_stage`: it is an output of a stage, which the top level may draw as well, and better.
    """

    title: str
    series: tuple[Series, ...]
    template: str = ""
    x_label: str = ""
    y_label: str = ""
    header: bool = True
    of_stage: bool = False


def declared(files: Mapping[str, bytes], graph: Graph) -> list[Declared]:
    """All plots: those at the top level of the dvc.yaml files, then the stages'. What is not valid is left out."""
    found = [plot for path, content in sorted(files.items()) for plot in _top_level(path, content)]
    outs = [out for stage in graph.stages for out in stage.outs if out.kind == "plot"]
    own = [plot for out in outs if (plot := _plot("", out.path, out.plot)) is not None]
    return found + [replace(plot, of_stage=True) for plot in own]


def _top_level(path: str, content: bytes) -> Iterator[Declared]:
    folder, name = posixpath.split(path)
    if name != PIPELINE_FILE:
        return
    try:
        top = document.load(path, content)
    except DocumentError:
        return
    plots = top.get("plots") if isinstance(top, Mapping) else None
    for item in plots if isinstance(plots, list) else [plots]:
        for name_, body in item.items() if isinstance(item, Mapping) else [(item, None)] if item else []:
            plot = _plot(folder, str(name_), body)
            if plot is not None:
                yield plot


def _plot(folder: str, name: str, body: Any) -> Declared | None:
    body = body if isinstance(body, Mapping) else {}
    if "${" in repr((name, body)):
        return None  # only DVC can resolve it
    series = tuple(_series(folder, name, body))
    if not series or not all(is_inside(path) for each in series for path in (each.file, each.x_file)):
        return None
    return Declared(
        title=str(body.get("title") or posixpath.splitext(posixpath.basename(name))[0] or name),
        series=series,
        template=str(body.get("template") or ""),
        x_label=str(body.get("x_label") or ""),
        y_label=str(body.get("y_label") or ""),
        header=body.get("header") is not False,
    )


def _series(folder: str, name: str, body: Mapping[str, Any]) -> Iterator[Series]:
    x, y = body.get("x"), body.get("y")
    xs = dict(_columns(x)) if isinstance(x, Mapping) else {}
    own = next(iter(xs), name) if not isinstance(y, Mapping) else name
    ys = list(_columns(y)) if isinstance(y, Mapping) else [(own, field) for field in _fields(y)]
    for file, field in ys:
        x_file = file if file in xs or not xs else next(iter(xs))
        column = xs.get(x_file) if xs else x
        yield Series(join(folder, file), field, join(folder, x_file), None if column is None else str(column))


def _columns(axis: Mapping[Any, Any]) -> Iterator[tuple[str, str | None]]:
    for file, fields in axis.items():
        for field in _fields(fields):
            yield str(file), field


def _fields(value: Any) -> list[str | None]:
    """The columns that are named; the last one, which None stands for, where none is."""
    if isinstance(value, list):
        return [str(each) for each in value]
    return [None if value is None else str(value)]
