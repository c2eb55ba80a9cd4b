"""What a step's job at the location is told: where it works, for whom and from what, and until when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.engine import policy
from bot.engine.budget import budget_of
from bot.engine.world import World
from bot.ports import Job, Location
from bot.runs.model import Kind, Run


def run_dir(run: Run, location: Location) -> str:
    """The run's folder at the location (contracts.md: `<workdir>/runs/<id>/`, with a key that no other ledger has)."""
    return folder_of(run.uid, location)


def folder_of(uid: str, location: Location) -> str:
    """The folder at the location of the run that is called `uid`."""
    return f"{location.workdir}/runs/{uid}"


def job(run: Run, world: World, location: Location, step: str, extra: Mapping[str, Any]) -> Job:
    """The step's job; `extra` goes to its specification."""
    return Job(
        name=run.job(step),
        step=step,
        fence=run.fence,
        run_dir=run_dir(run, location),
        workdir=location.workdir,
        spec={**_spec(run, world, location), **extra},
        secrets=world.secrets(step, run.location),
    )


def deadline(run: Run, world: World) -> float:
    """When its time at the location is over."""
    return policy.deadline(run, world.terms[run.location].max_hours)


def _spec(run: Run, world: World, location: Location) -> dict[str, Any]:
    builds = world.terms[run.location].builds
    return {
        "run": run.id,
        "kind": run.kind.value,
        "build_arguments": list(world.project.build_arguments) if builds else None,
        "uid": run.uid,
        "fence": run.fence,
        "project": run.project,
        "branch": run.branch,
        "commit": run.commit,
        "tag": run.tag,
        "set": dict(run.options.set),
        # What is still there of an earlier try was made with force already.
        "force": run.kind is Kind.REPRODUCE or (run.options.force and not run.progress.get("restored")),
        "retries": [earlier.uid for earlier in world.store.tries(run)] if run.retry_of else [],
        "workdir": location.workdir,
        "run_dir": run_dir(run, location),
        "git_url": world.project.git_url,
        "triggered_by": run.email,
        "remote": world.project.remote,
        "release_outs": list(world.project.release_outs) or None,
        "author": world.project.committer,
        "started_at": run.created_at,
        # Seconds and not a time of day: the machine's clock is another one.
        **_limits(run, world),
        "max_hours": world.terms[run.location].max_hours,
        "notices": world.terms[run.location].notices,
        "env": dict(world.terms[run.location].step_environment),
    }


def _limits(run: Run, world: World) -> dict[str, float]:
    """When the machine ends the step by itself: for its time, or earlier for what it costs, with or without a bot."""
    seconds = deadline(run, world) - world.clock.now()
    budget = budget_of(run, world)
    left = None if budget is None else budget.seconds_left
    if budget is None or left is None or left >= seconds:
        return {"limit_seconds": max(1.0, seconds)}
    return {"limit_seconds": max(1.0, left), "max_cost": budget.limit}
