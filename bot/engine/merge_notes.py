"""The merge request of a branch has one note with the metrics of its latest release. Nothing that a run waits for."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from bot.engine.release_notes import cell, number
from bot.engine.world import World
from bot.errors import DoorError, Unavailable
from bot.runs import figures
from bot.runs.model import Run

log = logging.getLogger(__name__)

LOOK_SECONDS = 15.0
MARKER = "<!-- stationmaster: metrics -->"
"""Begins the note, and is not shown: how it is found again."""
TRIES, LONGEST_PAUSE = 10, 3_600.0
SHOWN = 60
"""Rows of the table at most."""


def write_notes(world: World) -> None:
    """Look once at what is still to be written, the newest release of a branch first. Never raises."""
    written: set[tuple[str, str]] = set()
    for run, tries in world.store.merge_notes.due():
        if (run.project, run.branch) in written:
            continue
        written.add((run.project, run.branch))
        try:
            _write(run, tries, world.of(run.project))
        except Exception:
            log.exception("run %s: its merge request's note stumbled", run.id)
            world.store.merge_notes.later(run, LONGEST_PAUSE) if tries < TRIES else world.store.merge_notes.done(run)


def _write(run: Run, tries: int, world: World) -> None:
    try:
        world.code.upsert_note(run.branch, MARKER, body(run))
    except Unavailable as error:
        if tries < TRIES:
            seconds = error.retry_after or min(LONGEST_PAUSE, LOOK_SECONDS * 2.0**tries)
            world.store.merge_notes.later(run, seconds)
            return
        log.warning("run %s: its merge request was not told: %s", run.id, error)
    except DoorError as error:
        log.warning("run %s: its merge request was not told: %s", run.id, error)
    world.store.merge_notes.done(run)


def body(run: Run) -> str:
    """Markdown. Names stand in code, so that none of them is a mention or a command of GitLab."""
    url = str(run.result.get("release_url") or "")
    tag = f"[{_code(run.tag)}]({url})" if url else _code(run.tag)
    commit = str(run.result.get("commit") or run.commit)[:10]
    return (
        f"**Released as {tag}** by run {run.id}, from {_code(run.branch)} at {_code(commit)}.\n\n"
        f"{_table(run)}\n\nStationmaster keeps this note at the latest release of the branch."
    )


def _table(run: Run) -> str:
    """The metrics beside those of each release that the run is compared with, as the thread has it."""
    now = figures.metrics(run)
    if not now:
        return "It has no metrics."
    others = [other for other in (run.progress.get("compared") or {}).get("against") or () if other["metrics"]]
    head = ["Metric", run.tag]
    for other in others:
        head += [other["tag"] if other["branch"] == run.branch else f"{other['tag']} ({other['branch']})", "Change"]
    lines = [_row(map(cell, head)), "|" + " --- |" * len(head)]
    lines += [_row(_values(name, now[name], others)) for name in list(now)[:SHOWN]]
    if len(now) > SHOWN:
        lines.append(f"| and {len(now) - SHOWN} more |" + " |" * (len(head) - 1))
    return "\n".join(lines)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _values(name: str, now: object, others: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield _code(name)
    yield _code(number(now))
    for other in others:
        before = other["metrics"].get(name)
        yield _code(number(before)) if before is not None else ""
        yield _change(now, before)


def _change(now: object, before: object) -> str:
    numbers = [value for value in (now, before) if isinstance(value, int | float) and not isinstance(value, bool)]
    return f"{numbers[0] - numbers[1]:+.4g}" if len(numbers) == 2 else ""  # noqa: PLR2004 - one of each


def _code(text: str) -> str:
    return f"`{cell(text).replace('`', chr(39))}`"
