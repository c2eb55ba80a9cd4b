"""The commit status of a run that answers a push: GitLab hears how it stands, with a link to its thread.

A look of its own: a status that cannot be set is set later or not at all, and no run waits for it or fails by it.
"""

from __future__ import annotations

import logging

from bot.engine import policy
from bot.engine.world import World
from bot.errors import DoorError, Unavailable
from bot.ports import CommitStatus
from bot.runs.model import Phase, Run

log = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
TRIES = 60
"""How often GitLab may not answer, at most 30 s apart, before the status is left as it is."""

_STATES = {
    Phase.TRAINING: ("running", "The stages run on little data"),
    Phase.TESTED: ("success", "All stages ran to their end on little data"),
    Phase.FAILED: ("failed", "The smoke test failed"),
    Phase.CANCELLED: ("canceled", "The smoke test was cancelled, or a newer push took its place"),
}
_WAITING = ("pending", "The smoke test waits for its machine")


def report(world: World) -> None:
    """Tell GitLab of every run that stands otherwise than it was told last."""
    for run, told, tries in world.store.statuses.due():
        state, said = _STATES.get(run.phase, _WAITING)
        try:
            if state != told:
                _tell(run, state, said, world.of(run.project))
        except Unavailable as error:
            if tries < TRIES:
                world.store.statuses.later(run, error.retry_after or policy.back_off(tries))
                continue
            log.warning("run %s: the status of its commit is left as it is: %s", run.id, error)
        except DoorError as error:
            log.warning("run %s: the status of its commit was not set: %s", run.id, error)
        if run.phase.ended:
            world.store.statuses.done(run)
        elif state != told:
            world.store.statuses.told(run, state)


def _tell(run: Run, state: str, said: str, world: World) -> None:
    stage = run.detail.get("stage")
    said += f" in the stage {stage}" if run.phase is Phase.FAILED and stage else ""
    url = world.chat.address(run.channel, run.thread) if run.thread else ""
    world.code.set_status(run.commit, CommitStatus(state, said, url))
