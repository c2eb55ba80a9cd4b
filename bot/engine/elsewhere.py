"""A pool's run whose machine cannot be turned on goes to another one that is free, instead of waiting or failing. Pure.

It keeps its place: to the line it is as if it still waited, for each machine that has not refused it yet. The ledger
decides whether there is such a machine (bot/runs/reservation.py, `move_on`).
"""

from __future__ import annotations

from dataclasses import replace

from bot.engine.policy import Outcome, milestone
from bot.runs.lines import Lines
from bot.runs.model import Elsewhere, Run

_OF_THE_MACHINE = ("waits_for", "start_tries", "started_at", "slow_said", "power_asked", "trouble")
"""What `Run.progress` says of a start; with another machine it begins anew."""


def or_elsewhere(run: Run, lines: Lines, outcome: Outcome, *, why: str) -> Outcome:
    """The outcome, unless another machine of the run's pool that it has not tried is free: that one has it then.

    A run that was asked for on this machine, or that is tried again where its result is, stays. `why` it leaves this
    one: capacity, quota, gone or removed. For how long it has been refused, and by which machines, goes with it, so
    that all of them together have one patience.
    """
    is_bound = run.options.on == run.location or run.retry_of is not None
    if not lines.is_pool(run.queue) or is_bound:
        return outcome
    progress = {key: value for key, value in run.progress.items() if key not in _OF_THE_MACHINE}
    note = milestone("moved-on", why=why, left=run.location)
    was_on = bool(run.progress.get("start_tries"))
    return replace(outcome, elsewhere=Elsewhere({**progress, "refused": refused_by(run)}, (note,), was_on=was_on))


def refused_by(run: Run) -> list[str]:
    """The machines that this run asked for power in vain, the one that it has included."""
    refused: list[str] = run.progress.get("refused", [])
    return refused if run.location in refused else [*refused, run.location]
