"""Debian's real sshd as a process of its own on loopback, with keys and configuration in a folder of the test."""

from __future__ import annotations

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from bot.locations.ssh import SshShell

PATIENCE = 10.0
SERVER = """
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
AcceptEnv *
MaxStartups 100
{environment}"""
CLIENT = """
Host {alias}
  HostName 127.0.0.1
  Port {port}
  User {user}
  IdentityFile {folder}/key
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile {folder}/known_hosts
  GlobalKnownHostsFile none
  SendEnv *
"""


class SshdWorld:
    """One machine that ssh reaches as `alias` with the configuration `config`.

    `environment` is what whoever logs in finds there.
    """

    def __init__(self, folder: Path, alias: str = "rack", environment: Mapping[str, str] | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.alias = alias
        self.port = _free_port()
        self.config = folder / "config"
        for name in ("host_key", "key"):
            make_key(folder / name)
        shutil.copy(folder / "key.pub", folder / "authorized_keys")
        self.know((folder / "host_key.pub").read_text())
        given = "".join(f"SetEnv {name}={value}\n" for name, value in (environment or {}).items())
        (folder / "sshd_config").write_text(SERVER.format(port=self.port, folder=folder, environment=given))
        self.config.write_text(CLIENT.format(alias=alias, port=self.port, user=getpass.getuser(), folder=folder))
        self._process: subprocess.Popen[bytes] | None = None

    def know(self, host_key: str) -> None:
        """Let this be the host key that the client knows; an empty one is none."""
        line = f"[127.0.0.1]:{self.port} {host_key}" if host_key else ""
        (self.folder / "known_hosts").write_text(line)

    def shell(self) -> SshShell:
        return SshShell(self.alias, config=str(self.config))

    def start(self) -> None:
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # where sshd locks itself in; Debian makes it when it boots
        with (self.folder / "sshd.log").open("ab") as log:
            self._process = subprocess.Popen(
                [_sshd(), "-D", "-e", "-f", str(self.folder / "sshd_config")], stderr=log, stdin=subprocess.DEVNULL
            )
        deadline = time.monotonic() + PATIENCE
        while not self._listens():
            if time.monotonic() > deadline or self._process.poll() is not None:
                raise RuntimeError((self.folder / "sshd.log").read_text())
            time.sleep(0.02)

    def connections(self) -> list[int]:
        """The processes of sshd that serve a connection each."""
        return children(self._process.pid) if self._process else []

    def cut(self) -> None:
        """End every connection, as a machine does that loses its power; sshd goes on listening."""
        end(self.connections())

    def stop(self) -> None:
        """End sshd and its connections."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGSTOP)  # so that nobody connects between the list and the end
        connections = children(process.pid)
        process.kill()
        process.wait()
        end(connections)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


def make_key(path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)


def children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def end(connections: Sequence[int]) -> None:
    """Kill these processes and their children; one that has ended by itself meanwhile is as good."""
    for pid in connections:
        for each in (*children(pid), pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)


def _sshd() -> str:
    found = shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if found is None:
        raise RuntimeError("These tests need a real sshd: apt install openssh-server")
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
