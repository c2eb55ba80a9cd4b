"""Judging a result before it is released, by the gates of the default branch: no branch can lower its own."""

from __future__ import annotations

from bot.engine.predecessors import default_branch
from bot.engine.world import World
from bot.runs import figures
from bot.runs.gates import failings
from bot.runs.model import Phase, Run
from trainer.definition import gates
from trainer.definition.gates import GateError

MOST_RELEASES = 1_000
"""Of the default branch, the newest: what a result is compared with."""
KEPT = 20
"""Sentences that are kept of one result; a project with more gates than that reads the first."""


def judged(run: Run, world: World) -> list[str]:
    """Why the release has to wait, a sentence each; empty when it may be made.

    Where GitLab does not tell which branch is the default one, the gates of the run's own branch count. A run of the
    default branch itself is judged by its own commit: what it has pushed since may have another params.yaml.

    Raises:
        DoorError: GitLab could not be asked; nothing is released unjudged.
    """
    default = default_branch(world)
    branch = default or run.branch
    try:
        found = gates.read(world.code.file(gates.FILE, run.commit if branch == run.branch else branch))
    except GateError as error:
        return [f"The gates of `{branch}` cannot be read, so nothing was compared: {error}"]
    if not found:
        return []
    releases = world.store.runs(project=run.project, branch=branch, phases=(Phase.RELEASED,), limit=MOST_RELEASES)
    earlier = [(other.tag, figures.metrics(other)) for other in releases if other.id != run.id]
    return failings(found, figures.metrics(run), earlier)[:KEPT]
