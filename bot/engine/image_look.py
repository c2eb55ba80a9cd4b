"""Whether the image that a branch trains in is there, as far as the files that it is made from tell."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from bot.engine.sameness import listed
from bot.engine.sources import Source
from bot.engine.world import World
from trainer.definition import dockerfile

LOOKED_AT = 100
"""How many of the last runs one that trained in the branch's image is looked for in."""
DOCKERFILE = "Dockerfile.train"
_CONTROL = (DOCKERFILE, ".dockerignore", f"{DOCKERFILE}.dockerignore")


class Image(StrEnum):
    """What the branch would train in. `NONE`: no container. `LOCATION`: the location's own image."""

    NONE = "none"
    LOCATION = "location"
    READY = "ready"
    BUILD = "build"
    UNKNOWN = "unknown"


def image_of(branch: str, source: Source, machines: Sequence[str], world: World) -> Image:
    """Whether the branch's own image has to be built, as far as the files that it is made from tell."""
    if not any(terms.builds for machine in machines if (terms := world.terms.get(machine)) is not None):
        return Image.NONE
    text = source.read(DOCKERFILE)
    if text is None:
        return Image.LOCATION
    runs = world.store.runs(limit=LOOKED_AT)
    built = (run for run in runs if run.branch == branch and run.progress.get("image", {}).get("name"))
    last = next((run for run in built if world.project.registry or run.location in machines), None)
    if last is None:
        return Image.BUILD
    before, now = listed(last.commit, world), source.paths
    if before is None or now is None:
        return Image.UNKNOWN
    changed = [path for path in before.keys() | now.keys() if before.get(path) != now.get(path)]
    taken = dockerfile.sources(text.decode("utf-8", errors="replace"))
    return Image.BUILD if _touched(changed, taken) else Image.READY


def _touched(changed: list[str], sources: dockerfile.Sources) -> bool:
    if sources is None:
        return bool(changed)
    takes = [dockerfile.taking(each) for each in sources]
    return any(path in _CONTROL or any(take(path) for take in takes) for path in changed)
