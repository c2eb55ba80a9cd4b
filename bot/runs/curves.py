"""How the metrics of the stage that runs have gone so far, in bounded form. Pure.

{"points": {"accuracy": [[1, 0.5], [2, 0.75]]}, "epochs": [[0, 1767323045.2], [1, 1767323105.9]]}

`points`: step -> value of each metric. `epochs`: when the last few steps were over, by the machine's clock (seconds).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from statistics import median
from typing import Any, TypeGuard

NAMES, POINTS, EPOCHS = 12, 60, 9
"""Metrics that are kept, points of each, and times."""
LONGEST_NAME = 100

_HELD_OUT = re.compile(r"(^|[/._ -])(val|valid|validation|eval|test|dev)([/._ -]|$)", re.IGNORECASE)
_FALLS = re.compile(r"loss|error|perplexity|\b(mse|mae|rmse|wer|cer)\b", re.IGNORECASE)
_NO_METRIC = re.compile(r"(^|[/._ -])(lr|learning_rate|epoch|step|seed|time|seconds|eta)([/._ -]|$)", re.IGNORECASE)

Curve = Mapping[str, Any]


def begun(at: str) -> dict[str, Any]:
    """The curve of a stage that begins at that moment (ISO 8601)."""
    seconds = _seconds(at)
    return {"points": {}, "epochs": [] if seconds is None else [[0, seconds]]}


def grown(curve: Curve, metric: Mapping[str, Any], at: str) -> dict[str, Any]:
    """The curve after a `metric` event; the one given is left as it is."""
    step = metric.get("step")
    values = metric.get("values")
    if not _is_number(step) or not isinstance(values, Mapping):
        return dict(curve)
    points = dict(curve.get("points") or {})
    for name, value in values.items():
        if _is_number(value) and len(str(name)) <= LONGEST_NAME and (name in points or len(points) < NAMES):
            points[name] = _with(points.get(name) or [], step, value)
    return {"points": points, "epochs": _timed(list(curve.get("epochs") or []), step, _seconds(at))}


def main(curve: Curve) -> tuple[str, list[float]] | None:
    """The metric that says most, with its values: of held-out data rather than not, and no loss if possible."""
    points = curve.get("points")
    told = [(name, [value for _, value in line]) for name, line in (points or {}).items() if len(line) > 1]
    return min(told, key=_says_little, default=None)


def seconds_left(curve: Curve, of: Any, now: float) -> float | None:
    """How long the steps up to `of` will take, by how long the last few took; None while nobody can tell."""
    epochs = curve.get("epochs") or []
    if not _is_number(of) or len(epochs) < 2:  # noqa: PLR2004 - from one to the next
        return None
    pairs = pairwise(epochs)
    usual = median((after - before) / (step - last) for (last, before), (step, after) in pairs)
    done, at = epochs[-1]
    # `now` is of another clock: whatever it says, the step that runs is between its begin and its end.
    running = min(max(0.0, now - at), usual)
    return max(0.0, (of - done) * usual - running) if of >= done else None


def _with(line: Sequence[Any], step: float, value: float) -> list[Any]:
    """The line with one more point; a step that comes again is corrected, and one that goes back begins anew."""
    kept = [point for point in line if point[0] < step] if not line or line[-1][0] <= step else []
    kept.append([step, value])
    if len(kept) > POINTS:
        # The one whose neighbours are closest together is missed least; the first and the last stay.
        gaps = [after[0] - before[0] for before, after in zip(kept, kept[2:], strict=False)]
        del kept[1 + gaps.index(min(gaps))]
    return kept


def _timed(epochs: list[Any], step: float, at: float | None) -> list[Any]:
    if at is None or (epochs and step == epochs[-1][0]):
        return epochs
    if epochs and (step < epochs[-1][0] or at < epochs[-1][1]):
        return [[step, at]]
    return [*epochs, [step, at]][-EPOCHS:]


def _says_little(told: tuple[str, list[float]]) -> tuple[bool, bool, bool]:
    name, values = told
    constant = min(values) == max(values) or _NO_METRIC.search(name) is not None
    return constant, _FALLS.search(name) is not None, _HELD_OUT.search(name) is None


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15  # noqa: PLR2004 - also no NaN


def _seconds(at: str) -> float | None:
    try:
        return datetime.fromisoformat(at).timestamp()
    except (ValueError, OverflowError):
        return None
