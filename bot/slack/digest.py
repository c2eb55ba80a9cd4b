"""The digest of a day: which runs ended and how, what was spent, and which machines idled. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.runs.charges import Charge, Part, total
from bot.runs.model import Phase, Run
from bot.slack import words
from bot.slack.blocks import Block, context, header, section
from bot.slack.card import local_part
from bot.slack.heads_up import outcome

RUNS_SHOWN = 12
MACHINES_SHOWN = 5
_RUN_WEIGHT = 200
"""Characters of what came of one run, at most: some cause sentences are long."""


@dataclass(frozen=True)
class Day:
    """What ended in it (oldest first, with the name of who asked), and what was to be paid. `end` is local."""

    end: datetime
    runs: Sequence[tuple[Run, str]]
    bill: Sequence[Charge]


def digest(day: Day) -> tuple[str, list[Block]]:
    """The message's text and blocks; nothing at all for a day on which nothing happened."""
    if not day.runs and not day.bill:
        return "", []
    title = f"The day until {day.end:%A} {day.end.day} {day.end:%B}, {day.end:%H:%M}"
    counted = _counted([run for run, _who in day.runs])
    blocks = [header(title), section(f"*{counted}*")]
    blocks += [section(_line(run, who)) for run, who in day.runs[:RUNS_SHOWN]]
    if len(day.runs) > RUNS_SHOWN:
        blocks.append(context(f"and {len(day.runs) - RUNS_SHOWN} more: `/runs all` lists the latest."))
    blocks.append(context(_money(day.bill), _idle(day.bill)))
    return f"{title}: {counted}", blocks


def _counted(runs: Sequence[Run]) -> str:
    if not runs:
        return "No run ended."
    ends = (
        ("released", Phase.RELEASED),
        ("failed", Phase.FAILED),
        ("cancelled", Phase.CANCELLED),
    )
    numbers = [(sum(run.phase is phase for run in runs), name) for name, phase in ends]
    others = len(runs) - sum(number for number, _name in numbers)
    parts = [f"{number} {name}" for number, name in (*numbers, (others, "of another kind")) if number]
    return f"{words.plural(len(runs), 'run')} ended: {words.listing(parts)}."


def _line(run: Run, who: str) -> str:
    name = words.escape(who or local_part(run), 60)
    return f"*{run.id}* {words.code(run.branch, 60)} → {words.code(run.tag, 60)} · {name} · {_outcome(run)}"


def _outcome(run: Run) -> str:
    said = outcome(run)
    return said if run.phase is Phase.RELEASED else words.cut(said.split(". ")[0].rstrip(".") + ".", _RUN_WEIGHT)


def _money(bill: Sequence[Charge]) -> str:
    if not any(charge.price is not None for charge in bill):
        return ""
    idle = total([charge for charge in bill if charge.part is Part.IDLE])
    wasted = f", {words.money(idle)} of it for idle machines" if idle else ""
    return f"{words.money(total(bill))} for machines{wasted}."


def _idle(bill: Sequence[Charge]) -> str:
    seconds: dict[str, float] = {}
    for charge in bill:
        if charge.part is Part.IDLE:
            seconds[charge.machine] = seconds.get(charge.machine, 0.0) + charge.seconds
    longest = sorted(seconds, key=lambda name: -seconds[name])[:MACHINES_SHOWN]
    return (
        f"Idle: {', '.join(f'{words.code(name, 60)} {words.duration(seconds[name])}' for name in longest)}."
        if longest
        else ""
    )
