"""A row of the ledger as a `Run`, and back."""

from __future__ import annotations

import json
from dataclasses import fields

from bot.runs.database import Row
from bot.runs.model import Kind, Phase, Reason, Run, TrainOptions

JSON_FIELDS = ("detail", "times", "progress", "result")
_NAMES = {field.name for field in fields(Run)}


def run_of(row: Row) -> Run:
    """The run that a whole row of `runs` holds."""
    values = {name: value for name, value in row.items() if name in _NAMES}
    for name in JSON_FIELDS:
        values[name] = json.loads(values[name])
    values["options"] = TrainOptions.of(json.loads(values["options"]))
    values["kind"] = Kind(values["kind"])
    values["phase"] = Phase(values["phase"])
    values["reason"] = Reason(values["reason"]) if values["reason"] else None
    values["holds"] = bool(values["holds"])
    return Run(**values)
