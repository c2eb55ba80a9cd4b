"""How much longer a run has its machine, as far as anybody can tell. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from bot.runs import curves
from bot.runs.model import Phase, Run
from bot.slack.blocks import mapping_of, number_of


@dataclass(frozen=True)
class Usual:
    """What earlier runs took, in seconds: with their machine in all, and after the stage that runs now."""

    seconds: float | None = None
    after_stage: float | None = None


@dataclass(frozen=True)
class Remaining:
    """Seconds that are left, below 0 when it takes longer than usual; `of_stage`: until this stage ends, no more."""

    seconds: float
    of_stage: bool = False


def remaining(run: Run, now: float, usual: Usual) -> Remaining | None:
    """By the epochs that are done, and what usually follows them; else by what earlier runs took; None without both."""
    by_epochs = _by_epochs(run, now)
    if by_epochs is not None:
        stage = mapping_of(run.progress, "stage")
        is_last = number_of(stage, "index") == number_of(stage, "of")
        return Remaining(by_epochs + (usual.after_stage or 0.0), usual.after_stage is None and not is_last)
    started = run.times.get(Phase.STARTING)
    if usual.seconds is None or started is None:
        return None
    return Remaining(usual.seconds - max(0.0, now - started))


def _by_epochs(run: Run, now: float) -> float | None:
    if run.phase is not Phase.TRAINING:
        return None
    metric = mapping_of(run.progress, "metric")
    return curves.seconds_left(mapping_of(run.progress, "curve"), metric.get("of"), now)
