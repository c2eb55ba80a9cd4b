"""What a launch is asked to do, and the environment that its step gets. Standard library only, and pure."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STEPS = ("prepare", "repro", "publish", "compare")
PASSED_ON = ("HOME", "LANG", "LC_ALL", "SHELL", "TMPDIR", "TZ", "USER")
"""The caller's variables that a step may see; everything else of the caller's environment stays with the caller."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET = re.compile(
    r"^(?:AWS|SLACK|GITLAB|GIT)_|(?:^|_)(?:TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?|API_?KEY|PRIVATE_?KEY)(?:_|$)",
    re.IGNORECASE,
)


class OrderError(Exception):
    """The order is not one; the message says which field is wrong."""


@dataclass(frozen=True)
class Order:
    """One step of one run, to be started once. `secrets` are empty for repro and compare, whatever was sent."""

    name: str
    step: str
    fence: int
    run_dir: Path
    workdir: Path
    project: str
    spec: Mapping[str, Any]
    secrets: Mapping[str, Any]

    @property
    def argv(self) -> list[str]:
        """The step's command line. `-P`: nothing in the current folder can stand in for `trainer`."""
        words = ["-P", "-m", "trainer", self.step, "--run-dir", str(self.run_dir), "--job", self.name]
        return [sys.executable, *words]

    @property
    def record(self) -> dict[str, Any]:
        """What goes to job.json: everything but the secrets."""
        return {
            "name": self.name,
            "step": self.step,
            "fence": self.fence,
            "run_dir": str(self.run_dir),
            "workdir": str(self.workdir),
            "spec": dict(self.spec),
        }


def read(record: Mapping[str, Any]) -> Order:
    """The order in a JSON object.

    Raises:
        OrderError: a field is missing or is not what it should be.
    """
    step = record.get("step")
    if step not in STEPS:
        raise OrderError(f"step is {step!r}; it must be one of {', '.join(STEPS)}")
    fence = record.get("fence")
    if not isinstance(fence, int) or isinstance(fence, bool) or fence < 0:
        raise OrderError(f"fence is {fence!r}; it must be a whole number")
    spec = record.get("spec")
    if not isinstance(spec, dict) or not isinstance(spec.get("project"), str):
        raise OrderError("spec must be an object with the project's path")
    secrets = record.get("secrets") or {}
    if not isinstance(secrets, dict):
        raise OrderError("secrets must be an object")
    return Order(
        name=job_name(record.get("name")),
        step=step,
        fence=fence,
        run_dir=folder("run_dir", record.get("run_dir")),
        workdir=folder("workdir", record.get("workdir")),
        project=spec["project"],
        spec=spec,
        secrets=secrets if step in ("prepare", "publish") else {},
    )


def job_name(name: object) -> str:
    """A name that is one path segment and no option."""
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise OrderError(f"{name!r} is no job name; letters, digits, dots, dashes and underscores only")
    return name


def folder(field: str, path: object) -> Path:
    """An absolute path without a step upwards."""
    if not isinstance(path, str) or not path.startswith("/") or ".." in Path(path).parts:
        raise OrderError(f"{field} is {path!r}; it must be an absolute path")
    return Path(path)


def environment(spec: Mapping[str, Any], caller: Mapping[str, str]) -> dict[str, str]:
    """All that a step sees: an allow-list of the caller's variables, and what `spec["env"]` names.

    `spec["env"]` is an object (name -> value) or a list of the caller's names to pass on. Names that look like a
    credential's are refused: those travel as secrets, and only to prepare and publish.

    Raises:
        OrderError: a name is none, or is a credential's.
    """
    path = caller.get("PATH") or os.defpath
    allowed = {name: caller[name] for name in PASSED_ON if name in caller}
    allowed["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{path}"
    allowed.setdefault("LANG", "C.UTF-8")
    extra = spec.get("env") or {}
    if isinstance(extra, list):
        extra = {name: caller[name] for name in extra if name in caller}
    if not isinstance(extra, dict):
        raise OrderError("spec.env must be an object, or a list of names")
    for name, value in extra.items():
        if not _VARIABLE.fullmatch(str(name)) or _SECRET.search(str(name)):
            raise OrderError(f"spec.env may not hold {name}: credentials travel as secrets")
        allowed[str(name)] = str(value)
    return allowed
