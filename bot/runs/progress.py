"""What the card shows of a run: the location's events, folded into one small record. Pure.

{"step": "repro",
 "stage": {"name": "train", "index": 2, "of": 4, "state": "started"},
 "stages": {"prepare": "skipped", "train": "started"},
 "stage_seconds": {"prepare": 61.5},
 "metric": {"step": 7, "of": 12, "values": {"accuracy": 0.93}},
 "curve": {"points": {"accuracy": [[6, 0.9], [7, 0.93]]}, "epochs": [[6, 1767323045.2], [7, 1767323105.9]]},
 "transfer": {"direction": "pull", "files": 3, "files_total": 9, "bytes": 120, "bytes_total": 900},
 "image": {"inputs": "9f86d0...", "parts": {"Dockerfile.train": "b5bb9d80"}, "state": "building", "step": [3, 9]},
 "restored": true,  (the result of the run that is tried again is still at the machine)
 "moved": {"pull": {"files": 9, "bytes": 900}},
 "seconds": {"prepare": 1.2}}
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from bot.runs import curves
from trainer.events import Event

LONGEST_STAGE = 200
"""Characters of a stage's name that are kept,"""
METRICS = 50
"""values of a `metric` event, and"""
STAGES = 1_000
"""stages."""
_BUILD_STEP = re.compile(
    rb"^(?:\[\d+/\d+\] )?(?:STEP|Step) (\d{1,4})/(\d{1,4}) ?:|^#\d+ \[(?:[^\]\n]* )?(\d{1,4})/(\d{1,4})\]", re.MULTILINE
)
"""How Podman, Docker without BuildKit, and BuildKit begin a step of a Dockerfile."""


def fold(progress: Mapping[str, Any], events: Iterable[Event]) -> dict[str, Any]:
    """The record after `events`; the one given is left as it is."""
    after = dict(progress)
    for event in events:
        data = dict(event.data)
        if event.kind == "step":
            _step(after, data)
        elif event.kind == "stage":
            _stage(after, {**data, "name": str(data.get("name"))[:LONGEST_STAGE]}, event.at)
        elif event.kind == "metric":
            after["metric"] = _bounded(data)
            after["curve"] = curves.grown(after.get("curve") or {}, after["metric"], event.at)
        elif event.kind == "image":
            after["image"] = {**after.get("image", {}), **data}
        elif event.kind == "restored":
            after["restored"] = True
        elif event.kind == "transfer":
            after["transfer"] = data
            done = {"files": data.get("files", 0), "bytes": data.get("bytes", 0)}
            after["moved"] = {**after.get("moved", {}), str(data.get("direction")): done}
    return after


def building(progress: Mapping[str, Any], log: bytes) -> dict[str, Any]:
    """The record after a piece of the log of an image that is built: which step of how many it has come to."""
    found = _BUILD_STEP.findall(log)
    if not found:
        return dict(progress)
    step = [int(number) for number in found[-1] if number]
    return {**progress, "image": {**progress.get("image", {}), "step": step}}


def ran(progress: Mapping[str, Any]) -> bool:
    """Whether any stage did work (finished, rather than skipped or restored from the run cache)."""
    return any(state in ("started", "finished") for state in progress.get("stages", {}).values())


def after_stage(seconds: float | None, stages: Mapping[str, float], stage: str) -> float | None:
    """What is left of `seconds` when the stages up to that one have taken theirs; None when it did not run."""
    if seconds is None or stage not in stages:
        return None
    names = list(stages)
    return max(0.0, seconds - sum(stages[name] for name in names[: names.index(stage) + 1]))


def _stage(after: dict[str, Any], data: Mapping[str, Any], at: str) -> None:
    """Metrics begin anew with each stage."""
    name, state, seconds = data["name"], data.get("state"), data.get("seconds")
    after["stage"] = {key: data[key] for key in ("name", "index", "of", "state", "seconds") if key in data}
    stages, times = after.get("stages", {}), after.get("stage_seconds", {})
    if name in stages or len(stages) < STAGES:
        after["stages"] = {**stages, name: state}
    after.pop("metric", None)
    after.pop("curve", None)
    if state == "started":
        after["curve"] = curves.begun(at)
    elif isinstance(seconds, int | float) and len(times) < STAGES:
        after["stage_seconds"] = {**times, name: seconds}


def _bounded(data: Mapping[str, Any]) -> dict[str, Any]:
    """What a card could show of it: a metrics file may hold a megabyte of names."""
    values = data.get("values")
    pairs = list(values.items())[:METRICS] if isinstance(values, Mapping) else []
    kept = {name: value for name, value in pairs if len(name) <= curves.LONGEST_NAME}
    return {"step": data.get("step"), "of": data.get("of"), "values": kept}


def _step(after: dict[str, Any], data: Mapping[str, Any]) -> None:
    name = str(data.get("name"))
    after["step"] = name
    after.pop("transfer", None)
    if data.get("state") == "finished" and "seconds" in data:
        after["seconds"] = {**after.get("seconds", {}), name: data["seconds"]}
