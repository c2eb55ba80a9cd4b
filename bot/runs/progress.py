"""What the card shows of a run: the location's events, folded into one small record. Pure.

{"step": "repro",
 "stage": {"name": "train", "index": 2, "of": 4, "state": "started"},
 "stages": {"prepare": "skipped", "train": "started"},
 "took": {"train": 84.2},
 "metric": {"step": 7, "of": 12, "values": {"accuracy": 0.93}},
 "transfer": {"direction": "pull", "files": 3, "files_total": 9, "bytes": 120, "bytes_total": 900},
 "image": {"inputs": "9f86d0...", "parts": {"Dockerfile.train": "b5bb9d80"}, "state": "building"},
 "moved": {"pull": {"files": 9, "bytes": 900}},
 "seconds": {"prepare": 1.2}}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from trainer.events import Event


def fold(progress: Mapping[str, Any], events: Iterable[Event]) -> dict[str, Any]:
    """The record after `events`; the one given is left as it is."""
    after = dict(progress)
    for event in events:
        data = dict(event.data)
        if event.kind == "step":
            _step(after, data)
        elif event.kind == "stage":
            after["stage"] = data
            after["stages"] = {**after.get("stages", {}), str(data.get("name")): data.get("state")}
            after.pop("metric", None)
            if data.get("state") == "finished" and isinstance(data.get("seconds"), int | float):
                after["took"] = {**after.get("took", {}), str(data.get("name")): data["seconds"]}
        elif event.kind == "metric":
            after["metric"] = data
        elif event.kind == "image":
            after["image"] = {**after.get("image", {}), **data}
        elif event.kind == "transfer":
            after["transfer"] = data
            done = {"files": data.get("files", 0), "bytes": data.get("bytes", 0)}
            after["moved"] = {**after.get("moved", {}), str(data.get("direction")): done}
    return after


def ran(progress: Mapping[str, Any]) -> bool:
    """Whether any stage did work (finished, rather than skipped or restored from the run cache)."""
    return any(state in ("started", "finished") for state in progress.get("stages", {}).values())


def _step(after: dict[str, Any], data: Mapping[str, Any]) -> None:
    name = str(data.get("name"))
    after["step"] = name
    after.pop("transfer", None)
    if data.get("state") == "finished" and "seconds" in data:
        after["seconds"] = {**after.get("seconds", {}), name: data["seconds"]}
