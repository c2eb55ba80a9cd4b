"""The dead-man's timer: a machine that powers itself off when its bot is gone and nothing of ours runs (faults 28).

What is done there is in deadman.sh, beside this file; OPERATIONS.md says what a machine needs for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from bot.errors import Conflict, Unavailable
from bot.locations.shell import Shell

GUARD_SECONDS = 15.0
LOOK_SECONDS = 30.0
"""How often the machine itself looks whether its time is over."""

_SCRIPT = files("bot.locations").joinpath("deadman.sh").read_text(encoding="utf-8")
_LOADER = 'text=$1; shift; eval "$text"'


@dataclass(frozen=True)
class DeadMan:
    """The timer of one machine. `off` is the command that powers it off; the script knows the usual one."""

    shell: Shell
    workdir: str
    interval: float = LOOK_SECONDS
    off: Sequence[str] = ()

    def renew(self, *, lease_seconds: float, hard_seconds: float) -> None:
        """Start the timer anew; see `Location.guard`. Times are rounded to whole seconds."""
        times = [f"{lease_seconds:.0f}", f"{hard_seconds:.0f}", f"{self.interval:g}"]
        argv = ["sh", "-c", _LOADER, "deadman.sh", _SCRIPT, "guard", self.workdir, *times, *self.off]
        result = self.shell.run(argv, timeout=GUARD_SECONDS)
        said = result.stdout.strip()
        if said == b"powerless":
            raise Conflict(
                "It may not switch itself off: let the user whom the bot logs in as run `sudo -n shutdown -h now` "
                '(docs/OPERATIONS.md, "Machines that switch themselves off").'
            )
        if result.code != 0 or said != b"armed":
            raise Unavailable(f"Its timer could not be renewed: {result.last_line}")
