"""An SSM document of type Command: what its parameters may be, and the script that they make of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

LARGEST = 65536
"""Bytes of a document with its parameters filled in."""
_PLACE = re.compile(r"\{\{ *([A-Za-z0-9_]+) *\}\}")


class BadParameters(Exception):  # noqa: N818 - SSM's answer, not a failure of ours
    """SSM's InvalidParameters."""


@dataclass(frozen=True)
class Document:
    """The parts of a document that Run Command acts on."""

    parameters: Mapping[str, Mapping[str, Any]]
    lines: Sequence[str]
    seconds: int

    @classmethod
    def read(cls, content: str) -> Document:
        """From its JSON. `ValueError` for one that this stand-in cannot run."""
        told = json.loads(content)
        step = told["mainSteps"][0]
        if told.get("schemaVersion") != "2.2" or step["action"] != "aws:runShellScript":
            raise ValueError("Only schema 2.2 with one step aws:runShellScript is understood here.")
        inputs = step["inputs"]
        return cls(told.get("parameters", {}), inputs["runCommand"], int(inputs.get("timeoutSeconds", "3600")))

    def script(self, given: Mapping[str, Sequence[str]]) -> str:
        """What the agent gives to `sh`, after SSM has looked at every parameter."""
        values = {name: str(each.get("default", "")) for name, each in self.parameters.items()}
        for name in self.parameters:
            if name not in given and "default" not in self.parameters[name]:
                raise BadParameters(f"Parameter {name} is required.")
        for name, each in given.items():
            if name not in self.parameters or len(each) != 1:
                raise BadParameters(f"Parameter {name} is not one of the document's.")
            values[name] = _checked(name, each[0], self.parameters[name])
        script = _PLACE.sub(lambda place: values.get(place[1], place[0]), "\n".join(self.lines) + "\n")
        if len(script.encode()) > LARGEST:
            raise BadParameters("The document with its parameters is too large.")
        return script


def _checked(name: str, value: str, wanted: Mapping[str, Any]) -> str:
    allowed = wanted.get("allowedValues")
    pattern = wanted.get("allowedPattern")
    fits = (allowed is None or value in allowed) and (pattern is None or re.fullmatch(pattern, value) is not None)
    if not fits or len(value) > int(wanted.get("maxChars", LARGEST)):
        raise BadParameters(f"Parameter {name} does not fit what the document allows.")
    return value
