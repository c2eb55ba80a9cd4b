"""What must hold for every shell. A new one is one more line in `SHELLS`."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from pathlib import Path

import pytest

from bot.errors import Conflict, NotFound, Unavailable
from bot.locations.shell import LocalShell, Shell, quote
from tests.contract.sshd_world import SshdWorld
from tests.contract.ssm_world import SsmWorld

SHELLS = ("local", "ssh", "ssm")
AWKWARD = ["", " ", "a b", "$(id)", "`id`", "a;b", "--", "-rf", "'", '"', "\\", "*", "ü", "a\nb", "!", "~", "#x", "&&"]


@pytest.fixture(scope="module")
def ssh(tmp_path_factory):
    with SshdWorld(tmp_path_factory.mktemp("sshd")) as world:
        yield world.shell()


@pytest.fixture(scope="module")
def ssm(tmp_path_factory):
    with SsmWorld(tmp_path_factory.mktemp("ssm")) as world:
        yield world.shell()


@pytest.fixture(params=SHELLS)
def shell(request) -> Shell:
    return LocalShell() if request.param == "local" else request.getfixturevalue(request.param)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_command_answers_with_its_code_and_both_outputs(shell):
    result = shell.run(["sh", "-c", "cat; echo bad >&2; exit 3"], stdin=b"in\0\xff", timeout=10)
    assert (result.code, result.stdout, result.stderr) == (3, b"in\0\xff", b"bad\n")


def test_every_word_arrives_as_it_was_said(shell):
    result = shell.run(["printf", "%s\\0", *AWKWARD], timeout=10)
    assert result.stdout.decode().split("\0")[:-1] == AWKWARD


def test_much_can_be_said_and_heard_at_once(shell, request):
    content = os.urandom(1 << (15 if "ssm" in request.node.name else 20))  # 32 kB are beyond all of SSM's limits
    assert shell.run(["cat"], stdin=content, timeout=20).stdout == content


def test_a_command_that_hears_nothing_does_not_hang_the_caller(shell):
    assert shell.run(["true"], stdin=b"x" * (1 << 20), timeout=10).code == 0


def test_a_command_that_takes_too_long_is_ended_with_all_it_started(shell, tmp_path):
    pid_file = tmp_path / "pid"
    with pytest.raises(Unavailable, match=r"did not end within 0\.5 seconds"):
        shell.run(["sh", "-c", f"sleep 60 & echo $! > {shlex.quote(str(pid_file))}; wait"], timeout=0.5)
    pid = int(pid_file.read_text())
    deadline = time.monotonic() + 5
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not alive(pid)


def test_a_program_that_does_not_exist_is_not_found(shell):
    with pytest.raises(NotFound, match="no program no-such-program"):
        shell.run(["no-such-program"], timeout=10)


def test_no_token_of_the_bot_reaches_the_location(shell, monkeypatch):
    for name in ("SLACK_BOT_TOKEN", "GITLAB_TOKEN", "AWS_SECRET_ACCESS_KEY", "SOMETHING_NEW"):
        monkeypatch.setenv(name, "sandbox-bot-token")
    seen = shell.run(["env"], timeout=10).stdout.decode()
    assert "sandbox-bot-token" not in seen
    assert "PATH=" in seen


def test_no_open_file_of_the_bot_reaches_the_location(shell, tmp_path):
    with (tmp_path / "ledger").open("w") as ledger:
        os.set_inheritable(ledger.fileno(), True)
        shown = shell.run(["sh", "-c", f"test -e /proc/self/fd/{ledger.fileno()}"], timeout=10)
    assert shown.code == 1


def test_a_file_is_read_in_pieces(shell, tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"0123456789")
    assert [shell.read(str(path), offset, 4) for offset in (0, 4, 8, 10, 99)] == [b"0123", b"4567", b"89", b"", b""]


@pytest.mark.parametrize("name", ["nothing", "nothing/at/all"])
def test_a_file_that_is_not_there_yet_is_empty(shell, tmp_path, name):
    assert shell.read(str(tmp_path / name), 0, 10) == b""


@pytest.mark.parametrize("trap", ["link", "pipe", "folder"])
def test_what_training_left_in_the_place_of_a_file_is_not_read(shell, tmp_path, trap):
    path = tmp_path / "events.jsonl"
    secret = tmp_path / "secret"
    secret.write_text("sandbox-bot-token")
    {"link": lambda: path.symlink_to(secret), "pipe": lambda: os.mkfifo(path), "folder": path.mkdir}[trap]()
    with pytest.raises(Conflict, match="not a regular file"):
        shell.read(str(path), 0, 10)


def test_the_last_line_that_a_command_said_is_kept_for_people(shell):
    said = shell.run(["sh", "-c", "echo out; echo first >&2; echo ' last ' >&2; exit 1"], timeout=10)
    assert said.last_line == "last"
    assert shell.run(["echo", "out"], timeout=10).last_line == "out"
    assert shell.run(["false"], timeout=10).last_line == "exit status 1, without a word"


def test_a_quoted_command_is_understood_by_a_posix_shell():
    line = quote(["printf", "%s\\0", *AWKWARD])
    heard = subprocess.run(["sh", "-c", line], capture_output=True, check=True).stdout
    assert heard.decode().split("\0")[:-1] == AWKWARD


def test_a_word_with_a_nul_cannot_be_quoted():
    with pytest.raises(ValueError, match="NUL"):
        quote(["a\0b"])
