"""A shell: running a command at a location and reading its files."""

from __future__ import annotations

import errno
import os
import shlex
import signal
import stat
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.errors import Conflict, NotFound, Unavailable

PASSED_ON = frozenset(
    {
        "CUDA_VISIBLE_DEVICES",
        "DOCKER_HOST",
        "HOME",
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "LANG",
        "LC_ALL",
        "LC_CTYPE",
        "LD_LIBRARY_PATH",
        "LOGNAME",
        "NO_PROXY",
        "PATH",
        "REQUESTS_CA_BUNDLE",
        "SHELL",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "TMPDIR",
        "TZ",
        "USER",
        "http_proxy",
        "https_proxy",
        "no_proxy",
    }
)
"""All that a local command sees of the bot's environment: where programs, home, network and GPU are. No token of the
bot is among them, and a new one can never slip in."""


@dataclass(frozen=True)
class CommandResult:
    """How a command ended. `code` is its exit status, or minus the signal's number."""

    code: int
    stdout: bytes
    stderr: bytes

    @property
    def last_line(self) -> str:
        """The last line it said on standard error, else on standard output; for messages to people."""
        for said in (self.stderr, self.stdout):
            lines = said.decode("utf-8", errors="replace").strip().splitlines()
            if lines:
                return lines[-1].strip()
        return f"exit status {self.code}, without a word"


class Shell(Protocol):
    """Commands at a location. Raises only `DoorError`s; `tests/contract/test_shell.py` says what must hold."""

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout: float) -> CommandResult:
        """Run `argv` (never through a shell that could read it otherwise) and wait for it.

        A command that fails is a result, not an error. `Unavailable` when the location did not answer or the command
        took longer than `timeout` seconds; then it was ended where that was possible, and may have had its effect.
        `NotFound` when there is no such program.
        """

    def read(self, path: str, offset: int, limit: int) -> bytes:
        """At most `limit` bytes of a file from `offset`; empty at its end or when it does not exist (yet).

        `Conflict` for anything but a regular file: training code could leave a link or a pipe there.
        """


def quote(argv: Sequence[str]) -> str:
    """`argv` as one line for a POSIX shell, for the shells that can only send a line. The only quoting there is."""
    if any("\0" in word for word in argv):
        raise ValueError("A word of a command cannot hold a NUL byte.")
    return shlex.join(argv)


class LocalShell:
    """This very machine, as this user, with an environment of its own (`PASSED_ON` and `extra`)."""

    def __init__(self, *, extra: Mapping[str, str] | None = None) -> None:
        self._extra = dict(extra or {})

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout: float) -> CommandResult:
        """See `Shell.run`. The command leads a process group of its own; a timeout ends the whole group."""
        try:
            process = subprocess.Popen(
                list(argv),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self._environment(),
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise NotFound(f"There is no program {argv[0]} on this machine.") from error
        except OSError as error:
            raise Unavailable(f"Could not start {argv[0]}: {error.strerror}.") from error
        with process:
            try:
                stdout, stderr = process.communicate(stdin, timeout)
            except subprocess.TimeoutExpired as error:
                end_group(process)
                raise Unavailable(f"{argv[0]} did not end within {timeout:g} seconds.") from error
        return CommandResult(process.returncode, stdout, stderr)

    def read(self, path: str, offset: int, limit: int) -> bytes:
        """See `Shell.read`. Never waits for a pipe's other end, and follows no link at the end of the path."""
        try:
            number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except (FileNotFoundError, NotADirectoryError):
            return b""
        except OSError as error:
            raise _unreadable(path, error) from error
        try:
            if not stat.S_ISREG(os.fstat(number).st_mode):
                raise _no_file(path)
            return os.pread(number, limit, offset)
        except OSError as error:
            raise _unreadable(path, error) from error
        finally:
            os.close(number)

    def _environment(self) -> dict[str, str]:
        return {name: value for name, value in os.environ.items() if name in PASSED_ON} | self._extra


def _no_file(path: str) -> Conflict:
    return Conflict(f"{path} is not a regular file. Remove it at the location; training code may have put it there.")


def _unreadable(path: str, error: OSError) -> Conflict | Unavailable:
    if error.errno in (errno.ELOOP, errno.ENXIO):  # a link; a socket
        return _no_file(path)
    return Unavailable(f"Could not read {path}: {error.strerror}.")


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a process that leads a group, and the group with it; its pipes are closed."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        process.kill()
    # A grandchild that left the group may hold the pipes open: close our ends instead of waiting for it.
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
