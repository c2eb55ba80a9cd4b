"""Power: whether a machine is on, and asking for it to be."""

from __future__ import annotations

from typing import Protocol

from bot.ports import PowerSeen, PowerState


class Power(Protocol):
    """The power of one machine. Calls block for seconds at most and raise only `DoorError`s.

    A driver for another cloud implements these four; `tests/contract/test_power.py` says what must hold for it.
    """

    can_stop: bool
    """Whether Stationmaster may turn it off."""

    def state(self) -> PowerState:
        """What the power says now. `GONE` only when the machine was certainly given up; when in doubt, `UNKNOWN`."""

    def look(self) -> PowerSeen:
        """The same, with when that began by the cloud's own clock; `since` is None where it does not say."""

    def start(self) -> None:
        """Ask for power and return at once. A machine that runs or starts already is left as it is.

        `NoCapacity` (and its child `QuotaReached`) when there is none to give, `Unavailable` while it still stops,
        `Unauthorised` when not permitted, `NotFound` when the machine does not exist (any more).
        """

    def stop(self) -> None:
        """Ask for power off and return at once. A machine that is off, stopping or gone is left as it is.

        `Unavailable` while it still starts, where the cloud refuses that.
        """

    def may_halt(self) -> bool:
        """Whether the machine may power itself off from inside, because it can be started again afterwards.

        `Conflict` when that would destroy it, with what to set.
        """


class AlwaysOn:
    """A box in a rack, or a laptop: nobody can ask for its power, and it is taken to be on."""

    can_stop = False

    def state(self) -> PowerState:
        """Always running; whether it answers is the shell's to say."""
        return PowerState.RUNNING

    def look(self) -> PowerSeen:
        """Nobody knows since when."""
        return PowerSeen(PowerState.RUNNING)

    def start(self) -> None:
        """Nothing to do."""

    def stop(self) -> None:
        """Nothing to do: the box belongs to others too."""

    def may_halt(self) -> bool:
        """Nobody could turn it on again but by hand."""
        return False
