"""What must hold for every runtime, with real detached processes. A new one is one more line in `RUNTIMES`.

Each is a runtime and the shell it works through, which is a fixture's name where it is not this machine.

The step that is run is not the trainer's own: a package of the same name, put before it on the step's module path, runs
`plan.py` of the run's folder. So a test says in a line of Python what its job does.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from bot.errors import Conflict
from bot.locations.docker import Containers, DockerRuntime
from bot.locations.process import ProcessRuntime, Runtime
from bot.locations.shell import LocalShell, Shell
from bot.ports import Job, JobState, JobStatus
from tests.contract.engine_world import ROOT
from tests.contract.sshd_world import SshdWorld
from tests.contract.ssm_world import SsmWorld
from trainer.places import Places

RUNTIMES: dict[str, tuple[Callable[[Shell], Runtime], str]] = {
    "process": (lambda shell: ProcessRuntime(shell, sys.executable), "local"),
    "process over ssh": (lambda shell: ProcessRuntime(shell, sys.executable), "ssh"),
    "process over ssm": (lambda shell: ProcessRuntime(shell, sys.executable), "ssm"),
    "docker": (lambda shell: DockerRuntime(shell, Containers(STEPS_IMAGE, STEPS_IMAGE)), "containers"),
}
PATIENCE = 20.0
STEPS_IMAGE = "localhost/stationmaster-steps:test"
STEPS_INSIDE = "/opt/steps"
STEPS_DOCKERFILE = """
ARG BASE
FROM ${BASE}
RUN ln -s python3 /usr/bin/python
ENV PYTHONPATH=/opt/ours
COPY trainer /opt/ours/trainer
COPY steps /opt/steps
"""
STAND_IN = """
import os, runpy, sys
os.environ["RUN_DIR"] = sys.argv[sys.argv.index("--run-dir") + 1]
os.chdir(os.environ["DESK"])
runpy.run_path("plan.py", run_name="__main__")
"""
PROJECT = "team/fruits"
FOREVER = "import time; time.sleep(600)"


@dataclass
class Site:
    """A runtime and a run's folder at its location. A job works at its `desk`: a folder that it may write."""

    runtime: Runtime
    run_dir: Path
    steps: str
    desk: Path
    vanish: Callable[[Job], Any]
    """Takes a running job away as a power cut does, with nobody left to say how it ended."""
    launched: list[Job] = field(default_factory=list)

    def job(self, plan: str, *, name: str = "run-1-repro", **changes: Any) -> Job:
        self.desk.mkdir(parents=True, exist_ok=True)
        (self.desk / "plan.py").write_text(plan)
        job = Job(
            name=name,
            step="repro",
            fence=1,
            run_dir=str(self.run_dir),
            workdir=str(self.run_dir.parents[1]),
            spec={"project": PROJECT, "uid": "1", "env": {"PYTHONPATH": self.steps, "DESK": str(self.desk)}},
            secrets={},
        )
        return replace(job, **changes)

    def limited(self, seconds: float, plan: str, **changes: Any) -> Job:
        job = self.job(plan, **changes)
        return replace(job, spec={**job.spec, "limit_seconds": seconds, "max_hours": 2})

    def launch(self, job: Job) -> None:
        self.launched.append(job)
        self.runtime.launch(job)

    def status(self, job: Job) -> JobStatus:
        return self.runtime.status(job.name, job.run_dir)

    def causes(self) -> list[str]:
        """What the run's events name as the cause of a failure."""
        events = self.run_dir / "events.jsonl"
        lines = events.read_text().splitlines() if events.exists() else []
        return [event["cause"] for event in map(json.loads, lines) if event["kind"] == "failed"]

    def wait_for(self, condition: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = condition()
            if found:
                return found
            time.sleep(0.05)
        raise AssertionError("it never came to that")

    def wait_until_over(self, job: Job) -> JobStatus:
        self.wait_for(lambda: self.status(job).state is not JobState.RUNNING)
        return self.status(job)


@pytest.fixture(scope="module")
def local():
    return LocalShell()


@pytest.fixture(scope="module")
def ssh(tmp_path_factory):
    with SshdWorld(tmp_path_factory.mktemp("sshd")) as world:
        yield world.shell()


@pytest.fixture(scope="module")
def containers(engine, tmp_path_factory):
    context = tmp_path_factory.mktemp("steps")
    write_stand_in(context / "steps")
    shutil.copytree(ROOT / "trainer", context / "trainer")
    engine.build(STEPS_IMAGE, context, text=STEPS_DOCKERFILE)
    return engine.shell


@pytest.fixture(scope="module")
def ssm(tmp_path_factory):
    with SsmWorld(tmp_path_factory.mktemp("ssm")) as world:
        yield world.shell()


@pytest.fixture(params=RUNTIMES)
def site(request, tmp_path):
    make, shell = RUNTIMES[request.param]
    over = request.getfixturevalue(shell)
    run_dir = tmp_path / "work" / "runs" / "1"
    if shell == "containers":
        desk = Places(tmp_path / "work", PROJECT).repo
        made = Site(
            make(over), run_dir, STEPS_INSIDE, desk, lambda job: over.run(["docker", "rm", "-f", job.name], timeout=20)
        )
    else:
        write_stand_in(tmp_path / "steps")
        made = Site(make(over), run_dir, str(tmp_path / "steps"), run_dir, kill_supervisor)
    yield made
    for job in made.launched:
        made.runtime.kill(job.name, job.run_dir)


def write_stand_in(folder: Path) -> None:
    (folder / "trainer").mkdir(parents=True)
    (folder / "trainer" / "__init__.py").touch()
    (folder / "trainer" / "__main__.py").write_text(STAND_IN)


def kill_supervisor(job: Job) -> None:
    keeper = json.loads((Path(job.run_dir) / "jobs" / job.name / "supervisor.json").read_text())
    os.kill(keeper["pid"], signal.SIGKILL)


def alive(mark: str) -> bool:
    """Whether any process of this machine, in a container or not, has the word on its command line."""
    return any(mark.encode() in line for line in command_lines())


def command_lines() -> Iterator[bytes]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                yield (entry / "cmdline").read_bytes()


def test_a_job_that_was_never_launched_is_absent(site):
    assert site.status(site.job(FOREVER)) == JobStatus(JobState.ABSENT)


@pytest.mark.parametrize("code", [0, 1, 3, 137])
def test_a_job_that_ended_says_with_which_code(site, code):
    job = site.job(f"import sys; sys.exit({code})")
    site.launch(job)
    ended = site.wait_until_over(job)
    assert (ended.state, ended.exit_code, ended.oom) == (JobState.EXITED, code, False)


def test_the_caller_is_told_how_far_it_may_read(site):
    job = site.job("import os; print('x' * 99); open(os.environ['RUN_DIR'] + '/events.jsonl', 'w').write('{}\\n')")
    site.launch(job)
    ended = site.wait_until_over(job)
    assert ended.events_size == 3
    assert ended.log_size >= 100


def test_launching_a_name_again_while_it_runs_starts_nothing_more(site):
    job = site.job("open('starts', 'a').write('x'); " + FOREVER)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(site.launch, [job] * 3))
    starts = site.desk / "starts"
    site.wait_for(lambda: starts.exists() and starts.read_text())
    site.launch(job)
    assert site.status(job).state is JobState.RUNNING
    assert starts.read_text() == "x"


def test_launching_a_name_again_after_it_ended_starts_nothing_more(site):
    job = site.job("open('starts', 'a').write('x')")
    site.launch(job)
    site.wait_until_over(job)
    site.launch(job)
    assert site.wait_until_over(job).exit_code == 0
    assert (site.desk / "starts").read_text() == "x"


def test_a_killed_job_takes_everything_it_started_with_it(site):
    mark = f"daemon-of-{site.run_dir.parents[2].name}"
    daemon = f"import os, time; os.setsid(); open('daemon', 'w').write('{mark}'); time.sleep(600)"
    job = site.job(f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {daemon!r}]); {FOREVER}")
    site.launch(job)
    written = site.desk / "daemon"
    site.wait_for(lambda: written.exists() and written.read_text())
    assert alive(mark)
    assert site.runtime.kill(job.name, job.run_dir) is True
    assert not alive(mark)
    assert site.status(job).state is JobState.EXITED


def test_killing_twice_is_killing_once(site):
    job = site.job(FOREVER)
    site.launch(job)
    assert [site.runtime.kill(job.name, job.run_dir) for _ in range(2)] == [True, True]


def test_a_job_that_was_killed_before_its_launch_never_starts(site):
    job = site.job("open('starts', 'a').write('x')")
    assert site.runtime.kill(job.name, job.run_dir) is True
    site.launch(job)
    assert site.wait_until_over(job).exit_code != 0
    assert not (site.desk / "starts").exists()


def test_two_jobs_of_a_run_are_told_apart(site):
    first = site.job("raise SystemExit(4)", name="run-1-prepare")
    site.launch(first)
    assert site.wait_until_over(first).exit_code == 4
    second = site.job("", name="run-1-repro")
    assert site.status(second).state is JobState.ABSENT
    site.launch(second)
    assert site.wait_until_over(second).exit_code == 0
    assert site.status(first).exit_code == 4


def test_an_older_reservation_starts_nothing(site):
    newer = site.job("", name="run-2-repro", fence=2)
    site.launch(newer)
    site.wait_until_over(newer)
    older = site.job("open('starts', 'a').write('x')", fence=1)
    with pytest.raises(Conflict, match="newer reservation"):
        site.launch(older)
    assert site.status(older).state is JobState.ABSENT
    assert not (site.desk / "starts").exists()


@pytest.mark.parametrize("choices", [("push", "cancel"), ("cancel", "push"), ("push", "push")])
def test_the_first_decision_holds_for_ever(site, choices):
    assert [site.runtime.decide(str(site.run_dir), choice) for choice in choices] == [choices[0]] * 2


def test_of_two_who_decide_at_once_both_hear_the_same(site):
    with ThreadPoolExecutor(4) as pool:
        heard = list(pool.map(lambda choice: site.runtime.decide(str(site.run_dir), choice), ["push", "cancel"] * 2))
    assert len(set(heard)) == 1


def test_no_secret_is_on_a_command_line_and_none_is_in_what_is_kept(site):
    token = f"sandbox-bot-token-{os.getpid()}"  # of this test alone: all processes of the machine are looked at
    job = site.job(FOREVER, step="publish", secrets={"git_token": token})
    site.launch(job)
    assert site.status(job).state is JobState.RUNNING
    assert not any(token.encode() in line for line in command_lines())
    site.runtime.kill(job.name, job.run_dir)
    kept = [path for path in site.run_dir.rglob("*") if path.is_file()]
    assert kept
    assert not any(token.encode() in path.read_bytes() for path in kept)


def test_a_job_whose_keeper_was_killed_is_lost_and_nothing_of_it_goes_on(site):
    job = site.job("import time; open('step', 'w').write('here'); time.sleep(600)")
    site.launch(job)
    written = site.desk / "step"
    site.wait_for(lambda: written.exists() and written.read_text())
    site.vanish(job)
    ended = site.wait_until_over(job)
    assert (ended.state, ended.exit_code) == (JobState.LOST, None)
    site.wait_for(lambda: not alive(str(site.run_dir)))


def test_the_jobs_that_live_are_known_by_run_fence_and_step_with_no_ledger_at_hand(site):
    workdir = str(site.run_dir.parents[1])
    assert list(site.runtime.living(workdir)) == []
    job = site.job(FOREVER, fence=7)
    site.launch(job)
    (seen,) = site.runtime.living(workdir)
    assert (seen.name, seen.uid, seen.fence, seen.step) == (job.name, "1", 7, "repro")
    assert seen.seconds >= 0
    assert list(site.runtime.living(f"{workdir}-of-another-location")) == []
    site.runtime.kill(job.name, job.run_dir)
    assert list(site.runtime.living(workdir)) == []


def test_a_job_that_ended_by_itself_lives_no_more(site):
    job = site.job("")
    site.launch(job)
    site.wait_until_over(job)
    site.wait_for(lambda: not site.runtime.living(str(site.run_dir.parents[1])))


def test_a_job_over_its_limit_ends_by_itself_and_says_why(site):
    job = site.limited(0.5, "import signal; signal.signal(signal.SIGTERM, lambda *_: exit(9)); " + FOREVER)
    site.launch(job)
    ended = site.wait_until_over(job)
    assert ended.state is JobState.EXITED
    assert ended.exit_code != 0
    assert site.causes() == ["too-long"]


def test_a_job_whose_money_is_spent_first_says_that_instead(site):
    job = site.limited(0.5, FOREVER)
    job = replace(job, spec={**job.spec, "max_cost": 10})
    site.launch(job)
    site.wait_until_over(job)
    assert site.causes() == ["too-expensive"]


def test_a_job_within_its_limit_is_left_alone(site):
    job = site.limited(3600, "")
    site.launch(job)
    assert site.wait_until_over(job).exit_code == 0
    assert site.causes() == []


def test_a_push_that_was_decided_is_not_torn_off_by_the_limit(site):
    assert site.runtime.decide(str(site.run_dir), "push") == "push"
    job = site.limited(0.2, "import time; time.sleep(1.5)", step="publish")
    site.launch(job)
    assert site.wait_until_over(job).exit_code == 0


def test_a_publishing_that_the_limit_ended_never_pushes(site):
    job = site.limited(0.2, FOREVER, step="publish")
    site.launch(job)
    assert site.wait_until_over(job).exit_code != 0
    assert site.runtime.decide(str(site.run_dir), "push") == "cancel"
