"""What only ssh can do to us, with a real sshd: keys, hosts and connections that are not as they should be."""

from __future__ import annotations

import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bot.errors import NotFound, Unauthorised, Unavailable
from bot.locations.ssh import SshShell
from tests.contract.sshd_world import SshdWorld, children, make_key


@pytest.fixture
def world(tmp_path):
    with SshdWorld(tmp_path / "sshd") as running:
        yield running


@pytest.fixture(scope="module")
def quiet_world(tmp_path_factory):
    """A machine to which nothing happens; its connection is there already."""
    with SshdWorld(tmp_path_factory.mktemp("sshd")) as running:
        shell = running.shell()
        shell.run(["true"], timeout=10)
        yield running, shell


def wait_for(condition, seconds=5.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.02)


# ------------------------------------------------------------------------------------------------ keys


def test_a_host_whose_key_is_not_known_is_refused_with_what_to_run(world):
    world.know("")
    with pytest.raises(Unauthorised, match="not known yet") as refused:
        world.shell().run(["true"], timeout=10)
    assert f"`ssh -F {world.config} rack true`" in str(refused.value)
    assert "ssh-keygen -lf" in str(refused.value)


def test_a_host_whose_key_changed_is_refused_with_what_to_run(world, tmp_path):
    make_key(tmp_path / "other")
    world.know((tmp_path / "other.pub").read_text())
    with pytest.raises(Unauthorised, match="not the one that is known") as refused:
        world.shell().run(["true"], timeout=10)
    assert "ssh-keygen -R" in str(refused.value)


def test_a_machine_that_refuses_the_key_says_where_to_add_it(world):
    (world.folder / "authorized_keys").write_text("")
    with pytest.raises(Unauthorised, match=r"Permission denied.*authorized_keys"):
        world.shell().run(["true"], timeout=10)


def test_no_key_is_accepted_by_a_configuration_that_would(world):
    world.know("")
    world.config.write_text(world.config.read_text() + "  StrictHostKeyChecking no\n")
    with pytest.raises(Unauthorised, match="not known yet"):
        world.shell().run(["true"], timeout=10)


def test_a_configuration_that_ssh_cannot_read_is_named(world):
    world.config.write_text("Colour red\n")
    with pytest.raises(Unauthorised, match="cannot use its configuration"):
        world.shell().run(["true"], timeout=10)


# ------------------------------------------------------------------------------------------------ connections


def test_a_machine_that_is_off_is_unavailable_in_ssh_s_own_words(world):
    world.stop()
    with pytest.raises(Unavailable, match=r"rack could not be reached by ssh: .*Connection refused"):
        world.shell().run(["true"], timeout=10)


def test_a_name_that_nobody_knows_is_unavailable():
    with pytest.raises(Unavailable, match="could not be reached by ssh"):
        SshShell("no-such-host.invalid", config="/dev/null").run(["true"], timeout=10)


def test_all_commands_share_one_connection(world):
    shell = world.shell()
    for _ in range(3):
        shell.run(["true"], timeout=10)
    assert len(world.connections()) == 1


def test_more_commands_at_once_than_one_connection_may_carry_are_all_answered(quiet_world):
    _, shell = quiet_world
    with ThreadPoolExecutor(14) as pool:
        answers = list(pool.map(lambda n: shell.run(["sh", "-c", f"sleep 0.5; echo {n}"], timeout=20), range(14)))
    assert [int(answer.stdout) for answer in answers] == list(range(14))


def test_a_connection_that_died_is_replaced_without_anybody_noticing(world):
    shell = world.shell()
    shell.run(["true"], timeout=10)
    world.cut()
    assert shell.run(["echo", "again"], timeout=10).stdout == b"again\n"


def test_a_connection_that_froze_is_replaced_at_the_next_call(world):
    shell = world.shell()
    shell.run(["true"], timeout=10)
    frozen = [each for pid in world.connections() for each in (pid, *children(pid))]
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    with pytest.raises(Unavailable, match="gave no sign of life"):
        shell.run(["true"], timeout=0.5)
    assert shell.run(["echo", "again"], timeout=10).stdout == b"again\n"


def test_a_machine_that_dies_while_a_command_runs_is_unavailable_and_the_command_is_not_sent_again(world, tmp_path):
    shell = world.shell()
    starts = tmp_path / "starts"
    cutter = threading.Thread(target=lambda: (wait_for(starts.exists), world.stop()))
    cutter.start()
    with pytest.raises(Unavailable, match="lost while sh ran; it may have had its effect"):
        shell.run(["sh", "-c", f"echo x >> {starts}; sleep 20"], timeout=10)
    cutter.join()
    assert starts.read_text() == "x\n"
    with pytest.raises(Unavailable, match="could not be reached"):
        shell.run(["true"], timeout=10)


def test_a_machine_that_came_back_answers_again(world):
    shell = world.shell()
    shell.run(["true"], timeout=10)
    world.stop()
    with pytest.raises(Unavailable):
        shell.run(["true"], timeout=10)
    world.start()
    assert shell.run(["echo", "back"], timeout=10).stdout == b"back\n"


def test_two_machines_at_once_do_not_wait_for_each_other(quiet_world, tmp_path):
    _, first = quiet_world
    with SshdWorld(tmp_path / "second", alias="second") as other, ThreadPoolExecutor(1) as pool:
        second = other.shell()
        second.run(["true"], timeout=10)
        slow = pool.submit(first.run, ["sleep", "2"], timeout=10)
        began = time.monotonic()
        second.run(["true"], timeout=10)
        assert time.monotonic() - began < 1.5
        assert not slow.done()


def test_a_machine_behind_another_is_reached_through_it(world, tmp_path):
    with SshdWorld(tmp_path / "inner", alias="inner") as inner:
        inner.config.write_text(f"{inner.config.read_text()}  ProxyJump rack\n{world.config.read_text()}")
        shell = inner.shell()
        assert shell.run(["echo", "inside"], timeout=10).stdout == b"inside\n"
        assert (len(world.connections()), len(inner.connections())) == (1, 1)


def test_nothing_is_left_of_a_shell_that_nobody_uses_any_more(world):
    shell = world.shell()
    shell.run(["true"], timeout=10)
    sockets = shell._sockets
    assert (sockets.stat().st_mode & 0o777, len(list(sockets.iterdir()))) == (0o700, 1)
    del shell
    assert not sockets.exists()
    wait_for(lambda: not world.connections())


def test_a_socket_s_path_is_short_enough_wherever_temporary_files_are_kept(monkeypatch, tmp_path, world):
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    shell = world.shell()
    assert shell.run(["echo", "here"], timeout=10).stdout == b"here\n"
    assert len(world.connections()) == 1


# ------------------------------------------------------------------------------------------------ commands


def test_an_output_of_30_megabytes_comes_back_whole(quiet_world):
    _, shell = quiet_world
    said = shell.run(["head", "-c", str(30 << 20), "/dev/zero"], timeout=60).stdout
    assert (len(said), set(said)) == (30 << 20, {0})


@pytest.mark.parametrize("code", [1, 126, 127, 128, 137, 255])
def test_every_exit_code_is_the_command_s_own(quiet_world, code):
    _, shell = quiet_world
    result = shell.run(["sh", "-c", f"echo Permission denied >&2; exit {code}"], timeout=10)
    assert (result.code, result.stderr) == (code, b"Permission denied\n")


def test_what_a_login_script_says_is_not_taken_for_the_command_s_output(world, tmp_path):
    chatty = tmp_path / "chatty"
    chatty.write_text('#!/bin/sh\necho welcome; echo maintenance tonight >&2\neval "$SSH_ORIGINAL_COMMAND"\n')
    chatty.chmod(0o700)
    key = (world.folder / "key.pub").read_text()
    (world.folder / "authorized_keys").write_text(f'command="{chatty}" {key}')
    result = world.shell().run(["sh", "-c", "echo out; echo err >&2"], timeout=10)
    assert (result.stdout, result.stderr) == (b"out\n", b"err\n")


def test_a_command_that_prints_what_looks_like_an_end_has_not_ended_with_that(quiet_world):
    _, shell = quiet_world
    result = shell.run(["sh", "-c", "echo 0123456789abcdef 0 >&2; exit 3"], timeout=10)
    assert (result.code, result.stderr) == (3, b"0123456789abcdef 0\n")


def test_a_secret_on_standard_input_is_on_no_command_line(quiet_world):
    _, shell = quiet_world
    look = "read secret; cat /proc/[0-9]*/cmdline 2>/dev/null | grep -ac 'sandbox-git-toke[n]'; echo $secret"
    answer = shell.run(["sh", "-c", look], stdin=b"sandbox-git-token\n", timeout=10)
    assert answer.stdout.split() == [b"0", b"sandbox-git-token"]


def test_not_even_the_language_of_the_bot_travels(quiet_world, monkeypatch):
    _, shell = quiet_world
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("GITLAB_TOKEN", "sandbox-git-token")
    seen = shell.run(["env"], timeout=10).stdout
    assert b"LC_ALL" not in seen
    assert b"sandbox-git-token" not in seen


def test_without_an_ssh_on_the_bot_s_machine_the_package_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotFound, match="openssh-client"):
        SshShell("rack").run(["true"], timeout=5)


def test_bytes_that_are_no_text_are_read_as_they_are(quiet_world, tmp_path):
    _, shell = quiet_world
    data = os.urandom(300_000)
    (tmp_path / "log").write_bytes(data)
    path = str(tmp_path / "log")
    assert shell.read(path, 0, 1 << 20) == data
    assert shell.read(path, 123_457, 70_001) == data[123_457:193_458]


def test_a_name_with_awkward_signs_is_read(quiet_world, tmp_path):
    _, shell = quiet_world
    path: Path = tmp_path / "a $(id) 'b\n-n"
    path.write_bytes(b"x")
    assert shell.read(str(path), 0, 10) == b"x"
