"""The stand-in for SSM is as strict, as late and as short of words as SSM is."""

from __future__ import annotations

import base64
import json
import time
import zlib

import pytest
from botocore.exceptions import ClientError

from bot.locations.ssm import DOCUMENT
from tests.contract.ssm_world import INSTANCE, SsmWorld

LOUD = {
    "schemaVersion": "2.2",
    "parameters": {"n": {"type": "String", "allowedPattern": "^[0-9]{1,6}$"}},
    "mainSteps": [
        {
            "action": "aws:runShellScript",
            "name": "run",
            "inputs": {"runCommand": ["sleep 0.2", "head -c {{ n }} /dev/zero | tr '\\0' o", "printf %09000d 0 >&2"]},
        }
    ],
}
ENDED = {"Success", "Failed", "TimedOut", "Cancelled"}


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with SsmWorld(tmp_path_factory.mktemp("ssm")) as world:
        world.client.create_document(Name="Loud", Content=json.dumps(LOUD), DocumentType="Command")
        yield world


@pytest.fixture
def world(running):
    yield running
    running.aws.forget_faults()
    running.aws.ssm.settle_seconds = running.aws.ssm.agent_seconds = running.aws.ssm.fetch_seconds = 0.0
    running.power().start()


def send(world, document="Loud", **parameters):
    told = {name: [value] for name, value in parameters.items()}
    return world.client.send_command(
        InstanceIds=[INSTANCE], DocumentName=document, Parameters=told, TimeoutSeconds=30, Comment="a test"
    )["Command"]["CommandId"]


def look(world, command):
    return world.client.get_command_invocation(CommandId=command, InstanceId=INSTANCE)


def listed(world):
    return [each["CommandId"] for each in world.client.list_commands(InstanceId=INSTANCE)["Commands"]]


def ended(world, command):
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        seen = look(world, command)
        if seen["Status"] in ENDED:
            return seen
        time.sleep(0.02)
    raise AssertionError("it never ended")


def code(error):
    return error.value.response["Error"]["Code"]


def test_output_is_empty_until_the_end_and_cut_then(world):
    command = send(world, n="30000")
    assert look(world, command)["StandardOutputContent"] == ""
    seen = ended(world, command)
    assert (len(seen["StandardOutputContent"]), len(seen["StandardErrorContent"])) == (24_000, 8_000)


def test_a_command_does_not_exist_right_after_it_was_sent(world):
    world.aws.ssm.settle_seconds = 0.3
    command = send(world, n="1")
    with pytest.raises(ClientError) as error:
        look(world, command)
    assert code(error) == "InvocationDoesNotExist"
    assert command not in listed(world)
    time.sleep(0.35)
    assert command in listed(world)
    assert ended(world, command)["Status"] == "Success"


@pytest.mark.parametrize("parameters", [{"n": "1;id"}, {"n": "$(id)"}, {}, {"n": "1", "m": "1"}])
def test_parameters_that_do_not_fit_the_document_are_refused(world, parameters):
    with pytest.raises(ClientError) as error:
        send(world, **parameters)
    assert code(error) == "InvalidParameters"


def test_our_own_document_refuses_every_verb_but_its_own(world):
    with pytest.raises(ClientError) as error:
        send(world, DOCUMENT, verb="shell")
    assert code(error) == "InvalidParameters"


def test_a_call_that_is_sent_twice_is_run_once_and_answered_twice(world, tmp_path):
    marks = tmp_path / "marks"
    argv = base64.b64encode(zlib.compress(f"sh\0-c\0echo x >> {marks}; sleep 0.5; echo done".encode())).decode()
    commands = [send(world, DOCUMENT, verb="run", call="abc", argv=argv) for _ in range(3)]
    answers = {ended(world, command)["StandardOutputContent"] for command in commands}
    assert (len(answers), marks.read_text()) == (1, "x\n")


def test_a_command_waits_for_an_agent_that_is_late(world):
    ended(world, send(world, n="1"))
    world.power().stop()
    world.aws.ssm.agent_seconds = 0.5
    world.power().start()
    command = send(world, n="1")
    assert look(world, command)["Status"] == "Pending"
    assert world.client.describe_instance_information()["InstanceInformationList"][0]["PingStatus"] == "ConnectionLost"
    assert ended(world, command)["Status"] == "Success"


def test_a_machine_that_is_off_takes_no_commands(world):
    world.power().stop()
    with pytest.raises(ClientError) as error:
        send(world, n="1")
    assert code(error) == "InvalidInstanceId"


def test_cancelling_helps_before_an_agent_has_the_command_and_not_after(world):
    world.aws.ssm.fetch_seconds = 0.3
    early = send(world, n="1")
    world.client.cancel_command(CommandId=early)
    assert look(world, early)["Status"] == "Cancelled"
    world.aws.ssm.fetch_seconds = 0.0
    late = send(world, n="1")
    while look(world, late)["Status"] == "Pending":
        time.sleep(0.01)
    world.client.cancel_command(CommandId=late)
    assert ended(world, late)["Status"] == "Success"


def test_what_ssm_thinks_of_an_agent_may_be_the_opposite_of_the_truth(world):
    ended(world, send(world, n="1"))
    world.aws.fault("DescribeInstanceInformation", "stale")
    thought = [world.client.describe_instance_information()["InstanceInformationList"][0] for _ in range(2)]
    assert [each["PingStatus"] for each in thought] == ["ConnectionLost", "Online"]


def test_a_lie_that_ssm_does_not_tell_cannot_be_ordered(world):
    with pytest.raises(ValueError, match="No such lie"):
        world.aws.fault("Agent", "colour")


def test_what_else_there_is_of_ssm_is_moto_s(world):
    world.client.put_parameter(Name="/a", Value="b", Type="String")
    assert world.client.get_parameter(Name="/a")["Parameter"]["Value"] == "b"
