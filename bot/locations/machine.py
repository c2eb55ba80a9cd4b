"""A machine: the `Location` door made of a power, a shell and a runtime. It only forwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.errors import NotFound, Unavailable
from bot.locations.deadman import DeadMan
from bot.locations.power import Power
from bot.locations.process import Runtime
from bot.locations.shell import Shell
from bot.ports import Job, JobSeen, JobStatus, PowerSeen, PowerState

HELLO_SECONDS = 10.0


@dataclass(frozen=True)
class Machine:
    """See `bot.ports.Location` for what each call promises. Without a `timer` it never powers itself off."""

    name: str
    workdir: str
    power_supply: Power
    shell: Shell
    runtime: Runtime
    timer: DeadMan | None = None

    @property
    def stoppable(self) -> bool:
        """See `Location.stoppable`."""
        return self.power_supply.can_stop

    def power(self) -> PowerState:
        """See `Location.power`."""
        return self.power_supply.state()

    def look(self) -> PowerSeen:
        """See `Location.look`."""
        return self.power_supply.look()

    def start(self) -> None:
        """See `Location.start`."""
        self.power_supply.start()

    def stop(self) -> None:
        """See `Location.stop`."""
        self.power_supply.stop()

    def answers(self) -> bool:
        """See `Location.answers`."""
        try:
            return self.shell.run(["true"], timeout=HELLO_SECONDS).code == 0
        except (Unavailable, NotFound):
            return False

    def launch(self, job: Job) -> None:
        """See `Location.launch`."""
        self.runtime.launch(job)

    def status(self, job_name: str, run_dir: str) -> JobStatus:
        """See `Location.status`."""
        return self.runtime.status(job_name, run_dir)

    def kill(self, job_name: str, run_dir: str) -> bool:
        """See `Location.kill`."""
        return self.runtime.kill(job_name, run_dir)

    def decide(self, run_dir: str, choice: str) -> str:
        """See `Location.decide`."""
        return self.runtime.decide(run_dir, choice)

    def image(self, job: Job) -> str | None:
        """See `Location.image`."""
        return self.runtime.image(job)

    def read(self, path: str, offset: int, limit: int) -> bytes:
        """See `Location.read`."""
        return self.shell.read(path, offset, limit)

    def living(self) -> Sequence[JobSeen]:
        """See `Location.living`."""
        return self.runtime.living(self.workdir)

    def guard(self, *, lease_seconds: float, hard_seconds: float) -> None:
        """See `Location.guard`."""
        if self.timer is not None and self.power_supply.may_halt():
            self.timer.renew(lease_seconds=lease_seconds, hard_seconds=hard_seconds)
