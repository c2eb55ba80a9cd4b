# ruff: noqa: INP001 - a script, no module of a package
"""Writes ssm-document.json: the document `Stationmaster-Run`, with ssm_run.py inside.

    python deploy/ssm_document.py
    aws ssm create-document --name Stationmaster-Run --document-type Command --content file://deploy/ssm-document.json

Afterwards `aws ssm update-document --name Stationmaster-Run --document-version '$LATEST' --content ...` and
`aws ssm update-document-default-version`. Each parameter has a type and a pattern that holds no sign a shell could
read; commands and data travel as base64.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
BASE64 = "^[A-Za-z0-9+/]*={0,2}$"
PARAMETERS: dict[str, dict[str, Any]] = {
    "verb": {
        "description": "What to do.",
        "allowedValues": ["open", "put", "run", "more", "read"],
    },
    "call": {
        "description": "Name of the call: of several commands with the same one, one runs it.",
        "default": "0",
        "allowedPattern": "^[0-9a-f]{1,32}$",
    },
    "user": {
        "description": "Who runs it; root when empty.",
        "default": "",
        "allowedPattern": "^([A-Za-z_][A-Za-z0-9._-]{0,31})?$",
    },
    "seconds": {
        "description": "So long the command may run.",
        "default": "15",
        "allowedPattern": "^[0-9]{1,4}([.][0-9]{1,3})?$",
    },
    "number": {
        "description": "put: which part. run: how many parts were put. more: 1 standard output, 2 standard error.",
        "default": "0",
        "allowedPattern": "^[0-9]{1,4}$",
    },
    "offset": {
        "description": "Where to begin to read.",
        "default": "0",
        "allowedPattern": "^[0-9]{1,15}$",
    },
    "limit": {
        "description": "How many bytes to read at most.",
        "default": "0",
        "allowedPattern": "^[0-9]{1,8}$",
    },
    "argv": {
        "description": "The command's words with NUL between them, or a path: compressed (zlib), as base64.",
        "default": "",
        "allowedPattern": BASE64,
        "maxChars": 20000,
    },
    "data": {
        "description": "put, run: a part of standard input, sealed to the machine's certificate, as base64.",
        "default": "",
        "allowedPattern": BASE64,
        "maxChars": 20000,
    },
}


def document() -> dict[str, Any]:
    """The document's content."""
    words = " ".join(f"'{{{{ {name} }}}}'" for name in PARAMETERS)
    script = (HERE / "ssm_run.py").read_text(encoding="utf-8").splitlines()
    return {
        "schemaVersion": "2.2",
        "description": "Runs one command for Stationmaster, once, and says how it ended.",
        "parameters": {name: {"type": "String", **parameter} for name, parameter in PARAMETERS.items()},
        "mainSteps": [
            {
                "action": "aws:runShellScript",
                "name": "run",
                "precondition": {"StringEquals": ["platformType", "Linux"]},
                "inputs": {
                    "timeoutSeconds": "3600",
                    "runCommand": [f"exec python3 -I -S - {words} <<'STATIONMASTER'", *script, "STATIONMASTER"],
                },
            }
        ],
    }


if __name__ == "__main__":
    (HERE / "ssm-document.json").write_text(json.dumps(document(), indent=2) + "\n", encoding="utf-8")
