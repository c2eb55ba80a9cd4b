"""What somebody who waits is told: their place, who has what they wait for, until when and why. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from bot.runs.model import Phase, Run
from bot.slack import words

_SHOWN = 3


@dataclass(frozen=True)
class Use:
    """What keeps a machine busy: a run (`who` asked for it), a hold by `held_by` until `held_until`, or both.

    `free_at`: when both should have ended, or None where nobody can tell. Times are seconds since the epoch.
    """

    machine: str
    run: Run | None = None
    who: str = ""
    held_by: str = ""
    held_until: float | None = None
    reason: str = ""
    free_at: float | None = None


@dataclass(frozen=True)
class Turn:
    """A waiting run's place in its line (1 is next), what keeps its machines busy, and when its turn should come.

    `uses` has whichever should be free first in front; `machines` counts all, also those that are not in use.
    """

    place: int
    uses: tuple[Use, ...] = ()
    free_at: float | None = None
    machines: int = 1
    pool: bool = False


def turn(place: int, uses: Sequence[Use], *, machines: int, pool: bool, usual_seconds: float | None) -> Turn | None:
    """The turn of whoever has that place; None when a machine is free for them already."""
    if place <= machines - len(uses):
        return None
    ordered = tuple(sorted(uses, key=lambda use: inf if use.free_at is None else use.free_at))
    return Turn(place, ordered, _free_at(place, ordered, usual_seconds), machines, pool)


def _free_at(place: int, uses: Sequence[Use], usual_seconds: float | None) -> float | None:
    """The first n in line get the n machines as these become free, the next n once those have had their usual time."""
    known = [use.free_at for use in uses if use.free_at is not None]
    if not uses or len(known) < len(uses):
        return None
    rounds, index = divmod(place - 1, len(known))
    if rounds == 0:
        return known[index]
    return None if usual_seconds is None else known[index] + rounds * usual_seconds


def waiting(run: Run, now: float, turn: Turn) -> str:
    """The card's paragraph for a run that waits."""
    place = "Next in line" if turn.place == 1 else f"Number {turn.place} in line"
    said = [f"*{place}* for {_what(run, turn)}.", *_busy(turn, now)]
    if turn.free_at is not None and turn.free_at > now:
        said.append(f"Your turn should come in {words.about(turn.free_at - now)}.")
    elif turn.free_at is not None:
        said.append("It takes longer than usual there.")
    said.append("This run starts by itself.")
    return " ".join(said)


def held(who: str, seconds: float, reason: str) -> str:
    """`alice holds it for another 25 min: debugging`, without a full stop."""
    why = f": {words.escape(reason, 300)}" if reason else ""
    return f"{words.escape(who, 80)} holds it for another {words.about(seconds)}{why}"


def _what(run: Run, turn: Turn) -> str:
    if not turn.pool:
        return words.code(run.location)
    return f"the pool {words.code(run.queue)} ({len(turn.uses)} of {words.plural(turn.machines, 'machine')} in use)"


def _busy(turn: Turn, now: float) -> list[str]:
    """What keeps the machine busy; of a pool's, the one that should be free first, or some while nobody can tell."""
    if not turn.pool:
        return [sentence for use in turn.uses for sentence in _use(use, now)]
    if len(turn.uses) > 1 and turn.uses[0].free_at is not None:
        first = turn.uses[0]
        return [f"{words.code(first.machine)} should be free first:", *_use(first, now)]
    return [part for use in turn.uses[:_SHOWN] for part in (f"{words.code(use.machine)}:", *_use(use, now))]


def _use(use: Use, now: float) -> list[str]:
    said = []
    if use.run is not None:
        since = words.about(now - use.run.times.get(Phase.STARTING, use.run.phase_at))
        name = words.escape(use.who, 80)
        said.append(f"{name} has it, with run {use.run.id} ({words.code(use.run.tag)}), for {since} so far.")
    if use.held_until is not None:
        said.append(f"{held(use.held_by, use.held_until - now, use.reason)}.")
    return said
