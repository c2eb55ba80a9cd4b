"""The dead-man's timer with real processes; only what powers the machine off is a stand-in: it leaves a file."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bot.errors import Conflict, Unauthorised, Unavailable
from bot.location_settings import LocationSettings
from bot.locations.catalog import Powers
from bot.locations.catalog import machine as machine_of
from bot.locations.deadman import DeadMan
from bot.locations.machine import Machine as Location
from bot.locations.power import AlwaysOn
from bot.locations.process import ProcessRuntime
from bot.locations.shell import CommandResult, LocalShell
from bot.ports import Job, PowerState
from bot.settings import Settings
from tests.contract.ssm_world import INSTANCE, SsmWorld
from tests.contract.test_runtime import write_stand_in

SCRIPT = Path(__file__).parents[2] / "bot" / "locations" / "deadman.sh"
PATIENCE = 30.0
HOUR = 3600.0
FOREVER = 1e9
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the machines that train are Linux")


class Machine:
    """A machine with a folder of its own; it is off when the file `off` is there."""

    def __init__(self, folder: Path) -> None:
        self.workdir = folder / "work"
        self.off = folder / "off"
        self.bin = folder / "bin"
        self.shell = LocalShell(extra={"PATH": f"{self.bin}:{os.environ['PATH']}"})
        self.command = ("touch", str(self.off))

    def timer(self, shell=None) -> DeadMan:
        return DeadMan(shell or self.shell, str(self.workdir), interval=0.1, off=self.command)

    def look(self, *, lease: int = 0, hard: int = 1_000_000_000) -> bool:
        """Look once, as the systemd unit does where a bot was before; True when the machine was powered off."""
        (self.workdir / "guard").mkdir(parents=True, exist_ok=True)
        words = ["look", str(self.workdir), str(lease), str(hard), "1", *self.command]
        assert self.shell.run(["sh", str(SCRIPT), *words], timeout=PATIENCE).code == 0
        return self.off.exists()

    def write_lease(self, text: str) -> None:
        (self.workdir / "guard").mkdir(parents=True, exist_ok=True)
        (self.workdir / "guard" / "lease").write_text(text)

    def docker(self, script: str) -> None:
        """A container of ours that was launched here, and an engine that says what `script` says of it."""
        jobs = self.workdir / "runs" / "1-a" / "jobs"
        jobs.mkdir(parents=True)
        (jobs / "run-1-a-repro-1.container").touch()
        self.program("docker", script)

    def program(self, name: str, script: str) -> None:
        """Let the machine find this one under that name."""
        self.bin.mkdir(exist_ok=True)
        (self.bin / name).write_text(f"#!/bin/sh\n{script}\n")
        (self.bin / name).chmod(0o755)

    def watchers(self) -> list[int]:
        """Everybody who watches here: leaders of sessions, without what they start for a moment."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                    words = (entry / "cmdline").read_bytes().split(b"\0")
                    leads = os.getsid(int(entry.name)) == int(entry.name)
                    if leads and b"watch" in words and os.fsencode(self.workdir) in words:
                        found.append(int(entry.name))
        return found


@pytest.fixture
def machine(tmp_path):
    made = Machine(tmp_path)
    yield made
    if (made.workdir / "guard" / "watcher.lock").exists():
        wait_for(made.watchers)  # a watcher that is about to begin would be overlooked, and would outlive the test
    for pid in made.watchers():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def job(machine, tmp_path):
    """A real job that lives until the test ends it."""
    write_stand_in(tmp_path / "steps")
    run_dir = machine.workdir / "runs" / "1-a"
    run_dir.mkdir(parents=True)
    (run_dir / "plan.py").write_text("import time; time.sleep(600)")
    runtime = ProcessRuntime(machine.shell, sys.executable)
    environment = {"PYTHONPATH": str(tmp_path / "steps"), "DESK": str(run_dir)}
    spec = {"project": "team/fruits", "uid": "1-a", "env": environment}
    runtime.launch(Job("run-1-a-repro-1", "repro", 1, str(run_dir), str(machine.workdir), spec, {}))
    end = lambda: runtime.kill("run-1-a-repro-1", str(run_dir))  # noqa: E731
    yield end
    end()


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.05)


def test_a_machine_without_bot_and_without_job_powers_itself_off(machine):
    machine.timer().renew(lease_seconds=1, hard_seconds=HOUR)
    wait_for(machine.off.exists)


def test_a_lease_that_was_renewed_keeps_it_on(machine):
    machine.timer().renew(lease_seconds=600, hard_seconds=HOUR)
    assert not machine.look()
    machine.timer().renew(lease_seconds=0, hard_seconds=HOUR)
    assert machine.look()


def test_a_live_job_keeps_it_on_until_it_ends(machine, job):
    assert not machine.look()
    job()
    assert machine.look()


def test_a_job_of_another_boot_and_one_whose_number_is_somebody_elses_keep_nothing_on(machine, job):
    keeper = next(machine.workdir.glob("runs/*/jobs/*/supervisor.json"))
    known = keeper.read_text()
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    keeper.write_text(known.replace(boot, "00000000-0000-0000-0000-000000000000"))
    assert machine.look()
    machine.off.unlink()
    keeper.write_text(known.replace('"start": "', '"start": "9'))
    assert machine.look()
    keeper.write_text(known)


def test_after_the_hard_end_it_powers_off_whatever_runs(machine, job):
    machine.timer().renew(lease_seconds=0, hard_seconds=0)
    wait_for(machine.off.exists)


@pytest.mark.parametrize("text", ["", "0000 1 2\n", "damaged", "{boot} x y\n"])
def test_without_a_lease_of_this_boot_the_time_counts_from_the_boot(machine, text):
    machine.write_lease(text.replace("{boot}", Path("/proc/sys/kernel/random/boot_id").read_text().strip()))
    assert not machine.look(lease=1_000_000_000)
    assert machine.look(lease=0)


@pytest.mark.parametrize(("script", "off"), [("echo 0123abcd", False), ("exit 1", False), ("exit 0", True)])
def test_a_container_keeps_it_on_and_so_does_an_engine_that_does_not_answer(machine, script, off):
    machine.docker(script)
    assert machine.look() is off


def test_a_machine_that_no_bot_ever_renewed_is_left_alone(machine):
    words = ["look", str(machine.workdir), "0", "0", "1", *machine.command]
    assert machine.shell.run(["sh", str(SCRIPT), *words], timeout=PATIENCE).code == 0
    assert not machine.off.exists()


@pytest.mark.parametrize(
    ("listed", "validates", "permitted"),
    [
        ("(root) NOPASSWD: /usr/sbin/shutdown -h now, /sbin/shutdown -h now", False, True),
        ("(ALL : ALL) ALL\\n(ALL : ALL) NOPASSWD: ALL", False, True),
        ("(ALL : ALL) ALL\\n(root) NOPASSWD: /usr/bin/apt", False, False),
        ("(root) NOPASSWD: /usr/bin/apt\\n(ALL : ALL) ALL", False, False),
        ("(ALL : ALL) ALL", True, True),  # `!authenticate` among the Defaults
    ],
)
def test_what_sudo_would_ask_a_password_for_is_no_permission(machine, *, listed, validates, permitted):
    machine.program("id", "echo 1000")
    machine.program(
        "sudo", f'case $* in "-n -l") printf "{listed}\\n" ;; "-n -v") exit {int(not validates)} ;; *) ;; esac'
    )
    machine.command = ()  # the real way; the lease is so long that nobody goes it
    if permitted:
        machine.timer().renew(lease_seconds=FOREVER, hard_seconds=FOREVER)
    else:
        with pytest.raises(Conflict, match="may not switch itself off"):
            machine.timer().renew(lease_seconds=FOREVER, hard_seconds=FOREVER)


def test_a_container_whose_end_is_written_keeps_nothing_on(machine):
    machine.docker("echo 0123abcd")
    (machine.workdir / "runs" / "1-a" / "jobs" / "run-1-a-repro-1.exit.json").write_text("{}")
    assert machine.look()


def test_a_build_keeps_it_on_as_long_as_it_lives(machine):
    jobs = machine.workdir / "runs" / "1-a" / "jobs"
    jobs.mkdir(parents=True)
    with (jobs / "run-1-a-build-1.build").open("w") as started:
        started.write("4711 1")
        started.flush()
        fcntl.flock(started, fcntl.LOCK_EX)
        assert not machine.look()
    assert machine.look()


def test_a_timer_that_is_armed_by_many_at_once_has_one_watcher(machine):
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: machine.timer().renew(lease_seconds=600, hard_seconds=HOUR), range(8)))
    wait_for(lambda: len(machine.watchers()) == 1)
    assert not machine.off.exists()


def test_a_watcher_that_was_killed_is_replaced_at_the_next_renewal(machine):
    machine.timer().renew(lease_seconds=600, hard_seconds=HOUR)
    wait_for(lambda: len(machine.watchers()) == 1)
    (first,) = machine.watchers()
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: not machine.watchers())
    machine.timer().renew(lease_seconds=600, hard_seconds=HOUR)
    wait_for(lambda: len(machine.watchers()) == 1)


def test_a_watcher_whose_folder_was_taken_away_ends(machine):
    machine.timer().renew(lease_seconds=600, hard_seconds=HOUR)
    wait_for(machine.watchers)
    shutil.rmtree(machine.workdir / "guard")
    wait_for(lambda: not machine.watchers())


def test_a_machine_that_may_not_power_itself_off_says_so_at_once(machine):
    machine.command = ("no-such-program",)
    with pytest.raises(Conflict, match="may not switch itself off"):
        machine.timer().renew(lease_seconds=0, hard_seconds=HOUR)
    assert machine.watchers() == []


def test_a_shell_that_says_something_else_armed_nothing():
    class Odd:
        def run(self, *_argv: object, **_how: object) -> CommandResult:
            return CommandResult(0, b"hello", b"")

        def read(self, *_asked: object) -> bytes:
            raise NotImplementedError

    with pytest.raises(Unavailable, match="could not be renewed: hello"):
        DeadMan(Odd(), "/w").renew(lease_seconds=60, hard_seconds=60)


def test_an_instance_behind_ssm_whose_bot_died_ends_up_stopped(machine, tmp_path):
    with SsmWorld(tmp_path / "ssm") as world:
        machine.timer(world.shell()).renew(lease_seconds=1, hard_seconds=HOUR)
        assert world.power().state() is PowerState.RUNNING
        wait_for(machine.off.exists)  # the bot asks for nothing any more; the instance does this by itself
        world.aws.power_off(INSTANCE)
        wait_for(lambda: world.power().state() is PowerState.STOPPED)


@pytest.mark.parametrize(
    ("shell", "endpoint", "timed"),
    [("ssm", None, True), ("ssh", None, True), ("local", None, False), ("ssm", "http://127.0.0.1:9", False)],
)
def test_the_bots_own_machine_and_a_stand_ins_get_no_timer(tmp_path, monkeypatch, *, shell, endpoint, timed):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "sandbox")
    settings = Settings.model_construct(
        aws_region="eu-central-1",
        aws_endpoint_url=endpoint,
        stationmaster_home=tmp_path,
        stationmaster_shell="local",
        stationmaster_runtime="process",
    )
    location = LocationSettings(owner="a@b.c", instance=INSTANCE, shell=shell, host="rack-1")
    assert (machine_of("alice", location, settings, Powers(settings)).timer is not None) is timed


class Halting(AlwaysOn):
    """A power of which we know, or not, whether a shutdown leaves a machine behind."""

    def __init__(self, answer: bool | Exception) -> None:
        self._answer = answer

    def may_halt(self) -> bool:
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


@pytest.mark.parametrize("answer", [False, Conflict("it would terminate it"), Unauthorised("may not ask")])
def test_a_machine_that_a_shutdown_could_destroy_gets_no_timer(machine, answer):
    runtime = ProcessRuntime(machine.shell, sys.executable)
    at = Location("alice", str(machine.workdir), Halting(answer), machine.shell, runtime, machine.timer())
    with contextlib.suppress(Conflict, Unauthorised):
        at.guard(lease_seconds=0, hard_seconds=0)
    assert not machine.workdir.exists()
    at = Location("alice", str(machine.workdir), Halting(True), machine.shell, runtime, machine.timer())
    at.guard(lease_seconds=600, hard_seconds=HOUR)
    assert (machine.workdir / "guard" / "lease").exists()


@pytest.mark.parametrize("shell", ["sh", "dash", "bash"])
def test_the_script_is_plain_shell(shell):
    if not shutil.which(shell):
        shell = "sh"
    subprocess.run([shell, "-n", str(SCRIPT)], check=True)
