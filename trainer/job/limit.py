"""The end of a step's time: the machine ends it by itself, with or without a bot to say so. Standard library only."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trainer.events import EventLog
from trainer.job import decision, processes
from trainer.job.order import Order

GRACE = 10.0
"""Seconds between the request to end and the end."""


@dataclass(frozen=True)
class Limit:
    """`seconds` are left for this step of the `hours` that its run may have the machine.

    Or of what it may cost: `dollars`, where these are spent first.
    """

    step: str
    seconds: float
    hours: float
    dollars: float | None = None


def of(job: Order) -> Limit | None:
    """The limit that was ordered; None for a step that may take as long as it takes."""
    seconds = job.spec.get("limit_seconds")
    if not isinstance(seconds, int | float) or seconds <= 0:
        return None
    hours = job.spec.get("max_hours")
    dollars = job.spec.get("max_cost")
    return Limit(
        job.step,
        float(seconds),
        float(hours) if isinstance(hours, int | float) else seconds / 3600,
        float(dollars) if isinstance(dollars, int | float) else None,
    )


def enforce(limit: Limit, run_dir: Path) -> Callable[[], bool]:
    """End all children of this process once the time is over, unless what they do is a push that was decided.

    Must be called in the main thread. The function that is returned takes the limit away, and says whether it was met.
    """
    met: list[int] = []

    def over(_number: int, _frame: object) -> None:
        # Like a cancel: a result that is on its way out is not torn off.
        if not met and limit.step == "publish" and decision.take(run_dir, "cancel") != "cancel":
            return
        met.append(signal.SIGKILL if met else signal.SIGTERM)
        signal.setitimer(signal.ITIMER_REAL, GRACE)
        processes.send(processes.descendants(os.getpid()), met[-1])

    def lift() -> bool:
        signal.setitimer(signal.ITIMER_REAL, 0)
        return bool(met)

    signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, limit.seconds)
    return lift


def say(limit: Limit, run_dir: Path) -> None:
    """Leave the cause for whoever reads the events next, however much later."""
    with contextlib.suppress(OSError):  # the disk is full; that the step was ended is still said
        EventLog(run_dir / "events.jsonl").emit(
            "failed",
            step=limit.step,
            stage=None,
            cause="too-long" if limit.dollars is None else "too-expensive",
            message=f"The limit here is {_named(limit)}.",
            lines=[],
        )


def _named(limit: Limit) -> str:
    if limit.dollars is None:
        return f"{limit.hours:g} hours (max_hours)"
    return f"${limit.dollars:,.2f} (max_cost, or MAX_RUN_COST)"
