"""Misbehaviour on demand: what a test asks for happens to the next calls of one method."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Literal, get_args

FaultKind = Literal["429", "500", "503", "reset_before", "reset_after", "delay"]
KINDS: tuple[str, ...] = get_args(FaultKind)


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to a call.

    `429`, `500`, `503`: refused with that status and nothing done; 429 tells the caller to come back after
    `retry_after` seconds. `reset_before`: the connection closes without an answer and nothing is done;
    `reset_after`: the same, and everything IS done. `delay`: done and answered after `retry_after` seconds.
    """

    kind: FaultKind
    retry_after: float = 1.0


class Faults:
    """The misbehaviour still to come, by method. Safe to fill from any thread.

    Beside the Web API's methods there are `upload` (the upload address of a file), `response_url`, `link` (a
    socket is refused as it opens: any kind) and `ack` (what the app acknowledges is lost: any kind).
    """

    def __init__(self) -> None:
        self._planned: dict[str, list[Fault]] = {}
        self._lock = threading.Lock()

    def plan(self, method: str, fault: Fault, *, times: int = 1) -> None:
        """The next `times` calls of `method` (`*`: any method) suffer `fault`, after what was planned before."""
        with self._lock:
            self._planned.setdefault(method, []).extend([fault] * times)

    def take(self, method: str) -> Fault | None:
        """What this call of `method` suffers; it counts as suffered."""
        with self._lock:
            for name in (method, "*"):
                if self._planned.get(name):
                    return self._planned[name].pop(0)
        return None

    def clear(self) -> None:
        """Behave again."""
        with self._lock:
            self._planned.clear()
