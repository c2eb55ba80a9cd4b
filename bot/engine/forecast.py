"""What a training would move, take and cost, from what the last ones did. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.runs.charges import HOUR, LEAST_SECONDS
from bot.runs.model import FREED, Phase, Run
from trainer.definition.graph import Out

RUNS = 5
"""How many of the last runs an estimate is the median of."""


@dataclass(frozen=True)
class Pull:
    """Data that has to be fetched. `size` in bytes, None while unknown; `at_most`: some of it may be there already."""

    size: int | None
    at_most: bool = False


def pull(needed: Sequence[Out], there: Collection[str], paths_there: Collection[str]) -> Pull:
    """What of the data is not at the machine. `there` are checksums, `paths_there` where some version of it is."""
    missing = {out.oid: out for out in needed if out.oid not in there}.values()
    sizes = [out.size for out in missing]
    known = [size for size in sizes if size is not None]
    at_most = not there or any(out.is_dir and out.path in paths_there for out in missing)
    return Pull(sum(known) if len(known) == len(sizes) else None, at_most and bool(missing))


def seconds(running: Collection[str], stages: Sequence[str], past: Iterable[Run]) -> float | None:
    """How long a machine would be had, from `past` (the newest first, all ended well); None when they do not tell."""
    runs = [run for run in past if _held(run) is not None]
    if not runs:
        return None
    around = _median([max(0.0, (_held(run) or 0.0) - sum(_took(run).values())) for run in runs[:RUNS]])
    parts = [_median([_took(run)[name] for run in runs if name in _took(run)][:RUNS]) for name in running]
    if around is None or None in parts:
        whole = [_held(run) for run in runs if set(stages) == set(_took(run))]
        return _median([each for each in whole if each is not None][:RUNS]) if set(running) == set(stages) else None
    return around + sum(part for part in parts if part is not None)


def dollars(seconds: float | None, prices: Sequence[float | None]) -> float | None:
    """What so long costs on the dearest of the machines; None when that is not known."""
    known = [price for price in prices if price is not None]
    if seconds is None or not known or len(known) < len(prices):
        return None
    return max(seconds, LEAST_SECONDS) * max(known) / HOUR


def _held(run: Run) -> float | None:
    """Seconds from getting the machine to giving it back."""
    begin, end = run.times.get(Phase.STARTING), run.times.get(Phase.RELEASING, run.times.get(FREED))
    return None if begin is None or end is None else end - begin


def _took(run: Run) -> Mapping[str, Any]:
    """Seconds of each stage that did its work, and was not skipped or restored."""
    seconds, states = run.progress.get("stage_seconds"), run.progress.get("stages") or {}
    if not isinstance(seconds, Mapping):
        return {}
    return {name: each for name, each in seconds.items() if states.get(name) == "finished"}


def _median(values: Sequence[float]) -> float | None:
    return sorted(values)[len(values) // 2] if values else None
