"""The rows of a file that a plot is drawn from: CSV, TSV, JSON or YAML, read as DVC reads them. Pure."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping
from typing import Any

from trainer.definition import document
from trainer.definition.document import DocumentError

SUFFIXES = (".csv", ".tsv", ".json", ".yaml", ".yml")
_SLOW = 512 * 1024
"""Bytes of YAML that are read; its reader takes seconds for a megabyte."""

Row = Mapping[str, Any]


class RowsError(Exception):
    """There are no rows in it; the message ends a sentence that begins with the file's name."""


def rows(path: str, content: bytes, *, header: bool = True) -> list[Row]:
    """The rows of a file, as column -> value; without a header the columns are called `0`, `1`, ...

    Raises:
        RowsError: it has none.
    """
    try:
        if path.endswith((".csv", ".tsv")):
            found = _separated(content, "\t" if path.endswith(".tsv") else ",", header=header)
        elif path.endswith(".json") or len(content) <= _SLOW:
            found = _nested(document.load(path, content))
        else:
            raise RowsError("is too large")
    except (DocumentError, RecursionError, csv.Error) as error:
        raise RowsError("cannot be read") from error
    if not found:
        raise RowsError("has no rows")
    return found


def number(value: Any) -> float | None:
    """A value as a finite number of seven digits; None for anything else."""
    try:
        read = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return float(f"{read:.7g}") if math.isfinite(read) else None


def _separated(content: bytes, delimiter: str, *, header: bool) -> list[Row]:
    text = io.StringIO(content.decode("utf-8-sig", errors="replace"), newline="")
    if header:
        return [{str(name): value for name, value in row.items()} for row in csv.DictReader(text, delimiter=delimiter)]
    return [{str(at): value for at, value in enumerate(row)} for row in csv.reader(text, delimiter=delimiter)]


def _nested(values: Any) -> list[Row]:
    """The rows of all lists of records in a document, side by side."""
    found: list[dict[str, Any]] = []
    for records in _lists(values):
        for at, record in enumerate(records):
            if at == len(found):
                found.append({})
            found[at].update({str(name): value for name, value in record.items()})
    return list(found)


def _lists(values: Any) -> Iterator[list[Mapping[Any, Any]]]:
    if isinstance(values, list) and values and all(isinstance(record, Mapping) for record in values):
        yield values
    elif isinstance(values, Mapping):
        for value in values.values():
            yield from _lists(value)
