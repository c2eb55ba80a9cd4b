"""The real bot in a simulated world: it works, dies and is started again while time passes."""

import os
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from bot import crashpoints
from bot.engine.bell import Bell
from bot.engine.upkeep import look_after_machines
from bot.engine.wishes import answer_people
from bot.engine.worker import Worker
from bot.engine.world import Terms
from bot.runs.lines import Lines
from tests.crash.simulation.bill import Bill
from tests.crash.simulation.doors import Crash, Doors
from tests.crash.simulation.hours import Hours, ProcessClock
from tests.crash.simulation.machine import Machine
from tests.crash.simulation.services import CodeHost, People, PublicFiles
from tests.doubles.station import Station

LOCATIONS = ("alice", "bob", "carol", "dan", "erin")
POOL = ("carol", "dan", "erin")
PEOPLE = {
    "alice": "alice",
    "bob": "bob",
    **dict.fromkeys(POOL, "pool"),
    "frank": "alice",
    "grace": "alice",
    "heidi": "bob",
    "ivan": "pool",
}
"""Who trains where: three share alice's machine, two bob's, and four the pool of the other three."""
UPKEEP_SECONDS = 15.0
"""Rarer than in the product: what holds with this holds there."""
IDLE_SECONDS = 200.0
"""As with IDLE_MINUTES below five: the rest of the five is for the upkeep's look, and for one that fails."""
OPEN_AT_A_MACHINE = "ended_at IS NULL AND (holds = 1 OR phase = 'queued')"


class BotInTime(Station):
    """A `Station` whose world goes on by itself. `pass_time` is the only way on."""

    def __init__(self, folder: Path, chance: Random, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.chance, self._patch = folder, chance, patch
        self.hours = Hours()
        self.history: list[str] = []
        self.broken: list[str] = []
        self.doors = Doors(self.hours, chance, self.note)
        self.doors.meanwhile = self._others
        self.code, self.public = CodeHost(self.doors), PublicFiles(self.doors)
        self.machines = {name: Machine(name, self.hours, chance, self.doors, self.code) for name in LOCATIONS}
        self.hours.lives = [machine.live for machine in self.machines.values()]
        self.terms = Terms(max_hours=0.15, start_seconds=240, idle_seconds=IDLE_SECONDS)
        self.lines, self.prices = Lines({"pool": POOL}), {}
        self.bill = Bill(self.machines.values(), self.doors)
        self.deliveries: list[str] = []
        self.taken: set[str] = set()
        self.alive = True
        self._up_at = 0.0
        self._wanted: set[str] = set()
        self.boot()

    def note(self, text: str) -> None:
        self.history.append(f"{self.hours.now:9.1f}  {text}")

    def boot(self) -> None:
        self.clock = ProcessClock(self.hours, self.chance)
        super().boot()
        owners = {f"{person}@example.com": name for person, name in PEOPLE.items()}
        self.world = replace(self.world, chat=People(self.doors), location_for=owners.get)
        self.worker = Worker(self.world, bell=Bell(), said=lambda: None)
        self.alive = True
        self._depth = 0
        self._in_upkeep = False
        self._upkeep_at = self.hours.now

    def die(self, why: str) -> None:
        """Nothing is left of the process but what it wrote."""
        seconds = self.chance.choice((0.0, 1.0, 20.0, 20.0, 400.0))
        self.note(f"the bot dies ({why}) for {seconds:.0f} s")
        self.store.close()
        self.disarm()
        self.alive = False
        self._up_at = self.hours.now + seconds

    def arm(self, point: str, times: int) -> None:
        """The bot dies at the n-th passing of a named point."""

        def crash() -> None:
            raise Crash(point)

        self._patch.setattr(crashpoints, "die", crash)
        self._patch.setattr(crashpoints, "_passed", {})
        self._patch.setitem(os.environ, "STATIONMASTER_CRASH", f"{point}:{times}")

    def disarm(self) -> None:
        self._patch.delitem(os.environ, "STATIONMASTER_CRASH", raising=False)

    def _watch(self) -> None:
        if self.alive:
            rows = self.store._database.all(f"SELECT DISTINCT location FROM runs WHERE {OPEN_AT_A_MACHINE}")
            # Who waits in the pool's line has its name for a location, and may get any of its machines.
            self._wanted = {name for row in rows for name in self.lines.machines(row["location"])} | self._kept()
        wrong = self.bill.watch(self.hours.now, self._wanted, alive=self.alive)
        if wrong is not None:
            self.broken.append(wrong)

    def _kept(self) -> set[str]:
        """The machines that somebody holds, or wants to be on."""
        rows = self.store._database.all(
            "SELECT name FROM machines WHERE wanted = 'on' OR held_until > ?", (self.clock.now(),)
        )
        return {row["name"] for row in rows}

    def pass_time(self, seconds: float) -> None:
        until = self.hours.now + seconds
        while True:
            if not self.alive and self.hours.now >= self._up_at:
                self.note("the bot starts")
                self.boot()
            try:
                if self.alive:
                    self._work_until(until)
                else:
                    self._spend(min(until, self._up_at))
                    self._watch()
            except Crash as crash:
                self.die(str(crash))
            if self.hours.now >= until:
                return

    def _work_until(self, until: float) -> None:
        """What the threads of the bot do, one after the other."""
        while True:
            if self.hours.now >= self._upkeep_at and not self._in_upkeep:
                self._upkeep()
            elif not self.worker.once():
                if self.hours.now >= until:
                    return
                self._spend(min(until, self._next_look()))
            self._watch()
            if self.hours.now > until + 1_000:
                self.broken.append("the worker never comes to rest")
                return

    def _upkeep(self) -> None:
        self._in_upkeep = True
        self._upkeep_at = self.hours.now + UPKEEP_SECONDS
        look_after_machines(self.world)
        answer_people(self.world)
        self._in_upkeep = False

    def _others(self, seconds: float) -> None:
        """The other threads, while one is in the middle of a call; there are not more than two at a time."""
        if self._depth:
            return
        self._depth += 1
        self._work_until(self.hours.now + seconds)
        self._depth -= 1

    def _next_look(self) -> float:
        due = self.store.next_due()
        look = self.hours.now + 1_000 if due is None else self.hours.now + max(0.01, due - self.clock.now())
        return look if self._in_upkeep else min(look, self._upkeep_at)

    def _spend(self, until: float) -> None:
        self.hours.spend(max(0.0, until - self.hours.now))
