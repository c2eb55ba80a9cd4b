"""What SSM does to commands, over the stand-in that really runs them: none of it loses one or does one twice."""

from __future__ import annotations

import base64
import getpass
import json
import os
import shutil
import threading
import time
import zlib

import pytest

from bot.errors import Conflict, NotFound, SettingsError, Unauthorised, Unavailable
from bot.location_settings import LocationSettings
from bot.locations.catalog import Powers, machine
from bot.locations.ssm import SsmShell
from bot.locations.ssm_sealing import sealed
from bot.ports import PowerState
from bot.settings import Settings
from tests.contract.ssm_world import CONTENT, INSTANCE, SsmWorld

SHORT = 2.0
"""Seconds of patience with SSM, where a test waits for their end."""


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with SsmWorld(tmp_path_factory.mktemp("ssm")) as world:
        yield world


@pytest.fixture
def world(running):
    yield running
    running.aws.forget_faults()
    running.aws.ssm.settle_seconds = running.aws.ssm.agent_seconds = running.aws.ssm.fetch_seconds = 0.0
    running.power().start()


@pytest.fixture
def shell(world):
    return SsmShell(INSTANCE, world.client)


@pytest.fixture
def counted(tmp_path):
    """A command that leaves a mark each time it is run, and the file with the marks."""
    marks = tmp_path / "marks"
    return ["sh", "-c", f"echo x >> {marks}; echo done"], marks


# ------------------------------------------------------------------------------------------------ secrets


def test_what_goes_by_standard_input_is_nowhere_in_the_history(world, shell):
    secret = b"sandbox-git-token"
    said = shell.run(["sh", "-c", "read word; echo ${#word}"], stdin=secret + b"\n", timeout=10)
    assert said.stdout == b"17\n"
    history = json.dumps(world.aws.ssm.commands())
    forms = [secret.decode(), secret.hex(), *(base64.b64encode(b"x" * n + secret).decode()[4:-4] for n in range(3))]
    assert not [form for form in forms if form in history]
    for command in world.aws.ssm.commands():
        for name in ("argv", "data"):
            raw = base64.b64decode(command["Parameters"].get(name, [""])[0])
            assert secret not in raw
            assert secret not in _inflated(raw)


def _inflated(raw):
    try:
        return zlib.decompress(raw)
    except zlib.error:
        return b""


def test_the_key_is_the_root_user_s_own_and_on_no_disk_by_default(world, shell):
    shell.run(["true"], stdin=b"x", timeout=10)
    assert {path.stat().st_mode & 0o077 for path in (world.memory, world.memory / "sealing")} == {0}
    assert "/run/stationmaster" in CONTENT


def test_a_machine_that_was_started_anew_has_another_key_and_is_asked_for_it(world, shell):
    shell.run(["true"], stdin=b"x", timeout=10)
    shutil.rmtree(world.memory)
    assert shell.run(["cat"], stdin=b"again", timeout=10).stdout == b"again"


def test_what_is_sealed_to_one_key_is_opened_by_no_other(world, shell):
    shell.run(["true"], stdin=b"x", timeout=10)
    first = shell._certificate
    shutil.rmtree(world.memory)
    shell.run(["true"], stdin=b"x", timeout=10)
    assert shell._certificate != first
    assert sealed(b"sandbox-git-token", first) != sealed(b"sandbox-git-token", first)


def test_without_openssl_the_package_is_named(shell, monkeypatch, tmp_path):
    shell.run(["true"], stdin=b"x", timeout=10)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotFound, match="Install openssl"):
        shell.run(["cat"], stdin=b"x", timeout=5)


# ------------------------------------------------------------------------------------------------ replies


def test_a_command_that_ssm_does_not_know_of_yet_is_waited_for(world, shell, counted):
    world.aws.ssm.settle_seconds = 0.5
    argv, marks = counted
    assert shell.run(argv, timeout=5).stdout == b"done\n"
    assert marks.read_text() == "x\n"


@pytest.mark.parametrize("kind", ["reset_before", "reset_after"])
def test_a_lost_reply_to_sending_neither_loses_the_command_nor_doubles_it(world, shell, counted, kind):
    world.aws.fault("SendCommand", kind, times=2)  # boto3 itself tries twice
    argv, marks = counted
    assert shell.run(argv, timeout=5).stdout == b"done\n"
    assert marks.read_text() == "x\n"


@pytest.mark.parametrize("kind", ["reset_before", "ThrottlingException", "InvocationDoesNotExist"])
def test_a_lost_reply_to_looking_is_looked_for_again(world, shell, counted, kind):
    world.aws.fault("GetCommandInvocation", kind, times=3)
    argv, marks = counted
    assert shell.run(argv, timeout=5).stdout == b"done\n"
    assert marks.read_text() == "x\n"


@pytest.mark.parametrize("lie", ["silent", "failed", "timed_out", "undeliverable"])
def test_a_command_of_which_ssm_says_something_untrue_is_asked_again_and_was_done_once(world, shell, counted, lie):
    world.aws.fault("Agent", lie)
    argv, marks = counted
    assert shell.run(argv, timeout=5).stdout == b"done\n"
    assert marks.read_text() == "x\n"


@pytest.mark.parametrize("lie", ["in_progress", "lost"])
def test_a_command_that_never_ends_for_ssm_is_asked_again_and_was_done_once(world, counted, lie):
    world.aws.fault("Agent", lie)
    argv, marks = counted
    shell = SsmShell(INSTANCE, world.client, lag=SHORT)
    assert shell.run(argv, timeout=0.5).stdout == b"done\n"
    assert marks.read_text() == "x\n"


def test_a_command_that_the_agent_lost_twice_is_unavailable_and_says_what_ssm_thinks(world, counted):
    world.aws.fault("Agent", "lost", times=2)
    argv, marks = counted
    with pytest.raises(Unavailable, match=r"still calls it Pending. SSM calls its agent Online"):
        SsmShell(INSTANCE, world.client, lag=0.2).run(argv, timeout=0.1)
    assert not marks.exists()


def test_a_command_that_failed_twice_for_ssm_is_unavailable_not_ended(world, counted):
    world.aws.fault("Agent", "undeliverable", times=2)
    with pytest.raises(Unavailable, match="SSM calls it Undeliverable"):
        SsmShell(INSTANCE, world.client).run(counted[0], timeout=5)


# ------------------------------------------------------------------------------------------------ machines


def test_a_machine_that_is_off_is_unavailable(world, shell):
    world.power().stop()
    with pytest.raises(Unavailable, match="does not take commands yet"):
        shell.run(["true"], timeout=5)


def test_an_agent_that_is_late_after_a_start_is_waited_for(world, shell):
    shell.run(["true"], timeout=5)
    world.power().stop()
    world.aws.ssm.agent_seconds = 1.0
    world.power().start()
    assert shell.run(["echo", "there"], timeout=5).stdout == b"there\n"


def test_a_machine_that_goes_off_while_a_command_runs_is_unavailable(world, tmp_path):
    begun = tmp_path / "begun"

    def power_off():
        while not begun.exists():
            time.sleep(0.02)
        world.power().stop()

    stopper = threading.Thread(target=power_off)
    stopper.start()
    with pytest.raises(Unavailable):
        SsmShell(INSTANCE, world.client, lag=0.5).run(["sh", "-c", f"touch {begun}; sleep 30"], timeout=2)
    stopper.join()


def test_an_instance_that_never_had_an_agent_is_told_what_its_role_needs(world):
    world.aws.ensure_instance("i-0b07acec0ef7a8fbc", owner="bob@example.com")
    with pytest.raises(Unavailable, match="AmazonSSMManagedInstanceCore"):
        SsmShell("i-0b07acec0ef7a8fbc", world.client).run(["true"], timeout=5)


# ------------------------------------------------------------------------------------------------ permissions


@pytest.mark.parametrize("action", ["SendCommand", "GetCommandInvocation"])
def test_a_missing_permission_is_named(world, shell, action):
    world.aws.fault(action, "AccessDeniedException")
    with pytest.raises(Unauthorised, match=rf"may not do ssm:{action} .*deploy/iam-bot.json"):
        shell.run(["true"], timeout=5)


def test_refused_credentials_are_no_passing_fault(world, shell):
    world.aws.fault("SendCommand", "UnrecognizedClientException")
    with pytest.raises(Unauthorised, match="refused the bot's credentials"):
        shell.run(["true"], timeout=5)


def test_a_document_that_is_missing_is_named_with_how_to_make_it(world):
    with pytest.raises(Conflict, match=r"Another-Run is missing.*deploy/ssm-document.json"):
        SsmShell(INSTANCE, world.client, document="Another-Run").run(["true"], timeout=5)


def test_throttling_passes(world, shell):
    world.aws.fault("SendCommand", "ThrottlingException", times=2)
    with pytest.raises(Unavailable, match="That passes by itself"):
        shell.run(["true"], timeout=5)
    assert shell.run(["true"], timeout=5).code == 0


# ------------------------------------------------------------------------------------------------ commands


def test_what_is_longer_than_ssm_s_limits_comes_back_whole(world, shell, tmp_path):
    out, err = os.urandom(30_000), os.urandom(20_000)
    (tmp_path / "out").write_bytes(out)
    (tmp_path / "err").write_bytes(err)
    result = shell.run(["sh", "-c", f"cat {tmp_path}/out; cat {tmp_path}/err >&2"], timeout=10)
    assert (result.stdout, result.stderr) == (out, err)
    assert max(len(each["StandardOutputContent"]) for each in world.aws.ssm.commands()) < 24_000


def test_a_long_file_is_read_piece_by_piece_without_a_gap(shell, tmp_path):
    data = b"".join(f"epoch {n}: loss {n * 7919 % 104729}\n".encode() for n in range(20_000)) + os.urandom(9_000)
    (tmp_path / "log").write_bytes(data)
    have = b""
    while piece := shell.read(str(tmp_path / "log"), len(have), 1 << 20):
        have += piece
    assert have == data


def test_commands_run_as_the_user_that_the_settings_name(world):
    name = "nobody" if os.getuid() == 0 else getpass.getuser()
    shell = SsmShell(INSTANCE, world.client, user=name)
    assert shell.run(["id", "-un"], timeout=5).stdout.decode().strip() == name


def test_a_user_that_the_instance_does_not_have_is_named(world):
    with pytest.raises(Unavailable, match="there is no user trainer-x on the instance"):
        SsmShell(INSTANCE, world.client, user="trainer-x").run(["id"], timeout=5)


def test_a_command_too_long_for_ssm_is_refused_before_it_is_sent(world, shell):
    sent = len(world.aws.ssm.commands())
    with pytest.raises(ValueError, match="too long for SSM"):
        shell.run(["echo", base64.b64encode(os.urandom(20_000)).decode()], timeout=5)
    assert len(world.aws.ssm.commands()) == sent


# ------------------------------------------------------------------------------------------------ settings


def settings(world, tmp_path, **more) -> Settings:
    told = {"slack_bot_token": "xoxb-sandbox", "slack_app_token": "xapp-sandbox", "gitlab_project": "team/fruits"}
    told |= {"gitlab_token": "sandbox-git-token", "public_bucket": "public", "stationmaster_home": tmp_path}
    return Settings(**told, aws_endpoint_url=world.aws.url, aws_region=world.aws.region, **more)


def test_the_map_of_instances_is_enough_for_a_team_on_aws(world, tmp_path):
    told = settings(world, tmp_path, stationmaster_shell="ssm")
    alice = machine("alice", LocationSettings(owner="alice@example.com", instance=INSTANCE), told, Powers(told))
    assert alice.power() is PowerState.RUNNING
    assert alice.answers() is True
    assert alice.workdir == "/srv/stationmaster"
    world.power().stop()
    assert alice.answers() is False


def test_a_box_without_an_instance_cannot_be_reached_by_ssm(world, tmp_path):
    told = settings(world, tmp_path, stationmaster_shell="ssm")
    with pytest.raises(SettingsError, match="needs an instance"):
        machine("rack-1", LocationSettings(shared=True, power="always-on"), told, Powers(told))
