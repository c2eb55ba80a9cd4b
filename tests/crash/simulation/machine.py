"""A machine as time passes: power that takes a while, a shell that comes later, jobs that outlive the bot."""

import heapq
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random

from bot.errors import NoCapacity, NotFound, Unavailable
from bot.ports import Job, JobSeen, JobState, JobStatus, PowerState
from tests.crash.simulation.doors import Doors
from tests.crash.simulation.hours import Hours
from tests.crash.simulation.jobs import Life, life
from tests.crash.simulation.services import CodeHost
from tests.doubles.location import FakeLocation

ON = (PowerState.STARTING, PowerState.RUNNING)


class Machine(FakeLocation):
    """`broken` holds what must never happen and did. What is stale or shut is only so for the bot's calls."""

    def __init__(self, name: str, hours: Hours, chance: Random, doors: Doors, code: CodeHost) -> None:
        super().__init__(name)
        self.hours, self.chance, self.doors, self.code = hours, chance, doors, code
        self.broken: list[str] = []
        self.last_work = 0.0
        """True time at which it last had a job, or was last asked for power."""
        self.trained: list[int] = []
        """The number of a run for each time that its training was started."""
        self.no_capacity_until = 0.0
        self._stale: tuple[float, PowerState] = (0.0, PowerState.UNKNOWN)
        self._shell_at = 0.0
        self._lives: dict[str, Life] = {}
        self._acting: Job | None = None
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._power_changes = 0

    # -- the door

    def power(self) -> PowerState:
        with self.doors.call(self._cloud, "power", 0.2):
            return self._stale[1] if self.is_stale() else self.state

    def start(self) -> None:
        with self.doors.call(self._cloud, "start", 0.5):
            if self.state is PowerState.GONE:
                raise NotFound(f"{self.name} was terminated.")
            if self.state is PowerState.STOPPING:
                raise Unavailable(f"{self.name} is still stopping.")
            if self.hours.now < self.no_capacity_until:
                raise NoCapacity("There is no capacity.")
            self.switch_on()

    def stop(self) -> None:
        with self.doors.call(self._cloud, "stop", 0.5):
            if self.state is PowerState.STARTING:
                raise Unavailable(f"{self.name} is still starting.")
            if self.running():
                self.broken.append(f"{self.name} was stopped with {self.running()} on it")
            if self.state is PowerState.RUNNING:
                self.stops += 1
                self.switch_off()

    def answers(self) -> bool:
        try:
            with self._over_the_shell("answers"):
                return True
        except Unavailable:
            return False

    def launch(self, job: Job) -> None:
        with self._over_the_shell("launch"):
            super().launch(job)
            if job.name not in self._lives and self.statuses[job.name].state is JobState.RUNNING:
                self._lives[job.name] = life(self, job, self.chance)
                self._go_on(job)
                if job.step == "repro":
                    self.trained.append(job.spec["run"])
            if len(self.running()) > 1:
                self.broken.append(f"{self.name} has two jobs: {self.running()}")

    def status(self, job_name: str, run_dir: str) -> JobStatus:
        with self._over_the_shell("status"):
            return super().status(job_name, run_dir)

    def kill(self, job_name: str, run_dir: str) -> bool:
        """As every runtime does it: a job that was not launched yet never will be (tests/contract/test_runtime.py)."""
        with self._over_the_shell("kill"):
            if job_name not in self.statuses:
                self.jobs.setdefault(job_name, Job(job_name, "", 0, run_dir, self.workdir, {}, {}))
                self.statuses[job_name] = JobStatus(JobState.EXITED, 137)
            return super().kill(job_name, run_dir)

    def decide(self, run_dir: str, choice: str) -> str:
        with self._over_the_shell("decide"):
            return super().decide(run_dir, choice)

    def read(self, path: str, offset: int, limit: int) -> bytes:
        with self._over_the_shell("read"):
            return super().read(path, offset, limit)

    def living(self) -> list[JobSeen]:
        with self._over_the_shell("living"):
            return super().living()

    # -- what happens to it

    def live(self) -> None:
        """Do what was due until now, each at its time."""
        while self._agenda and self._agenda[0][0] <= self.hours.now:
            at, _, happen = heapq.heappop(self._agenda)
            if self.running():
                self.last_work = at
            happen()

    def switch_on(self) -> None:
        if self.state is not PowerState.STOPPED:
            return
        self.starts += 1
        self.last_work = self.hours.now
        self._become(PowerState.STARTING, self.chance.uniform(2, 40), PowerState.RUNNING)

    def switch_off(self) -> None:
        """Its jobs go on until it is really off."""
        if self.state in ON:
            self._become(PowerState.STOPPING, self.chance.uniform(2, 40), PowerState.STOPPED)

    def end(self, state: PowerState) -> None:
        """A power cut, or somebody terminates it: at once, and whatever ran is gone."""
        if self.state is not PowerState.GONE:
            self._become(state)

    def take_back(self) -> None:
        """The cloud wants it back: what is not being pushed ends at once, and the machine two minutes later."""
        if self.state is not PowerState.RUNNING:
            return
        for name in self.running():
            job = self.jobs[name]
            if job.step == "publish" and self.decisions.setdefault(job.run_dir, "cancel") != "cancel":
                continue
            self._acting = job
            message = "The notice said that the machine would be stopped."
            self.emit(
                "failed", step=job.step, stage=None, cause="interrupted", message=message, action="stop", lines=[]
            )
            self.statuses[name] = JobStatus(JobState.EXITED, 143)
        change = self._power_changes
        self._at(120.0, lambda: self.end(PowerState.STOPPED) if change == self._power_changes else None)

    def be_stale(self, seconds: float, state: PowerState) -> None:
        """The cloud goes on telling that state."""
        self._stale = (self.hours.now + seconds, state)

    def is_stale(self) -> bool:
        return self.hours.now < self._stale[0]

    def heal(self) -> None:
        self._stale = (0.0, PowerState.UNKNOWN)
        self.no_capacity_until = 0.0

    def current(self) -> Job:
        assert self._acting is not None
        return self._acting

    @property
    def _cloud(self) -> str:
        return f"{self.name}'s cloud"

    @contextmanager
    def _over_the_shell(self, call: str) -> Iterator[None]:
        shell = f"{self.name}'s shell"
        with self.doors.call(shell, call, 0.3):
            if self.state not in (PowerState.RUNNING, PowerState.STOPPING) or self.hours.now < self._shell_at:
                raise Unavailable(f"{shell} does not answer.")
            yield

    def _become(self, state: PowerState, seconds: float = 0.0, then: PowerState | None = None) -> None:
        self.state = state
        self._power_changes += 1
        if state in (PowerState.STOPPED, PowerState.GONE):
            for name in self.running():
                self.statuses[name] = JobStatus(JobState.LOST)
        if state is PowerState.RUNNING:
            self._shell_at = self.hours.now + self.chance.uniform(0, 20)
        if then is not None:
            change = self._power_changes
            self._at(seconds, lambda: self._become(then) if change == self._power_changes else None)

    def _go_on(self, job: Job) -> None:
        """Let the job do its next thing, unless something ended it."""
        if self.statuses[job.name].state is not JobState.RUNNING:
            return
        self._acting = job
        try:
            self._at(next(self._lives[job.name]), lambda: self._go_on(job))
        except StopIteration as ended:
            self.statuses[job.name] = JobStatus(JobState.EXITED, ended.value, oom=ended.value == 137)

    def _at(self, seconds: float, happen: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (self.hours.now + seconds, next(self._order), happen))
