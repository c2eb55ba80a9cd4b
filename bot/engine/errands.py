"""What people asked of Stationmaster that takes a look outside, and no machine: two results compared.

An errand is a row of the ledger. Whatever happens it ends once, with what is to be said of it in the same transaction.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from bot.engine import policy
from bot.engine.world import World
from bot.errors import DoorError, Unavailable
from bot.runs.errands import Errand, key_of
from bot.runs.model import Note, Run

log = logging.getLogger(__name__)

COMPARE = "compare"
PATIENCE = 120.0
"""Seconds that GitLab may stay away before the answer goes without what it knows."""
STUMBLE_SECONDS = 60.0
FILES_KEPT = 12
"""Names of files that the answer may show; all are counted."""


def run_errands(world: World) -> bool:
    """Look once at every errand that is due; True when one was done, so that there is something to be said."""
    told = False
    for errand in world.store.errands.due():
        try:
            told = _compare(errand, world) or told
        except Exception:
            log.exception("errand %s stumbled", errand.id)
            world.store.errands.put_back(errand, seconds=STUMBLE_SECONDS)
    return told


def _compare(errand: Errand, world: World) -> bool:
    one, other = (world.store.run(int(number)) for number in errand.data["runs"])
    if one is None or other is None:
        world.store.errands.end(errand, ())
        return False
    try:
        code = _code(one, other, world)
    except Unavailable as error:
        if world.clock.now() - errand.created_at < PATIENCE:
            world.store.errands.put_back(errand, seconds=error.retry_after or policy.back_off(errand.tries))
            return False
        code = {"unknown": str(error)}
    except DoorError as error:
        code = {"unknown": str(error)}
    place = {"thread": errand.thread, "runs": [one.id, other.id]}
    message = Note("comparison", data={**place, "code": code, "tables": bool(errand.data.get("tables"))})
    picture = Note("picture", data={**place, "after": key_of(errand, message.kind)})
    world.store.errands.end(errand, (message, picture))
    return True


def _code(one: Run, other: Run, world: World) -> Mapping[str, Any]:
    """What GitLab says of the commits that the two results are; both ways, since branches part."""
    old, new = _commit(one), _commit(other)
    if old == new:
        return {"commits": 0, "back": 0, "files": [], "count": 0, "more": False, "url": ""}
    forth, back = world.code.compare(old, new), world.code.compare(new, old)
    files = list(forth.files)
    return {
        "commits": forth.commits,
        "back": back.commits,
        "files": [path[:300] for path in files[:FILES_KEPT]],
        "count": len(files),
        "more": not forth.complete,
        "url": forth.url,
    }


def _commit(run: Run) -> str:
    """The commit of its result; before there is one, that which it is trained from."""
    return str(run.result.get("commit") or run.commit)
