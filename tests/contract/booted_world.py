"""A whole machine that boots: systemd, sudo and sshd in a container, set up as docs/OPERATIONS.md says, word by word.

ssh reaches it through `docker exec`, so no port is open; what it powers off is the container alone.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.locations.ssh import SshShell
from tests.contract.engine_world import ROOT, Engine
from tests.contract.sshd_world import make_key
from tests.contract.test_runtime import write_stand_in

IMAGE = "localhost/stationmaster-machine:test"
# In a container with the first version of control groups systemd is not told that a service's last process is gone,
# and waits for it in vain: not for long.
DOCKERFILE = """
ARG BASE
FROM ${BASE}
RUN apt-get update -qq \\
 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \\
    openssh-server sudo systemd systemd-sysv >/dev/null \\
 && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --shell /bin/sh train \\
 && usermod --password '*' train \\
 && install -d -m 700 -o train -g train /home/train/.ssh \\
 && install -d -o train -g train /srv/stationmaster \\
 && echo /repository >/usr/local/lib/python3.11/dist-packages/stationmaster.pth \\
 && install -d /etc/systemd/system.conf.d \\
 && printf '[Manager]\\nDefaultTimeoutStopSec=5s\\n' >/etc/systemd/system.conf.d/soon.conf
"""
WORKDIR = "/srv/stationmaster"
PATIENCE = 180.0
"""Seconds for what takes one: starting the machine, and powering it off."""
NO_SYSTEMD = "the container engine cannot boot systemd here"
CLIENT = """
Host {name}
  User train
  IdentityFile {folder}/key
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile {folder}/known_hosts
  GlobalKnownHostsFile none
  ProxyCommand env DOCKER_HOST={host} docker exec --interactive {name} /usr/sbin/sshd -i -o UsePAM=no
"""


class BootedMachine:
    """The machine `name`. `shell` is what the bot has: ssh as `train`, who may do nothing else than a user may."""

    def __init__(self, engine: Engine, name: str, folder: Path) -> None:
        self.engine = engine
        self.name = name
        self._folder = folder
        make_key(folder / "key")
        (folder / "config").write_text(CLIENT.format(name=name, folder=folder, host=engine.host))
        write_stand_in(folder / "steps")
        self.shell = SshShell(name, config=str(folder / "config"))

    def create(self) -> None:
        volumes = ("--volume", f"{ROOT}:/repository:ro", "--volume", f"{self._folder}/steps:/steps:ro")
        words = ("--name", self.name, "--network", "none", "--stop-timeout", "0", *volumes)
        self.engine.docker("create", *words, IMAGE, "/lib/systemd/systemd")

    def boot(self) -> None:
        """Switch it on, and wait until its services have begun."""
        self.switch_on()
        if not came_to(lambda: self._state() in ("running", "degraded") or not self.on) or not self.on:
            pytest.skip(f"{NO_SYSTEMD}: {self.engine.docker('logs', self.name, check=False).stdout[-500:]}")

    def switch_on(self) -> None:
        self.engine.docker("start", self.name)

    def let_the_bot_in(self) -> None:
        key = (self._folder / "key.pub").read_text()
        self.root(f"cat >/home/train/.ssh/authorized_keys <<'.'\n{key}.\nchown train /home/train/.ssh/authorized_keys")
        host_key = self.root("cat /etc/ssh/ssh_host_ed25519_key.pub")
        (self._folder / "known_hosts").write_text(f"{self.name} {host_key}")

    def root(self, line: str, *, check: bool = True) -> str:
        """What somebody types who is root at the machine."""
        return self.engine.docker("exec", self.name, "sh", "-c", line, check=check).stdout

    def sudoers(self, *rules: str) -> None:
        text = "\n".join(rules)
        self.root(
            f"cat >/etc/sudoers.d/rules <<'.'\n{text}\n.\nchmod 440 /etc/sudoers.d/rules && visudo --check --quiet"
        )

    @property
    def on(self) -> bool:
        return self.engine.docker("inspect", "--format", "{{.State.Running}}", self.name).stdout.strip() == "true"

    def until_off(self) -> None:
        assert came_to(lambda: not self.on), f"{self.name} is still on; {self.root('systemctl list-jobs', check=False)}"

    def shutting_down(self) -> bool:
        """Whether powering off has begun; a machine that is off already has."""
        return "poweroff.target" in self.root("systemctl list-jobs --plain --no-legend", check=False) or not self.on

    def look(self) -> None:
        """Let the unit look once, and wait for it, as the timer does every minute."""
        self.root("systemctl start stationmaster-deadman.service", check=False)

    def _state(self) -> str:
        return self.root("systemctl is-system-running", check=False).strip()


@contextmanager
def a_machine(engine: Engine, name: str, folder: Path) -> Iterator[BootedMachine]:
    """One that is on and lets the bot in; nothing else is set up."""
    context = folder / "context"
    context.mkdir(parents=True)
    engine.build(IMAGE, context, text=DOCKERFILE)
    made = BootedMachine(engine, name, folder)
    made.create()
    try:
        made.boot()
        made.let_the_bot_in()
        yield made
    finally:
        engine.docker("rm", "--force", name, check=False)


def came_to(condition: Callable[[], bool]) -> bool:
    """Whether it came to that in time."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def documented(pattern: str) -> str:
    """The one place between backticks in docs/OPERATIONS.md that matches."""
    (found,) = re.findall(rf"`({pattern})`", (ROOT / "docs" / "OPERATIONS.md").read_text())
    return str(found)
