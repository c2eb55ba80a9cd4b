"""What a release is compared with. Decided once and kept: a second try, after others were released, says the same."""

from __future__ import annotations

import logging
from typing import Any

from bot.engine.release_notes import fingerprint
from bot.engine.world import World
from bot.errors import DoorError, Unavailable
from bot.runs.figures import brief
from bot.runs.model import Run

log = logging.getLogger(__name__)


def compared(run: Run, world: World) -> dict[str, Any]:
    """The first release with the same model, and the last ones of the branch and of the default branch.

    `same_as` is a tag or None; `against` has a record of each (see `figures.brief`), that of the branch in front.
    """
    earlier = [other for other in world.store.released(run.project) if other.id != run.id]
    same = [other.tag for other in earlier if other.result.get("fingerprint") == own_fingerprint(run)]
    branches = dict.fromkeys((run.branch, default_branch(world)))
    last = [world.store.last_release(run.project, branch, besides=run.id) for branch in branches]
    return {
        "same_as": same[-1] if same else None,
        "against": [brief(other, run) for other in last if other is not None],
    }


def own_fingerprint(run: Run) -> str:
    """Says of which model the run's result is."""
    return fingerprint(str(run.result.get("pointer_text", "")))


def default_branch(world: World) -> str:
    """Empty where GitLab does not tell: no release is lost for a comparison."""
    try:
        return world.code.default_branch()
    except Unavailable:
        raise
    except DoorError as error:
        log.warning("the default branch is not known: %s", error)
        return ""
