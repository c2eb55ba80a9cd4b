"""Faults on order: the next calls of an operation fail in the way that was asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from bot.clock import Clock
from bot.sandbox.aws.http import Answer, ConnectionLost

DELAY = "delay"
RESET_BEFORE = "reset_before"
RESET_AFTER = "reset_after"
STALE = "stale"
KINDS = (DELAY, RESET_BEFORE, RESET_AFTER, STALE)

STATUS = {
    "AccessDenied": 403,
    "AccessDeniedException": 400,
    "AuthFailure": 401,
    "ConditionalRequestConflict": 409,
    "IncorrectInstanceState": 400,
    "InstanceLimitExceeded": 400,
    "InsufficientInstanceCapacity": 500,
    "InternalError": 500,
    "InternalServerError": 500,
    "InvalidInstanceID.NotFound": 400,
    "InvalidInstanceId": 400,
    "InvocationDoesNotExist": 400,
    "NoSuchKey": 404,
    "PreconditionFailed": 412,
    "RequestLimitExceeded": 503,
    "SlowDown": 503,
    "ThrottlingException": 400,
    "UnauthorizedOperation": 403,
    "UnrecognizedClientException": 400,
    "VcpuLimitExceeded": 400,
}
"""AWS's error codes that can be ordered, with the HTTP status each comes in."""


@dataclass
class Fault:
    """What the next `times` calls of `operation` meet. `seconds` is for `delay`."""

    operation: str
    kind: str
    times: int
    seconds: float = 0.0


class Faults:
    """The faults that wait for their call, first ordered first met."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._guard = threading.Lock()
        self._waiting: list[Fault] = []
        self._closed = threading.Event()

    def order(self, fault: Fault) -> None:
        """Let it wait for its call. `ValueError` for a kind that does not exist."""
        if fault.kind not in KINDS and fault.kind not in STATUS:
            raise ValueError(f"No such fault: {fault.kind}. There are {', '.join((*KINDS, *STATUS))}.")
        with self._guard:
            self._waiting.append(fault)

    def take(self, operation: str) -> Fault | None:
        """The fault that this call of `operation` meets, if any; it is used up by that."""
        with self._guard:
            for fault in self._waiting:
                if fault.operation == operation:
                    fault.times -= 1
                    if fault.times <= 0:
                        self._waiting.remove(fault)
                    return fault
        return None

    def forget(self) -> None:
        """Let none wait any more."""
        with self._guard:
            self._waiting.clear()

    def close(self) -> None:
        """End the delays that still wait."""
        self._closed.set()

    def meet(self, fault: Fault | None, answer: Callable[[], Answer], refuse: Callable[[str, int], Answer]) -> Answer:
        """The answer that a call gets that met `fault`: `answer()` does the deed, `refuse(code, status)` says no."""
        if fault is None or fault.kind == STALE:
            return answer()
        if fault.kind == DELAY:
            self._clock.wait(self._closed, fault.seconds)
            return answer()
        if fault.kind == RESET_BEFORE:
            raise ConnectionLost
        if fault.kind == RESET_AFTER:
            answer()
            raise ConnectionLost
        return refuse(fault.kind, STATUS[fault.kind])
