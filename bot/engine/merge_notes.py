"""The merge request of a branch has one note with the metrics of its latest release. Nothing that a run waits for."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from bot.engine.release_notes import cell, flat, number
from bot.engine.world import World
from bot.errors import DoorError, Unavailable
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
    written: set[str] = set()
    for run, tries in world.store.merge_notes.due():
        if run.branch in written:
            continue
        written.add(run.branch)
        try:
            _write(run, tries, world)
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
    now = dict(flat(run.result.get("metrics") or {}))
    if not now:
        return "It has no metrics."
    against = (run.progress.get("compared") or {}).get("against") or {}
    before = dict(flat(against.get("metrics") or {}))
    head = ["Metric", run.tag, *([str(against.get("tag")), "Change"] if before else [])]
    lines = ["| " + " | ".join(map(cell, head)) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(row) + " |" for row in _rows(now, before)]
    if len(now) > SHOWN:
        lines.append(f"| and {len(now) - SHOWN} more |" + " |" * (len(head) - 1))
    return "\n".join(lines)


def _rows(now: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[list[str]]:
    """The names that say most first: those of their own, before those of a group such as per_class."""
    for name in sorted(now, key=lambda name: name.count("."))[:SHOWN]:
        row = [_code(name), _code(number(now[name]))]
        if before:
            row += [_code(number(before[name])) if name in before else "", _change(now[name], before.get(name))]
        yield row


def _change(now: object, before: object) -> str:
    numbers = [value for value in (now, before) if isinstance(value, int | float) and not isinstance(value, bool)]
    return f"{numbers[0] - numbers[1]:+.4g}" if len(numbers) == 2 else ""  # noqa: PLR2004 - one of each


def _code(text: str) -> str:
    return f"`{cell(text).replace('`', chr(39))}`"
