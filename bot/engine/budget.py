"""What a run has cost of what it may: it is warned of once, and ended at the limit like one that took too long.

Only until its result is there: saving one, or comparing it, costs little, and what went before is paid for already.
Where nobody knows what an hour costs, nothing is ended.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.engine import policy
from bot.engine.policy import Outcome, milestone
from bot.engine.world import World
from bot.runs.charges import HOUR
from bot.runs.model import Note, Phase, Reason, Run

LIMITED = (Phase.PREPARING, Phase.BUILDING, Phase.TRAINING)
"""The phases in which a run may be ended for what it costs."""
WARNED_AT = 0.8
"""The part of the limit at which the thread is told."""


@dataclass(frozen=True)
class Budget:
    """`limit` and `spent` are in US dollars, the price in dollars an hour."""

    limit: float
    spent: float
    price_per_hour: float

    @property
    def is_over(self) -> bool:
        """Whether the limit is reached."""
        return self.spent >= self.limit

    @property
    def seconds_left(self) -> float | None:
        """Until the limit, at today's price; None where time costs nothing."""
        return (self.limit - self.spent) / self.price_per_hour * HOUR if self.price_per_hour else None


def budget_of(run: Run, world: World) -> Budget | None:
    """What the run has of its limit; None where there is none, where the price is not known, and past the training."""
    limit = world.terms[run.location].max_cost
    cost = world.store.costs.of_run(run) if limit is not None and run.phase in LIMITED else None
    return None if limit is None or cost is None else Budget(limit, cost.amount, cost.price_per_hour)


def too_expensive(run: Run, budget: Budget, *notes: Note) -> Outcome:
    """The end of a run that reached its limit."""
    return policy.fail(run, Reason.TOO_EXPENSIVE, *notes, limit=budget.limit, message=said(budget.limit))


def said(limit: float) -> str:
    """What was reached; the machine says the same when it ends a step by itself (trainer/job/limit.py)."""
    return f"The limit here is ${limit:,.2f} (max_cost, or MAX_RUN_COST)."


def warned(run: Run, budget: Budget | None) -> tuple[Run, tuple[Note, ...]]:
    """The run, and once what the thread hears when most of the limit is spent."""
    if budget is None or budget.is_over or budget.spent < WARNED_AT * budget.limit or run.progress.get("cost_warned"):
        return run, ()
    note = milestone("cost-near", spent=budget.spent, limit=budget.limit, seconds=budget.seconds_left)
    return replace(run, progress={**run.progress, "cost_warned": True}), (note,)


def limits_at(line: str, world: World) -> list[float | None]:
    """What one run may cost at each machine of a line, in US dollars; None where there is no limit."""
    return [world.terms[name].max_cost for name in world.store.lines.machines(line) if name in world.terms]


def not_raised(run: Run, line: str, world: World) -> str | None:
    """Why a run that reached its limit is not tried again: it would only reach it once more. None when it may be."""
    met, limits = run.detail.get("limit"), limits_at(line, world)
    if run.reason is not Reason.TOO_EXPENSIVE or met is None:
        return None
    if any(limit is None or limit > met for limit in limits):
        return None
    return (
        f"Run {run.id} was ended at ${met:,.2f}, and one run may cost no more there still. "
        f"Ask {world.allowance.raised_by} to raise that (`max_cost`, or `MAX_RUN_COST`), then try it again."
    )
