"""The `ssh` shell: the system's ssh, one connection a machine (multiplexed), host keys checked.

Whatever ~/.ssh/config says of a host (ProxyJump, identity, known hosts) holds, except what is said in `OPTIONS`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path

from bot.clock import Clock, SystemClock
from bot.errors import NotFound, Unavailable
from bot.locations.reading import content, reading
from bot.locations.shell import CommandResult, end_group
from bot.locations.ssh_line import Heard, hear, wrapped
from bot.locations.ssh_refusal import meaning

CONNECT_SECONDS = 8
PERSIST_SECONDS = 60
"""How long an idle connection stays; also how long one outlives a bot that was killed."""
READ_SECONDS = 15.0
GRACE = 1.0
"""Seconds beyond a command's own in which the location may still say how it ended."""
KILLED = 128 + 9
LONGEST_FOLDER = 60
"""A socket's path holds 107 characters, of which ssh takes 17 for a moment while it makes one."""
OPTIONS: Mapping[str, str] = {
    "BatchMode": "yes",
    "ClearAllForwardings": "yes",
    "ConnectTimeout": str(CONNECT_SECONDS),
    "ConnectionAttempts": "1",
    "ControlMaster": "auto",
    "ControlPersist": str(PERSIST_SECONDS),
    "EscapeChar": "none",
    "ForwardAgent": "no",
    "ForwardX11": "no",
    "LogLevel": "ERROR",
    "PermitLocalCommand": "no",
    "RemoteCommand": "none",
    "RequestTTY": "no",
    "ServerAliveCountMax": "3",
    "ServerAliveInterval": "5",
    "StrictHostKeyChecking": "yes",
}
PASSED_ON = frozenset({"HOME", "LOGNAME", "PATH", "SSH_AUTH_SOCK", "TMPDIR", "USER", "XDG_RUNTIME_DIR"})
"""All that ssh sees of the bot's environment: what it does not have, no SendEnv of a configuration can send."""


class SshShell:
    """The machine `host`: a name, an address, or an alias of ~/.ssh/config (or of the file `config` instead of it).

    A signal that ended a command shows as 128 and its number, as shells say it. When a connection that was there
    turns out to be dead before a command gave a sign of life, the command is sent once more over a new one: all that
    the bot asks of a location may be asked twice (bot/ports.py). A command that takes too long is ended over there.
    """

    def __init__(
        self,
        host: str,
        *,
        user: str | None = None,
        port: int | None = None,
        config: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._host = host
        self._clock = clock or SystemClock()
        self._sockets = _short_folder()
        self._generation = 0
        chosen = ["-F", config] if config else []
        chosen += ["-l", user] if user else []
        chosen += ["-p", str(port)] if port else []
        self._by_hand = " ".join(["ssh", *chosen, host])
        fixed = [word for name, value in OPTIONS.items() for word in ("-o", f"{name}={value}")]
        self._argv = ["ssh", *fixed, *chosen]
        weakref.finalize(self, _end_connections, self._sockets)

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout: float) -> CommandResult:
        """See `Shell.run`. Connecting counts as part of `timeout`."""
        began = self._clock.monotonic()
        generation, shared = self._generation, self._socket().exists()
        try:
            heard = self._say(argv, stdin, timeout, began + timeout + GRACE)
            if shared and not heard.began:
                self._drop(generation)
                heard = self._say(argv, stdin, timeout, began + timeout + GRACE)
        except subprocess.TimeoutExpired as error:
            raise self._too_late(argv, timeout, generation, error) from error
        if heard.missing:
            raise NotFound(f"There is no program {argv[0]} on {self._host}.")
        if heard.code == KILLED and self._clock.monotonic() - began >= timeout:
            raise Unavailable(f"{argv[0]} did not end within {timeout:g} seconds.")
        if heard.code is None:
            raise self._lost(argv) if heard.began else meaning(heard.stderr, self._host, self._by_hand)
        return CommandResult(heard.code, heard.stdout, heard.stderr)

    def read(self, path: str, offset: int, limit: int) -> bytes:
        """See `Shell.read`."""
        return content(self.run(reading(path, offset, limit), timeout=READ_SECONDS), path)

    def _say(self, argv: Sequence[str], stdin: bytes, seconds: float, deadline: float) -> Heard:
        """Run ssh once. `TimeoutExpired` carries what was heard until then."""
        mark = self._clock.token()
        try:
            process = subprocess.Popen(
                [*self._argv, "-o", f"ControlPath={self._socket()}", "--", self._host, wrapped(argv, seconds, mark)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={name: value for name, value in os.environ.items() if name in PASSED_ON},
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise NotFound("There is no program ssh on the bot's machine. Install openssh-client.") from error
        except OSError as error:
            raise Unavailable(f"Could not start ssh: {error.strerror}.") from error
        with process:
            try:
                stdout, stderr = process.communicate(stdin, max(0.1, deadline - self._clock.monotonic()))
            except subprocess.TimeoutExpired:
                end_group(process)
                raise
        return hear(stdout, stderr, mark)

    def _too_late(
        self, argv: Sequence[str], timeout: float, generation: int, error: subprocess.TimeoutExpired
    ) -> Unavailable:
        if error.stdout:  # the mark at least
            return Unavailable(f"{argv[0]} did not end within {timeout:g} seconds.")
        self._drop(generation)
        return Unavailable(
            f"{argv[0]} did not end within {timeout:g} seconds; {self._host} gave no sign of life on its connection."
        )

    def _lost(self, argv: Sequence[str]) -> Unavailable:
        return Unavailable(f"The connection to {self._host} was lost while {argv[0]} ran; it may have had its effect.")

    def _socket(self) -> Path:
        return self._sockets / str(self._generation)

    def _drop(self, generation: int) -> None:
        """Never use that connection again; it ends by itself. Not undone by others who found the same."""
        if self._generation == generation:
            self._generation = generation + 1


def _short_folder() -> Path:
    """A new folder that only we can enter, for the connections' sockets."""
    usual = tempfile.gettempdir()
    return Path(tempfile.mkdtemp(prefix="sm-", dir=usual if len(usual) <= LONGEST_FOLDER else "/tmp"))  # noqa: S108


def _end_connections(sockets: Path) -> None:
    for socket in sockets.iterdir():
        end = ["ssh", "-F", "none", "-o", f"ControlPath={socket}", "-O", "exit", "there"]
        try:
            subprocess.run(end, capture_output=True, check=False, timeout=2)
        except (OSError, subprocess.TimeoutExpired):
            continue
    shutil.rmtree(sockets, ignore_errors=True)
