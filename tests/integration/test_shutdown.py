"""A machine that really powers itself off: real systemd, real sudo, real ssh, set up by the lines of OPERATIONS.md."""

from __future__ import annotations

import contextlib
import os

import pytest

from bot.errors import Conflict, Unavailable
from bot.locations.deadman import DeadMan
from bot.locations.process import ProcessRuntime
from bot.ports import Job
from tests.contract.booted_world import WORKDIR, a_machine, documented

pytestmark = pytest.mark.timeout(600)
RULE = documented(r"train ALL=[^`]*")
INSTALL = documented(r"install -D [^`]*")
HOUR = 3600.0
RUN_DIR = f"{WORKDIR}/runs/1-a"
JOB = "run-1-a-repro-1"
SOON = """
mkdir -p /etc/systemd/system/stationmaster-deadman.service.d /etc/systemd/system/stationmaster-deadman.timer.d
printf '[Service]\\nEnvironment=LEASE=0\\n' >/etc/systemd/system/stationmaster-deadman.service.d/override.conf
printf '[Timer]\\nOnBootSec=1s\\n' >/etc/systemd/system/stationmaster-deadman.timer.d/override.conf
"""
"""What `systemctl edit` writes, so that nobody waits for twenty minutes."""


@pytest.fixture
def machine(engine, tmp_path):
    with a_machine(engine, f"machine-{os.getpid()}", tmp_path) as made:
        yield made


def renew(machine, lease: float, hard: float = HOUR) -> None:
    with contextlib.suppress(Unavailable):  # it may power off before it has answered
        DeadMan(machine.shell, WORKDIR, interval=1).renew(lease_seconds=lease, hard_seconds=hard)


def runtime_of(machine) -> ProcessRuntime:
    return ProcessRuntime(machine.shell, "/usr/bin/python3")


def begin_a_job(machine) -> None:
    """A real job of the `process` runtime at the machine."""
    plan = "import time; time.sleep(3600)"
    written = machine.shell.run(
        ["sh", "-c", f"mkdir -p {RUN_DIR} && cat >{RUN_DIR}/plan.py"], stdin=plan.encode(), timeout=30
    )
    assert written.code == 0
    spec = {"project": "team/fruits", "uid": "1-a", "env": {"PYTHONPATH": "/steps", "DESK": RUN_DIR}}
    runtime_of(machine).launch(Job(JOB, "repro", 1, RUN_DIR, WORKDIR, spec, {}))


def test_a_machine_whose_bot_is_gone_powers_itself_off(machine):
    machine.sudoers(RULE)
    renew(machine, 2)
    machine.until_off()


def test_while_a_job_runs_it_stays_on_and_at_the_hard_end_it_does_not(machine):
    machine.sudoers(RULE)
    machine.root(f"cd /repository && {INSTALL}")
    begin_a_job(machine)
    renew(machine, 0)
    machine.look()
    assert not machine.shutting_down()
    renew(machine, 0, hard=0)
    machine.until_off()


def test_when_the_job_has_ended_it_powers_itself_off(machine):
    machine.sudoers(RULE)
    machine.root(f"cd /repository && {INSTALL}")
    begin_a_job(machine)
    renew(machine, 0)
    machine.look()
    assert not machine.shutting_down()
    with contextlib.suppress(Unavailable):
        runtime_of(machine).kill(JOB, RUN_DIR)
    machine.until_off()


def test_the_unit_leaves_a_machine_alone_that_no_bot_has_renewed(machine):
    machine.root(SOON)
    machine.root(f"cd /repository && {INSTALL}")
    machine.look()
    assert not machine.shutting_down()
    assert "Result=success" in machine.root("systemctl show --property Result stationmaster-deadman.service")


def test_after_a_reboot_without_a_bot_the_unit_powers_it_off(machine):
    machine.root(f"install -d -o train {WORKDIR}/guard")  # where a bot renewed before
    machine.root(SOON)
    machine.root(f"cd /repository && {INSTALL}", check=False)
    machine.until_off()
    machine.switch_on()
    machine.until_off()


def test_a_user_whom_sudo_would_ask_for_a_password_may_not_power_it_off(machine):
    with pytest.raises(Conflict, match="may not switch itself off"):
        renew(machine, HOUR)
    machine.sudoers("train ALL=(ALL:ALL) ALL", "train ALL=(root) NOPASSWD: /usr/bin/apt")
    with pytest.raises(Conflict, match="may not switch itself off"):
        renew(machine, HOUR)
    machine.sudoers("train ALL=(ALL:ALL) ALL", RULE)
    renew(machine, HOUR)
