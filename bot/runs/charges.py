"""What machine time costs, and whom and what for: each second that a machine was on belongs to exactly one part. Pure.

A run has a machine from its reservation (`starting`) until it gives it back; what it does there is its phase. The time
between is idle, and charged to the person, branch and project of the run that was last on the machine since it was
turned on, or to nobody. So parts have neither overlaps nor gaps, and any sum over them is the sum of the bill.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

from bot.runs.model import FREED, Phase, Run

LEAST_SECONDS = 60.0
"""The least that is billed each time a machine is turned on (facts/platform-limits.md, EC2)."""
HOUR = 3_600.0

Key = TypeVar("Key")


class Part(StrEnum):
    """What time on a machine went to."""

    BOOT = "boot"
    TRANSFER = "transfer"
    TRAINING = "training"
    PUBLISHING = "publishing"
    FAILED = "failed"
    IDLE = "idle"


_PARTS: Mapping[str, Part] = {
    Phase.STARTING: Part.BOOT,
    Phase.PREPARING: Part.TRANSFER,
    Phase.BUILDING: Part.TRAINING,
    Phase.TRAINING: Part.TRAINING,
    Phase.PUBLISHING: Part.PUBLISHING,
    Phase.COMPARING: Part.TRAINING,
}


@dataclass(frozen=True)
class Power:
    """A machine was on from `on` until `until` (seconds since the epoch), and is off since then if it `ended`.

    `price` is in dollars an hour, None while unknown. `by_use`: only what runs use of it is paid for.
    """

    machine: str
    on: float
    until: float
    price: float | None
    ended: bool = True
    by_use: bool = False


@dataclass(frozen=True)
class Use:
    """What a run did on a machine: `marks` are when each part began, in order; `until` is when it was given back."""

    machine: str
    run: int
    user: str
    branch: str
    project: str
    marks: Sequence[tuple[float, Part]]
    until: float


@dataclass(frozen=True)
class Charge:
    """`seconds` of one part from `at` on, at one price. `run` is None for idle time; `user` is empty for nobody's."""

    machine: str
    part: Part
    at: float
    seconds: float
    price: float | None
    run: int | None = None
    user: str = ""
    branch: str = ""
    project: str = ""

    @property
    def amount(self) -> float:
        """In dollars; 0 where the price is not known (`unpriced` tells)."""
        return 0.0 if self.price is None else self.seconds * self.price / HOUR


@dataclass(frozen=True)
class Cost:
    """What something costs so far, and what an hour of it does, in dollars."""

    amount: float
    price_per_hour: float


def use_of(run: Run, now: float) -> Use | None:
    """The run's time on its machine up to `now`; None when it never had one. All of a run that failed is failed."""
    if Phase.STARTING not in run.times:
        return None
    failed = run.phase in (Phase.FAILED, Phase.CANCELLED)
    entered = [(run.times[phase], part) for phase, part in _PARTS.items() if phase in run.times]
    marks = [(at, Part.FAILED if failed else part) for at, part in sorted(entered, key=lambda each: each[0])]
    until = run.times.get(FREED, now)
    return Use(run.location, run.id, run.user, run.branch, run.project, marks, until)


def charges(powers: Iterable[Power], uses: Iterable[Use], begin: float, end: float) -> list[Charge]:
    """Everything that is to be paid for from `begin` until `end` (not included), a machine after the other.

    Powers of one machine do not overlap, and neither do uses (`one_holder_per_location`).
    """
    of_machine: dict[str, list[Use]] = {}
    for use in sorted(uses, key=lambda use: use.marks[0][0]):
        of_machine.setdefault(use.machine, []).append(use)
    found = [charge for power in powers for charge in _of(power, of_machine.get(power.machine, []))]
    return [cut for charge in found if (cut := _cut(charge, begin, end)).seconds > 0]


def total(bill: Iterable[Charge]) -> float:
    """In dollars, of what has a price."""
    return math.fsum(charge.amount for charge in bill)


def unpriced(bill: Iterable[Charge]) -> dict[str, float]:
    """Machine -> seconds that are in no sum, because nobody knows what they cost."""
    seconds: dict[str, float] = {}
    for charge in bill:
        if charge.price is None:
            seconds[charge.machine] = seconds.get(charge.machine, 0.0) + charge.seconds
    return seconds


def sums(bill: Iterable[Charge], key: Callable[[Charge], Key]) -> dict[Key, float]:
    """Dollars by whatever `key` says (part, person, branch, run), the largest first. Together they are the `total`."""
    amounts: dict[Key, float] = {}
    for charge in bill:
        if charge.price is not None:
            amounts[key(charge)] = amounts.get(key(charge), 0.0) + charge.amount
    return dict(sorted(amounts.items(), key=lambda item: -item[1]))


def rounded(amounts: Mapping[Key, float], digits: int = 2) -> dict[Key, float]:
    """Each amount to so many decimals, so that what is shown sums to the rounded sum: the largest remainders go up."""
    scale = 10**digits
    exact = {key: amount * scale for key, amount in amounts.items()}
    whole = round(round(math.fsum(exact.values()), 6))  # twice: half a cent is one whichever way it was added up
    left = whole - sum(math.floor(amount) for amount in exact.values())
    up = set(sorted(exact, key=lambda key: math.floor(exact[key]) - exact[key])[:left])
    return {key: (math.floor(amount) + (key in up)) / scale for key, amount in exact.items()}


def _of(power: Power, uses: Sequence[Use]) -> list[Charge]:
    """One interval of power, from its beginning to its end without a gap."""
    found: list[Charge] = []
    idle = Charge(power.machine, Part.IDLE, power.on, 0.0, power.price)
    at = power.on

    def go(to: float, like: Charge) -> None:
        nonlocal at
        to = min(to, power.until)
        if to > at and not (power.by_use and like.part is Part.IDLE):
            found.append(replace(like, at=at, seconds=to - at))
        at = max(at, to)

    for use in uses:
        if use.until <= power.on or use.marks[0][0] >= power.until:
            continue
        go(use.marks[0][0], idle)
        idle = replace(idle, user=use.user, branch=use.branch, project=use.project)
        ends = [*(start for start, _part in use.marks[1:]), use.until]
        for (_start, part), end in zip(use.marks, ends, strict=True):
            go(end, replace(idle, part=part, run=use.run))
    go(power.until, idle)
    short = LEAST_SECONDS - (power.until - power.on)
    if power.ended and not power.by_use and short > 0:
        found.append(replace(found[-1] if found else idle, at=power.until, seconds=short))
    return found


def _cut(charge: Charge, begin: float, end: float) -> Charge:
    start = max(charge.at, begin)
    return replace(charge, at=start, seconds=min(charge.at + charge.seconds, end) - start)
