"""What a run measured and was made with, as flat names; and in what two differ. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.runs.model import Run

KEPT = 100
"""Names of another release that are kept to be compared with."""
LONGEST = 200
"""Characters of a name, and of a value that is a text."""


def metrics(run: Run) -> dict[str, Any]:
    """The metrics of a run's result; empty before there is one."""
    return _flat(run, "metrics")


def params(run: Run) -> dict[str, Any]:
    """The parameters that a run's stages were given."""
    return _flat(run, "params")


def data(run: Run) -> dict[str, Any]:
    """Path -> checksum of the data that a run was given."""
    return _flat(run, "data")


def differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    """Names whose values are not the same, those of the first in front. What only one has is not the same."""
    return [name for name in {**one, **other} if name not in one or name not in other or one[name] != other[name]]


def brief(run: Run, beside: Run) -> dict[str, Any]:
    """What is to be kept of an earlier release that `beside` is compared with: its metrics, and other parameters."""
    earlier, now = params(run), params(beside)
    others = differing(now, earlier)[:KEPT]
    return {
        "tag": run.tag,
        "branch": run.branch,
        "metrics": {name: _short(value) for name, value in list(metrics(run).items())[:KEPT]},
        "params": {name: _short(earlier.get(name)) for name in others},
    }


def flatten(values: Mapping[str, Any], limit: int = 500) -> dict[str, Any]:
    """Nested metrics as `outer.inner` -> value, the least nested first, at most `limit` of them.

    One file's name around everything is left out: nobody needs `metrics.json.accuracy`.
    """
    inner = next(iter(values.values())) if len(values) == 1 else None
    if isinstance(inner, Mapping) and "." in next(iter(values)):
        values = inner
    level: list[tuple[str, Mapping[str, Any]]] = [("", values)]
    flat: dict[str, Any] = {}
    while level and len(flat) < limit:
        below = []
        for prefix, mapping in level:
            for name, value in mapping.items():
                if isinstance(value, Mapping):
                    below.append((f"{prefix}{name}.", value))
                elif len(flat) < limit:
                    flat[f"{prefix}{name}"] = value
        level = below
    return flat


def _flat(run: Run, name: str) -> dict[str, Any]:
    found = run.result.get(name)
    flat = flatten(found) if isinstance(found, Mapping) else {}
    return {key: value for key, value in flat.items() if len(key) <= LONGEST}


def _short(value: Any) -> Any:
    return value if value is None or isinstance(value, int | float) else str(value)[:LONGEST]
