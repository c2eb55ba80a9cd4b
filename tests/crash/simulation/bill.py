"""For how long each machine is on for nobody (invariant 4), counted at the machines."""

from collections.abc import Collection, Iterable

from tests.crash.simulation.doors import Doors
from tests.crash.simulation.machine import ON, Machine

LONGEST = 300.0
"""Seconds that a machine may be on after its last work: until it is asked to stop, the upkeep's look included.

They are counted from the moment at which the machine became nobody's: no job on it, no open run that holds it or waits
for it. Seconds in which the bot is dead, or cannot reach the machine, or is told an old state of it, do not count: they
are the dead-man's timer's, at the machine itself.
"""


class Bill:
    def __init__(self, machines: Iterable[Machine], doors: Doors) -> None:
        self._machines, self._doors = tuple(machines), doors
        self._at = 0.0
        self.longest = 0.0

    def watch(self, now: float, wanted: Collection[str], *, alive: bool) -> str | None:
        """What is wrong at `now`; to be asked often. `wanted`: the locations that an open run holds or waits for."""
        passed, self._at = now - self._at, now
        for machine in self._machines:
            if machine.running() or machine.name in wanted or machine.state not in ON:
                machine.last_work = now
            elif not alive or self._is_out_of_sight(machine):
                machine.last_work += passed
            self.longest = max(self.longest, now - machine.last_work)
            if now - machine.last_work > LONGEST:
                return f"{machine.name} has been on for nobody for {now - machine.last_work:.0f} s"
        return None

    def _is_out_of_sight(self, machine: Machine) -> bool:
        doors = (f"{machine.name}'s cloud", f"{machine.name}'s shell")
        return machine.is_stale() or any(self._doors.is_out_of_reach(door) for door in doors)
